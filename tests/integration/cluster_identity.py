#!/usr/bin/python3
"""Who may be a replica: who knows the secret, and is only one of its id.  All else is refused in one line."""
import os
import random
import shutil
import socket

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster
from lib.resp import encode

NO_RATE = ("--key-write-rate", "0")


def warnings(node, word):
    return [line for line in node.log().splitlines() if word in line]


@claim
def a_node_with_another_secret_is_refused_and_learns_nothing():
    with Cluster(2, *NO_RATE) as cluster:
        check(cluster[0].client()("SET", "k", "v"), "OK")
        stranger = cluster.add(*NO_RATE)
        stranger.secret = "another secret"
        stranger.launch()
        stranger.wait_until_up()
        wait.until(lambda: warnings(cluster[0], "secret"), "the refusal is in the log", 20)
        wait.pass_by(2)
        lines = warnings(cluster[0], "secret")
        check(1 <= len(lines) <= 8, True, f"{len(lines)} lines")
        check("127.0.0.1" in lines[0] and "#" in lines[0], True, lines[0])
        check((stranger.info()["peers"], stranger.client()("DBSIZE")), (0, 0))
        check([node.info()["peers"] for node in cluster.nodes[:2]], [1, 1])
        # What it wrote for itself stays with it.
        stranger.client()("SET", "strange", "1")
        wait.pass_by(0.5)
        check(cluster[0].client()("EXISTS", "strange"), 0)


@claim
def a_node_whose_peers_do_not_want_it_says_why():
    with Cluster(2, *NO_RATE, joins=False, node_options={}) as cluster:
        cluster[1].kill()
        cluster[1].secret = "another secret"
        cluster[1].launch()
        cluster[1].wait_until_up()
        wait.until(lambda: warnings(cluster[0], "secret") or warnings(cluster[1], "secret"), "the log says why", 20)


@claim
def a_copy_of_a_running_node_is_refused_by_all():
    with Cluster(3, *NO_RATE) as cluster:
        cluster[0].client()("SET", "k", "v")
        cluster.wait_until_equal()
        copied = cluster[2]
        copied.stop()
        twin = cluster.add(*NO_RATE)
        shutil.copytree(copied.directory, twin.directory)
        copied.start().wait_until_up()
        cluster.wait_until_joined(cluster.nodes[:3])
        twin.launch()
        twin.wait_until_up()
        wait.until(lambda: any(warnings(node, "two processes use one id") for node in cluster.nodes[:3]),
                   "the log of one who refused it says why", 20)
        wait.until(lambda: twin.client()("SET", "twin", "1") != "OK", "the copy takes no writes")
        check(cluster[0].client()("EXISTS", "twin"), 0)
        check([node.client()("SET", f"from{node.number}", "1") for node in cluster.nodes[:2]], ["OK"] * 2)
        cluster.wait_until_equal(cluster.nodes[:2])
        check([node.info()["merge_conflicts"] for node in cluster.nodes[:2]], [0, 0])
        # When the copy is gone, the cluster is whole again.
        twin.kill()
        if copied.is_alive():
            copied.kill()
        copied.start().wait_until_up()
        cluster.wait_until_joined(cluster.nodes[:3], seconds=30)
        cluster.wait_until_equal(cluster.nodes[:3])


def is_closed(connection):
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


@claim
def whoever_has_not_proven_himself_gets_nothing_from_the_gossip_port():
    with Cluster(1, *NO_RATE, joins=False) as cluster:
        chance = random.Random(int(os.environ.get("SEED", "1")))
        rubbish = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", encode("PING"), encode("GOSSIP", "PUSH", "x"), b"*1000000000\r\n",
                   b"*3\r\n$6\r\nGOSSIP\r\n$5\r\nHELLO\r\n$2000000000\r\n", b"*-1\r\n", b"\x16\x03\x01" + b"\0" * 200,
                   encode("GOSSIP", "HELLO", "x" * 10), encode("GOSSIP", "HELLO", "x" * 8000), encode("GOSSIP", "AUTH", "x" * 32),
                   *(chance.randbytes(chance.randrange(1, 6000)) for _ in range(40))]
        for data in rubbish:
            with socket.create_connection(("127.0.0.1", cluster[0].gossip_port), timeout=8) as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                wait.until(lambda: is_closed(connection), f"{data[:40]!r} is refused", 10)
        check(cluster[0].client()("SET", "k", "v"), "OK")
        check(len(cluster[0].log().splitlines()) < 30, True, "the log is not flooded")


@claim
def who_says_nothing_is_put_off_after_seconds():
    with Cluster(1, *NO_RATE, joins=False) as cluster:
        with socket.create_connection(("127.0.0.1", cluster[0].gossip_port), timeout=15) as connection:
            started = wait.now_ms()
            wait.until(lambda: is_closed(connection), "it is closed", 15)
            check(2000 < wait.now_ms() - started < 10_000, True)


@claim
def silent_connections_do_not_keep_nodes_out():
    with Cluster(2, *NO_RATE) as cluster:
        crowd = [socket.create_connection(("127.0.0.1", cluster[0].gossip_port), timeout=10) for _ in range(200)]
        cluster[1].kill()
        cluster[1].start().wait_until_up()
        cluster.wait_until_joined()
        for connection in crowd:
            connection.close()


if __name__ == "__main__":
    run()

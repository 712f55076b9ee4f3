#!/usr/bin/python3
"""The disk fills up and is freed: on a small file system of its own (needs root)."""
import os

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.cluster import Cluster
from lib.disk import SmallDisk, value_of
from lib.resp import Error
from lib.server import Server

def fill(client, acknowledged):
    """Writes until it is refused; the number of the refused key and the error."""
    for number in range(100000):
        answer = client("SET", f"k{number}", value_of(number))
        if isinstance(answer, Error):
            return number, answer
        acknowledged.append(number)
    raise AssertionError("the disk is never full")


def check_all(client, acknowledged):
    for number in acknowledged:
        check(client("GET", f"k{number}"), value_of(number), f"k{number}")


def fill_free_and_kill(appendfsync):
    with Server("--key-write-rate", "0", "--appendfsync", appendfsync) as server, \
            SmallDisk(os.path.join(server.scratch, "disk")) as disk:
        server.directory = os.path.join(disk.path, "data")
        server.restart()
        client, acknowledged = server.client(), []

        refused, error = fill(client, acknowledged)
        check_error(error, "MISCONF ")
        check(len(acknowledged) > 100, True, f"{len(acknowledged)} values fitted")
        check(client("GET", f"k{refused}"), None, "a refused write is not seen")
        check_error(client("SET", "small", "x"), "MISCONF ")
        check_error(client("DEL", "k0"), "MISCONF ")
        check_all(client, acknowledged)
        check(client("DBSIZE"), len(acknowledged))

        disk.free_space()
        wait.until(lambda: client("SET", "again", "1") == "OK", "writes are taken again", 60)
        for number in range(refused, refused + 20):
            check(client("SET", f"k{number}", value_of(number)), "OK")
            acknowledged.append(number)
        check(client("DBSIZE"), len(acknowledged) + 1)

        server.kill()
        server.start()
        client = server.client()
        check_all(client, acknowledged)
        check(client.pipeline(("GET", "again"), ("GET", "small"), ("DBSIZE",)), [b"1", None, len(acknowledged) + 1])
        server.stop()


@claim
def with_appendfsync_always_nothing_acknowledged_is_lost():
    fill_free_and_kill("always")


@claim
def with_appendfsync_everysec_nothing_acknowledged_is_lost_to_kill_9():
    fill_free_and_kill("everysec")


@claim
def a_join_that_finds_the_disk_full_succeeds_at_the_next_start_with_room():
    with Cluster(1, "--key-write-rate", "0") as cluster, \
            SmallDisk(os.path.join(cluster.scratch, "disk")) as disk:
        client = cluster[0].client()
        for number in range(600):
            check(client("SET", f"k{number}", value_of(number)), "OK")
        node = cluster.add("--key-write-rate", "0")
        node.directory = os.path.join(disk.path, "data")
        node.launch()
        node.wait_until_up()
        wait.until(lambda: "could not be stored" in node.log(), "the disk is full", 60)
        check([name for name in os.listdir(node.directory) if name.endswith(".loading")], [])
        node.kill()
        disk.free_space()
        node.start().wait_until_up()
        cluster.wait_until_joined(seconds=60)
        check(len(cluster.wait_until_equal(seconds=60)[b"db0"][3]), 600)


if __name__ == "__main__":
    run()

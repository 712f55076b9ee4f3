#!/usr/bin/python3
"""One clock is wrong: its node takes no writes until it is right, and the others never notice (lib/wrongclock.c)."""
from lib import wait
from lib.claims import check, check_error, claim, run
from lib.cluster import Cluster

NO_RATE = ("--key-write-rate", "0")


def gate_is(node, state):
    return node.info()["gossip_state"] == state


def a_wrong_clock(ahead_s):
    with Cluster(3, *NO_RATE, joins=False) as cluster:
        cluster.wait_until_joined()
        for i in range(100):
            check(cluster[0].client()("SET", f"session{i}", "s", "EX", "25"), "OK")
        wait.until(lambda: cluster[2].client()("DBSIZE") == 100, "it has something that will expire")
        cluster[2].kill()
        cluster[2].set_clock(ahead_s)
        cluster[2].launch()
        cluster[2].wait_until_up()
        wait.until(lambda: gate_is(cluster[2], "clock-skew"), "the node knows that its clock is wrong", 20)
        check_error(cluster[2].client()("SET", "k", "v"), "CLOCKSKEW")
        check([gate_is(node, "open") for node in cluster.nodes[:2]], [True, True])
        check([node.client()("SET", f"k{node.number}", "v") for node in cluster.nodes[:2]], ["OK"] * 2)
        wait.until(lambda: cluster[1].client()("DBSIZE") == 102, "the healthy ones replicate")
        check(cluster[2].client()("GET", "nothing"), None, "it can be read")
        # No stamp of the wrong clock has got anywhere.
        version = cluster[0].client()("KV.PUT", "now", "1")
        check(abs((int(version[:16], 16) >> 16) - wait.wall_ms()) < 5000, True, f"{version!r}")
        cluster[2].set_clock(0)
        wait.until(lambda: gate_is(cluster[2], "open"), "the right clock is believed", 20)
        check(cluster[2].client()("GET", "session1"), b"s", "nothing has expired by the wrong clock")
        check(cluster[2].client()("SET", "k2", "v"), "OK")
        cluster.wait_until_equal()


@claim
def a_node_whose_clock_is_half_a_minute_ahead_takes_no_writes():
    a_wrong_clock(30)


@claim
def a_node_whose_clock_is_half_a_minute_behind_takes_no_writes():
    a_wrong_clock(-30)


@claim
def a_clock_that_jumps_ahead_spoils_nothing():
    with Cluster(3, *NO_RATE, joins=False) as cluster:
        cluster[2].kill()
        cluster[2].set_clock(0)
        cluster[2].launch()
        cluster[2].wait_until_up()
        cluster.wait_until_joined()
        check(cluster[2].client()("SET", "before", "1"), "OK")
        cluster[2].set_clock(3600)
        answer = wait.until(lambda: refused(cluster[2]), "writes are refused", 20)
        check_error(answer, "CLOCKSKEW")
        check(cluster[0].client()("SET", "healthy", "1"), "OK")
        cluster[2].set_clock(0)
        wait.until(lambda: gate_is(cluster[2], "open"), "the right clock is believed", 20)
        state = cluster.wait_until_equal(seconds=20)
        newest = max(int(record[3][:16], 16) >> 16 for record in state[b"db0"][3].values())
        check(newest - wait.wall_ms() < 5000, True, "no version lies in the future for long")


def refused(node):
    answer = node.client()("SET", "during", "1")
    return None if answer == "OK" else answer


@claim
def a_clock_that_is_off_by_less_than_allowed_harms_nothing():
    with Cluster(3, *NO_RATE, joins=False) as cluster:
        cluster[2].kill()
        cluster[2].set_clock(0.4)
        cluster[2].launch()
        cluster[2].wait_until_up()
        cluster.wait_until_joined()
        for number in range(30):
            node = cluster[number % 3]
            check(node.client()("SET", "k", number), "OK")
            wait.until(lambda: all(n.client()("GET", "k") == b"%d" % number for n in cluster), "it is seen by all")
        wrong = cluster[2].node_id()
        wait.until(lambda: 300 < abs(cluster[0].peers()[wrong]["offset_ms"]) < 500, "the offset is known", 20)


if __name__ == "__main__":
    run()

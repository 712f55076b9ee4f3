#!/usr/bin/python3
"""The network fails in all its ways: what was written on both sides is one afterwards, and the later write wins."""
import os
import random

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster
from lib.writers import Writer

NO_RATE = ("--key-write-rate", "0")
HEALED_S = 10


def write_conflicts(left, right):
    """Writes and deletes of the same keys on both sides; what must be in the end."""
    expected = {}
    for i in range(300):
        first, second = (left, right) if i % 2 else (right, left)
        kind = i % 3
        first("SET", f"k{i}", f"first{i}") if kind != 1 else first("DEL", f"k{i}")
        wait.pass_by(0.002)  # later by the clock, too
        second("SET", f"k{i}", f"second{i}") if kind != 2 else second("DEL", f"k{i}")
        if kind != 2:
            expected[b"k%d" % i] = b"second%d" % i
    left("SET", "left", "1")
    right("SET", "right", "1")
    expected.update({b"left": b"1", b"right": b"1"})
    return expected


def conflicts_are_settled(cluster):
    cluster[0].client().pipeline(*(("SET", f"k{i}", "before") for i in range(300)))
    cluster.wait_until_equal()
    cluster.partition([0, 1], [2])
    check(cluster[0].client()("SET", "apart", "1"), "OK")
    expected = write_conflicts(cluster[0].client(), cluster[2].client())
    expected[b"apart"] = b"1"
    check(cluster[2].client()("GET", "apart"), None, "the nodes are apart")
    cluster.heal()
    state = cluster.wait_until_equal(seconds=HEALED_S)
    check({key: record[0] for key, record in state[b"db0"][3].items()}, expected)
    wait.until(lambda: all(node.info()["tombstones"] == 0 for node in cluster), "deletes are forgotten", 20)
    check(cluster.wait_until_equal()[b"db0"][3].keys(), expected.keys())


@claim
def after_a_partition_the_later_of_two_writes_wins_everywhere():
    with Cluster(3, *NO_RATE, proxied=True) as cluster:
        conflicts_are_settled(cluster)


@claim
def so_it_is_when_the_kernel_drops_the_packets():
    with Cluster(3, *NO_RATE, namespaces=True) as cluster:
        conflicts_are_settled(cluster)


@claim
def a_long_partition_is_noticed_and_harms_nobody():
    with Cluster(3, *NO_RATE, proxied=True) as cluster:
        cluster.partition([0, 1], [2])
        away = cluster[2].node_id()
        with Writer(cluster[0], "w0") as writer:
            wait.until(lambda: cluster[0].peers()[away]["state"] == "down", "the node is down for the others", 20)
            check(cluster[0].info()["gossip_state"], "open")
        check(writer.slowest_s < 1, True, f"a write took {writer.slowest_s:.2f} s")
        cluster.heal()
        writer.check(cluster.wait_until_equal(seconds=HEALED_S)[b"db0"][3])
        wait.until(lambda: cluster[0].peers()[away]["state"] == "up", "the node is up again", 20)


@claim
def namespaces_made_and_changed_on_both_sides_become_one():
    with Cluster(2, *NO_RATE, proxied=True) as cluster:
        cluster[0].client()("NAMESPACE", "CREATE", "old")
        cluster.wait_until_equal()
        cluster.partition([0], [1])
        for node in cluster:
            check(node.client().pipeline(("NAMESPACE", "CREATE", "both"), ("SELECT", "both"),
                                         ("SET", f"key{node.number}", "v"), ("SET", "shared", node.number)), ["OK"] * 4)
            wait.pass_by(0.01)
        check(cluster[0].client()("NAMESPACE", "RENAME", "old", "left"), "OK")
        wait.pass_by(0.01)
        check(cluster[1].client()("NAMESPACE", "RENAME", "old", "right"), "OK")
        cluster.heal()
        state = cluster.wait_until_equal(seconds=HEALED_S)
        check(b"both" in state, True)
        check(b"old" in state or b"left" in state, False, "the later renaming wins")
        check(b"right" in state, True)
        found = {key for _, _, _, records in state.values() for key in records}
        check(found, {b"key0", b"key1", b"shared"}, "no key is lost")


@claim
def a_flush_on_one_side_spares_what_came_after_it_on_the_other():
    with Cluster(2, *NO_RATE, proxied=True) as cluster:
        left, right = (node.client() for node in cluster)
        left.pipeline(*(("SET", f"before{i}", "v") for i in range(200)))
        cluster.wait_until_equal()
        cluster.partition([0], [1])
        right("SET", "early", "1")
        wait.pass_by(0.01)
        check(left("FLUSHDB"), "OK")
        wait.pass_by(0.01)
        right("SET", "late", "1")
        left("SET", "own", "1")
        cluster.heal()
        state = cluster.wait_until_equal(seconds=HEALED_S)
        check(set(state[b"db0"][3]), {b"late", b"own"})


@claim
def frames_lost_doubled_late_and_cut_connections_end_equal():
    chance = random.Random(int(os.environ.get("SEED", "1")))
    with Cluster(3, *NO_RATE, proxied=True) as cluster:
        for rules in cluster.relay.each_rules(3):
            rules.drop, rules.duplicate, rules.reorder = 0.1, 0.1, 0.1
            rules.delay_s, rules.jitter_s = 0.005, 0.02
        with Writer(cluster[0], "w0") as one, Writer(cluster[1], "w1") as two, Writer(cluster[2], "w2") as three:
            for _ in range(12):
                a, b = chance.sample(range(3), 2)
                chance.choice((cluster.relay.reset, cluster.relay.half_open, cluster.relay.cut_one_way))(a, b)
                wait.pass_by(0.3)
                cluster.relay.rules(a, b).is_cut = False
        cluster.heal()
        records = cluster.wait_until_equal(seconds=20)[b"db0"][3]
        for writer in (one, two, three):
            writer.check(records)
        check([node.info()["merge_conflicts"] for node in cluster], [0, 0, 0])


@claim
def where_two_cannot_reach_each_other_the_third_brings_all():
    with Cluster(3, *NO_RATE, proxied=True) as cluster:
        cluster.relay.cut(0, 2)
        check(cluster[0].client()("SET", "k", "v"), "OK")
        check(cluster[2].client()("SET", "l", "w"), "OK")
        cluster.wait_until_equal(seconds=30)
        check(cluster[1].client()("DBSIZE"), 2)


@claim
def a_slow_link_delays_only_itself():
    with Cluster(3, *NO_RATE, "--limits", "current", proxied=True) as cluster:
        cluster.relay.rules(0, 2).bytes_per_s = 300_000
        client = cluster[0].client()
        for i in range(8):
            check(client("SET", f"big{i}", b"x" * 200_000), "OK")
        started = wait.now_ms()
        check(client("SET", "small", "1"), "OK")
        wait.until(lambda: cluster[1].client()("GET", "small") == b"1", "the other one has it", 2)
        check(wait.now_ms() - started < 1000, True, f"{wait.now_ms() - started} ms")
        cluster.wait_until_equal(seconds=30)


if __name__ == "__main__":
    run()

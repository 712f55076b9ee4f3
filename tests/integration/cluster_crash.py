#!/usr/bin/python3
"""Nodes are killed, stopped and wiped under load: what was acknowledged is everywhere in the end."""
import os
import random
import re

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster
from lib.resp import Error
from lib.writers import Writer, load

NO_RATE = ("--key-write-rate", "0")
ROUNDS = int(os.environ.get("ROUNDS", "6"))
SEED = int(os.environ.get("SEED", "1"))

# After a start a node waits for others' clocks; a new one for its data.
NOT_YET = ("LOADING", "MISCONF")


def kill_and_start(appendfsync, nodes_killed):
    chance = random.Random(SEED)
    with Cluster(3, *NO_RATE, "--appendfsync", appendfsync) as cluster:
        writers = [Writer(node, f"w{node.number}", seed=SEED, allowed_errors=NOT_YET) for node in cluster]
        for writer in writers:
            writer.start()
        for _ in range(ROUNDS):
            chosen = chance.sample(list(cluster), nodes_killed)
            wait.pass_by(0.1 + chance.random() * 0.4)
            for node in chosen:
                node.kill()
            wait.pass_by(chance.random() * 0.4)
            for node in chosen:
                node.launch()
            for node in chosen:
                node.wait_until_up()
        for writer in writers:
            writer.stop()
        cluster.wait_until_joined()
        records = cluster.wait_until_equal()[b"db0"][3]
        for writer in writers:
            check(len(writer.acknowledged) > 50, True, f"{writer.name} wrote {len(writer.acknowledged)} keys")
            writer.check(records)
        check([node.info()["merge_conflicts"] for node in cluster], [0, 0, 0])


@claim
def kill_9_of_one_node_after_the_other_loses_nothing():
    kill_and_start("everysec", 1)


@claim
def kill_9_of_all_nodes_loses_nothing():
    kill_and_start("always", 3)


@claim
def a_stopped_node_costs_the_others_nothing_and_catches_up():
    with Cluster(3, *NO_RATE) as cluster:
        with Writer(cluster[0], "w0", per_second=1000, keys=5000) as one, Writer(cluster[1], "w1") as two:
            wait.pass_by(0.5)
            cluster[2].freeze()
            one.slowest_s = two.slowest_s = 0
            wait.pass_by(6)
            slowest_s = max(one.slowest_s, two.slowest_s)
            cluster[2].thaw()
        check(slowest_s < 0.5, True, f"a write took {slowest_s:.2f} s")
        records = cluster.wait_until_equal(seconds=20)[b"db0"][3]
        one.check(records)
        two.check(records)


@claim
def a_wiped_node_comes_back_as_a_new_one_with_everything():
    with Cluster(3, *NO_RATE) as cluster:
        load(cluster[0], 20_000)
        cluster.wait_until_joined()
        old = cluster[2].node_id()
        cluster[2].wipe()
        check(cluster[0].client()("SET", "meanwhile", "1"), "OK")
        cluster[2].start().wait_until_up()
        cluster.wait_until_joined(seconds=30)
        check(cluster[2].node_id() != old, True)
        check(len(cluster.wait_until_equal()[b"db0"][3]), 20_001)
        check(cluster[2].client()("SET", "again", "1"), "OK")
        check(cluster[0].client()("DEL", "meanwhile"), 1)
        cluster.wait_until_equal()
        # The old one is forgotten, so that deletes need not wait for it.
        wait.until(lambda: all(old not in node.peers() for node in cluster), "the old one is forgotten", 20)
        wait.until(lambda: all(node.info()["tombstones"] == 0 for node in cluster), "deletes are forgotten", 20)


def is_loading(node):
    """Are table files being built beside the database?"""
    try:
        return any(name.endswith(".loading") for name in os.listdir(node.directory))
    except FileNotFoundError:
        return False


@claim
def a_node_that_is_killed_while_it_loads_begins_anew():
    chance = random.Random(SEED)
    with Cluster(1, *NO_RATE) as cluster:
        load(cluster[0], 30_000)
        for number in range(50):
            check(cluster[0].client()("SET", f"long{number}", f"{number}" * 20_000), "OK")
        node = cluster.add(*NO_RATE)
        for _ in range(ROUNDS // 2):
            node.launch()
            wait.until(lambda: is_loading(node), "the node loads", 20, 0.001)
            wait.pass_by(chance.random() * 0.2)
            node.kill()
            node.launch()
            node.wait_until_up()
            cluster.wait_until_joined()
            check(len(cluster.wait_until_equal()[b"db0"][3]), 30_050)
            check([line for line in node.log().splitlines() if "damaged" in line], [])
            check(is_loading(node), False)
            node.wipe()


def source_of(cluster, node):
    """Whom the node has said last that it loads from."""
    address = re.findall(r"Loading all data from the replica \S+ \((\S+)\)", node.log())[-1]
    return next(other for other in cluster if other.address() == address)


@claim
def a_node_whose_source_is_killed_begins_anew():
    chance = random.Random(SEED)
    with Cluster(2, *NO_RATE) as cluster:
        load(cluster[0], 30_000)
        for number in range(200):
            check(cluster[1].client()("SET", f"long{number}", f"{number}" * 20_000), "OK")
        cluster.wait_until_equal(seconds=20)
        node = cluster.add(*NO_RATE)
        for _ in range(ROUNDS // 2):
            node.launch()
            wait.until(lambda: is_loading(node), "the node loads", 20, 0.001)
            source = source_of(cluster, node)
            wait.pass_by(chance.random() * 0.05)
            source.kill()
            source.start()
            cluster.wait_until_joined(seconds=30)
            check(len(cluster.wait_until_equal(seconds=20)[b"db0"][3]), 30_200)
            check(is_loading(node), False)
            check(node.client()("SET", "written", "here"), "OK")
            check(node.client()("DEL", "written"), 1)
            cluster.wait_until_equal(seconds=20)
            node.kill()
            node.wipe()


@claim
def a_new_node_refuses_clients_until_it_has_everything():
    with Cluster(2, *NO_RATE) as cluster:
        load(cluster[0], 50_000)
        node = cluster.add(*NO_RATE)
        answers = []
        with Writer(cluster[1], "w1") as writer:
            node.launch()
            node.wait_until_up()
            client = node.client()

            def serves():
                answers.append(client("GET", "k0049999"))
                return not isinstance(answers[-1], Error)

            wait.until(serves, "the new node serves", 30, 0.002)
        check({answer for answer in answers if not isinstance(answer, Error)}, {b"v" * 20})
        check({answer.word for answer in answers if isinstance(answer, Error)} <= {"LOADING"}, True, f"{answers[:3]}")
        cluster.wait_until_joined()
        writer.check(cluster.wait_until_equal(seconds=20)[b"db0"][3])


@claim
def a_node_that_ends_remembers_its_members_of_the_last_moment():
    with Cluster(3, *NO_RATE) as cluster:
        cluster.stop()
        for node in cluster:
            node.start().wait_until_up()
            check(node.info()["members"], 3)
            node.stop()


@claim
def nodes_that_all_start_again_find_that_nothing_differs_for_a_kilobyte():
    with Cluster(3, *NO_RATE) as cluster:
        load(cluster[0], 50_000)
        cluster.wait_until_equal(seconds=20)
        cluster.kill()
        cluster.start_here()
        cluster.wait_until_compared()
        print(f"bytes, and comparisons: {told(cluster, 'compared_bytes')}, {[n.info()['compares'] for n in cluster]}")
        check(set(told(cluster, "diffs")), {0})
        check(max(told(cluster, "compared_bytes")) <= 1024, True)


def told(cluster, figure):
    """A figure of all peers of all nodes."""
    return [peer[figure] for node in cluster for peer in node.peers().values()]


@claim
def a_difference_is_found_and_repaired_for_128_bytes():
    """As many among the keys as a thousand among a million."""
    with Cluster(2, *NO_RATE) as cluster:
        load(cluster[0], 100_000)
        cluster.wait_until_equal(seconds=30)
        cluster[1].stop()
        client = cluster[0].client()
        changed = random.Random(SEED).sample(range(100_000), 100)
        client.pipeline(*(("SET", f"k{i:07d}", "changed") for i in changed))
        cluster[0].stop()
        wait.pass_by(2.5)  # what is younger is left to pushes
        # Both have forgotten what they would have pushed.
        for node in cluster:
            node.launch()
        for node in cluster:
            node.wait_until_up()
        started = wait.now_ms()
        other = cluster[1].client()
        wait.until(lambda: set(other.pipeline(*(("GET", f"k{i:07d}") for i in changed))) == {b"changed"},
                   "all are repaired", 20, 0.01)
        print(f"repaired {wait.now_ms() - started} ms after the start")
        wait.until(lambda: max(told(cluster, "diffs")) >= len(changed), "it is counted")
        used = max(told(cluster, "compared_bytes"))
        print(f"{used / len(changed):.0f} bytes a difference, beside the records")
        check(used <= 128 * len(changed), True, f"{used:.0f} bytes")


if __name__ == "__main__":
    run()

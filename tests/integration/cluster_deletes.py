#!/usr/bin/python3
"""What is deleted stays deleted, and is forgotten when nobody can bring it back; who was away for too long is told so."""
import os
import shutil

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.cluster import Cluster
from lib.writers import load

NO_RATE = ("--key-write-rate", "0")
BATCH = 1000


def delete_all(client, count):
    for start in range(0, count, BATCH):
        check(client("DEL", *(f"k{i:07d}" for i in range(start, start + BATCH))), BATCH)


def wait_for_no_tombstones(cluster, nodes=None, seconds=10):
    wait.until(lambda: all(node.info()["tombstones"] == 0 for node in nodes or cluster),
               "no tombstones are left", seconds, 0.05)


@claim
def a_hundred_thousand_deletes_are_gone_ten_seconds_later():
    with Cluster(3, *NO_RATE) as cluster:
        load(cluster[0], 100_000)
        wait.until(lambda: all(node.client()("DBSIZE") == 100_000 for node in cluster), "all keys are everywhere", 30)
        delete_all(cluster[1].client(), 100_000)
        started = wait.now_ms()
        wait_for_no_tombstones(cluster)
        print(f"gone after {wait.now_ms() - started} ms")
        check([node.client()("DBSIZE") for node in cluster], [0, 0, 0])


@claim
def a_node_that_was_away_does_not_bring_deleted_keys_back():
    with Cluster(3, *NO_RATE) as cluster:
        load(cluster[0], 2000)
        cluster.wait_until_equal()
        cluster[2].kill()
        check(cluster[0].client()("DEL", *(f"k{i:07d}" for i in range(1000))), 1000)
        check(cluster[0].client()("SET", "k0000000", "again"), "OK")
        wait.pass_by(3)
        kept = [node.info()["tombstones"] for node in (cluster[0], cluster[1])]
        check(kept, [999, 999], "deletes are kept for who is away")
        cluster[2].start().wait_until_up()
        records = cluster.wait_until_equal()[b"db0"][3]
        check((len(records), records[b"k0000000"][0]), (1001, b"again"))
        wait_for_no_tombstones(cluster, seconds=20)
        check(len(cluster.wait_until_equal()[b"db0"][3]), 1001)


@claim
def a_forgotten_node_holds_up_nothing_and_is_refused():
    with Cluster(3, *NO_RATE) as cluster:
        load(cluster[0], 1000)
        cluster.wait_until_equal()
        away = cluster[2].node_id()
        cluster[2].kill()
        client = cluster[0].client()
        check(client("DEL", *(f"k{i:07d}" for i in range(500))), 500)
        check_error(client("GOSSIP", "FORGET", "0123456789abcdef"), "ERR ")
        check_error(client("GOSSIP", "FORGET", "xyz"), "ERR ")
        check_error(client("GOSSIP", "FORGET", cluster[0].node_id()), "ERR ")
        check(client("GOSSIP", "FORGET", away), "OK")
        wait_for_no_tombstones(cluster, cluster.nodes[:2], seconds=20)
        check([away in node.peers() for node in cluster.nodes[:2]], [False, False])
        cluster[2].start().wait_until_up()
        wait.until(lambda: cluster[2].info()["gossip_state"] == "stale", "the node learns of it", 20)
        wait.until(lambda: cluster[2].client()("SET", "late", "1") != "OK", "and takes no writes")
        check(cluster[0].client()("EXISTS", "k0000001", "late"), 0)
        check(cluster[0].info()["peers"], 1)


@claim
def a_node_that_leaves_leaves_its_writes_behind():
    with Cluster(3, *NO_RATE) as cluster:
        for i, node in enumerate(cluster):
            load(node, 500, prefix=f"n{i}-")
        leaving = cluster[2].node_id()
        client = cluster[2].client()
        check(client("SET", "last", "1"), "OK")
        check(client("GOSSIP", "LEAVE"), "OK")
        check_error(client("SET", "k", "v"), "LEAVING")
        check(client("GET", "last"), b"1")
        wait.until(lambda: cluster[2].info()["gossip_state"] == "left", "it has left", 20)
        wait.until(lambda: all(leaving not in node.peers() for node in cluster.nodes[:2]), "the others know", 10)
        cluster[2].stop()
        check([node.client()("GET", "last") for node in cluster.nodes[:2]], [b"1"] * 2)
        check([node.client()("DBSIZE") for node in cluster.nodes[:2]], [1501] * 2)
        check(cluster[0].client()("DEL", "last"), 1)
        wait_for_no_tombstones(cluster, cluster.nodes[:2])


def restore(node, backup):
    shutil.rmtree(node.directory)
    shutil.copytree(backup, node.directory)


def make_stale(cluster):
    """Node 2 is put back to what it was before keys were deleted, and the deletes forgotten."""
    load(cluster[0], 1000)
    cluster.wait_until_equal()
    cluster[2].stop()
    backup = os.path.join(cluster[2].scratch, "backup")
    shutil.copytree(cluster[2].directory, backup)
    cluster[2].start().wait_until_up()
    cluster.wait_until_joined()
    check(cluster[0].client()("DEL", *(f"k{i:07d}" for i in range(500))), 500)
    wait_for_no_tombstones(cluster, seconds=20)
    cluster[2].stop()
    restore(cluster[2], backup)
    cluster[2].start().wait_until_up()
    wait.until(lambda: cluster[2].info()["gossip_state"] == "stale", "the node is stale", 20)


@claim
def a_node_restored_from_an_old_backup_is_stale_and_brings_nothing_back():
    with Cluster(3, *NO_RATE) as cluster:
        make_stale(cluster)
        client = cluster[2].client()
        check_error(client("SET", "k", "v"), "STALE")
        check_error(client("DEL", "k0000999"), "STALE")
        check(client("GET", "k0000999"), b"v" * 20, "it can be read")
        check(client.pipeline(("MULTI",), ("GET", "k0000999"), ("EXEC",))[2], [b"v" * 20])
        wait.pass_by(2)
        check([node.client()("DBSIZE") for node in cluster.nodes[:2]], [500, 500])
        check("stale" in cluster[2].log(), True, "its log says so")
        check(cluster[0].peers()[cluster[2].node_id()]["state"] in ("down", "stale"), True)


@claim
def a_stale_node_is_salvaged_wiped_and_joins_again():
    with Cluster(3, *NO_RATE) as cluster:
        make_stale(cluster)
        path = os.path.join(cluster[2].scratch, "salvaged")
        salvaged = cluster[2].client()("GOSSIP", "SALVAGE", path)
        check(isinstance(salvaged, int), True, salvaged)
        check(os.path.exists(path), True)
        check_error(cluster[2].client()("GOSSIP", "SALVAGE", "/nowhere/at/all"), "ERR ")
        cluster[2].wipe()
        cluster[2].start().wait_until_up()
        cluster.wait_until_joined(seconds=30)
        check(len(cluster.wait_until_equal()[b"db0"][3]), 500)


@claim
def expired_keys_are_forgotten_too():
    with Cluster(3, *NO_RATE) as cluster:
        client = cluster[0].client()
        client.pipeline(*(("SET", f"k{i}", "v", "PX", 300) for i in range(5000)))
        wait.until(lambda: all(node.client()("DBSIZE") == 0 for node in cluster), "all are expired", 10)
        wait_for_no_tombstones(cluster)
        cluster.wait_until_compared()
        check([node.info()["merge_conflicts"] for node in cluster], [0, 0, 0])


@claim
def deletes_and_writes_of_the_same_keys_on_all_sides_end_equal():
    with Cluster(3, *NO_RATE) as cluster:
        clients = [node.client() for node in cluster]
        for number in range(30):
            for client in clients:
                client.pipeline(*(("DEL", f"k{i}") if (i + number) % 3 == 0 else ("SET", f"k{i}", number)
                                  for i in range(200)))
        # Of two writes in one millisecond any may win: the deletes know what they delete.
        cluster.wait_until_equal()
        clients[0].pipeline(*(("DEL", f"k{i}") for i in range(200)))
        wait_for_no_tombstones(cluster, seconds=20)
        check(cluster.wait_until_equal(), {})


if __name__ == "__main__":
    run()

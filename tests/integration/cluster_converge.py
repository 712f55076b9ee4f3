#!/usr/bin/python3
"""Three replicas: whatever is written to any of them is soon on all, whole and with everything that belongs to it."""
import os
import random

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.cluster import Cluster

NO_RATE = ("--key-write-rate", "0")


def on_all(cluster, *words):
    return [node.client()(*words) for node in cluster]


def wait_for_all(cluster, expected, *words, seconds=10):
    wait.until(lambda: on_all(cluster, *words) == [expected] * len(cluster), f"{words} is {expected} everywhere", seconds)


@claim
def every_command_that_writes_reaches_all():
    with Cluster(3, *NO_RATE) as cluster:
        a, b, c = (node.client() for node in cluster)
        a.pipeline(("SET", "set", "1"), ("APPEND", "append", "12"), ("INCRBY", "count", 5), ("SETRANGE", "range", 3, "x"),
                   ("SETBIT", "bit", 7, 1), ("MSET", "m1", "1", "m2", "2"), ("SETEX", "timed", 1000, "t"),
                   ("SET", "gone", "1"), ("SET", "old", "name"), ("SET", "moved", "1"), ("SET", "copied", "c"))
        cluster.wait_until_equal()
        b.pipeline(("APPEND", "append", "34"), ("INCR", "count"), ("DEL", "gone"), ("RENAME", "old", "new"),
                   ("MOVE", "moved", 3), ("COPY", "copied", "copy"), ("EXPIRE", "set", 500), ("PERSIST", "timed"))
        cluster.wait_until_equal()
        c.pipeline(("GETSET", "set", "2"), ("GETDEL", "m1"), ("INCRBYFLOAT", "float", "1.5"), ("MULTI",),
                   ("SET", "e1", "1"), ("DEL", "m2"), ("EXEC",))
        c("KV.PUT", "page", "<h1>", "META", '{"type":"text/html"}', "EX", 1000)
        records = cluster.wait_until_equal()[b"db0"][3]
        values = {key: record[0] for key, record in records.items()}
        check(values, {b"set": b"2", b"append": b"1234", b"count": b"6", b"range": b"\0\0\0x", b"bit": b"\1",
                       b"timed": b"t", b"new": b"name", b"copied": b"c", b"copy": b"c", b"float": b"1.5",
                       b"e1": b"1", b"page": b"<h1>"})
        check(records[b"page"][1], b'{"type":"text/html"}')
        check(records[b"timed"][2], None)


@claim
def versions_are_the_same_everywhere_and_conditions_on_them_hold():
    with Cluster(3, *NO_RATE) as cluster:
        first = cluster[0].client()("KV.PUT", "k", "1")
        check(cluster[0].node_id() in first.decode(), True, "the version names its node")
        cluster.wait_until_equal()
        second = cluster[1].client()("KV.PUT", "k", "2", "IFVERSION", first)
        check(isinstance(second, bytes) and second > first, True, f"{second!r} follows {first!r}")
        cluster.wait_until_equal()
        check(cluster[2].client()("KV.PUT", "k", "3", "IFVERSION", first), None)
        check(cluster[2].client()("KV.PUT", "new", "1", "IFVERSION", "0") is not None, True)
        check(cluster.wait_until_equal()[b"db0"][3][b"k"][3], second)


@claim
def a_node_that_loaded_everything_writes_under_its_own_name():
    with Cluster(1, *NO_RATE) as cluster:
        first = cluster[0].client()("KV.PUT", "k", "1")
        node = cluster.add(*NO_RATE)
        node.start()
        cluster.wait_until_joined()
        client = node.client()
        check(client("KV.GET", "k")[7], first)
        second = client("KV.PUT", "k", "2", "IFVERSION", first)
        check(node.node_id() in second.decode(), True, f"{second!r}")
        check(cluster.wait_until_equal()[b"db0"][3][b"k"][3], second)
        third = client("KV.PUT", "k", "3", "IFVERSION", second)
        check(cluster.wait_until_equal()[b"db0"][3][b"k"][3], third)
        check(cluster[0].client()("KV.PUT", "k", "4", "IFVERSION", third) is not None, True)


@claim
def an_expired_key_is_gone_everywhere_without_a_word():
    with Cluster(3, *NO_RATE) as cluster:
        client = cluster[0].client()
        client.pipeline(*(("SET", f"k{i}", "v", "PX", 700) for i in range(100)))
        client("SET", "stays", "v")
        wait_for_all(cluster, b"v", "GET", "k99", seconds=0.6)
        wait_for_all(cluster, None, "GET", "k99", seconds=2)
        wait_for_all(cluster, 1, "DBSIZE")
        cluster.wait_until_compared()
        check([node.info()["merge_conflicts"] for node in cluster], [0, 0, 0])
        check(sum(peer["diffs"] for node in cluster for peer in node.peers().values()), 0)


@claim
def a_write_over_an_expired_key_wins_and_its_old_value_stays_gone():
    with Cluster(3, *NO_RATE) as cluster:
        a, b = cluster[0].client(), cluster[1].client()
        a.pipeline(("SET", "k", "without"), ("SET", "k", "with", "PX", 100), ("SET", "other", "1", "PX", 100))
        wait_for_all(cluster, 0, "DBSIZE")
        b("SET", "k", "new")
        wait_for_all(cluster, b"new", "GET", "k")
        wait_for_all(cluster, None, "GET", "other")


@claim
def large_values_arrive_whole():
    with Cluster(3, *NO_RATE, "--limits", "current") as cluster:
        sizes = (1 << 20, (1 << 20) + 1, 5_000_000, 26_214_400)
        values = {b"v%d" % size: random.Random(size).randbytes(size) for size in sizes}
        for number, (key, value) in enumerate(values.items()):
            check(cluster[number % 3].client()("SET", key, value), "OK")
        for node in cluster:
            client = node.client(60)
            for key, value in values.items():
                wait.until(lambda: client("GET", key) == value, f"{key!r} is on node {node.number}", 30)
        check(cluster[1].client()("SETRANGE", b"v26214400", 26_214_399, "!"), 26_214_400)
        for node in cluster:
            wait.until(lambda: node.client()("GETRANGE", b"v26214400", -1, -1) == b"!", "the change is there", 30)
        check(cluster[2].client()("DEL", *values), len(values))
        wait_for_all(cluster, 0, "DBSIZE")


@claim
def namespaces_and_their_settings_are_everywhere():
    with Cluster(3, *NO_RATE) as cluster:
        a, b, c = (node.client() for node in cluster)
        check(a.pipeline(("NAMESPACE", "CREATE", "flags"), ("SELECT", "flags"), ("SET", "dark", "on"),
                         ("NAMESPACE", "SET", "flags", "max-value-size", 100)), ["OK"] * 4)
        state = cluster.wait_until_equal()
        check(state[b"flags"][1][b"max-value-size"], 100)
        check(b.pipeline(("SELECT", "flags"), ("GET", "dark")), ["OK", b"on"])
        check_error(b("SET", "dark", "x" * 101), "VALUETOOLONG")
        check(b("NAMESPACE", "RENAME", "flags", "switches"), "OK")
        check(b"switches" in cluster.wait_until_equal(), True)
        check(c.pipeline(("SELECT", "switches"), ("GET", "dark")), ["OK", b"on"])
        check(c("NAMESPACE", "DELETE", "switches"), "OK")
        check([title for title in cluster.wait_until_equal() if not title.startswith(b"db")], [])
        check_error(a("GET", "dark"), "ERR no such namespace")


@claim
def flushing_and_swapping_databases_is_seen_by_all():
    with Cluster(3, *NO_RATE) as cluster:
        a, b, c = (node.client() for node in cluster)
        a.pipeline(*(("SET", f"k{i}", "v") for i in range(500)), ("SELECT", 1), ("MSET", "one", "1", "two", "2"))
        cluster.wait_until_equal()
        check(b("FLUSHDB"), "OK")
        wait_for_all(cluster, 0, "DBSIZE")
        check(c("SET", "after", "1"), "OK")
        wait_for_all(cluster, 1, "DBSIZE")
        check(c("SWAPDB", 0, 1), "OK")
        wait_for_all(cluster, b"2", "GET", "two")
        state = cluster.wait_until_equal()
        check((sorted(state[b"db0"][3]), sorted(state[b"db1"][3])), ([b"one", b"two"], [b"after"]))
        check(a("FLUSHALL"), "OK")
        wait_for_all(cluster, 0, "DBSIZE")
        check(cluster.wait_until_equal(), {})


@claim
def a_random_mixture_from_all_sides_ends_equal():
    chance = random.Random(int(os.environ.get("SEED", "1")))
    with Cluster(3, *NO_RATE) as cluster:
        clients = [node.client() for node in cluster]
        for _ in range(60):
            for client in clients:
                client.pipeline(*(random_command(chance) for _ in range(50)))
        state = cluster.wait_until_equal()
        check(len(state[b"db0"][3]) > 100, True)
        cluster.wait_until_compared()
        check([node.info()["merge_conflicts"] for node in cluster], [0, 0, 0])


def random_command(chance):
    key = f"k{chance.randrange(400)}"
    return chance.choice((("SET", key, chance.random()), ("SET", key, "x" * chance.randrange(3000)), ("DEL", key),
                          ("APPEND", key, "+"), ("SET", key, "timed", "PX", chance.choice((1, 100000))),
                          ("KV.PUT", key, "p", "META", '{"n":1}'), ("RENAME", key, f"k{chance.randrange(400)}"),
                          ("MSET", key, "1", f"k{chance.randrange(400)}", "2"), ("GETDEL", key), ("EXPIRE", key, 1000)))


@claim
def wait_counts_the_replicas_that_have_a_write():
    with Cluster(3, *NO_RATE) as cluster:
        client = cluster[0].client()
        check(client.pipeline(("SET", "k", "1"), ("WAIT", 2, 5000), ("GET", "k")), ["OK", 2, b"1"])
        check([node.client()("GET", "k") for node in cluster], [b"1"] * 3)
        cluster[2].freeze()
        check(client.pipeline(("SET", "k", "2"), ("WAIT", 1, 5000)), ["OK", 1])
        started = wait.now_ms()
        check(client.pipeline(("SET", "k", "3"), ("WAIT", 2, 300)), ["OK", 1])
        check(300 <= wait.now_ms() - started < 3000, True, "it waits for its time")
        client.send("WAIT", 2, 0)
        cluster[2].thaw()
        check(client.read(), 2)


@claim
def wait_with_appendfsync_always_counts_what_is_on_disk():
    with Cluster(2, *NO_RATE, "--appendfsync", "always") as cluster:
        client = cluster[0].client()
        check(client.pipeline(("SET", "k", "1"), ("WAIT", 1, 5000)), ["OK", 1])
        check(cluster[1].client()("GET", "k"), b"1")


@claim
def info_and_gossip_tell_of_each_peer():
    with Cluster(3, *NO_RATE) as cluster:
        cluster[0].client()("SET", "k", "v")
        cluster.wait_until_equal()
        cluster.wait_until_compared()
        info = cluster[0].info()
        check((info["role"], info["gossip_state"], info["peers"], info["members"]), ("master", "open", 2, 3))
        check((info["digest_mismatches"], info["horizon_age_ms"] >= -1, info["tombstones"]), (0, True, 0))
        for other in (1, 2):
            peer = cluster[0].peers()[cluster[other].node_id()]
            check((peer["addr"], peer["state"]), (cluster[other].address(), "up"))
            check(0 < peer["rtt_us"] < 1_000_000 and abs(peer["offset_ms"]) < 100, True, peer)
            check(peer["lag_ms"] < 5000 and peer["equal_age_ms"] < 60_000, True, peer)
            check(peer["bytes_in"] > 0 and peer["bytes_out"] > 0, True, peer)
        client = cluster[0].client()
        client("HELLO", 3)
        told = client("GOSSIP", "PEERS")
        check({peer[b"id"].decode() for peer in told}, set(cluster[0].peers()))
        check(client("GOSSIP", "STATUS")[b"node_id"].decode(), info["node_id"])


@claim
def nodes_that_know_only_one_of_the_others_find_all():
    with Cluster(5, *NO_RATE, seeds=[0]) as cluster:
        for node in cluster:
            check(node.client()("SET", f"from{node.number}", "1"), "OK")
        cluster.wait_until_equal()
        check([node.client()("DBSIZE") for node in cluster], [5] * 5)


@claim
def a_node_is_met_by_command():
    with Cluster(2, *NO_RATE, seeds=[], joins=False) as cluster:
        check([node.info()["peers"] for node in cluster], [0, 0])
        check(cluster[0].client()("GOSSIP", "MEET", cluster[1].address()), "OK")
        cluster.wait_until_joined()
        check(cluster[0].client()("SET", "k", "v"), "OK")
        wait_for_all(cluster, b"v", "GET", "k")
        check_error(cluster[0].client()("GOSSIP", "MEET", "nowhere"), "ERR ")


if __name__ == "__main__":
    run()

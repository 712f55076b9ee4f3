#!/usr/bin/python3
"""Replicas of every configuration end, crash and come back: they hold the same, and know that they do."""
import hashlib
import random

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster

NO_RATE = ("--key-write-rate", "0")
MB = 1 << 20
LONG = 100 * MB


def write_everywhere(cluster, spaces, word):
    """A key of its own, a common one, and one less, through each node that runs, in each namespace."""
    for node in cluster.running():
        with node.client() as client:
            for space in spaces:
                answers = client.pipeline(("NAMESPACE", "USE", space), ("SET", f"{word}-{node.number}", space),
                                          ("SET", "common", f"{word}-{node.number}"), ("SET", "gone", word), ("DEL", "gone"))
                check(answers[:-1], ["OK"] * 4, space)


def found_differences(cluster):
    return [[peer["diffs"] for peer in node.peers().values()] for node in cluster]


def restart_all_ways(cluster, spaces):
    """One after the other, in peace and not, with writes meanwhile; then all at once."""
    write_everywhere(cluster, spaces, "first")
    cluster.wait_until_equal(seconds=30)
    for node in cluster:
        if node.number % 2:
            node.stop()
        else:
            node.kill()
        write_everywhere(cluster, spaces, f"without-{node.number}")
        node.launch()
        node.wait_until_up()
        cluster.wait_until_joined(seconds=30)
        cluster.wait_until_equal(seconds=30)
    before = cluster.wait_until_equal(seconds=30)
    wait.until(lambda: all(node.info()["tombstones"] == 0 for node in cluster), "deletes are forgotten", 30, 0.05)
    cluster.wait_until_compared()
    cluster.kill()
    cluster.start_here()
    cluster.wait_until_compared(seconds=60)
    check(found_differences(cluster), [[0] * (len(cluster) - 1)] * len(cluster), "nothing was lost by kill -9")
    check(cluster.wait_until_equal(seconds=30) == before, True, "all is as it was")
    for records in (rest[3] for rest in before.values()):
        check(b"gone" in records, False)
    return before


@claim
def with_appendfsync_always():
    with Cluster(3, *NO_RATE, "--appendfsync", "always") as cluster:
        restart_all_ways(cluster, ["db0", "db1"])


@claim
def with_appendfsync_no():
    with Cluster(3, *NO_RATE, "--appendfsync", "no") as cluster:
        restart_all_ways(cluster, ["db0", "db1"])


@claim
def with_a_thousand_databases():
    with Cluster(3, *NO_RATE, "--databases", "1000") as cluster:
        numbers = [0, 1, 15, 16, 998, 999] + random.Random(1).sample(range(17, 998), 60)
        before = restart_all_ways(cluster, [f"db{number}" for number in numbers])
        check(len([title for title in before if before[title][3]]), len(numbers))


@claim
def with_two_hundred_namespaces_created_everywhere():
    with Cluster(3, *NO_RATE) as cluster:
        spaces = [f"space-{number}" for number in range(200)]
        for number, space in enumerate(spaces):
            check(cluster[number % 3].client()("NAMESPACE", "CREATE", space), "OK")
        wait.until(lambda: all(len(node.client()("NAMESPACE", "LIST")) >= 200 for node in cluster), "all know them", 10)
        restart_all_ways(cluster, spaces)
        # Some go, and others take their names, while a node is away.
        cluster[2].kill()
        with cluster[0].client() as client:
            for space in spaces[:50]:
                check(client("NAMESPACE", "DELETE", space), "OK")
            for space in spaces[:25]:
                check(client("NAMESPACE", "CREATE", space), "OK")
        cluster[2].start().wait_until_up()
        titles = set(cluster.wait_until_equal(seconds=30))
        check(len([title for title in titles if title.startswith(b"space-")]), 175)


def holds(node, key, digest):
    """Has it this value?"""
    value = node.client(timeout_s=60)("GET", key)
    return isinstance(value, bytes) and hashlib.sha256(value).digest() == digest


@claim
def with_a_value_of_a_hundred_megabytes():
    with Cluster(2, *NO_RATE, "--limits", "none") as cluster:
        values = [random.Random(number).randbytes(LONG + number) for number in range(2)]
        digests = [hashlib.sha256(value).digest() for value in values]
        cluster.wait_until_compared()
        check(cluster[0].client(timeout_s=60)("SET", "long", values[0]), "OK")
        # Too long for what is kept to be pushed: found by comparing, and sent once, however long it takes.
        wait.until(lambda: holds(cluster[1], "long", digests[0]), "it is fetched", 60, 0.2)
        check(sum(int(peer["bytes_out"]) for peer in cluster[0].peers().values()) < 1.5 * LONG, True, "it is sent once")
        # Overwritten while the other one is away: found by comparing.
        cluster[1].kill()
        check(cluster[0].client(timeout_s=60)("SET", "long", values[1]), "OK")
        check(cluster[0].client()("SET", "short", "1"), "OK")
        cluster[0].kill()
        cluster.start_here()
        wait.until(lambda: holds(cluster[1], "long", digests[1]), "it is found by comparing", 60, 0.2)
        # A new node loads it.
        node = cluster.add(*NO_RATE, "--limits", "none")
        node.start().wait_until_up()
        cluster.wait_until_joined(seconds=60)
        check(holds(node, "long", digests[1]), True, "a new node has it")
        check(node.client()("DEL", "long"), 1)
        for other in cluster:
            wait.until(lambda other=other: other.client()("EXISTS", "long") == 0, "it is deleted everywhere", 20)
        cluster.wait_until_equal()


if __name__ == "__main__":
    run()

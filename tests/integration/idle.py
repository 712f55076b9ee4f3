#!/usr/bin/python3
"""With nothing to do the threads sleep; and what comes then finds them awake in time.

What a wake-up costs depends on the machine, so wake-ups are counted and not processor time (bench/replicas idle measures that)."""
import os

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster, parse_info
from lib.server import Server

NO_RATE = ("--key-write-rate", "0")
WATCHED_S = 6
QUIET_S = 4  # until all have noticed that nothing happens

# A second, of all threads together.  A single server needs about 9, a node of five about 35.
ALONE_MAX, CLUSTER_MAX = 15, 60


def wake_ups(server):
    """Of all threads, so far."""
    folder, count = f"/proc/{server.process.pid}/task", 0
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/status", encoding="ascii") as file:
            count += next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return count


def wake_ups_per_second(servers):
    wait.pass_by(QUIET_S)
    before = [wake_ups(server) for server in servers]
    wait.pass_by(WATCHED_S)
    return [(wake_ups(server) - count) / WATCHED_S for server, count in zip(servers, before)]


@claim
def a_server_with_idle_clients_hardly_wakes_up():
    with Server(*NO_RATE) as server:
        clients = [server.client() for _ in range(3)]
        check(clients[0]("SET", "k", "v"), "OK")
        seen = wake_ups_per_second([server])
        check(seen[0] <= ALONE_MAX, True, seen)


@claim
def nor_does_a_node_of_five():
    with Cluster(5, *NO_RATE) as cluster:
        check(cluster[0].client()("SET", "k", "v"), "OK")
        cluster.wait_until_equal()
        seen = wake_ups_per_second(list(cluster))
        check(max(seen) <= CLUSTER_MAX, True, seen)


@claim
def a_key_that_comes_when_nothing_moved_is_swept_in_time():
    with Server(*NO_RATE) as server:
        client = server.client()
        check(client("SET", "far", "v", "EX", 1000), "OK")
        wait.pass_by(QUIET_S)
        check(client("SET", "near", "v", "PX", 300), "OK")
        wait.until(lambda: client("DBSIZE") == 1, "the key is swept", 1.5)
        check(client("DEL", "far"), 1)
        wait.until(lambda: client("DBSIZE") == 0, "nothing is left", 1)


@claim
def a_write_that_comes_when_nothing_moved_is_on_disk_within_a_second():
    with Server(*NO_RATE, "--appendfsync", "everysec") as server:
        client = server.client()
        for i in range(2):
            wait.until(lambda: unsynced(client) == 0, "nothing waits to be synced", 5)
            wait.pass_by(1)
            check(client("SET", "k", i), "OK")
            wait.until(lambda: unsynced(client) == 0, "the write is synced", 1)


def unsynced(client):
    return parse_info(client("INFO", "persistence"))["rdb_changes_since_last_save"]


@claim
def rates_are_right_though_nothing_was_counted_before():
    with Server(*NO_RATE) as server:
        client = server.client()
        wait.pass_by(QUIET_S)
        client.pipeline(*[("PING",)] * 5000)
        rate = wait.until(lambda: parse_info(client("INFO", "stats"))["instantaneous_ops_per_sec"], "a rate is shown", 1)
        check(1000 <= rate <= 5000, True, rate)  # 5000 in the 1.6 seconds that it looks back


run()

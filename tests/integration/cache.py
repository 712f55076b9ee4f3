#!/usr/bin/python3
"""What stays in memory: what is used, not what is listed; what is known to be missing; and no more than cache-size."""
import re

from lib import wait
from lib.claims import Skip, check, claim, run
from lib.cluster import Cluster
from lib.server import Server, is_sanitized

NO_RATE = ("--key-write-rate", "0")
SMALL = (*NO_RATE, "--max-value-size", "1mb", "--cache-size", "4mb")
BATCH = 500
KEYS = 20_000
LONG_KEYS = 20
HOT = 400
CACHE_MB = 16
BEYOND_CACHE_MB = 12  # buffers of the connection, entries that wait to be freed, what the allocator keeps for each thread


def key_of(number):
    return b"key:%08d" % number


def value_of(number, size=1000):
    return (b"%08d-" % number * (size // 9 + 1))[:size]


def each_batch(count):
    for start in range(0, count, BATCH):
        yield range(start, min(start + BATCH, count))


def load(client, count=KEYS, size=1000):
    for numbers in each_batch(count):
        check(client.pipeline(*(("SET", key_of(n), value_of(n, size)) for n in numbers)), ["OK"] * len(numbers))


def load_long(client):
    for n in range(LONG_KEYS):
        check(client("SET", b"long:%d" % n, value_of(n, 300_000)), "OK")


def info(client, name):
    return int(re.search(rb"\r\n%s:(\d+)\r\n" % name, client("INFO", "everything")).group(1))


def read_hot(client):
    """Reads the hot keys, and says how many of them were not in memory."""
    before = info(client, b"disk_reads")
    for numbers in each_batch(HOT):
        check(client.pipeline(*(("GET", key_of(n)) for n in numbers)), [value_of(n) for n in numbers])
    return info(client, b"disk_reads") - before


def warm_up(client):
    for _ in range(4):
        read_hot(client)
    check(read_hot(client), 0, "hot keys that are not in memory: ")


def scan_all(client):
    cursor, count = b"0", 0
    while True:
        cursor, keys = client("SCAN", cursor, "COUNT", "1000")
        count += len(keys)
        if cursor == b"0":
            return count


def list_all(client):
    cursor, count = None, 0
    while True:
        reply = client("KV.LIST", "WITHVALUES", "LIMIT", "1000", *(("CURSOR", cursor) if cursor else ()))
        reply = dict(zip(reply[0::2], reply[1::2]))
        count += len(reply[b"keys"])
        if reply[b"list_complete"]:
            return count
        cursor = reply[b"cursor"]


@claim
def what_is_used_stays_in_memory_while_all_there_is_is_listed():
    with Server(*SMALL) as server:
        client = server.client(timeout_s=60)
        load(client)
        load_long(client)
        warm_up(client)
        before = {name: info(client, name) for name in (b"disk_reads", b"cache_keys", b"cache_evictions")}
        check(scan_all(client), KEYS + LONG_KEYS)
        check(len(client("KEYS", "*")), KEYS + LONG_KEYS)
        check(list_all(client), KEYS + LONG_KEYS)
        client("DEBUG", "DIGEST")
        check(info(client, b"cache_keys"), before[b"cache_keys"], "what was listed came into memory: ")
        check(info(client, b"cache_evictions"), before[b"cache_evictions"])
        check(read_hot(client), 0, "hot keys that had to be read again: ")


@claim
def what_is_used_stays_in_memory_while_all_keys_are_read_once():
    with Server(*SMALL) as server:
        client = server.client(timeout_s=60)
        load(client)
        warm_up(client)
        for numbers in each_batch(KEYS):
            client.pipeline(*(("GET", key_of(n)) for n in numbers))
        missing = read_hot(client)
        check(missing <= HOT // 100, True, f"{missing} hot keys had to be read again")


@claim
def what_is_used_stays_in_memory_through_a_flood_of_missing_keys():
    with Server(*SMALL) as server:
        client = server.client(timeout_s=60)
        load(client)
        warm_up(client)
        for numbers in each_batch(50_000):
            names = [b"missing:%d" % n for n in numbers]
            check(client.pipeline(*(("GET", name) for name in names + names)), [None] * (2 * len(names)))
        check(read_hot(client), 0, "hot keys that had to be read again: ")


@claim
def a_missing_key_is_looked_for_on_disk_once():
    with Server(*NO_RATE) as server:
        server.client()("SET", "there", "v")
        server.restart()
        client = server.client()
        before = info(client, b"disk_denials")
        for _ in range(5):
            check(client("GET", "missing"), None)
            check(client("EXISTS", "missing"), 0)
            check(client("MGET", "missing", "there"), [None, b"v"])
        check(info(client, b"disk_denials") - before, 1)


@claim
def what_was_missing_is_there_whoever_writes_it():
    with Server(*NO_RATE) as server:
        server.client()("SET", "there", "v")
        server.restart()
        client, other = server.client(), server.client()
        for write in (("SET", "k", "v"), ("APPEND", "k", "v"), ("COPY", "there", "k"), ("KV.PUT", "k", "v"),
                      ("MSET", "other", "1", "k", "v")):
            check(client("GET", "k"), None)
            other(*write)
            check(client("GET", "k"), b"v", f"{write}: ")
            other("DEL", "k")
        check(client("GET", "k"), None)
        other.pipeline(("MULTI",), ("SET", "k", "v"), ("EXEC",))
        check(client("GET", "k"), b"v")


@claim
def what_was_missing_is_there_when_its_database_is_another():
    with Server(*NO_RATE) as server:
        client, other = server.client(), server.client()
        check(client("SET", "k", "v"), "OK")
        other("SELECT", "1")
        server.restart()
        client, other = server.client(), server.client()
        other("SELECT", "1")
        check((client("GET", "k"), other("GET", "k")), (b"v", None))
        check(client("SWAPDB", "0", "1"), "OK")
        check((client("GET", "k"), other("GET", "k")), (None, b"v"))
        check(other("FLUSHDB"), "OK")
        check((client("GET", "k"), other("GET", "k")), (None, None))
        check(other("SET", "k", "new"), "OK")
        check((client("GET", "k"), other("GET", "k")), (None, b"new"))


@claim
def what_was_missing_is_there_when_a_replica_has_it():
    with Cluster(2, *NO_RATE) as cluster:
        cluster[0].client()("SET", "there", "v")
        cluster.wait_until_equal()
        cluster[1].kill()
        cluster[1].start().wait_until_up()
        here, there = cluster[0].client(), cluster[1].client()
        for n in range(20):
            check(there("GET", f"k{n}"), None)
            check(here("SET", f"k{n}", "v"), "OK")
        wait.until(lambda: all(there("GET", f"k{n}") == b"v" for n in range(20)), "the replica's keys are found")


@claim
def what_is_used_stays_in_memory_while_a_replica_loads_and_compares():
    with Cluster(2, *SMALL) as cluster:
        client = cluster[0].client(timeout_s=60)
        load(client, KEYS // 2)
        cluster.wait_until_equal()
        warm_up(client)
        cluster[1].wipe()
        cluster[1].start().wait_until_up()
        wait.until(lambda: cluster[1].client()("DBSIZE") == KEYS // 2, "the new node has all keys", 30, 0.05)
        check(read_hot(client), 0, "hot keys that had to be read again: ")


def anonymous_mb(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) / 1024


def read_all(client, count, size):
    for numbers in each_batch(count):
        check(client.pipeline(*(("GET", key_of(n)) for n in numbers)), [value_of(n, size) for n in numbers])


def measure_growth(size):
    """By how many MB a cache that fills makes the server larger."""
    count = CACHE_MB * 2 * 1024 * 1024 // (size + 100)
    with Server(*NO_RATE, "--cache-size", "1mb") as server:
        load(server.client(timeout_s=60), count, size)
        server.restart()
        client = server.client(timeout_s=60)
        read_all(client, count, size)
        before = anonymous_mb(server)
        check(client("CONFIG", "SET", "cache-size", f"{CACHE_MB}mb"), "OK")
        read_all(client, count, size)
        check(info(client, b"cache_evictions") > 0 and info(client, b"cache_bytes") > (CACHE_MB - 1) << 20, True,
              "the cache is not full")
        check(info(client, b"cache_bytes") <= CACHE_MB << 20, True, "cache_bytes is over cache-size")
        return anonymous_mb(server) - before


@claim
def a_full_cache_takes_no_more_memory_than_it_was_given():
    if is_sanitized():
        raise Skip("memory means nothing under a sanitizer")
    for size in (40, 1000, 20_000):
        growth = measure_growth(size)
        print(f"values of {size} bytes: RssAnon grew by {growth:.1f} MB")
        check(growth <= CACHE_MB + BEYOND_CACHE_MB, True, f"RssAnon grew by {growth:.1f} MB")


if __name__ == "__main__":
    run()

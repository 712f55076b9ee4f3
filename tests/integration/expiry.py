#!/usr/bin/python3
"""Expiry: exact when read, and swept when nobody reads."""
import time

from lib import wait
from lib.claims import check, claim, run
from lib.server import Server

NO_RATE = ("--key-write-rate", "0")


@claim
def a_key_is_there_until_its_time_and_not_a_moment_longer():
    with Server(*NO_RATE) as server:
        client = server.client()
        check(client("SET", "k", "v", "PX", 100), "OK")
        due = client("PEXPIRETIME", "k")
        while True:
            before = now_ms(client)
            value = client("GET", "k")
            after = now_ms(client)
            if value is None:
                check(after >= due, True, f"gone {due - after} ms early")
                break
            check(before <= due, True, f"still there {before - due} ms late")
        check(client.pipeline(("EXISTS", "k"), ("TTL", "k"), ("PTTL", "k"), ("EXPIRETIME", "k"), ("TYPE", "k"), ("STRLEN", "k"),
                              ("MGET", "k"), ("PERSIST", "k"), ("DEL", "k")), [0, -2, -2, -2, "none", 0, [None], 0, 0])


def now_ms(client):
    seconds, micros = client("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


@claim
def expired_keys_are_swept_without_being_read():
    with Server(*NO_RATE) as server:
        client = server.client()
        client.pipeline(*(("SET", f"k{i}", "v", "PX", 100 + i % 200) for i in range(5000)), ("SET", "stays", "v"))
        wait.until(lambda: client("DBSIZE") == 1, "DBSIZE counts the one key that stays", 20)
        check(client("KEYS", "*"), [b"stays"])
        fields = dict(line.split(":", 1) for line in client("INFO", "stats").decode().split("\r\n") if ":" in line)
        check(int(fields["expired_keys"]), 5000)


@claim
def a_new_expiry_replaces_the_old_one():
    with Server(*NO_RATE) as server:
        client = server.client()
        client.pipeline(("SET", "longer", "v", "PX", 50), ("PEXPIRE", "longer", 1_000_000), ("SET", "persistent", "v", "PX", 50),
                        ("PERSIST", "persistent"), ("SET", "overwritten", "v", "PX", 50), ("SET", "overwritten", "w"),
                        ("SET", "kept", "v", "PX", 1_000_000), ("SET", "kept", "w", "KEEPTTL"), ("SET", "brief", "v", "PX", 50))
        wait.until(lambda: client("DBSIZE") == 4, "the brief one is swept")
        check(client("MGET", "longer", "persistent", "overwritten", "kept", "brief"), [b"v", b"v", b"w", b"w", None])
        check(client.pipeline(("TTL", "persistent"), ("TTL", "overwritten")), [-1, -1])
        check(990 <= client("TTL", "kept") <= 1000, True)


@claim
def an_expiry_in_the_past_deletes_at_once():
    with Server(*NO_RATE) as server:
        client = server.client()
        client.pipeline(("SET", "a", "v"), ("SET", "b", "v"), ("SET", "c", "v"))
        check(client.pipeline(("EXPIRE", "a", "-1"), ("PEXPIREAT", "b", "1"), ("GETEX", "c", "PXAT", "1"), ("DBSIZE",)), [1, 1, b"v", 0])


@claim
def the_far_future_is_far():
    with Server(*NO_RATE) as server:
        client = server.client()
        check(client.pipeline(("SET", "k", "v"), ("PEXPIREAT", "k", "9223372036854770000"), ("PEXPIRETIME", "k"), ("GET", "k")),
              ["OK", 1, 9223372036854770000, b"v"])
        server.restart()
        check(server.client()("PEXPIRETIME", "k"), 9223372036854770000)


@claim
def an_expired_key_counts_as_absent_to_writes():
    with Server(*NO_RATE) as server:
        client = server.client()
        client.pipeline(("SET", "n", "41", "PX", 30), ("SET", "s", "old", "PX", 30), ("SET", "x", "old", "PX", 30))
        wait.until(lambda: client("MGET", "n", "s", "x") == [None] * 3, "they have expired")
        check(client.pipeline(("INCR", "n"), ("TTL", "n"), ("SET", "s", "new", "NX"), ("SET", "x", "new", "XX")), [1, -1, "OK", None])


@claim
def many_keys_that_expire_at_once_do_not_stall_others():
    with Server(*NO_RATE) as server:
        client = server.client()
        at = now_ms(client) + 1500
        for start in range(0, 20000, 1000):
            client.pipeline(*(("SET", f"k{i}", "v", "PXAT", at) for i in range(start, start + 1000)))
        longest_s = 0.0
        deadline = time.monotonic() + 30
        while client("DBSIZE") > 0:
            check(time.monotonic() < deadline, True, "swept within 30 s")
            started = time.monotonic()
            check(client("GET", "none"), None)
            longest_s = max(longest_s, time.monotonic() - started)
        check(longest_s < 1.0, True, f"a GET took {longest_s:.2f} s")


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""Keys move to a real Redis and from there: DUMP and RESTORE both ways, and MIGRATE run on the real one."""
import os
import random

from lib.claims import Skip, check, check_error, claim, run
from lib.resp import Simple
from lib.server import RedisServer, Server

PASSWORD = "secret"


def redis():
    if not os.path.exists(RedisServer.executable):
        raise Skip("redis-server is not installed")
    return RedisServer()


def ours(*options):
    return Server("--key-write-rate", "0", *options)


def values():
    """Numbers of every width, lengths around each spelling, bytes that pack well and that don't."""
    chance = random.Random(7)
    numbers = [0, -1, 127, 128, -128, -129, 32767, 32768, -32769, 2**31 - 1, 2**31, -2**31 - 1, 2**63 - 1]
    for number in numbers:
        yield b"%d" % number
    yield from (b"007", b"-0", b" 1", b"")
    for size in (1, 20, 21, 63, 64, 1000, 16383, 16384, 65536):
        yield b"a" * size
        yield chance.randbytes(size)
        yield (b"user:%d,name:anna;" % size * size)[:size]


def move(source, target):
    for number, value in enumerate(values()):
        check(source("SET", "k", value), "OK")
        payload = source("DUMP", "k")
        check(target("RESTORE", f"k{number}", "0", payload), "OK", f"value {number}")
        check(target("GET", f"k{number}"), value, f"value {number}")


@claim
def what_redis_dumps_is_restored_here():
    with redis() as theirs, ours() as server:
        move(theirs.client(), server.client())


@claim
def what_is_dumped_here_is_restored_by_redis():
    with redis() as theirs, ours() as server:
        move(server.client(), theirs.client())


@claim
def types_that_are_not_offered_are_refused_and_nothing_is_stored():
    with redis() as theirs, ours() as server:
        client, target = theirs.client(), server.client()
        client("RPUSH", "list", "a", "b")
        client("HSET", "hash", "f", "v")
        client("SADD", "set", "1", "x")
        client("ZADD", "sorted", "1", "x")
        client("XADD", "stream", "*", "f", "v")
        for key in ("list", "hash", "set", "sorted", "stream"):
            reply = target("RESTORE", key, "0", client("DUMP", key))
            check_error(reply, "ERR Bad data format: the payload is not a string")
            check(target("EXISTS", key), 0)


# --- MIGRATE ---


@claim
def migrate_moves_a_key_with_its_expiry():
    with redis() as theirs, ours() as server:
        source, target = theirs.client(), server.client()
        source("SET", "plain", "value")
        source("SET", "short", "value", "EX", "100")
        for key in ("plain", "short"):
            check(source("MIGRATE", "127.0.0.1", server.port, key, "0", "5000"), "OK")
            check(source("EXISTS", key), 0)
            check(target("GET", key), b"value")
        check(target("TTL", "plain"), -1)
        check(target("TTL", "short") in (99, 100), True)


@claim
def migrate_copies_and_replaces_if_told_to_and_to_any_database():
    with redis() as theirs, ours() as server:
        source, target = theirs.client(), server.client()
        source("SET", "k", "theirs")
        target("SELECT", "9")
        target("SET", "k", "ours")
        reply = source("MIGRATE", "127.0.0.1", server.port, "k", "9", "5000", "COPY")
        check_error(reply, "ERR Target instance replied with error: BUSYKEY")
        check(target("GET", "k"), b"ours")
        reply = source("MIGRATE", "127.0.0.1", server.port, "k", "9", "5000", "COPY", "REPLACE")
        check(reply, "OK")
        check(target("GET", "k"), b"theirs")
        check(source("GET", "k"), b"theirs")


@claim
def migrate_moves_many_keys_at_once():
    with redis() as theirs, ours() as server:
        source, target = theirs.client(), server.client()
        keys = [f"key:{number}" for number in range(500)]
        for key in keys:
            source("SET", key, key * 10)
        reply = source("MIGRATE", "127.0.0.1", server.port, "", "0", "5000", "KEYS", *keys, "nothing")
        check(reply, "OK")
        check(source("DBSIZE"), 0)
        check(target("DBSIZE"), len(keys))
        check(target("GET", keys[17]), (keys[17] * 10).encode())


@claim
def migrate_keeps_what_was_refused():
    with redis() as theirs, ours("--max-value-size", "1000") as server:
        source, target = theirs.client(), server.client()
        source("MSET", "small", "x", "large", "x" * 1001)
        reply = source("MIGRATE", "127.0.0.1", server.port, "", "0", "5000", "KEYS", "small", "large")
        check_error(reply, "ERR Target instance replied with error: VALUETOOLONG")
        check(source("EXISTS", "small", "large"), 1)
        check(target("MGET", "small", "large"), [b"x", None])


@claim
def migrate_gives_the_password():
    with redis() as theirs, ours("--requirepass", PASSWORD) as server:
        source, target = theirs.client(), server.client()
        check(target("AUTH", PASSWORD), Simple("OK"))
        source("MSET", "a", "1", "b", "2")
        there = ("127.0.0.1", server.port, "a", "0", "5000")
        check_error(source("MIGRATE", *there), "ERR Target instance replied with error: NOAUTH")
        reply = source("MIGRATE", *there, "AUTH", "wrong")
        check_error(reply, "ERR Target instance replied with error: WRONGPASS")
        check(source("MIGRATE", *there, "AUTH", PASSWORD), "OK")
        there = ("127.0.0.1", server.port, "b", "0", "5000")
        check(source("MIGRATE", *there, "AUTH2", "default", PASSWORD), "OK")
        check(target("MGET", "a", "b"), [b"1", b"2"])


@claim
def values_at_the_limit_fit_through_restore():
    """Their payload is a little longer than they are."""
    with ours("--limits", "current", "--max-value-size", "2mb") as server:
        client = server.client()
        client("SET", "k", b"x" * (2 << 20))
        payload = client("DUMP", "k")
        check(len(payload) > 2 << 20, True)
        check(client("RESTORE", "copy", "0", payload), "OK")
        check(client("STRLEN", "copy"), 2 << 20)


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""Many connections on several loops doing everything at once: for the thread sanitizer above all."""
import os
import random
import threading

from lib import wait
from lib.claims import check, claim, run
from lib.resp import Closed, Error
from lib.server import Server, is_sanitized

SEED = int(os.environ.get("SEED", "1"))
CLIENTS = 8
TURNS = 300 if is_sanitized() else 1500
# What a command among these may answer: anything but a sign that the server is unwell.
UNWELL = ("MISCONF", "ERR internal", "OOM")


def random_command(chance):
    key, other = (f"k{chance.randrange(200)}" for _ in range(2))
    return chance.choice((
        ("GET", key), ("GET", key), ("GET", key), ("SET", key, "v" * chance.choice((1, 100, 5000))), ("SET", key, "v", "PX", 20),
        ("DEL", key, other), ("MGET", key, other), ("MSET", key, "1", other, "2"), ("INCR", f"n{chance.randrange(5)}"),
        ("APPEND", key, "x"), ("RENAME", key, other), ("COPY", key, other), ("EXPIRE", key, "1"), ("PERSIST", key), ("TTL", key),
        ("SCAN", "0", "COUNT", "50"), ("DBSIZE",), ("RANDOMKEY",), ("KV.PUT", key, "v", "META", "{}"), ("KV.GET", key),
        ("KV.LIST", "LIMIT", "20"), ("OBJECT", "ENCODING", key), ("MEMORY", "USAGE", key), ("SELECT", chance.choice("012")), ("WATCH", key),
        ("MULTI",), ("EXEC",), ("EXEC",), ("DISCARD",), ("UNWATCH",), ("INFO",), ("CLIENT", "LIST"), ("CLIENT", "SETNAME", key), ("TIME",),
        ("CONFIG", "GET", "*"), ("CONFIG", "SET", "slowlog-log-slower-than", str(chance.randrange(10000))), ("SLOWLOG", "GET"),
        ("WAIT", "0", "0"), ("SWAPDB", "1", "2"), ("NAMESPACE", "LIST"), ("NAMESPACE", "INFO", "db0"), ("NAMESPACE", "CREATE", f"t{chance.randrange(4)}"),
        ("NAMESPACE", "DELETE", f"t{chance.randrange(4)}"), ("SELECT", f"t{chance.randrange(4)}"), ("COMMAND", "COUNT"), ("FLUSHDB",) if
        chance.random() < 0.2 else ("PING",), ("HELLO", chance.choice("23")), ("RESET",), ("SAVE",) if chance.random() < 0.1 else ("ECHO", "x"),
    ))


def everything_at_once(*options):
    with Server("--key-write-rate", "0", "--io-threads", "4", *options) as server:
        problems = []

        def work(number):
            chance = random.Random(f"{SEED}/{number}")
            try:
                client = server.client()
                for turn in range(TURNS):
                    if chance.random() < 0.01:
                        client.close()
                        client = server.client()
                    for answer in client.pipeline(*(random_command(chance) for _ in range(chance.randrange(1, 8)))):
                        if isinstance(answer, Error) and answer.startswith(UNWELL):
                            problems.append(answer)
            except (Closed, OSError, AssertionError) as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(server.is_alive(), True, server.log())
        check(problems, [])
        counts_agree(server)


def counts_agree(server):
    """DBSIZE equals the number of keys that can be listed, once what has expired is swept."""
    client = server.client()
    for database in "012":
        client("SELECT", database)
        wait.until(lambda: client("DBSIZE") == len(set(client("KEYS", "*"))), f"DBSIZE and KEYS agree in {database}")


@claim
def everything_at_once_with_appendfsync_everysec():
    everything_at_once("--appendfsync", "everysec")


@claim
def everything_at_once_with_appendfsync_always_and_a_tiny_cache():
    everything_at_once("--appendfsync", "always", "--cache-size", "1mb")


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""Many keys in little memory: no stalls on the way in, a quick restart, memory within its bound.

KEYS=2000000 STALL_S=0.2 tests/integration/load.py   for a large store on a machine with nothing else to do."""
import os
import threading
import time

from lib.claims import Skip, check, claim, run
from lib.resp import encode
from lib.server import Server, is_sanitized

KEYS = int(os.environ.get("KEYS", "300000"))
CONNECTIONS = 8
BATCH = 100
CACHE_MB = 16
BEYOND_CACHE_MB = 200
STALL_S = float(os.environ.get("STALL_S", "1"))
RESTART_S = 1.0


def key_of(number):
    return b"key:%012d" % number


def value_of(number):
    return (b"%012d-" % number * 8)[:100]


class Loader(threading.Thread):
    """Loads its share of the keys in pipelines and keeps how long each took."""

    def __init__(self, client, first):
        super().__init__(daemon=True)
        self.client = client
        self.first = first
        self.seconds = []

    def run(self):
        for begin in range(self.first * BATCH, KEYS, CONNECTIONS * BATCH):
            numbers = range(begin, min(begin + BATCH, KEYS))
            started = time.monotonic()
            self.client.send_bytes(b"".join(encode("SET", key_of(n), value_of(n)) for n in numbers))
            for _ in numbers:
                check(self.client.read(), "OK")
            self.seconds.append(time.monotonic() - started)


def load(server):
    loaders = [Loader(server.client(), number) for number in range(CONNECTIONS)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    return sorted(second for loader in loaders for second in loader.seconds)


def anonymous_mb(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    raise AssertionError("the system does not tell RssAnon")


@claim
def many_keys_load_without_stalls_in_bounded_memory_and_are_back_at_once():
    if is_sanitized():
        raise Skip("memory and time mean nothing under a sanitizer")
    with Server("--cache-size", f"{CACHE_MB}mb") as server:
        seconds = load(server)
        stall = seconds[int(len(seconds) * 0.999)]
        check(stall <= STALL_S, True, f"p99.9 of a pipeline of {BATCH} is {stall:.3f} s")
        memory = anonymous_mb(server)
        check(memory <= CACHE_MB + BEYOND_CACHE_MB, True, f"RssAnon is {memory:.0f} MB")
        server.kill()
        started = time.monotonic()
        server.start()
        took = time.monotonic() - started
        check(took <= RESTART_S, True, f"the restart took {took:.2f} s")
        client = server.client()
        check(client("DBSIZE"), KEYS)
        for number in range(0, KEYS, KEYS // 100):
            check(client("GET", key_of(number)), value_of(number))


if __name__ == "__main__":
    run()

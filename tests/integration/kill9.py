#!/usr/bin/python3
"""kill -9 under load with appendfsync always: what was acknowledged is there, and nothing by half.

ROUNDS=50 tests/integration/kill9.py   for a long run; SEED=... for the same one again."""
import os
import random
import threading

from lib import wait
from lib.claims import check, claim, run
from lib.resp import Closed, Error, encode
from lib.server import Server

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SEED = int(os.environ.get("SEED", "1"))
WRITERS = 4


class Writer(threading.Thread):
    """One connection that writes keys nobody else writes, and remembers what it sent and what was
    acknowledged.  What may be found afterwards: any state between the two."""

    def __init__(self, client, name, seed, begin):
        super().__init__(daemon=True)
        self.client = client
        self.name = name
        self.random = random.Random(seed)
        self.states = {key: [value] for key, value in begin.items()}  # key -> its values so far
        self.sent = []  # the keys each command changed
        self.acknowledged = 0
        self.settled = {key: 0 for key in begin}  # key -> index of its last acknowledged value
        self.error = None

    def run(self):
        try:
            while True:
                batch = [self._command() for _ in range(self.random.randint(1, 16))]
                self.client.send_bytes(b"".join(encode(*words) for words in batch))
                for _ in batch:
                    answer = self.client.read()
                    if isinstance(answer, Error):
                        raise AssertionError(answer)
                    self._acknowledge()
        except (Closed, OSError):
            pass
        except AssertionError as error:
            self.error = error

    def _command(self):
        """A command's words; its effect is noted as sent."""
        number = str(len(self.sent)).encode()
        kind = self.random.random()
        if kind < 0.15:
            return self._note(["MSET"], {self._key("left"): number, self._key("right"): number})
        if kind < 0.25:
            key = self._key("count")
            return self._note(["INCR", key], {key: str(int(self._last(key) or 0) + 1).encode()}, [])
        key = self._key(self.random.randint(0, 2000))
        if kind < 0.35:
            return self._note(["DEL", key], {key: None}, [])
        return self._note(["SET"], {key: number * self.random.choice((1, 10, 3000))})

    def _note(self, words, changes, tail=None):
        for key, value in changes.items():
            self.states.setdefault(key, [None]).append(value)
        self.sent.append(list(changes))
        return words + ([word for pair in changes.items() for word in pair] if tail is None else tail)

    def _acknowledge(self):
        for key in self.sent[self.acknowledged]:
            self.settled[key] = self.settled.get(key, 0) + 1
        self.acknowledged += 1

    def _key(self, suffix):
        return f"{self.name}:{suffix}".encode()

    def _last(self, key):
        return self.states.get(key, [None])[-1]

    def check(self, client):
        """Compares with what is there now, and returns it."""
        keys = sorted(self.states)
        found = dict(zip(keys, client.pipeline(*(("GET", key) for key in keys))))
        for key, value in found.items():
            allowed = self.states[key][self.settled.get(key, 0):]
            if value not in allowed:
                raise AssertionError(f"{key!r}: found {value!r:.80}, neither acknowledged nor under way "
                                     f"({len(allowed)} values, the first {allowed[0]!r:.80})")
        check(found.get(self._key("left")), found.get(self._key("right")), "an MSET by half")
        return found


def count_by_scan(client):
    keys, cursor = set(), b"0"
    while True:
        cursor, some = client("SCAN", cursor, "COUNT", "1000")
        keys.update(some)
        if cursor == b"0":
            return len(keys)


def one_round(server, number, begins):
    """Load, kill -9, restart, look; returns what each writer's keys hold now."""
    writers = [Writer(server.client(), f"w{i}", f"{SEED}/{number}/{i}", begin) for i, begin in enumerate(begins)]
    for writer in writers:
        writer.start()
    target = random.Random(f"{SEED}/{number}").randint(100, 3000)
    wait.until(lambda: sum(writer.acknowledged for writer in writers) >= target
               or any(not writer.is_alive() for writer in writers), f"{target} writes", 60, 0.001)
    server.kill()
    for writer in writers:
        writer.join()
        if writer.error:
            raise writer.error
    server.start()
    client = server.client()
    found = [writer.check(client) for writer in writers]
    check(client("DBSIZE"), count_by_scan(client), "DBSIZE and the keys listed")
    check(client("DBSIZE"), sum(value is not None for keys in found for value in keys.values()))
    return found


@claim
def no_acknowledged_write_is_lost_and_dbsize_is_right():
    with Server("--appendfsync", "always", "--key-write-rate", "0") as server:
        begins = [{} for _ in range(WRITERS)]
        for number in range(ROUNDS):
            begins = one_round(server, number, begins)


@claim
def a_large_value_is_there_whole_or_not_at_all():
    old, new = b"o" * 3_000_000, b"n" * 5_000_000
    with Server("--appendfsync", "always", "--limits", "current", "--key-write-rate", "0") as server:
        for number in range(ROUNDS):
            client = server.client()
            check(client("SET", "large", old), "OK")
            client.send("SET", "large", new)
            # Killed somewhere between the first byte and the reply: a different point in each round.
            bystander = server.client()
            for _ in range(number * 3):
                bystander("PING")
            server.kill()
            server.start()
            found = server.client()("GET", "large")
            check(found in (old, new), True, f"{len(found or b'')} bytes found")
            check(server.client()("DBSIZE"), 1)


if __name__ == "__main__":
    run()

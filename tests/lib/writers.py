"""Clients that keep writing while something else happens.

    with Writer(node, "w0") as writer:
        ...
    writer.acknowledged          key -> the value last acknowledged, None = deleted
"""
import random
import threading
import time

from lib.resp import Closed, Error


class Writer(threading.Thread):
    """Writes keys that nobody else writes, `per_second` of them, each `SET` or now and then `DEL`.

    A node that ends is tried again until stop().  An acknowledged write must be found everywhere in
    the end; of one that was under way when its node ended nothing is known: see uncertain."""

    def __init__(self, node, name, per_second=200, keys=300, delete_share=0.15, seed=1, allowed_errors=()):
        super().__init__(daemon=True)
        self.node, self.name = node, name
        self.interval_s = 1 / per_second
        self.keys, self.delete_share = keys, delete_share
        self.random = random.Random(f"{seed}/{name}")
        self.allowed_errors = allowed_errors
        self.acknowledged = {}
        self.uncertain = set()
        self.slowest_s = 0.0
        self.count = 0
        self.error = None
        self.is_stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    def stop(self):
        self.is_stopping.set()
        self.join(60)
        if self.error is not None:
            raise self.error

    def run(self):
        try:
            while not self.is_stopping.is_set():
                try:
                    with self.node.client(timeout_s=60) as client:
                        self._write_with(client)
                except (OSError, Closed):
                    self.is_stopping.wait(0.01)
        except AssertionError as error:
            self.error = error

    def _write_with(self, client):
        due = time.monotonic()
        while not self.is_stopping.is_set():
            self._write(client)
            due += self.interval_s
            if due > time.monotonic():
                self.is_stopping.wait(due - time.monotonic())
            else:
                due = time.monotonic()

    def _write(self, client):
        key = b"%s:%d" % (self.name.encode(), self.random.randrange(self.keys))
        value = None if self.random.random() < self.delete_share else b"%d" % self.count
        self.count += 1
        was_uncertain = key in self.uncertain
        self.uncertain.add(key)
        started = time.monotonic()
        answer = client("DEL", key) if value is None else client("SET", key, value)
        self.slowest_s = max(self.slowest_s, time.monotonic() - started)
        if not isinstance(answer, Error):
            self.acknowledged[key] = value
            self.uncertain.discard(key)
        elif answer.word not in self.allowed_errors:
            raise AssertionError(f"{key!r}: {answer}")
        elif not was_uncertain:
            self.uncertain.discard(key)

    def check(self, records):
        """`records`: what a node holds, as cluster.records_of() tells it."""
        for key, value in self.acknowledged.items():
            found = records[key][0] if key in records else None
            if key not in self.uncertain and found != value:
                raise AssertionError(f"{key!r}: acknowledged was {value!r}, found is {records.get(key)}")


def load(node, count, prefix="k", value="v" * 20, batch=1000, database=0):
    """So many keys, as fast as they are taken."""
    client = node.client(timeout_s=60)
    client("SELECT", database)
    for start in range(0, count, batch):
        words = [word for i in range(start, min(start + batch, count)) for word in (f"{prefix}{i:07d}", value)]
        answer = client("MSET", *words)
        if answer != "OK":
            raise AssertionError(answer)

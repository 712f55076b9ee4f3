#!/usr/bin/python3
"""The write rate of a key across replicas, and what many replicas cost when nothing happens."""
import glob
import os
import statistics
import threading
import time

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.cluster import Cluster
from lib.disk import SmallDisk, value_of
from lib.resp import Error

HOT_S = 6
IDLE_S = 6
PERCENT_MAX = 0.75  # half a percent is the aim, on a machine with nothing else to do


class Hammer(threading.Thread):
    """Tries to write one key all the time, though not so often that clients have all of the machine."""

    def __init__(self, node, ends):
        super().__init__(daemon=True)
        self.client = node.client()
        self.ends = ends
        self.accepted = []
        self.others = set()
        self.start()

    def run(self):
        while time.monotonic() < self.ends:
            answer = self.client("SET", "hot", time.monotonic())
            if answer == "OK":
                self.accepted.append(time.monotonic())
            else:
                self.others.add(answer.word)
            wait.pass_by(0.002)


def hammer_all(cluster):
    """Accepted writes a second."""
    ends = time.monotonic() + HOT_S
    hammers = [Hammer(node, ends) for node in cluster]
    for hammer in hammers:
        hammer.join(HOT_S + 30)
    print(f"accepted by each node: {[len(hammer.accepted) for hammer in hammers]}")
    check({word for hammer in hammers for word in hammer.others}, {"RATELIMIT"})
    return sum(len(hammer.accepted) for hammer in hammers) / HOT_S


@claim
def a_hot_key_takes_one_write_a_second_from_all_five_together():
    with Cluster(5) as cluster:
        # A key that is new everywhere can be made on several nodes at the same moment.
        check(cluster[0].client().pipeline(("SET", "hot", "0"), ("WAIT", 4, 5000)), ["OK", 4])
        # What else runs on the machine may hold up one message for longer than any before.
        rate = wait.until(lambda: (rate := hammer_all(cluster)) <= 1.1 and rate, "the rate holds", 3 * HOT_S)
        check(rate >= 0.7, True, f"{rate:.2f} writes a second")
        cluster.wait_until_equal()


@claim
def replication_is_never_refused_by_the_write_rate():
    with Cluster(2, proxied=True) as cluster:
        cluster.partition([0], [1])
        check([node.client()("SET", "k", node.number) for node in cluster], ["OK", "OK"])
        cluster.heal()
        cluster.wait_until_equal()
        check(isinstance(cluster[0].client()("SET", "other", "1"), Error), False)


def cpu_s(node):
    """Processor time of all its threads, to the nanosecond."""
    used_ns = 0
    for path in glob.glob(f"/proc/{node.process.pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as file:
            used_ns += int(file.read().split()[0])
    return used_ns / 1e9


@claim
def five_idle_nodes_cost_next_to_nothing():
    with Cluster(5, namespaces=True) as cluster:
        check(cluster[0].client()("SET", "k", "v"), "OK")
        cluster.wait_until_equal()
        cluster.wait_until_compared()
        wait.pass_by(2)
        before = [(cpu_s(node), sum(cluster.network.bytes_on_wire(node.number))) for node in cluster]
        started = time.monotonic()
        wait.pass_by(IDLE_S)
        elapsed = time.monotonic() - started
        after = [(cpu_s(node), sum(cluster.network.bytes_on_wire(node.number))) for node in cluster]
        percent = [100 * (a[0] - b[0]) / elapsed for a, b in zip(after, before)]
        # Each of the ten links is seen at both of its ends.
        link = sum(a[1] - b[1] for a, b in zip(after, before)) / 20 / elapsed
        print(f"processor {', '.join(f'{p:.2f}' for p in percent)} %, {link:.0f} bytes a second on a link")
        check(link <= 2048, True, f"{link:.0f} bytes a second")
        check(statistics.median(percent) <= PERCENT_MAX, True, f"{percent}")


@claim
def a_full_disk_on_one_node_leaves_the_others_alone():
    with Cluster(3, "--key-write-rate", "0") as cluster, \
            SmallDisk(os.path.join(cluster[2].scratch, "disk"), 128, 96) as disk:
        cluster[2].wipe()
        cluster[2].directory = os.path.join(disk.path, "data")
        cluster[2].start().wait_until_up()
        cluster.wait_until_joined()
        client, count = cluster[0].client(), 600
        for number in range(count):
            check(client("SET", f"k{number}", value_of(number)), "OK")
        wait.until(lambda: isinstance(cluster[2].client()("SET", "own", "1"), Error), "the small disk is full", 20)
        check_error(cluster[2].client()("SET", "own", "1"), "MISCONF")
        wait.until(lambda: cluster[1].client()("EXISTS", *(f"k{i}" for i in range(count))) == count,
                   "the others have all", 20)
        check(client("DEL", *(f"k{i}" for i in range(100, count))), count - 100)
        disk.free_space()
        wait.until(lambda: cluster[2].client()("SET", "own", "1") == "OK", "writes are taken again", 60)
        cluster.wait_until_equal(seconds=60)


if __name__ == "__main__":
    run()

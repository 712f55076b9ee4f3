#!/usr/bin/python3
"""Everything that can go wrong with replicas, at random: in the end all hold the same, and nothing acknowledged is lost.

SEED= chooses the accidents, ROUNDS= how often (3) all is healed and checked, WORKERS= how many write (3).
"""
import os
import random
import subprocess
import threading
import time

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster, difference, keys_of, state_of
from lib.resp import Closed, Error
from lib.server import StartError

SEED = int(os.environ.get("SEED", "1"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKERS = int(os.environ.get("WORKERS", "3"))

ROUND_S = 3
SPACES = (b"db0", b"db1", b"third")
KEYS = 150
ANSWER_S = 2  # who does not answer by then is left alone; its write may have happened
SHORT_MS = (200, 2500)
LONG_MS = 10_000_000
DISK_MB = 96
HEAL_S = 60

LATER = "~"  # behind every version
NEVER = ""   # before every version

# What a node may answer that is not ready, or has lost its disk.
REFUSALS = ("LOADING", "MISCONF", "READONLY", "STALE", "LEAVING")


class Write:
    """One command that may have changed a key, or (key None) emptied a namespace.

    Its version is between two others, or known.  It may not have happened at all (is_sure False), or be
    lost with the disk of the node that took it (where it is sure, but on no other node)."""

    def __init__(self, kind, life, value=None, expires=False):
        self.kind, self.life, self.value, self.expires = kind, life, value, expires
        self.after, self.until = NEVER, LATER
        self.is_sure = self.is_elsewhere = False

    def leaves_nothing(self):
        """Now that all that was to expire has."""
        return self.kind in ("delete", "flush") or self.expires

    def may_be(self, version):
        return self.after <= version <= self.until

    def __repr__(self):
        return (f"{self.kind} {self.value} {self.after}..{self.until} sure={self.is_sure} elsewhere={self.is_elsewhere} "
                f"expires={self.expires} life={self.life}")


class History:
    """All writes by (namespace, key), and what they allow to be there in the end."""

    def __init__(self):
        self.lock = threading.Lock()
        self.writes = {}
        self.lost = set()

    def add(self, space, key, write):
        with self.lock:
            self.writes.setdefault((space, key), []).append(write)
        return write

    def lose(self, life):
        """The disk on which these lay is gone."""
        with self.lock:
            self.lost.add(life)
            for writes in self.writes.values():
                for write in writes:
                    if write.life == life and not write.is_elsewhere:
                        write.is_sure = False

    def acknowledge(self, write):
        with self.lock:
            write.is_sure = write.life not in self.lost

    def copied(self, write):
        """Another node has it, too."""
        with self.lock:
            write.is_sure = write.is_elsewhere = True

    def settle(self):
        """All nodes hold everything now: no disk that is lost later takes any of it along."""
        with self.lock:
            for writes in self.writes.values():
                for write in writes:
                    write.is_elsewhere = True

    def check(self, state):
        for (space, key), writes in self.writes.items():
            if key is not None:
                records = state[space][3] if space in state else {}
                self._check_key(space, key, writes + self.writes.get((space, None), []), records.get(key))

    def _check_key(self, space, key, writes, found):
        told = "".join(f"\n  {write}" for write in sorted(writes, key=lambda write: write.after))
        told = f"{space!r} {key!r} is {found}; of it is known:{told}"
        least = max((write.after for write in writes if write.is_sure), default=NEVER)
        if found is None:
            check(least == NEVER or any(write.leaves_nothing() and write.until >= least for write in writes), True, told)
            return
        value, version = found[0], found[3].decode()
        check(version >= least, True, f"a later write was acknowledged: {told}")
        check(any(write.kind != "delete" and write.kind != "flush" and write.may_be(version) for write in writes), True,
              f"nobody wrote this version: {told}")
        check(any(write.value == value for write in writes), True, f"nobody wrote this value: {told}")
        exact = [write for write in writes if write.after == write.until == version]
        check(all(write.value == value and not write.expires for write in exact), True, f"it should be gone, or another: {told}")


class Worker(threading.Thread):
    """Writes to one node after the other."""

    def __init__(self, chaos, number):
        super().__init__(daemon=True)
        self.chaos, self.history = chaos, chaos.history
        self.random = random.Random(f"{SEED}/{number}")
        self.marker = f"marker-{number}".encode()
        self.count = 0
        self.acknowledged = 0
        self.is_stopping = threading.Event()
        self.error = None

    def stop(self):
        self.is_stopping.set()
        self.join(60)
        check(self.is_alive(), False, "a client hangs")
        if self.error is not None:
            raise self.error

    def run(self):
        try:
            while not self.is_stopping.is_set():
                try:
                    self._visit(self.random.choice(self.chaos.nodes()))
                except (OSError, Closed):
                    self.is_stopping.wait(0.02)
        except Exception as error:  # shown by who waits for us
            self.error = error

    def _visit(self, node):
        self.life = self.chaos.lives[node.number]
        with node.client(timeout_s=ANSWER_S) as client:
            client("HELLO", 3)
            for _ in range(self.random.randrange(1, 60)):
                if self.is_stopping.is_set():
                    return
                self.space = self.random.choice(SPACES)
                if client("NAMESPACE", "USE", self.space) != "OK":
                    return
                self._write(client)

    def _write(self, client):
        chance = self.random.random()
        if chance < 0.60:
            self._put(client)
        elif chance < 0.85:
            self._between(client, "delete", "DEL")
        elif chance < 0.99:
            self._between(client, "touch", "PEXPIRE", *self.random.choice((SHORT_MS[:1], (LONG_MS,))))
        else:
            self._between(client, "flush", "FLUSHDB")

    def _key(self):
        return b"k%03d" % self.random.randrange(KEYS)

    def _value(self):
        self.count += 1
        return b"%s:%d:" % (self.marker, self.count) + b"x" * self.random.choice((0, 10, 100, 5000))

    def _put(self, client):
        value, words, expires = self._value(), [], False
        if self.random.random() < 0.3:
            words += ["META", '{"n":%d}' % self.count]
        if self.random.random() < 0.2:
            expires = True
            words += ["PX", self.random.randrange(*SHORT_MS)]
        key = self._key()
        write = self.history.add(self.space, key, Write("put", self.life, value, expires))
        self._done(write, client("KV.PUT", key, value, *words))
        if write.is_sure and self.random.random() < 0.2:
            if client("WAIT", 1, 300) >= 1:
                self.history.copied(write)

    def _done(self, write, answer):
        """The answer is a version, or an error: then nothing has happened."""
        if isinstance(answer, Error):
            check(answer.word in REFUSALS, True, answer)
            write.until = NEVER
            self.is_stopping.wait(0.005)
            return
        write.after = write.until = answer.decode()
        self.history.acknowledge(write)
        self.acknowledged += 1

    def _mark(self, client):
        """A version of now, by a write to a key of our own."""
        write = self.history.add(self.space, self.marker, Write("put", self.life, self._value()))
        self._done(write, client("KV.PUT", self.marker, write.value))
        return write.after

    def _between(self, client, kind, name, *words):
        """A command that does not tell its version: between two that do."""
        key = None if kind == "flush" else self._key()
        after = self._mark(client)
        if after == NEVER:
            return
        write = Write(kind, self.life, expires=words == SHORT_MS[:1])
        write.after = after
        self.history.add(self.space, key, write)
        answer = client(name, *((key,) if key is not None else ()), *words)
        if isinstance(answer, Error) or answer == 0:
            write.after = write.until = NEVER
            return
        self.history.acknowledge(write)
        write.until = self._mark(client) or LATER


class Chaos:
    def __init__(self, cluster):
        self.cluster = cluster
        self.random = random.Random(SEED)
        self.history = History()
        self.lives = {node.number: f"{node.number}.0" for node in cluster}
        self.left = set()
        self.lost = 0  # disks, or nodes, in this round
        self.small = None
        self.did = []

    def nodes(self):
        return [node for node in list(self.cluster.nodes) if node.number not in self.left and node.number in self.lives]

    def running(self):
        return [node for node in self.nodes() if node.is_alive()]

    # --- accidents ---

    def strike(self):
        """One accident, and what belongs to it."""
        accident = self.random.choice((self.crash, self.crash, self.freeze, self.freeze, self.cut, self.cut, self.cut_one_way,
                                       self.reset, self.lose, self.end, self.wipe, self.leave, self.fill, self.crash_all))
        node = self.random.choice(self.nodes())
        self.did.append(f"{accident.__name__} {node.number}")
        accident(node)

    def pause(self, most_s):
        wait.pass_by(self.random.random() * most_s)

    def is_up(self, node):
        """Nobody can start on a full disk."""
        try:
            node.wait_until_up()
        except StartError:
            check(node is self.small_node() and os.path.exists(self.ballast()), True, f"node {node.number} has ended:\n{node.log()}")
            return False
        return True

    def see(self, node):
        """Reports of a sanitizer would be gone with the next start."""
        node._check_reports()

    def crash(self, node):
        if node.is_alive():
            self.see(node)
            node.kill()
        self.pause(1)
        node.launch()
        self.pause(0.5)

    def crash_all(self, _):
        for node in self.running():
            self.see(node)
            node.kill()
        for node in self.nodes():
            node.launch()

    def end(self, node):
        if self.is_up(node):
            node.stop()
        self.pause(0.5)
        node.launch()

    def freeze(self, node):
        if node.is_alive():
            node.freeze()
            self.pause(2.5)
            node.thaw()

    def cut(self, node):
        others = [other.number for other in self.nodes() if other is not node]
        self.cluster.partition([node.number], others)
        self.pause(2)
        if self.random.random() < 0.5:
            self.cluster.heal()

    def cut_one_way(self, node):
        other = self.random.choice([other for other in self.nodes() if other is not node])
        self.cluster.relay.cut_one_way(node.number, other.number)
        self.pause(2)

    def reset(self, node):
        for other in self.nodes():
            if other is not node:
                self.random.choice((self.cluster.relay.reset, self.cluster.relay.half_open))(node.number, other.number)

    def lose(self, _):
        for rules in self.cluster.relay.each_rules(len(self.cluster)):
            rules.drop = self.random.choice((0, 0.02, 0.2))
            rules.duplicate = self.random.choice((0, 0.1))
            rules.reorder = self.random.choice((0, 0.1))
            rules.delay_s = self.random.choice((0, 0.002, 0.05))

    def wipe(self, node):
        """What only this node had is lost; so no other may lose its disk until all is healed."""
        if self.lost:
            return
        self.lost = 1
        if node.is_alive():
            self.see(node)
        old = self.lives[node.number]
        node.wipe()
        self.lives[node.number] = old.split(".")[0] + f".{time.monotonic()}"
        self.history.lose(old)
        self.pause(0.5)
        node.launch()

    def leave(self, node):
        """One goes, in peace and with all others there, and another comes."""
        if self.lost or node is self.small_node():
            return
        self.lost = 1
        self.revive()
        client = node.client()
        check(client("GOSSIP", "LEAVE"), "OK")
        wait.until(lambda: node.info()["gossip_state"] == "left", "it has left", HEAL_S, 0.05)
        self.left.add(node.number)
        node.stop()
        new = self.cluster.add(*node.options)
        self.lives[new.number] = f"{new.number}.0"
        new.launch()

    def fill(self, _):
        """The small disk takes no more."""
        node = self.small_node()
        if node is None:
            return
        try:
            with open(self.ballast(), "wb", buffering=0) as file:
                while True:
                    file.write(b"b" * (1 << 18))
        except OSError:
            pass
        self.pause(2)
        if self.random.random() < 0.7:
            os.remove(self.ballast())

    # --- the small disk ---

    def mount(self):
        """The last node's data lie on a file system of their own, if one can be had."""
        node = self.cluster[len(self.cluster) - 1]
        path = os.path.join(node.scratch, "disk")
        os.makedirs(path)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", path],
                          capture_output=True, check=False).returncode == 0:
            self.small = path
            node.stop()
            node.directory = os.path.join(path, "data")
            node.launch()
            self.revive()

    def unmount(self):
        if self.small is not None:
            subprocess.run(["umount", "-l", self.small], check=False)

    def small_node(self):
        return next((node for node in self.nodes() if self.small and node.directory.startswith(self.small)), None)

    def ballast(self):
        return os.path.join(self.small, "ballast")

    # --- the end of a round ---

    def revive(self):
        self.cluster.heal()
        if self.small is not None and os.path.exists(self.ballast()):
            os.remove(self.ballast())
        for node in self.nodes():
            if not node.is_alive():
                node.launch()
            node.thaw()
        for node in self.nodes():
            node.wait_until_up()
        self.cluster.wait_until_joined(self.nodes(), HEAL_S)

    def heal(self):
        """All is well again, and everything that was to expire has."""
        self.revive()
        wait.pass_by(SHORT_MS[1] / 1000)
        nodes = self.nodes()
        state = self.cluster.wait_until_equal(nodes, HEAL_S)
        self.history.check(state)
        self.history.settle()
        self.lost = 0
        wait.until(lambda: all(node.info()["tombstones"] == 0 for node in nodes),
                   f"no tombstones are left: {[node.info() for node in nodes]}", HEAL_S, 0.05)
        self.cluster.wait_until_compared(nodes, HEAL_S)
        before = self.differences(nodes)
        self.cluster.wait_until_compared(nodes, HEAL_S)
        check(self.differences(nodes), before, "comparing finds differences where there are none")
        for node in nodes:
            check(difference(state, state_of(node)), "nothing differs any more", "nobody writes, and something changed")
            check(node.info()["merge_conflicts"], 0)
            check(node.info()["digest_mismatches"], 0)
            check_counts(node, state)
            self.see(node)
        return sum(len(rest[3]) for rest in state.values())

    def differences(self, nodes):
        return [[peer["diffs"] for peer in node.peers().values()] for node in nodes]


def check_counts(node, state):
    with node.client() as client:
        client("HELLO", 3)
        for space in state:
            client("NAMESPACE", "USE", space)
            check(client("DBSIZE"), len(keys_of(client)), f"DBSIZE of {space!r} on node {node.number}")


@claim
def after_everything_that_can_go_wrong_all_hold_the_same_and_nothing_acknowledged_is_lost():
    chaos = None
    try:
        with Cluster(3, "--key-write-rate", "0", proxied=True) as cluster:
            chaos = Chaos(cluster)
            chaos.mount()
            check(cluster[0].client()("NAMESPACE", "CREATE", SPACES[2]), "OK")
            cluster.wait_until_equal()
            for number in range(ROUNDS):
                play(chaos, number)
    except BaseException:
        print(f"seed {SEED}: {', '.join(chaos.did) if chaos else ''}", flush=True)
        raise
    finally:
        if chaos:
            chaos.unmount()


def play(chaos, number):
    workers = [Worker(chaos, f"{number}{i}") for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    end = time.monotonic() + ROUND_S
    first = len(chaos.did)
    while time.monotonic() < end:
        chaos.pause(0.5)
        chaos.strike()
    for worker in workers:
        worker.stop()
    started = wait.now_ms()
    left = chaos.heal()
    print(f"round {number}: {sum(worker.acknowledged for worker in workers)} writes, {left} keys left, healed in "
          f"{wait.now_ms() - started} ms; {', '.join(chaos.did[first:])}", flush=True)


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""Whoever finds a gossip port and does not know the secret: learns nothing, breaks nothing, and costs next to nothing."""
import os
import random
import re
import socket
import ssl
import struct
import threading
import time

from lib import wait
from lib.claims import check, claim, run
from lib.cluster import Cluster
from lib.faultproxy import frame_size
from lib.resp import encode
from lib.server import is_sanitized

SEED = int(os.environ.get("SEED", "1"))
CROWD = 200
UNKNOWN_MAX = 64   # links without proof that the server keeps
HANDSHAKE_S = 5    # ... and for how long
GROWTH_KB = 8192
SLOWEST_S = 0.5

NOT_GOSSIP = b"-NOAUTH this is a gossip port, and what came is not gossip\r\n"
NOT_YET = b"-NOAUTH this is a gossip port: HELLO and AUTH come first\r\n"
WRONG_SECRET = b"-NOAUTH wrong cluster secret\r\n"


# --- who attacks ---


def dial(node):
    sock = socket.create_connection(("127.0.0.1", node.gossip_port), timeout=HANDSHAKE_S + 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def say(node, words):
    """What a node says to that, until it ends the connection."""
    with dial(node) as sock:
        sock.sendall(words)
        return hear(sock)


def hear(sock):
    heard = b""
    try:
        while more := sock.recv(1 << 16):
            heard += more
    except ConnectionResetError:
        pass
    return heard


def hear_frame(sock):
    heard = b""
    while not frame_size(heard):
        more = sock.recv(1)  # not a byte of the next one
        check(more != b"", True, f"the connection ended behind {heard!r}")
        heard += more
    return heard


class Tap:
    """Stands between a node that dials and one that is dialled, and keeps what the first one says."""

    def __init__(self, target):
        self.target = target
        self.heard = b""  # on the last connection
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def frames(self, count):
        """The first ones."""
        frames, start = [], 0
        while len(frames) < count and (size := frame_size(self.heard, start)):
            frames.append(self.heard[start:start + size])
            start += size
        return frames if len(frames) == count else None

    def _serve(self):
        while True:
            there = self.listener.accept()[0]
            try:
                here = socket.create_connection(("127.0.0.1", self.target()))
            except ConnectionRefusedError:
                there.close()  # it has not started yet, and is dialled again
                continue
            self.heard = b""
            threading.Thread(target=self._copy, args=(here, there, False), daemon=True).start()
            self._copy(there, here, True)

    def _copy(self, source, target, is_kept):
        try:
            while data := source.recv(1 << 16):
                if is_kept and len(self.heard) < 1 << 16:
                    self.heard += data
                target.sendall(data)
        except OSError:
            pass


# --- who is attacked ---


class Calm:
    """What is attacked goes on as if nothing were: checked at the end of the block."""

    def __init__(self, cluster, lines_per_s=1.2):
        self.cluster, self.lines_per_s = cluster, lines_per_s
        self.node = cluster[0]
        self.is_over = threading.Event()
        self.slowest_s = 0.0
        self.count = 0

    def __enter__(self):
        check(self.node.client()("SET", "k", "v"), "OK")
        self.started = time.monotonic()
        self.log = self.node.log()
        self.memory_kb, self.descriptors = self._memory_kb(), self._descriptors()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, kind, *rest):
        self.is_over.set()
        self.reader.join(30)
        if kind is not None:
            return
        elapsed_s = time.monotonic() - self.started
        new = self.node.log()[len(self.log):]
        lines = [line for line in new.splitlines() if " # " in line]
        check(len(lines) <= 2 + elapsed_s * self.lines_per_s, True, f"{len(lines)} lines in {elapsed_s:.1f} s: {lines[:9]}")
        check(re.search(r"[^ -~\n]", new), None, "what is logged can be shown")
        check(self.reader.is_alive(), False, "a client hangs")
        check(self.count > 0, True, "a client was served")
        wait.until(lambda: self._descriptors() <= self.descriptors + 2, "connections are given back", HANDSHAKE_S + 5, 0.05)
        if not is_sanitized():
            check(self.slowest_s < SLOWEST_S, True, f"a client waited {self.slowest_s:.2f} s")
            check(self._memory_kb() - self.memory_kb < GROWTH_KB, True, f"from {self.memory_kb} kB to {self._memory_kb()} kB")
        check([peer["state"] for peer in self.node.peers().values()], ["up"] * (len(self.cluster) - 1))
        self.cluster.wait_until_equal(seconds=20)

    def _read(self):
        with self.node.client() as client:
            while self.count == 0 or not self.is_over.is_set():
                started = time.monotonic()
                check(client("GET", "k"), b"v")
                self.slowest_s = max(self.slowest_s, time.monotonic() - started)
                self.count += 1
                self.is_over.wait(0.002)

    def _memory_kb(self):
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def _descriptors(self):
        return len(os.listdir(f"/proc/{self.node.process.pid}/fd"))


def pair(**options):
    return Cluster(2, "--key-write-rate", "0", **options)


def tapped():
    """Two nodes, and what the second one said when it dialled the first."""
    tap = Tap(lambda: cluster[0].gossip_port)
    cluster = pair(seeds=(), node_options={1: ("--peer", tap.address)})
    return cluster, tap


# --- strangers ---


@claim
def what_is_not_gossip_is_told_so():
    with pair() as cluster, Calm(cluster):
        node = cluster[0]
        for words in (encode("PING"), b"PING\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 5000, b"\r\n" * 100,
                      encode("GOSSIP", "HELLO"), encode("GOSSIP", "HELLO", "", "")):
            check(say(node, words), NOT_GOSSIP, words[:20])
        for words in (encode("GOSSIP", "BEAT", "x" * 100), encode("GOSSIP", "AUTH", "x" * 32),
                      encode("GOSSIP", "PART", "PUSH", 0, 100, "x" * 100)):
            check(say(node, words), NOT_YET, words[:40])
        check(say(node, encode("GOSSIP", "HELLO", "x" * 80))[:8], b"-NOAUTH ")


@claim
def counts_and_sizes_that_are_too_large_are_refused_before_they_are_believed():
    huge = [b"*%d\r\n" % n for n in (0, 2, 4, 7, 1024, 10**9, 2**31, 2**63, 2**64, 10**40)]
    huge += [b"*-1\r\n", b"*3\r\n$-1\r\n", b"*+3\r\n", b"* 3\r\n", b"*3\n"]
    huge += [b"*3\r\n$6\r\nGOSSIP\r\n$5\r\nHELLO\r\n$%d\r\n" % n for n in (4096, 2**20, 2**25, 2**31 - 1, 2**32, 2**63, 2**64 - 1)]
    huge += [b"*3\r\n$%d\r\n" % n for n in (2**31, 2**63 - 1, 2**64 - 2, 2**64 - 1, 2**64)]
    huge += [b"*6\r\n" + encode("GOSSIP", "PART", "PUSH", 2**64 - 1, 2**64 - 1, "")[4:]]
    with pair() as cluster, Calm(cluster):
        for words in huge:
            check(say(cluster[0], words + b"x" * 8192)[:8], b"-NOAUTH ", words)


@claim
def scanners_and_garbage_are_a_line_a_second():
    chance = random.Random(SEED)
    with pair() as cluster, Calm(cluster):
        for number in range(CROWD):
            sock = dial(cluster[0])
            if number % 4 == 1:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if number % 4 > 1:
                sock.sendall(chance.randbytes(chance.randrange(1, 5000)))
            if number % 4 == 3:
                hear(sock)
            sock.close()


@claim
def a_tls_client_finds_no_tls():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pair() as cluster, Calm(cluster):
        for _ in range(20):
            with dial(cluster[0]) as sock:
                try:
                    context.wrap_socket(sock)
                except (ssl.SSLError, ConnectionResetError):
                    continue
                raise AssertionError("a handshake succeeded")


@claim
def who_says_nothing_makes_room_for_others_and_is_sent_away():
    with pair() as cluster, Calm(cluster):
        crowd = [dial(cluster[0]) for _ in range(UNKNOWN_MAX + 40)]
        started = time.monotonic()
        for sock in crowd[:30]:
            check(hear(sock), b"")
        check(time.monotonic() - started < HANDSHAKE_S / 2, True, "the first ones had to make room at once")
        # A node that knows the secret comes in nevertheless.
        cluster[1].stop()
        cluster[1].start().wait_until_up()
        cluster.wait_until_joined()
        for sock in crowd:
            check(hear(sock), b"")
            sock.close()
        check(time.monotonic() - started < HANDSHAKE_S + 3, True, "all others were sent away in time")


@claim
def who_says_hello_slowly_is_sent_away():
    cluster, tap = tapped()
    with cluster, Calm(cluster):
        hello = wait.until(lambda: tap.frames(1), "a hello")[0]
        started = time.monotonic()
        with dial(cluster[0]) as sock:
            try:
                for byte in hello[:-1]:
                    sock.sendall(bytes([byte]))
                    wait.pass_by(0.1)
            except OSError:
                pass
        check(HANDSHAKE_S - 1 < time.monotonic() - started < HANDSHAKE_S + 3, True, "it took as long as it may")


# --- who has listened ---


@claim
def a_recorded_handshake_opens_nothing():
    cluster, tap = tapped()
    with cluster:
        hello, proof = wait.until(lambda: tap.frames(2), "a handshake")
        with Calm(cluster):
            for _ in range(5):
                with dial(cluster[0]) as sock:
                    sock.sendall(hello)
                    hear_frame(sock)
                    sock.sendall(proof + tap.heard[len(hello) + len(proof):])
                    check(hear(sock), WRONG_SECRET)
            check(say(cluster[0], proof), NOT_YET)
            check(say(cluster[0], hello + hello)[-len(NOT_YET):], NOT_YET)


@claim
def a_hello_that_was_cut_or_changed_opens_nothing():
    cluster, tap = tapped()
    chance = random.Random(SEED)
    with cluster:
        hello, proof = wait.until(lambda: tap.frames(2), "a handshake")
        with Calm(cluster):
            for size in range(0, len(hello), 7):
                dial(cluster[0]).sendall(hello[:size])
            for _ in range(CROWD):
                changed = bytearray(hello)
                changed[chance.randrange(len(hello))] = chance.randrange(256)
                with dial(cluster[0]) as sock:
                    sock.sendall(bytes(changed) + proof)
                    sock.shutdown(socket.SHUT_WR)
                    heard = hear(sock)
                check(b"AUTH\r\n$" in heard, False, f"it has proven something to a stranger: {heard!r}")


@claim
def its_own_words_sent_back_prove_nothing():
    """It dials us; we know nothing, and say what it says."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)
    cluster = Cluster(1, "--peer", "127.0.0.1:%d" % listener.getsockname()[1])
    with cluster, listener:
        for _ in range(3):
            with listener.accept()[0] as sock:
                sock.settimeout(20)
                sock.sendall(hear_frame(sock))
                sock.sendall(hear_frame(sock))
                check(hear(sock), WRONG_SECRET)
        check(cluster[0].info()["peers"], 0)


@claim
def a_node_with_another_secret_stays_outside():
    with pair() as cluster:
        stranger = cluster.add("--key-write-rate", "0")
        stranger.secret = "another secret"
        with Calm(Pretend(cluster, 2), lines_per_s=2.2):
            stranger.start()
            wait.until(lambda: stranger.client()("SET", "k0", "stranger") == "OK", "it gives up waiting for data", 5)
            wait.until(lambda: "wrong cluster secret" in cluster[0].log(), "it is said why", 10)
            wait.pass_by(2)
            check("wrong cluster secret" in stranger.log(), True)
            check((stranger.info()["peers"], cluster[0].info()["peers"]), (0, 1))
            check(stranger.client()("DBSIZE"), 1)


class Pretend:
    """The first nodes of a cluster."""

    def __init__(self, cluster, count):
        self.cluster, self.count = cluster, count

    def __getitem__(self, number):
        return self.cluster[number]

    def __len__(self):
        return self.count

    def wait_until_equal(self, seconds):
        return self.cluster.wait_until_equal(self.cluster.nodes[:self.count], seconds)


if __name__ == "__main__":
    run()

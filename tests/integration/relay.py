#!/usr/bin/python3
"""The relay that stands between the nodes of a cluster in other tests does what it is told (lib/faultproxy.py)."""
import contextlib
import socket
import threading
import time

from lib import wait
from lib.claims import check, claim, run
from lib.faultproxy import Relay, frame_size
from lib.resp import encode

FRAMES = 1000


class Sink:
    """A server that collects what is sent to it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.data = b""
        self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        with contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                self.data += data
        self.ended += 1

    def numbers(self):
        """Of the frames that came, behind the two greetings."""
        numbers, at = [], 0
        while at < len(self.data) and (size := frame_size(self.data, at)):
            numbers.append(int(self.data[at:at + size].split(b"\r\n")[-2]))
            at += size
        check(at, len(self.data), "whole frames came")
        return numbers[2:]


@contextlib.contextmanager
def relayed():
    """(relay, sink, a connection from node 0 to node 1 that has greeted)"""
    relay, sink = Relay(), Sink()
    try:
        mine, theirs = relay.listen_for(0), relay.listen_for(1)
        relay.set_target(1, "127.0.0.1", sink.listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", theirs), timeout=10) as connection:
            connection.sendall(encode("GOSSIP", "HELLO", f"...127.0.0.1:{mine}...", 0) + encode("GOSSIP", "AUTH", 1))
            wait.until(lambda: sink.data.count(b"\r\n1\r\n"), "the greetings arrive")
            yield relay, sink, connection
    finally:
        relay.close()
        sink.listener.close()


def send(connection, first=0, count=FRAMES):
    connection.sendall(b"".join(encode("GOSSIP", "PUSH", "x" * (i % 50), i) for i in range(first, first + count)))


@claim
def frames_pass_in_order():
    with relayed() as (_, sink, connection):
        send(connection)
        wait.until(lambda: sink.numbers() == list(range(FRAMES)), "all frames arrive")


@claim
def a_share_of_the_frames_is_dropped():
    with relayed() as (relay, sink, connection):
        relay.rules(0, 1).drop = 0.3
        send(connection)
        wait.until(lambda: relay.rules(0, 1).frames >= FRAMES + 2, "all frames are looked at")
        wait.until(lambda: len(sink.numbers()) == FRAMES - relay.rules(0, 1).dropped, "the others arrive")
        check(200 < relay.rules(0, 1).dropped < 400, True)
        check(sink.numbers(), sorted(sink.numbers()))


@claim
def frames_are_doubled_and_overtaken():
    with relayed() as (relay, sink, connection):
        relay.rules(0, 1).duplicate = relay.rules(0, 1).reorder = 0.2
        send(connection)
        wait.until(lambda: relay.rules(0, 1).frames >= FRAMES + 2, "all frames are looked at")
        relay.rules(0, 1).reorder = 0
        send(connection, FRAMES, 1)
        wait.until(lambda: set(sink.numbers()) == set(range(FRAMES + 1)), "all frames arrive")
        check(len(sink.numbers()) > FRAMES + 100, True, "some twice")
        check(sink.numbers() != sorted(sink.numbers()), True, "some late")


@claim
def what_is_cut_arrives_when_it_is_whole_again():
    with relayed() as (relay, sink, connection):
        relay.cut(0, 1)
        send(connection)
        wait.pass_by(0.2)
        check(sink.numbers(), [])
        relay.heal()
        wait.until(lambda: sink.numbers() == list(range(FRAMES)), "all frames arrive")


@claim
def frames_arrive_later_by_the_delay():
    with relayed() as (relay, sink, connection):
        relay.rules(0, 1).delay_s = 0.2
        started = time.monotonic()
        send(connection)
        wait.until(lambda: len(sink.numbers()) == FRAMES, "all frames arrive")
        check(0.2 <= time.monotonic() - started < 2, True)


@claim
def connections_end_on_both_sides_or_on_one():
    with relayed() as (relay, sink, connection):
        relay.half_open(0, 1)
        wait.until(lambda: has_ended(connection), "the dialler's side ends")
        check(sink.ended, 0)
    with relayed() as (relay, sink, connection):
        relay.reset(0, 1)
        wait.until(lambda: has_ended(connection) and sink.ended == 1, "both sides end")


def has_ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


if __name__ == "__main__":
    run()

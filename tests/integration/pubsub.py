#!/usr/bin/python3
"""Channels between clients of several event loops; who does not read is sent away, and nobody waits for him."""
import socket
import time

from lib import wait
from lib.claims import check, claim, run
from lib.resp import encode
from lib.server import Server


def read_push(client):
    """The next message, without a command before it."""
    return client.read()


@claim
def messages_reach_clients_of_all_loops_in_order():
    with Server("--io-threads", "4") as server:
        listeners = [server.client() for _ in range(20)]
        for listener in listeners:
            check(listener("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
        publisher = server.client()
        for i in range(100):
            check(publisher("PUBLISH", "news", str(i)), 20)
        for listener in listeners:
            check([read_push(listener)[2] for _ in range(100)], [str(i).encode() for i in range(100)])


@claim
def who_closes_hears_no_more_and_is_not_counted():
    with Server() as server:
        first, second, publisher = server.client(), server.client(), server.client()
        for listener in (first, second):
            listener("SUBSCRIBE", "news")
        first.close()
        wait.until(lambda: publisher("PUBSUB", "NUMSUB", "news") == [b"news", 1], "the first is gone", 10)
        check(publisher("PUBLISH", "news", "x"), 1)
        check(read_push(second), [b"message", b"news", b"x"])


@claim
def a_listener_that_does_not_read_is_dropped_at_its_limit_and_others_go_on():
    with Server("--client-output-buffer-limit", "pubsub 1mb 0 0") as server:
        lazy = socket.create_connection(("127.0.0.1", server.port))
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(encode("SUBSCRIBE", "news"))
        keen, publisher = server.client(), server.client()
        keen("SUBSCRIBE", "news")
        wait.until(lambda: publisher("PUBSUB", "NUMSUB", "news") == [b"news", 2], "both listen", 10)
        sent = 0
        deadline = time.monotonic() + 20
        while publisher("PUBLISH", "news", "x" * 60000) == 2 and time.monotonic() < deadline:
            sent += 1
            check(read_push(keen)[0], b"message")
        check(read_push(keen)[0], b"message")
        check(sent < 1000, True, f"dropped after {sent} messages")
        check(b"client_output_buffer_limit_disconnections:1" in publisher("INFO", "stats"), True)
        lazy.close()


@claim
def a_thousand_listeners_all_hear():
    with Server() as server:
        listeners = [server.client() for _ in range(1000)]
        for listener in listeners:
            listener("SUBSCRIBE", "news")
        check(server.client()("PUBLISH", "news", "x"), 1000)
        check([read_push(listener)[2] for listener in listeners], [b"x"] * 1000)


@claim
def listening_outlasts_the_idle_timeout():
    with Server("--timeout", "1") as server:
        listener = server.client()
        listener("SUBSCRIBE", "news")
        idle = server.client()
        idle("PING")
        publisher = server.client()
        wait.until(lambda: publisher("CLIENT", "LIST").count(b"cmd=ping") == 0, "the idle client is closed", 20)
        check(publisher("PUBLISH", "news", "x"), 1)
        check(read_push(listener)[2], b"x")


@claim
def subscribers_are_clients_of_their_own_type():
    with Server() as server:
        client, subscriber = server.client(), server.client()
        subscriber("SUBSCRIBE", "news")
        listed = client("CLIENT", "LIST", "TYPE", "pubsub")
        check(listed.count(b"\n"), 1)
        check(b" flags=P " in listed, True)
        check(client("CLIENT", "LIST", "TYPE", "normal").count(b"\n"), 1)
        check(client("CLIENT", "KILL", "TYPE", "replica"), 0)
        check(client("CLIENT", "KILL", "TYPE", "pubsub"), 1)
        check(subscriber.at_end(), True)
        check(client("PING"), "PONG")


if __name__ == "__main__":
    run()

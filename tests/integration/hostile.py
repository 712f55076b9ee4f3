#!/usr/bin/python3
"""Broken and malicious input: no crash, no stall for others, and the words of Redis for an error.

SEED=... for other inputs; COUNT=... for more of them."""
import os
import random
import time

from lib import wait
from lib.claims import check, claim, run
from lib.meanwhile import Bystander
from lib.resp import Closed, encode
from lib.server import Server

SEED = int(os.environ.get("SEED", "1"))
COUNT = int(os.environ.get("COUNT", "400"))
STALL_S = 2.0  # generous: sanitizer builds on a busy machine


def bystander(server):
    """Waits for its PONG all the time."""
    client = server.client()
    return Bystander(lambda: check(client("PING"), "PONG"), STALL_S)


def malformed(chance):
    """One hostile input."""
    number = chance.choice((0, 1, 2, 3, -1, -2, 10**6, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 10**30))
    size = chance.choice((0, 1, 5, -1, -2, 65536, 2**29, 2**29 + 1, 2**31, 2**63, 10**25))
    word = bytes(chance.randrange(256) for _ in range(chance.randrange(20)))
    kinds = (
        lambda: b"*%d\r\n" % number,
        lambda: b"*%d\r\n$%d\r\n%s\r\n" % (number, size, word),
        lambda: b"*2\r\n$3\r\nGET\r\n$%d\r\n" % size,
        lambda: b"*1\r\n%s\r\n" % word,
        lambda: b"*x\r\n", lambda: b"*\r\n", lambda: b"*1\r\n$x\r\n", lambda: b"*1\r\n$\r\n",
        lambda: b"*-10\r\n", lambda: b"*0\r\n*0\r\n", lambda: b"*1 \r\n$4\r\nPING\r\n",
        lambda: b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalueXX",
        lambda: b"*1\r\n$4\r\nPINGPING\r\n",
        lambda: b"$4\r\nPING\r\n", lambda: b":1\r\n", lambda: b"+OK\r\n", lambda: b"-ERR\r\n",
        lambda: b'SET k "unbalanced\r\n', lambda: b"SET k 'x'y\r\n", lambda: word + b"\r\n", lambda: word,
        lambda: b"\r\n" * chance.randrange(1000), lambda: b"\n" * 10, lambda: b"\x00" * 100,
        lambda: b"x" * 70000, lambda: b"*" + b"1" * 70000, lambda: b"*1\r\n$" + b"9" * 70000,
        lambda: b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", lambda: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", lambda: b"%2\r\n+a\r\n+b\r\n", lambda: b"~1\r\n+a\r\n",
        lambda: cut(chance, encode("SET", word, word)), lambda: flipped(chance, encode("MSET", "a", word, "b", "c")),
        lambda: flipped(chance, encode("SET", "k", "v") * 20), lambda: encode(*[word] * chance.randrange(1, 200)),
        lambda: encode("SCAN", word), lambda: encode("CONFIG", "SET", word, word), lambda: encode("CLIENT", word, word),
        lambda: encode("SETRANGE", "k", str(number), word), lambda: encode("SETBIT", "k", str(size), "1"),
        lambda: encode("EXPIRE", "k", str(number)), lambda: encode("SET", "k", "v", "PX", str(size)),
        lambda: encode("KV.LIST", "CURSOR", word), lambda: encode("KV.PUT", "k", "v", "META", b"{" * chance.randrange(1, 3000)),
        lambda: encode("NAMESPACE", word, word, word), lambda: encode("SELECT", word), lambda: encode("HELLO", word, word),
        lambda: encode("RESTORE", "k", "0", word), lambda: encode("COMMAND", "GETKEYS", word, word),
        lambda: encode("KEYS", b"[" * 500 + word), lambda: encode("KEYS", b"*a" * 12 + b"b"),
        lambda: encode("MULTI") + encode(word) + encode("EXEC"), lambda: encode(word * 50, *[word] * 10),
    )
    return chance.choice(kinds)()


def cut(chance, data):
    return data[:chance.randrange(len(data))]


def flipped(chance, data):
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def expect_reply_and_close(server, sent, expected):
    with server.client() as client:
        client.send_bytes(sent)
        check(client.read(), expected, f"after {sent[:40]!r}")
        check(client.at_end(), True, f"closed after {sent[:40]!r}")


@claim
def hundreds_of_malformed_inputs_neither_crash_nor_stall_the_server():
    with Server("--key-write-rate", "0") as server, bystander(server):
        server.client()("SET", "witness", "unharmed")
        for number in range(COUNT):
            data = malformed(random.Random(f"{SEED}/{number}"))
            try:
                with server.client() as client:
                    client.send_bytes(data)
            except (Closed, OSError):
                pass
            check(server.is_alive(), True, f"alive after input {number}, {data[:80]!r}")
        check(server.client()("GET", "witness"), b"unharmed")
        with server.client() as client:
            wait.until(lambda: b"connected_clients:2\r\n" in client("INFO", "clients"), "all those connections are closed")


@claim
def a_protocol_error_is_answered_in_redis_words_and_closes():
    with Server() as server, bystander(server):
        for sent, text in (
                (b"*x\r\n", "invalid multibulk length"),
                (b"*2147483648\r\n", "invalid multibulk length"),
                (b"*1\r\n$x\r\n", "invalid bulk length"),
                (b"*1\r\n$-1\r\n", "invalid bulk length"),
                (b"*1\r\n$536870913\r\n", "invalid bulk length"),
                (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
                (b'SET k "v\r\n', "unbalanced quotes in request"),
                (b"x" * 70000, "too big inline request"),
                (b"*" + b"1" * 70000, "too big mbulk count string"),
                (b"*1\r\n$" + b"1" * 70000, "too big bulk count string")):
            expect_reply_and_close(server, sent, f"ERR Protocol error: {text}")


@claim
def replies_to_earlier_commands_come_before_the_protocol_error():
    with Server() as server, server.client() as client:
        client.send_bytes(encode("SET", "k", "v") + encode("GET", "k") + b"*1\r\n$x\r\n" + encode("PING"))
        check([client.read(), client.read(), client.read()], ["OK", b"v", "ERR Protocol error: invalid bulk length"])
        check(client.at_end(), True)


@claim
def a_web_browser_is_shown_the_door_without_a_word():
    with Server() as server:
        for sent in (b"POST / HTTP/1.1\r\n", b"Host: example\r\n"):
            with server.client() as client:
                client.send_bytes(sent)
                check(client.at_end(), True, repr(sent))


@claim
def a_stranger_without_a_password_may_not_announce_much():
    with Server("--requirepass", "secret") as server:
        expect_reply_and_close(server, b"*11\r\n", "ERR Protocol error: unauthenticated multibulk length")
        expect_reply_and_close(server, b"*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length")


@claim
def a_request_sent_byte_by_byte_is_answered_like_any_other():
    with Server() as server, bystander(server), server.client() as client:
        for byte in encode("SET", "k", "v\r\n$1\r\n") + b"GET k\r\n" + b"PING\n":
            client.send_bytes(bytes([byte]))
        check([client.read() for _ in range(3)], ["OK", b"v\r\n$1\r\n", "PONG"])


@claim
def half_requests_are_kept_apart_and_forgotten_with_their_connection():
    with Server() as server, bystander(server):
        halves = [server.client() for _ in range(100)]
        for number, client in enumerate(halves):
            whole = encode("SET", f"k{number}", "v" * 1000)
            client.send_bytes(whole[:number * 10 + 1])
        for number, client in enumerate(halves[:50]):
            client.send_bytes(encode("SET", f"k{number}", "v" * 1000)[number * 10 + 1:])
            check(client.read(), "OK")
        for client in halves:
            client.close()
        check(server.client()("DBSIZE"), 50)


@claim
def announced_lengths_take_no_memory_before_the_bytes_come():
    with Server("--limits", "none") as server, bystander(server):
        before = resident_kb(server)
        clients = [server.client() for _ in range(50)]
        for client in clients:
            client.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nonly this")
        many = [server.client() for _ in range(50)]
        for client in many:
            client.send_bytes(b"*2147483647\r\n$3\r\nSET\r\n")
        check(server.client()("PING"), "PONG")
        grown_mb = (resident_kb(server) - before) / 1024
        check(grown_mb < 100, True, f"grown by {grown_mb:.0f} MiB")


@claim
def a_reader_who_does_not_read_is_cut_off_by_the_output_limit():
    with Server("--key-write-rate", "0") as server, bystander(server):
        client = server.client()
        client("SET", "k", "v" * 60000)
        check(client("CONFIG", "SET", "client-output-buffer-limit", "normal 20mb 0 0"), "OK")
        greedy = server.client()
        request = encode("GET", "k") * 1000

        def is_cut_off():
            try:
                greedy.socket.settimeout(0.05)
                greedy.socket.send(request)
            except TimeoutError:
                pass
            except OSError:
                return True
            return client("CLIENT", "LIST").count(b"\n") == 2  # itself and the bystander

        wait.until(is_cut_off, "the connection is closed", 30)


@claim
def one_reply_over_the_output_limit_is_not_sent_at_all():
    with Server("--key-write-rate", "0") as server:
        client = server.client()
        client("SET", "k", "v" * 60000)
        check(client("CONFIG", "SET", "client-output-buffer-limit", "normal 50kb 0 0"), "OK")
        greedy = server.client()
        greedy.send("GET", "k")
        check(greedy.at_end(), True)
        check(client("GETRANGE", "k", "0", "49999"), b"v" * 50000)


@claim
def a_client_too_many_is_told_so():
    with Server("--maxclients", "5") as server:
        # A place is free once the server has seen the end of the connection that had it.
        kept = [wait.until(lambda: answering_client(server), "a place is free") for _ in range(5)]
        with server.client() as extra:
            check(extra.read(), "ERR max number of clients reached")
            check(extra.at_end(), True)
        kept.pop().close()
        wait.until(lambda: answering_client(server), "a place is free again")


def answering_client(server):
    client = server.client()
    try:
        if client("PING") == "PONG":
            return client
    except (Closed, OSError):
        pass
    client.close()
    return None


def resident_kb(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))


if __name__ == "__main__":
    run()

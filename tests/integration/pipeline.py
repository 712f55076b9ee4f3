#!/usr/bin/python3
"""Many commands at once: order, reading one's own writes, large values."""
import hashlib
import threading

from lib import wait
from lib.claims import check, claim, run
from lib.resp import encode
from lib.server import Server, is_sanitized

NO_RATE = ("--key-write-rate", "0")
MANY = 20_000 if is_sanitized() else 100_000


def send_while_reading(client, data, count):
    """Sends from a thread, so that neither side waits for the other; the replies."""
    sender = threading.Thread(target=client.send_bytes, args=(data,))
    sender.start()
    replies = [client.read() for _ in range(count)]
    sender.join()
    return replies


@claim
def a_pipeline_reads_its_own_writes():
    for appendfsync in ("always", "everysec"):
        with Server(*NO_RATE, "--appendfsync", appendfsync) as server:
            client = server.client()
            for number in range(50):
                answers = client.pipeline(
                    ("SET", "k", number), ("GET", "k"), ("INCR", "k"), ("GET", "k"), ("DEL", "k"), ("GET", "k"), ("EXISTS", "k"),
                    ("MSET", "a", number, "b", number), ("MGET", "a", "b"), ("APPEND", "a", "x"), ("STRLEN", "a"))
                text = str(number).encode()
                check(answers, ["OK", text, number + 1, str(number + 1).encode(), 1, None, 0,
                                "OK", [text, text], len(text) + 1, len(text) + 1])


@claim
def replies_come_in_the_order_of_the_commands():
    with Server(*NO_RATE) as server:
        client = server.client()
        data = b"".join(encode("SET", f"k{i % 1000}", i) + encode("ECHO", i) + encode("GET", f"k{i % 1000}")
                        for i in range(MANY // 3))
        replies = send_while_reading(client, data, MANY // 3 * 3)
        for number in range(MANY // 3):
            text = str(number).encode()
            check(replies[3 * number:3 * number + 3], ["OK", text, text])


@claim
def a_hundred_thousand_commands_in_one_go_are_all_answered():
    with Server(*NO_RATE) as server:
        client = server.client()
        replies = send_while_reading(client, b"".join(encode("INCR", "n") for _ in range(MANY)), MANY)
        check(replies, list(range(1, MANY + 1)))
        check(send_while_reading(client, b"PING\r\n" * MANY, MANY), ["PONG"] * MANY)


@claim
def errors_in_a_pipeline_stay_in_their_place():
    with Server(*NO_RATE) as server:
        client = server.client()
        answers = client.pipeline(("SET", "a", "x"), ("INCR", "a"), ("NOPE",), ("GET",), ("SET", "k" * 3000, "v"), ("GET", "a"))
        check([str(answer).split(" ")[0] for answer in answers], ["OK", "ERR", "ERR", "ERR", "KEYTOOLONG", "b'x'"])


@claim
def connections_see_each_others_acknowledged_writes():
    with Server(*NO_RATE) as server:
        clients = [server.client() for _ in range(8)]
        for number in range(400):
            writer, reader = clients[number % 8], clients[(number * 3 + 1) % 8]
            check(writer("SET", "shared", number), "OK")
            check(reader("GET", "shared"), str(number).encode())


@claim
def large_values_come_back_as_they_were():
    with Server(*NO_RATE, "--limits", "current") as server:
        client = server.client()
        for size in (65536, 1 << 20, (1 << 20) + 1, 4 << 20, 10_000_001, 26_214_400):
            value = hashlib.shake_128(str(size).encode()).digest(size)
            check(client("SET", f"large{size}", value), "OK")
            check(client("STRLEN", f"large{size}"), size)
            check(client("GET", f"large{size}") == value, True, f"{size} bytes in memory")
            check(client("GETRANGE", f"large{size}", size - 10, size), value[-10:])
        server.restart()
        client = server.client()
        for size in (65536, 1 << 20, (1 << 20) + 1, 4 << 20, 10_000_001, 26_214_400):
            value = hashlib.shake_128(str(size).encode()).digest(size)
            check(client("GET", f"large{size}") == value, True, f"{size} bytes from disk")
        check(client("DBSIZE"), 6)


def held(client, name):
    """What CLIENT LIST tells of the buffers of the client of this name."""
    line = next(line for line in client("CLIENT", "LIST").decode().splitlines() if f" name={name} " in line)
    fields = dict(word.split("=", 1) for word in line.split())
    return [int(fields[field]) for field in ("qbuf", "qbuf-free", "multi-mem", "obl", "oll", "omem", "tot-mem")]


@claim
def client_list_tells_what_half_a_request_holds_and_that_an_idle_client_holds_nothing():
    head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000\r\n"
    with Server("--key-write-rate", "0", "--limits", "none") as server, server.client() as other, server.client() as client:
        client("CLIENT", "SETNAME", "half")
        wait.until(lambda: held(other, "half")[:6] == [0] * 6, "idle, it holds nothing", 5)
        idle = held(other, "half")[6]
        for sent in (1000, 200000):
            client.socket.sendall(head + b"x" * sent if sent == 1000 else b"x" * (sent - 1000))
            wait.until(lambda: held(other, "half")[0] == len(head) + sent, f"{sent} bytes of the value are there", 5)
            size, free, *_, total = held(other, "half")
            check(total, idle + size + free)
            check(size + free <= max(16384, 4 * sent), True, "no more is set aside for what was only announced")
        client.socket.sendall(b"x" * 200000 + b"\r\n")
        check(client.read(), "OK")

        def is_kept():
            size, free, *_, total = held(other, "half")
            return size == 0 and free >= 400000 and total == idle + free

        wait.until(is_kept, "it is kept for the next", 5)
        wait.until(lambda: held(other, "half")[:6] == [0] * 6, "but not for one that is idle", 8)
        check(held(other, "half")[6], idle)
        client.send("MULTI")
        client.send("GET", "k")
        check([client.read(), client.read()], ["OK", "QUEUED"])
        wait.until(lambda: held(other, "half")[2] > 0, "what is queued counts", 5)
        client.send("DISCARD")
        for _ in range(40):
            client.send("GET", "k")
        wait.until(lambda: held(other, "half")[5] > 0, "so does what it has not taken", 5)
        check(held(other, "half")[3], 16384)


@claim
def a_client_that_talks_holds_a_query_buffer_until_it_is_idle():
    with Server() as server, server.client() as other, server.client() as client:
        client("CLIENT", "SETNAME", "talks")
        wait.until(lambda: held(other, "talks")[:2] == [0, 16384], "it has talked", 5)
        wait.until(lambda: held(other, "talks")[:2] == [0, 0], "idle, it holds none", 5)
        client("PING")
        wait.until(lambda: held(other, "talks")[:2] == [0, 16384], "it talks again", 5)


@claim
def a_long_pipeline_gets_a_larger_buffer():
    with Server() as server, server.client() as other, server.client() as client:
        client("CLIENT", "SETNAME", "long")
        for _ in range(20):
            client.pipeline(*[("PING",)] * 5000)
        wait.until(lambda: held(other, "long")[:2] == [0, 65536], "a larger one is held", 5)


@claim
def client_list_names_the_last_command_that_was_asked_for():
    with Server() as server, server.client() as other, server.client() as client:
        client("CLIENT", "SETNAME", "asks")
        for words, name in ((("GET",), b"get"), (("NOSUCH",), b"NULL"), (("CONFIG", "NOSUCH"), b"NULL"), (("config", "GET", "port"), b"config|get")):
            client(*words)
            line = next(line for line in other("CLIENT", "LIST").splitlines() if b" name=asks " in line)
            check(b" cmd=" + name + b" " in line, True, f"{words}: {line}")


def send_in_parts(client, cut, other, *words):
    """A request of the client "large", the first part of which has arrived before the rest is sent."""
    request = encode(*words)
    client.socket.sendall(request[:cut])
    wait.until(lambda: held(other, "large")[0] == cut, "the first part is there", 5)
    client.socket.sendall(request[cut:])
    return client.read()


@claim
def the_buffer_of_a_large_request_shrinks_while_smaller_ones_come():
    with Server("--key-write-rate", "0", "--limits", "none") as server, server.client() as other, server.client() as client:
        client("CLIENT", "SETNAME", "large")
        check(send_in_parts(client, 200000, other, "SET", "k", b"x" * 400000), "OK")
        largest = held(other, "large")[1]
        check(400000 <= largest <= 1 << 20, True)

        def shrunk():
            check(client("SET", "k", "small"), "OK")
            return held(other, "large")[1] < largest
        wait.until(shrunk, "it shrinks", 5)
        wait.until(lambda: client("PING") and held(other, "large")[1] <= 32768, "to what is never halved", 12)
        check(held(other, "large")[1] > 0, True, "and is there while the client is not idle")
        check(send_in_parts(client, 2000000, other, "SET", "k", b"x" * 4000000), "OK")
        check(held(other, "large")[:2], [0, 0], "a very large one is not kept")


@claim
def half_a_request_stays_when_its_client_is_idle():
    with Server("--key-write-rate", "0", "--limits", "none") as server, server.client() as other, server.client() as client:
        client("CLIENT", "SETNAME", "slow")
        request = encode("SET", "k", b"x" * 100000)
        client.socket.sendall(request[:70000])
        wait.until(lambda: held(other, "slow")[:2] == [70000, 0], "what is not needed is given back", 8)
        client.socket.sendall(request[70000:])
        check(client.read(), "OK")
        check(client("STRLEN", "k"), 100000)


@claim
def a_large_value_can_be_overwritten_changed_and_deleted_in_one_pipeline():
    with Server(*NO_RATE, "--limits", "current") as server:
        client = server.client()
        size = 3 << 20
        answers = send_while_reading(client, b"".join(encode(*words) for words in (
            ("SET", "k", b"a" * size), ("APPEND", "k", "b"), ("GETRANGE", "k", -2, -1), ("SET", "k", "small"), ("GET", "k"),
            ("SET", "k", b"c" * size), ("DEL", "k"), ("GET", "k"), ("DBSIZE",))), 9)
        check(answers, ["OK", size + 1, b"ab", "OK", b"small", "OK", 1, None, 0])


@claim
def many_large_replies_wait_for_a_slow_reader():
    with Server(*NO_RATE, "--limits", "current") as server:
        client = server.client()
        value = b"v" * (1 << 20)
        client("SET", "k", value)
        client.send_bytes(encode("GET", "k") * 100)
        other = server.client()
        check(other("PING"), "PONG")
        check(all(client.read() == value for _ in range(100)), True)


@claim
def inline_commands_and_arrays_can_be_mixed():
    with Server(*NO_RATE) as server, server.client() as client:
        client.send_bytes(b"\r\n\r\nSET a 'x y'\r\n" + encode("GET", "a") + b"*0\r\n*-1\r\nGET a\n" + encode("PING"))
        check([client.read() for _ in range(4)], ["OK", b"x y", b"x y", "PONG"])


@claim
def what_is_pipelined_behind_quit_is_not_run():
    with Server(*NO_RATE) as server:
        with server.client() as client:
            client.send_bytes(encode("SET", "a", "1") + encode("QUIT") + encode("SET", "b", "2"))
            check([client.read(), client.read(), client.at_end()], ["OK", "OK", True])
        check(server.client()("MGET", "a", "b"), [b"1", None])


if __name__ == "__main__":
    run()

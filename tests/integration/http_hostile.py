#!/usr/bin/python3
"""Broken, slow, huge and many HTTP clients: no crash, no stall for others, memory bounded.

SEED=... for other inputs; COUNT=... for more of them."""
import concurrent.futures
import contextlib
import json
import os
import random
import select
import time

from lib import wait
from lib.claims import Skip, check, claim, run
from lib.meanwhile import Bystander
from lib.rawhttp import Broken, Http, chunked, head, request
from lib.resp import Closed
from lib.server import Server, is_sanitized

SEED = int(os.environ.get("SEED", "1"))
COUNT = int(os.environ.get("COUNT", "1500"))
STALL_S = 2.0  # generous: sanitizer builds on a busy machine
OPTIONS = ("--limits", "current", "--key-write-rate", "0")
REST = "/client/v4/accounts/a/storage/kv/namespaces"
VALUE_MAX = 26214400
MEMORY_MAX_MB = 256  # HTTP_MEMORY_MAX in server/http/budget.h
PATIENCE_S = 30  # HTTP_PATIENCE_S in server/http/connection.h


def serve(*options):
    return Server(*OPTIONS, *options, http=True)


def path(key, more=""):
    return f"/binding/db0/{key}?urlencoded=true{more}"


def bystander(server, stall_s=STALL_S):
    """Reads a key every two milliseconds."""
    http = Http(server)
    http.ask("PUT", path("bystander"), b"here")
    return Bystander(lambda: check(http.ask("GET", path("bystander")).body, b"here"), stall_s, 0.002)


def memory_kb(server, what="VmRSS"):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what + ":"))


def connected(server):
    with server.client() as client:
        info = client("INFO", "clients")
    return int(info.split(b"connected_clients:")[1].split(b"\r\n")[0])


# --- bad requests ---


def word(chance, size=20):
    return bytes(chance.randrange(256) for _ in range(chance.randrange(size)))


def flipped(chance, data):
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def cut(chance, data):
    return data[:chance.randrange(len(data))]


def form(*parts):
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def good(chance):
    """A request as clients make them."""
    value = b'Content-Disposition: form-data; name="value"\r\n\r\n' + word(chance)
    metadata = b'Content-Disposition: form-data; name="metadata"\r\n\r\n{"a":1}'
    return chance.choice((
        lambda: request("PUT", path("k"), word(chance), CF_KV_Metadata='{"a":1}'),
        lambda: head("PUT", path("k"), "Transfer-Encoding: chunked") + chunked(word(chance, 100), chance.randint(1, 9)),
        lambda: request("GET", path("k")), lambda: request("DELETE", path("k"), b""), lambda: request("GET", "/binding/db0/"),
        lambda: request("POST", "/binding/db0/bulk/get", b'{"keys":["a","k"],"type":"json","withMetadata":true}'),
        lambda: request("PUT", f"{REST}/db0/values/k", form(value, metadata), Content_Type="multipart/form-data; boundary=b"),
        lambda: request("PUT", f"{REST}/db0/bulk", b'[{"key":"a","value":"AAA=","base64":true,"metadata":{"x":[1]},"expiration_ttl":60}]'),
        lambda: request("POST", f"{REST}/db0/bulk/delete", b'["a"]'), lambda: request("GET", f"{REST}/db0/keys?limit=10&prefix=a"),
        lambda: request("POST", f"{REST}/db0/bulk/get", b'{"keys":["a"],"type":"text"}'),
        lambda: request("GET", f"{REST}?page=1&per_page=5&order=title"), lambda: request("GET", "/metrics"), lambda: request("GET", "/"),
    ))()


def malformed(chance):
    """One hostile input."""
    number = chance.choice((0, 1, -1, 5, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30))
    junk = word(chance)
    latin = junk.decode("latin-1")
    return chance.choice((
        lambda: cut(chance, good(chance)), lambda: flipped(chance, good(chance)), lambda: flipped(chance, good(chance) * 20),
        lambda: good(chance) + junk, lambda: junk + good(chance), lambda: junk, lambda: b"\r\n" * chance.randrange(1000),
        lambda: b"x" * 70000, lambda: b"GET /" + b"x" * 70000, lambda: b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 70000,
        lambda: head("PUT", path("k"), f"Content-Length: {number}") + junk,
        lambda: head("PUT", path("k"), "Transfer-Encoding: chunked") + b"%x\r\n" % abs(number) + junk,
        lambda: head("PUT", path("k"), "Transfer-Encoding: chunked") + junk,
        lambda: head("PUT", path("k"), f"Content-Length: {len(junk)}", f"X-KV-Namespace: {latin}") + junk,
        lambda: head(latin, path("k")), lambda: head("GET", latin), lambda: head("GET", "/" + latin), lambda: head("GET", path("k"), latin),
        lambda: head("GET", path("k"), f"{latin}: {latin}"), lambda: head("GET", path("k"), version=latin),
        lambda: request("GET", path("%" + "".join(chance.choice("0123456789abcdefgG%+&=?") for _ in range(9)))),
        lambda: request("GET", f"/binding/db0/?key_count_limit={number}&cursor={number}&prefix=%{number}"),
        lambda: request("PUT", path("k", f"&expiration={number}&expiration_ttl={number}&cache_ttl={number}"), junk),
        lambda: request("POST", "/binding/db0/bulk/get", junk), lambda: request("POST", "/binding/db0/bulk/get", b"[" * 100000),
        lambda: request("PUT", f"{REST}/db0/bulk", b'[{"key":"a","value":' + junk), lambda: request("PUT", f"{REST}/db0/bulk", b"[" * 100000),
        lambda: request("PUT", f"{REST}/db0/bulk", flipped(chance, b'[{"key":"a","value":"AAA=","base64":true,"metadata":{"x":[1]}}]')),
        lambda: request("PUT", f"{REST}/db0/values/k", cut(chance, form(junk, junk)), Content_Type="multipart/form-data; boundary=b"),
        lambda: request("PUT", f"{REST}/db0/values/k", flipped(chance, form(junk)), Content_Type="multipart/form-data; boundary=b"),
        lambda: request("PUT", f"{REST}/db0/values/k", form(junk), Content_Type=f"multipart/form-data; boundary={number}"),
        lambda: request("POST", REST, b'{"title":"' + junk + b'"}'), lambda: request("POST", REST, junk),
        lambda: request("GET", f"{REST}?page={number}&per_page={number}"), lambda: request("PUT", f"{REST}/db0", junk),
        lambda: request("GET", f"{REST}/db0/keys?limit={number}&cursor={number}"), lambda: request("GET", path("k"), CF_KV_Metadata="x" * 60000),
    ))()


def hear(http):
    """Whatever comes until the server closes must be HTTP."""
    http.socket.shutdown(1)
    try:
        while True:
            http.read()
    except (Closed, ConnectionResetError):
        pass


@claim
def hundreds_of_bad_requests_neither_crash_nor_stall_the_server():
    with serve() as server, bystander(server):
        server.client()("SET", "witness", "unharmed")
        for number in range(COUNT):
            data = malformed(random.Random(f"{SEED}/{number}"))
            with Http(server) as http:
                try:
                    http.send(data)
                    hear(http)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                except (Broken, TimeoutError) as error:
                    raise AssertionError(f"after input {number}, {data[:300]!r}") from error
            check(server.is_alive(), True, f"alive after input {number}, {data[:300]!r}")
        check(server.client()("GET", "witness"), b"unharmed")
        wait.until(lambda: connected(server) <= 2, "all those connections are closed")


@claim
def clients_that_leave_in_the_middle_leave_nothing_behind():
    with serve() as server, bystander(server):
        server.client()("SET", "large", "x" * 10000000)
        before = connected(server)
        for number in range(200):
            chance = random.Random(f"{SEED}/leave/{number}")
            with Http(server, receive_buffer=4096) as http:
                http.send(chance.choice((
                    head("PUT", path("k"), "Content-Length: 20000000") + b"x" * 300000, request("GET", path("large")) * 3,
                    head("PUT", path("k"), "Transfer-Encoding: chunked") + b"ffffff\r\n" + b"x" * 300000,
                    request("PUT", path("k"), b"x" * 100000), good(chance) * 50, b"GET")))
        wait.until(lambda: connected(server) <= before, "all those connections are closed")


# --- many and idle ---


@claim
def a_thousand_idle_connections_cost_little():
    with serve("--maxclients", "2000") as server, bystander(server):
        server.client()("SET", "k", "x" * 60000)
        idle = [Http(server) for _ in range(1000)]
        before_kb = memory_kb(server)
        for http in idle:
            check(http.ask("GET", path("k")).body, b"x" * 60000)
            check(http.ask("PUT", path("small"), b"x" * 100).status, 200)
        grown_kb = memory_kb(server) - before_kb
        if not is_sanitized():
            check(grown_kb < 1000 * 10, True, f"{grown_kb} KiB for 1,000 connections")
        for http in idle:
            check(http.ask("GET", path("small")).body, b"x" * 100)
            http.close()


# --- slow ones ---
# Where time itself is what is tried, or hundreds of megabytes, the sanitizers would see nothing new.


def not_for_sanitizers():
    if is_sanitized():
        raise Skip("tried without a sanitizer")


def drip(clients, lasts_s):
    """A byte from each every second, until all were answered or let go, or time is up: {name: after how many seconds}"""
    ended, started = {}, time.monotonic()
    while len(ended) < len(clients) and time.monotonic() - started < lasts_s:
        wait.pass_by(1)
        for name, http in clients.items():
            if name not in ended:
                try:
                    http.send(b"x")
                except OSError:
                    pass
                if not http.is_silent(0.001):
                    ended[name] = time.monotonic() - started
    return ended


@claim
def who_sends_or_reads_too_slowly_is_let_go_and_others_are_not():
    not_for_sanitizers()
    with serve() as server, bystander(server), server.client() as client, Http(server) as idle:
        client("SET", "large", "x" * VALUE_MAX)
        idle.ask("GET", path("k"))
        before = connected(server)
        slow = {"a head": head("GET", path("k"), "A: b")[:-2], "a target": b"GET /",
                "a body": head("PUT", path("k"), "Content-Length: 1000"), "a chunk": head("PUT", path("k"), "Transfer-Encoding: chunked") + b"fff\r\n"}
        slow = {name: (Http(server), sent) for name, sent in slow.items()}
        resting, readers = Http(server), [Http(server, receive_buffer=4096) for _ in range(3)]
        for http, sent in slow.values():
            http.send(sent)
        resting.send(head("PUT", path("k"), "Content-Length: 20000000"), b"x" * 5000000)
        for http in readers:
            http.send(request("GET", path("large")))
        ended = drip({name: http for name, (http, _) in slow.items()}, PATIENCE_S + 20)
        check(sorted(ended), sorted(slow))
        for name, (http, _) in slow.items():
            check(PATIENCE_S - 2 < ended[name] < PATIENCE_S + 15, True, f"{name} after {ended[name]:.1f} s")
            check(http.read().status, 408, name)
        check(resting.read().status, 408)
        for http in [resting] + [http for http, _ in slow.values()]:
            check(http.at_end(), True)
            http.close()
        wait.until(lambda: connected(server) == before, "readers that read nothing are gone", 15)
        check(idle.ask("GET", path("bystander")).body, b"here")
        check(client("EXISTS", "k"), 0)


# --- large ones ---


def pour(clients, size):
    """Sends each as much of so many bytes as the server takes; those of whom it took all."""
    left, block = {http.socket: size for http in clients}, b"x" * 1000000
    for http in clients:
        http.socket.setblocking(False)
    while any(left.values()):
        _, writable, _ = select.select([], [socket for socket, more in left.items() if more], [], 1)
        if not writable:
            break
        for socket in writable:
            try:
                left[socket] -= socket.send(block[:left[socket]])
            except BlockingIOError:
                pass
    for http in clients:
        http.socket.settimeout(60)
    return [http for http in clients if not left[http.socket]]


# The budget, and what each of two loops may have read from disk in a turn beside it, before answers count.
GROWN_MAX_MB = MEMORY_MAX_MB + 2 * 64


def grown_mb(server, base_kb):
    return (memory_kb(server, "VmHWM") - base_kb) // 1024


@claim
def large_bodies_and_answers_share_a_bounded_memory():
    not_for_sanitizers()
    with serve("--cache-size", "100mb") as server, bystander(server), server.client() as client:
        client("SET", "large", "x" * VALUE_MAX)
        base_kb = memory_kb(server)
        senders = [Http(server) for _ in range(40)]
        for number, http in enumerate(senders):
            http.send(head("PUT", path("k"), f"Content-Length: {VALUE_MAX}") if number % 2 else
                      head("PUT", path("k"), "Transfer-Encoding: chunked") + b"%x\r\n" % VALUE_MAX)
        check(1 <= len(pour(senders, VALUE_MAX - 100)) <= MEMORY_MAX_MB // 25, True, "some large bodies were let in, others wait")
        check(Http(server).ask("PUT", path("small"), b"x" * 60000).status, 200)
        check(grown_mb(server, base_kb) < GROWN_MAX_MB, True, f"{grown_mb(server, base_kb)} MiB for large bodies")
        for http in senders:
            http.close()
        readers = [Http(server, receive_buffer=4096) for _ in range(40)]
        for http in readers:
            http.send(request("GET", path("large")))
        wait.pass_by(1)
        check(Http(server).ask("GET", path("small")).body, b"x" * 60000)
        check(grown_mb(server, base_kb) < GROWN_MAX_MB, True, f"{grown_mb(server, base_kb)} MiB for large answers")
        for http in readers:
            http.close()
        check(Http(server).ask("GET", path("large")).body, b"x" * VALUE_MAX)


def read_at_once(server, keys):
    """Asks for all these keys so that the server finds the requests together; how many MiB it grew, at most."""
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(Http(server, timeout_s=60)) for _ in keys]
        before_kb = most_kb = memory_kb(server, "RssAnon")
        server.freeze()
        for http, key in zip(readers, keys):
            http.send(request("GET", path(key)))
        server.thaw()
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(readers)))
        answers = [pool.submit(lambda http=http: len(http.read().body)) for http in readers]
        while concurrent.futures.wait(answers, timeout=0.01).not_done:
            most_kb = max(most_kb, memory_kb(server, "RssAnon"))
        check([answer.result() for answer in answers], [VALUE_MAX] * len(keys))
        return (most_kb - before_kb) // 1024


@claim
def large_values_that_are_not_in_memory_cost_no_copy_for_each_reader():
    not_for_sanitizers()
    readers = 24
    for keys in [["k0"] * readers, [f"k{number}" for number in range(readers)]]:
        with serve("--cache-size", "100mb", "--io-threads", "2") as server:
            with server.client() as client:
                for key in set(keys):
                    check(client("SET", key, "x" * VALUE_MAX), "OK")
            server.restart()
            grown = read_at_once(server, keys)
            check(grown < MEMORY_MAX_MB * 2.5, True, f"{grown} MiB for {len(set(keys))} large values")


@claim
def large_bodies_that_have_to_wait_get_their_turn():
    not_for_sanitizers()
    with serve("--cache-size", "100mb") as server:
        def put(number):
            with Http(server, timeout_s=60) as http:
                return http.ask("PUT", path(f"k{number}"), b"%d" % (number % 10) * VALUE_MAX).status

        with concurrent.futures.ThreadPoolExecutor(17) as pool:
            check(list(pool.map(put, range(17))), [200] * 17)
        check(Http(server).ask("GET", path("k13")).body, b"3" * VALUE_MAX)


@claim
def a_bulk_write_of_90_megabytes_keeps_nobody_waiting():
    not_for_sanitizers()
    pairs = json.dumps([{"key": f"k{number}", "value": "x" * 9400} for number in range(10000)]).encode()
    with serve() as server, contextlib.ExitStack() as stack:
        for _ in range(4):  # on all threads
            stack.enter_context(bystander(server, 0.5))
        with Http(server) as http:
            answer = http.ask("PUT", f"{REST}/db0/bulk", pairs)
        check((answer.status, json.loads(answer.body)["result"]["successful_key_count"]), (200, 10000))


# --- the end ---


@claim
def the_server_ends_in_the_middle_of_everything():
    with serve() as server:
        check(server.client()("SET", "large", "x" * VALUE_MAX), "OK")
        clients = [Http(server, receive_buffer=4096) for _ in range(100)]
        for number, http in enumerate(clients):
            http.send((b"", b"GET", head("PUT", path("k"), "Content-Length: 20000000") + b"x" * 100000, request("GET", path("large")),
                       request("PUT", path(f"k{number}"), b"x"))[number % 5])
        for number in range(4, 100, 5):
            check(clients[number].read().status, 200)
        started = time.monotonic()
        server.stop()
        check(time.monotonic() - started < (60 if is_sanitized() else 10), True, f"it took {time.monotonic() - started:.1f} s")
        for http in clients:
            http.close()
        server.start()
        check(server.client()("EXISTS", *[f"k{number}" for number in range(4, 100, 5)]), 20)
        check(server.client()("EXISTS", "k"), 0)


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""grapevine-cli with many keys: bulk put, delete and get, export and import, and what breaks on the way."""
import base64
import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

from lib import wait
from lib.claims import check, claim, run
from lib.server import CLI, RedisServer, Server, environment, free_port

OK, MISSING, USAGE, UNREACHABLE, REFUSED, RATE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


class Run:
    """What became of one command."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err.decode("utf-8", "replace")

    def check(self, code):
        check(self.code, code, f"{self.out[-500:]} {self.err[-500:]}")
        return self

    def json(self):
        return json.loads(self.out)


class Desk:
    """A server, a folder for files, and grapevine-cli."""

    def __init__(self, *options, rate=False):
        self.server = Server(*options, *(() if rate else ("--key-write-rate", "0")))
        self.folder = tempfile.TemporaryDirectory(prefix="grapevine-cli-")

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *exception):
        self.folder.cleanup()
        self.server.__exit__(*exception)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def lines(self, name, objects):
        return self.file(name, "".join(json.dumps(each) + "\n" for each in objects))

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def popen(self, *words, **pipes):
        return subprocess.Popen([CLI, "-p", str(self.server.port), *words], env=environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **pipes)

    def cli(self, *words, typed=b"", seconds=100):
        process = self.popen(*words, stdin=subprocess.PIPE)
        try:
            out, err = process.communicate(typed, timeout=seconds)
        finally:
            process.kill()
            process.wait()
        return Run(process.returncode, out, err)


def pairs(count, size=10):
    return [{"key": f"k{i:06}", "value": f"{i}" * (size // len(f"{i}") or 1)} for i in range(count)]


def everything(client):
    """All keys with what they hold, by another client than the one that is tested."""
    found, cursor = {}, None
    while True:
        answer = client("KV.LIST", "LIMIT", "100", *(("CURSOR", cursor) if cursor else ()))
        page = dict(zip(answer[::2], answer[1::2]))
        for name in page[b"keys"]:
            record = client("KV.GET", name)
            record = dict(zip(record[::2], record[1::2]))
            found[name] = (record[b"value"], record[b"metadata"], record[b"expiration"])
        cursor = page[b"cursor"]
        if not cursor:
            return found


# --- bulk put ---------------------------------------------------------------------------------------


@claim
def an_array_and_lines_are_stored_alike():
    with Desk() as desk:
        objects = [
            {"key": "text", "value": "grüße\n\u0001"},
            {"key": "bytes", "value": base64.b64encode(bytes(range(256))).decode(), "base64": True},
            {"key": "described", "value": "", "metadata": {"a": [1, "x"]}},
            {"key": "brief", "value": "v", "expiration_ttl": 600},
            {"key": "dated", "value": "v", "expiration": 4000000000},
        ]
        array = desk.file("array.json", json.dumps(objects, indent=2))
        lines = desk.lines("lines.ndjson", objects)
        client = desk.server.client()
        for number, path in ((1, array), (2, lines)):
            desk.cli("-n", str(number), "bulk", "put", path).check(OK)
            client("SELECT", str(number))
            found = everything(client)
            check(found[b"text"], ("grüße\n\u0001".encode(), None, None))
            check(found[b"bytes"], (bytes(range(256)), None, None))
            check(json.loads(found[b"described"][1]), {"a": [1, "x"]})
            check(590_000 < found[b"brief"][2] - wait.wall_ms() <= 600_000, True, "its time to live")
            check(found[b"dated"][2], 4000000000000)


@claim
def standard_input_will_do():
    with Desk() as desk:
        done = desk.cli("bulk", "put", "-", "--json", typed=b'{"key":"a","value":"1"}\n{"key":"b","value":"2"}').check(OK)
        check({name: done.json()[name] for name in ("stored", "failed", "bytes", "complete")},
              {"stored": 2, "failed": 0, "bytes": 4, "complete": True})
        check(desk.server.client()("MGET", "a", "b"), [b"1", b"2"])


@claim
def of_several_pairs_with_one_key_the_last_one_stays():
    with Desk(rate=True) as desk:
        path = desk.lines("many.ndjson", [{"key": f"k{i % 3}", "value": f"{i}"} for i in range(3000)])
        started = time.monotonic()
        done = desk.cli("bulk", "put", path, "--json").check(OK).json()
        check(done["stored"] + done["replaced"], 3000)
        check(desk.server.client()("MGET", "k0", "k1", "k2"), [b"2997", b"2998", b"2999"])
        check(time.monotonic() - started < 20, True, "a write of each key a second is not waited for")


@claim
def a_key_over_its_rate_is_tried_again_when_the_server_said():
    with Desk(rate=True) as desk:
        path = desk.lines("pairs.ndjson", pairs(100))
        desk.cli("bulk", "put", path).check(OK)
        again = desk.cli("bulk", "put", path, "--json").check(OK).json()
        check((again["stored"], again["failed"]), (100, 0))
        check(again["milliseconds"] > 300, True, "it waited")


@claim
def what_is_refused_goes_to_a_file_that_can_be_put_again():
    with Desk("--max-value-size", "100") as desk:
        objects = [{"key": "ok", "value": "v"},
                   {"key": "long", "value": "x" * 101, "metadata": {"a": 1}, "expiration": 4000000000},
                   {"key": "m", "value": "v", "metadata": "y" * 2000}]
        path = desk.file("in.json", json.dumps(objects, indent=1))
        failed = desk.path("failed.ndjson")
        done = desk.cli("bulk", "put", path, "--failed", failed).check(REFUSED)
        check("1 pair stored, 2 failed" in done.out.decode(), True, done.out.decode())
        check(f"{path}:6:2: " in done.err and "VALUETOOLONG" in done.err and "METATOOLONG" in done.err, True, done.err)
        check([json.loads(line) for line in desk.read("failed.ndjson").splitlines()], objects[1:])
        client = desk.server.client()
        client("CONFIG", "SET", "max-value-size", "200")
        client("CONFIG", "SET", "max-metadata-size", "3000")
        desk.cli("bulk", "put", failed, "--failed", desk.path("none")).check(OK)
        check(client("GET", "long"), b"x" * 101)
        check(os.path.exists(desk.path("none")), False, "nothing failed: no file")
        check("that is the file to be read" in desk.cli("bulk", "put", failed, "--failed", failed).check(USAGE).err, True)


@claim
def a_key_that_stays_over_its_rate_fails_in_the_end():
    with Desk(rate=True) as desk:
        path = desk.lines("pairs.ndjson", pairs(3))
        desk.server.client()("NAMESPACE", "SET", "db0", "key-write-rate", "1")
        desk.cli("bulk", "put", path).check(OK)
        done = desk.popen("bulk", "put", path, "--timeout", "3", "--failed", desk.path("failed"))
        with desk.server.client() as client:
            # another writer keeps the key from ever being free
            while done.poll() is None:
                client("SET", "k000001", "other")
        out, err = done.communicate(timeout=30)
        if done.returncode != OK:  # it may have slipped in between two writes of the other
            check(done.returncode, RATE, err.decode())
            check(json.loads(desk.read("failed"))["key"], "k000001")


@claim
def a_broken_file_is_named_with_the_place():
    broken = (
        ('[{"key":"a","value":"1"},\n {"key":"b","value":2}]', "2:21: here a string should begin", 1),
        ('{"key":"a","value":"1"}\n{"key":"b"}\n', "2:1: it has no value", 1),
        ('{"key":"a","value":"1"}\n{"key":"b","value":"x\n"}', "2:22: the string has no end", 1),
        ('[{"key":"a","value":"1"},', "1:26: the file ends within the array", 1),
        ('[{"key":"a","value":"1"}', "1:2: the file ends in the element", 0),
        ('[{"key":"a","value":"1"}] x', "1:27: there is something behind", 1),
        ('{"key":"a","value":"1"}\nnonsense', "2:1: here an object", 1),
        ('{"key":"a","value":"%","base64":true}', "1:1: its value is not base64", 0),
    )
    with Desk() as desk:
        client = desk.server.client()
        for text, words, count in broken:
            client("FLUSHDB")
            path = desk.file("broken.json", text)
            done = desk.cli("bulk", "put", path).check(USAGE)
            check(f"{path}:{words}" in done.err, True, done.err)
            check(f"go on with --skip {count}" in done.err, True, done.err)
            check(client("DBSIZE"), count, text)
            check(f"{path}:{words}" in desk.cli("bulk", "put", path, "--dry-run").check(USAGE).err, True)


@claim
def a_dry_run_needs_no_server_and_stores_nothing():
    with Desk() as desk:
        path = desk.lines("pairs.ndjson", pairs(1000))
        done = desk.cli("-p", str(free_port()), "bulk", "put", path, "--dry-run").check(OK)
        check(done.out.startswith(b"1,000 pairs read"), True, done.out)


@claim
def an_interrupted_run_says_where_to_go_on():
    with Desk() as desk:
        process = desk.popen("bulk", "put", "-", stdin=subprocess.PIPE)
        client = desk.server.client()
        process.stdin.write(b"".join(b'{"key":"%d","value":"v"}\n' % i for i in range(50000)))
        process.stdin.flush()
        wait.until(lambda: client("DBSIZE") > 10000, "the first pairs are stored", 30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        check(process.returncode, INTERRUPTED, err.decode())
        number = int(err.decode().split("--skip ")[1].split(",")[0])
        check(10000 < number <= 50000, True, str(number))
        check(client("DBSIZE") >= number, True, "what is behind --skip is stored")
        check(client("EXISTS", str(number - 1)), 1)
        typed = b"".join(b'{"key":"%d","value":"v"}\n' % i for i in range(50000))
        desk.cli("bulk", "put", "-", "--skip", str(number), typed=typed).check(OK)
        check(client("DBSIZE"), 50000)


@claim
def a_server_that_goes_away_and_comes_back_costs_nothing():
    with Desk() as desk:
        process = desk.popen("bulk", "put", "-", stdin=subprocess.PIPE)
        for start in range(0, 60000, 20000):
            process.stdin.write(b"".join(b'{"key":"%d","value":"%d"}\n' % (i, i) for i in range(start, start + 20000)))
            process.stdin.flush()
            if start == 0:
                wait.until(lambda: desk.server.client()("DBSIZE") > 5000, "the first pairs are stored", 30)
                desk.server.kill()
                desk.server.start_here()
        out, err = process.communicate(timeout=60)
        check(process.returncode, OK, err.decode())
        client = desk.server.client()
        check(client("DBSIZE"), 60000)
        check(client("GET", "59999"), b"59999")


@claim
def a_server_that_stays_away_ends_the_run():
    with Desk() as desk:
        process = desk.popen("bulk", "put", "-", "--timeout", "1", stdin=subprocess.PIPE)
        process.stdin.write(b'{"key":"a","value":"v"}\n' * 2)
        process.stdin.flush()
        client = desk.server.client()
        desk.server.kill()
        try:
            process.stdin.write(b"".join(b'{"key":"%d","value":"v"}\n' % i for i in range(20000)))
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.stdin = None
        out, err = process.communicate(timeout=60)
        client.close()
        check(process.returncode, UNREACHABLE, err.decode())
        check("go on with --skip" in err.decode(), True, err.decode())
        desk.server.start_here()


@claim
def no_server_is_told_at_once():
    with Desk() as desk:
        path = desk.lines("pairs.ndjson", pairs(3))
        started = time.monotonic()
        done = desk.cli("-p", str(free_port()), "bulk", "put", path).check(UNREACHABLE)
        check(time.monotonic() - started < 10, True, "at once")
        check("refused" in done.err, True, done.err)


@claim
def pairs_can_name_their_namespaces():
    with Desk() as desk:
        client = desk.server.client()
        client("NAMESPACE", "CREATE", "web")
        path = desk.lines("in.ndjson", [{"namespace": "web", "key": "a", "value": "1"},
                                        {"namespace": "db3", "key": "b", "value": "2"},
                                        {"namespace": "web", "key": "c", "value": "3"}])
        desk.cli("bulk", "put", path).check(OK)
        client("SELECT", "web")
        check(client("MGET", "a", "b", "c"), [b"1", None, b"3"])
        client("SELECT", "3")
        check(client("MGET", "a", "b", "c"), [None, b"2", None])
        desk.cli("-n", "4", "bulk", "put", path).check(OK)
        client("SELECT", "4")
        check(client("MGET", "a", "b", "c"), [b"1", b"2", b"3"])
        bad = desk.lines("bad.ndjson", [{"key": "a", "value": "1"}, {"namespace": "nope", "key": "b", "value": "2"}])
        check("no such namespace 'nope'" in desk.cli("bulk", "put", bad).check(REFUSED).err, True)


# --- bulk delete, bulk get --------------------------------------------------------------------------


@claim
def names_are_deleted():
    with Desk() as desk:
        client = desk.server.client()
        desk.cli("bulk", "put", desk.lines("pairs.ndjson", pairs(1000))).check(OK)
        names = [f"k{i:06}" for i in range(500)] + ["nope"]
        done = desk.cli("bulk", "delete", desk.file("names.json", json.dumps(names)), "--json").check(OK).json()
        check((done["deleted"], done["missing"]), (500, 1))
        check(client("DBSIZE"), 500)
        # what export writes names keys, too
        desk.cli("bulk", "delete", desk.lines("rest.ndjson", pairs(1000)[500:])).check(OK)
        check(client("DBSIZE"), 0)


@claim
def names_are_got():
    with Desk() as desk:
        client = desk.server.client()
        client("SET", "a", "1")
        client("KV.PUT", "b", b"\x00\xff", "META", '{"x": 1}')
        names = desk.file("names.json", '["a", {"name": "b"}, "nope"]')
        check(desk.cli("bulk", "get", names).check(OK).json(),
              {"a": "1", "b": {"key": "b", "value": "AP8=", "base64": True, "metadata": {"x": 1}}, "nope": None})
        check(desk.cli("bulk", "get", names, "--with-metadata").json()["a"], {"key": "a", "value": "1"})
        check(desk.cli("bulk", "get", "-", typed=b"[]").check(OK).json(), {})


# --- export and import ------------------------------------------------------------------------------


def fill_oddly(client):
    """Keys and values of every byte, metadata in odd spellings, expirations to the millisecond."""
    every = bytes(range(256))
    for i in range(256):
        client("SET", every[i:i + 1], every[i:] + every[:i])
        client("SET", b"prefix" + every[:i], b"")
    for i, meta in enumerate(('{"a": 1.50}', '[\n 1]', '"\\u00e9"', '12345678901234567890', '{"a":1,"a":2}', ' true ', '"AAAA"')):
        client("KV.PUT", f"meta{i}", "v", "META", meta)
    for i in range(5):
        client("KV.PUT", f"time{i}", "v", "PXAT", str(4000000000000 + 250 * i + i))
    client("PEXPIREAT", "time0", "9223372036854770000")
    client("SET", "utf8", "grüße \u2028 \U0001d11e \"quoted\" \\ \x7f")


@claim
def what_is_exported_comes_back_byte_by_byte():
    with Desk() as desk:
        client = desk.server.client()
        fill_oddly(client)
        before = everything(client)
        check(len(before) > 500, True)
        desk.cli("export", desk.path("all.ndjson")).check(OK)
        desk.cli("-n", "1", "import", desk.path("all.ndjson")).check(OK)
        client("SELECT", "1")
        check(everything(client), before)
        # and through pipes, from a file that is text
        piped = desk.cli("-n", "1", "export").check(OK).out
        check(piped, desk.read("all.ndjson"))
        check(len(piped.decode("utf-8").splitlines() and piped.split(b"\n")), len(before) + 1)
        desk.cli("-n", "2", "import", typed=piped).check(OK)
        client("SELECT", "2")
        check(everything(client), before)


@claim
def a_prefix_is_exported_alone():
    with Desk() as desk:
        client = desk.server.client()
        for name in ("a", "user:1", "user:2", "z"):
            client("SET", name, "v")
        done = desk.cli("export", "--prefix", "user:").check(OK)
        check([json.loads(line)["key"] for line in done.out.splitlines()], ["user:1", "user:2"])


@claim
def an_empty_namespace_is_an_empty_file():
    with Desk() as desk:
        done = desk.cli("export", desk.path("none.ndjson"), "--json").check(OK)
        check(done.json(), {"exported": 0, "bytes": 0})
        check(desk.read("none.ndjson"), b"")
        desk.cli("import", desk.path("none.ndjson")).check(OK)


@claim
def a_file_that_cannot_be_written_is_told_of():
    with Desk() as desk:
        desk.server.client()("SET", "a", "1")
        done = desk.cli("export", desk.path("no/such/folder")).check(USAGE)
        check("cannot write" in done.err, True, done.err)
        check("No space left" in desk.cli("export", "/dev/full").check(USAGE).err, True)
        check(stat.S_ISCHR(os.stat("/dev/full").st_mode), True, "a device stays a device")


@claim
def long_values_travel_whole():
    with Desk("--limits", "current") as desk:
        client = desk.server.client()
        text, noise = b"text \n" * (25 * 1024 * 1024 // 6), os.urandom(25 * 1024 * 1024)
        client("SET", "text", text)
        client("SET", "noise", noise)
        desk.cli("export", desk.path("long.ndjson")).check(OK)
        desk.cli("-n", "1", "import", desk.path("long.ndjson")).check(OK)
        client("SELECT", "1")
        check(client("GET", "text") == text, True, "the text")
        check(client("GET", "noise") == noise, True, "the noise")


class OldServer:
    """Between the command line and a server, one that does not know KV.LIST's WITHEXPIRATION."""

    def __init__(self, server):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server = server
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server.port))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        while chunk := one.recv(1 << 16):
            other.sendall(chunk.replace(b"WITHEXPIRATION", b"WITHWHATNOBODY"))
        other.shutdown(socket.SHUT_WR)


@claim
def an_older_server_is_exported_record_by_record():
    with Desk() as desk:
        client = desk.server.client()
        fill_oddly(client)
        before = everything(client)
        old = OldServer(desk.server)
        desk.cli("-p", str(old.port), "export", desk.path("all.ndjson")).check(OK)
        old.listener.close()
        check(len(desk.read("all.ndjson").splitlines()), len(before))
        desk.cli("-n", "1", "import", desk.path("all.ndjson")).check(OK)
        client("SELECT", "1")
        check(everything(client), before)


@claim
def an_interrupted_export_leaves_no_half_a_file():
    with Desk() as desk:
        client = desk.server.client()
        for i in range(200):
            client("SET", f"k{i}", b"x" * 60000)
        process = desk.popen("export", desk.path("all.ndjson"))
        desk.server.freeze()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        desk.server.thaw()
        check(os.path.exists(desk.path("all.ndjson")), process.returncode == OK)


@claim
def a_plain_redis_is_no_grapevine():
    with RedisServer() as redis, Desk() as desk:
        done = desk.cli("-p", str(redis.port), "export").check(REFUSED)
        check("unknown command" in done.err, True, done.err)


# --- from Redis -------------------------------------------------------------------------------------


@claim
def the_strings_of_a_redis_are_copied_with_their_times_to_live():
    with RedisServer() as redis, Desk() as desk:
        source = redis.client()
        source("SELECT", "3")
        every = bytes(range(256))
        for i in range(2000):
            source("SET", f"k{i}", f"{i}")
        source("SET", every, every)
        source("SET", "number", "17")
        source("SET", "brief", "v", "PX", "600000")
        source("RPUSH", "list", "x")
        source("RPUSH", "list2", "x")
        source("HSET", "hash", "a", "b")
        uri = f"redis://127.0.0.1:{redis.port}/3"
        done = desk.cli("-n", "5", "import", "--from-redis", uri).check(OK)
        check(done.out.startswith(b"2,003 strings stored"), True, done.out)
        check(sorted(done.out.decode().splitlines()[1].split(": ")[1].split(", ")),
              ["1 of type hash", "2 of type list"])
        client = desk.server.client()
        client("SELECT", "5")
        check(client("DBSIZE"), 2003)
        check(client("GET", every), every)
        check(client("GET", "k1999"), b"1999")
        check(client("TTL", "k1"), -1)
        check(590_000 < client("PTTL", "brief") <= 600_000, True, "the time to live")
        again = desk.cli("-n", "5", "import", "--from-redis", uri, "--json").check(OK).json()
        check(again["other_types"], {"hash": 1, "list": 2})


@claim
def a_redis_with_a_password_wants_it():
    with RedisServer() as redis, Desk() as desk:
        source = redis.client()
        source("SET", "a", "1")
        source("CONFIG", "SET", "requirepass", "s@cret")
        done = desk.cli("import", "--from-redis", f"redis://127.0.0.1:{redis.port}").check(REFUSED)
        check("NOAUTH" in done.err, True, done.err)
        desk.cli("import", "--from-redis", f"redis://:s%40cret@127.0.0.1:{redis.port}").check(OK)
        check(desk.server.client()("GET", "a"), b"1")
        source("CONFIG", "SET", "requirepass", "")


@claim
def a_redis_that_is_not_there_is_told_of():
    with Desk() as desk:
        done = desk.cli("import", "--from-redis", f"redis://127.0.0.1:{free_port()}").check(UNREACHABLE)
        check("cannot connect to the Redis" in done.err, True, done.err)
        desk.cli("import", "--from-redis", "nonsense").check(USAGE)


# --- the rest ---------------------------------------------------------------------------------------


@claim
def memory_does_not_grow_with_the_file():
    def peak_kb(desk, count):
        process = desk.popen("bulk", "put", "-", stdin=subprocess.PIPE)
        client = desk.server.client()
        process.stdin.write(b"".join(b'{"key":"%d","value":"%0100d"}\n' % (i, i) for i in range(count)))
        process.stdin.flush()
        wait.until(lambda: client("DBSIZE") > count - 5000, "most of them are stored", 60)
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            peak = int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
        process.communicate(timeout=60)
        check(process.returncode, OK)
        return peak

    with Desk() as desk:
        few, many = peak_kb(desk, 20000), peak_kb(desk, 200000)
        check(many < few + 4096, True, f"{few} kB for 20,000 pairs, {many} kB for 200,000")


@claim
def a_single_put_hears_of_its_rate_at_once_unless_it_is_told_to_wait():
    with Desk(rate=True) as desk:
        desk.cli("put", "k", "1").check(OK)
        check("RATELIMIT" in desk.cli("put", "k", "2").check(RATE).err, True)
        desk.cli("put", "k", "3", "--timeout", "10").check(OK)
        check(desk.server.client()("GET", "k"), b"3")


@claim
def several_servers_can_be_named():
    with Desk() as desk:
        servers = f"127.0.0.1:{free_port()},127.0.0.1:{desk.server.port}"
        path = desk.lines("pairs.ndjson", pairs(10))
        process = subprocess.run([CLI, "--server", servers, "bulk", "put", path], capture_output=True, timeout=60, check=False)
        check(process.returncode, OK, process.stderr.decode())
        check(desk.server.client()("DBSIZE"), 10)


@claim
def what_needs_no_namespace_does_not_look_for_the_one_of_n():
    with Desk() as desk:
        desk.cli("-n", "shop", "ping").check(OK)
        desk.cli("-n", "shop", "status").check(OK)
        desk.cli("-n", "shop", "namespace", "create", "shop").check(OK)
        desk.cli("-n", "shop", "put", "a", "1").check(OK)
        desk.cli("-n", "other", "namespace", "info", "shop").check(OK)
        check("no such namespace 'other'" in desk.cli("-n", "other", "get", "a").check(REFUSED).err, True)


@claim
def a_server_that_cannot_be_watched_is_told_of_in_a_sentence():
    with RedisServer() as redis, Desk() as desk:
        done = desk.cli("-p", str(redis.port), "watch").check(REFUSED)
        check(done.err, "grapevine-cli: this server does not offer to watch keys: it is too old\n")


@claim
def bash_completes_commands_and_options():
    def complete(*words):
        script = subprocess.run([CLI, "completion", "bash"], capture_output=True, text=True, timeout=60, check=True).stdout
        line = " ".join(f"'{word}'" for word in ("grapevine-cli", *words))
        script += f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _grapevine_cli; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout.split()

    check("bulk" in complete("") and "export" in complete(""), True)
    check(complete("na"), ["namespace"])
    check(complete("bulk", ""), ["put", "delete", "get"])
    check(complete("-n", "web", "bulk", "pu"), ["put"])
    check(complete("bulk", "put", "--fa"), ["--failed"])
    check(complete("get", "--fa"), [])
    check(complete("--ho"), ["--host"])
    check(complete("completion", "b"), ["bash"])
    check(complete("help", "namespace", "cr"), ["create"])
    check("/etc/hosts" in complete("bulk", "put", "/etc/host"), True)


@claim
def the_manual_names_every_command_and_option():
    help_text = subprocess.run([CLI, "help"], capture_output=True, text=True, timeout=60, check=True).stdout
    manual = subprocess.run([CLI, "manual"], capture_output=True, text=True, timeout=60, check=True).stdout
    plain = manual.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
    commands = [line.split("  ")[1] for line in help_text.split("Commands\n")[1].split("`grapevine-cli")[0].splitlines()]
    for command in commands:
        check(command.strip() in plain, True, command)
    for option in ("--failed FILE", "--host HOST", "--if-version VERSION", "--dry-run"):
        check(option in plain, True, option)


if __name__ == "__main__":
    run()

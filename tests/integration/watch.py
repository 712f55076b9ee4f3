#!/usr/bin/python3
"""KV.WATCH: every change of a namespace in order; a token goes on without a gap, or everything is listed anew."""
import contextlib
import json
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.cluster import Cluster
from lib.resp import Push, encode
from lib.server import CLI, Server


class Watcher:
    """A client's copy of a namespace: which keys there are, and the token to go on from."""

    def __init__(self, server, *words, protocol=3, timeout_s=20, select=None):
        self.client = server.client(timeout_s=timeout_s)
        if protocol == 3:
            self.client("HELLO", "3")
        if select is not None:
            check(self.client("SELECT", select), "OK")
        self.client.send("KV.WATCH", *words)
        self.token, self.keys, self.events = None, {}, []
        check(self.next()[0], "watching")

    def next(self):
        message = self.client.read()
        check(message[0], b"kv.watch", f"{message}")
        event, key, version, token = message[1].decode(), *message[2:]
        self.token = token or self.token
        self.events.append((event, key))
        if event == "put":
            self.keys[key] = version
        elif event in ("delete", "expire"):
            self.keys.pop(key, None)
        elif event in ("empty", "reset"):
            self.keys.clear()
        return event, key, version, token

    def until(self, event, key=None):
        while True:
            message = self.next()
            if message[0] == event and key in (None, message[1]):
                return message

    def close(self):
        self.client.close()


def ours(*options):
    return Server("--key-write-rate", "0", *options)


@claim
def changes_come_in_order_with_versions_and_tokens():
    for protocol in (2, 3):
        with ours() as server:
            client = server.client()
            client("SET", "old", "1")
            watcher = Watcher(server, protocol=protocol)
            version = client("KV.PUT", "k", "v")
            check(watcher.next()[:3], ("put", b"k", version))
            client("INCR", "n")
            client("DEL", "k")
            client("SET", "short", "v", "PX", "30")
            client("DEL", "nothing")
            got = [watcher.next() for _ in range(4)]
            check([message[:2] for message in got],
                  [("put", b"n"), ("delete", b"k"), ("put", b"short"), ("expire", b"short")])
            tokens = [message[3] for message in got]
            check(tokens, sorted(set(tokens)))
            check(all(re.fullmatch(rb"[0-9a-f]{16}-[0-9a-f]{16}", message[2]) for message in got), True)
            client("FLUSHDB")
            check(watcher.next()[:3], ("empty", None, None))


@claim
def only_the_prefix_and_the_namespace_that_were_selected():
    with ours() as server:
        client = server.client()
        client("NAMESPACE", "CREATE", "shop")
        watcher, of_shop = Watcher(server, "PREFIX", "a:"), Watcher(server, select="shop")
        client("MSET", "a:1", "x", "b:1", "x", "a:2", "x")
        check(sorted(watcher.next()[1] for _ in range(2)), [b"a:1", b"a:2"])
        client("SELECT", "shop")
        client("SET", "a:1", "y")
        check(of_shop.next()[:2], ("put", b"a:1"))
        client("SELECT", "0")
        client("DEL", "a:1")
        check(watcher.next()[:2], ("delete", b"a:1"))


@claim
def a_token_goes_on_without_a_gap():
    with ours() as server:
        client = server.client()
        watcher = Watcher(server)
        client("SET", "a", "1")
        watcher.next()
        watcher.close()
        for i in range(100):
            client("SET", f"k{i}", "1")
        client("DEL", "a")
        again = Watcher(server, "SINCE", watcher.token)
        check([again.next()[:2] for _ in range(101)], [("put", b"k%d" % i) for i in range(100)] + [("delete", b"a")])
        middle = Watcher(server, "PREFIX", "k9", "SINCE", watcher.token)
        check(middle.next()[1], b"k9")
        check(middle.next()[1], b"k90")


@claim
def an_unknown_token_lists_everything():
    with ours() as server:
        client = server.client()
        for i in range(1200):
            client("SET", f"k{i:04}", "1")
        client("SET", "gone", "1")
        client("DEL", "gone")
        for token in ("0", "x" * 33, "0123456789abcdef-0000000000000000"):
            watcher = Watcher(server, "PREFIX", "k", "SINCE", token)
            check(watcher.next(), ("reset", None, None, None))
            watcher.until("synced")
            check(sorted(watcher.keys), [b"k%04d" % i for i in range(1200)])
            check(watcher.keys[b"k0007"], client("KV.GET", "k0007")[7])
            client("SET", "k0000", "2")
            check(watcher.next()[:2], ("put", b"k0000"))


@claim
def a_restart_is_a_reset():
    with ours() as server:
        watcher = Watcher(server)
        server.client()("SET", "a", "1")
        watcher.next()
        server.restart()
        again = Watcher(server, "SINCE", watcher.token)
        check(again.next()[0], "reset")
        check(again.next()[:2], ("put", b"a"))
        check(again.next()[0], "synced")


@claim
def swapping_databases_lists_the_other_one():
    with ours() as server:
        client, watcher = server.client(), Watcher(server)
        client("SET", "a", "1")
        client("SELECT", "1")
        client("SET", "b", "1")
        client("SWAPDB", "0", "1")
        watcher.until("synced")
        check(list(watcher.keys), [b"b"])
        client("SET", "a", "2")
        client("SELECT", "0")
        client("SET", "c", "1")
        check(watcher.next()[:2], ("put", b"c"))


@claim
def it_ends_when_asked_to():
    with ours() as server:
        writer = server.client()
        for ending, answer in ((("KV.WATCH", "OFF"), "OK"), (("RESET",), "RESET")):
            watcher = Watcher(server, protocol=2)
            check_error(watcher.client("GET", "a"), "ERR Can't execute 'get'")
            check(watcher.client(*ending), answer)
            writer("SET", "a", "1")
            check(watcher.client("GET", "a"), b"1")
        client = server.client()
        check_error(client("KV.WATCH", "SINCE"), "ERR syntax error")
        check_error(client("KV.WATCH", "WHAT", "x"), "ERR syntax error")
        client("MULTI")
        check_error(client("KV.WATCH"), "ERR Command not allowed inside a transaction")


@claim
def one_who_does_not_read_is_dropped_at_the_limit_of_subscribers():
    with ours("--client-output-buffer-limit", "pubsub 256kb 0 0") as server:
        lazy = socket.create_connection(("127.0.0.1", server.port))
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(encode("KV.WATCH"))
        client = server.client()
        wait.until(lambda: b"cmd=kv.watch" in client("CLIENT", "LIST"), "it watches")
        deadline = time.monotonic() + 30
        while b"cmd=kv.watch" in client("CLIENT", "LIST") and time.monotonic() < deadline:
            client.pipeline(*[("SET", "k" * 1000 + str(i), "v") for i in range(200)])
        check(b"client_output_buffer_limit_disconnections:1" in client("INFO", "stats"), True)
        lazy.close()


@claim
def changes_on_other_replicas_are_told():
    with Cluster(2, "--key-write-rate", "0") as cluster:
        watcher, writer = Watcher(cluster[1]), cluster[0].client()
        version = writer("KV.PUT", "k", "v")
        check(watcher.next()[:3], ("put", b"k", version))
        writer("DEL", "k")
        check(watcher.next()[:2], ("delete", b"k"))
        writer("SET", "short", "v", "PX", "300")
        check([watcher.next()[:2] for _ in range(2)], [("put", b"short"), ("expire", b"short")])
        writer("FLUSHALL")
        watcher.until("empty")
        elsewhere = Watcher(cluster[0], "SINCE", watcher.token)
        check(elsewhere.next()[0], "reset")


def write_at_random(server, stop, seed):
    chance, client = random.Random(seed), server.client()
    while not stop.is_set():
        key = f"k{chance.randrange(60)}"
        if chance.random() < 0.3:
            client("DEL", key)
        elif chance.random() < 0.1:
            client("SET", key, "v", "PX", str(chance.randrange(1, 40)))
        else:
            client("SET", key, "v")


@claim
def a_copy_is_right_whatever_happens():
    """Reconnects in the middle of everything, now and then from nothing, while others write."""
    with ours("--io-threads", "3") as server:
        stop, chance = threading.Event(), random.Random(5)
        threads = [threading.Thread(target=write_at_random, args=(server, stop, seed)) for seed in range(3)]
        for thread in threads:
            thread.start()
        watcher = Watcher(server, "SINCE", "0")
        for _ in range(60):
            for _ in range(chance.randrange(1, 120)):
                watcher.next()
            keys, token = watcher.keys, watcher.token
            watcher.close()
            watcher = Watcher(server, "SINCE", token or "0")
            watcher.keys = keys
        stop.set()
        for thread in threads:
            thread.join()
        client = server.client()
        client("SET", "the-end", "1")
        watcher.until("put", b"the-end")
        wait.until(lambda: client("INFO", "keyspace").count(b"expires=0") == 1, "nothing is left to expire")
        client("SET", "the-very-end", "1")
        watcher.until("put", b"the-very-end")
        check(sorted(watcher.keys), sorted(client("KEYS", "*")))
        for key, version in watcher.keys.items():
            check(version, client("KV.GET", key)[7], key)


@contextlib.contextmanager
def cli(*arguments):
    """Ended after a while in any case: who waits for its next line hears of the end."""
    process = subprocess.Popen([CLI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate(timeout=10)


def is_watched(client):
    return b"cmd=kv.watch" in client("CLIENT", "LIST")


@claim
def grapevine_cli_prints_changes_across_a_restart():
    with tempfile.TemporaryDirectory() as folder, ours("--unixsocket", f"{folder}/s") as server, \
            cli("--socket", f"{folder}/s", "watch") as plain, cli("--socket", f"{folder}/s", "--json", "watch", "a") as as_json:
        client = server.client()
        wait.until(lambda: client("CLIENT", "LIST").count(b"cmd=kv.watch") == 2, "both watch")
        client.pipeline(("SET", "a1", "x"), ("SET", "b", "x"), ("DEL", "b"), ("SET", b"a\xff\n", "x"))
        check([plain.stdout.readline() for _ in range(4)], [b"put a1\n", b"put b\n", b"delete b\n", b"put a\\xff\\n\n"])
        first = json.loads(as_json.stdout.readline())
        check((first["event"], first["key"], sorted(first)), ("put", "a1", ["event", "key", "token", "version"]))
        check(json.loads(as_json.stdout.readline())["key_base64"], True)
        server.restart()
        check(plain.stdout.readline(), b"reset\n")
        check(sorted(plain.stdout.readline() for _ in range(2)), [b"put a1\n", b"put a\\xff\\n\n"])
        check(plain.stdout.readline(), b"synced\n")
        check([json.loads(as_json.stdout.readline())["event"] for _ in range(4)], ["reset", "put", "put", "synced"])
        plain.send_signal(signal.SIGINT)
        check(plain.wait(10), 130)
        check(b"trying again" in plain.stderr.read(), True)


@claim
def grapevine_cli_goes_on_where_it_was_cut_off():
    with ours() as server, cli("-p", str(server.port), "-n", "2", "watch") as process:
        client = server.client()
        client("SELECT", "2")
        wait.until(lambda: is_watched(client), "it watches")
        client("SET", "a", "1")
        check(process.stdout.readline(), b"put a\n")
        number = re.search(rb"id=(\d+) [^\n]*cmd=kv.watch", client("CLIENT", "LIST")).group(1)
        client.pipeline(("CLIENT", "KILL", "ID", number), ("SET", "b", "1"), ("DEL", "a"))
        check([process.stdout.readline() for _ in range(2)], [b"put b\n", b"delete a\n"])


@claim
def grapevine_cli_says_why_it_cannot_watch():
    with ours() as server:
        for arguments, code, words in ((("-n", "nowhere", "watch"), 4, b"no such namespace"),
                                       (("-a", "wrong", "watch"), 4, b"AUTH"),
                                       (("-p", "1", "watch"), 3, b"cannot reach 127.0.0.1:1")):
            done = subprocess.run([CLI, "-p", str(server.port), *arguments], capture_output=True, timeout=20, check=False)
            check(done.returncode, code, f"{done.stderr}")
            check(words in done.stderr, True, f"{done.stderr}")


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""Keyspace events: of commands as Redis tells them, of other replicas' writes, of expiries; never of what failed."""
import os

from lib import wait
from lib.claims import Skip, check, claim, run
from lib.cluster import Cluster
from lib.server import RedisServer, Server

# Commands, and what is told on the keyevent channels of all classes: (event, key).
DIALOGUE = [
    ("SET a 1", [("new", "a"), ("set", "a")]),
    ("SET a 2", [("set", "a")]),
    ("SET a 2 NX", []),
    ("SET a 3 EX 100", [("set", "a"), ("expire", "a")]),
    ("SET a 3 KEEPTTL", [("set", "a")]),
    ("SETEX a 100 1", [("set", "a"), ("expire", "a")]),
    ("PSETEX a 100000 1", [("set", "a"), ("expire", "a")]),
    ("SETNX a 1", []),
    ("SETNX b 1", [("new", "b"), ("set", "b")]),
    ("MSET a 1 c 2", [("set", "a"), ("new", "c"), ("set", "c")]),
    ("MSETNX a 1 d 2", []),
    ("MSETNX d 1", [("new", "d"), ("set", "d")]),
    ("GETSET a 5", [("set", "a")]),
    ("INCR a", [("incrby", "a")]),
    ("DECRBY a 3", [("incrby", "a")]),
    ("INCRBYFLOAT a 1.5", [("incrbyfloat", "a")]),
    ("APPEND a x", [("append", "a")]),
    ("SETRANGE a 1 yy", [("setrange", "a")]),
    ("SETBIT bits 7 1", [("new", "bits"), ("setbit", "bits")]),
    ("BITFIELD bits SET u8 0 5", [("setbit", "bits")]),
    ("BITOP NOT dest bits", [("new", "dest"), ("set", "dest")]),
    ("BITOP AND dest nothing nowhere", [("keymiss", "nothing"), ("keymiss", "nowhere"), ("del", "dest")]),
    ("EXPIRE a 100", [("expire", "a")]),
    ("EXPIRE a 100 NX", []),
    ("PERSIST a", [("persist", "a")]),
    ("PERSIST a", []),
    ("GETEX a EX 100", [("expire", "a")]),
    ("GETEX a PERSIST", [("persist", "a")]),
    ("GETEX a", []),
    ("GETEX b EXAT 1", [("del", "b")]),
    ("PEXPIREAT c 1", [("del", "c")]),
    ("RENAME a a2", [("new", "a2"), ("rename_from", "a"), ("rename_to", "a2")]),
    ("RENAMENX a2 d", []),
    ("COPY a2 a3", [("new", "a3"), ("copy_to", "a3")]),
    ("COPY nothing a4", [("keymiss", "nothing")]),
    ("COPY a2 a4 DB 1", [("new@1", "a4"), ("copy_to@1", "a4")]),
    ("MOVE a3 1", [("new@1", "a3"), ("move_from", "a3"), ("move_to@1", "a3")]),
    ("GETDEL d", [("del", "d")]),
    ("GETDEL d", [("keymiss", "d")]),
    ("DEL a2 a2 nothing bits", [("del", "a2"), ("del", "bits")]),
    ("UNLINK nothing", []),
    ("GET nothing", [("keymiss", "nothing")]),
    ("MGET n1 n2", [("keymiss", "n1"), ("keymiss", "n2")]),
    ("STRLEN nothing", [("keymiss", "nothing")]),
    ("TTL nothing", [("keymiss", "nothing")]),
    ("EXISTS nothing", [("keymiss", "nothing")]),
    ("OBJECT ENCODING nothing", []),
    ("GETEX nothing", [("keymiss", "nothing")]),
    ("FLUSHALL", []),
]


def parse(message):
    """["pmessage", pattern, "__keyevent@0__:set", "k"] -> ("set", "k"); of another database "set@1"."""
    where, _, event = message[2].partition(b"__:")
    where = where.decode().partition("@")[2]
    return event.decode() + ("" if where == "0" else f"@{where}"), message[3].decode()


def listener_of(server, *patterns):
    listener = server.client()
    for pattern in patterns or ("__key*",):
        listener("PSUBSCRIBE", pattern)
    return listener


def up_to(listener, client):
    """All messages that come before those of a write that is made now."""
    client("SET", "the-end", "x")
    messages = []
    while True:
        message = listener.read()
        if b"the-end" in message[2] + message[3]:
            return messages
        messages.append(message)


def talk_through(server):
    client, listener = server.client(), listener_of(server, "__keyevent*")
    client("CONFIG", "SET", "notify-keyspace-events", "EAmn")
    for line, expected in DIALOGUE:
        client(*line.split(" "))
        got = [parse(message) for message in up_to(listener, client)]
        client("DEL", "the-end")
        up_to_end_of_marks(listener)
        check(got, expected, line)


def up_to_end_of_marks(listener):
    while parse(listener.read()) != ("del", "the-end"):
        pass


@claim
def commands_are_told_in_redis_words():
    with Server("--key-write-rate", "0") as server:
        talk_through(server)


@claim
def redis_itself_tells_the_same():
    if not os.path.exists(RedisServer.executable):
        raise Skip("redis-server is not installed")
    with RedisServer() as server:
        talk_through(server)


@claim
def both_channels_of_numbered_and_named_places():
    with Server("--key-write-rate", "0", "--notify-keyspace-events", "KEA") as server:
        client, listener = server.client(), listener_of(server, "__key*")
        client("SELECT", "3")
        client("SET", "k", "v")
        check(listener.read()[2:], [b"__keyspace@3__:k", b"set"])
        check(listener.read()[2:], [b"__keyevent@3__:set", b"k"])
        client("NAMESPACE", "CREATE", "shop")
        client("SELECT", "shop")
        client("SET", "k", "v")
        check(listener.read()[2:], [b"__keyspace@shop__:k", b"set"])
        check(listener.read()[2:], [b"__keyevent@shop__:set", b"k"])
        client("KV.PUT", "k", "v", "EX", "100")
        check([listener.read()[3] for _ in range(4)], [b"set", b"k", b"expire", b"k"])


@claim
def an_expired_key_is_told_of_once():
    with Server("--key-write-rate", "0", "--notify-keyspace-events", "EA") as server:
        client, listener = server.client(), listener_of(server)
        for i in range(50):
            client("SET", f"k{i}", "v", "PX", "30")
        wait.until(lambda: client("DBSIZE") == 0, "all are swept")
        got = [parse(message) for message in up_to(listener, client)]
        check(sorted(key for event, key in got if event == "expired"), sorted(f"k{i}" for i in range(50)))
        client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        up_to(listener, client)
        client("SET", "late", "v", "PX", "20")
        wait.until(lambda: client("GET", "late") is None, "it has expired")
        client("SET", "late", "w")
        client("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        got = [parse(message) for message in up_to(listener, client)]
        check(got, [("set", "late"), ("expire", "late"), ("expired", "late"), ("set", "late")])


@claim
def what_a_transaction_did_is_told_if_it_was_committed():
    with Server("--notify-keyspace-events", "EA") as server:
        client, listener = server.client(), listener_of(server)
        client("MSET", "a", "1", "b", "2")
        client("MULTI")
        client("SET", "c", "1")
        client("SET", "a", "2")
        check(client("EXEC").word, "RATELIMIT")
        got = [parse(message) for message in up_to(listener, client)]
        check(got, [("set", "a"), ("set", "b")])
        client("MULTI")
        client("SET", "d", "1")
        client("DEL", "d")
        client("INCR", "e")
        client("EXEC")
        check([parse(listener.read()) for _ in range(3)], [("set", "d"), ("del", "d"), ("incrby", "e")])


@claim
def nothing_is_told_unless_asked_for():
    with Server("--key-write-rate", "0") as server:
        client, listener = server.client(), listener_of(server)
        client("SET", "a", "1")
        client("CONFIG", "SET", "notify-keyspace-events", "A")
        client("SET", "b", "1")
        client("CONFIG", "SET", "notify-keyspace-events", "Kg")
        client("SET", "c", "1")
        client("DEL", "c")
        check(listener.read()[2:], [b"__keyspace@0__:c", b"del"])
        check(client("CONFIG", "GET", "notify-keyspace-events"), [b"notify-keyspace-events", b"gK"])


@claim
def writes_by_other_replicas_are_told_here():
    with Cluster(2, "--key-write-rate", "0", "--notify-keyspace-events", "EAn") as cluster:
        writer, listener = cluster[0].client(), listener_of(cluster[1])
        writer("SET", "k", "v")
        check([parse(listener.read()) for _ in range(2)], [("new", "k"), ("set", "k")])
        for words, expected in (
            (("INCR", "n"), [("new", "n"), ("set", "n")]),
            (("EXPIRE", "k", "1000"), [("expire", "k")]),
            (("PERSIST", "k"), [("persist", "k")]),
            (("SET", "k", "w", "EX", "1000"), [("set", "k"), ("expire", "k")]),
            (("DEL", "k"), [("del", "k")]),
            (("SET", "short", "v", "PX", "200"), [("new", "short"), ("set", "short"), ("expire", "short"),
                                                  ("expired", "short")]),
        ):
            writer(*words)
            check([parse(listener.read()) for _ in expected], expected, " ".join(words))
        writer("NAMESPACE", "CREATE", "shop")
        writer("SELECT", "shop")
        writer("SET", "k", "v")
        check([parse(listener.read()) for _ in range(2)], [("new@shop", "k"), ("set@shop", "k")])
        cluster.wait_until_equal()


@claim
def an_expiry_is_told_on_every_replica_once():
    with Cluster(2, "--key-write-rate", "0", "--notify-keyspace-events", "Ex") as cluster:
        listeners = [listener_of(node) for node in cluster]
        writer = cluster[0].client()
        for i in range(20):
            writer("SET", f"k{i}", "v", "PX", "300")
        for listener in listeners:
            check(sorted(listener.read()[3] for _ in range(20)), sorted(b"k%d" % i for i in range(20)))
        cluster.wait_until_equal()
        for node, listener in zip(cluster, listeners):
            node.client()("PUBLISH", "__key-end", "x")
            check(listener.read()[2], b"__key-end")


if __name__ == "__main__":
    run()

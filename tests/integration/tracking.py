#!/usr/bin/python3
"""CLIENT TRACKING: copies in clients are told to go, whoever made the change: a client, another replica, or time."""
import os
import random
import threading

from lib import wait
from lib.claims import Skip, check, check_error, claim, run
from lib.cluster import Cluster
from lib.resp import Push
from lib.server import RedisServer, Server


def tracking(server, *options):
    client = server.client()
    client("HELLO", "3")
    check(client("CLIENT", "TRACKING", "ON", *options), "OK")
    return client


def next_keys(client):
    """The keys of the next message; None = all of them."""
    message = client.read()
    check((type(message), message[0]), (Push, b"invalidate"))
    return message[1]


def nothing_waits(client):
    check(client("PING"), "PONG", "nothing came before it")


def ours():
    return Server("--key-write-rate", "0")


def servers():
    """What holds here holds of Redis too, where that is installed."""
    with ours() as server:
        yield server
    if os.path.exists(RedisServer.executable):
        with RedisServer() as server:
            yield server


@claim
def a_key_that_was_read_is_told_of_once():
    for server in servers():
        client, other = tracking(server), server.client()
        other("SET", "k", "1")
        check(client("GET", "k"), b"1")
        other("SET", "k", "2")
        check(next_keys(client), [b"k"])
        other("SET", "k", "3")
        other("SET", "unread", "1")
        nothing_waits(client)
        client("MGET", "k", "absent")
        other("MSET", "k", "4", "absent", "1")
        check(sorted([next_keys(client), next_keys(client)]), [[b"absent"], [b"k"]])


@claim
def every_kind_of_change_is_told():
    with ours() as server:
        client, other = tracking(server), server.client()
        for words in (("DEL", "k"), ("EXPIRE", "k", "100"), ("RENAME", "k", "k2"), ("APPEND", "k", "x"),
                      ("SETBIT", "k", "0", "1"), ("MOVE", "k", "1"), ("GETDEL", "k"), ("GETEX", "k", "EX", "9"),
                      ("KV.PUT", "k", "v")):
            other("MULTI")
            for setup in (("DEL", "k"), ("SET", "k", "1")):
                other(*setup)
            other("EXEC")
            client("GET", "k")
            other(*words)
            check(next_keys(client), [b"k"], " ".join(words))
            nothing_waits(client)


@claim
def what_expires_is_told():
    for server in servers():
        client, other = tracking(server), server.client()
        other("SET", "k", "v", "PX", "400")
        check(client("GET", "k"), b"v")
        check(next_keys(client), [b"k"])


@claim
def a_client_that_writes_before_it_reads_is_not_told_of_that_write():
    for server in servers():
        client = tracking(server)
        for _ in range(50):
            check(client.pipeline(("SET", "k", "1"), ("GET", "k")), ["OK", b"1"])
            nothing_waits(client)
            client.pipeline(("MULTI",), ("INCR", "k"), ("GET", "k"), ("EXEC",))
            check(next_keys(client), [b"k"])
            client.pipeline(("MULTI",), ("DEL", "k"), ("SET", "k", "1"), ("GET", "k"), ("EXEC",))
            check(next_keys(client), [b"k"])
            nothing_waits(client)
            client.pipeline(("MULTI",), ("GET", "k"), ("INCR", "k"), ("EXEC",))
            check(next_keys(client), [b"k"])
            client.pipeline(("MULTI",), ("INCR", "k"), ("GET", "k"), ("INCR", "k"), ("EXEC",))
            check(next_keys(client), [b"k"])
            nothing_waits(client)


@claim
def a_transaction_that_is_refused_hides_no_later_write():
    with Server() as server:
        client, other = tracking(server), server.client()
        other("SET", "k", "1")
        check(client("GET", "k"), b"1")
        client("MULTI")
        client("SET", "k", "2")
        client("GET", "k")
        check(client("EXEC").word, "RATELIMIT")
        server.client()("NAMESPACE", "SET", "db0", "key-write-rate", "0")
        other("SET", "k", "3")
        check(next_keys(client), [b"k"])


@claim
def prefixes_are_told_of_together_and_noloop_leaves_out_ones_own():
    for server in servers():
        client = tracking(server, "BCAST", "PREFIX", "a:", "PREFIX", "b:", "NOLOOP")
        other = server.client()
        other("MSET", "a:1", "x", "a:2", "x", "c:1", "x")
        check(sorted(next_keys(client)), [b"a:1", b"a:2"])
        check(client("SET", "a:1", "y"), "OK")
        other("SET", "b:1", "x")
        check(next_keys(client), [b"b:1"])


@claim
def messages_go_to_another_connection_also_in_resp2():
    for server in servers():
        listener, client, other = server.client(), server.client(), server.client()
        number = listener("CLIENT", "ID")
        listener("SUBSCRIBE", "__redis__:invalidate")
        check(client("CLIENT", "TRACKING", "ON", "REDIRECT", number), "OK")
        check(client("CLIENT", "GETREDIR"), number)
        client("GET", "k")
        other("SET", "k", "1")
        check(listener.read(), [b"message", b"__redis__:invalidate", [b"k"]])
        other("FLUSHALL")
        check(listener.read(), [b"message", b"__redis__:invalidate", None])
        lines = other("CLIENT", "LIST").decode().split("\n")
        mine = next(line for line in lines if f"redir={number} " in line)
        check(" flags=t " in mine, True, mine)


@claim
def a_client_is_told_when_nobody_gets_its_messages():
    for server in servers():
        listener, other = server.client(), server.client()
        number = listener("CLIENT", "ID")
        client = tracking(server, "REDIRECT", number)
        client("GET", "k")
        listener("QUIT")
        wait.until(lambda: b"id=%d " % number not in other("CLIENT", "LIST"), "it is gone")
        other("SET", "k", "1")
        check(client.read(), [b"tracking-redir-broken", number])
        check(list(client("CLIENT", "TRACKINGINFO")[b"flags"]), [b"on", b"broken_redirect"])
        check_error(client("CLIENT", "TRACKING", "ON", "REDIRECT", number),
                    "ERR The client ID you want redirect to does not exist")


@claim
def errors_are_those_of_redis():
    requests = [
        ("TRACKING", "maybe"), ("TRACKING", "ON", "what"), ("TRACKING", "ON", "PREFIX", "a"), ("TRACKING", "ON", "REDIRECT", "x"),
        ("TRACKING", "ON", "REDIRECT", "99999"), ("TRACKING", "ON", "BCAST", "OPTIN"), ("TRACKING", "ON", "OPTIN", "OPTOUT"),
        ("TRACKING", "ON", "BCAST", "PREFIX", "ab", "PREFIX", "a"), ("CACHING", "YES"), ("CACHING", "maybe"),
        ("TRACKING", "ON", "OPTIN"), ("TRACKING", "ON", "OPTOUT"), ("TRACKING", "ON", "BCAST"), ("CACHING", "NO"), ("CACHING", "maybe"),
        ("CACHING", "YES"), ("TRACKINGINFO",), ("TRACKINGINFO",), ("TRACKING", "OFF"), ("TRACKING", "OFF"),
        ("TRACKING", "ON", "OPTOUT"), ("CACHING", "YES"), ("CACHING", "NO"), ("TRACKINGINFO",), ("TRACKING", "OFF"),
        ("TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "b"), ("TRACKING", "ON", "BCAST", "PREFIX", "ab"), ("TRACKINGINFO",),
        ("GETREDIR",), ("TRACKING",), ("CACHING",), ("TRACKINGINFO", "x"),
    ]
    answers = []
    for server in servers():
        client = server.client()
        answers.append([client("CLIENT", *words) for words in requests])
    if len(answers) < 2:
        raise Skip("redis-server is not installed")
    for words, mine, theirs in zip(requests, *answers):
        check(mine, theirs, " ".join(words))


@claim
def emptying_swapping_and_a_full_table_let_go_of_copies():
    with ours() as server:
        client, other = tracking(server), server.client()
        other("SET", "k", "1")
        for words in (("FLUSHDB",), ("FLUSHALL",), ("SWAPDB", "0", "1")):
            client("GET", "k")
            check(other(*words), "OK")
            check(next_keys(client), None, words[0])
        client("MGET", "a", "b", "c")
        other("CONFIG", "SET", "tracking-table-max-keys", "1")
        check([next_keys(client), next_keys(client)], [[b"a"], [b"b"]])
        check(b"tracking_total_keys:1\r\n" in other("INFO", "stats"), True)


@claim
def emptying_what_was_never_written_lets_go_too():
    for server in servers():
        client, broad, other = tracking(server), tracking(server, "BCAST"), server.client()
        other("SELECT", "7")
        for words in (("FLUSHALL",), ("FLUSHDB",), ("FLUSHALL", "ASYNC")):
            client("GET", "k")
            check(other(*words), "OK")
            check([next_keys(client), next_keys(broad)], [None, None], " ".join(words))
            nothing_waits(client)
            nothing_waits(broad)
            check(b"tracking_total_keys:0\r\n" in other("INFO", "stats"), True)


@claim
def namespaces_are_kept_apart():
    with ours() as server:
        server.client()("NAMESPACE", "CREATE", "shop")
        reader, broad, other = tracking(server), tracking(server, "BCAST"), server.client()
        reader("GET", "k")
        other("SELECT", "shop")
        other("SET", "k", "1")
        nothing_waits(reader)
        nothing_waits(broad)
        broad("SELECT", "shop")
        check(broad("GET", "k"), b"1")
        other("SET", "k", "2")
        check(next_keys(broad), [b"k"])
        other("SELECT", "3")
        other("SET", "k", "2")
        check(next_keys(broad), [b"k"])


@claim
def who_is_tied_to_a_database_hears_of_no_other():
    with ours() as server:
        other = server.client()
        check(other("ACL", "SETUSER", "tenant", "on", ">secret", "~*", "+@all", "namespace=db1"), "OK")
        client = server.client()
        client("HELLO", "3", "AUTH", "tenant", "secret")
        check(client("CLIENT", "TRACKING", "ON", "BCAST"), "OK")
        other("SET", "foreign", "1")
        other("SELECT", "1")
        other("SET", "own", "1")
        check(next_keys(client), [b"own"])
        nothing_waits(client)


@claim
def reset_and_closing_end_it():
    with ours() as server:
        client, other = tracking(server), server.client()
        client("GET", "k")
        check(client("RESET"), "RESET")
        client("HELLO", "3")
        other("SET", "k", "1")
        nothing_waits(client)
        leaver = tracking(server)
        leaver("GET", "k")
        leaver.close()
        wait.until(lambda: b"tracking_clients:0\r\n" in other("INFO", "clients"), "nobody tracks")
        other("SET", "k", "2")
        check(b"tracking_total_keys:0\r\n" in other("INFO", "stats"), True)


@claim
def writes_and_expiries_of_other_replicas_are_told():
    with Cluster(2, "--key-write-rate", "0") as cluster:
        client, broad, writer = tracking(cluster[1]), tracking(cluster[1], "BCAST"), cluster[0].client()
        writer("SET", "k", "1")
        check(next_keys(broad), [b"k"])
        check(client("GET", "k"), b"1")
        writer("DEL", "k")
        check((next_keys(client), next_keys(broad)), ([b"k"], [b"k"]))
        writer("SET", "k", "2", "PX", "300")
        check(next_keys(broad), [b"k"])
        client("GET", "k")
        check((next_keys(client), next_keys(broad)), ([b"k"], [b"k"]))
        client("GET", "k")
        writer("FLUSHALL")
        check((next_keys(client), next_keys(broad)), (None, None))


def keep_a_copy(server, stop, seed):
    """A client-side cache: what it holds when all is quiet must be what is stored."""
    chance, copy = random.Random(seed), {}
    client = tracking(server)
    waiting = []

    def ask(*words):
        client.send(*words)
        while type(answer := client.read()) is Push:
            waiting.append(answer)
        return answer

    while not stop.is_set():
        key = f"k{chance.randrange(20)}"
        copy[key] = ask("GET", key)
        for message in waiting:
            for dropped in message[1]:
                copy.pop(dropped.decode(), None)
        waiting.clear()
    return client, copy, ask, waiting


@claim
def a_cache_that_listens_is_right_while_many_write():
    with Server("--key-write-rate", "0", "--io-threads", "3") as server:
        stop, results, threads = threading.Event(), [], []
        for seed in range(3):
            threads.append(threading.Thread(target=lambda seed=seed: results.append(keep_a_copy(server, stop, seed))))
        for thread in threads:
            thread.start()
        writers = [server.client() for _ in range(4)]
        for i in range(4000):
            writers[i % 4]("SET", f"k{i % 20}", str(i))
        stop.set()
        for thread in threads:
            thread.join()
        for _, copy, ask, waiting in results:
            ask("PING")
            for message in waiting:
                for dropped in message[1]:
                    copy.pop(dropped.decode(), None)
            for key, value in copy.items():
                check(writers[0]("GET", key), value, key)


if __name__ == "__main__":
    run()

#!/usr/bin/python3
"""The limits, exact to the byte, and the write rate: what is refused, and that it changes nothing."""
import re
import time

from lib import wait
from lib.claims import Skip, check, check_error, claim, run
from lib.resp import Error
from lib.rest import NAMESPACES, Rest
from lib.server import Server

NO_RATE = ("--key-write-rate", "0")


def retry_ms(answer):
    """The N of `-RATELIMIT ... retry in N ms`."""
    check_error(answer, "RATELIMIT ")
    match = re.search(r"retry in (\d+) ms", answer)
    check(match is not None, True, f"{answer!r} says how long to wait")
    return int(match.group(1))


def twice_within_a_second(write, again, attempts=10):
    """write(key), then again(key): the answer of the second, if both were within 900 ms."""
    for attempt in range(attempts):
        key = f"key{attempt}"
        started = time.monotonic()
        write(key)
        answer = again(key)
        if time.monotonic() - started < 0.9:
            return answer
    raise Skip("two writes in a row took 0.9 s here, each time")


@claim
def a_key_of_2048_bytes_is_taken_and_one_of_2049_refused():
    with Server(*NO_RATE) as server:
        client = server.client()
        fits, over = "k" * 2048, "k" * 2049
        check(client("SET", fits, "v"), "OK")
        check(client("GET", fits), b"v")
        answer = client("SET", over, "v")
        check_error(answer, "KEYTOOLONG ")
        check("2048" in answer and "2049" in answer, True, f"{answer!r} names limit and size")
        for words in (("INCR", over), ("APPEND", over, "x"), ("MSET", "a", "1", over, "2"), ("SETNX", over, "v"),
                      ("RENAME", fits, over), ("COPY", fits, over), ("KV.PUT", over, "v"), ("SETRANGE", over, "1", "x")):
            check_error(client(*words), "KEYTOOLONG ")
        check(client.pipeline(("GET", over), ("EXISTS", over), ("DEL", over), ("TTL", over)), [None, 0, 0, -2])
        check(client.pipeline(("GET", fits), ("GET", "a"), ("DBSIZE",)), [b"v", None, 1])


@claim
def a_value_of_65536_bytes_is_taken_and_one_of_65537_refused():
    with Server(*NO_RATE) as server:
        client = server.client()
        fits, over = b"v" * 65536, b"v" * 65537
        check(client("SET", "k", fits), "OK")
        answer = client("SET", "k", over)
        check_error(answer, "VALUETOOLONG ")
        check("65536" in answer and "65537" in answer, True, f"{answer[:200]!r} names limit and size")
        check("string exceeds maximum allowed size" in answer, True, "the words that clients know")
        for words in (("APPEND", "k", "x"), ("SETRANGE", "k", "65536", "x"), ("SETBIT", "k", 65536 * 8, "1"),
                      ("GETSET", "k", over), ("SETEX", "k", "10", over), ("KV.PUT", "k", over),
                      ("MSET", "a", "1", "b", over), ("MSETNX", "a", "1", "b", over)):
            check_error(client(*words), "VALUETOOLONG ")
        check(client.pipeline(("GET", "k"), ("GET", "a"), ("DBSIZE",)), [fits, None, 1])
        check(client("APPEND", "almost", b"v" * 65535), 65535)
        check(client("APPEND", "almost", "v"), 65536)


@claim
def metadata_of_1024_bytes_is_taken_and_of_1025_refused():
    with Server(*NO_RATE) as server:
        client = server.client()
        fits, over = '"' + "m" * 1022 + '"', '"' + "m" * 1023 + '"'
        check(isinstance(client("KV.PUT", "k", "v", "META", fits), bytes), True)
        answer = client("KV.PUT", "k", "w", "META", over)
        check_error(answer, "METATOOLONG ")
        check("1024" in answer and "1025" in answer, True, f"{answer!r} names limit and size")
        check(client.pipeline(("GET", "k"), ("KV.META", "k")), [b"v", fits.encode()])


@claim
def the_current_profile_has_its_own_limits():
    with Server(*NO_RATE, "--limits", "current") as server:
        client = server.client()
        check(client("SET", "k" * 512, "v"), "OK")
        check_error(client("SET", "k" * 513, "v"), "KEYTOOLONG ")
        check(client("SET", "k", b"v" * 26214400), "OK")
        check(client("STRLEN", "k"), 26214400)
        check_error(client("SET", "k", b"v" * 26214401), "VALUETOOLONG ")
        check(client("STRLEN", "k"), 26214400)


@claim
def a_single_limit_overrides_its_profile():
    with Server(*NO_RATE, "--max-key-size", "10", "--max-value-size", "1kb") as server:
        client = server.client()
        check(client("SET", "k" * 10, "v" * 1024), "OK")
        check_error(client("SET", "k" * 11, "v"), "KEYTOOLONG ")
        check_error(client("SET", "k", "v" * 1025), "VALUETOOLONG ")


@claim
def a_second_write_within_a_second_is_refused_and_told_how_long_to_wait():
    with Server() as server:
        client = server.client()
        answer = twice_within_a_second(lambda key: client("SET", key, "1"), lambda key: client("SET", key, "2"))
        check(0 < retry_ms(answer) <= 1000, True, answer)
        check(client("GET", "key0"), b"1")


@claim
def waiting_as_long_as_told_is_enough():
    with Server() as server:
        client = server.client()
        client("SET", "k", "1")
        answer = client("SET", "k", "2")
        deadline = time.monotonic() + 20
        while isinstance(answer, Error):
            check(time.monotonic() < deadline, True, "a retry succeeds within 20 s")
            wait.pass_by(retry_ms(answer) / 1000)
            answer = client("SET", "k", "2")
        check(client("GET", "k"), b"2")


@claim
def every_command_that_changes_a_key_counts_as_a_write():
    writes = (("APPEND", "x"), ("INCR",), ("DECRBY", "3"), ("INCRBYFLOAT", "1.5"), ("SETRANGE", "0", "7"), ("SETBIT", "1", "1"),
              ("EXPIRE", "100"), ("GETDEL",), ("DEL",), ("UNLINK",), ("GETSET", "4"), ("SETEX", "100", "5"), ("KV.PUT", "6"))
    with Server() as server:
        client = server.client()
        for name, *arguments in writes:
            answer = twice_within_a_second(lambda key: client("SET", f"{name}:{key}", "100"),
                                           lambda key: client(name, f"{name}:{key}", *arguments))
            retry_ms(answer)


@claim
def a_deleted_key_keeps_its_rate():
    with Server() as server:
        client = server.client()
        client("NAMESPACE", "SET", "db0", "key-write-rate", "0")
        client("MSET", *(word for i in range(10) for word in (f"key{i}", "v")))
        client("NAMESPACE", "SET", "db0", "key-write-rate", "1")
        wait.pass_by(1.1)
        answer = twice_within_a_second(lambda key: check(client("DEL", key), 1), lambda key: client("SET", key, "2"))
        retry_ms(answer)


@claim
def what_changes_nothing_is_no_write():
    with Server() as server:
        client = server.client()
        answers = client.pipeline(("DEL", "none"), ("EXPIRE", "none", "10"), ("SET", "none", "v", "XX"), ("PERSIST", "none"),
                                  ("SET", "none", "v"), ("SET", "none", "w", "NX"), ("SETNX", "none", "w"), ("MSETNX", "none", "w"),
                                  ("PERSIST", "none"), ("GETEX", "none"), ("TOUCH", "none"))
        check(answers, [0, 0, None, 0, "OK", None, 0, 0, 0, b"v", 1])


@claim
def an_mset_with_one_refused_key_changes_nothing():
    with Server() as server:
        client = server.client()
        answer = twice_within_a_second(lambda key: client("SET", key, "1"),
                                       lambda key: client("MSET", "free", "2", key, "2", "other", "2"))
        retry_ms(answer)
        check(client("MGET", "free", "other"), [None, None])
        check(client("SET", "free", "3"), "OK")


@claim
def an_exec_with_one_refused_key_changes_nothing_and_is_one_error():
    with Server() as server:
        client = server.client()

        def transaction(key):
            answers = client.pipeline(("MULTI",), ("SET", "free", "2"), ("INCR", key), ("EXEC",))
            check(answers[:3], ["OK", "QUEUED", "QUEUED"])
            return answers[3]

        retry_ms(twice_within_a_second(lambda key: client("SET", key, "1"), transaction))
        check(client("EXISTS", "free"), 0)


@claim
def several_writes_of_a_key_in_one_exec_are_one_write():
    with Server() as server:
        client = server.client()
        answers = client.pipeline(("MULTI",), ("SET", "k", "1"), ("INCR", "k"), ("INCR", "k"), ("EXEC",))
        check(answers[-1], ["OK", 2, 3])


@claim
def one_key_over_its_rate_leaves_the_others_alone():
    with Server() as server:
        client = server.client()
        client("SET", "hot", "1")
        answers = client.pipeline(*(("SET", f"cold{i}", "1") for i in range(1000)))
        check(set(answers), {"OK"})


@claim
def the_write_rate_holds_after_kill_9():
    with Server("--appendfsync", "always") as server:
        def again(key):
            server.kill()
            server.start()
            return server.client()("SET", key, "2")

        retry_ms(twice_within_a_second(lambda key: server.client()("SET", key, "1"), again))


@claim
def a_namespace_can_have_its_own_rate():
    with Server() as server:
        client = server.client()
        check(client("NAMESPACE", "SET", "db15", "key-write-rate", "0"), "OK")
        check(client.pipeline(("SELECT", "15"), ("SET", "k", "1"), ("SET", "k", "2"), ("INCR", "k")), ["OK", "OK", "OK", 3])
        client("SELECT", "0")
        retry_ms(twice_within_a_second(lambda key: client("SET", key, "1"), lambda key: client("SET", key, "2")))


@claim
def a_full_namespace_refuses_new_keys_and_takes_old_ones():
    with Server(*NO_RATE) as server:
        client = server.client()
        check(client("NAMESPACE", "CREATE", "small"), "OK")
        check(client("NAMESPACE", "SET", "small", "max-keys-per-namespace", "3"), "OK")
        client("SELECT", "small")
        client("MSET", "a", "1", "b", "2")
        answer = client("MSET", "c", "3", "d", "4")
        check_error(answer, "NAMESPACEFULL ")
        check("3" in answer, True, f"{answer!r} names the limit")
        check(client("MGET", "a", "b", "c", "d"), [b"1", b"2", None, None])
        check(client.pipeline(("SET", "c", "3"), ("SET", "a", "9"), ("INCR", "b")), ["OK", "OK", 3])
        check_error(client("SET", "d", "4"), "NAMESPACEFULL ")
        check(client.pipeline(("DEL", "a"), ("SET", "d", "4"), ("DBSIZE",)), [1, "OK", 3])


@claim
def flushing_is_never_refused():
    with Server() as server:
        client = server.client()
        check(client.pipeline(("SET", "k", "1"), ("FLUSHDB",), ("FLUSHALL",), ("DBSIZE",)), ["OK", "OK", "OK", 0])


@claim
def syntax_comes_before_size_and_size_before_rate():
    with Server() as server:
        client = server.client()
        client("SET", "k", "1")
        check(client("SET", "k", "v" * 70000, "BOGUS"), "ERR syntax error")
        check_error(client("SET", "k", "v" * 70000), "VALUETOOLONG ")


def memory(client, name):
    return int(re.search(rb"\r\n%s:(\d+)\r\n" % name, client("INFO", "memory")).group(1))


@claim
def maxmemory_makes_the_cache_smaller_and_loses_nothing():
    with Server(*NO_RATE, "--maxmemory-policy", "allkeys-lru") as server:
        client = server.client()
        most = memory(client, b"cache_bytes") + (8 << 20)
        check(client("CONFIG", "SET", "maxmemory", str(memory(client, b"used_memory") + (8 << 20))), "OK")
        for i in range(400):
            check(client("SET", f"key{i}", b"%d" % (i % 10) * 65536), "OK")
        check(memory(client, b"cache_bytes") <= most, True, f"{memory(client, b'cache_bytes')} bytes")
        check(all(client("GET", f"key{i}") == b"%d" % (i % 10) * 65536 for i in range(400)), True)
        check(memory(client, b"cache_bytes") <= most, True, f"{memory(client, b'cache_bytes')} bytes")


@claim
def over_maxmemory_writes_are_refused_until_there_is_room():
    with Server(*NO_RATE, "--maxmemory", "1mb", http=True) as server:
        client, api = server.client(), Rest(server)
        check(client("NAMESPACE", "CREATE", "web"), "OK")
        namespace = api("GET", NAMESPACES).result[0]["id"]
        check_error(client("SET", "k", "v"), "OOM command not allowed when used memory > 'maxmemory'.")
        check(api.put(namespace, "k", b"v").status, 503)
        client("MULTI")
        check_error(client("PING"), "OOM ")
        check_error(client("EXEC"), "EXECABORT Transaction discarded because of previous errors.")
        check(client("CONFIG", "SET", "maxmemory", "1gb"), "OK")
        client("MULTI")
        check(client("SET", "k", "v"), "QUEUED")
        other = server.client()
        check(other("CONFIG", "SET", "maxmemory", "1mb"), "OK")
        check_error(client("EXEC"), "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.")
        check(client("GET", "k"), None)
        client("CONFIG", "SET", "maxmemory", "0")
        check(client("SET", "k", "v"), "OK")


if __name__ == "__main__":
    run()

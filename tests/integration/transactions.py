#!/usr/bin/python3
"""MULTI, EXEC and WATCH between several connections."""
import threading

from lib.claims import check, check_error, claim, run
from lib.server import Server, is_sanitized

NO_RATE = ("--key-write-rate", "0")
ROUNDS = 100 if is_sanitized() else 500


def in_threads(server, count, work):
    """work(client, number) in as many threads; the first error of any."""
    errors = []

    def guarded(number):
        try:
            with server.client() as client:
                work(client, number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@claim
def increments_from_many_connections_are_all_counted():
    with Server(*NO_RATE) as server:
        def work(client, number):
            for _ in range(ROUNDS // 10):
                client.pipeline(*[("INCR", "n")] * 10)

        in_threads(server, 8, work)
        check(server.client()("GET", "n"), str(8 * (ROUNDS // 10) * 10).encode())


@claim
def transfers_keep_the_sum_and_nobody_sees_one_half_done():
    with Server(*NO_RATE) as server:
        server.client()("MSET", "a", "1000", "b", "1000")

        def work(client, number):
            for turn in range(ROUNDS):
                if number % 2:
                    answers = client.pipeline(("MULTI",), ("DECRBY", "a", "7"), ("INCRBY", "b", "7"), ("EXEC",))
                    check(answers[3][0] + answers[3][1], 2000)
                else:
                    check(sum(int(value) for value in client("MGET", "a", "b")), 2000)

        in_threads(server, 6, work)


@claim
def watch_makes_read_and_write_one_step():
    with Server(*NO_RATE) as server:
        server.client()("SET", "n", "0")

        def work(client, number):
            for _ in range(ROUNDS // 5):
                while True:
                    client("WATCH", "n")
                    value = int(client("GET", "n"))
                    if client.pipeline(("MULTI",), ("SET", "n", value + 1), ("EXEC",))[2] is not None:
                        break

        in_threads(server, 4, work)
        check(server.client()("GET", "n"), str(4 * (ROUNDS // 5)).encode())


@claim
def msets_are_seen_whole():
    with Server(*NO_RATE) as server:
        keys = [f"k{i}" for i in range(20)]

        def work(client, number):
            for turn in range(ROUNDS):
                if number < 3:
                    client("MSET", *(word for key in keys for word in (key, f"{number}:{turn}")))
                else:
                    check(len(set(client("MGET", *keys))), 1, "different values of one MSET")

        in_threads(server, 6, work)


@claim
def a_watched_key_touched_in_any_way_aborts():
    touches = (("SET", "k", "x"), ("DEL", "k"), ("EXPIRE", "k", "100"), ("APPEND", "k", "x"), ("RENAME", "k", "other"), ("FLUSHDB",),
               ("FLUSHALL",), ("SWAPDB", "0", "1"), ("COPY", "source", "k", "REPLACE"), ("SET", "k", "v"))
    with Server(*NO_RATE) as server:
        client, other = server.client(), server.client()
        for words in touches:
            client.pipeline(("SET", "k", "v"), ("SET", "source", "s"), ("WATCH", "k"))
            check(str(other(*words)).startswith("ERR"), False, str(words))
            check(client.pipeline(("MULTI",), ("SET", "done", words[0]), ("EXEC",))[2], None, str(words))
        client.pipeline(("SET", "k", "v"), ("WATCH", "k"))
        other("SET", "unrelated", "x")
        check(client.pipeline(("MULTI",), ("GET", "k"), ("EXEC",))[2], [b"v"])


@claim
def a_watched_key_that_expires_aborts():
    with Server(*NO_RATE) as server:
        client, other = server.client(), server.client()
        client.pipeline(("SET", "k", "v", "PX", 50), ("WATCH", "k"))
        while other("EXISTS", "k"):
            pass
        check(client.pipeline(("MULTI",), ("SET", "done", "1"), ("EXEC",))[2], None)


@claim
def an_error_while_queueing_aborts_and_one_while_running_does_not():
    with Server(*NO_RATE) as server:
        client = server.client()
        answers = client.pipeline(("MULTI",), ("SET", "a", "1"), ("NOPE",), ("EXEC",), ("GET", "a"))
        check_error(answers[3], "EXECABORT ")
        check(answers[4], None)
        answers = client.pipeline(("SET", "word", "x"), ("MULTI",), ("SET", "a", "1"), ("INCR", "word"), ("SET", "b", "2"), ("EXEC",))
        check(answers[5][0::2], ["OK", "OK"])
        check_error(answers[5][1], "ERR value is not an integer")
        check(client("MGET", "a", "b"), [b"1", b"2"])


@claim
def keys_dbsize_and_flush_inside_exec_see_its_own_writes():
    with Server(*NO_RATE) as server:
        client = server.client()
        client("SET", "old", "1")
        answers = client.pipeline(("MULTI",), ("SET", "new", "2"), ("DBSIZE",), ("KEYS", "*"), ("FLUSHDB",), ("DBSIZE",), ("SET", "last", "3"),
                                  ("EXEC",), ("KEYS", "*"))
        result = answers[7]
        check((result[0], result[1], sorted(result[2]), result[3], result[4], result[5]), ("OK", 2, [b"new", b"old"], "OK", 0, "OK"))
        check(answers[8], [b"last"])


if __name__ == "__main__":
    run()

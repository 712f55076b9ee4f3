#!/usr/bin/python3
"""Namespaces over RESP: the numbered databases and the named ones."""
import re

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.server import Server

NO_RATE = ("--key-write-rate", "0")


def info(client, title):
    """NAMESPACE INFO as a dict."""
    reply = client("NAMESPACE", "INFO", title)
    return dict(zip(reply[0::2], reply[1::2]))


@claim
def a_named_namespace_is_created_selected_listed_and_deleted():
    with Server(*NO_RATE) as server:
        client = server.client()
        check(client("NAMESPACE", "CREATE", "flags"), "OK")
        check(b"flags" in client("NAMESPACE", "LIST"), True)
        check(client.pipeline(("SELECT", "flags"), ("SET", "k", "v"), ("SELECT", "0"), ("GET", "k")),
              ["OK", "OK", "OK", None])
        check(client.pipeline(("NAMESPACE", "USE", "flags"), ("GET", "k")), ["OK", b"v"])
        check(client.pipeline(("SELECT", "0"), ("NAMESPACE", "DELETE", "flags")), ["OK", "OK"])
        check(b"flags" in client("NAMESPACE", "LIST"), False)


@claim
def namespaces_do_not_see_each_others_keys():
    with Server(*NO_RATE) as server:
        client = server.client()
        titles = ["0", "1", "15", "app", "app2", "ap", "éclair"]
        for title in titles[3:]:
            check(client("NAMESPACE", "CREATE", title), "OK")
        for title in titles:
            client.pipeline(("SELECT", title), ("SET", "k", title), ("SET", f"only in {title}", "x"))
        for title in titles:
            answers = client.pipeline(("SELECT", title), ("GET", "k"), ("DBSIZE",), ("KEYS", "*"))
            check(answers[:3], ["OK", title.encode(), 2])
            check(sorted(answers[3]), sorted([b"k", f"only in {title}".encode()]))


@claim
def info_tells_id_title_keys_and_bytes():
    with Server(*NO_RATE) as server:
        client = server.client()
        client("NAMESPACE", "CREATE", "app")
        client.pipeline(("SELECT", "app"), ("SET", "a", "1" * 1000), ("SET", "b", "2" * 1000))
        fields = info(client, "app")
        check(fields[b"title"], b"app")
        check(re.fullmatch(rb"[0-9a-f]{32}", fields[b"id"]) is not None, True, f"{fields[b'id']!r}")
        check(fields[b"keys"], 2)
        check(fields[b"bytes"] >= 2002, True, f"{fields[b'bytes']} bytes")


@claim
def an_unknown_namespace_is_one_clear_error():
    with Server() as server:
        client = server.client()
        check(client("SELECT", "nowhere"), "ERR no such namespace 'nowhere'")
        check_error(client("NAMESPACE", "INFO", "nowhere"), "ERR no such namespace 'nowhere'")
        check_error(client("NAMESPACE", "DELETE", "nowhere"), "ERR no such namespace 'nowhere'")
        check_error(client("NAMESPACE", "RENAME", "nowhere", "there"), "ERR no such namespace 'nowhere'")
        check(client("SELECT", "16"), "ERR DB index is out of range")


@claim
def titles_are_utf8_of_1_to_512_bytes_and_not_digits():
    with Server() as server:
        client = server.client()
        for title in ("x", "x" * 512, "mit Leerzeichen", "日本語", "12a"):
            check(client("NAMESPACE", "CREATE", title), "OK", title[:20])
        for title in (b"", b"x" * 513, b"123", b"\xff\xfe", b"db3", b"x"):
            check_error(client("NAMESPACE", "CREATE", title), "ERR ")


@claim
def renaming_keeps_the_keys_and_the_id():
    with Server() as server:
        client = server.client()
        client("NAMESPACE", "CREATE", "old")
        client.pipeline(("SELECT", "old"), ("SET", "k", "v"))
        id = info(client, "old")[b"id"]
        check(client("NAMESPACE", "RENAME", "old", "new"), "OK")
        check(info(client, "new")[b"id"], id)
        check_error(client("SELECT", "old"), "ERR no such namespace")
        check(client.pipeline(("SELECT", "new"), ("GET", "k")), ["OK", b"v"])
        client("NAMESPACE", "CREATE", "taken")
        check_error(client("NAMESPACE", "RENAME", "new", "taken"), "ERR ")
        check_error(client("NAMESPACE", "RENAME", "db0", "zero"), "ERR ")


@claim
def a_deleted_namespace_is_gone_at_once_and_a_new_one_of_that_title_is_empty():
    with Server(*NO_RATE) as server:
        client, other = server.client(), server.client()
        client("NAMESPACE", "CREATE", "app")
        client("SELECT", "app")
        client.pipeline(*(("SET", f"k{i}", "v" * 100) for i in range(5000)))
        first = info(client, "app")[b"id"]
        check(other("NAMESPACE", "DELETE", "app"), "OK")
        check_error(other("SELECT", "app"), "ERR no such namespace")
        check(other("NAMESPACE", "CREATE", "app"), "OK")
        check(other.pipeline(("SELECT", "app"), ("DBSIZE",), ("GET", "k1")), ["OK", 0, None])
        check(info(other, "app")[b"id"] != first, True, "it has an id of its own")


@claim
def deleting_a_numbered_one_empties_it():
    with Server() as server:
        client = server.client()
        client.pipeline(("SELECT", "3"), ("SET", "k", "v"))
        check(client("NAMESPACE", "DELETE", "db3"), "OK")
        check(client.pipeline(("DBSIZE",), ("SELECT", "3"), ("GET", "k"), ("SET", "j", "v"), ("DBSIZE",)),
              [0, "OK", None, "OK", 1])


@claim
def flushall_empties_the_numbered_databases_only():
    with Server() as server:
        client = server.client()
        client("NAMESPACE", "CREATE", "app")
        for title in ("0", "7", "app"):
            client.pipeline(("SELECT", title), ("SET", "k", "v"))
        check(client("FLUSHALL"), "OK")
        for title, left in (("0", 0), ("7", 0), ("app", 1)):
            check(client.pipeline(("SELECT", title), ("DBSIZE",)), ["OK", left])


@claim
def settings_survive_a_flush():
    with Server() as server:
        client = server.client()
        client("NAMESPACE", "SET", "db2", "key-write-rate", "0")
        check(client.pipeline(("SELECT", "2"), ("FLUSHDB",), ("FLUSHALL",), ("SET", "k", "1"), ("SET", "k", "2")),
              ["OK", "OK", "OK", "OK", "OK"])


@claim
def settings_can_be_read_and_bad_ones_are_refused():
    with Server() as server:
        client = server.client()
        check(client("NAMESPACE", "SET", "db1", "max-value-size", "1kb"), "OK")
        check_error(client("NAMESPACE", "SET", "db1", "max-value-size", "lots"), "ERR ")
        check_error(client("NAMESPACE", "SET", "db1", "no-such-option", "1"), "ERR ")
        check_error(client("NAMESPACE", "SET", "db1", "key-write-rate", "-5"), "ERR ")
        value = client("NAMESPACE", "GET", "db1", "max-value-size")
        check(b"1024" in value if isinstance(value, list) else value in (b"1024", 1024), True, f"{value!r}")
        check(client("SELECT", "1"), "OK")
        check_error(client("SET", "k", "v" * 1025), "VALUETOOLONG ")


@claim
def swapdb_exchanges_two_databases_for_everybody():
    with Server() as server:
        client, other = server.client(), server.client()
        client.pipeline(("SET", "k", "zero"), ("SELECT", "1"), ("SET", "k", "one"))
        check(other("SWAPDB", "0", "1"), "OK")
        check(other("GET", "k"), b"one")
        check(client("GET", "k"), b"zero")


@claim
def copy_and_move_go_from_one_database_to_another():
    with Server(*NO_RATE) as server:
        client = server.client()
        client("KV.PUT", "k", "v", "META", '{"a":1}')
        check(client.pipeline(("COPY", "k", "k", "DB", "2"), ("MOVE", "k", "3"), ("EXISTS", "k")), [1, 1, 0])
        for database in ("2", "3"):
            check(client.pipeline(("SELECT", database), ("GET", "k"), ("KV.META", "k"), ("DBSIZE",)),
                  ["OK", b"v", b'{"a":1}', 1])


@claim
def a_purge_in_the_background_does_not_touch_what_was_written_since():
    with Server(*NO_RATE) as server:
        client = server.client()
        for number in range(3):
            client.pipeline(*(("SET", f"k{i}", f"{number}") for i in range(3000)))
            check(client("FLUSHDB"), "OK")
        client.pipeline(*(("SET", f"k{i}", "new") for i in range(100)))
        server.restart()
        client = server.client()
        wait.until(lambda: client("DBSIZE") == 100, "100 keys are counted")
        check(set(client.pipeline(*(("GET", f"k{i}") for i in range(100)))), {b"new"})
        check(client("GET", "k2999"), None)


if __name__ == "__main__":
    run()

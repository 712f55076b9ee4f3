#!/usr/bin/python3
"""What a clean restart keeps: everything."""
import os
import time

from lib import wait
from lib.claims import Skip, check, check_error, claim, run
from lib.server import Server, free_port

NO_RATE = ("--key-write-rate", "0")


@claim
def values_survive_a_restart():
    with Server(*NO_RATE) as server:
        values = {b"k%d" % i: os.urandom(i * 7 % 5000) for i in range(300)}
        values[b""] = b"the empty key"
        values[b"\x00\xff\r\n"] = b"\x00" * 65536
        server.client().pipeline(*(("SET", key, value) for key, value in values.items()))
        server.restart()
        got = server.client().pipeline(*(("GET", key) for key in values))
        check(dict(zip(values, got)), values)


@claim
def metadata_versions_and_expiry_survive_a_restart():
    with Server(*NO_RATE) as server:
        client = server.client()
        version = client("KV.PUT", "page", "body", "META", '{"type":"text/html"}', "EX", 1000)
        client("SET", "session", "s", "PX", 500000)
        expiries = client.pipeline(("PEXPIRETIME", "page"), ("PEXPIRETIME", "session"))
        record = client("KV.GET", "page")
        server.restart()
        client = server.client()
        check(client("KV.GET", "page"), record)
        check(client("KV.META", "page"), b'{"type":"text/html"}')
        check(version in record, True, "KV.GET names the version that KV.PUT answered")
        check(client.pipeline(("PEXPIRETIME", "page"), ("PEXPIRETIME", "session")), expiries)


@claim
def what_was_deleted_overwritten_or_flushed_stays_so():
    with Server(*NO_RATE) as server:
        client = server.client()
        client.pipeline(("MSET", "a", "1", "b", "2"), ("DEL", "a"), ("SET", "b", "3"),
                        ("SELECT", "1"), ("MSET", "c", "4", "d", "5"), ("FLUSHDB",), ("SET", "e", "6"))
        server.restart()
        check(server.client().pipeline(("GET", "a"), ("GET", "b"), ("DBSIZE",), ("SELECT", "1"), ("GET", "c"),
                                       ("GET", "e"), ("DBSIZE",)), [None, b"3", 1, "OK", None, b"6", 1])


@claim
def dbsize_survives_a_restart():
    with Server(*NO_RATE) as server:
        client = server.client()
        for database in (0, 3, 15):
            client.pipeline(("SELECT", database), *(("SET", f"k{i}", "v") for i in range(10 * database + 7)))
        server.restart()
        client = server.client()
        sizes = [client.pipeline(("SELECT", database), ("DBSIZE",))[1] for database in (0, 3, 15, 4)]
        check(sizes, [7, 37, 157, 0])


@claim
def namespaces_and_their_settings_survive_a_restart():
    with Server() as server:
        client = server.client()
        check(client("NAMESPACE", "CREATE", "flags"), "OK")
        check(client("NAMESPACE", "SET", "flags", "key-write-rate", "0"), "OK")
        client.pipeline(("SELECT", "flags"), ("SET", "dark-mode", "on"))
        before = client("NAMESPACE", "INFO", "flags")
        server.restart()
        client = server.client()
        check(client("NAMESPACE", "INFO", "flags"), before)
        check(client.pipeline(("SELECT", "flags"), ("GET", "dark-mode"), ("SET", "x", "1"), ("SET", "x", "2")),
              ["OK", b"on", "OK", "OK"])


@claim
def a_swapdb_survives_a_restart():
    with Server() as server:
        client = server.client()
        client.pipeline(("SET", "k", "of 0"), ("SWAPDB", "0", "1"))
        server.restart()
        client = server.client()
        check(client.pipeline(("GET", "k"), ("SELECT", "1"), ("GET", "k")), [None, "OK", b"of 0"])


@claim
def a_key_that_expired_meanwhile_is_gone():
    with Server() as server:
        client = server.client()
        client.pipeline(("SET", "brief", "v", "PX", 50), ("SET", "lasting", "v"))
        server.stop()
        wait.pass_by(0.06)
        server.start()
        client = server.client()
        check(client.pipeline(("GET", "brief"), ("GET", "lasting")), [None, b"v"])
        wait.until(lambda: client("DBSIZE") == 1, "the expired key is no longer counted")


@claim
def the_write_rate_holds_across_a_restart():
    with Server() as server:
        for attempt in range(10):
            key = f"k{attempt}"
            written_at = time.monotonic()
            check(server.client()("SET", key, "1"), "OK")
            server.restart()
            answer = server.client()("SET", key, "2")
            if time.monotonic() - written_at < 0.9:
                check_error(answer, "RATELIMIT ")
                check(server.client()("GET", key), b"1")
                return
        raise Skip("no restart took less than 0.9 s here")


@claim
def a_directory_of_the_format_before_is_taken_over():
    with Server() as server:
        mark = os.path.join(server.directory, "GRAPEVINE")
        check(server.client()("SET", "k", "v"), "OK")
        server.stop()
        with open(mark, encoding="ascii") as file:
            newest = file.read()
        with open(mark, "w", encoding="ascii") as file:
            file.write("Grapevine data directory, format 1\n")
        server.start()
        check(server.client()("GET", "k"), b"v")
        with open(mark, encoding="ascii") as file:
            check(file.read(), newest)


@claim
def a_rewritten_config_file_is_what_the_next_start_reads():
    with Server() as server:
        path = os.path.join(server.scratch, "grapevine.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"# kept\nport {free_port()}\nmaxclients 100\n")
        server.command_line, command_line = (lambda: [command_line()[0], path, *command_line()[1:]]), server.command_line
        server.restart()
        client = server.client()
        check(client("CONFIG", "SET", "maxclients", "77"), "OK")
        check(client("CONFIG", "REWRITE"), "OK")
        server.restart()
        check(server.client()("CONFIG", "GET", "maxclients"), [b"maxclients", b"77"])
        with open(path, encoding="utf-8") as file:
            check(file.readline(), "# kept\n")


if __name__ == "__main__":
    run()

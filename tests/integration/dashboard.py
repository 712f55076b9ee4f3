#!/usr/bin/python3
"""The dashboard's script, run by Node.js in a stand-in for a browser (node/page.js) against a server."""
import os

from lib import npm
from lib.claims import check, claim, run
from lib.cluster import Cluster
from lib.server import Server, free_port


def carry_out(port, what):
    with npm.Home() as home:
        done = home.node(os.path.join(npm.SOURCE, "dashboard.js"), port, what)
        check((done.returncode, done.stderr), (0, ""), what)


def serve(*options):
    return Server("--key-write-rate", "0", *options, http=True)


@claim
def it_shows_namespaces_keys_and_figures():
    with serve() as server, server.client() as client:
        client("SELECT", "3")
        client.pipeline(("SET", "a", "1"), ("SET", "<b>bold</b>", "1"), ("SET", "short", "1", "EX", "1000"))
        carry_out(server.http_port, "shows")


@claim
def long_lists_come_in_pages():
    with serve() as server, server.client() as client:
        client("MSET", *(word for i in range(250) for word in (f"key:{i}", "v")))
        carry_out(server.http_port, "pages")


@claim
def namespaces_and_keys_are_made_changed_and_deleted():
    with serve() as server, server.client() as client:
        client("SET", "k", "v")
        client.pipeline(("SELECT", "5"), ("SET", "k", "v"))
        carry_out(server.http_port, "edits")
        check(client("DBSIZE"), 0)
        check(client("SELECT", "shop"), "OK")
        check(client.pipeline(("KEYS", "*"), ("GET", "a/b c"), ("KV.META", "a/b c")), [[b"a/b c"], "grün".encode(), b'{"n":1}'])
        check(3500 < client("TTL", "a/b c") <= 3600, True, "the expiry")


@claim
def what_is_not_edited_stays_byte_for_byte():
    with serve() as server, server.client() as client:
        values = {"binary": b"\xff\x00\xfe", "lines": b"\xef\xbb\xbfone\r\ntwo\rthree"}
        for key, value in values.items():
            client("SET", key, value)
        carry_out(server.http_port, "keepsBytes")
        for key, value in values.items():
            check(client.pipeline(("GET", key), ("KV.META", key)), [value, b'"new"'])


@claim
def what_is_refused_is_explained():
    with Server(http=True) as server, server.client() as client:
        client("SET", "first", "v")
        carry_out(server.http_port, "explains")


@claim
def it_asks_for_the_token():
    with serve("--http-token", "open sesame") as server, server.client() as client:
        client("SET", "k", "v")
        carry_out(server.http_port, "asksForTheToken")


@claim
def it_shows_the_other_replicas():
    port = free_port()
    with Cluster(2, node_options={0: ("--http-port", str(port))}):
        carry_out(port, "showsReplicas")


if __name__ == "__main__":
    run()

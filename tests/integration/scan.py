#!/usr/bin/python3
"""SCAN, KEYS and KV.LIST while keys come and go."""
from lib.claims import check, check_error, claim, run
from lib.meanwhile import Meanwhile
from lib.resp import encode
from lib.server import Server, is_sanitized

NO_RATE = ("--key-write-rate", "0")
STAYING = 2_000 if is_sanitized() else 10_000


class Churn:
    """Creates, overwrites and deletes keys beside those that stay."""

    def __init__(self, server):
        self.client = server.client()
        self.number = 0

    def write(self):
        number = self.number
        self.client.send_bytes(b"".join(
            encode("SET", f"k{(number + i) % 20000}:new", "v") + encode("DEL", f"k{(number + i * 7) % 20000}:new")
            + encode("SET", f"k{i}", "changed") for i in range(50)))
        for _ in range(150):
            self.client.read()
        self.number += 50


def churn(server):
    return Meanwhile(Churn(server).write)


def scan_all(client, *arguments):
    keys, cursor = [], b"0"
    while True:
        cursor, some = client("SCAN", cursor, *arguments)
        keys += some
        if cursor == b"0":
            return keys


def list_all(client, *arguments, cursor=None):
    keys = []
    while True:
        reply = client("KV.LIST", *arguments, *(("CURSOR", cursor) if cursor else ()))
        reply = dict(zip(reply[0::2], reply[1::2]))
        keys += reply[b"keys"]
        if reply[b"list_complete"]:
            return keys
        cursor = reply[b"cursor"]


def staying(client):
    """Keys that stay all the time."""
    keys = [b"k%d" % number for number in range(STAYING)]
    client.pipeline(*(("SET", key, "v") for key in keys))
    return set(keys)


@claim
def a_full_scan_finds_every_key_that_stays():
    with Server(*NO_RATE) as server:
        client = server.client()
        keys = staying(client)
        with churn(server):
            for count in ("10", "100", "1000"):
                check(keys - set(scan_all(client, "COUNT", count)), set(), f"COUNT {count} missed")


@claim
def kv_list_finds_every_key_that_stays_in_byte_order_and_once():
    with Server(*NO_RATE) as server:
        client = server.client()
        keys = staying(client)
        with churn(server):
            found = list_all(client, "LIMIT", "777")
        check(keys - set(found), set(), "missed")
        check(found, sorted(set(found)), "order")


@claim
def a_pattern_a_type_and_a_count_narrow_a_scan():
    with Server(*NO_RATE) as server:
        client = server.client()
        staying(client)
        check(sorted(scan_all(client, "MATCH", "k7?")), [b"k7%d" % i for i in range(10)])
        check(scan_all(client, "TYPE", "hash"), [])
        check(len(scan_all(client, "TYPE", "string")), STAYING)
        check(len(client("SCAN", "0", "COUNT", "5")[1]) <= 100, True, "COUNT is a hint for the work of one call")
        check_error(client("SCAN", "0", "COUNT", "0"), "ERR syntax error")
        check_error(client("SCAN", "abc"), "ERR invalid cursor")


@claim
def cursors_of_several_scans_do_not_disturb_each_other():
    with Server(*NO_RATE) as server:
        client = server.client()
        keys = staying(client)
        cursors, found = [b"0"] * 5, [set() for _ in range(5)]
        open_scans = set(range(5))
        while open_scans:
            for number in list(open_scans):
                cursors[number], some = client("SCAN", cursors[number], "COUNT", 100 * (number + 1))
                found[number].update(some)
                if cursors[number] == b"0":
                    open_scans.remove(number)
        check([keys - some for some in found], [set()] * 5)


@claim
def a_cursor_of_kv_list_survives_writes_and_a_restart():
    with Server(*NO_RATE) as server:
        client = server.client()
        staying(client)
        reply = client("KV.LIST", "LIMIT", "100")
        reply = dict(zip(reply[0::2], reply[1::2]))
        check((len(reply[b"keys"]), reply[b"list_complete"]), (100, 0))
        client("SET", "k0", "changed")
        server.restart()
        rest = list_all(server.client(), cursor=reply[b"cursor"])
        check(len(rest), STAYING - 100)
        check(min(rest) > max(reply[b"keys"]), True, "it goes on where it was")


@claim
def dbsize_keys_and_scan_agree():
    with Server(*NO_RATE) as server:
        client = server.client()
        staying(client)
        client.pipeline(*(("DEL", f"k{i}") for i in range(0, STAYING, 3)), *(("SET", f"k{i}", "x") for i in range(STAYING)))
        client.pipeline(*(("UNLINK", f"k{i}") for i in range(0, STAYING, 2)))
        left = client("DBSIZE")
        check(left, STAYING // 2)
        check((len(client("KEYS", "*")), len(set(scan_all(client)))), (left, left))
        check(client("RANDOMKEY").startswith(b"k"), True)


@claim
def a_scan_of_an_empty_database_ends_at_once():
    with Server() as server:
        client = server.client()
        check(client("SCAN", "0"), [b"0", []])
        check(client("RANDOMKEY"), None)
        check(client("KEYS", "*"), [])


if __name__ == "__main__":
    run()

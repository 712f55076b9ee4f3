#!/usr/bin/python3
"""The REST API of Workers KV, byte by byte: every endpoint, what it refuses and how, and that what is written through
it is what Redis's clients see, and the reverse."""
import base64
import json
import os
import threading
import time
from contextlib import contextmanager

from lib import wait
from lib.claims import Skip, check, claim, run
from lib.disk import SmallDisk
from lib.rest import NAMESPACES, Rest, path_of
from lib.server import Server

NO_RATE = ("--key-write-rate", "0")
EVERY_BYTE = bytes(range(256))
NOWHERE = "f" * 32

# As the SDK, wrangler and people may send them.
ODD_KEYS = ("a/b", "/", "//", "a/", "/a", "a/../b", "...", " ", "a b", "+", "%", "%2F", "%zz", "?", "a?b=c&d", "#", "&", "=",
            "a:b@c!d$e'f(g)h*i,j;k", "[x]", "{x}", "|", "\\", "^", "`", '"', "<>", "~", "é", "日本語", "😀", "\ufeff", "\t",
            "\r\n", "\x01", "\x7f", "a\0b", "123", "null", "__proto__", "bulk", "bulk/get", "keys", "values/x", "metadata")


@contextmanager
def served(*options, rate=False):
    """A server, a client of its REST API, and a namespace of it that is selected over RESP."""
    with Server(*(() if rate else NO_RATE), *options, http=True) as server:
        api, resp = Rest(server), server.client()
        namespace = api.create("test")
        check(resp("SELECT", "test"), "OK")
        yield server, api, namespace, resp


def names(answer):
    return [row["name"] for row in answer.result]


def all_pages(api, namespace, **query):
    pages, cursor = [], None
    while cursor != "":
        answer = api.keys(namespace, **query, **({"cursor": cursor} if cursor else {}))
        pages.append(names(answer))
        check(answer.info["count"], len(pages[-1]))
        cursor = answer.info["cursor"]
    return pages


# --- namespaces ---

@claim
def a_namespace_is_created_found_renamed_and_deleted():
    with Server(http=True) as server:
        api, resp = Rest(server), server.client()
        created = api("POST", NAMESPACES, {"title": "Äpfel & \"Birnen\""}).result
        check(sorted(created), ["id", "supports_url_encoding", "title"])
        check(created["title"], "Äpfel & \"Birnen\"")
        check(created["supports_url_encoding"], True)
        check(len(created["id"]) == 32 and int(created["id"], 16) >= 0, True, created["id"])
        check(api("GET", path_of(created["id"])).result, created)
        check(b"Birnen" in resp("NAMESPACE", "LIST")[0], True, "it is listed over RESP")
        renamed = api("PUT", path_of(created["id"]), {"title": "fruit"}).result
        check(renamed, {**created, "title": "fruit"})
        check(resp("NAMESPACE", "LIST"), [b"fruit"])
        api.put(created["id"], "k", b"v")
        check(api("DELETE", path_of(created["id"])).result, None)
        check(resp("NAMESPACE", "LIST"), [])
        for answer in (api("GET", path_of(created["id"])), api.get(created["id"], "k"), api("DELETE", path_of(created["id"]))):
            check(answer.code, (404, 10013))


@claim
def titles_are_checked():
    with Server(http=True) as server:
        api = Rest(server)
        namespace, other = api.create("taken"), api.create("x" * 512)
        check(api("POST", NAMESPACES, {"title": "taken"}).refusal,
              (400, 10014, "create namespace: 'a namespace with this account ID and title already exists'"))
        check(api("PUT", path_of(other), {"title": "taken"}).code, (400, 10014))
        check(api("PUT", path_of(namespace), {"title": "taken"}).result["title"], "taken")
        for body in ({}, {"title": ""}, {"title": None}, {"name": "x"}):
            check(api("POST", NAMESPACES, body).code, (400, 10019), repr(body))
            check(api("PUT", path_of(namespace), body).code, (400, 10019), repr(body))
        for title in ("x" * 513, "123", "a\0b", 5, ["x"], {}):
            check(api("POST", NAMESPACES, {"title": title}).code, (400, 10010), repr(title)[:50])
        check(api("POST", NAMESPACES, {"title": "db3"}).code, (400, 10014))
        for body in (b"", b"{", b"[]", b'"x"', b"null", b'{"title":"x"}x', b'{"title":"\xff"}', b'{"title":"\\ud800"}'):
            check(api("POST", NAMESPACES, body).code, (400, 10029), repr(body))
        check(api("POST", NAMESPACES, b'{"title":"' + b"x" * 1048576 + b'"}').code, (413, 10024))
        check(len(api("GET", NAMESPACES).result), 2)


@claim
def namespaces_are_listed_page_by_page_until_an_empty_one():
    with Server(http=True) as server:
        api = Rest(server)
        titles = [f"ns {number:02}" for number in range(45)]
        ids = {title: api.create(title) for title in reversed(titles)}

        def pages(**query):
            found = []
            for page in range(1, 100):
                answer = api("GET", path_of("", page=page, **query))
                if not answer.result:
                    check(answer.info["count"], 0)
                    return found
                check(answer.info["page"], page)
                check(answer.info["count"], len(answer.result))
                check(answer.info["total_count"], 45)
                found.append([row["title"] for row in answer.result])
            raise AssertionError("the pages never end")

        check(pages(per_page=20), [titles[:20], titles[20:40], titles[40:]])
        check(pages(), [titles[:20], titles[20:40], titles[40:]], "20 on a page")
        check(pages(per_page=1000), [titles])
        check(pages(per_page=45, order="title", direction="asc"), [titles])
        check(pages(per_page=44, direction="desc"), [titles[:0:-1], titles[:1]])
        check(pages(per_page=1000, order="id"), [sorted(titles, key=ids.get)])
        check(pages(per_page=7, order="id", direction="desc")[0], sorted(titles, key=ids.get, reverse=True)[:7])
        check(api("GET", path_of("", per_page=20)).info,
              {"page": 1, "per_page": 20, "count": 20, "total_count": 45, "total_pages": 3})
        check(api("GET", path_of("", page=2147483647, per_page=1000)).result, [])
        for query, code in (({"page": 0}, 10007), ({"page": "x"}, 10007), ({"page": -1}, 10007), ({"per_page": 0}, 10008),
                            ({"per_page": 1001}, 10008), ({"per_page": ""}, 10008), ({"order": "size"}, 10043),
                            ({"direction": "up"}, 10044)):
            check(api("GET", path_of("", **query)).code, (400, code), repr(query))


@claim
def databases_are_namespaces_too():
    with Server(*NO_RATE, http=True) as server:
        api, resp = Rest(server), server.client()
        resp("SELECT", "3")
        resp("SET", "k", "v")
        check([(row["title"], row["id"]) for row in api("GET", NAMESPACES).result], [("db3", "0" * 31 + "3")])
        check(api.get("0" * 31 + "3", "k").body, b"v")
        check(api.get("db3", "k").body, b"v", "a title does instead of an id")
        check(api.get("0" * 29 + "1ff", "k").code, (404, 10013), "there are 16")
        check(api("PUT", path_of("0" * 31 + "3"), {"title": "x"}).refusal, (400, 10010, "rename namespace: 'db<n> can't be renamed'"))
        check(api("DELETE", path_of("0" * 31 + "3")).result, None)
        check(resp("DBSIZE"), 0, "it is emptied")
        check(api("PUT", path_of("db0"), {"title": "zero"}).refusal, (400, 10010, "rename namespace: 'db<n> can't be renamed'"))


# --- one key ---

@claim
def a_value_comes_back_byte_for_byte():
    with served() as (_, api, namespace, resp):
        for value in (b"", EVERY_BYTE, b"line\nline\r\n", b"x" * 65536, b"\0", json.dumps({"é": "ü"}).encode()):
            check(api.put(namespace, "k", value).result, None)
            answer = api.get(namespace, "k")
            check((answer.status, answer.body), (200, value))
            check(answer.headers["content-type"], "application/octet-stream")
            check("expiration" in answer.headers, False)
            check(resp("GET", "k"), value)
        resp("SET", "k", EVERY_BYTE[::-1])
        check(api.get(namespace, "k").body, EVERY_BYTE[::-1])
        for content_type in ("text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "application/json", ""):
            api("PUT", path_of(namespace, "values", "k"), b"a=b&c", Content_Type=content_type).result
            check(resp("GET", "k"), b"a=b&c", content_type)


@claim
def odd_keys_are_keys():
    with served() as (_, api, namespace, resp):
        for key in ODD_KEYS:
            check(api.put(namespace, key, key.encode()).result, None, repr(key))
            check(resp("GET", key.encode()), key.encode(), repr(key))
            check(api.get(namespace, key).body, key.encode(), repr(key))
            check(api.metadata(namespace, key).result, None, repr(key))
        check(sorted(names(api.keys(namespace))), sorted(ODD_KEYS))
        check(sum(all_pages(api, namespace, limit=7), []), sorted(ODD_KEYS, key=str.encode))
        for key in ODD_KEYS:
            check(api.delete(namespace, key).result, None, repr(key))
        check(resp("DBSIZE"), 0)


@claim
def a_key_is_what_its_escapes_stand_for():
    with served() as (_, api, namespace, resp):
        base = path_of(namespace, "values")
        for raw, key in (("a:b@c", b"a:b@c"), ("a%3ab%40c", b"a:b@c"), ("a+b", b"a+b"), ("a%20b", b"a b"), ("%00", b"\0"),
                         ("a/b", b"a/b"), ("%ED%A0%80", b"\xed\xa0\x80"), ("%ff", b"\xff"), ("a/", b"a/")):
            check(api("PUT", f"{base}/{raw}", raw.encode()).result, None, raw)
            check(resp("GET", key), raw.encode(), raw)
            check(api("GET", f"{base}/{raw}").body, raw.encode(), raw)
        listed = names(api.keys(namespace))
        check(listed.count("\ufffd") + listed.count("\ufffd" * 3), 2, "what is no UTF-8 is replaced in lists")
        for raw in ("%", "%2", "%zz", "a%"):
            check(api("GET", f"{base}/{raw}").code, (400, 10023), raw)


@claim
def what_is_not_there_is_404_and_deleting_it_is_fine():
    with served() as (_, api, namespace, resp):
        check(api.get(namespace, "k").refusal, (404, 10009, "get: 'key not found'"))
        check(api.metadata(namespace, "k").code, (404, 10009))
        check(api.delete(namespace, "k").result, None)
        resp("SET", "k", "v")
        check(api.delete(namespace, "k").result, None)
        check(resp("EXISTS", "k"), 0)
        for answer in (api.get(NOWHERE, "k"), api.put(NOWHERE, "k", b"v"), api.delete(NOWHERE, "k"), api.keys(NOWHERE),
                       api.metadata(NOWHERE, "k"), api.write(NOWHERE, []), api.read(NOWHERE, keys=["k"]),
                       api.get("no-id", "k"), api("PUT", path_of(NOWHERE), {"title": "x"})):
            check(answer.code, (404, 10013))


@claim
def names_that_mean_something_in_a_path_are_no_keys():
    with served() as (_, api, namespace, resp):
        for key in ("", ".", ".."):
            for answer in (api.get(namespace, key), api.put(namespace, key, b"v"), api.delete(namespace, key),
                           api.metadata(namespace, key), api.read(namespace, keys=["a", key]), api.remove(namespace, ["a", key]),
                           api.write(namespace, [{"key": "a", "value": "v"}, {"key": key, "value": "v"}])):
                check(answer.code, (400, 10023), repr(key))
        check(resp("DBSIZE"), 0)


@claim
def metadata_comes_in_a_form_and_goes_with_the_value():
    with served() as (_, api, namespace, resp):
        for text, metadata in ((b'{"a": [1, "\xc3\xa9"]}', {"a": [1, "é"]}), (b'"text"', "text"), (b"5", 5), (b"false", False),
                               (b"[]", []), (b'"\\u00e9"', "é"), (b"null", None)):
            check(api.put_form(namespace, "k", [("value", EVERY_BYTE), ("metadata", text)]).result, None)
            check(api.metadata(namespace, "k").result, metadata)
            check(api.get(namespace, "k").body, EVERY_BYTE)
            check(api.keys(namespace).result, [{"name": "k", **({} if metadata is None else {"metadata": metadata})}])
        api.put_form(namespace, "k", [("metadata", b'{"x":  1}'), ("value", b"v")]).result
        check(resp("KV.META", "k"), b'{"x":1}', "compact, as it counts")
        api.put_form(namespace, "k", [("value", b"v")]).result
        check(api.metadata(namespace, "k").result, None, "a write without metadata clears it")
        resp("KV.PUT", "k", "v", "META", '{"from":"redis"}')
        check(api.metadata(namespace, "k").result, {"from": "redis"})
        api.put_form(namespace, "k", [("value", b"v"), ("metadata[a][b]", b"1"), ("metadata[c][]", b"x"),
                                      ("metadata[c][]", b"y")]).result
        check(api.metadata(namespace, "k").result, {"a": {"b": "1"}, "c": ["x", "y"]}, "as the SDK sends an object")
        check(api.metadata(namespace, "other").code, (404, 10009))


@claim
def a_broken_form_is_refused_and_nothing_written():
    with served() as (_, api, namespace, resp):
        for text in (b"", b"{", b"word", b"{} {}", b"[object Object]", b'"\xff"'):
            check(api.put_form(namespace, "k", [("value", b"v"), ("metadata", text)]).code, (400, 10147), repr(text))
        check(api.put_form(namespace, "k", [("metadata", b"{}")]).code, (400, 10029))
        path = path_of(namespace, "values", "k")
        part = b"--x\r\nContent-Disposition: form-data; name=\"value\"\r\n\r\nv\r\n"
        for kind, body in (("multipart/form-data", part + b"--x--\r\n"), ("multipart/form-data; boundary=x", part),
                           ("multipart/form-data; boundary=x", part + b"--x"), ("multipart/form-data; boundary=x", b""),
                           ("multipart/form-data; boundary=y", part + b"--x--\r\n")):
            check(api("PUT", path, body, Content_Type=kind).code, (400, 10029), repr(body))
        check(resp("DBSIZE"), 0)


# --- expiration ---

@claim
def a_key_expires_when_it_was_told_to():
    with served() as (_, api, namespace, resp):
        before = int(time.time())
        api.put(namespace, "ttl", b"v", expiration_ttl=60).result
        after = int(time.time())
        told = int(api.get(namespace, "ttl").headers["expiration"])
        check(before + 60 <= told <= after + 60, True, f"{told} is 60 s from {before} to {after}")
        check(55 <= resp("TTL", "ttl") <= 60, True)
        moment = before + 1000
        api.put(namespace, "at", b"v", expiration=moment).result
        check(api.get(namespace, "at").headers["expiration"], str(moment))
        check(resp("EXPIRETIME", "at"), moment)
        api.put(namespace, "both", b"v", expiration=moment, expiration_ttl=100).result
        check(95 <= resp("TTL", "both") <= 100, True, "of both the ttl holds")
        check([(row["name"], "expiration" in row) for row in api.keys(namespace).result],
              [("at", True), ("both", True), ("ttl", True)])
        check(api.keys(namespace, prefix="at").result, [{"name": "at", "expiration": moment}])
        api.put(namespace, "at", b"v").result
        check("expiration" in api.get(namespace, "at").headers, False, "a write without clears it")
        resp("SET", "soon", "v", "PX", "50")
        wait.until(lambda: api.get(namespace, "soon").status == 404, "it is gone")
        check(names(api.keys(namespace)), ["at", "both", "ttl"])
        far = 4102444800
        api.put(namespace, "far", b"v", expiration=far).result
        check(api.get(namespace, "far").headers["expiration"], str(far), "beyond 2038")


@claim
def an_expiration_is_a_minute_away_at_least():
    with served() as (_, api, namespace, resp):
        for query, code, text in (
                ({"expiration_ttl": 59}, 10034, "Invalid expiration_ttl of 59. Expiration TTL must be at least 60."),
                ({"expiration_ttl": 0}, 10034, "Invalid expiration_ttl of 0. Please specify integer greater than 0."),
                ({"expiration_ttl": "x"}, 10034, "Invalid expiration_ttl of x. Please specify integer greater than 0."),
                ({"expiration_ttl": ""}, 10034, "Invalid expiration_ttl of . Please specify integer greater than 0."),
                ({"expiration": 1}, 10033, "Invalid expiration of 1. Please specify integer greater than the current number "
                                           "of seconds since the UNIX epoch.")):
            check(api.put(namespace, "k", b"v", **query).refusal, (400, code, f"put: '{text}'"), repr(query))
        soon = int(time.time()) + 30
        check(api.put(namespace, "k", b"v", expiration=soon).refusal,
              (400, 10033, f"put: 'Invalid expiration of {soon}. Expiration times must be at least 60 seconds in the future.'"))
        item = {"key": "k", "value": "v", "expiration_ttl": 59}
        check(api.write(namespace, [item]).refusal,
              (400, 10034, "bulk put: 'item 0: Invalid expiration_ttl of 59. Expiration TTL must be at least 60.'"))
        check(api("PUT", path_of(namespace, "values", "k") + "?expiration_ttl=%zz", b"v").code, (400, 10029))
        check(resp("DBSIZE"), 0)


# --- limits ---

@claim
def limits_are_exact_to_the_byte():
    with served() as (_, api, namespace, resp):
        for key in ("k" * 2048, "é" * 1024):
            check(api.put(namespace, key, b"v").result, None)
            check(api.get(namespace, key).body, b"v")
            over = key + "x"
            for answer in (api.put(namespace, over, b"v"), api.get(namespace, over), api.delete(namespace, over),
                           api.keys(namespace, prefix=over), api.read(namespace, keys=[over]), api.remove(namespace, [over]),
                           api.write(namespace, [{"key": over, "value": "v"}])):
                check(answer.code, (414, 10030))
                check("UTF-8 encoded length of 2049 exceeds key length limit of 2048." in answer.refusal[2], True)
        check(api.put(namespace, "k", b"v" * 65536).result, None)
        answer = api.put(namespace, "k", b"w" * 65537)
        check(answer.refusal, (413, 10024, "put: 'Value length of 65537 exceeds limit of 65536.'"))
        check(api.put_form(namespace, "k", [("value", b"v" * 65536), ("metadata", b"{}")]).result, None)
        answer = api.put_form(namespace, "k", [("value", b"w" * 65537), ("metadata", b"{}")])
        check(answer.refusal, (413, 10024, "put: 'Value length of 65537 exceeds limit of 65536.'"))
        check(api.write(namespace, [{"key": "k", "value": "v" * 65536}]).result["successful_key_count"], 1)
        encoded = base64.b64encode(b"w" * 65537).decode()
        for item in ({"key": "k", "value": "w" * 65537}, {"key": "k", "value": encoded, "base64": True}):
            check(api.write(namespace, [item]).refusal,
                  (413, 10024, "bulk put: 'item 0: Value length of 65537 exceeds limit of 65536.'"))
        check(resp("GET", "k"), b"v" * 65536)


@claim
def metadata_is_limited_as_its_shortest_text():
    with served() as (_, api, namespace, _resp):
        fits = '{ "a" : "' + "é" * 508 + '" }'
        check(len(json.dumps(json.loads(fits), separators=(",", ":"), ensure_ascii=False).encode()), 1024)
        for spelled in (fits, json.dumps(json.loads(fits), indent=2), json.dumps(json.loads(fits), ensure_ascii=False)):
            check(api.put_form(namespace, "k", [("value", b"v"), ("metadata", spelled.encode())]).result, None)
            check(api.metadata(namespace, "k").result, json.loads(fits))
        check(api.write(namespace, [{"key": "k", "value": "v", "metadata": json.loads(fits)}]).result["successful_key_count"], 1)
        over = {"a": "é" * 508 + "x"}
        text = json.dumps(over).encode()
        check(api.put_form(namespace, "k", [("value", b"v"), ("metadata", text)]).refusal,
              (413, 10047, "put: 'Metadata length of 1025 exceeds limit of 1024.'"))
        check(api.write(namespace, [{"key": "k", "value": "v", "metadata": over}]).refusal,
              (413, 10047, "bulk put: 'item 0: Metadata length of 1025 exceeds limit of 1024.'"))


@claim
def the_limits_of_today_s_service_hold_over_rest():
    with served("--limits", "current") as (_, api, namespace, resp):
        value = os.urandom(26214400)
        check(api.put(namespace, "k", value).result, None)
        check(api.get(namespace, "k").body == value, True, "25 MiB come back")
        check(api.put(namespace, "k", value + b"x").refusal,
              (413, 10024, "put: 'Value length of 26214401 exceeds limit of 26214400.'"))
        check(api.put_form(namespace, "form", [("value", value), ("metadata", b'{"a":1}')]).result, None)
        check(resp("STRLEN", "form"), 26214400)
        check(api.put_form(namespace, "form", [("value", value + b"x")]).code, (413, 10024))
        check(api.put(namespace, "k" * 513, b"v").code, (414, 10030))
        encoded = base64.b64encode(value).decode()
        check(api.write(namespace, [{"key": "bulk", "value": encoded, "base64": True}]).result["successful_key_count"], 1)
        check(api.get(namespace, "bulk").body == value, True)


@claim
def a_namespace_can_be_full():
    with served("--max-keys-per-namespace", "3") as (_, api, namespace, resp):
        check(api.write(namespace, [{"key": f"k{number}", "value": "v"} for number in range(2)]).result["successful_key_count"], 2)
        api.put(namespace, "k2", b"v").result
        check(api.put(namespace, "k3", b"v").code, (400, 10020))
        check(api.put(namespace, "k2", b"w").result, None, "overwriting needs no room")
        check(api.write(namespace, [{"key": "k3", "value": "v"}]).code, (400, 10020), "as a whole while nothing was written")
        answer = api.write(namespace, [{"key": key, "value": "w"} for key in ("k0", "k3", "k1", "k4")])
        check(answer.result, {"successful_key_count": 2, "unsuccessful_keys": ["k3", "k4"]})
        check("NAMESPACEFULL" in answer.json["messages"][0]["message"], True, "and why")
        check(resp("MGET", "k0", "k1", "k2", "k3"), [b"w", b"w", b"w", None])


# --- the write rate ---

@claim
def a_second_write_within_a_second_is_refused_and_told_when_to_try_again():
    with served(rate=True) as (_, api, namespace, resp):
        for attempt in range(10):
            key, started = f"key{attempt}", time.monotonic()
            api.put(namespace, key, b"1").result
            answers = [api.put(namespace, key, b"2"), api.delete(namespace, key)]
            bulk = api.write(namespace, [{"key": "fresh" + key, "value": "v"}, {"key": key, "value": "3"}])
            removed = api.remove(namespace, [key, "absent"])
            if time.monotonic() - started < 0.9:
                break
        else:
            raise Skip("two writes in a row took 0.9 s here, each time")
        for answer in answers:
            check(answer.code, (429, 10022))
            check(answer.headers["retry-after"], "1")
        check(bulk.result, {"successful_key_count": 1, "unsuccessful_keys": [key]})
        check(removed.result, {"successful_key_count": 1, "unsuccessful_keys": [key]})
        check(resp("GET", key), b"1")
        wait.pass_by(int(answers[0].headers["retry-after"]))
        api.put(namespace, key, b"4").result
        check(resp("GET", key), b"4")


@claim
def the_rate_is_one_for_all_doors():
    with served(rate=True) as (_, api, namespace, resp):
        for attempt in range(10):
            key, started = f"key{attempt}", time.monotonic()
            resp("SET", key, "1")
            answer = api.put(namespace, key, b"2")
            api.put(namespace, "other" + key, b"1").result
            error = resp("SET", "other" + key, "2")
            if time.monotonic() - started < 0.9:
                break
        else:
            raise Skip("two writes in a row took 0.9 s here, each time")
        check(answer.code, (429, 10022))
        check(error.startswith("RATELIMIT "), True, error)


@claim
def a_key_that_comes_twice_in_a_bulk_write_is_written_once():
    with served(rate=True) as (_, api, namespace, resp):
        pairs = [{"key": key, "value": value} for key, value in (("a", "1"), ("b", "1"), ("a", "2"), ("a", "3"), ("c", "1"))]
        check(api.write(namespace, pairs).result, {"successful_key_count": 3, "unsuccessful_keys": []})
        check(resp("MGET", "a", "b", "c"), [b"3", b"1", b"1"])
        wait.pass_by(1.1)
        check(api.remove(namespace, ["a", "b", "a"]).result, {"successful_key_count": 2, "unsuccessful_keys": []})
        check(resp("DBSIZE"), 1)


# --- lists ---

@claim
def keys_are_listed_in_byte_order_with_what_goes_with_them():
    with served() as (_, api, namespace, resp):
        resp("KV.PUT", "b", "v", "META", '{"x":1}', "EXAT", "4102444800")
        resp("MSET", "a", "v", "～", "v", "😀", "v", "a/1", "v")
        answer = api.keys(namespace)
        check(answer.result, [{"name": "a"}, {"name": "a/1"}, {"name": "b", "expiration": 4102444800, "metadata": {"x": 1}},
                              {"name": "～"}, {"name": "😀"}])
        check(answer.info, {"count": 5, "cursor": ""})
        check(names(api.keys(namespace, prefix="a/")), ["a/1"])
        check(names(api.keys(namespace, prefix="nothing")), [])
        check(names(api("GET", path_of(namespace, "keys") + "?prefix=&cursor=&limit=1000")), ["a", "a/1", "b", "～", "😀"])
        resp("SET", "p q", "v")
        check(names(api("GET", path_of(namespace, "keys") + "?prefix=p+q")), ["p q"], "a plus is a blank in a query")
        check(names(api("GET", path_of(namespace, "keys") + "?prefix=p%20q")), ["p q"])
        for limit in (0, -1, 1001, "x", "", "1.5"):
            check(api.keys(namespace, limit=limit).code, (400, 10028), repr(limit))


@claim
def a_listing_goes_on_where_its_cursor_says():
    with served() as (_, api, namespace, resp):
        keys = [f"p:{number:04}" for number in range(2500)]
        resp("MSET", *(word for key in keys for word in (key, "v")), "a", "v", "q", "v")
        check([len(page) for page in all_pages(api, namespace, prefix="p:")], [1000, 1000, 500])
        check(sum(all_pages(api, namespace, prefix="p:", limit=333), []), keys)
        answer = api.keys(namespace, prefix="p:", limit=100)
        cursor = answer.info["cursor"]
        resp("DEL", *keys[90:110])
        check(names(api.keys(namespace, prefix="p:", limit=3, cursor=cursor)), keys[110:113],
              "the key that it points at may be deleted")
        for wrong, query in ((cursor, {}), (cursor, {"prefix": "p"}), ("made-up", {"prefix": "p:"}), ("0", {}),
                             (cursor[:-1], {"prefix": "p:"}), ("A" + cursor[1:][::-1], {"prefix": "p:"})):
            check(api.keys(namespace, cursor=wrong, **query).code, (400, 10041), repr(wrong))


# --- bulk ---

@claim
def a_bulk_write_takes_all_that_a_single_one_takes():
    with served() as (_, api, namespace, resp):
        moment = int(time.time()) + 1000
        answer = api.write(namespace, [
            {"key": "plain", "value": "é\0\n"}, {"key": "empty", "value": ""},
            {"key": "bytes", "value": base64.b64encode(EVERY_BYTE).decode(), "base64": True},
            {"key": "not", "value": "AAEC", "base64": False}, {"key": "meta", "value": "v", "metadata": {"a": [1, None]}},
            {"key": "ttl", "value": "v", "expiration_ttl": 60}, {"key": "at", "value": "v", "expiration": moment},
            {"key": "null", "value": "v", "metadata": None, "expiration": None, "expiration_ttl": None, "base64": None},
            {"key": "a/b %2F", "value": "v", "more": {"is": ["ignored"]}}])
        check(answer.result, {"successful_key_count": 9, "unsuccessful_keys": []})
        check(resp("MGET", "plain", "empty", "bytes", "not", "a/b %2F"), ["é\0\n".encode(), b"", EVERY_BYTE, b"AAEC", b"v"])
        check(api.metadata(namespace, "meta").result, {"a": [1, None]})
        check(55 <= resp("TTL", "ttl") <= 60, True)
        check(resp("EXPIRETIME", "at"), moment)
        check(resp("TTL", "null"), -1)
        check(api.write(namespace, []).result, {"successful_key_count": 0, "unsuccessful_keys": []})


@claim
def nothing_of_a_bulk_write_is_done_if_anything_is_wrong():
    with served() as (_, api, namespace, resp):
        good = [{"key": f"good{number}", "value": "v"} for number in range(600)]
        wrong = (({"key": "k"}, 10029), ({"value": "v"}, 10029), ({"key": 5, "value": "v"}, 10029),
                 ({"key": "k", "value": 5}, 10029), ({"key": "k", "value": None}, 10029), ("k", 10029), ([], 10029), (None, 10029),
                 ({"key": "k", "value": "a b", "base64": True}, 10029), ({"key": "k", "value": "v", "base64": "yes"}, 10029),
                 ({"key": "k", "value": "v", "expiration_ttl": "60"}, 10029), ({"key": "k", "value": "v", "expiration": 5}, 10033),
                 ({"key": "k", "value": "v", "expiration_ttl": 1.5}, 10034), ({"key": "", "value": "v"}, 10023))
        for item, code in wrong:
            status, got, message = api.write(namespace, good + [item]).refusal
            check((status, got), (400, code), repr(item))
            check("item 600: " in message, True, message)
        body = json.dumps(good).encode()
        for broken in (body[:-1], body[:-2], body + b"]", body + b" x", b"", b"{}", b"null", b'{"key":"k","value":"v"}',
                       body.replace(b"good599", b"\xff"), body.replace(b"good599", b"\\ud800"), b"[" * 5000):
            check(api.write(namespace, broken).code, (400, 10029), repr(broken[-20:]))
        check(api.remove(namespace, ["good1", 5]).code, (400, 10029))
        check(api.remove(namespace, {"keys": ["good1"]}).code, (400, 10029))
        check(resp("DBSIZE"), 0)


@claim
def a_bulk_request_holds_10000_items_and_100_megabytes():
    with served("--limits", "current") as (_, api, namespace, resp):
        pairs = [{"key": f"k{number:05}", "value": str(number)} for number in range(10001)]
        check(api.write(namespace, pairs).code, (400, 10029))
        check(api.remove(namespace, [pair["key"] for pair in pairs]).code, (400, 10029))
        check(resp("DBSIZE"), 0)
        check(api.write(namespace, pairs[:10000]).result, {"successful_key_count": 10000, "unsuccessful_keys": []})
        check(resp("DBSIZE"), 10000)
        check(api("DELETE", path_of(namespace, "bulk"), [pair["key"] for pair in pairs[:9999]]).result["successful_key_count"], 9999)
        check(resp("DBSIZE"), 1)
        value = "x" * (25 << 20)
        pairs = [{"key": f"big{number}", "value": value if number < 3 else ""} for number in range(4)]
        room = (100 << 20) - len(json.dumps(pairs))
        pairs[3]["value"] = "y" * room
        body = json.dumps(pairs).encode()
        check(len(body), 100 << 20)
        check(api("PUT", path_of(namespace, "bulk"), body).result["successful_key_count"], 4)
        check(resp("STRLEN", "big3"), room)
        check(api("PUT", path_of(namespace, "bulk"), body + b" ").code, (413, 10024))
        check(api.get(namespace, "k00000").status, 404, "the connection goes on")


@claim
def others_are_served_while_a_bulk_write_runs():
    with served("--limits", "current", "--io-threads", "1") as (server, api, namespace, _):
        pairs = [{"key": f"k{number:05}", "value": "v" * 5000, "metadata": {"number": number}} for number in range(10000)]
        body, done = json.dumps(pairs).encode(), threading.Event()
        other, slowest, count = Rest(server), 0, 0
        other.put(namespace, "other", b"v").result

        def write():
            check(api("PUT", path_of(namespace, "bulk"), body).result["successful_key_count"], 10000)
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        while not done.is_set():
            started = time.monotonic()
            check(other.get(namespace, "other").body, b"v")
            slowest, count = max(slowest, time.monotonic() - started), count + 1
            check(writer.is_alive() or done.is_set(), True, "the bulk write has failed")
        writer.join()
        check(count >= 5, True, f"{count} reads while it ran")
        check(slowest < 5, True, f"the slowest took {slowest:.3f} s")


@claim
def both_routes_delete_in_bulk():
    with served() as (_, api, namespace, resp):
        for delete in (lambda keys: api.remove(namespace, keys), lambda keys: api("DELETE", path_of(namespace, "bulk"), keys)):
            resp("MSET", "a", "1", "b", "1", "a/b %", "1", "stays", "1")
            check(delete(["a", "a/b %", "never was", "b"]).result, {"successful_key_count": 4, "unsuccessful_keys": []})
            check(resp("KEYS", "*"), [b"stays"])


@claim
def several_values_are_read_at_once():
    with served() as (_, api, namespace, resp):
        resp("MSET", "a", "1", "b", '{"x": [1]}', "é/", "ü", "bytes", b"\xff")
        resp("KV.PUT", "meta", "v", "META", '{"m":1}', "EXAT", "4102444800")
        check(api.read(namespace, keys=["b", "a", "none", "é/", "a"]).result,
              {"values": {"b": '{"x": [1]}', "a": "1", "none": None, "é/": "ü"}})
        check(api.read(namespace, keys=["a", "b", "none"], type="json").result, {"values": {"a": 1, "b": {"x": [1]}, "none": None}})
        check(api.read(namespace, keys=["meta", "a", "none"], withMetadata=True).result,
              {"values": {"meta": {"value": "v", "metadata": {"m": 1}, "expiration": 4102444800},
                          "a": {"value": "1", "metadata": None}, "none": None}})
        check(api.read(namespace, keys=["bytes"]).result, {"values": {"bytes": "\ufffd"}})
        keys = [f"k{number}" for number in range(100)]
        check(list(api.read(namespace, keys=keys).result["values"]), keys, "in the order of the request")
        for request in ({"keys": keys + ["one more"]}, {"keys": []}, {"keys": "a"}, {"keys": [5]}, {}, {"keys": ["a"], "type": "stream"},
                        {"keys": ["a", "é/"], "type": "json"}):
            check(api.read(namespace, **request).code, (400, 10029), repr(request)[:60])
        check(api("POST", path_of(namespace, "bulk", "get"), b"{").code, (400, 10029))


@claim
def values_read_at_once_are_limited_together():
    with served("--limits", "current") as (_, api, namespace, resp):
        half = 25 << 19
        resp("MSET", "a", b"x" * half, "b", b"y" * half, "c", b"z")
        check(len(api.read(namespace, keys=["a", "b"]).result["values"]["b"]), half)
        check(api.read(namespace, keys=["a", "b", "c"]).refusal[::2],
              (413, "bulk get keys: 'Total size of request exceeds the limit of 25MB'"))


@claim
def a_bulk_write_onto_a_full_disk_tells_what_was_written():
    with Server(*NO_RATE, http=True) as server, SmallDisk(os.path.join(server.scratch, "disk")) as disk:
        server.directory = os.path.join(disk.path, "data")
        server.restart()
        api = Rest(server)
        namespace, resp = api.create("test"), server.client()
        resp("SELECT", "test")
        for batch in range(100):
            pairs = [{"key": f"{batch}-{number}", "value": os.urandom(20000).hex()} for number in range(100)]
            answer = api.write(namespace, pairs)
            if answer.status != 200 or answer.result["unsuccessful_keys"]:
                break
        else:
            raise AssertionError("the disk is never full")
        if answer.status == 200:
            check("MISCONF" in answer.json["messages"][0]["message"], True)
            for key in answer.result["unsuccessful_keys"]:
                check(resp("EXISTS", key), 0)
            check(resp("DBSIZE"), 100 * batch + answer.result["successful_key_count"])
        else:
            check(answer.status, 503)
            check(int(answer.headers["retry-after"]) >= 1, True)
        check(api.put(namespace, "small", b"v").status, 503)
        check(api.get(namespace, "0-0").status, 200, "reads go on")
        disk.free_space()
        wait.until(lambda: api.write(namespace, pairs).status == 200, "writes are taken again", 60)
        check(resp("EXISTS", *(pair["key"] for pair in pairs)), 100)


# --- who may, and where ---

@claim
def a_token_is_asked_for():
    with Server("--http-token", "secret", http=True) as server:
        for token, code in ((None, (401, 10001)), ("wrong", (401, 10000)), ("secre", (401, 10000)), ("secret2", (401, 10000))):
            api = Rest(server, token)
            for answer in (api("GET", NAMESPACES), api("POST", NAMESPACES, {"title": "x"}), api("GET", "/client/v4/user/tokens/verify"),
                           api.put(NOWHERE, "k", b"v" * 100000)):
                check(answer.code, code, repr(token))
        api = Rest(server, "secret")
        check(api("GET", NAMESPACES).result, [])
        check(api("GET", "/client/v4/user/tokens/verify").result["status"], "active")


@claim
def there_is_one_account_of_any_id():
    with Server(http=True) as server:
        api = Rest(server)
        namespace = api.create("test")
        other = NAMESPACES.replace("0123456789abcdef", "another%20one")
        check([row["id"] for row in api("GET", other).result], [namespace])
        for listing in ("/client/v4/accounts", "/client/v4/memberships"):
            answer = api("GET", listing)
            check(len(answer.result), 1)
            check({name: answer.info[name] for name in ("page", "count", "total_count")}, {"page": 1, "count": 1, "total_count": 1})
            check(api("GET", listing + "?page=2").result, [], "whoever asks on comes to an end")
        account = api("GET", "/client/v4/accounts").result[0]
        check(api("GET", "/client/v4/memberships").result[0]["account"]["id"], account["id"])
        check(api("GET", "/client/v4/accounts/" + account["id"]).result, account)
        check(api("GET", "/client/v4/accounts/a%22b").result["id"], 'a"b')
        check(sorted(api("GET", "/client/v4/user").result)[:2], ["email", "first_name"])


@claim
def what_does_not_exist_is_told_as_such():
    with served() as (_, api, namespace, _resp):
        for path in ("/client/v4/", "/client/v4/zones", NAMESPACES + "/" + namespace + "/nothing", path_of(namespace, "bulk", "put"),
                     "/client/v4/accounts/x/workers"):
            check(api("GET", path).code[0], 404, path)
        for method, path, allowed in (("DELETE", NAMESPACES, "GET"), ("POST", path_of(namespace, "values", "k"), "PUT"),
                                      ("PUT", path_of(namespace, "keys"), "GET"), ("GET", path_of(namespace, "bulk"), "PUT"),
                                      ("PATCH", path_of(namespace), "PUT")):
            answer = api(method, path, b"")
            check(answer.status, 405, f"{method} {path}")
            check(allowed in answer.headers["allow"], True, answer.headers["allow"])


@claim
def namespaces_come_and_go_under_many_hands():
    with Server(*NO_RATE, http=True) as server:
        failures = []

        def work(hand):
            api = Rest(server)
            for number in range(20):
                title = f"{hand} {number}"
                namespace = api.create(title)
                steps = (api.put(namespace, "k", title.encode()), api("PUT", path_of(namespace), {"title": title + "!"}),
                         api("GET", path_of(namespace)), api.get(namespace, "k"), api("DELETE", path_of(namespace)))
                if [step.status for step in steps] != [200] * 5 or steps[2].result["title"] != title + "!":
                    failures.append([(step.status, step.body) for step in steps])

        hands = [threading.Thread(target=work, args=(hand,)) for hand in range(4)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        check(failures, [])
        check(Rest(server)("GET", NAMESPACES).result, [])


if __name__ == "__main__":
    run()

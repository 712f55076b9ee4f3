#!/usr/bin/python3
"""Real Workers on real workerd, their KV bindings served by Grapevine: what `env.KV.get()` and the others answer, and
what they throw, is what they do in Workers KV.

A claim about a binding is tried twice: with the namespace told by a header (its title) and by the path (its id)."""
import functools
import hashlib
import http.client
import json
import time

from lib import wait
from lib.claims import Skip, check, check_error, claim, run
from lib.server import Server
from lib.workerd import CONFIG, UNDEFINED, Bytes, Hash, Thrown, Workerd

TITLE, OTHER = "by-title", "by-id"
TOKEN = "a-token"
NO_RATE = ("--key-write-rate", "0")
CURRENT = ("--limits", "current", *NO_RATE)
KEY_MAX, VALUE_MAX, METADATA_MAX = 512, 26214400, 1024

EVERY_BYTE = bytes(range(256))

# Keys that a client, a URL or a server may stumble over; all of them are keys like any other.
ODD_KEYS = ("a/b", "/", "//", "/a", "a/", "a/../b", "../a", "./a", "...", ".a", "a b", " ", "a+b", "+", "%", "%41", "%2F", "%zz",
            "a%20b", "?", "a?b=c&d=e", "#", "a#b", "&", "=", "a:b@c!d$e'f(g)h*i,j;k", "[x]", "{x}", "|", "\\", "^", "`", "\"", "<>",
            "~", "é", "日本語", "😀", "～", "\u2028", "\ufeff", "e\u0301", "\t", "\r\n", "\x01", "\x7f", "a\0b", "\0", "0", "123",
            "null", "undefined", "__proto__", "constructor", "bulk/get", "binding/by-title/a", "client/v4/accounts", "metrics",
            "k" * KEY_MAX, "é" * (KEY_MAX // 2))

METADATA = ({"a": 1}, {}, [], [1, "x", None, [{}]], "text", "", "\"", "{\"a\":1}", "null", 5, 0, -1.5, 1e300, True, False,
            {"é": "日本語 😀"}, {"control": "\0\x01\r\n\t\x7f"}, {"lines": "\u2028\u2029"}, {"": {"": {"": []}}}, "\\u0000")


class Site:
    """A server, and a workerd with bindings to two of its namespaces."""

    def __init__(self, *options):
        self.server = Server(*options, http=True)

    def __enter__(self):
        self.server.__enter__()
        resp = self.server.client()
        for title in (TITLE, OTHER):
            check(resp("NAMESPACE", "CREATE", title), "OK")
        self.ids = {title: identity(resp, title) for title in (TITLE, OTHER)}
        self.workerd = Workerd(CONFIG, f"127.0.0.1:{self.server.http_port}", NAMESPACE_ID=self.ids[OTHER])
        self.workerd.__enter__()
        return self

    def __exit__(self, *exception):
        self.workerd.__exit__()
        self.server.__exit__(*exception)

    def resp(self, title):
        client = self.server.client()
        check(client("SELECT", title), "OK")
        return client

    def request(self, method, path, body=None, **headers):
        """(status, reason, body) without a Worker between."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"} |
                               {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.read()
        finally:
            connection.close()


def identity(resp, title):
    reply = resp("NAMESPACE", "INFO", title)
    return dict(zip(reply[0::2], reply[1::2]))[b"id"].decode()


def on_both(*options):
    """A claim that is given a binding, and a RESP client in its namespace."""
    def decorator(function):
        @claim
        @functools.wraps(function)
        def tried_twice():
            with Site(*options) as site:
                for name, title in (("header", TITLE), ("path", OTHER)):
                    try:
                        function(site.workerd.binding(name), site.resp(title))
                    except AssertionError as error:
                        raise AssertionError(f"with the namespace told by {name}: {error}") from error
        return tried_twice
    return decorator


def check_thrown(call, text):
    """It throws this; where the text ends in an ellipsis, something that begins so."""
    try:
        answer = call()
    except Thrown as thrown:
        got = str(thrown)
        if text.endswith("…"):
            got = got[:len(text) - 1] + "…"
        check(got, text)
        return
    raise AssertionError(f"expected {text!r} to be thrown, got {answer!r}")


def found(value, metadata=None):
    """What getWithMetadata answers."""
    return {"value": value, "metadata": metadata, "cacheStatus": None}


# --- values ---


@on_both(*CURRENT)
def a_value_comes_back_in_every_type(kv, resp):
    kv.put("k", "{\"é\": [1, null]}")
    text, parsed = "{\"é\": [1, null]}", {"é": [1, None]}
    check(resp("GET", "k"), text.encode())
    check(kv.get("k"), text)
    for options in ("text", {"type": "text"}, {}, {"cacheTtl": 60}):
        check(kv.get("k", options), text, str(options))
        check(kv.getWithMetadata("k", options), found(text), str(options))
    for kind, expected in (("json", parsed), ("arrayBuffer", text.encode()), ("stream", text.encode())):
        check(kv.get("k", kind), expected, kind)
        check(kv.get("k", {"type": kind}), expected, kind)
        check(kv.getWithMetadata("k", kind), found(expected), kind)


@on_both(*CURRENT)
def a_missing_key_is_null_in_every_type(kv, resp):
    for kind in ("text", "json", "arrayBuffer", "stream"):
        check(kv.get("nothing", kind), None, kind)
        check(kv.getWithMetadata("nothing", kind), found(None), kind)


@on_both(*CURRENT)
def what_is_no_json_and_what_is_no_type_throws(kv, resp):
    kv.put("k", "{no json")
    check_thrown(lambda: kv.get("k", "json"), "SyntaxError: …")
    check_thrown(lambda: kv.get("k", "blob"), "TypeError: …")
    check_thrown(lambda: kv.put("k", {"an": "object"}), "TypeError: …")
    check(kv.get("k"), "{no json")


@on_both(*CURRENT)
def a_value_is_taken_in_every_shape(kv, resp):
    for shape in ("ArrayBuffer", "Uint8Array", "DataView", "window", "stream", "sizedStream"):
        for data in (EVERY_BYTE, EVERY_BYTE * 1000, b"\0", b"\r\n", b""):
            kv.put(shape, Bytes(data, shape))
            check(kv.get(shape, "arrayBuffer"), data, shape)
            check(kv.get(shape, "stream"), data, shape)
            check(resp("GET", shape), data, shape)
    for given, stored in (("text\r\nof lines\n", "text\r\nof lines\n"), ("", ""), (7, "7"), (UNDEFINED, "undefined"),
                          ("\0\ufeffé 😀", "\0\ufeffé 😀")):
        kv.put("k", given)
        check(resp("GET", "k"), stored.encode())


@on_both(*CURRENT)
def text_is_decoded_as_utf8(kv, resp):
    for stored, got in ((b"", ""), (b"\xc3\xa9", "é"), (b"a\xffb", "a\ufffdb"), (b"a\0b", "a\0b")):
        check(resp("SET", "k", stored), "OK")
        check(kv.get("k"), got)
        check(kv.get("k", "arrayBuffer"), stored)


# --- keys ---


@on_both(*CURRENT)
def odd_keys_are_keys_like_any_other(kv, resp):
    for key in ODD_KEYS:
        kv.put(key, f"value of {key}", {"metadata": key[:100]})
        check(resp("GET", key), f"value of {key}".encode(), f"over RESP, {key!r}")
        check(kv.get(key), f"value of {key}", f"{key!r}")
        check(kv.getWithMetadata(key), found(f"value of {key}", key[:100]), f"{key!r}")
        check(kv.list({"prefix": key})["keys"][0], {"name": key, "metadata": key[:100]}, f"{key!r}")
    check([key["name"] for key in kv.list()["keys"]], sorted(ODD_KEYS, key=lambda key: key.encode()))
    for key in ODD_KEYS:
        kv.delete(key)
        check(kv.get(key), None, f"{key!r}, deleted")
    check(resp("DBSIZE"), 0)


@on_both(*CURRENT)
def keys_written_over_resp_are_found_under_their_names(kv, resp):
    check(resp("MSET", *(word for key in ODD_KEYS for word in (key, f"value of {key}"))), "OK")
    for key in ODD_KEYS:
        check(kv.get(key), f"value of {key}", f"{key!r}")
    check([key["name"] for key in kv.list()["keys"]], sorted(ODD_KEYS, key=lambda key: key.encode()))


@on_both(*CURRENT)
def half_a_surrogate_harms_nobody(kv, resp):
    """workerd sends it in bytes that are no UTF-8."""
    for key in ("\ud800", "a\udfff", "\udc00\ud800"):
        check_thrown(lambda: kv.get(key), "Error: KV GET failed: 400 Could not URL-decode key name")
        check_thrown(lambda: kv.put(key, "v"), "Error: KV PUT failed: 400 Could not URL-decode key name")
        check_thrown(lambda: kv.delete(key), "Error: KV DELETE failed: 400 Could not URL-decode key name")
    check(kv.get("k"), None)


# --- metadata ---


@on_both(*CURRENT)
def metadata_is_any_json(kv, resp):
    for number, metadata in enumerate(METADATA):
        key = f"k{number:03}"
        kv.put(key, "v", {"metadata": metadata})
        check(kv.getWithMetadata(key), found("v", metadata), repr(metadata))
        check(json.loads(resp("KV.META", key)), metadata, "over RESP")
    check([key["metadata"] for key in kv.list()["keys"]], list(METADATA))
    names = [f"k{number:03}" for number in range(len(METADATA))]
    check([entry["metadata"] for entry in kv.getWithMetadata(names).values()], list(METADATA))


@on_both(*CURRENT)
def metadata_written_over_resp_is_seen(kv, resp):
    for metadata in METADATA:
        for text in (json.dumps(metadata), json.dumps(metadata, ensure_ascii=False, indent=1)):
            resp("KV.PUT", "k", "v", "META", text)
            check(kv.getWithMetadata("k"), found("v", metadata), text)
            check(kv.list()["keys"], [{"name": "k", "metadata": metadata}], text)


@on_both(*CURRENT)
def a_put_without_metadata_clears_it(kv, resp):
    for options in ({}, {"metadata": None}):
        kv.put("k", "old", {"metadata": {"a": 1}})
        check(kv.getWithMetadata("k"), found("old", {"a": 1}))
        kv.put("k", "new", options)
        check(kv.getWithMetadata("k"), found("new"))
        check(kv.list()["keys"], [{"name": "k"}])
        check(resp("KV.META", "k"), None)


# --- expiration ---


@on_both(*CURRENT)
def a_key_lives_as_long_as_it_was_given(kv, resp):
    at = int(time.time()) + 1000
    kv.put("at", "v", {"expiration": at})
    check(resp("EXPIRETIME", "at"), at)
    check(kv.list()["keys"], [{"name": "at", "expiration": at}])
    for ttl in (60, 60.7, "90", 2147483647):
        before = int(time.time())
        kv.put("for", "v", {"expirationTtl": ttl})
        passed = resp("EXPIRETIME", "for") - before - int(float(ttl))
        check(0 <= passed <= 5, True, f"{ttl} s are kept, and {passed}")
    kv.put("both", "v", {"expiration": at, "expirationTtl": 60})
    check(resp("TTL", "both") <= 60, True, "of both the TTL counts")


@on_both(*CURRENT)
def a_put_without_expiration_clears_it(kv, resp):
    kv.put("k", "v", {"expirationTtl": 60})
    kv.put("k", "v")
    check(resp("TTL", "k"), -1)
    check(kv.list()["keys"], [{"name": "k"}])


@on_both(*CURRENT)
def an_expired_key_is_seen_nowhere(kv, resp):
    for key in ("a", "b", "c"):
        kv.put(key, "v", {"metadata": 1, "expirationTtl": 60})
    resp("PEXPIRE", "b", 1)
    wait.until(lambda: resp("EXISTS", "b") == 0, "b has expired")
    check(kv.get("b"), None)
    check(kv.getWithMetadata("b"), found(None))
    check(kv.get(["a", "b", "c"]), {"a": "v", "b": None, "c": "v"})
    check([key["name"] for key in kv.list()["keys"]], ["a", "c"])


@on_both(*CURRENT)
def an_expiration_too_near_is_refused(kv, resp):
    now = int(time.time())
    in_future = "Please specify integer greater than the current number of seconds since the UNIX epoch."
    for options, text in (
            ({"expirationTtl": 0}, "Invalid expiration_ttl of 0. Please specify integer greater than 0."),
            ({"expirationTtl": -1}, "Invalid expiration_ttl of -1. Please specify integer greater than 0."),
            ({"expirationTtl": 59}, "Invalid expiration_ttl of 59. Expiration TTL must be at least 60."),
            ({"expiration": 0}, f"Invalid expiration of 0. {in_future}"),
            ({"expiration": -5}, f"Invalid expiration of -5. {in_future}"),
            ({"expiration": now - 10}, f"Invalid expiration of {now - 10}. {in_future}"),
            ({"expiration": now + 50}, f"Invalid expiration of {now + 50}. Expiration times must be at least 60 seconds in the future.")):
        for value in ("v", Bytes(b"v", "stream")):
            check_thrown(lambda: kv.put("k", value, options), f"Error: KV PUT failed: 400 {text}")
    check(resp("DBSIZE"), 0)


# --- lists ---


@on_both(*CURRENT)
def a_list_is_ordered_by_bytes(kv, resp):
    names = ("a", "B", "ab", "a/b", "b", "é", "～", "😀", "z", "\x7f", " ")
    for name in names:
        kv.put(name, "v")
    check(kv.list(), {"keys": [{"name": name} for name in sorted(names, key=lambda name: name.encode())], "list_complete": True,
                      "cacheStatus": None})


def load(resp, names):
    check(resp("MSET", *(word for name in names for word in (name, "v"))), "OK")


def pages(kv, options):
    """The pages of names that following the cursor gives."""
    cursor = {}
    while True:
        page = kv.list({**options, **cursor})
        names = [key["name"] for key in page["keys"]]
        check("cursor" in page, not page["list_complete"], "there is a cursor if there is more")
        yield names
        if page["list_complete"]:
            return
        cursor = {"cursor": page["cursor"]}


@on_both(*CURRENT)
def a_list_of_2500_keys_has_pages_of_at_most_1000(kv, resp):
    names = [f"key/é+%{number:04}" for number in range(2500)]
    load(resp, [*names, "another", "zzz"])
    for options, sizes in (({}, [1000, 1000, 500]), ({"limit": 1000}, [1000, 1000, 500]), ({"limit": 900}, [900, 900, 700]),
                           ({"limit": 1250}, None), ({"limit": 0}, [1000, 1000, 500])):
        options = {"prefix": "key/é+%", **options}
        if sizes is None:
            check_thrown(lambda: kv.list(options), "Error: KV GET failed: 400 Invalid key_count_limit of 1250. "
                                                   "Please specify an integer less than 1000.")
            continue
        got = list(pages(kv, options))
        check([len(page) for page in got if page], sizes, str(options))
        check([name for page in got for name in page], names, str(options))
    check(kv.list({"prefix": "key/é+%249"})["keys"], [{"name": name} for name in names[2490:]])
    check(sum(len(page) for page in pages(kv, {})), 2502)
    check(kv.list({"prefix": "nothing"}), {"keys": [], "list_complete": True, "cacheStatus": None})


@on_both(*CURRENT)
def pages_give_no_key_twice_and_miss_none_that_stays(kv, resp):
    """Also if the key is deleted at which a page ended, and those around it."""
    names = [f"k{number:04}" for number in range(2500)]
    load(resp, names)
    seen = []
    for number, page in enumerate(pages(kv, {"limit": 400})):
        seen += page
        at = (number + 1) * 400
        gone = names[at - 3:at + 3]
        if gone:
            resp("DEL", *gone)
            resp("SET", f"a{number}", "before where it is")
            resp("SET", f"k{at:04}x", "behind where it is")
    check(len(seen), len(set(seen)), "none is seen twice")
    deleted = {name for at in range(400, 2500, 400) for name in names[at - 3:at + 3]}
    check([name for name in names if name not in seen and name not in deleted], [], "missed")
    check([name for name in seen if name.startswith("a")], [], "seen too late")


@on_both(*CURRENT)
def a_cursor_survives_a_long_deletion(kv, resp):
    names = [f"k{number:04}" for number in range(1200)]
    load(resp, names)
    first = kv.list({"limit": 100})
    resp("DEL", *names[100:1100])
    rest = kv.list({"limit": 100, "cursor": first["cursor"]})
    check([key["name"] for key in rest["keys"]], names[1100:], "deleted keys fill no page")
    check(kv.list({"limit": 100, "cursor": first["cursor"]}), rest, "a cursor may be used again")


@on_both(*CURRENT)
def what_a_list_is_asked_for_is_checked(kv, resp):
    load(resp, ["a", "b"])
    check([key["name"] for key in kv.list({"limit": 1})["keys"]], ["a"])
    check_thrown(lambda: kv.list({"limit": 1001}),
                 "Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.")
    for cursor in ("made-up", "AAAA", "%", "x" * 3000, "é"):
        check_thrown(lambda: kv.list({"cursor": cursor}), "Error: KV GET failed: 400 …")
    check_thrown(lambda: kv.list({"prefix": "p" * 513}),
                 "Error: KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.")
    check(kv.list({"prefix": "p" * 512})["keys"], [])
    for options in ({"prefix": None, "cursor": None}, {"prefix": "", "cursor": ""}, {"limit": -1}, {"limit": 1000}):
        check([key["name"] for key in kv.list(options)["keys"]], ["a", "b"], str(options))


# --- many keys at once ---


@on_both(*CURRENT)
def up_to_100_keys_are_got_at_once(kv, resp):
    names = [f"k{number}" for number in range(100)]
    for name in names[::2]:
        kv.put(name, f"\"{name}\"", {"metadata": {"of": name}, "expirationTtl": 1000} if name < "k5" else {})
    half = {name: f"\"{name}\"" if number % 2 == 0 else None for number, name in enumerate(names)}
    check(kv.get(names), half)
    check(list(kv.get(names)), names, "in the order asked for")
    check(kv.get(names, "text"), half)
    check(kv.get(names, "json"), {name: name if value else None for name, value in half.items()})
    with_metadata = {name: value and {"value": value, "metadata": {"of": name} if name < "k5" else None}
                     for name, value in half.items()}
    check(without_expiration(kv.getWithMetadata(names)), with_metadata)
    check(without_expiration(kv.getWithMetadata(["k0", "none"], {"type": "json", "cacheTtl": 60})),
          {"k0": {"value": "k0", "metadata": {"of": "k0"}}, "none": None})
    check(kv.get(["k0", "k0"]), {"k0": "\"k0\""}, "twice the same")


def without_expiration(entries):
    return {name: entry and {member: value for member, value in entry.items() if member != "expiration"}
            for name, entry in entries.items()}


@on_both(*CURRENT)
def what_cannot_be_got_at_once_is_refused(kv, resp):
    kv.put("text", "no json")
    for args, text in ((([f"k{number}" for number in range(101)],), "400 You can request a maximum of 100 keys"),
                       (([],), "400 You must request a minimum of 1 key"),
                       ((["text"], "arrayBuffer"), "400 \"arrayBuffer\" is not a valid type. Use \"json\" or \"text\""),
                       ((["text"], "stream"), "400 \"stream\" is not a valid type. Use \"json\" or \"text\""),
                       ((["text"], "json"), "400 At least one of the requested keys corresponds to a non-json value"),
                       ((["text"], {"cacheTtl": 29}), "400 Invalid cache_ttl of 29. Cache TTL must be at least 30."),
                       ((["k" * 513],), "414 UTF-8 encoded length of 513 exceeds key length limit of 512.")):
        check_thrown(lambda: kv.get(*args), f"Error: KV GET_BULK failed: {text}")
        check_thrown(lambda: kv.getWithMetadata(*args), f"Error: KV GET_BULK failed: {text}")
    for keys in ([""], ["a", "."], [".."]):
        check_thrown(lambda: kv.get(keys), "Error: KV GET_BULK failed: 400 …")


@on_both(*CURRENT)
def values_got_at_once_are_25_mb_at_most(kv, resp):
    for name in ("a", "b", "c"):
        kv.put(name, Bytes(b"x" * 1000, "ArrayBuffer", 9000))
    check(len(kv.get(["a", "b"])["b"]), 9000000)
    check_thrown(lambda: kv.get(["a", "b", "c"]), "Error: KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB")


@on_both(*CURRENT)
def odd_keys_are_got_at_once(kv, resp):
    """But for those that workerd drops: members whose names are numbers."""
    keys = [key for key in ODD_KEYS if not key.isdigit() and key != "__proto__"][:100]
    load(resp, keys)
    check(kv.get(keys), {key: "v" for key in keys})


# --- the rest of the methods ---


@on_both(*CURRENT)
def a_delete_takes_value_and_metadata_and_minds_no_missing_key(kv, resp):
    kv.delete("nothing")
    kv.put("k", "v", {"metadata": 1})
    kv.delete("k")
    check(kv.getWithMetadata("k"), found(None))
    check(resp("EXISTS", "k"), 0)
    kv.delete("k")


@on_both(*CURRENT)
def a_cache_ttl_is_30_s_at_least(kv, resp):
    kv.put("k", "v")
    for ttl in (30, 31, 60, 3600, 2147483647):
        check(kv.get("k", {"cacheTtl": ttl}), "v", str(ttl))
        check(kv.get("nothing", {"cacheTtl": ttl}), None, str(ttl))
    for ttl in (29, 1, 0, -1):
        for read in (kv.get, kv.getWithMetadata):
            check_thrown(lambda: read("k", {"cacheTtl": ttl}),
                         f"Error: KV GET failed: 400 Invalid cache_ttl of {ttl}. Cache TTL must be at least 30.")


# --- limits ---


@on_both(*CURRENT)
def limits_are_exact_and_say_so_in_the_exception(kv, resp):
    kv.put("k" * KEY_MAX, "v", {"metadata": "m" * (METADATA_MAX - 2)})
    check(kv.getWithMetadata("k" * KEY_MAX), found("v", "m" * (METADATA_MAX - 2)))
    for metadata, size in (("m" * (METADATA_MAX - 1), METADATA_MAX + 1), ("m" * 1998, 2000), ("é" * 512, 1026)):
        check_thrown(lambda: kv.put("k", "v", {"metadata": metadata}),
                     f"Error: KV PUT failed: 413 Metadata length of {size} exceeds limit of {METADATA_MAX}.")
    for method, call, size in (("PUT", lambda: kv.put("k" * 513, "v"), 513), ("PUT", lambda: kv.put("é" * 257, "v"), 514),
                               ("GET", lambda: kv.get("k" * 513), 513), ("DELETE", lambda: kv.delete("k" * 513), 513)):
        check_thrown(call, f"Error: KV {method} failed: 414 UTF-8 encoded length of {size} exceeds key length limit of {KEY_MAX}.")
    check(resp("DBSIZE"), 1, "what was refused left nothing")


@on_both("--limits", "beta", *NO_RATE)
def the_profile_says_how_long_a_value_is(kv, resp):
    for shape in ("ArrayBuffer", "stream", "sizedStream"):
        kv.put("k", Bytes(b"v" * 65536, shape))
        for size in (65537, 100000, 5000000):
            check_thrown(lambda: kv.put("k", Bytes(b"v" * size, shape)),
                         f"Error: KV PUT failed: 413 Value length of {size} exceeds limit of 65536.")
        check(resp("STRLEN", "k"), 65536, "what was refused changed nothing")


@on_both(*CURRENT)
def a_namespace_can_have_limits_of_its_own(kv, resp):
    title = TITLE if kv.name == "header" else OTHER
    for option, limit in (("max-value-size", 5), ("max-metadata-size", 3), ("max-keys-per-namespace", 1)):
        check(resp("NAMESPACE", "SET", title, option, limit), "OK")
    check_thrown(lambda: kv.put("k", "v" * 6), "Error: KV PUT failed: 413 Value length of 6 exceeds limit of 5.")
    check_thrown(lambda: kv.put("k", "v", {"metadata": "mm"}), "Error: KV PUT failed: 413 Metadata length of 4 exceeds limit of 3.")
    kv.put("k", "v" * 5, {"metadata": "m"})
    check_thrown(lambda: kv.put("another", "v"), "Error: KV PUT failed: 400 namespace is full…")
    check(resp("NAMESPACE", "SET", title, "max-value-size", "1mb"), "OK")
    kv.put("k", "v" * 1048576)


@claim
def a_namespace_that_is_deleted_and_made_again_is_empty():
    with Site(*CURRENT) as site:
        by_title, by_id, resp = site.workerd.binding("header"), site.workerd.binding("path"), site.server.client()
        for kv in (by_title, by_id):
            kv.put("k", "v")
        for title in (TITLE, OTHER):
            check(resp("NAMESPACE", "DELETE", title), "OK")
        for kv in (by_title, by_id):
            check_thrown(lambda: kv.get("k"), "Error: KV GET failed: 400 namespace not found")
            check_thrown(lambda: kv.put("k", "v"), "Error: KV PUT failed: 400 namespace not found")
        for title in (TITLE, OTHER):
            check(resp("NAMESPACE", "CREATE", title), "OK")
        check(by_title.get("k"), None)
        by_title.put("k", "new")
        check(by_title.get("k"), "new")
        check_thrown(lambda: by_id.get("k"), "Error: KV GET failed: 400 namespace not found")


@on_both(*CURRENT)
def a_value_of_25_mib_goes_in_and_out(kv, resp):
    block = EVERY_BYTE * 4
    whole = hashlib.sha256(block * (VALUE_MAX // len(block))).hexdigest()
    for shape in ("ArrayBuffer", "stream", "sizedStream"):
        kv.put("big", Bytes(block, shape, VALUE_MAX // len(block)))
        check(kv.get("big", "arrayBuffer"), Hash(VALUE_MAX, whole), shape)
        check(kv.get("big", "stream"), Hash(VALUE_MAX, whole), shape)
    check(hashlib.sha256(resp("GET", "big")).hexdigest(), whole)


@on_both(*CURRENT)
def a_value_too_long_is_told_so_although_it_is_still_being_sent(kv, resp):
    """A Worker whose body is not read to its end sees a lost connection instead of the status."""
    for size in (VALUE_MAX + 1, 40000000):
        for shape in ("ArrayBuffer", "stream", "sizedStream"):
            check_thrown(lambda: kv.put("big", Bytes(bytes(size), shape)),
                         f"Error: KV PUT failed: 413 Value length of {size} exceeds limit of {VALUE_MAX}.")
    for shape in ("ArrayBuffer", "stream"):
        check_thrown(lambda: kv.put("big", Bytes(bytes(VALUE_MAX), shape), {"expirationTtl": 1}),
                     "Error: KV PUT failed: 400 Invalid expiration_ttl of 1. Expiration TTL must be at least 60.")
    check(resp("DBSIZE"), 0)
    kv.put("big", "small")
    check(kv.get("big"), "small")


def too_soon(write, again, key, attempts=10):
    """write(key), then again(key), which is to be refused; tried with other keys while the two take too long here."""
    for attempt in range(attempts):
        started = time.monotonic()
        write(f"{key}{attempt}")
        try:
            again(f"{key}{attempt}")
            return f"{key}{attempt}"
        except AssertionError:
            if time.monotonic() - started < 0.9:
                raise
    raise Skip("two writes in a row took 0.9 s here, each time")


@on_both()
def a_second_write_within_a_second_is_429_through_any_door(kv, resp):
    def put(key):
        kv.put(key, "a Worker's")

    def put_refused(key):
        check_thrown(lambda: put(key), "Error: KV PUT failed: 429 Too Many Requests")

    def delete_refused(key):
        check_thrown(lambda: kv.delete(key), "Error: KV DELETE failed: 429 Too Many Requests")

    def set_refused(key):
        check_error(resp("SET", key, "v"), "RATELIMIT ")

    for again in (put_refused, delete_refused, set_refused):
        check(kv.get(too_soon(put, again, again.__name__)), "a Worker's", "what was refused changed nothing")
    key = too_soon(lambda key: check(resp("SET", key, "RESP's"), "OK"), put_refused, "resp")
    check(kv.get(key), "RESP's")


# --- the doors together ---


@on_both(*CURRENT)
def a_write_over_resp_is_seen_by_the_next_read_of_a_worker(kv, resp):
    for number in range(200):
        check(resp("SET", "k", number), "OK")
        check(kv.get("k"), str(number))
    resp("DEL", "k")
    check(kv.get("k"), None)


@on_both(*CURRENT)
def a_write_of_a_worker_is_seen_by_the_next_read_over_resp(kv, resp):
    for number in range(200):
        kv.put("k", str(number))
        check(resp("GET", "k"), str(number).encode())
    kv.delete("k")
    check(resp("GET", "k"), None)


@on_both(*CURRENT)
def many_gets_at_once_get_what_each_asked_for(kv, resp):
    load(resp, [f"k{number}" for number in range(50)])
    calls = [("get", f"k{number % 60}") for number in range(300)]
    for _ in range(3):
        check(kv.together(*calls), ["v" if number % 60 < 50 else None for number in range(300)])
    puts = [("put", f"p{number}", f"value {number}") for number in range(100)]
    check(kv.together(*puts), [None] * 100)
    check(kv.together(*(("get", key) for _, key, _ in puts)), [value for _, _, value in puts])


@claim
def one_key_is_read_through_all_three_doors():
    with Site(*CURRENT) as site:
        kv, resp = site.workerd.binding("header"), site.resp(TITLE)
        rest = f"/client/v4/accounts/any/storage/kv/namespaces/{site.ids[TITLE]}/values"
        for write in (lambda key: resp("SET", key, EVERY_BYTE), lambda key: kv.put(key, Bytes(EVERY_BYTE)),
                      lambda key: site.request("PUT", f"{rest}/a%2Fb", EVERY_BYTE)):
            write("a/b")
            check(resp("GET", "a/b"), EVERY_BYTE)
            check(kv.get("a/b", "arrayBuffer"), EVERY_BYTE)
            check(site.request("GET", f"{rest}/a%2Fb"), (200, "OK", EVERY_BYTE))
            resp("DEL", "a/b")
            check(kv.get("a/b"), None)
            check(site.request("GET", f"{rest}/a%2Fb")[0], 404)


@claim
def a_namespace_is_told_by_id_or_title_in_header_or_path():
    with Site(*CURRENT) as site:
        site.resp(TITLE)("SET", "k", "here")
        for name in (TITLE, site.ids[TITLE], site.ids[TITLE].upper()):
            check(site.request("GET", "/k?urlencoded=true", X_KV_Namespace=name), (200, "OK", b"here"), name)
            check(site.request("GET", f"/binding/{name}/k?urlencoded=true"), (200, "OK", b"here"), name)
        check(site.server.client()("NAMESPACE", "CREATE", "a b/é"), "OK")
        site.resp("a b/é")("SET", "k", "there")
        check(site.request("GET", "/binding/a%20b%2F%C3%A9/k?urlencoded=true"), (200, "OK", b"there"))


@claim
def without_the_token_or_the_namespace_a_worker_is_told_why():
    with Site("--http-token", TOKEN, *CURRENT) as site:
        kv = site.workerd.binding("header")
        kv.put("k", "v")
        check(kv.get("k"), "v")
        tokenless, unknown = (site.workerd.binding(name) for name in ("tokenless", "unknown"))
        for kv, text in ((tokenless, "401 Unauthorized"), (unknown, "400 namespace not found")):
            check_thrown(lambda: kv.get("k"), f"Error: KV GET failed: {text}")
            check_thrown(lambda: kv.get(["k"]), f"Error: KV GET_BULK failed: {text}")
            check_thrown(kv.list, f"Error: KV GET failed: {text}")
            check_thrown(lambda: kv.delete("k"), f"Error: KV DELETE failed: {text}")
            for value in ("v", Bytes(bytes(20000000), "stream")):
                check_thrown(lambda: kv.put("k", value), f"Error: KV PUT failed: {text}")
        check(site.resp(TITLE)("GET", "k"), b"v")


@claim
def a_worker_goes_on_when_the_server_was_restarted():
    with Site(*CURRENT) as site:
        kv = site.workerd.binding("header")
        kv.put("k", "v", {"metadata": 1})
        kv.together(*[("get", "k")] * 20)
        site.server.stop()
        site.server.start_here()
        check(wait.until(lambda: got_or_lost(kv), "it is reached again"), found("v", 1))


def got_or_lost(kv):
    try:
        return kv.getWithMetadata("k")
    except Thrown as thrown:
        check(str(thrown), "Error: Network connection lost.")
        return None


if __name__ == "__main__":
    run()

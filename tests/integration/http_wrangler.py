#!/usr/bin/python3
"""The REST door through wrangler, unchanged: every `wrangler kv` command, and what it says when it is refused."""
import contextlib
import json
import os
import re
import time

from lib import npm, wait
from lib.claims import check, claim, run
from lib.server import Server

ACCOUNT = "0123456789abcdef0123456789abcdef"
TTL_SLACK_S = 30


class Wrangler:
    """Runs one wrangler command after the other: server("kv", "namespace", "list") answers its standard output."""

    def __init__(self, server, home, account=ACCOUNT, token="any"):
        self.home = home
        self.variables = {"CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{server.http_port}/client/v4",
                          "CLOUDFLARE_API_TOKEN": token}
        if account:
            self.variables["CLOUDFLARE_ACCOUNT_ID"] = account

    def __call__(self, *words, text=True):
        done = self._run(words, text)
        if done.returncode != 0:
            raise AssertionError(f"wrangler {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def fails(self, *words):
        """What it says on its way to exit code 1."""
        done = self._run(words, True)
        check(done.returncode, 1, f"{words}: {done.stdout}")
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)

    def _run(self, words, text):
        return self.home.run([npm.program("wrangler"), *words], text=text, **self.variables)

    def file(self, name, content):
        path = os.path.join(self.home.path, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def create(self, title):
        return re.search(r'"id": "([0-9a-f]{32})"', self("kv", "namespace", "create", title)).group(1)

    def titles(self):
        """title -> id, of those that are not a database's."""
        return {each["title"]: each["id"] for each in json.loads(self("kv", "namespace", "list"))
                if not re.fullmatch(r"db\d+", each["title"])}

    def namespace(self, title="settings"):
        return Keys(self, ["--namespace-id", self.create(title)])


class Keys:
    """The commands on one namespace."""

    def __init__(self, wrangler, where):
        self.wrangler = wrangler
        self.where = [*where, "--remote"]

    def __call__(self, *words, **options):
        return self.wrangler("kv", *words, *self.where, **options)

    def fails(self, *words):
        return self.wrangler.fails("kv", *words, *self.where)

    def list(self, *options):
        return json.loads(self("key", "list", *options))

    def names(self, *options):
        return [key["name"] for key in self.list(*options)]


@contextlib.contextmanager
def wrangler(*options, **more):
    with npm.Home() as home, Server(*(options or ("--key-write-rate", "0")), http=True) as server:
        yield Wrangler(server, home, **more)


@claim
def namespaces_are_created_listed_renamed_and_deleted():
    with wrangler() as w:
        first, second = w.create("first"), w.create("my second ☂")
        check(w.titles(), {"first": first, "my second ☂": second})
        w("kv", "namespace", "rename", "first", "--new-name", "one")
        w("kv", "namespace", "rename", "--namespace-id", second, "--new-name", "two")
        check(w.titles(), {"one": first, "two": second})
        w("kv", "namespace", "delete", "--namespace-id", first, "-y")
        w("kv", "namespace", "delete", "two", "-y")
        check(w.titles(), {})


@claim
def a_list_of_namespaces_of_more_than_a_page_is_complete():
    with npm.Home() as home, Server(http=True) as server:
        client = server.client()
        titles = [f"ns {number:04}" for number in range(1001)]
        for title in titles:
            check(client("NAMESPACE", "CREATE", title) is not None, True)
        check(list(Wrangler(server, home).titles()), titles)


@claim
def the_account_need_not_be_named():
    with wrangler(account="") as w:
        w.create("settings")
        check(list(w.titles()), ["settings"])
        said = w("whoami")
        check("You are logged in with" in said and "Account ID" in said, True, said)


@claim
def keys_are_put_got_listed_and_deleted():
    with wrangler() as w:
        keys = w.namespace()
        odd = ["plain", "a/b c+%20é?x=1&y#z:@!$&'()*,;= 😀", "k" * 2048]
        for number, key in enumerate(odd):
            keys("key", "put", key, f"line 1\nvalue {number} of {key[:20]}")
        for number, key in enumerate(odd):
            check(keys("key", "get", key), f"line 1\nvalue {number} of {key[:20]}")
        check(keys.list(), [{"name": key} for key in sorted(odd)])
        check(keys.names("--prefix", "a/b c+%"), odd[1:2])
        keys("key", "delete", odd[1])
        keys("key", "delete", "never there")
        check(keys.names(), sorted([odd[0], odd[2]]))


@claim
def files_keep_every_byte():
    with wrangler() as w:
        keys = w.namespace()
        every = bytes(range(256)) + b"\r\n--\n" + os.urandom(60000)
        for name, content, options in (("plain", every, ()), ("with metadata", every, ("--metadata", '{"type": "image/png"}'))):
            keys("key", "put", name, "--path", w.file("value", content), *options)
            check(keys("key", "get", name, text=False), content, name)
        check(keys.list("--prefix", "with"), [{"name": "with metadata", "metadata": {"type": "image/png"}}])


@claim
def expirations_and_metadata_arrive():
    with wrangler() as w:
        keys = w.namespace()
        keys("key", "put", "ttl", "v", "--ttl", "60")
        keys("key", "put", "time", "v", "--expiration", "4102444800", "--metadata", '{"ü": [1, null, "\\n"]}')
        time_key, ttl_key = keys.list()
        check(time_key, {"name": "time", "expiration": 4102444800, "metadata": {"ü": [1, None, "\n"]}})
        check(ttl_key["name"], "ttl")
        check(0 <= time.time() + 60 - ttl_key["expiration"] <= TTL_SLACK_S, True, ttl_key)
        keys("key", "put", "time", "w")
        check(keys.list("--prefix", "time"), [{"name": "time"}])
        check(keys("key", "get", "time"), "w")


@claim
def bulk_commands_send_their_batches():
    with wrangler() as w:
        keys = w.namespace()
        names = [f"bulk {number:04}" for number in range(2500)]
        pairs = [{"key": name, "value": f"value of {name}"} for name in names]
        pairs[0] |= {"metadata": {"a": 1}, "expiration": 4102444800}
        pairs[1] |= {"value": "AP+ACg==", "base64": True}
        keys("bulk", "put", w.file("pairs.json", pairs))
        check(keys.names(), names)
        check(keys.list("--prefix", names[0]), [{"name": names[0], "expiration": 4102444800, "metadata": {"a": 1}}])
        check(keys("key", "get", names[1], text=False), b"\0\xff\x80\n")

        wanted = w.file("names.json", [names[0], "missing", names[2499]])
        got, _ = json.JSONDecoder().raw_decode(keys("bulk", "get", wanted))
        check(got, {names[0]: f"value of {names[0]}", "missing": None, names[2499]: f"value of {names[2499]}"})

        keys("bulk", "delete", w.file("doomed.json", names[:2400] + ["missing"]), "--force")
        keys("bulk", "delete", w.file("named.json", [{"name": name} for name in names[2400:2499]]), "--force")
        check(keys.names(), names[2499:])


@claim
def a_binding_of_the_project_s_config_names_the_namespace():
    with wrangler() as w:
        number = w.create("by binding")
        w.file("wrangler.toml", f'name = "w"\ncompatibility_date = "2026-04-01"\n'
               f'[[kv_namespaces]]\nbinding = "CONFIG"\nid = "{number}"\n'.encode())
        keys = Keys(w, ["--binding", "CONFIG"])
        keys("key", "put", "k", "v")
        check(keys("key", "get", "k"), "v")


@claim
def what_is_refused_is_told():
    with wrangler() as w:
        keys = w.namespace("taken")
        check("already exists" in w.fails("kv", "namespace", "create", "taken"), True)
        check("code: 10014" in w.fails("kv", "namespace", "rename", "taken", "--new-name", "db3"), True)
        check("404: Not Found" in keys.fails("key", "get", "missing"), True)
        for words, code in ((("key", "put", "long", "--path", w.file("long", b"v" * 65537)), 10024),
                            (("key", "put", "k", "v", "--metadata", json.dumps("m" * 1023)), 10047)):
            said = keys.fails(*words)
            check(f"[code: {code}]" in said, True, said)
        check(keys.names(), [])
        nowhere = Keys(w, ["--namespace-id", "f" * 32])
        check("[code: 10013]" in nowhere.fails("key", "put", "k", "v"), True)
        check("[code: 10013]" in nowhere.fails("key", "list"), True)


@claim
def a_second_write_within_a_second_is_told_too():
    """wrangler takes that long to start, so the first writes come from elsewhere, until one of them is just before wrangler's."""
    with npm.Home() as home, Server("--key-write-rate", "1", http=True) as server:
        w = Wrangler(server, home)
        keys = w.namespace()
        client = server.client()
        client("SELECT", "settings")

        def is_refused():
            process = home.start([npm.program("wrangler"), "kv", "key", "put", "k", "theirs", *keys.where], **w.variables)
            while process.poll() is None:
                client("SET", "k", "ours")
                wait.pass_by(0.05)
            return "[code: 10022]" in process.stderr.read()

        wait.until(is_refused, "a write of wrangler's is refused", 30)


@claim
def only_the_right_token_is_let_in():
    with npm.Home() as home, Server("--http-token", "right", http=True) as server:
        check(Wrangler(server, home, token="right").namespace().names(), [])
        said = Wrangler(server, home, token="wrong").fails("kv", "namespace", "list")
        check("10000" in said, True, said)
        check(list(Wrangler(server, home, token="right").titles()), ["settings"])


if __name__ == "__main__":
    run()

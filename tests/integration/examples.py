#!/usr/bin/python3
"""The Workers of client/examples, on real workerd, and what their READMEs show."""
import contextlib
import http.server
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

from lib import npm, wait
from lib.claims import check, claim, run
from lib.server import CLI, TOP, Server, free_port
from lib.workerd import Workerd

EXAMPLES = os.path.join(TOP, "client", "examples")
NO_RATE = ("--key-write-rate", "0")
WORKER, UPSTREAM = "8787", "9001"  # the ports that the READMEs name


def config_of(name):
    return os.path.join(EXAMPLES, name, "config.capnp")


def served(name, server):
    """The example, as its reader starts it, at our server."""
    return Workerd(config_of(name), f"127.0.0.1:{server.http_port}", WORKERD=npm.program("workerd"),
                   command=[os.path.join(EXAMPLES, "run"), name])


@contextlib.contextmanager
def example(name, namespace, *options):
    """(workerd, RESP client in the namespace) of an example."""
    with Server(*NO_RATE, *options, http=True) as server:
        resp = server.client()
        check(resp("NAMESPACE", "CREATE", namespace), "OK")
        check(resp("SELECT", namespace), "OK")
        with served(name, server) as workerd:
            yield workerd, resp


def get(workerd, path="/", **headers):
    """(status, body) of a GET."""
    status, _, body = workerd.request("GET", path, headers=headers)
    return status, body.decode()


# --- the READMEs ---


class Reader:
    """Somebody who types what a README shows, and who finds grapevine-cli on the path."""

    def __init__(self, name, server):
        self.name = name
        self.server = server
        self.folder = tempfile.TemporaryDirectory(prefix="grapevine-test-")
        self.ports = {UPSTREAM: str(free_port())}
        self.running = contextlib.ExitStack()
        self.write_cli()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.running.close()
        self.folder.cleanup()

    def write_cli(self):
        path = os.path.join(self.folder.name, "grapevine-cli")
        with open(path, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\nexec "{CLI}" -p {self.server.port} "$@"\n')
        os.chmod(path, 0o755)

    def carry_out(self, block):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = step.partition("\n")
            got = self.start(command[:-2]) if command.endswith(" &") else self.type(command)
            if shown:
                check(got, shown, command)

    def type(self, command):
        """What it says.  A reader takes longer than a second to write a key again; here it is tried until it may."""
        done = wait.until(lambda: self.typed(command), f"{command} is no more refused by the write rate")
        check(done.returncode, 0, f"{command}: {done.stderr}")
        return done.stdout

    def typed(self, command):
        done = subprocess.run(["sh", "-c", self.translated(command)], cwd=TOP, env=self.environment(), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        return None if "RATELIMIT" in done.stderr else done

    def start(self, command):
        """In the background, until the README is read."""
        if command == f"client/examples/run {self.name}":
            self.ports[WORKER] = str(self.running.enter_context(served(self.name, self.server)).port)
            return ""
        process = subprocess.Popen(["sh", "-c", f"exec {self.translated(command)}"], cwd=TOP, env=self.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.callback(process.wait)
        self.running.callback(process.send_signal, signal.SIGTERM)
        wait.until(lambda: is_listening(self.ports[UPSTREAM]), f"{command} is there")
        return ""

    def translated(self, command):
        for port, real in self.ports.items():
            command = re.sub(rf"\b{port}\b", real, command)
        return command.replace("/tmp/", f"{self.folder.name}/")

    def environment(self):
        return {**os.environ, "PATH": f"{self.folder.name}{os.pathsep}{os.environ['PATH']}"}


def is_listening(port):
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True


def blocks_of(name):
    with open(os.path.join(EXAMPLES, name, "README.md"), encoding="utf-8") as file:
        return re.findall(r"^```console\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)


def read(name):
    blocks = blocks_of(name)
    check(len(blocks) >= 2, True, "it shows something, and how it changes")
    with Server(http=True) as server, Reader(name, server) as reader:
        for block in blocks:
            reader.carry_out(block)


def readme_claim(name):
    def shows_what_one_sees():
        read(name)
    shows_what_one_sees.__name__ = f"the_readme_of_{name.replace('-', '_')}_shows_what_one_sees"
    claim(shows_what_one_sees)


for example_name in ("static-assets", "feature-flags", "ab-test", "sessions", "api-gateway", "allow-deny-lists"):
    readme_claim(example_name)


@claim
def the_list_of_examples_is_complete():
    with open(os.path.join(EXAMPLES, "README.md"), encoding="utf-8") as file:
        listed = re.findall(r"^\| \[.*?\]\((.*?)/README.md\)", file.read(), re.MULTILINE)
    check(sorted(listed), sorted(name for name in os.listdir(EXAMPLES) if os.path.isdir(os.path.join(EXAMPLES, name))))


# --- static assets ---


@claim
def a_site_is_served_byte_by_byte_with_the_right_types():
    everything = bytes(range(256)) * 20
    types = {"index.html": "text/html; charset=utf-8", "a/index.html": "text/html; charset=utf-8", "a/b.css": "text/css; charset=utf-8",
             "c.js": "text/javascript; charset=utf-8", "d.png": "image/png", "e.jpg": "image/jpeg", "f.svg": "image/svg+xml",
             "g.json": "application/json", "h.woff2": "font/woff2", "i.wasm": "application/wasm", "j": "application/octet-stream",
             "k k é.txt": "text/plain; charset=utf-8"}
    with Server(*NO_RATE, http=True) as server, Reader("static-assets", server) as reader:
        site = os.path.join(reader.folder.name, "site")
        for name in types:
            os.makedirs(os.path.dirname(os.path.join(site, name)), exist_ok=True)
            with open(os.path.join(site, name), "wb") as file:
                file.write(name.encode() + everything)
        reader.type("grapevine-cli namespace create assets")
        uploaded = reader.type(f"client/examples/static-assets/upload /tmp/site assets")
        check(sorted(uploaded.splitlines()), sorted(types))
        with served("static-assets", server) as workerd:
            for name, kind in types.items():
                status, headers, body = workerd.request("GET", "/" + name.replace(" ", "%20").replace("é", "%C3%A9"))
                check((status, headers["Content-Type"], body), (200, kind, name.encode() + everything), name)
            check(workerd.request("GET", "/")[2], b"index.html" + everything)
            check(workerd.request("GET", "/a/")[2], b"a/index.html" + everything)


@claim
def a_site_is_asked_for_in_the_ways_of_browsers():
    with example("static-assets", "assets") as (workerd, resp):
        resp("KV.PUT", "a.txt", "one", "META", '{"etag": "1"}')
        status, headers, body = workerd.request("GET", "/a.txt")
        check((status, headers["ETag"], body), (200, '"1"', b"one"))
        check(workerd.request("GET", "/a.txt", headers={"If-None-Match": '"1"'})[0], 304)
        status, headers, body = workerd.request("HEAD", "/a.txt")
        check((status, headers["Content-Type"], body), (200, "text/plain; charset=utf-8", b""))
        resp("KV.PUT", "a.txt", "two", "META", '{"etag": "2"}')
        check(workerd.request("GET", "/a.txt", headers={"If-None-Match": '"1"'})[2], b"two")
        resp("SET", "a.txt", "three")
        check(get(workerd, "/a.txt"), (200, "three"))
        resp("DEL", "a.txt")
        check(get(workerd, "/a.txt")[0], 404)
        check(get(workerd, "/%ff")[0], 400)
        check(workerd.request("POST", "/a.txt", b"x")[0], 405)


# --- feature flags ---


@claim
def a_flag_is_for_some_users_and_a_growing_part_of_the_others():
    with example("feature-flags", "flags") as (workerd, resp):
        def having(feature):
            return {user for user in users if feature in get(workerd, f"/?user={user}")[1]}

        users = [f"user{number}" for number in range(100)]
        check(having("dark-mode"), set())
        resp("SET", "dark-mode", '{"users": ["user7"], "percent": 0}')
        check(having("dark-mode"), {"user7"})
        resp("SET", "dark-mode", '{"percent": 30}')
        some = having("dark-mode")
        check(10 <= len(some) <= 50, True, f"{len(some)} of 100 are about 30 %")
        check(having("dark-mode"), some, "always the same")
        resp("SET", "dark-mode", '{"percent": 60}')
        check(some <= having("dark-mode"), True, "who had it keeps it")
        resp("SET", "dark-mode", "true")
        check(having("dark-mode"), set(users))
        resp("SET", "dark-mode", "false")
        check(having("dark-mode"), set())


# --- A/B test ---


def visit(workerd, cookie=None):
    """(text, the cookie that is set)"""
    _, headers, body = workerd.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
    return body.decode(), (headers["Set-Cookie"] or "").split(";")[0]


@claim
def variants_are_drawn_by_weight_and_stay():
    with example("ab-test", "experiments") as (workerd, resp):
        check(visit(workerd), ("Welcome\n", ""))
        resp("SET", "headline", '{"a": {"weight": 50, "text": "A"}, "b": {"weight": 50, "text": "B"}, "c": {"weight": 0, "text": "C"}}')
        drawn = [visit(workerd) for _ in range(100)]
        check(set(drawn), {("A\n", "ab-headline=a"), ("B\n", "ab-headline=b")})
        for _ in range(20):
            check(visit(workerd, "x=y; ab-headline=b; z=1"), ("B\n", ""), "no new cookie is needed")
        check(visit(workerd, "ab-headline=toString")[1] != "", True, "a made-up variant is drawn anew")
        resp("SET", "headline", '{"c": {"weight": 1, "text": "C"}}')
        check(visit(workerd, "ab-headline=b"), ("C\n", "ab-headline=c"))
        resp("DEL", "headline")
        check(visit(workerd, "ab-headline=c"), ("Welcome\n", ""))


# --- sessions ---


def log_in(workerd, user):
    """The cookie, or None."""
    status, headers, _ = workerd.request("POST", "/login", f"user={user}", {"Content-Type": "application/x-www-form-urlencoded"})
    return headers["Set-Cookie"].split(";")[0] if status == 200 else None


@claim
def a_session_ends_when_its_key_does():
    with example("sessions", "sessions") as (workerd, resp):
        check(get(workerd)[0], 401)
        ann, bob = log_in(workerd, "ann"), log_in(workerd, "bob")
        check(get(workerd, Cookie=ann), (200, "Hello ann\n"))
        check(get(workerd, Cookie=f"other=1; {bob}"), (200, "Hello bob\n"))
        keys = resp("KV.LIST", "PREFIX", "ann/")[1]
        check(3590 <= resp("TTL", keys[0]) <= 3600, True, "an hour")
        token = ann.partition("=")[2]
        check(token.encode() in keys[0], False, "the key does not tell the token")
        resp("PEXPIRE", keys[0], 1)
        wait.until(lambda: resp("EXISTS", keys[0]) == 0, "the key has expired")
        check(get(workerd, Cookie=ann)[0], 401)
        check(get(workerd, Cookie=bob)[0], 200)


@claim
def a_session_is_for_who_has_logged_in():
    with example("sessions", "sessions") as (workerd, resp):
        ann = log_in(workerd, "ann")
        for forged in (ann.replace("ann", "bob"), ann[:-1], ann + "0", "session=ann.", "session=", "session=ann/x"):
            check(get(workerd, Cookie=forged)[0], 401, forged)
        check(log_in(workerd, "../ann"), None)
        check(workerd.request("POST", "/logout", headers={"Cookie": ann})[0], 200)
        check(get(workerd, Cookie=ann)[0], 401)
        check(resp("DBSIZE"), 0)


# --- API gateway ---


class Upstream(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, but for /moved, which redirects."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
        text = b" ".join((self.command.encode(), self.path.encode(), self.headers["X-Forwarded-Host"].encode(), sent))
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def upstream():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@claim
def a_request_goes_where_the_longest_route_says():
    with example("api-gateway", "routes") as (workerd, resp), upstream() as address:
        host = f"127.0.0.1:{workerd.port}"
        check(get(workerd, "/users/7")[0], 404)
        resp("SET", "/users", f'{{"to": "{address}/v1"}}')
        resp("SET", "/users/admin", f'{{"to": "{address}"}}')
        for path, asked in (("/users/7?x=y&z", "/v1/7?x=y&z"), ("/users", "/v1"), ("/users/", "/v1/"), ("/users/a%2Fb", "/v1/a%2Fb"),
                            ("/users/admin/x", "/x"), ("/users/administrator", "/v1/administrator"), ("/users//x", "/v1//x")):
            check(get(workerd, path), (200, f"GET {asked} {host} "), path)
        check(get(workerd, "/users2")[0], 404)
        status, _, body = workerd.request("POST", "/users/new", b"name=\xff")
        check((status, body), (200, f"POST /v1/new {host} ".encode() + b"name=\xff"))
        status, headers, _ = workerd.request("GET", "/users/admin/moved")
        check((status, headers["Location"]), (302, "/elsewhere"), "it is the client who follows")
        check(get(workerd, "/users" + "/x" * 300)[0], 200)
        check(get(workerd, "/users/" + "x" * 600)[0], 200)


@claim
def a_route_is_changed_while_it_is_used():
    with example("api-gateway", "routes") as (workerd, resp), upstream() as address:
        resp("SET", "/", '{"status": 503, "text": "Back at noon"}')
        check(get(workerd, "/any/thing"), (503, "Back at noon\n"))
        resp("SET", "/", f'{{"to": "{address}"}}')
        check(get(workerd, "/any/thing"), (200, f"GET /any/thing 127.0.0.1:{workerd.port} "))
        resp("SET", "/any", f'{{"to": "http://127.0.0.1:{free_port()}"}}')
        check(get(workerd, "/any/thing"), (502, "Nobody answers behind /any\n"))
        resp("DEL", "/any", "/")
        check(get(workerd, "/any/thing")[0], 404)


# --- allow and deny lists ---


def from_address(workerd, address):
    done = subprocess.run(["curl", "--silent", "--interface", address, f"http://127.0.0.1:{workerd.port}/"],
                          capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@claim
def the_longest_entry_that_fits_an_address_decides():
    with example("allow-deny-lists", "access") as (workerd, resp):
        welcome = "Welcome, 127.1.2.3\n"
        for entry, value, said in (("*", "allow", welcome), ("127.1.*", "deny", "Not you, 127.1.2.3: this is a private place\n"),
                                   ("127.1.2.*", "allow", welcome), ("127.1.2.4", "deny", welcome), ("127.1.2", "deny", welcome)):
            resp("SET", entry, value)
            check(from_address(workerd, "127.1.2.3"), said, f"{entry} {value}")
        resp("KV.PUT", "127.1.2.3", "deny", "META", '{"why": "no more of this"}')
        check(from_address(workerd, "127.1.2.3"), "Not you, 127.1.2.3: no more of this\n")
        resp("PEXPIRE", "127.1.2.3", 1)
        wait.until(lambda: from_address(workerd, "127.1.2.3") == welcome, "a ban ends with its key")


if __name__ == "__main__":
    run()

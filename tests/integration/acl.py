#!/usr/bin/python3
"""ACL users: files they come from and go to, connections that end with their rights, namespaces they can't leave, and
the same rights over HTTP."""
import os
import subprocess

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.resp import Closed
from lib.rest import NAMESPACES, Rest, path_of
from lib.server import ConfiguredServer, Server, StartError, binary, environment

NO_RATE = ("--key-write-rate", "0")
NO_KEY = "NOPERM this user has no permissions to access one of the keys used as arguments"


class AclServer(Server):
    """With an ACL file, of the lines given."""

    def __init__(self, *lines, **more):
        super().__init__(*NO_RATE, "--aclfile", "users.acl", **more)
        os.makedirs(self.directory)
        self.file = os.path.join(self.directory, "users.acl")
        self.write(*lines)

    def write(self, *lines):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def lines(self):
        with open(self.file, encoding="utf-8") as file:
            return file.read().splitlines()


def log_in(server, name, password):
    client = server.client()
    check(client("AUTH", name, password), "OK")
    return client


def refused_start(server):
    """The one line that a server says that does not start."""
    try:
        server.start()
    except StartError as error:
        lines = error.stderr.decode().splitlines()
        check(len(lines), 1, f"{lines}")
        return lines[0]
    raise AssertionError("the server started")


# --- where users come from ---


@claim
def an_acl_file_is_loaded_and_saved():
    with AclServer("user ann on >one ~a:* +@all -lpush", "", "user default on nopass ~* &* +@all") as server:
        ann = log_in(server, "ann", "one")
        check(ann("SET", "a:1", "x"), "OK")
        check_error(ann("SET", "b", "x"), NO_KEY)
        client = server.client()
        check(client("ACL", "SETUSER", "eve", "on", ">two", "+get", "~*", "(+set", "%W~w*)"), "OK")
        check(client("ACL", "SAVE"), "OK")
        check([line.split()[1] for line in server.lines()], ["ann", "default", "eve"])
        server.restart()
        check(log_in(server, "eve", "two")("SET", "w1", "x"), "OK")
        check([line.decode() for line in server.client()("ACL", "LIST")], server.lines())


@claim
def a_file_with_any_mistake_changes_nothing():
    with AclServer("user ann on >one +@all") as server:
        client = server.client()
        server.write("user ann on >other", "user bob +nosuch on", "usr x", "user ann off")
        error = client("ACL", "LOAD")
        for part in ("users.acl:2: Error in applying operation '+nosuch': Unknown command or category name in ACL",
                     "users.acl:3 should start with user keyword", "Duplicate user 'ann' found on line 4",
                     "no change to the previously active ACL rules was performed"):
            check(part in error, True, f"{part!r} in {error!r}")
        check(client("ACL", "USERS"), [b"ann", b"default"])
        log_in(server, "ann", "one")


@claim
def loading_ends_the_connections_of_all_but_the_default_user():
    with AclServer("user ann on nopass +@all") as server:
        ann, client = log_in(server, "ann", "x"), server.client()
        check(client("ACL", "LOAD"), "OK")
        wait.until(lambda: is_closed(ann), "ann's connection ends", 5)
        check(client("PING"), "PONG")


def is_closed(client):
    try:
        client("PING")
        return False
    except (Closed, OSError):
        return True


@claim
def users_of_the_config_file_are_rewritten_in_their_place():
    with ConfiguredServer("# users", 'user ann on >one +@all "~a*"', "maxclients 100",
                          "user default on nopass ~* &* +@all -flushdb") as server:
        client = server.client()
        check_error(client("FLUSHDB"), "NOPERM this user has no permissions to run the 'flushdb' command")
        log_in(server, "ann", "one")
        client("ACL", "SETUSER", "bob", "on", ">two", "+@all")
        client("ACL", "SETUSER", "ann", "resetkeys", '~x"y')
        check(client("CONFIG", "REWRITE"), "OK")
        lines = server.lines()
        check(lines[0], "# users")
        check(lines[1].startswith("user ann on #"), True, lines[1])
        check(lines[3], "user default on nopass ~* &* +@all -flushdb")
        check(lines[-1].startswith("user bob on #"), True, lines[-1])
        server.restart()
        check_error(server.client()("FLUSHDB"), "NOPERM")
        ann = log_in(server, "ann", "one")
        check(ann("SET", 'x"y', "1"), "OK")
        log_in(server, "bob", "two")


@claim
def a_default_user_of_requirepass_alone_is_not_written():
    with ConfiguredServer("maxclients 100") as server:
        client = server.client()
        client("CONFIG", "SET", "requirepass", "pw")
        check(client("CONFIG", "REWRITE"), "OK")
        check([line for line in server.lines() if line.startswith("user")], [])
        server.stop()
        server.launch()
        wait.until(lambda: knows_password(server), "it asks for the password", 20)


def knows_password(server):
    try:
        return server.client()("AUTH", "pw") == "OK"
    except OSError:
        return False


@claim
def what_is_wrong_with_users_stops_the_start_with_one_line():
    with_acl = AclServer("user ann on", "user ann on")
    check("Duplicate user 'ann' found on line 2" in refused_start(with_acl), True)
    os.remove(with_acl.file)
    check("users.acl': No such file or directory" in refused_start(with_acl), True)
    line = refused_start(ConfiguredServer("port 1", "user ann +nosuch"))
    check("grapevine.conf, line 2: user 'ann': Error in applying operation '+nosuch'" in line, True, line)
    line = refused_start(ConfiguredServer("user ann on", "user ann off"))
    check("line 2: user 'ann': WARNING: Duplicate user 'ann' found" in line, True, line)
    both = ConfiguredServer("user ann on", "aclfile users.acl")
    check("declared by 'user' lines and by an aclfile" in refused_start(both), True)
    out = subprocess.run([binary(), "--user", "foo", "--user", "foo"], capture_output=True, timeout=20,
                         env=environment(), check=False)
    check(b"Duplicate user 'foo'" in out.stderr, True, f"{out.stderr!r}")


# --- connections ---


@claim
def connections_end_with_their_user_and_are_listed_by_him():
    with Server(*NO_RATE) as server:
        client = server.client()
        client("ACL", "SETUSER", "ann", "on", "nopass", "+@all", "~*", "&a", "&b")
        one, two, three = (log_in(server, "ann", "x") for _ in range(3))
        check(client("CLIENT", "LIST").count(b" user=ann "), 3)
        one("CLIENT", "SETNAME", "first")
        check(two("CLIENT", "KILL", "USER", "ann", "SKIPME", "yes"), 2)
        wait.until(lambda: is_closed(one) and is_closed(three), "two are killed", 5)
        check(two("SUBSCRIBE", "a"), [b"subscribe", b"a", 1])
        check(client("ACL", "SETUSER", "ann", "resetchannels", "&b"), "OK")
        wait.until(lambda: client("CLIENT", "LIST").count(b" user=ann ") == 0, "the subscriber is gone", 5)
        four = log_in(server, "ann", "x")
        check(four("ACL", "DELUSER", "ann"), 1)
        check(is_closed(four), True)


@claim
def who_watches_is_told_of_keys_that_he_may_read():
    with Server(*NO_RATE) as server:
        admin = server.client()
        admin("ACL", "SETUSER", "ann", "on", "nopass", "+@all", "~mine:*", "%W~drop:*")
        for words in ((), ("PREFIX", "min"), ("PREFIX", "drop:"), ("SINCE", "0"), ("SINCE", "prefix")):
            check_error(log_in(server, "ann", "x")("KV.WATCH", *words), "NOPERM this user has no permissions to access one of the keys")
        client = log_in(server, "ann", "x")
        check(client("KV.WATCH", "OFF"), "OK")
        check(client("KV.WATCH", "PREFIX", "mine:a")[1], b"watching")
        admin("MSET", "other", "1", "mine:b", "1", "mine:a1", "1")
        check(client.read()[1:3], [b"put", b"mine:a1"])
        check(admin("ACL", "SETUSER", "ann", "+@all", "~more:*"), "OK")
        admin("SET", "mine:a2", "1")
        check(client.read()[1:3], [b"put", b"mine:a2"])
        check(admin("ACL", "SETUSER", "ann", "resetkeys", "~more:*"), "OK")
        wait.until(lambda: is_closed(client), "what is revoked is not watched any more", 5)


@claim
def many_threads_see_a_change_at_once():
    with Server(*NO_RATE, "--io-threads", "4") as server:
        admin = server.client()
        admin("ACL", "SETUSER", "ann", "on", "nopass", "+@all", "~*", "&*")
        clients = [log_in(server, "ann", "x") for _ in range(16)]
        for i in range(50):
            check(admin("ACL", "SETUSER", "ann", "-get" if i % 2 == 0 else "+get"), "OK")
            for client in clients:
                client.send("GET", "k")
            for client in clients:
                answer = client.read()
                if i % 2 == 0:
                    check_error(answer, "NOPERM")
                else:
                    check(answer, None)


# --- namespaces ---


@claim
def tenants_share_a_server_and_nothing_else():
    with Server(*NO_RATE, http=True) as server:
        admin = server.client()
        for name in ("shop", "bank"):
            admin("NAMESPACE", "CREATE", name)
            admin("ACL", "SETUSER", name, "on", f">{name}-pw", "+@all", "~*", f"namespace={name}")
        shop, bank = log_in(server, "shop", "shop-pw"), log_in(server, "bank", "bank-pw")
        check(shop("SET", "k", "of the shop"), "OK")
        check(bank("GET", "k"), None)
        for words in (("SELECT", "0"), ("SELECT", "bank"), ("FLUSHALL",), ("NAMESPACE", "USE", "bank"),
                      ("MOVE", "k", "0"), ("CONFIG", "GET", "*"), ("ACL", "SETUSER", "shop", "namespace=bank")):
            check_error(shop(*words), "NOPERM this user is tied to the namespace 'shop'")
        check(shop("NAMESPACE", "LIST"), [b"shop"])
        check(b"bank" in shop("INFO", "everything"), False)

        api, other = Rest(server, token="shop-pw"), Rest(server, token="bank-pw")
        listed = api("GET", NAMESPACES).result
        check([row["title"] for row in listed], ["shop"])
        mine = listed[0]["id"]
        check(api.get(mine, "k").body, b"of the shop")
        check(other.get(mine, "k").refusal[:2], (403, 10000))
        check(other("GET", path_of(mine)).code, (403, 10000))
        check(other("GET", path_of("0" * 32)).code, (403, 10000))  # nor is it told what there is
        check(other("POST", NAMESPACES, {"title": "more"}).code, (403, 10000))
        check(other("DELETE", path_of(mine)).code, (403, 10000))
        check(other.put(mine, "k", b"x").code, (403, 10000))
        answer = other("GET", "/binding/shop/k")
        check((answer.status, answer.reason), (403, "this user is tied to the namespace 'bank'"))
        check(api("GET", "/binding/shop/k").body, b"of the shop")
        check(b"bank" in api("GET", "/metrics").body, False)


# --- HTTP ---


@claim
def a_token_is_a_users_password_and_has_his_rights():
    with Server(*NO_RATE, "--http-token", "master", http=True) as server:
        admin = server.client()
        admin("ACL", "SETUSER", "reader", "on", ">read", "+@read", "+namespace", "%R~open:*")
        admin("SET", "open:1", "x")
        admin("SET", "secret", "y")
        reader, master = Rest(server, token="read"), Rest(server, token="master")
        ns = {row["title"]: row["id"] for row in master("GET", NAMESPACES).result}["db0"]
        check(reader.get(ns, "open:1").body, b"x")
        check(reader.get(ns, "secret").code, (403, 10000))
        check(reader.put(ns, "open:1", b"z").code, (403, 10000))
        check(reader.keys(ns, prefix="open:").result, [{"name": "open:1"}])
        check(reader.keys(ns).code, (403, 10000))
        check(reader.read(ns, keys=["open:1", "secret"]).code, (403, 10000))
        check(master.get(ns, "secret").body, b"y")
        check(Rest(server, token="nobody").get(ns, "open:1").code, (401, 10000))
        check(Rest(server).get(ns, "open:1").code, (401, 10001))
        answer = reader("PUT", "/binding/db0/open:1", b"z")
        check((answer.status, answer.reason),
              (403, "this user has no permissions to run the 'kv.put' command"))
        admin("ACL", "SETUSER", "reader", "off")
        check(reader.get(ns, "open:1").code, (401, 10000))


@claim
def the_log_tells_which_connection_of_http_was_refused():
    with Server(*NO_RATE, "--http-token", "master", http=True) as server:
        admin = server.client()
        admin("ACL", "SETUSER", "reader", "on", ">read", "+@read", "+namespace", "%R~open:*")
        check(Rest(server, token="read")("PUT", "/binding/db0/open:1", b"z").status, 403)
        entry = admin("ACL", "LOG", "1")[0]
        told = dict(zip(entry[::2], entry[1::2]))
        client = dict(word.split(b"=", 1) for word in told[b"client-info"].split())
        check((told[b"username"], client[b"user"]), (b"reader", b"reader"))
        check(int(client[b"idle"]) <= 1 and int(client[b"age"]) <= 1, True, told[b"client-info"])


@claim
def without_a_token_the_default_users_rights_decide():
    with Server(*NO_RATE, http=True) as server:
        admin, api = server.client(), Rest(server)
        admin("SET", "k", "v")
        ns = {row["title"]: row["id"] for row in api("GET", NAMESPACES).result}["db0"]
        check(api.get(ns, "k").body, b"v")
        admin("ACL", "SETUSER", "root", "on", ">pw", "+@all", "~*", "&*")
        root = log_in(server, "root", "pw")
        root("ACL", "SETUSER", "default", "resetkeys")
        check(api.get(ns, "k").code, (403, 10000))
        check(Rest(server, token="pw").get(ns, "k").body, b"v")
        root("ACL", "SETUSER", "default", ">secret")
        check(api.get(ns, "k").code, (401, 10001))
        root("ACL", "SETUSER", "default", "~*")
        check(Rest(server, token="secret").get(ns, "k").body, b"v")


run()

#!/usr/bin/python3
"""rename-command: names that clients use are other ones than the table's, or none."""
from lib.claims import check, check_error, claim, run
from lib.rest import Rest
from lib.server import ConfiguredServer, Server, StartError

LONG = "b840fc02d524045429941cc15f59e41cb7be6c52"


def names(reply):
    return {word.decode() for word in reply}


@claim
def a_renamed_command_answers_to_its_new_name_alone():
    with ConfiguredServer("rename-command get Fetch", f"rename-command SET {LONG}") as server:
        client = server.client()
        check(client(LONG.upper(), "k", "v"), "OK")
        check([client("fetch", "k"), client("FETCH", "k")], [b"v", b"v"])
        check_error(client("GET", "k"), "ERR unknown command 'GET', with args beginning with: 'k' ")
        check_error(client("SET", "k", "v"), "ERR unknown command 'SET', with args beginning with: 'k' 'v' ")
        check_error(client("fetch"), "ERR wrong number of arguments for 'get' command")
        check([client("MULTI"), client("fetch", "k"), client("EXEC")], ["OK", "QUEUED", [b"v"]])


@claim
def a_command_without_a_name_is_gone():
    with Server() as plain, ConfiguredServer('rename-command CONFIG ""', "rename-command FLUSHALL ''") as server:
        client = server.client()
        check_error(client("CONFIG", "GET", "port"), "ERR unknown command 'CONFIG', with args beginning with: 'GET' 'port' ")
        check(client("COMMAND", "COUNT"), plain.client()("COMMAND", "COUNT") - 2)
        check(len(client("COMMAND")), client("COMMAND", "COUNT"))
        check(client("COMMAND", "INFO", "config", "config|get", "flushall"), [None, None, None])
        gone = names(plain.client()("COMMAND", "LIST")) - names(client("COMMAND", "LIST"))
        check(sorted(gone), ["config", "config|get", "config|help", "config|resetstat", "config|rewrite", "config|set", "flushall"])


@claim
def everything_but_calling_goes_by_the_names_of_the_table():
    with ConfiguredServer("rename-command get fetch", "user ann on nopass ~* -@all +get") as server:
        client = server.client()
        client("fetch", "k")
        check(client("COMMAND", "INFO", "fetch")[0][0], b"get")
        check(client("COMMAND", "INFO", "get"), [None])
        check(b"get" in client("COMMAND", "LIST"), True)
        check(client("COMMAND", "GETKEYS", "fetch", "k"), [b"k"])
        check(b"cmdstat_get:calls=1," in client("INFO", "commandstats"), True)
        check([client("LATENCY", "HISTOGRAM", name)[:1] for name in ("fetch", "get")], [[b"get"], []])
        check([client("ACL", "DRYRUN", "ann", "fetch", "k"), client("ACL", "CAT", "string").count(b"get")], ["OK", 1])
        check_error(client("ACL", "DRYRUN", "ann", "get", "k"), "ERR Command 'get' not found")
        check(client("AUTH", "ann", "x"), "OK")
        check(client("fetch", "k"), None)
        check_error(client("ACL", "LIST"), "NOPERM this user has no permissions to run the 'acl|list' command")


@claim
def the_doors_of_http_are_not_renamed():
    lines = [f'rename-command {name} ""' for name in ("kv.put", "kv.get", "namespace", "info", "del", "kv.list")]
    with ConfiguredServer(*lines, http=True) as server:
        api = Rest(server)
        namespace = api.create("test")
        check(api.put(namespace, "k", b"v").status, 200)
        check(api.get(namespace, "k").body, b"v")
        check_error(server.client()("NAMESPACE", "LIST"), "ERR unknown command 'NAMESPACE', with args beginning with: 'LIST' ")


@claim
def the_lines_take_effect_one_after_the_other_and_stay_in_the_file():
    lines = ["rename-command get fetch", "timeout 5", "rename-command fetch get", "rename-command set fetch",
             'rename-command LPUSH ""', "rename-command EVAL run", "rename-command ping PING"]
    with ConfiguredServer(*lines) as server:
        client = server.client()
        check([client("fetch", "k", "v"), client("get", "k"), client("PING")], ["OK", b"v", "PONG"])
        check(client("CONFIG", "SET", "timeout", "6"), "OK")
        check(client("CONFIG", "REWRITE"), "OK")
        check([line for line in server.lines() if "rename" in line], [line for line in lines if "rename" in line])
        check(client("CONFIG", "GET", "rename*"), [])
        check_error(client("CONFIG", "SET", "rename-command", "x"),
                    "ERR Unknown option or number of arguments for CONFIG SET - 'rename-command'")


@claim
def the_command_line_renames_too():
    with Server("--rename-command", "get", "fetch", "--rename-command", "keys", "") as server:
        client = server.client()
        check(client("fetch", "k"), None)
        check_error(client("KEYS", "*"), "ERR unknown command 'KEYS', with args beginning with: '*' ")


def refused(*lines):
    try:
        with ConfiguredServer(*lines):
            raise AssertionError(f"it starts with {lines}")
    except StartError as error:
        return error.stderr.decode()


@claim
def what_can_not_be_renamed_stops_the_start():
    for lines, words in (
            (("rename-command nosuch x",), "line 1: rename-command: there is no command nosuch"),
            (("", "rename-command get x", "rename-command get y"), "line 3: rename-command: there is no command get"),
            (("rename-command get set",), "line 1: rename-command: there is already a command set"),
            (("rename-command client|list x",), "line 1: rename-command: there is no command client|list"),
            (('rename-command get "a\\x00b"',), "line 1: rename-command: a command's name has no zero byte"),
            (("rename-command get",), 'line 1: rename-command: takes a command and its new name, or "" for none'),
            (("rename-command get a b",), 'line 1: rename-command: takes a command and its new name, or "" for none')):
        check(words in refused(*lines), True, refused(*lines))


run()

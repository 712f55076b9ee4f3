#!/usr/bin/python3
"""What people use today, unchanged: redis-py, redis-cli, redis-benchmark."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import redis

from lib import wait
from lib.claims import Skip, check, claim, run
from lib.resp import encode
from lib.server import CLI, Server

NO_RATE = ("--key-write-rate", "0")


def connect(server, **options):
    return redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=30, **options)


def cli(server, *arguments, stdin=None, program="redis-cli", limit_s=60):
    """The output of a command line tool that must succeed."""
    done = subprocess.run([program, "-p", str(server.port), *arguments], capture_output=True, timeout=limit_s,
                          check=False, **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    check(done.returncode, 0, f"{program} {arguments}: {done.stdout[-500:]!r} {done.stderr[-500:]!r}")
    return done.stdout.decode("utf-8", "replace")


# --- redis-py ---------------------------------------------------------------------------------------


@claim
def redis_py_strings_numbers_and_expiry():
    with Server(*NO_RATE) as server:
        r = connect(server, decode_responses=True)
        check(r.set("k", "v", ex=100, nx=True), True)
        check(r.set("k", "w", nx=True), None)
        check((r.get("k"), r.ttl("k"), r.exists("k", "none")), ("v", 100, 1))
        check((r.incr("n", 5), r.decr("n"), r.incrbyfloat("f", 0.5)), (5, 4, 0.5))
        check((r.mset({"a": "1", "b": "2"}), r.mget("a", "none", "b")), (True, ["1", None, "2"]))
        check((r.append("a", "x"), r.getrange("a", 0, -1), r.strlen("a")), (2, "1x", 2))
        check((r.getex("k", persist=True), r.ttl("k"), r.getdel("k"), r.get("k")), ("v", -1, "v", None))
        check((r.rename("a", "c"), r.type("c"), r.delete("c", "none")), (True, "string", 1))
        check(sorted(r.scan_iter("*")), ["b", "f", "n"])
        check((r.dbsize(), r.flushdb(), r.dbsize()), (3, True, 0))


@claim
def redis_py_pipelines_transactions_and_watch():
    with Server(*NO_RATE) as server:
        r = connect(server)
        with r.pipeline() as pipe:
            check(pipe.set("a", 1).incr("a").get("a").execute(), [True, 2, b"2"])
        with r.pipeline(transaction=False) as pipe:
            check(pipe.set("b", "x").incr("b").get("b").execute(raise_on_error=False)[::2], [True, b"x"])
        with r.pipeline() as pipe:
            pipe.watch("a")
            pipe.multi()
            pipe.set("a", "mine")
            r.set("a", "theirs")
            try:
                pipe.execute()
                raise AssertionError("the WATCH did not see the other write")
            except redis.WatchError:
                pass
        check(r.transaction(lambda pipe: pipe.multi() or pipe.set("a", "now"), "a"), [True])
        check(r.get("a"), b"now")


@claim
def redis_py_settings_of_a_connection():
    with Server(*NO_RATE, "--requirepass", "secret") as server:
        r = connect(server, db=3, password="secret", client_name="app", health_check_interval=1)
        check((r.set("k", "v"), r.client_getname(), r.info("keyspace")["db3"]["keys"]), (True, "app", 1))
        check([c["name"] for c in r.client_list()], ["app"])
        check(r.config_get("databases"), {"databases": "16"})
        wait.pass_by(1.1)  # health_check_interval: the next command is preceded by a PING
        check(r.get("k"), b"v")
        for wrong in ({}, {"password": "wrong"}):
            try:
                connect(server, **wrong).ping()
                raise AssertionError("let in without the password")
            except (redis.AuthenticationError, redis.ResponseError) as error:
                check(str(error).startswith(("Authentication required", "WRONGPASS")), True, str(error))


@claim
def redis_py_reads_info_time_and_our_errors():
    with Server() as server:
        r = connect(server)
        info = r.info()
        check((info["redis_version"], info["redis_mode"], info["loading"], info["role"]), ("7.0.15", "standalone", 0, "master"))
        check(len(r.time()), 2)
        r.set("k", "1")
        try:
            r.set("k", "2")
            raise AssertionError("the second write was taken")
        except redis.ResponseError as error:
            check(str(error).startswith("RATELIMIT "), True, str(error))
        check(r.command_count() > 70, True)


@claim
def redis_py_speaks_to_a_unix_socket():
    server = Server()
    path = os.path.join(server.scratch, "socket")
    server.options += ["--unixsocket", path, "--unixsocketperm", "700"]
    with server:
        r = redis.Redis(unix_socket_path=path)
        check((r.set("k", "v"), r.get("k")), (True, b"v"))
        check(os.stat(path).st_mode & 0o777, 0o700)


# --- redis-cli --------------------------------------------------------------------------------------


@claim
def redis_cli_one_command_and_many():
    with Server(*NO_RATE) as server:
        check(cli(server, "SET", "k", "v"), "OK\n")
        check(cli(server, "-3", "GET", "k"), "v\n")
        check(cli(server, "-n", "2", "--no-raw", "GET", "k"), "(nil)\n")
        check(cli(server, stdin=b"SET a 1\nINCR a\nGET a\n"), "OK\n2\n2\n")
        check(cli(server, "-r", "3", "INCR", "n"), "1\n2\n3\n")
        check(json.loads(cli(server, "--json", "-3", "CONFIG", "GET", "databases")), {"databases": "16"})


@claim
def redis_cli_scan_bigkeys_and_memkeys():
    with Server(*NO_RATE) as server:
        server.client().pipeline(*(("SET", f"k{i:04}", "v" * i) for i in range(1200)))
        check(sorted(cli(server, "--scan").split()), [f"k{i:04}" for i in range(1200)])
        check(len(cli(server, "--scan", "--pattern", "k000?").split()), 10)
        check('"k1199"' in cli(server, "--bigkeys"), True, "the biggest key is found")
        check("Biggest string" in cli(server, "--memkeys"), True, "a key that takes most memory is found")


@claim
def redis_cli_pipe_loads_many_commands():
    with Server(*NO_RATE) as server:
        data = b"".join(encode("SET", f"k{i}", i) for i in range(20000))
        check("errors: 0, replies: 20000" in cli(server, "--pipe", stdin=data), True)
        check(server.client()("DBSIZE"), 20000)


@claim
def redis_cli_stat_and_latency_show_figures():
    with Server() as server:
        server.client()("SET", "k", "v")
        # Both run until they are interrupted; a line of figures is what is waited for.
        check(first_lines(server, ["--stat", "-i", "0.1"], 3)[0].split()[:2], ["-------", "data"])
        done = subprocess.run(["redis-cli", "-p", str(server.port), "--latency", "-i", "1"], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=30, check=False)
        check(len(done.stdout.split()) >= 4, True, f"{done.stdout!r}")


def first_lines(server, arguments, count):
    process = subprocess.Popen(["redis-cli", "-p", str(server.port), *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
    limit = threading.Timer(30, process.kill)
    limit.start()
    try:
        return [process.stdout.readline() for _ in range(count)]
    finally:
        limit.cancel()
        process.send_signal(signal.SIGKILL)
        process.communicate()


@claim
def redis_cli_on_a_terminal_has_our_help():
    if not shutil.which("script"):
        raise Skip("script (bsdutils) is not installed")
    if not os.path.exists("/dev/pts/ptmx"):
        raise Skip("there are no pseudo-terminals here (/dev/pts is not mounted)")
    with Server() as server:
        done = subprocess.run(["script", "-qec", f"redis-cli -p {server.port}", "/dev/null"], input=b"help kv.put\nhelp get\nquit\n",
                              capture_output=True, timeout=30, check=False, env={**os.environ, "TERM": "dumb"})
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode("utf-8", "replace"))
        check("KV.PUT key value" in text, True, text[-1500:])
        check("GET key" in text, True, text[-1500:])


# --- redis-benchmark --------------------------------------------------------------------------------


@claim
def redis_benchmark_runs_where_there_is_no_write_rate():
    with Server() as server:
        check(server.client()("NAMESPACE", "SET", "db15", "key-write-rate", "0"), "OK")
        for more in ((), ("-P", "16"), ("-3",), ("-r", "1000"), ("--threads", "2")):
            out = cli(server, "--dbnum", "15", "-t", "ping,set,get,incr,mset", "-n", "2000", "-c", "20", "--csv", *more,
                      program="redis-benchmark")
            check([line.split(",")[0] for line in out.splitlines()[1:]],
                  ['"PING_INLINE"', '"PING_MBULK"', '"SET"', '"GET"', '"INCR"', '"MSET (10 keys)"'])


# --- our own ----------------------------------------------------------------------------------------


@claim
def grapevine_cli_puts_gets_lists_and_deletes():
    with Server(*NO_RATE) as server:
        check(cli(server, "put", "greeting", "hello", program=CLI).strip() != "", True)
        check(cli(server, "get", "greeting", program=CLI), "hello")
        check("greeting" in cli(server, "list", program=CLI), True)
        cli(server, "delete", "greeting", program=CLI)
        missing = subprocess.run([CLI, "-p", str(server.port), "get", "greeting"], capture_output=True, check=False)
        check(missing.returncode != 0, True, "a missing key is an exit code")


if __name__ == "__main__":
    run()

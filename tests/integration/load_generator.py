#!/usr/bin/python3
"""bench/load, the load generator, against Grapevine and redis-server: what it counts is what they saw."""
import json
import os
import re
import shlex
import subprocess
import tempfile

from lib.claims import check, claim, run
from lib.server import TOP, RedisServer, Server, binary, environment, free_port

LOAD = os.path.join(os.path.dirname(binary()), "grapevine-load")
FINE, INCOMPLETE, USAGE = 0, 1, 2


class Done:
    """What became of one run."""

    def __init__(self, code, out, err, report):
        self.code, self.out, self.err, self.report = code, out, err, report

    def check(self, code=FINE):
        check(self.code, code, f"{self.out[-800:]} {self.err[-500:]}")
        return self

    def replies(self, kind):
        return self.report["kinds"][kind]["replies"]


def generate(line, *servers):
    """Runs it with the words of the line; its JSON, too."""
    with tempfile.TemporaryDirectory(prefix="grapevine-load-") as folder:
        path = os.path.join(folder, "run.json")
        named = [word for server in servers for word in ("--server", f"127.0.0.1:{server.port}")]
        done = subprocess.run([LOAD, *named, *shlex.split(line), "--json", path], capture_output=True, text=True, timeout=60,
                              check=False, env=environment(), cwd=folder)
        report = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        return Done(done.returncode, done.stdout, done.stderr, report)


def both():
    """Each of the servers in turn, without a write rate."""
    for server in (Server("--key-write-rate", "0"), RedisServer()):
        with server:
            yield server


def calls(server, command):
    """How often the server says that it ran it."""
    text = server.client()("INFO", "commandstats").decode()
    found = re.search(rf"^cmdstat_{re.escape(command)}:calls=(\d+)", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


@claim
def a_load_leaves_each_key_once():
    for server in both():
        done = generate("--load 20000", server).check()
        check(done.replies("SET"), 20000)
        check(server.client()("DBSIZE"), 20000)
        check(server.client()("STRLEN", "key:000000019999"), 100)
        server.client()("FLUSHALL")
        generate("--load 10001 --shuffled --mset 10 --threads 2 --value-bytes 5-20", server).check()
        check(server.client()("DBSIZE"), 10001)


@claim
def replies_are_as_many_as_the_server_answered():
    for server in both():
        generate("--load 1000", server).check()
        before = calls(server, "get"), calls(server, "set")
        done = generate("--keys 1000 --reads 60 --distribution zipf --seconds 1 --warmup 0 --threads 2 --connections 8", server).check()
        check(done.replies("GET"), calls(server, "get") - before[0])
        check(done.replies("SET"), calls(server, "set") - before[1])
        check(done.report["sent"], done.replies("GET") + done.replies("SET"))
        check(done.report["kinds"]["GET"]["misses"], 0)


@claim
def in_an_open_loop_as_many_are_asked_as_are_due():
    for server in both():
        done = generate("--rate 2000 --arrivals constant --seconds 1 --warmup 0.1 --threads 2", server).check()
        check(done.report["sent"], 2000)
        check(sum(kind["replies"] for kind in done.report["kinds"].values()), 2000)
        check(done.report["never_sent"] + done.report["never_answered"], 0)


@claim
def the_rows_of_the_seconds_add_up_and_percentiles_rise():
    with RedisServer() as server:
        done = generate("--rate 1000 --seconds 1.5 --warmup 0.2", server).check()
        for name, kind in done.report["kinds"].items():
            check(sum(row[name]["replies"] for row in done.report["series"]), kind["replies"])
            check(kind["percentiles_ms"], sorted(kind["percentiles_ms"]))
            check(kind["cumulative_ms"][-1][1], kind["replies"])


@claim
def keys_that_are_not_there_are_counted_as_misses():
    for server in both():
        generate("--load 1000", server).check()
        done = generate("--keys 2000 --distribution sequential --requests 2000 --reads 100 --warmup 0", server).check()
        check(done.report["kinds"]["GET"]["misses"], 1000)
        done = generate("--keys 2000 --distribution sequential --requests 200 --reads 100 --warmup 0 --mget 10", server).check()
        check(done.report["kinds"]["MGET"]["misses"], 1000)


@claim
def inserts_add_keys_and_a_read_and_write_is_both():
    for server in both():
        generate("--load 1000", server).check()
        done = generate("--keys 1000 --workload d --requests 3000 --warmup 0", server).check()
        check(server.client()("DBSIZE"), 1000 + done.replies("INSERT"))
        before = calls(server, "get"), calls(server, "set")
        done = generate("--keys 1000 --workload f --requests 2000 --warmup 0", server).check()
        check(done.replies("GET") + done.replies("GET+SET"), 2000)
        check(calls(server, "get") - before[0], 2000)
        check(calls(server, "set") - before[1], done.replies("GET+SET"))


@claim
def refusals_by_the_write_rate_are_counted_and_end_nothing():
    with Server() as server:
        done = generate("--keys 1 --reads 0 --requests 200 --warmup 0", server).check()
        refused = done.report["errors"]["RATELIMIT"]
        check(refused + done.replies("SET"), 200)
        check(refused > 100, True, "most are refused")
        check("times RATELIMIT" in done.out, True, done.out)
        done = generate("--keys 1 --reads 0 --requests 200 --warmup 0 --dbnum 15 --no-write-rate", server).check()
        check(done.report["errors"], {})


@claim
def a_load_that_is_refused_in_part_fails():
    with Server("--key-write-rate", "0") as server:
        done = generate("--load 100 --value-bytes 10:50,70000:50", server).check(INCOMPLETE)
        check(done.replies("SET") + done.report["errors"]["VALUETOOLONG"], 100)
        check(server.client()("DBSIZE"), done.replies("SET"))
        check("not all keys were loaded" in done.err, True, done.err)


@claim
def expiries_and_metadata_arrive():
    with Server("--key-write-rate", "0") as server:
        generate("--load 100 --ttl-share 100 --ttl 60-90 --put --meta-bytes 10", server).check()
        check(server.client()("KV.META", "key:000000000099"), b'"mmmmmmmm"')
        check(50 < server.client()("TTL", "key:000000000099") <= 90, True)


@claim
def several_servers_share_the_connections():
    with RedisServer() as first, RedisServer() as second:
        generate("--requests 1000 --connections 4 --warmup 0 --reads 100", first, second).check()
        check(calls(first, "get") + calls(second, "get"), 1000)
        check(min(calls(first, "get"), calls(second, "get")) > 0, True)


@claim
def a_password_opens_the_door():
    with RedisServer("--requirepass", "secret") as server:
        generate("--requests 10 --warmup 0 --password secret", server).check()
        done = generate("--requests 10 --dbnum 3", server).check(INCOMPLETE)
        check(re.fullmatch(r"grapevine-load: 127\.0\.0\.1:\d+ refuses SELECT: NOAUTH .*\n", done.err) is not None, True, done.err)


@claim
def a_server_that_goes_away_is_said():
    with Server("--key-write-rate", "0") as server:
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen([LOAD, "--server", f"127.0.0.1:{server.port}", "--seconds", "30"], stdout=out, stderr=out)
            while server.client()("DBSIZE") == 0:
                pass
            server.kill()
            check(process.wait(20), INCOMPLETE)
            out.seek(0)
            text = out.read()
            check("50 connections were lost" in text, True, text)


@claim
def what_is_wrong_takes_one_line():
    done = generate("--workload x").check(USAGE)
    check(done.err, "grapevine-load: --workload 'x' is not none|a|b|c|d|f\n")
    done = generate(f"--server 127.0.0.1:{free_port()}").check(INCOMPLETE)
    check(re.fullmatch(r"grapevine-load: cannot connect to 127\.0\.0\.1:\d+: Connection refused\n", done.err) is not None, True, done.err)


@claim
def the_commands_of_its_page_work_and_its_options_exist():
    with open(os.path.join(TOP, "bench", "load", "README.md"), encoding="utf-8") as file:
        page = file.read()
    commands = re.findall(r"^\$ grapevine-load (.*)$", page, re.MULTILINE)
    check(len(commands) >= 3, True)
    with Server() as server:
        for command in commands:
            generate(command.replace("--json run.json", ""), server).check()
    options = set(re.findall(r"^  --([a-z-]+)", generate("--help").check().out, re.MULTILINE))
    check(set(re.findall(r"--([a-z][a-z-]+)", page)) - options, set())


@claim
def a_quick_run_of_latencies_gives_what_can_be_plotted():
    with tempfile.TemporaryDirectory(prefix="grapevine-load-") as folder:
        path = os.path.join(folder, "latency.json")
        done = subprocess.run([os.path.join(TOP, "bench", "latency"), "--quick", "--json", path], capture_output=True, text=True, timeout=120,
                              check=False)
        check(done.returncode, 0, f"{done.stdout[-800:]} {done.stderr[-500:]}")
        check(len(re.findall(r"^\| [^|]+ \| \d+ %", done.stdout, re.MULTILINE)), 10)
        check(len(re.findall(r"^[^:]+: (GET|SET) p99\.9 at 60 %.* (reached|MISSED)", done.stdout, re.MULTILINE)), 4)
        subprocess.run([os.path.join(TOP, "bench", "plot"), path], check=True, timeout=20)
        check(os.path.getsize(os.path.join(folder, "latency.svg")) > 1000, True)


if __name__ == "__main__":
    run()

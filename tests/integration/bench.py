#!/usr/bin/python3
"""The programs of bench/ work: each runs with few requests, and says what it should.  Figures mean nothing here."""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from lib.claims import Skip, check, claim, run
from lib.server import TOP, RedisServer, Server, binary

sys.path.insert(0, os.path.join(TOP, "bench"))
from parts.callgrind import instructions  # noqa: E402

LIMIT_S = 100
# One function that calls another one of a library, with a line of a header between its own.
CALLGRIND = """positions: line
events: Ir

ob=(1) /usr/bin/grapevine-server
fl=(1) server/net/serving.c
fn=(1) serve
10 100
+2 7
fi=(2) server/base/bytes.h
3 5
fe=(1)
cob=(2) /usr/lib/libc.so.6
cfi=(3) ???
cfn=(2) memcpy
calls=4 0
* 4000
15 1

ob=(2)
fl=(3)
fn=(2)
0 4000
"""


def program(name):
    path = os.path.join(os.path.dirname(binary()), "bench", name)
    if not os.path.exists(path):
        raise Skip("`make bench-programs` was not run")
    return path


def output_of(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=LIMIT_S, cwd=TOP)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def replay(server, *options):
    return json.loads(output_of(program("replay"), "--port", server.port, "--database", 3, *options))


def rows_of(text, heading):
    """The lines of a table below its head, as lists of cells."""
    table = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")][1:]


@claim
def a_replay_writes_each_key_once_and_reads_them_all():
    for kind in (lambda: Server("--key-write-rate", "0"), RedisServer):
        with kind() as server:
            said = replay(server, "--command", "set", "--each", "yes", "--keys", 5000, "--pipeline", 30, "--connections", 3)
            check(said["requests"], 5000)
            client = server.client()
            client("SELECT", 3)
            check((client("DBSIZE"), client("GET", "key:000000004999")), (5000, b"x" * 100))
            said = replay(server, "--command", "get", "--keys", 5000, "--pipeline", 16, "--requests", 20_000)
            check(said["requests"], 20_000)
            check(0 < said["p50_us"] <= said["p99_us"] <= said["p999_us"], True)
            replay(server, "--command", "set", "--each", "yes", "--keys", 2, "--random-values", "yes")
            values = [client("GET", "key:%012d" % number) for number in range(2)]
            check(([len(value) for value in values], len(set(values))), ([100, 100], 2))


@claim
def a_burst_meets_a_stopped_server_and_leaves_it_running():
    with Server("--key-write-rate", "0") as server:
        replay(server, "--command", "set", "--each", "yes", "--keys", 100)
        said = replay(server, "--command", "get", "--keys", 100, "--pipeline", 50, "--connections", 20, "--bursts", 4,
                      "--pid", server.process.pid)
        check(said["requests"], 4 * 20 * 50)
        check(server.client()("PING"), "PONG")


@claim
def a_quick_run_prints_a_line_for_each_row():
    program("replay")
    text = output_of("bench/run", "--quick", "--row", "hot key, -P 16")
    row, = rows_of(text, "Beside redis-server")
    check((row[0], len(row)), ("GET, one hot key, -P 16", 9))
    check([cells[1] for cells in rows_of(text, "Latency and spread")],
          ["Grapevine", "redis-server, memory only", "redis-server, appendonly everysec"])
    check(len(rows_of(text, "Two event loops against one")), 1)


@claim
def a_quick_run_stands_beside_memcached():
    program("replay")
    text = output_of("bench/run", "--quick", "--row", "GET beside memcached, 100k keys, -P 16")
    if "## " not in text:
        raise Skip("there is no memcached")
    check([cells[1] for cells in rows_of(text, "Latency and spread")], ["Grapevine", "redis-server, memory only", "memcached"])


@claim
def a_quick_run_syncs_each_write():
    program("replay")
    row, = rows_of(output_of("bench/run", "--quick", "--row", "synced"), "On disk before the reply")
    check(all(re.fullmatch(r"[\d.,*]+", cell) for cell in row[1:]), True, row)


@claim
def benchmarks_of_parts_say_what_an_operation_costs():
    for word in ("parser", "cache: replace", "store: put", "digest", "sketch"):
        rows = json.loads(output_of(program("micro"), "--quick", "--json", word))
        check(bool(rows) and all(word in row["name"] and row["ns_per_op"] > 0 for row in rows), True, rows)


@claim
def a_plot_is_the_same_each_time_and_shows_every_point():
    points = {"Grapevine": [[1000, 0.1], [20_000, 0.2], [300_000, 4]], "redis-server, <memory only>": [[1000, 0.1], [150_000, 9]]}
    plot = {"title": "Latency & load", "x_label": "requests per second", "y_label": "ms",
            "series": [{"name": name, "points": some, "colour": 3, "dash": dash} for dash, (name, some) in enumerate(points.items())]}
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "latency.json")
        with open(source, "w", encoding="utf-8") as file:
            json.dump(plot, file)
        texts = []
        for _ in range(2):
            output_of("bench/plot", source)
            with open(os.path.join(folder, "latency.svg"), encoding="utf-8") as file:
                texts.append(file.read())
    check(texts[0], texts[1])
    svg = xml.etree.ElementTree.fromstring(texts[0])
    check(sum(element.tag.endswith("circle") for element in svg), 5)
    looks = {(element.get("stroke"), element.get("stroke-dasharray")) for element in svg if element.get("class") == "line"}
    check(sorted(dash or "" for _, dash in looks), ["", "6 3"], looks)
    check(len({colour for colour, _ in looks}), 1, looks)
    said = [element.text for element in svg if element.tag.endswith("text")]
    check([text in said for text in ("Latency & load", "redis-server, <memory only>", "1k", "1M", "10")], [True] * 5, said)


@claim
def instructions_are_counted_where_they_are_executed():
    with tempfile.NamedTemporaryFile("w", suffix=".1") as file:
        file.write(CALLGRIND)
        file.flush()
        check(instructions(file.name), {"server/net": 108, "server/base": 5, "libc": 4000})


if __name__ == "__main__":
    run()

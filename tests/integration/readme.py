#!/usr/bin/python3
"""The sessions in README.md, carried out: what they show is what one sees.

In a ```console block, `127.0.0.1:6379> ` goes before what is typed into redis-cli and `$ ` before a shell
command.  Numbers that differ from run to run (a wait, a version) are compared by their shape."""
import os
import re
import shlex
import socket
import subprocess

from lib import wait
from lib.claims import check, claim, run
from lib.server import CLI, TOP, Server, binary, free_port

PROMPT = "127.0.0.1:6379> "
PROGRAMS = {"redis-cli": "redis-cli", "redis-benchmark": "redis-benchmark", "grapevine-cli": CLI, "curl": "curl"}
HTTP_PORT = "127.0.0.1:8379"


def console_blocks(name="README.md"):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return re.findall(r"^```console\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)


def steps_of(block, prompt):
    """(command, lines shown below it) of each line with the prompt."""
    steps = []
    for line in block.splitlines():
        if line.startswith(prompt):
            steps.append((line[len(prompt):], []))
        else:
            steps[-1][1].append(line)
    return steps


def shape(text):
    text = re.sub(r"retry in \d+ ms", "retry in N ms", text)
    text = re.sub(r'"id":"[0-9a-f]{32}"', '"id":"ID"', text)
    return re.sub(r"\b[0-9a-f]{16}-[0-9a-f]{16}\b", "VERSION", text)


def talk(server, steps):
    """One redis-cli for the whole block, as a person would have it open."""
    typed = "".join(command + "\n" for command, _ in steps)
    done = subprocess.run(["redis-cli", "-p", str(server.port), "--no-raw"], input=typed, capture_output=True,
                          text=True, timeout=60, check=True)
    check_lines(done.stdout, [line for _, lines in steps for line in lines])


def check_lines(got, shown):
    """As check(), for the first line that differs."""
    got, shown = shape(got).splitlines(), shape("\n".join(shown)).splitlines()
    for got_line, shown_line in zip(got, shown):
        check(got_line, shown_line)
    check(len(got), len(shown), "lines")


def run_program(program, arguments):
    """What it says; it must end well."""
    done = subprocess.run([PROGRAMS[program], *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False)
    check(done.returncode, 0, f"{program} {arguments}: {done.stdout}{done.stderr}")
    return done.stdout


def shell(server, steps):
    for command, shown in steps:
        program, *arguments = shlex.split(command)
        if program == "curl":
            arguments = [word.replace(HTTP_PORT, f"127.0.0.1:{server.http_port}") for word in arguments]
        else:
            arguments = ["-p", str(server.port), *arguments]
        output = run_program(program, arguments)
        if shown:
            check_lines(output, shown)


class Background:
    """The servers that a block starts with `&`: the ports it names stand for others that are free."""

    def __init__(self):
        self.ports = {}
        self.servers = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for server in self.servers:
            server._abandon()

    def start(self, arguments):
        port, directory = (arguments.index(name) for name in ("--port", "--dir"))
        server = Server()
        server.port = self.free_pair()
        self.ports[arguments[port + 1]] = str(server.port)
        self.ports[str(int(arguments[port + 1]) + 10000)] = str(server.port + 10000)
        server.command_line = lambda: [binary(), *self.translate(arguments)]
        check(arguments[directory + 1].startswith("/"), False, "it writes into its own folder")
        self.servers.append(server)
        server.start_here()

    def free_pair(self):
        """A port that is free, and so is the one 10000 above it."""
        for port in iter(free_port, None):
            try:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port - 10000))
                return port - 10000
            except (OSError, OverflowError):
                pass

    def translate(self, words):
        """The words with the ports that are really meant."""
        return [re.sub(r"\b1?700\d\b", lambda port: self.ports[port.group()], word) for word in words]


def is_of_nodes(block):
    return "-p 700" in block or "--port 700" in block


def talk_to_nodes(blocks):
    """Servers take what they see from each other a moment later: what is shown is asked for until it is seen."""
    with Background() as nodes:
        for command, shown in (step for block in blocks for step in steps_of(block, "$ ")):
            program, *arguments = shlex.split(command)
            if program == "grapevine-server":
                check(arguments.pop(), "&")
                nodes.start(arguments)
                continue
            arguments = nodes.translate(arguments)
            wait.until(lambda: run_program(program, arguments).splitlines() == shown, f"{command} shows {shown}", 20)


@claim
def the_sessions_of_the_readme_show_what_one_sees():
    blocks = console_blocks()
    check(len(blocks) >= 3, True, "the README has its sessions")
    with Server(http=True) as server:
        for block in (block for block in blocks if not is_of_nodes(block)):
            if block.startswith(PROMPT):
                talk(server, steps_of(block, PROMPT))
            else:
                shell(server, steps_of(block, "$ "))


@claim
def the_sessions_of_the_http_page_show_what_one_sees():
    blocks = console_blocks("server/http/README.md")
    check(len(blocks), 1)
    with Server(http=True) as server:
        shell(server, steps_of(blocks[0], "$ "))


@claim
def three_nodes_take_three_commands():
    blocks = [block for block in console_blocks() if is_of_nodes(block)]
    check(blocks[0].count("grapevine-server"), 3)
    check(len(blocks[0].splitlines()), 3)
    talk_to_nodes(blocks)


@claim
def the_files_that_the_documents_link_to_exist():
    for name in ("README.md", "server/README.md", "server/http/README.md", "tests/README.md", "bench/README.md", "bench/load/README.md", "client/examples/README.md",
                 "redis-compat.md"):
        folder = os.path.join(TOP, os.path.dirname(name))
        with open(os.path.join(TOP, name), encoding="utf-8") as file:
            links = re.findall(r"\]\(([^)#:]+)\)", file.read())
        missing = [link for link in links if not os.path.exists(os.path.join(folder, link))]
        check(missing, [], f"{name} links to what is not there")


if __name__ == "__main__":
    run()

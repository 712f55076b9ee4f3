#!/usr/bin/python3
"""The sessions in README.md, carried out: what they show is what one sees.

In a ```console block, `127.0.0.1:6379> ` goes before what is typed into redis-cli and `$ ` before a shell
command.  Numbers that differ from run to run (a wait, a version) are compared by their shape."""
import os
import re
import shlex
import subprocess

from lib.claims import check, claim, run
from lib.server import CLI, TOP, Server

PROMPT = "127.0.0.1:6379> "
PROGRAMS = {"redis-cli": "redis-cli", "redis-benchmark": "redis-benchmark", "grapevine-cli": CLI}


def console_blocks():
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
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


def shell(server, steps):
    for command, shown in steps:
        program, *arguments = shlex.split(command)
        done = subprocess.run([PROGRAMS[program], "-p", str(server.port), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        check(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
        if shown:
            check_lines(done.stdout, shown)


@claim
def the_sessions_of_the_readme_show_what_one_sees():
    blocks = console_blocks()
    check(len(blocks) >= 3, True, "the README has its sessions")
    with Server() as server:
        for block in blocks:
            if block.startswith(PROMPT):
                talk(server, steps_of(block, PROMPT))
            else:
                shell(server, steps_of(block, "$ "))


@claim
def the_files_that_the_documents_link_to_exist():
    for name in ("README.md", "server/README.md", "tests/README.md", "bench/README.md", "redis-compat.md"):
        folder = os.path.join(TOP, os.path.dirname(name))
        with open(os.path.join(TOP, name), encoding="utf-8") as file:
            links = re.findall(r"\]\(([^)#:]+)\)", file.read())
        missing = [link for link in links if not os.path.exists(os.path.join(folder, link))]
        check(missing, [], f"{name} links to what is not there")


if __name__ == "__main__":
    run()

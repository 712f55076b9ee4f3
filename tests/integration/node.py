#!/usr/bin/python3
"""node-redis and ioredis, unchanged, in both protocols.  Needs node and npm; without them it is skipped.

The libraries come from npm at the versions of tests/node/package-lock.json, into build/node."""
import filecmp
import functools
import os
import shutil
import subprocess

from lib.claims import Skip, check, claim, run
from lib.server import TOP, Server

SOURCE = os.path.join(TOP, "tests", "node")
INSTALLED = os.path.join(TOP, "build", "node")
LOCK = "package-lock.json"


def node_version():
    if not shutil.which("node") or not shutil.which("npm"):
        raise Skip("node and npm are not installed")
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(done.stdout.strip().lstrip("v").split(".")[0])


@functools.cache
def why_not_installed():
    """Installs the libraries, unless they are there already.  One try: npm is slow to give up without a network."""
    done_mark = os.path.join(INSTALLED, "installed-lock.json")
    if os.path.exists(done_mark) and filecmp.cmp(os.path.join(SOURCE, LOCK), done_mark, shallow=False):
        return ""
    os.makedirs(INSTALLED, exist_ok=True)
    for name in ("package.json", LOCK):
        shutil.copy(os.path.join(SOURCE, name), INSTALLED)
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error",
                               "--fetch-retries=0"], cwd=INSTALLED, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "npm ci is not done after 120 s"
    if done.returncode != 0:
        return f"npm ci failed: {' '.join(done.stderr.split())[:300]}"
    shutil.copy(os.path.join(SOURCE, LOCK), done_mark)
    return ""


def carry_out(library, protocol, needs_node):
    version = node_version()
    if version < needs_node:
        raise Skip(f"{library} needs node {needs_node}, this is {version}")
    if why_not_installed():
        raise Skip(why_not_installed())
    with Server("--key-write-rate", "0") as server:
        done = subprocess.run(["node", os.path.join(SOURCE, "clients.js"), library, protocol, str(server.port)], cwd=INSTALLED,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        check((done.returncode, done.stderr), (0, ""), f"{library} with RESP{protocol}")


@claim
def node_redis_5_with_resp2():
    carry_out("redis-5", "2", 18)


@claim
def node_redis_5_with_resp3():
    carry_out("redis-5", "3", 18)


@claim
def node_redis_6_with_resp2():
    carry_out("redis-6", "2", 20)


@claim
def node_redis_6_with_resp3():
    carry_out("redis-6", "3", 20)


@claim
def ioredis_5_with_resp2():
    carry_out("ioredis-5", "2", 18)


@claim
def ioredis_6_with_resp2():
    carry_out("ioredis-6", "2", 20)


@claim
def ioredis_6_with_resp3():
    carry_out("ioredis-6", "3", 20)


if __name__ == "__main__":
    run()

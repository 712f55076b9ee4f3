#!/usr/bin/python3
"""node-redis and ioredis, unchanged, in both protocols (tests/lib/npm.py installs them)."""
import os

from lib import npm
from lib.claims import check, claim, run
from lib.server import Server


def carry_out(library, protocol):
    with npm.Home() as home, Server("--key-write-rate", "0") as server:
        done = home.node(os.path.join(npm.SOURCE, "clients.js"), library, protocol, server.port)
        check((done.returncode, done.stderr), (0, ""), f"{library} with RESP{protocol}")


@claim
def node_redis_5_with_resp2():
    carry_out("redis-5", "2")


@claim
def node_redis_5_with_resp3():
    carry_out("redis-5", "3")


@claim
def node_redis_6_with_resp2():
    carry_out("redis-6", "2")


@claim
def node_redis_6_with_resp3():
    carry_out("redis-6", "3")


@claim
def ioredis_5_with_resp2():
    carry_out("ioredis-5", "2")


@claim
def ioredis_6_with_resp2():
    carry_out("ioredis-6", "2")


@claim
def ioredis_6_with_resp3():
    carry_out("ioredis-6", "3")


if __name__ == "__main__":
    run()

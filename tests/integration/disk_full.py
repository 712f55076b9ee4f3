#!/usr/bin/python3
"""The disk fills up and is freed: on a small file system of its own (needs root)."""
import hashlib
import os
import subprocess

from lib import wait
from lib.claims import Skip, check, check_error, claim, run
from lib.resp import Error
from lib.server import Server

VALUE = 60000
BALLAST_MB = 16  # room for the logs and for a compaction before the store opens again


class SmallDisk:
    """A tmpfs of `size_mb` with a ballast file whose removal frees space."""

    def __init__(self, path, size_mb=48):
        os.makedirs(path)
        self.path = path
        self.ballast = os.path.join(path, "ballast")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", path],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            raise Skip(f"no file system can be mounted here: {mounted.stderr.strip()}")

    def __enter__(self):
        with open(self.ballast, "wb") as file:
            file.write(b"b" * (BALLAST_MB << 20))
        return self

    def __exit__(self, *exception):
        subprocess.run(["umount", "-l", self.path], check=False)

    def free_space(self):
        os.remove(self.ballast)


def value_of(number):
    """Bytes that no compression makes smaller."""
    return hashlib.shake_128(b"%d" % number).digest(VALUE)


def fill(client, acknowledged):
    """Writes until it is refused; the number of the refused key and the error."""
    for number in range(100000):
        answer = client("SET", f"k{number}", value_of(number))
        if isinstance(answer, Error):
            return number, answer
        acknowledged.append(number)
    raise AssertionError("the disk is never full")


def check_all(client, acknowledged):
    for number in acknowledged:
        check(client("GET", f"k{number}"), value_of(number), f"k{number}")


def fill_free_and_kill(appendfsync):
    with Server("--key-write-rate", "0", "--appendfsync", appendfsync) as server, \
            SmallDisk(os.path.join(server.scratch, "disk")) as disk:
        server.directory = os.path.join(disk.path, "data")
        server.restart()
        client, acknowledged = server.client(), []

        refused, error = fill(client, acknowledged)
        check_error(error, "MISCONF ")
        check(len(acknowledged) > 100, True, f"{len(acknowledged)} values fitted")
        check(client("GET", f"k{refused}"), None, "a refused write is not seen")
        check_error(client("SET", "small", "x"), "MISCONF ")
        check_error(client("DEL", "k0"), "MISCONF ")
        check_all(client, acknowledged)
        check(client("DBSIZE"), len(acknowledged))

        disk.free_space()
        wait.until(lambda: client("SET", "again", "1") == "OK", "writes are taken again", 60)
        for number in range(refused, refused + 20):
            check(client("SET", f"k{number}", value_of(number)), "OK")
            acknowledged.append(number)
        check(client("DBSIZE"), len(acknowledged) + 1)

        server.kill()
        server.start()
        client = server.client()
        check_all(client, acknowledged)
        check(client.pipeline(("GET", "again"), ("GET", "small"), ("DBSIZE",)), [b"1", None, len(acknowledged) + 1])
        server.stop()


@claim
def with_appendfsync_always_nothing_acknowledged_is_lost():
    fill_free_and_kill("always")


@claim
def with_appendfsync_everysec_nothing_acknowledged_is_lost_to_kill_9():
    fill_free_and_kill("everysec")


if __name__ == "__main__":
    run()

"""The servers that are measured beside each other, as tests/lib starts them.

Each has a title for the tables, speaks a protocol that bench/replay knows, and prepares itself for the
load: `load()` puts keys 0 .. count-1 into it, with values of VALUE_BYTES.
"""
import glob
import json
import os
import shutil
import socket
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))

from lib import wait  # noqa: E402
from lib.server import RedisServer, Server, StartError, binary, free_port  # noqa: E402
from lib.tls import Certificates  # noqa: E402

VALUE_BYTES = 100
DATABASE = 15  # the one without a write rate: redis-benchmark ends at the first refusal
CERTIFICATES = Certificates()


class Measured:
    """What the servers have in common: a port for TLS beside their port, and how they are loaded."""

    protocol = "redis"

    def start_here(self):
        self.tls_port = free_port()
        return super().start_here()

    def command_line(self):
        return [*super().command_line(), "--tls-port", str(self.tls_port), *CERTIFICATES.options()]

    def prepare(self):
        pass

    def replay_options(self):
        return ["--port", str(self.port), "--protocol", self.protocol, "--database", str(DATABASE),
                "--value-bytes", str(VALUE_BYTES)]

    def load(self, count):
        self.prepare()
        replay(self, "--command", "set", "--each", "yes", "--keys", count, "--pipeline", 100, "--connections", 4)


class Grapevine(Measured, Server):
    title = "Grapevine"

    def prepare(self):
        with self.client() as client:
            said = client("NAMESPACE", "SET", f"db{DATABASE}", "key-write-rate", "0")
        if said != "OK":
            sys.exit(f"bench: {said}")


class GrapevineAlways(Grapevine):
    title = "Grapevine, appendfsync always"

    def __init__(self):
        super().__init__("--appendfsync", "always")


class GrapevineOneLoop(Grapevine):
    title = "Grapevine, io-threads 1"

    def __init__(self):
        super().__init__("--io-threads", "1")


class GrapevineTwoLoops(Grapevine):
    title = "Grapevine, io-threads 2"

    def __init__(self):
        super().__init__("--io-threads", "2")


class Redis(Measured, RedisServer):
    title = "redis-server, memory only"


class RedisWithLog(Redis):
    title = "redis-server, appendonly everysec"

    def __init__(self):
        super().__init__("--appendonly", "yes", "--appendfsync", "everysec")


class RedisAlways(Redis):
    title = "redis-server, appendonly always"

    def __init__(self):
        super().__init__("--appendonly", "yes", "--appendfsync", "always")


class Memcached(Measured, Server):
    """Debian's memcached, with as many threads as there are cores and memory enough for all keys."""

    title = "memcached"
    protocol = "memcached"

    def command_line(self):
        return [self.path(), "-u", "nobody", "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-m", "1024",
                "-t", str(os.cpu_count()), "-R", "200"]

    def start_here(self):
        self.launch()

        def answers():
            if self.process.poll() is not None:
                raise StartError(self.process.returncode, self.stderr())
            return can_connect(self.port)

        wait.until(answers, "memcached listens", 10, 0.005)
        return self

    @staticmethod
    def path():
        """The program, or None.  Where it is not installed, its package is unpacked into build/: installing it would
        start a service on port 11211."""
        folder = os.path.join(TOP, "build", "memcached")
        unpacked = os.path.join(folder, "usr", "bin", "memcached")
        installed = shutil.which("memcached")
        if installed or os.path.exists(unpacked) or not shutil.which("dpkg-deb"):
            return installed or (unpacked if os.path.exists(unpacked) else None)
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["apt-get", "download", "memcached"], cwd=folder, capture_output=True, check=False)
        for package in glob.glob(os.path.join(folder, "*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        return unpacked if os.path.exists(unpacked) else None


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


# --- the load --------------------------------------------------------------------------------------


def program(name):
    """One of bench's own, built beside the server."""
    path = os.path.join(os.path.dirname(binary()), "bench", name)
    if not os.path.exists(path):
        sys.exit(f"bench: {path} is not there: `make bench-programs` builds it")
    return path


def replay(server, *options, under=()):
    """Runs bench/replay against the server, by another program if one is named; its line of JSON as a dict."""
    command = [*under, program("replay"), *server.replay_options(), *(str(option) for option in options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)

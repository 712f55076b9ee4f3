"""Starts and ends servers: ours, or a real redis-server, on a port the kernel chose, in a temporary folder.

    with Server("--appendfsync", "always") as server:
        client = server.client()
        client("SET", "k", "v")
        server.restart()

    with Server(http=True) as server:       HTTP, too, at server.http_port

The environment variable GRAPEVINE_SERVER names another binary of ours (the runner sets it for the
sanitizer builds).  Sanitizer reports make the end of a server fail.
"""
import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from lib import wait
from lib.resp import Client, Closed

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SUPPRESSIONS = os.path.join(TOP, "tests", "suppressions")
CLI = os.path.join(TOP, "build", "grapevine-cli")

# A start under a sanitizer on a busy machine is slow; nothing waits this long when all is well.
START_S = 30

_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
            "WARNING: ThreadSanitizer", "Assertion `")


class StartError(Exception):
    """The server ended instead of answering."""

    def __init__(self, code, stderr):
        super().__init__(f"the server ended with {code}: {stderr.decode('utf-8', 'replace')}")
        self.code = code
        self.stderr = stderr


def binary():
    return os.environ.get("GRAPEVINE_SERVER") or os.path.join(TOP, "build", "grapevine-server")


def is_sanitized():
    return any(f"/{flavour}/" in binary() for flavour in ("asan", "tsan"))


def environment():
    """What the sanitizers are told; harmless for programs without."""
    options = dict(os.environ)
    options["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1"
    options["LSAN_OPTIONS"] = f"suppressions='{SUPPRESSIONS}/asan':print_suppressions=0"
    options["UBSAN_OPTIONS"] = "print_stacktrace=1"
    options["TSAN_OPTIONS"] = f"suppressions='{SUPPRESSIONS}/tsan':halt_on_error=0:second_deadlock_stack=1"
    return options


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One server.  It owns its temporary folder unless it was given a directory."""

    def __init__(self, *options, directory=None, http=False):
        self.options = [str(option) for option in options]
        self.scratch = tempfile.mkdtemp(prefix="grapevine-test-")
        self.directory = directory or os.path.join(self.scratch, "data")
        self.process = None
        self.port = None
        self.speaks_http = http
        self.http_port = 0
        atexit.register(self._abandon)

    # --- what differs in a real redis-server ---

    def command_line(self):
        return [binary(), "--port", str(self.port), "--http-port", str(self.http_port), "--dir",
                self.directory, *self.options]

    executable = None  # the program, where its name (command_line()[0]) is another
    host = "127.0.0.1"

    def environment(self):
        return environment()

    # --- life ---

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *rest):
        try:
            if kind is None and self.process is not None:
                self.stop()
        finally:
            self._abandon()

    def start(self):
        for attempt in range(5):
            self.port = self.http_port = free_port()
            while self.http_port == self.port:  # the kernel may give one port twice
                self.http_port = free_port() if self.speaks_http else 0
            try:
                return self.start_here()
            except StartError as error:
                # Between our look and its bind another process may have taken the port.
                if attempt == 4 or b"in use" not in error.stderr:
                    raise

    def start_here(self):
        """As start(), with the port it has."""
        self.launch()

        def answers():
            if self.process.poll() is not None:
                raise StartError(self.process.returncode, self.stderr())
            try:
                with self.client(timeout_s=START_S) as client:
                    client("PING")
                return True
            except (OSError, Closed):
                return False

        wait.until(answers, "the server answers PING", START_S, 0.005)
        return self

    def launch(self):
        """Starts the process and waits for nothing."""
        with open(self._path("stdout"), "wb") as out, open(self._path("stderr"), "wb") as err:
            self.process = subprocess.Popen(
                self.command_line(), executable=self.executable, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, cwd=self.scratch, env=self.environment())

    def stop(self, seconds=60):
        """SIGTERM, and an orderly end."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait(seconds)
        if code != 0:
            raise AssertionError(f"the server ended with {code}:\n{self.log()}")

    def wait(self, seconds=60):
        """Until it has ended by itself; the exit code."""
        code = self.process.wait(seconds)
        self.process = None
        self._check_reports()
        return code

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        """SIGSTOP: it is there, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    # --- talking to it ---

    def client(self, timeout_s=30):
        return Client(self.port, host=self.host, timeout_s=timeout_s)

    def stderr(self):
        return self._read("stderr")

    def log(self):
        """What it said, without the memory dumps of a sanitizer's report."""
        text = (self._read("stdout") + self._read("stderr")).decode("utf-8", "replace")
        return text.split("Shadow bytes around")[0]

    # --- private ---

    def _path(self, name):
        return os.path.join(self.scratch, name)

    def _read(self, name):
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def _check_reports(self):
        text = self.log()
        if any(report in text for report in _REPORTS):
            raise AssertionError(f"a sanitizer's report:\n{text[-20000:]}")

    def _abandon(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.process = None
        shutil.rmtree(self.scratch, ignore_errors=True)


class ConfiguredServer(Server):
    """With a config file, of the lines given; without a write rate."""

    def __init__(self, *lines, **more):
        super().__init__("--key-write-rate", "0", **more)
        self.file = os.path.join(self.scratch, "grapevine.conf")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def command_line(self):
        program, *options = super().command_line()
        return [program, self.file, *options]

    def lines(self):
        with open(self.file, encoding="utf-8") as file:
            return file.read().splitlines()


class RedisServer(Server):
    """Debian's redis-server 7.0, in memory, out of redis-tools: the program looks at its own name to
    decide whether to be redis-check-rdb or the server."""

    executable = "/usr/bin/redis-check-rdb"

    def command_line(self):
        os.makedirs(self.directory, exist_ok=True)
        return ["redis-server", "--port", str(self.port), "--dir", self.directory,
                "--save", "", "--appendonly", "no", "--enable-debug-command", "yes", *self.options]

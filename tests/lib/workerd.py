"""Runs workerd, the open-source runtime of Workers, and calls the bridge Worker (tests/workerd) in it.

    with Workerd(CONFIG, "127.0.0.1:8379", NAMESPACE_ID=...) as workerd:
        kv = workerd.binding("header")
        kv.put("k", Bytes(b"\\0\\xff", "stream"))
        kv.get("k", "arrayBuffer") == b"\\0\\xff"

A method of a binding answers what the Worker got, or raises Thrown with what the Worker caught.
"""
import base64
import collections
import http.client
import json
import os
import re
import select
import subprocess
import tempfile

from lib import npm
from lib.server import TOP

CONFIG = os.path.join(TOP, "tests", "workerd", "config.capnp")

# A start on a busy machine is slow; nothing waits this long when all is well.
START_S = 30


class Thrown(Exception):
    """What the Worker caught."""


# A value for put, in the shape that bridge.js calls so.
Bytes = collections.namedtuple("Bytes", "data shape times", defaults=("ArrayBuffer", 1))
UNDEFINED = Bytes(b"", "undefined")

# What came of a value too long to be shown.
Hash = collections.namedtuple("Hash", "size sha256")


class Workerd:
    """One workerd.  All the external services of its config are at the one address, its socket on a port the kernel chose.
    A command that ends in `workerd serve CONFIG` may stand for it."""

    def __init__(self, config, address, command=None, **environment):
        self.config = config
        self.command = command or [npm.program("workerd"), "serve", config]
        self.address = address
        self.environment = {**os.environ, **environment}
        self.process = None
        self.port = None

    def __enter__(self):
        with open(self.config, encoding="utf-8") as file:
            text = file.read()
        externals = re.findall(r'name = "([^"]+)", external = ', text)
        control, write_end = os.pipe()
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*self.command, f"--control-fd={write_end}", "--socket-addr=http=127.0.0.1:0",
             *(f"--external-addr={name}={self.address}" for name in externals)],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, env=self.environment,
            pass_fds=(write_end,))
        os.close(write_end)
        try:
            self.port = self._listening(control)
        except BaseException:
            self.__exit__()
            raise
        finally:
            os.close(control)
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.output.close()

    def _listening(self, control):
        """The port, once it says so."""
        readable, _, _ = select.select([control], [], [], START_S)
        said = os.read(control, 4096) if readable else b""
        if not said:
            raise AssertionError(f"workerd does not serve:\n{self.log()}")
        return json.loads(said)["port"]

    def log(self):
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) of a request to the Worker."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def binding(self, name):
        return Binding(self, name)


class Binding:
    """A KV binding of the bridge Worker, with its methods get, getWithMetadata, put, delete and list."""

    def __init__(self, workerd, name):
        self._workerd = workerd
        self.name = name

    def __getattr__(self, method):
        return lambda *args: _value_of(self._post(method, args))

    def together(self, *calls):
        """Calls of (method, argument ...), all at the same time; their results in order."""
        return [_value_of(answer) for answer in self._post("together", calls)]

    def _post(self, method, args):
        status, _, body = self._workerd.request("POST", f"/{self.name}/{method}", json.dumps(_spelled(args)))
        if status != 200:
            raise AssertionError(f"the bridge answered {status} {body[:500]!r}:\n{self._workerd.log()}")
        return json.loads(body)


def _spelled(arg):
    """As bridge.js takes it."""
    if isinstance(arg, Bytes):
        return {"$": arg.shape, "base64": base64.b64encode(arg.data).decode(), "times": arg.times}
    if isinstance(arg, (list, tuple)):
        return [_spelled(each) for each in arg]
    return arg


def _value_of(answer):
    if "error" in answer:
        raise Thrown(answer["error"])
    return _read(answer.get("value"))


def _read(value):
    """What bridge.js says came out."""
    kind = value.get("$") if isinstance(value, dict) else None
    if kind == "bytes":
        return base64.b64decode(value["base64"])
    if kind == "hash":
        return Hash(value["size"], value["sha256"])
    if kind == "Map":
        return dict(value["entries"])
    if isinstance(value, dict) and "metadata" in value:
        return {**value, "value": _read(value["value"])}
    return value

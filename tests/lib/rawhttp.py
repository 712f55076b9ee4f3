"""HTTP/1.1 over a raw socket: what is sent is exactly what a test says, and what comes back is held to the letter of
RFC 9112: lines, header names, one Content-Length, one Date."""
import re
import socket

from lib.resp import Closed

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)")


class Broken(Exception):
    """What came is no HTTP."""


class Answer:
    def __init__(self, status, reason, headers, body=b""):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def header(self, name):
        """The value, None if there is none; there must not be two."""
        values = [value for other, value in self.headers if other.lower() == name.lower()]
        if len(values) > 1:
            raise Broken(f"{len(values)} headers {name}: {values}")
        return values[0] if values else None

    def __repr__(self):
        return f"{self.status} {self.reason} {self.headers} {self.body[:200]!r}"


class Http:
    """One connection.  read() is told the method, because an answer to HEAD has no body."""

    def __init__(self, server, timeout_s=30, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        self.socket.connect(("127.0.0.1", server.http_port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *parts):
        """Each part in a write of its own."""
        for part in parts:
            self.socket.sendall(part)

    def ask(self, method, target, body=None, **headers):
        """A request as it should be, and its answer."""
        self.send(request(method, target, body, **headers))
        return self.read(method)

    def read(self, method="GET"):
        answer = self.read_head()
        length = answer.header("Content-Length")
        if answer.status == 100:
            if length is not None:
                raise Broken(f"a length in {answer}")
            return answer
        if length is None or not re.fullmatch(r"0|[1-9][0-9]*", length) or answer.header("Date") is None:
            raise Broken(f"no good Content-Length, or no Date, in {answer}")
        if method != "HEAD":
            answer.body = self._take(int(length))
        return answer

    def read_head(self):
        """Status and headers only."""
        lines = []
        while not lines or lines[-1]:
            lines.append(self._take_line())
        status = STATUS_LINE.fullmatch(lines[0])
        headers = [HEADER_LINE.fullmatch(line) for line in lines[1:-1]]
        if status is None or None in headers:
            raise Broken(f"the head {lines}")
        return Answer(int(status[1]), status[2].decode("utf-8", "surrogateescape"),
                      [(found[1].decode(), found[2].strip(b" \t").decode("utf-8", "surrogateescape"))
                       for found in headers])

    def at_end(self):
        """Does the server say no more, and close?"""
        try:
            return not self.pending and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def is_silent(self, seconds=0.05):
        """Has nothing come, within this time?"""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            more = self.socket.recv(65536)
        except TimeoutError:
            return not self.pending
        finally:
            self.socket.settimeout(before)
        self.pending += more
        return False

    def _take_line(self):
        at = 0
        while (end := self.pending.find(b"\n", at)) < 0:
            at = len(self.pending)
            self._receive()
        line = bytes(self._take(end + 1))
        if not line.endswith(b"\r\n"):
            raise Broken(f"the line {line}")
        return line[:-2]

    def _take(self, size):
        while len(self.pending) < size:
            self._receive()
        taken = bytes(self.pending[:size])
        del self.pending[:size]
        return taken

    def _receive(self):
        more = self.socket.recv(1 << 20)
        if not more:
            raise Closed(f"after {bytes(self.pending[:200])}")
        self.pending += more


def request(method, target, body=None, **headers):
    """Its bytes; x_y=... is the header x-y."""
    lines = [f"{method} {target} HTTP/1.1", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines + ["", ""]).encode("utf-8", "surrogateescape") + (body or b"")


def chunked(body, size):
    """A body in chunks of that size, with their end."""
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def head(method, target, *lines, version="HTTP/1.1"):
    """A head of exactly these lines."""
    return "".join(f"{line}\r\n" for line in (f"{method} {target} {version}", *lines, "")).encode("latin-1")

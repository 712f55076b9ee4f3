"""A raw RESP client over a socket: RESP2 and RESP3, no library, no code shared with the server.

Replies become Python values: a bulk string bytes, an integer int, a missing value None, an array a
list, a map a dict, a set a Set, a simple string Simple, an error Error (returned, never raised).
Simple and Error are strings, so `client("SET", "k", "v") == "OK"`.
"""
import socket


class Simple(str):
    """+OK"""


class Error(str):
    """-ERR text, without the dash."""

    @property
    def word(self):
        return self.split(" ", 1)[0]


class Set(list):
    """~2, in the order it came."""


class Push(list):
    """>2, out of band."""


class Verbatim(bytes):
    """=15 txt:..., without the length; `format` is lost on purpose."""


class Closed(Exception):
    """The server closed the connection."""


def encode(*words):
    """One command as an array of bulk strings."""
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


class Client:
    def __init__(self, port=None, host="127.0.0.1", path=None, timeout_s=10, tls=None, session=None):
        """tls: an ssl.SSLContext, session: one of an earlier connection."""
        if path is None:
            self.socket = socket.create_connection((host, port), timeout=timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s)
            self.socket.connect(path)
        if tls is not None:
            try:
                self.socket = tls.wrap_socket(self.socket, server_hostname=host, session=session)
            except BaseException:
                self.socket.close()
                raise
        self.reader = self.socket.makefile("rb", 1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.reader.close()
        self.socket.close()

    def __call__(self, *words):
        self.send(*words)
        return self.read()

    def send(self, *words):
        self.send_bytes(encode(*words))

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed() from error

    def pipeline(self, *commands):
        """Sends all of them in one go, then reads all the replies."""
        self.send_bytes(b"".join(encode(*words) for words in commands))
        return [self.read() for _ in commands]

    def read(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return self._text(int(rest))
        if kind == b"+":
            return Simple(rest.decode("latin-1"))
        if kind == b"-":
            return Error(rest.decode("latin-1"))
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return self._elements(int(rest))
        if kind == b"_":
            return None
        if kind == b"%":
            pairs = self._elements(2 * int(rest))
            return dict(zip(pairs[0::2], pairs[1::2]))
        if kind == b"~":
            return Set(self._elements(int(rest)))
        if kind == b">":
            return Push(self._elements(int(rest)))
        if kind == b"=":
            return Verbatim(self._text(int(rest))[4:])
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"(":
            return int(rest)
        raise AssertionError(f"not a reply: {line[:80]!r}")

    def at_end(self):
        """True if the server has closed the connection and sent nothing more; waits for either."""
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    def _line(self):
        try:
            line = self.reader.readline()
        except ConnectionResetError as error:
            raise Closed() from error
        if not line.endswith(b"\r\n"):
            raise Closed(f"in the middle of a reply: {line!r}" if line else "")
        return line[:-2]

    def _text(self, size):
        if size < 0:
            return None
        text = self.reader.read(size + 2)
        if len(text) < size + 2:
            raise Closed("in the middle of a reply")
        return text[:-2]

    def _elements(self, count):
        return None if count < 0 else [self.read() for _ in range(count)]

"""A relay for TCP connections between nodes that does to them what networks do.

Each node of a cluster stands behind one listening port of the relay, which it announces as its own
address.  Who dials is known from what it says first: its HELLO carries the address it announces.  So
every pair of nodes, and each direction, has rules of its own:

    relay = Relay()
    port = relay.listen_for(1)          the address by which others find node 1 ...
    relay.set_target(1, "127.0.0.1", 17001)    ... and where it really is
    relay.rules(0, 1).delay_s = 0.05    from node 0 to node 1, whoever dialled
    relay.cut(0, 1)                     nothing passes between them any more, connections stay
    relay.reset(0, 1)                   their connections end

Frames are arrays of bulk strings, as in RESP: dropping, doubling and reordering takes whole ones, and
spares the first of each direction, by which nodes greet each other.

Everything runs in one thread of its own; what is set from outside are plain attributes.
"""
import asyncio
import collections
import random
import socket
import struct
import threading

READ_BYTES = 1 << 16
GREETING_FRAMES = 2
QUEUE_BYTES = 4 << 20  # on the way in one direction; what is beyond waits with the sender
LOOK_S = 0.005  # how often a cut direction looks whether it is whole again

pause = asyncio.sleep  # to keep things waiting is what a relay is for


class Rules:
    """What happens to what goes from one node to another."""

    def __init__(self):
        self.heal()
        self.frames = self.dropped = self.bytes = 0

    def heal(self):
        self.is_cut = False
        self.delay_s = self.jitter_s = 0.0
        self.bytes_per_s = 0  # 0 = as fast as it goes
        self.drop = self.duplicate = self.reorder = 0.0  # probabilities of a frame


def frame_size(data, start=0):
    """How long the frame is that begins at `start`; 0 = not all of it is there yet."""
    if data[start:start + 1] != b"*":
        end = data.find(b"\r\n", start)
        return 0 if end < 0 else end + 2 - start
    end = data.find(b"\r\n", start)
    if end < 0:
        return 0
    at, count = end + 2, int(data[start + 1:end])
    for _ in range(count):
        end = data.find(b"\r\n", at)
        if end < 0:
            return 0
        at = end + 2 + int(data[at + 1:end]) + 2
        if at > len(data):
            return 0
    return at - start


class _Direction:
    """One way of one connection: reads, decides, and writes when it is due."""

    def __init__(self, relay, rules, reader, writer):
        self.relay, self.rules, self.reader, self.writer = relay, rules, reader, writer
        self.queue = collections.deque()  # (due, bytes)
        self.queued = 0
        self.news = asyncio.Event()
        self.held = None  # a frame that the next one overtakes
        self.seen = 0
        self.last_due = 0.0
        self.is_at_end = False

    async def run(self, first):
        writing = asyncio.ensure_future(self._write())
        try:
            await self._read(first)
            self.is_at_end = True
            self.news.set()
            await writing
        finally:
            writing.cancel()

    async def _read(self, pending):
        buffer = bytearray(pending)
        while True:
            start = 0
            while start < len(buffer) and (size := frame_size(buffer, start)):
                self._take(bytes(buffer[start:start + size]))
                start += size
            del buffer[:start]
            while self.rules.is_cut or self.queued > QUEUE_BYTES:
                await pause(LOOK_S)
            data = await self.reader.read(READ_BYTES)
            if not data:
                return
            buffer += data

    def _take(self, frame):
        rules, chance = self.rules, self.relay.random
        self.seen += 1
        rules.frames += 1
        rules.bytes += len(frame)
        if self.seen <= GREETING_FRAMES:
            return self._queue(frame)
        if chance.random() < rules.drop:
            rules.dropped += 1
            return None
        if self.held is None and chance.random() < rules.reorder:
            self.held = frame
            return None
        self._queue(frame)
        if chance.random() < rules.duplicate:
            self._queue(frame)
        if self.held is not None:
            held, self.held = self.held, None
            self._queue(held)
        return None

    def _queue(self, frame):
        rules = self.rules
        due = asyncio.get_running_loop().time() + rules.delay_s + self.relay.random.random() * rules.jitter_s
        self.last_due = max(due, self.last_due)  # a stream keeps its order
        self.queue.append((self.last_due, frame))
        self.queued += len(frame)
        self.news.set()

    async def _write(self):
        loop = asyncio.get_running_loop()
        while True:
            while not self.queue:
                if self.is_at_end:
                    return
                self.news.clear()
                await self.news.wait()
            due, frame = self.queue[0]
            if due > loop.time():
                await pause(due - loop.time())
            while self.rules.is_cut:
                await pause(LOOK_S)
            self.queue.popleft()
            self.writer.write(frame)
            await self.writer.drain()
            self.queued -= len(frame)
            if self.rules.bytes_per_s:
                await pause(len(frame) / self.rules.bytes_per_s)


class _Connection:
    def __init__(self, pair, dialler, target):
        self.pair = pair
        self.writers = [dialler, target]
        self.is_half = False

    def abort(self, sides=(0, 1)):
        """Ends it with a reset, as when the machine behind it is gone."""
        for side in sides:
            sock = self.writers[side].get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:  # it may just have ended by itself
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writers[side].transport.abort()


class Relay:
    def __init__(self, seed=1):
        self.random = random.Random(seed)
        self.loop = asyncio.new_event_loop()
        self.servers = []
        self.announced = {}  # "127.0.0.1:port" as bytes -> node
        self.targets = {}
        self.connections = set()
        self.tasks = set()
        self._rules = collections.defaultdict(Rules)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    # --- from the tests' thread ---

    def listen_for(self, node):
        """Returns the port behind which `node` will be."""
        async def listen():
            server = await asyncio.start_server(lambda r, w: self._accept(node, r, w), "127.0.0.1", 0)
            self.servers.append(server)
            return server.sockets[0].getsockname()[1]

        port = self._call(listen())
        self.announced[b"127.0.0.1:%d" % port] = node
        return port

    def set_target(self, node, host, port):
        self.targets[node] = (host, port)

    def rules(self, source, target):
        return self._rules[source, target]

    def each_rules(self, count):
        """Those of all pairs of `count` nodes."""
        return [self._rules[i, j] for i in range(count) for j in range(count) if i != j]

    def cut(self, a, b):
        self._rules[a, b].is_cut = self._rules[b, a].is_cut = True

    def cut_one_way(self, source, target):
        self._rules[source, target].is_cut = True

    def heal(self):
        for rules in list(self._rules.values()):
            rules.heal()

    def reset(self, a, b):
        self._call(self._abort({a, b}, (0, 1)))

    def half_open(self, a, b):
        """Who dialled sees its connections end; the other side hears nothing of it."""
        self._call(self._abort({a, b}, (0,)))

    def close(self):
        async def close():
            for server in self.servers:
                server.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

        self._call(close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    # --- in the relay's thread ---

    async def _abort(self, pair, sides):
        for connection in [c for c in self.connections if c.pair == pair]:
            connection.is_half = len(sides) == 1
            connection.abort(sides)

    async def _accept(self, node, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self._relay(node, reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self.tasks.discard(task)

    async def _relay(self, node, reader, writer):
        first = await self._greeting(reader)
        dialler = next((n for address, n in self.announced.items() if address in first), None)
        if not first or node not in self.targets:
            return
        there, back = self._rules[dialler, node], self._rules[node, dialler]
        while there.is_cut or back.is_cut:  # a dial into a cut network hangs
            await pause(LOOK_S)
        to_reader, to_writer = await asyncio.open_connection(*self.targets[node])
        for one in (writer, to_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection({dialler, node}, writer, to_writer)
        self.connections.add(connection)
        ways = [asyncio.ensure_future(_Direction(self, there, reader, to_writer).run(first)),
                asyncio.ensure_future(_Direction(self, back, to_reader, writer).run(b""))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if connection.is_half:
                await asyncio.wait(ways[1:])
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.connections.discard(connection)
            to_writer.transport.abort()

    async def _greeting(self, reader):
        """The first frame, or as much of it as there is until the connection ends."""
        data = b""
        while not frame_size(data):
            more = await reader.read(READ_BYTES)
            if not more:
                return data
            data += more
        return data

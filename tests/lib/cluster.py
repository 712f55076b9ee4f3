"""Several servers that are replicas of each other.

    with Cluster(3, "--key-write-rate", "0") as cluster:
        cluster[0].client()("SET", "k", "v")
        cluster.wait_until_equal()
        cluster[1].kill()
        cluster[1].start()

Nodes listen on loopback.  With proxied=True each stands behind a relay (faultproxy.py), with
namespaces=True each has a network namespace of its own (netns.py): then partition(), heal() and lose()
work.  A node keeps its ports, its directory and its address for good.
"""
import os
import shutil
import struct
import subprocess
import tempfile

from lib import wait
from lib.claims import Skip, check
from lib.faultproxy import Relay
from lib.netns import Namespaces
from lib.resp import Closed, Error
from lib.server import START_S, TOP, Server, StartError, environment, free_port, is_sanitized

SECRET = "a secret of tests"
PAGE = 1000


class Node(Server):
    def __init__(self, cluster, number, *options):
        super().__init__(*options)
        self.cluster = cluster
        self.number = number
        self.gossip_port = None
        self.secret = cluster.secret
        self.clock_ahead_s = None  # see set_clock()

    def command_line(self):
        words = super().command_line() + ["--cluster-secret", self.secret, "--gossip-port", str(self.gossip_port)]
        if self.cluster.relay is not None:
            words += ["--gossip-announce", self.address()]
        if self.cluster.network is not None:
            words = (self.cluster.network.command_prefix(self.number) + words
                     + ["--bind", self.host, "--protected-mode", "no"])
        for node in self.cluster.seeds_of(self):
            words += ["--peer", node.address()]
        return words

    def environment(self):
        variables = environment()
        if self.clock_ahead_s is not None:
            variables.update(LD_PRELOAD=build_wrong_clock(self.cluster.scratch), WRONG_CLOCK=self._path("clock"))
        return variables

    def set_clock(self, ahead_s):
        """By how many seconds this node's wall clock is ahead.  A node that was started with a clock of
        its own can be given another while it runs."""
        self.clock_ahead_s = ahead_s
        with open(self._path("clock"), "r+b" if os.path.exists(self._path("clock")) else "wb") as file:
            file.write(struct.pack("q", int(ahead_s * 1_000_000_000)))

    def choose_ports(self):
        self.port = self.gossip_port = free_port()
        while self.gossip_port == self.port:  # the kernel may give one port twice
            self.gossip_port = free_port()
        if self.cluster.network is not None:
            self.host = self.cluster.network.address(self.number)
        elif self.cluster.relay is not None:
            self.cluster.relay.set_target(self.number, "127.0.0.1", self.gossip_port)

    def address(self):
        """Where other nodes find it."""
        if self.cluster.relay is not None:
            return f"127.0.0.1:{self.cluster.proxy_ports[self.number]}"
        return f"{self.host}:{self.gossip_port}"

    def start(self):
        return self.start_here()

    def wait_until_up(self):
        wait.until(self._answers, f"node {self.number} answers", START_S, 0.005)

    def _answers(self):
        if self.process.poll() is not None:
            raise StartError(self.process.returncode, self.stderr())
        try:
            with self.client(timeout_s=START_S) as client:
                client("PING")
            return True
        except (OSError, Closed):
            return False

    def wipe(self):
        """kill -9, and its disk is gone."""
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.directory)

    def info(self):
        """INFO replication, its lines by name."""
        with self.client() as client:
            return parse_info(client("INFO", "replication"))

    def peers(self):
        """The peer<N> lines: id -> its fields."""
        return {peer["id"]: peer for peer in peers_of(self.info())}

    def node_id(self):
        return self.info()["node_id"]


def build_wrong_clock(folder):
    """What gives a process a wrong clock (wrongclock.c), built."""
    if is_sanitized():
        raise Skip("what is preloaded comes before the sanitizer")
    library = os.path.join(folder, "wrongclock.so")
    if not os.path.exists(library):
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, os.path.join(TOP, "tests", "lib", "wrongclock.c")],
                       check=True)
    return library


def parse_info(text):
    lines = (line.partition(":") for line in text.decode().split("\r\n") if ":" in line)
    return {name: int(value) if value.lstrip("-").isdigit() and name != "node_id" else value
            for name, _, value in lines}


def peers_of(info):
    """The peers in parse_info()'s answer."""
    peers = []
    while (line := info.get(f"peer{len(peers)}")) is not None:
        fields = dict(pair.split("=", 1) for pair in line.split(","))
        peers.append({name: int(value) if value.lstrip("-").isdigit() and name != "id" else value
                      for name, value in fields.items()})
    return peers


class Cluster:
    def __init__(self, count, *options, secret=SECRET, proxied=False, namespaces=False, node_options=None,
                 seeds=None, joins=True):
        """`node_options` maps a node's number to more options for it; `seeds` are the numbers of the
        nodes that all are told of, all of them if it is not given; without `joins` nobody waits until
        they have found each other."""
        self.secret = secret
        self.scratch = tempfile.mkdtemp(prefix="grapevine-test-")
        self.seeds = seeds
        self.joins = joins
        self.relay = Relay() if proxied else None
        self.network = Namespaces(count) if namespaces else None
        self.proxy_ports = [self.relay.listen_for(number) for number in range(count)] if proxied else []
        self.nodes = [Node(self, number, *options, *(node_options or {}).get(number, ()))
                      for number in range(count)]

    def __getitem__(self, number):
        return self.nodes[number]

    def __iter__(self):
        return iter(self.nodes)

    def __len__(self):
        return len(self.nodes)

    # --- life ---

    def __enter__(self):
        try:
            if self.network is not None:
                self.network.__enter__()
            self.start()
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self.stop()
            else:
                self._show_logs()
        finally:
            self._abandon()

    def start(self):
        """All nodes at once, and waits until each knows all others."""
        for attempt in range(5):
            for node in self.nodes:
                node.choose_ports()
            try:
                return self.start_here()
            except StartError as error:
                # Between our look and its bind another process may have taken a port.
                if attempt == 4 or b"in use" not in error.stderr:
                    raise
                for node in self.nodes:
                    if node.is_alive():
                        node.kill()
        return self

    def start_here(self):
        """As start(), with the ports they have, of those that are not running."""
        for node in self.nodes:
            if not node.is_alive():
                node.launch()
        for node in self.nodes:
            node.wait_until_up()
        if self.joins:
            self.wait_until_joined()
        return self

    def stop(self):
        """An orderly end of all that run; what a sanitizer found makes it fail."""
        for node in self.nodes:
            if node.is_alive():
                node.thaw()
                node.process.terminate()
        for node in self.nodes:
            if node.process is not None:
                check(node.wait(60), 0, f"node {node.number} ended")

    def kill(self):
        for node in self.nodes:
            if node.is_alive():
                node.kill()

    def add(self, *options):
        """Another node, not started."""
        node = Node(self, len(self.nodes), *options)
        if self.relay is not None:
            self.proxy_ports.append(self.relay.listen_for(node.number))
        self.nodes.append(node)
        node.choose_ports()
        return node

    def seeds_of(self, node):
        return [other for other in self.nodes
                if other is not node and (self.seeds is None or other.number in self.seeds)]

    def _abandon(self):
        for node in self.nodes:
            node._abandon()
        if self.network is not None:
            self.network.remove()
        if self.relay is not None:
            self.relay.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _show_logs(self):
        for node in self.nodes:
            print(f"--- log of node {node.number}\n" + "\n".join(node.log().splitlines()[-25:]), flush=True)

    # --- waiting ---

    def running(self):
        return [node for node in self.nodes if node.is_alive()]

    def wait_until_joined(self, nodes=None, seconds=20):
        """Until each of the nodes takes writes and has links to all others."""
        nodes = nodes or self.running()
        seen = {}

        def are_joined():
            for node in nodes:
                info = node.info()
                up = [peer for peer in peers_of(info) if peer["state"] == "up"]
                seen[node.number] = (info["gossip_state"], len(up))
                if info["gossip_state"] != "open" or len(up) < len(nodes) - 1:
                    return False
            return True

        _until(are_joined, lambda: f"all nodes see each other: {seen}", seconds)

    def wait_until_equal(self, nodes=None, seconds=10):
        """Until all hold the same keys, with the same values, metadata, expiries and versions, in the
        same namespaces; returns what that is."""
        nodes = nodes or self.running()
        states = []

        def are_equal():
            states[:] = [state_of(nodes[0])]
            for node in nodes[1:]:
                states.append(state_of(node))
                if states[-1] != states[0]:
                    return False
            return True

        _until(are_equal, lambda: difference(states[0], states[-1]), seconds)
        return states[0]

    def wait_until_compared(self, nodes=None, seconds=30):
        """Until every node has, from now on, proven with each other one that they hold the same."""
        nodes = nodes or self.running()
        started = wait.now_ms()

        def are_compared():
            for node in nodes:
                ages = [peer["equal_age_ms"] for peer in node.peers().values() if peer["state"] == "up"]
                elapsed = wait.now_ms() - started
                if len(ages) < len(nodes) - 1 or any(age < 0 or age >= elapsed for age in ages):
                    return False
            return True

        for node in nodes:
            node.client()("GOSSIP", "SYNC")
        _until(are_compared, lambda: str([node.peers() for node in nodes]), seconds)

    # --- faults ---

    def partition(self, *groups):
        """Nodes of different groups hear nothing of each other."""
        for i, group in enumerate(groups):
            for other in groups[i + 1:]:
                for a in group:
                    for b in other:
                        (self.relay or self.network).cut(a, b)

    def heal(self):
        (self.relay or self.network).heal()

    def lose(self, percent):
        """Of the frames between nodes (proxied), or of the packets (namespaces)."""
        if self.network is not None:
            self.network.lose(percent)
        else:
            for rules in self.relay.each_rules(len(self.nodes)):
                rules.drop = percent / 100


def _until(condition, describe, seconds):
    try:
        wait.until(condition, "", seconds, 0.02)
    except AssertionError:
        raise AssertionError(f"not within {seconds} s: {describe()}") from None


# --- what a node holds ---


class Gone(Exception):
    """The namespace was dropped while it was being read."""


def _answered(answer):
    if isinstance(answer, Error):
        raise Gone(answer)
    return answer


def keys_of(client, limit=PAGE):
    """The keys of the selected namespace, in order; the connection speaks RESP3."""
    names, cursor = [], None
    while True:
        page = _answered(client("KV.LIST", "LIMIT", limit, *(("CURSOR", cursor) if cursor else ())))
        names += page[b"keys"]
        if page[b"list_complete"]:
            return names
        cursor = page[b"cursor"]


def records_of(client):
    """key -> (value, metadata, expiration, version) of the selected namespace."""
    records, names = {}, keys_of(client)
    for start in range(0, len(names), PAGE):
        some = names[start:start + PAGE]
        for name, record in zip(some, client.pipeline(*(("KV.GET", name) for name in some))):
            if _answered(record) is not None and record[b"version"] is not None:
                records[name] = tuple(record[field] for field in (b"value", b"metadata", b"expiration", b"version"))
    return records


def state_of(node):
    """Everything that clients can see: title -> (id, limits, keys, records)."""
    state = {}
    with node.client() as client:
        client("HELLO", 3)
        for title in client("NAMESPACE", "LIST"):
            try:
                about = _answered(client("NAMESPACE", "INFO", title))
                _answered(client("NAMESPACE", "USE", title))
                state[title] = (about[b"id"], about[b"limits"], _answered(client("DBSIZE")), records_of(client))
            except Gone:
                pass
    return {title: rest for title, rest in state.items() if rest[3] or not title.startswith(b"db")}


def difference(a, b):
    """In words, the first one."""
    for title in sorted(a.keys() | b.keys()):
        if title not in a or title not in b:
            return f"namespace {title!r} is only on one of two nodes"
        if a[title][:3] != b[title][:3]:
            return f"namespace {title!r}: {a[title][:3]} and {b[title][:3]}"
        one, other = a[title][3], b[title][3]
        names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        if names:
            return (f"{len(names)} keys differ in {title!r}, {names[0]!r}: "
                    f"{str(one.get(names[0]))[:200]} and {str(other.get(names[0]))[:200]}")
    return "nothing differs any more"

"""A network of the kernel's for the nodes of a cluster: a namespace each, on one bridge.

    with Namespaces(3) as network:
        network.command_prefix(0)      runs a program inside the first one
        network.address(0)             its address, reachable from here too
        network.cut(0, 1)              packets between the two are dropped
        network.lose(30)               and of all others 30 in a hundred

Needs root and the programs ip and nft; where they can't be had, Skip says so.  The names are those of
this run; all of it is removed at the end, whatever happened.
"""
import atexit
import os
import random
import shutil
import subprocess

from lib.claims import Skip


def _run(*words, input_text=None):
    done = subprocess.run(words, input=input_text, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Namespaces:
    def __init__(self, count):
        self.count = count
        self.tag = f"gv{os.getpid() % 100000:x}{random.randrange(4096):03x}"
        self.net = f"10.{random.randrange(64, 250)}.{random.randrange(1, 250)}"
        self.is_made = False

    # --- life ---

    def __enter__(self):
        for program in ("ip", "nft"):
            if shutil.which(program) is None:
                raise Skip(f"the program {program} is not installed")
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        atexit.register(self.remove)
        self.is_made = True
        try:
            self._make()
        except OSError as error:
            self.remove()
            raise Skip(f"no network namespaces here: {error}") from error
        return self

    def __exit__(self, *exception):
        self.remove()

    def remove(self):
        if not self.is_made:
            return
        self.is_made = False
        for number in range(self.count):
            subprocess.run(["ip", "netns", "del", self._name(number)], capture_output=True, check=False)
            subprocess.run(["ip", "link", "del", self._link(number)], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self.tag], capture_output=True, check=False)

    def _make(self):
        _run("ip", "link", "add", self.tag, "type", "bridge")
        _run("ip", "addr", "add", f"{self.net}.1/24", "dev", self.tag)
        _run("ip", "link", "set", self.tag, "up")
        for number in range(self.count):
            name, link = self._name(number), self._link(number)
            _run("ip", "netns", "add", name)
            _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
            _run("ip", "link", "set", link, "master", self.tag, "up")
            _run("ip", "-n", name, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
            self._filter(number)

    def _name(self, number):
        return f"{self.tag}-{number}"

    def _link(self, number):
        return f"{self.tag}v{number}"

    # --- use ---

    def address(self, number):
        return f"{self.net}.{number + 10}"

    def command_prefix(self, number):
        return ["ip", "netns", "exec", self._name(number)]

    def cut(self, a, b):
        for here, there in ((a, b), (b, a)):
            self._rule(here, f"ip saddr {self.address(there)} drop")

    def lose(self, percent):
        """Of the packets between nodes, of whatever kind; those from this side pass."""
        for number in range(self.count):
            self._rule(number, f"ip saddr != {self.net}.1 numgen random mod 100 < {percent} drop")

    def heal(self):
        for number in range(self.count):
            self._filter(number)

    def bytes_on_wire(self, number):
        """(received, sent) by the node, headers included."""
        words = _run("ip", "netns", "exec", self._name(number), "cat",
                     "/sys/class/net/eth0/statistics/rx_bytes", "/sys/class/net/eth0/statistics/tx_bytes").split()
        return int(words[0]), int(words[1])

    def _filter(self, number):
        _run("ip", "netns", "exec", self._name(number), "nft", "-f", "-", input_text=(
            "table ip gv\ndelete table ip gv\ntable ip gv {\n chain in {\n"
            "  type filter hook input priority 0; policy accept;\n }\n}\n"))

    def _rule(self, number, rule):
        _run("ip", "netns", "exec", self._name(number), "nft", *f"add rule ip gv in {rule}".split())

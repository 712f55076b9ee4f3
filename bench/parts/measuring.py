"""CPU time, memory and latency of a server under a load.

CPU time is that of all threads of the process (its clock, in nanoseconds), taken when it is idle before the load
and when it is idle again: what it does behind the replies (compaction, sync) is part of the price.
"""
import re
import statistics
import subprocess
import sys
import time

SETTLE_S = 20
LOOK_S = 0.2
IDLE = 0.01  # of a core


def cpu_s(pid):
    return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)


def settled_cpu_s(pid):
    """CPU time once the server is idle, or at the deadline."""
    deadline = time.monotonic() + SETTLE_S
    before = cpu_s(pid)
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        now = cpu_s(pid)
        if now - before <= IDLE * LOOK_S:
            return now
        before = now
    return before


def memory_kib(pid):
    """VmRSS and RssAnon."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        text = file.read()
    return tuple(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1)) for name in ("VmRSS", "RssAnon"))


class Sample:
    """One run of a load against one server."""

    FIELDS = ("per_s", "us_per_op", "p50_ms", "p99_ms", "p999_ms")

    def __init__(self, per_s, us_per_op, p50_ms, p99_ms, p999_ms):
        self.per_s = per_s
        self.us_per_op = us_per_op  # the server's CPU time for a command
        self.p50_ms, self.p99_ms, self.p999_ms = p50_ms, p99_ms, p999_ms


class Samples:
    """Those of all rounds: .per_s and the others are medians, low() and high() the ends."""

    def __init__(self):
        self.rounds = []

    def add(self, sample):
        self.rounds.append(sample)

    def values(self, field):
        return [getattr(sample, field) for sample in self.rounds]

    def __getattr__(self, field):
        if field not in Sample.FIELDS:
            raise AttributeError(field)
        return statistics.median(self.values(field))

    def low(self, field):
        return min(self.values(field))

    def high(self, field):
        return max(self.values(field))


def from_redis_benchmark(text):
    """Throughput, p50, p99 and p99.9 (milliseconds) out of redis-benchmark's report for people, which knows more
    than its CSV: the distribution of the latencies."""
    per_s = float(re.search(r"throughput summary: ([\d.]+) requests per second", text).group(1))
    # avg, min, p50, p95, p99, max
    summary = re.search(r"latency summary \(msec\):\n.*\n\s*([\d. ]+)\n", text).group(1).split()
    steps = [(float(part), float(ms)) for part, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", text)]
    p999 = min((ms for part, ms in steps if part >= 99.9), default=float(summary[5]))
    return per_s, float(summary[2]), float(summary[4]), p999


def under_redis_benchmark(server, command, requests):
    pid = server.process.pid
    before = settled_cpu_s(pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench/run: {' '.join(command)}: {done.stderr or done.stdout}")
    us_per_op = (settled_cpu_s(pid) - before) * 1e6 / requests
    per_s, p50, p99, p999 = from_redis_benchmark(done.stdout)
    return Sample(per_s, us_per_op, p50, p99, p999)


def under_replay(server, load):
    """`load` runs bench/replay and returns what it said."""
    pid = server.process.pid
    before = settled_cpu_s(pid)
    said = load()
    us_per_op = (settled_cpu_s(pid) - before) * 1e6 / said["requests"]
    return Sample(said["per_s"], us_per_op, said["p50_us"] / 1000, said["p99_us"] / 1000, said["p999_us"] / 1000)

"""Builds the C programs beside this file (make does), and reads what a process has used."""
import functools
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


@functools.cache
def build(name):
    """The path of the program, which is up to date."""
    subprocess.run(["make", "--silent", "-C", TOP, f"build/bench/{name}"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(TOP, "build", "bench", name)


def traffic(port, what, count, keys, **settings):
    """Seconds and nils of so many requests (traffic.c)."""
    words = [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run([build("traffic"), str(port), what, str(count), str(keys), *words], check=True, text=True,
                          stdout=subprocess.PIPE)
    seconds, _, nils = done.stdout.split()
    return float(seconds), int(nils)


def threads_us(pid):
    """CPU time of each thread, in microseconds."""
    times = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                times[int(thread)] = int(file.read().split()[0]) / 1000
        except FileNotFoundError:
            pass
    return times


def cpu_us(pid):
    return sum(threads_us(pid).values())


def loop_us(pid):
    """Of the first thread, which with --io-threads 1 is the only event loop."""
    return threads_us(pid)[pid]


def memory_mb(pid):
    """RssAnon and RssFile."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {name: round(int(fields[name].split()[0]) / 1024, 1) for name in ("RssAnon", "RssFile")}


def disk_bytes(directory):
    total = 0
    for name in os.listdir(directory):
        try:
            total += os.path.getsize(os.path.join(directory, name))
        except FileNotFoundError:
            pass
    return total

#!/usr/bin/python3
"""What tests take from npm: Node.js 20, Redis clients, the official clients of Workers KV and workerd, at the versions
of tests/node/package-lock.json.  They are installed once, into build/npm, by whoever needs them first; `make test` does
it before the tests.  Run as a program, this file installs them and says how that went.

    with npm.Home() as home:
        done = home.node("tests/node/sdk.js", "--port", 8379)       code, stdout and stderr of a script
        done = home.run([npm.program("wrangler"), "kv", ...])       of any program
    npm.folder()                                                    where node_modules is

Where it cannot be installed, folder() and all that needs it raise Skip, with npm's reason.
"""
import contextlib
import fcntl
import filecmp
import functools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from lib.claims import Skip
from lib.server import TOP

SOURCE = os.path.join(TOP, "tests", "node")
INSTALLED = os.path.join(TOP, "build", "npm")
MODULES = os.path.join(INSTALLED, "node_modules")
LOCK = "package-lock.json"

TRIES = 3
TRY_S = 200  # no longer than the runner gives a file
# One that failed is not tried again for so long: every file of a run would wait for it.
FAILURE_HOLDS_S = 600

# npm's name for this machine, as its packages of programs spell it.
CPU = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# Programs that are taken as they are, without the script that npm has in front of them.
BINARIES = {
    "node": f"node-linux-{CPU}/bin/node",
    "workerd": f"@cloudflare/workerd-linux-{CPU.replace('x64', '64')}/bin/workerd",
}
# What would make the programs read somebody's settings.
FOREIGN = ("CLOUDFLARE_", "CF_", "WRANGLER_", "NODE_", "NPM_", "XDG_", "PG")


def program(name):
    """The path of a program that npm installed."""
    return os.path.join(folder(), "node_modules", BINARIES.get(name, f".bin/{name}"))


@functools.cache
def why_not():
    """Why it is not installed and cannot be; empty if it is."""
    if _is_installed():
        return ""
    if not shutil.which("npm"):
        return "npm is not installed"
    os.makedirs(INSTALLED, exist_ok=True)
    with open(f"{INSTALLED}.lock", "w", encoding="utf-8") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if _is_installed():
            return ""
        return _recent_failure() or _install()


def folder():
    if why_not():
        raise Skip(why_not())
    return INSTALLED


class Home:
    """A home of their own for the programs of one test: they find Node.js 20 and the modules, read nobody's settings,
    leave nothing behind, and wrangler reports to nobody."""

    def __init__(self):
        self.modules = os.path.join(folder(), "node_modules")
        self.path = tempfile.mkdtemp(prefix="grapevine-npm-")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.path, ignore_errors=True)

    def environment(self, **more):
        variables = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            variables[f"XDG_{name}_HOME"] = os.path.join(self.path, name.lower())
        variables |= {
            "HOME": self.path, "TMPDIR": self.path, "NODE_PATH": self.modules, "CI": "1", "NO_COLOR": "1",
            "PATH": os.pathsep.join((os.path.dirname(program("node")), os.path.join(self.modules, ".bin"),
                                     os.environ.get("PATH", os.defpath))),
            "WRANGLER_SEND_METRICS": "false", "WRANGLER_SEND_ERROR_REPORTS": "false",
            "WRANGLER_HIDE_BANNER": "true",  # with it comes a look for updates
        }
        return variables | {name: str(value) for name, value in more.items()}

    def copy(self, source):
        """A copy of a folder of ours, with the modules beside its files, as `npm install` leaves it."""
        path = tempfile.mkdtemp(dir=self.path)
        shutil.copytree(source, path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        os.symlink(self.modules, os.path.join(path, "node_modules"))
        return path

    def start(self, command, **variables):
        """Starts it; the result is a subprocess.Popen whose output is to be read."""
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd=self.path, text=True, env=self.environment(**variables))

    def run(self, command, timeout_s=60, stdin="", cwd=None, text=True, **variables):
        """Runs it to its end; the result is subprocess.run()'s."""
        return subprocess.run([str(word) for word in command], input=stdin, cwd=cwd or self.path, text=text,
                              env=self.environment(**variables), capture_output=True, timeout=timeout_s, check=False)

    def node(self, script, *words, **options):
        return self.run([program("node"), script, *words], **options)


# --- installing ---


def _is_installed():
    return _same_lock("installed-lock.json")


def _same_lock(mark):
    mark = os.path.join(INSTALLED, mark)
    return os.path.exists(mark) and filecmp.cmp(os.path.join(SOURCE, LOCK), mark, shallow=False)


def _recent_failure():
    path = os.path.join(INSTALLED, "failure")
    with contextlib.suppress(FileNotFoundError):
        if _same_lock(LOCK) and time.time() - os.path.getmtime(path) < FAILURE_HOLDS_S:
            with open(path, encoding="utf-8") as file:
                return file.read()
    return ""


def _install():
    for name in ("package.json", LOCK):
        shutil.copy(os.path.join(SOURCE, name), INSTALLED)
    reason = ""
    deadline = time.monotonic() + TRY_S
    for _ in range(TRIES):
        reason = _npm_ci(deadline - time.monotonic())
        if not reason:
            shutil.copy(os.path.join(SOURCE, LOCK), os.path.join(INSTALLED, "installed-lock.json"))
            return ""
        if time.monotonic() >= deadline:
            break
    with open(os.path.join(INSTALLED, "failure"), "w", encoding="utf-8") as file:
        file.write(reason)
    return reason


def _npm_ci(seconds):
    """No script of a package runs: all that is used comes ready made."""
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error",
                               "--no-update-notifier", "--fetch-retries=1"], cwd=INSTALLED, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=max(seconds, 1), check=False)
    except subprocess.TimeoutExpired:
        return f"npm ci is not done after {TRY_S} s"
    if done.returncode != 0:
        return f"npm ci failed: {' '.join(done.stderr.split())[:300]}"
    missing = [name for name, path in BINARIES.items() if not os.path.exists(os.path.join(MODULES, path))]
    return f"npm has no {' and no '.join(missing)} for {platform.machine()}" if missing else ""


if __name__ == "__main__":
    print(f"npm: {why_not() or 'installed'}")

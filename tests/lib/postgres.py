"""A PostgreSQL of its own for a test: Debian's package, in a temporary folder, on a Unix socket and no port.

    with Postgres() as db:
        db.sql("CREATE TABLE ...")
        subprocess.run(..., env=os.environ | db.environment())
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from lib import wait
from lib.claims import Skip

START_S = 60
# PostgreSQL refuses to run as root.
UNPRIVILEGED = "nobody"
USER = "tester"


class Postgres:
    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not found:
            raise Skip("PostgreSQL is not installed")
        self.programs = os.path.dirname(found[-1])
        self.path = tempfile.mkdtemp(prefix="grapevine-pg-")
        self.process = None
        self.as_user = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam(UNPRIVILEGED)
            self.as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
            os.chown(self.path, account.pw_uid, account.pw_gid)

    def __enter__(self):
        try:
            self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
            with open(os.path.join(self.path, "log"), "wb") as log:
                self.process = subprocess.Popen(
                    [self._program("postgres"), "-D", "data", "-k", self.path, "-c", "listen_addresses=", "-c", "fsync=off"],
                    cwd=self.path, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.as_user)
            wait.until(self._is_ready, "PostgreSQL answers", START_S, 0.05)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            self.process.wait(START_S)
        shutil.rmtree(self.path, ignore_errors=True)

    def environment(self, database="postgres"):
        """For programs that use libpq, or npm's pg."""
        return {"PGHOST": self.path, "PGUSER": USER, "PGDATABASE": database}

    def sql(self, text, database="postgres"):
        """Carries it out; the rows as psql prints them bare."""
        return self._run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text, **self.environment(database))

    def _is_ready(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.path, "log"), encoding="utf-8") as log:
                raise AssertionError(f"PostgreSQL has ended:\n{log.read()}")
        done = subprocess.run([self._program("pg_isready"), "-q"], env=os.environ | self.environment(), timeout=START_S, check=False)
        return done.returncode == 0

    def _program(self, name):
        return os.path.join(self.programs, name)

    def _run(self, name, *words, **variables):
        done = subprocess.run([self._program(name), *words], cwd=self.path, env=os.environ | variables, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=START_S, check=False, **self.as_user)
        if done.returncode != 0:
            raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr}")
        return done.stdout

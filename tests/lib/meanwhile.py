"""What goes on beside a claim, until its block ends.

    with Bystander(lambda: check(client("PING"), "PONG"), stall_s=2):
        ...
"""
import threading
import time

from lib.claims import check


class Meanwhile(threading.Thread):
    """Does something again and again.  What goes wrong there fails the claim."""

    def __init__(self, work, every_s=0.0):
        super().__init__(daemon=True)
        self.work, self.every_s = work, every_s
        self.error = None
        self.is_over = threading.Event()

    def run(self):
        try:
            while not self.is_over.wait(self.every_s):
                self.work()
        except Exception as error:  # shown by who waits for us
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *rest):
        self.is_over.set()
        self.join()
        if kind is None:
            check(self.error, None, "what goes on meanwhile")


class Bystander(Meanwhile):
    """A well-behaved client, which never waits for an answer as long as stall_s."""

    def __init__(self, ask, stall_s, every_s=0.0):
        super().__init__(self._ask, every_s)
        self.ask, self.stall_s = ask, stall_s
        self.longest_s = 0.0

    def _ask(self):
        started = time.monotonic()
        self.ask()
        self.longest_s = max(self.longest_s, time.monotonic() - started)

    def __exit__(self, kind, *rest):
        super().__exit__(kind, *rest)
        if kind is None:
            check(self.longest_s < self.stall_s, True, f"the bystander waited {self.longest_s:.2f} s")

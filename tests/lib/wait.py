"""Waiting for something to become true: always with a deadline, never for a fixed time."""
import select
import time


def until(condition, what, seconds=10, every_s=0.01):
    """Asks until condition() is true and returns what it answered."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        select.select([], [], [], every_s)


def pass_by(seconds):
    """Lets time go by: only for claims that are about time itself."""
    due = time.monotonic() + seconds
    until(lambda: time.monotonic() >= due, "time passes", seconds + 10)


def now_ms():
    """A clock for measuring, in whole milliseconds."""
    return int(time.monotonic() * 1000)


def wall_ms():
    return int(time.time() * 1000)

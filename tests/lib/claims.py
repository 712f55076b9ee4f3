"""The frame of an integration test: a file of claims, each a function whose name says it.

    @claim
    def a_value_survives_a_restart():
        ...

    if __name__ == "__main__":
        run()

`file.py` runs them all, `file.py word ...` those whose name contains one of the words.
"""
import os
import sys
import time
import traceback

_claims = []


class Skip(Exception):
    """Cannot be tried here, and why."""


def claim(function):
    _claims.append(function)
    return function


def check(got, expected, about=""):
    """Says what was got and what was expected, cut to what a person reads."""
    if got != expected:
        about = about and f"{about}: "
        raise AssertionError(f"{about}expected {_short(expected)}, got {_short(got)}")


def check_error(got, start):
    """The reply is an error that begins like this."""
    from lib.resp import Error

    if not isinstance(got, Error) or not got.startswith(start):
        raise AssertionError(f"expected the error {start!r}, got {_short(got)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-60:]} ({len(text)} characters)"


def run():
    """Runs the claims and ends the process: the closing line is `name: N passed, N failed`."""
    words = sys.argv[1:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for function in _claims:
        if not words or any(word in function.__name__ for word in words):
            counts[_run_one(function)] += 1
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{name}: {counts['passed']} passed, {counts['failed']} failed{skipped}")
    sys.exit(1 if counts["failed"] else 0)


def _run_one(function):
    text = function.__name__.replace("_", " ")
    started = time.monotonic()
    try:
        function()
    except Skip as reason:
        print(f"skipped  {text}: {reason}", flush=True)
        return "skipped"
    except Exception:
        print(f"FAILED   {text}\n{traceback.format_exc()}", flush=True)
        return "failed"
    print(f"ok       {text} ({time.monotonic() - started:.2f} s)", flush=True)
    return "passed"

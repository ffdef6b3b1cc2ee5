"""Waiting for a fact instead of for a time."""

import time


def until(fact, seconds=20, what="the expected state"):
    """Asks until fact() is true; gives its value. The one place of the tests that sleeps."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not there within {seconds} s")
        time.sleep(0.01)

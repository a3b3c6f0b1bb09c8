"""Waiting for other threads and processes: for a condition, with a deadline, never for a time."""

import time
from collections.abc import Callable

DEADLINE = 180.0  # seconds; long, because nothing that works ever takes it


def until(condition: Callable[[], bool], what: str) -> None:
    """Return once `condition` holds; AssertionError naming `what` when it never does."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)

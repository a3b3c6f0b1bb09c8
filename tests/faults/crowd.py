"""Many browsers in one thread: all lines are open before the first request leaves, all requests
leave at the same moment, and answers are taken as they come.

Threads would spend more on waiting for each other than the program does on answering.
"""

import selectors
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from tests.faults.clients import Reply

SECONDS = 60  # until a line that says nothing counts as dead


@dataclass
class _Line:
    """One request on its way, and what has come back of its answer."""

    place: int
    left: memoryview
    came: bytearray = field(default_factory=bytearray)


def at_once(port: int, requests: list[bytes]) -> list[Reply | None]:
    """The answer to each, None where the line went dead first."""
    answers: list[Reply | None] = [None] * len(requests)
    with ExitStack() as stack:
        waiting = stack.enter_context(selectors.DefaultSelector())
        for place, request in enumerate(requests):
            with suppress(OSError):
                line = stack.enter_context(socket.create_connection(("127.0.0.1", port), SECONDS))
                line.setblocking(False)
                waiting.register(line, selectors.EVENT_WRITE, _Line(place, memoryview(request)))
        deadline = time.monotonic() + SECONDS
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ready in waiting.select(1):
                if not _goes_on(waiting, key):
                    waiting.unregister(key.fileobj)
                    answers[key.data.place] = _read(bytes(key.data.came))
    return answers


def _goes_on(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> bool:
    """Send or receive what can be, without waiting; False once the answer is whole, or none will
    come."""
    line, told = key.fileobj, key.data
    assert isinstance(line, socket.socket)
    try:
        if told.left:
            told.left = told.left[line.send(told.left) :]
            if not told.left:
                waiting.modify(line, selectors.EVENT_READ, told)
            return True
        told.came += (some := line.recv(1 << 16))
        return bool(some) and _read(bytes(told.came)) is None
    except OSError:
        return False


def _read(came: bytes) -> Reply | None:
    """What a whole answer says; None while some of it is missing."""
    head, gap, body = came.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    if not gap or len(body) < int(named["content-length"]):
        return None
    return Reply(int(first.split()[1]), named.get("location", ""), body.decode("utf-8", "replace"))

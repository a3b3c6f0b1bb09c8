"""Everything at once on one machine: web server and worker as children of one command.

If one ends the other is stopped; a signal stops both. Knows no table and no page.
"""

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event
from types import FrameType

POLL_SECONDS = 0.2
READY_SECONDS = 90
STOP_SECONDS = 45  # the worker gives its jobs 20, the server its requests 20


class PortTaken(Exception):
    """Somebody else listens there, or the address is none of this machine's."""


class ChildEnded(Exception):
    """One of the children ended by itself; the message says which and how."""


class NotReady(Exception):
    """The server did not answer in time."""


def check_port(host: str, port: int) -> None:
    """Whether the server will be able to listen. PortTaken if not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(error.strerror) from error


def reachable(host: str) -> str:
    """Under which name this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def url_of(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    name = reachable(host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


class Children:
    """Commands of this program, each in a process of its own, kept until asked to stop."""

    def __init__(self, names: Mapping[str, list[str]]) -> None:
        """`names`: what to call a child when it ends → its arguments to `webapp.cli`."""
        self._stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for name, arguments in names.items():
            self._running[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "webapp.cli", *arguments],
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C reaches us alone, so that we stop them in order
                preexec_fn=_die_with_parent(),
            )

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def wait_until(self, ready: Callable[[], bool]) -> bool:
        """Whether `ready` came true; False when asked to stop before. ChildEnded, NotReady."""
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise NotReady
            if not self._go_on():
                return False
        return True

    def wait(self) -> None:
        """Until asked to stop. ChildEnded if one of them ends before."""
        while self._go_on():
            pass

    def _go_on(self) -> bool:
        for name, child in self._running.items():
            if not self._stop.is_set() and child.poll() is not None:
                raise ChildEnded(f"{name} ({_how(child.returncode)})")
        return not self._stop.wait(POLL_SECONDS)

    def stop(self) -> None:
        """Ask all to finish what they do, and wait; who takes too long is killed."""
        for child in self._running.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._running.values():
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def answers(host: str, port: int, name: str | None) -> bool:
    """Whether the server says that it can work; `name` is the host name it is asked by."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": name} if name else {})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _how(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux a child is told to end when we are killed, so that it does not keep the port."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

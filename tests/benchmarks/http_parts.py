"""Where the processor's time of a cycle over HTTP goes: the same requests as tests.benchmarks.http
makes, in one process, without network and threads.

While the application answers, the processor's own clock interrupts it every few milliseconds; whose
code it is in then is counted. Compiled code counts for whoever called it, the driver's waiting for
an answer for the driver, so far as it keeps the processor busy.

    python -m tests.benchmarks.http_parts [--open N] [--cycles N]
"""

import argparse
import http.client
import signal
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from flask import Flask
from sqlalchemy import event

from tests.benchmarks.figures import finish, say
from tests.benchmarks.http import Size, errands, fill, processor_s
from tests.benchmarks.http_client import Browser, Client, Found
from tests.postgres import DURABLE, postgres_server
from webapp import config, create_app
from webapp.serving import settle

EVERY = 0.004  # seconds of processor; a kernel's clock is hardly finer
WARM_UP = 20  # cycles
OURS = ("webapp", "workflows", "models")
PAGES = ("jinja2", "markupsafe")
LIBRARIES = {"sqlalchemy": "SQLAlchemy", "psycopg": "driver", "SpiffWorkflow": "SpiffWorkflow"}
ROOT = str(Path(__file__).parents[2])


class Clock:
    """Whose code runs while the application answers, and for how long it does."""

    def __init__(self, app: Flask) -> None:
        self.hits: Counter[str] = Counter()
        self.used, self.asked = 0.0, 0
        self._answer = app.wsgi_app
        app.wsgi_app = self._watched  # type: ignore[method-assign]
        event.listen(app.extensions["engine"], "before_cursor_execute", self._count)
        signal.signal(signal.SIGPROF, self._note)

    def _watched(self, environ: Any, start: Any) -> Any:
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        try:
            return self._answer(environ, start)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.used += time.process_time() - began

    def _count(self, *_told: object) -> None:
        self.asked += 1

    def _note(self, _signal: int, frame: FrameType | None) -> None:
        self.hits[part_of(frame)] += 1

    def forget(self) -> None:
        self.hits.clear()
        self.used, self.asked = 0.0, 0


def part_of(frame: FrameType | None) -> str:
    """Whose code it is; the standard library's is its caller's."""
    while frame is not None:
        path = frame.f_code.co_filename
        if "site-packages/" in path:
            package = path.partition("site-packages/")[2].partition("/")[0]
            return "pages" if package in PAGES else LIBRARIES.get(package, "Flask and forms")
        if path.startswith(ROOT):
            folder = path.removeprefix(ROOT + "/").partition("/")[0]
            if folder in OURS:
                return "pages" if path.endswith(".html") else "our own"
        frame = frame.f_back
    return "other"


class Inside(Browser):
    """Asks the application itself."""

    def __init__(self, app: Flask, port: int, username: str, password: str) -> None:
        self.client = app.test_client(use_cookies=False)
        super().__init__(port, username, password)

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], keeps: bool = True
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        asked = headers | {"Cookie": sent}
        answer = self.client.open(path, method=method, data=body, headers=asked)
        told = http.client.HTTPMessage()
        for name, value in answer.headers:
            told[name] = value
        if keeps:
            self._keep(told)
        return answer.status_code, told, answer.data


def measure(url: str, folder: Path, server: int, opened: int, cycles: int) -> dict[str, Any]:
    """`server`: the process of the database."""
    size = Size(opened, clients=1, seconds=0, processes=1, threads=1)
    [errand] = errands(url, size, 0, fill(url, size, folder / "files"))
    app = create_app(config.from_environment({"DATABASE_URL": url, "YILI_VAR": str(folder)}))
    clock = Clock(app)
    client = Client(errand, partial(Inside, app))
    settle()
    for _ in range(WARM_UP):
        client.cycle(Found())
    clock.forget()
    stored = processor_s(server)
    for _ in range(cycles):
        client.cycle(Found())
    stored = processor_s(server) - stored
    each = clock.used / cycles * 1e3
    seen = clock.hits.total() or 1
    return {
        "cycle_ms": round(each, 1),
        "parts_ms": {part: round(each * n / seen, 1) for part, n in clock.hits.most_common()},
        "database_ms": round(stored / cycles * 1e3, 1),
        "statements": round(clock.asked / cycles, 1),
        "open_cases": opened,
    }


def main(opened: int, cycles: int) -> int:
    with tempfile.TemporaryDirectory() as folder, postgres_server(DURABLE) as server:
        url = server.create_database("parts")
        found = measure(url, Path(folder), server.process.pid, opened, cycles)
    for part, ms in found["parts_ms"].items():
        say(f"  {part}: {ms} ms")
    return finish(found, [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--open", type=int, default=5_000)
    parser.add_argument("--cycles", type=int, default=150)
    given = parser.parse_args()
    sys.exit(main(given.open, given.cycles))

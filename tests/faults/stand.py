"""One installation of the program, made to be killed: real gunicorn, real workers, started warm.

One process for all stands has imported everything and compiled every template (`warm.py`). A
supervisor is forked off it, does some pieces of work, forks the web server and the workers, and
forks whoever dies anew: that costs milliseconds, and a newborn answers as fast as an old one, so
hundreds of kills fit in a minute.
Everything below it is the program as it is; only the time until a silent worker counts as dead and
the rests between attempts are shorter.

A `Fuse` kills a process in the midst of its work: it burns down with every statement, commit and
fsync, before and after, and with every answer about to be sent.
"""

import ctypes
import json
import mmap
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

WEB, WORKER, MASTER = "web", "worker", "master"
ROLES = (WEB, WORKER)
LOOK = timedelta(seconds=2)  # how often it is looked for what is not urgent
_forks = get_context("forkserver")
_forks.set_forkserver_preload(["tests.faults.warm"])
_starting = threading.Lock()  # stands are started by several threads


class Fuse:
    """One number for each role in shared memory: what is left until somebody of that role dies."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(4 * len(ROLES)))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 4 * len(ROLES))

    def left(self, role: str) -> int:
        return int(struct.unpack_from("i", self._memory, 4 * ROLES.index(role))[0])

    def set(self, role: str, left: int) -> None:
        struct.pack_into("i", self._memory, 4 * ROLES.index(role), left)

    def burn(self, role: str) -> None:
        """One step nearer; at the last the process is gone."""
        if (left := self.left(role)) > 0:
            self.set(role, left - 1)
            if left == 1:
                os.kill(os.getpid(), signal.SIGKILL)


# In the supervisor and its children


class _Children:
    """Forks and forks again. `roles`: what to run → how many of it."""

    def __init__(self, roles: dict[str, tuple[Callable[[], None], int]], pids: Path) -> None:
        self.roles, self.pids = roles, pids
        self.running: dict[int, str] = {}
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, _number: int, _frame: Any) -> None:
        self.stopping = True
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def run(self) -> None:
        for role, (_, number) in self.roles.items():
            for _ in range(number):
                self._fork(role)
        while self.running:
            pid, _status = os.wait()
            role = self.running.pop(pid, None)
            if role and not self.stopping:
                self._fork(role)

    def _tell(self) -> None:
        """Who is who, for whoever kills."""
        half = self.pids.with_suffix(".half")
        half.write_text(json.dumps(self.running), "ascii")
        half.replace(self.pids)

    def _fork(self, role: str) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        if pid := os.fork():
            self.running[pid] = role
            self._tell()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            return
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # no child outlives the supervisor
            self.roles[role][0]()
        finally:
            os._exit(1)


def _light(fuse: Fuse) -> Callable[[str], None]:
    """Let the fuse burn wherever a process of ours does something that may be cut in two."""
    from sqlalchemy import Engine, event
    from sqlalchemy.orm import Session

    mine: list[str] = []

    def burn(*_arguments: Any) -> None:
        if mine:
            fuse.burn(mine[0])

    event.listen(Engine, "before_cursor_execute", burn)
    event.listen(Engine, "commit", burn)
    event.listen(Session, "after_commit", burn)
    fsync = os.fsync

    def burning_fsync(descriptor: int) -> None:
        burn()
        fsync(descriptor)
        burn()

    os.fsync = burning_fsync
    return mine.append


def _practise(app: Any, folder: Path, times: int) -> None:
    """So much work before anybody is forked: what a first request compiles, the children have."""
    if not times:
        return
    from tests.faults.clients import DOSSIERS, Client, Indoors, Journal

    engine, journal = app.extensions["engine"], Journal()
    journal.counts["dossier"] = DOSSIERS  # those take long
    browser = Indoors(app, json.loads((folder / "cookies").read_text("ascii")))
    somebody = Client(browser, engine, journal, "practice", threading.Event())
    for _ in range(times):
        somebody.act()
    engine.dispose()  # a connection must not be shared


def serve(port: int, folder: Path, workers: int, practice: int) -> None:
    """Be the supervisor until SIGTERM."""
    import dbos  # noqa: F401 - so that no child has to
    from gunicorn.app.base import BaseApplication

    from tests.faults import warm
    from webapp import create_app, pdf, serving, sqlite_log, worker  # noqa: F401
    from workflows import jobs

    fuse = Fuse(folder / "fuses")
    app = create_app()
    warm.up(app)
    _practise(app, folder, practice)
    serving.settle()  # as every web process does; and what is not looked through is not copied
    become = _light(fuse)
    listener = socket.create_server(("127.0.0.1", port), backlog=256)

    def answering(environ: Any, start_response: Any) -> Iterable[bytes]:
        answer = app.wsgi_app(environ, start_response)
        fuse.burn(WEB)
        return answer

    class Web(BaseApplication):
        def load_config(self) -> None:
            options = {
                "bind": f"fd://{listener.fileno()}",
                "worker_class": "gthread",
                "workers": int(os.environ.get("YILI_PROCESSES", "2")),
                "threads": int(os.environ.get("YILI_THREADS", "4")),
                "graceful_timeout": 20,
                "loglevel": "critical",
                "worker_tmp_dir": "/dev/shm",  # noqa: S108
                "control_socket_disable": True,
                "post_fork": lambda _server, _worker: become(WEB),
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return answering

    def work() -> None:
        become(WORKER)
        engine = app.extensions["engine"]
        lives = jobs.Worker(
            engine,
            worker.new_name(),
            clock=worker.clock,
            within=app.app_context,
            poll=timedelta(seconds=0.3),
            beat=timedelta(seconds=0.5),
            dead_after=timedelta(seconds=3),
            retry_after=[timedelta(seconds=0.5)] * 60,
        )
        kinds = worker.sweeps(app.config)
        sweeps = [replace(kind, every=min(kind.every, LOOK)) for kind in kinds]
        shortening = (app.config["DATABASE_URL"], threading.Event(), LOOK.total_seconds())
        threading.Thread(target=sqlite_log.keep_short, args=shortening, daemon=True).start()
        os._exit(0 if worker.work(engine, lives, sweeps) else 3)

    assert threading.active_count() == 1, "forking with threads"
    _Children({MASTER: (lambda: Web().run(), 1), WORKER: (work, workers)}, folder / "pids").run()


# From outside


def _children_of(pid: int) -> list[int]:
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:
        return []
    return [int(word) for word in told.split()]


class Stand:
    """A running installation. `environment`: its settings."""

    def __init__(self, environment: dict[str, str], folder: Path, port: int) -> None:
        self.environment, self.folder, self.port = environment, folder, port
        self.fuse = Fuse(folder / "fuses")
        self._process: BaseProcess | None = None

    def start(self, workers: int = 1, practice: int = 0) -> None:
        told = (self.environment, self.port, self.folder, workers, practice)
        self._process = _forks.Process(target=_supervise, args=told)
        with _starting:
            self._process.start()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def answers(self) -> bool:
        """Whether somebody takes connections."""
        assert self.alive, f"the stand has ended: {self.log()}"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-4000:]

    def pids(self, role: str) -> list[int]:
        """Whoever is of that role just now."""
        with suppress(FileNotFoundError):
            running = json.loads((self.folder / "pids").read_text("ascii"))
            if role != WEB:
                return [int(pid) for pid, name in running.items() if name == role]
            masters = [int(pid) for pid, name in running.items() if name == MASTER]
            return [child for master in masters for child in _children_of(master)]
        return []

    def stop(self) -> None:
        """As an operator would; everything ends in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(timeout=60)
            assert not self._process.is_alive(), f"the stand does not end: {self.log()}"
            self._process = None


def _supervise(
    environment: dict[str, str], port: int, folder: Path, workers: int, practice: int
) -> None:
    """What the forked process does: say everything into the log, and serve."""
    with (folder / "log").open("ab", buffering=0) as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    os.environ.update(environment)
    serve(port, folder, workers, practice)

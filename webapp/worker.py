"""The worker process: wakes what is due and runs the jobs, until it is told to stop.

Two kinds of work. Sweeps look for rows whose moment has come, once a second, each row in a
transaction of its own, committed here. Jobs are slow or lie outside the database; workflows.jobs
runs them in threads. Several workers on one database share both. Knows no page.
"""

import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event
from types import FrameType

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from workflows import jobs

log = logging.getLogger(__name__)

Sweep = Callable[[Session, datetime, int], int]
"""Does up to so many due things at a given moment; how many there were. Does not commit."""

LONGEST_REST = timedelta(minutes=1)


def clock() -> datetime:
    """The worker is an edge: here the time is read, and handed on."""
    return datetime.now(UTC)


class Sweeper:
    """Calls each sweep until it finds nothing more. One that fails rests, the others go on."""

    def __init__(
        self, engine: Engine, sweeps: Mapping[str, Sweep], clock: Callable[[], datetime] = clock
    ) -> None:
        self.engine = engine
        self.sweeps = sweeps
        self.clock = clock
        self._failures = dict.fromkeys(sweeps, 0)
        self._resting_until: dict[str, datetime] = {}

    def run(self, stop: Event, every: timedelta = timedelta(seconds=1)) -> None:
        """Until `stop` is set; then the running step is finished and nothing else is begun."""
        while not stop.is_set():
            self.pass_over(stop)
            stop.wait(every.total_seconds())

    def pass_over(self, stop: Event) -> None:
        """Everything that is due now."""
        for name, sweep in self.sweeps.items():
            rested = self._resting_until.get(name)
            if rested is None or rested <= self.clock():
                self._empty(name, sweep, stop)

    def _empty(self, name: str, sweep: Sweep, stop: Event) -> None:
        done = 0
        try:
            while not stop.is_set() and self._step(sweep):
                done += 1
        except Exception:
            self._failures[name] += 1
            rest = min(LONGEST_REST, timedelta(seconds=2 ** min(10, self._failures[name])))
            self._resting_until[name] = self.clock() + rest
            log.exception("%s failed, rests for %d s", name, rest.total_seconds())
        else:
            self._failures[name] = 0
            self._resting_until.pop(name, None)
        if done:
            log.info("%s: %d done", name, done)

    def _step(self, sweep: Sweep) -> int:
        with Session(self.engine) as session, session.begin():
            return sweep(session, self.clock(), 1)


def work(
    engine: Engine, sweeps: Mapping[str, Sweep], worker: jobs.Worker, stop: Event | None = None
) -> bool:
    """Be a worker until `stop` is set, by default by SIGTERM or SIGINT.

    Whether all jobs have ended; if not, the process should end without waiting for its threads.
    """
    stop = stop or stopped_by_signals()
    worker.start()
    log.info("worker %s has started", worker.name)
    try:
        Sweeper(engine, sweeps).run(stop)
    finally:
        ended = worker.stop()
    log.info("worker %s has stopped%s", worker.name, "" if ended else ", leaving jobs to others")
    return ended


def stopped_by_signals() -> Event:
    """Set by the first SIGTERM or SIGINT. A second SIGINT interrupts as usual."""
    stop = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


def new_name() -> str:
    """Unlike that of any other worker, dead ones included, and telling where it runs."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def main(app: Flask) -> None:
    """Run until told to stop. Ends the process by itself when a job will not end."""
    from workflows.actions import timers
    from workflows.clocks import send_due_reminders

    engine: Engine = app.extensions["engine"]
    worker = jobs.Worker(engine, new_name(), clock=clock, within=app.app_context)
    sweeps = {"timers": timers.fire_due, "reminders": send_due_reminders}
    if not work(engine, sweeps, worker):
        logging.shutdown()
        os._exit(0)  # threads of unfinished jobs would keep the process from ending

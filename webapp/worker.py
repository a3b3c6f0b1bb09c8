"""The worker process: wakes what is due and runs the jobs, until it is told to stop.

Two kinds of work. Sweeps look once a second for rows whose moment has come and do a few of them in
a transaction, each behind a savepoint of its own, committed here. Jobs are slow or lie outside the
database; workflows.jobs runs them in threads. Several workers on one database share both. Knows no
page.
"""

import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import FrameType
from typing import Any

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp import housekeeping as _housekeeping  # noqa: F401 - its job is known by its name
from webapp import leftovers, outages, space, sqlite_log
from workflows import clocks, jobs
from workflows.actions import (
    duties,
    effect_checks,
    housekeeping,
    motions,
    pressing,
    risk_warnings,
    timers,
)
from workflows.failures import AWAY, PASSING, Failure

log = logging.getLogger(__name__)

AT_ONCE = 200  # how many due rows one look brings
A_PASS = 1000  # how many of a kind are done before the other kinds have their turn
TOGETHER = 10  # how many share a transaction: waiting for the disk costs more than most of the work
BREATH = 0.25  # of the time a transaction took, left to others before the next
LONGEST_REST = timedelta(minutes=10)
OUTAGE_REST = timedelta(seconds=16)  # what is due goes on soon after the database is back


def clock() -> datetime:
    """The worker is an edge: here the time is read, and handed on."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Sweep:
    """A kind of due work: which rows at this moment, and doing one of them.

    `do` says whether there was something left to do. `set_aside` is told what one failed of, in a
    transaction of its own, so that it is not due for a while. Neither commits. `every`: how often
    it is worth a look.
    """

    name: str
    due: Callable[[Session, datetime, int], Sequence[int]]
    do: Callable[[Session, int, datetime], bool]
    set_aside: Callable[[Session, int, Failure, datetime], None] | None = None
    every: timedelta = timedelta()


SWEEPS = (
    Sweep("timer", timers.due_processes, timers.fire, timers.set_aside),
    Sweep("reminder", clocks.due_clocks, clocks.remind, clocks.postpone),
    Sweep("duty", duties.due_units, duties.open_due, every=timedelta(minutes=10)),
    Sweep("motion", motions.due, motions.propose, every=timedelta(minutes=10)),
    Sweep("effect", effect_checks.due_items, effect_checks.open_due, every=timedelta(minutes=10)),
    Sweep("press", pressing.due_items, pressing.remind, every=timedelta(minutes=10)),
    Sweep("risk", risk_warnings.due_records, risk_warnings.warn, every=timedelta(minutes=10)),
    Sweep("housekeeping", housekeeping.due_days, housekeeping.ask, every=timedelta(hours=1)),
)


def sweeps(settings: Mapping[str, Any]) -> Sequence[Sweep]:
    """All of them, with the look at this installation's own disk."""
    watch = space.Watch(settings)
    return (*SWEEPS, Sweep("disk", watch.due, watch.tell, every=timedelta(minutes=1)))


class Sweeper:
    """Goes over the sweeps. What fails rests for a while, the others go on."""

    def __init__(
        self, engine: Engine, sweeps: Sequence[Sweep], clock: Callable[[], datetime] = clock
    ) -> None:
        self.engine = engine
        self.sweeps = sweeps
        self.clock = clock
        self._failures: dict[tuple[str, int], int] = {}
        self._resting: dict[tuple[str, int], datetime] = {}
        self._looked: dict[str, float] = {}

    def run(self, stop: Event, every: timedelta = timedelta(seconds=1)) -> None:
        """Until `stop` is set; then the running step is finished and no other begun."""
        while not stop.is_set():
            looks = [sweep for sweep in self.sweeps if self._worth_a_look(sweep)]
            left = [sweep for sweep in looks if self.pass_over(sweep, stop)]
            for sweep in left:
                self._looked.pop(sweep.name)
            if not left:
                stop.wait(every.total_seconds())

    def _worth_a_look(self, sweep: Sweep) -> bool:
        looked = self._looked.get(sweep.name)
        if looked is not None and monotonic() - looked < sweep.every.total_seconds():
            return False
        self._looked[sweep.name] = monotonic()
        return True

    def pass_over(self, sweep: Sweep, stop: Event) -> bool:
        """Do what is due now, a few at a time, up to A_PASS; whether that was not all.

        After each few it looks again, and takes any few of what it sees: workers that are at it
        together seldom meet.
        """
        now, tried = self.clock(), set[int]()
        while not stop.is_set() and len(tried) < A_PASS:
            seen = self._look(sweep, now)
            keys = [key for key in seen if key not in tried and self._rested(sweep, key)]
            if not keys:
                return False
            place = TOGETHER * secrets.randbelow(-(-len(keys) // TOGETHER))
            began = monotonic()
            self._do(sweep, keys[place : place + TOGETHER], stop)
            tried.update(keys[place : place + TOGETHER])
            stop.wait(BREATH * (monotonic() - began))
        return True

    def _look(self, sweep: Sweep, now: datetime) -> Sequence[int]:
        try:
            with Session(self.engine.execution_options(reads=True)) as session:
                return sweep.due(session, now, AT_ONCE)
        except OperationalError:
            log.exception("cannot look for due work: %s", sweep.name)
            return ()

    def _rested(self, sweep: Sweep, key: int) -> bool:
        """Also when the clock was put back: no rest is longer than LONGEST_REST."""
        until, now = self._resting.get((sweep.name, key)), self.clock()
        return until is None or not now < until <= now + LONGEST_REST

    def _do(self, sweep: Sweep, keys: Sequence[int], stop: Event) -> None:
        now = self.clock()
        failed: dict[int, Exception] = {}
        try:
            for key in self._together(sweep, keys, now, failed, stop):
                self._failures.pop((sweep.name, key), None)
                self._resting.pop((sweep.name, key), None)
        except Exception as error:  # nothing of it has happened
            if len(keys) > 1 and not isinstance(error, PASSING):
                for key in keys:  # one of them must not take the others with it
                    self._do(sweep, [key], stop)
                return
            failed = dict.fromkeys(keys, error)
        for key, cause in failed.items():
            log.error("%s %d failed", sweep.name, key, exc_info=cause)
            self._fail(sweep, key, cause, now)

    def _together(
        self,
        sweep: Sweep,
        keys: Sequence[int],
        now: datetime,
        failed: dict[int, Exception],
        stop: Event,
    ) -> Sequence[int]:
        """One transaction: which of the keys have been done. What raised is put into `failed`."""
        done: dict[int, bool] = {}
        with Session(self.engine) as session, session.begin():
            for key in keys:
                if stop.is_set():
                    break
                try:
                    with session.begin_nested():
                        done[key] = sweep.do(session, key, now)
                except Exception as error:
                    failed[key] = error
        for key, something in done.items():
            if something:
                log.info("%s %d done", sweep.name, key)
        return list(done)

    def _fail(self, sweep: Sweep, key: int, error: Exception, now: datetime) -> None:
        failures = self._failures[sweep.name, key] = self._failures.get((sweep.name, key), 0) + 1
        longest = OUTAGE_REST if isinstance(error, PASSING) else LONGEST_REST
        rest = min(longest, timedelta(seconds=2 ** min(failures, 10)))
        self._resting[sweep.name, key] = now + rest
        if sweep.set_aside is None or isinstance(error, PASSING):
            return
        try:
            with Session(self.engine) as session, session.begin():
                sweep.set_aside(session, key, Failure.of(error), now)
        except Exception:
            log.exception("%s %d could not be set aside", sweep.name, key)
            return
        self._failures.pop((sweep.name, key), None)  # when it is due again says its row
        self._resting.pop((sweep.name, key), None)


def work(
    engine: Engine,
    worker: jobs.Worker,
    looks: Sequence[Sweep] = SWEEPS,
    stop: Event | None = None,
) -> bool:
    """Be a worker until `stop` is set, by default by SIGTERM or SIGINT.

    Whether all jobs have ended; if not, the process should end without waiting for its threads.
    """
    stop = stop or stopped_by_signals()
    if not _begin(worker, stop):
        return True
    log.info("worker %s has started", worker.name)
    try:
        Sweeper(engine, looks).run(stop)
    finally:
        ended = worker.stop()
    log.info("worker %s has stopped%s", worker.name, "" if ended else ", leaving jobs to others")
    return ended


def _begin(worker: jobs.Worker, stop: Event) -> bool:
    """Whether it did before `stop`. With the database away or its disk full it waits: a worker that
    ended would take the pages with it, which can still be read."""
    while not stop.is_set():
        try:
            worker.start()
            return True
        except AWAY as error:
            log.error("worker %s cannot begin yet: %s", worker.name, outages.described(error))
            stop.wait(worker.beat.total_seconds())
    return False


def stopped_by_signals() -> Event:
    """Set by the first SIGTERM or SIGINT. A second one interrupts."""
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
    engine: Engine = app.extensions["engine"]
    worker = jobs.Worker(engine, new_name(), clock=clock, steady=monotonic, within=app.app_context)
    stop = stopped_by_signals()
    sweeping = (engine, Path(app.config["VAR"]), clock, stop)
    Thread(target=leftovers.keep_sweeping, args=sweeping, name="leftovers", daemon=True).start()
    shortening = (app.config["DATABASE_URL"], stop)
    Thread(target=sqlite_log.keep_short, args=shortening, name="log", daemon=True).start()
    if not work(engine, worker, sweeps(app.config), stop):
        logging.shutdown()
        os._exit(0)  # threads of unfinished jobs would keep the process from ending

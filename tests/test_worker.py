"""The worker process: what is due is done row by row; killed or stopped, it loses nothing."""

import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal

import pytest
from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import Event, WorkerBeat
from tests.conftest import DATABASES
from tests.waiting import until
from webapp import worker
from webapp.db import make_engine
from webapp.worker import Sweep, Sweeper
from workflows import jobs
from workflows.failures import Failure

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Without the app: the worker needs none."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


class Due:
    """Rows 1, 2 and 3 are due until they are done; doing leaves an event; row 2 may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.rows = [1, 2, 3]
        self.error = error
        self.tried: Counter[int] = Counter()
        self.aside: list[tuple[int, Failure]] = []

    def due(self, session: Session, now: datetime, limit: int) -> list[int]:
        return self.rows[:limit]

    def do(self, session: Session, key: int, now: datetime) -> bool:
        self.tried[key] += 1
        session.add(Event(name=f"done.{key}", at=now, data={}))
        session.flush()
        if key == 2 and self.error:
            raise self.error
        self.rows = [row for row in self.rows if row != key]
        return True

    def set_aside(self, session: Session, key: int, failure: Failure, now: datetime) -> None:
        self.aside.append((key, failure))
        self.rows = [row for row in self.rows if row != key]
        session.add(Event(name=f"aside.{key}", at=now, data={}))


def names(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return sorted(session.scalars(select(Event.name)))


def test_each_due_row_is_done_and_committed(engine: Engine) -> None:
    work = Due()
    sweeper = Sweeper(engine, [], clock=lambda: NOON)
    sweeper.pass_over(Sweep("work", work.due, work.do), Signal())
    assert names(engine) == ["done.1", "done.2", "done.3"]


def test_a_failing_row_leaves_nothing_rests_and_does_not_stop_the_others(engine: Engine) -> None:
    work, now = Due(ValueError("no")), [NOON]
    sweep = Sweep("work", work.due, work.do)
    sweeper = Sweeper(engine, [], clock=lambda: now[0])
    for seconds in (0, 1, 2, 3, 5, 6):  # rests 2 s after the first failure, then 4
        now[0] = NOON + timedelta(seconds=seconds)
        sweeper.pass_over(sweep, Signal())
    assert names(engine) == ["done.1", "done.3"]
    assert work.tried == {1: 1, 2: 3, 3: 1}
    work.error = None
    now[0] += timedelta(minutes=10)
    sweeper.pass_over(sweep, Signal())
    assert names(engine) == ["done.1", "done.2", "done.3"]


def test_a_failing_row_is_set_aside_with_its_cause(engine: Engine) -> None:
    work = Due(ValueError("no"))
    sweeper = Sweeper(engine, [], clock=lambda: NOON)
    sweeper.pass_over(Sweep("work", work.due, work.do, work.set_aside), Signal())
    assert names(engine) == ["aside.2", "done.1", "done.3"]
    [(key, failure)] = work.aside
    assert (key, failure.error) == (2, "ValueError")
    assert "webapp/worker.py" in failure.place
    assert "no" not in failure.trace.split()


def test_a_row_whose_trouble_shows_at_the_commit_does_not_take_the_others_with_it(
    engine: Engine,
) -> None:
    class Late(Due):
        in_hand = False

        def do(self, session: Session, key: int, now: datetime) -> bool:
            self.in_hand = self.in_hand or key == 2
            session.add(Event(name=f"done.{key}", at=now, data={}))
            return True

        def due(self, session: Session, now: datetime, limit: int) -> list[int]:
            done = {int(name[-1]) for name in session.scalars(select(Event.name))}
            return [row for row in self.rows if row not in done]

        def refuse(self, _connection: Connection) -> None:
            if self.in_hand:
                self.in_hand = False
                raise ValueError("refused")

    work = Late()
    event.listen(engine, "commit", work.refuse)
    Sweeper(engine, [], clock=lambda: NOON).pass_over(
        Sweep("work", work.due, work.do, work.set_aside), Signal()
    )
    assert names(engine) == ["aside.2", "done.1", "done.3"]


def test_a_pass_is_capped_and_says_that_something_is_left(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "A_PASS", 20)
    work = Due()
    work.rows = list(range(1, 33))
    sweep = Sweep("work", work.due, work.do)
    sweeper = Sweeper(engine, [], clock=lambda: NOON)
    assert sweeper.pass_over(sweep, Signal())
    assert 20 <= len(names(engine)) < 32
    assert not sweeper.pass_over(sweep, Signal())
    assert len(names(engine)) == 32


def test_a_passing_trouble_of_the_database_sets_nothing_aside(engine: Engine) -> None:
    work = Due(OperationalError("UPDATE", {}, Exception("database is locked")))
    sweeper = Sweeper(engine, [], clock=lambda: NOON)
    sweeper.pass_over(Sweep("work", work.due, work.do, work.set_aside), Signal())
    assert names(engine) == ["done.1", "done.3"]
    assert work.aside == []


def test_after_an_outage_however_long_what_is_due_goes_on_soon(engine: Engine) -> None:
    work, now = Due(OperationalError("UPDATE", {}, Exception("database is full"))), [NOON]
    sweep = Sweep("work", work.due, work.do)
    sweeper = Sweeper(engine, [], clock=lambda: now[0])
    for _ in range(20):
        sweeper.pass_over(sweep, Signal())
        now[0] += timedelta(minutes=5)
    sweeper.pass_over(sweep, Signal())
    assert names(engine) == ["done.1", "done.3"]
    work.error = None
    now[0] += timedelta(seconds=16)
    sweeper.pass_over(sweep, Signal())
    assert sorted(names(engine)) == ["done.1", "done.2", "done.3"]


def test_a_stop_is_obeyed_between_two_rows(engine: Engine) -> None:
    work, stop = Due(), Signal()

    def do(session: Session, key: int, now: datetime) -> bool:
        stop.set()
        return work.do(session, key, now)

    Sweeper(engine, [Sweep("work", work.due, do)], clock=lambda: NOON).run(stop)
    assert names(engine) == ["done.1"]


@pytest.mark.parametrize("database", DATABASES)
def test_a_killed_workers_job_is_done_once_by_another_and_a_stop_loses_nothing(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """The other one is started while the disk is full: it waits until there is space."""
    jobs.migrate(database_url)
    ask(engine, "one")
    first = start_worker(engine, "first", tmp_path)
    second = None
    try:
        until((tmp_path / "one-begun-by-first").exists, "the first worker takes the job")
        first.send_signal(signal.SIGKILL)
        second = start_worker(engine, "second", tmp_path, most_bytes=1)
        if engine.dialect.name == "sqlite":
            assert "cannot begin yet" in refused(second)
        resource.prlimit(second.pid, resource.RLIMIT_FSIZE, NO_LIMIT)
        until((tmp_path / "one-begun-by-second").exists, "the second takes over")
        assert passed(engine, "one") == []
        (tmp_path / "one-open").touch()
        until(lambda: passed(engine, "one") == ["second"], "the job is done")

        ask(engine, "two")
        until((tmp_path / "two-begun-by-second").exists, "the second worker takes the next")
        second.send_signal(signal.SIGTERM)
        (tmp_path / "two-open").touch()
        assert second.wait(timeout=60) == 0
        assert passed(engine, "two") == ["second"]
        assert passed(engine, "one") == ["second"]
        with Session(engine) as session:
            beats = session.scalar(select(func.count()).where(WorkerBeat.worker == "second"))
        assert beats == 0
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.communicate()


def start_worker(
    engine: Engine, name: str, folder: Path, most_bytes: int = resource.RLIM_INFINITY
) -> subprocess.Popen[bytes]:
    """`most_bytes`: so long may a file of its own become."""
    url = engine.url.render_as_string(hide_password=False)
    limits = (most_bytes, resource.RLIM_INFINITY)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.worker_process", url, name, str(folder)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=None if most_bytes < 0 else subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
    )


def refused(process: subprocess.Popen[bytes]) -> str:
    """The first that it has to say for itself."""
    assert process.stderr is not None
    return process.stderr.readline().decode()


def passed(engine: Engine, gate: str) -> list[str]:
    with Session(engine) as session:
        return [
            data["worker"]
            for data in session.scalars(select(Event.data).where(Event.name == f"passed.{gate}"))
        ]


def ask(engine: Engine, gate: str) -> None:
    with Session(engine) as session, session.begin():
        jobs.enqueue(session, "wait_at_gate", gate, gate)


def test_a_rest_ends_although_the_clock_was_put_back(engine: Engine) -> None:
    work, now = Due(ValueError("no")), [NOON]
    sweep = Sweep("work", work.due, work.do)
    sweeper = Sweeper(engine, [], clock=lambda: now[0])
    sweeper.pass_over(sweep, Signal())
    work.error = None
    now[0] -= timedelta(days=1)
    sweeper.pass_over(sweep, Signal())
    assert names(engine) == ["done.1", "done.2", "done.3"]

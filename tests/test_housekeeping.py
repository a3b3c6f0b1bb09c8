"""Once a day what nobody needs is cleaned away, and nothing that anything names."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Document, Draft, Event, WorkerBeat
from tests.cases import report
from tests.conftest import DATABASES
from tests.people import World
from tests.waiting import until
from webapp import config, housekeeping
from webapp.cli import migrate
from workflows import jobs
from workflows.actions import attachments
from workflows.actions import housekeeping as actions
from workflows.events import EventName

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def upload(
    session: Session, folder: Path, by: Appointment, at: datetime, **also: Any
) -> Attachment:
    """A file that somebody sent `at` a moment."""
    file = Attachment(
        token=f"token-{os.urandom(8).hex()}",
        filename="记录.pdf",
        media_type="application/pdf",
        size=3,
        pages=1,
        sha256="0" * 64,
        uploaded_by_id=by.user_id,
        uploaded_at=at,
        **also,
    )
    folder.mkdir(exist_ok=True)
    (folder / file.token).write_bytes(b"...")
    session.add(file)
    session.commit()
    return file


@pytest.mark.parametrize("database", DATABASES)
def test_only_uploads_that_nothing_names_go(
    app: Flask, session: Session, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "forget", lambda _engine, _before: 0)
    by, folder = world.by["department"], tmp_path / "files"
    case = report(session, by, NOW)
    documents = session.scalar(select(func.count(Document.id)))
    old, fresh = NOW - 31 * DAY, NOW - 29 * DAY
    gone = upload(session, folder, by, old)
    kept = [
        upload(session, folder, by, fresh),
        upload(session, folder, by, old, case_id=case.id),
        upload(session, folder, by, old, form="monthly_report.v1"),  # of a duty: no case
        upload(session, folder, by, old),
    ]
    answers = {"records": [{"files": [kept[-1].token]}]}
    session.add(Draft(user_id=by.user_id, place="task:7", answers=answers, saved_at=old))
    session.commit()
    for name, age in ((".a.part", 2), (".b.part", 0)):
        (folder / name).touch()
        os.utime(folder / name, times=((NOW - age * DAY).timestamp(),) * 2)
    names, removed = {file.token for file in kept}, gone.token
    session.rollback()
    with time_machine.travel(NOW, tick=False), app.app_context():
        housekeeping.keep_house()
        housekeeping.keep_house()  # a second time: nothing left to do
    assert set(session.scalars(select(Attachment.token))) == names
    assert {path.name for path in folder.iterdir()} == {*names, ".b.part"}
    assert not (folder / removed).exists()
    assert session.scalar(select(func.count(Document.id))) == documents
    rows = session.scalars(select(Event).where(Event.name == EventName.HOUSEKEEPING_DONE))
    assert [row.data["uploads"] for row in rows] == [1, 0]


def test_what_is_handed_in_while_it_runs_stays(
    session: Session, world: World, tmp_path: Path, engine: Engine
) -> None:
    by = world.by["department"]
    file = upload(session, tmp_path / "files", by, NOW - 40 * DAY)
    case = report(session, by, NOW)
    file.case_id = case.id
    session.commit()
    with Session(engine) as own, own.begin():
        assert actions.remove_unused(own, NOW) == []
    attachments.erase(tmp_path / "files", "no such file")  # gone already: no error


@pytest.mark.parametrize("database", DATABASES)
def test_it_is_asked_for_once_a_day_in_china(
    session: Session, database_url: str, engine: Engine
) -> None:
    migrate(database_url)
    evening = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 23:59 in China
    [day] = actions.due_days(session, evening)
    session.rollback()
    for _ in range(2):
        with Session(engine) as own, own.begin():
            assert actions.ask(own, day, evening)
    held = jobs.waiting(session)
    assert held is not None
    assert held.queued == 1
    session.rollback()
    with Session(engine) as own, own.begin():
        actions.finish(own, uploads=0, forgotten=0, now=evening)
    assert actions.due_days(session, evening) == []
    assert actions.due_days(session, evening + timedelta(minutes=1)) == [day + 1]


@jobs.job("kept_or_forgotten")
def _nothing(_what: str) -> None:
    pass


@pytest.fixture
def worker(engine: Engine, database_url: str) -> Iterator[jobs.Worker]:
    migrate(database_url)
    worker = jobs.Worker(
        engine, "keeps house", clock=lambda: datetime.now(UTC), poll=timedelta(seconds=0.05)
    )
    worker.start()
    yield worker
    worker.stop()


@pytest.mark.parametrize("database", DATABASES)
def test_finished_jobs_are_forgotten_and_waiting_ones_are_not(
    engine: Engine, session: Session, worker: jobs.Worker
) -> None:
    now = datetime.now(UTC)
    with Session(engine) as own, own.begin():
        jobs.enqueue(own, "kept_or_forgotten", "done", "done")
        jobs.enqueue(own, "kept_or_forgotten", "later", "later", due=now + DAY)

    def counts() -> tuple[int, int]:
        session.rollback()
        held = jobs.waiting(session)
        assert held is not None
        return held.queued + held.running, held.delayed

    until(lambda: counts() == (0, 1), "the first has run")
    assert jobs.forget(engine, now - DAY) == 0  # too young
    until(lambda: jobs.forget(engine, datetime.now(UTC) + DAY) == 1, "the first is forgotten")
    assert jobs.forget(engine, datetime.now(UTC) + DAY) == 0
    assert counts() == (0, 1)


@pytest.mark.parametrize("name", ["YILI_KEEP_UPLOADS_DAYS", "YILI_KEEP_JOBS_DAYS"])
def test_nothing_is_cleaned_the_day_it_came(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="a day at least"):
        config.from_environment({"YILI_VAR": str(tmp_path), name: "0"})


# Clocks that jump


class Steady:
    """A clock that nobody sets, moved by the test."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def beating(
    engine: Engine, name: str, moment: Callable[[], datetime], steady: Steady
) -> jobs.Worker:
    return jobs.Worker(engine, name, clock=moment, steady=steady)


def test_a_jump_of_the_clock_takes_no_job_from_a_worker_that_lives(
    engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady, now, taken = Steady(), [NOW], list[str]()
    monkeypatch.setattr(jobs.Worker, "_take_over", lambda _self, dead: taken.append(dead))
    mine, other = (beating(engine, name, lambda: now[0], steady) for name in ("mine", "other"))
    for jump in (timedelta(), DAY, -2 * DAY, timedelta(hours=1)):
        now[0] += jump
        mine._beat(now[0])
        mine._reap(now[0])  # before the other has said anything by the new time
        other._beat(now[0])
        steady.seconds += 5
        now[0] += timedelta(seconds=5)
        mine._reap(now[0])
    assert taken == []


@pytest.mark.parametrize("jump", [timedelta(), DAY, -DAY])
def test_a_dead_worker_is_found_whatever_the_clock_says(
    engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    steady, now, taken = Steady(), [NOW], list[str]()
    monkeypatch.setattr(jobs.Worker, "_take_over", lambda _self, dead: taken.append(dead))
    mine, dead = (beating(engine, name, lambda: now[0], steady) for name in ("mine", "dead"))
    dead._beat(now[0])
    now[0] += jump
    for _ in range(8):
        mine._beat(now[0])
        mine._reap(now[0])
        steady.seconds += 5
        now[0] += timedelta(seconds=5)
    assert taken == ["dead"]
    assert session.scalars(select(WorkerBeat.worker)).all() == ["mine"]

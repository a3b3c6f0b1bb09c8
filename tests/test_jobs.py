"""A job runs when, and only when, its transaction committed; once; again when it failed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from shutil import copyfile

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Event, Incident, IncidentKind, WorkerBeat
from tests.once import migrated_postgres, migrated_sqlite
from tests.waiting import until
from webapp.db import make_engine
from workflows import jobs
from workflows.actions import incidents

ran: Counter[str] = Counter()


@jobs.job("count")
def count(what: str) -> None:
    ran[what] += 1


@jobs.job("stumble")
def stumble(what: str, times: int) -> None:
    ran[what] += 1
    if ran[what] <= times:
        raise ConnectionError("the text of an error may quote a record")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    if request.param == "pg":
        server = request.getfixturevalue("postgres")
        url = server.create_database("jobs", migrated_postgres(server))
    else:
        path = tmp_path_factory.mktemp("jobs") / "jobs.db"
        url = f"sqlite:///{copyfile(migrated_sqlite(tmp_path_factory), path)}"
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def worker(engine: Engine) -> Iterator[jobs.Worker]:
    worker = jobs.Worker(
        engine,
        "in this process",
        clock=lambda: datetime.now(UTC),
        poll=timedelta(seconds=0.05),
        retry_after=[timedelta(seconds=0.05)] * 2,
    )
    ran.clear()
    worker.start()
    yield worker
    assert worker.stop()
    with Session(engine) as session:
        assert session.scalars(select(WorkerBeat)).all() == []


def ask(engine: Engine, name: str, key: str, *args: jobs.Scalar) -> None:
    with Session(engine) as session, session.begin():
        jobs.enqueue(session, name, key, *args)


def test_a_job_runs_after_the_commit_and_not_after_a_rollback(
    engine: Engine, worker: jobs.Worker
) -> None:
    with Session(engine) as session:
        jobs.enqueue(session, "count", "rolled back", "rolled back")
        session.add(Event(name="rolled.back", at=datetime.now(UTC), data={}))
        session.rollback()
    with Session(engine) as session:
        jobs.enqueue(session, "count", "committed", "committed")
        session.add(Event(name="was.committed", at=datetime.now(UTC), data={}))
        session.commit()
    until(lambda: ran["committed"] == 1, "the committed job runs")
    assert ran["rolled back"] == 0
    with Session(engine) as session:
        names = session.scalars(select(Event.name).where(Event.name.like("%.%ed%"))).all()
    assert "was.committed" in names
    assert "rolled.back" not in names


def test_the_same_key_twice_runs_once(engine: Engine, worker: jobs.Worker) -> None:
    ask(engine, "count", "doubled", "doubled")
    ask(engine, "count", "doubled", "doubled")
    until(lambda: ran["doubled"] == 1, "the job runs")
    ask(engine, "count", "doubled", "doubled")  # long done
    ask(engine, "count", "after", "after")
    until(lambda: ran["after"] == 1, "what was asked for later runs")
    assert ran["doubled"] == 1


def test_a_job_waits_until_it_is_due(engine: Engine, worker: jobs.Worker) -> None:
    now = datetime.now(UTC)
    with Session(engine) as session, session.begin():
        jobs.enqueue(session, "count", "later", "later", due=now + timedelta(hours=1))
        jobs.enqueue(session, "count", "past", "past", due=now - timedelta(hours=1))
        jobs.enqueue(session, "count", "soon", "soon", due=now + timedelta(seconds=0.2))
    until(lambda: ran["past"] == ran["soon"] == 1, "what is due runs")
    assert datetime.now(UTC) >= now + timedelta(seconds=0.2)
    assert ran["later"] == 0


def test_a_failed_job_is_tried_again(engine: Engine, worker: jobs.Worker) -> None:
    ask(engine, "stumble", "twice", "twice", 2)
    until(lambda: ran["twice"] == 3, "the third attempt")
    ask(engine, "count", "next", "next")
    until(lambda: ran["next"] == 1, "the worker goes on")
    assert failures(engine, "twice") == []
    assert ran["twice"] == 3


def test_what_keeps_failing_is_given_up_and_on_record(engine: Engine, worker: jobs.Worker) -> None:
    ask(engine, "stumble", "always", "always", 99)
    ask(engine, "no such job", "unknown")
    until(lambda: failures(engine, "always") != [], "the job is given up")
    until(lambda: failures(engine, "unknown") != [], "the unknown job is given up")
    assert failures(engine, "always") == [
        {"job": "stumble", "key": "always", "attempts": 3, "cause": "ConnectionError"}
    ]
    assert failures(engine, "unknown")[0]["cause"] == "KeyError"
    assert ran["always"] == 3


def test_what_was_given_up_is_an_incident_and_runs_once_more_when_retried(
    engine: Engine, worker: jobs.Worker
) -> None:
    ask(engine, "stumble", "mended", "mended", 3)
    until(lambda: incident_of(engine, "mended") != [], "the job is given up")
    [row] = incident_of(engine, "mended")
    assert (row.kind, row.job, row.job_args) == (IncidentKind.JOB, "stumble", ["mended", 3])
    assert (row.error, row.attempts) == ("ConnectionError", 3)
    assert "quote a record" not in row.trace
    with Session(engine) as session, session.begin():
        incidents.retry(session, session.get_one(Incident, row.id), by=None, now=datetime.now(UTC))
    until(lambda: ran["mended"] == 4, "it runs once more")
    ask(engine, "count", "behind", "behind")
    until(lambda: ran["behind"] == 1, "the worker goes on")
    assert len(incident_of(engine, "mended")) == 1
    assert incident_of(engine, "mended")[0].solved_at is not None


def incident_of(engine: Engine, key: str) -> list[Incident]:
    with Session(engine) as session:
        found = session.scalars(select(Incident).where(Incident.job_key == key))
        return list(found)


def test_one_name_is_one_function() -> None:
    with pytest.raises(ValueError, match="count"):
        jobs.job("count")(lambda: None)


def failures(engine: Engine, key: str) -> list[dict[str, object]]:
    with Session(engine) as session:
        found = session.scalars(select(Event.data).where(Event.name == "job.failed"))
        return [data for data in found if data["key"] == key]

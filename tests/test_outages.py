"""The database away, busy or full: what a person sees, and that nothing has to be put right."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask import Flask, before_render_template
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import (
    Attachment,
    Base,
    BlindCopy,
    DossierRequest,
    DossierState,
    Event,
    Notice,
    NoticeKind,
    Notification,
)
from tests.cases import report
from tests.pages import Client
from tests.people import World
from tests.waiting import until
from tests.walk import Page
from webapp import db, leftovers, sqlite_log
from webapp.db import make_engine
from workflows import engine as engine_
from workflows.actions import dossiers, notices
from workflows.engine import definitions
from workflows.jobs import migrate as migrate_jobs

ClientFor = Callable[[Any], Client]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture
def away(app: Flask) -> Iterator[Callable[[], None]]:
    """Take the database from under the app."""
    there: Engine = app.extensions["engine"]
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def take() -> None:
        app.extensions["engine"] = make_engine("sqlite:////nowhere/at/all/yili.db")

    yield take
    app.extensions["engine"] = there


def test_without_a_database_pages_say_so_and_lose_nothing(
    client_for: ClientFor, world: World, away: Callable[[], None]
) -> None:
    browser = client_for(world.by["mch"])
    assert browser.get("/tasks").status_code == 200
    away()
    reply = browser.get("/tasks")
    assert reply.status_code == 503
    assert "数据库暂时连不上" in reply.text
    assert reply.headers["Retry-After"]
    key = str(uuid4())
    reply = browser.post("/tasks/1", data={"key": key, "remark": "值班电话已打"})
    assert reply.status_code == 503
    for kept in ("值班电话已打", key, "带着填写的内容继续"):
        assert kept in reply.text
    said = browser.post("/drafts/report", data={}, headers={"Accept": "application/json"})
    assert said.status_code == 503
    assert "过一两分钟再试" in said.get_json()["message"]
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/readyz").status_code == 503


def test_signing_in_during_an_outage_loses_nothing_that_it_carries(
    client: Client, app: Flask, session: Session, world: World, away: Callable[[], None]
) -> None:
    there = app.extensions["engine"]
    away()
    typed = {"username": "mch", "password": "x", "next": "/tasks/7", "_kept.remark": "电话已打"}
    reply = client.post("/sign-in", data=typed)
    assert reply.status_code == 503
    app.extensions["engine"] = there
    sent = dict(Page.of(reply.text, of="_resumed").sent)
    assert sent["_resumed"] == "1"
    back = client.post("/sign-in", data=sent)
    assert back.status_code == 200
    assert dict(Page.of(back.text, of="username").sent) | {"csrf_token": ""} == {
        "csrf_token": "", "username": "mch", "password": "", "next": "/tasks/7",
        "_kept.remark": "电话已打",
    }  # fmt: skip
    session.expire_all()
    assert world.user("mch").failed_signins == 0


def test_reading_waits_for_no_writer_even_to_be_noted_as_seen(
    client_for: ClientFor, world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser = client_for(world.by["mch"])
        clock.shift(timedelta(minutes=5))
        holder = sqlite3.connect(tmp_path / "yili.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert browser.get("/tasks").status_code == 200
        holder.execute("ROLLBACK")
        holder.close()
    assert "not noted as seen: OperationalError: database is locked" in caplog.text


def test_an_answer_that_is_made_is_given_though_the_database_has_gone_since(
    client_for: ClientFor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = client_for(world.by["mch"])

    def gone(_session: Session) -> None:
        raise OperationalError("ROLLBACK", {}, Exception())

    with monkeypatch.context() as patched:
        patched.setattr(Session, "close", gone)
        assert browser.get("/tasks").status_code == 200
    assert browser.get("/tasks").status_code == 200


def test_a_page_that_says_why_makes_nobody_wait(
    client_for: ClientFor, world: World, app: Flask, tmp_path: Path
) -> None:
    browser = client_for(world.by["department"])
    free: list[bool] = []

    def look(_app: Flask, **_page: object) -> None:
        """While the page is being made somebody else could write."""
        writer = sqlite3.connect(tmp_path / "yili.db", isolation_level=None, timeout=0)
        try:
            writer.execute("BEGIN IMMEDIATE")
            free.append(True)
        except sqlite3.OperationalError:
            free.append(False)
        finally:
            writer.close()

    with before_render_template.connected_to(look, app):
        assert browser.post("/reports/new", data={"name": "禾"}).status_code == 422
        assert free
        assert all(free)


def test_whatever_becomes_of_a_writer_the_next_one_has_its_turn(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues: list[Any] = []

    class Seen(db._Queue):
        def __init__(self) -> None:
            super().__init__()
            queues.append(self)

    monkeypatch.setattr(db, "_Queue", Seen)
    monkeypatch.setattr(db, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(db, "PRAGMAS", ("journal_mode=WAL", "busy_timeout=50"))
    engine = make_engine(database_url)
    [queue] = queues
    holder = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    for end in ("commit", "rollback", "close", "invalidate", "detach"):
        connection = engine.connect()
        connection.begin()
        assert queue._turn.locked()
        getattr(connection, end)()
        connection.close()
        assert not queue._turn.locked(), end
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"), engine.begin():
        pass
    assert not queue._turn.locked()
    holder.close()
    with engine.begin(), pytest.raises(OperationalError, match="locked"), engine.begin():
        pass  # who could not wait for a turn waits no longer for the lock
    engine.dispose()


def test_a_log_that_readers_let_grow_is_begun_anew_when_they_have_gone(
    session: Session, world: World, tmp_path: Path
) -> None:
    session.commit()
    database, log = tmp_path / "yili.db", tmp_path / "yili.db-wal"
    reader = sqlite3.connect(database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM user").fetchone()
    report(session, world.by["department"], NOW)
    session.commit()
    assert log.stat().st_size > 0
    assert sqlite_log.shorten(database)  # it is not large
    assert not sqlite_log.shorten(database, large=0)
    reader.execute("ROLLBACK")
    reader.close()
    assert sqlite_log.shorten(database, large=0)
    assert log.stat().st_size == 0


def test_postgres_lets_nobody_wait_for_ever(postgres_url: str) -> None:
    engine = make_engine(postgres_url, longest=30)
    names = ("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
    with engine.connect() as connection:
        shown = [connection.scalar(text(f"SHOW {name}")) for name in names]
        driver = connection.connection.dbapi_connection
        assert driver is not None
        assert "tcp_user_timeout" in driver.info.get_parameters()
    engine.dispose()
    assert shown == ["10s", "1min", "30s"]


def test_a_connection_that_was_ended_meanwhile_is_not_handed_out(postgres_url: str) -> None:
    engine, other = make_engine(postgres_url), make_engine(postgres_url)
    try:
        with engine.connect() as connection:
            before = connection.scalar(text("SELECT pg_backend_pid()"))
        with other.connect() as connection:
            assert connection.scalar(
                text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before}
            )
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) != before
    finally:
        engine.dispose()
        other.dispose()


# What comes back after it was given up


@pytest.fixture
def dossier(session: Session, world: World, database_url: str) -> DossierRequest:
    migrate_jobs(database_url)
    by = world.by["quality_office"]
    case = report(session, by, NOW)
    row = dossiers.request_dossier(session, case, "archive", "", by=by, now=NOW)
    session.commit()
    return row


def finish(session: Session, row: DossierRequest, token: str) -> bool:
    return dossiers.finish(session, row, token=token, sha256="0" * 64, size=1, pages=1, now=NOW)


def test_a_dossier_is_finished_once(session: Session, dossier: DossierRequest) -> None:
    """The worker that stood still comes back when another has done its job."""
    assert finish(session, dossier, "first")
    assert not finish(session, dossier, "second")
    dossiers.report_progress(session, dossier, 40, "排版")
    dossiers.fail(session, dossier, "排版没有完成", now=NOW)
    session.commit()
    assert (dossier.state, dossier.token, dossier.percent) == (DossierState.READY, "first", 100)
    count = select(func.count()).where(Event.name.in_(["dossier.rendered", "dossier.failed"]))
    assert session.scalar(count) == 1
    told = select(func.count()).where(Notification.name == "dossier.rendered")
    assert session.scalar(told) == 1


def test_what_a_killed_process_left_behind_goes(
    session: Session, dossier: DossierRequest, world: World, tmp_path: Path
) -> None:
    finish(session, dossier, "kept")
    file = Attachment(
        token="named", filename="a.pdf", media_type="application/pdf", size=1, sha256="0",
        uploaded_by_id=world.user("mch").id, uploaded_at=NOW,
    )  # fmt: skip
    session.add(file)
    session.flush()
    session.add(
        BlindCopy(
            attachment_id=file.id, token="blind", looked_for="0", media_type="application/pdf",
            size=1, masked=[], unread=[], made_at=NOW,
        )
    )  # fmt: skip
    session.commit()
    for name in ("files/named", "files/blind", "files/unnamed", "files/.half.part",
                 "dossiers/kept.pdf", "dossiers/unknown.pdf", "dossiers/unknown.part"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    temporary = tmp_path / "temporary"
    (temporary / "yili-pdf-x" / "home").mkdir(parents=True)
    now = datetime.now(UTC)
    assert (
        leftovers.sweep(session, tmp_path, temporary, now) == 0
    )  # somebody may still be writing them
    assert leftovers.sweep(session, tmp_path, temporary, now + timedelta(days=2)) == 5
    assert list(temporary.iterdir()) == []
    left = sorted(path.name for path in tmp_path.glob("*/*") if path.is_file())
    assert left == ["blind", "kept.pdf", "named"]


def test_the_tables_that_name_files_are_known() -> None:
    """One that is not asked loses its files a day after they were made. A new one belongs into
    `webapp.leftovers` and into the test above, then into this list."""
    naming = {name for name, table in Base.metadata.tables.items() if "token" in table.columns}
    assert naming == {"attachment", "blind_copy", "dossier_request", "notice_file"}


# Two at once


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"])
def test_two_notices_issued_at_once_have_two_numbers(
    engine: Engine, session: Session, world: World
) -> None:
    by = world.by["commission"]
    case = report(session, world.by["quality_office"], NOW)
    given: list[str] = []

    def number(own: Session) -> str:
        step: Any = SimpleNamespace(session=own, by=own.merge(by, load=True))
        return notices._number(step, NOW)

    def second() -> None:
        with Session(engine) as other:
            given.append(number(other))

    with Session(engine) as first:
        given.append(number(first))
        thread = Thread(target=second)
        thread.start()
        until(lambda: waits(session), "the second waits for the first")
        first.add(
            Notice(
                kind=NoticeKind.CASE_FEEDBACK,
                number=given[0], case_id=case.id, level="county",
                organisation_id=by.organisation_id,
                document_id=session.scalar(text("SELECT max(id) FROM document")),
                drafted_by_id=by.user_id,
            )
        )  # fmt: skip
        first.commit()
    thread.join()
    assert len(set(given)) == 2


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"])
def test_two_first_cases_at_once_enter_one_definition(engine: Engine, session: Session) -> None:
    entered: list[int] = []

    def second() -> None:
        with Session(engine) as other, other.begin():
            entered.append(definitions.current(other, "maternal_death", NOW).id)

    with Session(engine) as first:
        entered.append(definitions.current(first, "maternal_death", NOW).id)
        thread = Thread(target=second)
        thread.start()
        until(lambda: waits(session), "the second waits for the first")
        first.commit()
    thread.join()
    assert len(entered) == 2
    assert len(set(entered)) == 1


def waits(session: Session) -> bool:
    session.rollback()
    return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_the_databases_errors_are_no_fault_of_a_process() -> None:
    """The library wraps what an expression raises: it must not become an incident."""

    def evaluate() -> None:
        try:
            raise OperationalError("SELECT", {}, Exception("gone"))
        except OperationalError:
            raise RuntimeError("Error evaluating expression") from None

    with pytest.raises(OperationalError), engine_._telling("maternal_death", 1, "UT_plan"):
        evaluate()

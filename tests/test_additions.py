"""New rows by plain statements: what becomes of them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session

from models import Event, Process
from tests.conftest import DATABASES
from tests.people import World
from workflows import additions
from workflows.actions.cases import open_case
from workflows.demo import answers
from workflows.events import EventName, record

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def names(session: Session) -> list[str]:
    return list(session.scalars(select(Event.name).order_by(Event.id)))


@pytest.mark.parametrize("database", DATABASES)
def test_what_is_added_is_there_for_the_next_query_and_gone_with_its_transaction(
    engine: Engine,
) -> None:
    with Session(engine) as session:
        record(session, EventName.CASE_READ, now=NOW)
        assert names(session) == ["case.read"]
        record(session, EventName.LOG_EXPORTED, now=NOW)
        savepoint = session.begin_nested()
        record(session, EventName.CASE_VOIDED, now=NOW)
        savepoint.rollback()
        assert names(session) == ["case.read", "log.exported"]
        session.rollback()
        assert names(session) == []
        record(session, EventName.CASE_VOIDED, now=NOW)
        session.close()  # and is used once more
        record(session, EventName.CASE_CLOSED, now=NOW)
        with session.no_autoflush:
            assert names(session) == []
        session.commit()
        assert not additions.wait(session)
        assert names(session) == ["case.closed"]


@pytest.mark.parametrize("database", DATABASES)
def test_what_is_inserted_is_as_if_it_had_been_read(session: Session, world: World) -> None:
    by = world.by["quality_office"]
    told = answers.report(NOW, organisation=by.organisation_id)
    case = open_case(session, told, key="one", by=by, now=NOW)
    [process] = session.scalars(select(Process).where(Process.case_id == case.id))
    rows = [case, case.person, *case.units, *case.clocks, process]
    assert not session.new
    assert not session.dirty
    before = [told_of(row) for row in rows]
    session.commit()
    assert [told_of(row) for row in rows] == before
    assert {row.case for row in case.clocks} == {case}


def told_of(row: object) -> dict[str, object]:
    return {each.key: getattr(row, each.key) for each in inspect(type(row)).column_attrs}

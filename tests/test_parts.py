"""What has ended is passed by where only what is open is looked for, and nothing else ever is."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import time_machine
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from models import Appointment, Case, CaseState, CaseUnit, Clock
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from tests.test_case_lists import column
from tests.waiting import until
from workflows import clocks, parts
from workflows.actions import cases as actions
from workflows.permissions import case_ids

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
pytestmark = pytest.mark.parametrize("database", DATABASES)


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def case(session: Session, world: World) -> Case:
    """Two days after the death, so that the discussion is late."""
    return report(session, world.by["quality_office"], NOW - timedelta(hours=47))


def settled(session: Session, case: Case) -> bool:
    """Whether all its units pass it by, or none."""
    rows = select(CaseUnit.settled).where(CaseUnit.case_id == case.id)
    [said] = set(session.scalars(rows))
    return said


def close(session: Session, case: Case) -> None:
    case.state = CaseState.CLOSED
    parts.end(session, case)


def meet_all(session: Session, case: Case) -> None:
    for clock in case.clocks:
        clocks.meet(session, clock, now=NOW)
    session.flush()


def test_a_case_is_settled_when_it_has_ended_and_no_limit_of_it_runs(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    mch, everything = world.by["mch"], "/clocks?state=running"
    late = len(clocks_on(client_for(mch).get("/clocks?state=late").text))
    close(session, case)
    session.commit()
    assert not settled(session, case), "its limits run on"
    assert len(clocks_on(client_for(mch).get("/clocks?state=late").text)) == late > 0
    meet_all(session, case)
    close(session, case)
    session.commit()
    assert settled(session, case)
    assert session.scalars(case_ids(mch, unsettled=True)).all() == []
    assert session.scalars(case_ids(mch)).all() == [case.id]
    assert clocks_on(client_for(mch).get(everything).text) == []
    started = clocks.start(session, case, "discussion_after_autopsy", organisation_id=1, now=NOW)
    assert started is not None
    session.commit()
    assert not settled(session, case), "a limit has started again"
    assert clocks_on(client_for(mch).get(everything).text) == [started.title]
    meet_all(session, case)
    close(session, case)
    case.state = CaseState.RETURNED
    session.commit()
    assert not settled(session, case), "it goes on"
    assert session.scalars(parts.passed_by()).all() == []


def clocks_on(page: str) -> list[str]:
    return column(page, "时限")


def test_a_voided_case_is_settled_whatever_runs_and_a_refused_request_changes_nothing(
    session: Session, world: World, case: Case
) -> None:
    why = "登记错了人，另有一例才是她本人的"
    actions.request_void(session, case, why, by=world.by["quality_office"], now=NOW)
    actions.decide_void(session, case, False, by=world.by["mch"], now=NOW)
    assert not settled(session, case)
    actions.request_void(session, case, why, by=world.by["quality_office"], now=NOW)
    actions.decide_void(session, case, True, by=world.by["mch"], now=NOW)
    assert settled(session, case)
    running = select(func.count()).where(Clock.case_id == case.id, Clock.met_at.is_(None))
    assert session.scalar(running)
    assert session.scalars(parts.passed_by()).all() == []


@pytest.mark.parametrize("first", ["the end", "the start"])
def test_a_limit_that_starts_while_its_case_ends_is_not_passed_by(
    session: Session, engine: Engine, case: Case, first: str
) -> None:
    """Whichever of the two comes first: the other waits, and sees what it did."""
    meet_all(session, case)
    session.commit()
    both = {"the end": close, "the start": start}
    [then] = both.keys() - {first}
    done = []

    def other() -> None:
        with Session(engine) as own, own.begin():
            both[then](own, own.get_one(Case, case.id))
        done.append(then)

    with Session(engine) as own:
        known = own.get_one(Case, case.id)
        both[first](own, known)
        thread = Thread(target=other)
        thread.start()
        if engine.dialect.name == "postgresql":
            waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            until(lambda: bool(own.scalar(waits)) or not thread.is_alive(), "the other waits")
        assert not done
        own.commit()
    thread.join()
    assert done
    session.rollback()
    assert session.scalars(parts.passed_by()).all() == []
    assert not settled(session, case)


def start(session: Session, case: Case) -> None:
    """As somebody does it who has read the case before."""
    assert case.state is not None
    clocks.start(session, case, "discussion_after_autopsy", organisation_id=1, now=NOW)
    session.flush()

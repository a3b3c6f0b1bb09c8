"""Median and ninetieth percentile, and counts by quarter, in SQL, on both databases."""

import statistics as reference
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Conclusion, Document, Level, Panel, Task, TaskState
from tests.cases import report
from tests.conftest import DATABASES
from tests.people import World
from workflows import quarters
from workflows.statistics import Part, Period, flows

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
MAIN = Part("maternal_death")


@pytest.mark.parametrize("database", DATABASES)
def test_median_and_p90(session: Session, world: World) -> None:
    cases = [
        report(session, world.by["quality_office"], NOW - timedelta(hours=hours))
        for hours in range(1, 12)
    ]
    took = []
    for number, case in enumerate(cases):
        task = session.scalars(
            select(Task).where(Task.case_id == case.id, Task.bpmn_id == "UT_receive")
        ).one()
        seconds = 60.0 * (number * number + 1)
        task.state, task.closed_at = TaskState.DONE, task.opened_at + timedelta(seconds=seconds)
        took.append(seconds)
    session.commit()
    found = flows(
        session,
        MAIN,
        Period(NOW - timedelta(days=9), NOW + timedelta(days=9)),
        by=world.by["mch"],
        now=NOW,
    )["UT_receive"]
    tenths = reference.quantiles(took, n=10, method="inclusive")
    assert found.done == len(took)
    assert found.median == pytest.approx(reference.median(took), abs=0.01)
    assert found.p90 == pytest.approx(tenths[-1], abs=0.01)


@pytest.mark.parametrize("database", DATABASES)
def test_conclusions_by_quarter(session: Session, world: World) -> None:
    """The last moment of a quarter is that of China's calendar."""
    by = world.by["mch"]
    for moment, factors in (
        (datetime(2026, 9, 30, 15, 59, tzinfo=UTC), ["5", "8"]),
        (datetime(2026, 9, 30, 16, 0, tzinfo=UTC), ["5"]),
        (NOW, []),
    ):
        case = report(session, world.by["quality_office"], NOW)
        sheet = Document(
            case_id=case.id, form="conclusion.v4", edition=1, answers={}, author_id=by.user_id,
            appointment_id=by.id, submitted_at=moment, key=f"sheet {case.id}",
        )  # fmt: skip
        panel = Panel(
            case=case, level=Level.COUNTY, organisation_id=by.organisation_id,
            chair_id=by.user_id, secretary_id=by.user_id, planned_at=moment, convened_at=moment,
        )  # fmt: skip
        session.add_all([sheet, panel])
        session.flush()
        session.add(
            Conclusion(
                panel=panel, case=case, level=Level.COUNTY, document=sheet, code="avoidable",
                votes={}, factors=factors, changes=[], signed_at=moment,
            )
        )  # fmt: skip
    session.commit()
    newest, before = quarters.concluded(session, quarters.latest(NOW), by=by)[Level.COUNTY]
    assert (newest.quarter.title, newest.cases, newest.cells) == ("2026 年第 4 季度", 2, {"5": 1})
    assert (before.quarter.title, before.cases) == ("2026 年第 3 季度", 1)
    assert before.cells == {"5": 1, "8": 1}
    assert newest.two == {None: 2}

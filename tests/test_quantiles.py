"""Median and ninetieth percentile, in SQL, on both databases."""

import statistics as reference
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Task, TaskState
from tests.cases import report
from tests.conftest import DATABASES
from tests.people import World
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

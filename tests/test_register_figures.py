"""What the register counts, on both databases: of the demonstration's women, at the moment they
were entered and later."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.conftest import DATABASES
from tests.walk import StartWalk, stage_on
from workflows import register, risk_figures
from workflows.actions import risk_warnings
from workflows.demo import register as demo_register
from workflows.rules import day_of


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    """Here, too."""
    return settled_postgres


@pytest.mark.parametrize("database", DATABASES)
def test_the_register_counts_alike_on_both_databases(start_walk: StartWalk, tmp_path: Path) -> None:
    walk = start_walk()
    with Session(walk.app.extensions["engine"]) as session, session.begin():
        demo_register.play(stage_on(session, tmp_path), walk.now)
    walk.session.rollback()
    session, city = walk.session, walk.seat("chenglc")
    now, today = walk.now, day_of(walk.now)
    counts = register.counted(session, city, now)
    assert counts == {
        "late_report": 1, "unreported": 1, "unreceived": 2, "overdue": 1, "risen": 1,
    }  # fmt: skip
    year = risk_figures.stage("2026")
    assert year is not None
    qinghe, bailu = risk_figures.summary(session, city, year, today)
    assert (qinghe.area, bailu.area) == ("青禾县", "白鹭县")
    both = risk_figures.whole([qinghe, bailu]).total
    assert {name: both[name] for name in risk_figures.MEASURES} == {
        "new": 6, "risen": 1, "referred": 1, "overdue": 3, "closed": 1, "delivered": 1,
        "managed": 5,
    }  # fmt: skip
    assert (qinghe.by["star"]["managed"], bailu.by["purple"]["new"]) == (1, 1)
    [unit, *_] = risk_figures.summary(session, walk.seat("fangcf"), year, today)
    assert unit.area == "青禾县医院"  # who sees one county counts by unit
    found = risk_figures.factors(session, city, year)
    assert (found["age_body"]["yellow"], found["placenta"]["red"]) == (5, 1)
    assert len(risk_figures.over_time(session, city, today, 4)) == 4
    due = risk_warnings.due_records(session, now)
    assert len(due) == 2
    for key in due:
        assert risk_warnings.warn(session, key, now)
    assert risk_warnings.due_records(session, now) == []
    assert risk_warnings.due_records(session, now + timedelta(days=6)) != []
    session.rollback()

"""Ledger items that no review found: from their entry to the acceptance by another unit."""

from collections import Counter
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import (
    Duty,
    DutyState,
    ItemSource,
    Organisation,
    Rectification,
    RectificationState,
)
from tests import said
from tests.conftest import DATABASES
from tests.test_migrations import alembic
from tests.walk import Move, StartWalk, Walk
from workflows.actions import ledger
from workflows.actions.ledger import Problem, open_item
from workflows.demo.play import Play

PROBLEM = Problem("抽查发现催产素无双人核对。", "medical", "specific", "management", 5)


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def enter(walk: Walk, owner: str = "qh_hospital", acceptor: str = "qh_commission") -> Rectification:
    """Somebody of the county's MCH institution enters a problem; the walk is about it now."""
    walk.session.rollback()
    with Session(walk.app.extensions["engine"]) as session, session.begin():
        item = open_item(
            session,
            problem=PROBLEM,
            source=ItemSource.SPOT_CHECK,
            owner=session.get_one(Organisation, walk.units[owner]),
            acceptor=session.get_one(Organisation, walk.units[acceptor]),
            by=session.merge(walk.seat("shenqm")),
            now=walk.now,
        )
        key = item.id
    walk.session.rollback()
    found = walk.session.get_one(Rectification, key)
    walk.duty_id = found.duty_id
    return found


@pytest.mark.parametrize("database", DATABASES)
def test_an_item_without_a_case_runs_like_one_of_a_case(start_walk: StartWalk) -> None:
    walk = start_walk()
    item = enter(walk)
    assert item.guide is not None
    assert walk.open() == Counter(["plan:zhougy"])
    days = 24.0
    walk.walk(
        [
            Move(1, "zhougy", "plan", said.plan(10), "progress:zhougy"),
            Move(2, "zhougy", "progress", said.progress("zhougy", 40), "progress:zhougy"),
            Move(12 * days, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(13 * days, "fangcf", "accept", said.rejection(), "progress:zhougy"),
            Move(14 * days, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(15 * days, "fangcf", "accept", said.acceptance(), ""),
        ]
    )
    walk.session.refresh(item)
    assert item.state is RectificationState.CLOSED
    assert (item.rejections, item.case_id) == (1, None)
    duty = walk.session.get_one(Duty, item.duty_id)
    assert duty.state is DutyState.DONE
    clock = walk.session.execute(
        text("SELECT due_at, met_at, escalated_at FROM clock WHERE duty_id IS NOT NULL")
    ).one()
    assert all(moment is not None for moment in clock)

    page = f"/ledger/{item.id}"
    for who in ("zhougy", "fangcf", "shaoxz", "shenqm", "liangxh", "chenglc", "renys"):
        assert PROBLEM.text in walk.browser(who).get(page).text, who
    for who in ("gaomz", "guqf", "subl", "tanglq", "jiasj", "linxm", "qianqs", "wugs", "anquan"):
        assert walk.browser(who).get(page).status_code == 404, who
    assert walk.browser("shenqm").get(f"/duties/{duty.id}").status_code == 404
    assert duty.occasion not in walk.browser("shenqm").get("/duties?view=all").text
    evidence = walk.session.execute(
        text("SELECT token FROM attachment WHERE duty_id IS NOT NULL")
    ).scalars()
    for token in evidence.all():
        assert walk.browser("fangcf").get(f"/attachments/{token}").status_code == 200
        assert walk.browser("gaomz").get(f"/attachments/{token}").status_code == 404


def test_nobody_accepts_their_own(start_walk: StartWalk) -> None:
    walk = start_walk()
    with pytest.raises(ledger.SameUnit):
        enter(walk, "qh_mch", "qh_mch")
    assert walk.session.scalars(select(Rectification)).all() == []


@pytest.mark.parametrize("database", DATABASES)
def test_items_of_cases_outlive_a_way_back_those_of_duties_do_not(
    start_walk: StartWalk, database_url: str
) -> None:
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    item = enter(walk)
    walk.at(101)
    walk.make(Move(102, "zhougy", "plan", said.plan(10), "progress:zhougy"))
    rows = "SELECT number, problem, area, scope, kind, cell, source FROM rectification"
    told = f"{rows} WHERE case_id IS NOT NULL ORDER BY number"
    before = walk.session.execute(text(told)).all()
    kept = item.number
    walk.session.close()
    walk.app.extensions["engine"].dispose()

    alembic(database_url, command.downgrade, "0015")
    alembic(database_url, command.upgrade, "head")
    with walk.app.extensions["engine"].connect() as connection:
        assert connection.execute(text(told)).all() == before
        assert "产后出血靠目测，未称重计量，预警晚。" in {row.problem for row in before}
        assert kept not in connection.execute(text(rows)).scalars().all()
        for table in ("clock", "task", "document", "process", "attachment"):
            of_duty = text(f"SELECT count(*) FROM {table} WHERE duty_id IS NOT NULL")  # noqa: S608
            assert connection.execute(of_duty).scalar() == 0, table
        with pytest.raises(DBAPIError, match="document"):
            connection.execute(text("DELETE FROM document"))

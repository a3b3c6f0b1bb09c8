"""The whole process over HTTP, as tables of who does what and what is open next, and for whom."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from models import (
    CaseState,
    Conclusion,
    Level,
    Process,
    ProcessState,
    Rectification,
    RectificationState,
    Task,
    Timer,
)
from tests import said
from tests.conftest import DATABASES
from tests.walk import Move, StartWalk, Walk, faults


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


EXPERTS = "opinion:chenyf opinion:qianqs opinion:fengjc opinion:chuys opinion:lixh"
FIRST_48H = (
    Move(1.5, "linxm", "report", said.report(), "receive:shenqm discuss:zhougy submit:zhougy"),
    Move(2.7, "shenqm", "receive", said.receipt(), "discuss:zhougy submit:zhougy"),
    Move(11, "zhougy", "discuss", said.discussion(), "explain:helx submit:zhougy"),
    Move(20.3, "helx", "explain", said.explanation(), "submit:zhougy"),
    Move(40, "zhougy", "submit", said.submission(), "verify:shenqm"),
)
RETURNED_TWICE = (
    Move(60, "shenqm", "verify", said.returned(), "supplement:zhougy"),
    Move(70, "zhougy", "supplement", said.supplement(), "verify:shenqm"),
    Move(75, "shenqm", "verify", said.returned(), "supplement:zhougy"),
    Move(90, "zhougy", "supplement", said.supplement(card_no="99210817"), "verify:shenqm"),
    Move(95, "shenqm", "verify", said.verification(), "convene:fangcf"),
)
COUNTY_REVIEW = (
    Move(120, "fangcf", "convene", said.panel("county", 5), EXPERTS),
    Move(160, "chuys", "opinion", said.opinion(),
         "opinion:chenyf opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(161, "chenyf", "opinion", said.opinion(),
         "opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(162, "lixh", "opinion", said.opinion(conclusion="unavoidable", chance="none"),
         "opinion:qianqs opinion:fengjc"),
    Move(163, "fengjc", "opinion", said.opinion(), "opinion:qianqs"),
    Move(170, "qianqs", "opinion", said.opinion(conclusion="avoidable"), "conclude:wugs"),
    Move(245, "wugs", "conclude", said.conclusion("county"), "chair_sign:chenyf"),
    Move(247, "chenyf", "chair_sign", said.chair_returns(), "conclude:wugs"),
    Move(250, "wugs", "conclude", said.conclusion("county"), "chair_sign:chenyf"),
    Move(252, "chenyf", "chair_sign", said.chair_signs(), "endorse:shaoxz"),
    Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"),
)  # fmt: skip
NOTICE = (
    Move(290, "fangcf", "notice", said.notice(), "issue:shaoxz"),
    Move(292, "shaoxz", "issue", said.issue_returned(), "notice:fangcf"),
    Move(295, "fangcf", "notice", said.notice_again(), "issue:shaoxz"),
    Move(298, "shaoxz", "issue", said.issue(),
         "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:shenqm convene:chenglc"),
    Move(300, "zhougy", "sign_notice", said.notice_receipt("zhougy"),
         "sign_notice:shenqm plan:zhougy plan:shenqm convene:chenglc"),
    Move(301, "shenqm", "sign_notice", said.notice_receipt("shenqm"),
         "plan:zhougy plan:shenqm convene:chenglc"),
)  # fmt: skip
CITY_REVIEW = (
    Move(310, "chenglc", "convene", said.panel("city", 10),
         "plan:zhougy plan:shenqm "
         "opinion:wangzy opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(311, "zhougy", "plan", said.plan(40),
         "progress:zhougy plan:shenqm "
         "opinion:wangzy opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(312, "shenqm", "plan", said.plan(40),
         "progress:zhougy progress:shenqm "
         "opinion:wangzy opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(400, "wangzy", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm "
         "opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(401, "qianqs", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(402, "zhaocs", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm opinion:fengjc opinion:chenyf"),
    Move(403, "fengjc", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm opinion:chenyf"),
    Move(404, "chenyf", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm conclude:zhengdh"),
    Move(560, "zhengdh", "conclude",
         said.conclusion("city", conclusion="avoidable",
                         difference_reason="市级认为县医院具备处置条件，用血延迟属流程问题。"),
         "progress:zhougy progress:shenqm chair_sign:wangzy"),
    Move(570, "wangzy", "chair_sign", said.chair_signs(),
         "progress:zhougy progress:shenqm endorse:renys"),
    Move(590, "renys", "endorse", said.endorsement(),
         "progress:zhougy progress:shenqm plan:zhougy"),
)  # fmt: skip
RECTIFIED = (
    Move(600, "zhougy", "progress", said.progress("zhougy", 40),
         "progress:zhougy progress:shenqm plan:zhougy"),
    Move(620, "zhougy", "plan", said.plan(30),
         "progress:zhougy progress:shenqm progress:zhougy"),
    Move(700, "zhougy", "progress", said.progress("zhougy"),
         "accept:fangcf progress:shenqm progress:zhougy"),
    Move(710, "fangcf", "accept", said.rejection(escalation="interview"),
         "progress:zhougy progress:shenqm progress:zhougy"),
    Move(900, "zhougy", "progress", said.progress("zhougy"),
         "accept:chenglc progress:zhougy progress:shenqm"),
    Move(901, "zhougy", "progress", said.progress("zhougy"),
         "accept:chenglc accept:fangcf progress:shenqm"),
    Move(910, "fangcf", "accept", said.acceptance(),
         "accept:chenglc progress:shenqm"),
    Move(920, "chenglc", "accept", said.acceptance(), "progress:shenqm"),
    Move(930, "shenqm", "progress", said.progress("shenqm"), "accept:fangcf"),
    Move(940, "fangcf", "accept", said.acceptance(), "archive:zhougy"),
)  # fmt: skip


def walked(start: StartWalk, *tables: tuple[Move, ...]) -> Walk:
    walk: Walk = start()
    for table in tables:
        walk.walk(table)
    return walk


WHOLE = (FIRST_48H, RETURNED_TWICE, COUNTY_REVIEW, NOTICE, CITY_REVIEW, RECTIFIED)


@pytest.mark.parametrize("database", DATABASES)
def test_from_discovery_to_the_closed_file(start_walk: StartWalk, database: str) -> None:
    """And an autopsy report so late that it stands in the way of closing the file."""
    walk = start_walk()
    walk.after.append(strangers_see_nothing)
    for table in WHOLE:
        walk.walk(table)
    walk.at(950)
    assert walk.post("zhougy", f"/cases/{walk.case_id}/rediscuss", {}).status_code == 303
    assert walk.open() == Counter(["archive:zhougy", "discuss_again:zhougy"])
    refused = walk.hand_in("zhougy", "archive", said.archive()(walk))
    assert refused.status_code == 422
    assert "还不能归档：再次讨论还没有完成" in faults(refused)[0]
    assert walk.case.state is CaseState.RECTIFYING
    walk.make(Move(960, "zhougy", "discuss_again", said.second_discussion(), "archive:zhougy"))
    walk.make(Move(970, "zhougy", "archive", said.archive(), ""))
    assert walk.case.state is CaseState.CLOSED
    processes = walk.session.scalars(select(Process).where(Process.case_id == walk.case_id))
    assert {process.status for process in processes} == {ProcessState.DONE}
    assert walk.session.scalars(select(Timer)).all() == []
    late = {clock.rule_key for clock in walk.clocks() if clock.seconds_late(walk.now)}
    assert late == set()
    conclusions = walk.session.scalars(select(Conclusion).order_by(Conclusion.id)).all()
    assert [(row.level, row.code, bool(row.difference)) for row in conclusions] == [
        (Level.COUNTY, "conditionally_avoidable", False),
        (Level.CITY, "avoidable", True),
    ]
    items = walk.session.scalars(select(Rectification).order_by(Rectification.id)).all()
    assert [
        (item.level, item.state, item.rejections, item.interview_proposed) for item in items
    ] == [
        ("county", RectificationState.CLOSED, 1, True),
        ("county", RectificationState.CLOSED, 0, False),
        ("city", RectificationState.CLOSED, 0, False),
    ]


STRANGERS = (
    "subl",
    "gaomz",
    "sundq",
    "anquan",
)  # hospital and MCH next door, expert, administrator


def strangers_see_nothing(walk: Walk, move: Move) -> None:
    """After every move, for people who have no part in the case."""
    tasks = walk.session.scalars(
        select(Task.id).where(Task.case_id == walk.case_id).order_by(Task.id.desc()).limit(2)
    ).all()
    file = walk.attachment()
    paths = [f"/cases/{walk.case_id}", f"/dossiers/of/{walk.case_id}"]
    paths += [f"/tasks/{task}" for task in tasks]
    paths += [f"/attachments/{file.token}"] if file else []
    for who in STRANGERS:
        browser = walk.browser(who)
        for path in paths:
            reply = browser.get(path, headers={"Accept": "application/json"})
            assert reply.status_code == 404, f"{who} gets {path} after {move.step}"

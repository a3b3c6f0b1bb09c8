"""新生儿死亡: from the report to the closed file, over HTTP; and what its forms refuse."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models import CaseKind, CaseState, Notification, Organisation, Rectification, User
from tests import newborn, said
from tests.forms import KNOWN, NOW, spoilt
from tests.newborn_forms import BAD, UNUSUAL
from tests.played import everything
from tests.walk import Move, Page, StartWalk, Walk
from workflows.events import EventName
from workflows.forms.check import check, warnings
from workflows.forms.derived import lived_words, newborn_class
from workflows.forms.load import load
from workflows.kinds import KINDS, offered
from workflows.rules import rule_set


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


FOUND = (
    Move(
        2,
        "linxm",
        "report",
        newborn.report(name="小宝"),
        "receive:shenqm discuss:zhougy submit:zhougy",
    ),
    Move(3, "shenqm", "receive", said.receipt(), "discuss:zhougy submit:zhougy"),
    Move(70, "zhougy", "discuss", newborn.discussion(), "submit:zhougy"),
    Move(80, "zhougy", "submit", newborn.submission(), "verify:shenqm"),
    Move(90, "shenqm", "verify", newborn.returned(), "supplement:zhougy"),
    Move(95, "zhougy", "supplement", newborn.submission(gest_days=4), "verify:shenqm"),
    Move(99, "shenqm", "verify", newborn.verification(), "convene:fangcf"),
)


PANEL = ("chenyf", "fengjc", "chuys", "lixh", "sundq")
EXPERTS = [f"opinion:{who}" for who in PANEL]
REVIEWED = (
    Move(120, "fangcf", "convene", newborn.panel("county", 5), " ".join(EXPERTS)),
    *(
        Move(160 + n, who, "opinion", newborn.opinion(), " ".join(EXPERTS[n + 1 :]))
        for n, who in enumerate(PANEL[:-1])
    ),
    Move(170, "sundq", "opinion", newborn.opinion(), "conclude:wugs"),
)
CONCLUDED = (
    Move(245, "wugs", "conclude", newborn.conclusion("county"), "chair_sign:chenyf"),
    *said.signed_by_all(PANEL, 247, "endorse:shaoxz"),
    Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"),
    Move(290, "fangcf", "notice", newborn.notice("county"), "issue:shaoxz"),
    Move(292, "shaoxz", "issue", said.issue(),
         "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:shenqm"),
    Move(300, "zhougy", "sign_notice", said.notice_receipt("zhougy"),
         "sign_notice:shenqm plan:zhougy plan:shenqm"),
    Move(301, "shenqm", "sign_notice", said.notice_receipt("shenqm"), "plan:zhougy plan:shenqm"),
    Move(311, "zhougy", "plan", said.plan(40), "progress:zhougy plan:shenqm"),
    Move(312, "shenqm", "plan", said.plan(40), "progress:zhougy progress:shenqm"),
    Move(700, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf progress:shenqm"),
    Move(710, "fangcf", "accept", said.acceptance(), "progress:shenqm"),
    Move(930, "shenqm", "progress", said.progress("shenqm"), "accept:fangcf"),
    Move(940, "fangcf", "accept", said.acceptance(), "archive:zhougy"),
    Move(970, "zhougy", "archive", said.archive(), ""),
)  # fmt: skip


def started(start_walk: StartWalk) -> Walk:
    walk = start_walk()
    walk.kind = KINDS[CaseKind.NEONATAL_DEATH]
    return walk


@pytest.mark.clause("A06", "A08")
def test_a_newborn_from_the_report_to_the_closed_file(start_walk: StartWalk) -> None:
    walk = started(start_walk)
    told_at_once_and_both_ways(walk)
    walk.walk(FOUND[2:])
    case = walk.case
    assert case.number.startswith("ND-990121-2026-")
    assert {clock.due_at for clock in walk.clocks()} == {None}, "no document has a number"
    walk.walk(REVIEWED)
    guide = walk.session.get_one(Organisation, walk.panel("county").guide_organisation_id)
    assert guide.name == "云江市危重新生儿救治中心"
    reviewers_meet_nobody(walk)
    step = walk.task("wugs", "conclude").id
    begun = Page.of(walk.browser("wugs").get(f"/tasks/{step}").text).sent
    ticked = [value for name, value in begun if name == "neonatal_factors"]
    assert ticked == ["nursing", "drugs", "rules"]  # of the fourteen, as the experts have it
    walk.walk(CONCLUDED)
    assert (walk.case.kind, walk.case.state) == (CaseKind.NEONATAL_DEATH, CaseState.CLOSED)
    items = walk.session.scalars(select(Rectification)).all()
    assert {item.guide_id for item in items} == {walk.units["neonatal_centre"]}
    assert {clock.title for clock in walk.clocks() if clock.due_at} == {"问题整改"}


def told_at_once_and_both_ways(walk: Walk) -> None:
    """第一时间 to the county's MCH institution, 逐级 to commission and upper MCH institution."""
    told = select(User.username).join(Notification, Notification.user_id == User.id)
    walk.make(FOUND[0])
    reported = told.where(Notification.name == EventName.CASE_REPORTED)
    assert "shenqm" in set(walk.session.scalars(reported))
    for who, whose, is_found in (
        ("shenqm", "禾知暖", True), ("shenqm", "知暖", True), ("shenqm", "小宝", True),
        ("shenqm", "麦大川", False), ("gaomz", "禾知暖", False), ("jiasj", "禾知暖", False),
    ):  # fmt: skip
        reply = walk.browser(who).post("/search", data={"q": whose})
        assert (reply.location == f"/cases/{walk.case_id}") is is_found, (who, whose)
    walk.make(FOUND[1])
    onward = told.where(Notification.name == EventName.CASE_FORWARDED)
    assert set(walk.session.scalars(onward)) == {"fangcf", "shaoxz", "liangxh"}


TELLING = (
    "禾知暖", "麦大川", "13900000097", "秋分村", "青禾县人民医院", "青禾县妇幼", "江晓岚", "杜若白",
    "周谷雨", "XS26-0311", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23",
)  # fmt: skip


def reviewers_meet_nobody(walk: Walk) -> None:
    """An expert reads neither whose child it was nor where nor when: time is told by the birth."""
    told = {who: everything(walk.browser(who), walk.case) for who in ("lixh", "fangcf")}
    assert [word for word in TELLING if word in told["lixh"]] == []
    assert [word for word in TELLING[:5] if word not in told["fangcf"]] == []
    assert "出生后 35 小时 20 分" in told["lixh"]
    assert re.findall(r"死亡[前后] \d.{9}", told["lixh"]) == []


# Forms


@pytest.mark.parametrize(("form", "changes", "path", "message"), BAD)
def test_what_cannot_be_is_refused_with_what_to_do(
    form: str, changes: dict[str, Any], path: str, message: str
) -> None:
    errors = check(load(form), spoilt(form, changes), now=NOW, known=KNOWN)
    assert any(message in text for text in errors.get(path, [])), errors


@pytest.mark.parametrize(("form", "changes", "path", "message"), UNUSUAL)
def test_what_is_unlikely_is_said_and_taken(
    form: str, changes: dict[str, Any], path: str, message: str
) -> None:
    found = warnings(load(form), spoilt(form, changes), now=NOW, known=KNOWN)
    assert any(message in text for text in found.get(path, [])), found


@pytest.mark.parametrize(
    ("age", "words", "group"),
    [
        (timedelta(minutes=20), "0 小时 20 分", "早期"),
        (timedelta(hours=23, minutes=59), "23 小时 59 分", "早期"),
        (timedelta(hours=24), "1 天 0 小时", "早期"),
        (timedelta(days=7) - timedelta(minutes=1), "6 天 23 小时", "早期"),
        (timedelta(days=7), "7 天 0 小时", "晚期"),
        (timedelta(days=28) - timedelta(minutes=1), "27 天 23 小时", "晚期"),
        (timedelta(days=28), "28 天 0 小时", "超过"),
    ],
)
def test_age_is_counted_in_whole_days_and_hours(age: timedelta, words: str, group: str) -> None:
    assert lived_words(age) == words
    assert newborn_class(age).startswith(group)


@pytest.mark.parametrize(
    ("place", "is_offered"),
    [("320300", True), ("410200", True), ("420000", True), ("511922", False)],
)
def test_it_is_reported_where_the_documents_name_it(place: str, is_offered: bool) -> None:
    """And nowhere borrows it a number from the deaths of women."""
    rules = rule_set(place, datetime(2026, 11, 1, tzinfo=UTC).date())
    kind = KINDS[CaseKind.NEONATAL_DEATH]
    assert (kind in offered(rules)) is is_offered
    limits = [rule for rule in rules.clocks() if kind.has_clock(rule) and rule.start != "duty"]
    assert {rule.status for rule in limits if rule.key != "clock.rectification"} == {"undefined"}

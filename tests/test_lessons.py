"""经验与教训: drafted from a case, published by another person, read by the whole city, with no way
back to the case; and the problems of all cases counted."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Case,
    Finding,
    ItemSource,
    Lesson,
    LessonState,
    Level,
    Panel,
    PanelMember,
    Rectification,
    Region,
    RegionLevel,
)
from tests.played import CLOSED, FRESH, NOW, RECTIFYING, Browse, Cast
from workflows import analysis, lessons
from workflows.actions import ledger
from workflows.analysis import Problem

SAID: dict[str, Any] = {
    "kind": "lesson",
    "title": "产后出血要称重计量，不靠目测",
    "situation": "经产妇产后持续出血，靠目测估计，预警和用血都晚。",
    "text": "目测低估出血量，是预警晚的直接原因；夜间没有约定的用血流程。",
    "advice": "产后两小时称重计量；夜间紧急用血一个电话启动，定期演练。",
    "area": "medical",
    "scope": "general",
    "problem_kind": "technique",
    "cause_group": "08",
    "cells": ["5", "8"],
}
EVERYBODY = ("linxm", "zhougy", "helx", "subl", "tanglq", "shenqm", "gaomz", "liangxh", "fangcf",
             "guqf", "dongdz", "chenglc", "renys", "wugs", "sundq", "jiasj", "songqh")  # fmt: skip


@pytest.fixture
def database_url(played_url: str) -> str:
    """Every test here looks at the demonstration's cases."""
    return played_url


def drafted(browse: Browse, session: Session, case: Case, who: str, **over: Any) -> Lesson:
    reply = browse(who).post(f"/lessons/new/{case.id}", data=SAID | over)
    assert reply.status_code == 303, reply.text
    session.rollback()
    return session.get_one(Lesson, int(reply.location.rsplit("/", 1)[-1]))


def test_a_lesson_is_published_by_another_person_and_leads_nobody_back(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(CLOSED)
    new = f"/lessons/new/{case.id}"
    for who in ("gaomz", "guqf", "zhougy", "shaoxz", "jiasj", "sundq"):
        assert browse(who).get(new).status_code == 404, who
    assert browse("shenqm").get(f"/lessons/new/{cast.case(FRESH).id}").status_code == 404
    page = browse("shenqm").get(new).text
    for finding in session.scalars(select(Finding).where(Finding.case_id == case.id)):
        assert finding.text in page
    assert browse("shenqm").post(new, data=SAID | {"text": "短", "cells": "13"}).status_code == 422

    telling = SAID["situation"] + f"{case.person.name}在青禾县人民医院分娩，本季度 1 例。"
    lesson = drafted(browse, session, case, "shenqm", situation=telling)
    at = f"/lessons/{lesson.id}"
    assert browse("subl").get(at).status_code == 404  # not yet
    assert browse("shenqm").post(f"{at}/publish").status_code == 404  # never one's own
    shown = browse("fangcf").get(at).text
    for words in (case.person.name, "例数太小", "医疗机构名称"):
        assert words in shown
    reply = browse("fangcf").post(f"{at}/publish", data={"reason": "写得很好，可以发布。"})
    assert reply.status_code == 422
    assert "退回改写" in reply.text
    back = {"reason": "请去掉姓名和医院。"}
    assert browse("fangcf").post(f"{at}/give-back", data=back).status_code == 303
    assert back["reason"] in browse("shenqm").get(at).text
    assert browse("fangcf").get(f"{at}/edit").status_code == 404
    milder = SAID | {"situation": SAID["situation"] + "本季度 1 例。"}
    assert browse("shenqm").post(f"{at}/edit", data=milder).status_code == 303
    assert browse("guqf").post(f"{at}/publish").status_code == 404  # the other county's
    assert "例数太小" in browse("fangcf").post(f"{at}/publish").text
    kept = {"reason": "说明发生的频次，不影响识别。"}
    assert browse("fangcf").post(f"{at}/publish", data=kept).status_code == 303
    session.rollback()
    assert (lesson.state, lesson.kept_reason) == (LessonState.PUBLISHED, kept["reason"])
    assert browse("shenqm").post(f"{at}/edit", data=SAID).status_code == 404  # it stays as it is

    leads_back(browse, case, lesson)
    assert browse("anquan").get("/lessons").status_code == 404

    for query, there in (
        ("words=称重+演练", True), ("words=称重+羊水", False), ("cell=8", True), ("cell=1", False),
        ("kind=practice", False), ("cause_group=08&area=medical", True), ("scope=specific", False),
    ):  # fmt: skip
        found = browse("subl").get(f"/lessons?{query}").text
        assert (SAID["title"] in found) is there, query
    assert SAID["title"] in browse("zhougy").get(f"/cases/{case.id}/reviews").text

    gone = {"reason": "文件更新，做法已变。"}
    for who in ("zhougy", "guqf"):
        assert browse(who).post(f"{at}/withdraw", data=gone).status_code == 404, who
    assert browse("fangcf").post(f"{at}/withdraw").status_code == 422
    assert browse("chenglc").post(f"{at}/withdraw", data=gone).status_code == 303
    assert browse("subl").get(at).status_code == 404
    assert gone["reason"] in browse("shenqm").get(at).text


def leads_back(browse: Browse, case: Case, lesson: Lesson) -> None:
    """Everybody reads it; only who may open the case learns of it, who wrote it, and when."""
    opens = {"linxm", "zhougy", "helx", "shenqm", "liangxh", "fangcf", "chenglc", "renys"}
    at = f"/lessons/{lesson.id}"
    for who in EVERYBODY:
        shown = browse(who).get(at).text
        assert SAID["advice"] in shown, who
        assert SAID["title"] in browse(who).get("/lessons").text, who
        shown = shown.split("<main", 1)[1]
        for words in (case.number, f"/cases/{case.id}", "青禾", str(lesson.kept_reason)):
            assert (words in shown) is (who in opens), (who, words)
        assert (lesson.author.name in shown) is (who in opens), who


def test_lessons_stay_in_the_city_and_from_those_who_review_anew(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(RECTIFYING)
    lesson = drafted(browse, session, case, "guqf")
    assert lesson.number.startswith("JY-990100-")  # of the city: no number tells the county
    assert browse("gaomz").post(f"/lessons/{lesson.id}/publish").status_code == 303
    play = cast.play(RECTIFYING)
    play.convene(24 * 74, Level.CITY, meeting=24 * 90)
    session.commit()
    seats = (
        select(PanelMember).join(Panel).where(Panel.case_id == case.id, Panel.level == Level.CITY)
    )
    members = {seat.user.username for seat in session.scalars(seats)}
    assert members
    for who in EVERYBODY:
        status = browse(who).get(f"/lessons/{lesson.id}").status_code
        assert status == (404 if who in members else 200), who
    for who in sorted(members):
        assert browse(who).get(f"/lessons/{lesson.id}").status_code == 404, who
        assert lesson.title not in browse(who).get("/lessons").text, who
    session.rollback()
    session.add(Region(code="880100", name="他市", level=RegionLevel.CITY, initials="ts"))
    session.flush()
    lesson.city_code = "880100"
    assert session.scalars(lessons.library(cast.seat("zhougy"), tags={})).all() == []


def test_problems_are_counted_by_what_they_are_about(
    browse: Browse, session: Session, cast: Cast
) -> None:
    """A county counts its own cases, the city all; a page for each, and nobody else has one."""
    findings = session.scalars(select(Finding)).all()
    ours = [each for each in findings if each.case.county_code == "990121"]
    assert 0 < len(ours) < len(findings)
    for who, count in (("fangcf", len(ours)), ("chenglc", len(findings))):
        assert len(analysis.problems(session, by=cast.seat(who))) == count
        shown = browse(who).get("/analysis?span=8").text
        assert f"问题 {count} 个" in shown
        for words in ("产后宫缩乏力", "医疗保健系统", "县级医院", "再次出现"):
            assert words in shown, words
    assert "没有已签署结论" in browse("guqf").get("/analysis?span=8&level=city").text
    ledger.open_item(
        session,
        problem=ledger.Problem("抽查发现催产素无双人核对。", "medical", "specific"),
        source=ItemSource.SPOT_CHECK,
        owner=cast.seat("subl").organisation,
        acceptor=cast.seat("guqf").organisation,
        by=cast.seat("gaomz"),
        now=NOW,
    )
    session.commit()
    for who, source, total in (("guqf", "other", 1), ("chenglc", "all", 1 + len(findings))):
        shown = browse(who).get(f"/analysis?span=8&source={source}").text
        assert f"问题 {total} 个" in shown
        assert '<td data-label="分类">抽查' in shown
    assert analysis.found_otherwise(session, by=cast.seat("fangcf")) == []
    for who in ("zhougy", "sundq", "jiasj", "linxm"):
        assert browse(who).get("/analysis").status_code == 404, who


def test_dangers_are_listed_by_link_with_the_care_plans_made_about_them(
    browse: Browse, session: Session, cast: Cast
) -> None:
    """By case and by area; what has no plan yet is counted; only the owner says there is one."""
    case = cast.case(RECTIFYING)
    here = f"/key-links?case={case.id}"
    item = session.scalars(select(Rectification).where(Rectification.case_id == case.id)).first()
    assert item is not None
    at = f"/key-links/{item.id}"
    assert "2 处隐患，2 处还没有预案" in browse("guqf").get(here).text
    said = {
        "title": "夜间紧急用血预案",
        "change": "changed",
        "in_force_on": "2026-12-01",
        "text": "夜间由产房一个电话启动，输血科 15 分钟内备血。",
    }
    for who, status in (("guqf", 404), ("songqh", 404), ("zhougy", 404), ("jiasj", 404)):
        assert browse(who).post(at, data=said).status_code == status, who
    assert browse("subl").post(at, data=said | {"in_force_on": "", "text": ""}).status_code == 422
    assert browse("subl").post(at, data=said).status_code == 303
    for who in ("guqf", "songqh", "chenjz"):
        assert said["text"] in browse(who).get(at).text, who
    shown = browse("guqf").get(here).text
    for words in ("2 处隐患，1 处还没有预案", "《夜间紧急用血预案》", "2026-12-01 施行", "修订"):
        assert words in shown, words
    assert item.number not in browse("guqf").get(f"{here}&bare=1").text.split("<main", 1)[1]
    assert item.number in browse("chenglc").get("/key-links").text
    assert item.number not in browse("zhougy").get("/key-links").text
    assert browse("zhougy").get(here).status_code == 404


def test_lines_of_a_dimension() -> None:
    one = Problem("2026Q3", "medical", "general", "technique", "5", "08", "county-hospital")
    again = Problem("2026Q4", "medical", "specific", "", "", "08", "county-mch", True, True, True)
    old = Problem("2025Q1", "care", "general", "", "1", "", "county-mch")
    shown = analysis.quarters(date(2026, 11, 22), 4)
    assert shown == ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]
    [line] = analysis.lines([one, again, old], "area", shown)
    assert (line.code, line.total, line.in_ledger, line.closed, line.recurred) == (
        "medical", 2, 1, 1, 1,
    )  # fmt: skip
    assert dict(line.by_quarter) == {"2026Q3": 1, "2026Q4": 1}
    assert [each.code for each in analysis.lines([one, again], "cell", shown)] == ["", "5"]
    assert analysis.quarter_of(date(2026, 3, 31)) == "2026Q1"
    assert analysis.quarters(date(2026, 1, 1), 2) == ["2025Q4", "2026Q1"]

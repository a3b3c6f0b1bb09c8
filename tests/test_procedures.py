"""培训学习 and 本县（区）评审程序: a county learns the review scheme and makes it its own."""

import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Case, CaseKind, Clock, Level, ReviewProcedure, Role, Training
from tests import said
from tests.walk import StartWalk, Walk, stage_on
from workflows import demo, panels, procedures
from workflows.demo.nearmiss import Survival
from workflows.demo.play import BL, QH, County, Play
from workflows.frozen import rules_of
from workflows.rules import Status, rule_set

SCHEME = "《河南省孕产妇危重症评审实施方案》（豫卫妇幼〔2022〕4号）"
OURS = "青禾县危重孕产妇评审工作程序（青卫妇〔2026〕7号，示例）"
SAID: dict[str, str] = {
    "document": OURS,
    "valid_from": "2026-11-21",
    "text": "秘书先做预审，县妇幼核实后三天内提出选例意见；评审在片区例会上进行，请外县专家一名。",
    "clock.nearmiss_verification": "3",
    "clock.nearmiss_verification.unit": "days",
    "interval": "3",
    "prereview": "yes",
    "outside": "yes",
}


def played(walk: Walk, county: County, kind: type[Play], serial: str) -> Case:
    """A case registered, signed for and submitted by the people of a county."""
    walk.session.rollback()
    folder = Path(walk.app.config["VAR"]) / "files"
    with Session(walk.app.extensions["engine"]) as session, session.begin():
        play = kind(stage_on(session, folder), county, walk.death, "示例知", serial)
        play.report(3)
        play.receive(4)
        if kind is Survival:
            play.submit(40)
        assert play.stage.case is not None
        key = play.stage.case.id
    walk.session.rollback()
    return walk.session.get_one(Case, key)


def verification(walk: Walk, case: Case) -> Clock:
    query = select(Clock).where(Clock.case_id == case.id)
    return next(
        each for each in walk.session.scalars(query) if each.rule_key.endswith("verification")
    )


def attached(content: bytes, name: str) -> dict[str, Any]:
    return {"files": (io.BytesIO(content), name)}


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.mark.clause("B05")
def test_a_county_studies_the_scheme_and_improves_its_own_procedure(start_walk: StartWalk) -> None:
    """各县区要加强对…实施方案的培训学习: material, signing in, what those who were there say of it.
    结合实际完善评审流程: a procedure of its own, version by version, by which its near misses
    go."""
    walk = start_walk()
    studied(walk)
    before = played(walk, QH, Survival, "912")
    assert verification(walk, before).due_at is None

    at = "/procedures"
    bad = SAID | {"valid_from": "2026-11-20", "clock.nearmiss_verification": "0"}
    assert walk.browser("fangcf").post(at, data=bad).status_code == 422
    assert walk.browser("shenqm").post(at, data=SAID).status_code == 404
    assert walk.browser("chenglc").post(at, data=SAID).status_code == 404  # a city has none
    assert walk.browser("fangcf").post(at, data=SAID).status_code == 303
    row = walk.session.scalars(select(ReviewProcedure)).one()
    decide = f"{at}/{row.id}"
    for who in ("fangcf", "dongdz", "renys"):
        assert walk.browser(who).post(f"{decide}/approve").status_code == 404, who
    assert "待批准" in walk.browser("shaoxz").get(at).text
    assert walk.browser("shaoxz").post(f"{decide}/approve").status_code == 303
    for who, seen in (("zhougy", True), ("shenqm", True), ("chenglc", True), ("guqf", False)):
        text = walk.browser(who).get(at).text
        assert (SAID["text"] in text, OURS in text, "现行" in text) == (seen,) * 3, who
    assert "每 3 个月" in walk.browser("fangcf").get("/gatherings").text

    # honoured: the limit runs, with the county's document as what it rests on
    case = played(walk, QH, Survival, "914")
    clock = verification(walk, case)
    assert clock.due_at == clock.started_at + timedelta(days=3)
    rule = rules_of(case).get("clock.nearmiss_verification")
    assert (rule.status, rule.document) == (Status.CONFIRMED, OURS)
    page = walk.browser("shenqm").get(f"/cases/{case.id}").text
    for words in ("第 1 版（自 2026-11-21 起）", OURS, "3 天"):
        assert words in page, words
    walk.at(40 + 73)  # the reminders of a limit that is over reach whom it binds
    assert "超时" in walk.browser("shenqm").get("/tasks").text
    its_own_steps_are_told_to_who_convenes(walk, case)
    # not honoured by another county, by a death, nor by a case of before
    assert verification(walk, played(walk, BL, Survival, "916")).due_at is None
    death = played(walk, QH, Play, "918")
    assert death.kind is CaseKind.MATERNAL_DEATH
    assert rules_of(death).find("review.procedure") is None
    assert rules_of(before).find("review.procedure") is None

    # a second version; the first stays, and what is registered stays under it
    later = SAID | {
        "valid_from": (walk.now + timedelta(days=9)).date().isoformat(),
        "clock.nearmiss_verification": "5",
    }
    assert walk.browser("fangcf").post(at, data=later).status_code == 303
    second = walk.session.scalars(select(ReviewProcedure).where(ReviewProcedure.version == 2)).one()
    refused = {"reason": "请先征求县妇幼的意见。"}
    assert walk.browser("shaoxz").post(f"{at}/{second.id}/refuse", data=refused).status_code == 303
    text = walk.browser("fangcf").get(at).text
    assert refused["reason"] in text
    assert "第 1 版" in text
    assert walk.browser("shaoxz").post(f"{at}/{second.id}/approve").status_code == 404


def its_own_steps_are_told_to_who_convenes(walk: Walk, case: Case) -> None:
    """预审 and 外县专家: said above the form that appoints, and remarked on where nobody from
    elsewhere is appointed; nothing is refused for them."""
    folder = Path(walk.app.config["VAR"]) / "files"
    with Session(walk.app.extensions["engine"]) as session, session.begin():
        play = Survival(stage_on(session, folder), QH, walk.death, "示例知", "914")
        play.stage.case = session.get_one(Case, case.id)
        play.verify(114)
        play.select(116, "county")
    walk.at(118)
    walk.case_id = case.id
    walk.session.rollback()
    convening = f"/tasks/{walk.task('fangcf', 'convene').id}"
    page = walk.browser("fangcf").get(convening).text
    for words in ("开会前由秘书预审材料", "专家组请外县专家", SAID["text"], OURS):
        assert words in page, words
    ours = walk.appoint("wugs", walk.units["qh_mch"], Role.EXPERT)
    from_here = {"user": ours.user_id, "organisation": ours.organisation_id, "is_guide": False}
    alone: dict[str, Any] = {
        "chair": ours.user_id,
        "secretary": walk.user("wugs"),
        "members": [from_here],
    }
    convened = said.panel("county", 3)(walk) | alone | {"place": ""}
    beside = walk.hand_in("fangcf", "convene", convened)
    assert beside.status_code == 422
    assert "写明专家组请外县专家，名单里没有" in beside.text
    walk.session.rollback()
    elsewhere = [ours.user_id, walk.user("chenyf")]
    for users, remarked in (([ours.user_id], True), (elsewhere, False)):
        told = panels.unheeded(walk.session, case, Level.COUNTY, users, walk.now)
        assert bool(told) is remarked
    assert not panels.unheeded(walk.session, case, Level.CITY, [ours.user_id], walk.now)


def studied(walk: Walk) -> None:
    """A training of today: material judged by its content, signed in with one's own account."""
    said = {"title": "危重症评审方案学习", "document": SCHEME, "day": "2026-11-21"}
    assert walk.browser("fangcf").post("/gatherings/trainings", data=said).status_code == 303
    row = walk.session.scalars(select(Training)).one()
    at = f"/trainings/{row.id}"
    false = walk.browser("fangcf").post(f"{at}/files", data=attached(b"MZ no paper", "方案.pdf"))
    assert false.status_code == 422
    assert "不是 PDF" in false.text
    paper = (demo.FILES / "record.pdf").read_bytes()
    assert (
        walk.browser("shenqm").post(f"{at}/files", data=attached(paper, "x.pdf")).status_code == 404
    )
    kept = walk.browser("fangcf").post(f"{at}/files", data=attached(paper, "实施方案.pdf"))
    assert kept.status_code == 303
    page = walk.browser("linxm").get(at).text
    assert "实施方案.pdf" in page
    address = page.split('href="/attachments/')[1].split('"')[0]
    assert walk.browser("linxm").get(f"/attachments/{address}").data == paper
    # Handed in is handed in: it is neither taken back nor taken along elsewhere
    proposed = walk.browser("fangcf").post("/motions/new", data={"kept": address})
    assert proposed.status_code == 422
    assert address not in proposed.text
    assert walk.browser("fangcf").delete(f"/attachments/{address}").status_code == 409
    assert walk.browser("subl").get(f"/attachments/{address}").status_code == 404
    assert walk.browser("subl").get(at).status_code == 404
    said_of_it = (("linxm", "5", "请多讲病例"), ("zhougy", "4", ""), ("wugs", "3", ""))
    for who, mark, remark in said_of_it:
        answer = {"useful": mark, "clear": mark, "remark": remark}
        assert walk.browser(who).post(f"{at}/rate", data=answer).status_code == 404  # was not there
        for _ in range(2):
            assert walk.browser(who).post(f"{at}/sign-in").status_code == 303
        assert walk.browser(who).post(f"{at}/rate", data=answer | {"clear": "6"}).status_code == 422
        assert walk.browser(who).post(f"{at}/rate", data=answer).status_code == 303
        assert walk.browser(who).post(f"{at}/rate", data=answer).status_code == 404
    sheet = walk.browser("fangcf").get(at).text
    for words in ("林小满", "周谷雨", "吴谷穗", "3 人", "4.0 分", "请多讲病例"):
        assert words in sheet, words
    assert "林小满" not in walk.browser("zhougy").get(at).text
    walk.clock.shift(timedelta(days=1))
    assert walk.browser("shenqm").post(f"{at}/sign-in").status_code == 404  # the day is over
    walk.clock.shift(timedelta(days=-1))


def test_a_county_changes_no_limit_that_a_document_gives() -> None:
    place = rule_set("410221", date(2026, 11, 21))
    row = ReviewProcedure(
        version=1, document=OURS, valid_from=date(2026, 11, 21), odd=False, interval=2,
        limits={"clock.case_submission": [1, "hours"], "clock.nearmiss_verification": [2, "days"]},
    )  # fmt: skip
    made = procedures.with_procedure(place, row, "410221")
    assert made.get("clock.case_submission") == place.get("clock.case_submission")
    assert made.get("clock.nearmiss_verification").describe() == "2 天"
    assert made.get("panel.odd_number_warning").value is False
    offered = {rule.key for rule in procedures.open_limits(place)}
    assert offered == set(procedures.NUMBERED)
    assert "clock.nearmiss_verification" not in {r.key for r in procedures.open_limits(made)}

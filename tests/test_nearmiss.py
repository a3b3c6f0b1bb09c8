"""危重孕产妇: a woman who lived, from the registration to the closed file, over HTTP."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html
from sqlalchemy.orm import Session

from models import (
    Case,
    CaseKind,
    CaseState,
    Finding,
    Level,
    NearMiss,
    Rectification,
    Timing,
    ZoneMeeting,
)
from tests import nearmiss, said
from tests.played import everything
from tests.walk import Move, Page, StartWalk, Walk, stage_on
from workflows import criteria
from workflows.actions.nearmiss import timing
from workflows.demo.answers import DIFFERENCES
from workflows.demo.nearmiss import Survival
from workflows.demo.play import QH, Play
from workflows.forms.checks import CHECKS, Context, Known
from workflows.forms.load import load
from workflows.forms.moment import SHANGHAI, written
from workflows.kinds import KINDS
from workflows.rules import rule_set

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


EXPERTS = "opinion:chenyf opinion:qianqs opinion:fengjc opinion:chuys opinion:lixh"
FOUND = (
    Move(3, "linxm", "report", nearmiss.report(), "receive:shenqm submit:zhougy"),
    Move(4, "shenqm", "receive", nearmiss.receipt(), "submit:zhougy"),
    Move(60, "zhougy", "submit", nearmiss.submission(), "verify:shenqm"),
    Move(70, "shenqm", "verify", nearmiss.returned(), "supplement:zhougy"),
    Move(80, "zhougy", "supplement", nearmiss.submission(), "verify:shenqm"),
    Move(90, "shenqm", "verify", nearmiss.verification(), "select:fangcf"),
)
REVIEWED = (
    Move(100, "fangcf", "select", nearmiss.selection("county"), "convene:fangcf"),
    Move(120, "fangcf", "convene", said.panel("county", 5), EXPERTS),
    Move(160, "chuys", "opinion", nearmiss.opinion(),
         "opinion:chenyf opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(161, "chenyf", "opinion", nearmiss.opinion(),
         "opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(162, "lixh", "opinion", nearmiss.opinion(), "opinion:qianqs opinion:fengjc"),
    Move(163, "fengjc", "opinion", nearmiss.opinion(conclusion="adequate"), "opinion:qianqs"),
    Move(170, "qianqs", "opinion", nearmiss.opinion(), "conclude:wugs"),
    Move(245, "wugs", "conclude", nearmiss.conclusion("county"), "chair_sign:chenyf"),
    *said.signed_by_all(said.COUNTY_PANEL, 247, "endorse:shaoxz"),
    Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"),
    Move(290, "fangcf", "notice", nearmiss.notice(), "issue:shaoxz"),
    Move(292, "shaoxz", "issue", said.issue(),
         "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:shenqm"),
)  # fmt: skip
PUT_RIGHT = (
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


@pytest.mark.clause("B06")
def test_a_survivor_from_registration_to_the_closed_file(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.kind = KINDS[CaseKind.MATERNAL_NEARMISS]
    walk.walk(FOUND)
    walk.walk(REVIEWED)
    reviewers_meet_nobody(walk)
    walk.walk(PUT_RIGHT)
    case = walk.case
    assert (case.kind, case.state) == (CaseKind.MATERNAL_NEARMISS, CaseState.CLOSED)
    assert case.number.startswith("NM-990121-2026-")
    assert {clock.title for clock in walk.clocks() if clock.due_at} == {"问题整改"}
    kept = walk.session.query(NearMiss).one()
    assert kept.criteria == ["hysterectomy", "red_cells", "shock"]
    assert (kept.criteria_set, kept.timing) == ("who_2011", Timing.WITHIN_12H)
    course = [row["stage"] for row in walk.document("supplement").answers["timeline"]]
    assert (course[0], course[-1]) == ("booking", "postpartum")
    assert all(
        walk.document("conclude").answers[f"course_{part}"]
        for part in ("antenatal", "rescue", "postpartum")
    )
    found = walk.session.query(Finding).order_by(Finding.id).all()
    assert [(row.kind, row.improves) for row in found] == [
        ("technique", "treatment_plan"),
        ("resource", "management_system"),
        ("management", "management_system"),
    ]
    assert walk.session.query(Rectification).count() == 2
    counted_by_when_it_was_one(walk)


def counted_by_when_it_was_one(walk: Walk) -> None:
    """SMO12 on the case, in the list, in the year's figures; what has no denominator says so; and
    the problems of this kind of case are told from those of deaths."""
    desk, number = walk.browser("fangcf"), walk.case.number
    head = lxml_html.document_fromstring(desk.get(f"/cases/{walk.case_id}").text)
    facts = dict.fromkeys(
        "".join(row.text_content().split())
        for row in head.xpath("//*[contains(@class, 'case-facts')]//div")
    )
    assert "首次达标入院12小时内" in facts
    listed = "/cases?kind=maternal_nearmiss&timing="
    assert number in desk.get(listed + "within_12h").text
    assert number not in desk.get(listed + "after_12h").text
    year = desk.get("/statistics/outcomes").text
    cells = [
        "".join(cell.text_content().split())
        for cell in lxml_html.document_fromstring(year).xpath("//tbody//td")
    ]
    assert cells[:6] == ["2026年世界卫生组织25条（2011）", "1例", "0例", "1例", "—", "0/1"]
    assert year.count("本地口径待确认") == 2
    for kind, count in (("maternal_nearmiss", 3), ("maternal_death", 0)):
        problems = desk.get(f"/analysis?kind={kind}").text
        assert f"问题 {count} 个" in problems
        assert "死因分类" not in problems  # nobody has died
        review = desk.get(f"/statistics/review-county?period=year&kind={kind}").text
        done = re.findall(r'data-label="期内办结" class="number">(\d+)', review)
        assert any(number != "0" for number in done) == bool(count)


TELLING = (
    "柳知春", "田大满", "13900000098", "谷雨村", "青禾县人民医院", "青禾县妇幼", "石敬之", "邓若兰",
    "秦思远", "周谷雨", "ZY26-0815", "2026-11-20",
    "2026-11-21", "2026-11-22", "2026-11-23",
)  # fmt: skip


def reviewers_meet_nobody(walk: Walk) -> None:
    """On every page and sheet of the case an expert reads neither who she was nor where nor when;
    nobody is told of a death."""
    told = {who: everything(walk.browser(who), walk.case) for who in ("lixh", "fangcf")}
    assert [word for word in TELLING if word in told["lixh"]] == []
    assert [word for word in TELLING[:5] if word not in told["fangcf"]] == []
    assert "事件后" in told["lixh"]
    for text in told.values():
        assert set(re.findall(r".{6}死亡.{6}", text.replace("\n", " "))) == set()


# What administrations arrange


def played(walk: Walk, player: type[Play], death: datetime, *acts: Callable[[Any], object]) -> Case:
    """A case brought on by the same actions, no pages."""
    walk.session.rollback()
    engine, folder = walk.app.extensions["engine"], Path(walk.app.config["VAR"]) / "files"
    with Session(engine) as session, session.begin():
        play = player(stage_on(session, folder), QH, death, "柳知春", "902")
        for act in acts:
            act(play)
        assert play.stage.case is not None
        key = play.stage.case.id
    walk.session.rollback()
    return walk.session.get_one(Case, key)


@pytest.mark.clause("B07", "B09")
def test_a_demonstration_at_a_zone_meeting_and_planned_days(start_walk: StartWalk) -> None:
    """定期: no interval in the document, so the commission plans days, and they stand against what
    was held. 示范评审 at a zone meeting with the counties signed in; the centre at the city's
    review of a death."""
    rule = rule_set("320300", date(2026, 11, 1)).get("review.nearmiss")
    assert (rule.describe(), rule.wording) == ("本地口径待确认", "定期")
    walk = start_walk()
    death = played(
        walk,
        Play,
        walk.death - timedelta(days=60),
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.county_review(100),
        lambda play: play.convene(340, Level.CITY, meeting=600),
        lambda play: play.opine(420, Level.CITY),
        lambda play: play.conclude(600, Level.CITY, problems_none=True, problems=[], **DIFFERENCES),
    )
    assert death.kind is CaseKind.MATERNAL_DEATH
    near = played(
        walk,
        Survival,
        walk.death,
        Survival.registered,
        lambda play: play.select(100, "city"),
        lambda play: play.convene(120, Level.CITY, meeting=300),
        lambda play: play.opine(180, Level.CITY),
    )
    assert "没有写间隔" in walk.browser("chenglc").get("/gatherings").text
    walk.at(299)
    city = walk.browser("chenglc")
    today = walk.now.astimezone(SHANGHAI).date()
    for day in (today - timedelta(days=40), today, today + timedelta(days=90)):
        said = {"planned_on": day.isoformat()}
        assert city.post("/gatherings/plan", data=said).status_code == 303
    assert city.post("/gatherings/plan", data={"planned_on": today.isoformat()}).status_code == 422
    walk.case_id = near.id
    said = {
        "centre": walk.units["maternal_centre"],
        "held_on": today.isoformat(),
        "place": "市级救治中心三楼",
        "panel": walk.panel("city").id,
    }
    assert city.post("/gatherings/meetings", data=said).status_code == 303
    [meeting] = walk.session.query(ZoneMeeting).all()
    sign_in = f"/gatherings/meetings/{meeting.id}/sign-in"
    for who in ("shenqm", "guqf", "shenqm"):
        assert walk.browser(who).post(sign_in).status_code == 303
    walk.session.rollback()
    assert [row.user.username for row in meeting.attendance] == ["shenqm", "guqf"]
    for who in ("guqf", "chenglc"):  # what was demonstrated is told, not whose case it was
        text = words_of(walk.browser(who).get("/gatherings").text)
        assert "危重孕产妇 1 例 白鹭卫健 1 人、青禾县妇幼 1 人" in text
    played_on = Survival(None, QH, walk.death, "柳知春", "902")  # type: ignore[arg-type]
    with Session(walk.app.extensions["engine"]) as session, session.begin():
        played_on.stage = stage_on(session, Path(walk.app.config["VAR"]) / "files")
        played_on.stage.case = session.get_one(Case, near.id)
        played_on.conclude(300, Level.CITY)
    walk.at(340)
    assert walk.browser("shenqm").post(sign_in).status_code == 404, "the day is over"
    text = words_of(walk.browser("chenglc").get("/gatherings").text)
    assert f"{today - timedelta(days=40)} — 未按计划举行" in text
    assert f"{today} {today} 已举行" in text
    assert "未到日期" in text
    assert "云江市危重孕产妇救治中心 1 次 1 次" in text


def test_training_in_the_scheme_by_unit(start_walk: StartWalk) -> None:
    """Which document, when, how many of which unit; the city sees what its counties did, a
    neighbour does not."""
    walk = start_walk()
    county = walk.browser("fangcf")
    said = {
        "title": "危重孕产妇评审方案学习",
        "document": "豫卫妇幼〔2022〕4号",
        "day": "2026-11-20",
        f"unit-{walk.units['qh_hospital']}": "12",
        f"unit-{walk.units['qh_mch']}": "5",
    }
    assert county.post("/gatherings/trainings", data=said).status_code == 303
    assert (
        county.post("/gatherings/trainings", data=said | {"day": "2027-01-01"}).status_code == 422
    )
    nobody = {name: value for name, value in said.items() if not name.startswith("unit-")}
    assert county.post("/gatherings/trainings", data=nobody).status_code == 422
    for who, seen in (("fangcf", True), ("chenglc", True), ("guqf", False)):
        text = words_of(walk.browser(who).get("/gatherings").text)
        assert ("豫卫妇幼〔2022〕4号 青禾卫健 青禾县医院 12 人、青禾县妇幼 5 人" in text) is seen
    assert walk.browser("shenqm").post("/gatherings/trainings", data=said).status_code == 404
    assert walk.browser("lixh").get("/gatherings").status_code == 404


def words_of(page: str) -> str:
    """The running text of a page."""
    return " ".join(lxml_html.document_fromstring(page).text_content().split())


# Criteria


def test_every_threshold_of_the_25() -> None:
    """Codes, units and limits against the published table; the wrong units of some prints are no
    units of ours."""
    who = criteria.sets()["who_2011"]
    assert Counter(item.group for item in who.items) == {
        "clinical": 11,
        "laboratory": 8,
        "management": 6,
    }
    told = {
        ("respiratory_rate", "per_min"): (["41", "5"], ["40", "6"]),
        ("spo2", "percent"): (["89.9"], ["90"]),
        ("pao2_fio2", "mmhg"): (["199"], ["200"]),
        ("creatinine", "umol_l"): (["300"], ["299"]),
        ("creatinine", "mg_dl"): (["3.5"], ["3.4"]),
        ("bilirubin", "umol_l"): (["101"], ["100"]),
        ("bilirubin", "mg_dl"): (["6.1"], ["6.0"]),
        ("ph", "none"): (["7.09"], ["7.1"]),
        ("lactate", "mmol_l"): (["5.1"], ["5"]),
        ("platelets", "e9_l"): (["49"], ["50"]),
        ("red_cells", "rbc_unit"): (["5"], ["4.9"]),
    }
    numeric = {(item.code, unit) for item in who.items for unit in item.units}
    assert numeric == told.keys()
    for (code, unit), (hits, misses) in told.items():
        item = who.find(code)
        assert item is not None
        assert all(item.met(Decimal(value), unit) for value in hits), code
        assert not any(item.met(Decimal(value), unit) for value in misses), code
    assert not who.find("creatinine").met(Decimal(300), "mmol_l")  # type: ignore[union-attr]
    lasting = {item.code: item.minutes for item in who.items if item.minutes}
    assert lasting == {"unconscious_12h": 720, "spo2": 60, "ventilation": 60}


def test_when_the_first_criterion_was_met() -> None:
    admitted = datetime(2026, 11, 20, 8, tzinfo=UTC)
    hours = {-1: "on_admission", 0: "on_admission", 12: "within_12h", 12.1: "after_12h"}
    for offset, expected in hours.items():
        assert timing(admitted + timedelta(hours=offset), admitted) == expected


def test_criteria_of_another_set_are_refused() -> None:
    """A code outside the set, should the form ever offer it, and guests who are still there."""
    form, card = load("nearmiss_card.v1"), {"criteria_set": "who_2011"}
    said = CHECKS["criteria_of_the_set"].judge(
        card | {"criteria_hits": [{"code": "henan_7"}]}, Context(form, NOW, NOW.date(), Known())
    )
    assert [path for path, _ in said] == ["criteria_hits.0.code"]
    still_in = Context(form, NOW, NOW.date(), Known(case={"guests_in": 1}))
    assert [path for path, _ in CHECKS["treated_have_left"].judge({}, still_in)] == ["conclusion"]


def test_who_dies_after_all_is_one_death_and_no_near_miss(start_walk: StartWalk) -> None:
    """转为死亡病例: the same woman, a case of her death with its own limits; counted once."""
    walk = start_walk()
    walk.kind = KINDS[CaseKind.MATERNAL_NEARMISS]
    walk.walk(FOUND[:3])
    near = walk.case
    browser, board = walk.browser("zhougy"), "/board?kind=maternal_nearmiss"
    assert tally(browser.get(board).text) == 1
    path = f"/reports/death-of/{near.id}"
    page = Page.of(browser.get(path).text)
    died = walk.now - timedelta(hours=1)
    said_of_it = {
        "event_dt": written(died),
        "discovered_dt": written(died),
        "place_type": "institution",
        "residence_class": "county",
        "prelim_cause": "产后出血，多器官功能障碍",
    }
    filled = page.filled(load("report.v1"), said_of_it)
    first, again = (browser.post(path, data=filled, csrf=False) for _ in range(2))
    assert first.status_code == 303
    assert again.location == first.location
    walk.session.rollback()
    death = walk.session.query(Case).filter(Case.follows_id == near.id).one()
    assert death.number.startswith("MD-")
    assert (death.person.name, death.person.id_no) == (near.person.name, near.person.id_no)
    assert near.state is CaseState.CLOSED
    assert walk.open() == Counter()
    due = {clock.rule_key for clock in death.clocks if clock.due_at}
    assert due == {"clock.in_hospital_discussion", "clock.case_submission"}
    assert tally(browser.get(board).text) == 0
    assert tally(browser.get("/board").text) == 1
    assert (
        f'已转死亡病例 <span class="number">{death.number}' in browser.get(f"/cases/{near.id}").text
    )
    assert near.number in browser.get(f"/cases/{death.id}").text
    other = Page.of(browser.get(path).text).filled(load("report.v1"), said_of_it)
    assert browser.post(path, data=other, csrf=False).status_code == 409
    assert walk.browser("subl").get(path).status_code == 404


def tally(board: str) -> int:
    """How many cases the board counts as found."""
    found = re.search(r'figure-number">(\d+)</span><span class="figure-words">发现登记', board)
    return int(found[1]) if found else 0

"""Two classes out of three: nothing until a leader has confirmed it, visibly, and never backwards;
and what was concluded, quarter by quarter."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Conclusion, Event, Level, Mapping
from tests.played import CHAIR, CLOSED, COMMISSION, IN_REVIEW, NOW, SECRETARY, Browse, Cast
from workflows import quarters
from workflows.mappings import UNMAPPED
from workflows.permissions import Forbidden

LEADER, COUNTY_LEADER, CITY_DESK = "renys", "shaoxz", "chenglc"
SAID = {
    "conditional": "avoidable",
    "document": "示例省妇幼报告卡填报说明",
    "clause": "第 3 条",
    "reason": "",
}


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def test_until_confirmed_no_card_has_a_class(browse: Browse, session: Session, cast: Cast) -> None:
    closed = cast.case(CLOSED)
    [city] = session.scalars(
        select(Conclusion).where(Conclusion.case_id == closed.id, Conclusion.level == Level.CITY)
    )
    places = (
        f"/cases/{closed.id}/reviews",
        f"/meetings/{city.panel_id}/sheet",
        "/statistics/conclusions",
        "/mapping",
    )
    for place in places:
        assert UNMAPPED in browse(LEADER).get(place).text, place
    assert session.scalars(select(Mapping)).all() == []


@pytest.mark.parametrize("who", [COMMISSION, COUNTY_LEADER, CITY_DESK, SECRETARY, CHAIR, "zhougy"])
def test_only_a_leader_above_the_counties_confirms(browse: Browse, who: str) -> None:
    assert browse(who).post("/mapping", data=SAID).status_code == 404
    seen = browse(who).get("/mapping").status_code
    assert seen == (200 if who in (COMMISSION, COUNTY_LEADER, CITY_DESK) else 404)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"conditional": "conditionally_avoidable"}, "选择归入哪一类"),
        ({"clause": ""}, "写明文件的条款"),
        ({"document": "", "clause": ""}, "没有文件的，写明确认的理由"),
        ({"reason": "长" * 501}, "不超过 500 字"),
    ],
)
def test_without_a_ground_nothing_is_confirmed(
    browse: Browse, session: Session, over: dict[str, str], words: str
) -> None:
    reply = browse(LEADER).post("/mapping", data=SAID | over)
    assert (reply.status_code, words in reply.text) == (422, True)
    assert session.scalars(select(Mapping)).all() == []


def test_confirmed_it_holds_from_then_on_and_every_confirmation_stays(
    browse: Browse, session: Session, cast: Cast
) -> None:
    closed, case = cast.case(CLOSED).id, cast.case(IN_REVIEW)
    assert browse(LEADER).post("/mapping", data=SAID).status_code == 303
    session.rollback()
    play = cast.play(IN_REVIEW)
    play.opine(390, Level.COUNTY, ("qianqs", "lixh"))
    play.conclude(440, Level.COUNTY)
    session.commit()
    other = SAID | {
        "conditional": "unavoidable",
        "document": "",
        "reason": "省级电话答复，已记录。",
    }
    assert browse(LEADER).post("/mapping", data=other).status_code == 303
    session.rollback()
    basis = "云江市卫生健康委员会 任雨水 2026-11-22 确认；依据示例省妇幼报告卡填报说明 第 3 条"
    [signed] = session.scalars(select(Conclusion).where(Conclusion.case_id == case.id))
    for place in (f"/cases/{case.id}/reviews", f"/meetings/{signed.panel_id}/sheet"):
        page = browse(COMMISSION).get(place).text
        assert basis in page
        assert UNMAPPED not in page
    assert UNMAPPED in browse(COMMISSION).get(f"/cases/{closed}/reviews").text  # signed before
    page = browse(CITY_DESK).get("/mapping").text
    assert page.index("省级电话答复") < page.index("示例省妇幼报告卡填报说明")
    assert "已被取代" in page
    events = session.scalars(select(Event).where(Event.name == "mapping.confirmed")).all()
    assert [event.user_id for event in events] == [cast.seat(LEADER).user_id] * 2


def test_quarters_count_what_one_sees(cast: Cast, session: Session) -> None:
    span = quarters.latest(NOW)
    assert (span[0].title, span[-1].title) == ("2026 年第 4 季度", "2025 年第 1 季度")
    found = quarters.concluded(session, span, by=cast.seat(LEADER))
    signed = session.scalars(select(Conclusion)).all()
    for level, rows in found.items():
        assert sum(row.cases for row in rows) == sum(each.level is level for each in signed)
        ticked = sum(len(each.factors) for each in signed if each.level is level)
        assert sum(sum(row.cells.values()) for row in rows) == ticked
        assert all(row.two == {None: row.cases} for row in rows)
    ours = quarters.concluded(session, span, by=cast.seat(COMMISSION))
    assert sum(row.cases for row in ours[Level.COUNTY]) == 1
    with pytest.raises(Forbidden):
        quarters.concluded(session, span, by=cast.seat(CHAIR))


def test_agreement_by_quarter_is_for_those_who_read_the_opinions(
    browse: Browse, cast: Cast, session: Session
) -> None:
    page = browse(SECRETARY).get("/reviews/quarters").text
    assert "1 例，5 份意见" in page
    assert "5 医疗保健·知识技能" in page
    assert "5 医疗保健·知识技能" in browse(LEADER).get("/statistics/conclusions").text
    assert "一例不能算 κ" in page
    assert "%）" not in page  # few cases: counts, no shares
    for who in (COMMISSION, LEADER, "zhougy"):
        assert browse(who).get("/reviews/quarters").status_code == 404
    found = quarters.agreed(session, quarters.latest(NOW), Level.COUNTY, by=cast.seat(CHAIR))
    assert sum(row.drift.panels for row in found) == 2  # the closed case's, the rectifying one's

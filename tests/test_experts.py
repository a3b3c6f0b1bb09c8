"""The expert pool: disciplines, disease groups, employers now and before, validity; and what
follows for recusal."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Employment, Event
from tests.played import CHAIR, COMMISSION, IN_REVIEW, OFFICE, SECRETARY, Browse, Cast
from workflows import recusal
from workflows.events import EventName

HERS = "青禾县人民医院"


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def test_the_pool_tells_who_may_be_asked_for_what(
    browse: Browse, session: Session, cast: Cast
) -> None:
    text = browse(COMMISSION).get("/experts").text
    for word in ("产科", "儿科", "内科", "外科", "急诊科", "麻醉科", "重症医学科", "输血科"):
        assert f"{word}（1）" in text
    for word, count in (("心脑血管", 1), ("内分泌", 1), ("感染", 1), ("免疫", 0), ("精神", 0)):
        assert f"{word}（{count}）" in text
    assert "大量输血方案和血液调配" in text
    assert "钱秋实" in text
    assert "主任医师" in text
    assert "可聘" in text
    only = browse(COMMISSION).get("/experts?of=anaesthesia").text
    assert "冯静川" in only
    assert "钱秋实" not in only


def test_whose_appointment_has_ended_is_not_to_be_asked(
    browse: Browse, session: Session, cast: Cast
) -> None:
    cast.seat(CHAIR).valid_to = date(2026, 11, 21)
    session.commit()
    assert "不在聘期" in browse(COMMISSION).get(f"/experts/{cast.seat(CHAIR).user_id}").text
    assert "重症医学科（0）" in browse(COMMISSION).get("/experts").text


@pytest.mark.parametrize("who", [OFFICE, SECRETARY, CHAIR, "xitong"])
def test_the_pool_is_the_commissions(browse: Browse, cast: Cast, who: str) -> None:
    assert browse(who).get("/experts").status_code == 404
    assert browse(who).post(f"/experts/{cast.seat(CHAIR).user_id}").status_code == 404


def test_a_leader_reads_and_does_not_write(browse: Browse, cast: Cast) -> None:
    path = f"/experts/{cast.seat(CHAIR).user_id}"
    assert "登记工作单位" not in browse("shaoxz").get(path).text
    assert browse("shaoxz").post(path, data={"discipline": "surgery"}).status_code == 404


def test_disease_groups_are_set_and_found(browse: Browse, session: Session, cast: Cast) -> None:
    path, desk = f"/experts/{cast.seat(CHAIR).user_id}", browse(COMMISSION)
    said = {"discipline": "intensive_care", "groups": ["infection", "immune"]}
    assert desk.post(path, data=said).status_code == 303
    assert "陈远帆" in desk.get("/experts?of=infection").text
    assert "陈远帆" not in desk.get("/experts?of=mental").text
    assert desk.post(path, data={"discipline": "astrology"}).status_code == 422
    session.rollback()
    assert session.scalars(select(Event).where(Event.name == EventName.EXPERT_CHANGED)).one()


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"unit": " "}, "写单位的全称"),
        ({"since": ""}, "写开始的日期"),
        ({"since": "2999-01-01"}, "不晚于今天"),
        ({"until": "2001-01-01"}, "不早于开始"),
        ({"until": "昨天"}, "写离开的日期"),
        ({"title": "长" * 61}, "不超过 60 字"),
    ],
)
def test_what_is_no_employment_is_refused(
    browse: Browse, cast: Cast, over: dict[str, str], words: str
) -> None:
    path = f"/experts/{cast.seat(CHAIR).user_id}/employments"
    said = {"unit": HERS, "title": "", "since": "2015-07-01", "until": "", **over}
    reply = browse(COMMISSION).post(path, data=said)
    assert reply.status_code == 422
    assert words in reply.text


@pytest.mark.parametrize(("until", "words"), [("", "任职于"), ("2019-12-31", "曾任职于")])
def test_an_employer_now_or_before_that_treated_her_counts_for_recusal(
    browse: Browse, session: Session, cast: Cast, until: str, words: str
) -> None:
    case, user = cast.case(IN_REVIEW), cast.seat(CHAIR).user_id
    assert recusal.reasons(session, case, user) == []
    said = {"unit": HERS, "title": "主治医师", "since": "2015-07-01", "until": until}
    session.rollback()
    assert browse(COMMISSION).post(f"/experts/{user}/employments", data=said).status_code == 303
    session.rollback()
    [reason] = recusal.reasons(session, cast.case(IN_REVIEW), user)
    assert reason.startswith(f"{words}{HERS}（2015-07-01")
    page = browse(COMMISSION).get(f"/experts/{user}").text
    assert HERS in page


def test_an_employer_that_only_the_case_names_counts_too(session: Session, cast: Cast) -> None:
    """A hospital that is none of ours, as the sheets write it."""
    case, user = cast.case(IN_REVIEW), cast.seat(CHAIR).user_id
    session.add(Employment(user_id=user, unit="别处医院", title=None, valid_from=date(2015, 7, 1)))
    session.flush()
    assert recusal.reasons(session, case, user) == []
    named = {mention.value for mention in recusal._mentions(session, case, recusal._UNITS)}
    strange = next(str(each) for each in sorted(map(str, named)) if "某县级医院" in str(each))
    session.add(Employment(user_id=user, unit=strange, title=None, valid_from=date(2015, 7, 1)))
    session.flush()
    assert recusal.reasons(session, case, user) == [f"任职于{strange}（2015-07-01 起）"]


def test_who_left_still_stands_back(browse: Browse, session: Session, cast: Cast) -> None:
    user = cast.seat(CHAIR).user_id
    row = Employment(user_id=user, unit=HERS, title=None, valid_from=date(2020, 1, 1))
    session.add(row)
    session.commit()
    path = f"/experts/{user}/employments/{row.id}/end"
    session.rollback()
    desk = browse(COMMISSION)
    assert desk.post(path, data={"until": "2019-01-01"}).status_code == 422
    gone = date(2026, 11, 22) - timedelta(days=30)
    assert desk.post(path, data={"until": gone.isoformat()}).status_code == 303
    session.rollback()
    [reason] = recusal.reasons(session, cast.case(IN_REVIEW), user)
    assert reason == f"曾任职于{HERS}（2020-01-01 至 {gone}）"

"""One review in Chromium: the chair and a dissenting expert at their own screens, the other three
by the same actions; the meeting, the vote, the signatures, the leader."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Conclusion, Level, Meeting, Opinion, Rectification
from tests.browsing import NARROW, WIDE
from tests.e2e.conftest import HandsOf
from tests.e2e.hands import Hands
from tests.walk import stage_on
from workflows.actions import meetings
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import COUNTY_PANEL, GUIDE, QH, Play
from workflows.forms.moment import SHANGHAI

pytestmark = pytest.mark.browser

CHAIR, DISSENTER = COUNTY_PANEL[0], "lixh"
SIGN = {"user": 0, "name": "", "at": ""}  # typed as the password
VIEW = "出血进展过快，处置及时，难以避免。"
DISSENT = "一名专家认为不可避免：出血进展过快，处置及时。"


WIDTHS = {CHAIR: WIDE, DISSENTER: NARROW}  # who sits at a screen
OTHERS = [who for who in COUNTY_PANEL if who not in WIDTHS]


@pytest.fixture
def play(session: Session, tmp_path: Path) -> Play:
    """Ten days after the death: verified, the panel appointed, three opinions filed."""
    death = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=10)
    play = Play(stage_on(session, tmp_path / "files"), QH, death, answers.NAME, "002")
    play.first_48h()
    play.verify(60)
    play.convene(100, Level.COUNTY, meeting=200)
    for who in OTHERS:
        at = play.at(150)
        said = answers.opinion(sign=play.stage.sign(who, at))
        play.stage.act(who, "UT_opinion", said, at)
    session.commit()
    return play


def _meet(hands_of: HandsOf, secretary: Hands, session: Session) -> None:
    """The secretary moves the meeting to today and notes who came to explain; everybody signs in,
    the guest leaves."""
    page = secretary.page
    page.get_by_role("link", name="评审会", exact=True).click()
    secretary.look("meeting, to be moved")
    page.get_by_text("修改会议安排").click()
    today = datetime.now(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
    page.get_by_label("时间", exact=True).fill(today)
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("会议安排已保存")).to_be_visible()
    page.get_by_text("登记经治人员到会", exact=True).click()
    page.get_by_label("姓名").fill("秦思远")
    page.get_by_label("单位").select_option(label="青禾县人民医院")
    page.get_by_label("职称").select_option("chief")
    page.get_by_role("button", name="登记到会").click()
    secretary.look("meeting, a guest is in")
    for who, width in WIDTHS.items():
        member = hands_of(who, width)
        member.page.goto(page.url)
        member.page.get_by_role("button", name="签到").click()
        expect(member.page.get_by_text("已签到").first).to_be_visible()
        member.look("meeting, signed in")
    session.rollback()
    meeting = session.scalars(select(Meeting)).one()
    for who in OTHERS:
        by = seat_of(session, who)
        meetings.sign_in(session, meeting, by=by, now=datetime.now(UTC))
    session.commit()
    page.reload()
    page.get_by_role("button", name="登记离场").click()
    expect(page.get_by_text("已登记离场")).to_be_visible()


def test_one_review(hands_of: HandsOf, session: Session, units: dict[str, int], play: Play) -> None:
    assert play.stage.case is not None
    case = play.stage.case.id
    secretary = hands_of("wugs")
    for who, width in WIDTHS.items():
        expect(secretary.page.get_by_role("link", name="会议记录与评审结论")).to_have_count(0)
        expert = hands_of(who, width)
        expert.go(f"/cases/{case}", "case before the review")
        expect(expert.page.get_by_text(answers.NAME)).to_have_count(0)  # blind
        expert.open_step("个人评审意见")
        over = {"conclusion": "unavoidable", "chance": "none"} if who == DISSENTER else {}
        expert.fill("opinion.v2", answers.opinion(sign=SIGN, **over))
        expert.hand_in()
        secretary.go("/tasks", "inbox")

    session.rollback()
    assert len(session.scalars(select(Opinion)).all()) == 5
    secretary.go(f"/cases/{case}/reviews", "reviews, opened")
    _meet(hands_of, secretary, session)
    secretary.open_step("会议记录与评审结论")
    seats = [(who, seat_of(session, who)) for who in COUNTY_PANEL]
    members = [(seat.user_id, seat.organisation_id, who == GUIDE) for who, seat in seats]
    said = answers.conclusion(
        datetime.now(UTC) - timedelta(minutes=2),
        organisation=units["qh_commission"],
        chair=members[0][0],
        secretary=seat_of(session, "wugs").user_id,
        members=members,
        owner=units["qh_hospital"],
        sign=SIGN,
        dissent=DISSENT,
    ) | answers.votes(5, against=1)
    session.rollback()
    secretary.fill("conclusion.v4", said)
    secretary.hand_in()

    chair = hands_of(CHAIR, width=NARROW)
    chair.open_step("组长审签结论")
    chair.fill("conclusion_chair.v1", answers.chair_signature(sign=SIGN))
    chair.hand_in()
    signer = hands_of(DISSENTER)
    signer.open_step("专家签署结论")
    signer.fill("conclusion_signature.v1", answers.member_signature(sign=SIGN, reserved=VIEW))
    signer.hand_in()
    session.rollback()
    for who in OTHERS:
        now = datetime.now(UTC)
        signature = answers.member_signature(sign=play.stage.sign(who, now), reserved="")
        play.stage.act(who, "UT_member_sign", signature, now)
    session.commit()
    leader = hands_of("shaoxz")
    leader.open_step("行政负责人签署")
    leader.fill("conclusion_endorsement.v1", answers.endorsement(sign=SIGN))
    leader.hand_in()
    leader.go(f"/cases/{case}/reviews", "reviews, signed")
    leader.page.get_by_role("link", name="评审结论表").click()
    expect(leader.page.get_by_text(VIEW)).to_be_visible()
    leader.look("sheet of the conclusion")
    leader.go(f"/cases/{case}/reviews", "reviews, signed")
    for words in ("创造条件可避免", said["problems"][0]["text"]):
        expect(leader.page.get_by_text(words).first).to_be_visible()

    session.rollback()
    signed = session.scalars(select(Conclusion)).one()
    assert signed.code == "conditionally_avoidable"
    assert signed.votes["votes_conditionally_avoidable"] == 4
    assert signed.votes["votes_unavoidable"] == 1
    assert signed.document.answers["dissent"] == DISSENT
    for name, value in said.items():
        if name != "sign":
            assert signed.document.answers[name] == value, name
    assert len(session.scalars(select(Rectification)).all()) == 2

"""What follows a review, in Chromium: three findings of which one is put right, one is sent back
twice and one is not done by its day; the interview that this leads to, up to its filing with the
city; and what the city tells its counties of the quarter. The same people as over HTTP, whose story
says what is refused on the way."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Duty, DutyState, Level, Motion, MotionState, Notice, Rectification
from models import RectificationState as State
from tests import said
from tests.browsing import NARROW
from tests.e2e.conftest import HandsOf
from tests.e2e.hands import Hands
from tests.walk import stage_on, sweep
from workflows import quarters
from workflows.demo import answers
from workflows.demo.play import QH, Play
from workflows.forms.spec import Answers
from workflows.rules import day_of

pytestmark = pytest.mark.browser

SIGN = said.SIGNED
ALONE = "本委只有一位主管负责人，未能安排代理。"
REASON = "期限已过，须当面提出要求。"
OF_ONE = "全市只有一例，写明例数。"


@pytest.fixture
def play(session: Session, tmp_path: Path, units: dict[str, int]) -> Play:
    """Reviewed, fed back and signed for in the quarter that is over; the hospital has not done in
    ten days what it planned first."""
    over = quarters.latest(datetime.now(UTC))[1].until
    stage = stage_on(session, tmp_path / "files")
    play = Play(stage, QH, over - timedelta(days=40), answers.NAME, "002")
    play.first_48h()
    play.verify(60)
    play.convene(100, Level.COUNTY, meeting=220)
    play.opine(148, Level.COUNTY)
    play.conclude(220, Level.COUNTY, problems=said.three_problems(units))
    play.feed_back(270)
    play.sign_for(QH.office, 300)
    play.sign_for(QH.mch, 300)
    play.plan(330, days=10)
    session.commit()
    return play


def now() -> datetime:
    return datetime.now(UTC)


def do(hands: Hands, step: str, form: str, filled: Mapping[str, Any], about: str = "") -> None:
    """A step from the inbox, typed and handed in."""
    hands.open_step(step, about)
    hands.fill(form, filled)
    hands.hand_in()


@pytest.mark.usefixtures("play")
def test_what_follows_a_review(
    hands_of: HandsOf, app: Flask, session: Session, units: dict[str, int]
) -> None:
    office, desk, mch = hands_of("zhougy"), hands_of("fangcf"), hands_of("shenqm", width=NARROW)
    leader, city = hands_of("shaoxz"), hands_of("chenglc")
    late, accepted, rejected = session.scalars(select(Rectification).order_by(Rectification.id))
    put_right(mch, desk, accepted)
    sent_back_twice(office, desk, rejected)
    sweep(app)
    motion = one_interview_for_both(leader, late, rejected)
    the_interview(hands_of("helx", width=NARROW), leader, desk, motion)
    its_filing(desk, city, motion)
    the_quarters_notice(hands_of, city, mch, units)


# The ledger


def planned(hands: Hands, item: Rectification) -> None:
    by = day_of(now()) + timedelta(days=30)
    do(hands, "制定整改措施与期限", "rectification_plan.v1", answers.plan(by), item.number)


def progressed(hands: Hands, item: Rectification) -> None:
    done = answers.progress(evidence=["drill.jpg"])
    do(hands, "整改进展与佐证", "rectification_progress.v2", done, item.number)


def judged(hands: Hands, item: Rectification, make: Callable[..., Answers]) -> None:
    filled = make(now() - timedelta(minutes=1), sign=SIGN)
    do(hands, "整改验收", "rectification_acceptance.v1", filled, item.number)


def put_right(owner: Hands, desk: Hands, item: Rectification) -> None:
    """By the MCH institution, on a phone; the county's commission accepts."""
    planned(owner, item)
    progressed(owner, item)
    judged(desk, item, answers.acceptance)
    owner.go(f"/ledger/{item.id}", "ledger item, closed")
    expect(owner.page.get_by_role("heading", level=1)).to_contain_text(item.number)
    expect(owner.page.get_by_text("已销号").first).to_be_visible()
    expect(owner.page.get_by_role("link", name="drill.jpg")).to_be_visible()


def sent_back_twice(owner: Hands, desk: Hands, item: Rectification) -> None:
    planned(owner, item)
    for _ in range(2):
        progressed(owner, item)
        judged(desk, item, answers.rejection)
    owner.go(f"/ledger/{item.id}", "ledger item, sent back")
    expect(owner.page.get_by_text("抽查 10 份病历，4 份仍未称重计量。").first).to_be_visible()
    owner.session.rollback()
    assert (item.rejections, item.state == State.CLOSED) == (2, False)


# 约谈


def one_interview_for_both(leader: Hands, late: Rectification, rejected: Rectification) -> Motion:
    """Of what the facts propose the leader takes up one, and settles the other with it."""
    session, page = leader.session, leader.page
    session.rollback()
    about = {motion.item_id: motion for motion in session.scalars(select(Motion))}
    taken, other = about[late.id], about[rejected.id]
    for motion, choice in ((taken, "采取约谈"), (other, taken.number)):
        leader.go("/motions", "motions")
        page.get_by_role("link", name=motion.number).first.click()
        leader.look("motion")
        page.locator(".form-check").filter(has_text=choice).get_by_role("radio").check()
        page.locator("#alone").fill(ALONE)
        page.locator("#reason").fill(REASON)
        page.get_by_role("button", name="作出决定").click()
        expect(page.get_by_role("button", name="作出决定")).to_have_count(0)
        expect(page.get_by_text(REASON)).to_be_visible()
        leader.look("motion, decided")
    session.rollback()
    assert (taken.state, other.state) == (MotionState.TAKEN, MotionState.COMBINED)
    return taken


def the_interview(head: Hands, leader: Hands, desk: Hands, motion: Motion) -> None:
    """Called in, on record, signed by whom it was held with and by whoever held it."""
    do(desk, "发出约谈通知书", "interview_summons.v1", answers.summons(now(), sign=SIGN))
    receipt = answers.summons_receipt(sign=SIGN)
    do(head, "签收约谈通知书", "interview_receipt.v1", receipt)
    do(desk, "约谈并记录", "interview_record.v2", answers.interview(now(), sign=SIGN))
    agreed = answers.interview_agreed(sign=SIGN)
    do(head, "被约谈人签字", "interview_object_sign.v3", agreed)
    do(leader, "主谈人签字", "interview_sign.v1", answers.interview_signed(sign=SIGN))
    head.go(f"/measures/{motion.duty_id}", "interview, signed")
    head.session.rollback()
    required = select(Rectification).where(Rectification.duty_id == motion.duty_id)
    item = head.session.scalars(required).one()
    head.page.get_by_role("link", name=item.number).click()
    head.look("ledger item of an interview")
    expect(head.page.get_by_text("夜间紧急用血每月演练一次").first).to_be_visible()


def its_filing(desk: Hands, city: Hands, motion: Motion) -> None:
    """With the city's commission, which reads of the interview from then on."""
    do(desk, "报送备案", "interview_filing.v1", answers.filing(now(), sign=SIGN))
    do(city, "备案登记", "interview_filed.v1", answers.filed(now(), sign=SIGN))
    for hands in (desk, city):
        hands.go(f"/measures/{motion.duty_id}", f"interview, filed: {hands.who}")
        expect(hands.page.get_by_text("备2026-01").first).to_be_visible()


# What the city tells its counties


def the_quarters_notice(hands_of: HandsOf, city: Hands, mch: Hands, units: dict[str, int]) -> None:
    """Filled in from the findings; a count of one goes out for a reason only; two sign for it."""
    city.open_step("起草季度通报（含零通报）")
    drafted = answers.quarterly_notice(
        period="",
        deaths=1,
        reviewed=1,
        recipients=[units["qh_mch"], units["bl_commission"]],
        sign=SIGN,
    )
    cells = ("specific_medical", "general_admin", "general_care")
    for name, problem in zip(cells, said.three_problems(units), strict=True):
        expect(city.page.locator(f"[name={name}]")).to_have_value(f"1. {problem['text']}")
    only = ("content", "guidance", "measures", "recipients", "sign")
    city.fill("quarterly_notice.v2", drafted, only=only)
    city.hand_in()

    leader = hands_of("renys")
    leader.open_step("签发季度通报")
    issued = answers.notice_issue(sign=SIGN, confirm_reason=OF_ONE)
    leader.fill("notice_issue.v2", issued)
    leader.hand_in()
    for hands in (mch, hands_of("guqf", width=NARROW)):
        receipt = answers.notice_receipt(sign=SIGN)
        receipt.pop("received_by")  # came filled in
        do(hands, "签收季度通报", "notice_receipt.v1", receipt)

    session = city.session
    session.rollback()
    notice = session.scalars(select(Notice).where(Notice.case_id.is_(None))).one()
    assert notice.duty_id is not None
    assert session.get_one(Duty, notice.duty_id).state is DutyState.DONE
    city.go(f"/notices/{notice.id}", "notice, signed for")
    for words in (notice.number or "", "沈清明", "顾秋分"):
        expect(city.page.get_by_text(words).first).to_be_visible()
    mch.go(f"/notices/{notice.id}", "notice, a recipient's")
    expect(mch.page.get_by_text("改进措施").first).to_be_visible()

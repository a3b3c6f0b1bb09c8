"""One death's reviews in Chromium: a panel of which one should stand back, seven opinions of which
one does not come, the opening, the meeting, the split vote, the signatures; then a city that thinks
otherwise. Some sit at screens of their own, the others do the same by the same actions."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Conclusion,
    Level,
    Meeting,
    Opinion,
    Panel,
    Rectification,
    Role,
)
from tests.browsing import NARROW, WIDE
from tests.e2e.conftest import HandsOf
from tests.e2e.hands import Hands
from tests.walk import stage_on
from workflows.actions import meetings
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import GUIDE, QH, Play
from workflows.forms.moment import SHANGHAI
from workflows.forms.spec import Answers

pytestmark = pytest.mark.browser

CHAIR, DISSENTER, LATE, STOOD_BACK = "chenyf", "lixh", "chuys", "sundq"
SEVEN = (CHAIR, "qianqs", "fengjc", LATE, DISSENTER, "zhaocs", STOOD_BACK)
CITYS = ("wangzy", "qianqs", "fengjc")
SIGN = {"user": 0, "name": "", "at": ""}  # typed as the password
OVERRIDE = "全市唯一的羊水栓塞专业带头人，经委领导同意，只提供咨询。"
NO_LONGER = "一名专家出国未归，会议已经改期两次，不能再等。"
VIEW = "出血进展过快，处置及时，难以避免。"
DISSENT = "两名专家认为不可避免：出血进展过快，处置及时。"
NOT_THE_SAME = "市级认为县医院具备处置条件，用血延迟属流程问题，可以避免。"
NOTHING_NEW = "县级已列入台账，市级没有提出新的问题。"

WIDTHS = {CHAIR: WIDE, DISSENTER: NARROW}  # who sits at a screen from the declaration on
OTHERS = [who for who in SEVEN if who not in WIDTHS]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def play(session: Session, tmp_path: Path, units: dict[str, int]) -> Play:
    """Ten days after the death: verified, nobody appointed. One of the experts worked at the
    hospital two years ago."""
    death = now().replace(second=0, microsecond=0) - timedelta(days=10)
    play = Play(stage_on(session, tmp_path / "files"), QH, death, answers.NAME, "002")
    play.first_48h()
    play.verify(60)
    since = death.date() - timedelta(days=1500)
    session.add(
        Appointment(
            user_id=play.user(STOOD_BACK),
            organisation_id=units["qh_hospital"],
            role=Role.DEPARTMENT,
            valid_from=since,
            valid_to=since + timedelta(days=700),
        )
    )
    session.commit()
    return play


def test_two_levels_review_one_death(
    hands_of: HandsOf, session: Session, units: dict[str, int], play: Play
) -> None:
    assert play.stage.case is not None
    case = play.stage.case.id
    desk = hands_of("fangcf")
    _convene(desk, units)
    secretary = hands_of("wugs")
    at_screens = {who: hands_of(who, width) for who, width in WIDTHS.items()}
    before = [_told(hands, case) for hands in (desk, secretary)]
    for who, expert in at_screens.items():
        _declare(expert)
        over = {"conclusion": "unavoidable", "chance": "none"} if who == DISSENTER else {}
        expert.fill("opinion.v2", answers.opinion(sign=SIGN, **over))
        expert.hand_in()
    late = hands_of(LATE, NARROW)
    _declare(late)
    session.rollback()
    for who in OTHERS:
        if who != LATE:
            play.stage.declare(who, now())
            said = answers.opinion(sign=play.stage.sign(who, now()))
            play.stage.act(who, "UT_opinion", said, now())
    session.commit()
    assert len(session.scalars(select(Opinion)).all()) == 6
    session.rollback()
    assert [_told(hands, case) for hands in (desk, secretary)] == before  # nobody reads how many
    _open(at_screens[CHAIR], late, case)

    secretary.go(f"/cases/{case}/reviews", "reviews, opened")
    _meet(at_screens, secretary, session)
    secretary.open_step("会议记录与评审结论")
    against = answers.votes(7, against=2) | {"dissent": DISSENT}
    assert "与下级" not in secretary.page.inner_text("main")  # nobody has reviewed it before
    said = _sheet(play, SEVEN, "qh_commission", "wugs", **against)
    secretary.fill("conclusion.v5", said)
    secretary.hand_in()
    _signed(hands_of, play, at_screens, case, said)
    _the_city(hands_of, play, case, said)


# The county


def _convene(desk: Hands, units: dict[str, int]) -> None:
    """Who should stand back is shown with the reason; is refused without one for asking them all
    the same, and appointed with it. The others come from what is proposed."""
    desk.open_step("组织评审、聘定专家")
    page = desk.page
    out = page.locator(".proposal-out")
    for words in ("孙冬青", "曾任职于青禾县人民医院"):
        expect(out.get_by_text(words).first).to_be_visible()
    session = desk.session
    session.rollback()
    seats = {seat_of(session, who).user_id: seat_of(session, who) for who in SEVEN}
    came = page.locator('[name^="members."][name$=".user"]')
    proposed = [int(each.input_value()) for each in came.all()]
    back = seat_of(session, STOOD_BACK).user_id
    assert back not in proposed
    members: list[Answers] = [
        {
            "user": key,
            "organisation": seats[key].organisation_id,
            "is_guide": key == _guide(session),
        }
        for key in [*(key for key in proposed if key in seats), back]
    ]
    filled = answers.panel(
        now() + timedelta(days=3),
        organisation=units["qh_commission"],
        chair=seat_of(session, CHAIR).user_id,
        secretary=seat_of(session, "wugs").user_id,
        members=[],
        guide=units["maternal_centre"],
    )
    desk.fill("panel.v1", filled | {"members": members})
    desk.refused("组成专家组", "应当回避：曾任职于青禾县人民医院")
    page.locator(f'[name="members.{len(members) - 1}.override_reason"]').fill(OVERRIDE)
    desk.hand_in("组成专家组")
    session.rollback()
    panel = session.scalars(select(Panel)).one()
    assert {member.user_id for member in panel.members} == set(seats)


def _guide(session: Session) -> int:
    return seat_of(session, GUIDE).user_id


def _declare(expert: Hands) -> None:
    """Before anything of the case opens; then the sheet."""
    page = expert.page
    expert.go("/tasks", "inbox")
    page.locator(".inbox-row").get_by_role("link", name="个人评审意见", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("阅卷前声明")
    expert.look("declaration")
    expert.refused("提交声明", "选择有无利害关系")
    page.get_by_label("无", exact=True).check()
    page.get_by_label("承诺保守本例秘密").check()
    page.get_by_role("button", name="提交声明").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("个人评审意见")
    expert.look("个人评审意见")
    expect(page.get_by_text(answers.NAME)).to_have_count(0)  # blind


def _told(hands: Hands, case: int) -> list[str]:
    """What the pages of a review tell somebody while it is sealed."""
    hands.go(f"/cases/{case}/reviews", f"reviews, sealed: {hands.who}")
    levels = hands.page.locator(".levels").inner_text()
    hands.go(f"/cases/{case}/people", "people")
    return [levels, hands.page.locator("main .sealed").inner_text()]


def _open(chair: Hands, late: Hands, case: int) -> None:
    """The chair does not wait any longer, and says why; whose opinion is missing reads what that
    means, and sees the others' all the same."""
    page = chair.page
    chair.go(f"/cases/{case}/reviews", "reviews, the chair's")
    page.get_by_role("link", name="组长提前启封").click()
    chair.look("early opening")
    page.locator("#reason").fill("急")
    chair.refused("现在启封", "10 至 500 字")
    page.locator("#reason").fill(NO_LONGER)
    page.get_by_role("button", name="现在启封").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("意见对照")
    chair.look("opinions, opened")
    late.fill("opinion.v2", answers.opinion(sign=SIGN), only=("conclusion", "reason", "sign"))
    late.refused("提交意见", "启封时没有提交的意见不再收", "可以看启封的意见")


# The meeting


def _meet(at_screens: dict[str, Hands], secretary: Hands, session: Session) -> None:
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
    for member in at_screens.values():
        member.page.goto(page.url)
        member.page.get_by_role("button", name="签到").click()
        expect(member.page.get_by_text("已签到").first).to_be_visible()
        member.look("meeting, signed in")
    session.rollback()
    meeting = session.scalars(select(Meeting)).one()
    for who in OTHERS:
        meetings.sign_in(session, meeting, by=seat_of(session, who), now=now())
    session.commit()
    page.reload()
    page.get_by_role("button", name="登记离场").click()
    expect(page.get_by_text("已登记离场")).to_be_visible()


def _sheet(play: Play, panel: Sequence[str], unit: str, secretary: str, **over: object) -> Answers:
    """The conclusion of a panel; all for one, but for what `over` says."""
    seats = [(who, seat_of(play.stage.session, who)) for who in panel]
    said = answers.conclusion(
        now() - timedelta(minutes=2),
        organisation=play.unit(unit),
        chair=seats[0][1].user_id,
        secretary=play.user(secretary),
        members=[(seat.user_id, seat.organisation_id, who == GUIDE) for who, seat in seats],
        owner=play.unit("qh_hospital"),
        sign=SIGN,
        **over,
    )
    play.stage.session.rollback()
    return said


def _signed(
    hands_of: HandsOf, play: Play, at_screens: dict[str, Hands], case: int, said: Answers
) -> None:
    """By the chair, by who thinks otherwise and keeps that view, by the others, by the leader."""
    session, chair, signer = play.stage.session, at_screens[CHAIR], at_screens[DISSENTER]
    chair.open_step("组长审签结论")
    chair.fill("conclusion_chair.v1", answers.chair_signature(sign=SIGN))
    chair.hand_in()
    signer.open_step("专家签署结论")
    signer.fill("conclusion_signature.v1", answers.member_signature(sign=SIGN, reserved=VIEW))
    signer.hand_in()
    session.rollback()
    for who in OTHERS:
        signature = answers.member_signature(sign=play.stage.sign(who, now()), reserved="")
        play.stage.act(who, "UT_member_sign", signature, now())
    session.commit()
    leader = hands_of("shaoxz")
    leader.open_step("行政负责人签署")
    leader.fill("conclusion_endorsement.v1", answers.endorsement(sign=SIGN))
    leader.hand_in()
    leader.go(f"/cases/{case}/reviews", "reviews, signed")
    for words in ("创造条件可避免", said["problems"][0]["text"]):
        expect(leader.page.get_by_text(words).first).to_be_visible()
    leader.page.get_by_role("link", name="评审结论表").click()
    for words in (VIEW, DISSENT):
        expect(leader.page.get_by_text(words)).to_be_visible()
    leader.look("sheet of the conclusion")

    session.rollback()
    signed = session.scalars(select(Conclusion)).one()
    assert signed.code == "conditionally_avoidable"
    assert signed.votes["votes_conditionally_avoidable"] == 5
    assert signed.votes["votes_unavoidable"] == 2
    for name, value in said.items():
        if name != "sign":
            assert signed.document.answers[name] == value, name
    assert len(session.scalars(select(Rectification)).all()) == 2


# The city


def _the_city(hands_of: HandsOf, play: Play, case: int, county: Answers) -> None:
    """Its own experts find otherwise: the form does not take that without a word, and both stand
    side by side with the reason."""
    _the_citys_panel(play)
    secretary = hands_of("zhengdh")
    secretary.open_step("会议记录与评审结论")
    page = secretary.page
    over = answers.votes(len(CITYS), "avoidable") | {
        "conclusion": "avoidable",
        "problems_none": True,
    }
    said = {**_sheet(play, CITYS, "city_commission", "zhengdh"), **over}
    del said["problems"]
    secretary.fill("conclusion.v5", said)
    secretary.refused("提交组长审签", "结论与下级不同，请说明理由")
    reasons = {"difference_conclusion": NOT_THE_SAME, "difference_findings": NOTHING_NEW}
    secretary.fill("conclusion.v5", reasons | {"sign": SIGN})
    secretary.hand_in()
    session = play.stage.session
    session.rollback()
    chair, *others = CITYS
    signed = answers.chair_signature(sign=play.stage.sign(chair, now()))
    play.stage.act(chair, "UT_chair_sign", signed, now())
    for who in others:
        signature = answers.member_signature(sign=play.stage.sign(who, now()))
        play.stage.act(who, "UT_member_sign", signature, now())
    endorsed = answers.endorsement(sign=play.stage.sign("renys", now()))
    play.stage.act("renys", "UT_endorse", endorsed, now())
    session.commit()
    secretary.go(f"/cases/{case}/reviews", "reviews of both levels")
    table = page.locator("#differences")
    for words in (NOT_THE_SAME, NOTHING_NEW, "创造条件可避免", county["problems"][0]["text"]):
        expect(table.get_by_text(words).first).to_be_visible()
    levels = select(Conclusion.level, Conclusion.code).order_by(Conclusion.id)
    assert session.execute(levels).all() == [
        (Level.COUNTY, "conditionally_avoidable"),
        (Level.CITY, "avoidable"),
    ]


def _the_citys_panel(play: Play) -> None:
    """The county's notice is issued, the city convenes; three file, and meet today."""
    stage, session = play.stage, play.stage.session
    session.rollback()
    recipients = [play.unit("qh_hospital"), play.unit("qh_mch")]
    drafted = answers.notice(recipients=recipients, sign=stage.sign("fangcf", now()))
    stage.act("fangcf", "UT_notice", drafted, now())
    issued = answers.notice_issue(sign=stage.sign("shaoxz", now()))
    stage.act("shaoxz", "UT_issue", issued, now())
    seats = [(who, seat_of(session, who)) for who in CITYS]
    convened = answers.panel(
        now() + timedelta(minutes=5),
        organisation=play.unit("city_commission"),
        chair=seats[0][1].user_id,
        secretary=play.user("zhengdh"),
        members=[(seat.user_id, seat.organisation_id, who == GUIDE) for who, seat in seats],
        guide=play.unit("maternal_centre"),
    )
    stage.act("chenglc", "UT_convene", convened, now())
    for who in CITYS:
        stage.declare(who, now())
        stage.act(who, "UT_opinion", answers.opinion(sign=stage.sign(who, now())), now())
    since_death = (now() - play.death).total_seconds() / 3600
    play.meet(since_death, Level.CITY)
    session.commit()

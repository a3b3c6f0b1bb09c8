"""One death from its panel to the notice that tells the counties, over HTTP, as its people live it:
who must stand back and who is heard all the same, seven opinions of which one does not come, a vote
that is split, a city that thinks otherwise, and three findings that fare differently."""

from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import (
    CaseState,
    Clock,
    Conclusion,
    Duty,
    DutyKind,
    DutyState,
    ItemSource,
    Level,
    Measure,
    Motion,
    MotionState,
    Notice,
    Opinion,
    Rectification,
    RectificationState,
    Role,
)
from tests import said
from tests.test_duties import arrive, hours_to, turn_to
from tests.test_measures import (
    AGREE,
    CLOSE,
    DISPUTE,
    FILED,
    FILING,
    RECEIPT,
    RECORD,
    SIGN,
    SUMMONS,
    decided,
    known,
    motions,
    names,
)
from tests.walk import Move, Said, StartWalk, Walk, faults
from workflows import differences
from workflows.demo import answers
from workflows.demo.answers import NAME
from workflows.demo.play import Play
from workflows.forms.moment import SHANGHAI

SEVEN = (*said.COUNTY_PANEL, "zhaocs", "sundq")
CHAIR, DISSENTER, LATE, STOOD_BACK = "chenyf", "lixh", "chuys", "sundq"
OVERRIDE = "全市唯一的羊水栓塞专业带头人，经委领导同意，只提供咨询。"
NO_LONGER = "一名专家出国未归，会议已经改期两次，不能再等。"
DISSENT = "两名专家认为不可避免：出血进展过快，处置及时。"
VIEW = "出血进展过快，处置已属及时。"
NOT_THE_SAME = "市级认为县医院具备处置条件，用血延迟属流程问题，可以避免。"
ALONE = "本委只有一位主管负责人，未能安排代理。"
DAY = 24.0


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.mark.clause("C01", "C03", "D04")
@pytest.mark.long
def test_one_death_from_its_panel_to_what_the_counties_are_told(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60))
    a_panel_with_somebody_who_should_stand_back(walk)
    seven_opinions_of_which_one_is_late(walk)
    a_split_vote(walk)
    the_city_thinks_otherwise(walk)
    accepted, rejected, overdue = three_findings(walk)
    motion = two_of_them_lead_to_one_interview(walk, rejected, overdue)
    the_interview_and_its_filing(walk, motion, overdue)
    all_put_right_and_archived(walk, accepted, rejected, overdue)
    the_quarters_notice(walk)


# The county's review


def opinions_of(*people: str) -> str:
    return " ".join(f"opinion:{who}" for who in people)


def a_panel_with_somebody_who_should_stand_back(walk: Walk) -> None:
    """Computed from where she worked; appointed for a reason, which the hospital does not read."""
    walk.at(99)
    once = walk.appoint(STOOD_BACK, walk.units["qh_hospital"], Role.DEPARTMENT)
    once.valid_to = once.valid_from + timedelta(days=700)
    walk.session.commit()
    convening = f"/tasks/{walk.task('fangcf', 'convene').id}"
    assert "曾任职于青禾县人民医院" in walk.browser("fangcf").get(convening).text
    whole = said.panel("county", 5)(walk)
    more = [
        {"user": seat.user_id, "organisation": seat.organisation_id, "is_guide": False}
        for seat in map(walk.seat, SEVEN[5:])
    ]
    members = [*whole["members"], *more]
    refused = walk.hand_in("fangcf", "convene", whole | {"members": members})
    assert refused.status_code == 422
    [fault] = faults(refused)
    assert fault.startswith("专家 7：应当回避：曾任职于青禾县人民医院")
    assert "专家组建议" in refused.text
    more[1]["override_reason"] = OVERRIDE
    appointed = whole | {"members": members}
    walk.make(Move(100, "fangcf", "convene", lambda _: appointed, opinions_of(*SEVEN)))
    happened = f"/cases/{walk.case_id}"
    told = f"经说明理由聘请：{walk.seat(STOOD_BACK).user.name}，理由「{OVERRIDE}」"
    assert told in walk.browser("fangcf").get(happened).text
    for who in ("zhougy", "shenqm"):
        assert OVERRIDE not in walk.browser(who).get(happened).text


def seven_opinions_of_which_one_is_late(walk: Walk) -> None:
    """Six are in, nobody reads one; the chair opens with a reason, and the seventh comes too late
    to be an opinion."""
    left = [who for who in SEVEN if who not in (CHAIR, LATE)]
    reviews, case = f"/cases/{walk.case_id}/reviews", f"/cases/{walk.case_id}"
    walk.make(Move(150, CHAIR, "opinion", said.opinion(), opinions_of(*left, LATE)))
    opening = f"/opinions/{walk.panel('county').id}/opening"
    for number, who in enumerate(tuple(left)):
        left.remove(who)
        over = {"conclusion": "unavoidable", "chance": "none"} if who == DISSENTER else {}
        then = opinions_of(*left, LATE)
        walk.make(Move(151 + number, who, "opinion", said.opinion(**over), then))
    assert walk.browser("qianqs").get(opening).status_code == 404
    sealed = walk.browser(CHAIR).get(reviews).text
    assert all(walk.seat(who).user.name not in sealed for who in (DISSENTER, LATE))
    walk.at(200)
    late = walk.task(LATE, "opinion").id
    walk.declare(LATE, f"/tasks/{late}")
    for reason, status in (("急", 422), (NO_LONGER, 303)):
        assert walk.post(CHAIR, opening, {"reason": reason}).status_code == status
    assert walk.open() == Counter(["conclude:wugs"])
    assert "启封时没有提交的意见不再收" in walk.browser(LATE).get(f"/tasks/{late}").text
    assert len(walk.session.scalars(select(Opinion)).all()) == 6
    assert NO_LONGER in walk.browser(DISSENTER).get(case).text
    assert NO_LONGER not in walk.browser("zhougy").get(case).text


def a_split_vote(walk: Walk) -> None:
    """Five against two; whose the dissent is, no page says."""
    walk.at(244)
    vote = answers.votes(7, against=2) | {
        "dissent": DISSENT,
        "problems": said.three_problems(walk.units),
    }
    concluded = said.conclusion("county", **vote)
    walk.make(Move(245, "wugs", "conclude", concluded, f"chair_sign:{CHAIR}"))
    others = [who for who in SEVEN if who not in (CHAIR, DISSENTER)]
    waiting = " ".join(f"member_sign:{who}" for who in others)
    dissents = f"member_sign:{DISSENTER} {waiting}"
    walk.make(Move(246, CHAIR, "chair_sign", said.chair_signs(), dissents))
    walk.make(Move(247, DISSENTER, "member_sign", said.member_signs(VIEW), waiting))
    walk.play(*(partial(Play.countersign, hours=248, who=who) for who in others))
    walk.make(Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"))
    sheet = walk.browser("zhougy").get(f"/meetings/{walk.panel('county').id}/sheet").text
    assert DISSENT in sheet
    assert VIEW in sheet
    for line in lxml_html.document_fromstring(sheet).xpath("//tr | //li"):
        words = str(line.text_content())
        assert not (walk.seat(DISSENTER).user.name in words and (DISSENT in words or VIEW in words))
    signed = walk.session.scalars(select(Conclusion)).one()
    votes = signed.votes
    assert (votes["votes_conditionally_avoidable"], votes["votes_unavoidable"]) == (5, 2)


# The city's


PLANS = "plan:zhougy plan:zhougy plan:shenqm"


def the_city_thinks_otherwise(walk: Walk) -> None:
    """The county is fed back; the city's own experts conclude otherwise and say why."""
    signing = "sign_notice:zhougy sign_notice:shenqm"
    walk.walk(
        [
            Move(290, "fangcf", "notice", said.notice(), "issue:shaoxz"),
            Move(298, "shaoxz", "issue", said.issue(), f"{signing} {PLANS} convene:chenglc"),
            Move(300, "zhougy", "sign_notice", said.notice_receipt("zhougy"),
                 f"sign_notice:shenqm {PLANS} convene:chenglc"),
            Move(301, "shenqm", "sign_notice", said.notice_receipt("shenqm"),
                 f"{PLANS} convene:chenglc"),
            Move(310, "chenglc", "convene", said.panel("city", 3),
                 f"{PLANS} {opinions_of(*said.CITY_PANEL)}"),
        ]
    )  # fmt: skip
    walk.play(lambda play: play.opine(320, Level.CITY, said.CITY_PANEL))
    walk.at(384)
    other: dict[str, Any] = {
        "conclusion": "avoidable",
        "difference_conclusion": "",
        "problems_none": True,
        "difference_findings": "县级已列入台账，市级没有提出新的问题。",
    }

    def concluding(**over: str) -> Said:
        said_there = said.conclusion("city", **other | over)
        return lambda walk: {k: v for k, v in said_there(walk).items() if k != "problems"}

    silent = walk.hand_in("zhengdh", "conclude", concluding()(walk))
    assert any("结论与下级不同，请说明理由" in fault for fault in faults(silent))
    concluded = concluding(difference_conclusion=NOT_THE_SAME)
    walk.make(Move(385, "zhengdh", "conclude", concluded, f"{PLANS} chair_sign:wangzy"))
    others = said.CITY_PANEL[1:]
    signing = " ".join(f"member_sign:{who}" for who in others)
    walk.make(Move(386, "wangzy", "chair_sign", said.chair_signs(), f"{PLANS} {signing}"))
    walk.play(*(partial(Play.countersign, hours=387, who=who) for who in others))
    walk.make(Move(390, "renys", "endorse", said.endorsement(), PLANS))
    rows = walk.session.scalars(select(Conclusion).order_by(Conclusion.id)).all()
    assert [(row.level, row.code, row.difference) for row in rows] == [
        (Level.COUNTY, "conditionally_avoidable", None),
        (Level.CITY, "avoidable", NOT_THE_SAME),
    ]
    counted = differences.overturns(walk.session, by=walk.seat("renys")).total
    assert (counted.cases, counted.any_part) == (1, 1)
    assert [part for part, times in counted.parts.items() if times] == ["conclusion", "findings"]
    assert walk.browser("shaoxz").get("/statistics/differences").status_code == 404
    for who in ("zhougy", "fangcf"):
        assert NOT_THE_SAME in walk.browser(who).get(f"/cases/{walk.case_id}/reviews").text


# The ledger


def three_findings(walk: Walk) -> tuple[Rectification, Rectification, Rectification]:
    """One is accepted, one rejected twice, one not done by its day."""
    walk.session.rollback()
    rows = walk.session.scalars(select(Rectification).order_by(Rectification.id)).all()
    assert [row.owner_id == walk.units["qh_mch"] for row in rows] == [False, True, False]
    rejected, accepted, overdue = rows
    before = len(motions(walk))
    walk.walk(
        [
            Move(400, "shenqm", "plan", said.plan(30), "plan:zhougy plan:zhougy progress:shenqm"),
            Move(401, "shenqm", "progress", said.progress("shenqm"),
                 "plan:zhougy plan:zhougy accept:fangcf"),
            Move(402, "fangcf", "accept", said.acceptance(), "plan:zhougy plan:zhougy"),
            Move(403, "zhougy", "plan", said.plan(30), "progress:zhougy plan:zhougy"),
            Move(404, "zhougy", "plan", said.plan(2), "progress:zhougy progress:zhougy"),
            Move(405, "zhougy", "progress", said.progress("zhougy"),
                 "accept:fangcf progress:zhougy"),
            Move(406, "fangcf", "accept", said.rejection(escalation="none"),
                 "progress:zhougy progress:zhougy"),
            Move(407, "zhougy", "progress", said.progress("zhougy"),
                 "accept:fangcf progress:zhougy", place=1),
        ]
    )  # fmt: skip
    assert len(motions(walk)) == before  # sent back once is not yet failing
    walk.make(
        Move(408, "fangcf", "accept", said.rejection(escalation="supervise"),
             "progress:zhougy progress:zhougy")
    )  # fmt: skip
    walk.at(404 + 5 * DAY)
    walk.sweep()
    walk.sweep()
    walk.session.rollback()
    assert accepted.state is RectificationState.CLOSED
    assert (rejected.rejections, overdue.rejections) == (2, 0)
    return accepted, rejected, overdue


def two_of_them_lead_to_one_interview(
    walk: Walk, rejected: Rectification, overdue: Rectification
) -> Motion:
    """Proposed from the facts; decided by the leader, who endorsed the conclusion and has nobody to
    leave it to, with a reason; read by nobody whom it does not concern."""
    [asked, twice, late] = motions(walk)
    facts_met = ["item_asked", "item_rejected", "item_overdue"]
    assert [motion.fact for motion in (asked, twice, late)] == facts_met
    assert (asked.measure, asked.item_id) == (Measure.SUPERVISE, rejected.id)  # as was asked for
    assert "第 2 次验收未通过，验收单位（青禾卫健）建议督导" in asked.facts
    assert "建议督导" in walk.browser("zhougy").get(f"/ledger/{rejected.id}").text
    for motion, item in ((twice, rejected), (late, overdue)):
        assert (motion.item_id, motion.measure) == (item.id, Measure.INTERVIEW)
        assert motion.rule["quote"].startswith("对整改不力的单位和个人给约谈")
        assert motion.organisation_id == walk.units["qh_hospital"]
        assert motion.commission_id == walk.units["qh_commission"]
    assert "验收未通过 2 次" in twice.facts
    assert "逾期" in late.facts

    leader, desk = walk.browser("shaoxz"), walk.browser("fangcf")
    assert leader.get("/motions").text.count(late.number) == 1
    for stranger in ("zhougy", "helx", "shenqm", "wugs", CHAIR, "jiasj", "shenji"):
        assert walk.browser(stranger).get("/motions").status_code == 404
        assert walk.browser(stranger).get(f"/motions/{late.id}").status_code == 404
    for elsewhere in ("dongdz", "renys"):
        assert walk.browser(elsewhere).get(f"/motions/{late.id}").status_code == 404
    path = f"/motions/{late.id}/decision"
    act = {"decision": "take:interview", "reason": "期限已过，须当面提出要求。", "alone": ALONE}
    assert desk.post(path, data=act).status_code == 404
    for wrong in ({"reason": "行"}, {"decision": "take:everything"}, {"alone": ""}):
        assert leader.post(path, data=act | wrong).status_code == 422
    for motion, decision in (
        (asked, "drop"),
        (late, "take:interview"),
        (twice, f"combine:{late.id}"),
    ):
        decided(walk, "shaoxz", motion, decision, alone=ALONE)
    assert leader.post(path, data=act | {"decision": "drop"}).status_code == 409
    walk.session.rollback()
    assert (late.state, twice.state) == (MotionState.TAKEN, MotionState.COMBINED)
    assert ALONE in leader.get(f"/motions/{late.id}").text
    assert late.duty_id is not None
    return late


def the_interview_and_its_filing(walk: Walk, motion: Motion, overdue: Rectification) -> None:
    walk.duty_id, place = motion.duty_id, f"/measures/{motion.duty_id}"
    assert walk.browser("helx").get(place).status_code == 404  # nothing is written to them yet
    both = "interview_object:helx interview_object:zhougy"
    at = 404 + 5 * DAY
    walk.walk(
        [
            Move(at + 1, "fangcf", "summons", SUMMONS,
                 "summons_receipt:helx summons_receipt:zhougy"),
            Move(at + 2, "helx", "summons_receipt", RECEIPT, "interview:fangcf"),
            Move(at + 50, "fangcf", "interview", RECORD, both),
            Move(at + 51, "helx", "interview_object", DISPUTE, "interview:fangcf"),
            Move(at + 52, "fangcf", "interview", RECORD, both),
            Move(at + 53, "helx", "interview_object", AGREE, "interviewer:shaoxz"),
            Move(at + 54, "shaoxz", "interviewer", SIGN, "plan:zhougy filing:fangcf"),
        ]
    )  # fmt: skip
    record = walk.browser("helx").get(place).text
    for words in ("约谈记录（第 2 版）", "整改不力、整改达不到要求", "验收未通过 2 次", "逾期"):
        assert words in record
    of_duty = select(Rectification).where(Rectification.duty_id == walk.duty_id)
    required = walk.session.scalars(of_duty).one()
    assert (required.source, required.kind) == (ItemSource.INTERVIEW, "management")
    assert (required.owner_id, required.acceptor_id) == (
        walk.units["qh_hospital"],
        walk.units["qh_commission"],
    )
    assert required.first_deadline is not None
    made_known_as_well(walk, place, motion)
    filed_with_the_city(walk, place, overdue, at)
    walk.walk(
        [
            Move(at + 57, "zhougy", "plan", said.plan(20), "progress:zhougy"),
            Move(at + 58, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(at + 59, "fangcf", "accept", said.acceptance(), "interview_close:shaoxz"),
            Move(at + 60, "shaoxz", "interview_close", CLOSE, ""),
        ]
    )
    assert walk.session.get_one(Duty, walk.duty_id).state is DutyState.DONE
    assert required.state is RectificationState.CLOSED
    assert overdue.state is not RectificationState.CLOSED  # what it was about goes on for itself
    assert {"motion.proposed", "motion.decided", "interview.disputed", "interview.filed",
            "interview.registered", "measure.closed"} <= set(names(walk))  # fmt: skip
    for who, page in (("shaoxz", "/motions?view=all"), ("helx", "/measures?view=all")):
        assert motion.number in walk.browser(who).get(page).text
    walk.sweep()
    assert len(motions(walk)) == 3


def made_known_as_well(walk: Walk, place: str, motion: Motion) -> None:
    """约谈通报: the leader says so, once, and the desk has a notice to draft."""
    leader = walk.browser("shaoxz")
    assert walk.browser("fangcf").post(f"{place}/notice").status_code == 404
    assert "同时通报" in leader.get(place).text
    assert "为什么由本人决定" in leader.get(place).text
    assert leader.post(f"{place}/notice").status_code == 303
    assert known(walk) == []  # whoever endorsed the conclusion says why they decide this as well
    for _ in range(2):
        assert leader.post(f"{place}/notice", data={"alone": ALONE}).status_code == 303
    assert known(walk) == [motion.number]
    assert "同时通报" not in leader.get(place).text


def filed_with_the_city(walk: Walk, place: str, overdue: Rectification, at: float) -> None:
    """A step with a clock, which has no number; the city's commission reads it from then on."""
    filing = select(Clock).where(Clock.rule_key == "clock.interview_filing")
    clock = walk.session.scalars(filing).one()
    assert "本地口径待确认" in walk.browser("fangcf").get(place).text
    assert "报送备案" not in walk.browser("helx").get(place).text
    assert (clock.due_at, clock.met_at) == (None, None)  # 同时: no number, none is made up
    assert walk.browser("chenglc").get(place).status_code == 404
    assert "约谈报备案" in walk.limits("shaoxz")
    for who in ("zhougy", "chenglc", "subl"):  # of the filing nobody else learns
        assert "约谈报备案" not in walk.limits(who)
    walk.make(Move(at + 55, "fangcf", "filing", FILING, "plan:zhougy filed:chenglc"))
    assert clock.met_at is not None
    assert walk.limits("chenglc", "?state=all")["约谈报备案"] == place
    assert "约谈记录" in walk.browser("chenglc").get(place).text
    assert "备案摘要" not in walk.browser("helx").get(place).text
    walk.make(Move(at + 56, "chenglc", "filed", FILED, "plan:zhougy"))


def all_put_right_and_archived(walk: Walk, *items: Rectification) -> None:
    """Rejected twice and overdue for good; in the end all is closed, and the case with it."""
    walk.duty_id = None
    at = 404 + 5 * DAY + 70
    done: Said = said.progress("zhougy")
    walk.walk(
        [
            Move(at, "zhougy", "progress", done, "accept:fangcf progress:zhougy"),
            Move(at + 1, "fangcf", "accept", said.acceptance(), "progress:zhougy"),
            Move(at + 2, "zhougy", "progress", done, "accept:fangcf"),
            Move(at + 3, "fangcf", "accept", said.acceptance(), "archive:zhougy"),
            Move(at + 4, "zhougy", "archive", said.archive(), ""),
        ]
    )
    walk.session.rollback()
    assert walk.case.state is CaseState.CLOSED
    assert {item.state for item in items} == {RectificationState.CLOSED}
    assert [item.rejections for item in items] == [0, 2, 0]
    overdue = items[2]
    assert overdue.first_deadline == overdue.deadline
    closed_on = walk.now.astimezone(SHANGHAI).date()
    assert overdue.first_deadline is not None
    assert overdue.first_deadline < closed_on


# What the city tells its counties


def the_quarters_notice(walk: Walk) -> None:
    """Filled in from the quarter's findings; neither a zero notice nor her name goes through; sent
    back once, issued with a number, signed for by each county."""
    county = walk.session.scalars(select(Notice).where(Notice.case_id == walk.case_id)).one()
    assert (county.issued_at is not None, county.level) == (True, Level.COUNTY.value)
    assert hours_to(walk, "2027-01-04") > 404
    arrive(walk, "2027-01-04")
    quarter = turn_to(walk, DutyKind.QUARTERLY_NOTICE, "city_commission", "2026-10-01")
    assert quarter.period == "2026 年第 4 季度"
    page = walk.browser("chenglc").get(f"/tasks/{walk.task('chenglc', 'quarter_draft').id}").text
    for problem in said.three_problems(walk.units):
        assert problem["text"] in page  # 归纳总结评审工作中发现的问题

    def draft(**over: object) -> TestResponse:
        filled = answers.quarterly_notice(
            period=quarter.period,
            deaths=1,
            reviewed=1,
            recipients=[walk.units["qh_mch"], walk.units["bl_commission"]],
            sign=said.SIGNED,
            **over,
        )
        return walk.hand_in("chenglc", "quarter_draft", filled)

    for over, words in (
        ({"content": "zero"}, "有 1 例评审结束"),
        ({"guidance": f"家属是{NAME}的丈夫"}, "不能出现当事人"),
    ):
        reply = draft(**over)
        assert reply.status_code == 422, over
        assert any(words in fault for fault in faults(reply)), faults(reply)
    assert draft().status_code == 303
    assert walk.open() == Counter(["quarter_issue:renys"])
    back = {"issue_decision": "return", "return_reason": "请写明由谁负责。"}
    assert walk.hand_in("renys", "quarter_issue", back).status_code == 303
    assert draft(measures="各县级妇幼保健院负责，产后 2 小时称重计量。").status_code == 303
    issue = answers.notice_issue(sign=said.SIGNED, confirm_reason="全市只有一例，写明例数。")
    assert walk.hand_in("renys", "quarter_issue", issue).status_code == 303
    assert walk.open() == Counter(["quarter_sign:shenqm", "quarter_sign:guqf"])

    walk.session.rollback()
    notice = walk.session.scalars(select(Notice).where(Notice.duty_id == quarter.id)).one()
    sheet = walk.browser("guqf").get(f"/notices/{notice.id}").text
    sections = ("普遍问题", "个性化问题", "指导性意见", "改进措施")
    for words in (notice.number, "报告孕产妇死亡 1 例，评审结束 1 例", *sections):
        assert words in sheet
    for who in ("shenqm", "guqf"):
        receipt = answers.notice_receipt(sign=said.signed(walk, who))
        assert walk.hand_in(who, "quarter_sign", receipt).status_code == 303
    assert walk.open() == Counter()
    walk.session.refresh(quarter)
    assert quarter.state is DutyState.DONE
    assert walk.browser("gaomz").get(f"/notices/{notice.id}").status_code == 404  # not addressed

"""Clauses of the policy documents, proved on the pages people use, for maternal deaths.

Each test reads its clause's quotation and what it asks of a program, and shows exactly that.
"""

from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html
from sqlalchemy import select, update

from models import (
    CaseState,
    Clock,
    Conclusion,
    Definition,
    Event,
    Finding,
    Level,
    Notice,
    Notification,
    Organisation,
    Process,
    Rectification,
    RectificationState,
    Role,
    User,
    Zone,
)
from tests import said
from tests.desk import GONE, Desk, contents, spoilt
from tests.walk import Move, StartWalk, Walk
from workflows.demo.play import CITY_PANEL, Play
from workflows.events import EventName
from workflows.forms import load
from workflows.forms.moment import SHANGHAI

COUNTY, CITY = Level.COUNTY, Level.CITY


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


def words(walk: Walk, who: str, path: str) -> str:
    """A page as somebody reads it, without blanks."""
    reply = walk.browser(who).get(path)
    assert reply.status_code == 200, f"{who}: {path}"
    return "".join(lxml_html.document_fromstring(reply.text).text_content().split())


def case_path(walk: Walk) -> str:
    return f"/cases/{walk.case_id}"


def refuses_each(desk: Desk, good_answers: said.Said, missing: dict[str, str]) -> Any:
    """Without any one of these the step is not taken; returns the fields of the full answers."""
    good = desk.filled(good_answers)
    for name, what in missing.items():
        desk.refuses(spoilt(good, {name: GONE}), what)
    return good


def until_archive(play: Play) -> None:
    """Reviewed at both levels, put right, signed for: only the file is left to close."""
    play.first_48h()
    play.verify(60)
    play.county_review(100)
    play.sign_for("zhougy", 300)
    play.sign_for("shenqm", 302)
    play.plan(330, 40)
    play.plan(332, 40)
    play.convene(340, CITY, 600)
    play.opine(420, CITY)
    play.progress(700)
    play.progress(702)
    why = {"difference_findings": "市级没有提出新的问题。"}
    play.conclude(760, CITY, problems_none=True, problems=[], **why)
    play.accept(1000)
    play.accept(1002)


# A. Reporting


@pytest.mark.clause("A01")
def test_one_found_one_reported_one_reviewed(start_walk: StartWalk) -> None:
    """发现一例、报告一例、评审一例: counted on the board, and nothing closes without its review."""
    walk = start_walk()
    walk.play(lambda play: play.report(1))
    walk.at(2)
    tally = "{}发现登记{}个案已报送{}{}县级评审已签署{}{}市级评审已签署{}{}已归档"
    none, one = "1例", "无缺"
    board = words(walk, "shenqm", "/board")
    assert tally.format(1, 0, "待报送1例", 0, "待评审1例", 0, "待评审1例", 0) in board
    assert (none, one) == ("1例", "无缺")
    walk.play(
        lambda play: play.receive(2.5),
        lambda play: play.discuss(10),
        lambda play: play.explain(20),
        lambda play: play.submit(40),
        lambda play: play.verify(60),
    )
    walk.at(61)
    board = words(walk, "shenqm", "/board")
    assert tally.format(1, 1, one, 0, "待评审1例", 0, "待评审1例", 0) in board
    walk.play(lambda play: play.county_review(100))
    walk.at(301)
    board = words(walk, "fangcf", "/board")
    assert tally.format(1, 1, one, 1, one, 0, "待评审1例", 0) in board


@pytest.mark.clause("A01")
def test_no_file_is_closed_without_its_review_and_with_anything_left_open(
    start_walk: StartWalk,
) -> None:
    """The diagram does not come to it; and should it ever, the step itself refuses."""
    walk = start_walk()
    walk.play(until_archive)
    walk.at(1010)
    item = walk.session.scalars(select(Rectification).order_by(Rectification.id)).first()
    city = walk.session.scalars(select(Conclusion).where(Conclusion.level == CITY)).one()
    assert item is not None
    desk = Desk(walk, "zhougy", "archive")
    good = desk.filled(said.archive())
    for row, column, wrong, complaint in (
        (item, "state", RectificationState.WORKING, "还有 1 项整改未销号"),
        (city, "level", Level.PROVINCE, "缺市级评审结论"),
    ):
        table, right = type(row), getattr(row, column)
        for value in (wrong, right):
            walk.session.execute(update(table).where(table.id == row.id).values({column: value}))
            walk.session.commit()
            if value is wrong:
                desk.refuses(good, complaint)
    for box, label in (
        ("found_reported_reviewed", "发现、报告、评审各一例"),
        ("ledger_closed", "销号"),
    ):
        desk.refuses(spoilt(good, {box: "false"}), label)
    assert desk.post(good).status_code == 303
    walk.session.rollback()
    assert walk.case.state is CaseState.CLOSED


@pytest.mark.clause("A03")
def test_discussion_explanation_and_submission_are_three_things(start_walk: StartWalk) -> None:
    """24 hours for the discussion; then the head tells the commission's leader: who, when, to whom,
    how, on a record of its own and without a number; 48 hours for the case, to county MCH."""
    walk = start_walk()
    walk.walk(
        (
            Move(1, "linxm", "report", said.report(),
                 "receive:shenqm discuss:zhougy submit:zhougy"),
            Move(2, "shenqm", "receive", said.receipt(), "discuss:zhougy submit:zhougy"),
        )
    )  # fmt: skip
    due = {clock.rule_key.removeprefix("clock."): clock.due_at for clock in walk.clocks()}
    assert due["in_hospital_discussion"] == walk.moment(24)
    assert due["case_submission"] == walk.moment(48)
    assert "head_explains" not in due  # nothing to explain before the discussion
    walk.make(Move(11, "zhougy", "discuss", said.discussion(), "explain:helx submit:zhougy"))
    [clock] = [each for each in walk.clocks() if each.rule_key == "clock.head_explains"]
    assert clock.due_at is None
    walk.at(20)
    desk = Desk(walk, "helx", "explain")
    good = refuses_each(
        desk,
        said.explanation(),
        {
            "explained_by": "请填写说明人",
            "explained_to": "请填写说明对象",
            "explained_to_org": "请选择所在部门",
            "explained_dt": "请填写说明时间",
            "mode": "请选择说明方式",
        },
    )
    early = spoilt(good, {"explained_dt": "2026-11-21 05:00"})
    desk.refuses(early, "说明")  # before the discussion was held
    assert desk.post(good).status_code == 303
    walk.make(Move(40, "zhougy", "submit", said.submission(), "verify:shenqm"))
    read = words(walk, "shaoxz", case_path(walk))
    for told in ("院内死亡病例讨论", "机构负责人向卫生健康行政部门说明", "死亡个案信息报送"):
        assert told in read
    assert "汴卫〔2022〕38号" in read
    assert "本地口径待确认" in read
    sheet = words(walk, "shaoxz", f"{case_path(walk)}/documents/{walk.document('explain').id}")
    for answer in ("贺立夏", "邵夏至副主任", "青禾县卫生健康委员会", "当面"):
        assert answer in sheet


@pytest.mark.clause("A05")
def test_nobody_can_refuse_a_report_and_no_limit_waits(start_walk: StartWalk) -> None:
    """不得以任何理由拒报、迟报: nothing in the way of a report can be answered with no, not taking
    it up stops nothing, and voiding needs a second person and stops no clock until then."""
    for form in ("report.v1", "receipt.v1", "in_hospital_discussion.v1", "case_submission.v1"):
        assert [field.name for field in load.load(form).fields() if field.route] == []
    walk = start_walk()
    walk.walk(
        (
            Move(1, "linxm", "report", said.report(),
                 "receive:shenqm discuss:zhougy submit:zhougy"),
            Move(10, "zhougy", "discuss", said.discussion(),
                 "receive:shenqm explain:helx submit:zhougy"),
        )
    )  # fmt: skip
    assert words(walk, "shenqm", case_path(walk))  # seen, though nobody has signed for it
    reason = "经核对与另一例重复，申请撤销本条登记。"
    assert walk.post("zhougy", f"{case_path(walk)}/void", {"reason": reason}).status_code == 303
    assert walk.browser("zhougy").get(f"{case_path(walk)}/void/decision").status_code == 404
    walk.at(49)
    [clock] = [each for each in walk.clocks() if each.rule_key == "clock.case_submission"]
    assert clock.escalated_at is not None
    refused = walk.post("shenqm", f"{case_path(walk)}/void/decision", {"decision": "refuse"})
    assert refused.status_code == 303
    walk.make(Move(50, "zhougy", "submit", said.submission(), "receive:shenqm explain:helx"))
    assert walk.case.late_report


@pytest.mark.clause("A05", "D01")
def test_the_county_states_missed_concealed_late_refused_for_good(start_walk: StartWalk) -> None:
    """漏报、瞒报、迟报、拒报、病历不完整: raised by county MCH with grounds, on the case for ever;
    the unit stands on the board among those to be reminded."""
    walk = start_walk()
    walk.play(Play.first_48h)
    walk.at(60)
    assert "没有迟报或评审病历不完整的单位" in words(walk, "fangcf", "/board")
    desk = Desk(walk, "shenqm", "verify")
    every = ["missed", "concealed", "late", "refused"]
    grounds = "出院登记与报告核对，迟报 3 天，经两次催报后才提供病历。"
    good = desk.filled(said.returned(flags=every, flags_evidence=grounds))
    desk.refuses(spoilt(good, {"flags_evidence": ""}), "依据")
    assert desk.post(good).status_code == 303
    walk.walk(
        (
            Move(70, "zhougy", "supplement", said.supplement(), "verify:shenqm"),
            Move(80, "shenqm", "verify", said.verification(), "convene:fangcf"),
        )
    )
    for who in ("zhougy", "shenqm", "fangcf", "liangxh"):
        read = words(walk, who, case_path(walk))
        for flag in ("漏报", "瞒报", "迟报", "拒报", "评审病历不完整"):
            assert f"标记「{flag}」" in read, who
    board = words(walk, "fangcf", "/board")
    assert "青禾县人民医院迟报1例评审病历不完整1例" in board
    walk.session.rollback()
    assert (walk.case.late_report, walk.case.incomplete_record) == (True, True)


@pytest.mark.clause("A06")
def test_a_report_goes_to_the_county_at_once_and_on_in_both_directions(
    start_walk: StartWalk,
) -> None:
    """第一时间报送县级妇幼保健机构; 逐级报送至同级卫生行政部门和上级妇幼保健机构."""
    walk = start_walk()
    after_report = "receive:shenqm discuss:zhougy submit:zhougy"
    walk.make(Move(1, "linxm", "report", said.report(), after_report))
    told = select(User.username).join(Notification, Notification.user_id == User.id)
    at_once = walk.session.scalars(told.where(Notification.name == EventName.CASE_REPORTED))
    assert "shenqm" in set(at_once)
    assert words(walk, "shenqm", case_path(walk))
    upward = ("fangcf", "shaoxz", "liangxh")
    for who in upward:
        assert walk.browser(who).get(case_path(walk)).status_code == 404
    walk.at(2)
    desk = Desk(walk, "shenqm", "receive")
    good = refuses_each(desk, said.receipt(), {"received_dt": "请填写接报时间"})
    nowhere = {name: GONE for name in good if name.startswith("routing.")}
    desk.refuses(spoilt(good, nowhere), "转报记录")
    assert desk.post(good).status_code == 303
    onward = walk.session.scalars(told.where(Notification.name == EventName.CASE_FORWARDED))
    assert set(onward) == set(upward)
    for who in upward:
        sheet = f"{case_path(walk)}/documents/{walk.document('receive').id}"
        for unit in ("青禾县卫生健康委员会", "云江市妇幼保健院"):
            assert unit in words(walk, who, sheet)
    for who in ("guqf", "gaomz", "chenglc"):  # the next county, and the city's commission
        assert walk.browser(who).get(case_path(walk)).status_code == 404


@pytest.mark.clause("A12")
def test_who_talked_to_the_family_is_named(start_walk: StartWalk) -> None:
    """救治抢救期间指定1名产科医师负责与家属沟通: no case with a rescue gets to its review without
    the name, and who checks the case reads it."""
    walk = start_walk()
    walk.play(lambda play: play.report(1.5), lambda play: play.receive(2.5))
    walk.at(30)
    desk = Desk(walk, "zhougy", "submit")
    good = refuses_each(
        desk, said.submission(), {"family_contact_doctor": "请填写负责家属沟通的产科医师"}
    )
    assert desk.post(good).status_code == 303
    sheet = f"{case_path(walk)}/documents/{walk.document('submit').id}"
    assert "负责家属沟通的产科医师秦思远" in words(walk, "shenqm", sheet)


@pytest.mark.clause("A13")
def test_the_four_dimensions_of_data_quality_are_scored(start_walk: StartWalk) -> None:
    """真实、及时、准确、完整: each judged, each defect explained, all on the county's sheet."""
    walk = start_walk()
    walk.play(Play.first_48h)
    walk.at(60)
    desk = Desk(walk, "shenqm", "verify")
    titles = {"truthful": "真实", "timely": "及时", "accurate": "准确", "complete": "完整"}
    good = refuses_each(
        desk, said.verification(), {name: f"请选择{title}" for name, title in titles.items()}
    )
    for name, title in titles.items():
        desk.refuses(spoilt(good, {name: "poor", f"{name}_note": ""}), f"{title}性问题")
    assert desk.post(good).status_code == 303
    sheet = words(walk, "fangcf", f"{case_path(walk)}/documents/{walk.document('verify').id}")
    for shown in ("真实符合", "及时符合", "准确部分符合", "完整符合", "孕周与母子健康手册差1周"):
        assert shown in sheet


# B. Review


@pytest.mark.clause("B01")
def test_a_county_review_finds_factors_and_problems_and_measures_are_taken(
    start_walk: StartWalk,
) -> None:
    """及时召开评审会 (a clock without a number), 分析影响死亡的因素，查找救治工作中存在的问题，
    制定整改措施并落实: none of the four can be left out."""
    walk = start_walk()
    walk.play(
        Play.first_48h, lambda play: play.verify(60), lambda play: play.convene(100, COUNTY, 220)
    )
    walk.play(lambda play: play.opine(150, COUNTY))
    walk.at(240)
    [clock] = [each for each in walk.clocks() if each.rule_key == "clock.county_review"]
    assert (clock.due_at, clock.met_at) == (None, None)
    desk = Desk(walk, "wugs", "conclude")
    good = refuses_each(
        desk,
        said.conclusion("county"),
        {
            "meeting_dt": "请填写会议时间",
            "factor_analysis": "请填写相关因素分析",
            "grid_none": "未发现影响死亡的因素",
            "problems_none": "没有发现需要记录的问题",
            "recommendations": "请填写建议",
        },
    )
    for start, what in (("grid.", "十二格表"), ("problems.", "问题")):
        without = {name: GONE for name in good if name.startswith(start)}
        desk.refuses(spoilt(good, without), what)
    no_reason = {"problems.0.rectify": "false", "problems.0.waived_reason": ""}
    desk.refuses(spoilt(good, no_reason), "不整改的理由")
    assert desk.post(good).status_code == 303
    walk.walk(
        (
            *said.signed_by_all(said.COUNTY_PANEL, 250, "endorse:shaoxz"),
            Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"),
            Move(290, "fangcf", "notice", said.notice(), "issue:shaoxz"),
            Move(298, "shaoxz", "issue", said.issue(),
                 "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:shenqm convene:chenglc"),
        )
    )  # fmt: skip
    assert clock.met_at == walk.moment(275)
    found = walk.session.scalars(select(Finding).order_by(Finding.id)).all()
    assert [bool(each.waived_reason) for each in found] == [False, False, True]
    desk = Desk(walk, "zhougy", "plan")
    good = refuses_each(desk, said.plan(40), {"measure": "请填写整改措施"})
    assert desk.post(good).status_code == 303
    desk = Desk(walk, "zhougy", "progress")
    good = desk.filled(said.progress("zhougy"))
    desk.refuses(spoilt(good, {"evidence": GONE}), "完成整改要有佐证")
    assert desk.post(good).status_code == 303
    read = words(walk, "fangcf", f"{case_path(walk)}/reviews")
    for finding in found:
        assert "".join(finding.text.split()) in read


@pytest.mark.clause("B02", "H14")
def test_the_zone_maps_centre_guides_the_countys_review(start_walk: StartWalk) -> None:
    """市级危重孕产妇救治中心参与和指导区县评审: proposed from the zone map (分片兜底), no panel
    without somebody from it, and at the meeting or with a reason why not."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60))
    walk.at(100)
    centre = walk.units["maternal_centre"]
    desk = Desk(walk, "fangcf", "convene")
    page = desk.browser.get(desk.path).text
    assert f'name="guide_organisation" value="{centre}"' in page
    good = desk.filled(said.panel("county", 5))
    leaders = {name: "false" for name in good if name.endswith(".is_guide")}
    desk.refuses(spoilt(good, leaders), "专家组没有市级救治中心的指导专家")
    desk.refuses(spoilt(good, {"guide_organisation": ""}), "指导的市级救治中心")
    county_unit = {"guide_organisation": str(walk.units["qh_hospital"])}
    desk.refuses(spoilt(good, county_unit), "不是可选的单位")
    assert desk.post(good).status_code == 303
    walk.play(lambda play: play.opine(150, COUNTY))
    walk.at(240)
    desk = Desk(walk, "wugs", "conclude")
    good = desk.filled(said.conclusion("county", absent=["qianqs"]))
    desk.refuses(spoilt(good, {}), "没有市级救治中心的指导专家到会，请说明原因")
    because = {"guide_absent_reason": "当日在省里参加评审，已书面提出意见。"}
    assert desk.post(spoilt(good, because)).status_code == 303


@pytest.mark.clause("B04")
def test_level_by_level_and_by_a_written_procedure(start_walk: StartWalk) -> None:
    """逐级评审: the city begins when the county has concluded and says why it differs; both go by
    a procedure that is kept with the case as it was when the case began (明确死亡评审程序)."""
    walk = start_walk()
    walk.play(
        Play.first_48h, lambda play: play.verify(60), lambda play: play.convene(100, COUNTY, 220)
    )
    walk.at(130)
    assert walk.browser("chenglc").get(case_path(walk)).status_code == 404
    walk.play(
        lambda play: play.opine(150, COUNTY),
        lambda play: play.conclude(220, COUNTY),
        lambda play: play.feed_back(270),
        lambda play: play.convene(340, CITY, 600),
        lambda play: play.opine(420, CITY),
    )
    walk.at(610)
    desk = Desk(walk, "zhengdh", "conclude")
    reason = {"difference_conclusion": "市级认为县医院具备处置条件，流程有缺陷。"}
    good = desk.filled(said.conclusion("city", conclusion="avoidable", **reason))
    desk.refuses(spoilt(good, {"difference_conclusion": ""}), "结论与下级不同，请说明理由")
    assert desk.post(good).status_code == 303
    waiting = "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:zhougy"
    walk.walk(
        (
            *said.signed_by_all(CITY_PANEL, 620, "endorse:renys", waiting),
            Move(630, "renys", "endorse", said.endorsement(), f"plan:zhougy {waiting}"),
        )
    )
    read = words(walk, "fangcf", f"{case_path(walk)}/reviews")
    assert read.index("县级评审") < read.index("市级评审")
    assert "市级认为县医院具备处置条件，流程有缺陷。" in read
    procedures = walk.session.execute(
        select(Definition.name, Definition.digest, Definition.files)
        .join(Process, Process.definition_id == Definition.id)
        .where(Process.case_id == walk.case_id)
    ).all()
    [(name, digest, files)] = procedures
    assert name == "maternal_death"
    assert len(digest) >= 32
    assert "review/process.bpmn" in files


# C. Problems, notices, rectification


def noticed(walk: Walk) -> None:
    """Until the commission of the county may write its notice."""
    walk.play(
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.convene(100, COUNTY, 220),
        lambda play: play.opine(150, COUNTY),
        lambda play: play.conclude(220, COUNTY),
    )
    walk.at(260)


SECTIONS = {
    "general_care": "保健方面的普遍问题",
    "general_medical": "医疗方面的普遍问题",
    "general_admin": "管理方面的普遍问题",
    "specific_care": "保健方面的个性化问题",
    "specific_medical": "医疗方面的个性化问题",
    "specific_admin": "管理方面的个性化问题",
    "guidance": "请填写指导性意见",
    "measures": "请填写改进措施",
}


@pytest.mark.clause("C02")
def test_a_notice_holds_every_section_and_its_recipients_read_it(start_walk: StartWalk) -> None:
    """保健、医疗、管理 × 普遍、个性化, 指导性意见, 改进措施; and nothing that names her."""
    walk = start_walk()
    noticed(walk)
    desk = Desk(walk, "fangcf", "notice")
    good = refuses_each(desk, said.notice(), SECTIONS)
    named = {"specific_medical": f"{said.NAME}的二次手术决定偏晚。"}
    desk.refuses(spoilt(good, named), "通报里不能出现当事人姓名")
    assert desk.post(good).status_code == 303
    address = f"/notices/{walk.session.scalars(select(Notice.id)).one()}"
    assert walk.browser("zhougy").get(address).status_code == 404  # not issued yet
    both = "sign_notice:zhougy sign_notice:shenqm"
    then = f"{both} plan:zhougy plan:zhougy convene:chenglc"
    walk.make(Move(265, "shaoxz", "issue", said.issue(), then))
    for who in ("zhougy", "shenqm"):
        read = words(walk, who, address)
        for name in SECTIONS:
            assert "".join(good[name].split()) in read, name
        for heading in ("普遍问题", "个性化问题", "保健方面", "医疗方面", "管理方面"):
            assert heading in read
        assert said.NAME not in read
    walk.session.rollback()
    [notice] = walk.session.scalars(select(Notice)).all()
    assert [bool(row.read_at) for row in notice.recipients] == [True, True]


def owned(walk: Walk) -> Rectification:
    """The hospital's two items are planned; the first stands at its acceptance."""
    noticed(walk)
    walk.play(
        lambda play: play.feed_back(270),
        lambda play: play.plan(300, 40),
        lambda play: play.plan(302, 40),
        lambda play: play.progress(500),
    )
    walk.at(510)
    first = select(Rectification).where(
        Rectification.state == RectificationState.AWAITING_ACCEPTANCE
    )
    return walk.session.scalars(first).one()


@pytest.mark.clause("C03")
def test_failed_rectification_brings_a_proposal_to_interview(start_walk: StartWalk) -> None:
    """整改达不到要求的，开展约谈通报: a rejection says why and what follows; the proposal is on the
    item, on the case and in the ledger for everybody who sees it."""
    walk = start_walk()
    item = owned(walk)
    desk = Desk(walk, "fangcf", "accept")
    good = refuses_each(
        desk,
        said.rejection(escalation="interview"),
        {"reason": "请填写理由", "escalation": "请选择是否升级"},
    )
    assert desk.post(good).status_code == 303
    for who in ("zhougy", "fangcf", "shaoxz", "shenqm"):
        read = words(walk, who, f"/ledger/{item.id}")
        assert "建议约谈" in read
        assert "抽查10份病历，4份仍未称重计量。" in read
        assert f"整改{item.number}未达要求，建议约谈责任单位" in words(walk, who, case_path(walk))
    walk.session.rollback()
    assert (item.asked, item.rejections) == ("interview", 1)
    assert walk.open()["progress:zhougy"] == 2


@pytest.mark.clause("C04")
def test_the_ledger_says_problem_cause_measure_deadline_progress_and_guide(
    start_walk: StartWalk,
) -> None:
    """分析查找原因，建立个性化问题整改台账，制定措施，明确期限，定期督促进展: the ledger page has
    each, the zone's rescue centre guides and sees it, and what is due is pressed for."""
    walk = start_walk()
    noticed(walk)
    walk.play(lambda play: play.feed_back(270))
    walk.at(300)
    desk = Desk(walk, "zhougy", "plan")
    missing = {"cause": "原因分析", "measure": "整改措施", "deadline": "整改期限"}
    good = refuses_each(desk, said.plan(40), missing)
    assert desk.post(good).status_code == 303
    walk.make(
        Move(400, "zhougy", "progress", said.progress("zhougy", 40),
             "sign_notice:zhougy sign_notice:shenqm plan:zhougy progress:zhougy convene:chenglc")
    )  # fmt: skip
    item = walk.session.scalars(select(Rectification).order_by(Rectification.id)).first()
    assert item is not None
    centre = walk.session.get_one(Organisation, walk.units["maternal_centre"])
    guide = walk.appoint("qianqs", centre.id, Role.QUALITY_OFFICE)
    page = walk.client_for(guide).get(f"/ledger/{item.id}")
    assert page.status_code == 200
    read = "".join(lxml_html.document_fromstring(page.text).text_content().split())
    for told in (item.problem, item.cause, item.measure, "40%", centre.name):
        assert "".join(str(told).split()) in read
    assert item.deadline is not None
    assert f"整改期限{item.deadline}" in read
    [clock] = walk.session.scalars(select(Clock).where(Clock.rule_key == "clock.rectification"))
    walk.at(300 + 24 * 43)
    walk.session.rollback()
    assert clock.reminders_sent >= 3 + 2  # half, four fifths, the end, and daily since
    assert clock.escalated_at is not None
    assert "逾期" in words(walk, "fangcf", "/ledger?view=overdue")


@pytest.mark.clause("C05")
def test_each_item_is_closed_by_itself_and_by_another_unit(start_walk: StartWalk) -> None:
    """建立问题清单，制定整改方案，逐条整改落实，确保整改到位: every problem to be put right is
    an item of its own, closed with evidence by a unit that does not own it."""
    walk = start_walk()
    item = owned(walk)
    found = walk.session.scalars(select(Finding).order_by(Finding.id)).all()
    items = walk.session.scalars(select(Rectification).order_by(Rectification.id)).all()
    assert [each.finding_id for each in items] == [f.id for f in found if not f.waived_reason]
    assert all(each.owner_id != each.acceptor_id for each in items)
    desk = Desk(walk, "fangcf", "accept")
    good = desk.filled(said.acceptance())
    before = contents(walk.session)
    for who in ("zhougy", "helx", "shenqm", "chenglc"):
        reply = walk.browser(who).post(desk.path, data=spoilt(good, {"csrf_token": GONE}))
        assert reply.status_code == 404, who
    assert contents(walk.session) == before
    desk.refuses(spoilt(good, {"result": "partial"}), "理由")
    assert desk.post(good).status_code == 303
    walk.session.rollback()
    assert [each.state is RectificationState.CLOSED for each in items] == [True, False]
    assert "整改到位，予以销号" in words(walk, "zhougy", f"/ledger/{item.id}")
    assert "archive:zhougy" not in walk.open()


# H. Zones


@pytest.mark.clause("H15", "H16")
def test_centre_and_counties_belong_together_in_both_directions(start_walk: StartWalk) -> None:
    """双向协作、分片包干、一对一: each county has one centre at a time, the map shows who has none;
    the county's reviews and ledger find their centre, and the centre finds the items of its
    counties and of no other."""
    walk = start_walk()
    owned(walk)
    admin = walk.browser("xitong")
    read = words(walk, "xitong", "/admin/zones")
    for county in ("青禾县", "白鹭县"):
        assert f"{county}云江市危重孕产妇救治中心" in read
    [mine, other] = walk.session.scalars(
        select(Zone).where(Zone.kind == "maternal").order_by(Zone.county_code)
    ).all()
    second = Organisation(
        name="云江市第二救治中心",
        short_name="第二中心",
        kind=mine.centre.kind,
        level=mine.centre.level,
        region_code=mine.centre.region_code,
        host_id=walk.units["city_hospital"],
    )
    walk.session.add(second)
    walk.session.commit()
    of_first = walk.appoint("qianqs", mine.centre_id, Role.QUALITY_OFFICE)
    of_second = walk.appoint("sundq", second.id, Role.QUALITY_OFFICE)
    today = walk.now.astimezone(SHANGHAI).date().isoformat()
    form = {
        "kind": "maternal",
        "centre": second.id,
        "county": other.county_code,
        "valid_from": today,
        "valid_to": "",
    }
    refused = admin.post("/admin/zones/new", data=form)
    assert refused.status_code == 422
    assert "已有救治中心，先结束原来的" in refused.text
    at_once = {"at_once": "1", "last_day": today}
    assert admin.post(f"/admin/zones/{other.id}/end", data=at_once).status_code == 303
    assert "没有" in words(walk, "xitong", "/admin/zones")
    assert admin.post("/admin/zones/new", data=form).status_code == 303
    walk.session.rollback()
    items = walk.session.scalars(select(Rectification)).all()
    assert {item.guide_id for item in items} == {mine.centre_id}
    for item in items:
        path = f"/ledger/{item.id}"
        assert walk.client_for(of_first).get(path).status_code == 200
        assert walk.client_for(of_second).get(path).status_code == 404


# I. Security


@pytest.mark.clause("I01")
def test_who_read_what_is_on_record_and_kept_from_the_readers(start_walk: StartWalk) -> None:
    """加强妇幼健康信息安全保护: reading a case, a sheet, a file leaves an event that no page takes
    back, and only who audits reads it."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    walk.at(301)
    file, sheet = walk.attachment(), walk.document("submit").id
    assert file is not None
    browser = walk.browser("fangcf")
    for path in (case_path(walk), f"{case_path(walk)}/documents/{sheet}"):
        assert browser.get(path).status_code == 200
    assert browser.get(f"/attachments/{file.token}").status_code == 200
    walk.session.rollback()
    left = walk.session.scalars(select(Event).where(Event.user_id == walk.user("fangcf"))).all()
    names = [event.name for event in left]
    assert names.count(EventName.CASE_READ) >= 2
    assert names.count(EventName.ATTACHMENT_READ) == 1
    traces = words(walk, "jiasj", f"{case_path(walk)}?kind=traces")
    assert "查阅病例" in traces
    assert "查阅病例" not in words(walk, "fangcf", f"{case_path(walk)}?kind=traces")
    assert said.NAME not in traces

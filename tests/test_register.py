"""高危孕产妇专案: registered, judged again and again, warned of, found, summed up; read in the
review of what became of her."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from typing import Any

import pytest
import time_machine
from flask import Flask
from lxml import html as lxml_html
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from models import Event, Notification, RiskAssessment, RiskColour, RiskRecord
from tests.played import IN_REVIEW, NOW, Browse, Cast, everything
from webapp import risk_words, worker
from workflows import id_card, register, risk_figures, rules
from workflows.events import EventName
from workflows.register import Grade
from workflows.rules import day_of

HERE = "/register"
GREEN, YELLOW, ORANGE, RED, PURPLE = RiskColour
Y_AGE = ("yellow", "age_body", "36 岁")
Y_SCAR = ("yellow", "scar", "瘢痕子宫")
Y_BMI = ("yellow", "age_body", "体重指数 29")
R_PLACENTA = ("red", "placenta", "凶险性前置胎盘")
SECRETS = ("雀专名", "13977771234", "雀负责", "雀因素话", "雀处置话", "雀评估人", "雀地点")


@pytest.fixture
def database_url(played_url: str) -> str:
    """Every test here looks at the demonstration's people and cases."""
    return played_url


def day(days: float) -> str:
    return day_of(NOW + timedelta(days=days)).isoformat()


def number(serial: int) -> str:
    first = f"9901211990051{serial:03d}2"
    return first + id_card.check_digit(first)


def said(*factors: tuple[str, str, str], **over: Any) -> dict[str, Any]:
    """What somebody types of a woman and of her risk an hour before NOW."""
    colours, groups, words = ([each[place] for each in factors] for place in range(3))
    return {
        "name": "示例禾", "id_no": number(501), "phone": "13800000001", "county": "990121",
        "edd": day(100), "gravida": "2", "para": "1", "doctor": "何高年",
        "at": "2026-11-22T12:00", "occasion": "booking", "assessed_by": "林小满",
        "next_on": day(7), "factor_colour": colours, "group": groups, "factor": words,
    } | over  # fmt: skip


def registered(browse: Browse, who: str, *factors: tuple[str, str, str], **over: Any) -> str:
    reply = browse(who).post(f"{HERE}/new", data=said(*factors, **over))
    assert reply.status_code == 303, re.findall(r'class="form-error".*?</p>', reply.text)
    return str(reply.location)


def again(browse: Browse, who: str, path: str, *factors: tuple[str, str, str], **over: Any) -> int:
    data = said(*factors, occasion="antenatal", **over)
    return browse(who).post(f"{path}/assess", data=data).status_code


def sweep(app: Flask) -> None:
    """What the worker does in a second, of the register."""
    [kind] = [each for each in worker.SWEEPS if each.name == "risk"]
    worker.Sweeper(app.extensions["engine"], [kind]).pass_over(kind, Signal())


def told(session: Session, name: EventName) -> tuple[int, int]:
    """How many events and how many notifications of a name there are."""
    session.rollback()
    counts = (
        session.scalar(select(func.count()).select_from(each).where(each.name == name))
        for each in (Event, Notification)
    )
    events, lines = counts
    return events or 0, lines or 0


def numbers(page: str, caption: str, row: str) -> list[str]:
    """The cells of one row of one table, by the word it begins with."""
    root = lxml_html.document_fromstring(page)
    for each in root.xpath(f"//table[normalize-space(caption)='{caption}']/tbody/tr"):
        cells = [" ".join(cell.text_content().split()) for cell in each.xpath("td")]
        if cells[0].split()[0] == row:
            return cells[1:]
    raise AssertionError(f"{caption} has no row {row}")


@pytest.mark.clause("B15", "F03", "F08")
def test_a_high_risk_case_is_kept_up_to_date_warned_of_found_summed_up_and_analysed(
    app: Flask, browse: Browse, session: Session
) -> None:
    """依托信息系统实现高危个案的动态更新、自动警示、实时检索、阶段汇总、系统分析; the marks and
    automatic reminders of 四(一)1; the ☆ of three yellow factors."""
    # 动态更新: three yellow factors are ☆ by themselves; each judgement is one more row
    at = registered(browse, "linxm", Y_AGE, Y_SCAR, Y_BMI)
    page = browse("linxm").get(at).text
    assert "黄☆" in page
    assert "risk-yellow" in page
    twice = browse("linxm").post(f"{HERE}/new", data=said(Y_AGE))
    assert "已经有没结案的专案" in twice.text
    assert again(browse, "linxm", at, Y_AGE, R_PLACENTA, at="2026-11-22T12:30") == 303
    page = browse("linxm").get(at).text
    for words in ("黄☆", "risk-red", "凶险性前置胎盘", "2 次，只增不改", "较上次升高"):
        assert words in page, words
    assert told(session, EventName.RISK_ROSE)[0] == 1
    assert told(session, EventName.RISK_ROSE)[1] > 0  # and the desks learn of it at once

    # 自动警示: marked on the register, the board and the inbox; told once by the worker
    for who, first in (("linxm", "/tasks"), ("shenqm", "/tasks"), ("fangcf", "/board")):
        assert "风险升高" in browse(who).get(first).text, who
    assert "24 小时" in page
    sweep(app)
    assert told(session, EventName.RISK_REPORT_LATE) == (0, 0)
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        sweep(app)
        sweep(app)
        late = told(session, EventName.RISK_REPORT_LATE)
        assert late[0] == 1
        assert late[1] > 0
        assert "报送超时" in browse("shenqm").get(HERE).text
        assert at in browse("shenqm").get(f"{HERE}?alert=late_report").text
    with time_machine.travel(NOW + timedelta(days=8), tick=False):
        for _ in range(2):
            sweep(app)
        assert told(session, EventName.RISK_FOLLOW_UP_LATE)[0] == 1
        assert told(session, EventName.RISK_REPORT_LATE) == late
        assert "随访超期 1 天" in browse("fangcf").get(f"{HERE}?alert=overdue").text

    # reported and taken over: who reports, who receives
    report = re.search(rf"{at}/reports/(\d+)/report", browse("zhougy").get(at).text)
    assert report is not None
    send = f"{at}/reports/{report[1]}"
    assert browse("shenqm").post(f"{send}/receive").status_code == 404  # not reported yet
    assert browse("zhougy").post(f"{send}/report").status_code == 303
    assert browse("zhougy").post(f"{send}/receive").status_code == 404
    assert browse("gaomz").post(f"{send}/receive").status_code == 404
    assert browse("shenqm").post(f"{send}/receive").status_code == 303
    assert "妇幼保健机构已接收" in browse("linxm").get(at).text

    # 实时检索: by colour, area, name, number; only in one's own scope
    other = registered(browse, "hexs", R_PLACENTA, id_no=number(502), name="示例鹭",
                       county="990122")  # fmt: skip
    for who, query, mine, theirs in (
        ("chenglc", "", True, True), ("chenglc", "?county=990122", False, True),
        ("chenglc", "?colour=red", True, True), ("chenglc", "?colour=orange", False, False),
        ("shenqm", "", True, False), ("gaomz", "", False, True), ("subl", "", False, True),
    ):  # fmt: skip
        text = browse(who).get(HERE + query).text
        assert ((f'{at}"' in text), (f'{other}"' in text)) == (mine, theirs), (who, query)
    for words in ("示例禾", number(501), number(501).lower()):
        found = browse("liangxh").post(f"{HERE}/search", data={"q": words})
        assert found.location == at, words
        assert at not in browse("gaomz").post(f"{HERE}/search", data={"q": words}).text
    assert browse("subl").get(at).status_code == 404
    for who in ("jiasj", "wugs", "sundq", "anquan"):
        assert browse(who).get(HERE).status_code == 404, who
    assert browse("fangcf").get(f"{HERE}/new").status_code == 404  # a commission reads

    # 阶段汇总: the month, by area and colour
    month = browse("chenglc").get(f"{HERE}/summary?stage=2026-11").text
    heads = ["新登记", "升高", "转诊", "超期", "结案", "分娩", "在管"]
    qinghe = dict(zip(heads, numbers(month, "青禾县", "红"), strict=True))
    assert (qinghe["新登记"], qinghe["升高"], qinghe["在管"]) == ("0", "1", "1")
    assert numbers(month, "青禾县", "黄☆")[0] == "1"
    assert numbers(month, "合计", "合计")[0] == "2"
    assert "没有专案" in browse("chenglc").get(f"{HERE}/summary?stage=2025Q1").text

    # 系统分析: factors and colours, quarter by quarter, by area
    shown = browse("chenglc").get(f"{HERE}/analysis").text
    assert numbers(shown, "风险因素与颜色", "胎盘、产前出血") == ["0", "0", "2", "0"]
    assert numbers(shown, "逐季新登记", "2026Q4") == ["1", "0", "1", "0", "0", "0", "2"]
    assert numbers(shown, "按地区", "白鹭县")[0] == "1"
    assert "白鹭县" not in browse("fangcf").get(f"{HERE}/analysis").text


def test_her_course_is_read_in_the_review_and_who_reviews_does_not_learn_who_she_is(
    app: Flask, browse: Browse, session: Session, cast: Cast
) -> None:
    name, phone, doctor, factor, advice, who_judged, place = SECRETS
    case = cast.case(IN_REVIEW)
    at = registered(
        browse, "linxm", ("orange", "hypertension", factor), Y_AGE, id_no=case.person.id_no,
        name=name, phone=phone, doctor=doctor, advice=advice, assessed_by=who_judged,
        place=place, at="2026-10-20T09:00", report="yes",
    )  # fmt: skip
    gw = session.scalars(select(RiskRecord.number).where(RiskRecord.name == name)).one()
    tab = f"/cases/{case.id}/risk"
    assert browse("zhougy").get(tab).status_code == 404  # not linked yet
    link = f"{at}/cases/{case.id}"
    assert browse("fangcf").post(link).status_code == 404
    assert link in browse("shenqm").get(at).text
    assert browse("shenqm").post(link).status_code == 303
    assert browse("shenqm").post(link).status_code == 404  # once is enough
    for who in ("zhougy", "shenqm", "fangcf"):
        text = browse(who).get(tab).text
        assert factor in text, who
        assert at in text
    for who in ("wugs", "fengjc", "lixh"):
        text = browse(who).get(tab).text
        assert "risk-orange" in text, who
        assert "高血压与子痫前期" in text
        whole = text + everything(browse(who), case)
        for secret in (*SECRETS, gw, at):
            assert secret not in whole, (who, secret)
        assert "10-20" not in text  # told by the death
        assert "死亡前" in text
        assert browse(who).get(at).status_code == 404

    close = {"outcome": "postpartum", "delivered_on": day(-41), "note": "随访结束。"}
    early = browse("linxm").post(f"{at}/close", data=close)
    assert early.status_code == 422
    assert "产后 42 天要到" in early.text
    assert browse("linxm").post(f"{at}/close", data=close | {"outcome": "died"}).status_code == 303
    assert browse("linxm").post(f"{at}/close", data=close).status_code == 409
    assert again(browse, "linxm", at, Y_AGE) == 409
    assert at not in browse("linxm").get(HERE).text
    assert at in browse("linxm").get(f"{HERE}?state=closed").text


def test_who_she_was_sent_to_sees_her_from_then_on(browse: Browse, cast: Cast) -> None:
    at = registered(browse, "linxm", R_PLACENTA)
    assert browse("songqh").get(at).status_code == 404
    centre = str(cast.seat("songqh").organisation_id)
    assert again(browse, "linxm", at, R_PLACENTA, referred_to=centre) == 303
    assert "转诊到 云江市危重孕产妇救治中心" in browse("songqh").get(at).text
    assert again(browse, "songqh", at, Y_AGE, at="2026-11-22T12:59") == 303
    assert browse("tanglq").get(at).status_code == 404


def test_what_is_typed_is_judged_and_nothing_is_kept(browse: Browse, session: Session) -> None:
    for over, wrong in (
        ({"id_no": "990121199005101235"}, "校验位"), ({"phone": "123"}, "电话"),
        ({"county": "410221"}, "登记地"), ({"edd": ""}, "至少填一项"),
        ({"at": "2027-01-01T00:00"}, "不能晚于"), ({"next_on": day(-1)}, "下次随访"),
        ({"gravida": "一"}, "孕次"), ({"occasion": "x"}, "时机"), ({"group": ["x"]}, "风险因素"),
        ({"referred_to": "99999"}, "接诊机构"),
    ):  # fmt: skip
        reply = browse("linxm").post(f"{HERE}/new", data=said(Y_AGE) | over)
        assert reply.status_code == 422, over
        assert wrong in reply.text, over
    session.rollback()
    assert session.scalar(select(func.count(RiskRecord.id))) == 0


def test_an_assessment_stays_as_it_was(browse: Browse, session: Session) -> None:
    registered(browse, "linxm", R_PLACENTA)
    for change in (update(RiskAssessment).values(rose=True), delete(RiskAssessment)):
        with pytest.raises(DatabaseError):
            session.execute(change)
        session.rollback()


# What colours come to


KAIFENG, CHONGQING, HUBEI = "410221", "500101", "420100"


@pytest.mark.parametrize(
    ("colours", "told_as"),
    [
        ([], "绿"),
        ([YELLOW] * 2, "黄"),
        ([YELLOW] * 3, "黄☆"),
        ([*[YELLOW] * 3, ORANGE], "橙"),
        ([ORANGE, RED], "红"),
        ([PURPLE], "紫"),
        ([PURPLE, ORANGE], "橙＋紫"),
        ([*[YELLOW] * 3, PURPLE], "黄＋紫"),
    ],
)
def test_three_yellow_factors_are_a_star_and_nothing_graver_has_one(
    colours: list[RiskColour], told_as: str
) -> None:
    star = register.rule_at(KAIFENG, register.STAR, NOW)
    assert risk_words.told(register.grade(colours, star)) == told_as
    assert not register.grade(colours, None).star  # a place without the rule has none


@pytest.mark.parametrize(
    ("before", "now", "rose"),
    [
        (None, Grade(RED), False),
        (Grade(YELLOW), Grade(ORANGE), True),
        (Grade(RED), Grade(ORANGE), False),
        (Grade(ORANGE), Grade(ORANGE), False),
        (Grade(ORANGE), Grade(ORANGE, True), True),
        (Grade(YELLOW), Grade(YELLOW, star=True), True),
        (Grade(ORANGE, True), Grade(ORANGE), False),
    ],
)
def test_a_risk_rises_by_colour_star_or_an_infection(
    before: Grade | None, now: Grade, rose: bool
) -> None:
    assert now.graver_than(before) is rose


def test_only_a_place_with_a_number_has_a_limit_for_reporting(session: Session) -> None:
    for place, found, hours in (
        (CHONGQING, Grade(ORANGE), 72), (CHONGQING, Grade(RED), 24),
        (CHONGQING, Grade(ORANGE, True), 72), (KAIFENG, Grade(ORANGE), None),
        (KAIFENG, Grade(RED), None), (KAIFENG, Grade(GREEN, True), None), (HUBEI, Grade(RED), None),
    ):  # fmt: skip
        due = register.report_due(session, place, found, NOW)
        assert due == (None if hours is None else NOW + timedelta(hours=hours)), (place, found)
        words = register.limit_words(place, found, NOW)
        assert ("渝卫发〔2020〕19号" in words) is (place == CHONGQING)
        if place == KAIFENG and not found.purple:
            assert "按时限" in words
            assert rules.UNCONFIRMED in words


def test_stages_are_months_quarters_and_years() -> None:
    stage: Callable[[str], risk_figures.Stage | None] = risk_figures.stage
    spans = {}
    for code in ("2026-02", "2026Q4", "2026"):
        found = stage(code)
        assert found is not None
        spans[code] = (found.first.isoformat(), found.last.isoformat())
    assert spans == {
        "2026-02": ("2026-02-01", "2026-02-28"),
        "2026Q4": ("2026-10-01", "2026-12-31"),
        "2026": ("2026-01-01", "2026-12-31"),
    }
    for code in ("", "2026-13", "2026Q5", "1999", "2026-1"):
        assert stage(code) is None
    offered = risk_figures.stages(day_of(datetime(2026, 1, 15, tzinfo=UTC)))
    assert [each.code for each in offered[:2]] == ["2026-01", "2025-12"]
    assert {"2026Q1", "2024Q2", "2026", "2024"} <= {each.code for each in offered}

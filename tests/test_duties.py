"""Periodic duties over HTTP: the month's report from county to city, the quarter's notice."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import Duty, DutyKind, DutyState, Notice, Notification
from tests import said
from tests.conftest import DATABASES
from tests.walk import Move, StartWalk, Walk, faults
from workflows import rules
from workflows.demo import answers
from workflows.duties import last_ended
from workflows.events import EventName

CHINA = ZoneInfo("Asia/Shanghai")
MONTH, QUARTER = DutyKind.MONTHLY_REPORT, DutyKind.QUARTERLY_NOTICE


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def hours_to(walk: Walk, day: str) -> float:
    """From the death to nine in the morning of a day in China."""
    there = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=CHINA)
    return (there - walk.death) / timedelta(hours=1)


def arrive(walk: Walk, day: str) -> None:
    """Time passes, and the worker looks."""
    walk.at(hours_to(walk, day))
    walk.sweep()


def turn_to(walk: Walk, kind: DutyKind, unit: str, starts_on: str) -> Duty:
    """From now on the walk is about this duty."""
    walk.session.rollback()
    found = walk.session.scalars(
        select(Duty).where(
            Duty.kind == kind,
            Duty.organisation_id == walk.units[unit],
            Duty.starts_on == date.fromisoformat(starts_on),
        )
    ).one()
    walk.duty_id = found.id
    return found


def month(walk: Walk, count: int, **over: object) -> dict[str, object]:
    period = walk.session.get_one(Duty, walk.duty_id).period
    return answers.monthly_report(period=period, n_cases=count, sign=said.SIGNED, **over)


def file_month(walk: Walk, who: str, count: int, **over: object) -> TestResponse:
    return walk.hand_in(who, "month_file", month(walk, count, **over))


def check_month(walk: Walk, who: str, reason: str = "") -> None:
    reply = walk.hand_in(who, "month_check", answers.month_check(sign=said.SIGNED, reason=reason))
    assert reply.status_code == 303, faults(reply)
    walk.session.rollback()


def remind(walk: Walk, who: str, duty: Duty) -> str:
    """Press the button of the duty's page; what the next page says."""
    path = f"/duties/{duty.id}"
    browser = walk.browser(who)
    assert f'action="{path}/reminder"' in browser.get(path).text
    reply = browser.post(f"{path}/reminder")
    assert reply.status_code == 303
    return browser.get(reply.location).text


def told(walk: Walk, who: str, name: EventName) -> list[int]:
    """The duties a person has been told of under this name."""
    walk.session.rollback()
    lines = walk.session.scalars(
        select(Notification).where(
            Notification.user_id == walk.user(who), Notification.name == name.value
        )
    )
    return [line.data["duty"] for line in lines]


@pytest.mark.clause("A04")
@pytest.mark.parametrize("database", DATABASES[1:])  # the others are on SQLite
def test_a_month_is_reported_level_by_level_complete_and_with_zeros(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    walk.make(
        Move(1.5, "linxm", "report", said.report(), "receive:shenqm discuss:zhougy submit:zhougy")
    )
    arrive(walk, "2026-12-02")
    qinghe = turn_to(walk, MONTH, "qh_mch", "2026-11-01")
    assert qinghe.rule["clause"] == "母婴(四)1"
    assert qinghe.id in told(walk, "shenqm", EventName.DUTY_OPENED)
    number = walk.case.number
    step = walk.task("shenqm", "month_file")
    assert number in walk.browser("shenqm").get(f"/tasks/{step.id}").text

    # It says what the system knows; who knows of more, or of fewer, cannot hand it in.
    for count, words in ((0, "请核对下表"), (2, "先由发生机构登记报告")):
        reply = file_month(walk, "shenqm", count)
        assert reply.status_code == 422
        assert any(words in fault for fault in faults(reply))
    assert file_month(walk, "shenqm", 1).status_code == 303
    assert walk.open() == Counter(["month_check:liangxh"])
    assert told(walk, "fangcf", EventName.DUTY_FILED) == [qinghe.id]  # 同级卫生行政部门

    check_month(walk, "liangxh", reason="请补充与死因登记的核对结果。")
    assert told(walk, "shenqm", EventName.DUTY_RETURNED) == [qinghe.id]
    assert file_month(walk, "shenqm", 1, checked_with="已与死因登记核对。").status_code == 303
    check_month(walk, "liangxh")
    walk.session.refresh(qinghe)
    assert qinghe.state is DutyState.DONE
    assert qinghe.content is not None
    assert [row["number"] for row in qinghe.content["cases"]] == [number]

    # The city's own report waits for the other county, which is reminded, once a day.
    bailu = turn_to(walk, MONTH, "bl_mch", "2026-11-01")
    city = turn_to(walk, MONTH, "city_mch", "2026-11-01")
    reply = file_month(walk, "liangxh", 1)
    assert reply.status_code == 422
    assert any("白鹭县还没有报送" in fault for fault in faults(reply))
    assert "已提醒经办人" in remind(walk, "liangxh", bailu)
    assert "今天已经催过" in remind(walk, "liangxh", bailu)
    assert told(walk, "gaomz", EventName.DUTY_REMINDED) == [bailu.id]

    turn_to(walk, MONTH, "bl_mch", "2026-11-01")
    assert file_month(walk, "gaomz", 0).status_code == 303  # 零报告
    check_month(walk, "liangxh")
    turn_to(walk, MONTH, "city_mch", "2026-11-01")
    assert file_month(walk, "liangxh", 1).status_code == 303
    check_month(walk, "chenglc")
    walk.session.refresh(city)
    assert city.state is DutyState.DONE
    assert city.content is not None
    assert {area["name"]: area["filed"] for area in city.content["areas"]} == {
        "青禾县": True,
        "白鹭县": True,
    }
    assert "2026 年 11 月" not in walk.browser("shaoxz").get("/duties").text
    assert "2026 年 11 月" in walk.browser("shaoxz").get("/duties?view=all").text


def test_a_death_that_becomes_known_later_is_in_the_next_report_and_in_no_other(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    arrive(walk, "2026-12-02")
    november = turn_to(walk, MONTH, "qh_mch", "2026-11-01")
    assert file_month(walk, "shenqm", 0).status_code == 303
    check_month(walk, "liangxh")
    walk.duty_id = None
    # the woman died on 21 November; reported on the 9th of December, and late at that
    walk.make(
        Move(
            hours_to(walk, "2026-12-09"), "linxm", "report", said.report(),
            "receive:shenqm discuss:zhougy submit:zhougy",
        )
    )  # fmt: skip
    arrive(walk, "2027-01-03")
    december = turn_to(walk, MONTH, "qh_mch", "2026-12-01")
    assert file_month(walk, "shenqm", 1).status_code == 303
    walk.session.refresh(december)
    walk.session.refresh(november)
    assert november.content == {"cases": [], "areas": []}
    assert december.content is not None
    assert [(row["number"], row["backlog"]) for row in december.content["cases"]] == [
        (walk.case.number, True)
    ]
    check_month(walk, "liangxh")
    arrive(walk, "2027-02-03")
    turn_to(walk, MONTH, "qh_mch", "2027-01-01")
    assert file_month(walk, "shenqm", 0).status_code == 303


def test_no_month_is_left_out_when_nobody_looked(start_walk: StartWalk) -> None:
    walk = start_walk()
    arrive(walk, "2026-11-21")
    arrive(walk, "2027-02-15")
    arrive(walk, "2027-02-15")  # looking again opens nothing again
    found = walk.session.scalars(
        select(Duty.starts_on)
        .where(Duty.organisation_id == walk.units["qh_mch"])
        .order_by(Duty.starts_on)
    ).all()
    months = ("2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01")
    assert [day.isoformat() for day in found] == list(months)


def test_who_sees_a_duty(start_walk: StartWalk) -> None:
    """The owing unit, the receiving one, the administrations above; not a hospital, not a
    neighbour; and nobody reads a notice before it is issued but its own unit."""
    walk = start_walk()
    arrive(walk, "2026-12-02")
    county = turn_to(walk, MONTH, "qh_mch", "2026-11-01")
    path = f"/duties/{county.id}"
    for who in ("shenqm", "fangcf", "shaoxz", "liangxh", "chenglc", "renys", "jiasj"):
        assert walk.browser(who).get(path).status_code == 200, who
    for who in ("gaomz", "guqf", "zhougy", "linxm", "qianqs", "wugs", "xitong", "anquan"):
        assert walk.browser(who).get(path).status_code == 404, who
    assert walk.browser("zhougy").get("/duties").status_code == 404
    reply = walk.browser("shenqm").post(f"{path}/reminder")
    assert reply.status_code == 404  # nobody reminds themselves


def test_a_quarter_without_a_reviewed_case_is_a_zero_notice(start_walk: StartWalk) -> None:
    walk = start_walk()
    arrive(walk, "2027-01-04")
    quarter = turn_to(walk, QUARTER, "city_commission", "2026-10-01")
    filled = answers.quarterly_notice(
        period=quarter.period,
        deaths=0,
        reviewed=0,
        recipients=[walk.units["qh_mch"]],
        sign=said.SIGNED,
    )
    reply = walk.hand_in("chenglc", "quarter_draft", filled)
    assert reply.status_code == 303, faults(reply)
    issue = answers.notice_issue(sign=said.SIGNED)
    assert walk.hand_in("renys", "quarter_issue", issue).status_code == 303
    walk.session.rollback()
    notice = walk.session.scalars(select(Notice).where(Notice.duty_id == quarter.id)).one()
    assert "零通报" in walk.browser("shenqm").get(f"/notices/{notice.id}").text


RULES = rules.rule_set("410200", date(2026, 11, 1))


@pytest.mark.parametrize(("key", "longest"), [("report.monthly", 31), ("feedback.municipal", 92)])
def test_periods_follow_each_other_without_gap_or_overlap(key: str, longest: int) -> None:
    for number in range(4000):
        day = date(2024, 1, 1) + timedelta(days=number)
        period = last_ended(RULES.get(key), day)
        assert period is not None
        assert period.starts_on.day == 1
        assert period.ends_on < day <= period.next().ends_on
        assert period.next().starts_on == period.ends_on + timedelta(days=1)
        assert (period.ends_on - period.starts_on).days < longest

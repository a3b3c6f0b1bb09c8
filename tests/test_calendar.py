"""Working days are counted by the calendar, hours by the clock; what nobody entered is said."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, CalendarDay, Clock, Event
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from workflows import calendar, clocks
from workflows.actions import calendar as entered
from workflows.calendar import BadCalendarFile, WorkCalendar
from workflows.events import EventName
from workflows.permissions import Forbidden
from workflows.rules import Rule, RuleSet, Status, Unit, rule_set

ClientFor = Callable[[Appointment], Client]
DAY = timedelta(days=1)


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    """The system administrator's browser."""
    return client_for(world.by["system_admin"])


def china(written: str) -> datetime:
    return datetime.fromisoformat(f"{written}+08:00")


@pytest.fixture
def shipped(session: Session) -> WorkCalendar:
    return calendar.load(session)


# The files


def test_the_notices_of_2025_and_2026_are_kept_day_by_day(shipped: WorkCalendar) -> None:
    """国办发明电〔2024〕12号, 国办发明电〔2025〕7号."""
    made_up = {
        *("2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"),
        *("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
    }
    assert {day.isoformat() for day, working in shipped.days.items() if working} == made_up
    off = [day for day, working in shipped.days.items() if not working]
    assert (sum(day.year == 2025 for day in off), sum(day.year == 2026 for day in off)) == (28, 33)
    assert {notice.year: notice.number for notice in calendar.notices()} == {
        2025: "国办发明电〔2024〕12号",
        2026: "国办发明电〔2025〕7号",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("2026", "2027"), "make it the file's name"),
        (("last = 2026-01-03", "last = 2025-12-31"), "ends before"),
        (("2026-01-04", "2026-01-05"), "worked on anyway"),
        (("2026-01-04", "2026-01-03"), "said twice"),
        (("2026-01-04", "2025-01-04"), "another year"),
        (("name", "nmae"), "nmae"),
        (("[[", "["), "correct it"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    text = """year = 2026
number = "一号"
title = "通知"
printed = 2025-11-04
[[holidays]]
name = "元旦"
first = 2026-01-01
last = 2026-01-03
working = [2026-01-04]
"""
    (tmp_path / "2026.toml").write_text(text.replace(*change, 1), "utf-8")
    with pytest.raises(BadCalendarFile, match=said):
        calendar.notices(tmp_path)


# Counting

ENDS = (  # starts, working days, the end of that day in China
    ("2026-11-20T10:00", 1, "2026-11-23"),  # a Friday: over the weekend
    ("2026-11-20T10:00", 5, "2026-11-27"),
    ("2026-11-21T23:59", 1, "2026-11-23"),  # a Saturday
    ("2026-09-30T09:00", 1, "2026-10-08"),  # seven days off
    ("2026-09-30T09:00", 3, "2026-10-10"),  # the Saturday is worked on
    ("2026-02-13T18:00", 2, "2026-02-24"),  # the Saturday first, then nine days off
    ("2025-12-31T08:00", 1, "2026-01-04"),  # over the year, onto a Sunday
    ("2026-11-22T16:30", 1, "2026-11-23"),
    ("2026-11-22T00:10", 1, "2026-11-23"),  # still the 21st in UTC
)


@pytest.fixture
def move_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this process into another time zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai"])
def test_a_working_day_ends_in_china_wherever_the_server_stands(
    shipped: WorkCalendar, move_server: Callable[[str], None], zone: str
) -> None:
    move_server(zone)
    for starts, count, ends in ENDS:
        assert shipped.end_of(china(starts), count) == china(f"{ends}T23:59"), starts


def test_working_days_agree_with_integers() -> None:
    """Days counted as numbers from 1970-01-01, a Thursday, eight hours before Greenwich's: across
    midnights, ends of months and years, leap days."""
    plain, chance = WorkCalendar({}, frozenset()), random.Random(20261122)  # noqa: S311
    for _ in range(20_000):
        seconds, count = chance.randrange(694224000, 4102444800), chance.randrange(1, 12)
        day, left = (seconds + 28800) // 86400, count
        while left:
            day += 1
            left -= (day + 3) % 7 < 5
        ends = datetime.fromtimestamp(day * 86400 - 28800 + 86340, UTC)
        assert plain.end_of(datetime.fromtimestamp(seconds, UTC), count) == ends, (seconds, count)


def test_a_naive_start_and_no_day_at_all_are_refused(shipped: WorkCalendar) -> None:
    with pytest.raises(ValueError, match="aware"):
        shipped.end_of(datetime(2026, 11, 20), 1)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="at least one"):
        shipped.end_of(china("2026-11-20T10:00"), 0)


def test_a_year_that_nobody_entered_is_monday_to_friday_and_named(shipped: WorkCalendar) -> None:
    start = china("2026-12-30T09:00")
    end = shipped.end_of(start, 3)
    assert end == china("2027-01-04T23:59")  # the 1st, a Friday, is not known to be off
    assert shipped.unknown(start, end) == [2027]
    assert shipped.unknown(china("2026-01-01T09:00"), start) == []
    assert shipped.unknown(start, datetime(2026, 12, 31, 16, tzinfo=UTC)) == [2027]


# As a rule has it


def in_working_days(value: int) -> Rule:
    return Rule(
        key="clock.first_report",
        title="快报",
        status=Status.CONFIRMED,
        unit=Unit.WORKING_DAYS,
        value=value,
        start="event",
        responsible="reporter",
    )


@pytest.fixture
def rules_in_working_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place has confirmed a limit in working days for the first report."""

    def changed(code: str, at: datetime) -> RuleSet:
        held = rule_set(code, at)
        rules = {**held.rules, "clock.first_report": in_working_days(3)}
        return structs.replace(held, rules=rules)

    monkeypatch.setattr("workflows.rules.rule_set", changed)


@pytest.mark.usefixtures("rules_in_working_days")
@pytest.mark.parametrize("database", DATABASES)
def test_a_limit_in_working_days_is_due_by_the_calendar_and_hours_stay_hours(
    session: Session, world: World
) -> None:
    death = china("2026-09-29T22:00")  # the eve of seven days off
    case = report(session, world.by["department"], death + timedelta(hours=1))
    due = {
        clock.rule_key: clock.due_at
        for clock in session.scalars(select(Clock).where(Clock.case_id == case.id))
    }
    assert due["clock.first_report"] == china("2026-10-09T23:59")
    assert due["clock.in_hospital_discussion"] == death + timedelta(hours=24)
    assert due["clock.case_submission"] == death + timedelta(hours=48)


@pytest.mark.usefixtures("rules_in_working_days")
def test_a_case_says_when_its_limit_reaches_into_a_year_nobody_entered(
    client_for: ClientFor, session: Session, world: World
) -> None:
    office = world.by["quality_office"]
    dark = report(session, office, china("2026-12-30T22:00"))
    light = report(session, office, china("2026-11-03T22:00"))
    said = "2027 年的放假安排未录入，按周一至周五"
    assert said in client_for(office).get(f"/cases/{dark.id}").text
    page = client_for(office).get(f"/cases/{light.id}").text
    assert "3 个工作日" in page
    assert "未录入" not in page


def test_a_clock_that_runs_keeps_its_moment_when_the_calendar_changes(
    session: Session, world: World, rules_in_working_days: None
) -> None:
    by, now = world.by["system_admin"], china("2026-12-31T09:00")
    case = report(session, world.by["department"], china("2026-12-30T22:00"))
    clock = clocks.find(case, "first_report")
    assert clock is not None
    before = clock.due_at
    enter(session, by, date(2027, 1, 1), date(2027, 1, 3), now=now)
    session.expire_all()
    assert clock.due_at == before
    later = report(session, world.by["department"], china("2026-12-30T23:00"))
    found = clocks.find(later, "first_report")
    assert found is not None
    assert (before, found.due_at) == (china("2027-01-04T23:59"), china("2027-01-05T23:59"))


# As an administrator keeps it


def enter(
    session: Session,
    by: Appointment,
    first: date,
    last: date,
    *,
    now: datetime,
    working: bool = False,
) -> None:
    days = entered.Days(first, last, working=working, name="元旦", document="国办发明电〔2026〕x号")
    entered.enter_days(session, days, by=by, now=now)
    session.commit()


FORM = {
    "kind": "off",
    "begin": "2027-01-01",
    "last": "2027-01-03",
    "name": "元旦",
    "document": "国办发明电〔2026〕x号",
}


@pytest.mark.parametrize("database", DATABASES)
def test_days_are_entered_corrected_and_taken_back_on_record(
    admin: Client, session: Session, world: World
) -> None:
    assert admin.post("/admin/calendar/new", data=FORM).status_code == 303
    one_day = {"begin": "2027-01-03", "last": "2027-01-03", "kind": "working"}
    assert admin.post("/admin/calendar/new", data=FORM | one_day).status_code == 303
    session.rollback()
    held = calendar.load(session)
    days = [date(2027, 1, number) for number in (1, 2, 3, 4)]
    assert [held.is_working(day) for day in days] == [False, False, True, True]
    assert 2027 in held.years
    page = admin.get("/admin/calendar").text
    assert "国办发明电〔2026〕x号（本地录入）" in page
    assert "国办发明电〔2025〕7号" in page
    for day in days[:3]:
        admin.post("/admin/calendar/remove", data={"day": day.isoformat()})
    assert (
        "这一天没有录入"
        in admin.get(
            admin.post("/admin/calendar/remove", data={"day": "x"}).headers["Location"]
        ).text
    )
    session.rollback()
    assert session.scalars(select(CalendarDay)).all() == []
    rows = session.scalars(
        select(Event).where(Event.name == EventName.CALENDAR_CHANGED).order_by(Event.id)
    ).all()
    assert [row.data["days"] for row in rows] == ["off", "working", *["removed"] * 3]
    assert {row.user_id for row in rows} == {world.by["system_admin"].user_id}


def test_what_is_entered_goes_before_the_files(session: Session, world: World) -> None:
    """A correction of the notice, as there was one in 2020."""
    day, now = date(2026, 11, 23), china("2026-11-01T09:00")
    enter(session, world.by["system_admin"], day, day, now=now)
    assert not calendar.load(session).is_working(day)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"last": "2026-12-31"}, "最后一天不早于第一天"),
        ({"last": "2028-01-03"}, "核对年份"),
        ({"document": ""}, "填写依据文件"),
        ({"begin": "x"}, "2026-11-21"),
        ({"kind": "maybe"}, "从列表中选择一项"),
    ],
)
def test_what_cannot_be_is_not_entered(
    admin: Client, session: Session, wrong: dict[str, str], said: str
) -> None:
    reply = admin.post("/admin/calendar/new", data=FORM | wrong)
    assert reply.status_code == 422
    assert said in reply.text
    assert session.scalars(select(CalendarDay)).all() == []


def test_the_year_after_is_not_entered_until_its_notice_is(admin: Client) -> None:
    page = admin.get("/admin/calendar").text
    assert "未录入" in page
    assert "按周一至周五" in page


def test_only_the_system_administrator_keeps_it(
    client_for: ClientFor, session: Session, world: World
) -> None:
    day = date(2027, 1, 1)
    for name in ("security_admin", "commission_leader", "quality_office"):
        browser = client_for(world.by[name])
        assert browser.get("/admin/calendar").status_code == 404
        assert browser.post("/admin/calendar/new", data=FORM).status_code == 404
        with pytest.raises(Forbidden):
            enter(session, world.by[name], day, day, now=china("2026-11-01T09:00"))

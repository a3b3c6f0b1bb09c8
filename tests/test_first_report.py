"""The first report under a jurisdiction that gives it a number: Chongqing, 24 hours (A02)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from models import (
    Appointment,
    CaseUnit,
    Clock,
    Notification,
    Organisation,
    OrganisationKind,
    Process,
    Region,
    RegionLevel,
    Role,
    UnitPart,
    User,
)
from workflows.actions import cases
from workflows.demo import answers

DEATH = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.fixture
def seats(session):
    """A district hospital and its MCH institution under Chongqing's rules; nobody real."""
    for code, name, level, parent in (
        ("500000", "重庆市", RegionLevel.PROVINCE, None),
        ("500100", "市辖区", RegionLevel.CITY, "500000"),
        ("500199", "测试区", RegionLevel.COUNTY, "500100"),
    ):
        if session.scalar(select(Region.id).where(Region.code == code)) is None:
            session.add(Region(code=code, name=name, level=level, parent_code=parent))
    session.flush()
    found = {}
    for key, kind, role in (
        ("hospital", OrganisationKind.HOSPITAL, Role.QUALITY_OFFICE),
        ("mch", OrganisationKind.MCH, Role.MCH),
        ("commission", OrganisationKind.COMMISSION, Role.COMMISSION),
    ):
        unit = Organisation(
            name=f"测试区{key}",
            short_name=key,
            kind=kind,
            level=RegionLevel.COUNTY,
            region_code="500199",
        )
        user = User(username=f"cq-{key}", name="测试员", password_hash="x", created_at=DEATH)
        seat = Appointment(user=user, organisation=unit, role=role, valid_from=date(2020, 1, 1))
        session.add(seat)
        found[key] = seat
    session.commit()
    return found


def report(session, seats, hours):
    by = seats["hospital"]
    filled = answers.report(DEATH, organisation=by.organisation_id)
    now = DEATH + timedelta(hours=hours)
    case = cases.open_case(session, filled, key=f"r{hours}", by=by, now=now)
    session.flush()
    clock = session.scalars(
        select(Clock).where(Clock.case_id == case.id, Clock.rule_key == "clock.first_report")
    ).one()
    return case, clock


@pytest.mark.clause("A02")
def test_within_24_hours_to_the_district_mch_institution(session, seats):
    case, clock = report(session, seats, 23)
    assert clock.due_at == DEATH + timedelta(hours=24)
    assert clock.met_at == DEATH + timedelta(hours=23)
    assert clock.seconds_late(clock.met_at) == 0
    assert not case.late_report
    receiver = session.scalars(
        select(CaseUnit).where(CaseUnit.case_id == case.id, CaseUnit.part == UnitPart.RECEIVER)
    ).one()
    assert receiver.organisation_id == seats["mch"].organisation_id
    told = session.scalars(select(Notification.user_id).where(Notification.case_id == case.id))
    assert seats["mch"].user_id in set(told)


@pytest.mark.clause("A02", "A05")
def test_a_late_report_is_taken_and_stays_late(session, seats):
    case, clock = report(session, seats, 25)
    assert clock.seconds_late(DEATH + timedelta(days=300)) == 3600
    assert case.late_report
    [process] = session.scalars(select(Process).where(Process.case_id == case.id)).all()
    assert {task.bpmn_id for task in process.tasks if task.state == "open"} == {
        "UT_receive",
        "UT_discuss",
        "UT_submit",
    }


def test_numbers_go_on_after_the_9999th_case_of_a_county(session, seats) -> None:
    first, _clock = report(session, seats, 1)
    first.number = f"{first.number[:-4]}9998"
    session.flush()
    numbers = [report(session, seats, hours)[0].number for hours in (2, 3, 4)]
    assert [number.rpartition("-")[2] for number in numbers] == ["9999", "10000", "10001"]

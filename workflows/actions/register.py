"""高危孕产妇专案: a woman is registered, her risk judged again and again, reported, taken over,
linked with a case, closed; and what the worker warns of once (B15)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    OrganisationKind,
    Region,
    RegionLevel,
    RiskAssessment,
    RiskCase,
    RiskColour,
    RiskEnd,
    RiskRecord,
    RiskReport,
    Role,
)
from models.base import begins
from workflows import places, register
from workflows.actions.risk_entry import (
    Errors,
    Factor,
    Judged,
    Said,
    count_said,
    county_said,
    day_said,
    judge,
    wrong_person,
)
from workflows.actions.risk_warnings import DESKS, enter, tell
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.notifications import tell_desk
from workflows.permissions import Forbidden, may, require
from workflows.register import Grade
from workflows.rules import day_of

THERE = "这个身份证号码已经有没结案的专案，请按号码检索后补登评估"
DAYS_42 = timedelta(days=42)


class Closed(Exception):
    """The record is closed; nothing is added to it."""


def register_woman(
    session: Session,
    said: Said,
    factors: Sequence[Factor],
    *,
    by: Appointment,
    now: datetime,
) -> RiskRecord:
    """登记: a record with its first assessment.

    Raises Forbidden, InvalidAnswers; its "there" says that an open record of the number exists.
    """
    require(by, "register:keep")
    county = county_said(session, said, by)
    errors = wrong_person(said, now)
    if county is None:
        errors["county"] = ["选择登记地（县、区）"]
    judged = judge(session, said, factors, errors, by, now)
    if errors or county is None or judged is None:
        raise InvalidAnswers(errors)
    session.scalars(select(Region).where(Region.code == county.code).with_for_update()).one()
    number = said["id_no"].strip().upper()
    if _is_there(session, number):
        raise InvalidAnswers(
            {"id_no": ["这个身份证号码已经有没结案的专案，请按号码检索后补登评估"]}
        )
    row = RiskRecord(
        number=_next_number(session, county.code, now),
        name=said["name"].strip(),
        id_no=number,
        phone=said["phone"].strip(),
        county_code=county.code,
        organisation_id=by.organisation_id,
        doctor=said["doctor"].strip(),
        lmp=day_said(said, "lmp"),
        edd=day_said(said, "edd"),
        gravida=count_said(said, "gravida"),
        para=count_said(said, "para"),
        registered_at=now,
        registered_on=day_of(now),
        registered_by_id=by.id,
        colour=RiskColour.GREEN,
        assessed_at=judged.at,
        assessments=[],
    )
    session.add(row)
    session.flush()
    enter(session, row, EventName.RISK_REGISTERED, by, now)
    _add(session, row, judged, None, by, now)
    return row


def _is_there(session: Session, number: str) -> bool:
    there = select(RiskRecord.id).where(RiskRecord.id_no == number, RiskRecord.closed_at.is_(None))
    return session.scalars(there).first() is not None


def assess(
    session: Session,
    row: RiskRecord,
    said: Said,
    factors: Sequence[Factor],
    *,
    by: Appointment,
    now: datetime,
) -> RiskAssessment:
    """动态更新: the risk judged again. Raises Forbidden, Closed, InvalidAnswers."""
    _require(row, by)
    errors: Errors = {}
    judged = judge(session, said, factors, errors, by, now)
    if judged is not None and judged.at < row.assessed_at:
        errors["at"] = ["评估时间早于上一次评估，请核对"]
    if errors or judged is None:
        raise InvalidAnswers(errors)
    return _add(session, row, judged, register.grade_of(row), by, now)


def _add(
    session: Session,
    row: RiskRecord,
    judged: Judged,
    before: Grade | None,
    by: Appointment,
    now: datetime,
) -> RiskAssessment:
    star = register.rule_at(row.county_code, register.STAR, judged.at)
    found = register.grade((factor.colour for factor in judged.factors), star)
    rose = found.graver_than(before)
    made = RiskAssessment(
        record=row,
        at=judged.at,
        day=day_of(judged.at),
        occasion=judged.occasion,
        organisation_id=by.organisation_id,
        place=judged.place,
        assessed_by=judged.assessed_by,
        colour=found.colour,
        purple=found.purple,
        star=found.star,
        rose=rose,
        advice=judged.advice,
        next_on=judged.next_on,
        referred_to_id=judged.referred_to_id,
        entered_at=now,
        entered_by_id=by.id,
        factors=judged.factors,
    )
    session.add(made)
    row.colour, row.purple, row.star, row.rose = found.colour, found.purple, found.star, rose
    row.assessed_at, row.next_on, row.alerted_on = judged.at, judged.next_on, None
    session.flush()
    enter(session, row, EventName.RISK_ASSESSED, by, now, assessment=made.id)
    if rose:
        enter(session, row, EventName.RISK_ROSE, by, now, assessment=made.id)
        tell(session, row, EventName.RISK_ROSE, now)
    if judged.referred_to_id is not None:
        told = {"record": row.id, "number": row.number}
        tell_desk(session, EventName.RISK_REFERRED, judged.referred_to_id, DESKS, case=None,
                  now=now, **told)  # fmt: skip
        enter(session, row, EventName.RISK_REFERRED, by, now, organisation=judged.referred_to_id)
    if found.special and (before is None or rose or not before.special):
        _owe_report(session, row, made, found, judged.reports, by, now)
    return made


# 报送


def _owe_report(
    session: Session,
    row: RiskRecord,
    made: RiskAssessment,
    found: Grade,
    at_once: bool,
    by: Appointment,
    now: datetime,
) -> None:
    """A report is owed; who is the MCH institution itself has it by entering it."""
    due = register.report_due(session, row.county_code, found, made.at)
    owed = RiskReport(record=row, assessment=made, due_at=due)
    session.add(owed)
    session.flush()
    if at_once or _receives(row, by):
        report(session, row, owed, by=by, now=now)


def report(
    session: Session, row: RiskRecord, owed: RiskReport, *, by: Appointment, now: datetime
) -> None:
    """报送 to the county's MCH institution. Done twice it is done once. Raises Forbidden."""
    require(by, "register:keep")
    if owed.reported_at is not None:
        return
    owed.reported_at, owed.reported_by_id = now, by.id
    late = {"late_seconds": _late(owed, now)} if owed.due_at else {}
    enter(session, row, EventName.RISK_REPORTED, by, now, assessment=owed.assessment_id, **late)
    if _receives(row, by):
        receive(session, row, owed, by=by, now=now)
        return
    mch = places.unit_at(session, row.county_code, OrganisationKind.MCH, RegionLevel.COUNTY)
    if mch is not None:
        told = {"record": row.id, "number": row.number}
        tell_desk(session, EventName.RISK_REPORTED, mch.id, (Role.MCH,), case=None, now=now, **told)


def _late(owed: RiskReport, now: datetime) -> int:
    return max(0, int((now - owed.due_at).total_seconds())) if owed.due_at else 0


def receive(
    session: Session, row: RiskRecord, owed: RiskReport, *, by: Appointment, now: datetime
) -> None:
    """接收: the county's MCH institution takes it over. Raises Forbidden."""
    if not _receives(row, by) or owed.reported_at is None:
        raise Forbidden(row.id)
    if owed.received_at is None:
        owed.received_at, owed.received_by_id = now, by.id
        enter(session, row, EventName.RISK_RECEIVED, by, now, assessment=owed.assessment_id)


def may_receive(row: RiskRecord, by: Appointment) -> bool:
    """Whether somebody sits at the MCH institution that takes reports of this woman."""
    return may(by, "register:keep") and _receives(row, by)


def _receives(row: RiskRecord, by: Appointment) -> bool:
    unit = by.organisation
    here = unit.kind is OrganisationKind.MCH and unit.region_code == row.county_code
    return here and by.role is Role.MCH


# 结案, and the case it led to


def link(
    session: Session, row: RiskRecord, case: Case, *, by: Appointment, now: datetime
) -> RiskCase:
    """That a case is this woman's; `case` must be one that `by` may open. Raises Forbidden when
    the case's identity number is another's."""
    require(by, "register:keep")
    if case.id not in {each.id for each in register.linkable(session, row, by)}:
        raise Forbidden(case.id)
    made = RiskCase(record=row, case_id=case.id, linked_at=now, linked_by_id=by.id)
    session.add(made)
    record(session, EventName.RISK_LINKED, case=case, by=by, now=now, record=row.id,
           number=row.number)  # fmt: skip
    return made


def close(session: Session, row: RiskRecord, said: Said, *, by: Appointment, now: datetime) -> None:
    """结案. After a birth not before its 42nd day (产后42天). Raises Forbidden, Closed,
    InvalidAnswers."""
    _require(row, by)
    errors: Errors = {}
    outcome = said.get("outcome", "")
    if outcome not in set(RiskEnd):
        errors["outcome"] = ["选择结案的原因"]
    delivered, today = day_said(said, "delivered_on"), day_of(now)
    if delivered is not None and delivered > today:
        errors["delivered_on"] = ["分娩日期不能晚于今天"]
    if outcome == RiskEnd.POSTPARTUM:
        if delivered is None:
            errors["delivered_on"] = ["填写分娩日期"]
        elif today < delivered + DAYS_42:
            over = delivered + DAYS_42
            errors["delivered_on"] = [f"产后 42 天要到 {over}，在这以前继续随访，不能结案"]
    note = said.get("note", "").strip()
    if not 2 <= len(note) <= 500:
        errors["note"] = ["结案说明写 2 至 500 字"]
    if errors:
        raise InvalidAnswers(errors)
    row.closed_at, row.closed_on, row.closed_by_id = now, today, by.id
    row.outcome, row.delivered_on, row.closing_note = RiskEnd(outcome), delivered, note
    enter(session, row, EventName.RISK_CLOSED, by, now, outcome=outcome)


def read(session: Session, row: RiskRecord, *, by: Appointment, now: datetime) -> None:
    """Leave on record that somebody opened a record (I01)."""
    enter(session, row, EventName.RISK_READ, by, now)


def _require(row: RiskRecord, by: Appointment) -> None:
    require(by, "register:keep")
    if row.closed_at is not None:
        raise Closed(row.id)


def _next_number(session: Session, county_code: str, now: datetime) -> str:
    """GW-<county>-<year>-<sequence>; the caller has locked the county."""
    start = f"GW-{county_code}-{day_of(now).year}-"
    last = session.scalars(
        select(RiskRecord.number)
        .where(begins(RiskRecord.number, start))
        .order_by(RiskRecord.id.desc())
        .limit(1)
    ).one_or_none()
    return f"{start}{int(last.rsplit('-', 1)[-1]) + 1 if last else 1:04d}"

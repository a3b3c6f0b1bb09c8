"""A county's own review procedure: the desk drafts a version, the leader approves or refuses it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Appointment, OrganisationKind, RegionLevel, ReviewProcedure, Role
from workflows import procedures, rules
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.notifications import tell, tell_desk
from workflows.permissions import Forbidden, require
from workflows.rules import day_of

MOST = 366  # hours, days: no limit is longer than a year of days


def draft(
    session: Session, said: Mapping[str, str], *, by: Appointment, now: datetime
) -> ReviewProcedure:
    """A new version, which holds once it is approved. Raises Forbidden, InvalidAnswers."""
    require(by, "procedure:draft")
    unit = by.organisation
    if unit.kind is not OrganisationKind.COMMISSION or unit.level is not RegionLevel.COUNTY:
        raise Forbidden(unit.id)
    errors: dict[str, list[str]] = {}
    document, text = said.get("document", "").strip(), said.get("text", "").strip()
    if not 4 <= len(document) <= 100:
        errors["document"] = ["写明本县文件的名称和文号，4 至 100 字"]
    if not 20 <= len(text) <= 5000:
        errors["text"] = ["写明本县的评审程序，20 至 5000 字"]
    since = _day(said.get("valid_from", ""))
    if since is None or since < day_of(now):
        errors["valid_from"] = ["生效日期不早于今天，已登记的病例不受影响"]
    limits = _limits(said, unit.region_code, errors, now)
    interval = _number(said.get("interval", ""), "interval", errors, 24)
    if errors or since is None:
        raise InvalidAnswers(errors)
    count = select(func.count()).where(ReviewProcedure.organisation_id == unit.id)
    row = ReviewProcedure(
        organisation_id=unit.id,
        version=(session.scalar(count) or 0) + 1,
        document=document,
        valid_from=since,
        text=text,
        limits=limits,
        interval=interval,
        odd=said.get("odd") == "yes",
        prereview=said.get("prereview") == "yes",
        outside=said.get("outside") == "yes",
        drafted_at=now,
        drafted_by_id=by.id,
    )
    session.add(row)
    session.flush()
    _record(session, row, EventName.PROCEDURE_DRAFTED, by, now)
    told = {"procedure": row.id, "version": row.version}
    leaders = (Role.COMMISSION_LEADER,)
    tell_desk(session, EventName.PROCEDURE_DRAFTED, unit.id, leaders, case=None, now=now, **told)
    return row


def _limits(
    said: Mapping[str, str], code: str, errors: dict[str, list[str]], now: datetime
) -> dict[str, Any]:
    """What was typed for limits that have no number; others are not offered, and not taken."""
    found: dict[str, Any] = {}
    for rule in procedures.open_limits(rules.rule_set(code, now)):
        value = _number(said.get(rule.key, ""), rule.key, errors, MOST)
        unit = said.get(f"{rule.key}.unit", "hours")
        if unit not in {str(each) for each in procedures.UNITS}:
            errors[rule.key] = ["选择小时、天或工作日"]
        elif value is not None:
            found[rule.key] = [value, unit]
    return found


def _number(typed: str, name: str, errors: dict[str, list[str]], most: int) -> int | None:
    typed = typed.strip()
    if not typed:
        return None
    if typed.isascii() and typed.isdigit() and 0 < int(typed[:5]) <= most:
        return int(typed)
    errors[name] = [f"填 1 至 {most} 的整数；不定的不填"]
    return None


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def approve(session: Session, row: ReviewProcedure, *, by: Appointment, now: datetime) -> None:
    """The leader approves; from its day on new near misses go by it. Raises Forbidden,
    InvalidAnswers when its day is over."""
    _require(row, by)
    if row.valid_from < day_of(now):
        raise InvalidAnswers({"approve": ["生效日期已过，请经办人按新的日期重新起草一版"]})
    row.approved_at, row.approved_by_id = now, by.id
    _record(session, row, EventName.PROCEDURE_APPROVED, by, now)
    _tell_drafter(session, row, EventName.PROCEDURE_APPROVED, now)


def refuse(
    session: Session, row: ReviewProcedure, reason: str, *, by: Appointment, now: datetime
) -> None:
    """The leader says why not. Raises Forbidden, InvalidAnswers."""
    _require(row, by)
    if not 5 <= len(reason.strip()) <= 500:
        raise InvalidAnswers({"reason": ["退回的理由写 5 至 500 字"]})
    row.refused_at, row.refused_reason = now, reason.strip()
    _record(session, row, EventName.PROCEDURE_REFUSED, by, now)
    _tell_drafter(session, row, EventName.PROCEDURE_REFUSED, now)


def _require(row: ReviewProcedure, by: Appointment) -> None:
    require(by, "procedure:approve")
    ours = row.organisation_id == by.organisation_id and row.drafted_by.user_id != by.user_id
    if not ours or row.approved_at or row.refused_at:
        raise Forbidden(row.id)


def _tell_drafter(session: Session, row: ReviewProcedure, name: EventName, now: datetime) -> None:
    told = {"procedure": row.id, "version": row.version}
    tell(session, name, row.drafted_by.user_id, case=None, now=now, **told)


def _record(
    session: Session, row: ReviewProcedure, name: EventName, by: Appointment, now: datetime
) -> None:
    unit, key, version = row.organisation_id, row.id, row.version
    record(session, name, by=by, now=now, organisation=unit, procedure=key, version=version)

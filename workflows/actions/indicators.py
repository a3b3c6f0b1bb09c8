"""A hospital keeps its obstetric quality indicators: added, measured, given up; an improvement that
is suggested may become a ledger item, which another unit accepts (C11)."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Indicator,
    IndicatorValue,
    ItemSource,
    OrganisationKind,
    Rectification,
    RegionLevel,
    Suggestion,
)
from workflows import places
from workflows.actions import ledger
from workflows.actions.ledger import Problem
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import Forbidden, require
from workflows.rules import day_of

_TEXTS = {
    "name": ("指标名称", 2, 60),
    "numerator": ("分子", 2, 200),
    "denominator": ("分母", 2, 200),
    "basis": ("依据", 2, 200),
}
MOST = 1_000_000
Said = Mapping[str, str]


class NoAcceptor(LookupError):
    """The county has no MCH institution that could accept."""


def add(
    session: Session,
    said: Said,
    *,
    item: Rectification | None,
    by: Appointment,
    now: datetime,
) -> Indicator:
    """Begin to watch something; `item`: the problem of one's own unit it came from.

    Raises Forbidden, InvalidAnswers.
    """
    require(by, "indicator:keep")
    if item is not None and item.owner_id != by.organisation_id:
        raise Forbidden(item.id)
    errors = _faults(said)
    name = said.get("name", "").strip()
    there = select(Indicator.id).where(
        Indicator.organisation_id == by.organisation_id, Indicator.name == name
    )
    if session.scalar(there) is not None:
        errors["name"] = ["本院已有同名的指标"]
    if errors:
        raise InvalidAnswers(errors)
    target = said.get("target", "").strip()
    row = Indicator(
        organisation_id=by.organisation_id,
        **{key: said[key].strip() for key in _TEXTS},
        target=int(target) if target else None,
        at_least=said.get("side") != "at_most",
        item=item,
        area=item.area if item else None,
        problem_kind=item.kind if item else None,
        cell=item.cell if item else None,
        added_at=now,
        added_by_id=by.user_id,
    )
    session.add(row)
    session.flush()
    _record(session, row, EventName.INDICATOR_ADDED, by, now)
    return row


def _faults(said: Said) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for key, (words, least, most) in _TEXTS.items():
        if not least <= len(said.get(key, "").strip()) <= most:
            errors[key] = [f"{words}写 {least} 至 {most} 字"]
    target = said.get("target", "").strip()
    if target and not (target.isascii() and target.isdigit() and int(target) <= 100):
        errors["target"] = ["目标值填 0 至 100 的整数；没有定的不填"]
    return errors


def measure(
    session: Session,
    indicator: Indicator,
    month: date | None,
    said: Said,
    *,
    by: Appointment,
    now: datetime,
) -> IndicatorValue:
    """Enter what was counted for a month that has begun; entering it again corrects it.

    Raises Forbidden, InvalidAnswers.
    """
    _require(indicator, by)
    errors: dict[str, list[str]] = {}
    if month is None or month.day != 1 or month > day_of(now):
        errors["month"] = ["选择已经开始的月份"]
    counts = {key: _count(said.get(key, "")) for key in ("numerator", "denominator")}
    top, bottom = counts["numerator"], counts["denominator"]
    if top is None or bottom is None or top > bottom:
        errors["numerator"] = [f"分子、分母填 0 至 {MOST} 的整数，分子不能大于分母"]
    if errors or month is None or top is None or bottom is None:
        raise InvalidAnswers(errors)
    row = IndicatorValue(
        indicator=indicator,
        month=month,
        numerator=top,
        denominator=bottom,
        note=said.get("note", "").strip()[:500],
        at=now,
        by_id=by.user_id,
    )
    session.add(row)
    _record(session, indicator, EventName.INDICATOR_MEASURED, by, now)
    return row


def _count(typed: str) -> int | None:
    typed = typed.strip()
    fits = typed.isascii() and typed.isdigit() and len(typed) < 8 and int(typed) <= MOST
    return int(typed) if fits else None


def suggest(
    session: Session,
    indicator: Indicator,
    text: str,
    *,
    to_ledger: bool,
    by: Appointment,
    now: datetime,
) -> Suggestion:
    """提出改进建议; with `to_ledger` it becomes an item of one's own, which the county's MCH
    institution accepts. Raises Forbidden, NoAcceptor, InvalidAnswers."""
    _require(indicator, by)
    text = text.strip()
    if not 5 <= len(text) <= 1000:
        raise InvalidAnswers({"text": ["改进建议写 5 至 1000 字"]})
    row = Suggestion(indicator=indicator, text=text, at=now, by_id=by.user_id)
    session.add(row)
    if to_ledger:
        row.item = _into_ledger(session, indicator, text, by, now)
    _record(session, indicator, EventName.INDICATOR_SUGGESTED, by, now)
    return row


def _into_ledger(
    session: Session, indicator: Indicator, text: str, by: Appointment, now: datetime
) -> Rectification:
    code = by.organisation.region_code
    acceptor = places.unit_at(session, code, OrganisationKind.MCH, RegionLevel.COUNTY)
    if acceptor is None or acceptor.id == by.organisation_id:
        raise NoAcceptor(code)
    return ledger.open_item(
        session,
        problem=Problem(
            f"质控指标「{indicator.name}」：{text}",
            indicator.area or "medical",
            "specific",
            indicator.problem_kind,
            indicator.cell,
        ),
        source=ItemSource.QUALITY_CONTROL,
        owner=by.organisation,
        acceptor=acceptor,
        by=by,
        now=now,
    )


def retire(
    session: Session, indicator: Indicator, reason: str, *, by: Appointment, now: datetime
) -> None:
    """Watch it no longer; what it said stays. Raises Forbidden, InvalidAnswers."""
    _require(indicator, by)
    reason = reason.strip()
    if not 5 <= len(reason) <= 500:
        raise InvalidAnswers({"reason": ["停用的理由写 5 至 500 字"]})
    indicator.retired_at, indicator.retired_reason = now, reason
    _record(session, indicator, EventName.INDICATOR_RETIRED, by, now)


def _require(indicator: Indicator, by: Appointment) -> None:
    require(by, "indicator:keep")
    if indicator.organisation_id != by.organisation_id or indicator.retired_at is not None:
        raise Forbidden(indicator.id)


def _record(
    session: Session, indicator: Indicator, name: EventName, by: Appointment, now: datetime
) -> None:
    record(session, name, by=by, now=now, indicator=indicator.id)

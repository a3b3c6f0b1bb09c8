"""健全诊疗预案: the unit that owns a problem says which care plan it made or changed (B13)."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from models import Appointment, CarePlan, Rectification
from workflows.actions.reopening import enter, tell
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName
from workflows.permissions import Forbidden, may

_CHANGES = {"made": "制定", "changed": "修订"}


def may_say(item: Rectification, by: Appointment) -> bool:
    """Whether somebody sits at a desk of the unit that owns the problem."""
    return item.owner_id == by.organisation_id and may(by, "ledger:extend")


def say(
    session: Session,
    item: Rectification,
    said: Mapping[str, str],
    *,
    by: Appointment,
    now: datetime,
) -> CarePlan:
    """Put a care plan on record. Raises Forbidden, InvalidAnswers."""
    if not may_say(item, by):
        raise Forbidden(item.id)
    title, text = said.get("title", "").strip(), said.get("text", "").strip()
    errors: dict[str, list[str]] = {}
    if not 2 <= len(title) <= 80:
        errors["title"] = ["预案名称写 2 至 80 字"]
    if not 5 <= len(text) <= 1000:
        errors["text"] = ["写明针对哪个环节、定了什么，5 至 1000 字"]
    if said.get("change") not in _CHANGES:
        errors["change"] = ["选择是新制定还是修订"]
    day = _day(said.get("in_force_on", ""))
    if day is None:
        errors["in_force_on"] = ["填写施行日期"]
    if errors or day is None:
        raise InvalidAnswers(errors)
    row = CarePlan(
        item=item, at=now, by_id=by.user_id, change=said["change"], title=title, text=text,
        in_force_on=day,
    )  # fmt: skip
    session.add(row)
    words = f"{_CHANGES[row.change]}《{title}》：{text}"
    enter(session, item, "care_plan", words, by=by, now=now)
    tell(session, item, EventName.CARE_PLAN_SAID, by=by, now=now)
    return row


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        return None

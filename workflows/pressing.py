"""When the guiding rescue centre is to press an item next, and what it advised (C07).

市级危重救治中心要加强指导完善整改措施，定期督促整改进度 (汴卫〔2022〕38号 母婴(五)). How often 定期
is: rule `rectification.press_interval` of the owner's place, in days. Where nobody has given a
number the guide names the next day, item by item. Reads rows, changes nothing, knows no page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Appointment, Organisation, Press, Rectification, RectificationState
from workflows import rules
from workflows.permissions import may

RULE = "rectification.press_interval"


def rule_at(session: Session, owner_id: int, day: date) -> rules.Rule | None:
    """The rule that holds at a unit; None where no rule file does."""
    owner = session.get_one(Organisation, owner_id)
    try:
        return rules.rule_set(owner.region_code, day).find(RULE)
    except rules.UnknownJurisdiction:
        return None


def next_day(session: Session, owner_id: int, guide_id: int | None, day: date) -> date | None:
    """The day to press next, counted from `day`; None without a guide or without a number."""
    rule = rule_at(session, owner_id, day) if guide_id is not None else None
    if rule is None or not isinstance(rule.value, int):
        return None
    return day + timedelta(days=rule.value)


def may_press(item: Rectification, by: Appointment) -> bool:
    """Whether somebody acts for the unit that guides an open item."""
    ours = item.guide_id == by.organisation_id != item.owner_id
    return ours and item.state is not RectificationState.CLOSED and may(by, "ledger:urge")


def unanswered(item: Rectification) -> list[Press]:
    """Pressings whose advice the owner has not answered yet, in order."""
    return [row for row in item.presses if row.guidance and not row.answered_at]


def days_late(press: Press) -> int:
    """Days after the day it was due; 0 when in time, or when no day had been named."""
    if press.due_on is None:
        return 0
    return max(0, (rules.day_of(press.at) - press.due_on).days)


@dataclass(frozen=True, slots=True)
class Past:
    """What has been pressed of one item: when last, how often, how often late, and how many pieces
    of advice wait for an answer."""

    last: datetime | None = None
    count: int = 0
    late: int = 0
    unanswered: int = 0


def past(session: Session, item_ids: Iterable[int]) -> dict[int, Past]:
    """By item; in one query. Items that were never pressed are absent."""
    found: dict[int, Past] = {}
    rows = session.scalars(
        select(Press).where(Press.item_id.in_(list(item_ids))).order_by(Press.id)
    )
    for row in rows:
        before = found.get(row.item_id, Past())
        found[row.item_id] = Past(
            row.at,
            before.count + 1,
            before.late + (days_late(row) > 0),
            before.unanswered + bool(row.guidance and not row.answered_at),
        )
    return found


def newest_moment(session: Session, item_id: int) -> datetime | None:
    """When an item was pressed last."""
    return session.scalar(select(func.max(Press.at)).where(Press.item_id == item_id))

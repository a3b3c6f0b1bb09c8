"""Whether a problem is an old one come back: same factor, same unit, within the time of the rule.

The same factor is the same area (保健、医疗、管理) and the same kind (管理、资源、技术), and, where
both name one, the same cell of the twelve. Both must have a kind: without one, two problems of an
area have too little in common to be called one. Only a closed item comes back; an open one is
worked on anyway, and stays apart from a new finding so that no review loses an item of its own.
The second review of the same death is no recurrence either; nor is what was found in the care of a
newborn one of what was found in that of a woman. Reads rows, changes nothing.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import Select, and_, bindparam, exists, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from models import Case, Duty, Organisation, Rectification, RectificationState, Reopening
from workflows import kinds, rules

WINDOW = "rectification.reopen_within"
EFFECT_CHECK = "rectification.effect_check"


class Factor(Protocol):
    """What a problem is classified by; codes as in models.Finding."""

    @property
    def area(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def cell(self) -> int | None: ...


def months(session: Session, key: str, owner_id: int, day: date) -> int | None:
    """The number of a rule in months that holds at a unit; None if nobody has given one."""
    owner = session.get_one(Organisation, owner_id)
    try:
        rule = rules.rule_set(owner.region_code, day).find(key)
    except rules.UnknownJurisdiction:
        return None
    return rule.value if rule is not None and isinstance(rule.value, int) else None


def after(day: date, count: int) -> date:
    """The same day so many months later or, with a negative count, earlier; the month's last one
    where it has no such day."""
    ordinal = day.year * 12 + day.month - 1 + count
    first = date(ordinal // 12, ordinal % 12 + 1, 1)
    following = date((ordinal + 1) // 12, (ordinal + 1) % 12 + 1, 1)
    return first.replace(day=min(day.day, (following - first).days))


def old_item(
    session: Session, factor: Factor, owner_id: int, host: Case | Duty | None, now: datetime
) -> Rectification | None:
    """The item, closed last, that this problem opens again; None if it is a new one."""
    if factor.kind is None:
        return None
    today = rules.day_of(now)
    window = months(session, WINDOW, owner_id, today)
    if window is None:
        return None
    query = select(Rectification).where(
        Rectification.owner_id == owner_id,
        Rectification.state == RectificationState.CLOSED,
        Rectification.area == factor.area,
        Rectification.kind == factor.kind,
    )
    if factor.cell is not None:
        query = query.where(or_(Rectification.cell.is_(None), Rectification.cell == factor.cell))
    query = _not_of(query, host).order_by(Rectification.closed_at.desc(), Rectification.id.desc())
    found = session.scalars(query.limit(1).with_for_update()).one_or_none()
    if found is None or found.closed_at is None:
        return None
    return found if rules.day_of(found.closed_at) >= after(today, -window) else None


def _not_of(query: Select[Rectification], host: Case | Duty | None) -> Select[Rectification]:
    """Not what the same case or duty has worked on already, nor what was found with others."""
    if host is None:
        return query
    if isinstance(host, Case):
        own, again = Rectification.case_id, Reopening.case_id
        alike = select(Case.id).where(Case.kind.in_(kinds.cared_alike(host)))
        query = query.where(or_(own.is_(None), own.in_(alike)))
    else:
        own, again = Rectification.duty_id, Reopening.duty_id
    worked = select(Reopening.item_id).where(again == host.id)
    return query.where(or_(own.is_(None), own != host.id), Rectification.id.not_in(worked))


def run_at(session: Session, about: Case | Duty, level: str, place: int) -> int | None:
    """The id of the item worked on at a place of a case or duty: in its first round, or a later."""
    queries = _RUN_AT["case_id" if isinstance(about, Case) else "duty_id"]
    asked = {"about": about.id, "level": level, "place": place}
    found = (session.scalars(query, asked).one_or_none() for query in queries)
    return next((key for key in found if key is not None), None)


def _at(table: type[Rectification | Reopening], owner: str, key: str) -> Select[int]:
    return select(getattr(table, key)).where(
        getattr(table, owner) == bindparam("about"),
        table.level == bindparam("level"),
        table.place == bindparam("place"),
    )


_RUN_AT = {
    owner: (
        _at(Rectification, owner, "id").execution_options(autoflush=False),  # entered at once
        _at(Reopening, owner, "item_id"),
    )
    for owner in ("case_id", "duty_id")
}


def items_of(case_id: int) -> Select[Rectification]:
    """Items of a case: those its review entered, and old ones it opened again."""
    own = select(Rectification.id).where(Rectification.case_id == case_id)
    again = select(Reopening.item_id).where(Reopening.case_id == case_id)
    return select(Rectification).where(Rectification.id.in_(union_all(own, again)))


def open_in(case_id: int) -> Select[Rectification]:
    """Items that are worked on in a case now: whose last round runs in it and is not closed."""
    later = aliased(Reopening)
    newer = exists().where(later.item_id == Reopening.item_id, later.id > Reopening.id)
    here = exists().where(
        Reopening.item_id == Rectification.id, Reopening.case_id == case_id, ~newer
    )
    return select(Rectification).where(
        Rectification.state != RectificationState.CLOSED,
        or_(and_(Rectification.case_id == case_id, Rectification.reopened == 0), here),
    )


@dataclass(frozen=True, slots=True)
class Round:
    """One round of an item in one case or duty: what was found, and its time, the end excluded."""

    case_id: int | None
    problem: str
    begins: datetime
    ends: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether something happened in this round."""
        return self.begins <= at and (self.ends is None or at < self.ends)


def rounds(item: Rectification) -> list[Round]:
    """All rounds of an item, in order."""
    starts = [(item.case_id, item.problem, item.created_at)]
    starts += [(row.case_id, row.problem, row.at) for row in item.reopenings]
    ends = [begins for _, _, begins in starts[1:]] + [None]
    return [Round(*start, end) for start, end in zip(starts, ends, strict=True)]

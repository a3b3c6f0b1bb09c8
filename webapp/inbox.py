"""What waits for a person, grouped by urgency: the rows of 「我的待办」, page by page.

All that waits is looked at only as far as putting it in order takes; whole rows are read for one
page. Knows no request.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, String, and_, bindparam, cast, func, literal, select
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from models import (
    Appointment,
    Case,
    Clock,
    Draft,
    Duty,
    Organisation,
    Person,
    Rectification,
    Task,
)
from webapp import words
from workflows.anybody import for_anybody
from workflows.permissions import case_scope, inbox

PER_PAGE = 60
FAR = datetime.max.replace(tzinfo=UTC)  # steps without a number come after those with one


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open step, as far as it takes to put it in its place. `about`: its case's number."""

    id: int
    title: str
    opened_at: datetime
    due_at: datetime | None
    about: str


@dataclass(frozen=True, slots=True)
class Row:
    """One open step; `percent` of a draft already begun, `item` and `problem` of the ledger item it
    is about, `person` and `unit` of its case.

    `opens`: whether one may also open the case; a unit that only has a step in it learns no name.
    """

    task: Task
    percent: int | None
    item: str | None
    problem: str | None
    number: str | None
    person: str | None
    unit: str | None
    due_at: datetime | None
    opens: bool

    @property
    def about(self) -> str:
        """The number of its case, or what its duty is about."""
        return self.number or self.task.about


@dataclass(frozen=True, slots=True)
class Group:
    code: str  # late, due, still: as words.tone_of_due says
    title: str
    count: int  # of all pages
    rows: list[Row]  # of this one


TITLES = {"late": "已超时", "due": "24 小时内到期", "still": "其余"}

ORDERS: dict[str, tuple[str, Callable[[Waiting], tuple[object, ...]]]] = {
    "urgency": ("按紧急程度", lambda row: (row.due_at or FAR, row.id)),
    "case": ("按病例编号", lambda row: (row.about, row.due_at or FAR)),
    "newest": ("按收到时间，新的在前", lambda row: (-row.opened_at.timestamp(),)),
}


def waiting(session: Session, by: Appointment) -> list[Waiting]:
    """All open steps of this person, in no particular order. One query."""
    return [Waiting(*row) for row in session.execute(*_waiting(by))]


@for_anybody
def _waiting(by: Appointment) -> Select[int, str, datetime, datetime | None, str]:
    return (
        inbox(by)
        .outerjoin(Task.clock)
        .outerjoin(Task.case)
        .with_only_columns(
            Task.id, Task.title, Task.opened_at, Clock.due_at, func.coalesce(Case.number, "")
        )
    )


def steps(found: Sequence[Waiting]) -> list[str]:
    """The titles of the steps that wait, for the filter."""
    return sorted({row.title for row in found})


def ordered(found: Sequence[Waiting], order: str, now: datetime) -> list[Waiting]:
    """Late, due within 24 hours, the rest, each in its order. KeyError for no such order."""
    groups, key = list(TITLES), ORDERS[order][1]
    return sorted(found, key=lambda row: (groups.index(_tone(row.due_at, now)), *key(row)))


def grouped(
    session: Session,
    by: Appointment,
    found: Sequence[Waiting],
    page: Sequence[Waiting],
    now: datetime,
) -> list[Group]:
    """The groups of one page of what was found; those it has no row of are left out."""
    counts = dict.fromkeys(TITLES, 0)
    for each in found:
        counts[_tone(each.due_at, now)] += 1
    groups = {code: Group(code, title, counts[code], []) for code, title in TITLES.items()}
    for row in _rows(session, by, [each.id for each in page]):
        groups[_tone(row.due_at, now)].rows.append(row)
    return [group for group in groups.values() if group.rows]


def _rows(session: Session, by: Appointment, ids: Sequence[int]) -> list[Row]:
    """Whole rows, in the order of the ids."""
    if not ids:
        return []
    found = session.execute(_WHOLE, {"ids": ids, "me": by.user_id}).all()
    cases = {row.Task.case_id for row in found}
    opens = set(session.scalars(*_opens(by, cases=cases - {None}))) | {None}
    by_id = {row.Task.id: Row(*row, opens=row.Task.case_id in opens) for row in found}
    return [by_id[key] for key in ids]


_WHOLE = (  # as much of each as a line tells
    select(
        Task,
        Draft.percent,
        Rectification.number,
        Rectification.problem,
        Case.number,
        Person.name,
        Organisation.short_name,
        Clock.due_at,
    )
    .outerjoin(Rectification, Rectification.id == Task.rectification_id)
    .outerjoin(Task.clock)
    .outerjoin(Task.case)
    .outerjoin(Case.person)
    .outerjoin(Case.organisation)
    .outerjoin(
        Draft,
        and_(
            Draft.user_id == bindparam("me"),
            Draft.place == literal("task:").concat(cast(Task.id, String)),
        ),
    )
    .where(Task.id.in_(bindparam("ids", expanding=True)))
    .options(
        load_only(
            Task.title,
            Task.opened_at,
            Task.case_id,
            Task.duty_id,
            Task.holder_id,
            Task.owner_id,
            Task.priority,
            Task.follow_up_on,
            Task.clock_id,
        ),
        joinedload(Task.duty).load_only(Duty.occasion, Duty.kind, Duty.starts_on, Duty.ends_on),
        *(selectinload(each) for each in (Task.holder, Task.owner)),  # few have one
    )
)


@for_anybody
def _opens(by: Appointment) -> Select[int]:
    return select(Case.id).where(case_scope(by), Case.id.in_(bindparam("cases", expanding=True)))


def _tone(due_at: datetime | None, now: datetime) -> str:
    return words.tone_of_due(due_at, now) if due_at else "still"

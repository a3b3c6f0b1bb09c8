"""What waits for a person, grouped by urgency: the rows of 「我的待办」. Knows no request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import Appointment, Case, Draft, Rectification, Task
from webapp import words
from workflows.permissions import inbox, visible_cases

FAR = datetime.max.replace(tzinfo=UTC)  # steps without a number come after those with one


@dataclass(frozen=True, slots=True)
class Row:
    """One open step; `percent` of a draft already begun, `item` the ledger item it is about.

    `opens`: whether one may also open the case; a unit that only has a step in it learns no name.
    """

    task: Task
    percent: int | None
    item: Rectification | None
    opens: bool

    @property
    def due_at(self) -> datetime | None:
        return self.task.clock.due_at if self.task.clock else None


@dataclass(frozen=True, slots=True)
class Group:
    code: str  # late, due, still: as words.tone_of_due says
    title: str
    rows: list[Row]


TITLES = {"late": "已超时", "due": "24 小时内到期", "still": "其余"}

ORDERS: dict[str, tuple[str, Callable[[Row], tuple[object, ...]]]] = {
    "urgency": ("按紧急程度", lambda row: (row.due_at or FAR, row.task.id)),
    "case": ("按病例编号", lambda row: (row.task.about, row.due_at or FAR)),
    "newest": ("按收到时间，新的在前", lambda row: (-row.task.opened_at.timestamp(),)),
}


def rows(session: Session, by: Appointment) -> list[Row]:
    """All open steps of this person, in no particular order."""
    tasks = session.scalars(
        inbox(by).options(
            joinedload(Task.case).options(joinedload(Case.person), joinedload(Case.organisation)),
            joinedload(Task.duty),
            joinedload(Task.clock),
            joinedload(Task.holder),
            joinedload(Task.owner),
        )
    ).all()
    percents = _percents(session, by)
    items = _items(session, tasks)
    cases = _cases(session, by, tasks)
    return [
        Row(
            task,
            percents.get(f"task:{task.id}"),
            items.get(task.rectification_id or 0),
            task.case_id is None or task.case_id in cases,
        )
        for task in tasks
    ]


def _percents(session: Session, by: Appointment) -> dict[str, int]:
    found = session.execute(select(Draft.place, Draft.percent).where(Draft.user_id == by.user_id))
    return dict(found.all())


def _items(session: Session, tasks: Sequence[Task]) -> dict[int, Rectification]:
    ids = {task.rectification_id for task in tasks} - {None}
    if not ids:
        return {}
    found = session.scalars(select(Rectification).where(Rectification.id.in_(ids)))
    return {item.id: item for item in found}


def _cases(session: Session, by: Appointment, tasks: Sequence[Task]) -> set[int]:
    ids = {task.case_id for task in tasks} - {None}
    return set(
        session.scalars(visible_cases(by).with_only_columns(Case.id).where(Case.id.in_(ids)))
    )


def steps(found: Sequence[Row]) -> list[str]:
    """The titles of the steps that wait, for the filter."""
    return sorted({row.task.title for row in found})


def grouped(found: Sequence[Row], order: str, now: datetime) -> list[Group]:
    """Late, due within 24 hours, the rest; empty groups left out. KeyError for no such order."""
    groups = {code: Group(code, title, []) for code, title in TITLES.items()}
    for row in sorted(found, key=ORDERS[order][1]):
        groups[tone(row, now)].rows.append(row)
    return [group for group in groups.values() if group.rows]


def tone(row: Row, now: datetime) -> str:
    return words.tone_of_due(row.due_at, now) if row.due_at else "still"

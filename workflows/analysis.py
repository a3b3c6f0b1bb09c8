"""数据分析和评审结果应用: the problems that reviews have found, by what they are about and by
quarter, and what became of them (B08); beside them what was found otherwise.

Of the cases that somebody may open, whose conclusions are signed; nothing of opinions or votes. A
problem recurs when it opened an old ledger item again, or when its own was opened again since.
Reads rows, changes nothing, knows no page.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from models import (
    Appointment,
    Case,
    CaseKind,
    CaseState,
    Conclusion,
    Document,
    Finding,
    ItemSource,
    Lesson,
    LessonState,
    Level,
    Organisation,
    Rectification,
    RectificationState,
    Reopening,
)
from workflows.item_scope import visible_items
from workflows.kinds import DEATHS
from workflows.permissions import case_scope, require, unread_below

_ZONE = ZoneInfo("Asia/Shanghai")
NONE = ""
REVIEW = ItemSource.REVIEW.value


@dataclass(frozen=True, slots=True)
class Problem:
    """What is counted of one finding, or of a ledger item found otherwise. `quarter` as in 2026Q4;
    codes as in models.Finding; `unit`: level and kind of the organisation, as in county-hospital;
    `source` as in models.ItemSource; `of_death`: whether a death's review found it."""

    quarter: str
    area: str
    scope: str
    kind: str
    cell: str
    cause_group: str
    unit: str
    in_ledger: bool = False
    closed: bool = False
    recurred: bool = False
    source: str = REVIEW
    of_death: bool = True


@dataclass(slots=True)
class Line:
    """One value of one dimension. `by_quarter`: how many problems."""

    code: str
    by_quarter: Counter[str] = field(default_factory=Counter)
    total: int = 0
    in_ledger: int = 0
    closed: int = 0
    recurred: int = 0
    lessons: int = 0


DIMENSIONS: dict[str, Callable[[Problem], str | None]] = {  # None: not to be asked of this problem
    "area": lambda problem: problem.area,
    "kind": lambda problem: problem.kind,
    "scope": lambda problem: problem.scope,
    "cause_group": lambda problem: problem.cause_group if problem.of_death else None,
    "unit": lambda problem: problem.unit,
    "cell": lambda problem: problem.cell,
    "source": lambda problem: problem.source,
}


def quarter_of(day: date) -> str:
    """2026Q4, which sorts as text."""
    return f"{day.year}Q{(day.month + 2) // 3}"


def quarters(newest: date, count: int) -> list[str]:
    """So many quarters up to that of a day, the oldest first."""
    last = newest.year * 4 + (newest.month - 1) // 3
    return [f"{each // 4}Q{each % 4 + 1}" for each in range(last - count + 1, last + 1)]


def problems(
    session: Session,
    *,
    by: Appointment,
    level: Level | None = None,
    kind: CaseKind | None = None,
) -> list[Problem]:
    """Every problem of signed conclusions, of one level or of both, of one kind of case or of all.
    Raises Forbidden."""
    require(by, "statistics:view")
    rows = session.execute(_findings(by, level, kind)).all()
    groups = _cause_groups(session, {row.case_id for row in rows})
    items = _items(session, [row.id for row in rows])
    found = []
    for row in rows:
        in_ledger, closed, recurred = items.get(row.id, (False, False, False))
        found.append(
            Problem(
                quarter_of(row.signed_at.astimezone(_ZONE).date()),
                row.area,
                row.scope,
                row.kind or NONE,
                str(row.cell or NONE),
                groups.get(row.case_id, NONE),
                f"{row.level.value}-{row.unit_kind.value}",
                in_ledger=in_ledger,
                closed=closed,
                recurred=recurred,
                of_death=row.case_kind in DEATHS,
            )
        )
    return found


def found_otherwise(session: Session, *, by: Appointment) -> list[Problem]:
    """Ledger items of no review: quality control, inspections, supervision, meetings and the like,
    as far as this person sees them, by the day they were entered. One query. Raises Forbidden."""
    require(by, "statistics:view")
    rows = session.scalars(
        visible_items(by)
        .where(Rectification.finding_id.is_(None))
        .options(joinedload(Rectification.owner))
    )
    return [
        Problem(
            quarter_of(item.created_at.astimezone(_ZONE).date()),
            item.area,
            item.scope,
            item.kind or NONE,
            str(item.cell or NONE),
            NONE,
            f"{item.owner.level.value}-{item.owner.kind.value}",
            in_ledger=True,
            closed=item.state is RectificationState.CLOSED,
            recurred=item.reopened > 0,
            source=item.source.value,
            of_death=False,
        )
        for item in rows
    ]


def _findings(
    by: Appointment, level: Level | None, case_kind: CaseKind | None
) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            Finding.id,
            Finding.case_id,
            Case.kind.label("case_kind"),
            Finding.area,
            Finding.scope,
            Finding.kind,
            Finding.cell,
            Conclusion.signed_at,
            Organisation.level,
            Organisation.kind.label("unit_kind"),
        )
        .join(Conclusion, Conclusion.id == Finding.conclusion_id)
        .join(Case, Case.id == Finding.case_id)
        .join(Organisation, Organisation.id == Finding.organisation_id)
        .where(
            case_scope(by),
            Case.state != CaseState.VOIDED,
            *(Case.id.not_in(own) for own in unread_below(by)),
        )
    )
    if case_kind is not None:
        query = query.where(Case.kind == case_kind)
    return query if level is None else query.where(Conclusion.level == level)


def _cause_groups(session: Session, case_ids: set[int]) -> dict[int, str]:
    """Groups of the underlying cause, from the newest death card of each case."""
    rows = session.execute(
        select(Document.case_id, Document.answers)
        .where(Document.case_id.in_(case_ids), Document.form.like("case_submission.v%"))
        .order_by(Document.id)
    )
    return {key: answers.get("underlying_group") or NONE for key, answers in rows}


def _items(session: Session, findings: list[int]) -> dict[int, tuple[bool, bool, bool]]:
    """By finding: in the ledger, closed now, recurred."""
    closed = RectificationState.CLOSED
    own = session.execute(
        select(Rectification.finding_id, Rectification.state, Rectification.reopened).where(
            Rectification.finding_id.in_(findings)
        )
    )
    found = {key: (True, state is closed, again > 0) for key, state, again in own}
    came_back = session.execute(
        select(Reopening.finding_id, Rectification.state)
        .join(Rectification, Rectification.id == Reopening.item_id)
        .where(Reopening.finding_id.in_(findings))
    )
    found.update({key: (True, state is closed, True) for key, state in came_back})
    return {key: value for key, value in found.items() if key is not None}


def lines(found: Iterable[Problem], dimension: str, shown: Iterable[str]) -> list[Line]:
    """One line a value of a dimension, of the quarters shown; the most frequent first."""
    key, shown = DIMENSIONS[dimension], set(shown)
    made: dict[str, Line] = {}
    for problem in found:
        code = key(problem)
        if problem.quarter not in shown or code is None:
            continue
        line = made.setdefault(code, Line(code))
        line.by_quarter[problem.quarter] += 1
        line.total += 1
        line.in_ledger += problem.in_ledger
        line.closed += problem.closed
        line.recurred += problem.recurred
    return sorted(made.values(), key=lambda line: (-line.total, line.code))


def lessons_by_cell(
    session: Session, city_codes: Iterable[str], kind: CaseKind | None = None
) -> Counter[str]:
    """How many published lessons speak of each of the twelve cells; of one kind of case or all."""
    query = select(Lesson.cells).where(
        Lesson.state == LessonState.PUBLISHED, Lesson.city_code.in_(list(city_codes))
    )
    if kind is not None:
        query = query.where(Lesson.case_id.in_(select(Case.id).where(Case.kind == kind)))
    rows = session.scalars(query)
    return Counter(cell for cells in rows for cell in cells.split(",") if cell)

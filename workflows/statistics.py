"""Across cases: how many stand at each step, how long steps take, what comes in and goes out.

Counted from our own rows by query, within what a person may see. Of opinions nothing is counted
that would tell who has filed: the step stands for its panels, as long as they are sealed, and its
time is that from calling a panel to the opening. Knows no page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, case, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Appointment, Case, CaseKind, CaseState, Clock, Panel, Task, TaskState
from workflows.permissions import case_scope, require
from workflows.spans import seconds_between

REVIEW, SEALED_STEP, SEALED_FORM = "review", "UT_opinion", "opinion.v%"
QUANTILES = {"median": 0.5, "p90": 0.9}


@dataclass(frozen=True, slots=True)
class Part:
    """A diagram; the level at which it is used and the kind of case it is used for, or None."""

    diagram: str
    level: str | None = None
    kind: CaseKind | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment in it to the first after it."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class Flow:
    """One step. `before`: open when the period began; seconds are of those done in it."""

    now: int = 0
    late: int = 0
    before: int = 0
    came: int = 0
    done: int = 0
    median: float | None = None
    p90: float | None = None


def flows(
    session: Session, part: Part, period: Period, *, by: Appointment, now: datetime
) -> dict[str, Flow]:
    """By the step's id in the diagram. Raises Forbidden."""
    require(by, "statistics:view")
    found: dict[str, Flow] = {}
    for row in session.execute(_counts(part, period, by, now)).mappings():
        numbers = {name: int(row[name] or 0) for name in ("now", "late", "before", "came", "done")}
        found[row["step"]] = Flow(**numbers)
    for step, times in _quantiles(session, _durations(part, period, by)).items():
        found[step].median, found[step].p90 = times["median"], times["p90"]
    if part.diagram == REVIEW:
        found[SEALED_STEP] = _panels(session, part, period, by)
    return found


def waiting(session: Session, kind: CaseKind | None = None, *, by: Appointment) -> dict[Part, int]:
    """In how many cases, of one kind or of all, each diagram has an open step."""
    query = (
        select(Task.diagram, Task.level, func.count(Task.case_id.distinct()))
        .join(Case, Case.id == Task.case_id)
        .where(case_scope(by), Task.state == TaskState.OPEN, *_of_kind(kind))
        .group_by(Task.diagram, Task.level)
    )
    return {Part(diagram, level): count for diagram, level, count in session.execute(query)}


def _of_kind(kind: CaseKind | None) -> list[ColumnElement[bool]]:
    return [] if kind is None else [Case.kind == kind]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _within(column: InstrumentedAttribute[Any], period: Period) -> ColumnElement[bool]:
    return and_(column >= period.since, column < period.until)


def _steps(part: Part, by: Appointment) -> list[ColumnElement[bool]]:
    """Steps of a diagram in visible cases that were not voided, opinions left out."""
    conditions = [
        case_scope(by),
        Case.state != CaseState.VOIDED,
        Task.diagram == part.diagram,
        Task.form.not_like(SEALED_FORM),
        *_of_kind(part.kind),
    ]
    return conditions if part.level is None else [*conditions, Task.level == part.level]


def _counts(
    part: Part, period: Period, by: Appointment, now: datetime
) -> Select[str, int, int, int, int, int]:
    """What is open, or was at some moment of the period or after it."""
    is_open = Task.state == TaskState.OPEN
    closed = Task.closed_at.is_not(None)
    overdue = and_(is_open, Clock.met_at.is_(None), Clock.due_at <= now)
    return (
        select(
            Task.bpmn_id.label("step"),
            _count(is_open).label("now"),
            _count(overdue).label("late"),
            _count(Task.opened_at < period.since).label("before"),
            _count(_within(Task.opened_at, period)).label("came"),
            _count(and_(closed, _within(Task.closed_at, period))).label("done"),
        )
        .join(Case, Case.id == Task.case_id)
        .outerjoin(Clock, Clock.id == Task.clock_id)
        .where(*_steps(part, by), or_(is_open, Task.closed_at >= period.since))
        .group_by(Task.bpmn_id)
    )


def _durations(part: Part, period: Period, by: Appointment) -> Select[str, float]:
    return (
        select(
            Task.bpmn_id.label("step"),
            seconds_between(Task.opened_at, Task.closed_at).label("seconds"),
        )
        .join(Case, Case.id == Task.case_id)
        .where(*_steps(part, by), Task.state == TaskState.DONE, _within(Task.closed_at, period))
    )


def _quantiles(session: Session, durations: Select[str, float]) -> dict[str, Mapping[str, float]]:
    """Median and p90 by step, between two values in proportion, alike on both databases."""
    each = durations.subquery()
    if session.get_bind().dialect.name == "postgresql":
        query = select(
            each.c.step,
            *(
                func.percentile_cont(q).within_group(each.c.seconds).label(name)
                for name, q in QUANTILES.items()
            ),
        )
    else:
        place = func.row_number().over(partition_by=each.c.step, order_by=each.c.seconds)
        of = func.count().over(partition_by=each.c.step)
        each = select(each.c.step, each.c.seconds, place.label("place"), of.label("of")).subquery()
        query = select(
            each.c.step,
            *(
                func.sum(
                    each.c.seconds
                    * func.max(
                        0.0, 1.0 - func.abs(each.c.place - 1.0 - cast(q, Float) * (each.c.of - 1))
                    )
                ).label(name)
                for name, q in QUANTILES.items()
            ),
        )
    rows = session.execute(query.group_by(each.c.step)).mappings()
    return {row["step"]: {name: float(row[name]) for name in QUANTILES} for row in rows}


def _panels(session: Session, part: Part, period: Period, by: Appointment) -> Flow:
    """The step of the opinions, by panel: what one expert did is not to be read from it."""
    conditions = [case_scope(by), Case.state != CaseState.VOIDED, *_of_kind(part.kind)]
    if part.level is not None:
        conditions.append(Panel.level == part.level)
    counted = session.execute(
        select(
            _count(Panel.opened_at.is_(None)).label("now"),
            _count(Panel.convened_at < period.since).label("before"),
            _count(_within(Panel.convened_at, period)).label("came"),
            _count(and_(Panel.opened_at.is_not(None), _within(Panel.opened_at, period))).label(
                "done"
            ),
        )
        .join(Case, Case.id == Panel.case_id)
        .where(*conditions, or_(Panel.opened_at.is_(None), Panel.opened_at >= period.since))
    ).one()
    found = Flow(**{name: int(number) for name, number in counted._mapping.items()})
    times = _quantiles(
        session,
        select(
            Panel.level.label("step"),
            seconds_between(Panel.convened_at, Panel.opened_at).label("seconds"),
        )
        .join(Case, Case.id == Panel.case_id)
        .where(*conditions, _within(Panel.opened_at, period)),
    )
    if len(times) == 1:  # both levels together have no common time
        [only] = times.values()
        found.median, found.p90 = only["median"], only["p90"]
    return found

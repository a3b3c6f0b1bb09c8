"""Across cases: how many stand at each step, how long steps take, what comes in and goes out.

Counted from our own rows by query, within what a person may see. Of opinions nothing is counted
that would tell who has filed: the step stands for its panels, as long as they are sealed, and its
time is that from calling a panel to the opening. Knows no page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)
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
    found = _measured(session, _tasks(part, period, by, now))
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


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted of which rows, by `key`; how long those that are `done` took."""

    rows: Select[*tuple[Any, ...]]
    key: InstrumentedAttribute[Any]
    numbers: Mapping[str, ColumnElement[int]]
    done: ColumnElement[bool]
    seconds: ColumnElement[float]


def _tasks(part: Part, period: Period, by: Appointment, now: datetime) -> _Counted:
    """What is open, or was at some moment of the period or after it."""
    is_open = Task.state == TaskState.OPEN
    closed = and_(Task.closed_at.is_not(None), _within(Task.closed_at, period))
    return _Counted(
        select(Task.bpmn_id.label("key"))
        .join(Case, Case.id == Task.case_id)
        .outerjoin(Clock, Clock.id == Task.clock_id)
        .where(*_steps(part, by), or_(is_open, Task.closed_at >= period.since)),
        Task.bpmn_id,
        {
            "now": _count(is_open),
            "late": _count(and_(is_open, Clock.met_at.is_(None), Clock.due_at <= now)),
            "before": _count(Task.opened_at < period.since),
            "came": _count(_within(Task.opened_at, period)),
            "done": _count(closed),
        },
        and_(Task.state == TaskState.DONE, closed),
        seconds_between(Task.opened_at, Task.closed_at),
    )


def _measured(session: Session, counted: _Counted) -> dict[str, Flow]:
    """Numbers and times by key. The rows are found once where the database knows quantiles."""
    numbers = [number.label(name) for name, number in counted.numbers.items()]
    query = counted.rows.add_columns(*numbers).group_by(counted.key)
    times: dict[str, Mapping[str, float]] = {}
    if session.get_bind().dialect.name == "postgresql":
        query = query.add_columns(
            *(
                func.percentile_cont(q)
                .within_group(counted.seconds)
                .filter(counted.done)
                .label(name)
                for name, q in QUANTILES.items()
            )
        )
    else:
        times = _quantiles(session, counted)
    found = {}
    for row in session.execute(query).mappings():
        took = times.get(row["key"], row)
        flow = Flow(**{name: int(row[name] or 0) for name in counted.numbers})
        flow.median, flow.p90 = took.get("median"), took.get("p90")
        found[row["key"]] = flow
    return found


def _quantiles(session: Session, counted: _Counted) -> dict[str, Mapping[str, float]]:
    """Between two values in proportion, as PostgreSQL does it."""
    seconds = counted.seconds.label("seconds")
    each = counted.rows.where(counted.done).add_columns(seconds).subquery()
    place = func.row_number().over(partition_by=each.c.key, order_by=each.c.seconds)
    of = func.count().over(partition_by=each.c.key)
    each = select(each.c.key, each.c.seconds, place.label("place"), of.label("of")).subquery()
    query = select(
        each.c.key,
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
    rows = session.execute(query.group_by(each.c.key)).mappings()
    return {row["key"]: {name: float(row[name]) for name in QUANTILES} for row in rows}


def _panels(session: Session, part: Part, period: Period, by: Appointment) -> Flow:
    """The step of the opinions, by panel: what one expert did is not to be read from it."""
    panels = _lately(part, period)
    opened = and_(panels.opened_at.is_not(None), _within(panels.opened_at, period))
    levels = _measured(
        session,
        _Counted(
            select(panels.level.label("key"))
            .join(Case, Case.id == panels.case_id)
            .where(case_scope(by), Case.state != CaseState.VOIDED, *_of_kind(part.kind)),
            panels.level,
            {
                "now": _count(panels.opened_at.is_(None)),
                "before": _count(panels.convened_at < period.since),
                "came": _count(_within(panels.convened_at, period)),
                "done": _count(opened),
            },
            opened,
            seconds_between(panels.convened_at, panels.opened_at),
        ),
    )
    return _together(list(levels.values()))


def _lately(part: Part, period: Period) -> Any:
    """Panels that are sealed, or were at some moment of the period or after it. First the ones,
    then the others: asked for with an OR, each panel of each case one sees is looked up."""
    columns = Panel.case_id, Panel.level, Panel.opened_at, Panel.convened_at
    at = [] if part.level is None else [Panel.level == part.level]
    whens = Panel.opened_at.is_(None), Panel.opened_at >= period.since
    return union_all(*(select(*columns).where(when, *at) for when in whens)).subquery("lately").c


def _together(levels: list[Flow]) -> Flow:
    """Of both levels; they have no common time, only one alone has."""
    names = "now", "before", "came", "done"
    found = Flow(**{name: sum(getattr(flow, name) for flow in levels) for name in names})
    timed = [flow for flow in levels if flow.median is not None]
    if len(timed) == 1:
        found.median, found.p90 = timed[0].median, timed[0].p90
    return found

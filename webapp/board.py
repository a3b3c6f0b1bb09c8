"""质控看板: what is due, late, sent back, and whether one found is one reported, one reviewed.

Every number leads to the list it counts. A fixed number of queries, however many cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, case, func, select, union_all

from models import Case, CaseKind, CaseState, Clock, Level, Organisation
from webapp import clocks, db, labels
from webapp.access import current
from webapp.cases.listing import PERIODS, happened, not_ended, period
from webapp.register import alert_counts as register_alerts
from workflows import kinds
from workflows.frozen import rules_of
from workflows.permissions import case_ids, visible_cases

bp = Blueprint("board", __name__, url_prefix="/board")

WITHIN = (6, 24, 48)
_REVIEWING = (Level.COUNTY, Level.CITY)  # with panels of ours

Counts = dict[int | None, dict[str, int]]  # by unit, by name


@dataclass(slots=True)
class Line:
    """One unit: what it must do (its clocks), and what it reported."""

    unit: Organisation
    late: int = 0
    due: int = 0
    cases: int = 0
    open: int = 0
    returned: int = 0
    late_reports: int = 0
    incomplete: int = 0

    @property
    def is_candidate(self) -> bool:
        """Whether it stands on the list of those to be warned (D01 R3, R4)."""
        return bool(self.late_reports or self.incomplete)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One found, one reported, one reviewed (A01). `reviewed` by level, as the rules ask."""

    found: int
    reported: int
    reviewed: Mapping[str, int]
    closed: int


@dataclass(frozen=True, slots=True)
class Urgent:
    within: Mapping[int, int]
    late: int
    returned: int
    void_requested: int
    unnumbered: int


@bp.get("")
def index() -> ResponseReturnValue:
    if not current.may("board:view"):
        abort(404)
    chosen = request.args.get("period", "year")
    chosen = chosen if chosen in PERIODS else "year"
    kind = kinds.known(request.args.get("kind", "")) or kinds.KINDS[CaseKind.MATERNAL_DEATH]
    desks, newest = _counts(chosen, kind), _newest()
    lines = _lines(desks)
    return render_template(
        "board/index.html",
        urgent=_urgent(desks),
        ratio=_ratio(desks),
        levels=_levels(newest),
        found_any=newest is not None or bool(desks),
        lines=lines,
        candidates=[line for line in lines if line.is_candidate],
        kind=kind,
        kinds=labels.choices(CaseKind),
        period=chosen,
        periods=PERIODS,
        risks=register_alerts(),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _of_all(desks: Counts, name: str) -> int:
    return sum(counts.get(name, 0) for counts in desks.values())


def _urgent(desks: Counts) -> Urgent:
    return Urgent(
        within={hours: _of_all(desks, f"within_{hours}") for hours in WITHIN},
        late=_of_all(desks, "late"),
        returned=_of_all(desks, "returned"),
        void_requested=_of_all(desks, "void_requested"),
        unnumbered=_of_all(desks, "unnumbered"),
    )


def _ratio(desks: Counts) -> Ratio:
    return Ratio(
        found=_of_all(desks, "cases"),
        reported=_of_all(desks, "submitted"),
        reviewed={level: _of_all(desks, f"reviewed_{level}") for level in _REVIEWING},
        closed=_of_all(desks, "closed"),
    )


def _of_period(chosen: str, kind: kinds.Kind) -> Select[Case]:
    """Cases of a kind that one may see, not voided, that happened in a period; none that has become
    another case, which is counted instead."""
    since, until = period(chosen, current.now)
    counted = [] if kind.is_death else [~kinds.has_followed()]  # nothing follows a death
    return select(Case).where(
        happened(since, until),  # among those one may see
        Case.kind == kind.code,
        Case.state != CaseState.VOIDED,
        *counted,
    )


def _open(kind: kinds.Kind) -> Select[Case]:
    """Cases of a kind that one may see, neither closed nor voided."""
    seen = visible_cases(current.appointment, unsettled=True)
    return seen.where(not_ended(), Case.kind == kind.code)


def _newest() -> Case | None:
    """The last that happened, of the cases reported last: one long ago may be reported late."""
    ids = case_ids(current.appointment)
    last = ids.order_by(ids.selected_columns[0].desc()).limit(100).subquery()
    valid = select(Case).where(Case.id.in_(select(last)), Case.state != CaseState.VOIDED)
    query = valid.order_by(Case.event_at.desc()).limit(1)
    return db.session.scalars(query, execution_options=db.PLANNED).first()


def _levels(newest: Case | None) -> list[str]:
    """Levels that the rules of the newest case ask a review of."""
    rule = rules_of(newest).find("review.levels") if newest else None
    wanted = rule.value if rule and isinstance(rule.value, tuple) else ("county",)
    return [level for level in ("county", "city") if level in wanted]


def _counts(chosen: str, kind: kinds.Kind) -> Counts:
    """What each unit reported in the period, has open, and has to do; None: nobody's limits."""
    found: Counts = {}
    for query in (_reported(chosen, kind), _still_open(kind), _due()):
        for row in db.session.execute(query, execution_options=db.PLANNED).mappings():
            numbers = found.setdefault(row["unit_id"], {})
            for name, count in row.items():
                if name != "unit_id":
                    numbers[name] = numbers.get(name, 0) + count
    return found


def _lines(desks: Counts) -> list[Line]:
    """Units by region, each that has something to show."""
    names = {field.name for field in fields(Line)}
    units = db.session.scalars(select(Organisation).where(Organisation.id.in_(set(desks) - {None})))
    lines = [
        Line(unit, **{name: n for name, n in desks[unit.id].items() if name in names})
        for unit in units
    ]
    shown = [line for line in lines if line.cases or line.open or line.late or line.due]
    return sorted(shown, key=lambda line: (line.unit.region_code, line.unit.id))


def _reported(chosen: str, kind: kinds.Kind) -> Select[*tuple[Any, ...]]:
    """By unit, what it reported of the period, and how far that has come."""
    return (
        _of_period(chosen, kind)
        .with_only_columns(
            Case.organisation_id.label("unit_id"),
            func.count().label("cases"),
            _count(Case.state == CaseState.CLOSED).label("closed"),
            _count(Case.late_report.is_(True)).label("late_reports"),
            _count(Case.incomplete_record.is_(True)).label("incomplete"),
            _count(Case.submitted.is_(True)).label("submitted"),
            _count(Case.county_concluded.is_(True)).label("reviewed_county"),
            _count(Case.city_concluded.is_(True)).label("reviewed_city"),
        )
        .group_by(Case.organisation_id)
    )


def _still_open(kind: kinds.Kind) -> Select[*tuple[Any, ...]]:
    """By unit, its cases that have not ended, whenever they happened."""
    return (
        _open(kind)
        .with_only_columns(
            Case.organisation_id.label("unit_id"),
            func.count().label("open"),
            _count(Case.state == CaseState.RETURNED).label("returned"),
            _count(Case.state == CaseState.VOID_REQUESTED).label("void_requested"),
        )
        .group_by(Case.organisation_id)
    )


def _due() -> Select[*tuple[Any, ...]]:
    """By unit, the limits it has to keep. Those of cases and of duties are each found by their own
    index and counted together: counted by themselves SQLite would go through all limits, to have
    them unit by unit."""
    now, whose = current.now, (Clock.organisation_id, Clock.due_at)
    limits = (clocks.of_cases(unsettled=True), clocks.of_duties())
    run = (
        each.where(clocks.running()).with_only_columns(*whose, maintain_column_froms=True)
        for each in limits
    )
    found = union_all(*run).subquery("limit").c
    return select(
        found.organisation_id.label("unit_id"),
        _count(clocks.passed(now, found.due_at)).label("late"),
        _count(clocks.passes_within(now, 24, found.due_at)).label("due"),
        *(
            _count(clocks.passes_within(now, hours, found.due_at)).label(f"within_{hours}")
            for hours in WITHIN
        ),
        _count(found.due_at.is_(None)).label("unnumbered"),
    ).group_by(found.organisation_id)

"""质控看板: what is due, late, sent back, and whether one found is one reported, one reviewed.

Every number leads to the list it counts. A fixed number of queries, however many cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, and_, case, func, not_, select

from models import Case, CaseState, Clock, Organisation
from webapp import clocks, db
from webapp.access import current
from webapp.cases.listing import PERIODS, lacks, period
from workflows.clocks import rules_of
from workflows.permissions import visible_cases

bp = Blueprint("board", __name__, url_prefix="/board")

WITHIN = (6, 24, 48)


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
    lines = _lines()
    return render_template(
        "board/index.html",
        urgent=_urgent(),
        ratio=_ratio(chosen),
        levels=_levels(),
        lines=lines,
        candidates=[line for line in lines if line.is_candidate],
        period=chosen,
        periods=PERIODS,
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _cases() -> Select[Case]:
    """Cases one may see that were not voided."""
    return visible_cases(current.appointment).where(Case.state != CaseState.VOIDED)


def _urgent() -> Urgent:
    now = current.now
    of_clocks = db.session.execute(
        clocks.visible().with_only_columns(
            *(_count(clocks.due_within(now, hours)) for hours in WITHIN),
            _count(clocks.overdue(now)),
            _count(and_(clocks.running(), Clock.due_at.is_(None))),
        )
    ).one()
    of_cases = db.session.execute(
        _cases().with_only_columns(
            _count(Case.state == CaseState.RETURNED),
            _count(Case.state == CaseState.VOID_REQUESTED),
        )
    ).one()
    return Urgent(
        within=dict(zip(WITHIN, of_clocks[: len(WITHIN)], strict=True)),
        late=of_clocks[-2],
        returned=of_cases[0],
        void_requested=of_cases[1],
        unnumbered=of_clocks[-1],
    )


def _ratio(chosen: str) -> Ratio:
    since, until = period(chosen, current.now)
    found = db.session.execute(
        _cases()
        .where(Case.event_at >= since, Case.event_at < until)
        .with_only_columns(
            func.count(),
            _count(not_(lacks("report"))),
            _count(not_(lacks("county"))),
            _count(not_(lacks("city"))),
            _count(Case.state == CaseState.CLOSED),
        )
    ).one()
    return Ratio(found[0], found[1], {"county": found[2], "city": found[3]}, found[4])


def _levels() -> list[str]:
    """Levels that the rules of the newest case ask a review of."""
    newest = db.session.scalars(_cases().order_by(Case.event_at.desc()).limit(1)).first()
    rule = rules_of(newest).find("review.levels") if newest else None
    wanted = rule.value if rule and isinstance(rule.value, tuple) else ("county",)
    return [level for level in ("county", "city") if level in wanted]


def _lines() -> list[Line]:
    """Units by region: those that reported a case, and those that have a running clock."""
    lines: dict[int, Line] = {}
    for unit, cases, still_open, returned, late_reports, incomplete in db.session.execute(
        _by_reporter()
    ):
        line = lines.setdefault(unit.id, Line(unit, cases=cases, open=still_open))
        line.returned, line.late_reports, line.incomplete = returned, late_reports, incomplete
    for unit, late, due in db.session.execute(_by_holder()):
        line = lines.setdefault(unit.id, Line(unit))
        line.late, line.due = late, due
    shown = [line for line in lines.values() if line.cases or line.late or line.due]
    return sorted(shown, key=lambda line: (line.unit.region_code, line.unit.id))


def _by_reporter() -> Select[Organisation, int, int, int, int, int]:
    counted = (
        _cases()
        .with_only_columns(
            Case.organisation_id.label("unit_id"),
            func.count().label("cases"),
            _count(Case.state != CaseState.CLOSED).label("open"),
            _count(Case.state == CaseState.RETURNED).label("returned"),
            _count(Case.late_report.is_(True)).label("late_reports"),
            _count(Case.incomplete_record.is_(True)).label("incomplete"),
        )
        .group_by(Case.organisation_id)
        .subquery()
    )
    query = select(
        Organisation,
        counted.c.cases,
        counted.c.open,
        counted.c.returned,
        counted.c.late_reports,
        counted.c.incomplete,
    )
    return query.join(counted, counted.c.unit_id == Organisation.id)


def _by_holder() -> Select[Organisation, int, int]:
    counted = (
        clocks.visible()
        .with_only_columns(
            Clock.organisation_id.label("unit_id"),
            _count(clocks.overdue(current.now)).label("late"),
            _count(clocks.due_within(current.now, 24)).label("due"),
        )
        .group_by(Clock.organisation_id)
        .subquery()
    )
    query = select(Organisation, counted.c.late, counted.c.due)
    return query.join(counted, counted.c.unit_id == Organisation.id)

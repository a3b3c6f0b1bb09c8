"""The list of cases: search, filters, paging. A fixed number of queries, however many rows.

A name never stands in an address: looking for one is a POST whose answer is the list itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import joinedload

from models import (
    Case,
    CaseKind,
    CaseState,
    Clock,
    KeyKind,
    NearMiss,
    Organisation,
    Task,
    TaskState,
    Timing,
)
from webapp import clocks, dates, db, labels, words
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.paging import Page, bounded, paged
from workflows import search
from workflows.permissions import case_ids, may, visible_cases
from workflows.places import reporting_units

PER_PAGE = 25
MOST = 1000  # cases of one list that are counted and turned to
LATE = {
    "now": "有时限正在超时",
    "ever": "有时限超时（含已办结）",
    "report": "迟报",
    "record": "病历不完整",
}
PERIODS = {"30d": "近 30 天", "90d": "近 90 天", "year": "今年", "last_year": "去年"}
ORDERS = {
    "newest": "新报告的在前",
    "due": "先到期的在前（未归档）",
    "event": "新发生的在前",
    "number": "按编号",
}
# Lists that the board leads to: what is missing from one found, one reported, one reviewed
GAPS = {
    "report": "尚未报送个案",
    "county": "尚无县级评审结论",
    "city": "尚无市级评审结论",
}
ENDED = (CaseState.CLOSED, CaseState.VOIDED)
OPEN, LIVE = "open", "live"  # beside the states themselves: not ended; not voided


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; unknown words are as if they were not there."""

    number: str
    kind: str
    state: str
    late: str
    gap: str
    timing: str
    period: str
    order: str
    unit: int | None

    @property
    def any(self) -> bool:
        return bool(
            self.number
            or self.kind
            or self.state
            or self.late
            or self.gap
            or self.timing
            or self.period
            or self.unit
        )

    def kept(self) -> dict[str, str]:
        """What to carry along to the next page, as the address has it."""
        pairs = {
            "number": self.number,
            "kind": self.kind,
            "state": self.state,
            "late": self.late,
            "gap": self.gap,
            "timing": self.timing,
            "period": self.period,
            "order": self.order if self.order != "newest" else "",
            "unit": str(self.unit or ""),
        }
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Row:
    """One case with what waits in it and its next limit."""

    case: Case
    steps: list[str]
    clock: Clock | None


@bp.get("")
def index() -> ResponseReturnValue:
    _require_list()
    return _page(_filters(request.args), None)


@bp.post("")
def find() -> ResponseReturnValue:
    """A number goes into the address; a name does not, and those who are blind find none by it."""
    _require_list()
    asked, filters = request.form.get("q", "").strip()[:40], _filters(request.form)
    if not asked.isascii():
        return _page(filters, asked)
    kept: dict[str, Any] = {**filters.kept(), "number": asked or None}
    return redirect(url_for("cases.index", **kept), 303)


def _require_list() -> None:
    if not current.may("case:list"):
        abort(404)


def _filters(given: object) -> Filters:
    get: Callable[[str, str], str] = given.get  # type: ignore[attr-defined]

    def one_of(name: str, choices: Iterable[str]) -> str:
        asked = get(name, "")
        return asked if asked in choices else ""

    unit = get("unit", "")
    return Filters(
        number=get("number", "").strip()[:40],
        kind=one_of("kind", {*CaseKind}),
        state=one_of("state", {OPEN, LIVE, *CaseState}),
        late=one_of("late", LATE),
        gap=one_of("gap", GAPS),
        timing=one_of("timing", {*Timing}),
        period="" if dates.are_kept_from_me() else one_of("period", PERIODS),
        order=one_of("order", ORDERS) or "newest",
        unit=int(unit) if unit.isdecimal() and not _blind() else None,
    )


def _blind() -> bool:
    return not may(current.appointment, "case:identify")


def _page(filters: Filters, name: str | None) -> ResponseReturnValue:
    query = _query(filters, name)
    # By a name only one page is shown: nobody turns pages to find somebody
    most = PER_PAGE if name else MOST
    load = [joinedload(Case.person), joinedload(Case.organisation)]
    if name or filters.any:
        page = bounded(db.session, query, PER_PAGE, most, load)
    else:  # the first of all are found by their order
        ids = None if filters.order == "due" else case_ids(current.appointment)
        page = paged(db.session, query.options(*load), PER_PAGE, most, ids)
    return render_template(
        "cases/index.html",
        page=_rows(page),
        filters=filters,
        name=name,
        blind=_blind(),
        kinds=labels.choices(CaseKind),
        states=[(OPEN, "未归档"), (LIVE, "未作废"), *labels.choices(CaseState)],
        lates=LATE,
        gaps=GAPS,
        timings=labels.choices(Timing) if _near_misses(filters) else [],
        periods=PERIODS,
        orders=ORDERS,
        units=[] if _blind() else _units(),
        nothing_at_all=not page.total and not filters.any and not name,
    )


def _near_misses(filters: Filters) -> bool:
    """Whether the list is of near misses: only they are told apart by when they were first such."""
    return bool(filters.timing) or filters.kind == CaseKind.MATERNAL_NEARMISS


def _query(filters: Filters, name: str | None) -> Select[Case]:
    query = visible_cases(current.appointment, unsettled=_of_unsettled(filters))
    if name:
        query = query.where(
            false() if _blind() else search.matching(db.session, KeyKind.NAME, name)
        )
    if filters.number:
        query = query.where(search.matching(db.session, KeyKind.NUMBER, filters.number))
    if filters.unit:
        query = query.where(Case.organisation_id == filters.unit)
    query = query.where(*_conditions(filters, current.now))
    if filters.late == "ever":
        query = _late_ever(query, filters.order)
    return _ordered(query, filters.order)


def _of_unsettled(filters: Filters) -> bool:
    """Whether all that is listed has not ended or has a limit that runs: see `case_ids`."""
    if filters.late == "now":
        return True
    return bool(filters.state or filters.order == "due") and filters.state not in (LIVE, *ENDED)


def _late_ever(query: Select[Case], order: str) -> Select[Case]:
    """Those late now and those that have been, each found by its own index and only as far as the
    list goes."""
    found = []
    for late in (_late_now(current.now), _of_clocks(clocks.met_late())):
        part = _ordered(query.where(Case.id.in_(late)), order)
        keys = part.with_only_columns(Case.id, maintain_column_froms=True).limit(MOST + 1)
        found.append(select(keys.subquery().c.id))
    return select(Case).where(Case.id.in_(union_all(*found)))


def _conditions(filters: Filters, now: datetime) -> Iterable[ColumnElement[bool]]:
    if filters.state == OPEN or (filters.order == "due" and not filters.state):
        yield not_ended()
    elif filters.state == LIVE:
        yield Case.state != CaseState.VOIDED
    elif filters.state:
        yield Case.state == CaseState(filters.state)
    yield from _of_kind(filters)
    if filters.late:
        yield _late(filters.late, now)
    if filters.gap:
        yield lacks(filters.gap)
    if filters.period:
        yield happened(*period(filters.period, now))


def _of_kind(filters: Filters) -> Iterable[ColumnElement[bool]]:
    if filters.kind:
        yield Case.kind == CaseKind(filters.kind)
    if filters.timing:
        yield Case.id.in_(select(NearMiss.case_id).where(NearMiss.timing == filters.timing))


def not_ended() -> ColumnElement[bool]:
    """Neither closed nor voided, in the words of the index that holds only these."""
    return Case.state.not_in(bindparam("ended", ENDED, expanding=True, literal_execute=True))


def _late(code: str, now: datetime) -> ColumnElement[bool]:
    """Marked or late; a case that was voided is neither."""
    conditions = {
        "report": Case.late_report.is_(True),
        "record": Case.incomplete_record.is_(True),
        "now": Case.id.in_(_late_now(now)),
        "ever": true(),  # see _late_ever
    }
    return and_(conditions[code], Case.state != CaseState.VOIDED)


def _late_now(now: datetime) -> Select[int | None]:
    return _of_clocks(clocks.overdue(now), unsettled=True)


def _of_clocks(condition: ColumnElement[bool], *, unsettled: bool = False) -> Select[int | None]:
    """Among the cases one may see: said here again, or all of them are looked up before."""
    ids = case_ids(current.appointment, unsettled=unsettled)
    return select(Clock.case_id).where(condition, Clock.case_id.in_(ids))


def lacks(code: str) -> ColumnElement[bool]:
    """A case that was not voided, without what the code of GAPS names."""
    there = {
        "report": Case.submitted,
        "county": Case.county_concluded,
        "city": Case.city_concluded,
    }
    return and_(there[code].is_(False), Case.state != CaseState.VOIDED)


def happened(since: datetime, until: datetime) -> ColumnElement[bool]:
    """A case one may see of a period; found among those of that time, not among all ever seen."""
    days = and_(Case.event_at >= since, Case.event_at < until)
    return and_(days, Case.id.in_(case_ids(current.appointment, since)))


def period(code: str, now: datetime) -> tuple[datetime, datetime]:
    """First moment in and first moment after a period of PERIODS, by the calendar in China."""
    there = words.local(now)
    new_year = there.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    if code == "year":
        return new_year, new_year.replace(year=there.year + 1)
    if code == "last_year":
        return new_year.replace(year=there.year - 1), new_year
    days = {"30d": 30, "90d": 90}[code]
    return there - timedelta(days=days), there + timedelta(days=1)


def _ordered(query: Select[Case], order: str) -> Select[Case]:
    if order == "due":
        due = (
            select(func.min(Clock.due_at))
            .where(Clock.case_id == Case.id, clocks.running())
            .scalar_subquery()
        )
        return query.order_by(due.is_(None), due, Case.id.desc())
    columns: dict[str, list[ColumnElement[Any]]] = {
        "newest": [],  # numbered as they were reported
        "event": [Case.event_at.desc()],
        "number": [Case.number.asc()],
    }
    return query.order_by(*columns[order], Case.id.desc())


def _units() -> list[Organisation]:
    """Units that may have reported a case one may see."""
    return reporting_units(db.session, current.appointment)


def _rows(page: Page) -> Page:
    ids = [case.id for case in page.rows]
    steps, next_clocks = _steps(ids), _next_clocks(ids)
    return page.mapped(lambda case: Row(case, steps.get(case.id, []), next_clocks.get(case.id)))


def _steps(ids: list[int]) -> dict[int, list[str]]:
    """Titles of open steps by case; how many of one kind are open is nobody's to know here."""
    found = db.session.execute(
        select(Task.case_id, Task.title)
        .where(Task.case_id.in_(ids), Task.state == TaskState.OPEN)
        .group_by(Task.case_id, Task.title)
        .order_by(func.min(Task.id))
    )
    steps: dict[int, list[str]] = {}
    for case_id, title in found:
        if case_id is not None:
            steps.setdefault(case_id, []).append(title)
    return steps


def _next_clocks(ids: list[int]) -> dict[int, Clock]:
    """The running clock of each case that is due first."""
    found = db.session.scalars(
        select(Clock)
        .join(Case, Case.id == Clock.case_id)
        .where(
            Clock.case_id.in_(ids),
            clocks.running(),
            Clock.due_at.is_not(None),
            Case.state != CaseState.VOIDED,
        )
        .order_by(Clock.due_at.desc())
    )
    return {clock.case_id: clock for clock in found if clock.case_id is not None}

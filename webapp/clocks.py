"""时限总览: every clock of the cases and duties one may see, and the SQL of a clock's state.

The board and the list of cases ask the same conditions, so that a number and the list behind it
agree. A voided case has no clocks here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    func,
    select,
    union_all,
)
from sqlalchemy.orm import joinedload

from models import Case, CaseState, Clock, Duty, NoticeRecipient, Organisation
from webapp import db
from webapp.access import current
from webapp.paging import sliced
from workflows import duty_limits
from workflows.clocks import about
from workflows.frozen import rules_for
from workflows.permissions import LANES, case_ids
from workflows.places import responsible_units
from workflows.rules import Rule
from workflows.spans import seconds_between

bp = Blueprint("clocks", __name__, url_prefix="/clocks")

PER_PAGE = 40
YEAR = timedelta(days=366)
MOST = 1000  # limits of one list that are counted and turned to


def running() -> ColumnElement[bool]:
    """Not met yet."""
    return Clock.met_at.is_(None)


def overdue(now: datetime) -> ColumnElement[bool]:
    """Not met, and the limit has passed."""
    return and_(running(), passed(now))


def due_within(now: datetime, hours: int) -> ColumnElement[bool]:
    """Not met, and the limit will pass within so many hours."""
    return and_(running(), passes_within(now, hours))


def passed(now: datetime, due: SQLColumnExpression[Any] = Clock.due_at) -> ColumnElement[bool]:
    """Of a limit that is not met; like this the index that holds only these answers alone."""
    return due <= now


def passes_within(
    now: datetime, hours: int, due: SQLColumnExpression[Any] = Clock.due_at
) -> ColumnElement[bool]:
    """The same of one that will pass."""
    return and_(due > now, due <= now + timedelta(hours=hours))


def met_late() -> ColumnElement[bool]:
    """Met after its limit; in the words of the index that holds only these."""
    return (Clock.met_at > Clock.due_at).is_(True)


def _condition(code: str, now: datetime) -> ColumnElement[bool] | None:
    conditions = {
        "running": running(),
        "late": overdue(now),
        "6h": due_within(now, 6),
        "24h": due_within(now, 24),
        "48h": due_within(now, 48),
        "unnumbered": and_(running(), Clock.due_at.is_(None)),
        "met": Clock.met_at.is_not(None),
        "met_late": met_late(),
    }
    return conditions.get(code)


STATES = {
    "running": "未办结",
    "late": "超时未办",
    "6h": "6 小时内到期",
    "24h": "24 小时内到期",
    "48h": "48 小时内到期",
    "unnumbered": "口径待确认",
    "met": "已办结（近一年）",
    "met_late": "办结但超时",
    "all": "全部（近一年）",
}
LATELY = ("met", "all")  # of what happened in a year; what is long over is looked for by case
RUNNING = frozenset(STATES) - {"met", "met_late", "all"}
ORDERS = {"due": "先到期的在前", "late": "超时最久的在前", "unit": "按责任单位"}


@dataclass(frozen=True, slots=True)
class Row:
    """`number` and `address` of the case, or of what the duty is about."""

    clock: Clock
    rule: Rule | None
    number: str
    address: str

    @property
    def desk(self) -> str:
        """Who is responsible, by the rule."""
        lane = LANES.get(self.rule.responsible) if self.rule else None
        return lane.title if lane else ""


@bp.get("")
def index() -> ResponseReturnValue:
    if not current.may("clock:view"):
        abort(404)
    state, order = _chosen("state", STATES), _chosen("order", ORDERS)
    unit = request.args.get("unit", type=int)
    found = db.session.scalars(_keys(state, unit, order), execution_options=db.PLANNED).all()
    page = replace(sliced(found[:MOST], PER_PAGE), more=len(found) > MOST)
    return render_template(
        "clocks/index.html",
        page=replace(page, rows=_rows(page.rows)),
        state=state,
        order=order,
        unit=unit,
        states=STATES,
        orders=ORDERS,
        units=units(),
    )


def _chosen(name: str, choices: dict[str, str]) -> str:
    asked = request.args.get(name, "")
    return asked if asked in choices else next(iter(choices))


def _rows(keys: Sequence[int]) -> list[Row]:
    """Limits in the order of their ids, with where each leads."""
    there = db.session.scalars(
        select(Clock)
        .where(Clock.id.in_(keys))
        .options(
            joinedload(Clock.case).joinedload(Case.person),
            joinedload(Clock.duty),
            joinedload(Clock.organisation),
        )
    )
    by_id = {clock.id: clock for clock in there}
    found = [by_id[key] for key in keys]
    answers = _answers([clock.duty_id for clock in found if clock.duty is not None])
    return [_row(clock, answers) for clock in found]


def _answers(duties: list[int | None]) -> dict[int, int]:
    """Duty → recipient, of the duties that are answers to notices."""
    rows = db.session.execute(
        select(NoticeRecipient.reply_duty_id, NoticeRecipient.id).where(
            NoticeRecipient.reply_duty_id.in_(duties)
        )
    )
    return {duty: key for duty, key in rows if duty is not None}


def _row(clock: Clock, answers: dict[int, int]) -> Row:
    rule = rules_for(about(clock)).find(clock.rule_key)
    if clock.case is not None:
        return Row(clock, rule, clock.case.number, url_for("cases.show", case_id=clock.case_id))
    if clock.duty is None:
        raise LookupError(f"clock {clock.id} belongs to nothing")
    if clock.duty_id in answers:
        address = url_for("replies.show", recipient_id=answers[clock.duty_id])
    elif clock.subject:
        address = url_for("ledger.show", item_id=int(clock.subject))
    else:
        address = url_for("measures.show", duty_id=clock.duty_id)
    return Row(clock, rule, clock.duty.about, address)


def of_cases(since: datetime | None = None, *, unsettled: bool = False) -> Select[Clock]:
    """Limits of the cases one may see, or of those that have happened since; those of voided cases
    are over. `unsettled`: for limits that run, found among the cases that are not settled."""
    ids = case_ids(current.appointment, since, unsettled=unsettled)
    valid = Case.state != CaseState.VOIDED
    if since is None and not unsettled:
        every = select(Clock).join(Case, Case.id == Clock.case_id)
        return every.where(Clock.case_id.in_(ids), valid)
    # Of a case the day, and whether it was voided, is asked once, not once for each of its limits
    lately = [] if since is None else [Case.event_at >= since]
    of_case = select(Case.id).where(Case.id.in_(ids), *lately, valid)
    return select(Clock).where(Clock.case_id.in_(of_case))


def of_duties() -> Select[Clock]:
    """Limits of the duties one may see: see `duty_limits`."""
    return duty_limits.visible(current.appointment)


def _keys(state: str, unit: int | None, order: str) -> Select[int]:
    """Ids in the order asked for, at most one more than are listed; of cases and of duties each
    found by its own index."""
    since = current.now - YEAR if state in LATELY else None
    both = of_cases(since, unsettled=state in RUNNING), of_duties()
    if since is not None:
        both = both[0], both[1].where(Duty.opened_at >= since)
    found = [_found(query, state, unit, order) for query in both]
    rows = union_all(*(select(each) for each in found)).subquery()
    by = [column.nulls_last() for column in rows.c]
    return select(rows.c.id).order_by(*by).limit(MOST + 1)


def _found(
    query: Select[Clock],
    state: str,
    unit: int | None,
    order: str,
) -> Subquery:
    if (condition := _condition(state, current.now)) is not None:
        query = query.where(condition)
    if unit is not None:
        query = query.where(Clock.organisation_id == unit)
    if order == "unit":
        query = query.outerjoin(Organisation, Organisation.id == Clock.organisation_id)
    by = [*_by(state, order), Clock.id]
    columns: list[Any] = [column.label(f"by_{place}") for place, column in enumerate(by[:-1])]
    keys = query.with_only_columns(*columns, Clock.id, maintain_column_froms=True)
    return keys.order_by(*(each.nulls_last() for each in by)).limit(MOST + 1).subquery()


def _by(state: str, order: str) -> list[Any]:
    """In the words of the indexes: what has no due moment comes last."""
    if order == "unit":
        return [Organisation.region_code, Clock.organisation_id, Clock.due_at]
    if order == "late" and state not in RUNNING:
        return [-seconds_between(Clock.due_at, func.coalesce(Clock.met_at, current.now))]
    return [Clock.due_at]  # what still runs is late in the order in which it was due


def units() -> list[Organisation]:
    """Units that may be responsible for a clock one may see, for the filter."""
    return responsible_units(db.session, current.appointment)


__all__ = [
    "bp",
    "due_within",
    "of_cases",
    "of_duties",
    "overdue",
    "passed",
    "passes_within",
    "running",
    "seconds_between",
    "units",
]

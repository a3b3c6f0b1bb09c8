"""时限总览: every clock of the cases one may see, and the SQL that says what a clock's state is.

The board and the list of cases ask the same conditions, so that a number and the list behind it
agree. A voided case has no clocks here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload

from models import Case, CaseState, Clock, Organisation
from webapp import db
from webapp.access import current
from webapp.paging import paged
from workflows.clocks import about
from workflows.frozen import rules_for
from workflows.permissions import LANES, case_scope
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
    return and_(running(), Clock.due_at <= now)


def due_within(now: datetime, hours: int) -> ColumnElement[bool]:
    """Not met, and the limit will pass within so many hours."""
    return and_(running(), Clock.due_at > now, Clock.due_at <= now + timedelta(hours=hours))


def met_late() -> ColumnElement[bool]:
    """Met after its limit; in the words of the index that holds only these."""
    return Clock.met_at > Clock.due_at


def was_late(now: datetime) -> ColumnElement[bool]:
    """Passed its limit, met since or not: lateness is never erased."""
    return or_(met_late(), overdue(now))


def _lately(now: datetime) -> ColumnElement[bool]:
    """Of deaths in the last year; what is long over is looked for by case."""
    return Case.event_at >= now - YEAR


def _condition(code: str, now: datetime) -> ColumnElement[bool] | None:
    conditions = {
        "running": running(),
        "late": overdue(now),
        "6h": due_within(now, 6),
        "24h": due_within(now, 24),
        "48h": due_within(now, 48),
        "unnumbered": and_(running(), Clock.due_at.is_(None)),
        "met": and_(Clock.met_at.is_not(None), _lately(now)),
        "met_late": met_late(),
        "all": _lately(now),
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
ORDERS = {"due": "先到期的在前", "late": "超时最久的在前", "unit": "按责任单位"}


@dataclass(frozen=True, slots=True)
class Row:
    clock: Clock
    rule: Rule | None

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
    query = _query(state, unit)
    page = paged(db.session, _ordered(query, order), PER_PAGE, MOST)
    return render_template(
        "clocks/index.html",
        page=page.mapped(_row),
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


def _row(clock: Clock) -> Row:
    return Row(clock, rules_for(about(clock)).find(clock.rule_key))


def visible() -> Select[Clock]:
    """Clocks of the cases one may see; those of voided cases are over."""
    return (
        select(Clock)
        .join(Case, Case.id == Clock.case_id)
        .where(case_scope(current.appointment), Case.state != CaseState.VOIDED)
    )


def _query(state: str, unit: int | None) -> Select[Clock]:
    query = visible().options(
        joinedload(Clock.case).joinedload(Case.person), joinedload(Clock.organisation)
    )
    if (condition := _condition(state, current.now)) is not None:
        query = query.where(condition)
    if unit is not None:
        query = query.where(Clock.organisation_id == unit)
    return query


def _ordered(query: Select[Clock], order: str) -> Select[Clock]:
    if order == "late":
        ended = func.coalesce(Clock.met_at, current.now)
        late = seconds_between(Clock.due_at, ended)
        return query.order_by(Clock.due_at.is_(None), late.desc(), Clock.id)
    if order == "unit":
        query = query.outerjoin(Organisation, Organisation.id == Clock.organisation_id)
        query = query.order_by(Organisation.region_code, Organisation.id)
    return query.order_by(Clock.due_at.is_(None), Clock.due_at, Clock.id)


def units() -> list[Organisation]:
    """Units that may be responsible for a clock one may see, for the filter."""
    return responsible_units(db.session, current.appointment)


__all__ = [
    "bp",
    "due_within",
    "overdue",
    "running",
    "seconds_between",
    "units",
    "visible",
    "was_late",
]

"""The ledger (台账): items our unit owns, accepts or guides, and each item's own page."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, selectinload

from models import (
    Case,
    Clock,
    Rectification,
    RectificationEntry,
    RectificationState,
    Task,
    TaskState,
)
from webapp import db, labels
from webapp.access import current
from workflows import ledger_metrics
from workflows.permissions import inbox, visible_cases, visible_items
from workflows.readers import PlainReader, Reader

bp = Blueprint("ledger", __name__, url_prefix="/ledger")

PAGE = 50
VIEWS = {
    "open": "未销号",
    "overdue": "已逾期",
    "mine": "本单位负责",
    "closed": "已销号",
    "all": "全部",
}
_OPEN = Rectification.state != RectificationState.CLOSED


def today() -> date:
    return current.now.astimezone(ZoneInfo("Asia/Shanghai")).date()


@bp.get("")
def index() -> ResponseReturnValue:
    if not current.may("ledger:view"):
        abort(404)
    view = request.args.get("view", "open")
    if view not in VIEWS:
        view = "open"
    page = max(1, request.args.get("page", 1, type=int))
    query = _filtered(visible_items(current.appointment), view)
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = _page(query, page)
    return render_template(
        "ledger/index.html",
        rows=rows,
        total=total,
        page=page,
        pages=-(-total // PAGE),
        view=view,
        views=VIEWS,
        today=today(),
    )


def _filtered(query: Select[Rectification], view: str) -> Select[Rectification]:
    if view == "open":
        return query.where(_OPEN)
    if view == "overdue":
        return query.where(_OPEN, Rectification.deadline < today())
    if view == "mine":
        return query.where(Rectification.owner_id == current.appointment.organisation_id)
    if view == "closed":
        return query.where(Rectification.state == RectificationState.CLOSED)
    return query


def _page(query: Select[Rectification], page: int) -> Sequence[Rectification]:
    return db.session.scalars(
        query.options(
            joinedload(Rectification.owner),
            joinedload(Rectification.acceptor),
        )
        .order_by(Rectification.deadline.is_(None), Rectification.deadline, Rectification.id)
        .offset((page - 1) * PAGE)
        .limit(PAGE)
    ).all()


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """整改成效: how soon items are closed, by unit, kind of problem and strength of measure."""
    if not current.may("ledger:view"):
        abort(404)
    here = today()
    start = _chosen_day("from", here.replace(month=1, day=1))
    end = _chosen_day("to", here)
    if end < start:
        start, end = end, start
    found = ledger_metrics.metrics(db.session, visible_items(current.appointment), start, end, here)
    return render_template("ledger/metrics.html", found=found, start=start, end=end)


def _chosen_day(name: str, otherwise: date) -> date:
    """A day of the query string; what is no day is passed over."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise


@bp.get("/<int:item_id>")
def show(item_id: int) -> ResponseReturnValue:
    by = current.appointment
    if not current.may("ledger:view"):
        abort(404)
    item = db.one_or_404(
        visible_items(by)
        .where(Rectification.id == item_id)
        .options(
            selectinload(Rectification.entries).joinedload(RectificationEntry.user),
        )
    )
    mine = db.session.scalars(inbox(by).where(Task.rectification_id == item.id)).first()
    waiting = db.session.scalars(
        select(Task).where(Task.rectification_id == item.id, Task.state == TaskState.OPEN)
    ).first()
    clock = db.session.scalars(
        select(Clock).where(Clock.rule_key == "clock.rectification", Clock.subject == str(item.id))
    ).first()
    sees_case = db.session.scalar(
        select(func.count()).select_from(
            visible_cases(by).where(Case.id == item.case_id).subquery()
        )
    )
    return render_template(
        "ledger/show.html",
        item=item,
        reader=Reader(db.session, item.case, by) if item.case else PlainReader(db.session),
        mine=mine,
        waiting=waiting,
        clock=clock,
        sees_case=bool(sees_case),
        late=_late(item),
        words=labels.WORDS,
    )


def _late(item: Rectification) -> bool:
    is_open = item.state != RectificationState.CLOSED
    return is_open and item.deadline is not None and item.deadline < today()

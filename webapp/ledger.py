"""The ledger (台账): items our unit owns, accepts or guides, and each item's own page."""

from collections.abc import Collection, Sequence
from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, false, or_, select
from sqlalchemy.orm import joinedload, selectinload

from models import (
    Attachment,
    Case,
    Clock,
    Document,
    Duty,
    Extension,
    ItemSource,
    Rectification,
    RectificationEntry,
    RectificationState,
    Reopening,
    Task,
    TaskState,
)
from webapp import db, labels
from webapp.access import current
from webapp.paging import Page, bounded
from workflows import ledger_metrics, pressing
from workflows.actions import extensions
from workflows.actions import ledger as acts
from workflows.actions import pressing as presses
from workflows.actions.reopening import ItemClosed
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.forms.spec import Kind
from workflows.item_scope import ITEM_FORMS, visible_items
from workflows.permissions import Forbidden, is_addressed, visible_cases
from workflows.readers import PlainReader, Reader

bp = Blueprint("ledger", __name__, url_prefix="/ledger")

PAGE = 50
MOST = 1000  # items of one list that are counted and turned to
VIEWS = {
    "open": "未销号",
    "overdue": "已逾期",
    "mine": "本单位负责",
    "guided": "本单位指导",
    "extended": "延期过",
    "reopened": "重开过",
    "effect": "待评估效果",
    "closed": "已销号",
    "all": "全部",
}
# In the words of the indexes that hold only these
_CLOSED: BindParameter[RectificationState] = bindparam(
    "closed", RectificationState.CLOSED, literal_execute=True
)
_OPEN = Rectification.state != _CLOSED


def today() -> date:
    """The day in China."""
    return current.now.astimezone(ZoneInfo("Asia/Shanghai")).date()


@bp.get("")
def index() -> ResponseReturnValue:
    if not current.may("ledger:view"):
        abort(404)
    view, source = request.args.get("view", "open"), request.args.get("source", "")
    view = view if view in VIEWS else "open"
    source = source if source in list(ItemSource) else ""
    query = _filtered(visible_items(current.appointment), view)
    if source:
        query = query.where(Rectification.source == ItemSource(source))
    return render_template(
        "ledger/index.html",
        page=_page(query),
        view=view,
        views=VIEWS,
        source=source,
        sources=list(ItemSource),
        today=today(),
    )


def _filtered(query: Select[Rectification], view: str) -> Select[Rectification]:
    conditions: dict[str, list[ColumnElement[bool]]] = {
        "open": [_OPEN],
        "overdue": [_OPEN, Rectification.deadline < today()],
        "mine": [Rectification.owner_id == current.appointment.organisation_id],
        "guided": [Rectification.guide_id == current.appointment.organisation_id],
        "extended": [Rectification.deadline > Rectification.first_deadline],
        "reopened": [Rectification.reopened > 0],
        "effect": [Rectification.effect_due_on.is_not(None)],
        "closed": [Rectification.state == _CLOSED],
    }
    return query.where(*conditions.get(view, []))


def _page(query: Select[Rectification]) -> Page:
    names = (joinedload(Rectification.owner), joinedload(Rectification.acceptor))
    ordered = query.order_by(Rectification.deadline.nulls_last(), Rectification.id)
    return bounded(db.session, ordered, PAGE, MOST, names)


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
    sources = {each.value: labels.label(each) for each in ItemSource}
    return render_template(
        "ledger/metrics.html", found=found, start=start, end=end, sources=sources
    )


def _chosen_day(name: str, otherwise: date) -> date:
    """A day of the query string; what is no day is passed over."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise


@bp.get("/<int:item_id>")
def show(item_id: int) -> ResponseReturnValue:
    return _show(_item(item_id))


def _item(item_id: int) -> Rectification:
    if not current.may("ledger:view"):
        abort(404)
    item: Rectification = db.one_or_404(
        visible_items(current.appointment)
        .where(Rectification.id == item_id)
        .options(
            joinedload(Rectification.owner),
            joinedload(Rectification.acceptor),
            joinedload(Rectification.guide),
            joinedload(Rectification.case),
            selectinload(Rectification.entries).joinedload(RectificationEntry.user),
            selectinload(Rectification.reopenings).joinedload(Reopening.case),
        )
    )
    return item


def _show(item: Rectification, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    by = current.appointment
    steps = db.session.scalars(
        select(Task)
        .where(Task.rectification_id == item.id, Task.state == TaskState.OPEN)
        .options(joinedload(Task.organisation))
        .order_by(Task.id)
    ).all()
    clock = db.session.scalars(
        select(Clock)
        .where(Clock.rule_key == "clock.rectification", Clock.subject == str(item.id))
        .order_by(Clock.id.desc())
    ).first()
    wishes = db.session.scalars(
        select(Extension).where(Extension.item_id == item.id).order_by(Extension.id)
    ).all()
    readers, opened = _readers(item), _opened_cases(item)
    asks = extensions.may_ask(item, by) and all(wish.decided_at for wish in wishes)
    page = render_template(
        "ledger/show.html",
        item=item,
        reader=readers[0],
        scrub=partial(_scrub, readers),
        mine=[step for step in steps if is_addressed(by, step)],
        others=[step for step in steps if not is_addressed(by, step)],
        clock=clock,
        wishes=wishes,
        files=[] if readers[0].blind else _files(item, opened),
        cases=opened,
        asks=asks,
        urges=_may_urge(item),
        guides=pressing.may_press(item, by),
        presses=item.presses,
        days_late=pressing.days_late,
        interval=pressing.rule_at(db.session, item.owner_id, today()),
        late=_late(item),
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


def _readers(item: Rectification) -> list[Reader | PlainReader]:
    """In front of each case the item has been worked on in; the first says who is who."""
    cases = {row.id: row for row in (item.case, *(each.case for each in item.reopenings)) if row}
    found: list[Reader | PlainReader] = [
        Reader(db.session, case, current.appointment) for case in cases.values()
    ]
    return found if item.case else [PlainReader(db.session), *found]


def _scrub(readers: Sequence[Reader | PlainReader], text: str) -> str:
    """Without the names of any of the cases, for whoever must not know them."""
    for reader in readers:
        text = reader.scrub(text)
    return text


def _opened_cases(item: Rectification) -> frozenset[int]:
    """Those of the item's cases that the reader may open."""
    ids = [key for key in (item.case_id, *(each.case_id for each in item.reopenings)) if key]
    seen = visible_cases(current.appointment).with_only_columns(Case.id)
    return frozenset(db.session.scalars(seen.where(Case.id.in_(ids))))


def _files(item: Rectification, opened: Collection[int]) -> Sequence[Attachment]:
    """Of the duties it ran in or that were about it, and where its case may be opened of the sheets
    of its own steps there."""
    of_item = or_(Duty.item_id == item.id, Duty.id == (item.duty_id or 0))
    of_duty = Attachment.duty_id.in_(select(Duty.id).where(of_item))
    of_steps = Attachment.token.in_(_enclosed(item)) if item.case_id in opened else false()
    return db.session.scalars(
        select(Attachment)
        .where(
            or_(of_duty, of_steps),
            or_(*(Attachment.form.like(f"{form}%") for form in ITEM_FORMS)),
        )
        .order_by(Attachment.id)
        .options(joinedload(Attachment.uploaded_by))
    ).all()


def _enclosed(item: Rectification) -> list[str]:
    """Names of the files that came with the sheets of an item's steps."""
    sheets = db.session.scalars(
        select(Document).join(Task).where(Task.rectification_id == item.id).order_by(Document.id)
    )
    return [
        token
        for sheet in sheets
        for field in load.load(sheet.form).fields()
        if field.kind is Kind.FILES
        for token in sheet.answers.get(field.name) or []
    ]


def _may_urge(item: Rectification) -> bool:
    ours = current.appointment.organisation_id == item.owner_id
    closed = item.state is RectificationState.CLOSED
    return not ours and not closed and current.may("ledger:urge")


@bp.post("/<int:item_id>/urge")
def urge(item_id: int) -> ResponseReturnValue:
    """督促; from the unit that guides it with advice and the day of the next."""
    item = _item(item_id)
    try:
        _urge(item)
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _show(_item(item_id), wrong.errors)
    except (Forbidden, ItemClosed):
        abort(404)
    db.session.commit()
    flash("已记入办理经过，责任单位会收到消息。")
    return redirect(url_for("ledger.show", item_id=item_id), 303)


def _urge(item: Rectification) -> None:
    said, by, now = request.form, current.appointment, current.now
    text = said.get("text", "")
    if not pressing.may_press(item, by):
        acts.urge(db.session, item, text, by=by, now=now)
        return
    presses.press(
        db.session,
        item,
        text=text,
        guidance=said.get("guidance", ""),
        next_on=named_day("next_on"),
        by=by,
        now=now,
    )


def named_day(name: str) -> date | None:
    """A day typed into a form, None for nothing. Raises InvalidAnswers for what is no day."""
    typed = request.form.get(name, "").strip()
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        raise InvalidAnswers({name: ["日期写成 2026-01-31 的样子"]}) from None


@bp.post("/<int:item_id>/press-day")
def press_day(item_id: int) -> ResponseReturnValue:
    """约定督促日期, where the place has no number for it."""
    item = _item(item_id)
    try:
        day = named_day("next_on")
        presses.agree(db.session, item, day, by=current.appointment, now=current.now)
    except InvalidAnswers as wrong:
        db.write_nothing()
        flash(f"{item.number}：" + "；".join(wrong.errors["next_on"]), "warning")
    except (Forbidden, ItemClosed):
        abort(404)
    else:
        db.session.commit()
        flash("已约定督促日期，到期提醒。")
    return redirect(url_for("pressing.index"), 303)


def _late(item: Rectification) -> bool:
    is_open = item.state != RectificationState.CLOSED
    return is_open and item.deadline is not None and item.deadline < today()

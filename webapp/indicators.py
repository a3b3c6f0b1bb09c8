"""院内质控指标: what a hospital watches of its obstetric quality, and what nothing watches yet."""

from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import joinedload, selectinload

from models import Indicator, IndicatorValue, Rectification, Suggestion
from webapp import db
from webapp.access import current
from workflows import indicators
from workflows.actions import indicators as acts
from workflows.actions.indicators import NoAcceptor
from workflows.actions.tasks import InvalidAnswers
from workflows.item_scope import visible_items
from workflows.permissions import Forbidden
from workflows.rules import day_of

bp = Blueprint("indicators", __name__, url_prefix="/indicators")

FIELDS = ("name", "numerator", "denominator", "target", "side", "basis")
NOBODY = "本县没有登记可以验收的妇幼保健机构，请系统管理员先登记"
Faults = dict[str, list[str]]


@bp.before_request
def require_permission() -> None:
    if not current.may("indicator:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    by = current.appointment
    return render_template(
        "indicators/index.html",
        rows=indicators.listed(db.session, by),
        retired=indicators.listed(db.session, by, retired=True),
        gaps=indicators.gaps(db.session, by),
        months=indicators.months(day_of(current.now)),
        by_month=indicators.by_month,
        reaches=indicators.reaches,
        trend=indicators.trend,
    )


@bp.get("/new")
def new() -> ResponseReturnValue:
    """An indicator; `item` in the query: from a problem of our own."""
    return _form({})


@bp.post("/new")
def create() -> ResponseReturnValue:
    said = {name: request.form.get(name, "") for name in FIELDS}
    try:
        row = acts.add(db.session, said, item=_item(), by=current.appointment, now=current.now)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _form(said, bad.errors)
    except Forbidden:
        abort(404)
    key = row.id
    db.session.commit()
    flash("已新增指标，可以登记各月的数。")
    return redirect(url_for("indicators.show", indicator_id=key), 303)


def _item() -> Rectification | None:
    """The problem of our own unit that an indicator comes from; 404 for another's."""
    key = request.values.get("item", 0, type=int)
    if not key:
        return None
    by = current.appointment
    found: Rectification = db.one_or_404(
        visible_items(by).where(
            Rectification.id == key, Rectification.owner_id == by.organisation_id
        )
    )
    return found


def _form(said: dict[str, str], errors: Faults | None = None) -> ResponseReturnValue:
    if not current.may("indicator:keep"):
        abort(404)
    page = render_template("indicators/form.html", item=_item(), said=said, errors=errors or {})
    return page, 422 if errors else 200


@bp.get("/<int:indicator_id>")
def show(indicator_id: int) -> ResponseReturnValue:
    return _show(indicator_id)


def _show(indicator_id: int, errors: Faults | None = None) -> ResponseReturnValue:
    row = _indicator(indicator_id)
    page = render_template(
        "indicators/show.html",
        row=row,
        holding=indicators.by_month(row),
        reaches=indicators.reaches,
        keeps=current.may("indicator:keep") and row.retired_at is None,
        last=indicators.months(day_of(current.now), 1)[0],
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


def _indicator(indicator_id: int) -> Indicator:
    found: Indicator = db.one_or_404(
        indicators.kept(current.appointment)
        .where(Indicator.id == indicator_id)
        .options(
            joinedload(Indicator.item),
            selectinload(Indicator.values).joinedload(IndicatorValue.by),
            selectinload(Indicator.suggestions).joinedload(Suggestion.item),
            selectinload(Indicator.suggestions).joinedload(Suggestion.by),
        )
    )
    return found


@bp.post("/<int:indicator_id>/<verb>")
def act(indicator_id: int, verb: str) -> ResponseReturnValue:
    """Enter a month, suggest an improvement, give it up."""
    if verb not in ("measure", "suggest", "retire"):
        abort(404)
    row = _indicator(indicator_id)
    try:
        words = _done(row, verb)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _show(indicator_id, bad.errors)
    except NoAcceptor:
        db.write_nothing()
        return _show(indicator_id, {"text": [NOBODY]})
    except Forbidden:
        abort(404)
    db.session.commit()
    flash(words)
    return redirect(url_for("indicators.show", indicator_id=indicator_id), 303)


def _done(row: Indicator, verb: str) -> str:
    said, by, now = request.form, current.appointment, current.now
    if verb == "measure":
        acts.measure(db.session, row, _month(), said.to_dict(), by=by, now=now)
        return "已登记。"
    if verb == "retire":
        acts.retire(db.session, row, said.get("reason", ""), by=by, now=now)
        return "已停用，历史数据保留。"
    to_ledger = "to_ledger" in said
    made = acts.suggest(db.session, row, said.get("text", ""), to_ledger=to_ledger, by=by, now=now)
    return f"已列入台账 {made.item.number}。" if made.item else "已记下改进建议。"


def _month() -> date | None:
    try:
        return date.fromisoformat(request.form.get("month", "") + "-01")
    except ValueError:
        return None

"""数据核对: what each level and other systems say of a month beside what the system holds, and
every difference until the institution above has cleared it."""

from collections.abc import Callable
from datetime import date, datetime

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, selectinload

from models import Appointment, Discrepancy, DiscrepancyEntry
from webapp import db
from webapp.access import current
from workflows import figures, reconciliation
from workflows.actions import reconciliation as acts
from workflows.actions.reconciliation import NotYet
from workflows.actions.tasks import InvalidAnswers
from workflows.permissions import Forbidden
from workflows.rules import day_of

bp = Blueprint("reconciliation", __name__, url_prefix="/reconciliation")

VIEWS = {"open": "未核清", "cleared": "已核清"}
_ACTS: dict[str, tuple[Callable[..., None], str]] = {
    "explain": (acts.explain, "已提交说明，等待上级核清。"),
    "give-back": (acts.give_back, "已退回，请继续追踪核实。"),
    "correct": (acts.correct, "已列入台账，责任单位会收到消息。"),
    "clear": (acts.clear, "已核清。"),
}


@bp.before_request
def require_permission() -> None:
    if not current.may("figures:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    return _page()


def _page(
    faults: list[str] | None = None, system: str = "", status: int = 200
) -> ResponseReturnValue:
    by = current.appointment
    regions = reconciliation.counties(db.session, by)
    codes = [region.code for region in regions]
    months = reconciliation.months_with_something(db.session, codes)
    month = _month(request.args.get("month", "")) or (months[0] if months else _last_month())
    view = request.args.get("view", "open")
    view = view if view in VIEWS else "open"
    said = reconciliation.sayings(db.session, codes, month)
    units = {row.organisation_id for row in said if row.organisation_id is not None}
    page = render_template(
        "reconciliation/index.html",
        regions={region.code: region for region in regions},
        units=reconciliation.unit_names(db.session, units),
        held=reconciliation.held_in(db.session, codes, month),
        sayings=said,
        months=months,
        month=month,
        view=view,
        views=VIEWS,
        rows=reconciliation.listed(db.session, by, cleared=view == "cleared"),
        waiting=reconciliation.open_count(db.session, by),
        may_explain=lambda row: reconciliation.may_explain(row, by),
        may_clear=lambda row: reconciliation.may_clear(row, by),
        faults=faults or [],
        system=system,
        template=figures.TEMPLATE,
    )
    return page, status


def _month(typed: str) -> date | None:
    try:
        return date.fromisoformat(f"{typed}-01")
    except ValueError:
        return None


def _last_month() -> date:
    first = day_of(current.now).replace(day=1)
    return date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)


@bp.get("/template.csv")
def template() -> ResponseReturnValue:
    name = "attachment; filename*=UTF-8''%E6%95%B0%E6%8D%AE%E6%A0%B8%E5%AF%B9%E6%A8%A1%E6%9D%BF.csv"
    headers = {"Content-Disposition": name}
    return Response(figures.template(), mimetype="text/csv; charset=utf-8", headers=headers)


@bp.post("/compare")
def compare() -> ResponseReturnValue:
    """Compare a month now."""
    month = _month(request.form.get("month", ""))
    if month is None or not current.may("figures:import"):
        abort(404)
    codes = [region.code for region in reconciliation.counties(db.session, current.appointment)]
    new = len(acts.compare(db.session, codes, month, now=current.now))
    db.session.commit()
    flash(f"已核对，新发现 {new} 处不一致。" if new else "已核对，没有新的不一致。")
    return redirect(url_for("reconciliation.index", month=f"{month:%Y-%m}"), 303)


@bp.post("/import")
def take_in() -> ResponseReturnValue:
    """A table of another system: a file, or pasted."""
    if not current.may("figures:import"):
        abort(404)
    file, pasted = request.files.get("file"), request.form.get("pasted", "")
    system = request.form.get("system", "")
    try:
        if file is not None and file.filename:
            content: bytes | str = file.stream.read(figures.MOST_BYTES + 1)
        elif pasted.strip():
            content = pasted
        else:
            raise figures.BadTable("选择一个 CSV 文件，或把表格粘贴进来")
        table = acts.take_in(
            db.session,
            content,
            system=system,
            filename=(file.filename if file else "") or "粘贴",
            by=current.appointment,
            now=current.now,
        )
    except figures.BadTable as bad:
        db.write_nothing()
        return _page(bad.faults, system, 422)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _page([words for texts in bad.errors.values() for words in texts], system, 422)
    month = max(row["month"] for row in table.rows)[:7]
    count = len(table.rows)
    db.session.commit()
    flash(f"已接收 {count} 行并核对。")
    return redirect(url_for("reconciliation.index", month=month), 303)


@bp.post("/<int:row_id>/<verb>")
def act(row_id: int, verb: str) -> ResponseReturnValue:
    """Explain, give back, put into the ledger, clear."""
    if verb not in _ACTS:
        abort(404)
    row = _row(row_id)
    do, words = _ACTS[verb]
    try:
        _do(do, db.session, row, current.appointment, current.now)
    except InvalidAnswers as bad:
        db.write_nothing()
        flash("；".join(bad.errors["text"]), "warning")
    except NotYet as wrong:
        db.write_nothing()
        flash(str(wrong), "warning")
    except Forbidden:
        abort(404)
    else:
        db.session.commit()
        flash(words)
    return redirect(url_for("reconciliation.index", month=f"{row.month:%Y-%m}"), 303)


def _do(
    do: Callable[..., None], session: Session, row: Discrepancy, by: Appointment, now: datetime
) -> None:
    do(session, row, request.form.get("text", ""), by=by, now=now)


def _row(row_id: int) -> Discrepancy:
    found: Discrepancy = db.one_or_404(
        reconciliation.visible(current.appointment)
        .where(Discrepancy.id == row_id)
        .options(selectinload(Discrepancy.entries).joinedload(DiscrepancyEntry.by))
        .with_for_update(of=Discrepancy)
    )
    return found

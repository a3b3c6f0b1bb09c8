"""代理: who stands in for whom and until when; arranged for oneself or by who leads the desk."""

from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import Appointment
from webapp import db, labels
from webapp.access import current
from webapp.words import local
from workflows.actions import substitutes as actions
from workflows.actions.tasks import InvalidAnswers

bp = Blueprint("substitutes", __name__, url_prefix="/substitutes")


@bp.get("")
def index() -> ResponseReturnValue:
    _require()
    return _page()


@bp.post("")
def arrange() -> ResponseReturnValue:
    _require()
    by, now, said = current.appointment, current.now, request.form
    absent = next(
        (
            held
            for held in actions.replaceable(db.session, by, now)
            if held.id == said.get("absent", type=int)
        ),
        None,
    )
    first, last = _day("first"), _day("last")
    errors = {} if absent else {"absent": ["选择谁的任职由人代理"]}
    errors |= {name: ["填写日期"] for name, day in (("first", first), ("last", last)) if not day}
    if absent is None or first is None or last is None:
        return _page(errors)
    absence = actions.Absence(first, last, _diagram())
    try:
        actions.arrange(db.session, absent, said.get("user", type=int), absence, by=by, now=now)
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _page(wrong.errors)
    db.session.commit()
    flash("已安排代理。代理人切换到这项任职后办理，记录写明谁代谁。")
    return redirect(url_for("substitutes.index"), 303)


@bp.post("/<int:appointment_id>/end")
def end(appointment_id: int) -> ResponseReturnValue:
    by = current.appointment
    held = db.one_or_404(actions.of_unit(by, current.now).where(Appointment.id == appointment_id))
    actions.end(db.session, held, by=by, now=current.now)
    db.session.commit()
    flash("代理已结束，办过的事项仍写明谁代谁。")
    return redirect(url_for("auth.home" if held == by else "substitutes.index"), 303)


def _require() -> None:
    if not current.may("substitute:arrange"):
        abort(404)


def _diagram() -> str | None:
    chosen = request.form.get("diagram", "")
    return chosen if chosen in labels.WORDS["diagram"] else None


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None


def _page(errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    by, now = current.appointment, current.now
    rows = db.session.scalars(actions.of_unit(by, now)).all()
    page = render_template(
        "substitutes/index.html",
        rows=rows,
        may_end=[held.id for held in rows if actions.may_end(by, held)],
        absent=actions.replaceable(db.session, by, now),
        colleagues=actions.colleagues(db.session, by, now),
        diagrams=labels.WORDS["diagram"],
        today=local(now).date(),
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200

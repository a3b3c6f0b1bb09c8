"""The search box in the top bar: a case by its number, or by a name where one may read names.

A POST, because names do not belong in addresses and logs.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import joinedload

from models import Case, Person
from webapp import db
from webapp.access import current
from workflows.permissions import visible_cases

bp = Blueprint("search", __name__)

MOST = 50


@bp.post("/search")
def find() -> ResponseReturnValue:
    if not current.may("case:list"):
        abort(404)
    words = request.form.get("q", "").strip()[:40]
    if not words:
        return redirect(url_for("cases.index"), 303)
    found = db.session.scalars(
        visible_cases(current.appointment)
        .join(Case.person)
        .where(_matches(words))
        .order_by(Case.reported_at.desc())
        .options(joinedload(Case.person), joinedload(Case.organisation))
        .limit(MOST + 1)
    ).all()
    if len(found) == 1:
        return redirect(url_for("cases.show", case_id=found[0].id), 303)
    return render_template("search/results.html", words=words, cases=found[:MOST], most=MOST)


def _matches(words: str) -> ColumnElement[bool]:
    by_number = Case.number.icontains(words, autoescape=True)
    if not current.may("case:identify"):
        return by_number
    return or_(by_number, Person.name.contains(words, autoescape=True), Person.id_no == words)

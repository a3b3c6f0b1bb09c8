"""The search box in the top bar: a case by its number, or by a name where one may read names.

A POST, because names do not belong in addresses and logs.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import joinedload

from models import Case, KeyKind, Person
from webapp import db
from webapp.access import current
from workflows import search
from workflows.permissions import visible_cases

bp = Blueprint("search", __name__)

MOST = 50
LENGTHS_OF_ID = (15, 18)


@bp.post("/search")
def find() -> ResponseReturnValue:
    if not current.may("case:list"):
        abort(404)
    words = request.form.get("q", "").strip()[:40]
    if not words:
        return redirect(url_for("cases.index"), 303)
    found = db.session.scalars(
        visible_cases(current.appointment)
        .where(_matches(words))
        .order_by(Case.id.desc())
        .options(joinedload(Case.person), joinedload(Case.organisation))
        .limit(MOST + 1)
    ).all()
    if len(found) == 1:
        return redirect(url_for("cases.show", case_id=found[0].id), 303)
    return render_template("search/results.html", words=words, cases=found[:MOST], most=MOST)


def _matches(words: str) -> ColumnElement[bool]:
    named = current.may("case:identify")
    if words.isascii() and not (named and len(words) in LENGTHS_OF_ID):
        return search.matching(db.session, KeyKind.NUMBER, words)
    if not named:
        return false()
    if words.isascii():
        return Case.id.in_(select(Person.case_id).where(Person.id_no == words.upper()))
    return search.matching(db.session, KeyKind.NAME, words)

"""What the pickers of forms look things up in: diseases, regions, organisations, people.

JSON for signed-in people, a few rows at a time, nothing personal beyond name, unit and title. Each
row is {"value", "label", "note"}.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import contains_eager

from models import Appointment, Icd10, Organisation, Region, User
from webapp import db, labels
from webapp.access import current
from webapp.words import local
from workflows import icd10, regions

bp = Blueprint("lookups", __name__, url_prefix="/lookup")

LIMIT = 20
LONGEST_QUERY = 40


def _query() -> str:
    return request.args.get("q", "").strip()[:LONGEST_QUERY]


def _rows(rows: Iterable[dict[str, Any]]) -> ResponseReturnValue:
    return jsonify(rows=list(rows))


@bp.get("/icd10")
def diseases() -> ResponseReturnValue:
    """By code, Chinese words or pinyin initials; obstetric chapters first."""
    return _rows(_disease(found) for found in icd10.search(db.session, _query(), LIMIT))


def _disease(found: Icd10) -> dict[str, Any]:
    note = "类目，下面有更细的编码" if found.divided else found.aliases.replace(" ", "、")
    return {"value": found.code, "label": found.title, "note": note}


@bp.get("/regions")
def areas() -> ResponseReturnValue:
    """Those directly below `parent` (provinces when it is empty), or those that match `q`."""
    if word := _query():
        found = regions.search(db.session, word, LIMIT)
    else:
        found = regions.children(db.session, request.args.get("parent") or None)
    return _rows(_areas(found))


def _areas(found: list[Region]) -> Iterable[dict[str, Any]]:
    """`whole` is the name with its line: 河南省开封市杞县."""
    whole = regions.full_names(db.session, [row.code for row in found])
    for row in found:
        above = whole[row.code].removesuffix(row.name)
        yield {"value": row.code, "label": row.name, "note": above, "whole": whole[row.code]}


@bp.get("/organisations")
def organisations() -> ResponseReturnValue:
    """Active units by name or initials, of the kinds named in `among` (any when empty)."""
    query = select(Organisation).where(Organisation.active).order_by(Organisation.name)
    if kinds := request.args.getlist("among"):
        query = query.where(Organisation.kind.in_(kinds))
    word = _query()
    fitting = (row for row in db.session.scalars(query) if _fits(word, row.name, row.short_name))
    return _rows(_organisation(row) for _, row in zip(range(LIMIT), fitting, strict=False))


def _fits(word: str, *texts: str) -> bool:
    if any(word in text for text in texts):
        return True
    return word.isascii() and any(word.lower() in _initials(text) for text in texts)


@lru_cache(maxsize=10_000)
def _initials(name: str) -> str:
    from workflows.pinyin import initials  # its dictionary is loaded when somebody types letters

    return initials(name)


def _organisation(row: Organisation) -> dict[str, Any]:
    note = " · ".join(part for part in (labels.label(row.kind), row.grade) if part)
    return {"value": str(row.id), "label": row.name, "note": note}


@bp.get("/users")
def users() -> ResponseReturnValue:
    """Colleagues by name or initials, who hold one of the roles named in `among` today."""
    query = (
        select(User)
        .join(User.appointments)
        .join(Appointment.organisation)
        .where(User.active, *_held_on(local(current.now).date()))
        .options(contains_eager(User.appointments).contains_eager(Appointment.organisation))
        .order_by(User.name, User.id)
    )
    if roles := request.args.getlist("among"):
        query = query.where(Appointment.role.in_(roles))
    word = _query()
    found = db.session.scalars(query.execution_options(populate_existing=True)).unique()
    fitting = (row for row in found if _fits(word, row.name))
    return _rows(_user(row) for _, row in zip(range(LIMIT), fitting, strict=False))


def _held_on(today: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Appointment.valid_from <= today,
        or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today),
    )


def _user(row: User) -> dict[str, Any]:
    parts = [row.appointments[0].organisation.short_name]
    if row.discipline:
        parts.append(labels.label(row.discipline))
    return {
        "value": str(row.id),
        "label": row.name,
        "note": " · ".join([*parts, *filter(None, [row.title])]),
    }

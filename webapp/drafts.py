"""Saving what is typed while it is typed: the page posts its raw fields every few seconds.

Only one's own drafts, and only of places where one may hand something in. Knows no form.
"""

import re

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from models import Case, Rectification, Task
from webapp import db
from webapp.access import current
from webapp.forms import Kept
from webapp.forms.typed import Pairs, worth_keeping
from webapp.words import local
from workflows.actions import drafts
from workflows.actions.extensions import may_ask
from workflows.actions.provinces import may_enter
from workflows.item_scope import visible_items
from workflows.kinds import KINDS
from workflows.permissions import inbox, visible_cases

bp = Blueprint("drafts", __name__)

# Forms without a step: who may. Each kind of case is reported with a form of its own.
FREE = {"ledger": "ledger:enter"} | {kind.draft: "case:report" for kind in KINDS.values()}
EXTENSION = re.compile(r"extension:(\d{1,9})", re.ASCII)
PROVINCE = re.compile(r"province:(\d{1,9})", re.ASCII)
TASK = re.compile(r"task:(\d{1,9})", re.ASCII)
PERCENT = "_percent"  # how much of what is required is filled in, by the page's own count


@bp.route("/drafts/<place>", methods=["PUT", "POST"])
def save(place: str) -> ResponseReturnValue:
    """Keep the posted fields; answers with the moment, for 已自动保存 14:05:31."""
    _require_place(place)
    typed, now = posted(), current.now
    try:
        drafts.save_draft(db.session, place, typed, _percent(), by=current.appointment, now=now)
    except drafts.DraftTooLong:
        return jsonify(message="内容太长，没有保存；长的材料改为附件上传"), 413
    db.session.commit()
    return jsonify(saved_at=now.isoformat(), at=f"{local(now):%H:%M:%S}")


@bp.delete("/drafts/<place>")
def drop(place: str) -> ResponseReturnValue:
    """Begin again: forget what was kept."""
    drafts.drop_draft(db.session, place, by=current.appointment)
    db.session.commit()
    return "", 204


def find(place: str) -> Kept | None:
    """What the person who asks has typed into a place before, for `TaskForm(draft=…)`. None where
    the request itself brings what is typed now."""
    if request.method == "POST":
        return None
    draft = drafts.find_draft(db.session, place, by=current.appointment)
    return Kept(drafts.typed_in(draft), draft.saved_at) if draft else None


def posted() -> Pairs:
    """The posted fields that may be kept: neither passwords nor what belongs to the page."""
    return worth_keeping(request.form.items(multi=True))


def _percent() -> int:
    return request.form.get(PERCENT, 0, type=int)


def _require_place(place: str) -> None:
    """404 unless one may hand in there now; the page then keeps the text itself."""
    if any(place == name and current.may(asked) for name, asked in FREE.items()):
        return
    if (found := EXTENSION.fullmatch(place)) is not None:
        by = current.appointment
        item = db.one_or_404(visible_items(by).where(Rectification.id == int(found[1])))
        if not may_ask(item, by):
            abort(404)
        return
    if (found := PROVINCE.fullmatch(place)) is not None:
        by = current.appointment
        case = db.one_or_404(visible_cases(by).where(Case.id == int(found[1])))
        if not may_enter(db.session, case, by):
            abort(404)
        return
    if (found := TASK.fullmatch(place)) is None:
        abort(404)
    db.one_or_404(inbox(current.appointment).where(Task.id == int(found[1])))

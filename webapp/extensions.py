"""申请整改延期: the owner of a ledger item asks for more time."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import joinedload

from models import Rectification
from webapp import db, drafts, forms
from webapp.access import current
from webapp.errors import page as error_page
from webapp.forms import TaskForm
from webapp.tasks import signing
from workflows.actions import drafts as kept_drafts
from workflows.actions import extensions
from workflows.actions.reopening import ItemClosed
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.item_scope import visible_items
from workflows.permissions import Forbidden

bp = Blueprint("extensions", __name__, url_prefix="/ledger/<int:item_id>/extension")

OVERTAKEN = "该条目已经销号，或已有一份延期申请待审批，不用再申请。"


@bp.get("")
def new(item_id: int) -> ResponseReturnValue:
    item = _item(item_id)
    if extensions.waiting(db.session, item) is not None:
        return redirect(url_for("ledger.show", item_id=item_id), 303)
    return _page(item, _form(item))


@bp.post("")
def create(item_id: int) -> ResponseReturnValue:
    """Hand the wish in. The same page handed in twice asks once."""
    item = _item(item_id)
    form = _form(item)
    if not form.parse():
        db.write_nothing()
        return _page(item, form)
    by, now = current.appointment, current.now
    try:
        extensions.ask(db.session, item, form.answers, key=form.token, by=by, now=now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(item, form)
    except (ItemClosed, extensions.AlreadyAsked, Forbidden):
        db.write_nothing()
        return error_page(409, OVERTAKEN)
    kept_drafts.drop_draft(db.session, form.place, by=by)
    db.session.commit()
    flash("已提交，由验收单位审批。批准以前，现在的期限照常计算。")
    return redirect(url_for("ledger.show", item_id=item_id), 303)


def _item(item_id: int) -> Rectification:
    """An item of one's own unit that may be extended; 404 for any other."""
    item: Rectification = db.one_or_404(
        visible_items(current.appointment)
        .where(Rectification.id == item_id)
        .options(joinedload(Rectification.acceptor), joinedload(Rectification.case))
    )
    if not current.may("ledger:view") or not extensions.may_ask(item, current.appointment):
        abort(404)
    return item


def _form(item: Rectification) -> TaskForm:
    place = f"extension:{item.id}"
    spec = load.load(extensions.FORM)
    return forms.build(spec)({}, place=place, draft=drafts.find(place), signing=signing())


def _page(item: Rectification, form: TaskForm) -> ResponseReturnValue:
    return render_template("ledger/extension.html", item=item, form=form), form.status

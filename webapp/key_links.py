"""关键环节与预案: in which links of care dangers were found, and which have no care plan."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import joinedload

from models import Case, CaseKind, Rectification
from webapp import db, labels
from webapp.access import current
from workflows import key_links, kinds
from workflows.actions import care_plans
from workflows.actions.tasks import InvalidAnswers
from workflows.item_scope import visible_items
from workflows.permissions import Forbidden, visible_cases

bp = Blueprint("key_links", __name__, url_prefix="/key-links")


@bp.before_request
def require_permission() -> None:
    if not current.may("ledger:urge"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    """All that one sees, or of one case or kind of case: `case` and `kind` in the query; `bare`:
    only what has no plan."""
    by, bare = current.appointment, request.args.get("bare") == "1"
    key = request.args.get("case", type=int)
    case = None
    if key is not None:
        case = db.one_or_404(visible_cases(by).where(Case.id == key))
    kind = kinds.known(request.args.get("kind", ""))
    found = key_links.items(db.session, by, key, kind.code if kind else None)
    made = key_links.plans(db.session, [item.id for item in found])
    return render_template(
        "key_links/index.html",
        links=key_links.links(found, made, only_bare=bare),
        made=made,
        case=case,
        bare=bare,
        kind=kind.code.value if kind else "",
        kinds=labels.choices(CaseKind),
        total=len(found),
        without=sum(item.id not in made for item in found),
    )


@bp.get("/<int:item_id>")
def show(item_id: int) -> ResponseReturnValue:
    return _show(_item(item_id))


def _item(item_id: int) -> Rectification:
    found: Rectification = db.one_or_404(
        visible_items(current.appointment)
        .where(Rectification.id == item_id)
        .options(joinedload(Rectification.owner))
    )
    return found


def _show(item: Rectification, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    page = render_template(
        "key_links/show.html",
        item=item,
        rows=key_links.plans(db.session, [item.id]).get(item.id, []),
        says=care_plans.may_say(item, current.appointment),
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


@bp.post("/<int:item_id>")
def say(item_id: int) -> ResponseReturnValue:
    """The owner says which plan was made or changed."""
    by, now = current.appointment, current.now
    try:
        care_plans.say(db.session, _item(item_id), request.form, by=by, now=now)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _show(_item(item_id), bad.errors)
    except Forbidden:
        abort(404)
    db.session.commit()
    flash("已登记。")
    return redirect(url_for("key_links.show", item_id=item_id), 303)

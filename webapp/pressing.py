"""整改督促: which items a rescue centre guides, when it pressed them, when it is to press next."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload

from models import Rectification, RectificationState
from webapp import db
from webapp.access import current
from webapp.ledger import today
from webapp.paging import paged
from workflows import pressing
from workflows.item_scope import visible_items

bp = Blueprint("pressing", __name__, url_prefix="/ledger/pressing")

PAGE = 50
VIEWS = {"due": "到期待督促", "all": "未销号", "unnamed": "未约定日期", "closed": "已销号"}


@bp.get("")
def index() -> ResponseReturnValue:
    """A rescue centre's own items; for whoever looks after an area, those of all its centres."""
    if not current.may("ledger:urge"):
        abort(404)
    view = request.args.get("view", "all")
    view = view if view in VIEWS else "all"
    query = visible_items(current.appointment).where(
        Rectification.guide_id.is_not(None), *_condition(view)
    )
    page = paged(
        db.session,
        query.options(joinedload(Rectification.owner), joinedload(Rectification.guide)).order_by(
            Rectification.press_due_on.is_(None), Rectification.press_due_on, Rectification.id
        ),
        PAGE,
    )
    return render_template(
        "ledger/pressing.html",
        past=pressing.past(db.session, [row.id for row in page.rows]),
        nothing=pressing.Past(),
        here=current.appointment.organisation_id,
        page=page,
        view=view,
        views=VIEWS,
        today=today(),
    )


def _condition(view: str) -> list[ColumnElement[bool]]:
    still = Rectification.state != RectificationState.CLOSED
    conditions: dict[str, list[ColumnElement[bool]]] = {
        "due": [still, Rectification.press_due_on <= today()],
        "all": [still],
        "unnamed": [still, Rectification.press_due_on.is_(None)],
        "closed": [Rectification.state == RectificationState.CLOSED],
    }
    return conditions[view]

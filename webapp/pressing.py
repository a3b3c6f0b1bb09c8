"""整改督促: which items a rescue centre guides, when it pressed them, when it is to press next."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from models import Rectification, RectificationState
from webapp import db
from webapp.access import current
from webapp.ledger import today
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
    page = max(1, request.args.get("page", 1, type=int))
    query = visible_items(current.appointment).where(
        Rectification.guide_id.is_not(None), *_condition(view)
    )
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = db.session.scalars(
        query.options(joinedload(Rectification.owner), joinedload(Rectification.guide))
        .order_by(
            Rectification.press_due_on.is_(None), Rectification.press_due_on, Rectification.id
        )
        .offset((page - 1) * PAGE)
        .limit(PAGE)
    ).all()
    return render_template(
        "ledger/pressing.html",
        rows=rows,
        past=pressing.past(db.session, [row.id for row in rows]),
        nothing=pressing.Past(),
        here=current.appointment.organisation_id,
        total=total,
        page=page,
        pages=-(-total // PAGE),
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

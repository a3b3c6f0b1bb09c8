"""提醒、督导、约谈 as they are carried out: letters, receipts, the record, what is to be put right.

For the commission that takes the measure, the one it is filed with, and whom it is addressed to:
these see what is written to them and by them, nothing of how it came about.
"""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from models import (
    Document,
    Duty,
    DutyState,
    KeyContact,
    Measure,
    Motion,
    Notice,
    Rectification,
    Task,
    TaskState,
)
from webapp import db
from webapp.access import current
from webapp.cases.documents import parts_of
from webapp.paging import paged
from workflows import two_desks
from workflows.actions import motions as acts
from workflows.forms import load
from workflows.forms.load import base_name
from workflows.item_scope import visible_items
from workflows.measure_readers import told_contacts, visible_measures, visible_motions
from workflows.permissions import may_complete, visible_notices
from workflows.readers import PlainReader

bp = Blueprint("measures", __name__, url_prefix="/measures")

SIZE = 50
VIEWS = {"open": "办理中", "done": "已办结", "all": "全部"}
# Between the commission and the one above it, not for the object
INNER = ("interview_filing", "interview_filed")


@bp.before_request
def require_permission() -> None:
    if not current.may("measure:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    view = request.args.get("view", "open")
    view = view if view in VIEWS else "open"
    query = visible_measures(current.appointment)
    if view != "all":
        state = DutyState.OPEN if view == "open" else DutyState.DONE
        query = query.where(Duty.state == state)
    page = paged(
        db.session,
        query.options(joinedload(Duty.organisation)).order_by(Duty.id.desc()),
        SIZE,
    )
    return render_template(
        "measures/index.html",
        page=page,
        motions=_motions([duty.id for duty in page.rows]),
        steps=_steps([duty.id for duty in page.rows]),
        listed=_listed(),
        view=view,
        views=VIEWS,
    )


def _listed() -> Sequence[KeyContact]:
    """Our own unit on a commission's list, the newest first."""
    query = told_contacts(current.appointment).options(
        joinedload(KeyContact.commission), joinedload(KeyContact.region)
    )
    return db.session.scalars(query.order_by(KeyContact.id.desc())).all()


def _motions(ids: list[int]) -> dict[int, Motion]:
    rows = db.session.scalars(
        select(Motion)
        .where(Motion.duty_id.in_(ids))
        .options(
            joinedload(Motion.organisation), joinedload(Motion.region), joinedload(Motion.person)
        )
    )
    return {row.duty_id or 0: row for row in rows}


def _steps(ids: list[int]) -> dict[int, list[Task]]:
    """What each measure waits for, its filing for the two commissions only; what its ledger items
    wait for is the ledger's."""
    here = current.appointment.organisation_id
    hosts = select(Motion.duty_id).where(
        or_(Motion.commission_id == here, Motion.filed_with_id == here)
    )
    found: dict[int, list[Task]] = {}
    for task in db.session.scalars(
        select(Task)
        .where(
            Task.duty_id.in_(ids),
            Task.state == TaskState.OPEN,
            Task.rectification_id.is_(None),
            or_(Task.form.not_like("interview_fil%"), Task.duty_id.in_(hosts)),
        )
        .options(joinedload(Task.organisation), joinedload(Task.clock))
        .order_by(Task.id)
    ):
        found.setdefault(task.duty_id or 0, []).append(task)
    return found


@bp.get("/<int:duty_id>")
def show(duty_id: int) -> ResponseReturnValue:
    by = current.appointment
    duty = db.one_or_404(
        visible_measures(by).where(Duty.id == duty_id).options(joinedload(Duty.organisation))
    )
    motion = _motions([duty.id])[duty.id]
    hosts = by.organisation_id in (motion.commission_id, motion.filed_with_id)
    reader = PlainReader(db.session)
    items = visible_items(by).where(Rectification.duty_id == duty.id)
    own = db.session.scalar(visible_motions(by).where(Motion.id == motion.id))
    known, notice = _notice(motion)
    return render_template(
        "measures/show.html",
        duty=duty,
        motion=motion,
        own=own,
        known=known,
        notice=notice,
        may_make_known=_may_make_known(motion, known) if own else False,
        both=two_desks.endorsed(db.session, motion, by.user_id),
        other_leaders=two_desks.other_leaders(db.session, motion, current.now) if own else [],
        waiting=[(task, may_complete(by, task)) for task in _steps([duty.id]).get(duty.id, [])],
        sheets=[
            (row, load.load(row.form).title, parts_of(row, reader)) for row in _sheets(duty, hosts)
        ],
        items=db.session.scalars(items.order_by(Rectification.place)).all(),
        hosts=hosts,
        reader=reader,
    )


def _may_make_known(motion: Motion, known: bool) -> bool:
    """The leader's, of an interview whose record both sides have signed."""
    if known or motion.taken is not Measure.INTERVIEW or not current.may("motion:decide"):
        return False
    signed = select(Document.id).where(
        Document.duty_id == motion.duty_id, Document.form.like("interview_sign.v%")
    )
    if db.session.scalar(signed.limit(1)) is None:
        return False
    return Measure.NOTICE in acts.choices(db.session, motion, current.now)


@bp.post("/<int:duty_id>/notice")
def make_known(duty_id: int) -> ResponseReturnValue:
    """约谈通报: the leader has it drafted by the desk."""
    by = current.appointment
    if not current.may("motion:decide"):
        abort(404)
    duty = db.one_or_404(visible_measures(by).where(Duty.id == duty_id))
    motion = db.one_or_404(visible_motions(by).where(Motion.duty_id == duty.id))
    alone = request.form.get("alone", "").strip()[:1000]
    try:
        acts.make_known(db.session, motion, by=by, now=current.now, alone=alone)
    except acts.LeftToAnother:
        db.write_nothing()
        flash(
            "您审签过该病例的评审结论：请其他主管负责人决定；没有其他人的，写明理由再决定。",
            "warning",
        )
    except acts.Decided:
        db.write_nothing()
        flash("已经决定通报，由经办起草。", "warning")
    except acts.NotAllowed:
        abort(404)
    else:
        db.session.commit()
        flash("已决定通报，经办的待办里有了起草通报。")
    return redirect(url_for("measures.show", duty_id=duty_id), 303)


def _notice(motion: Motion) -> tuple[bool, Notice | None]:
    """Whether it is made known, and the notice as far as one may see it."""
    begun = acts.notice_of(db.session, motion)
    if begun is None:
        return False, None
    seen = visible_notices(current.appointment).where(Notice.duty_id == begun.id)
    return True, db.session.scalars(seen).first()


def _sheets(duty: Duty, hosts: bool) -> list[Document]:
    """The newest first. An object reads what was written to it or by it."""
    rows = db.session.scalars(
        select(Document)
        .where(Document.duty_id == duty.id, Document.form.not_like("rectification%"))
        .options(
            joinedload(Document.author),
            joinedload(Document.appointment),
            joinedload(Document.task),
        )
        .order_by(Document.id.desc())
    )
    return [row for row in rows if hosts or base_name(row.form) not in INNER]

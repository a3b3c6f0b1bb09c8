"""Notices (反馈、通报): the list, the sheet in official style with who has signed for it and
answered, beginning one of one's own, taking one back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from models import (
    Document,
    Duty,
    Motion,
    Notice,
    NoticeFormat,
    NoticeKind,
    NoticeRecipient,
    Task,
)
from webapp import db
from webapp.access import current
from workflows.actions import letters, motions, notices
from workflows.dossier import heading_level
from workflows.letters import official
from workflows.measure_readers import visible_motions
from workflows.permissions import inbox, visible_notices
from workflows.readers import PlainReader, Reader
from workflows.replies import visible_replies

bp = Blueprint("notices", __name__, url_prefix="/notices")

MOST = 200


def _waiting_for(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Issued notices of which some recipient fits."""
    fits = exists().where(NoticeRecipient.notice_id == Notice.id, *conditions)
    return Notice.issued_at.is_not(None) & fits


def _recalled() -> ColumnElement[bool]:
    newer = aliased(Notice)
    return exists().where(newer.recalls_id == Notice.id, newer.issued_at.is_not(None))


VIEWS: dict[str, tuple[str, Callable[[], ColumnElement[bool]] | None]] = {
    "all": ("全部", None),
    "drafts": ("拟稿", lambda: Notice.issued_at.is_(None)),
    "unsigned": (
        "待签收",
        lambda: _waiting_for(NoticeRecipient.signed_at.is_(None)) & ~_recalled(),
    ),
    "unanswered": (
        "待回复",
        lambda: (
            _waiting_for(
                NoticeRecipient.reply_duty_id.is_not(None), NoticeRecipient.replied_at.is_(None)
            )
            & ~_recalled()
        ),
    ),
    "recalled": ("已撤回", _recalled),
}


@bp.before_request
def require_permission() -> None:
    if not current.may("notice:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    view, kind = request.args.get("view", "all"), request.args.get("kind", "")
    view, kind = view if view in VIEWS else "all", kind if kind in set(NoticeKind) else ""
    query = visible_notices(current.appointment)
    if (condition := VIEWS[view][1]) is not None:
        query = query.where(condition())
    if kind:
        query = query.where(Notice.kind == kind)
    rows = db.session.scalars(
        query.options(
            joinedload(Notice.organisation),
            joinedload(Notice.document),
            selectinload(Notice.recalled),
            selectinload(Notice.recipients).joinedload(NoticeRecipient.organisation),
        )
        .order_by(Notice.id.desc())
        .limit(MOST)
    ).all()
    return render_template(
        "notices/index.html",
        rows=rows,
        view=view,
        views={code: title for code, (title, _) in VIEWS.items()},
        kind=kind,
        kinds=NoticeKind,
        own=letters.OWN if current.may("notice:draft") else (),
        interviews=_interviews(),
        begun=_begun() if view in ("all", "drafts") else [],
        standings={row.id: standing(row) for row in rows},
        most=MOST,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the recipients of a notice are. `late`: answers not in although their day is over."""

    unsigned: list[str]
    recipients: int
    asked: int
    replied: int
    late: int


def standing(notice: Notice) -> Standing:
    """For one notice, from its recipients in hand."""
    rows = notice.recipients
    asked = [row for row in rows if row.reply_due is not None]
    late = [row for row in asked if row.replied_at is None and row.reply_due < current.today]  # type: ignore[operator]
    return Standing(
        unsigned=[row.organisation.short_name for row in rows if row.signed_at is None],
        recipients=len(rows),
        asked=len(asked),
        replied=sum(row.replied_at is not None for row in asked),
        late=0 if notice.recalled_by else len(late),
    )


def _begun() -> Sequence[Task]:
    """Notices of our own that are being drafted."""
    query = inbox(current.appointment).where(Task.form.like("letter.v%"))
    return db.session.scalars(query.options(joinedload(Task.duty)).order_by(Task.id)).all()


@bp.post("")
def begin() -> ResponseReturnValue:
    """Begin to draft a notice of one's own."""
    code = request.form.get("kind", "")
    if not current.may("notice:draft") or code not in letters.OWN:
        abort(404)
    by, now, number = current.appointment, current.now, request.form.get("interview", "")
    if number and number not in {motion.number for motion in _interviews()}:
        flash("这次约谈已经在起草通报，或者不能通报。", "warning")
        return redirect(url_for("notices.index"), 303)
    duty = letters.begin(db.session, NoticeKind(code), by=by, now=now, interview=number)
    return _to_draft(duty)


def _interviews() -> list[Motion]:
    """What our commission has interviewed about, and has not made known."""
    if not current.may("notice:draft"):
        return []
    return motions.to_make_known(db.session, visible_motions(current.appointment), current.now)


@bp.post("/<int:notice_id>/recall")
def recall(notice_id: int) -> ResponseReturnValue:
    """Begin to take back what our unit issued."""
    if not current.may("notice:draft"):
        abort(404)
    notice = db.one_or_404(visible_notices(current.appointment).where(Notice.id == notice_id))
    try:
        duty = letters.begin_recall(db.session, notice, by=current.appointment, now=current.now)
    except letters.NotRecallable:
        db.write_nothing()
        flash("这份通报不能撤回：已经撤回，或撤回通知正在办理。", "warning")
        return redirect(url_for("notices.show", notice_id=notice_id), 303)
    return _to_draft(duty)


def _to_draft(duty: Duty) -> ResponseReturnValue:
    task = db.session.scalars(select(Task.id).where(Task.duty_id == duty.id)).one()
    db.session.commit()
    return redirect(url_for("tasks.show", task_id=task), 303)


@bp.get("/<int:notice_id>")
def show(notice_id: int) -> ResponseReturnValue:
    by = current.appointment
    recipients = selectinload(Notice.recipients)
    notice = db.one_or_404(
        visible_notices(by)
        .where(Notice.id == notice_id)
        .options(
            recipients.joinedload(NoticeRecipient.organisation),
            recipients.joinedload(NoticeRecipient.signed_by),
            recipients.joinedload(NoticeRecipient.reply_duty).selectinload(Duty.clocks),
            selectinload(Notice.recalled),
        )
    )
    reader = Reader(db.session, notice.case, by) if notice.case else PlainReader(db.session)
    _note_reading(notice)
    return render_template(
        "notices/show.html",
        notice=notice,
        reader=reader,
        sheet=official(notice, reader),
        heading_level=heading_level,
        mine=_to_sign(notice),
        formats=NoticeFormat,
        confirmed=_confirmed(notice),
        checked_by=_checker(notice),
        answers=_readable_answers(notice),
        recall=_seen(notice.recalled_by),
        may_recall=current.may("notice:draft") and letters.may_recall(db.session, notice, by),
    )


def _to_sign(notice: Notice) -> Task | None:
    """Our step of signing for it; not for an older one of the same case."""
    newest = select(Notice.id).where(
        Notice.case_id == notice.case_id,
        Notice.duty_id == notice.duty_id,
        Notice.id > notice.id,
    )
    query = inbox(current.appointment).where(
        Task.case_id == notice.case_id,
        Task.duty_id == notice.duty_id,
        Task.form.like("notice_receipt.v%"),
        ~newest.exists(),
    )
    return db.session.scalars(query).first()


def _readable_answers(notice: Notice) -> set[int]:
    """Recipients whose written answer one may read."""
    query = visible_replies(current.appointment).where(NoticeRecipient.notice_id == notice.id)
    return set(db.session.scalars(query.with_only_columns(NoticeRecipient.id)))


def _seen(other: Notice | None) -> Notice | None:
    """Another notice, if one may open it."""
    if other is None:
        return None
    query = visible_notices(current.appointment).where(Notice.id == other.id)
    return db.session.scalars(query).one_or_none()


def _checker(notice: Notice) -> str:
    """Who checked the draft of a notice of its own, for the unit that wrote it."""
    if notice.duty_id is None or notice.organisation_id != current.appointment.organisation_id:
        return ""
    sheet = db.session.scalars(
        select(Document)
        .where(Document.duty_id == notice.duty_id, Document.form.like("letter_check.v%"))
        .order_by(Document.id.desc())
        .options(joinedload(Document.author))
        .limit(1)
    ).one_or_none()
    return sheet.author.name if sheet else ""


def _confirmed(notice: Notice) -> str:
    """Why something recognisable was left in an issued notice: for the unit that issued it, and
    there for those who may know names."""
    ours = notice.organisation_id == current.appointment.organisation_id
    if notice.issued_at is None or not ours or not current.may("case:identify"):
        return ""
    sheet = db.session.scalars(
        select(Document)
        .where(
            Document.case_id == notice.case_id,
            Document.duty_id == notice.duty_id,
            Document.form.like("notice_issue.v%"),
            Document.submitted_at == notice.issued_at,
        )
        .order_by(Document.id.desc())
        .limit(1)
    ).one_or_none()
    return str(sheet.answers.get("confirm_reason") or "") if sheet else ""


def _note_reading(notice: Notice) -> None:
    """The first time a unit that received it opens it, that is on record."""
    here = current.appointment.organisation_id
    row = db.session.scalars(
        select(NoticeRecipient).where(
            NoticeRecipient.notice_id == notice.id,
            NoticeRecipient.organisation_id == here,
            NoticeRecipient.read_at.is_(None),
        )
    ).one_or_none()
    if row is None or notice.issued_at is None:
        return
    with db.transaction() as session:
        notices.note_reading(session, row.id, now=current.now)
    db.session.refresh(row)

"""Dossiers: asked for with a purpose, rendered by the worker, every download on record."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models import Appointment, Case, DossierKind, DossierRequest, DossierState, Panel
from workflows import jobs
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.notifications import tell
from workflows.permissions import require

JOB = "render_dossier"
PURPOSES = {
    "review": "评审会议",
    "archive": "归档留存",
    "supervision": "监督检查",
    "audit": "审计",
    "other": "其他",
}


def visible_dossiers(by: Appointment) -> Select[DossierRequest]:
    """The copies made for this person under this appointment; nobody else's."""
    return select(DossierRequest).where(DossierRequest.appointment_id == by.id)


def request_dossier(
    session: Session, case: Case, purpose: str, note: str, *, by: Appointment, now: datetime
) -> DossierRequest:
    """Ask for a copy of a case the caller may see. The worker renders it after the commit.

    Asked again for the same purpose while it is being made, it is the same copy.
    Raises Forbidden, InvalidAnswers (no purpose; another purpose without a word about it).
    """
    require(by, "dossier:request")
    note = note.strip()
    if purpose not in PURPOSES:
        raise InvalidAnswers({"purpose": ["选择用途"]})
    if purpose == "other" and not note:
        raise InvalidAnswers({"note": ["写明用途"]})
    if len(note) > 200:
        raise InvalidAnswers({"note": ["用途说明不超过 200 字"]})
    said = PURPOSES[purpose] + (f"：{note}" if note else "")
    # Who presses twice at once is let in one after the other
    session.execute(select(Appointment.id).where(Appointment.id == by.id).with_for_update())
    if (there := _in_the_making(session, case, said, by)) is not None:
        return there
    row = DossierRequest(case=case, appointment=by, purpose=said, requested_at=now)
    session.add(row)
    session.flush()
    record(session, EventName.DOSSIER_REQUESTED, case=case, by=by, now=now, dossier=row.id)
    jobs.enqueue(session, JOB, f"dossier-{row.id}", row.id)
    return row


def _in_the_making(
    session: Session, case: Case, purpose: str, by: Appointment
) -> DossierRequest | None:
    query = visible_dossiers(by).where(
        DossierRequest.case_id == case.id,
        DossierRequest.purpose == purpose,
        DossierRequest.state.in_((DossierState.WAITING, DossierState.RENDERING)),
    )
    return session.scalars(query.order_by(DossierRequest.id).limit(1)).one_or_none()


def request_for_meeting(
    session: Session, panel: Panel, kind: DossierKind, *, by: Appointment, now: datetime
) -> DossierRequest:
    """Ask for the pack of a panel's meeting or the sheet of its conclusion. Raises Forbidden."""
    require(by, "pack:request" if kind is DossierKind.PACK else "sheet:request")
    row = DossierRequest(
        case=panel.case,
        appointment_id=by.id,
        kind=kind,
        panel=panel,
        purpose="评审会议",
        requested_at=now,
    )
    session.add(row)
    session.flush()
    record(session, EventName.DOSSIER_REQUESTED, case=panel.case, by=by, now=now, dossier=row.id)
    jobs.enqueue(session, JOB, f"dossier-{row.id}", row.id)
    return row


def report_progress(session: Session, row: DossierRequest, percent: int, message: str) -> None:
    """How far the rendering is, for the waiting page. Nothing any more once a copy is ready."""
    if row.state is DossierState.READY:
        return
    row.state, row.percent, row.message = DossierState.RENDERING, percent, message


def finish(
    session: Session,
    row: DossierRequest,
    *,
    token: str,
    sha256: str,
    size: int,
    pages: int,
    now: datetime,
) -> bool:
    """The copy lies ready under `token`; its reader is told. False when another one was quicker: a
    worker that stood still may come back after its job was done by somebody else.

    The caller has locked the row.
    """
    if row.state is DossierState.READY:
        return False
    row.state, row.percent, row.message = DossierState.READY, 100, None
    row.token, row.sha256, row.size, row.pages = token, sha256, size, pages
    row.finished_at = now
    data: dict[str, Any] = {"dossier": row.id, "number": row.case.number}
    record(session, EventName.DOSSIER_RENDERED, case=row.case, now=now, sha256=sha256, **data)
    tell(
        session,
        EventName.DOSSIER_RENDERED,
        row.appointment.user_id,
        case=row.case,
        now=now,
        **data,
    )
    return True


def fail(session: Session, row: DossierRequest, message: str, *, now: datetime) -> None:
    """Rendering failed for now; `message` says in Chinese what may be done."""
    if row.state is DossierState.READY:
        return
    row.state, row.message, row.finished_at = DossierState.FAILED, message, now
    record(session, EventName.DOSSIER_FAILED, case=row.case, now=now, dossier=row.id)


def record_download(
    session: Session, row: DossierRequest, *, by: Appointment, now: datetime
) -> None:
    """Every download is an event with the hash of what was handed out."""
    record(
        session,
        EventName.DOSSIER_DOWNLOADED,
        case=row.case,
        by=by,
        now=now,
        dossier=row.id,
        sha256=row.sha256,
    )

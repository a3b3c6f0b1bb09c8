"""Copies of a notice as files: asked for, made by the worker, every download on record.

Who may read a notice may have it as a file. A copy is one reader's: what that reader may not meet
in the text is not in the file either, and a PDF bears their name. Made once for each reader,
edition and format. Knows no page.
"""

from datetime import datetime

from sqlalchemy import Select, select, true
from sqlalchemy.orm import Session

from models import Appointment, DossierState, Notice, NoticeFile, NoticeFormat
from workflows import jobs
from workflows.events import EventName, record
from workflows.notifications import tell

JOB = "print_notice"
ENDED = (DossierState.READY, DossierState.FAILED)


def visible_files(by: Appointment) -> Select[NoticeFile]:
    """The copies made for this person under this appointment; nobody else's."""
    return select(NoticeFile).where(NoticeFile.appointment_id == by.id)


def taken_back(row: NoticeFile) -> bool:
    """Whether its notice was taken back since it was asked for: such a copy does not say so, and
    is not handed out any more."""
    newer = row.notice.recalled_by
    return newer is not None and newer.issued_at is not None and row.requested_at < newer.issued_at


def request_file(
    session: Session, notice: Notice, kind: NoticeFormat, *, by: Appointment, now: datetime
) -> NoticeFile:
    """Ask for a notice that the caller may read as a file. The worker makes it after the commit.

    A copy of the same edition that is there already, or being made, is it. A draft and the notice
    issued from it are two copies, and so are a notice and the same once it was taken back.
    """
    newer = notice.recalled_by
    since = newer.issued_at if newer is not None else None
    there = session.scalars(
        visible_files(by)
        .where(
            NoticeFile.notice_id == notice.id,
            NoticeFile.document_id == notice.document_id,
            NoticeFile.draft == (notice.issued_at is None),
            NoticeFile.format == kind,
            NoticeFile.state != DossierState.FAILED,
            NoticeFile.requested_at >= since if since is not None else true(),
        )
        .order_by(NoticeFile.id.desc())
        .limit(1)
    ).one_or_none()
    if there is not None:
        return there
    row = NoticeFile(
        notice=notice,
        document_id=notice.document_id,
        appointment=by,
        format=kind,
        draft=notice.issued_at is None,
        requested_at=now,
    )
    session.add(row)
    session.flush()
    jobs.enqueue(session, JOB, f"notice-{row.id}", row.id)
    return row


def report_progress(row: NoticeFile, percent: int, message: str) -> None:
    """How far it is, for the waiting page. Nothing any more once the copy is ready."""
    if row.state is DossierState.READY:
        return
    row.state, row.percent, row.message = DossierState.RENDERING, percent, message


def finish(
    session: Session, row: NoticeFile, *, token: str, sha256: str, size: int, now: datetime
) -> bool:
    """The copy lies ready under `token`; its reader is told. False when another worker was
    quicker. The caller has locked the row."""
    if row.state is DossierState.READY:
        return False
    row.state, row.percent, row.message = DossierState.READY, 100, None
    row.token, row.sha256, row.size, row.finished_at = token, sha256, size, now
    _tell(session, EventName.NOTICE_PRINTED, row, now)
    return True


def fail(session: Session, row: NoticeFile, message: str, *, now: datetime) -> None:
    """It could not be made for now; `message` says in Chinese what may be done."""
    if row.state is DossierState.READY:
        return
    row.state, row.message, row.finished_at = DossierState.FAILED, message, now
    record(
        session,
        EventName.NOTICE_UNPRINTED,
        case=row.notice.case,
        now=now,
        notice=row.notice_id,
        format=row.format.value,
    )


def _tell(session: Session, name: EventName, row: NoticeFile, now: datetime) -> None:
    case, number = row.notice.case, row.notice.number or ""
    record(
        session,
        name,
        case=case,
        now=now,
        notice=row.notice_id,
        file=row.id,
        format=row.format.value,
        sha256=row.sha256,
    )
    reader = row.appointment.user_id
    about = {"notice": row.notice_id, "file": row.id}
    tell(session, name, reader, case=case, now=now, number=number, **about)


def record_download(session: Session, row: NoticeFile, *, by: Appointment, now: datetime) -> None:
    """Every download is an event with the hash of what was handed out."""
    record(
        session,
        EventName.NOTICE_DOWNLOADED,
        case=row.notice.case,
        by=by,
        now=now,
        notice=row.notice_id,
        number=row.notice.number or "",
        format=row.format.value,
        draft=row.draft,
        sha256=row.sha256,
    )

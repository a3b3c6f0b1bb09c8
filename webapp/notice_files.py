"""A notice as a file: ask for it, wait, download. The worker makes it; no request ever does."""

import hashlib
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from models import DossierState, Notice, NoticeFile, NoticeFormat
from webapp import db, stored
from webapp.access import current
from workflows import dossier
from workflows.actions import notice_files as files
from workflows.jobs import job
from workflows.letters import official_for
from workflows.permissions import visible_notices

log = logging.getLogger(__name__)
bp = Blueprint("notice_files", __name__, url_prefix="/notices")

_NO_NAME = re.compile(r'[\\/:*?"<>|\s]+')  # what file systems refuse


def folder() -> Path:
    return stored.folder("notices")


@bp.post("/<int:notice_id>/files/<code>")
def new(notice_id: int, code: str) -> ResponseReturnValue:
    """Ask for a copy of a notice one may read, or go to the one that is there."""
    if not current.may("notice:view") or code not in set(NoticeFormat):
        abort(404)
    notice = db.one_or_404(visible_notices(current.appointment).where(Notice.id == notice_id))
    kind = NoticeFormat(code)
    row = files.request_file(db.session, notice, kind, by=current.appointment, now=current.now)
    db.session.commit()
    return redirect(url_for("notice_files.show", file_id=row.id), 303)


@bp.get("/files/<int:file_id>")
def show(file_id: int) -> ResponseReturnValue:
    from webapp import pdf  # only the pages that print need it

    row = _mine(file_id)
    missing = pdf.missing() if row.format is NoticeFormat.PDF else None
    return render_template(
        "notices/file.html",
        row=row,
        waiting=_waiting(row),
        missing=missing,
        name=_name(row),
        taken_back=files.taken_back(row),
    )


@bp.get("/files/<int:file_id>/state")
def state(file_id: int) -> ResponseReturnValue:
    """What the waiting page asks every second."""
    row = _mine(file_id)
    return jsonify(
        state=row.state.value, percent=row.percent, message=row.message, waiting=_waiting(row)
    )


@bp.get("/files/<int:file_id>/file")
def download(file_id: int) -> ResponseReturnValue:
    from webapp import editable  # only who downloads needs it

    row = _mine(file_id)
    if row.state is not DossierState.READY or row.token is None:
        abort(404)
    if files.taken_back(row):  # its page says so, and offers one that does as well
        return redirect(url_for("notice_files.show", file_id=row.id), 303)
    path = folder() / f"{row.token}.{row.format.value}"
    if not path.is_file():
        flash("文件已不在，请联系系统管理员。", "warning")
        return redirect(url_for("notices.show", notice_id=row.notice_id), 303)
    with db.transaction() as session:
        files.record_download(
            session,
            session.get_one(NoticeFile, row.id),
            by=current.appointment,
            now=current.now,
        )
    kind = "application/pdf" if row.format is NoticeFormat.PDF else editable.MEDIA_TYPE
    return send_file(path, mimetype=kind, as_attachment=True, download_name=_name(row), max_age=0)


def _mine(file_id: int) -> NoticeFile:
    """The person's own copy of a notice still in sight; otherwise 404."""
    if not current.may("notice:view"):
        abort(404)
    row = db.one_or_404(files.visible_files(current.appointment).where(NoticeFile.id == file_id))
    db.one_or_404(visible_notices(current.appointment).where(Notice.id == row.notice_id))
    return row


def _waiting(row: NoticeFile) -> bool:
    return row.state not in files.ENDED


def _name(row: NoticeFile) -> str:
    """青禾县卫健委母婴通报〔2026〕1号 关于…的通报.pdf; a draft says that it is one."""
    by = current.appointment
    sheet = official_for(db.session, row.notice, row.document, row.draft, by=by)
    first = "草稿" if row.draft else row.notice.number or ""
    return f"{_plain(first)} {_plain(sheet.title)[:60]}.{row.format.value}"


def _plain(text: str) -> str:
    return "".join(char for char in _NO_NAME.sub("", text) if char.isprintable())


# The worker's part.


@job(files.JOB)
def render(file_id: int) -> None:
    """Read, render, keep. Idempotent: a finished copy is not made again."""
    from webapp.pdf.render import RenderError

    _tell(file_id, 10, "正在准备正文")
    try:
        with db.reading() as session:
            row = session.get_one(NoticeFile, file_id)
            if row.state is DossierState.READY:
                return
            by, document = row.appointment, row.document
            content = _made(row, official_for(session, row.notice, document, row.draft, by=by))
            suffix = f".{row.format.value}"
        _tell(file_id, 90, "正在保存")
        _keep(file_id, suffix, content)
    except RenderError:
        log.exception("notice file %d", file_id)
        _change(file_id, _failed)
        raise


def _made(row: NoticeFile, sheet: dossier.Official) -> bytes:
    from webapp import editable
    from webapp.pdf.sheet import build_sheet

    held = row.appointment
    if row.format is NoticeFormat.DOCX:
        return editable.docx_of(sheet, title=sheet.title, made_at=row.requested_at)
    return build_sheet(
        dossier.Section("notice", sheet.title, [sheet]),
        number=sheet.number,
        reader=dossier.Reader(held.user.name, held.organisation.short_name),
        produced_at=row.requested_at,
        for_seal=held.organisation_id == row.notice.organisation_id,
    )


def _tell(file_id: int, percent: int, message: str) -> None:
    _change(file_id, lambda _session, row: files.report_progress(row, percent, message))


def _failed(session: Session, row: NoticeFile) -> None:
    words = "排版没有完成，系统会再试；仍不行时联系系统管理员。"
    files.fail(session, row, words, now=datetime.now(UTC))


def _change(file_id: int, act: Callable[[Session, NoticeFile], None]) -> None:
    with db.transaction() as session:
        act(session, session.get_one(NoticeFile, file_id, with_for_update=True))


def _keep(file_id: int, suffix: str, content: bytes) -> None:
    """File first, row second. Who comes second takes his away."""
    token = stored.keep(folder(), suffix, content)
    with db.transaction() as session:
        kept = files.finish(
            session,
            session.get_one(NoticeFile, file_id, with_for_update=True),
            token=token,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            now=datetime.now(UTC),
        )
    if not kept:
        (folder() / f"{token}{suffix}").unlink()
        log.warning("notice file %d was ready before", file_id)

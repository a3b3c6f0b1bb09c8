"""Copies for reviewers: made when first needed, made anew when more is known of the case.

The edge between the bytes and their row: reads the file, has it cleaned, lays the copy beside it
under a random name, commits.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from models import Attachment, BlindCopy, Case
from webapp import db
from webapp.access import current
from workflows.actions import attachments, copies
from workflows.readers import Reader
from workflows.veil import Veil

log = logging.getLogger(__name__)

ENDS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


@dataclass(frozen=True, slots=True)
class Material:
    """One file as a blind reader meets it: no name but its number."""

    file: Attachment
    copy: BlindCopy
    name: str


def folder() -> Path:
    """Where uploaded bytes and their copies lie."""
    return Path(current_app.config["VAR"]) / "files"


def materials(reader: Reader, files: Sequence[Attachment]) -> dict[int, Material]:
    """What this blind reader has of the case's files, by their id; copies are made where none is.
    A file whose bytes are gone is left out."""
    found = {}
    for number, file in enumerate(files, 1):
        if (copy := copy_of(file, reader.case)) is not None:
            found[file.id] = Material(file, copy, f"材料{number}.{ENDS[file.media_type]}")
    return found


def prepare(case_id: int) -> None:
    """Make the copies of what reviewers will read, as a panel is appointed and has been committed.

    What fails is made when it is asked for. Copies are written beside the request's own session,
    which must not be in their way: from here on it only reads.
    """
    try:
        db.write_nothing()
        case = db.session.get_one(Case, case_id)
        for file in Reader(db.session, case, current.appointment).for_reviewers():
            copy_of(file, case)
    except Exception:
        log.exception("copies of case %d are not ready", case_id)
        db.give_up()


def copy_of(file: Attachment, case: Case) -> BlindCopy | None:
    """The file's copy, up to what is known of the case now; None if its bytes are gone."""
    veil = copies.veil_for(db.session, file, case)
    looked_for = copies.digest(file, veil)
    there = copies.find(db.session, file)
    if there is not None and there.looked_for == looked_for:
        return there
    path = folder() / file.token
    return _made(file, veil, looked_for, path.read_bytes()) if path.is_file() else None


def _made(file: Attachment, veil: Veil, looked_for: str, content: bytes) -> BlindCopy:
    from webapp.pdf.copies import Copy, Uncleanable, clean  # slow to import, seldom needed

    token: str | None = secrets.token_urlsafe(32)
    try:
        copy = clean(content, file.media_type, veil)
    except Uncleanable:
        log.warning("attachment %d cannot be cleaned", file.id, exc_info=True)
        copy, token = Copy(b""), None
    if token is not None:
        attachments.write(folder(), token, copy.content)
    with db.transaction() as session:
        before = copies.find(session, file)
        old = before.token if before is not None else None
        kept = copies.keep(
            session,
            session.get_one(Attachment, file.id),
            looked_for,
            token=token,
            size=len(copy.content),
            masked=copy.masked,
            unread=copy.unread,
            now=current.now,
        )
        session.refresh(kept)
        session.expunge(kept)  # read on after the commit
    if old is not None:
        attachments.erase(folder(), old)
    return kept

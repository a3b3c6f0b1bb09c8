"""Blind copies: what reviewers get instead of a file, kept on record; the secretary is told what
was masked, what nobody could read, what is withheld. Knows no bytes."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Attachment, BlindCopy, Case, Conclusion, Notification, Panel
from workflows import identity, kinds
from workflows.events import EventName, record
from workflows.forms.load import base_name
from workflows.notifications import tell
from workflows.readers import OF_THE_FILE
from workflows.veil import Secret, Veil

MAKING = "1"  # another number when copies are made in another way: all are made anew
UNCLEANABLE = "uncleanable"  # nobody can say what it holds


def veil_for(session: Session, file: Attachment, case: Case) -> Veil:
    """What must not be met in the copy. What the panel itself wrote keeps its days."""
    of_the_file = base_name(file.form or "") in OF_THE_FILE
    words = identity.words(session, case)
    moment, word = kinds.anchor(case)
    return Veil(words, moment if of_the_file else None, word)


def digest(file: Attachment, veil: Veil) -> str:
    """Says what a copy was made of and what was looked for in it."""
    told = sorted(f"{secret}:{word}" for word, secret in veil.words.items())
    parts = [MAKING, file.sha256, str(veil.death), *told]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def find(session: Session, file: Attachment) -> BlindCopy | None:
    """The copy there is, whatever it was made of."""
    return session.scalars(
        select(BlindCopy).where(BlindCopy.attachment_id == file.id)
    ).one_or_none()


def keep(
    session: Session,
    file: Attachment,
    looked_for: str,
    *,
    token: str | None,
    size: int,
    masked: Mapping[tuple[int, Secret], int],
    unread: list[int],
    now: datetime,
) -> BlindCopy:
    """Record a copy just made in place of an earlier one. `token` None: it is withheld."""
    copy = find(session, file)
    if copy is None:
        copy = BlindCopy(attachment_id=file.id)
        session.add(copy)
    copy.token, copy.size, copy.media_type = token, size, file.media_type
    copy.looked_for, copy.made_at = looked_for, now
    copy.masked = [[page, secret.value, many] for (page, secret), many in sorted(masked.items())]
    copy.unread, copy.withheld = unread, None if token else UNCLEANABLE
    session.flush()
    _tell(session, file, copy, now)
    return copy


def _tell(session: Session, file: Attachment, copy: BlindCopy, now: datetime) -> None:
    """Whoever serves a panel that has not concluded learns what a person must look at."""
    if copy.token is not None and not copy.masked and not copy.unread:
        return
    name = EventName.COPY_MASKED if copy.token else EventName.COPY_WITHHELD
    case = session.get_one(Case, file.case_id)
    signed = select(Conclusion.panel_id).where(Conclusion.case_id == case.id)
    panels = session.scalars(
        select(Panel).where(Panel.case_id == case.id, Panel.id.not_in(signed))
    ).all()
    for panel in panels:
        if not _has_yet_to_read(session, name, panel.secretary_id, case):
            tell(session, name, panel.secretary_id, case=case, now=now, files=True)
    record(session, name, case=case, now=now, attachment=file.id)


def _has_yet_to_read(session: Session, name: EventName, user_id: int, case: Case) -> bool:
    """Whether that line already waits: it leads to all files of the case, each need not say so."""
    line = select(Notification.id).where(
        Notification.user_id == user_id,
        Notification.read_at.is_(None),
        Notification.case_id == case.id,
        Notification.name == name,
    )
    return session.scalars(line.limit(1)).first() is not None

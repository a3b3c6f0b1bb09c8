"""Drafts: what a person has typed into an open step, kept as typed, readable or not.

A draft belongs to one person and one place ("task:17", "report"). Passwords must not get here: the
caller leaves them out. Knows no form and no page.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Appointment, Draft

LONGEST = 1_500_000  # characters of names and values together; the largest honest form has 200,000

Pairs = Sequence[tuple[str, str]]

_draft = cast(Table, Draft.__table__)
_DROP = delete(_draft).where(
    _draft.c.user_id == bindparam("user"), _draft.c.place == bindparam("at")
)


class DraftTooLong(ValueError):
    """More text than any form asks for."""


def save_draft(
    session: Session, place: str, typed: Pairs, percent: int, *, by: Appointment, now: datetime
) -> Draft:
    """Keep what is typed now in place of what was kept before. `percent` is 0–100. DraftTooLong."""
    if sum(len(name) + len(value) for name, value in typed) > LONGEST:
        raise DraftTooLong(place)
    draft = find_draft(session, place, by=by) or _new_draft(session, place, by, now)
    draft.answers = {"typed": [[name, value] for name, value in typed]}
    draft.percent = min(max(percent, 0), 100)
    draft.saved_at = now
    return draft


def _new_draft(session: Session, place: str, by: Appointment, now: datetime) -> Draft:
    draft = Draft(user_id=by.user_id, place=place, answers={}, percent=0, saved_at=now)
    try:
        with session.begin_nested():
            session.add(draft)
    except IntegrityError:  # a second window of the same person was quicker
        found = find_draft(session, place, by=by)
        if found is None:
            raise
        return found
    return draft


def find_draft(session: Session, place: str, *, by: Appointment) -> Draft | None:
    """One's own draft of a place."""
    return session.scalars(
        select(Draft).where(Draft.user_id == by.user_id, Draft.place == place)
    ).one_or_none()


def typed_in(draft: Draft) -> list[tuple[str, str]]:
    """Names and values as they were typed, in order."""
    return [(str(name), str(value)) for name, value in draft.answers.get("typed", [])]


def drop_draft(session: Session, place: str, *, by: Appointment) -> None:
    """Forget one's own draft of a place, if there is one."""
    session.connection().execute(_DROP, {"user": by.user_id, "at": place})

"""Signing in and out, passwords, and the appointment one acts under.

An unknown name and a wrong password get the same answer after the same work; five wrong ones lock
the account for a while. Knows no cookie: the web keeps the token, the row keeps its hash.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache
from threading import BoundedSemaphore
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Appointment, User, UserSession
from workflows.events import EventName, record

ATTEMPTS = 5
LOCKED_FOR = timedelta(minutes=15)
LONGEST_PASSWORD = 128
SHORTEST_PASSWORD = 12
COMMON_WORDS = ("password", "123456", "qwerty", "abc123", "admin", "yili", "yiyuan", "fuyou")

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # about 26 ms
_at_once = BoundedSemaphore(2)  # signing in must not be a way to use up memory and processors


class WeakPassword(Exception):
    """The message says what to do."""


def hash_password(password: str) -> str:
    """The argon2id hash to keep."""
    with _at_once:
        return _hasher.hash(password)


@cache
def _hash_of_nobody() -> str:
    return hash_password(secrets.token_urlsafe(32))


def _matches(kept: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        password = ""  # no hashing of megabytes; the work stays the same
    try:
        with _at_once:
            return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def verify_password(user: User, password: str) -> bool:
    """Whether this is the person's password; for signatures. Counts nothing."""
    return _matches(user.password_hash, password)


def sign_in(
    session: Session, username: str, password: str, *, now: datetime, address: str | None
) -> User | None:
    """The person, or None when the name is unknown, the password wrong, or the account locked.

    The caller commits in both cases: a failure counts and leaves an event.
    """
    user = session.scalars(select(User).where(User.username == username)).one_or_none()
    right = _matches(user.password_hash if user else _hash_of_nobody(), password)
    if user is None or not user.active:
        _refused(session, user, now, address, "unknown")
        return None
    if user.locked_until is not None and now < user.locked_until:
        _refused(session, user, now, address, "locked")
        return None
    if not right:
        _count_failure(session, user, now, address)
        return None
    user.failed_signins, user.locked_until = 0, None
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = hash_password(password)
    return user


def _count_failure(session: Session, user: User, now: datetime, address: str | None) -> None:
    user.failed_signins += 1
    _refused(session, user, now, address, "password")
    if user.failed_signins >= ATTEMPTS:
        user.failed_signins, user.locked_until = 0, now + LOCKED_FOR
        _note(session, EventName.ACCOUNT_LOCKED, user, now, address=address)


def open_session(
    session: Session, user: User, *, now: datetime, address: str | None
) -> tuple[UserSession, str]:
    """A new signed-in browser: its row and the random token (256 bits) for its cookie.

    Acts under the only appointment of today, or the one used last, or has yet to choose.
    """
    token = secrets.token_urlsafe(32)
    row = UserSession(
        token_hash=token_hash(token),
        user=user,
        appointment=_first_appointment(session, user, now),
        created_at=now,
        seen_at=now,
        address=address,
    )
    session.add(row)
    _note(session, EventName.SESSION_STARTED, user, now, row.appointment, address=address)
    return row, token


def _first_appointment(session: Session, user: User, now: datetime) -> Appointment | None:
    valid = valid_appointments(user, now)
    own = [held for held in valid if held.stands_for_id is None]
    if len(own) == 1:  # in somebody's place one acts by choice
        return own[0]
    last = session.scalars(
        select(UserSession)
        .where(UserSession.user_id == user.id, UserSession.appointment_id.is_not(None))
        .order_by(UserSession.id.desc())
        .limit(1)
    ).one_or_none()
    return last.appointment if last and last.appointment in valid else None


def token_hash(token: str) -> str:
    """What the row keeps of a cookie's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def valid_appointments(user: User, now: datetime) -> list[Appointment]:
    """The appointments one may act under at this moment (by the day in China)."""
    today = (now + timedelta(hours=8)).date()
    return [held for held in user.appointments if held.valid_on(today)]


def choose_appointment(row: UserSession, appointment: Appointment, *, now: datetime) -> None:
    """Act under another of one's own appointments from now on. ValueError if it is none of them.

    Leaves no event: every event names the appointment it was done under.
    """
    if appointment not in valid_appointments(row.user, now):
        raise ValueError("not an appointment of this person today")
    row.appointment = appointment


def sign_out(session: Session, row: UserSession, *, now: datetime) -> None:
    """End this browser's session for good."""
    row.ended_at = now
    _note(session, EventName.SESSION_ENDED, row.user, now, row.appointment)


def change_password(
    session: Session, user: User, new: str, *, keep: UserSession | None, now: datetime
) -> None:
    """Set a new password and end all other sessions of this person. WeakPassword when too weak."""
    check_strength(user, new)
    user.password_hash, user.must_change_password = hash_password(new), False
    others = update(UserSession).where(
        UserSession.user_id == user.id, UserSession.ended_at.is_(None)
    )
    if keep is not None:
        others = others.where(UserSession.id != keep.id)
    session.execute(others.values(ended_at=now))
    _note(session, EventName.PASSWORD_CHANGED, user, now, keep.appointment if keep else None)


def check_strength(user: User, password: str) -> None:
    """GB/T 22239 8.1.4.1 a): long, of mixed kinds, and not guessable. WeakPassword otherwise."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(f"新密码至少 {SHORTEST_PASSWORD} 位，至多 {LONGEST_PASSWORD} 位")
    kinds = (str.islower, str.isupper, str.isdigit, lambda sign: not sign.isalnum())
    if sum(any(kind(sign) for sign in password) for kind in kinds) < 3:
        raise WeakPassword("新密码要用到大写字母、小写字母、数字、符号中的至少三种")
    lowered = password.lower()
    if any(word in lowered for word in (*COMMON_WORDS, user.username.lower())):
        raise WeakPassword("新密码里不要有用户名或常见的词，换一个别人猜不到的")
    if _matches(user.password_hash, password):
        raise WeakPassword("新密码不能与现在的相同")


def _note(
    session: Session,
    name: EventName,
    user: User,
    now: datetime,
    by: Appointment | None = None,
    **data: Any,
) -> None:
    record(session, name, now=now, by=by or user, **data)


def _refused(
    session: Session, user: User | None, now: datetime, address: str | None, cause: str
) -> None:
    """The name typed is not kept: people type passwords into the wrong field."""
    record(session, EventName.SESSION_REFUSED, now=now, by=user, address=address, cause=cause)

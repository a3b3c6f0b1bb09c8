"""Who asks, under which appointment, and at what moment. Default deny.

Every view is refused to strangers unless it is decorated `@public`; every view is refused to those
who act under no appointment unless it is decorated `@unappointed`. The cookie holds a random token
inside Flask's signed session, `models.UserSession` holds its hash: ending the row ends the sign-in,
whatever the browser still sends. Knows no case and no form.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, jsonify, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import contains_eager

from models import Appointment, User, UserSession
from webapp import db, kept, outages
from webapp.words import local
from workflows import names, permissions
from workflows.actions import users

View = TypeVar("View", bound=Callable[..., Any])

# All that somebody may do before he has replaced a password that an administrator set
WITH_ONE_TIME_PASSWORD = frozenset({"auth.password", "auth.change_password", "auth.sign_out"})
# Whatever the database does, these answer
ASKING_NOTHING = frozenset({"static", "health.alive", "health.ready"})
SEEN_EVERY = timedelta(minutes=1)  # how often `seen_at` is written; a row per click would be waste


# Asked at every request: made once, and all that says who it is in one query
_ALIVE = (
    select(UserSession.id, UserSession.seen_at, UserSession.created_at)
    .join(UserSession.user)
    .where(UserSession.token_hash == bindparam("hash"), UserSession.ended_at.is_(None), User.active)
)
_WHO = (
    select(UserSession)
    .join(UserSession.user)
    .where(UserSession.token_hash == bindparam("hash"), UserSession.ended_at.is_(None), User.active)
    .options(
        contains_eager(UserSession.user)
        .joinedload(User.appointments)
        .joinedload(Appointment.organisation)
    )
)


def public(view: View) -> View:
    """Open to strangers. The list of such views is asserted in tests/test_access.py."""
    cast(Any, view).is_public = True
    return view


def unappointed(view: View) -> View:
    """Open to a signed-in person who has not chosen an appointment (or has none)."""
    cast(Any, view).is_unappointed = True
    return view


class SignedIn:
    """What Flask-Login holds: one browser's session, named by its token, never by the user's id."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, token: str, row: UserSession) -> None:
        self.token = token
        self.row = row

    def get_id(self) -> str:
        return self.token


class Current:
    """Who asks. Read it in views only, and pass on what it says."""

    @property
    def _who(self) -> SignedIn | None:
        """Asked some hundred times for one page, so kept for the request."""
        held = g._get_current_object()  # the proxy asks for the request at every attribute
        try:
            return cast(SignedIn | None, held.who)
        except AttributeError:
            held.who = current_user._get_current_object() if current_user.is_authenticated else None
            return cast(SignedIn | None, held.who)

    @property
    def signed_in(self) -> bool:
        return self._who is not None

    @property
    def session(self) -> UserSession:
        """This browser's row. 401 for strangers."""
        if (who := self._who) is None:
            abort(401)
        return who.row

    @property
    def user(self) -> User:
        return self.session.user

    @property
    def appointments(self) -> list[Appointment]:
        """All appointments one could act under now."""
        return users.valid_appointments(self.user, self.now)

    @property
    def may_act(self) -> bool:
        """Asked some hundred times for one page, so a yes is kept for the request."""
        who = self._who
        if who is None:
            return False
        chosen = who.row.appointment_id
        held = g._get_current_object()
        if chosen is None or held.get("acts_under") != chosen:
            if who.row.appointment not in self.appointments:
                return False
            held.acts_under = chosen
        return True

    @property
    def appointment(self) -> Appointment:
        """The appointment acted under: what actions take as `by`."""
        if not self.may_act:
            abort(403)
        return cast(Appointment, self.session.appointment)

    @property
    def today(self) -> date:
        """The day in China."""
        return local(self.now).date()

    @property
    def name(self) -> str:
        """As records name the person now: 温雨水, or 温雨水 代 周谷雨."""
        return names.acting(self.appointment)

    @property
    def now(self) -> datetime:
        """The request's moment, the same for all it does."""
        if "now" not in g:
            g.now = datetime.now(UTC)
        return cast(datetime, g.now)

    def may(self, permission: str) -> bool:
        return self.may_act and permissions.may(self.appointment, permission)


current = Current()


def init_app(app: Flask) -> None:
    manager = LoginManager(app, add_context_processor=False)  # pages of errors ask no database
    manager.session_protection = None  # the row decides, not the browser's name
    manager.user_loader(_load)
    app.before_request(_refuse_strangers)


def _load(token: str) -> SignedIn | None:
    """Whose living session the token is; notes now and then that it was seen.

    That is noted in a transaction of its own, so that it does not depend on how the request ends:
    before the request's own begins, where that lets nobody else write.
    """
    given = {"hash": users.token_hash(token)}
    first = db.takes_the_lock()
    if first:
        with db.reading() as session:
            living = session.execute(_ALIVE, given).one_or_none()
        if living is None or not _alive(living.seen_at, living.created_at):
            return None
        _note_seen(living.id, living.seen_at)
    row = db.session.scalars(_WHO, given).unique().one_or_none()
    if row is None or not _alive(row.seen_at, row.created_at):
        return None
    if not first:
        _note_seen(row.id, row.seen_at)
    return SignedIn(token, row)


def _note_seen(key: int, before: datetime) -> None:
    """Who only reads is not held up, or refused, because this cannot be written just now."""
    if current.now - before < SEEN_EVERY:
        return
    seen = update(UserSession).where(UserSession.id == key).values(seen_at=current.now)
    try:
        with db.transaction(waits=False) as session:
            session.execute(seen)
    except OperationalError as error:
        current_app.logger.warning("a sign-in was not noted as seen: %s", outages.described(error))


def _alive(seen_at: datetime, created_at: datetime) -> bool:
    config, now = current_app.config, current.now
    return bool(now - seen_at <= config["IDLE"]) and bool(now - created_at <= config["ABSOLUTE"])


def _refuse_strangers() -> ResponseReturnValue | None:
    if request.endpoint in ASKING_NOTHING:
        return None
    signed_in = current.signed_in  # asked first, before the request's own transaction begins
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "is_public", False):
        return None
    if not signed_in:
        return _ask_to_sign_in()
    if current.user.must_change_password and request.endpoint not in WITH_ONE_TIME_PASSWORD:
        return redirect(url_for("auth.password"), 303)
    if not current.may_act and not getattr(view, "is_unappointed", False):
        asked = kept.here() if request.method == "GET" else None
        return redirect(url_for("auth.appointments", next=asked), 303)
    return None


def _ask_to_sign_in() -> ResponseReturnValue:
    if request.accept_mimetypes.best == "application/json":
        return jsonify(error="signed_out", message="登录已失效，重新登录后继续"), 401
    if request.method == "POST":
        return kept.sign_in_again()
    asked = kept.here() if request.path != "/" else None
    return redirect(url_for("auth.sign_in", next=asked), 303)


def begin(row: UserSession, token: str) -> None:
    """Give the browser its new token; nothing it sent before counts any more."""
    cookie.clear()
    login_user(SignedIn(token, row))
    g.pop("who", None)


def end() -> None:
    """Forget the browser. The row was ended by the action."""
    logout_user()
    g.pop("who", None)
    cookie.clear()

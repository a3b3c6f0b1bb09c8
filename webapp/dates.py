"""Moments on a page, as whoever asks may know them: by the calendar, or by the death.

A reviewer's pages of a case tell no day of what was before the review: `tell_by` says so once for a
request, and the filters of the templates then say 死亡前 9 小时. From the convening of the panel on
the calendar holds again, for reviewers live in it: the two ways of telling never meet, so that
neither gives the other away. No limit is counted down, since that would tell when it began.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple

from flask import g
from sqlalchemy import func, select

from models import Case, Panel
from webapp import db, words
from webapp.access import current
from workflows import kinds
from workflows.readers import dayless
from workflows.veil import relative, relative_day


class Anchor(NamedTuple):
    """What is before `until` is told by `death`, or by what else `word` says has happened."""

    death: datetime
    until: datetime
    word: str


def tell_by(case: Case) -> None:
    """This page is about the case: whoever may not know its days is told them by the death."""
    if current.may_act and dayless(current.appointment):
        first = select(func.min(Panel.convened_at)).where(Panel.case_id == case.id)
        until = db.session.scalar(first) or current.now
        moment, word = kinds.anchor(case)
        g.anchor = Anchor(moment, until, word)


def are_hidden() -> bool:
    """Whether this page tells no day of what was before the review."""
    return "anchor" in g


def are_kept_from_me() -> bool:
    """Whether lists of several cases leave the day of death out."""
    return current.may_act and dayless(current.appointment)


def hides(at: datetime) -> bool:
    """Whether this moment is told by the death on this page."""
    return are_hidden() and at < g.anchor.until


def _told(at: datetime) -> str:
    return relative(at, g.anchor.death, g.anchor.word)


def by_death(at: datetime) -> str:
    """A limit that may count from the death, on a page without days; else as `when`."""
    return _told(at) if are_hidden() else words.when(at, current.now)


def when(at: datetime) -> str:
    """See `words.when`."""
    return _told(at) if hides(at) else words.when(at, current.now)


def countdown(due: datetime) -> str:
    """See `words.countdown`; without days, only whether the moment has passed."""
    if are_hidden():
        return "已超时" if due <= current.now else "未到期"
    return words.countdown(due, current.now)


def _day(at: date, otherwise: Callable[[date], str]) -> str:
    if are_hidden() and at < words.local(g.anchor.until).date():
        return relative_day(at, g.anchor.death, g.anchor.word)
    return otherwise(at)


def filters() -> dict[str, Callable[..., Any]]:
    """The filters of `words`, for pages that may have to be without days."""
    plain = words.filters(lambda: current.now)
    return {
        **plain,
        "when": when,
        "by_death": by_death,
        "countdown": countdown,
        "clock": lambda at: f"{words.local(at):%H:%M}",
        "full": lambda at: when(at) if hides(at) else plain["full"](at),
        "day": lambda at: _day(at, plain["day"]),
        "full_date": lambda at: _day(at, plain["full_date"]),
    }

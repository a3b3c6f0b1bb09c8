"""Days and moments as forms write them: Asia/Shanghai, to the minute."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:00)?([+-]\d\d:\d\d|Z)")


def moment(text: str) -> datetime:
    """ "2026-11-21T03:40+08:00" → aware datetime in Asia/Shanghai. Raises ValueError."""
    if not MOMENT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).astimezone(SHANGHAI)


def day(text: str) -> date:
    """ "2026-11-21" → date. Raises ValueError."""
    if len(text) != 10:
        raise ValueError(text)
    return date.fromisoformat(text)


def moment_in(answers: Mapping[str, Any], name: str) -> datetime | None:
    """The moment that an answer holds, if it is answered."""
    value = answers.get(name)
    return moment(value) if value else None


def day_in(answers: Mapping[str, Any], name: str) -> date | None:
    """The day that an answer holds, if it is answered."""
    value = answers.get(name)
    return day(value) if value else None


def written(at: datetime) -> str:
    """How an answer holds a moment."""
    return at.astimezone(SHANGHAI).isoformat(timespec="minutes")


def shown(at: datetime) -> str:
    """How a person reads a moment: 2026-11-21 03:40."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def card_hour(at: datetime) -> datetime:
    """The hour that the paper death card shows: half an hour and more rounds up, and 23:30 becomes
    0 o'clock of the next day. For printing only; the record keeps the minute."""
    local = at.astimezone(SHANGHAI)
    return (local + timedelta(minutes=30)).replace(minute=0, second=0, microsecond=0)

"""Times as people read them, in Asia/Shanghai. Pure: `now` is always passed.

The Jinja filters at the end add the request's own time.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE, HOUR, DAY = 60, 3600, 86400
NEAR_DAYS = {-1: "昨天", 0: "今天", 1: "明天"}
WEEKDAYS = "一二三四五六日"


def local(at: datetime) -> datetime:
    """The moment on a clock in China. ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a naive datetime is no moment; give it a time zone")
    return at.astimezone(SHANGHAI)


def when(at: datetime, now: datetime) -> str:
    """今天 14:05 · 昨天 09:30 · 11-20 09:30 · 2025-11-20 09:30."""
    there, here = local(at), local(now)
    return f"{day(there.date(), here.date())} {there:%H:%M}"


def day(at: date, today: date) -> str:
    """今天 · 昨天 · 11-20 · 2025-11-20."""
    near = NEAR_DAYS.get((at - today).days)
    return near or (f"{at:%m-%d}" if at.year == today.year else f"{at:%Y-%m-%d}")


def full(at: datetime) -> str:
    """2026年11月21日 03:40, for paper and for hovering."""
    there = local(at)
    return f"{full_date(there.date())} {there:%H:%M}"


def full_date(at: date) -> str:
    """2026年11月21日."""
    return f"{at.year}年{at.month}月{at.day}日"


def span(seconds: float) -> str:
    """45 分 · 6 小时 10 分 · 4 天: minutes under one hour, days beyond three."""
    seconds = abs(int(seconds))
    if seconds < MINUTE:
        return "不到 1 分"
    if seconds < HOUR:
        return f"{seconds // MINUTE} 分"
    if seconds > 3 * DAY:
        return f"{seconds // DAY} 天"
    hours, minutes = seconds // HOUR, seconds % HOUR // MINUTE
    return f"{hours} 小时 {minutes} 分" if minutes else f"{hours} 小时"


def countdown(due: datetime, now: datetime) -> str:
    """还剩 3 小时 20 分 · 超时 6 小时 10 分."""
    left = (due - now).total_seconds()
    return f"还剩 {span(left)}" if left > 0 else f"超时 {span(left)}"


def lateness(seconds: float) -> str:
    """What a clock that was met says: 按时 · 超时 6 小时 10 分."""
    return f"超时 {span(seconds)}" if seconds > 0 else "按时"


def tone_of_due(due: datetime, now: datetime) -> str:
    """late when past, due within 24 hours, still before: the colour that goes with a countdown."""
    left = due - now
    if left <= timedelta(0):
        return "late"
    return "due" if left <= timedelta(hours=24) else "still"


def filters(now: Callable[[], datetime]) -> dict[str, Callable[..., str]]:
    """`when`, `day`, `full`, `full_date`, `countdown`, `tone_of_due`, `iso`, `span`, `lateness`."""
    return {
        "when": lambda at: when(at, now()),
        "day": lambda at: day(at, local(now()).date()),
        "full": full,
        "full_date": full_date,
        "countdown": lambda due: countdown(due, now()),
        "tone_of_due": lambda due: tone_of_due(due, now()),
        "iso": lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "span": span,
        "lateness": lateness,
    }

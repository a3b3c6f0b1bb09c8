"""Times and codes as people read them."""

import json
import subprocess
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from shutil import which

import pytest

import models
from webapp import labels, words
from workflows.events import EventName

NOW = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)  # 14:05 in China
YILI_JS = Path(words.__file__).parent / "static/js/yili.js"


@pytest.mark.parametrize(
    ("at", "read"),
    [
        (datetime(2026, 11, 22, 6, 5, tzinfo=UTC), "今天 14:05"),
        (datetime(2026, 11, 21, 16, 0, tzinfo=UTC), "今天 00:00"),
        (datetime(2026, 11, 21, 15, 59, tzinfo=UTC), "昨天 23:59"),
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "明天 00:00"),
        (datetime(2026, 11, 20, 1, 30, tzinfo=UTC), "11-20 09:30"),
        (datetime(2025, 12, 31, 15, 59, tzinfo=UTC), "2025-12-31 23:59"),
        (datetime(2025, 12, 31, 16, 0, tzinfo=UTC), "01-01 00:00"),
    ],
)
def test_moments(at: datetime, read: str) -> None:
    assert words.when(at, NOW) == read


def test_full_dates() -> None:
    assert words.full(datetime(2026, 11, 20, 19, 40, tzinfo=UTC)) == "2026年11月21日 03:40"
    assert words.full_date(date(2026, 1, 2)) == "2026年1月2日"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        words.when(datetime(2026, 11, 22), NOW)  # noqa: DTZ001 (that is the point)


SPANS = [
    (0, "不到 1 分"),
    (59, "不到 1 分"),
    (60, "1 分"),
    (45 * 60 + 59, "45 分"),
    (3599, "59 分"),
    (3600, "1 小时"),
    (3 * 3600 + 20 * 60, "3 小时 20 分"),
    (6 * 3600 + 10 * 60 + 59, "6 小时 10 分"),
    (53 * 3600, "53 小时"),
    (72 * 3600, "72 小时"),
    (72 * 3600 + 1, "3 天"),
    (96 * 3600 - 1, "3 天"),
    (96 * 3600, "4 天"),
]


@pytest.mark.parametrize(("seconds", "read"), SPANS)
def test_spans(seconds: int, read: str) -> None:
    assert words.span(seconds) == read
    assert words.span(-seconds) == read


@pytest.mark.parametrize(
    ("left", "read", "tone"),
    [
        (timedelta(hours=3, minutes=20), "还剩 3 小时 20 分", "due"),
        (timedelta(hours=24), "还剩 24 小时", "due"),
        (timedelta(hours=24, seconds=1), "还剩 24 小时", "still"),
        (timedelta(0), "超时 不到 1 分", "late"),
        (-timedelta(hours=6, minutes=10), "超时 6 小时 10 分", "late"),
    ],
)
def test_countdowns(left: timedelta, read: str, tone: str) -> None:
    assert words.countdown(NOW + left, NOW) == read
    assert words.tone_of_due(NOW + left, NOW) == tone


def test_lateness() -> None:
    assert words.lateness(0) == "按时"
    assert words.lateness(3700) == "超时 1 小时 1 分"


@pytest.mark.skipif(which("node") is None, reason="needs node")
def test_the_browser_counts_in_the_same_words() -> None:
    source = YILI_JS.read_text("utf-8")
    start = source.index("  const MINUTE")
    functions = source[start : source.index("  // The server's clock")]
    seconds = [pair[0] for pair in SPANS]
    script = f"{functions}; console.log(JSON.stringify({seconds}.map(span)))"
    script += "; console.log(JSON.stringify([0, 86400, 86401].map(tone)))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    spans, tones = done.stdout.splitlines()
    assert json.loads(spans) == [pair[1] for pair in SPANS]
    assert json.loads(tones) == ["late", "due", "still"]


ENUMS = [
    kind
    for kind in (*vars(models).values(), EventName)
    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not models.DataClass
]


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_every_code_has_a_label(kind: type[StrEnum]) -> None:
    assert {member: bool(labels.label(member)) for member in kind} == dict.fromkeys(kind, True)
    assert len({labels.label(member) for member in kind}) == len(kind)


def test_tones_are_those_of_the_style_sheet() -> None:
    assert set(labels.TONES.values()) <= {"done", "due", "late", "active", "still"}

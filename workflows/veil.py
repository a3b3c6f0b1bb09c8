"""What may not be said to a reader who is not to know who she was: found in text, and taken out.

Pure: told which words identify the case and when the death was. Words are found whatever their
width and however spaced; days of the calendar become days before or after the death. The time of
day stays: it matters clinically (a night, the minutes between two steps) and tells nobody apart.
Knows no form, no row, no file.
"""

import enum
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from workflows.forms.moment import SHANGHAI

HIDDEN = "［已隐去］"
DEATH = "死亡"
NEAR_DAYS = 400  # beyond, a day is told by the year: early histories
_HOURS = 72  # within, a moment is told to the minute
_LONG_NUMBER = 9  # digits; such do not occur by chance
_AHEAD = 60  # days after the death that a day without its year may still mean

_DAYS = re.compile(
    r"(?<!\d)(?P<y1>(?:19|20)\d\d)\s*[-/.年]\s*(?P<m1>\d{1,2})\s*[-/.月]\s*(?P<d1>\d{1,2})"
    r"(?!\d)(?:\s*[日号])?"
    r"|(?<!\d)(?P<y2>(?:19|20)\d\d)(?P<m2>0[1-9]|1[0-2])(?P<d2>0[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?P<m3>\d{1,2})\s*月\s*(?P<d3>\d{1,2})\s*[日号]"
    r"|(?<![\d.])(?P<m4>\d{1,2})[-/.](?P<d4>\d{1,2})(?=\s+\d{1,2}\s*[:点时])"
    r"|(?<![\d后第前])(?P<d5>\d{1,2})\s*[日号](?=\s*(?:\d{1,2}\s*[:点时]|凌晨|[上中下]午|[早晚夜]))"
)


class Secret(enum.StrEnum):
    """What kind of thing would tell who she was."""

    NAME = "name"  # hers and her family's
    NUMBER = "number"  # of documents, of the hospital's record
    PHONE = "phone"
    PLACE = "place"  # where she lived
    UNIT = "unit"  # who treated her
    STAFF = "staff"  # the people there
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Found:
    """Something that tells, from `start` to before `end`. `instead`: what may be said."""

    start: int
    end: int
    secret: Secret
    instead: str


@dataclass(frozen=True)
class Veil:
    """`words`: what identifies the case, with its kind. `death`: the moment others are told by;
    None for a reader who may know days. `word`: what happened then, 死亡 unless the case is of
    another kind."""

    words: Mapping[str, Secret]
    death: datetime | None = None
    word: str = DEATH

    def scrub(self, text: str) -> str:
        """The text with what tells taken out."""
        said, at = [], 0
        for found in self.find(text):
            said += [text[at : found.start], found.instead]
            at = found.end
        return "".join(said) + text[at:] if at else text

    def find(self, text: str) -> list[Found]:
        """What tells, in order, nothing twice; of what overlaps, the longer."""
        kept: list[Found] = []
        for found in sorted(self._all(text), key=lambda each: each.start - each.end):
            if all(found.end <= other.start or other.end <= found.start for other in kept):
                kept.append(found)
        return sorted(kept, key=lambda each: each.start)

    def _all(self, text: str) -> Iterator[Found]:
        wide, places = _folded(text)
        tight = [number for number, char in enumerate(wide) if not char.isspace()]
        squeezed = "".join(wide[number] for number in tight)
        for match in self._pattern.finditer(squeezed) if self._pattern else ():
            start, end = tight[match.start()], tight[match.end() - 1]
            yield Found(places[start], places[end] + 1, self._keys[match[0]], HIDDEN)
        if self.death is not None:
            yield from _days(wide, places, self.death, self.word)

    @cached_property
    def _keys(self) -> dict[str, Secret]:
        keys = {squeezed(word): secret for word, secret in self.words.items()}
        return {key: secret for key, secret in keys.items() if len(key) > 1}

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """Long words first, so that a part of a name does not spoil the whole; a number only where
        it stands alone, if it is short."""
        words = sorted(self._keys, key=len, reverse=True)
        parts = [
            rf"(?<!\d){re.escape(word)}(?!\d)"
            if word.isdigit() and len(word) < _LONG_NUMBER
            else re.escape(word)
            for word in words
        ]
        return re.compile("|".join(parts)) if parts else None


def squeezed(text: str) -> str:
    """One width, one case, no blanks: how words are compared."""
    return "".join(char for char in _folded(text)[0] if not char.isspace())


def _folded(text: str) -> tuple[str, list[int]]:
    """The text in one width and case, and for each of its characters where it stood."""
    folded = [unicodedata.normalize("NFKC", char).casefold() for char in text]
    places = [number for number, chars in enumerate(folded) for _ in chars]
    return "".join(folded), places


def _days(text: str, places: list[int], death: datetime, word: str) -> Iterator[Found]:
    for start, end, day in _calendar(text, places, death):
        yield Found(start, end, Secret.DAY, relative_day(day, death, word))


def days_in(text: str, death: datetime) -> Iterator[tuple[int, int, date]]:
    """Days of the calendar in a text: start, end, and which day; without its year or month, the
    nearest that is not long after the death."""
    yield from _calendar(*_folded(text), death)


def _calendar(text: str, places: list[int], death: datetime) -> Iterator[tuple[int, int, date]]:
    there = death.astimezone(SHANGHAI).date()
    for match in _DAYS.finditer(text):
        parts = {name[0]: int(value) for name, value in match.groupdict().items() if value}
        if (day := _day(parts, there)) is not None:
            yield places[match.start()], places[match.end() - 1] + 1, day


def _day(parts: dict[str, int], death: date) -> date | None:
    """The day that is meant; without its year or month, the nearest that is not long after the
    death. None for what is no day, such as 30 月."""
    near = [
        day
        for year in ([parts["y"]] if "y" in parts else [death.year - 1, death.year, death.year + 1])
        for month in ([parts["m"]] if "m" in parts else range(1, 13))
        if (day := _real(year, month, parts["d"])) is not None
        if "y" in parts or (day - death).days <= _AHEAD
    ]
    return min(near, key=lambda day: abs((day - death).days), default=None)


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def relative_day(day: date, death: datetime, word: str = DEATH) -> str:
    """死亡当日 · 死亡前 15 天 · 死亡后 3 天 · 死亡前约 7 年."""
    days = (day - death.astimezone(SHANGHAI).date()).days
    side = "前" if days < 0 else "后"
    if days == 0:
        return f"{word}当日"
    if abs(days) > NEAR_DAYS:
        return f"{word}{side}约 {max(1, round(abs(days) / 365))} 年"
    return f"{word}{side} {abs(days)} 天"


def relative(at: datetime, death: datetime, word: str = DEATH) -> str:
    """死亡时（03:40） · 死亡前 9 小时 30 分（18:10） · 死亡前 15 天（09:00）."""
    there = at.astimezone(SHANGHAI)
    minutes = round((at - death).total_seconds()) // 60
    clock = f"（{there:%H:%M}）"
    if minutes == 0:
        return f"{word}时{clock}"
    if abs(minutes) >= _HOURS * 60:
        return relative_day(there.date(), death, word) + clock
    hours, rest = divmod(abs(minutes), 60)
    parts = [f"{hours} 小时" if hours else "", f"{rest} 分" if rest else ""]
    return f"{word}{'前' if minutes < 0 else '后'} {' '.join(p for p in parts if p)}{clock}"

"""What was typed, read: the text of a browser's field becomes the JSON value of an answer.

Pure; knows no form, no request, no clock. Every reader takes text that is not blank and raises
ValueError with a Chinese sentence that says how to write it instead.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

from workflows.forms.answers import is_control
from workflows.forms.spec import Kind

CHINA = timezone(timedelta(hours=8))  # an answer always says +08:00, whatever summer time once was

_DAY = re.compile(
    r"(\d{4})(?:\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?|(\d{2})(\d{2}))", re.ASCII
)
_TIME = re.compile(
    r"(?:(\d{1,2})\s*[:时点]\s*(?:(\d{1,2})\s*分?)?(?::\d{2}(?:\.\d+)?)?|(\d{2})(\d{2}))"
    r"(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_HALF_WIDTH = {0x3000: " ", 0x3002: "."} | {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

DATE_HOW = "日期写成 2026-11-21 或 20261121"
TIME_HOW = "时间写成 2026-11-21 03:40 或 20261121 0340"


def tidy(text: str) -> str:
    """As typed, without outer blanks and what no reader can see; line ends are LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if not is_control(sign, many_lines=True)).strip()


def half_width(text: str) -> str:
    """Full-width digits, letters and signs as the narrow ones: a Chinese keyboard types both."""
    return text.translate(_HALF_WIDTH).strip()


def read_date(text: str) -> str:
    """ "2026-11-21" from 2026-11-21, 2026/11/21, 2026.11.21, 20261121, 2026年11月21日."""
    found = _DAY.fullmatch(half_width(text))
    if found is None:
        raise ValueError(DATE_HOW)
    return _day(found).isoformat()


def read_datetime(text: str) -> str:
    """ "2026-11-21T03:40+08:00" from a date as above and 0340, 03:40, 3时40分; seconds are dropped.

    A time with a zone (…Z, …+00:00) is converted to +08:00.
    """
    narrow = half_width(text)
    day = _DAY.match(narrow)
    time = day and _TIME.fullmatch(narrow[day.end() :].strip(" T,"))
    if not day or not time:
        raise ValueError(TIME_HOW)
    hour, minute = int(time[1] or time[3]), int(time[2] or time[4] or 0)
    if (hour, minute) == (24, 0):
        raise ValueError("24:00 写成次日 00:00")
    if hour > 23 or minute > 59:
        raise ValueError(f"没有 {hour:02}:{minute:02} 这个时刻，{TIME_HOW}")
    zone = time[5] or "+08:00"
    there = datetime.fromisoformat(f"{_day(day).isoformat()}T{hour:02}:{minute:02}{zone}")
    return there.astimezone(CHINA).isoformat(timespec="minutes")


def _day(found: re.Match[str]) -> date:
    year, month, day = int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"日历上没有 {year}年{month}月{day}日，请核对") from None


def read_integer(text: str) -> int:
    """A whole number of at most 12 digits."""
    narrow = half_width(text)
    if not re.fullmatch(r"[+-]?\d{1,12}", narrow, re.ASCII):
        raise ValueError("填整数，例如 28")
    return int(narrow)


def read_decimal(text: str) -> str:
    """The digits as typed, exact: "36.50" stays "36.50"."""
    narrow = half_width(text)
    if not re.fullmatch(r"[+-]?\d{1,12}(\.\d{1,6})?", narrow, re.ASCII):
        raise ValueError("填数字，例如 36.5")
    return narrow.removeprefix("+")


def read_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("选“是”或“否”")
    return text == "true"


def read_code(text: str) -> str:
    return half_width(text)


def read_id_number(text: str) -> str:
    """Without blanks, the last character in capitals; the checksum is judged elsewhere."""
    return re.sub(r"\s", "", half_width(text)).upper()


def read_phone(text: str) -> str:
    """Without blanks; a mobile number without the hyphens some people type into it."""
    narrow = re.sub(r"\s", "", half_width(text))
    mobile = narrow.replace("-", "")
    return mobile if re.fullmatch(r"1\d{10}", mobile, re.ASCII) else narrow


def read_icd10(text: str) -> str:
    """ "O72.1" from O72.1, o721, or a line of the list (O72.1 即刻产后出血)."""
    narrow = half_width(text).upper()
    found = re.match(r"([A-Z]\d\d)(?:\.?(\d[0-9A-Z.+*†]{0,7}))?(?![0-9A-Z])", narrow, re.ASCII)
    if found is None:
        raise ValueError(f"“{text[:40]}”不是 ICD-10 编码，从列表中选择，或写编码，例如 O72.1")
    return f"{found[1]}.{found[2]}" if found[2] else found[1]


def read_region(text: str) -> str:
    narrow = half_width(text)
    if not re.fullmatch(r"\d{6}(\d{3})?", narrow, re.ASCII):
        raise ValueError(f"“{text[:40]}”不是行政区划，从列表中选择，或写 6 位或 9 位代码")
    return narrow


def read_row(text: str) -> int:
    """The number of an organisation or a person, as the list hands it over."""
    narrow = half_width(text)
    if not re.fullmatch(r"\d{1,9}", narrow, re.ASCII):
        raise ValueError(f"没有找到“{text[:40]}”，从列表中选择")
    return int(narrow)


READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.LONG_TEXT: str,
    Kind.INTEGER: read_integer,
    Kind.DECIMAL: read_decimal,
    Kind.DATE: read_date,
    Kind.DATETIME: read_datetime,
    Kind.CHOICE: str,
    Kind.BOOL: read_bool,
    Kind.PHONE: read_phone,
    Kind.ID_NUMBER: read_id_number,
    Kind.ICD10: read_icd10,
    Kind.REGION: read_region,
    Kind.ORGANISATION: read_row,
    Kind.USER: read_row,
}


def shown(kind: Kind, answer: Any) -> str:
    """An answer as the text that stands in its field."""
    if answer is None:
        return ""
    if kind == Kind.BOOL:
        return "true" if answer else "false"
    if kind == Kind.DATETIME:
        return str(answer)[:16].replace("T", " ")
    return str(answer)

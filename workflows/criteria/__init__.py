"""Criteria by which a case is judged a near miss: versioned sets, one TOML file each.

A set says its items, each with its organ system and, where it has a number, the limits by unit. The
forms take their choices from here (`criterion_<set>`), the checks their thresholds. Counts of two
sets are never added up. Pure: knows no case, no row, no page.
"""

import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

SETS = Path(__file__).parent
UNITS = {
    "per_min": "次/分",
    "percent": "%",
    "mmhg": "mmHg",
    "umol_l": "µmol/L",
    "mg_dl": "mg/dL",
    "mmol_l": "mmol/L",
    "e9_l": "×10⁹/L",
    "rbc_unit": "单位（红细胞，含量本地口径待确认）",
    "none": "无单位",
}
SYSTEMS = {
    "respiratory": "呼吸",
    "cardiovascular": "心血管",
    "renal": "肾脏",
    "coagulation": "凝血",
    "neurological": "神经",
    "hepatic": "肝脏",
    "uterine": "子宫",
}


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """A misspelt key is an error, not a threshold that silently never holds."""


class Limit(Strict, frozen=True):
    """One threshold in one unit: exactly one of `above`, `below` and `least` (at least)."""

    unit: str
    above: Decimal | None = None
    below: Decimal | None = None
    least: Decimal | None = None

    def met(self, value: Decimal) -> bool:
        if self.above is not None:
            return value > self.above
        if self.below is not None:
            return value < self.below
        return self.least is not None and value >= self.least


class Item(Strict, frozen=True):
    """One criterion. With several limits in one unit, one of them is enough."""

    code: str
    group: Literal["clinical", "laboratory", "management"]
    system: str
    label: str
    limits: tuple[Limit, ...] = ()
    minutes: int = 0

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(limit.unit for limit in self.limits))

    def met(self, value: Decimal, unit: str) -> bool:
        """Whether a value in one of its units reaches a threshold."""
        return any(limit.met(value) for limit in self.limits if limit.unit == unit)


class CriteriaSet(Strict, frozen=True):
    code: str
    title: str
    source: str
    items: tuple[Item, ...]
    note: str = ""

    def find(self, code: str) -> Item | None:
        return next((item for item in self.items if item.code == code), None)


@cache
def sets() -> dict[str, CriteriaSet]:
    """Every set by its code. ValueError for a file that is not in order."""
    found = {}
    for path in sorted(SETS.glob("*.toml")):
        read = msgspec.convert(tomllib.loads(path.read_text("utf-8")), CriteriaSet)
        if problems := list(_problems(read, path.stem)):
            raise ValueError(f"{path.name}: {'; '.join(problems)}")
        found[read.code] = read
    return found


def _problems(read: CriteriaSet, stem: str) -> list[str]:
    codes = [item.code for item in read.items]
    limits = [limit for item in read.items for limit in item.limits]
    said = [(limit.above, limit.below, limit.least) for limit in limits]
    found = (
        [] if read.code == stem else [f"`code` is {read.code}; make it equal to the file's name"]
    )
    found += [f"{code} twice" for code in sorted({c for c in codes if codes.count(c) > 1})]
    found += [
        f"{i.code}: no organ system {i.system}" for i in read.items if i.system not in SYSTEMS
    ]
    found += [f"no unit {limit.unit}" for limit in limits if limit.unit not in UNITS]
    found += ["a limit has one of above, below, least" for one in said if one.count(None) != 2]
    return found


def code_lists() -> dict[str, list[tuple[str, str]]]:
    """(code, label) lists for questions: the sets, the units, and the items of each set."""
    lists = {
        "criteria_set": [(each.code, each.title) for each in sets().values()],
        "criterion_unit": list(UNITS.items()),
    }
    for each in sets().values():
        lists[f"criterion_{each.code}"] = [(item.code, item.label) for item in each.items]
    return lists

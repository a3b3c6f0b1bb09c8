"""Administrative areas of China (GB/T 2260): filling the table, names with their line, finding one.

A code tells its line by its shape: 41 00 00 province, 41 02 00 city, 41 02 21 county, and nine
digits a township. `gb2260.json` has provinces, cities and counties, and townships only where a city
has no counties. Knows no organisation, no case and no page.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from models import Region, RegionLevel

_HERE = Path(__file__).parent
# Steps of the code without a name of their own: 北京市 ‹市辖区› 东城区.
_NAMELESS = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划")
_LONGEST = 40  # characters of a query that are looked at


def load(session: Session) -> int:
    """Add what is missing of the national areas; how many rows that were."""
    return _add(session, "gb2260.json")


def load_demo(session: Session) -> int:
    """Add what is missing of the invented province 99; how many rows that were."""
    return _add(session, "demo.json")


def _add(session: Session, file: str) -> int:
    from workflows.pinyin import initials  # its dictionary costs a third of a second

    content = json.loads((_HERE / file).read_text("utf-8"))
    there = set(session.scalars(select(Region.code)))
    rows = [
        {
            "code": code,
            "name": name,
            "level": level_of(code),
            "parent_code": parent_of(code),
            "initials": initials(name, content["readings"]),
        }
        for code, name in content["rows"]
        if code not in there
    ]
    if rows:
        session.execute(insert(Region), rows)
    return len(rows)


def level_of(code: str) -> RegionLevel:
    """What a code stands for, by its shape alone."""
    if len(code) > 6:
        return RegionLevel.TOWNSHIP
    if code.endswith("0000"):
        return RegionLevel.PROVINCE
    return RegionLevel.CITY if code.endswith("00") else RegionLevel.COUNTY


def line_of(code: str) -> tuple[str, ...]:
    """The codes from the province down to the code itself, by shape alone."""
    steps = (f"{code[:2]}0000", f"{code[:4]}00", code[:6], code)
    return tuple(dict.fromkeys(steps))  # 441900003 is a township right below the city 441900


def parent_of(code: str) -> str | None:
    """The area above; None for a province."""
    line = line_of(code)
    return line[-2] if len(line) > 1 else None


def get(session: Session, code: str) -> Region | None:
    """The area of a code, or None."""
    return session.scalars(select(Region).where(Region.code == code)).one_or_none()


def children(session: Session, code: str | None = None) -> list[Region]:
    """The areas right below one, or the provinces, by code."""
    query = select(Region).where(Region.parent_code == code).order_by(Region.code)
    return list(session.scalars(query))


def full_name(session: Session, code: str) -> str:
    """河南省开封市杞县; empty for an unknown code."""
    return full_names(session, [code]).get(code, "")


def full_names(session: Session, codes: Iterable[str]) -> dict[str, str]:
    """Full names of many areas in one query; unknown codes are left out."""
    lines = {code: line_of(code) for code in codes}
    wanted = {step for line in lines.values() for step in line}
    rows = session.execute(select(Region.code, Region.name).where(Region.code.in_(wanted)))
    names = {code: "" if name in _NAMELESS else name for code, name in rows}
    return {
        code: "".join(names.get(step, "") for step in line)
        for code, line in lines.items()
        if code in names
    }


def search(
    session: Session,
    text: str,
    limit: int = 20,
    *,
    within: str | None = None,
    levels: Iterable[RegionLevel] = (),
) -> list[Region]:
    """Areas by the beginning of a code, part of a name, or the beginning of its pinyin initials.

    The last word must be met by the area itself, words before it by an area above or by itself
    (开封 鼓楼, hn kf). `within` keeps to what lies below a code, `levels` to some levels. Larger
    areas come first, those whose name begins so before the others.
    """
    words = text[:_LONGEST].lower().split()
    if not words:
        return []
    above, top = aliased(Region), aliased(Region)
    conditions = [_meets(Region, words[-1]), Region.name.not_in(_NAMELESS)]
    conditions += [
        or_(*(_meets(area, word) for area in (Region, above, top))) for word in words[:-1]
    ]
    wanted_levels = tuple(levels)
    if wanted_levels:
        conditions.append(Region.level.in_(wanted_levels))
    if within:
        conditions.append(Region.code.startswith(_stem(within)))
    begins = Region.name.startswith(words[-1], autoescape=True)
    query = (
        select(Region)
        .outerjoin(above, above.code == Region.parent_code)
        .outerjoin(top, top.code == above.parent_code)
        .where(and_(*conditions))
        .order_by(_size(), case((begins, 0), else_=1), Region.code)
        .limit(limit)
    )
    return list(session.scalars(query))


def _meets(area: Any, word: str) -> ColumnElement[bool]:
    if word.isdigit():
        return func.coalesce(area.code, "").startswith(word, autoescape=True)
    if word.isascii():
        return func.coalesce(area.initials, "").startswith(word, autoescape=True)
    return func.coalesce(area.name, "").contains(word, autoescape=True)


def _size() -> ColumnElement[int]:
    order = {level: place for place, level in enumerate(RegionLevel)}
    return case(*((Region.level == level, place) for level, place in order.items()), else_=9)


def _stem(code: str) -> str:
    """What the codes below an area begin with: 4102 for 410200."""
    return {RegionLevel.PROVINCE: code[:2], RegionLevel.CITY: code[:4]}.get(level_of(code), code)

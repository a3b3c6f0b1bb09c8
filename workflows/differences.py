"""Level by level: what each level concluded of a case, side by side, as one reader may read it; and
how often an upper level changed what the lower one had said.

Reads rows, changes nothing, knows no page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from models import Appointment, Case, CaseKind, CaseState, Conclusion, Level, Region, RegionLevel
from workflows.forms.comparison import PARTS, Part, changed, finding_key, reason
from workflows.forms.load import load
from workflows.forms.spec import Answers, Kind
from workflows.permissions import case_scope, require
from workflows.readers import Reader

_ZONE = ZoneInfo("Asia/Shanghai")


class Mark(StrEnum):
    """How something stands against the level below."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"  # said below, and not here


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that a level said, or no longer says."""

    text: str
    mark: Mark = Mark.SAME


@dataclass(frozen=True, slots=True)
class Said:
    """One part of one level's conclusion. `changed`: from the level below; then with its reason."""

    points: list[Point]
    changed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    part: Part
    title: str
    said: list[Said]  # one for each level


@dataclass(frozen=True, slots=True)
class Comparison:
    """`levels`: from below upwards, with the moment each was signed."""

    levels: list[tuple[Level, datetime]]
    lines: list[Line]

    @property
    def differs(self) -> bool:
        return any(said.changed for line in self.lines for said in line.said)


def answers_below(session: Session, case: Case, level: Level) -> Answers | None:
    """What the nearest level below concluded; None for the lowest."""
    order = list(Level)
    query = (
        select(Conclusion)
        .where(Conclusion.case_id == case.id)
        .options(joinedload(Conclusion.document))
    )
    below = [row for row in session.scalars(query) if order.index(row.level) < order.index(level)]
    nearest = max(below, key=lambda row: order.index(row.level), default=None)
    return nearest.document.answers if nearest is not None else None


def compare(reader: Reader, below: Level | None = None) -> Comparison:
    """The conclusions that have been signed and that this reader may read, side by side; `below` a
    level, where one is asked for."""
    rows = reader.session.scalars(
        select(Conclusion)
        .where(Conclusion.case_id == reader.case.id)
        .options(joinedload(Conclusion.document))
    ).all()
    order = list(Level)
    shown = sorted(
        (
            row
            for row in rows
            if reader.reads_conclusion(row.level.value)
            and (below is None or order.index(row.level) < order.index(below))
        ),
        key=lambda row: order.index(row.level),
    )
    return Comparison(
        levels=[(row.level, row.signed_at) for row in shown],
        lines=[Line(part, PARTS[part], list(_said(part, shown, reader))) for part in Part],
    )


def _said(part: Part, rows: Sequence[Conclusion], reader: Reader) -> Iterator[Said]:
    below: Answers | None = None
    form = ""  # of the level below
    for row in rows:
        answers = row.document.answers
        here = _points(part, answers, row.document.form, reader)
        before = _points(part, below, form, reader) if below is not None else here
        differs = below is not None and part in changed(below, answers)
        why = reader.scrub(reason(answers, part)) if differs else ""
        yield Said(_marked(here, before), differs, why)
        below, form = answers, row.document.form


def _marked(here: dict[object, str], before: dict[object, str]) -> list[Point]:
    points = [Point(text, Mark.SAME if key in before else Mark.ADDED) for key, text in here.items()]
    gone = [Point(text, Mark.REMOVED) for key, text in before.items() if key not in here]
    return [*points, *gone]


def _points(part: Part, answers: Answers, form: str, reader: Reader) -> dict[object, str]:
    """Key → words: what is told apart by its key is the same thing at both levels."""
    match part:
        case Part.CONCLUSION:
            code = str(answers.get("conclusion") or "")
            return {code: _label(form, "conclusion", code)}
        case Part.CAUSE:
            code = str(answers.get("underlying_icd") or "")
            return {code: reader.names().icd10(code)} if code else {}
        case Part.FACTORS:
            return _factors(answers, form)
        case Part.FINDINGS:
            return _findings(answers, reader)


def _factors(answers: Answers, form: str) -> dict[object, str]:
    labels = {
        choice.code: choice.label
        for question in load(form).fields()
        if question.kind is Kind.GRID12 or question.name == "grid"
        for choice in question.choices
    }
    major = set(answers.get("major_factors") or ())
    return {
        (cell, cell in major): f"{labels.get(cell, cell)}{'（主要因素）' if cell in major else ''}"
        for cell in sorted(answers.get("grid") or (), key=int)
    }


def _findings(answers: Answers, reader: Reader) -> dict[object, str]:
    found: dict[object, str] = {}
    for row in answers.get("problems") or ():
        key = finding_key(row)
        times = sum(1 for other in found if isinstance(other, tuple) and other[0] == key)
        found[key, times] = reader.scrub(str(row.get("text") or ""))
    return found


def _label(form: str, name: str, code: str) -> str:
    for question in load(form).fields():
        if question.name == name:
            return {each.code: each.label for each in question.choices}.get(code, code)
    return code


# How often


@dataclass(slots=True)
class Overturned:
    """Of cases that two levels concluded: in how many the upper one changed each part."""

    title: str
    cases: int = 0
    parts: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    any_part: int = 0

    def count(self, changes: Sequence[str]) -> None:
        self.cases += 1
        self.any_part += bool(changes)
        for part in changes:
            self.parts[Part(part)] += 1


@dataclass(frozen=True, slots=True)
class Overturns:
    """Over all years; by year of the upper level's signature, newest first; by county."""

    total: Overturned
    years: list[Overturned]
    counties: list[Overturned]


def may_count(by: Appointment) -> bool:
    """The desks of a city, or of what is above it: a county would look at single cases."""
    return by.organisation.level is not RegionLevel.COUNTY


_BELOW = {Level.CITY: Level.COUNTY, Level.PROVINCE: Level.CITY}


def overturns(
    session: Session,
    upper: Level = Level.CITY,
    kind: CaseKind | None = None,
    *,
    by: Appointment,
) -> Overturns:
    """How often that level changed the conclusion of the one below, without a name; of one kind of
    case or of all. Raises Forbidden."""
    require(by, "statistics:view")
    of_kind = [] if kind is None else [Case.kind == kind]
    rows = session.execute(
        select(Conclusion.signed_at, Conclusion.changes, Case.county_code)
        .join(Case, Case.id == Conclusion.case_id)
        .where(case_scope(by), Case.state != CaseState.VOIDED, Conclusion.level == upper, *of_kind)
        .where(
            select(func.count())
            .where(Conclusion.case_id == Case.id, Conclusion.level == _BELOW[upper])
            .correlate(Case)
            .scalar_subquery()
            > 0
        )
    ).all()
    codes = {county for _, _, county in rows}
    names = select(Region.code, Region.name).where(Region.code.in_(codes))
    called = dict(session.execute(names).all())
    total = Overturned("合计")
    years: dict[int, Overturned] = {}
    counties: dict[str, Overturned] = {}
    for signed_at, changes, county in rows:
        year = signed_at.astimezone(_ZONE).year
        total.count(changes)
        years.setdefault(year, Overturned(f"{year} 年")).count(changes)
        counties.setdefault(county, Overturned(called.get(county, county))).count(changes)
    return Overturns(
        total,
        [years[year] for year in sorted(years, reverse=True)],
        [counties[code] for code in sorted(counties)],
    )

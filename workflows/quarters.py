"""By quarter: what the levels concluded, and how the panels one sits on have come to agree.

What was concluded is counted in the database within what a person may see. Opinions are read only
by whom they were opened to: the same rows as `agreement`, one query for all quarters. Knows no
page.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Appointment, Case, CaseKind, CaseState, Conclusion, Level, Mapping, Panel
from workflows import mappings
from workflows.agreement import Agreement, Drift, drifts
from workflows.forms import load
from workflows.forms.spec import Kind
from workflows.kinds import KINDS
from workflows.permissions import case_scope, opened_panels, require

_ZONE = ZoneInfo("Asia/Shanghai")
SHOWN = 8  # quarters


@dataclass(frozen=True, slots=True)
class Quarter:
    """From its first moment in China to the first after it."""

    title: str
    since: datetime
    until: datetime


def latest(now: datetime, count: int = SHOWN) -> list[Quarter]:
    """The quarter of that moment and those before it, newest first."""
    here = now.astimezone(_ZONE)
    number = here.year * 4 + (here.month - 1) // 3
    return [_quarter(each) for each in range(number, number - count, -1)]


def _quarter(number: int) -> Quarter:
    title = f"{number // 4} 年第 {number % 4 + 1} 季度"
    return Quarter(title, _begin(number), _begin(number + 1))


def _begin(number: int) -> datetime:
    return datetime(number // 4, number % 4 * 3 + 1, 1, tzinfo=_ZONE)


@dataclass(slots=True)
class Concluded:
    """Signed conclusions of one level in one quarter. `two`: as the report card knows them, None
    where the province had not confirmed how; `cells`: major factors, by the number of the cell."""

    quarter: Quarter
    level: Level
    codes: Counter[str] = field(default_factory=Counter)
    two: Counter[str | None] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return sum(self.codes.values())


def concluded(
    session: Session,
    quarters: Sequence[Quarter],
    *,
    by: Appointment,
    kind: CaseKind = CaseKind.MATERNAL_DEATH,
) -> dict[Level, list[Concluded]]:
    """Of deaths of one kind, by level, quarters without a conclusion left out. Two queries. Raises
    Forbidden."""
    require(by, "statistics:view")
    found: dict[tuple[int, Level], Concluded] = {}

    def at(place: int, level: Level) -> Concluded:
        return found.setdefault((place, level), Concluded(quarters[place], level))

    when = _place(quarters, Conclusion.signed_at).label("quarter")
    conditions = (
        case_scope(by),
        Case.kind == kind,
        Case.state != CaseState.VOIDED,
        Conclusion.signed_at >= quarters[-1].since,
        Conclusion.signed_at < quarters[0].until,
    )
    counted = (
        select(when, Conclusion.level, Conclusion.code, Mapping.conditional, func.count())
        .join(Case, Case.id == Conclusion.case_id)
        .outerjoin(Mapping, Mapping.id == Conclusion.mapping_id)
        .where(*conditions)
        .group_by("quarter", Conclusion.level, Conclusion.code, Mapping.conditional)
    )
    for place, level, code, conditional, number in session.execute(counted):
        at(place, level).codes[code] += number
        at(place, level).two[mappings.class_of_two(code, conditional)] += number
    is_postgres = session.get_bind().dialect.name == "postgresql"
    unfold = func.json_array_elements_text if is_postgres else func.json_each
    cell = unfold(Conclusion.factors).table_valued("value")
    ticked = (
        select(when, Conclusion.level, cell.c.value, func.count())
        .select_from(Conclusion)
        .join(Case, Case.id == Conclusion.case_id)
        .join(cell, true())
        .where(*conditions)
        .group_by("quarter", Conclusion.level, cell.c.value)
    )
    for place, level, value, number in session.execute(ticked):
        at(place, level).cells[str(value)] += number
    return _sorted(found)


def _sorted(found: dict[tuple[int, Level], Concluded]) -> dict[Level, list[Concluded]]:
    rows = [found[key] for key in sorted(found, key=lambda key: key[0])]
    levels = [level for level in Level if any(row.level is level for row in rows)]
    return {level: [row for row in rows if row.level is level] for level in levels}


def conclusion_words(kind: CaseKind) -> dict[str, str]:
    """What may be concluded of that kind of case, by its code."""
    variant = KINDS[kind].variant
    named = [
        form
        for form in load.all_forms()
        if load.base_name(form.name) == "opinion" and load.variant(form.name) == variant
    ]
    newest = max(named, key=lambda form: load.version(form.name), default=load.latest("opinion"))
    [asked] = [each for each in newest.fields() if each.name == "conclusion"]
    return {choice.code: choice.label for choice in asked.choices}


def cell_words() -> dict[str, str]:
    """The twelve cells by their number."""
    [grid] = [each for each in load.latest("conclusion").fields() if each.kind is Kind.GRID12]
    return {choice.code: choice.label for choice in grid.choices}


def _place(
    quarters: Sequence[Quarter], column: InstrumentedAttribute[datetime]
) -> ColumnElement[int]:
    """The index of the quarter that a moment falls into."""
    return case(
        *(
            (and_(column >= each.since, column < each.until), place)
            for place, each in enumerate(quarters)
        )
    )


@dataclass(frozen=True, slots=True)
class Agreed:
    """Panels of one level that were opened in one quarter, as far as one reads their opinions."""

    quarter: Quarter
    drift: Drift

    @property
    def conclusion(self) -> Agreement:
        return self.drift.conclusion


def agreed(
    session: Session,
    quarters: Sequence[Quarter],
    level: Level,
    kind: CaseKind = CaseKind.MATERNAL_DEATH,
    *,
    by: Appointment,
) -> list[Agreed]:
    """Quarter by quarter, those without a panel left out. Two queries, however many panels. Kinds
    are never mixed: they are concluded in other words."""
    panels = session.scalars(
        opened_panels(by).where(
            Panel.level == level,
            Panel.opened_at >= quarters[-1].since,
            Panel.opened_at < quarters[0].until,
            Panel.case_id.in_(select(Case.id).where(Case.kind == kind)),
        )
    ).all()
    parts = [
        [each for each in panels if each.opened_at and q.since <= each.opened_at < q.until]
        for q in quarters
    ]
    found = drifts(session, parts)
    return [Agreed(q, d) for q, d in zip(quarters, found, strict=True) if d.panels]

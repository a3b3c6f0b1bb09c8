"""严重结局: near misses beside maternal deaths, year by year, as WHO counts them (2011): maternal
near miss (MNM), death (MD), both together (SMO), and how early after admission a near miss was one.

A ratio needs live births, which nobody enters here: it stays undefined. Reads rows, knows no page.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy import case as case_of
from sqlalchemy.orm import Session

from models import Appointment, Case, CaseKind, CaseState, NearMiss, Timing
from workflows.kinds import has_followed
from workflows.permissions import case_scope, require

_ZONE = ZoneInfo("Asia/Shanghai")
SHOWN = 3  # years


@dataclass(slots=True)
class Outcomes:
    """One year in China, one criteria set; `criteria_set` empty where no near miss was filed.
    `alone`: no other set was used that year, so that deaths may be set beside it."""

    year: int
    criteria_set: str
    deaths: int
    timings: Counter[Timing] = field(default_factory=Counter)
    alone: bool = True

    @property
    def near_misses(self) -> int:
        return self.timings.total()

    @property
    def severe(self) -> int:
        """SMO: near misses and deaths."""
        return self.near_misses + self.deaths

    @property
    def early(self) -> int:
        """Near misses on admission or within 12 hours of it: their part of SMO12."""
        return self.timings[Timing.ON_ADMISSION] + self.timings[Timing.WITHIN_12H]


def by_year(session: Session, now: datetime, *, by: Appointment) -> list[Outcomes]:
    """Years with an outcome that this person may see, the newest first; voided cases and women
    whose death is counted by itself left out. Two queries. Raises Forbidden."""
    require(by, "statistics:view")
    years = [now.astimezone(_ZONE).year - back for back in range(SHOWN)]
    place = _year(years).label("year")
    seen = (case_scope(by), Case.state != CaseState.VOIDED, Case.event_at >= _begin(years[-1]))
    deaths: dict[int, int] = dict(
        session.execute(
            select(place, func.count())
            .where(*seen, Case.kind == CaseKind.MATERNAL_DEATH)
            .group_by("year")
        ).all()
    )
    filed = session.execute(
        select(place, NearMiss.criteria_set, NearMiss.timing, func.count())
        .join(Case, Case.id == NearMiss.case_id)
        .where(*seen, ~has_followed())
        .group_by("year", NearMiss.criteria_set, NearMiss.timing)
    ).all()
    found = _lines(filed, deaths)
    found += [
        Outcomes(year, "", count)
        for year, count in deaths.items()
        if year not in {line.year for line in found}
    ]
    return sorted(found, key=lambda line: (-line.year, line.criteria_set))


def _lines(rows: Iterable[Any], deaths: dict[int, int]) -> list[Outcomes]:
    found: dict[tuple[int, str], Outcomes] = {}
    for year, criteria_set, timing, count in rows:
        line = found.setdefault(
            (year, criteria_set), Outcomes(year, criteria_set, deaths.get(year, 0))
        )
        line.timings[timing] += count
    sets = Counter(year for year, _ in found)
    for line in found.values():
        line.alone = sets[line.year] == 1
    return list(found.values())


def _begin(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=_ZONE)


def _year(years: list[int]) -> ColumnElement[int]:
    return case_of(
        *(
            (and_(Case.event_at >= _begin(year), Case.event_at < _begin(year + 1)), year)
            for year in years
        )
    )

"""数据核对: figures of other systems are taken in and compared; what differs is traced, explained,
put right through the ledger where it is an error, and cleared by the institution above (C12)."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Discrepancy,
    DiscrepancyEntry,
    DiscrepancyState,
    Duty,
    FigureImport,
    ItemSource,
    Organisation,
    OrganisationKind,
    RectificationState,
    Region,
    RegionLevel,
    Role,
)
from workflows import figures, places
from workflows import reconciliation as found
from workflows.actions import ledger
from workflows.actions.ledger import Problem
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.notifications import tell_desk
from workflows.permissions import Forbidden, areas_of, require
from workflows.reconciliation import Saying
from workflows.rules import day_of

_MEASURES = {code: name for name, code in figures.MEASURES.items()} | {found.BACKLOG: "补报例数"}
_Subject = tuple[str, int | None]
_Key = tuple[str, int | None, str, str, str]


class NotYet(Exception):
    """It cannot be cleared yet; says in words what is missing."""


def take_in(
    session: Session,
    content: bytes | str,
    *,
    system: str,
    filename: str,
    by: Appointment,
    now: datetime,
) -> FigureImport:
    """Keep the table of another system and compare the months it tells of.

    All or nothing: raises figures.BadTable with every fault, InvalidAnswers without a system's
    name, Forbidden. The same table once more is the first one.
    """
    require(by, "figures:import")
    system = system.strip()
    if not 2 <= len(system) <= 40:
        raise InvalidAnswers({"system": ["写明是哪个信息系统的数据，2 至 40 字"]})
    rows = figures.read(content, day_of(now))
    subjects = _subjects(session, rows, by)
    kept = [
        {
            "month": row.month.isoformat(),
            "region": subjects[row.unit][0],
            "organisation": subjects[row.unit][1],
            "figures": row.figures,
        }
        for row in rows
    ]
    last = session.scalars(
        select(FigureImport)
        .where(FigureImport.organisation_id == by.organisation_id, FigureImport.system == system)
        .order_by(FigureImport.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.rows == kept:
        return last
    table = FigureImport(
        at=now,
        by_id=by.user_id,
        organisation_id=by.organisation_id,
        system=system,
        filename=filename[:200],
        rows=kept,
    )
    session.add(table)
    session.flush()
    record(session, EventName.FIGURES_IMPORTED, by=by, now=now, table=table.id, rows=len(kept))
    for month in sorted({row.month for row in rows}):
        codes = {subjects[row.unit][0] for row in rows if row.month == month}
        compare(session, codes, month, now=now)
    return table


def _subjects(
    session: Session, rows: Iterable[figures.Row], by: Appointment
) -> dict[str, _Subject]:
    """Whom each name in a table means: a county, or a unit in one, of those one looks after."""
    regions = found.counties(session, by)
    known: dict[str, _Subject] = {}
    units = session.scalars(
        select(Organisation).where(Organisation.region_code.in_(areas_of(by)), Organisation.active)
    )
    codes = {region.code for region in regions}
    for unit in units:
        if unit.region_code in codes:
            for name in (unit.short_name, unit.name):
                known[name] = (unit.region_code, unit.id)
    for region in regions:
        known[region.name] = known[region.code] = (region.code, None)
    strange = [row for row in rows if row.unit not in known]
    if strange:
        raise figures.BadTable(
            *(
                f"第 {row.line} 行：「{row.unit[:30]}」不是本单位管理范围内的县或机构，"
                "写登记的全称、简称，或县的名称"
                for row in strange[: figures.MOST_FAULTS]
            )
        )
    return known


def compare(
    session: Session, codes: Iterable[str], month: date, *, now: datetime
) -> list[Discrepancy]:
    """Enter what differs in a month (its first day) of some counties, and note what has become
    alike; returns what is new. What was cleared with the same two figures stays cleared."""
    codes = sorted(set(codes))
    there: dict[_Key, list[Discrepancy]] = {}
    for row in session.scalars(
        select(Discrepancy)
        .where(Discrepancy.region_code.in_(codes), Discrepancy.month == month)
        .order_by(Discrepancy.id)
        .with_for_update()
    ):
        key = (row.region_code, row.organisation_id, row.source.value, row.system, row.measure)
        there.setdefault(key, []).append(row)
    new: list[Discrepancy] = []
    for saying in found.sayings(session, codes, month):
        for measure, said in saying.figures.items():
            rows = there.get(_key(saying, measure), [])
            new += _compared(session, saying, measure, said, rows, month, now)
    session.flush()
    for code in sorted({row.region_code for row in new}):
        _tell(session, code, EventName.DISCREPANCY_FOUND, month, now)
    for row in new:
        _note(session, row, EventName.DISCREPANCY_FOUND, None, now)
    return new


def _key(saying: Saying, measure: str) -> _Key:
    return (
        saying.region_code, saying.organisation_id, saying.source.value, saying.system, measure
    )  # fmt: skip


def _compared(
    session: Session,
    saying: Saying,
    measure: str,
    said: int,
    rows: list[Discrepancy],
    month: date,
    now: datetime,
) -> list[Discrepancy]:
    held = saying.held.get(measure, 0)
    waiting = next((row for row in rows if row.cleared_at is None), None)
    if waiting is not None:
        alike = said == held
        waiting.said, waiting.held = said, held
        waiting.agrees_since = (waiting.agrees_since or now) if alike else None
        return []
    if said == held or any((row.said, row.held) == (said, held) for row in rows):
        return []
    row = Discrepancy(
        region_code=saying.region_code,
        month=month,
        organisation_id=saying.organisation_id,
        measure=measure,
        source=saying.source,
        system=saying.system,
        said=said,
        held=held,
        found_at=now,
    )
    session.add(row)
    return [row]


def compare_duty(session: Session, duty: Duty, now: datetime) -> None:
    """A month's report was taken over: its month is compared, and those of its late reports."""
    region = session.scalars(select(Region).where(Region.code == duty.region_code)).one()
    codes = [region.code]
    if region.level is not RegionLevel.COUNTY:
        below = select(Region.code).where(Region.parent_code == region.code)
        codes = list(session.scalars(below))
    months = {duty.starts_on}
    for row in (duty.content or {}).get("cases", ()):
        months.add(date.fromisoformat(row["event_at"][:10]).replace(day=1))
    for month in sorted(months):
        compare(session, codes, month, now=now)


# What people do about one


def explain(
    session: Session, row: Discrepancy, text: str, *, by: Appointment, now: datetime
) -> None:
    """追踪核实: the county says where the difference comes from. Raises Forbidden, NotYet,
    InvalidAnswers."""
    if not found.may_explain(row, by):
        raise Forbidden(row.id)
    if row.state not in (DiscrepancyState.OPEN, DiscrepancyState.EXPLAINED):
        raise NotYet("已列入台账整改或已核清，不用再说明")
    _enter(session, row, "explained", text, by, now)
    row.state = DiscrepancyState.EXPLAINED
    _note(session, row, EventName.DISCREPANCY_EXPLAINED, by, now)
    upper = row.region.parent_code
    if upper is not None:
        _tell(session, upper, EventName.DISCREPANCY_EXPLAINED, row.month, now)


def give_back(
    session: Session, row: Discrepancy, text: str, *, by: Appointment, now: datetime
) -> None:
    """The institution above is not satisfied. Raises Forbidden, NotYet, InvalidAnswers."""
    _require_judge(row, by)
    if row.state is not DiscrepancyState.EXPLAINED:
        raise NotYet("还没有说明，不能退回")
    _enter(session, row, "given_back", text, by, now)
    row.state = DiscrepancyState.OPEN
    _note(session, row, EventName.DISCREPANCY_RETURNED, by, now)
    _tell(session, row.region_code, EventName.DISCREPANCY_RETURNED, row.month, now)


def correct(
    session: Session, row: Discrepancy, text: str, *, by: Appointment, now: datetime
) -> None:
    """督促整改: it is an error. Whoever the figure is about puts it right through the ledger, and
    the institution above accepts. Raises Forbidden, NotYet, InvalidAnswers."""
    _require_judge(row, by)
    if row.state is DiscrepancyState.CORRECTING or row.item_id is not None:
        raise NotYet("已经列入台账")
    owner = row.organisation or places.unit_at(
        session, row.region_code, OrganisationKind.MCH, RegionLevel.COUNTY
    )
    if owner is None:
        raise NotYet("该县没有登记妇幼保健机构，请系统管理员先登记")
    _enter(session, row, "error", text, by, now)
    problem = f"数据核对不一致（{title(row)}）：{text.strip()}"
    item = ledger.open_item(
        session,
        problem=Problem(problem, "management", "specific", "management"),
        source=ItemSource.RECONCILIATION,
        owner=owner,
        acceptor=by.organisation,
        by=by,
        now=now,
    )
    row.item, row.state = item, DiscrepancyState.CORRECTING
    _note(session, row, EventName.DISCREPANCY_CORRECTED, by, now)


def clear(session: Session, row: Discrepancy, text: str, *, by: Appointment, now: datetime) -> None:
    """核清: by the institution above, explained, and an error's ledger item closed before.

    Raises Forbidden, NotYet, InvalidAnswers.
    """
    _require_judge(row, by)
    if row.state is DiscrepancyState.OPEN:
        raise NotYet("县级还没有说明，先追踪核实")
    if row.item is not None and row.item.state is not RectificationState.CLOSED:
        raise NotYet(f"台账 {row.item.number} 还没有销号，整改到位后再核清")
    _enter(session, row, "cleared", text, by, now)
    row.state, row.cleared_at = DiscrepancyState.CLEARED, now
    _note(session, row, EventName.DISCREPANCY_CLEARED, by, now)
    _tell(session, row.region_code, EventName.DISCREPANCY_CLEARED, row.month, now)


def _require_judge(row: Discrepancy, by: Appointment) -> None:
    if not found.may_clear(row, by):
        raise Forbidden(row.id)
    if row.cleared_at is not None:
        raise NotYet("已经核清")


def title(row: Discrepancy, labels: Mapping[str, str] = _MEASURES) -> str:
    """2026 年 11 月 白鹭县 死亡例数，申报 1、系统 0."""
    who = row.organisation.short_name if row.organisation else row.region.name
    month = f"{row.month.year} 年 {row.month.month} 月"
    return f"{month} {who} {labels[row.measure]}，来源 {row.said}、系统 {row.held}"


def _enter(
    session: Session, row: Discrepancy, kind: str, text: str, by: Appointment, now: datetime
) -> None:
    text = text.strip()
    if not 5 <= len(text) <= 1000:
        raise InvalidAnswers({"text": ["写明核对的情况，5 至 1000 字"]})
    entry = DiscrepancyEntry(discrepancy=row, at=now, by_id=by.user_id, kind=kind, text=text)
    session.add(entry)


def _note(
    session: Session, row: Discrepancy, name: EventName, by: Appointment | None, now: datetime
) -> None:
    record(
        session,
        name,
        by=by,
        now=now,
        discrepancy=row.id,
        region=row.region_code,
        measure=row.measure,
        month=row.month.isoformat()[:7],
    )


def _tell(session: Session, code: str, name: EventName, month: date, now: datetime) -> None:
    """The MCH institution and the commission of an area: one line each, whatever the number."""
    words = f"{month.year} 年 {month.month} 月"
    for kind, role in (
        (OrganisationKind.MCH, Role.MCH),
        (OrganisationKind.COMMISSION, Role.COMMISSION),
    ):
        level = RegionLevel.COUNTY if _is_county(session, code) else RegionLevel.CITY
        unit = places.unit_at(session, code, kind, level)
        if unit is not None:
            told = {"title": words, "figures": month.isoformat()[:7]}
            tell_desk(session, name, unit.id, (role,), case=None, now=now, **told)


def _is_county(session: Session, code: str) -> bool:
    region = session.scalars(select(Region).where(Region.code == code)).one()
    return region.level is RegionLevel.COUNTY

"""高危孕产妇专案: who sees which record, what a colour asks for, and what must be looked at now.

自动警示 are three: a report to the county's MCH institution that is late by the place's rule
(`highrisk.orange`, `.red`, `.purple`; where a rule gives no number there is no lateness), a
follow-up whose day is over, and a risk graver than at the assessment before. ☆ is counted by rule
`highrisk.yellow_star` (F03) and goes to yellow alone (F04). Reads rows, changes nothing, knows no
page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models import (
    Appointment,
    Case,
    Organisation,
    OrganisationKind,
    RiskAssessment,
    RiskCase,
    RiskColour,
    RiskRecord,
    RiskReport,
)
from models.base import UtcDateTime
from workflows import calendar, rules
from workflows.anybody import for_anybody
from workflows.permissions import OFFICES, areas_of, case_scope, may, reviewed_cases
from workflows.rules import UNCONFIRMED, Rule, Status, day_of

GRAVITY = (RiskColour.GREEN, RiskColour.YELLOW, RiskColour.ORANGE, RiskColour.RED)
SPECIAL = (RiskColour.ORANGE, RiskColour.RED)  # with purple: 严格实行专案管理 (F09)
STAR = "highrisk.yellow_star"
Moment = datetime | BindParameter[datetime]
Day = date | BindParameter[date]


# Whose records


def scope(by: Appointment) -> ColumnElement[bool]:
    """Records of one's unit, of those sent to it, and of the area one looks after."""
    if not may(by, "register:view"):
        return false()
    own = by.organisation
    ours: ColumnElement[bool]
    if own.kind in OFFICES:
        ours = RiskRecord.county_code.in_(areas_of(by))
    else:
        ours = RiskRecord.organisation_id == own.id
    touched = select(RiskAssessment.record_id).where(
        or_(
            RiskAssessment.organisation_id == own.id,
            RiskAssessment.referred_to_id == own.id,
        )
    )
    seen = or_(ours, RiskRecord.id.in_(touched))
    if by.stands_for_id is None:
        return seen
    reviewed = select(RiskCase.record_id).where(RiskCase.case_id.in_(reviewed_cases(by)))
    return and_(seen, RiskRecord.id.not_in(reviewed))


def visible(by: Appointment) -> Select[RiskRecord]:
    """Records that somebody may open."""
    return select(RiskRecord).where(scope(by))


def found_by(words: str) -> ColumnElement[bool]:
    """Records by identity number, record number, or by part of the name."""
    if words.isascii():
        return or_(
            RiskRecord.id_no == words.upper(),
            RiskRecord.number.endswith(words.upper(), autoescape=True),
        )
    return RiskRecord.name.contains(words, autoescape=True)


def of_case(session: Session, case: Case) -> list[RiskRecord]:
    """The records of the woman of a case, and of the near miss that came before it. Whoever may
    open the case may be told what they say of her risk, as far as they may know who she was."""
    linked = select(RiskCase.record_id).where(RiskCase.case_id.in_((case.id, case.follows_id)))
    query = select(RiskRecord).where(RiskRecord.id.in_(linked)).order_by(RiskRecord.id)
    return list(session.scalars(query.options(*with_course())))


def has_course(session: Session, case: Case) -> bool:
    """Whether the register knows the woman of a case."""
    linked = RiskCase.case_id.in_((case.id, case.follows_id))
    return session.scalar(select(RiskCase.id).where(linked).limit(1)) is not None


def with_course() -> tuple[ExecutableOption, ...]:
    """Options that bring all assessments along, in a fixed number of queries."""
    return (
        selectinload(RiskRecord.assessments).options(
            joinedload(RiskAssessment.organisation),
            joinedload(RiskAssessment.referred_to),
            joinedload(RiskAssessment.report),
            selectinload(RiskAssessment.factors),
        ),
    )


def linkable(session: Session, record: RiskRecord, by: Appointment) -> list[Case]:
    """Cases one may open whose woman has the record's identity number, not linked yet."""
    if not may(by, "case:identify"):
        return []
    linked = select(RiskCase.case_id).where(RiskCase.record_id == record.id)
    query = (
        select(Case)
        .where(case_scope(by), Case.person.has(id_no=record.id_no), Case.id.not_in(linked))
        .order_by(Case.id)
    )
    return list(session.scalars(query))


def receivers(session: Session, by: Appointment) -> Sequence[Organisation]:
    """Where somebody may be sent: hospitals, rescue centres and MCH institutions of the city."""
    kinds = (OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.RESCUE_CENTRE)
    city = by.organisation.region_code[:4]
    return session.scalars(
        select(Organisation)
        .where(
            Organisation.region_code.startswith(city, autoescape=True),
            Organisation.kind.in_(kinds),
            Organisation.active,
        )
        .order_by(Organisation.region_code, Organisation.id)
    ).all()


# What a colour means


@dataclass(frozen=True, slots=True)
class Grade:
    """How grave: the gravest of green to red, an infectious disease beside it, ☆."""

    colour: RiskColour
    purple: bool = False
    star: bool = False

    def graver_than(self, before: "Grade | None") -> bool:
        """Whether the risk rose. The first judgement is no rise."""
        if before is None:
            return False
        return self._place > before._place or (self.purple and not before.purple)

    @property
    def _place(self) -> tuple[int, bool]:
        return GRAVITY.index(self.colour), self.star

    @property
    def special(self) -> bool:
        """Whether it is to be reported and managed 专案 (F01, F09)."""
        return self.purple or self.colour in SPECIAL


def grade(colours: Iterable[RiskColour], star: Rule | None) -> Grade:
    """What factors of these colours come to. `star`: the place's rule; without one there is no ☆.

    Orange, red and purple are managed 专案 anyway and get no ☆ (附件1 一, F04).
    """
    every = list(colours)
    purple = RiskColour.PURPLE in every
    gravest = max((c for c in every if c in GRAVITY), key=GRAVITY.index, default=RiskColour.GREEN)
    count = every.count(RiskColour.YELLOW)
    least = star.value if star is not None and isinstance(star.value, int) else None
    starred = gravest is RiskColour.YELLOW and not purple and least is not None and count >= least
    return Grade(gravest, purple, starred)


def grade_of(row: RiskRecord | RiskAssessment) -> Grade:
    """What a record or an assessment says."""
    return Grade(row.colour, row.purple, row.star)


def rule_at(county_code: str, key: str, day: date | datetime) -> Rule | None:
    """The rule of a key in force at a place; None where there is none, or no rule file."""
    try:
        return rules.rule_set(county_code, day).find(key)
    except rules.UnknownJurisdiction:
        return None


def report_rules(county_code: str, found: Grade, at: datetime) -> dict[RiskColour, Rule | None]:
    """By each colour that is to be reported, the rule that holds; None: the place says nothing."""
    colours = [c for c in SPECIAL if c is found.colour]
    if found.purple:
        colours.append(RiskColour.PURPLE)
    return {c: rule_at(county_code, f"highrisk.{c}", at) for c in colours}


def report_due(session: Session, county_code: str, found: Grade, at: datetime) -> datetime | None:
    """When a report is due, counted from the assessment; None when no rule gives a number. Where
    two colours meet, the earlier."""
    ends = [
        _end(session, rule, at)
        for rule in report_rules(county_code, found, at).values()
        if rule is not None and rule.has_number
    ]
    return min((end for end in ends if end is not None), default=None)


def _end(session: Session, rule: Rule, at: datetime) -> datetime | None:
    if (count := rule.working_days()) is not None:
        return calendar.load(session).end_of(at, count)
    limit = rule.limit()
    return None if limit is None else at + limit


def limit_words(county_code: str, found: Grade, at: datetime) -> str:
    """The limit as people read it: 24 小时（渝卫发〔2020〕19号 一(三)）, or 本地口径待确认."""
    told = []
    for rule in report_rules(county_code, found, at).values():
        if rule is None:
            told.append(UNCONFIRMED)
        else:
            said = f"文件写“{rule.wording}”，" if rule.value is None and rule.wording else ""
            law = "" if rule.status is Status.PRODUCT else rule.basis()
            basis = f"（{law}）" if law else ""
            told.append(f"{said}{rule.describe()}{basis}")
    return "；".join(dict.fromkeys(told))


# What must be looked at now


def late_reports(now: Moment) -> ColumnElement[bool]:
    """Records with a report that is not made though its time is over."""
    return exists().where(
        RiskReport.record_id == RiskRecord.id,
        RiskReport.reported_at.is_(None),
        RiskReport.due_at < now,
    )


def unreported() -> ColumnElement[bool]:
    """Records with a report still to be made, late or not."""
    return exists().where(RiskReport.record_id == RiskRecord.id, RiskReport.reported_at.is_(None))


def unreceived() -> ColumnElement[bool]:
    """Records reported to the MCH institution that has not taken them over yet."""
    return exists().where(
        RiskReport.record_id == RiskRecord.id,
        RiskReport.reported_at.is_not(None),
        RiskReport.received_at.is_(None),
    )


def overdue(today: Day) -> ColumnElement[bool]:
    """Open records whose follow-up day is over."""
    return and_(RiskRecord.closed_at.is_(None), RiskRecord.next_on < today)


def risen() -> ColumnElement[bool]:
    """Open records whose last assessment was graver than the one before."""
    return and_(RiskRecord.closed_at.is_(None), RiskRecord.rose.is_(True))


def alerts(now: datetime) -> dict[str, ColumnElement[bool]]:
    """What is warned of, by code."""
    return _alerts(now, day_of(now))


def _alerts(now: Moment, today: Day) -> dict[str, ColumnElement[bool]]:
    return {
        "late_report": late_reports(now),
        "unreported": unreported(),
        "unreceived": unreceived(),
        "overdue": overdue(today),
        "risen": risen(),
    }


def counted(session: Session, by: Appointment, now: datetime) -> dict[str, int]:
    """How many records one sees of each alert. One query."""
    row = session.execute(*_counted(by, moment=now, day=day_of(now))).one()
    return dict(row._mapping)


@for_anybody
def _counted(by: Appointment) -> Select[Any]:
    at, on = bindparam("moment", type_=UtcDateTime), bindparam("day", type_=Date)
    columns = [
        func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(code)
        for code, condition in _alerts(at, on).items()
    ]
    return select(*columns).select_from(RiskRecord).where(scope(by))


def of_colour(code: str) -> ColumnElement[bool]:
    """Records whose last assessment has a colour; "star" for ☆."""
    if code == "star":
        return RiskRecord.star.is_(True)
    if code == RiskColour.PURPLE:
        return RiskRecord.purple.is_(True)
    return RiskRecord.colour == RiskColour(code)


def open_reports(session: Session, records: Iterable[RiskRecord]) -> dict[int, RiskReport]:
    """By record, the newest report that is not received yet. One query."""
    ids = [record.id for record in records]
    rows = session.scalars(
        select(RiskReport)
        .where(RiskReport.record_id.in_(ids), RiskReport.received_at.is_(None))
        .order_by(RiskReport.id)
    )
    return {row.record_id: row for row in rows}

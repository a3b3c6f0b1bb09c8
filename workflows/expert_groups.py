"""Groups of experts: which there are for an area, whom they lack by the rules of the place, and
which of them guide the institutions of a county.

Reads rows, changes nothing, knows no page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import (
    Appointment,
    Discipline,
    DiseaseGroup,
    ExpertGroup,
    GroupMember,
    Organisation,
    OrganisationKind,
    Region,
    RegionLevel,
    User,
    Zone,
)
from workflows.rules import Rule, RuleSet, UnknownJurisdiction, rule_set

DISCIPLINES, OF, BASE, LEVELS, DISEASES = (
    f"expert_group.{name}" for name in ("disciplines", "of", "base", "levels", "diseases")
)
AREA, CENTRE = "area", "centre"  # whose group


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rules of a place want of its groups, each with the rule that says it. None where no
    document says it: then nothing is missing."""

    disciplines: Rule | None
    of: Rule | None  # whose groups need these disciplines: an area's, a rescue centre's
    base: Rule | None
    levels: Rule | None
    diseases: Rule | None


@dataclass(frozen=True, slots=True)
class Cover:
    """One discipline that the place wants: by whom it is covered. `base`: called the base."""

    discipline: Discipline
    base: bool
    members: list[User]


@dataclass(frozen=True, slots=True)
class Standing:
    """A group today: its members, and discipline by discipline what is covered or missing."""

    group: ExpertGroup
    members: list[GroupMember]
    covers: list[Cover]

    @property
    def missing(self) -> list[Discipline]:
        return [each.discipline for each in self.covers if not each.members]


def wanted(code: str, day: date) -> Wanted:
    """By the rules of an area; of one without any, nothing."""
    try:
        rules: RuleSet | None = rule_set(code, day)
    except UnknownJurisdiction:
        rules = None
    found = [
        rules.find(key) if rules is not None else None
        for key in (DISCIPLINES, OF, BASE, LEVELS, DISEASES)
    ]
    return Wanted(*found)


def standing(group: ExpertGroup, wants: Wanted, day: date) -> Standing:
    """How a group stands against what is wanted. A group for one disease needs no discipline."""
    members = [each for each in group.members if holds(each, day)]
    codes = wants.disciplines.codes if wants.disciplines and _is_meant(group, wants) else ()
    base = wants.base.codes if wants.base is not None else ()
    covers = [
        Cover(
            Discipline(code),
            code in base,
            [each.user for each in members if each.user.discipline == code],
        )
        for code in codes
    ]
    return Standing(group, members, covers)


def _is_meant(group: ExpertGroup, wants: Wanted) -> bool:
    """Whether the place's disciplines are wanted of this group."""
    centre = group.organisation.kind is OrganisationKind.RESCUE_CENTRE
    whose = CENTRE if centre else AREA
    return group.disease is None and (wants.of is None or whose in wants.of.codes)


def holds(member: GroupMember, day: date) -> bool:
    """Whether somebody is in a group on that day; the day they leave is not counted."""
    return member.user.active and (member.until is None or day < member.until)


def missing_diseases(groups: Iterable[ExpertGroup], wants: Wanted) -> list[DiseaseGroup]:
    """Of the groups for one disease that the place wants, those that nobody has formed."""
    codes = wants.diseases.codes if wants.diseases is not None else ()
    there = {each.disease for each in groups}
    return [DiseaseGroup(code) for code in codes if code not in there]


def missing_areas(
    session: Session, groups: Iterable[ExpertGroup], wants: Wanted, here: Organisation
) -> list[str]:
    """Names of the areas that by the rules of the place should have a group and have none, as far
    as one's own reaches: of a county its own, of a city its own and its counties'."""
    levels = wants.levels.codes if wants.levels is not None else ()
    has = {
        (each.organisation.level, each.organisation.region_code)
        for each in groups
        if each.disease is None
    }
    areas = session.scalars(
        select(Region)
        .where(or_(Region.code == here.region_code, Region.parent_code == here.region_code))
        .where(Region.level.in_([RegionLevel.CITY, RegionLevel.COUNTY]))
        .order_by(Region.code)
    )
    return [
        area.name for area in areas if area.level in levels and (area.level, area.code) not in has
    ]


def of_area(session: Session, by: Appointment) -> list[ExpertGroup]:
    """What a commission looks after: its own area's groups; a county's sees those above, too."""
    here = by.organisation
    if here.level is RegionLevel.COUNTY:
        return serving(session, here.region_code)
    return _groups(session, Organisation.region_code.startswith(here.region_code[:4]))


def serving(session: Session, county_code: str, day: date | None = None) -> list[ExpertGroup]:
    """The groups that guide a county's institutions: its own, the city's, and those of the rescue
    centres whose zone it is in. `day` None: whatever zone it is or was in."""
    zones = select(Zone.centre_id).where(Zone.county_code == county_code)
    if day is not None:
        zones = zones.where(
            Zone.valid_from <= day, or_(Zone.valid_to.is_(None), Zone.valid_to >= day)
        )
    of_city = and_(
        Organisation.kind == OrganisationKind.COMMISSION,
        Organisation.level == RegionLevel.CITY,
        Organisation.region_code == f"{county_code[:4]}00",
    )
    own = and_(Organisation.region_code == county_code, Organisation.level == RegionLevel.COUNTY)
    return _groups(session, or_(own, of_city, Organisation.id.in_(zones)))


def _groups(session: Session, where: ColumnElement[bool]) -> list[ExpertGroup]:
    query = (
        select(ExpertGroup)
        .join(Organisation, Organisation.id == ExpertGroup.organisation_id)
        .where(where)
        .options(
            joinedload(ExpertGroup.organisation).joinedload(Organisation.region),
            joinedload(ExpertGroup.organisation).joinedload(Organisation.host),
            joinedload(ExpertGroup.contact),
            selectinload(ExpertGroup.members).joinedload(GroupMember.user),
        )
        .order_by(Organisation.region_code, Organisation.id, ExpertGroup.id)
    )
    return list(session.scalars(query))


def parts_of(session: Session, users: Sequence[int], day: date) -> dict[int, list[GroupMember]]:
    """What each of these people is in groups for, on that day."""
    query = (
        select(GroupMember)
        .where(
            GroupMember.user_id.in_(users),
            or_(GroupMember.until.is_(None), GroupMember.until > day),
        )
        .order_by(GroupMember.id)
        .options(
            joinedload(GroupMember.user),
            joinedload(GroupMember.group)
            .joinedload(ExpertGroup.organisation)
            .joinedload(Organisation.region),
        )
    )
    found: dict[int, list[GroupMember]] = {}
    for row in session.scalars(query):
        found.setdefault(row.user_id, []).append(row)
    return found


# ICD-10 chapters and the codes of chapter XV that belong to them, longest first: a suggestion of
# ours for the secretary's choice, which no document makes.
_SUGGESTED = (
    ("O99.2", DiseaseGroup.ENDOCRINE),
    ("O99.3", DiseaseGroup.MENTAL),
    ("O99.4", DiseaseGroup.CARDIO_CEREBRAL),
    ("O75.3", DiseaseGroup.INFECTION),
    ("O10", DiseaseGroup.CARDIO_CEREBRAL),
    ("O22", DiseaseGroup.CARDIO_CEREBRAL),
    ("O24", DiseaseGroup.ENDOCRINE),
    ("O85", DiseaseGroup.INFECTION),
    ("O86", DiseaseGroup.INFECTION),
    ("O98", DiseaseGroup.INFECTION),
    ("D8", DiseaseGroup.IMMUNE),
    ("M3", DiseaseGroup.IMMUNE),
    ("A", DiseaseGroup.INFECTION),
    ("B", DiseaseGroup.INFECTION),
    ("E", DiseaseGroup.ENDOCRINE),
    ("F", DiseaseGroup.MENTAL),
    ("I", DiseaseGroup.CARDIO_CEREBRAL),
)


def suggested(codes: Iterable[str]) -> list[DiseaseGroup]:
    """The groups that the ICD-10 codes of a case's causes call for, in the order of the codes."""
    found = (
        next((group for begins, group in _SUGGESTED if code.startswith(begins)), None)
        for code in codes
    )
    return list(dict.fromkeys(group for group in found if group is not None))

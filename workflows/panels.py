"""A panel proposed for one level's review of a case: who might sit on it, and who should not.

Proposes from the expert pool by discipline, recusal and load, with the guide of the zone map and
somebody from outside. All of it may be changed by the commission, and nothing here refuses: what
no norm demands (size, an odd number) is a note. Reads rows, changes nothing.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from models import (
    Appointment,
    Case,
    CaseState,
    Discipline,
    DiseaseGroup,
    Document,
    GroupMember,
    Level,
    Organisation,
    Panel,
    PanelMember,
    RegionLevel,
    ReviewProcedure,
    Role,
    User,
    ZoneKind,
)
from workflows import expert_groups, kinds, places, procedures, recusal
from workflows.forms.spec import Answers
from workflows.frozen import rules_of
from workflows.recusal import Conflict

_ZONE = ZoneInfo("Asia/Shanghai")
_ENDED = (CaseState.CLOSED, CaseState.VOIDED)
_CENTRES = {ZoneKind.MATERNAL: "孕产妇", ZoneKind.NEONATAL: "新生儿"}


@dataclass(frozen=True, slots=True)
class Expert:
    """Somebody of the pool. `seat`: the appointment as an expert. `load`: panels they sit on whose
    opinions are still sealed; whether they have filed theirs is nobody's business."""

    user: User
    seat: Appointment
    load: int
    outside: bool  # of a unit beyond the convening administration's area
    conflicts: tuple[Conflict, ...] = ()
    parts: tuple[GroupMember, ...] = ()  # what they are in groups for

    @property
    def diseases(self) -> frozenset[str]:
        """The disease groups that they are of, by themselves or in a group that was formed."""
        formed = {each.group.disease.value for each in self.parts if each.group.disease}
        return frozenset({*map(str, self.user.disease_groups or ()), *formed})


@dataclass(frozen=True, slots=True)
class Seat:
    """A place on the proposed panel."""

    expert: Expert
    is_guide: bool = False


@dataclass(frozen=True, slots=True)
class Cover:
    """One of the eight disciplines: who is proposed for it, who else could be asked."""

    discipline: Discipline
    seats: list[Seat]
    spare: list[Expert]


@dataclass(frozen=True, slots=True)
class Source:
    """A group of experts for one disease: asked for or not, called for by the causes or not."""

    disease: DiseaseGroup
    chosen: bool
    called_for: bool
    seats: list[Seat]
    spare: list[Expert]


@dataclass(slots=True)
class Proposal:
    """`left_out`: experts who should stand back, with the reasons. `notes`: Chinese sentences."""

    level: Level
    guide: Organisation | None
    members: list[Seat] = field(default_factory=list)
    left_out: list[Expert] = field(default_factory=list)
    coverage: list[Cover] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    procedure: ReviewProcedure | None = None  # the county's own, where the case goes by one

    def rows(self) -> list[Answers]:
        """The members as the panel form asks for them."""
        return [
            {
                "user": seat.expert.user.id,
                "organisation": seat.expert.seat.organisation_id,
                "is_guide": seat.is_guide,
            }
            for seat in self.members
        ]


def propose(
    session: Session,
    case: Case,
    level: Level,
    now: datetime,
    groups: Collection[DiseaseGroup] | None = None,
) -> Proposal:
    """A panel for this level's review: the eight disciplines (B03, B10), the rescue centre of the
    zone map as guide (B02), somebody of each of the disease `groups` (B14; None: of those that the
    causes call for), one from outside, the least loaded first."""
    today = now.astimezone(_ZONE).date()
    pool = _pool(session, case, level, today)
    free = sorted(
        (each for each in pool if not each.conflicts), key=lambda each: (each.load, each.user.id)
    )
    proposal = Proposal(
        level,
        places.guide_centre(session, case.county_code, today, kinds.of(case).zone),
        left_out=[each for each in pool if each.conflicts],
    )
    _seat_guide(proposal, free, kinds.of(case))
    called_for = expert_groups.suggested(_causes(session, case))
    chosen = called_for if groups is None else [each for each in DiseaseGroup if each in groups]
    _cover_groups(proposal, free, chosen)
    _cover_disciplines(proposal, free)
    _seat_outsider(proposal, free)
    _make_odd(proposal, case, free)
    proposal.coverage = [_cover(proposal, free, discipline) for discipline in Discipline]
    proposal.sources = [
        _source(proposal, free, each, each in chosen, each in called_for) for each in DiseaseGroup
    ]
    if level == Level.COUNTY and (own := procedures.of_case(session, case)) is not None:
        proposal.procedure = own
        if own.prereview:
            proposal.notes.append(
                "本县评审程序：开会前由秘书预审材料，定开会时间时请留出预审的时间"
            )
        if own.outside:
            proposal.notes.append("本县评审程序：专家组请外县专家，下表标明「外部」的是")
    proposal.notes += [
        f"个案写到的「{each.value}」（{each.source}）不在机构库，其人员是否回避请人工核对"
        for each in recusal.unknown_units(session, case)
    ]
    return proposal


def unheeded(
    session: Session, case: Case, level: Level, members: Iterable[int], now: datetime
) -> str:
    """What the county's own procedure asks of a panel and these users do not meet, in Chinese;
    empty where nothing is. It is said, and refuses nothing."""
    own = procedures.of_case(session, case) if level == Level.COUNTY else None
    if own is None or not own.outside:
        return ""
    seats = session.scalars(
        held_on(now.astimezone(_ZONE).date()).where(Appointment.user_id.in_(list(members)))
    )
    if any(_is_outside(seat.organisation, case, level) for seat in seats):
        return ""
    return f"本县评审程序{procedures.title(own)}写明专家组请外县专家，名单里没有"


def held_on(day: date) -> Select[Appointment]:
    """Appointments as an expert, of people who may sign in, that hold on that day."""
    return (
        select(Appointment)
        .join(Appointment.user)
        .where(
            User.active,
            Appointment.role == Role.EXPERT,
            Appointment.valid_from <= day,
            or_(Appointment.valid_to.is_(None), Appointment.valid_to >= day),
        )
    )


def _pool(session: Session, case: Case, level: Level, today: date) -> list[Expert]:
    """Everybody who is appointed as an expert today, whatever their unit."""
    held = session.scalars(
        held_on(today)
        .options(contains_eager(Appointment.user), joinedload(Appointment.organisation))
        .order_by(Appointment.user_id, Appointment.id)
    )
    seats: dict[int, list[Appointment]] = {}
    for seat in held:
        seats.setdefault(seat.user_id, []).append(seat)
    why: dict[int, list[Conflict]] = {}
    for conflict in recusal.conflicts(session, case):
        why.setdefault(conflict.user_id, []).append(conflict)
    loads = _loads(session)
    parts = expert_groups.parts_of(session, list(seats), today)
    return [
        Expert(
            user=theirs[0].user,
            seat=theirs[0],
            load=loads.get(user_id, 0),
            outside=all(_is_outside(seat.organisation, case, level) for seat in theirs),
            conflicts=tuple(why.get(user_id, ())),
            parts=tuple(parts.get(user_id, ())),
        )
        for user_id, theirs in seats.items()
    ]


def _loads(session: Session) -> dict[int, int]:
    """Sealed panels of each expert. Not open steps: their number would tell who has filed."""
    query = (
        select(PanelMember.user_id, func.count())
        .join(Panel, Panel.id == PanelMember.panel_id)
        .join(Case, Case.id == Panel.case_id)
        .where(
            Panel.opened_at.is_(None),
            PanelMember.ended_at.is_(None),
            Case.state.not_in(_ENDED),
        )
        .group_by(PanelMember.user_id)
    )
    return dict(session.execute(query).all())


def _is_outside(unit: Organisation, case: Case, level: Level) -> bool:
    if level == Level.COUNTY:
        return unit.level != RegionLevel.COUNTY or unit.region_code != case.county_code
    return unit.region_code[:4] != case.city_code[:4]  # GB/T 2260: the first four name the city


def _seat_guide(proposal: Proposal, free: list[Expert], kind: kinds.Kind) -> None:
    centre = proposal.guide
    if centre is None:
        centre_of = _CENTRES[kind.zone]
        proposal.notes.append(f"片区对应关系里没有本县的{centre_of}救治中心，指导专家须另行商请")
        return
    ours = [each for each in free if each.seat.organisation_id == centre.id]
    ours.sort(key=lambda each: each.user.discipline != kind.lead)
    if ours:
        proposal.members.append(Seat(ours[0], is_guide=True))
        return
    back = sum(each.seat.organisation_id == centre.id for each in proposal.left_out)
    why = f"{back} 人应当回避" if back else "专家库里没有其人员"
    proposal.notes.append(f"对口的{centre.name}没有可聘的指导专家（{why}），须另行商请")


def _causes(session: Session, case: Case) -> list[str]:
    """ICD-10 codes of the newest submission, the underlying cause first."""
    query = select(Document.answers).where(
        Document.case_id == case.id, Document.form.like("case_submission.v%")
    )
    newest = session.scalars(query.order_by(Document.id.desc()).limit(1)).first() or {}
    chain = newest.get("causes") or {}
    codes = [newest.get("underlying_icd"), *(chain.get(line, {}).get("icd10") for line in "dcba")]
    return [str(code) for code in codes if code]


def _cover_groups(proposal: Proposal, free: list[Expert], chosen: Iterable[DiseaseGroup]) -> None:
    for disease in chosen:
        if any(disease.value in seat.expert.diseases for seat in proposal.members):
            continue
        found = _first(proposal, (each for each in free if disease.value in each.diseases))
        if found is not None:
            proposal.members.append(Seat(found))
        else:
            proposal.notes.append("所选的专病专家组里没有可聘的专家，须另行商请")


def _source(
    proposal: Proposal, free: list[Expert], disease: DiseaseGroup, chosen: bool, called_for: bool
) -> Source:
    seats = [seat for seat in proposal.members if disease.value in seat.expert.diseases]
    taken = {seat.expert.user.id for seat in seats}
    others = [each for each in free if disease.value in each.diseases]
    spare = [each for each in others if each.user.id not in taken]
    return Source(disease, chosen, called_for, seats, spare)


def _cover_disciplines(proposal: Proposal, free: list[Expert]) -> None:
    for discipline in Discipline:
        if any(seat.expert.user.discipline == discipline for seat in proposal.members):
            continue
        found = _first(proposal, (each for each in free if each.user.discipline == discipline))
        if found is not None:
            proposal.members.append(Seat(found))


def _seat_outsider(proposal: Proposal, free: list[Expert]) -> None:
    if any(seat.expert.outside for seat in proposal.members):
        return
    found = _first(proposal, (each for each in free if each.outside))
    if found is not None:
        proposal.members.append(Seat(found))
    else:
        area = "本县" if proposal.level == Level.COUNTY else "本市"
        proposal.notes.append(f"专家库里没有{area}以外的可聘专家，外部专家须另行商请")


def _make_odd(proposal: Proposal, case: Case, free: list[Expert]) -> None:
    """No source demands an odd number: it is offered where it costs nothing, and only said."""
    rule = rules_of(case).find("panel.odd_number_warning")
    if rule is None or rule.value is not True or len(proposal.members) % 2:
        return
    found = _first(proposal, free)
    if found is not None:
        proposal.members.append(Seat(found))
    elif proposal.members:
        proposal.notes.append(f"建议名单 {len(proposal.members)} 人，是双数，表决可能相持")


def _first(proposal: Proposal, candidates: Iterable[Expert]) -> Expert | None:
    """The least loaded of them who is not on the panel yet."""
    taken = {seat.expert.user.id for seat in proposal.members}
    return next((each for each in candidates if each.user.id not in taken), None)


def _cover(proposal: Proposal, free: list[Expert], discipline: Discipline) -> Cover:
    seats = [seat for seat in proposal.members if seat.expert.user.discipline == discipline]
    taken = {seat.expert.user.id for seat in seats}
    others = [each for each in free if each.user.discipline == discipline]
    return Cover(discipline, seats, [each for each in others if each.user.id not in taken])

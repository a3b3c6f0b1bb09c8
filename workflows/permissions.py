"""Who may do what and who sees what, as tables and queries. Knows no page and no form.

Unseen is absent: pages take their rows from the queries here, so that a neighbour's case is a 404.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    exists,
    false,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from models import (
    PERIODIC,
    Appointment,
    Case,
    CaseUnit,
    Declaration,
    Duty,
    Event,
    Level,
    Notice,
    NoticeRecipient,
    OrganisationKind,
    Panel,
    PanelMember,
    Region,
    Role,
    Task,
    TaskState,
    UnitPart,
)

_ZONE = ZoneInfo("Asia/Shanghai")


class Forbidden(Exception):
    """The person may not do this."""


class At(StrEnum):
    """Where a lane's people sit, relative to the case."""

    REPORTER = "reporter"  # the reporting organisation
    COUNTY = "county"  # the county's organisation of the lane's kind
    LEVEL = "level"  # the same, county or city, as the running part says
    SECRETARY = "secretary"  # one person: the panel's
    CHAIR = "chair"
    MEMBER = "member"  # one person: the panel member of the step's index
    SIGNER = "signer"  # one person: who was at the panel's meeting, by the step's index
    RECIPIENT = "recipient"  # the unit a notice went to, by the step's index
    OWNER = "owner"  # the unit that must put a finding right
    ACCEPTOR = "acceptor"  # the unit that accepts it
    DUTY = "duty"  # the unit that owes a periodic duty
    RECEIVER = "receiver"  # the unit that takes its report over
    OBJECT = "object"  # the unit, or the one person, that a measure is about
    ABOVE = "above"  # the commission that an interview is filed with
    LEAD = "lead"  # one person: leads the experts that were sent


LEADING = (Role.COMMISSION, Role.COMMISSION_LEADER)
PERSONAL = (At.SECRETARY, At.CHAIR, At.MEMBER, At.SIGNER, At.LEAD)  # nobody else in their place


@dataclass(frozen=True, slots=True)
class Lane:
    code: str
    title: str  # the lane's name in the diagrams
    roles: tuple[Role, ...]
    at: At


_UNIT_DESKS = (Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION)
# Who answers for a unit that a measure is about; a person it is about holds one of these
OBJECT_ROLES = (
    Role.HEAD,
    Role.QUALITY_OFFICE,
    Role.MCH,
    Role.COMMISSION,
    Role.COMMISSION_LEADER,
)

LANES = {
    lane.code: lane
    for lane in (
        Lane(
            "reporter",
            "报告人（科室、产安办）",
            (Role.DEPARTMENT, Role.QUALITY_OFFICE),
            At.REPORTER,
        ),
        Lane("quality_office", "产安办（质控办）", (Role.QUALITY_OFFICE,), At.REPORTER),
        Lane("head", "机构负责人", (Role.HEAD,), At.REPORTER),
        Lane("county_mch", "县级妇幼保健机构", (Role.MCH,), At.COUNTY),
        Lane("county_commission", "县级卫生健康委", (Role.COMMISSION,), At.COUNTY),
        Lane(
            "county_commission_leader",
            "县级卫生健康委主管负责人",
            (Role.COMMISSION_LEADER,),
            At.COUNTY,
        ),
        Lane("commission", "本级卫生健康委", (Role.COMMISSION,), At.LEVEL),
        Lane("commission_leader", "本级卫生健康委主管负责人", (Role.COMMISSION_LEADER,), At.LEVEL),
        Lane("secretary", "评审秘书", (Role.SECRETARY,), At.SECRETARY),
        Lane("expert", "评审专家", (Role.EXPERT,), At.MEMBER),
        Lane("chair", "评审组长", (Role.EXPERT,), At.CHAIR),
        Lane("signer", "到会专家", (Role.EXPERT,), At.SIGNER),
        Lane("concerned", "有关单位", _UNIT_DESKS, At.RECIPIENT),
        Lane("owner", "责任单位", _UNIT_DESKS, At.OWNER),
        Lane("acceptor", "验收单位", (Role.COMMISSION, Role.MCH), At.ACCEPTOR),
        Lane(
            "extension_approver",
            "验收单位（审批延期）",
            (Role.COMMISSION_LEADER, Role.MCH),
            At.ACCEPTOR,
        ),
        Lane("city_commission", "市级卫生健康委", (Role.COMMISSION,), At.LEVEL),
        Lane("reporting_mch", "填报单位", (Role.MCH,), At.DUTY),
        Lane("issuer", "拟稿单位", (Role.COMMISSION,), At.DUTY),
        Lane("issuer_leader", "拟稿单位主管负责人", (Role.COMMISSION_LEADER,), At.DUTY),
        Lane("replier", "回复单位", _UNIT_DESKS, At.DUTY),
        Lane("reply_reader", "发文单位", (Role.COMMISSION,), At.RECEIVER),
        Lane("report_receiver", "接收单位", (Role.MCH, Role.COMMISSION), At.RECEIVER),
        Lane("measure_desk", "主办单位", (Role.COMMISSION,), At.DUTY),
        Lane("measure_leader", "主办单位主管负责人", (Role.COMMISSION_LEADER,), At.DUTY),
        Lane("measure_object", "对象（单位或个人）", OBJECT_ROLES, At.OBJECT),
        Lane("filing_desk", "备案单位", (Role.COMMISSION,), At.ABOVE),
        Lane("team_lead", "专家组组长", (Role.EXPERT,), At.LEAD),
    )
}
LANE_BY_TITLE = {lane.title: lane for lane in LANES.values()}

OFFICES = (OrganisationKind.MCH, OrganisationKind.COMMISSION)
COUNTY_DESKS = {Role.MCH, Role.COMMISSION, Role.COMMISSION_LEADER}
_CASE_DESKS = {Role.QUALITY_OFFICE, Role.HEAD, *COUNTY_DESKS}

PERMISSIONS: dict[str, set[Role]] = {
    "case:report": {Role.DEPARTMENT, Role.QUALITY_OFFICE},
    "case:list": {*_CASE_DESKS, Role.DEPARTMENT, Role.SECRETARY, Role.EXPERT, Role.AUDITOR},
    "case:identify": {*_CASE_DESKS, Role.DEPARTMENT},  # may read names; all others see them masked
    "case:rediscuss": {Role.QUALITY_OFFICE},
    "case:request_void": {Role.QUALITY_OFFICE},
    "case:confirm_void": {Role.MCH},
    "desk:view": {Role.QUALITY_OFFICE, Role.HEAD, *COUNTY_DESKS},
    "task:distribute": {Role.QUALITY_OFFICE, Role.HEAD, *COUNTY_DESKS},  # whose: `led_lanes`
    "substitute:arrange": {Role.DEPARTMENT, *_CASE_DESKS},  # opinions and minutes are personal
    "case:suspend": {Role.COMMISSION_LEADER},
    "case:rewind": {Role.MCH, Role.COMMISSION, Role.COMMISSION_LEADER},  # to a step of their unit
    "task:skip": {Role.COMMISSION},
    "task:confirm_skip": {Role.COMMISSION_LEADER},  # a second person, of the same unit
    "comment:write": {*_CASE_DESKS, Role.SECRETARY, Role.EXPERT},  # to whom: `readers`
    "case:watch": {*_CASE_DESKS, Role.DEPARTMENT, Role.SECRETARY, Role.EXPERT},
    "province:enter": {Role.COMMISSION},  # of the city
    "mapping:view": COUNTY_DESKS,
    "mapping:confirm": {Role.COMMISSION_LEADER},  # of a city or above
    "gathering:view": _CASE_DESKS,
    "gathering:keep": {Role.COMMISSION},
    "training:view": {*_CASE_DESKS, Role.DEPARTMENT, Role.SECRETARY, Role.EXPERT},
    "procedure:draft": {Role.COMMISSION},  # of a county
    "procedure:approve": {Role.COMMISSION_LEADER},
    "expert:view": {Role.COMMISSION, Role.COMMISSION_LEADER},
    # the groups that guide one's own institution; commissions see all by expert:view
    "group:view": {Role.DEPARTMENT, Role.QUALITY_OFFICE, Role.HEAD, Role.MCH},
    "expert:administer": {Role.COMMISSION},
    "board:view": _CASE_DESKS,
    "clock:view": _CASE_DESKS,
    "statistics:view": COUNTY_DESKS,
    "ledger:view": {*_CASE_DESKS, Role.AUDITOR},
    "ledger:enter": {Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION},  # whose: `may_own_items`
    "ledger:extend": {Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION},  # of their own unit's items
    "ledger:urge": _CASE_DESKS,
    "notice:view": {*_CASE_DESKS, Role.AUDITOR},
    "notice:draft": {Role.COMMISSION},
    "duty:view": {*COUNTY_DESKS, Role.AUDITOR},
    "figures:view": {*COUNTY_DESKS, Role.AUDITOR},
    "figures:import": {Role.MCH, Role.COMMISSION},
    "register:view": {*_CASE_DESKS, Role.DEPARTMENT},
    "register:keep": {Role.DEPARTMENT, Role.QUALITY_OFFICE, Role.MCH},
    "indicator:view": {Role.QUALITY_OFFICE, Role.HEAD},
    "indicator:keep": {Role.QUALITY_OFFICE},
    "lesson:view": {*_CASE_DESKS, Role.DEPARTMENT, Role.SECRETARY, Role.EXPERT, Role.AUDITOR},
    "lesson:draft": {Role.MCH, Role.COMMISSION},
    "lesson:publish": COUNTY_DESKS,  # never one's own
    "motion:view": {Role.COMMISSION, Role.COMMISSION_LEADER},
    "motion:add": {Role.COMMISSION},
    "motion:decide": {Role.COMMISSION_LEADER},
    "measure:view": set(OBJECT_ROLES),
    "measure:receive": {Role.HEAD, Role.QUALITY_OFFICE, Role.MCH},  # an entry of the menu
    "dossier:request": {
        Role.QUALITY_OFFICE,
        Role.MCH,
        Role.COMMISSION,
        Role.COMMISSION_LEADER,
        Role.AUDITOR,
    },
    "pack:request": {Role.SECRETARY, Role.EXPERT},  # de-identified, for the meeting
    "sheet:request": {Role.SECRETARY, Role.COMMISSION, Role.COMMISSION_LEADER},
    "system:view": {Role.SYSTEM_ADMIN},
    "definition:propose": {Role.SYSTEM_ADMIN},
    "definition:decide": {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN},  # never one's own
    "user:administer": {Role.SECURITY_ADMIN},
    "log:view": {Role.AUDIT_ADMIN},
}

# Whose desks somebody leads: they give out its work within their own unit.
LEADS: dict[Role, frozenset[Role]] = {
    Role.HEAD: frozenset({Role.DEPARTMENT, Role.QUALITY_OFFICE, Role.MCH, Role.HEAD}),
    Role.QUALITY_OFFICE: frozenset({Role.DEPARTMENT}),
    Role.COMMISSION_LEADER: frozenset({Role.COMMISSION, Role.COMMISSION_LEADER}),
}

# Who took the steps of the right does not take the step of the left, for whomever they act.
APART: dict[str, frozenset[str]] = {
    "verify_case": frozenset({"file_case"}),
    "endorse_conclusion": frozenset(
        {"file_opinion", "draft_conclusion", "chair_conclusion", "sign_conclusion"}
    ),
    "issue_notice": frozenset({"draft_notice"}),
    "accept_rectification": frozenset({"plan_rectification", "report_rectification"}),
}


def may(by: Appointment, permission: str) -> bool:
    """Whether the role one acts under has a permission at all; which rows is a query's matter."""
    return by.role in PERMISSIONS[permission]


def require(by: Appointment, permission: str) -> None:
    """Forbidden unless `may`."""
    if not may(by, permission):
        raise Forbidden(permission)


def lanes_of(role: Role) -> list[str]:
    """Codes of the lanes whose steps a role may take."""
    return [lane.code for lane in LANES.values() if role in lane.roles]


def _addressed(by: Appointment) -> list[ColumnElement[bool]]:
    """To the person, or to the desk."""
    mine = and_(Task.user_id == by.user_id, Task.lane.in_(lanes_of(by.role)))
    our_desk = and_(
        Task.user_id.is_(None),
        Task.organisation_id == by.organisation_id,
        Task.lane.in_(lanes_of(by.role)),
    )
    return [mine, our_desk] if by.stands_for_id is None else [and_(our_desk, *in_place(by))]


def in_place(by: Appointment) -> list[ColumnElement[bool]]:
    """What an absent person's substitute gets of their steps: none of a case one reviews."""
    of_diagram = [] if by.diagram is None else [Task.diagram == by.diagram]
    return [Task.case_id.not_in(reviewed_cases(by)), *of_diagram]


def reviewed_cases(by: Appointment) -> CompoundSelect[int]:
    """Cases one has or had a part in the review of: nobody stands in there."""
    # Each by its own index: asked for with an OR, all panels there ever were are looked through
    as_member = select(Panel.case_id).join(PanelMember).where(PanelMember.user_id == by.user_id)
    as_secretary = select(Panel.case_id).where(Panel.secretary_id == by.user_id)
    return as_member.union_all(as_secretary)


def visible_tasks(by: Appointment) -> Select[Task]:
    """Steps addressed to this person or this desk, open or not."""
    return select(Task).where(or_(*_addressed(by)))


def inbox(by: Appointment) -> Select[Task]:
    """Open steps addressed to this person or this desk."""
    # Each by its own index: asked for with an OR, SQLite looks through all that are open
    found = (select(Task.id).where(Task.state == TaskState.OPEN, way) for way in _addressed(by))
    return select(Task).where(Task.id.in_(union_all(*(ids.correlate(None) for ids in found))))


def is_addressed(by: Appointment, task: Task) -> bool:
    """The same rule as `visible_tasks`, for one task in hand."""
    if task.lane not in lanes_of(by.role) or by.diagram not in (None, task.diagram):
        return False
    if task.user_id is not None:
        return task.user_id == by.user_id
    return task.organisation_id == by.organisation_id


def may_complete(by: Appointment, task: Task) -> bool:
    """Addressed, not taken on by a colleague, and not one that its owner wants to see first."""
    if not is_addressed(by, task) or task.holder_id not in (None, *by.people):
        return False
    return not task.confirms


def visible_cases(by: Appointment, *, unsettled: bool = False) -> Select[Case]:
    """Cases this person may open under this appointment; `unsettled`: as with `case_ids`."""
    if unsettled and _by_unit(by):
        return select(Case).where(Case.id.in_(case_ids(by, unsettled=True)))
    return select(Case).where(case_scope(by))


def case_scope(by: Appointment) -> ColumnElement[bool]:
    """The same as a condition, for a query that joins `Case`."""
    if by.stands_for_id is not None:
        return and_(_scope_of_role(by), Case.id.not_in(reviewed_cases(by)))
    return _scope_of_role(by)


def case_ids(
    by: Appointment, since: datetime | None = None, *, unsettled: bool = False
) -> Select[int]:
    """Their ids, for queries of other tables: found by units alone where units decide, so that no
    case is looked up only to be left out. None is missing that has happened since `since`, or, of
    those `unsettled`, that has not ended or has a limit that runs; others may be among them."""
    if not _by_unit(by):
        return select(Case.id).where(case_scope(by))
    ids = _cases_of_unit(by)
    if unsettled:
        ids = ids.where(CaseUnit.settled.is_(False))
    # A unit has its part from the report on, which is later than the event: only clocks may differ
    return ids if since is None else ids.where(CaseUnit.since >= since - _CLOCKS_DIFFER)


_CLOCKS_DIFFER = timedelta(days=1)
# In the words of the index that holds only these
_ELSEWHERE: BindParameter[UnitPart] = bindparam(
    "elsewhere", (UnitPart.CONCERNED, UnitPart.GUIDE), expanding=True, literal_execute=True
)
_HAS_PART = CaseUnit.part.not_in(_ELSEWHERE)
PARTS = (_HAS_PART, CaseUnit.part.in_(_ELSEWHERE))  # both together: any, each found by its index


def _by_unit(by: Appointment) -> bool:
    """Whether one sees what one's unit has a part in, neither more nor less."""
    return by.role in (*_CASE_DESKS, Role.AUDITOR) and by.stands_for_id is None


def _cases_of_unit(by: Appointment) -> Select[int]:
    return select(CaseUnit.case_id).where(
        CaseUnit.organisation_id == by.organisation_id,
        _HAS_PART,
    )


def _scope_of_role(by: Appointment) -> ColumnElement[bool]:
    if by.role == Role.DEPARTMENT:
        return Case.reported_by_id == by.principal.id
    if by.role in (*_CASE_DESKS, Role.AUDITOR):
        return Case.id.in_(_cases_of_unit(by))
    if by.role in (Role.EXPERT, Role.SECRETARY):
        return Case.id.in_(_panels_of(by))
    return false()


def _panels_of(by: Appointment) -> Select[int]:
    if by.role == Role.SECRETARY:
        return select(Panel.case_id).where(Panel.secretary_id == by.user_id)
    other, left = aliased(Panel), aliased(PanelMember)
    gone = exists().where(
        left.user_id == by.user_id,
        left.ended_at.is_not(None),
        left.panel_id == other.id,
        other.case_id == Panel.case_id,
    )
    return select(Panel.case_id).where(Panel.id.in_(_seats(by)), ~gone)


def _seats(by: Appointment) -> Select[int]:
    """Panels one sits on, having declared that nothing stands against it."""
    return select(PanelMember.panel_id).where(
        PanelMember.user_id == by.user_id,
        PanelMember.declaration == Declaration.NONE,
        PanelMember.ended_at.is_(None),
    )


def visible_notices(by: Appointment) -> Select[Notice]:
    """Notices our unit wrote or received, and those of cases we may open (when issued)."""
    received = select(NoticeRecipient.notice_id).where(
        NoticeRecipient.organisation_id == by.organisation_id
    )
    of_cases = select(Case.id).where(case_scope(by))
    return select(Notice).where(
        or_(
            Notice.organisation_id == by.organisation_id,
            and_(
                Notice.issued_at.is_not(None),
                or_(Notice.id.in_(received), Notice.case_id.in_(of_cases)),
            ),
        ),
        *(or_(Notice.case_id.is_(None), Notice.case_id.not_in(own)) for own in unread_below(by)),
    )


def reviews_anew(by: Appointment, panel: Panel) -> bool:
    """Whether one sits on or serves a sealed panel above the first: until its opinions are in, one
    reads nothing of what the level below concluded. Not so the administrations' desks."""
    if panel.opened_at is not None or panel.level is Level.COUNTY or by.role in LEADING:
        return False
    seated = {member.user_id for member in panel.members if member.ended_at is None}
    return by.user_id in {*seated, panel.secretary_id}


def unread_below(by: Appointment) -> list[CompoundSelect[int]]:
    """The same as a query of cases, for conditions; none for those it cannot concern."""
    if by.role in LEADING:
        return []
    sealed = (Panel.opened_at.is_(None), Panel.level != Level.COUNTY)
    ours = (PanelMember.user_id == by.user_id, PanelMember.ended_at.is_(None), *sealed)
    as_member = select(Panel.case_id).join(PanelMember).where(*ours)
    as_secretary = select(Panel.case_id).where(Panel.secretary_id == by.user_id, *sealed)
    return [as_member.union_all(as_secretary)]


def visible_duties(by: Appointment) -> Select[Duty]:
    """Periodic duties our unit owes or takes over, and those of our area and the areas below it.

    What is owed on an occasion is seen by rules of its own.
    """
    here = by.organisation
    return select(Duty).where(
        Duty.kind.in_(PERIODIC),
        or_(
            Duty.organisation_id == here.id,
            Duty.receiver_id == here.id,
            Duty.region_code.in_(areas_of(by)),
        ),
    )


def areas_of(by: Appointment) -> Select[str]:
    """Our unit's area and those below it."""
    here = by.organisation.region_code
    return select(Region.code).where(or_(Region.code == here, Region.parent_code == here))


def opened_panels(by: Appointment) -> Select[Panel]:
    """Panels of visible cases whose opinions this person may read: see `reads_opinions`."""
    return select(Panel).where(
        Panel.opened_at.is_not(None),
        or_(Panel.secretary_id == by.user_id, Panel.id.in_(_seats(by))),
        Panel.case_id.in_(select(Case.id).where(case_scope(by))),
        *(Panel.case_id.not_in(own) for own in unread_below(by)),
    )


def sealed_events() -> CompoundSelect[int]:
    """Events that would tell who has filed an opinion, while its panel is sealed: for no log."""
    of_steps = (
        select(Event.id)
        .join(Task, Task.id == Event.data["task"].as_integer())
        .join(Panel, and_(Panel.case_id == Task.case_id, Panel.level == Task.level))
        .where(
            Event.name == "task.completed",
            Task.form.like("opinion.v%"),
            Panel.opened_at.is_(None),
        )
    )
    of_panels = (
        select(Event.id)
        .join(
            Panel,
            and_(Panel.case_id == Event.case_id, Panel.level == Event.data["level"].as_string()),
        )
        .where(Event.name == "opinion.revised", Panel.opened_at.is_(None))
    )
    return of_steps.union_all(of_panels)


def reads_opinions(by: Appointment, panel: Panel) -> bool:
    """Sealed until the panel is opened; then its members, its chair among them, and its secretary
    read them. Not those who have given up their seats."""
    if panel.opened_at is None:
        return False
    seats = {member.user_id for member in panel.members if member.reads}
    return by.user_id in {*seats, panel.secretary_id}


def convened_panels(by: Appointment) -> Select[Panel]:
    """Panels that our administration called, for whoever does its work: they seat and unseat."""
    if by.role is not Role.COMMISSION:
        return select(Panel).where(false())
    return select(Panel).where(
        Panel.organisation_id == by.organisation_id,
        Panel.case_id.in_(select(Case.id).where(case_scope(by))),
    )

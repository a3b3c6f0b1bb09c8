"""What follows from receiving, discussing, submitting and verifying a case."""

from models import CaseState, Level, OrganisationKind, Role, UnitPart
from workflows import clocks, places, search
from workflows.actions.cases import flag_late
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.notifications import tell_desk
from workflows.services import add_unit

_UPWARD = (
    (OrganisationKind.COMMISSION, Level.COUNTY, UnitPart.ADMINISTRATION),
    (OrganisationKind.MCH, Level.CITY, UnitPart.UPPER_MCH),
)


def forward_report(step: Handing) -> Flags:
    """Receipt signed: same-level commission and upper MCH institution get the case (A06)."""
    names = []
    for kind, level, part in _UPWARD:
        unit = places.unit_of(step.session, step.case, kind, level)
        add_unit(step.case, unit.id, part, step.now)
        roles = (Role.MCH, Role.COMMISSION, Role.COMMISSION_LEADER)
        tell_desk(
            step.session,
            EventName.CASE_FORWARDED,
            unit.id,
            roles,
            case=step.case,
            now=step.now,
            to=unit.name,
        )
        names.append(unit.name)
    record(
        step.session, EventName.CASE_FORWARDED, case=step.case, by=step.by, now=step.now, to=names
    )
    return {}


def record_discussion(step: Handing) -> Flags:
    """The discussion is on record; its lateness stays on the clock."""
    record(
        step.session,
        EventName.DISCUSSION_RECORDED,
        case=step.case,
        by=step.by,
        now=step.now,
        edition=step.document.edition,
    )
    return {}


def file_case(step: Handing) -> Flags:
    """The individual case is with county MCH; who she was is taken from the death card."""
    person, answers = step.case.person, step.answers
    named, person.name = person.name, answers.get("name", person.name)
    person.id_no = answers.get("id_no", person.id_no)
    person.age = answers.get("age", person.age)
    if person.name != named or "mother_name" in answers:
        search.forget(step.session, step.case)
        search.remember(step.session, step.case, answers)
    step.case.submitted = True
    if step.case.state in (CaseState.REPORTED, CaseState.RETURNED):
        step.case.state = CaseState.SUBMITTED
    clock = clocks.find(step.case, "case_submission")
    if clock is not None and clock.met_at is None and clock.seconds_late(step.now) > 0:
        flag_late(step.session, step.case, clock.title, now=step.now)
    record(
        step.session,
        EventName.CASE_SUBMITTED,
        case=step.case,
        by=step.by,
        now=step.now,
        edition=step.document.edition,
    )
    return {}


def verify_case(step: Handing) -> Flags:
    """Accepted into review, or back for supplement. An incomplete record raises R4 (D01)."""
    returned = step.answers["verify_decision"] == "return"
    step.case.state = CaseState.RETURNED if returned else CaseState.IN_REVIEW
    _raise_flags(step)
    name = EventName.CASE_RETURNED if returned else EventName.CASE_ACCEPTED
    record(step.session, name, case=step.case, by=step.by, now=step.now)
    tell_desk(
        step.session,
        name,
        step.case.organisation_id,
        (Role.QUALITY_OFFICE,),
        case=step.case,
        now=step.now,
    )
    return {"level": Level.COUNTY.value}


_TRIGGERS = {"missed": "R1", "concealed": "R2", "late": "R3", "refused": "refused"}


def _raise_flags(step: Handing) -> None:
    """What county MCH found: 漏报、瞒报、迟报、拒报、病历不完整 (A05, D01). Never taken back."""
    triggers = {_TRIGGERS[flag] for flag in step.answers.get("flags", ())}
    if step.answers.get("record_complete") is False:
        triggers.add("R4")
    step.case.late_report = step.case.late_report or "R3" in triggers
    step.case.incomplete_record = step.case.incomplete_record or "R4" in triggers
    for trigger in sorted(triggers):
        record(
            step.session,
            EventName.CASE_FLAGGED,
            case=step.case,
            by=step.by,
            now=step.now,
            trigger=trigger,
            what="核实质控",
        )

"""What is done to a case as a whole: report it, void it, reopen its discussion, read it."""

from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    CaseKind,
    CaseState,
    Level,
    OrganisationKind,
    Person,
    Process,
    ProcessState,
    Region,
    Role,
    Task,
    UnitPart,
)
from workflows import (
    additions,
    clocks,
    engine,
    frozen,
    kinds,
    parts,
    places,
    procedures,
    rules,
    search,
    surroundings,
)
from workflows.actions import incidents
from workflows.actions.aside import NOTHING
from workflows.actions.tasks import (
    Handing,
    InvalidAnswers,
    hand_in,
    handed_in,
    write_document,
)
from workflows.events import EventName, record
from workflows.forms import check, load
from workflows.forms.moment import moment_in
from workflows.forms.spec import Answers
from workflows.notifications import tell_desk, tell_desks
from workflows.permissions import Forbidden, require
from workflows.services import CaseHost, add_unit

_ZONE = ZoneInfo("Asia/Shanghai")


class NotVoidable(Exception):
    """The case is voided or closed already, or nobody asked for it to be voided."""


class AlreadyRunning(Exception):
    """A second discussion is open already."""


def open_case(
    session: Session,
    answers: Answers,
    *,
    key: str,
    by: Appointment,
    now: datetime,
    kind: CaseKind = CaseKind.MATERNAL_DEATH,
    follows: Case | None = None,
) -> Case:
    """Report a case: clocks from the time of the event, process, first document, in one step.

    `key` names the request; the same key again returns the case it made. Nobody can refuse a
    report (A05): county MCH receives it whether it signs or not. `follows`: the near miss of the
    same woman, for a death.
    Raises Forbidden, InvalidAnswers, places.NoUnit, rules.UnknownJurisdiction.
    """
    require(by, "case:report")
    what = kinds.KINDS[kind]
    # Reports of one county go one after the other: no number and no doubled request comes twice.
    county = session.execute(_COUNTY, {"here": by.organisation.region_code}).one()
    if (made := handed_in(session, by, key)) is not None and made.case is not None:
        return made.case
    form = load.load(what.report)
    around = surroundings.known(session, None, None, by=by, now=now)
    if errors := check.check(form, answers, now=now, known=around):
        raise InvalidAnswers(errors)
    case = _new_case(session, what, answers, county, by, now)
    if follows is not None:
        case.follows = follows
    running = clocks.of_event(session, case, now=now)
    additions.insert(session, [case], [case.person], case.units, running)
    clocks.started(session, running, now)
    search.remember(session, case, answers)
    task = _start(session, case, now)
    document = write_document(session, form, answers, task, key=key, by=by, now=now, edition=1)
    record(session, EventName.CASE_REPORTED, case=case, by=by, now=now, number=case.number)
    hand_in(Handing(session, task, document, by, now, NOTHING), form)
    _mark_late(session, case, now)
    _tell_about_report(session, case, now)
    return case


def _new_case(
    session: Session,
    kind: kinds.Kind,
    answers: Answers,
    county: Row[str, str | None],
    by: Appointment,
    now: datetime,
) -> Case:
    event_at = datetime.fromisoformat(answers["event_dt"])
    city_code = county.parent_code or county.code
    place = rules.rule_set(county.code, event_at)
    in_force = procedures.applied(session, place, county.code, kind.code, event_at)
    receiver = places.unit_there(session, county.code, OrganisationKind.MCH, Level.COUNTY)
    agreed = frozen.freeze(session, in_force)
    case = Case(
        number=_next_number(session, kind.letters, county.code, now),
        kind=kind.code,
        organisation=by.organisation,
        organisation_id=by.organisation_id,
        county_code=county.code,
        city_code=city_code,
        reported_by_id=by.user_id,
        event_at=event_at,
        discovered_at=datetime.fromisoformat(answers["discovered_dt"]),
        born_at=moment_in(answers, "birth_dt"),
        reported_at=now,
        jurisdiction=city_code,
        rules=agreed,
        rules_digest=agreed.digest,
        person=Person(name=answers["name"], id_no=answers.get("id_no"), age=answers.get("age")),
        units=[],  # known to be none, so nobody looks for them
        clocks=[],
    )
    add_unit(case, by.organisation_id, UnitPart.REPORTER, now)
    add_unit(case, receiver.id, UnitPart.RECEIVER, now)
    return case


def _next_number(session: Session, letters: str, county_code: str, now: datetime) -> str:
    """<letters of the kind>-<county>-<year>-<sequence>; the caller has locked the county."""
    start = f"{letters}-{county_code}-{now.astimezone(_ZONE).year}-"
    following = 1
    for digits in count(4):  # 9999 comes before 10000
        most = start + "9" * digits
        last = session.scalar(_LAST, {"first": start, "most": most, "long": len(most)})
        if last is not None:
            following = int(last.removeprefix(start)) + 1
        if following < 10**digits:
            break
    return f"{start}{following:04d}"


_COUNTY = (
    select(Region.code, Region.parent_code)
    .where(Region.code == bindparam("here"))
    .with_for_update()
)
_LAST = (  # of all with so many digits; read from the end of the index
    select(Case.number)
    .where(
        Case.number >= bindparam("first"),
        Case.number <= bindparam("most"),
        func.length(Case.number) == bindparam("long"),
    )
    .order_by(Case.number.desc())
    .limit(1)
    .execution_options(autoflush=False)
)


def _start(session: Session, case: Case, now: datetime) -> Task:
    levels = frozen.rules_of(case).find("review.levels")
    upward = levels.value if levels and isinstance(levels.value, tuple) else ()
    flags: dict[str, str | int | bool | None] = {
        "level": Level.COUNTY.value,
        "city_review": Level.CITY.value in upward,
        "n_items": 0,
    }
    host = CaseHost(session, case, now)
    process = engine.start(session, case, case.kind.value, flags, host, now=now)
    [task] = process.tasks
    return task


def _mark_late(session: Session, case: Case, now: datetime) -> None:
    clock = clocks.find(case, "first_report")
    if clock is not None and clock.seconds_late(now) > 0:
        flag_late(session, case, clock.title, now=now)


def flag_late(session: Session, case: Case, what: str, *, now: datetime) -> None:
    """Raise the late flag (迟报, D01 R3). It is never taken back."""
    case.late_report = True
    record(session, EventName.CASE_FLAGGED, case=case, now=now, trigger="R3", what=what)


def _tell_about_report(session: Session, case: Case, now: datetime) -> None:
    desks: dict[int, tuple[Role, ...]] = {case.organisation_id: (Role.QUALITY_OFFICE, Role.HEAD)}
    for unit in case.units:
        if unit.part is UnitPart.RECEIVER:
            desks[unit.organisation_id] = (*desks.get(unit.organisation_id, ()), Role.MCH)
    tell_desks(session, EventName.CASE_REPORTED, desks, case=case, now=now, number=case.number)


def reopen_discussion(session: Session, case: Case, *, by: Appointment, now: datetime) -> Process:
    """Start the second discussion, after an autopsy report. Raises Forbidden, AlreadyRunning."""
    require(by, "case:rediscuss")
    if by.organisation_id != case.organisation_id or case.state in _ENDED:
        raise Forbidden(case.id)
    running = session.scalars(
        select(Process).where(Process.case_id == case.id, Process.status == ProcessState.RUNNING)
    ).all()
    if any(process.definition.name == "second_discussion" for process in running):
        raise AlreadyRunning(case.id)
    record(session, EventName.DISCUSSION_REOPENED, case=case, by=by, now=now)
    host = CaseHost(session, case, now)
    return engine.start(session, case, "second_discussion", {}, host, now=now)


_ENDED = (CaseState.CLOSED, CaseState.VOIDED)


def request_void(
    session: Session, case: Case, reason: str, *, by: Appointment, now: datetime
) -> None:
    """Ask that a case opened by mistake be voided. County MCH decides; clocks run on meanwhile."""
    require(by, "case:request_void")
    if by.organisation_id != case.organisation_id:
        raise Forbidden(case.id)
    if case.state in (*_ENDED, CaseState.VOID_REQUESTED):
        raise NotVoidable(case.id)
    reason = reason.strip()
    if not 10 <= len(reason) <= 500:
        raise InvalidAnswers({"reason": ["写明误报原因，10 至 500 字"]})
    case.state_before_void, case.state = case.state, CaseState.VOID_REQUESTED
    case.void_reason, case.void_requested_by_id = reason, by.user_id
    record(session, EventName.CASE_VOID_REQUESTED, case=case, by=by, now=now)
    county_mch = places.unit_of(session, case, OrganisationKind.MCH, Level.COUNTY)
    tell_desk(
        session, EventName.CASE_VOID_REQUESTED, county_mch.id, (Role.MCH,), case=case, now=now
    )


def decide_void(
    session: Session, case: Case, confirmed: bool, *, by: Appointment, now: datetime
) -> None:
    """Confirm or refuse a request to void; by a second person of the receiving county MCH.

    A voided case stays on record with all its rows; only what was open ends.
    """
    require(by, "case:confirm_void")
    if case.state != CaseState.VOID_REQUESTED or case.state_before_void is None:
        raise NotVoidable(case.id)
    receiver = places.unit_of(session, case, OrganisationKind.MCH, Level.COUNTY)
    if by.organisation_id != receiver.id or case.void_requested_by_id in by.people:
        raise Forbidden(case.id)
    if not confirmed:
        case.state, case.state_before_void = case.state_before_void, None
        record(session, EventName.CASE_VOID_REFUSED, case=case, by=by, now=now)
        return
    case.state, case.voided_by_id, case.closed_at = CaseState.VOIDED, by.user_id, now
    end_processes(session, case, by=by, now=now)
    parts.end(session, case)
    record(session, EventName.CASE_VOIDED, case=case, by=by, now=now)


def end_processes(session: Session, case: Case, *, by: Appointment, now: datetime) -> None:
    """End what is open of a case; what was done stays."""
    for process in session.scalars(
        select(Process)
        .where(
            Process.case_id == case.id,
            Process.status.in_((ProcessState.RUNNING, ProcessState.INCIDENT)),
        )
        .with_for_update()
    ):
        engine.cancel(process, now=now)
        incidents.settle_process(session, process, by=by, now=now)


def record_read(session: Session, case: Case, what: str, *, by: Appointment, now: datetime) -> None:
    """Leave on record that somebody read a case (I01)."""
    record(session, EventName.CASE_READ, case=case, by=by, now=now, what=what)

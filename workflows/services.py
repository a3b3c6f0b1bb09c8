"""What diagrams may call, and who does an opened step: the engine's hosts.

One for a case, one for a duty.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Case,
    CaseUnit,
    Clock,
    Duty,
    Level,
    Motion,
    Notice,
    OrganisationKind,
    Panel,
    PanelMember,
    Process,
    Rectification,
    Role,
    Task,
    UnitPart,
)
from workflows import clocks, frozen, kinds, meetings, places, recurrence
from workflows.engine import NEVER, Functions, Step
from workflows.events import EventName, of, record
from workflows.notifications import tell_desk
from workflows.permissions import LANE_BY_TITLE, At, Lane

_KIND_OF_LANE = {
    "county_mch": OrganisationKind.MCH,
    "county_commission": OrganisationKind.COMMISSION,
    "county_commission_leader": OrganisationKind.COMMISSION,
    "commission": OrganisationKind.COMMISSION,
    "commission_leader": OrganisationKind.COMMISSION,
}
_WATCHERS = (Role.MCH, Role.COMMISSION)


def host_of(session: Session, running: Process | Task, now: datetime) -> "CaseHost | DutyHost":
    """The host of a process, or of the process a step stands in."""
    if running.case is not None:
        host: CaseHost | DutyHost = CaseHost(session, running.case, now)
    elif running.duty is not None:
        host = DutyHost(session, running.duty, now)
    else:
        raise LookupError(f"{running!r} belongs to nothing")
    if isinstance(running, Task):
        host.step = running
    return host


class _Items:
    """What the diagram of a ledger item asks for, whether it runs for a case or for a duty."""

    session: Session
    now: datetime
    step: Task | None = None  # that was handed in: what comes next is often about the same

    def __init__(self, session: Session, about: Case | Duty, now: datetime) -> None:
        self.session, self.about, self.now = session, about, now

    def due_item(self, item_id: int) -> str:
        """When the clock of a ledger item is due, ISO 8601; far away without a number."""
        clock = self._item_clock(item_id)
        return (clock.due_at if clock and clock.due_at else NEVER).isoformat()

    def escalate_item(self, item: int) -> bool:
        """Tell those who look after the place that an item's deadline has passed; once."""
        return self._escalate(self._item_clock(item))

    def _item_clock(self, item_id: int) -> Clock | None:
        with self.session.no_autoflush:  # what is not written yet is found all the same
            return self._clock("rectification", str(item_id))

    def _clock(self, key: str, subject: str) -> Clock | None:
        near = self.step.clock if self.step is not None else None
        if near is not None and (near.rule_key, near.subject) == (f"clock.{key}", subject):
            return near
        return clocks.find(self.about, key, subject)

    def _seat_item(self, lane: Lane, step: Step, task: Task) -> None:
        item = self._item(step)
        task.rectification_id = item.id
        task.organisation_id = item.owner_id if lane.at == At.OWNER else item.acceptor_id

    def _item(self, step: Step) -> Rectification:
        """The item that the duty is about, or the one at the step's place."""
        if isinstance(self.about, Duty) and self.about.item_id is not None:
            return self.session.get_one(Rectification, self.about.item_id)
        level, place = step.data.get("level", ""), step.index or 0
        found, near = None, self.step
        if near is not None and (near.level, near.index) == (level, place):
            found = near.rectification_id
        found = found or recurrence.run_at(self.session, self.about, level, place)
        if found is not None:
            return self.session.get_one(Rectification, found)
        raise LookupError(f"no item at {level} {place}")

    def _serve_clock(self, step: Step, task: Task, level: str | None) -> None:
        """The clock that the step is to meet, started if it does not run yet."""
        key = step.properties.get("clock")
        if not key:
            return
        subject = "" if task.rectification_id is None else str(task.rectification_id)
        limit = self._limit(key.format(level=level))
        task.clock = self._clock(limit, subject) or clocks.start(
            self.session,
            self.about,
            limit,
            organisation_id=task.organisation_id,
            now=self.now,
            subject=subject,
        )
        task.stops_clock = step.properties.get("stopsClock") == "yes"

    def _limit(self, key: str) -> str:
        """The key of the limit: a kind of case may have one of its own for the same step."""
        if not isinstance(self.about, Case):
            return key
        return kinds.of(self.about).clock(frozen.rules_of(self.about), key)

    def _escalate(self, clock: Clock | None) -> bool:
        if clock is None or clock.escalated_at is not None or clock.met_at is not None:
            return False
        clock.escalated_at = self.now
        told = {"now": self.now, "clock": clock.id, "title": clock.title, **of(self.about)}
        for organisation_id in sorted(self._watching()):
            tell_desk(self.session, EventName.CLOCK_ESCALATED, organisation_id, _WATCHERS, **told)
        record(self.session, EventName.CLOCK_ESCALATED, **told)
        return True

    def _watching(self) -> set[int]:
        """The units that are told when a limit has passed: MCH institution and commission."""
        kinds = (OrganisationKind.MCH, OrganisationKind.COMMISSION)
        if isinstance(self.about, Case):
            return {
                places.unit_of(self.session, self.about, kind, Level.COUNTY).id for kind in kinds
            }
        code, level = self.about.region_code, self.about.region.level
        found = (places.unit_at(self.session, code, kind, level) for kind in kinds)
        return {unit.id for unit in found if unit is not None}


class DutyHost(_Items):
    """Functions and services of one duty at one moment, and who does its steps."""

    def __init__(self, session: Session, duty: Duty, now: datetime) -> None:
        super().__init__(session, duty, now)
        self.duty = duty
        self.functions: Functions = {"due": self.due, "due_item": self.due_item}
        self.services: Functions = {
            "escalate": self.escalate,
            "escalate_item": self.escalate_item,
        }

    def due(self, key: str) -> str:
        """When the running clock of a key is due, ISO 8601; far away when none runs."""
        clock = self._running(key)
        return (clock.due_at if clock and clock.due_at else NEVER).isoformat()

    def escalate(self, clock: str) -> bool:
        """Tell those who look after the place that a limit has passed; once for each clock."""
        return self._escalate(self._running(clock))

    def _running(self, key: str) -> Clock | None:
        """Of several of a key, for one step done over again, the last that was not met."""
        name = f"clock.{key}"
        running = (each for each in self.duty.clocks if each.rule_key == name and not each.met_at)
        return max(running, key=lambda each: each.id, default=None)

    def assign(self, step: Step, task: Task) -> None:
        lane = LANE_BY_TITLE[step.lane]
        task.lane, task.level = lane.code, None
        self._seat(lane, step, task)
        self._serve_clock(step, task, None)

    def _seat(self, lane: Lane, step: Step, task: Task) -> None:
        match lane.at:
            case At.OWNER | At.ACCEPTOR:
                self._seat_item(lane, step, task)
            case At.RECEIVER:
                task.organisation_id = self.duty.receiver_id
            case At.OBJECT | At.ABOVE | At.LEAD:
                self._seat_measure(lane, task)
            case At.RECIPIENT:
                ours = select(Notice).where(Notice.duty_id == self.duty.id)
                notice = self.session.scalars(ours.order_by(Notice.id.desc()).limit(1)).one()
                task.organisation_id = notice.recipients[step.index or 0].organisation_id
            case _:
                task.organisation_id = self.duty.organisation_id

    def _seat_measure(self, lane: Lane, task: Task) -> None:
        """The object of a measure and, where it is one person, that person; who leads the experts
        sent; the commission that it is filed with."""
        motion = self.session.scalars(select(Motion).where(Motion.duty_id == self.duty.id)).one()
        if lane.at is At.OBJECT:
            task.organisation_id, task.user_id = motion.organisation_id, motion.person_id
        elif lane.at is At.LEAD:
            task.organisation_id, task.user_id = motion.commission_id, motion.lead_id
        else:
            task.organisation_id = motion.filed_with_id


class CaseHost(_Items):
    """Functions and services of one case at one moment."""

    def __init__(self, session: Session, case: Case, now: datetime) -> None:
        super().__init__(session, case, now)
        self.case = case
        self.functions: Functions = {
            "due": self.due,
            "due_item": self.due_item,
        }
        self.services: Functions = {
            "escalate": self.escalate,
            "escalate_item": self.escalate_item,
            "open_opinions": self.open_opinions,
            "forward_to_city": self.forward_to_city,
        }

    # Functions: called in expressions, change nothing.

    def due(self, key: str) -> str:
        """When a clock of the case is due, ISO 8601; far away when the rule gives no number."""
        clock = clocks.find(self.case, key)
        return (clock.due_at if clock and clock.due_at else NEVER).isoformat()

    # Services: named by service tasks; each returns what the diagram keeps.

    def escalate(self, clock: str) -> bool:
        """Tell county MCH and commission that a limit has passed; once for each clock."""
        return self._escalate(clocks.find(self.case, clock))

    def open_opinions(self, level: str) -> bool:
        """All opinions are in: from now on the panel reads them."""
        panel = self._panel(level)
        panel.opened_at = self.now
        record(self.session, EventName.OPINIONS_OPENED, case=self.case, now=self.now, level=level)
        return True

    def forward_to_city(self) -> str:
        """Pass the case up to the city's commission (B04 逐级); returns the level it is at now."""
        commission = places.unit_of(
            self.session, self.case, OrganisationKind.COMMISSION, Level.CITY
        )
        add_unit(self.case, commission.id, UnitPart.UPPER_ADMINISTRATION, self.now)
        desk = (Role.COMMISSION, Role.COMMISSION_LEADER)
        tell_desk(
            self.session,
            EventName.CASE_FORWARDED,
            commission.id,
            desk,
            case=self.case,
            now=self.now,
            to=commission.name,
        )
        record(
            self.session,
            EventName.CASE_FORWARDED,
            case=self.case,
            now=self.now,
            to=[commission.name],
        )
        return Level.CITY.value

    # Who does a step, and which clock it serves.

    def assign(self, step: Step, task: Task) -> None:
        lane = LANE_BY_TITLE[step.lane]
        level = step.data.get("level")
        task.lane, task.level = lane.code, level
        task.form = step.properties.get(f"form.{self.case.kind.value}", task.form)
        self._seat(lane, step, task)
        self._serve_clock(step, task, level)

    def _seat(self, lane: Lane, step: Step, task: Task) -> None:
        """Unit and person. The lane says relative to what."""
        match lane.at:
            case At.REPORTER:
                task.organisation_id = self.case.organisation_id
            case At.COUNTY:
                task.organisation_id = self._unit(lane, Level.COUNTY)
            case At.LEVEL:
                task.organisation_id = self._unit(lane, Level(step.data["level"]))
            case At.SECRETARY | At.CHAIR | At.MEMBER | At.SIGNER:
                self._seat_panel(lane, step, task)
            case At.RECIPIENT:
                task.organisation_id = self._recipient(step.index or 0)
            case At.OWNER | At.ACCEPTOR:
                self._seat_item(lane, step, task)

    def _seat_panel(self, lane: Lane, step: Step, task: Task) -> None:
        panel = self._panel(step.data["level"])
        task.organisation_id = panel.organisation_id
        if lane.at == At.MEMBER:
            member = self.session.scalars(
                select(PanelMember).where(
                    PanelMember.panel_id == panel.id, PanelMember.place == step.index
                )
            ).one()
            task.user_id = member.user_id
        elif lane.at == At.SIGNER:
            sheet = meetings.sheet_of(self.session, self.case, panel.level)
            signers = meetings.signers(panel, sheet) if sheet is not None else []
            task.user_id = signers[step.index or 0].user_id
        else:
            task.user_id = panel.secretary_id if lane.at == At.SECRETARY else panel.chair_id

    def _recipient(self, place: int) -> int:
        notice = self.session.scalars(
            select(Notice).where(Notice.case_id == self.case.id).order_by(Notice.id.desc()).limit(1)
        ).one()
        return notice.recipients[place].organisation_id

    def _unit(self, lane: Lane, level: Level) -> int:
        return places.unit_of(self.session, self.case, _KIND_OF_LANE[lane.code], level).id

    def _panel(self, level: str) -> Panel:
        return self.session.scalars(
            select(Panel).where(Panel.case_id == self.case.id, Panel.level == level)
        ).one()


def add_unit(case: Case, organisation_id: int, part: UnitPart, now: datetime) -> None:
    """Give a unit its part in a case; nothing happens if it has that part already."""
    parts = {(there.organisation_id, there.part) for there in case.units}
    if (organisation_id, part) not in parts:
        case.units.append(CaseUnit(organisation_id=organisation_id, part=part, since=now))

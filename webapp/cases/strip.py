"""The clock strip: every limit of one case side by side, each explaining itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import Case, Clock, Rectification, Task, TaskState
from workflows import calendar, kinds
from workflows.permissions import LANES
from workflows.readers import Reader
from workflows.rules import Rule, RuleSet

STARTS = {"event": "自{moment}起算", "task": "自这一步开始起算"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One limit. `clock` None: it has not started. `stopped`: the step that stopped it."""

    rule: Rule | None
    clock: Clock | None
    title: str
    unit: str
    stopped: Task | None
    stopper: str
    unknown_years: tuple[int, ...] = ()  # counted in working days, but nobody entered the days off
    moment: str = ""  # what the case began with is called

    @property
    def desk(self) -> str:
        lane = LANES.get(self.rule.responsible) if self.rule else None
        return lane.title if lane else ""

    @property
    def start(self) -> str:
        said = STARTS.get(self.rule.start or "", "") if self.rule else ""
        return said.format(moment=self.moment)

    @property
    def limit(self) -> str:
        return self.rule.describe() if self.rule else ""


def cells(
    session: Session,
    case: Case,
    rules: RuleSet,
    tasks: Sequence[Task],
    items: Sequence[Rectification],
    reader: Reader,
) -> list[Cell]:
    """In the order of the rule set; a limit of a key that has started several times stands as
    often, and what the rule set no longer names comes last. Limits of duties are no case's."""
    started = session.scalars(
        select(Clock)
        .where(Clock.case_id == case.id)
        .order_by(Clock.id)
        .options(joinedload(Clock.organisation))
    ).all()
    by_key: dict[str, list[Clock]] = {}
    for clock in filter(reader.knows_clock, started):
        by_key.setdefault(clock.rule_key, []).append(clock)
    numbers = {str(item.id): item.number for item in items}
    unknown = _unknown_years(session, rules, started)
    found = []
    for rule in (each for each in kinds.clocks(rules, case) if each.start != "duty"):
        of_rule: list[Clock | None] = [*by_key.pop(rule.key, [])]
        found += [_cell(rule, clock, tasks, numbers, reader) for clock in of_rule or [None]]
    for rest in by_key.values():
        found += [_cell(None, clock, tasks, numbers, reader) for clock in rest]
    moment = kinds.of(case).moment
    return [
        replace(
            cell,
            unknown_years=unknown.get(cell.clock.id, ()) if cell.clock else (),
            moment=moment,
        )
        for cell in found
    ]


def _unknown_years(
    session: Session, rules: RuleSet, clocks: Iterable[Clock]
) -> dict[int, tuple[int, ...]]:
    """Of clocks in working days: the years they reach into whose days off are not entered."""
    counted = {rule.key for rule in rules.clocks() if rule.working_days() is not None}
    ours = [clock for clock in clocks if clock.rule_key in counted and clock.due_at]
    if not ours:
        return {}
    known = calendar.load(session)
    return {
        clock.id: tuple(known.unknown(clock.started_at, clock.due_at))
        for clock in ours
        if clock.due_at
    }


def _cell(
    rule: Rule | None,
    clock: Clock | None,
    tasks: Iterable[Task],
    numbers: dict[str, str],
    reader: Reader,
) -> Cell:
    if clock is None:
        return Cell(rule, None, rule.title if rule else "", "", None, "")
    number = numbers.get(clock.subject, "")
    stopped = _stopper(clock, tasks)
    return Cell(
        rule=rule,
        clock=clock,
        title=f"{clock.title} {number}".strip(),
        unit=reader.unit(clock.organisation),
        stopped=stopped,
        stopper=_who(stopped, reader),
    )


def _stopper(clock: Clock, tasks: Iterable[Task]) -> Task | None:
    """The step handed in at the moment the clock stopped."""
    if clock.met_at is None:
        return None
    done = [task for task in tasks if task.state == TaskState.DONE]
    at_once = [task for task in done if task.closed_at == clock.met_at]
    own = [t for t in at_once if t.clock_id == clock.id or str(t.rectification_id) == clock.subject]
    return next(iter(own or at_once), None)


def _who(task: Task | None, reader: Reader) -> str:
    if task is None:
        return ""
    unit, desk = reader.unit(task.organisation), LANES[task.lane].title
    return " · ".join(part for part in (desk, unit) if part)

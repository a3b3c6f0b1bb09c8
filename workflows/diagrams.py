"""Where a case stands on its diagrams: which elements are done, live or late, and the path taken.

Read from task rows and the definition's own files; the engine's state is not opened. A step was
opened at the very moment its predecessor was completed, in one transaction with one `now`: that is
how the path through gateways is known. Knows no page.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import Case, Process, ProcessState, Task, TaskState
from workflows.engine.definitions import BPMN, parse_xml
from workflows.readers import Reader

State = Literal["done", "now", "late", "ended"]
_STEPS = {"userTask", "callActivity"}
_EVENTS = {"startEvent", "endEvent", "boundaryEvent"}
_NODES = {
    *_STEPS,
    *_EVENTS,
    "exclusiveGateway",
    "inclusiveGateway",
    "parallelGateway",
    "serviceTask",
    "subProcess",
}
_LEVELS = ("county", "city")


@dataclass(frozen=True, slots=True)
class Node:
    id: str
    kind: str
    name: str
    lane: str
    parent: str | None  # the sub-process it stands in
    called: str  # of a call activity


@dataclass(frozen=True, slots=True)
class Drawing:
    """One BPMN process as drawn: nodes in the order of the file, and flows."""

    name: str
    title: str
    xml: str
    nodes: dict[str, Node]
    flows: dict[str, tuple[str, str]]

    def steps(self) -> list[Node]:
        """What people do, in the order of the file."""
        return [node for node in self.nodes.values() if node.kind in _STEPS]

    def inside(self, parent: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.parent == parent]


@lru_cache(maxsize=64)
def read(xml: str) -> Drawing:
    """A BPMN file with one process."""
    root = parse_xml(xml)
    process = next(root.iter(f"{BPMN}process"))
    lanes = {
        reference.text: lane.get("name", "")
        for lane in process.iter(f"{BPMN}lane")
        for reference in lane.iter(f"{BPMN}flowNodeRef")
    }
    nodes = {
        node.get("id"): Node(
            id=node.get("id"),
            kind=node.tag.removeprefix(BPMN),
            name=node.get("name", ""),
            lane=lanes.get(node.get("id"), ""),
            parent=_parent(node),
            called=node.get("calledElement", ""),
        )
        for node in process.iter()
        if isinstance(node.tag, str) and node.tag.removeprefix(BPMN) in _NODES
    }
    flows = {
        flow.get("id"): (flow.get("sourceRef"), flow.get("targetRef"))
        for flow in process.iter(f"{BPMN}sequenceFlow")
    }
    return Drawing(process.get("id"), process.get("name", ""), xml, nodes, flows)


def _parent(node: object) -> str | None:
    owner = node.getparent()  # type: ignore[attr-defined]
    return owner.get("id") if owner.tag == f"{BPMN}subProcess" else None


@dataclass(slots=True)
class Mark:
    """One step on the diagram. `open` and `done` are its task rows; both empty when sealed."""

    node: Node
    state: State | None = None
    since: datetime | None = None
    open: list[Task] = field(default_factory=list)
    done: list[Task] = field(default_factory=list)
    sealed: bool = False


@dataclass(slots=True)
class Standing:
    """One diagram of a case. `key` names it in addresses, such as review-county."""

    key: str
    drawing: Drawing
    level: str | None
    process: Process
    marks: dict[str, Mark]
    path: set[str]  # flows, gateways and events that were passed
    alarms: set[str]  # boundary events that went off, with what follows them

    @property
    def is_live(self) -> bool:
        return any(mark.state in ("now", "late") for mark in self.marks.values())


@dataclass(frozen=True, slots=True)
class _Span:
    """When a step was open; `ended` None while it is."""

    opened: datetime
    ended: datetime | None


def standings(session: Session, case: Case, reader: Reader, now: datetime) -> list[Standing]:
    """Every diagram the case uses, in the order of its course. Three queries, however long."""
    processes = session.scalars(
        select(Process)
        .where(Process.case_id == case.id)
        .order_by(Process.id)
        .options(
            joinedload(Process.definition),
            selectinload(Process.tasks).options(
                joinedload(Task.clock),
                joinedload(Task.organisation),
                joinedload(Task.user),
                joinedload(Task.done_by),
            ),
        )
    ).all()
    found: list[Standing] = []
    for process in processes:
        found += _of_process(process, reader, now)
    return found


def _of_process(process: Process, reader: Reader, now: datetime) -> Iterator[Standing]:
    main = process.definition.name
    drawings = {name.split("/", 1)[0]: read(text) for name, text in _bpmn(process)}
    course = _Course(process, drawings, reader, now)
    yield course.standing(main, main, None)
    for name, level in _parts_used(process, reader):
        yield course.standing(f"{name}-{level}" if level else name, name, level)


def _parts_used(process: Process, reader: Reader) -> list[tuple[str, str | None]]:
    """Diagrams and levels besides the main one, by when they were first entered."""
    entered: dict[tuple[str, str | None], datetime] = {}
    for task in process.tasks:
        if task.diagram != process.definition.name and reader.knows_step(task):
            part = _part(task)
            entered[part] = min(task.opened_at, entered.get(part, task.opened_at))
    return sorted(entered, key=lambda part: (entered[part], part[1] is None, part))


def _part(task: Task) -> tuple[str, str | None]:
    """Diagram and level. All ledger items of a case share one diagram."""
    return task.diagram, None if task.diagram == "rectification" else task.level


def _bpmn(process: Process) -> list[tuple[str, str]]:
    files: list[tuple[str, str]] = sorted(process.definition.files.items())
    return [(name, text) for name, text in files if name.endswith(".bpmn")]


class _Course:
    """The task rows of one process, laid on its drawings."""

    def __init__(
        self, process: Process, drawings: dict[str, Drawing], reader: Reader, now: datetime
    ) -> None:
        self.process, self.drawings, self.reader, self.now = process, drawings, reader, now

    def rows(self, diagram: str, level: str | None) -> list[Task]:
        """A diagram's rows, at one level or at all."""
        return [
            task
            for task in self.process.tasks
            if task.diagram == diagram
            and level in (None, task.level)
            and self.reader.knows_step(task)
        ]

    def standing(self, key: str, diagram: str, level: str | None) -> Standing:
        drawing = self.drawings[diagram]
        rows = self.rows(diagram, level)
        marks = {node.id: self._mark(node, rows) for node in drawing.steps()}
        spans = {node.id: list(self._spans(node, marks[node.id], rows)) for node in drawing.steps()}
        path = _Path(drawing, spans).passed(self._has_ended(diagram, rows))
        self._mark_parts(drawing, marks, path)
        return Standing(key, drawing, level, self.process, marks, path, set(_alarms(drawing, rows)))

    def _has_ended(self, diagram: str, rows: list[Task]) -> bool:
        if diagram == self.process.definition.name:
            return self.process.status == ProcessState.DONE
        return all(row.state == TaskState.DONE for row in rows)

    def _mark(self, node: Node, rows: list[Task]) -> Mark:
        mark = Mark(node)
        mine = self._inner(node) if node.called else [r for r in rows if r.bpmn_id == node.id]
        if not mine:
            return mark
        mark.sealed = any(self.reader.hides_step(row) for row in mine) and not node.called
        mark.since = max(row.opened_at for row in mine)
        mark.state = self._state(mine)
        if mark.sealed:
            mark.state = self._sealed_state(mine)
        elif not node.called:
            mark.open = _open(mine)
            mark.done = [row for row in mine if row.state == TaskState.DONE]
        return mark

    def _state(self, rows: list[Task]) -> State:
        waiting = _open(rows)
        if any(row.clock and not row.clock.met_at and row.clock.seconds_late(self.now)
               for row in waiting):  # fmt: skip
            return "late"
        if waiting:
            return "now"
        return "ended" if all(row.state == TaskState.CANCELLED for row in rows) else "done"

    def _sealed_state(self, rows: list[Task]) -> State:
        """All or nothing: how many are in is nobody's to know."""
        if not self.reader.is_sealed(rows[0].level):
            return "done"
        return "now" if self.process.status == ProcessState.RUNNING else "ended"

    def _inner(self, node: Node) -> list[Task]:
        """Rows of the part that a call activity calls, at the level its id names."""
        return self.rows(node.called, next(iter(x for x in _LEVELS if f"_{x}_" in node.id), None))

    def _spans(self, node: Node, mark: Mark, rows: list[Task]) -> Iterator[_Span]:
        if not node.called:
            for row in rows:
                if row.bpmn_id == node.id and row.state != TaskState.CANCELLED:
                    yield _Span(row.opened_at, row.closed_at)
            return
        inner = self._inner(node)
        if inner:
            ends = [row.closed_at for row in inner if row.closed_at is not None]
            ended = max(ends) if len(ends) == len(inner) else None
            yield _Span(min(row.opened_at for row in inner), ended)

    def _mark_parts(self, drawing: Drawing, marks: dict[str, Mark], path: set[str]) -> None:
        """Sub-processes: live while something in them is, done when they were left."""
        for node in drawing.nodes.values():
            if node.kind != "subProcess":
                continue
            states = {marks[n.id].state for n in drawing.inside(node.id) if n.id in marks} - {None}
            left = any(source == node.id and flow in path
                       for flow, (source, _) in drawing.flows.items())  # fmt: skip
            if states:
                live = "late" if "late" in states else "now"
                marks[node.id] = Mark(node, "done" if left else live)  # type: ignore[arg-type]


def _open(rows: Iterable[Task]) -> list[Task]:
    return [row for row in rows if row.state == TaskState.OPEN]


def _alarms(drawing: Drawing, rows: list[Task]) -> Iterator[str]:
    """Boundary timers of steps whose clock was escalated, and what hangs on them."""
    rung = {row.bpmn_id for row in rows if row.clock and row.clock.escalated_at}
    root = parse_xml(drawing.xml)
    for event in root.iter(f"{BPMN}boundaryEvent"):
        if event.get("attachedToRef") not in rung:
            continue
        waiting = deque([event.get("id")])
        while waiting:
            here = waiting.popleft()
            yield here
            for flow, (source, target) in drawing.flows.items():
                if source == here:
                    yield flow
                    waiting.append(target)


class _Path:
    """Which flows were gone. A node between two steps was passed if the later one was opened at
    the moment the earlier one ended; a step whose token waits led as far as the next join."""

    def __init__(self, drawing: Drawing, spans: dict[str, list[_Span]]) -> None:
        self.drawing, self.spans = drawing, spans
        self.next: dict[str, list[tuple[str, str]]] = {}
        for flow, (source, target) in drawing.flows.items():
            if drawing.nodes[source].kind != "subProcess":  # left by its end, see _open_part
                self._join(source, flow, target)
        for node in drawing.nodes.values():
            self._open_part(node)

    def _join(self, source: str, flow: str, target: str) -> None:
        self.next.setdefault(source, []).append((flow, target))

    def _open_part(self, node: Node) -> None:
        """Into a sub-process by its start, out of it by its end."""
        if node.parent is None:
            return
        if node.kind == "startEvent":
            self._join(node.parent, node.parent, node.id)
        if node.kind == "endEvent" and not self._after_alarm(node.id):
            for flow, (source, target) in self.drawing.flows.items():
                if source == node.parent:
                    self._join(node.id, flow, target)

    def _after_alarm(self, end: str) -> bool:
        before = {source for source, target in self.drawing.flows.values() if target == end}
        return any(self.drawing.nodes[name].kind == "serviceTask" for name in before)

    def passed(self, ended: bool) -> set[str]:
        """Ids of flows, gateways, events and sub-processes on the way."""
        found: set[str] = set()
        for node in self.drawing.nodes.values():
            if node.kind == "startEvent" and node.parent is None:
                found |= {node.id, *self._from_start(node.id)}
        for name, spans in self.spans.items():
            for span in spans:
                if span.ended is not None:
                    found |= self._after(name, span.ended, ended)
        return found - self.spans.keys()

    def _from_start(self, start: str) -> set[str]:
        firsts = [span.opened for spans in self.spans.values() for span in spans]
        return self._ways(start, min(firsts)) if firsts else set()

    def _after(self, step: str, ended_at: datetime, ended: bool) -> set[str]:
        ways = self._ways(step, ended_at)
        return ways or self._to_join(step) or (self._to_end(step) if ended else set())

    def _ways(self, start: str, at: datetime) -> set[str]:
        """What lies between a step and those opened at that moment."""
        return self._between(start, lambda name: self._opened_at(name, at))

    def _opened_at(self, name: str, at: datetime) -> bool:
        return any(span.opened == at for span in self.spans.get(name, ()))

    def _to_join(self, start: str) -> set[str]:
        joins = {n.id for n in self.drawing.nodes.values() if n.kind == "parallelGateway"}
        found = self._between(start, lambda name: name in joins, joins)
        return found | {name for name in joins if any(
            target == name and flow in found for flow, (_, target) in self.drawing.flows.items()
        )}  # fmt: skip

    def _to_end(self, start: str) -> set[str]:
        ends = {
            n.id for n in self.drawing.nodes.values() if n.kind == "endEvent" and n.parent is None
        }
        return self._between(start, lambda name: name in ends, ends) | ends

    def _between(
        self, start: str, wanted: Callable[[str], bool], stops: Iterable[str] = ()
    ) -> set[str]:
        """Flows and nodes on every way from `start` to a wanted node that crosses no step."""
        found: set[str] = set()
        barred = {*self.spans, *stops}
        waiting: list[tuple[str, tuple[str, ...]]] = [(start, ())]
        while waiting:
            here, trail = waiting.pop()
            for flow, target in self.next.get(here, ()):
                if wanted(target):
                    found.update((*trail, flow))
                if target not in barred and target not in trail:
                    waiting.append((target, (*trail, flow, target)))
        return found

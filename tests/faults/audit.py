"""What must hold in a database after anything whatever has happened to the processes that wrote it.

Every invariant looks at all rows. `half`: something of a step is there and the rest of it is not.
`doubled`: something happened twice that happens once. The database must be at rest: nobody writes,
what was due is done, jobs have ended. Knows the rows and the engine's state, no client, no fault.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session, undefer

from models import (
    Attachment,
    Base,
    Case,
    CaseState,
    Clock,
    Conclusion,
    Document,
    DossierRequest,
    DossierState,
    Draft,
    Event,
    Notice,
    Notification,
    Opinion,
    Panel,
    Person,
    Process,
    ProcessState,
    Rectification,
    Task,
    TaskState,
    Timer,
)
from workflows.engine import _waiting_timers, definitions, script, store

HALF, DOUBLED = "half", "doubled"
BESIDE = ("extension_request.", "ledger_item.")  # sheets that begin something of their own
GRACE = timedelta(seconds=30)  # what falls due meanwhile may still lie there
Row = TypeVar("Row", bound=Base)

# What a step leaves in the record, by its form and, where it decides, by the answer
EFFECTS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "report": lambda said: "case.reported",
    "in_hospital_discussion": lambda said: "discussion.recorded",
    "case_submission": lambda said: "case.submitted",
    "verification": lambda said: (
        "case.returned" if said["verify_decision"] == "return" else "case.accepted"
    ),
    "panel": lambda said: "panel.appointed",
    "conclusion": lambda said: "conclusion.drafted",
    "conclusion_chair": lambda said: (
        "conclusion.returned" if said["chair_decision"] == "return" else None
    ),
    "conclusion_signature": lambda said: None,
    "conclusion_endorsement": lambda said: "conclusion.signed",
    "notice": lambda said: "notice.drafted",
    "notice_issue": lambda said: (
        "notice.returned" if said["issue_decision"] == "return" else "notice.issued"
    ),
    "notice_receipt": lambda said: "notice.signed",
    "rectification_plan": lambda said: "item.planned",
    "rectification_progress": lambda said: (
        "item.submitted" if said.get("done") else "item.progressed"
    ),
    "rectification_acceptance": lambda said: (
        "item.closed" if said["result"] == "accepted" else "item.rejected"
    ),
    "archive": lambda said: "case.closed",
}
# Events that tell people, each person once for each event
TOLD = ("case.reported", "case.returned", "clock.escalated", "dossier.rendered", "notice.issued")


@dataclass(frozen=True)
class Fault:
    """Something that must not be."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


class Rows:
    """All rows, read once. `folder` is where files and dossiers lie."""

    def __init__(self, session: Session, folder: Path, now: datetime) -> None:
        self.session, self.folder, self.now = session, folder, now
        self.tasks = self._all(Task)
        self.documents = self._all(Document)
        self.clocks = self._all(Clock)
        self.timers = self._all(Timer)
        self.cases = self._all(Case)
        query = select(Process).options(undefer(Process.state)).order_by(Process.id)
        self.processes = list(session.scalars(query))
        self.attachments = self._all(Attachment)
        self.dossiers = self._all(DossierRequest)
        self.notifications = self._all(Notification)
        self.events: dict[str, list[Event]] = defaultdict(list)
        for event in self._all(Event):
            self.events[event.name].append(event)

    def _all(self, kind: type[Row]) -> list[Row]:
        return list(self.session.scalars(select(kind).order_by(kind.id)))

    def count(self, name: str, key: str) -> Counter[Any]:
        """How many events of a name there are for each value they carry under `key`."""
        return Counter(event.data.get(key) for event in self.events[name])

    def event_counts(self) -> Counter[tuple[int | None, str]]:
        return Counter((e.case_id, name) for name, each in self.events.items() for e in each)


def expect(counted: Counter[Any], wanted: Counter[Any], what: str) -> Iterator[Fault]:
    """Each of `wanted` as often as wanted; less is half, more is doubled."""
    for key in sorted(counted.keys() | wanted.keys(), key=str):
        if counted[key] != wanted[key]:
            kind = DOUBLED if counted[key] > wanted[key] else HALF
            yield Fault(kind, f"{what} {key}: {counted[key]} instead of {wanted[key]}")


def steps(rows: Rows) -> Iterator[Fault]:
    """A step is done, has its document and its event, or none of these."""
    done = Counter(task.id for task in rows.tasks if task.state is TaskState.DONE)
    written = Counter(doc.task_id for doc in rows.documents if doc.task_id is not None)
    yield from expect(written, done, "documents of task")
    yield from expect(rows.count("task.completed", "task"), done, "completions of task")
    known = Counter(doc.id for doc in rows.documents if doc.task_id is not None)
    yield from expect(rows.count("task.completed", "document"), known, "completions with document")
    keys = Counter((doc.author_id, doc.key) for doc in rows.documents)
    yield from expect(keys, Counter(keys.keys()), "documents of key")
    by_id = {task.id: task for task in rows.tasks}
    of_steps = [doc for doc in rows.documents if doc.task_id or not doc.form.startswith(BESIDE)]
    for document in of_steps:
        task = by_id.get(document.task_id or 0)
        if task is None:
            yield Fault(HALF, f"document {document.id} has no task")
            continue
        same = (task.case_id, task.done_by_id, task.form, task.closed_at)
        said = (document.case_id, document.author_id, document.form, document.submitted_at)
        if same != said:
            yield Fault(HALF, f"document {document.id} says {said}, task {task.id} says {same}")
    for task in rows.tasks:
        if (task.closed_at is None) != (task.state is TaskState.OPEN):
            yield Fault(HALF, f"task {task.id} is {task.state.value}, closed at {task.closed_at}")
    finished = {(task.id, task.done_by_id) for task in rows.tasks}
    for draft in rows.session.scalars(select(Draft)):
        key = draft.place.removeprefix("task:")
        if key.isdigit() and (int(key), draft.user_id) in finished:
            yield Fault(HALF, f"a draft is left of task {key}")


def engine(rows: Rows) -> Iterator[Fault]:
    """Open tasks and timers are what the engine's state waits for."""
    tasks: dict[int, set[str]] = defaultdict(set)
    timers: dict[int, dict[str, datetime]] = defaultdict(dict)
    for task in rows.tasks:
        if task.state is TaskState.OPEN:
            tasks[task.process_id].add(task.spiff_id)
    for timer in rows.timers:
        if timer.attempts:  # what failed waits for longer than the state says
            yield Fault(HALF, f"timer {timer.id} has failed: {timer.error}")
        timers[timer.process_id][timer.spiff_id] = timer.due_at
    for process in rows.processes:
        here = f"process {process.id} ({process.status.value})"
        for name, said, row in _sides(process, tasks[process.id], timers[process.id]):
            if said != row:
                yield Fault(HALF, f"{here}: {name} by the state {said}, by the rows {row}")


def _sides(
    process: Process, tasks: set[str], timers: dict[str, datetime]
) -> Iterator[tuple[str, Any, Any]]:
    """What the engine's state says, and what the rows say."""
    said, dues, completed = _waited_for(process)
    ended = process.status in (ProcessState.DONE, ProcessState.CANCELLED)
    yield "open steps", said, tasks
    yield "timers", dues, timers
    yield "completed", completed, process.status is ProcessState.DONE
    yield "ended", ended, process.ended_at is not None
    yield "stands still", False, process.status is ProcessState.INCIDENT


def _waited_for(process: Process) -> tuple[set[str], dict[str, datetime], bool]:
    """Open steps, timers and their moments, whether it has completed: by the engine's state."""
    if process.status is ProcessState.CANCELLED:
        return set(), {}, False
    workflow = _loaded(process)
    dues = {key: due for key, (due, _) in _waiting_timers(workflow).items()}
    steps = {step.id.hex for step in store.open_user_tasks(workflow)}
    return steps, dues, workflow.completed


def _loaded(process: Process) -> Any:
    return store.decode(
        process.state, lambda _: definitions.parsed(process.definition), script.Engine({}, {})
    )


def versions(rows: Rows) -> Iterator[Fault]:
    """Each save counts one: starting, every step, every firing. Seats that change count
    too, so this holds only where nobody gave up a seat and each case has one process."""
    fired = Counter(event.case_id for event in rows.events["timer.fired"])
    # A longer deadline moves the alarm of the step that works towards it
    fired += Counter(event.case_id for event in rows.events["item.extended"])
    done = Counter(task.process_id for task in rows.tasks if task.state is TaskState.DONE)
    for process in rows.processes:
        if process.case_id is None:  # what duties have fired stands beside no case
            continue
        wanted = 1 + done[process.id] + fired[process.case_id]
        if process.version != wanted and process.status is not ProcessState.CANCELLED:
            kind = DOUBLED if process.version > wanted else HALF
            yield Fault(kind, f"process {process.id} was saved {process.version} of {wanted} times")


def due(rows: Rows) -> Iterator[Fault]:
    """Nothing that fell due lies there; what passed was told once."""
    for timer in rows.timers:
        if timer.due_at < rows.now - GRACE:
            yield Fault(HALF, f"timer {timer.bpmn_id} of process {timer.process_id} never fired")
    running = {p.case_id for p in rows.processes if p.status is ProcessState.RUNNING}
    for clock in rows.clocks:
        reminder = clock.next_reminder_at
        if clock.met_at is None and reminder and reminder < rows.now - GRACE:
            yield Fault(HALF, f"clock {clock.id} was never reminded of, due at {reminder}")
    by_case = defaultdict(list)
    for clock in rows.clocks:
        by_case[clock.case_id].append(clock)
    for event in rows.events["timer.fired"]:
        if event.case_id in running and not any(c.escalated_at for c in by_case[event.case_id]):
            yield Fault(HALF, f"case {event.case_id}: a timer fired and nothing was escalated")


def clocks(rows: Rows) -> Iterator[Fault]:
    """A clock's own moments, its events and the steps that stop it say the same."""
    started = Counter(clock.id for clock in rows.clocks)
    met = Counter(clock.id for clock in rows.clocks if clock.met_at)
    escalated = Counter(clock.id for clock in rows.clocks if clock.escalated_at)
    sent = Counter({clock.id: clock.reminders_sent for clock in rows.clocks})
    yield from expect(rows.count("clock.started", "clock"), started, "starts of clock")
    yield from expect(rows.count("clock.met", "clock"), met, "meetings of clock")
    yield from expect(rows.count("clock.escalated", "clock"), escalated, "escalations of clock")
    yield from expect(rows.count("clock.reminded", "clock"), sent, "reminders of clock")
    by_id = {clock.id: clock for clock in rows.clocks}
    first: dict[int, datetime] = {}
    for task in rows.tasks:
        if task.stops_clock and task.state is TaskState.DONE and task.clock_id and task.closed_at:
            first[task.clock_id] = min(first.get(task.clock_id, task.closed_at), task.closed_at)
    for key, closed_at in first.items():
        if by_id[key].met_at != closed_at:
            yield Fault(HALF, f"clock {key} met at {by_id[key].met_at}, its step at {closed_at}")
    for clock in rows.clocks:
        if clock.met_at is not None and clock.next_reminder_at is not None:
            yield Fault(HALF, f"clock {clock.id} is met and still reminds")


def effects(rows: Rows) -> Iterator[Fault]:
    """What a step leaves in the record is there once for each time it was handed in."""
    wanted: Counter[tuple[int | None, str]] = Counter()
    for document in rows.documents:
        effect = EFFECTS.get(document.form.rsplit(".v", 1)[0], lambda _: None)
        if (name := effect(document.answers)) is not None:
            wanted[document.case_id, name] += 1
    names = {name for _, name in wanted}
    counted = Counter({k: v for k, v in rows.event_counts().items() if k[1] in names})
    yield from expect(counted, wanted, "events")


def cases(rows: Rows) -> Iterator[Fault]:
    """A case is reported once and entirely."""
    once = Counter(case.id for case in rows.cases)
    reported = Counter(d.case_id for d in rows.documents if d.form.startswith("report.v"))
    yield from expect(reported, once, "reports of case")
    persons = Counter(rows.session.scalars(select(Person.case_id)))
    yield from expect(persons, once, "persons of case")
    processes = {process.case_id for process in rows.processes}
    timed = {clock.case_id for clock in rows.clocks}
    for case in rows.cases:
        if case.id not in processes & timed:
            yield Fault(HALF, f"case {case.id} has no process or no clock")
        ended = case.state in (CaseState.CLOSED, CaseState.VOIDED)
        if ended != (case.closed_at is not None):
            yield Fault(HALF, f"case {case.id} is {case.state.value}, closed at {case.closed_at}")
    yield from _numbers(rows)


def _numbers(rows: Rows) -> Iterator[Fault]:
    """Running numbers have no gap: one would be a case that was begun and is not there."""
    found = defaultdict(list)
    for case in rows.cases:
        start, last = case.number.rsplit("-", 1)
        found[start].append(int(last))
    for start, numbers in found.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield Fault(HALF, f"numbers of {start} are not 1 to {len(numbers)}")


def reviews(rows: Rows) -> Iterator[Fault]:
    """Opinions, conclusions, notices and items each rest on their document, and are there once."""
    session = rows.session
    documents = defaultdict(set)
    for document in rows.documents:
        documents[document.form.rsplit(".v", 1)[0]].add(document.id)
    filed = Counter(session.scalars(select(Opinion.document_id)))
    yield from expect(filed, Counter(documents["opinion"]), "opinions of document")
    signed = Counter(
        document.case_id for document in rows.documents if "endorsement" in document.form
    )
    concluded = Counter(session.scalars(select(Conclusion.case_id)))
    yield from expect(concluded, signed, "conclusions of case")
    opened = Counter(
        (panel.case_id, panel.level.value) for panel in session.scalars(select(Panel))
        if panel.opened_at
    )  # fmt: skip
    told = Counter((event.case_id, event.data["level"]) for event in rows.events["opinions.opened"])
    yield from expect(told, opened, "openings of panel")
    concluding = {
        (task.case_id, task.level) for task in rows.tasks if task.bpmn_id == "UT_conclude"
    }
    for missing in concluding ^ set(opened):
        yield Fault(HALF, f"panel {missing}: opened and to be concluded are not the same")
    items = Counter(session.scalars(select(Rectification.id)))
    yield from expect(rows.count("item.opened", "item"), items, "openings of item")
    for notice in session.scalars(select(Notice)):
        if notice.document_id not in documents["notice"]:
            yield Fault(HALF, f"notice {notice.id} has no document")
        if (notice.number is None) != (notice.issued_at is None):
            yield Fault(HALF, f"notice {notice.id} has half a number")


def notifications(rows: Rows) -> Iterator[Fault]:
    """Who was told was told once; a reminder as often as it was sent."""
    told: Counter[Any] = Counter()
    for line in rows.notifications:
        about = line.data.get("clock") or line.data.get("dossier") or line.data.get("notice")
        if line.name in TOLD:
            told[line.name, line.case_id, line.user_id, about or line.at] += 1
        told[line.name, line.case_id, line.user_id, about, line.at, str(line.data)] += 1
    for key, count in told.items():
        if count > 1:
            yield Fault(DOUBLED, f"told {count} times: {key[:4]}")
    desks = {(n.case_id, n.name, n.at) for n in rows.notifications}
    for name in ("case.reported", "clock.escalated", "case.returned"):
        for event in rows.events[name]:
            if (event.case_id, name, event.at) not in desks:
                yield Fault(HALF, f"case {event.case_id}: nobody was told of {name}")


def files(rows: Rows) -> Iterator[Fault]:
    """A row's file lies there as it was taken in; a sheet's files belong to its case."""
    cases_of = {attachment.token: attachment.case_id for attachment in rows.attachments}
    for row in rows.attachments:
        path = rows.folder / "files" / row.token
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
            yield Fault(HALF, f"attachment {row.id} has no file, or another one")
    for document in rows.documents:
        for token in _tokens(document.answers, cases_of.keys()):
            if cases_of[token] != document.case_id:
                yield Fault(HALF, f"document {document.id} names a file that is not its case's")


def _tokens(answers: Any, known: Iterable[str]) -> Iterator[str]:
    if isinstance(answers, str):
        if answers in known:
            yield answers
    elif isinstance(answers, dict):
        for value in answers.values():
            yield from _tokens(value, known)
    elif isinstance(answers, list):
        for value in answers:
            yield from _tokens(value, known)


def dossiers(rows: Rows) -> Iterator[Fault]:
    """Asked for once, made once, and the copy is the one the record tells of."""
    asked = Counter(row.id for row in rows.dossiers)
    ready = Counter(row.id for row in rows.dossiers if row.state is DossierState.READY)
    yield from expect(rows.count("dossier.requested", "dossier"), asked, "requests of dossier")
    yield from expect(rows.count("dossier.rendered", "dossier"), ready, "renderings of dossier")
    told = Counter(n.data["dossier"] for n in rows.notifications if n.name == "dossier.rendered")
    yield from expect(told, ready, "messages about dossier")
    for row in rows.dossiers:
        if row.state in (DossierState.WAITING, DossierState.RENDERING):
            yield Fault(HALF, f"dossier {row.id} is {row.state.value} at {row.percent} %")
        if row.state is DossierState.READY:
            path = rows.folder / "dossiers" / f"{row.token}.pdf"
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
                yield Fault(HALF, f"dossier {row.id} has no file, or another one")
    copies = {f"{row.token}.pdf" for row in rows.dossiers}
    for path in (rows.folder / "dossiers").glob("*.pdf"):
        if path.name not in copies:
            yield Fault(DOUBLED, "a finished dossier that no row knows")


def jobs(rows: Rows) -> Iterator[Fault]:
    """Every job has ended, by itself or handed on."""
    schema = "dbos." if rows.session.get_bind().dialect.name == "postgresql" else ""
    query = f"SELECT workflow_uuid, status FROM {schema}workflow_status"  # noqa: S608
    for key, status in rows.session.execute(text(query)):
        if status not in ("SUCCESS", "CANCELLED") and not key.startswith("_"):
            yield Fault(HALF, f"job {key} is {status}")


def database(rows: Rows) -> Iterator[Fault]:
    """The file itself is sound."""
    if rows.session.get_bind().dialect.name == "sqlite":
        for (said,) in rows.session.execute(text("PRAGMA integrity_check")):
            if said != "ok":
                yield Fault(HALF, f"integrity: {said}")
        for row in rows.session.execute(text("PRAGMA foreign_key_check")):
            yield Fault(HALF, f"a row refers to nothing: {row}")


INVARIANTS: tuple[Callable[[Rows], Iterator[Fault]], ...] = (
    database,
    steps,
    engine,
    due,
    clocks,
    effects,
    cases,
    reviews,
    notifications,
    files,
    dossiers,
)


def audit(
    session: Session,
    folder: Path,
    now: datetime,
    also: Iterable[Callable[[Rows], Iterator[Fault]]] = (),
) -> list[Fault]:
    """Everything that is wrong; `also`: invariants that hold only where the caller knows it."""
    rows = Rows(session, folder, now)
    return [fault for invariant in (*INVARIANTS, *also) for fault in invariant(rows)]

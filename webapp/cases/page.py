"""What stands on every page of one case: head, clock strip, what waits and for whom, tabs.

Opening any of them leaves the event that the case was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from flask import abort, render_template
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload, selectinload

from models import (
    Appointment,
    Attachment,
    Case,
    CaseState,
    Clock,
    Document,
    Event,
    NearMiss,
    Process,
    ProcessState,
    Rectification,
    RectificationState,
    Task,
    TaskState,
    User,
)
from webapp import dates, db, words
from webapp.access import current
from webapp.cases.strip import Cell, cells
from workflows import kinds, lessons, newborns, recurrence, register
from workflows.actions.cases import record_read
from workflows.actions.watching import watcher
from workflows.events import EventName
from workflows.frozen import rules_of
from workflows.item_scope import visible_items
from workflows.permissions import LANES, may, may_complete, visible_cases
from workflows.readers import Reader
from workflows.rules import RuleSet

READ_AGAIN = timedelta(minutes=10)
CONTROLS = {"case:suspend", "case:rewind", "task:skip", "task:confirm_skip"}
ENDED = (CaseState.CLOSED, CaseState.VOIDED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is open now, and for whom. A sealed step stands once, whoever has done it."""

    title: str
    desk: str
    unit: str
    person: str
    since: datetime
    clock: Clock | None
    item: str
    mine: Task | None
    sealed: bool


@dataclass(frozen=True, slots=True)
class Tab:
    endpoint: str
    title: str
    count: int | None = None


@dataclass
class CasePage:
    """One case in front of one reader."""

    case: Case
    reader: Reader
    rules: RuleSet
    documents: list[Document]
    attachments: list[Attachment]
    strip: list[Cell]
    waiting: list[Waiting]
    items: Sequence[Rectification]
    void_requester: User | None
    actions: list[tuple[str, str]]
    watched: bool

    @property
    def today(self) -> date:
        """The day in China, for deadlines."""
        return words.local(current.now).date()

    @property
    def open_items(self) -> int:
        return sum(item.state != RectificationState.CLOSED for item in self.items)

    def problem(self, item: Rectification) -> str:
        """What this case has found; of an item that is older, what was found again."""
        own = [each.problem for each in recurrence.rounds(item) if each.case_id == self.case.id]
        return own[-1]

    @cached_property
    def linked(self) -> frozenset[int]:
        """Items whose page the reader may open: one that is older may be another case's."""
        if not current.may("ledger:view"):
            return frozenset()
        seen = visible_items(self.reader.by).with_only_columns(Rectification.id)
        ids = [item.id for item in self.items]
        return frozenset(db.session.scalars(seen.where(Rectification.id.in_(ids))))

    @cached_property
    def death(self) -> Case | None:
        """The death that followed a near miss, if the reader may open it."""
        if kinds.of(self.case).is_death:
            return None
        return self._seen(Case.follows_id == self.case.id)

    @cached_property
    def near_miss(self) -> NearMiss | None:
        """What a near miss counts by, once its card is in."""
        if kinds.of(self.case).is_death:
            return None
        query = select(NearMiss).where(NearMiss.case_id == self.case.id)
        return db.session.scalars(query).one_or_none()

    @cached_property
    def before(self) -> Case | None:
        """The near miss that came before a death, if the reader may open it."""
        if self.case.follows_id is None:
            return None
        return self._seen(Case.id == self.case.follows_id)

    @cached_property
    def family(self) -> list[tuple[str, Case]]:
        """The mother's case, her newborns', those born with this one: what the reader may open, and
        nothing for one who may not know whose case it is."""
        by, mother = self.reader.by, self.case.mother_id
        if self.reader.blind:
            return []
        hers = self._seen(Case.id == mother) if mother is not None else None
        others = newborns.siblings(by, self.case) if mother else newborns.children(by, self.case)
        word = "同胎" if mother else "新生儿"
        found = [(word, each) for each in db.session.scalars(others)]
        return [("母亲", hers), *found] if hers is not None else found

    def _seen(self, which: ColumnElement[bool]) -> Case | None:
        return db.session.scalars(visible_cases(self.reader.by).where(which)).one_or_none()

    @property
    def policy(self) -> str:
        """Numbers of the documents that the case's limits come from."""
        limits = kinds.clocks(self.rules, self.case)
        quoted = [rule.document for rule in limits if rule.document]
        return "、".join(dict.fromkeys(quoted)) or self.rules.title

    @property
    def tabs(self) -> list[Tab]:
        return [
            Tab("cases.show", "经过"),
            Tab("cases.diagrams", "流程图"),
            Tab("cases.documents", "表单与文书", len(self.documents)),
            Tab("cases.files", "附件", len(self.attachments)),
            *(
                [Tab("cases.risk", "孕期风险")]
                if register.has_course(db.session, self.case)
                else []
            ),
            Tab("cases.people", "人员与单位"),
            Tab("cases.reviews", "评审"),
            Tab("cases.items", "整改", len(self.items)),
            Tab("cases.comments", "留言"),
        ]


def open_page(case_id: int, what: str) -> CasePage:
    """The case if this person may see it, else 404. Leaves the trace of reading."""
    case = seen(case_id)
    dates.tell_by(case)
    leave_trace(case, what)
    reader = Reader(db.session, case, current.appointment)
    items = _items(case) if reader.reads_outcomes else []
    tasks = [task for task in _tasks(case) if reader.knows_step(task)]
    rules = rules_of(case)
    return CasePage(
        case=case,
        reader=reader,
        rules=rules,
        documents=reader.documents(),
        attachments=reader.attachments(),
        strip=cells(db.session, case, rules, tasks, items, reader),
        waiting=_waiting(case, tasks, items, reader),
        items=items,
        void_requester=db.session.get(User, case.void_requested_by_id or 0),
        actions=_actions(case, current.appointment),
        watched=watcher(db.session, case, current.appointment) is not None,
    )


def _items(case: Case) -> Sequence[Rectification]:
    return db.session.scalars(
        recurrence.items_of(case.id)
        .order_by(Rectification.id)
        .options(
            joinedload(Rectification.owner),
            joinedload(Rectification.acceptor),
            selectinload(Rectification.reopenings),
        )
    ).all()


def _tasks(case: Case) -> Sequence[Task]:
    return db.session.scalars(
        select(Task)
        .where(Task.case_id == case.id)
        .order_by(Task.id)
        .options(
            joinedload(Task.clock),
            joinedload(Task.organisation),
            joinedload(Task.user),
            joinedload(Task.done_by),
        )
    ).all()


def seen(case_id: int) -> Case:
    """A case of those this person may see; 404 for any other."""
    if not current.may("case:list"):
        abort(404)
    query = visible_cases(current.appointment).where(Case.id == case_id)
    return db.one_or_404(query.options(joinedload(Case.person), joinedload(Case.organisation)))


def leave_trace(case: Case, what: str) -> None:
    """One event for each person, case and thing read in ten minutes (I01)."""
    by, now = current.appointment, current.now
    lately = db.session.scalars(
        select(Event.data).where(
            Event.case_id == case.id,
            Event.user_id == by.user_id,
            Event.name == EventName.CASE_READ,
            Event.at > now - READ_AGAIN,
        )
    )
    if any(data.get("what") == what for data in lately):
        return
    with db.transaction() as session:
        record_read(session, case, what, by=by, now=now)


def _waiting(
    case: Case, tasks: Sequence[Task], items: Sequence[Rectification], reader: Reader
) -> list[Waiting]:
    if case.state in ENDED:
        return []
    numbers = {item.id: item.number for item in items}
    found: dict[tuple[str, str] | int, Waiting] = {}
    for task in tasks:
        if task.state != TaskState.OPEN:
            continue
        sealed = reader.hides_step(task)
        key = (task.bpmn_id, task.level or "") if sealed else task.id
        line = _line(task, numbers.get(task.rectification_id or 0, ""), reader, sealed)
        if key not in found or line.mine:
            found[key] = line
    return list(found.values())


def _line(task: Task, item: str, reader: Reader, sealed: bool) -> Waiting:
    lane = LANES[task.lane]
    shown = task.user if task.user_id and not sealed else None
    known = shown is not None and (task.lane == "secretary" or reader.knows_expert(shown.id))
    return Waiting(
        title=task.title,
        desk=lane.title,
        unit="" if sealed else reader.unit(task.organisation),
        person=shown.name if shown is not None and known else "",
        since=task.opened_at,
        clock=task.clock,
        item=item,
        mine=task if may_complete(reader.by, task) else None,
        sealed=sealed,
    )


def _actions(case: Case, by: Appointment) -> list[tuple[str, str]]:
    """(endpoint, words) of what this person may do to the case as a whole."""
    found = []
    if case.state not in ENDED and any(may(by, name) for name in CONTROLS):
        found.append(("cases.control", "暂停、退回、略过"))
    if may(by, "lesson:draft") and lessons.is_ready(db.session, case):
        found.append(("lessons.new", "起草经验与教训"))
    ours = by.organisation_id == case.organisation_id
    if ours and not kinds.of(case).is_death and case.state not in ENDED and may(by, "case:report"):
        found.append(("reports.convert", "产妇死亡，转为死亡病例"))
    if case.state not in ENDED and ours:
        if may(by, "case:rediscuss") and _discussed(case) and not _rediscussing(case):
            found.append(("cases.rediscuss", "收到尸检报告，再次讨论"))
        if may(by, "case:request_void") and case.state != CaseState.VOID_REQUESTED:
            found.append(("cases.void", "误报，申请作废"))
    return found


def _discussed(case: Case) -> bool:
    query = select(func.count()).where(
        Document.case_id == case.id, Document.form.like("in_hospital_discussion.v%")
    )
    return bool(db.session.scalar(query))


def _rediscussing(case: Case) -> bool:
    running = db.session.scalars(
        select(Process)
        .where(Process.case_id == case.id, Process.status == ProcessState.RUNNING)
        .options(joinedload(Process.definition))
    )
    return any(process.definition.name == "second_discussion" for process in running)


def render(template: str, page: CasePage, **context: Any) -> str:
    """A tab of the case inside its frame."""
    return render_template(template, page=page, case=page.case, reader=page.reader, **context)

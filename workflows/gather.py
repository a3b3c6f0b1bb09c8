"""Gathers what one reader's copy of one case's dossier contains.

Decides what the reader is entitled to: who may not know her name gets it hidden, opinions go to
the panel alone. Reads rows, changes nothing, knows neither HTML nor PDF.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from math import sqrt
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    Clock,
    Conclusion,
    Document,
    Event,
    Finding,
    Level,
    Notice,
    NoticeRecipient,
    Panel,
    Process,
    Rectification,
    Task,
    TaskState,
)
from workflows import conclusion_paper, differences, kinds, mappings, readers, recurrence
from workflows.dossier import (
    AttachmentFile,
    Block,
    Diagram,
    DiagramBlock,
    Dossier,
    ElementState,
    Group,
    Reader,
    Row,
    Section,
    Sheet,
    Signature,
    Signatures,
    TableBlock,
    Text,
)
from workflows.engine.definitions import FOLDER
from workflows.forms import load
from workflows.forms.sheet import SheetRow
from workflows.frozen import rules_of
from workflows.letters import official

_ZONE = ZoneInfo("Asia/Shanghai")
LEVELS = {"county": "县级", "city": "市级", "province": "省级"}
_AREAS = {"care": "保健", "medical": "医疗", "management": "管理"}
_SCOPES = {"general": "普遍", "specific": "个性"}

Wording = Callable[[str], str]  # an event's name in Chinese; words belong to the web


class Gatherer:
    """One case, one reader, one moment."""

    def __init__(
        self,
        session: Session,
        case: Case,
        by: Appointment,
        files: Path,
        wording: Wording,
        now: datetime,
    ) -> None:
        self.session, self.case, self.by, self.now = session, case, by, now
        self.files, self.wording = files, wording
        self.kind = kinds.of(case)
        self.seen = readers.Reader(session, case, by)  # hides from paper what pages hide
        self.identified = not self.seen.blind

    def dossier(self) -> Dossier:
        """Everything the reader may have of this case."""
        diagrams = list(self._diagrams())
        return Dossier(
            number=self.case.number,
            title=f"{self.kind.title}病例案卷",
            subject_masked=self._subject(),
            organisation=self._unit_name(),
            event_at=self.case.event_at,
            produced_at=self.now,
            reader=Reader(self.by.user.name, self.by.organisation.name),
            rule_set_title=rules_of(self.case).title,
            sections=[part for part in self._sections(len(diagrams)) if part.blocks],
            attachments=list(self._attachments()) if self.identified else [],
            diagrams=diagrams,
        )

    def _subject(self) -> str:
        return self.case.person.masked_name if self.identified else "（已隐去）"

    def _unit_name(self) -> str:
        return self.case.organisation.name if self.identified else "（已隐去）"

    def _sections(self, diagrams: int) -> Iterator[Section]:
        yield Section("report", "发现登记与快报", self._sheets("report", "receipt"))
        yield Section("submission", self.kind.submission, self._sheets("case_submission"))
        yield Section(
            "discussion",
            "院内死亡病例讨论",
            self._sheets("in_hospital_discussion", "head_explanation", "second_discussion"),
        )
        yield Section("verification", "核实质控", self._sheets("verification", "review_selection"))
        for level in Level:
            title = f"{LEVELS[level.value]}评审"
            of_level = (
                self._of_province if level is Level.PROVINCE else partial(self._review, level)
            )
            yield Section(f"review_{level.value}", title, of_level())
        yield Section("differences", "各级结论对照", self._differences())
        yield Section("findings", "问题与整改台账", self._ledger())
        yield Section("notices", "反馈与通报", self._notices())
        yield Section("clocks", "时限一览", [self._clocks()])
        yield Section("process", "流程图", [DiagramBlock(number) for number in range(diagrams)])
        yield Section("events", "办理记录", [self._events()])

    def _sheets(self, *forms: str) -> list[Block]:
        return [
            block
            for form in forms
            for document in self._documents(form)
            for block in self._sheet(document)
        ]

    def _documents(self, form: str, level: str | None = None) -> list[Document]:
        query = select(Document).where(
            Document.case_id == self.case.id, Document.form.like(f"{form}.v%")
        )
        if level is not None:
            query = query.join(Task, Task.id == Document.task_id).where(Task.level == level)
        found = self.session.scalars(query.order_by(Document.id))
        return [document for document in found if self.seen.reads_document(document)]

    def _sheet(self, document: Document) -> Iterator[Block]:
        form = load.load(document.form)
        parts = self.seen.sections(document)
        title = form.title if document.edition == 1 else f"{form.title}（第 {document.edition} 稿）"
        groups: list[Group] = []
        for part in parts:
            groups.append(
                Group(part.title, [Row(r.label, r.value, r.wide) for r in part.rows if not r.table])
            )
        yield Sheet(title, [group for group in groups if group.rows])
        for part in parts:
            for row in part.rows:
                if row.table:
                    yield _rows_table(row)
        yield self._signed(document)

    def _signed(self, document: Document) -> Signatures:
        seat = document.appointment
        name = self.seen.person(document.author, seat) or "（已隐去）"
        unit = seat.organisation.name if self.identified else "（已隐去）"
        return Signatures([Signature("填报", name, unit, moment(document.submitted_at))])

    def _review(self, level: Level) -> list[Block]:
        panel = self.session.scalars(
            select(Panel).where(Panel.case_id == self.case.id, Panel.level == level)
        ).one_or_none()
        if panel is None:
            return []
        blocks: list[Block] = []
        concluded = self.session.scalars(
            select(Conclusion).where(Conclusion.panel_id == panel.id)
        ).one_or_none()
        if concluded is not None and self.seen.reads_conclusion(level.value):
            blocks += self._sheet(concluded.document)
            blocks += conclusion_paper.under(self.seen, panel, concluded.document)
            for form in ("conclusion_chair", "conclusion_endorsement"):
                for document in self._documents(form, level.value)[-1:]:
                    blocks += self._sheet(document)
        if self.seen.reads_opinions(level.value):
            for document in self._documents("opinion", level.value):
                blocks += self._sheet(document)
        elif not blocks:
            blocks.append(Text("", [_NOT_YET if self.seen.reads_outcomes else _ANEW]))
        return blocks

    def _of_province(self) -> list[Block]:
        """What the city's desk entered, the newest entry last, as its card has it."""
        blocks = self._sheets("province_conclusion")
        signed = self.session.scalars(
            select(Conclusion).where(
                Conclusion.case_id == self.case.id, Conclusion.level == Level.PROVINCE
            )
        ).one_or_none()
        if not blocks or signed is None:
            return blocks
        return [*blocks, conclusion_paper.card(mappings.of_signed(signed))]

    def _differences(self, below: Level | None = None) -> list[Block]:
        """Of the levels below one, or of all."""
        compared = differences.compare(self.seen, below)
        if not compared.levels:
            return []
        heads = [LEVELS[level.value] for level, _ in compared.levels]
        width = 86 // len(heads)
        return [
            TableBlock(
                "各级结论对照",
                [100 - width * len(heads), *(width for _ in heads)],
                ["项目", *heads],
                [[line.title, *(_said(said) for said in line.said)] for line in compared.lines],
            )
        ]

    def _ledger(self) -> list[Block]:
        findings = self.session.scalars(
            select(Finding).where(Finding.case_id == self.case.id).order_by(Finding.id)
        ).all()
        if not findings or not self.seen.reads_outcomes:
            return []
        blocks: list[Block] = [
            TableBlock(
                "评审发现的问题",
                [6, 10, 44, 20, 20],
                ["序号", "分类", "问题", "责任单位", "处理"],
                [
                    [
                        str(number),
                        f"{_AREAS.get(row.area, row.area)}／{_SCOPES.get(row.scope, row.scope)}",
                        self.seen.scrub(row.text),
                        row.organisation.name if self.identified else "（已隐去）",
                        f"无需整改：{self.seen.scrub(row.waived_reason)}"
                        if row.waived_reason
                        else "列入台账",
                    ]
                    for number, row in enumerate(findings, 1)
                ],
            )
        ]
        items = self.session.scalars(recurrence.items_of(self.case.id).order_by(Rectification.id))
        blocks += [
            self._item(item, told)
            for item in items
            for told in recurrence.rounds(item)
            if told.case_id == self.case.id
        ]
        return blocks

    def _item(self, item: Rectification, told: recurrence.Round) -> TableBlock:
        """What happened to an item in one round: another's is of another case or duty."""
        rows = [
            [moment(entry.at), _ENTRIES.get(entry.kind, entry.kind), self.seen.scrub(entry.text)]
            for entry in item.entries
            if told.holds(entry.at)
        ]
        if told.ends is not None:
            rows.append([moment(told.ends), "重新打开", "同一问题再次发现，条目重新打开。"])
        state = _ITEM_STATES[item.state.value]
        deadline = item.deadline.isoformat() if item.deadline else "未定"
        return TableBlock(
            f"台账 {item.number}　{state}　期限 {deadline}",
            [20, 14, 66],
            ["时间", "事项", "内容"],
            rows or [["—", "—", "尚未填报整改措施"]],
            note=f"问题：{self.seen.scrub(told.problem)}",
        )

    def _notices(self) -> list[Block]:
        query = select(Notice).where(Notice.case_id == self.case.id, Notice.issued_at.is_not(None))
        blocks: list[Block] = []
        for notice in self.session.scalars(query) if self.seen.reads_letters() else ():
            blocks.append(official(notice, self.seen))
            blocks.append(
                TableBlock(
                    "送达与签收",
                    [50, 25, 25],
                    ["单位", "签收人", "签收时间"],
                    [
                        [
                            self.seen.unit(row.organisation)
                            if self.seen.blind
                            else row.organisation.name,
                            self._signer(row),
                            moment(row.signed_at) if row.signed_at else "—",
                        ]
                        for row in notice.recipients
                    ],
                )
            )
        return blocks

    def _signer(self, row: NoticeRecipient) -> str:
        if row.signed_by is None:
            return "未签收"
        return row.signed_by.name if self.identified else "（已隐去）"

    def _clocks(self) -> TableBlock:
        clocks = self.session.scalars(
            select(Clock).where(Clock.case_id == self.case.id).order_by(Clock.id)
        )
        rules = rules_of(self.case)
        rows = []
        for clock in filter(self.seen.knows_clock, clocks):
            rule = rules.find(clock.rule_key)
            rows.append(
                [
                    clock.title,
                    rule.basis() if rule else "",
                    moment(clock.started_at),
                    moment(clock.due_at) if clock.due_at else "本地口径待确认",
                    moment(clock.met_at) if clock.met_at else "未完成",
                    lateness(clock.seconds_late(self.now)),
                ]
            )
        return TableBlock(
            "各项时限",
            [14, 16, 19, 19, 19, 13],
            ["时限", "依据", "起算", "应完成", "实际完成", "超时"],
            rows,
        )

    def _events(self) -> TableBlock:
        events = self.session.scalars(
            select(Event)
            .where(Event.case_id == self.case.id, Event.name.not_in(("case.read",)))
            .order_by(Event.id)
        )
        readable = {document.id for document in self.seen.documents()}
        rows = []
        for event in events:
            if not self.seen.reads_event(event, readable):
                continue
            who = self.seen.person(event.user, event.appointment) or "—" if event.user else "系统"
            unit = event.appointment.organisation.name if event.appointment else ""
            what = self.wording(event.name)
            if detail := event.data.get("title") or event.data.get("number"):
                what = f"{what}：{detail}"
            rows.append([moment(event.at), what, who, unit if self.identified else ""])
        return TableBlock("办理记录", [20, 42, 14, 24], ["时间", "事项", "经办", "单位"], rows)

    def _attachments(self) -> Iterator[AttachmentFile]:
        for row in self.seen.attachments():
            yield AttachmentFile(
                name=row.filename,
                sha256=row.sha256,
                media_type=row.media_type,
                path=self.files / row.token,
                label=f"{_field_label(row)}：{row.filename}",
            )

    def _diagrams(self) -> Iterator[Diagram]:
        processes = self.session.scalars(
            select(Process).where(Process.case_id == self.case.id).order_by(Process.id)
        )
        for process in processes:
            yield self._diagram(process.definition.name, process.id, None)
            drawn = {
                (task.diagram, task.level)
                for task in process.tasks
                if task.diagram != process.definition.name and self.seen.knows_step(task)
            }
            order = list(Level)
            for name, level in sorted(
                drawn, key=lambda pair: (order.index(Level(pair[1] or "county")), pair[0])
            ):
                yield self._diagram(name, process.id, level)

    def _diagram(self, name: str, process_id: int, level: str | None) -> Diagram:
        query = select(Task).where(Task.process_id == process_id, Task.diagram == name)
        if level is not None:
            query = query.where(Task.level == level)
        states: dict[str, ElementState] = {}
        for task in self.session.scalars(query.order_by(Task.id)):
            sealed = self.seen.is_sealed(task.level) and self.seen.hides_step(task)
            states[task.bpmn_id] = "now" if sealed else _step_state(task, self.now)
        folder = FOLDER / name
        title = _DIAGRAMS.get(name, name)
        return Diagram(
            svg=(folder / "process.svg").read_bytes(),
            states=states,
            title=f"{LEVELS[level]}{title}" if level else title,
        )


_MARKS = {
    differences.Mark.SAME: "",
    differences.Mark.ADDED: "［新］",
    differences.Mark.REMOVED: "［不再列］",
}
_NOT_YET = "本级评审正在进行，结论尚未签署。"
_ANEW = "本级评审专家意见启封之后才能看到下级的结论。"
_DIAGRAMS = {
    "maternal_death": "孕产妇死亡病例流程",
    "maternal_nearmiss": "危重孕产妇病例流程",
    "neonatal_death": "新生儿死亡病例流程",
    "review": "评审",
    "rectification": "问题整改",
    "second_discussion": "尸检后再次讨论",
}
_ENTRIES = {
    "planned": "制定措施",
    "progress": "进展",
    "accepted": "验收到位",
    "rejected": "验收未通过",
    "urged": "督促",
    "guided": "指导意见",
    "care_plan": "诊疗预案",
    "guidance_answered": "答复指导意见",
    "extension_asked": "申请延期",
    "extension_granted": "同意延期",
    "extension_refused": "不同意延期",
    "effect_judged": "效果评估",
    "reopened": "重新打开",
}
_ITEM_STATES = {
    "planning": "待制定措施",
    "working": "整改中",
    "awaiting_acceptance": "待验收",
    "rejected": "验收未通过",
    "closed": "已销号",
}


def gather(
    session: Session, case: Case, *, by: Appointment, files: Path, wording: Wording, now: datetime
) -> Dossier:
    """What `by` gets as the dossier of the case. `files`: the folder of stored attachments."""
    return Gatherer(session, case, by, files, wording, now).dossier()


def _said(said: differences.Said) -> str:
    """One level's part of the comparison, with the reason where it was changed."""
    texts = [f"{_MARKS[point.mark]}{point.text}" for point in said.points] or ["没有"]
    return "\n".join([*texts, f"理由：{said.reason or '未写明'}"] if said.changed else texts)


def _field_label(row: Attachment) -> str:
    """What the file was asked for as."""
    fields = load.load(row.form).fields() if row.form else ()
    return next((field.label for field in fields if field.name == row.field), "附件")


def lateness(seconds: int) -> str:
    """6 小时 10 分; 无 when in time."""
    if seconds <= 0:
        return "无"
    hours, rest = divmod(seconds, 3600)
    days, hours = divmod(hours, 24)
    parts = [f"{days} 天" if days else "", f"{hours} 小时" if hours else "", f"{rest // 60} 分"]
    return " ".join(part for part in parts if part)


def moment(at: datetime) -> str:
    """A day and a time of it in China."""
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")


def _step_state(task: Task, now: datetime) -> ElementState:
    if task.state != TaskState.OPEN:
        return "done"
    due = task.clock.due_at if task.clock else None
    return "late" if due is not None and due < now else "now"


def _rows_table(row: SheetRow) -> TableBlock:
    """A repeating group, grid, inventory or cause chain as a table of its own.

    Columns nobody filled are left out; where many remain, the short ones share one.
    """
    heads = [cell.label for cell in row.table[0]]
    lines = [[cell.value for cell in line] for line in row.table]
    filled = [n for n in range(len(heads)) if any(line[n] not in _BLANK for line in lines)]
    longest = {n: max(len(line[n]) for line in lines) for n in filled}
    shared = [n for n in filled[1:] if longest[n] <= 8] if len(filled) > _MOST_COLUMNS else []
    kept = [n for n in filled if n not in shared]
    head = [heads[n] for n in kept]
    body = [[line[n] for n in kept] for line in lines]
    weights = [sqrt(min(max(longest[n], len(heads[n]), 6), 40)) for n in kept]
    if shared:
        head.append("其他")
        weights.append(sqrt(40))
        for cells, line in zip(body, lines, strict=True):
            notes = [f"{heads[n]}：{line[n]}" for n in shared if line[n] not in _BLANK]
            cells.append("；".join(notes) or "—")
    widths = [int(weight * 100 / sum(weights)) for weight in weights]
    widths[-1] += 100 - sum(widths)
    return TableBlock(row.label, widths, head, body)


_BLANK = ("", "—", "未填")
_MOST_COLUMNS = 6

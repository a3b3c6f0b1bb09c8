"""流程图: each diagram of the case with what is done, live and late, and the same as a list."""

from dataclasses import dataclass
from typing import Any

from flask import abort, jsonify, url_for
from flask.typing import ResponseReturnValue

from models import Clock, Document, Task
from webapp import dates, db, labels
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.cases.page import CasePage, open_page, render
from workflows.diagrams import Mark, Standing, standings
from workflows.permissions import LANE_BY_TITLE, may_complete

TITLES = {
    "maternal_death": "总流程",
    "maternal_nearmiss": "总流程",
    "neonatal_death": "总流程",
    "review": "评审",
    "rectification": "整改",
    "second_discussion": "再次讨论",
}
SEALED = "专家各自独立填写，意见启封之前不显示进度"
STATES = {"done": "已办", "now": "办理中", "late": "超时", "ended": "已终止", None: "未到"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a diagram in words: on the list beside it, and when it is tapped."""

    id: str
    title: str
    desk: str
    state: str | None
    lines: list[str]
    links: list[tuple[str, str]]
    clock: Clock | None

    @property
    def word(self) -> str:
        return STATES[self.state]

    @property
    def tone(self) -> str:
        return {"done": "done", "now": "active", "late": "late"}.get(self.state or "", "still")


@bp.get("/<int:case_id>/diagrams")
@bp.get("/<int:case_id>/diagrams/<key>")
def diagrams(case_id: int, key: str = "") -> ResponseReturnValue:
    page = open_page(case_id, "流程图")
    found = standings(db.session, page.case, page.reader, current.now)
    shown = _chosen(found, key)
    return render(
        "cases/diagrams.html",
        page,
        tab="cases.diagrams",
        tabs=[(each.key, title_of(each), each.is_live) for each in found],
        shown=shown,
        title=title_of(shown),
        steps=_steps(shown, page),
    )


@bp.get("/<int:case_id>/diagrams/<key>/data")
def diagram_data(case_id: int, key: str) -> ResponseReturnValue:
    """What the drawing needs: the BPMN file, and for each element its state and badge."""
    page = open_page(case_id, "流程图")
    shown = _chosen(standings(db.session, page.case, page.reader, current.now), key)
    return jsonify(
        title=title_of(shown),
        xml=shown.drawing.xml,
        elements={step.id: _element(step) for step in _steps(shown, page) if step.state}
        | _parts(shown),
        path=sorted(shown.path),
        alarms=sorted(shown.alarms),
    )


def _chosen(found: list[Standing], key: str) -> Standing:
    """The diagram asked for; without a key the first one. 404 for one the case does not have."""
    return next((each for each in found if not key or each.key == key), None) or abort(404)


def title_of(standing: Standing) -> str:
    """总流程, 县级评审, …"""
    title = TITLES.get(standing.drawing.name, standing.drawing.title)
    return f"{labels.word('level', standing.level)}{title}"


def _parts(shown: Standing) -> dict[str, Any]:
    return {
        name: {"state": mark.state, "badge": ""}
        for name, mark in shown.marks.items()
        if mark.node.kind == "subProcess" and mark.state
    }


def _element(step: Step) -> dict[str, Any]:
    badge = ""
    if step.clock is not None and step.clock.due_at and step.state in ("now", "late"):
        badge = dates.countdown(step.clock.due_at)
    elif step.state == "now":
        badge = "办理中"
    due = step.clock.due_at if step.clock and badge != "办理中" else None
    due = None if dates.are_hidden() else due
    return {
        "state": step.state,
        "badge": badge,
        "due": due.isoformat() if due and step.state in ("now", "late") else None,
        "tip": "；".join([f"{step.title}：{step.word}", *step.lines]),
    }


def _steps(shown: Standing, page: CasePage) -> list[Step]:
    sheets: dict[int, Document] = {row.task_id: row for row in page.documents if row.task_id}
    return [
        _step(mark, shown, page, sheets)
        for mark in shown.marks.values()
        if mark.node.kind != "subProcess"
    ]


def _step(mark: Mark, shown: Standing, page: CasePage, sheets: dict[int, Document]) -> Step:
    lines = [SEALED] if mark.sealed and mark.state == "now" else []
    lines += [_open_words(task, page) for task in mark.open]
    lines += [_done_words(task, page, sheets.get(task.id)) for task in mark.done[-3:]]
    links = [
        (f"办理{_item(task, page)}", url_for("tasks.show", task_id=task.id))
        for task in mark.open
        if may_complete(page.reader.by, task)
    ]
    links += [
        (
            f"看文书{_item(task, page)}（第 {sheets[task.id].edition} 稿）",
            _sheet(page, sheets[task.id]),
        )
        for task in mark.done
        if task.id in sheets
    ]
    if mark.node.called and mark.state:
        links += _called(mark, page, shown)
    clocks = [task.clock for task in mark.open if task.clock and not task.clock.met_at]
    clocks.sort(key=lambda clock: (clock.due_at is None, clock.due_at))
    return Step(
        id=mark.node.id,
        title=mark.node.name,
        desk=_desk(mark, page),
        state=mark.state,
        lines=lines,
        links=links[-4:],
        clock=clocks[0] if clocks else None,
    )


def _desk(mark: Mark, page: CasePage) -> str:
    lane = LANE_BY_TITLE.get(mark.node.lane)
    return "" if mark.node.called else (lane.title if lane else mark.node.lane)


def _called(mark: Mark, page: CasePage, shown: Standing) -> list[tuple[str, str]]:
    """Links to the diagrams of the part that a call activity stands for."""
    name = mark.node.called
    told = [level for level in ("county", "city") if f"_{level}_" in mark.node.id]
    used = [task.level or "" for task in shown.process.tasks if task.diagram == name]
    level = next(iter(told + used), "")  # one that any level may enter is at the level that did
    key = name if name == "rectification" else f"{name}-{level}"
    address = url_for("cases.diagrams", case_id=page.case.id, key=key)
    return [(f"看{labels.word('level', level)}{TITLES[name]}的流程图", address)]


def _sheet(page: CasePage, document: Document) -> str:
    return url_for("cases.document", case_id=page.case.id, document_id=document.id)


def _item(task: Task, page: CasePage) -> str:
    numbers = {item.id: item.number for item in page.items}
    number = numbers.get(task.rectification_id or 0, "")
    return f" {number}" if number else ""


def _open_words(task: Task, page: CasePage) -> str:
    unit = page.reader.unit(task.organisation)
    since = dates.when(task.opened_at)
    return f"{_item(task, page).strip()} {unit}，{since} 起".strip()


def _done_words(task: Task, page: CasePage, sheet: Document | None) -> str:
    """Which unit and when; who, for those who may read the sheet and know the person."""
    unit = page.reader.unit(task.organisation)
    who = page.reader.person(sheet.author, sheet.appointment) if sheet else ""
    at = dates.when(task.closed_at or task.opened_at)
    return f"{_item(task, page).strip()} {' '.join(filter(None, (unit, who)))}，{at} 办结".strip()

"""What is different between two versions of a process, element by element, in words.

By id: an id keeps its meaning from version to version. Where things stand in the picture does not
count. Reads files; knows no database and nothing of SpiffWorkflow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lxml import etree

from workflows.engine.definitions import BPMN, Files, parse_xml

SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"
KINDS = {
    "startEvent": "开始",
    "endEvent": "结束",
    "userTask": "人工步骤",
    "serviceTask": "自动步骤",
    "businessRuleTask": "判定步骤",
    "exclusiveGateway": "判断",
    "inclusiveGateway": "多选判断",
    "parallelGateway": "并行",
    "eventBasedGateway": "等待事件",
    "subProcess": "子流程",
    "callActivity": "调用流程",
    "boundaryEvent": "边界事件",
    "intermediateCatchEvent": "中间事件",
    "intermediateThrowEvent": "抛出事件",
    "sequenceFlow": "流向",
    "lane": "泳道",
    "process": "流程",
}
TIMERS = {"timeDate": "定时于", "timeDuration": "定时经过", "timeCycle": "定时重复"}
PROPERTIES = {
    "form": "表单",
    "effect": "办理结果",
    "clock": "时限",
    "stopsClock": "办结停表",
    "rewindFrom": "可从哪些步骤退回",
    "skip": "可否略过",
    "suspends": "暂停时停办",
}
NOTHING = "无"


class How(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Line:
    """One fact that is different; empty where there was, or is, none."""

    what: str
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        return f"{self.what}：{self.old or NOTHING} → {self.new or NOTHING}"


@dataclass(frozen=True, slots=True)
class Change:
    """One element that is new, gone or different. `file` is the diagram, table or form it is in."""

    file: str
    element: str
    how: How
    kind: str
    title: str
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class _Element:
    """`shown` has the names for those facts that are ids: they are compared by id."""

    kind: str
    title: str = field(compare=False)
    facts: dict[str, str]
    shown: dict[str, str] = field(default_factory=dict, compare=False)
    rest: str = ""  # all that is written of it, to notice what no fact tells

    def words(self, what: str) -> str:
        """A fact as people read it."""
        return self.shown.get(what) or self.facts.get(what, "")


def changes(old: Files, new: Files) -> list[Change]:
    """Everything different, in the order of the files; empty when only the picture moved."""
    found: list[Change] = []
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            found += _of_file(name, old.get(name), new.get(name))
    return found


def _of_file(name: str, old: str | None, new: str | None) -> Iterator[Change]:
    read = _read_bpmn if name.endswith(".bpmn") else _read_dmn
    if not name.endswith((".bpmn", ".dmn")):
        how = How.ADDED if old is None else How.REMOVED if new is None else How.CHANGED
        yield Change(name, name.rsplit("/", 1)[-1].removesuffix(".json"), how, "表单", "")
        return
    before, after = (read(text) if text else {} for text in (old, new))
    for key in [*after, *(key for key in before if key not in after)]:
        if key not in before:
            yield _told(name, key, How.ADDED, _Element("", "", {}), after[key])
        elif key not in after:
            yield _told(name, key, How.REMOVED, before[key], _Element("", "", {}))
        elif (a := before[key]) != (b := after[key]):
            yield _changed(name, key, a, b)


def _told(file: str, key: str, how: How, old: _Element, new: _Element) -> Change:
    names = [
        what
        for what in {**old.facts, **new.facts}
        if old.facts.get(what, "") != new.facts.get(what, "")
    ]
    lines = [Line(what, old.words(what), new.words(what)) for what in names]
    told = old if how is How.REMOVED else new
    return Change(file, key, how, KINDS.get(told.kind, told.kind), told.title, lines)


def _changed(file: str, key: str, old: _Element, new: _Element) -> Change:
    change = _told(file, key, How.CHANGED, old, new)
    if old.kind != new.kind:
        kinds = (KINDS.get(each.kind, each.kind) for each in (old, new))
        change.lines.append(Line("类型", *kinds))
    if not change.lines:
        change.lines.append(Line("其他属性", "原内容", "有改动"))
    return change


# Diagrams


def _read_bpmn(text: str) -> dict[str, _Element]:
    root = parse_xml(text)
    lanes = {
        (ref.text or "").strip(): lane.get("name", "")
        for lane in root.iter(f"{BPMN}lane")
        for ref in lane.iter(f"{BPMN}flowNodeRef")
    }
    names = {node.get("id"): _title(node) for node in root.iter("*") if node.get("id")}
    found: dict[str, _Element] = {}
    for process in root.iter(f"{BPMN}process"):
        for node in process.iter("*"):
            kind = etree.QName(node).localname
            if node.tag.startswith(BPMN) and kind in KINDS and node.get("id"):
                found[node.get("id")] = _element(node, kind, lanes, names)
    return found


def _element(node: Any, kind: str, lanes: Mapping[str, str], names: Mapping[str, str]) -> _Element:
    refs = {what: key for what, key in _refs(node) if key}
    shown = {what: names.get(key) or key for what, key in refs.items()}
    facts = {"名称": _title(node), "泳道": lanes.get(node.get("id"), ""), **refs}
    facts |= {"是否打断": _interrupts(node), "调用": node.get("calledElement", "")}
    for what, value in _inside(node):
        facts[what] = f"{facts[what]}；{value}" if what in facts else value
    title = _title(node)
    if kind == "sequenceFlow":
        title = f"{shown.get('从', '')} → {shown.get('到', '')}"
    rest = "" if kind in ("lane", "process") else _rest(node)
    told = {what: value for what, value in facts.items() if value}
    return _Element(kind, title, told, shown, rest)


def _title(node: Any) -> str:
    return " ".join((node.get("name") or "").split())


def _refs(node: Any) -> Iterator[tuple[str, str]]:
    """(what, id) of the elements that this one names."""
    outer = node.getparent()
    yield "所在子流程", outer.get("id", "") if outer.tag == f"{BPMN}subProcess" else ""
    yield "从", node.get("sourceRef", "")
    yield "到", node.get("targetRef", "")
    yield "默认流向", _end_of(node.get("default", ""), node)
    yield "附着于", node.get("attachedToRef", "")


def _end_of(flow: str, node: Any) -> str:
    for sibling in node.getparent().iterchildren(f"{BPMN}sequenceFlow"):
        if flow and sibling.get("id") == flow:
            return str(sibling.get("targetRef", ""))
    return flow


def _interrupts(node: Any) -> str:
    if node.tag != f"{BPMN}boundaryEvent":
        return ""
    return "不打断" if node.get("cancelActivity") == "false" else "打断"


def _inside(node: Any) -> Iterator[tuple[str, str]]:
    for child in node.iterchildren("*"):
        kind = etree.QName(child).localname
        if kind == "conditionExpression":
            yield "条件", _text(child)
        elif kind == "multiInstanceLoopCharacteristics":
            one_by_one = child.get("isSequential") == "true"
            yield "多份办理", "逐个" if one_by_one else "同时"
            yield "份数", _text(child.find(f"{BPMN}loopCardinality"))
        elif kind == "timerEventDefinition":
            for told in child.iterchildren("*"):
                yield TIMERS.get(etree.QName(told).localname, "定时"), _text(told)
        elif kind == "extensionElements":
            yield from _extensions(child)


def _extensions(node: Any) -> Iterator[tuple[str, str]]:
    for each in node.iter(f"{SPIFF}property"):
        name = each.get("name", "")
        yield PROPERTIES.get(name, name), each.get("value", "")
    for each in node.iter(f"{SPIFF}serviceTaskOperator"):
        yield "执行功能", each.get("id", "")
    for each in node.iter(f"{SPIFF}parameter"):
        yield f"参数 {each.get('id', '')}", each.get("value", "")
    for each in node.iter(f"{SPIFF}calledDecisionId"):
        yield "判定表", _text(each)


def _text(node: Any) -> str:
    return " ".join((node.text or "").split()) if node is not None else ""


_OUTSIDE = {"incoming", "outgoing", "laneSet", "documentation", *KINDS}


def _rest(node: Any) -> str:
    """The element as written, without its neighbours and what stands in it by itself."""
    inner = [_rest(child) for child in node.iterchildren("*") if _local(child) not in _OUTSIDE]
    return f"{node.tag}{sorted(node.attrib.items())}{(node.text or '').strip()}{inner}"


def _local(node: Any) -> str:
    return str(etree.QName(node).localname)


# Decision tables


def _read_dmn(text: str) -> dict[str, _Element]:
    """One element a decision, one fact a row."""
    found: dict[str, _Element] = {}
    for decision in parse_xml(text).iter("{*}decision"):
        table = decision.find("{*}decisionTable")
        facts = dict(_table(table)) if table is not None else {}
        found[decision.get("id", "")] = _Element("判定表", _title(decision), facts)
    return found


def _table(table: Any) -> Iterator[tuple[str, str]]:
    yield "命中方式", table.get("hitPolicy", "UNIQUE")
    yield "输入", "，".join(_cells(table, "{*}input", "{*}inputExpression/{*}text"))
    yield "输出", "，".join(each.get("name", "") for each in table.iterfind("{*}output"))
    for place, row in enumerate(table.iterfind("{*}rule"), 1):
        given = " | ".join(_cells(row, "{*}inputEntry", "{*}text"))
        yield f"第 {place} 行", f"{given} ⇒ {' | '.join(_cells(row, '{*}outputEntry', '{*}text'))}"


def _cells(node: Any, each: str, inner: str) -> list[str]:
    return [_text(cell.find(inner)) or "-" for cell in node.iterfind(each)]

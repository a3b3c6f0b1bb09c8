"""G1–G14: what makes any BPMN diagram sound and readable, whatever engine runs it; and its XSD.

The rules are the ones that bpmnlint recommends, in our own words and code.
"""

import re
import threading
from collections import Counter
from functools import cache
from typing import Any

from lxml import etree
from SpiffWorkflow.dmn.parser.BpmnDmnParser import SCHEMAS
from SpiffWorkflow.spiff.parser.process import VALIDATOR

from workflows.engine.lint_terms import (
    GATEWAYS,
    NODES,
    TASKS,
    B,
    Rule,
    Told,
    Vocabulary,
    each,
    flows_of,
    levels,
    local,
    name_of,
    nodes_of,
)

DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
MOST_XSD = 10  # findings of one file: what follows the first few is mostly their echo
_LOCK = threading.Lock()  # a schema keeps the errors of its last validation


def _starts(root: Any, words: Vocabulary) -> Told:
    for level in levels(root):
        starts = level.findall(f"{B}startEvent")
        if not starts:
            yield name_of(level), "G1：要有一个开始"
        blank = [node for node in starts if node.find("*[@id]") is None]
        for more in blank[1:]:
            yield name_of(more), "G2：只能有一个空白的开始；合成一个"
        if not level.findall(f"{B}endEvent"):
            yield name_of(level), "G3：要有结束"


def _loose(root: Any, words: Vocabulary) -> Told:
    """Nodes that nothing leads to, or from which nothing leads on."""
    for level in levels(root):
        flows = flows_of(level)
        before, after = ({flow.get(end) for flow in flows} for end in ("targetRef", "sourceRef"))
        for node in nodes_of(level):
            key, kind = node.get("id"), local(node)
            if kind not in ("startEvent", "boundaryEvent") and key not in before:
                yield name_of(node), "G4：没有线连到这里；连上，或改为开始"
            if kind not in ("endEvent",) and key not in after:
                yield name_of(node), "G5：从这里没有线连出；连到下一步，或连到结束"


def _flows(root: Any, words: Vocabulary) -> Told:
    pairs = Counter((f.get("sourceRef"), f.get("targetRef")) for f in each(root, "sequenceFlow"))
    for flow in each(root, "sequenceFlow"):
        pair = flow.get("sourceRef"), flow.get("targetRef")
        if pairs[pair] > 1:
            yield name_of(flow), "G6：同样两个元素之间有重复的线；只留一条"
            pairs[pair] = 0  # once
    for level in levels(root):
        out = Counter(flow.get("sourceRef") for flow in flows_of(level))
        for node in nodes_of(level):
            if local(node) not in GATEWAYS and out[node.get("id")] > 1:
                yield name_of(node), "G7：一步之后分出几条线；用判断或并行画明白"


def _gateways(root: Any, words: Vocabulary) -> Told:
    for level in levels(root):
        flows = flows_of(level)
        into, out = (Counter(f.get(end) for f in flows) for end in ("targetRef", "sourceRef"))
        for gateway in (node for node in nodes_of(level) if local(node) in GATEWAYS):
            key = gateway.get("id")
            if into[key] == 1 and out[key] == 1:
                yield name_of(gateway), "G8：只有一进一出，是多余的；删去，直接连线"
            if into[key] > 1 and out[key] > 1:
                yield name_of(gateway), "G9：既汇合又分开；拆成两个"
    for gateway in each(root, "inclusiveGateway"):
        yield name_of(gateway), "G10：不用多选判断；改用判断，或并行加判断"


def _labels(root: Any, words: Vocabulary) -> Told:
    asked = [node for node in each(root, *TASKS, "boundaryEvent") if local(node) != "userTask"]
    asked += [gate for gate in each(root, "exclusiveGateway", "inclusiveGateway") if _splits(gate)]
    asked += [node for level in each(root, "process") for node in level.findall(f"{B}startEvent")]
    for node in asked:
        if not (node.get("name") or "").strip():
            yield name_of(node), "G11：起一个看得懂的名称"
    for flow in each(root, "sequenceFlow"):
        told = (flow.get("name") or "").strip()
        if flow.find(f"{B}conditionExpression") is not None and not told:
            yield name_of(flow), "G11：带条件的线要写明是哪种情况"


def _splits(gateway: Any) -> bool:
    key = gateway.get("id")
    return len([f for f in flows_of(gateway.getparent()) if f.get("sourceRef") == key]) > 1


def _events(root: Any, words: Vocabulary) -> Told:
    for node in each(root, "startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent"):
        told = [child for child in node.iterchildren("*") if local(child).endswith("Definition")]
        if len(told) > 1:
            yield name_of(node), "G12：一个事件只能等一件事；拆成几个"
        if not told and local(node) in ("boundaryEvent", "intermediateCatchEvent"):
            yield name_of(node), "G12：写明等的是什么，例如定时"


def _identity(root: Any, words: Vocabulary) -> Told:
    ids = Counter(node.get("id") for node in root.iter(f"{B}*") if node.get("id"))
    for key, times in ids.items():
        if times > 1:
            yield str(key), f"G13：这个编号用了 {times} 次；每个元素用自己的编号"
    for more in list(each(root, "process"))[1:]:
        yield name_of(more), "G14：一个文件只放一个流程；另存为一个文件夹"


def _picture(root: Any, words: Vocabulary) -> Told:
    """Without coordinates the viewer shows nothing."""
    drawn = {node.get("bpmnElement") for node in root.iter(f"{DI}BPMNShape", f"{DI}BPMNEdge")}
    for node in each(root, *NODES, "sequenceFlow"):
        if node.get("id") not in drawn:
            yield name_of(node), "G15：图上没有它的位置；在图里画出来"


def _schema(root: Any, words: Vocabulary) -> Told:
    yield from wrong_structure(root, VALIDATOR.validator, "BPMN 2.0")


def wrong_structure(root: Any, schema: Any, standard: str) -> Told:
    """Where a document is not as the standard's XSD has it."""
    with _LOCK:
        if schema.validate(root):
            return
        errors = [(error.line, error.message) for error in schema.error_log][:MOST_XSD]
    for line, message in errors:
        yield f"第 {line} 行", f"XSD：{_said(message, standard)}"


@cache
def dmn_schema(namespace: str) -> Any:
    """The XSD of a decision table's version; None for one that is not known."""
    path = SCHEMAS.get(namespace)
    return etree.XMLSchema(etree.parse(path)) if path else None


_ELEMENT = re.compile(r"Element '(?:\{[^}]*\})?([^']*)'(?:, attribute '(?:\{[^}]*\})?([^']*)')?")


def _said(message: str, standard: str) -> str:
    """What the validator says, in words people can act on."""
    found = _ELEMENT.match(message)
    what = f"元素 {found[1]}" if found else "文件"
    of = f"的属性 {found[2]}" if found and found[2] else ""
    if "is not expected" in message:
        return f"{what} 不能放在这里，按 {standard} 移到它该在的位置或删去"
    if "is not allowed" in message:
        return f"{what} 没有{of.removeprefix('的') or '这个属性'}，删去"
    if "required but missing" in message:
        missing = re.search(r"The attribute '([^']*)' is required", message)
        return f"{what} 缺少属性 {missing[1] if missing else ''}，补上"
    if "Missing child" in message:
        return f"{what} 缺少下级内容，补全"
    if "not a valid value" in message or "facet" in message:
        return f"{what}{of} 的值不合规定，改正"
    return f"{what}{of} 不符合 {standard} 的结构，改正"


RULES: tuple[Rule, ...] = (
    _starts,
    _loose,
    _flows,
    _gateways,
    _labels,
    _events,
    _identity,
    _picture,
    _schema,
)

"""The modelling rules of our diagrams, checked on the file.

A finding names file, element and what to do. A file made by another tool gets findings, never a
traceback, and nothing in it is ever executed. Rules that only a walk can show are tests.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from workflows.engine import script
from workflows.engine.definitions import FOLDER, files_of, parse_xml

NS = "http://www.omg.org/spec/BPMN/20100524/MODEL"
B = f"{{{NS}}}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"

PREFIX = {
    "startEvent": ("SE_",),
    "endEvent": ("EE_",),
    "userTask": ("UT_",),
    "serviceTask": ("SV_",),
    "businessRuleTask": ("BR_",),
    "exclusiveGateway": ("GW_",),
    "inclusiveGateway": ("GW_",),
    "parallelGateway": ("GW_",),
    "eventBasedGateway": ("GW_",),
    "subProcess": ("SP_",),
    "callActivity": ("CA_",),
    "boundaryEvent": ("BT_", "BE_"),
    "intermediateCatchEvent": ("IE_",),
    "intermediateThrowEvent": ("TE_",),
    "sequenceFlow": ("F_",),
}
NODES = tuple(PREFIX.keys() - {"sequenceFlow"})
FORBIDDEN = {
    "scriptTask": "L4: no script tasks; name a function with a service task",
    "dataObject": "L17: no data objects; keep answers in rows",
    "dataObjectReference": "L17: no data objects; keep answers in rows",
    "dataStoreReference": "L17: no data stores; keep answers in rows",
    "transaction": "L17: no transactions",
    "cancelEventDefinition": "L17: no cancel events",
    "adHocSubProcess": "L17: no ad-hoc sub-processes",
    "loopDataInputRef": "L8: multi-instance by loopCardinality only",
    "loopDataOutputRef": "L8: multi-instance by loopCardinality only",
    "inputDataItem": "L8: multi-instance by loopCardinality only",
    "outputDataItem": "L8: multi-instance by loopCardinality only",
    "completionCondition": "L9: no completion condition",
    "manualTask": "L21: use a user task with a form",
    "task": "L21: use a user task with a form or a service task with a function",
}
ID = re.compile(r"[A-Z]{1,2}_[A-Za-z0-9_]+")
DURATION = re.compile(r"P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)")
CYCLE = re.compile(r"R[1-9]\d*/(.+)")


@dataclass(frozen=True, slots=True)
class Finding:
    file: str
    element: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.element}: {self.text}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a diagram may name: lanes, functions, services, effects, forms, other processes."""

    lanes: frozenset[str]
    functions: frozenset[str]
    services: frozenset[str]
    effects: frozenset[str]
    forms: frozenset[str]
    processes: frozenset[str]
    names: frozenset[str]  # routed values and flags that conditions may read


Rule = Callable[[Any, Vocabulary], Iterator[tuple[str, str]]]


def lint_folder(name: str, words: Vocabulary) -> list[Finding]:
    """Every finding in the diagrams of one process folder."""
    return [
        finding
        for file, text in files_of(name).items()
        if file.startswith(f"{name}/") and file.endswith(".bpmn")
        for finding in lint_text(file, text, words)
    ]


def folders() -> list[str]:
    """Names of the process folders."""
    return sorted(path.parent.name for path in FOLDER.glob("*/process.bpmn"))


def lint_text(file: str, text: str, words: Vocabulary) -> list[Finding]:
    """Every finding in one file; never an exception, whatever the file holds."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return [Finding(file, "file", "L23: no DOCTYPE and no entities; remove them")]
    try:
        root = parse_xml(text)
    except (etree.XMLSyntaxError, ValueError) as error:
        return [Finding(file, "file", f"no readable XML: {error}")]
    if root.tag != f"{B}definitions" or root.find(f"{B}process") is None:
        return [Finding(file, "file", "no BPMN 2.0 process in it")]
    return [Finding(file, element, text) for rule in RULES for element, text in rule(root, words)]


def _each(root: Any, *kinds: str) -> Iterator[Any]:
    for kind in kinds:
        yield from root.iter(f"{B}{kind}")


def _name(node: Any) -> str:
    return str(node.get("id") or etree.QName(node).localname)


def _owner(node: Any) -> str:
    """The element of the picture that something without a place of its own belongs to."""
    for outer in node.iterancestors():
        if outer.get("id") and etree.QName(outer).localname in PREFIX:
            return str(outer.get("id"))
    return _name(node)


def _ids(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for kind, prefixes in PREFIX.items():
        for node in _each(root, kind):
            key = node.get("id") or ""
            if not ID.fullmatch(key) or not key.startswith(prefixes):
                yield _name(node), f"L1: give it an id that begins with {' or '.join(prefixes)}"


def _forbidden(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for kind, why in FORBIDDEN.items():
        for node in _each(root, kind):
            yield _name(node), why
    for node in root.iter(f"{SPIFF}preScript", f"{SPIFF}postScript"):
        yield _owner(node), "L4: no scripts before or after a step; name a function instead"
    for node in _each(root, "subProcess"):
        if node.get("triggeredByEvent") == "true":
            yield _name(node), "L13: no event sub-processes; use a boundary message"
    for node in _each(root, *NODES):
        if any(key.startswith("{http://camunda.org") for key in node.attrib):
            yield _name(node), "L21: no camunda attributes; use spiffworkflow:properties"


def _gateways(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    flows = {flow.get("id"): flow for flow in _each(root, "sequenceFlow")}
    for gateway in _each(root, "exclusiveGateway", "inclusiveGateway"):
        out = [key for key, flow in flows.items() if flow.get("sourceRef") == gateway.get("id")]
        if len(out) < 2:
            continue
        default = gateway.get("default")
        if default not in out:
            yield _name(gateway), "L7: mark one outgoing flow as the default"
        for key in out:
            if key != default and flows[key].find(f"{B}conditionExpression") is None:
                yield str(key), "L7: give it a condition; only the default flow has none"


def _ends(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    known = {node.get("id") for node in _each(root, *NODES)}
    for flow in _each(root, "sequenceFlow"):
        if not {flow.get("sourceRef"), flow.get("targetRef")} <= known:
            yield _name(flow), "L22: both ends must be elements of this file"
    yield from _unreachable(root)


def _unreachable(root: Any) -> Iterator[tuple[str, str]]:
    forward: dict[str, set[str]] = {}
    for flow in _each(root, "sequenceFlow"):
        forward.setdefault(flow.get("sourceRef"), set()).add(flow.get("targetRef"))
    for boundary in _each(root, "boundaryEvent"):
        forward.setdefault(boundary.get("attachedToRef"), set()).add(boundary.get("id"))
    waiting = [node.get("id") for node in _each(root, "startEvent")]
    reached: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += forward.get(key, ())
    for node in _each(root, *NODES):
        if node.get("id") not in reached:
            yield _name(node), "L22: cannot be reached from a start event; connect or remove it"


def _lanes(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for lane in _each(root, "lane"):
        if lane.get("name") not in words.lanes:
            yield _name(lane), f"L20: the lane 「{lane.get('name')}」 is no lane of ours"
    refs = [ref.text or "" for ref in _each(root, "flowNodeRef")]
    yield from (
        (key.strip(), "L20: white space in flowNodeRef") for key in refs if key != key.strip()
    )
    seats = Counter(key.strip() for key in refs)
    for part in _each(root, "subProcess"):
        if seats[part.get("id")]:
            yield _name(part), "L20: keep it out of the lanes, or its steps lose their own"
    for step in _each(root, "userTask"):
        if seats[step.get("id")] != 1:
            yield _name(step), "L20: put it in exactly one lane"


def _user_tasks(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for step in _each(root, "userTask"):
        told = {p.get("name"): p.get("value") for p in step.iter(f"{SPIFF}property")}
        if not step.get("name"):
            yield _name(step), "L21: give it a name that people read"
        if told.get("form") not in words.forms:
            yield _name(step), f"L21: no form file named {told.get('form')}"
        if told.get("effect") and told["effect"] not in words.effects:
            yield _name(step), f"L21: no effect named {told['effect']}"


def _service_tasks(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for step in _each(root, "serviceTask"):
        operator = step.find(f".//{SPIFF}serviceTaskOperator")
        if operator is None or operator.get("id") not in words.services:
            yield _name(step), "L4: name a registered function as its operator"
        elif not operator.get("resultVariable"):
            yield _name(step), "L4: declare its resultVariable"


def _calls(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for call in _each(root, "callActivity"):
        if call.get("calledElement") not in words.processes:
            yield _name(call), f"L16: no process folder named {call.get('calledElement')}"
    for process in _each(root, "process"):
        if process.get("id") in called_processes() and process.find(f"{B}ioSpecification") is None:
            yield _name(process), "L16: a called process declares an ioSpecification"


def called_processes() -> set[str]:
    """Processes that some diagram of ours calls."""
    return {
        call.get("calledElement")
        for name in folders()
        for text in files_of(name).values()
        for call in _each(parse_xml(text), "callActivity")
    }


def _timers(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    for timer in _each(root, "timerEventDefinition"):
        owner = _owner(timer)
        for node in timer.iterchildren("*"):
            text = (node.text or "").strip()
            if problem := _wrong_timer(etree.QName(node).localname, text, words):
                yield owner, problem
    for gateway in _each(root, "eventBasedGateway"):
        yield _name(gateway), "L14: no event-based gateway; use a boundary event"


def _wrong_timer(kind: str, text: str, words: Vocabulary) -> str | None:
    try:
        tree = script.tree(text)
    except (SyntaxError, script.Refused):
        return 'L3: write a quoted ISO 8601 text such as "PT24H", or call a function'
    if isinstance(tree, ast.Call):
        return None  # judged with the expressions
    if not (isinstance(tree, ast.Constant) and isinstance(tree.value, str)):
        return 'L3: write a quoted ISO 8601 text such as "PT24H", or call a function'
    value = tree.value
    if kind == "timeDate":
        return None if MOMENT.fullmatch(value) else "L3: a date needs a time and an offset"
    if kind == "timeCycle":
        cycle = CYCLE.fullmatch(value)
        value = cycle[1] if cycle else ""
    return None if DURATION.fullmatch(value) else "L3: no positive ISO 8601 duration"


def _expressions(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    kinds = ("conditionExpression", "loopCardinality", "timeDate", "timeDuration", "timeCycle")
    texts = [(_owner(node), node.text) for node in _each(root, *kinds)]
    texts += [(p.get("id") or "", p.get("value")) for p in root.iter(f"{SPIFF}parameter")]
    for owner, text in texts:
        if problem := wrong_expression(text or "", words):
            yield owner, f"L5: {problem}"


_ALLOWED = (
    ast.Constant, ast.Name, ast.List, ast.Tuple, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp,
    ast.Not, ast.USub, ast.Compare, ast.Call, ast.Load, *script.COMPARE,
)  # fmt: skip


def wrong_expression(text: str, words: Vocabulary) -> str | None:
    """Why the evaluator would refuse an expression, or None. Evaluates nothing."""
    try:
        tree = script.tree(text)
    except (SyntaxError, script.Refused):
        return f"no expression: {text[:60]!r}"
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            return f"not allowed in an expression: {type(node).__name__}"
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or node.func.id not in words.functions
        ):
            return "calls something that is no registered function"
        if isinstance(node, ast.UnaryOp) and not script.unary(node):
            return "a minus stands before a number only"
        if isinstance(node, ast.Name) and id(node) not in called and node.id not in words.names:
            return f"nothing routes a value named {node.id}"
    return None


def _joins(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    """L11: on a level that has a loop no gateway may fork or join in parallel."""
    for level in _each(root, "process", "subProcess"):
        gateways = [*level.findall(f"{B}parallelGateway"), *level.findall(f"{B}inclusiveGateway")]
        if gateways and _has_cycle(level):
            for gateway in gateways:
                yield _name(gateway), "L11: move fork and join into a sub-process without a loop"


def _has_cycle(level: Any) -> bool:
    forward: dict[str, set[str]] = {}
    for flow in level.findall(f"{B}sequenceFlow"):
        forward.setdefault(flow.get("sourceRef"), set()).add(flow.get("targetRef"))
    edges: Iterable[str] = list(forward)
    for start in edges:
        seen: set[str] = set()
        waiting = list(forward[start])
        while waiting:
            key = waiting.pop()
            if key == start:
                return True
            if key not in seen:
                seen.add(key)
                waiting += forward.get(key, ())
    return False


def _picture(root: Any, words: Vocabulary) -> Iterator[tuple[str, str]]:
    """Without coordinates the viewer shows nothing."""
    drawn = {node.get("bpmnElement") for node in root.iter(f"{DI}BPMNShape", f"{DI}BPMNEdge")}
    for node in _each(root, *NODES, "sequenceFlow"):
        if node.get("id") not in drawn:
            yield _name(node), "has no place in the picture; draw it"


RULES: tuple[Rule, ...] = (
    _ids,
    _forbidden,
    _gateways,
    _ends,
    _lanes,
    _user_tasks,
    _service_tasks,
    _calls,
    _timers,
    _expressions,
    _joins,
    _picture,
)

"""L1–L23: how a diagram must be written so that our engine keeps it safely, checked on the file.

L2 needs the versions before (lint_versions), L18 the tables (lint_tables); L6, L10 and L19 show
when the process is walked through (rehearsal). L23 and the size are judged before anything is read.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lxml import etree

from workflows.engine import script
from workflows.engine.lint_terms import (
    NODES,
    PREFIX,
    SPIFF,
    B,
    Rule,
    Told,
    Vocabulary,
    each,
    flows_of,
    levels,
    local,
    name_of,
    owner_of,
)

FORBIDDEN = {
    "scriptTask": "L4：不能用脚本步骤；改用自动步骤并写明已登记的功能",
    "dataObject": "L17：不能用数据对象；数据由系统自己的表保存，删去它",
    "dataObjectReference": "L17：不能用数据对象；数据由系统自己的表保存，删去它",
    "dataStoreReference": "L17：不能用数据存储；数据由系统自己的表保存，删去它",
    "transaction": "L17：不能用事务子流程；改用普通子流程",
    "cancelEventDefinition": "L17：不能用取消事件；删去它",
    "adHocSubProcess": "L17：不能用临时子流程；改用普通子流程",
    "standardLoopCharacteristics": "L17：不能用标准循环；用一条返回的流向画出循环",
    "loopDataInputRef": "L8：多份办理只用 loopCardinality 写份数，删去集合",
    "loopDataOutputRef": "L8：多份办理只用 loopCardinality 写份数，删去集合",
    "inputDataItem": "L8：多份办理只用 loopCardinality 写份数，删去集合项",
    "outputDataItem": "L8：多份办理只用 loopCardinality 写份数，删去集合项",
    "completionCondition": "L9：不能写提前结束的条件；要等全部办完",
    "manualTask": "L21：改用人工步骤并写明表单",
    "task": "L21：改用人工步骤并写明表单，或改用自动步骤并写明功能",
    "messageEventDefinition": "L15：图里的消息没有人投递；删去，由系统的操作触发",
    "sendTask": "L15：图里的消息没有人投递；改用自动步骤并写明功能",
    "receiveTask": "L15：图里的消息没有人投递；改用人工步骤",
    "signalEventDefinition": "L15：图里的信号没有人发出；删去它",
    "complexGateway": "L17：不能用复杂网关；改用判断或并行",
    "conditionalEventDefinition": "L17：不能用条件事件；用判断画出来",
    "compensateEventDefinition": "L17：不能用补偿事件；删去它",
    "linkEventDefinition": "L17：不能用链接事件；直接画出流向",
    "terminateEventDefinition": "L17：不能用终止结束；分别画出各自的结束",
    "errorEventDefinition": "L17：不能用错误事件；出错由系统记为异常",
    "escalationEventDefinition": "L17：不能用升级事件；超时用定时边界事件",
}
VENDORS = {
    "camunda.org": "Camunda",
    "zeebe": "Camunda 8",
    "flowable.org": "Flowable",
    "activiti.org": "Activiti",
    "signavio": "Signavio",
    "bonitasoft": "Bonita",
    "drools": "jBPM",
    "jboss.org": "jBPM",
}
ID = re.compile(r"[A-Z]{1,2}_[A-Za-z0-9_]+")
RESERVED = frozenset({"Start", "End", "Root"})
DURATION = re.compile(r"P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)")
CYCLE = re.compile(r"R[1-9]\d*/(.+)")


def _ids(root: Any, words: Vocabulary) -> Told:
    for kind, prefixes in PREFIX.items():
        for node in each(root, kind):
            key = node.get("id") or ""
            if key in RESERVED:
                yield key, f"L1：编号 {key} 是引擎保留的，改成以 {' 或 '.join(prefixes)} 开头"
            elif not ID.fullmatch(key) or not key.startswith(prefixes):
                yield name_of(node), f"L1：编号改成以 {' 或 '.join(prefixes)} 开头，后接字母和数字"


def _forbidden(root: Any, words: Vocabulary) -> Told:
    for kind, why in FORBIDDEN.items():
        for node in each(root, kind):
            yield (name_of(node) if node.get("id") else owner_of(node)), why
    for node in root.iter(f"{SPIFF}preScript", f"{SPIFF}postScript"):
        yield owner_of(node), "L4：步骤前后不能带脚本；改为写明功能"
    for node in each(root, "subProcess"):
        if node.get("triggeredByEvent") == "true":
            yield name_of(node), "L13：不能用事件子流程；改用边界事件"
    for node in root.iter("*"):
        if node.get("parallelMultiple") == "true":
            yield name_of(node), "L17：不能同时等待几个事件；分开画"


def _vendors(root: Any, words: Vocabulary) -> Told:
    """What other tools write for their own engines is not read here; better to hear of it."""
    for node in each(root, *NODES, "sequenceFlow", "process"):
        inner = [e for ext in node.findall(f"{B}extensionElements") for e in ext.iter("*")]
        spaces = {etree.QName(key).namespace for key in node.attrib}
        spaces |= {etree.QName(child).namespace for child in inner}
        for maker in sorted(
            {who for ns in spaces if ns for at, who in VENDORS.items() if at in ns}
        ):
            yield (
                name_of(node),
                f"L21：{maker} 的专有属性在这里不起作用；删去，改写在 spiffworkflow:properties 里",
            )


def _gateways(root: Any, words: Vocabulary) -> Told:
    flows = {flow.get("id"): flow for flow in each(root, "sequenceFlow")}
    for gateway in each(root, "exclusiveGateway", "inclusiveGateway"):
        out = [key for key, flow in flows.items() if flow.get("sourceRef") == gateway.get("id")]
        if len(out) < 2:
            continue
        default = gateway.get("default")
        if default not in out:
            yield name_of(gateway), "L7：把一条流出的线设为默认流向"
        for key in out:
            if key != default and flows[key].find(f"{B}conditionExpression") is None:
                yield str(key), "L7：写上条件；只有默认流向可以没有条件"


def _ends(root: Any, words: Vocabulary) -> Told:
    known = {node.get("id") for node in each(root, *NODES)}
    for flow in each(root, "sequenceFlow"):
        if not {flow.get("sourceRef"), flow.get("targetRef")} <= known:
            yield name_of(flow), "L22：流向的两端都要是本文件里能用的元素"
    yield from _unreachable(root)


def _unreachable(root: Any) -> Told:
    forward: dict[str, set[str]] = {}
    for flow in each(root, "sequenceFlow"):
        forward.setdefault(flow.get("sourceRef"), set()).add(flow.get("targetRef"))
    for boundary in each(root, "boundaryEvent"):
        forward.setdefault(boundary.get("attachedToRef"), set()).add(boundary.get("id"))
    waiting = [node.get("id") for node in each(root, "startEvent")]
    reached: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += forward.get(key, ())
    for node in each(root, *NODES):
        if node.get("id") not in reached:
            yield name_of(node), "L22：从开始走不到这里；连上或删去"


def _lanes(root: Any, words: Vocabulary) -> Told:
    for lane in each(root, "lane"):
        if lane.get("name") not in words.lanes:
            yield (
                name_of(lane),
                f"L20：没有叫「{lane.get('name') or ''}」的岗位；泳道名用系统里的岗位名",
            )
    refs = [ref.text or "" for ref in each(root, "flowNodeRef")]
    yield from (
        (key.strip(), "L20：泳道里的编号前后有空格，去掉") for key in refs if key != key.strip()
    )
    seats = Counter(key.strip() for key in refs)
    for part in each(root, "subProcess"):
        if seats[part.get("id")]:
            yield name_of(part), "L20：子流程不放进泳道，否则里面的步骤都跟着它走"
    for step in each(root, "userTask"):
        if seats[step.get("id")] != 1:
            yield name_of(step), "L20：人工步骤要放进一个泳道，只放一个"


def _user_tasks(root: Any, words: Vocabulary) -> Told:
    for step in each(root, "userTask"):
        told = {p.get("name"): p.get("value") for p in step.iter(f"{SPIFF}property")}
        if not (step.get("name") or "").strip():
            yield name_of(step), "L21：起一个办理人看得懂的名称"
        if not told.get("form"):
            yield name_of(step), "L21：写明表单，例如 form = receipt.v1"
        for key, form in told.items():
            if (key or "").partition(".")[0] == "form" and form and form not in words.forms:
                yield name_of(step), f"L21：没有叫 {form} 的表单；改正名称，或一并上传表单文件"
        if told.get("effect") and told["effect"] not in words.effects:
            yield name_of(step), f"L21：系统里没有叫 {told['effect']} 的办理结果"
        yield from ((name_of(step), text) for text in _wrong_marks(told, words))


def _wrong_marks(told: dict[str | None, str | None], words: Vocabulary) -> Iterator[str]:
    """Of the marks by which people may move a case: what a limit runs for is never left out."""
    for later in (told.get("rewindFrom") or "").split():
        if words.steps and later not in words.steps:
            yield f"L21：rewindFrom 里的 {later} 不是人工步骤；改成可以从那里退回来的步骤的编号"
    if told.get("skip") not in (None, "yes"):
        yield "L21：skip 只能写 yes；不能略过的步骤不写"
    elif told.get("skip") and (told.get("clock") or told.get("stopsClock")):
        yield "L21：有时限的步骤不能略过，去掉 skip"
    if told.get("suspends") not in (None, "no"):
        yield "L21：suspends 只能写 no（病例暂停时照常办）；其余步骤不写"


def _service_tasks(root: Any, words: Vocabulary) -> Told:
    for step in each(root, "serviceTask"):
        operator = step.find(f".//{SPIFF}serviceTaskOperator")
        if operator is None or operator.get("id") not in words.services:
            yield name_of(step), "L4：自动步骤要写明一个已登记的功能"
        elif not operator.get("resultVariable"):
            yield name_of(step), "L4：写明结果放进哪个值（resultVariable）"


def _decisions(root: Any, words: Vocabulary) -> Told:
    for step in each(root, "businessRuleTask"):
        called = step.find(f".//{SPIFF}calledDecisionId")
        key = (called.text or "").strip() if called is not None else ""
        if key not in words.decisions:
            yield name_of(step), "L18：写明判定表的编号（calledDecisionId），并一并放上 .dmn 文件"


def _calls(root: Any, words: Vocabulary) -> Told:
    for call in each(root, "callActivity"):
        if call.get("calledElement") not in words.processes:
            yield name_of(call), f"L16：没有叫 {call.get('calledElement')} 的流程；一并上传，或改正"
    for process in each(root, "process"):
        if process.get("id") in words.called and process.find(f"{B}ioSpecification") is None:
            yield name_of(process), "L16：被调用的流程要写明 ioSpecification（传入和传出的值）"


def _several(root: Any, words: Vocabulary) -> Told:
    for loop in each(root, "multiInstanceLoopCharacteristics"):
        if loop.find(f"{B}loopCardinality") is None:
            yield owner_of(loop), "L8：多份办理要用 loopCardinality 写明份数"


def _timers(root: Any, words: Vocabulary) -> Told:
    for timer in each(root, "timerEventDefinition"):
        told = [node for node in timer.iterchildren("*") if local(node).startswith("time")]
        if not told:
            yield owner_of(timer), "L3：写明定时"
        for node in told:
            if problem := _wrong_timer(local(node), (node.text or "").strip(), words):
                yield owner_of(timer), problem
    for gateway in each(root, "eventBasedGateway"):
        yield name_of(gateway), "L14：不能用等待事件的网关；改用边界事件"


_QUOTED = 'L3：写成带引号的 ISO 8601 文字，例如 "PT24H"，或调用已登记的函数，例如 due("…")'


def _wrong_timer(kind: str, text: str, words: Vocabulary) -> str | None:
    try:
        tree = script.tree(text)
    except (SyntaxError, script.Refused):
        return _QUOTED
    if isinstance(tree, ast.Call):
        return None  # judged with the expressions
    if not (isinstance(tree, ast.Constant) and isinstance(tree.value, str)):
        return _QUOTED
    return _wrong_moment(kind, tree.value)


def _wrong_moment(kind: str, value: str) -> str | None:
    if kind == "timeDate":
        return None if MOMENT.fullmatch(value) else "L3：时刻要写到时分，并带时区，例如 +08:00"
    if kind == "timeCycle":
        cycle = CYCLE.fullmatch(value)
        if cycle is None:
            return "L12：重复的提醒要写明次数，例如 R3/PT24H"
        value = cycle[1]
    return None if DURATION.fullmatch(value) else "L3：不是正的 ISO 8601 时长，例如 PT24H"


def _expressions(root: Any, words: Vocabulary) -> Told:
    kinds = ("conditionExpression", "loopCardinality", "timeDate", "timeDuration", "timeCycle")
    texts = [(owner_of(node), node.text) for node in each(root, *kinds)]
    texts += [(p.get("id") or "", p.get("value")) for p in root.iter(f"{SPIFF}parameter")]
    for owner, text in texts:
        if problem := wrong_expression(text or "", words):
            yield owner, f"L5：{problem}"


_ALLOWED = (
    ast.Constant, ast.Name, ast.List, ast.Tuple, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp,
    ast.Not, ast.USub, ast.Compare, ast.Call, ast.Load, *script.COMPARE,
)  # fmt: skip


def wrong_expression(text: str, words: Vocabulary) -> str | None:
    """Why the evaluator would refuse an expression, or None. Evaluates nothing."""
    try:
        tree = script.tree(text)
    except (SyntaxError, script.Refused):
        return f"读不成表达式：{text[:60]!r}；写成例如 n_items > 0"
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in ast.walk(tree):
        if problem := _wrong_part(node, id(node) in called, words):
            return problem
    return None


def _wrong_part(node: ast.AST, called: bool, words: Vocabulary) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in words.functions:
            return None
        case ast.Call():
            return "调用了没有登记的函数，或带了名字的参数；只能用已登记的函数"
        case ast.UnaryOp() if not script.unary(node):
            return "减号只能放在数字前面"
        case ast.Name(id=name) if not called and name not in words.names:
            return f"没有哪一步会给出名为 {name} 的值；改用表单或办理结果给出的值"
        case _ if not isinstance(node, _ALLOWED):
            return f"表达式里不能用 {type(node).__name__}；只写比较、且或非、已登记的函数"
    return None


def _joins(root: Any, words: Vocabulary) -> Told:
    """L11: on a level that has a loop no gateway may fork or join in parallel."""
    for level in levels(root):
        gateways = [*level.findall(f"{B}parallelGateway"), *level.findall(f"{B}inclusiveGateway")]
        if gateways and _has_cycle(level):
            for gateway in gateways:
                yield (
                    name_of(gateway),
                    "L11：这一层有循环；把并行的分开与汇合移进一个没有循环的子流程",
                )


def _has_cycle(level: Any) -> bool:
    """Whether a flow leads back: taking away what nothing leads to leaves something."""
    forward: dict[str, set[str]] = {}
    for flow in flows_of(level):
        forward.setdefault(flow.get("sourceRef"), set()).add(flow.get("targetRef"))
    before = Counter(target for targets in forward.values() for target in targets)
    waiting = [key for key in forward if not before[key]]
    while waiting:
        for target in forward.pop(waiting.pop(), ()):
            before[target] -= 1
            if not before[target]:
                waiting.append(target)
    return bool(forward)


RULES: tuple[Rule, ...] = (
    _ids,
    _forbidden,
    _vendors,
    _gateways,
    _ends,
    _lanes,
    _user_tasks,
    _service_tasks,
    _decisions,
    _calls,
    _several,
    _timers,
    _expressions,
    _joins,
)

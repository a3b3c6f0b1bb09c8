"""What every rule of the lint speaks of: findings, the words a diagram may use, elements."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

NS = "http://www.omg.org/spec/BPMN/20100524/MODEL"
B = f"{{{NS}}}"
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
TASKS = ("userTask", "serviceTask", "businessRuleTask", "callActivity", "subProcess")
GATEWAYS = ("exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway")

Value = str | int | bool
Told = Iterator[tuple[str, str]]  # element, what to do


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to put right: where it is, and what to do."""

    file: str
    element: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.element}: {self.text}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a diagram may name: lanes, functions, services, effects, forms, other processes.

    `names` are routed values and flags that conditions may read; `decisions` the tables there are.
    `answers` says which values each form routes, `flags` which an effect may hand over: for trying
    a diagram out. `services_say` is what a service answers then, where it is not just True.
    """

    lanes: frozenset[str]
    functions: frozenset[str]
    services: frozenset[str]
    effects: frozenset[str]
    forms: frozenset[str]
    processes: frozenset[str]
    names: frozenset[str]
    decisions: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()  # processes that some diagram calls
    steps: frozenset[str] = frozenset()  # user tasks of all files, if they are known
    answers: Mapping[str, Mapping[str, tuple[Value, ...]]] = field(default_factory=dict)
    flags: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    services_say: Mapping[str, Value] = field(default_factory=dict)


Rule = Callable[[Any, Vocabulary], Told]


def each(root: Any, *kinds: str) -> Iterator[Any]:
    """Elements of these kinds, kind by kind."""
    for kind in kinds:
        yield from root.iter(f"{B}{kind}")


def local(node: Any) -> str:
    """An element's kind, without its namespace."""
    return str(etree.QName(node).localname)


def name_of(node: Any) -> str:
    """What to call an element in a finding."""
    return str(node.get("id") or local(node))


def owner_of(node: Any) -> str:
    """The element of the picture that something without a place of its own belongs to."""
    for outer in node.iterancestors():
        if outer.get("id") and local(outer) in PREFIX:
            return str(outer.get("id"))
    return name_of(node)


def levels(root: Any) -> list[Any]:
    """Processes and sub-processes: flows never lead out of one."""
    return list(each(root, "process", "subProcess"))


def flows_of(level: Any) -> list[Any]:
    """The flows of one level."""
    return list(level.findall(f"{B}sequenceFlow"))


def nodes_of(level: Any) -> list[Any]:
    """The nodes of one level, by the kinds that are drawn."""
    return [node for kind in NODES for node in level.findall(f"{B}{kind}")]

"""Diagrams and expressions with something wrong: cut, moved, renamed, hostile, deep, or soup."""

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from lxml import etree

from tests import torture
from workflows.engine import definitions, lint

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
Chance = random.Random

# Expressions

WORDS = (
    "level", "n_items", "n_experts", "verify_decision", "due", "due_item", "None", "True", "False",
    "__import__", "__class__", "open", "eval", "lambda", "for", "in", "is", "not", "and", "or",
    "if", "else", "yield", "await", "async", "del", "import", "as", "with", "print", "self", "_",
    "x",
)  # fmt: skip
MARKS = ("(", ")", "[", "]", "{", "}", ",", ":", ".", "==", "!=", "<=", ">", "=", ":=", "+", "-",
         "*", "**", "/", "%", "|", "&", "^", "~", "<<", "@", ";", "\\", "'", '"', '"""', "#", "\n",
         "\t", "\x00", "\ud800", "\u202e", "é", "０", "…", "...", "f'", "b'", "\r",
         "\x0c")  # fmt: skip
NUMBERS = ("0", "1", "-1", "1e999", "1_0", "0x1f", "1j", "9" * 400, "9" * 5000, "١", "1.5")
DEEP = ("(" * 300 + "1" + ")" * 300, "[" * 150 + "]" * 150, "not " * 120 + "1", "-" * 400 + "1",
        "a" * 501, "1<" * 200 + "1", "due(" * 90 + "1" + ")" * 90, "1 and " * 80 + "1")  # fmt: skip
REAL = (
    'verify_decision == "return"', "n_items > 0", "city_review", "n_experts", 'due("x")',
    "due_item(item_id)", '"PT24H"', 'level in ("county", "city") and not city_review',
    "1 <= n_items <= 5",
)  # fmt: skip


def expression(chance: Chance, hostile: tuple[str, ...]) -> str:
    """One expression: real, planted, deep, soup, or a mutation of these."""
    kind = chance.random()
    if kind < 0.25:
        return _soup(chance)
    if kind < 0.28:
        return chance.choice(DEEP)
    text = chance.choice(hostile if chance.random() < 0.5 else REAL)
    for _ in range(chance.randrange(4)):
        text = _spoiled(chance, text)
    return text


def _soup(chance: Chance) -> str:
    kinds = (WORDS, MARKS, NUMBERS, REAL)
    return chance.choice((" ", "")).join(
        chance.choice(chance.choice(kinds)) for _ in range(chance.randrange(1, 14))
    )


def _spoiled(chance: Chance, text: str) -> str:
    """A few characters cut, doubled, swapped or put in."""
    at = chance.randrange(len(text) + 1)
    until = min(len(text), at + chance.randrange(1, 9))
    piece = text[at:until]
    other = chance.choice((*MARKS, *WORDS, *NUMBERS[:4]))
    return chance.choice(
        (
            text[:at] + text[until:],
            text[:at] + piece * 2 + text[until:],
            text[:at] + other + text[at:],
            text[:at] + other + text[until:],
            text[:at] + piece[::-1] + text[until:],
        )
    )


# Models


def sources() -> list[str]:
    """Our diagrams, the difficult one, and one as another tool writes it."""
    ours = definitions.files_of("maternal_death") | definitions.files_of("second_discussion")
    return [*ours.values(), torture.xml(), FOREIGN]


FOREIGN = f"""<?xml version="1.0"?>
<bpmn2:definitions xmlns:bpmn2="{BPMN}" xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
  <bpmn2:message id="M" name="m"/><bpmn2:collaboration><bpmn2:messageFlow/></bpmn2:collaboration>
  <bpmn2:process id="p"><bpmn2:startEvent id="Start"/><bpmn2:task/>
  <bpmn2:scriptTask id="t" scriptFormat="groovy"><bpmn2:script>x=1</bpmn2:script></bpmn2:scriptTask>
  <bpmn2:userTask id="u" camunda:assignee="demo"><bpmn2:multiInstanceLoopCharacteristics
    camunda:collection="people"/></bpmn2:userTask>
  <bpmn2:eventBasedGateway id="e"/><bpmn2:intermediateCatchEvent id="i"><bpmn2:timerEventDefinition>
  <!-- soon --><bpmn2:timeDuration>PT5M</bpmn2:timeDuration></bpmn2:timerEventDefinition>
  </bpmn2:intermediateCatchEvent><bpmn2:dataStoreReference/><bpmn2:subProcess
  triggeredByEvent="true"/><bpmn2:sequenceFlow id="f" sourceRef="Start" targetRef="u"/>
  </bpmn2:process></bpmn2:definitions>"""

TAGS = (*lint.NODES, *lint.FORBIDDEN, "sequenceFlow", "conditionExpression", "timerEventDefinition",
        "timeDate", "timeDuration", "timeCycle", "lane", "laneSet", "flowNodeRef", "process",
        "definitions", "multiInstanceLoopCharacteristics", "loopCardinality", "script", "incoming",
        "standardLoopCharacteristics", "messageEventDefinition", "signalEventDefinition",
        "errorEventDefinition", "sendTask", "receiveTask", "complexGateway", "text",
        "ioSpecification", "documentation", "extensionElements")  # fmt: skip
ATTRIBUTES = ("id", "name", "sourceRef", "targetRef", "default", "attachedToRef", "calledElement",
              "cancelActivity", "processRef", "isSequential", "value", "resultVariable",
              "type")  # fmt: skip

Tree = Any
Mutation = Callable[[Chance, Tree, tuple[str, ...]], None]


def _any(chance: Chance, root: Tree) -> Tree:
    return chance.choice([node for node in root.iter() if isinstance(node.tag, str)])


def remove(chance: Chance, root: Tree, _hostile: tuple[str, ...]) -> None:
    node = _any(chance, root)
    if node.getparent() is not None:
        node.getparent().remove(node)


def double(chance: Chance, root: Tree, _hostile: tuple[str, ...]) -> None:
    copied = deepcopy(_any(chance, root))
    _any(chance, root).append(copied)


def move(chance: Chance, root: Tree, _hostile: tuple[str, ...]) -> None:
    node, target = _any(chance, root), _any(chance, root)
    if node not in (root, target) and node not in list(target.iterancestors()):
        target.append(node)


def rename(chance: Chance, root: Tree, _hostile: tuple[str, ...]) -> None:
    space = chance.choice((BPMN, BPMN, SPIFF, "urn:other"))
    _any(chance, root).tag = f"{{{space}}}{chance.choice(TAGS)}"


def attribute(chance: Chance, root: Tree, hostile: tuple[str, ...]) -> None:
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    values = ("", "true", chance.choice(ids or ["x"]), _clean(expression(chance, hostile)), "院长")
    node, name = _any(chance, root), chance.choice(ATTRIBUTES)
    if chance.random() < 0.3:
        node.attrib.pop(name, None)
    else:
        node.set(name, chance.choice(values))


def text(chance: Chance, root: Tree, hostile: tuple[str, ...]) -> None:
    kinds = ("conditionExpression", "timeDate", "loopCardinality", "timeDuration", "flowNodeRef")
    nodes = [node for kind in kinds for node in root.iter(f"{{{BPMN}}}{kind}")]
    node = chance.choice(nodes) if nodes else _any(chance, root)
    node.text = _clean(expression(chance, hostile))


def parameter(chance: Chance, root: Tree, hostile: tuple[str, ...]) -> None:
    nodes = list(root.iter(f"{{{SPIFF}}}parameter", f"{{{SPIFF}}}property"))
    if nodes:
        chance.choice(nodes).set("value", _clean(expression(chance, hostile)))


def code(chance: Chance, root: Tree, hostile: tuple[str, ...]) -> None:
    """Code where SpiffWorkflow would look for it."""
    node = _any(chance, root)
    inside = _clean(chance.choice(hostile))
    if chance.random() < 0.5:
        extension = etree.SubElement(node, f"{{{BPMN}}}extensionElements")
        kind = chance.choice(("preScript", "postScript"))
        etree.SubElement(extension, f"{{{SPIFF}}}{kind}").text = inside
    else:
        etree.SubElement(node, f"{{{BPMN}}}script").text = inside
        node.tag = f"{{{BPMN}}}scriptTask"


def clutter(chance: Chance, root: Tree, _hostile: tuple[str, ...]) -> None:
    extra = (etree.Comment("x"), etree.ProcessingInstruction("x", "y"), etree.Element("foreign"))
    _any(chance, root).insert(0, chance.choice(extra))


def deepen(chance: Chance, root: Tree, _hostile: tuple[str, ...]) -> None:
    node = _any(chance, root)
    for _ in range(chance.choice((3, 60, 400))):
        node = etree.SubElement(node, f"{{{BPMN}}}{chance.choice(('subProcess', 'lane'))}")


MUTATIONS: tuple[Mutation, ...] = (
    remove, double, move, rename, attribute, attribute, text, text, parameter, code, clutter,
    deepen,
)  # fmt: skip


def _clean(value: str) -> str:
    """What XML can carry of it."""
    return "".join(
        c for c in value if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe"
    )


def model(chance: Chance, hostile: tuple[str, ...], of: list[str]) -> str:
    """One diagram with one to five things wrong, or bytes spoiled."""
    source = chance.choice(of)
    if chance.random() < 0.2:
        for _ in range(chance.randrange(1, 6)):
            source = _spoiled(chance, source)
        return source
    root = definitions.parse_xml(source)
    for _ in range(chance.randrange(1, 6)):
        chance.choice(MUTATIONS)(chance, root, hostile)
    return etree.tostring(root, encoding="unicode")

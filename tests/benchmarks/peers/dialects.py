"""The process that all engines run: the same elements, ids and flows, in the dialect of each.

submit -> accept (two non-interrupting timers, 24 h and 48 h) -> gateway (loop over supplement)
-> seven parallel reviews (two timers) -> sign.
"""

from pathlib import Path

FORM = (
    '<bpmn:extensionElements><spiffworkflow:properties><spiffworkflow:property name="form" '
    'value="none.v1"/></spiffworkflow:properties></bpmn:extensionElements>'
)
DIALECTS = {
    "yili": {"h24": '"PT24H"', "h48": '"PT48H"', "condition": 'decision == "supplement"'},
    "bpmn-engine": {
        "h24": "PT24H", "h48": "PT48H", "condition": "${environment.services.isSupplement()}",
    },
    "bpmn-server": {
        "h24": "PT24H", "h48": "PT48H", "condition": 'item.data.decision == "supplement"',
    },
}  # fmt: skip
CARDINALITY = (
    '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopCardinality xsi:type='
    '"bpmn:tFormalExpression">7</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>'
)
COLLECTION = (  # bpmn-server knows no loopCardinality without a collection
    '<bpmn:multiInstanceLoopCharacteristics isSequential="false" '
    'camunda:collection="$[1,2,3,4,5,6,7]"/>'
)


def node(kind: str, name: str, attributes: str = "", inside: str = "") -> str:
    return f'    <bpmn:{kind} id="{name}" {attributes}>{inside}</bpmn:{kind}>\n'


def step(name: str, inside: str) -> str:
    return node("userTask", name, f'name="{name}"', inside)


def flow(name: str, source: str, target: str, condition: str = "") -> str:
    if condition:
        condition = (
            '<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">'
            f"{condition}</bpmn:conditionExpression>"
        )
    return node("sequenceFlow", name, f'sourceRef="{source}" targetRef="{target}"', condition)


def timer(name: str, host: str, duration: str) -> str:
    """A non-interrupting boundary timer that leads to an end event of its own."""
    definition = (
        f'<bpmn:timerEventDefinition id="{name}_def"><bpmn:timeDuration xsi:type='
        f'"bpmn:tFormalExpression">{duration}</bpmn:timeDuration></bpmn:timerEventDefinition>'
    )
    attributes = f'attachedToRef="{host}" cancelActivity="false"'
    event = node("boundaryEvent", name, attributes, definition)
    return event + flow(f"f_{name}", name, f"e_{name}") + node("endEvent", f"e_{name}")


def render(engine: str) -> str:
    """The file for one engine."""
    say = DIALECTS[engine]
    form = FORM if engine == "yili" else ""
    instances = COLLECTION if engine == "bpmn-server" else CARDINALITY
    body = node("startEvent", "s0") + flow("f0", "s0", "submit")
    body += step("submit", form) + flow("f1", "submit", "accept")
    body += step("accept", form) + flow("f2", "accept", "gw")
    body += timer("a24", "accept", say["h24"]) + timer("a48", "accept", say["h48"])
    body += node("exclusiveGateway", "gw", 'default="f3"') + flow("f3", "gw", "review")
    body += flow("f4", "gw", "supplement", say["condition"])
    body += step("supplement", form) + flow("f5", "supplement", "accept")
    body += step("review", form + instances) + flow("f6", "review", "sign")
    body += timer("r24", "review", say["h24"]) + timer("r48", "review", say["h48"])
    body += step("sign", form) + flow("f7", "sign", "done") + node("endEvent", "done")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
        'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
        'id="Defs" targetNamespace="http://example.org/yili/bench">\n'
        f'  <bpmn:process id="bench" name="bench" isExecutable="true">\n{body}'
        "  </bpmn:process>\n</bpmn:definitions>\n"
    )


def write(folder: Path) -> None:
    """One folder for each engine that reads a file."""
    for engine in DIALECTS:
        (folder / engine).mkdir(parents=True, exist_ok=True)
        (folder / engine / "bench.bpmn").write_text(render(engine), "utf-8")

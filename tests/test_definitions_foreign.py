"""Whatever another tool made, or somebody meant as harm: findings, no traceback, nothing runs."""

import time

import pytest
from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from sqlalchemy.orm import Session

from tests.canary import canary
from tests.foreign import HARMFUL, TOOLS, armed
from tests.instances import DEATH
from tests.people import World
from tests.versions import MAIN, NOW
from workflows import vocabulary
from workflows.actions import definitions as actions
from workflows.engine import definitions, lint, lint_tables, rehearsal, script

WORDS = vocabulary.vocabulary()
OURS = definitions.files_of(MAIN)


# Other tools


@pytest.mark.parametrize("tool", TOOLS)
def test_another_tools_file_gets_findings_and_nothing_in_it_runs(
    session: Session, world: World, tool: str
) -> None:
    with canary() as bird:
        text = armed(TOOLS[tool], bird)
        for again in ({}, {"x.bpmn": TOOLS[tool].encode()}):  # what is imported and compiled once
            actions.examine(session, MAIN, again)
        with bird:
            found = lint.lint_text("x/process.bpmn", text, WORDS)
            examined = actions.examine(session, MAIN, {"x.bpmn": text.encode()})
        assert bird.heard == []
    assert len(found) >= 5
    assert examined.findings
    for finding in found:
        assert finding.element
        assert any("一" <= sign <= "鿿" for sign in finding.text), finding


@pytest.mark.parametrize(
    ("tool", "element", "rule"),
    [
        ("Camunda Modeler, platform 7", "Activity_1", "L21：Camunda"),
        ("Camunda Modeler, platform 7", "Activity_1", "L8：多份办理要用"),
        ("Camunda Modeler, platform 7", "Activity_2", "L4：不能用脚本"),
        ("Camunda Modeler, platform 7", "Flow_3", "L5："),
        ("Camunda Modeler, platform 7", "Gateway_1", "L7："),
        ("Camunda Modeler, platform 8", "Activity_0x", "L21：Camunda 8"),
        ("Camunda Modeler, platform 8", "Activity_0r", "L15："),
        ("Camunda Modeler, platform 8", "Event_b", "L17："),
        ("Flowable Design", "bpmnTask_2", "L21：Flowable"),
        ("Flowable Design", "wait", "L3："),
        ("Flowable Design", "g", "G10："),
        ("Flowable Design", "sub", "L13："),
        ("Flowable Design", "a", "G6："),
        ("Flowable Design", "c", "L22："),
        ("Flowable Design", "start", "G7："),
        ("Signavio", "sid-7", "L21：改用人工步骤"),
        ("Signavio", "sid-6", "L20：没有叫「院长」"),
        ("Signavio", "sid-9", "L17："),
        ("Signavio", "sid-4b", "G14："),
        ("Bizagi", "Id_3", "G2："),
        ("Bizagi", "Id_4", "G13："),
        ("Bizagi", "Id_6", "L14："),
        ("Bizagi", "End", "L1：编号 End 是引擎保留的"),
        ("Bizagi", "Id_9", "L16："),
        ("Bizagi", "第 10 行", "XSD：元素 oops"),
    ],
)
def test_what_is_foreign_is_named_with_its_element(tool: str, element: str, rule: str) -> None:
    found = lint.lint_text("x/process.bpmn", TOOLS[tool], WORDS)
    mine = [finding.text for finding in found if finding.element == element]
    assert any(text.startswith(rule) for text in mine), found


# Harm


@pytest.mark.parametrize("name", HARMFUL)
@pytest.mark.parametrize("file", ["process.bpmn", "table.dmn"])
def test_what_is_meant_as_harm_is_refused_at_once(
    session: Session, world: World, name: str, file: str
) -> None:
    began = time.process_time()
    found = lint.lint_text(f"x/{file}", HARMFUL[name], WORDS)
    assert actions.examine(session, MAIN, {file: HARMFUL[name].encode()}).findings
    assert found
    assert not any("root:" in str(finding) for finding in found)
    assert time.process_time() - began < 20  # a bomb would take hours and all memory


# General rules, each with a diagram of ours that breaks it


def swapped(old: str, new: str, folder: str = MAIN) -> str:
    text = OURS[f"{folder}/process.bpmn"]
    assert old in text, old
    return text.replace(old, new)


GENERAL = {
    "G1": swapped("bpmn:startEvent", "bpmn:intermediateThrowEvent"),
    "G2": swapped('<bpmn:startEvent id="SE_found"',
                  '<bpmn:startEvent id="SE_more" name="又一个"/><bpmn:startEvent id="SE_found"'),
    "G3": swapped('<bpmn:endEvent id="EE_closed"', '<bpmn:userTask id="EE_closed"').replace(
        '<bpmn:incoming>F_UT_archive__EE_closed</bpmn:incoming>\n    </bpmn:endEvent>',
        "</bpmn:userTask>"),
    "G4": swapped('targetRef="UT_archive"', 'targetRef="EE_closed"'),
    "G5": swapped('sourceRef="UT_archive"', 'sourceRef="UT_verify"'),
    "G6": swapped('<bpmn:sequenceFlow id="F_UT_archive__EE_closed"',
                  '<bpmn:sequenceFlow id="F_x" sourceRef="UT_archive" targetRef="EE_closed"/>'
                  '<bpmn:sequenceFlow id="F_UT_archive__EE_closed"'),
    "G7": swapped('<bpmn:sequenceFlow id="F_UT_archive__EE_closed"',
                  '<bpmn:sequenceFlow id="F_x" sourceRef="UT_archive" targetRef="UT_verify"/>'
                  '<bpmn:sequenceFlow id="F_UT_archive__EE_closed"'),
    "G8": swapped('sourceRef="GW_verified" targetRef="UT_supplement"',
                  'sourceRef="UT_verify" targetRef="UT_supplement"'),
    "G9": swapped('sourceRef="UT_supplement" targetRef="UT_verify"',
                  'sourceRef="UT_supplement" targetRef="GW_verified"'),
    "G10": swapped("bpmn:exclusiveGateway", "bpmn:inclusiveGateway"),
    "G11": swapped(' name="是否受理"', ""),
    "G12": swapped("bpmn:timerEventDefinition", "bpmn:extensionElements"),
    "G13": swapped('id="UT_archive"', 'id="UT_verify"'),
    "G15": swapped('bpmnElement="UT_archive"', 'bpmnElement="UT_nothing"'),
    "XSD": swapped("<bpmn:laneSet", "<bpmn:laneSetX"). replace("</bpmn:laneSet", "</bpmn:laneSetX"),
    "L15": swapped("bpmn:timerEventDefinition", "bpmn:messageEventDefinition"),
    "L17": swapped('<bpmn:userTask id="UT_archive"', '<bpmn:userTask parallelMultiple="true" '
                   'id="UT_archive"'),
    "L12": swapped("<bpmn:timeDate>", '<bpmn:timeCycle>"R/PT24H"</bpmn:timeCycle><bpmn:timeDate>'),
}  # fmt: skip


@pytest.mark.parametrize("rule", GENERAL)
def test_each_general_rule_finds_its_breach(rule: str) -> None:
    found = lint.lint_text(f"{MAIN}/process.bpmn", GENERAL[rule], WORDS)
    assert any(finding.text.startswith(f"{rule}：") for finding in found), found


def test_a_walk_finds_what_reading_does_not() -> None:
    """L6: a condition on what only a later step gives; and a join that nobody comes to."""
    early = {**OURS, f"{MAIN}/process.bpmn": swapped(">city_review<", '>accept_decision == "x"<')}
    assert lint.lint_files(MAIN, early, WORDS) == []
    [found] = rehearsal.rehearse(MAIN, early, WORDS)
    assert found.element == "GW_city"
    assert found.text.startswith("L6：走到这里时可能还没有 accept_decision 的值")
    assert rehearsal.rehearse(MAIN, OURS, WORDS) == []


# Decision tables


def table(*rows: tuple[str, str], policy: str = "FIRST", column: str = "n_items") -> str:
    lines = "".join(
        f'<rule id="R_{n}"><inputEntry id="I_{n}"><text>{given}</text></inputEntry>'
        f'<outputEntry id="O_{n}"><text>{said}</text></outputEntry></rule>'
        for n, (given, said) in enumerate(rows)
    )
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="D" name="d" '
        'namespace="urn:x"><decision id="DT_size" name="规模">'
        f'<decisionTable id="T" hitPolicy="{policy}"><input id="IN"><inputExpression id="IE" '
        f'typeRef="number"><text>{column}</text></inputExpression></input>'
        f'<output id="OUT" name="size" typeRef="string"/>{lines}</decisionTable></decision>'
        "</definitions>"
    )


GOOD = table(
    ("0", '"none"'), ("1 &lt;= ? &lt;= 5", '"few"'), ("&gt; 5", '"many"'), ("-", '"unknown"')
)


def decided(text: str, **data: object) -> dict[str, object]:
    """What a process that asks the table comes to, on our evaluator."""
    spec = definitions.parse("asks", {"asks/process.bpmn": DIAGRAM, "asks/size.dmn": text})
    with script.at(DEATH):
        workflow = BpmnWorkflow(*spec, script_engine=script.Engine({}, {}))
        workflow.task_tree.data.update(data)
        workflow.do_engine_steps()
        return dict(workflow.last_task.data)


DIAGRAM = """<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="D" targetNamespace="x">
 <bpmn:process id="asks" isExecutable="true"><bpmn:startEvent id="SE_a"/>
 <bpmn:sequenceFlow id="F_1" sourceRef="SE_a" targetRef="BR_size"/>
 <bpmn:businessRuleTask id="BR_size" name="规模"><bpmn:extensionElements>
 <spiffworkflow:calledDecisionId>DT_size</spiffworkflow:calledDecisionId></bpmn:extensionElements>
 </bpmn:businessRuleTask><bpmn:sequenceFlow id="F_2" sourceRef="BR_size" targetRef="EE_a"/>
 <bpmn:endEvent id="EE_a"/></bpmn:process></bpmn:definitions>"""


def test_a_sound_table_passes_and_decides_on_our_evaluator() -> None:
    assert lint.lint_text("asks/size.dmn", GOOD, WORDS) == []
    said = {n: decided(GOOD, n_items=n)["size"] for n in (0, 3, 5, 6, -1)}
    assert said == {0: "none", 3: "few", 5: "few", 6: "many", -1: "unknown"}


BAD_CELLS = (
    '"a","b"', 'not("a")', "[1..5]", "true", "in (1, 2)", "is None", "__import__('os')", "due('x')",
    "x", "&gt; x", "().__class__", "lambda: 1", "1 &lt;= ? &lt;= open", "? &lt; ?", "1 if 2 else 3",
)  # fmt: skip


@pytest.mark.parametrize("cell", BAD_CELLS)
def test_a_cell_that_would_never_match_or_does_more_is_found(cell: str) -> None:
    found = lint.lint_text("asks/size.dmn", table((cell, '"x"')), WORDS)
    assert any(f.element == "DT_size 第 1 行" and f.text.startswith("L18：") for f in found), found


@pytest.mark.parametrize("cell", ["__import__('os').system('id')", "().__class__", "open('/x')"])
def test_a_cell_does_no_harm_even_where_nobody_asked_the_lint(cell: str) -> None:
    with canary() as bird, bird, pytest.raises((SpiffWorkflowException, script.Refused)):
        decided(table((cell, '"x"')), n_items=1)
    with canary() as bird, bird, pytest.raises((SpiffWorkflowException, script.Refused)):
        decided(table(("1", cell)), n_items=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table(("1", '"x"'), policy="UNIQUE"), "命中方式"),
        (table(("1", "due('x')")), "结果写成"),
        (table(("1", '"x"'), column="n_found"), "n_found"),
        (table(), "还没有一行"),
        (GOOD.replace('name="size"', 'name="a.b"'), "英文名"),
        (GOOD.replace("</definitions>", '<decision id="D2" name="b"/></definitions>'), "一个判定"),
        (GOOD.replace("outputEntry", "annotationEntry"), "格数"),
        (GOOD.replace("20191111", "20990101"), "DMN 1.1"),
        (GOOD.replace("decisionTable", "literalTable"), "一张表"),
    ],
)  # fmt: skip
def test_a_table_that_is_no_use_gets_a_sentence(text: str, said: str) -> None:
    found = lint.lint_text("asks/size.dmn", text, WORDS)
    assert any(said in finding.text for finding in found), found


def test_what_the_lint_takes_for_a_cell_the_evaluator_takes() -> None:
    pieces = ["1", "-2", '"a"', "True", "&lt; 3", "&gt;= -1", "!= 4", "0 &lt; ? &lt; 9", "-", ""]
    for piece in pieces:
        assert not lint_tables.wrong_cell(etree.fromstring(f"<a>{piece}</a>").text or "")
        decided(table((piece, "1")), n_items=2)


def test_a_version_may_bring_its_table(session: Session, world: World) -> None:
    """A business rule task that asks for a table nobody brought is found; with it, not."""
    flow = '<bpmn:sequenceFlow id="F_UT_archive__EE_closed" sourceRef="UT_archive" targetRef="'
    old = f'{flow}EE_closed"/>'
    step = (
        '<bpmn:businessRuleTask id="BR_size" name="规模"><bpmn:extensionElements>'
        "<spiffworkflow:calledDecisionId>DT_size</spiffworkflow:calledDecisionId>"
        "</bpmn:extensionElements></bpmn:businessRuleTask>"
        '<bpmn:sequenceFlow id="F_size" sourceRef="BR_size" targetRef="EE_closed"/>'
        f'{flow}BR_size"/>'
    )
    drawn = (
        '<bpmndi:BPMNShape id="S_x" bpmnElement="BR_size"><dc:Bounds x="1" y="1" width="9" '
        'height="9"/></bpmndi:BPMNShape><bpmndi:BPMNEdge id="E_x" bpmnElement="F_size">'
        '<di:waypoint x="1" y="1"/><di:waypoint x="2" y="2"/></bpmndi:BPMNEdge></bpmndi:BPMNPlane>'
    )
    text = swapped(old, step).replace("</bpmndi:BPMNPlane>", drawn)
    definitions.current(session, MAIN, NOW)
    alone = actions.examine(session, MAIN, {"p.bpmn": text.encode()})
    assert [finding.element for finding in alone.findings] == ["BR_size"]
    both = actions.examine(session, MAIN, {"p.bpmn": text.encode(), "size.dmn": GOOD.encode()})
    assert both.findings == []
    assert f"{MAIN}/size.dmn" in both.files
    assert {change.kind for change in both.changes} >= {"判定步骤", "判定表"}

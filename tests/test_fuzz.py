"""Hostile diagrams and expressions are refused, nothing in them runs; `make fuzz` tries more."""

import pytest
from lxml import etree
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine

from tests.canary import canary, planted
from tests.fuzz import FUNCTIONS, NAMES, fuzz
from tests.mutants import SPIFF
from workflows import vocabulary
from workflows.engine import lint, script
from workflows.engine.definitions import files_of, parse_xml


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # of what is being parsed
def test_what_is_mutated_gets_findings_and_refusals_and_nothing_runs() -> None:
    tried = fuzz(models=250, expressions=1500, seed=11)
    assert (tried.models, tried.expressions) == (250, 1500)
    assert tried.bird.heard == []
    assert tried.unhandled == []
    assert tried.disagreed == []
    assert tried.accepted > 100
    assert tried.moved - tried.failed > 2  # some of what nobody asked about runs to its end


def test_every_planted_expression_is_refused() -> None:
    with canary() as bird, bird:
        for text in planted(bird):
            with pytest.raises((script.Refused, SyntaxError)):
                script.evaluate(text, NAMES, FUNCTIONS)
    assert bird.heard == []


def test_the_canary_hears_what_a_script_engine_of_the_usual_kind_would_do() -> None:
    with canary() as bird:
        with bird:
            PythonScriptEngine().environment.evaluate(planted(bird)[0], {}).close()
        assert "the file was written" in bird.heard
        assert any(heard.startswith("exec") for heard in bird.heard)


def test_a_property_without_a_name_ends_in_findings_not_in_an_exception() -> None:
    text = files_of("maternal_death")["maternal_death/process.bpmn"]
    nameless = text.replace('<spiffworkflow:property name="form"', "<spiffworkflow:property")
    assert nameless != text
    found = lint.lint_text("x/process.bpmn", nameless, vocabulary.vocabulary())
    assert ("UT_report", "L21：写明表单") in [(f.element, f.text[:8]) for f in found]


@pytest.mark.parametrize("kind", ["preScript", "postScript"])
def test_code_beside_a_step_is_found(kind: str) -> None:
    root = parse_xml(files_of("maternal_death")["maternal_death/process.bpmn"])
    [step] = root.xpath("//*[@id='UT_report']/*[local-name()='extensionElements']")
    etree.SubElement(step, f"{{{SPIFF}}}{kind}").text = "print(1)"
    text = etree.tostring(root, encoding="unicode")
    found = lint.lint_text("x/process.bpmn", text, vocabulary.vocabulary())
    assert [(f.element, f.text[:3]) for f in found] == [("UT_report", "L4：")]

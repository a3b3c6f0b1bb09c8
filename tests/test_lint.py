"""The lint of diagrams: ours keep every rule; each rule has a diagram that breaks it."""

import pytest

from workflows import vocabulary
from workflows.engine import lint
from workflows.engine.definitions import files_of

MAIN = files_of("maternal_death")["maternal_death/process.bpmn"]
REVIEW = files_of("maternal_death")["review/process.bpmn"]


@pytest.fixture(scope="module")
def words():
    return vocabulary.vocabulary()


def test_our_diagrams_keep_every_rule():
    assert vocabulary.lint() == []


def replaced(text, old, new):
    assert old in text
    return text.replace(old, new)


BROKEN = {
    "L1 id without its prefix": (MAIN, "SE_found", "Start"),
    "L3 unquoted timer": (MAIN, 'due("case_submission")', "PT48H"),
    "L3 duration as a date": (MAIN, 'due("case_submission")', '"PT48H"'),
    "L3 naive moment": (MAIN, 'due("case_submission")', '"2026-11-22T09:00:00"'),
    "L4 service without function": (MAIN, 'id="forward_to_city"', 'id="os.system"'),
    "L5 unknown function": (MAIN, 'due("case_submission")', 'open("/etc/passwd")'),
    "L5 unknown name": (MAIN, "n_items &gt; 0", "n_findings &gt; 0"),
    "L5 attribute walk": (MAIN, "n_items &gt; 0", "n_items.__class__"),
    "L7 no default": (MAIN, ' default="F_GW_verified__CA_county_review"', ""),
    "L16 unknown process": (MAIN, 'calledElement="review"', 'calledElement="elsewhere"'),
    "L16 no declared data": (REVIEW, "bpmn:ioSpecification", "bpmn:documentation"),
    "L20 lane that is no role": (MAIN, 'name="机构负责人"', 'name="院长"'),
    "L20 white space": (MAIN, "<bpmn:flowNodeRef>UT_explain<", "<bpmn:flowNodeRef> UT_explain <"),
    "L20 in no lane": (MAIN, "<bpmn:flowNodeRef>UT_explain</bpmn:flowNodeRef>", ""),
    "L20 part in a lane": (
        MAIN,
        "<bpmn:flowNodeRef>UT_explain</bpmn:flowNodeRef>",
        "<bpmn:flowNodeRef>UT_explain</bpmn:flowNodeRef>"
        "<bpmn:flowNodeRef>SP_first_48h</bpmn:flowNodeRef>",
    ),
    "L21 form that is no file": (MAIN, "receipt.v1", "receipt.v9"),
    "L21 effect that is none": (MAIN, "forward_report", "forward_nothing"),
    "L21 left out though a limit runs": (
        MAIN, 'name="suspends" value="no"', 'name="skip" value="yes"',
    ),
    "L21 a mark nobody knows": (MAIN, 'name="suspends" value="no"', 'name="suspends" value="yes"'),
    "L22 unreachable": (MAIN, 'targetRef="UT_archive"', 'targetRef="EE_closed"'),
    "L22 flow to nowhere": (MAIN, 'targetRef="EE_closed"', 'targetRef="EE_gone"'),
    "L23 entities": (MAIN, "<bpmn:definitions", "<!DOCTYPE x><bpmn:definitions"),
    "L4 script task": (MAIN, "bpmn:serviceTask", "bpmn:scriptTask"),
    "L13 event sub-process": (
        MAIN, '<bpmn:subProcess id="SP_first_48h"',
        '<bpmn:subProcess triggeredByEvent="true" id="SP_first_48h"',
    ),
    "L8 collection": (
        REVIEW, "<bpmn:loopCardinality>n_experts</bpmn:loopCardinality>",
        "<bpmn:loopDataInputRef>experts</bpmn:loopDataInputRef>",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new"), BROKEN.values(), ids=list(BROKEN))
def test_each_rule_finds_its_breach(text, old, new, words, request):
    rule = request.node.callspec.id.split()[0]
    found = lint.lint_text("x/process.bpmn", replaced(text, old, new), words)
    assert any(finding.text.startswith(f"{rule}：") for finding in found), found


def test_one_goes_back_only_from_steps_that_there_are(words):
    files = files_of("maternal_death")
    main = "maternal_death/process.bpmn"
    wrong = files[main].replace("UT_supplement UT_convene", "UT_supplement UT_x")
    [found] = lint.lint_files("maternal_death", {**files, main: wrong}, words)
    assert (found.element, "UT_x" in found.text) == ("UT_verify", True)


def test_a_join_beside_a_loop_is_found(words):
    """L11: the same fork and join on the level that has the return loop."""
    open_part = MAIN.replace("bpmn:subProcess", "bpmn:dissolved")
    found = lint.lint_text("x/process.bpmn", open_part, words)
    assert found  # the dissolved part is reported, not raised
    looped = replaced(
        MAIN,
        'sourceRef="GW_join_first" targetRef="EE_first_48h"',
        'sourceRef="GW_join_first" targetRef="GW_fork_first"',
    )
    found = lint.lint_text("x/process.bpmn", looped, words)
    assert {f.element for f in found if f.text.startswith("L11")} >= {
        "GW_fork_first",
        "GW_join_first",
    }


@pytest.mark.parametrize(
    "text",
    ["", "no xml", "<a/>", "<bpmn:definitions/>", "\x00", "<a>" * 5000, MAIN[: len(MAIN) // 2]],
)
def test_a_foreign_file_gets_findings_never_a_traceback(text, words):
    assert lint.lint_text("x/process.bpmn", text, words)

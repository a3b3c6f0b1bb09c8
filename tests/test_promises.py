"""Rules of the house that no tool checks: what we promise, a test keeps.

Lint of the diagrams stands in test_lint, of form files in test_form_files, of the README in
test_readme, of what may import what in pyproject.toml.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import JSON, Column, Enum, LargeBinary, String

from models import Base, CaseKind, DataClass, Role
from tests.clauses import all_clauses
from webapp import labels
from workflows import vocabulary
from workflows.actions.effects import EFFECTS
from workflows.engine.definitions import FOLDER
from workflows.events import EventName
from workflows.forms import load
from workflows.forms.checks import CHECKS
from workflows.kinds import KINDS
from workflows.permissions import LANE_BY_TITLE, LANES, PERMISSIONS
from workflows.rules import JURISDICTIONS
from workflows.rules import load as load_rules

ROOT = Path(__file__).parents[1]
LAYERS = ("models", "workflows", "webapp")
BPMN = {
    "b": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "s": "http://spiffworkflow.org/bpmn/schema/1.0/core",
}
LONGEST = 500  # lines: a noun that needs more is a package


def sources(*layers: str) -> Iterator[Path]:
    """Our Python files, migrations left out: they are history."""
    for layer in layers:
        for path in sorted((ROOT / layer).rglob("*.py")):
            if not {"migrations", "node_modules"} & set(path.parts):
                yield path


def calls(path: Path) -> Iterator[str]:
    """Every call in a file, as written."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def where(pattern: str, *layers: str) -> dict[str, list[str]]:
    """Calls that match, by file."""
    found = {
        path.relative_to(ROOT).as_posix(): [
            call for call in calls(path) if re.search(pattern, call)
        ]
        for path in sources(*layers)
    }
    return {path: matching for path, matching in found.items() if matching}


# Layers


def test_no_service_of_others_is_called_so_none_can_be_down() -> None:
    """Whoever adds mail, a virus scanner or a single sign-on says here what happens without it."""
    lines = re.compile(
        r"^\s*(?:import|from) (smtplib|imaplib|ftplib|xmlrpc|urllib\.request|http\.client|socket"
        r"|ssl|asyncio|requests|httpx|aiohttp|urllib3|clamd|ldap3|authlib|paramiko)\b",
        re.MULTILINE,
    )
    found = {
        path.relative_to(ROOT).as_posix()
        for path in sources(*LAYERS)
        if lines.search(path.read_text("utf-8"))
    }
    # Is our own server up; what is this machine called; may the renderer reach anybody
    assert found == {"webapp/launcher.py", "webapp/worker.py", "webapp/pdf/render.py"}


def test_nothing_below_the_edge_commits() -> None:
    assert where(r"\.(commit|rollback)$", "models", "workflows") == {}
    # The job queue keeps its own books, in transactions of its own.
    assert where(r"\.begin$", "models", "workflows").keys() == {"workflows/jobs.py"}


def test_nothing_below_the_edge_reads_the_clock() -> None:
    clock = r"\b(datetime|date)\.(now|utcnow|today)$|\btime\.(time|monotonic|localtime|gmtime)$"
    assert where(clock, "models", "workflows") == {
        # DBOS adds a delay to its own clock: taking it off the same clock cancels out.
        "workflows/jobs.py": ["time.time"],
    }


def test_no_query_asks_what_no_index_answers() -> None:
    # `==` with a value that may be None says IS NULL or =, and both look into an index; on
    # PostgreSQL, IS NOT DISTINCT FROM reads the whole table.
    assert where(r"\.is_(not_)?distinct_from$", "workflows", "webapp") == {}


def test_files_are_called_by_nouns_and_are_short() -> None:
    for path in sources(*LAYERS):
        assert path.stem not in ("utils", "helpers", "manager", "common", "misc"), path
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST, path


def test_every_module_and_public_function_says_what_it_is_for() -> None:
    """A view says it by its address, a property by its name; everything else in words."""
    silent = []
    for path in sources("models", "workflows"):
        module = ast.parse(path.read_text("utf-8"))
        if module.body and not ast.get_docstring(module):
            silent.append(path.name)
        for node in module.body:
            public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            registered = public and node.decorator_list  # a check says it by its messages
            if public and not registered and not ast.get_docstring(node):
                silent.append(f"{path.name}: {node.name}")
    assert silent == []


# Diagrams


def steps() -> list[tuple[str, dict[str, str], str]]:
    """(id, properties, lane) of every user task of every process; a step that two kinds of case
    have in common, such as UT_verify, is there for each."""
    found = []
    for file in sorted(FOLDER.glob("*/*.bpmn")):
        root = etree.parse(file).getroot()
        lanes = {
            reference.text: lane.get("name")
            for lane in root.iterfind(".//b:lane", BPMN)
            for reference in lane.iterfind("b:flowNodeRef", BPMN)
        }
        for task in root.iterfind(".//b:userTask", BPMN):
            properties = {
                each.get("name"): each.get("value") for each in task.iterfind(".//s:property", BPMN)
            }
            found.append((task.get("id"), properties, lanes.get(task.get("id"), "")))
    return found


STEPS = steps()


def test_the_processes_have_the_steps_of_the_house() -> None:
    of_kinds = Counter(step for code in CaseKind for step in set(_steps_of(code)))
    assert len(STEPS) == 68
    shared = [name for name, times in Counter(name for name, _, _ in STEPS).items() if times > 1]
    assert set(shared) == {step for step, times in of_kinds.items() if times > 1}


def _steps_of(process: str) -> list[str]:
    root = etree.parse(FOLDER / process / "process.bpmn").getroot()
    return [str(task.get("id")) for task in root.iterfind(".//b:userTask", BPMN)]


@pytest.mark.parametrize(("step", "properties", "lane"), STEPS, ids=[step for step, _, _ in STEPS])
def test_every_step_has_a_form_a_desk_and_known_words(
    step: str, properties: dict[str, str], lane: str
) -> None:
    assert properties.keys() <= {
        "form",
        "effect",
        "clock",
        "stopsClock",
        "rewindFrom",
        "skip",
        "suspends",
        *(f"form.{code}" for code in CaseKind),
    }
    assert load.load(properties["form"]).fields()
    assert LANE_BY_TITLE[lane].roles
    assert set(LANE_BY_TITLE[lane].roles) <= set(Role)
    assert properties.get("effect") in {None, *EFFECTS}
    levels = ("county", "city") if "{level}" in properties.get("clock", "") else ("",)
    rules = load_rules("000000")
    for level in levels:
        if "clock" in properties:
            key = properties["clock"].format(level=level)
            own = {f"clock.{kind.limits}{key}" for kind in KINDS.values()}
            assert any(rule.key in own for rule in rules.rules), key
    if "stopsClock" in properties:
        assert "clock" in properties


# a duty begins with them; what a paper of the province said is entered without a step
WITHOUT_STEP = {"extension_request.v1", "ledger_item.v2", "province_conclusion.v1"}


def test_every_effect_form_and_check_is_used() -> None:
    named = {properties.get("effect") for _, properties, _ in STEPS}
    assert EFFECTS.keys() == named - {None}
    used = {
        form
        for _, properties, _ in STEPS
        for name, form in properties.items()
        if name.partition(".")[0] == "form"
    }
    parts = {part for form in used for part in load.load(form).parts}
    newest: dict[tuple[str, str], str] = {}
    for form in sorted(load.all_forms(), key=lambda form: load.version(form.name)):
        newest[load.base_name(form.name), load.variant(form.name)] = form.name
    assert set(newest.values()) == used | parts | WITHOUT_STEP
    asked = {check for form in load.all_forms() for check in form.checks}
    assert asked == CHECKS.keys()


def test_diagrams_keep_the_modelling_rules() -> None:
    assert [str(finding) for finding in vocabulary.lint()] == []


# Words


@pytest.mark.parametrize("name", EventName)
def test_every_event_has_a_label_and_a_partial(name: EventName) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", name)
    assert labels.label(name)
    assert (ROOT / f"webapp/templates/events/{name}.html").read_text("utf-8").strip()


def test_permissions_named_anywhere_exist_and_all_are_used() -> None:
    files = [*sources("workflows", "webapp"), *(ROOT / "webapp/templates").rglob("*.html")]
    text = "\n".join(path.read_text("utf-8") for path in files if path.name != "permissions.py")
    named = set(re.findall(r"[\"']([a-z]+:[a-z_]+)[\"']", text))
    nouns = {permission.split(":")[0] for permission in PERMISSIONS}
    assert {name for name in named if name.split(":")[0] in nouns} == PERMISSIONS.keys()


# Data


def texts() -> list[Column[Any]]:
    """Columns that could hold anything somebody wrote."""
    free = (String, JSON, LargeBinary)
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, free) and not isinstance(column.type, Enum)
    ]


# Columns without a class are internal. Each stands here because of what it holds.
INTERNAL = {
    "reference data": {
        "icd10.code", "icd10.title", "icd10.title_en", "icd10.aliases", "icd10.initials",
        "region.code", "region.name", "region.parent_code", "region.initials",
        "zone.county_code", "calendar_day.name", "calendar_day.document",
    },
    "units, which are public bodies, and what somebody is in one of them": {
        "organisation.name", "organisation.short_name", "organisation.grade",
        "organisation.region_code", "organisation.phone", "appointment.department",
        "appointment.diagram",
        "user.title", "user.username", "employment.unit", "employment.title",
    },
    "codes and names of ours": {
        "attachment.media_type", "attachment.form", "attachment.field", "clock.rule_key",
        "clock.title", "document.form", "event.name", "finding.area", "finding.scope",
        "finding.kind", "notice.level", "notification.name", "rectification.level",
        "rectification.area", "rectification.scope", "rectification.kind", "rectification.asked",
        "duty.occasion",
        "rectification.resp_level", "reopening.level",
        "rectification.strength", "rectification_entry.kind", "press.result",
        "task.bpmn_id", "task.diagram",
        "task.title", "task.form", "task.effect", "task.lane", "task.level", "timer.bpmn_id",
        "dossier_request.message", "notice_file.message", "definition.name", "worker_beat.worker",
        "finding.improves", "near_miss.criteria_set",
        "blind_copy.media_type", "blind_copy.withheld", "blind_copy.masked", "blind_copy.unread",
        "user.disease_groups",
        "comment.level", "motion.trigger", "motion.fact",
    },
    "what is kept of an error: classes, lines of code, steps, ids (test_incidents looks)": {
        "incident.definition", "incident.step", "incident.error", "incident.place",
        "incident.trace", "incident.job", "incident.job_key", "incident.job_args", "timer.error",
    },
    "codes of figures and lessons; which system a table is from": {
        "discrepancy.measure", "discrepancy.region_code", "discrepancy.system",
        "discrepancy_entry.kind", "figure_import.system", "lesson.number", "lesson.city_code",
        "lesson.cells", "care_plan.change", "indicator.area", "indicator.problem_kind",
        "lesson.area", "lesson.scope", "lesson.problem_kind", "lesson.cause_group",
    },
    "numbers and keys that say nothing of a person": {
        "risk_record.number", "risk_record.county_code",
        "case.number", "case.county_code", "case.city_code", "case.jurisdiction",
        "clock.subject", "document.key", "draft.place", "notice.number", "rectification.number",
        "duty.region_code", "motion.number", "motion.key",
        "motion.region_code", "key_contact.region_code", "task.spiff_id", "timer.spiff_id",
        "attachment.token", "attachment.sha256",
        "blind_copy.token", "blind_copy.looked_for",
        "dossier_request.token", "dossier_request.sha256",
        "notice_file.token", "notice_file.sha256",
        "definition.digest",
        "case.rules_digest", "frozen_rules.digest",
    },
    "diagrams, forms and rules": {
        "definition.files", "form_text.name", "form_text.text", "frozen_rules.body", "duty.rule",
        "motion.rule", "key_contact.rule",
    },
    "what administrators, who see no case, write of a version": {
        "definition.comment", "definition.decision", "transfer.comment",
    },
    "what commissions write of a rule, and of what experts are there for; of no case": {
        "mapping.province_code", "mapping.conditional", "mapping.document", "mapping.clause",
        "mapping.reason", "expert_group_member.duty", "expert_group_member.part",
        "review_procedure.limits",
    },
    "flags and counts only: no answer enters the engine (test_engine looks)": {
        "process.state", "transfer.state_before",
    },
    "names of steps, forms and effects": {"transfer.steps_before"},
}  # fmt: skip


def test_every_column_that_holds_text_has_a_class_or_a_reason() -> None:
    unclassed = {str(column) for column in texts() if "class" not in column.info}
    reasoned = {name for names in INTERNAL.values() for name in names}
    assert unclassed == reasoned
    classes = {column.info["class"] for column in texts() if "class" in column.info}
    assert classes == {DataClass.PERSONAL, DataClass.SENSITIVE, DataClass.SECRET}


# Rules of places


@pytest.mark.parametrize("path", sorted(JURISDICTIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_rules_name_clauses_and_desks_that_exist(path: Path) -> None:
    for rule in load_rules(path.stem).rules:
        assert set(rule.requirements) <= all_clauses().keys(), rule.key
        if rule.key.startswith("clock."):
            assert rule.responsible in LANES, rule.key
            assert rule.start in ("event", "task", "duty"), rule.key

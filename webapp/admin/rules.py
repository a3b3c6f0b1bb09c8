"""规则: what holds at each place, with document, clause and quotation; read only."""

from datetime import date

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from webapp.access import current
from webapp.admin.blueprint import SYSTEM, bp, only
from webapp.words import local
from workflows.permissions import LANES
from workflows.rules import (
    JURISDICTIONS,
    UNCONFIRMED,
    Jurisdiction,
    Rule,
    RuleSet,
    Status,
    load,
    rule_set,
)

ROOT = "000000"
# What is said of a rule's standing, and the sign beside it; colour is kept for clocks
STATUSES = {
    Status.QUOTED: ("原文", "journal-text"),
    Status.CONFIRMED: ("当地已确认", "check2"),
    Status.UNDEFINED: (UNCONFIRMED, "question-circle"),
    Status.PRODUCT: ("产品约定", "gear"),
}
GROUPS = {
    "时限与提醒": ("clock", "reminders"),
    "病例与报告": (
        "case_types",
        "first_report",
        "report",
        "head_explains_to_admin",
        "data_quality",
        "verb_chain",
    ),
    "评审与专家组": (
        "review",
        "panel",
        "conclusion",
        "problem_taxonomy",
        "nearmiss",
        "expert_group",
    ),
    "反馈与质控": ("feedback", "notice", "qc"),
    "整改与责任": (
        "rectification",
        "trigger",
        "motion",
        "remind",
        "supervise",
        "interview",
        "expert_team",
    ),
    "高危管理": ("highrisk",),
    "演练、例会与考评": ("drill", "joint_meeting", "appraisal", "target"),
}
OTHERS = "其他"


@bp.get("/rules")
@only(SYSTEM)
def rules() -> ResponseReturnValue:
    today = local(current.now).date()
    found = sorted(path.stem for path in JURISDICTIONS.glob("*.toml"))
    sets = [rule_set(code, today) for code in found]
    return render_template(
        "admin/rules.html",
        rows=[(load(held.code), held, _counts(held)) for held in sets],
        statuses=STATUSES,
        titles={held.code: load(held.code).title for held in sets},
    )


def _counts(held: RuleSet) -> dict[Status, int]:
    """How many rules in force have each standing."""
    every = [rule.status for rule in held.rules.values()]
    return {status: every.count(status) for status in STATUSES}


@bp.get("/rules/<string(length=6):code>")
@only(SYSTEM)
def rules_of(code: str) -> ResponseReturnValue:
    if not (code.isdecimal() and (JURISDICTIONS / f"{code}.toml").is_file()):
        abort(404)
    at = _day()
    held = rule_set(code, at)
    line = _line(code)
    shown = request.args.get("status", "")
    chosen = [
        rule for rule in held.rules.values() if shown not in set(Status) or rule.status == shown
    ]
    return render_template(
        "admin/rules_of.html",
        held=held,
        groups=_grouped(chosen),
        line=line,
        titles={own.code: own.title for own in line},
        counts=_counts(held),
        total=len(held.rules),
        statuses=STATUSES,
        lanes=LANES,
        value_of=value_of,
        at=at,
        today=local(current.now).date(),
        shown=shown,
    )


def _day() -> date:
    """The day asked about; today when it is none."""
    try:
        return date.fromisoformat(request.args.get("at", ""))
    except ValueError:
        return local(current.now).date()


def _line(code: str) -> list[Jurisdiction]:
    """The place's own file and those it inherits from."""
    line = [load(code)]
    while line[-1].parent:
        line.append(load(line[-1].parent))
    return line


def _grouped(rules: list[Rule]) -> dict[str, list[Rule]]:
    """By the noun of the key, in the order of GROUPS; what no group names comes last."""
    group_of = {noun: title for title, nouns in GROUPS.items() for noun in nouns}
    groups: dict[str, list[Rule]] = {title: [] for title in (*GROUPS, OTHERS)}
    for rule in rules:
        groups[group_of.get(rule.key.split(".")[0], OTHERS)].append(rule)
    return {title: found for title, found in groups.items() if found}


def value_of(rule: Rule) -> str:
    """The value without what its standing says already; the wording where there is no number."""
    if rule.value is None:
        return f"“{rule.wording}”" if rule.wording else "—"
    return rule.describe().removesuffix("（产品约定）")

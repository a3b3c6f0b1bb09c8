"""Checks of a near-miss case: criteria against their set, the stay, the course, the review."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from workflows import criteria
from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import Answers

STAGES = {"booking": "早孕建档", "rescue": "抢救", "postpartum": "产后随访"}
STAY = (
    ("admit_dt", "icu_in_dt", "转入 ICU 不能早于入院"),
    ("icu_in_dt", "icu_out_dt", "转出 ICU 不能早于转入"),
    ("icu_out_dt", "discharge_dt", "出院不能早于转出 ICU"),
    ("admit_dt", "discharge_dt", "出院不能早于入院"),
)


def _hits(answers: Answers) -> Iterator[tuple[int, Answers, criteria.Item]]:
    """Rows whose code the chosen set has, with their item."""
    chosen = criteria.sets().get(answers.get("criteria_set", ""))
    for place, row in enumerate(answers.get("criteria_hits", [])):
        item = chosen.find(row.get("code", "")) if chosen else None
        if item is not None:
            yield place, row, item


@cross_check("criteria_of_the_set")
def criteria_of_the_set(answers: Answers, context: Context) -> Found:
    """Each item once, and of the set that was chosen: sets are never mixed."""
    known = {place for place, _, _ in _hits(answers)}
    seen: set[Any] = set()
    for place, row in enumerate(answers.get("criteria_hits", [])):
        code = row.get("code")
        if code and place not in known:
            yield f"criteria_hits.{place}.code", "所选判定标准没有这一条，请另选"
        if code in seen:
            yield f"criteria_hits.{place}.code", "这一条已经登记，写首次达到的一次，删去重复的"
        seen.add(code)


@cross_check("criteria_meet_thresholds")
def criteria_meet_thresholds(answers: Answers, context: Context) -> Found:
    for place, row, item in _hits(answers):
        path = f"criteria_hits.{place}"
        yield from _value(path, row, item)
        if item.minutes and row.get("minutes", 0) < item.minutes:
            yield f"{path}.minutes", f"「{item.label}」要求持续 {item.minutes} 分钟以上，请核对"


def _value(path: str, row: Answers, item: criteria.Item) -> Found:
    value, unit = row.get("value"), row.get("unit")
    if not item.limits:
        if value is not None:
            yield f"{path}.value", f"「{item.label}」没有数值界限，不填数值，写在依据里"
        return
    names = "、".join(criteria.UNITS[each] for each in item.units)
    if value is None:
        yield f"{path}.value", f"「{item.label}」有数值界限，请填数值"
    elif unit not in item.units:
        yield f"{path}.unit", f"这一条的单位是 {names}"
    elif not item.met(Decimal(value), unit):
        yield f"{path}.value", f"{value} {criteria.UNITS[unit]} 没有达到「{item.label}」，请核对"


@cross_check("first_hit_is_the_event", warns=True)
def first_hit_is_the_event(answers: Answers, context: Context) -> Found:
    moments = [at for _, row, _ in _hits(answers) if (at := moment_in(row, "first_dt"))]
    event = context.known.case.get("event_at")
    if moments and event and min(moments) != event:
        yield (
            "criteria_hits",
            f"最早一条是 {shown(min(moments))}，登记的发生时间是 {shown(event)}，请核对",
        )


@cross_check("stay_in_order")
def stay_in_order(answers: Answers, context: Context) -> Found:
    for start, end, words in STAY:
        first, last = moment_in(answers, start), moment_in(answers, end)
        if first and last and last < first:
            yield end, f"{words}（{shown(first)}）"
    called = moment_in(answers, "mdt_called_dt")
    for place, row in enumerate(answers.get("mdt_arrivals", [])):
        arrived = moment_in(row, "arrived_dt")
        if called and arrived and arrived < called:
            yield f"mdt_arrivals.{place}.arrived_dt", f"到场不能早于启动（{shown(called)}）"


@cross_check("timeline_whole_course", warns=True)
def timeline_whole_course(answers: Answers, context: Context) -> Found:
    """B06: from the early-pregnancy file to the follow-up after birth."""
    stages = {row.get("stage") for row in answers.get("timeline", [])}
    missing = [label for code, label in STAGES.items() if code not in stages]
    if stages and missing:
        yield "timeline", f"时间轴没有{'、'.join(missing)}；没有做的，也请写一条说明"


@cross_check("inventory_gaps_only", warns=True)
def inventory_gaps_only(answers: Answers, context: Context) -> Found:
    labels = {
        choice.code: choice.label
        for field in context.form.fields()
        if field.name == "record_inventory"
        for choice in field.choices
    }
    inventory = answers.get("record_inventory", {})
    gaps = [labels[code] for code, entry in inventory.items() if entry.get("state") == "none"]
    if gaps:
        yield "record_inventory", f"缺 {'、'.join(gaps)}，请尽量补齐"


@cross_check("criteria_agree_or_return")
def criteria_agree_or_return(answers: Answers, context: Context) -> Found:
    if answers.get("criteria_agree") == "no" and answers.get("verify_decision") == "accept":
        yield "verify_decision", "不符合判定标准的不能受理：退回补正，或请报告单位申请作废"


@cross_check("treated_have_left")
def treated_have_left(answers: Answers, context: Context) -> Found:
    """Who treated her explains and leaves; the conclusion is the panel's alone."""
    if still_in := context.known.case.get("guests_in"):
        yield "conclusion", f"还有 {still_in} 名经治人员没有离场：在会议页面登记离场时间"


@cross_check("improvable_has_problems")
def improvable_has_problems(answers: Answers, context: Context) -> Found:
    """B06: what is to be improved is named, problem by problem."""
    if answers.get("conclusion") == "improvable" and answers.get("problems_none") is True:
        yield "problems_none", "结论是有需要改进之处，请至少列出一个问题"

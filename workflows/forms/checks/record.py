"""Checks of the case record: admission, referrals, time line, key moments, summary, records."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.derived import INTERVALS
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import Answers

HOSPITAL_NAMES = ("delivery_hospital", "death_hospital", "from_hospital", "first_visit")
_IDENTITY = ("name", "husband_name", "mother_name", "father_name", "id_no", "mother_id_no")
UNKNOWN_NAMES = {"不详", "无名氏", "未知"}
# Generic words that a summary may use for a hospital, such as 某县医院 or 县级医院
GENERIC = re.compile(
    r"(某|县级|市级|省级|乡镇|区县级|上级|下级|当地).{0,4}(医院|卫生院|妇幼保健院)"
)
NAMED = re.compile(r"[\u4e00-\u9fff]{2,8}(?:人民医院|中医院|妇幼保健院|中心医院|卫生院)")


@cross_check("admitted_before_death")
def admitted_before_death(answers: Answers, context: Context) -> Found:
    admitted, event = moment_in(answers, "admit_dt"), context.known.case.get("event_at")
    if admitted and event and admitted > event:
        yield "admit_dt", f"入院时间不能晚于死亡时间（{shown(event)}）"


@cross_check("referrals_in_order")
def referrals_in_order(answers: Answers, context: Context) -> Found:
    rows = answers.get("referral_chain", [])
    for place, row in enumerate(rows):
        left, arrived = moment_in(row, "leave_dt"), moment_in(row, "arrive_dt")
        if left and arrived and arrived < left:
            yield f"referral_chain.{place}.arrive_dt", f"到达时间不能早于离开时间（{shown(left)}）"
    for (_, before), (place, row) in pairwise(enumerate(rows)):
        arrived, left = moment_in(before, "arrive_dt"), moment_in(row, "leave_dt")
        if arrived and left and left < arrived:
            yield (
                f"referral_chain.{place}.leave_dt",
                f"离开时间不能早于上一次到达的时间（{shown(arrived)}），请按先后排列",
            )


@cross_check("timeline_in_order")
def timeline_in_order(answers: Answers, context: Context) -> Found:
    """Strictly ordered; where one of two entries knows the day only, the days decide."""
    rows = answers.get("timeline", [])
    for (_, before), (place, row) in pairwise(enumerate(rows)):
        earlier, later = moment_in(before, "at"), moment_in(row, "at")
        if not earlier or not later:
            continue
        if before.get("only_date") or row.get("only_date"):
            wrong, what = later.date() < earlier.date(), f"{earlier.date()}"
        else:
            wrong, what = later <= earlier, shown(earlier)
        if wrong:
            yield f"timeline.{place}.at", f"时间轴应按先后排列，这一条要晚于上一条（{what}）"


@cross_check("timeline_covers", warns=True)
def timeline_covers(answers: Answers, context: Context) -> Found:
    """B06: the whole course from the early-pregnancy file to the time after birth."""
    stages = {row.get("stage") for row in answers.get("timeline", [])}
    if stages and "booking" not in stages:
        yield "timeline", "时间轴没有早孕建档；没有建档的，也请写一条说明"
    if stages and "death" not in stages:
        yield "timeline", "时间轴没有死亡经过，请补一条"


@cross_check("timeline_reaches_death", warns=True)
def timeline_reaches_death(answers: Answers, context: Context) -> Found:
    death = moment_in(answers, "death_dt")
    for place, row in enumerate(answers.get("timeline", [])):
        at = moment_in(row, "at")
        if row.get("stage") == "death" and at and death and at != death and not _day_only(row):
            yield f"timeline.{place}.at", f"与报告卡的死亡时间（{shown(death)}）不一致，请核对"


def _day_only(row: dict[str, Any]) -> bool:
    return row.get("only_date") is True


@cross_check("abortions_agree", warns=True)
def abortions_agree(answers: Answers, context: Context) -> Found:
    induced, on_card = answers.get("abort_induced"), answers.get("abortions")
    if induced is not None and on_card is not None and induced > on_card:
        yield "abort_induced", f"人工流产次数大于报告卡的人工流产、引产次数（{on_card}），请核对"


@cross_check("key_moments_in_order", warns=True)
def key_moments_in_order(answers: Answers, context: Context) -> Found:
    for start, end, name in INTERVALS:
        first, last = moment_in(answers, start), moment_in(answers, end)
        if first and last and last < first:
            yield end, f"{name}：后一时刻早于前一时刻（{shown(first)}），请核对"


@cross_check("narrative_without_names")
def narrative_without_names(answers: Answers, context: Context) -> Found:
    narrative = answers.get("narrative", "")
    for name in _names(answers, context):
        if name in narrative:
            yield "narrative", f"摘要里出现了「{name}」，请改为「孕妇」「其丈夫」「患儿」等称呼"


def _names(answers: Answers, context: Context) -> Iterator[str]:
    names = [answers.get(name) for name in _IDENTITY]
    names.append(context.known.case.get("person_name"))
    for name in dict.fromkeys(names):
        if name and len(name) > 1 and name not in UNKNOWN_NAMES:
            yield name


@cross_check("narrative_without_hospitals", warns=True)
def narrative_without_hospitals(answers: Answers, context: Context) -> Found:
    narrative = answers.get("narrative", "")
    written = [answers.get(name) for name in HOSPITAL_NAMES]
    found = [name for name in written if name and name in narrative]
    found += NAMED.findall(GENERIC.sub("", narrative))
    for name in dict.fromkeys(found):
        yield "narrative", f"摘要里像是写了医院名称「{name}」，请改为「某县级医院」等称呼"


@cross_check("redacted_copy_apart")
def redacted_copy_apart(answers: Answers, context: Context) -> Found:
    originals = {
        token
        for entry in answers.get("record_inventory", {}).values()
        for token in entry.get("files", ())
    }
    if originals & set(answers.get("redacted_copy", ())):
        yield "redacted_copy", "去标识复印件不能与病历原件用同一个文件，请另外上传"


@cross_check("redacted_copy_checked")
def redacted_copy_checked(answers: Answers, context: Context) -> Found:
    if answers.get("redacted_checked") is False:
        yield "redacted_checked", "复印件里还有身份信息，请先遮盖，再选「是」"


@cross_check("inventory_gaps", warns=True)
def inventory_gaps(answers: Answers, context: Context) -> Found:
    labels = {
        choice.code: choice.label
        for field in context.form.fields()
        if field.name == "record_inventory"
        for choice in field.choices
    }
    inventory = answers.get("record_inventory", {})
    gaps = [labels[code] for code, entry in inventory.items() if entry.get("state") == "none"]
    if gaps:
        yield "record_inventory", f"缺 {'、'.join(gaps)}；评审病历提供不完整的会被提醒，请尽量补齐"

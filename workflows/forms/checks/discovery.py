"""Checks of the first hours: report, receipt, routing."""

from workflows.forms.checks.registry import Context, Found, cross_check, moment_word
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import Answers

# How somebody died is not what she died of.
MODES_OF_DYING = (
    "心跳呼吸骤停",
    "呼吸心跳骤停",
    "呼吸循环衰竭",
    "循环呼吸衰竭",
    "循环衰竭",
    "呼吸衰竭",
    "心脏骤停",
    "心跳骤停",
    "心力衰竭",
    "多器官功能衰竭",
    "多脏器功能衰竭",
    "全身衰竭",
    "猝死",
    "死亡",
)


@cross_check("discovered_not_before_event")
def discovered_not_before_event(answers: Answers, context: Context) -> Found:
    event, discovered = moment_in(answers, "event_dt"), moment_in(answers, "discovered_dt")
    if event and discovered and discovered < event:
        yield "discovered_dt", f"发现时间不能早于{moment_word(context)}（{shown(event)}）"


@cross_check("discovered_later_needs_reason")
def discovered_later_needs_reason(answers: Answers, context: Context) -> Found:
    event, discovered = moment_in(answers, "event_dt"), moment_in(answers, "discovered_dt")
    if event and discovered and discovered > event and not answers.get("discovered_reason"):
        yield (
            "discovered_reason",
            f"发现时间晚于{moment_word(context)}（{shown(event)}），请写明原因；"
            f"同时发现的，把发现时间改成{moment_word(context)}",
        )


@cross_check("plain_mode_of_dying", warns=True)
def plain_mode_of_dying(answers: Answers, context: Context) -> Found:
    """A report is never refused for its wording; the discussion and the card put it right."""
    cause = answers.get("prelim_cause", "").strip("。，,. ")
    if cause in MODES_OF_DYING:
        yield "prelim_cause", f"「{cause}」是死亡方式，不是死因；知道是什么病引起的，请写病名"


@cross_check("received_not_before_reported")
def received_not_before_reported(answers: Answers, context: Context) -> Found:
    received, reported = moment_in(answers, "received_dt"), context.known.case.get("reported_at")
    if received and reported and received < reported.replace(second=0, microsecond=0):
        yield "received_dt", f"接报时间不能早于报告时间（{shown(reported)}）"


@cross_check("routing_after_receipt")
def routing_after_receipt(answers: Answers, context: Context) -> Found:
    received = moment_in(answers, "received_dt")
    for place, row in enumerate(answers.get("routing", [])):
        sent = moment_in(row, "at")
        if received and sent and sent < received:
            yield f"routing.{place}.at", f"转报时间不能早于接报时间（{shown(received)}）"


@cross_check("routing_both_ways", warns=True)
def routing_both_ways(answers: Answers, context: Context) -> Found:
    """A06: to the administration of the same level and to the upper MCH institution."""
    sent = {row.get("to_kind") for row in answers.get("routing", [])}
    if sent and not sent >= {"commission", "upper_mch"}:
        yield "routing", "还没有同时转报同级卫生健康行政部门和上级妇幼保健机构，请尽快补齐"

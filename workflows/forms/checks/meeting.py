"""Checks of the hospital's discussions, of the explanation after them, and of verification."""

from itertools import pairwise

from workflows.forms.checks.registry import Context, Found, cross_check, moment_word
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import Answers

# Speakers go from junior to senior; titles outside the physicians' ladder speak when asked.
SENIORITY = {"resident": 1, "attending": 2, "associate_chief": 3, "chief": 4}


@cross_check("held_after_event")
def held_after_event(answers: Answers, context: Context) -> Found:
    held, event = moment_in(answers, "held_dt"), context.known.case.get("event_at")
    if held and event and held < event:
        yield "held_dt", f"讨论时间不能早于{moment_word(context)}（{shown(event)}）"


@cross_check("junior_speaks_first", warns=True)
def junior_speaks_first(answers: Answers, context: Context) -> Found:
    """Only said: minutes must show the order in which people spoke, even a wrong one."""
    ranked = [
        (SENIORITY[row["title"]], place)
        for place, row in enumerate(answers.get("opinions", []))
        if row.get("title") in SENIORITY
    ]
    for (before, _), (rank, place) in pairwise(ranked):
        if rank < before:
            yield f"opinions.{place}.title", "发言一般按职称由低到高；顺序确实如此的，可以照实提交"


@cross_check("explained_after_discussion")
def explained_after_discussion(answers: Answers, context: Context) -> Found:
    """A03: it is the result of the discussion that is explained."""
    explained = moment_in(answers, "explained_dt")
    held = moment_in(context.known.latest("in_hospital_discussion") or {}, "held_dt")
    if explained and held and explained < held:
        yield "explained_dt", f"说明时间不能早于院内讨论时间（{shown(held)}）"


@cross_check("held_after_autopsy_report")
def held_after_autopsy_report(answers: Answers, context: Context) -> Found:
    held, received = moment_in(answers, "held_dt"), moment_in(answers, "report_received_dt")
    if held and received and held < received:
        yield "held_dt", f"再次讨论应在收到尸检报告（{shown(received)}）之后"


@cross_check("verified_after_event")
def verified_after_event(answers: Answers, context: Context) -> Found:
    checked, event = moment_in(answers, "checked_dt"), context.known.case.get("event_at")
    if checked and event and checked < event:
        yield "checked_dt", f"核实时间不能早于{moment_word(context)}（{shown(event)}）"


@cross_check("errors_within_checked")
def errors_within_checked(answers: Answers, context: Context) -> Found:
    errors, checked = answers.get("errors"), answers.get("fields_checked")
    if errors and errors > (checked or 0):
        yield "errors", f"错误项数不能大于抽查项数（{checked or 0}）"


@cross_check("second_checker")
def second_checker(answers: Answers, context: Context) -> Found:
    other = answers.get("counter_checker")
    if other and other == answers.get("sign", {}).get("name"):
        yield "counter_checker", f"复核人应是另一个人，不能是签名的质控人（{other}）"


@cross_check("incomplete_but_accepted", warns=True)
def incomplete_but_accepted(answers: Answers, context: Context) -> Found:
    if answers.get("verify_decision") == "accept" and answers.get("record_complete") is False:
        yield "verify_decision", "病历资料不完整仍然受理，评审可能缺依据；请确认"

"""Checks of a panel's conclusion against its meeting and against the level below."""

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.comparison import PARTS, Part, changed, reason
from workflows.forms.spec import Answers


@cross_check("attendees_are_the_panel")
def attendees_are_the_panel(answers: Answers, context: Context) -> Found:
    """Each member once, nobody else: or a vote would count twice, or a stranger's."""
    members = context.known.case.get("members")
    rows, seen = answers.get("attendance", []), set[int]()
    for place, row in enumerate(rows):
        user = row.get("user")
        if user in seen:
            yield f"attendance.{place}.user", "同一位专家出现了两次，请删除重复的一条"
        elif user is not None and members is not None and user not in members:
            yield f"attendance.{place}.user", "这一位不在本次专家组，请删除"
        seen.add(user)
    if rows and members is not None and not seen >= members.keys():
        missing = len(members.keys() - seen)
        yield "attendance", f"还有 {missing} 位在任专家没有列入，未到会的也要列出"


@cross_check("present_as_signed_in")
def present_as_signed_in(answers: Answers, context: Context) -> Found:
    members = context.known.case.get("members") or {}
    for place, row in enumerate(answers.get("attendance", [])):
        signed_in = members.get(row.get("user"))
        if signed_in is True and row.get("present") is False:
            yield f"attendance.{place}.present", "这一位已用本人账号签到，应为到会"
        if signed_in is False and row.get("present") and not row.get("note"):
            yield f"attendance.{place}.note", "没有用本人账号签到，请写明原因"


@cross_check("nobody_in_who_treated")
def nobody_in_who_treated(answers: Answers, context: Context) -> Found:
    """Who treated her explains and leaves; the vote is the panel's alone."""
    if still_in := context.known.case.get("guests_in"):
        yield (
            "votes_avoidable",
            f"还有 {still_in} 名经治人员没有离场，离场后才能记录表决：在会议页面登记离场时间",
        )


@cross_check("minutes_given")
def minutes_given(answers: Answers, context: Context) -> Found:
    if not answers.get("minutes") and not answers.get("minutes_file"):
        yield "minutes", "请写会议记录，或上传会议记录扫描件"


@cross_check("differences_explained")
def differences_explained(answers: Answers, context: Context) -> Found:
    """B04: level by level, and whatever is changed says why."""
    lower = context.known.case.get("lower")
    if lower is None:
        return
    for part in changed(lower, answers):
        if not reason(answers, part):
            yield f"difference_{part}", f"{PARTS[Part(part)]}与下级不同，请说明理由"

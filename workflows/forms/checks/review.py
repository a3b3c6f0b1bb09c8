"""Checks of a review: panel, expert's opinion, vote and conclusion."""

from collections.abc import Iterable

from workflows.forms.checks.registry import Context, Found, cross_check, moment_word
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import Answers

VOTES = {
    "avoidable": "可避免",
    "conditionally_avoidable": "创造条件可避免",
    "unavoidable": "不可避免",
}


def _users(rows: Iterable[Answers]) -> list[int]:
    return [row["user"] for row in rows if "user" in row]


@cross_check("members_once")
def members_once(answers: Answers, context: Context) -> Found:
    seen: set[int] = set()
    for place, row in enumerate(answers.get("members", [])):
        user = row.get("user")
        if user in seen:
            yield f"members.{place}.user", "同一位专家出现了两次，请删除重复的一条"
        elif user is not None:
            seen.add(user)


@cross_check("secretary_apart")
def secretary_apart(answers: Answers, context: Context) -> Found:
    secretary = answers.get("secretary")
    if secretary is None:
        return
    if secretary == answers.get("chair") or secretary in _users(answers.get("members", [])):
        yield "secretary", "秘书不能同时是组长或专家，请另选一人"


@cross_check("guide_in_panel")
def guide_in_panel(answers: Answers, context: Context) -> Found:
    """B02: the municipal rescue centre takes part in and guides the county's review."""
    members = answers.get("members", [])
    if members and not any(row.get("is_guide") for row in members):
        yield "members", "专家组没有市级救治中心的指导专家，请加入并标明"


@cross_check("chair_among_members")
def chair_among_members(answers: Answers, context: Context) -> Found:
    """The chair declares, reads and files an opinion like the others."""
    chair, members = answers.get("chair"), _users(answers.get("members", []))
    if chair is not None and members and chair not in members:
        yield "chair", "组长应当是专家名单中的一位，请选名单中的专家，或把组长加入名单"


@cross_check("odd_panel", warns=True)
def odd_panel(answers: Answers, context: Context) -> Found:
    """No source demands an odd number; an even one may end in a tie."""
    count = len(answers.get("members", []))
    if count and count % 2 == 0:
        yield "members", f"专家 {count} 人，是双数，表决可能相持"


@cross_check("confidentiality_promised")
def confidentiality_promised(answers: Answers, context: Context) -> Found:
    if answers.get("confidentiality_ack") is False:
        yield "confidentiality_ack", "承诺保密后才能提交评审意见"


@cross_check("major_in_grid")
def major_in_grid(answers: Answers, context: Context) -> Found:
    yield from _ticked(answers, "major")


@cross_check("major_factors_in_grid")
def major_factors_in_grid(answers: Answers, context: Context) -> Found:
    yield from _ticked(answers, "major_factors")


def _ticked(answers: Answers, name: str) -> Found:
    missing = [cell for cell in answers.get(name, ()) if cell not in answers.get("grid", {})]
    if missing:
        yield name, f"第 {'、'.join(missing)} 格没有在十二格表中勾选，请先勾选并写依据"


@cross_check("chance_and_conclusion", warns=True)
def chance_and_conclusion(answers: Answers, context: Context) -> Found:
    chance, conclusion = answers.get("chance"), answers.get("conclusion")
    if chance == "good" and conclusion == "unavoidable":
        yield "chance", "改变结局的可能大，结论却是不可避免，请核对"
    if chance == "none" and conclusion in ("avoidable", "conditionally_avoidable"):
        yield "chance", f"没有改变结局的可能，结论却是{VOTES[conclusion]}，请核对"


@cross_check("meeting_after_event")
def meeting_after_event(answers: Answers, context: Context) -> Found:
    meeting, event = moment_in(answers, "meeting_dt"), context.known.case.get("event_at")
    if meeting and event and meeting < event:
        yield "meeting_dt", f"会议时间不能早于{moment_word(context)}（{shown(event)}）"


@cross_check("present_to_vote")
def present_to_vote(answers: Answers, context: Context) -> Found:
    for place, row in enumerate(answers.get("attendance", [])):
        if row.get("voting") and row.get("present") is False:
            yield f"attendance.{place}.voting", "没有到会的专家不能参加表决"


@cross_check("guide_present_or_reason")
def guide_present_or_reason(answers: Answers, context: Context) -> Found:
    rows = answers.get("attendance", [])
    there = any(row.get("is_guide") and row.get("present") for row in rows)
    if rows and not there and not answers.get("guide_absent_reason"):
        yield "guide_absent_reason", "没有市级救治中心的指导专家到会，请说明原因"


@cross_check("votes_add_up")
def votes_add_up(answers: Answers, context: Context) -> Found:
    names = [*(f"votes_{code}" for code in VOTES), "votes_abstain"]
    if not all(name in answers for name in names):
        return
    cast = sum(answers[name] for name in names)
    voting = sum(row.get("voting") is True for row in answers.get("attendance", []))
    if cast != voting:
        yield "votes_abstain", f"票数之和是 {cast}，参加表决的专家是 {voting} 人，两者应相等"


def leading(answers: Answers) -> list[str]:
    """The conclusions with the most votes; none when nobody voted or a number is missing."""
    votes = {code: answers.get(f"votes_{code}") for code in VOTES}
    if None in votes.values():
        return []
    most = max(count for count in votes.values() if count is not None)
    return [code for code, count in votes.items() if count == most] if most else []


@cross_check("conclusion_by_majority")
def conclusion_by_majority(answers: Answers, context: Context) -> Found:
    ahead, conclusion = leading(answers), answers.get("conclusion")
    if ahead and conclusion and conclusion not in ahead:
        names = "、".join(VOTES[code] for code in ahead)
        yield "conclusion", f"得票最多的是「{names}」，结论应与表决一致"


@cross_check("tie_needs_reason")
def tie_needs_reason(answers: Answers, context: Context) -> Found:
    ahead = leading(answers)
    if len(ahead) > 1 and not answers.get("tie_reason"):
        names = "、".join(f"「{VOTES[code]}」" for code in ahead)
        yield "tie_reason", f"{names}票数相同，请组长本人在评审会页面裁定并写明理由"


@cross_check("dissent_recorded", warns=True)
def dissent_recorded(answers: Answers, context: Context) -> Found:
    cast = [answers.get(f"votes_{code}") or 0 for code in VOTES]
    if sum(count > 0 for count in cast) > 1 and not answers.get("dissent"):
        yield "dissent", "表决意见不一致，建议记录不同意见（不记姓名）"


@cross_check("problem_cells_in_grid", warns=True)
def problem_cells_in_grid(answers: Answers, context: Context) -> Found:
    for place, row in enumerate(answers.get("problems", [])):
        cell = row.get("cell")
        if cell and cell not in answers.get("grid", {}):
            yield f"problems.{place}.cell", f"第 {cell} 格没有在十二格表中勾选，请核对"


@cross_check("problem_cells_have_evidence")
def problem_cells_have_evidence(answers: Answers, context: Context) -> Found:
    """A cell is ticked only with its page and time; what is not ticked is no finding's ground."""
    for place, row in enumerate(answers.get("problems", [])):
        cell = row.get("cell")
        if cell and cell not in answers.get("grid", {}):
            yield (
                f"problems.{place}.cell",
                f"第 {cell} 格没有在十二格表中勾选并写明依据的页码和时间，不能作为问题对应的格",
            )


@cross_check("difference_explained")
def difference_explained(answers: Answers, context: Context) -> Found:
    """B04: level by level, and a different conclusion says why."""
    lower, conclusion = context.known.case.get("lower_conclusion"), answers.get("conclusion")
    if lower and conclusion and lower != conclusion and not answers.get("difference_reason"):
        yield "difference_reason", f"下级结论是「{VOTES.get(lower, lower)}」，结论不同请说明理由"


@cross_check("staff_left_before_vote", warns=True)
def staff_left_before_vote(answers: Answers, context: Context) -> Found:
    for place, row in enumerate(answers.get("treating_staff", [])):
        if row.get("left_before_vote") is False:
            yield (
                f"treating_staff.{place}.left_before_vote",
                "救治单位人员一般在表决前离场；没有离场的，请在会议记录中说明",
            )

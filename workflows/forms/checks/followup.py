"""Checks of what follows a review: notice, ledger item, archive."""

from datetime import timedelta

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.moment import day_in
from workflows.forms.spec import Answers, Kind

FAR = timedelta(days=365)


@cross_check("notice_without_names")
def notice_without_names(answers: Answers, context: Context) -> Found:
    """Units read notices; nobody may recognise her."""
    name = context.known.case.get("person_name")
    if not name or len(name) < 2 or name == "不详":
        return
    for field in context.form.fields():
        if field.kind in (Kind.TEXT, Kind.LONG_TEXT) and name in answers.get(field.name, ""):
            yield field.name, f"通报里不能出现当事人姓名「{name}」，请改为案例代号"


@cross_check("recipients_once")
def recipients_once(answers: Answers, context: Context) -> Found:
    seen: set[int] = set()
    for place, row in enumerate(answers.get("recipients", [])):
        unit = row.get("organisation")
        if unit in seen:
            yield f"recipients.{place}.organisation", "同一单位出现了两次，请删除重复的一条"
        elif unit is not None:
            seen.add(unit)


@cross_check("recognisable_confirmed")
def recognisable_confirmed(answers: Answers, context: Context) -> Found:
    """Where the text would tell who she was, it goes back, or the issuer says why it may not."""
    found = context.known.case.get("recognisable") or ()
    if found and answers.get("issue_decision") == "issue" and not answers.get("confirm_reason"):
        words = "、".join(dict.fromkeys(f"「{word}」" for word in found))
        yield (
            "confirm_reason",
            f"正文里的{words}可能让人认出当事人或机构，请退回修改；确需保留的，写明理由",
        )


@cross_check("recognisable_seen", warns=True)
def recognisable_seen(answers: Answers, context: Context) -> Found:
    """Said to the drafter already; to stop is for who issues."""
    look = context.known.case.get("look_for_recognisable")
    if look is not None and (found := look(answers)):
        words = "、".join(dict.fromkeys(f"「{word}」" for word in found))
        yield "", f"{words}可能让人认出当事人或机构，签发时会被拦下，建议先改写"


@cross_check("notice_read")
def notice_read(answers: Answers, context: Context) -> Found:
    if answers.get("read_ack") is False:
        yield "read_ack", "阅读全文后再签收"


@cross_check("weak_measure", warns=True)
def weak_measure(answers: Answers, context: Context) -> Found:
    if answers.get("strength") == "weak":
        yield "strength", "只有培训和提醒，问题容易再次发生；能否加上流程、设备或制度措施"


@cross_check("deadline_far", warns=True)
def deadline_far(answers: Answers, context: Context) -> Found:
    deadline = day_in(answers, "deadline")
    if deadline and deadline - context.today > FAR:
        yield "deadline", "整改期限在一年以后，请核对"


@cross_check("effect_check_after_deadline")
def effect_check_after_deadline(answers: Answers, context: Context) -> Found:
    deadline, again = day_in(answers, "deadline"), day_in(answers, "effect_check_on")
    if deadline and again and again <= deadline:
        yield "effect_check_on", f"回头看日期应晚于整改期限（{deadline}）"


@cross_check("complete_needs_evidence")
def complete_needs_evidence(answers: Answers, context: Context) -> Found:
    """C05: what is said to be in place is shown."""
    finished = answers.get("percent") == 100 or answers.get("done") is True
    if finished and not answers.get("evidence"):
        yield "evidence", "完成整改要有佐证，请上传材料"


@cross_check("done_is_hundred")
def done_is_hundred(answers: Answers, context: Context) -> Found:
    percent, done = answers.get("percent"), answers.get("done")
    if percent is None or done is None:
        return
    if done and percent < 100:
        yield "percent", f"申请验收时完成程度应为 100%，现在是 {percent}%"
    if not done and percent == 100:
        yield "done", "完成程度已是 100%，请选「是」申请验收"


@cross_check("guidance_is_answered")
def guidance_is_answered(answers: Answers, context: Context) -> Found:
    """C07: what the guiding centre advised is taken over or answered with the next progress."""
    result, answer = answers.get("guidance_result"), answers.get("guidance_answer")
    waits = context.known.case.get("open_guidance")
    if (result and answer) or waits is None or not waits():
        return
    if not result:
        yield "guidance_result", "指导救治中心的意见还没有答复，请选择是否采纳"
    if not answer:
        yield "guidance_answer", "写明怎样落实；不采纳的写明原因"


@cross_check("acceptor_not_owner")
def acceptor_not_owner(answers: Answers, context: Context) -> Found:
    """C05: nobody accepts their own work."""
    owner = context.known.case.get("owner")
    if owner is not None and owner == context.known.case.get("acceptor_for"):
        yield "", "验收单位不能是责任单位，请由另一单位验收"


@cross_check("acceptor_is_another")
def acceptor_is_another(answers: Answers, context: Context) -> Found:
    """C05: nobody accepts their own work."""
    owner = answers.get("owner")
    if owner is not None and owner == answers.get("acceptor"):
        yield "acceptor", "验收单位不能是责任单位，请选另一单位"


@cross_check("everything_confirmed")
def everything_confirmed(answers: Answers, context: Context) -> Found:
    """A01: one found, one reported, one reviewed, and nothing left open."""
    for field in context.form.fields():
        if field.kind is Kind.BOOL and field.required and answers.get(field.name) is False:
            yield field.name, f"「{field.label}」还没有做到，做到后再归档"

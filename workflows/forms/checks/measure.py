"""Checks of 提醒、督导、约谈."""

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.spec import Answers


@cross_check("experts_from_elsewhere")
def experts_from_elsewhere(answers: Answers, context: Context) -> Found:
    """Nobody guides and judges the unit they work for."""
    ours = set(context.known.case.get("own_people") or ())
    wrong = "在被督导的单位任职，请另选专家"
    if answers.get("lead") in ours:
        yield "lead", wrong
    for place, row in enumerate(answers.get("members") or []):
        if row.get("user") in ours:
            yield f"members.{place}.user", wrong


@cross_check("signed_on_paper")
def signed_on_paper(answers: Answers, context: Context) -> Found:
    """Who has no account signs the record on paper, and the scan stands for it."""
    agreed = answers.get("object_view") == "agree"
    if agreed and context.known.case.get("on_paper") and not answers.get("paper"):
        yield "paper", "被约谈人没有账号：请上传本人在纸质记录上签字的扫描件"

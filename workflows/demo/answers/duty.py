"""Answers of periodic duties: a month's report, its receipt, a quarter's notice."""

from collections.abc import Iterable

from workflows.forms.spec import Answers


def monthly_report(*, period: str, n_cases: int, sign: Answers, **over: object) -> Answers:
    """个案月报."""
    return {
        "period": period,
        "n_cases": n_cases,
        "checked_with": "已与辖区各助产机构和死因登记逐一核对，无漏报。",
        "phone": "13900000000",
        "sign": sign,
    } | over


def month_check(*, sign: Answers, reason: str = "") -> Answers:
    """Taken over, or sent back for a reason."""
    if reason:
        return {"month_decision": "return", "return_reason": reason, "sign": sign}
    return {"month_decision": "accept", "sign": sign}


def quarterly_notice(
    *,
    period: str,
    deaths: int,
    reviewed: int,
    recipients: Iterable[int],
    sign: Answers,
    **over: object,
) -> Answers:
    """季度反馈通报; a zero notice when nothing was reviewed."""
    found: Answers = {"content": "zero"}
    if reviewed:
        found = {
            "content": "cases",
            "general_care": "孕期贫血随访和纠正不够紧密。",
            "general_medical": "产后出血量多靠目测估计。",
            "general_admin": "夜间紧急用血没有约定流程。",
            "specific_care": "无",
            "specific_medical": "二次手术决定偏晚。",
            "specific_admin": "无",
        }
    return {
        "period": period,
        "deaths": deaths,
        "reviewed": reviewed,
        "title": f"关于{period}孕产妇死亡病例评审情况的通报",
        "guidance": "各县（区）对照自查产后出血处置流程。",
        "measures": "一、产后 2 小时称重计量出血。",
        "recipients": [{"organisation": unit} for unit in recipients],
        "sign": sign,
        **found,
    } | over

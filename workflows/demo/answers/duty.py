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
        "measures": "1. 产后 2 小时称重计量出血。",
        "recipients": [{"organisation": unit} for unit in recipients],
        "sign": sign,
        **found,
    } | over


def letter(kind: str, *, recipients: Iterable[int], sign: Answers, **over: object) -> Answers:
    """A notice of its own: interview, commendation, work, recall."""
    kinds: dict[str, Answers] = {
        "interview": {
            "title": "关于母婴安全措施整改不力的约谈通报",
            "objects": [{"object_kind": "area", "object": "白鹭县"}],
            "problems": "第三季度台账逾期未整改。",
            "requirements": "一个月内完成整改并报送佐证。",
        },
        "commendation": {
            "title": "关于母婴安全工作进展和典型的通报",
            "progress": "各县（区）产后出血称重计量已全覆盖。",
            "examples": [
                {
                    "example_kind": "institution",
                    "example": "白鹭县妇幼保健院",
                    "deed": "夜间演练。",
                },
                {"example_kind": "person", "example": "高芒种", "deed": "坚持逐例随访。"},
                {"example_kind": "deed", "example": "雨夜转运", "deed": "四十分钟到达。"},
            ],
        },
        "work": {
            "title": "关于母婴安全工作的通报",
            "progress": "各县（区）已完成用血流程核对。",
            "requirements": "每季度演练一次。",
        },
        "recall": {"recall_reason": "例数统计有误，另行通报。", "replies": "end"},
    }
    units = [{"organisation": unit} for unit in recipients]
    return {**kinds[kind], "kind": kind, "recipients": units, "sign": sign} | over


def letter_check(*, sign: Answers, reason: str = "") -> Answers:
    """核稿, passed or sent back."""
    if reason:
        return {"check_decision": "return", "return_reason": reason, "sign": sign}
    return {"check_decision": "pass", "sign": sign}


def reply(*, sign: Answers, files: Iterable[str] = (), **over: object) -> Answers:
    """书面回复."""
    return {
        "measures_taken": "已配备称重垫并修订记录单，由医务科每月抽查。",
        "contact": "周谷雨",
        "sign": sign,
        **({"reply_files": list(files)} if files else {}),
    } | over


def reply_reading(*, sign: Answers, again: str = "", due: str = "") -> Answers:
    """认可, or 再次回复 by another day."""
    if again:
        said = {"again_reason": again, "again_due": due}
        return {"reply_decision": "again", **said, "sign": sign}
    return {"reply_decision": "accept", "sign": sign}

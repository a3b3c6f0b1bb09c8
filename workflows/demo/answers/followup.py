"""Answers of what follows a review: notice, ledger item, archive."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from workflows.forms.moment import written
from workflows.forms.spec import Answers


def notice(
    *,
    recipients: Iterable[int],
    sign: Answers,
    reply_due: date | None = None,
    **over: object,
) -> Answers:
    """反馈通报, without anything that names her."""
    dated = {"reply_due": reply_due.isoformat()} if reply_due else {}
    return (
        {
            "kind": "case_feedback",
            "title": "关于一例孕产妇死亡病例评审结果的反馈",
            "case_label": "案例A",
            "general_care": "孕期贫血随访和纠正不够紧密，住院前未复查。",
            "general_medical": "产后出血量多靠目测估计。",
            "general_admin": "夜间紧急用血没有约定流程。",
            "specific_care": "无",
            "specific_medical": "二次手术决定偏晚，纤维蛋白原补充偏晚。",
            "specific_admin": "瘢痕子宫合并贫血的孕妇入院时未备血。",
            "guidance": "各助产机构对照自查产后出血处置流程，重点查夜间人员和用血。",
            "measures": "1. 产后 2 小时称重计量出血。\n2. 县域夜间紧急用血每季度演练一次。",
            "recipients": [{"organisation": unit} for unit in recipients],
            "sign": sign,
        }
        | dated
        | over
    )


def notice_issue(*, sign: Answers, **over: object) -> Answers:
    """签发."""
    return {"issue_decision": "issue", "sign": sign} | over


def notice_return(reason: str = "个性化问题请再核对责任单位。") -> Answers:
    """退回修改."""
    return {"issue_decision": "return", "return_reason": reason}


def notice_receipt(*, sign: Answers, **over: object) -> Answers:
    """有关单位签收."""
    return {
        "read_ack": True,
        "received_by": sign["name"],
        "arrangement": "由分管负责人牵头，一周内传达到产科和输血科。",
        "sign": sign,
    } | over


def plan(deadline: date, *, problem: str | None = None, **over: object) -> Answers:
    """整改方案 of one ledger item."""
    shown: Answers = {"problem": problem} if problem else {}
    return (
        shown
        | {
            "cause": "产房没有计量工具，交接时只记估计值；培训没有考核。",
            "measure": "配备称重垫和计量袋，修订产后出血记录单，出血 500 毫升自动呼叫二线。",
            "strength": "strong",
            "resp_level": "institution",
            "owner_person": "秦思远",
            "deadline": deadline.isoformat(),
            "effect_check_on": (deadline + timedelta(days=120)).isoformat(),
        }
        | over
    )


def progress(*, percent: int = 100, evidence: Sequence[str] = (), **over: object) -> Answers:
    """整改进展; 100 per cent asks for acceptance and needs evidence."""
    files: Answers = {"evidence": list(evidence)} if evidence else {}
    return (
        {
            "percent": percent,
            "text": "称重垫已到位，记录单已启用，完成两次夜间演练。",
            "done": percent == 100,
        }
        | files
        | over
    )


def acceptance(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """整改验收, in place."""
    return {
        "checked_dt": written(checked_at),
        "method": ["documents", "on_site"],
        "result": "accepted",
        "sign": sign,
    } | over


def rejection(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """整改验收, not in place."""
    back: dict[str, object] = {
        "result": "rejected",
        "reason": "抽查 10 份病历，4 份仍未称重计量。",
        "escalation": "none",
    }
    return acceptance(checked_at, sign=sign, **(back | over))


def archive(*, sign: Answers, **over: object) -> Answers:
    """归档核对."""
    return {
        "found_reported_reviewed": True,
        "documents_complete": True,
        "notice_signed": True,
        "ledger_closed": True,
        "originals_kept": True,
        "remark": "案卷已核对。",
        "teaching_case": True,
        "good_practice": "家属沟通由专人负责。",
        "sign": sign,
    } | over

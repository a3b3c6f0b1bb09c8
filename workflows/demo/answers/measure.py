"""Answers of 提醒、督导、约谈: letters, receipts, the record of an interview, a report, filing."""

from datetime import datetime, timedelta
from typing import Any

from workflows.forms.moment import written
from workflows.forms.spec import Answers

FACTS = "台账条目验收未通过 2 次，仍未销号。"


def _ground(**over: object) -> Answers:
    return {
        "object": "白鹭县医院",
        "trigger": "整改不力、整改达不到要求（汴卫〔2022〕38号 母婴(四)2、(五)）",
        "facts": FACTS,
    } | over


def reminder_letter(*, sign: Answers, **over: object) -> Answers:
    """提醒函."""
    return (
        _ground(trigger="R3 迟报（汴卫〔2022〕38号 母婴(五)）", facts="死亡个案信息没有按时报送。")
        | {
            "matter": "死亡个案信息应在 48 小时内报送，本例超时，请查明原因。",
            "asked": "明确夜间和节假日的报送责任人，核对近一年的报送情况。",
            "sign": sign,
        }
        | over
    )


def reminder_receipt(*, sign: Answers, **over: object) -> Answers:
    """签收提醒函."""
    return {
        "read_ack": True,
        "done": "已指定产安办总值班为报送责任人，近一年个案已逐一核对。",
        "received_by": "陈惊蛰",
        "sign": sign,
    } | over


def supervision_team(at: datetime, *, lead: int, sign: Answers, **over: object) -> Answers:
    """派出专家组."""
    return (
        _ground(trigger="T2 存在严重医疗质量安全隐患（汴卫〔2022〕38号 母婴(五)）")
        | {
            "lead": lead,
            "visit_on": (at + timedelta(days=3)).date().isoformat(),
            "focus": "产后出血的识别、呼叫、用血和转诊。",
            "sign": sign,
        }
        | over
    )


def supervision_report(
    at: datetime, *, sign: Answers, problems: list[Answers] | None = None, **over: object
) -> Answers:
    """督导报告, with one problem."""
    rows = [requirement(at, "产后出血急救箱的药品没有专人核对。")] if problems is None else problems
    return {
        "object": "白鹭县医院",
        "trigger": "T2 存在严重医疗质量安全隐患（汴卫〔2022〕38号 母婴(五)）",
        "focus": "产后出血的识别、呼叫、用血和转诊。",
        "visited_on": at.date().isoformat(),
        "method": ["on_site", "drill"],
        "seen": "现场演练一次，从呼叫到取血 42 分钟。",
        "guidance": "取血路线和责任人写进流程，每季度演练。",
        "problems": rows,
        "sign": sign,
    } | over


def supervision_receipt(*, sign: Answers) -> Answers:
    """签收督导意见."""
    return {"read_ack": True, "received_by": "陈惊蛰", "sign": sign}


def summons(at: datetime, *, sign: Answers, **over: object) -> Answers:
    """约谈通知书."""
    return (
        _ground()
        | {
            "form": "single",
            "meeting_dt": written(at + timedelta(days=2)),
            "place": "县卫生健康委三楼会议室",
            "chair": "董冬至（副主任）",
            "summoned": "院长、分管副院长、妇产科主任、质控办负责人",
            "prepare": "现状、困难和问题、死亡原因、下一步整改措施的书面材料。",
            "sign": sign,
        }
        | over
    )


def summons_receipt(*, sign: Answers) -> Answers:
    """签收约谈通知书."""
    return {
        "read_ack": True,
        "coming": "院长陈惊蛰、质控办苏白露、妇产科主任",
        "received_by": "陈惊蛰",
        "sign": sign,
    }


def requirement(at: datetime, text: str, area: str = "management") -> Answers:
    """One requirement or problem, due in a month."""
    return {
        "text": text,
        "area": area,
        "kind": "management",
        "deadline": (at + timedelta(days=30)).date().isoformat(),
    }


def interview(at: datetime, *, sign: Answers, **over: Any) -> Answers:
    """约谈记录."""
    return (
        _ground()
        | {
            "tier": "约谈",
            "proposed_by": "系统按规则提出，2026-11-20",
            "approved_by": "董冬至，2026-11-20",
            "form": "single",
            "notice_dt": written(at - timedelta(days=2)),
            "meeting_dt": written(at - timedelta(hours=1)),
            "place": "县卫生健康委三楼会议室",
            "chair": "董冬至（副主任）",
            "attendees": [
                {"name": "陈惊蛰", "unit": "白鹭县人民医院院长"},
                {"name": "董冬至", "unit": "白鹭县卫生健康委副主任"},
            ],
            "recorder": "顾秋分",
            "period": "2026 年 9 月至 11 月",
            "reported_problems": "紧急用血流程的整改两次验收未通过，期限已过。",
            "state_now": "流程文本已经修订，夜间没有演练。",
            "state_difficulties": "输血科夜间一人值守。",
            "state_causes": "不涉及。",
            "state_measures": "增加夜间二线，每月演练一次。",
            "expert_measures": "约定取血路线和替班人员。",
            "requirements": [requirement(at, "夜间紧急用血每月演练一次，记录到人到分钟。")],
            "sign": sign,
        }
        | over
    )


def interview_agreed(*, sign: Answers) -> Answers:
    """被约谈人签字."""
    return {"object_view": "agree", "sign": sign}


def interview_disputed(*, sign: Answers) -> Answers:
    """Back to whoever wrote the record."""
    return {
        "object_view": "dispute",
        "dispute": "记录里夜间值守的人数与实际不符，应为一线一人、二线一人。",
        "sign": sign,
    }


def interview_signed(*, sign: Answers) -> Answers:
    """主谈人签字."""
    return {"sign": sign}


def filing(at: datetime, *, sign: Answers) -> Answers:
    """报送备案."""
    return {
        "filed_with": "云江市卫生健康委员会",
        "filed_dt": written(at),
        "summary": "因整改不力约谈白鹭县人民医院，要求 1 项，期限一个月。",
        "sign": sign,
    }


def filed(at: datetime, *, sign: Answers) -> Answers:
    """备案登记."""
    return {"registered_dt": written(at), "file_no": "备2026-01", "sign": sign}


def closing(at: datetime, *, sign: Answers) -> Answers:
    """解除、办结."""
    return {
        "closed_dt": written(at),
        "close_basis": "要求全部验收到位、销号，经主管负责人审核解除。",
        "sign": sign,
    }

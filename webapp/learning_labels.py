"""Codes of what is learned from cases, as people read them; `webapp.labels` takes them in."""

from enum import StrEnum

from models import DiscrepancyState, FigureSource, LessonKind, LessonState
from workflows import figures, reconciliation
from workflows.events import EventName

ENUMS: dict[type[StrEnum], dict[str, str]] = {
    DiscrepancyState: {
        DiscrepancyState.OPEN: "待追踪核实",
        DiscrepancyState.EXPLAINED: "已说明，待核清",
        DiscrepancyState.CORRECTING: "差错，整改中",
        DiscrepancyState.CLEARED: "已核清",
    },
    FigureSource: {
        FigureSource.REPORT: "县级月报",
        FigureSource.ROLLUP: "市级汇总",
        FigureSource.IMPORT: "信息系统导出",
    },
    LessonKind: {LessonKind.LESSON: "教训", LessonKind.PRACTICE: "经验做法"},
    LessonState: {
        LessonState.DRAFT: "待发布",
        LessonState.PUBLISHED: "已发布",
        LessonState.WITHDRAWN: "已撤下",
    },
}

EVENTS: dict[str, str] = {
    EventName.ITEM_PRESS_DUE: "到期督促整改",
    EventName.ITEM_PRESS_AGREED: "约定督促日期",
    EventName.GUIDANCE_ANSWERED: "答复指导意见",
    EventName.FIGURES_IMPORTED: "接收导出数据",
    EventName.DISCREPANCY_FOUND: "数据核对发现不一致",
    EventName.DISCREPANCY_EXPLAINED: "说明数据不一致",
    EventName.DISCREPANCY_RETURNED: "退回数据核对说明",
    EventName.DISCREPANCY_CORRECTED: "数据差错列入台账",
    EventName.DISCREPANCY_CLEARED: "数据核清",
    EventName.INDICATOR_ADDED: "新增院内质控指标",
    EventName.INDICATOR_MEASURED: "登记院内质控指标的数",
    EventName.INDICATOR_SUGGESTED: "提出改进建议",
    EventName.INDICATOR_RETIRED: "停用院内质控指标",
    EventName.CARE_PLAN_SAID: "登记诊疗预案",
    EventName.LESSON_DRAFTED: "起草经验与教训",
    EventName.LESSON_RETURNED: "退回经验与教训",
    EventName.LESSON_PUBLISHED: "发布经验与教训",
    EventName.LESSON_WITHDRAWN: "撤下经验与教训",
}

WORDS: dict[str, dict[str, str]] = {
    "guidance": {"adopted": "采纳", "partly": "部分采纳", "declined": "未采纳"},
    "figure": {code: name for name, code in figures.MEASURES.items()}
    | {reconciliation.BACKLOG: "补报例数"},
    "care_plan": {"made": "制定", "changed": "修订"},
    "tracing": {
        "explained": "说明",
        "given_back": "退回",
        "error": "属于差错",
        "cleared": "核清",
    },
    "cell": {
        str(4 * row + column + 1): f"{link}·{aspect}"
        for row, link in enumerate(("个人与家庭", "医疗保健系统", "社会其他部门"))
        for column, aspect in enumerate(("知识技能", "态度", "资源", "管理系统"))
    },
}

TONES: dict[StrEnum, str] = {
    DiscrepancyState.OPEN: "due",
    DiscrepancyState.EXPLAINED: "active",
    DiscrepancyState.CORRECTING: "active",
    DiscrepancyState.CLEARED: "done",
    LessonState.DRAFT: "due",
    LessonState.PUBLISHED: "done",
}

"""Codes of the register of women at risk, as people read them; `webapp.labels` takes them in."""

from enum import StrEnum

from models import Occasion, RiskColour, RiskEnd, RiskGroup
from workflows.events import EventName

ENUMS: dict[type[StrEnum], dict[str, str]] = {
    Occasion: {
        Occasion.BOOKING: "早孕建档",
        Occasion.ANTENATAL: "产前检查",
        Occasion.CHANGE: "病情变化",
        Occasion.ADMISSION: "入院",
        Occasion.DISCHARGE: "出院前（产后）",
        Occasion.VISIT: "产后访视",
        Occasion.DAY_42: "产后 42 天检查",
    },
    RiskColour: {
        RiskColour.GREEN: "绿",
        RiskColour.YELLOW: "黄",
        RiskColour.ORANGE: "橙",
        RiskColour.RED: "红",
        RiskColour.PURPLE: "紫",
    },
    RiskEnd: {
        RiskEnd.POSTPARTUM: "已分娩，产后满 42 天",
        RiskEnd.MISCARRIED: "终止妊娠",
        RiskEnd.MOVED: "迁出或转由外地管理",
        RiskEnd.DIED: "死亡",
    },
    RiskGroup: {
        RiskGroup.AGE_BODY: "年龄、体重等基本情况",
        RiskGroup.HISTORY: "不良孕产史、手术史",
        RiskGroup.SCAR: "瘢痕子宫、子宫与盆腔情况",
        RiskGroup.PLACENTA: "胎盘、产前出血",
        RiskGroup.FETUS: "多胎、胎儿与羊水",
        RiskGroup.HYPERTENSION: "高血压与子痫前期",
        RiskGroup.DIABETES: "糖尿病",
        RiskGroup.HEART: "心脏与大血管",
        RiskGroup.BLOOD: "贫血与血液",
        RiskGroup.ORGAN: "肝、肾、肺等脏器",
        RiskGroup.ENDOCRINE: "甲状腺等内分泌",
        RiskGroup.IMMUNE: "免疫",
        RiskGroup.MENTAL: "精神与神经",
        RiskGroup.INFECTION: "传染病",
        RiskGroup.OTHER: "其他",
    },
}

EVENTS: dict[str, str] = {
    EventName.RISK_REGISTERED: "登记高危专案",
    EventName.RISK_ASSESSED: "登记风险评估",
    EventName.RISK_ROSE: "风险分级升高",
    EventName.RISK_REFERRED: "高危孕产妇转诊",
    EventName.RISK_REPORTED: "报送高危信息",
    EventName.RISK_RECEIVED: "接收高危信息",
    EventName.RISK_REPORT_LATE: "高危信息报送超时",
    EventName.RISK_FOLLOW_UP_LATE: "高危随访超期",
    EventName.RISK_LINKED: "病例关联高危专案",
    EventName.RISK_CLOSED: "高危专案结案",
    EventName.RISK_READ: "查阅高危专案",
    EventName.TRAINING_EQUIPPED: "上传培训材料",
    EventName.TRAINING_ATTENDED: "培训签到",
    EventName.TRAINING_RATED: "评价培训",
    EventName.PROCEDURE_DRAFTED: "起草本县评审程序",
    EventName.PROCEDURE_APPROVED: "批准本县评审程序",
    EventName.PROCEDURE_REFUSED: "退回本县评审程序",
}

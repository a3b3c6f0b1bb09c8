"""Codes that are plain words in the rows, not members of an enum, as people read them."""

PLAIN: dict[str, dict[str, str]] = {
    "diagram": {
        "maternal_death": "报告、反馈与归档",
        "maternal_nearmiss": "危重孕产妇登记与反馈",
        "review": "评审",
        "rectification": "整改",
        "second_discussion": "再次讨论",
        "reminder": "提醒",
        "supervision": "督导",
        "interview": "约谈",
    },
    "area": {"care": "保健", "medical": "医疗", "management": "管理"},
    "strength": {
        "strong": "强：改造系统、流程、设备",
        "medium": "中：制度、核查表、演练",
        "weak": "弱：培训、提醒",
    },
    "resp_level": {
        "government": "政府",
        "department": "部门",
        "institution": "机构",
        "person": "个人",
    },
    "kind": {"management": "管理", "resource": "资源", "technique": "技术"},
    "entry": {
        "planned": "制定措施",
        "progress": "填报进展",
        "accepted": "验收到位",
        "rejected": "验收未通过",
        "urged": "督促",
        "guided": "指导意见",
        "guidance_answered": "答复指导意见",
        "extension_asked": "申请延期",
        "extension_granted": "同意延期",
        "extension_refused": "不同意延期",
        "effect_judged": "效果评估",
        "reopened": "重新打开",
    },
    "job": {"render_dossier": "生成案卷", "housekeeping": "定期清理"},
    "scope": {"general": "普遍", "specific": "个性"},
    "improves": {
        "treatment_plan": "诊疗方案",
        "management_system": "管理制度",
        "both": "诊疗方案和管理制度",
        "other": "其他",
    },
}

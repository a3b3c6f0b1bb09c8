"""Every code as people read it, in one place. A test asks every code for its label."""

from enum import StrEnum

from models import (
    Audience,
    CaseKind,
    CaseState,
    Declaration,
    DefinitionOrigin,
    DefinitionState,
    Discipline,
    DossierState,
    DutyKind,
    DutyState,
    IncidentKind,
    KeyKind,
    Level,
    OrganisationKind,
    Priority,
    ProcessState,
    RectificationState,
    RegionLevel,
    Role,
    TaskState,
    UnitPart,
    ZoneKind,
)
from workflows.events import EventName
from workflows.permissions import LANES
from workflows.veil import Secret

ENUMS: dict[type[StrEnum], dict[str, str]] = {
    Audience: {
        Audience.UNIT: "本单位同事",
        Audience.CASE: "经办本例的各单位",
        Audience.PANEL: "专家组",
    },
    CaseKind: {CaseKind.MATERNAL_DEATH: "孕产妇死亡"},
    CaseState: {
        CaseState.REPORTED: "已报告",
        CaseState.SUBMITTED: "已报送",
        CaseState.RETURNED: "退回补正",
        CaseState.IN_REVIEW: "评审中",
        CaseState.RECTIFYING: "整改中",
        CaseState.CLOSED: "已归档",
        CaseState.VOID_REQUESTED: "申请作废",
        CaseState.VOIDED: "已作废",
    },
    DefinitionOrigin: {
        DefinitionOrigin.SHIPPED: "随产品发布",
        DefinitionOrigin.UPLOADED: "本地上传",
    },
    DefinitionState: {
        DefinitionState.PROPOSED: "待批准",
        DefinitionState.APPROVED: "已批准",
        DefinitionState.REJECTED: "未批准",
        DefinitionState.WITHDRAWN: "已撤回",
    },
    Declaration: {
        Declaration.NONE: "无利害关系，承诺保密",
        Declaration.CONFLICT: "有利害关系",
    },
    Discipline: {
        Discipline.OBSTETRICS: "产科",
        Discipline.PAEDIATRICS: "儿科",
        Discipline.INTERNAL: "内科",
        Discipline.SURGERY: "外科",
        Discipline.EMERGENCY: "急诊科",
        Discipline.ANAESTHESIA: "麻醉科",
        Discipline.INTENSIVE_CARE: "重症医学科",
        Discipline.TRANSFUSION: "输血科",
    },
    DossierState: {
        DossierState.WAITING: "排队中",
        DossierState.RENDERING: "生成中",
        DossierState.READY: "可下载",
        DossierState.FAILED: "生成失败",
    },
    DutyKind: {
        DutyKind.MONTHLY_REPORT: "孕产妇死亡个案月报",
        DutyKind.QUARTERLY_NOTICE: "市级季度反馈通报",
    },
    DutyState: {DutyState.OPEN: "待完成", DutyState.DONE: "已完成"},
    EventName: {
        EventName.CASE_REPORTED: "登记报告",
        EventName.CASE_FORWARDED: "转报",
        EventName.CASE_SUBMITTED: "报送个案",
        EventName.CASE_RETURNED: "退回补正",
        EventName.CASE_ACCEPTED: "核实通过",
        EventName.CASE_FLAGGED: "标记",
        EventName.CASE_VOID_REQUESTED: "申请作废",
        EventName.CASE_VOID_REFUSED: "不同意作废",
        EventName.CASE_VOIDED: "作废",
        EventName.CASE_CLOSED: "归档",
        EventName.CASE_READ: "查阅病例",
        EventName.TASK_COMPLETED: "办理完成",
        EventName.TASK_CLAIMED: "认领待办",
        EventName.TASK_RELEASED: "放回待办",
        EventName.TASK_REASSIGNED: "改派待办",
        EventName.TASK_DELEGATED: "委托同事办理",
        EventName.TASK_HANDED_BACK: "委托的待办交回",
        EventName.TASK_RECALLED: "收回委托",
        EventName.TASK_RANKED: "改缓急与跟进日期",
        EventName.REMARK_ADDED: "留言",
        EventName.REMARK_WITHDRAWN: "撤回留言",
        EventName.CASE_WATCHED: "关注病例",
        EventName.CASE_UNWATCHED: "取消关注",
        EventName.CLOCK_STARTED: "时限开始",
        EventName.CLOCK_MET: "时限内的事项完成",
        EventName.CLOCK_REMINDED: "时限提醒",
        EventName.CLOCK_ESCALATED: "超时上报",
        EventName.TIMER_FIRED: "定时触发",
        EventName.DISCUSSION_RECORDED: "完成院内讨论",
        EventName.DISCUSSION_REOPENED: "启动再次讨论",
        EventName.PANEL_APPOINTED: "组成专家组",
        EventName.PANEL_OVERRIDDEN: "聘请应当回避的专家",
        EventName.MEMBER_DECLARED: "专家作出声明",
        EventName.MEMBER_WITHDRAWN: "专家退出评审",
        EventName.MEMBER_SEATED: "补聘专家",
        EventName.CHAIR_NAMED: "指定组长",
        EventName.OPINION_FILED: "提交评审意见",
        EventName.COPY_MASKED: "评审材料已去标识，有的地方请人工核对",
        EventName.COPY_WITHHELD: "一份评审材料无法去标识，没有提供给专家",
        EventName.OPINION_REVISED: "修改评审意见",
        EventName.OPINIONS_OPENED_EARLY: "组长提前启封评审意见",
        EventName.OPINIONS_OPENED: "评审意见公开",
        EventName.CONCLUSION_DRAFTED: "形成评审结论",
        EventName.CONCLUSION_RETURNED: "退回评审结论",
        EventName.CONCLUSION_SIGNED: "签署评审结论",
        EventName.NOTICE_DRAFTED: "起草通报",
        EventName.NOTICE_RETURNED: "退回通报",
        EventName.NOTICE_ISSUED: "印发通报",
        EventName.NOTICE_SIGNED: "签收通报",
        EventName.DUTY_OPENED: "定期任务到期",
        EventName.DUTY_FILED: "报送月报",
        EventName.DUTY_RETURNED: "退回月报",
        EventName.DUTY_DONE: "完成定期任务",
        EventName.DUTY_REMINDED: "催办定期任务",
        EventName.ITEM_OPENED: "列入台账",
        EventName.ITEM_PLANNED: "制定整改措施",
        EventName.ITEM_PROGRESSED: "填报整改进展",
        EventName.ITEM_SUBMITTED: "提交验收",
        EventName.ITEM_REJECTED: "验收未通过",
        EventName.ITEM_CLOSED: "整改销号",
        EventName.INTERVIEW_PROPOSED: "建议约谈",
        EventName.ATTACHMENT_READ: "查阅附件",
        EventName.DOSSIER_REQUESTED: "申请案卷",
        EventName.DOSSIER_RENDERED: "案卷生成",
        EventName.DOSSIER_FAILED: "案卷生成失败",
        EventName.DOSSIER_DOWNLOADED: "下载案卷",
        EventName.JOB_FAILED: "后台任务失败",
        EventName.INCIDENT_OPENED: "流程异常",
        EventName.INCIDENT_RETRIED: "异常重试",
        EventName.INCIDENT_DISMISSED: "异常标记已处理",
        EventName.INCIDENT_SOLVED: "异常自行恢复",
        EventName.CALENDAR_CHANGED: "变更工作日历",
        EventName.STATE_EXPORTED: "导出技术状态",
        EventName.SESSION_STARTED: "登录",
        EventName.SESSION_REFUSED: "登录被拒",
        EventName.SESSION_ENDED: "退出登录",
        EventName.ACCOUNT_CREATED: "开通账号",
        EventName.ACCOUNT_CHANGED: "变更账号",
        EventName.ACCOUNT_LOCKED: "账号锁定",
        EventName.ACCOUNT_UNLOCKED: "解除锁定",
        EventName.APPOINTMENT_ADDED: "登记任职",
        EventName.APPOINTMENT_ENDED: "结束任职",
        EventName.SUBSTITUTE_ARRANGED: "安排代理",
        EventName.SUBSTITUTE_ENDED: "结束代理",
        EventName.ORGANISATION_ADDED: "登记机构",
        EventName.ORGANISATION_CHANGED: "变更机构",
        EventName.ZONE_ADDED: "登记片区",
        EventName.ZONE_ENDED: "结束片区",
        EventName.DEFINITION_SHIPPED: "随产品更新流程",
        EventName.DEFINITION_PROPOSED: "提交流程新版本",
        EventName.DEFINITION_APPROVED: "批准流程新版本",
        EventName.DEFINITION_REJECTED: "不批准流程新版本",
        EventName.DEFINITION_WITHDRAWN: "撤回流程新版本",
        EventName.PROCESS_TRANSFERRED: "换用流程新版本",
        EventName.PROCESS_RESTORED: "撤销换版",
        EventName.LOG_EXPORTED: "导出日志",
        EventName.PASSWORD_CHANGED: "修改密码",
    },
    IncidentKind: {
        IncidentKind.TIMER: "定时流转",
        IncidentKind.STEP: "办理步骤",
        IncidentKind.JOB: "后台任务",
        IncidentKind.REMINDER: "时限提醒",
    },
    Level: {Level.COUNTY: "县级", Level.CITY: "市级"},
    OrganisationKind: {
        OrganisationKind.HOSPITAL: "医院",
        OrganisationKind.MCH: "妇幼保健机构",
        OrganisationKind.COMMISSION: "卫生健康委",
        OrganisationKind.RESCUE_CENTRE: "救治中心",
        OrganisationKind.QUALITY_CENTRE: "质控中心",
    },
    Priority: {Priority.URGENT: "特急", Priority.HIGH: "急", Priority.LOW: "可缓"},
    ProcessState: {
        ProcessState.RUNNING: "进行中",
        ProcessState.DONE: "已结束",
        ProcessState.CANCELLED: "已终止",
        ProcessState.INCIDENT: "系统异常",
    },
    RectificationState: {
        RectificationState.PLANNING: "待制定措施",
        RectificationState.WORKING: "整改中",
        RectificationState.AWAITING_ACCEPTANCE: "待验收",
        RectificationState.REJECTED: "未通过验收",
        RectificationState.CLOSED: "已销号",
    },
    RegionLevel: {
        RegionLevel.PROVINCE: "省级",
        RegionLevel.CITY: "市级",
        RegionLevel.COUNTY: "县级",
        RegionLevel.TOWNSHIP: "乡级",
    },
    Role: {
        Role.DEPARTMENT: "科室报告人",
        Role.QUALITY_OFFICE: "产安办（质控办）",
        Role.HEAD: "机构负责人",
        Role.MCH: "妇幼保健机构",
        Role.COMMISSION: "卫健委经办",
        Role.COMMISSION_LEADER: "卫健委主管负责人",
        Role.SECRETARY: "评审秘书",
        Role.EXPERT: "评审专家",
        Role.AUDITOR: "审计员",
        Role.SYSTEM_ADMIN: "系统管理员",
        Role.SECURITY_ADMIN: "安全管理员",
        Role.AUDIT_ADMIN: "审计管理员",
    },
    TaskState: {
        TaskState.OPEN: "待办",
        TaskState.DONE: "已办",
        TaskState.CANCELLED: "已取消",
    },
    UnitPart: {
        UnitPart.REPORTER: "报告单位",
        UnitPart.RECEIVER: "接报单位",
        UnitPart.ADMINISTRATION: "县级卫生健康委",
        UnitPart.UPPER_MCH: "市级妇幼保健机构",
        UnitPart.UPPER_ADMINISTRATION: "市级卫生健康委",
        UnitPart.GUIDE: "指导单位",
        UnitPart.CONCERNED: "有关单位",
    },
    KeyKind: {KeyKind.NUMBER: "病例编号", KeyKind.NAME: "姓名"},
    ZoneKind: {ZoneKind.MATERNAL: "孕产妇", ZoneKind.NEONATAL: "新生儿"},
}

# Codes that are plain words in the rows: areas and scopes of findings, kinds of ledger entries
WORDS: dict[str, dict[str, str]] = {
    "lane": {lane.code: lane.title for lane in LANES.values()},
    "level": {code: ENUMS[Level][code] for code in Level},
    "diagram": {
        "maternal_death": "报告、反馈与归档",
        "review": "评审",
        "rectification": "整改",
        "second_discussion": "再次讨论",
    },
    "area": {"care": "保健", "medical": "医疗", "management": "管理"},
    "secret": {
        Secret.NAME: "姓名",
        Secret.NUMBER: "证件或住院号码",
        Secret.PHONE: "电话",
        Secret.PLACE: "住址",
        Secret.UNIT: "医疗机构名称",
        Secret.STAFF: "医务人员姓名",
        Secret.DAY: "日期",
    },
    "job": {"render_dossier": "生成案卷"},
    "strength": {
        "strong": "强：改造系统、流程、设备",
        "medium": "中：制度、核查表、演练",
        "weak": "弱：培训、提醒",
    },
    "scope": {"general": "普遍", "specific": "个性"},
}


def label(code: StrEnum) -> str:
    """The Chinese word for an enum's member. KeyError when it has none."""
    return ENUMS[type(code)][code]


def word(kind: str, code: str | None) -> str:
    """The Chinese word for a plain code of `WORDS`; empty for none."""
    return WORDS[kind][code] if code else ""


TONES: dict[StrEnum, str] = {
    CaseState.REPORTED: "active",
    CaseState.SUBMITTED: "active",
    CaseState.RETURNED: "due",
    CaseState.IN_REVIEW: "active",
    CaseState.RECTIFYING: "active",
    CaseState.CLOSED: "done",
    CaseState.VOID_REQUESTED: "due",
    DefinitionState.PROPOSED: "due",
    DefinitionState.APPROVED: "done",
    DossierState.RENDERING: "active",
    DossierState.READY: "done",
    DossierState.FAILED: "late",
    ProcessState.RUNNING: "active",
    ProcessState.DONE: "done",
    ProcessState.INCIDENT: "late",
    RectificationState.WORKING: "active",
    RectificationState.AWAITING_ACCEPTANCE: "active",
    RectificationState.REJECTED: "due",
    RectificationState.CLOSED: "done",
    TaskState.OPEN: "active",
    TaskState.DONE: "done",
}


def tone(code: StrEnum) -> str:
    """The colour and sign that go with a state: done, due, late, active, or still for the rest."""
    return TONES.get(code, "still")


def event(name: str) -> str:
    """The Chinese word for an event by its name in the row; the name itself if it is retired."""
    labels: dict[str, str] = ENUMS[EventName]
    return labels.get(name, name)


def choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Code and label of every member, in order, for a drop-down."""
    return [(member.value, ENUMS[kind][member]) for member in kind]

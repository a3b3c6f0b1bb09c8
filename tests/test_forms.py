"""Answers: good ones pass, each bad one is refused at its field with a sentence that helps."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests import newborn_forms
from tests.forms import (
    CHAIR,
    EVENT,
    GONE,
    GOOD,
    GUIDE,
    HOSPITAL,
    KNOWN,
    NOW,
    SECRETARY,
    SIGN,
    days,
    spoilt,
)  # fmt: skip
from workflows import id_card
from workflows.demo import answers as demo
from workflows.forms.answers import is_empty
from workflows.forms.check import (
    Known,
    card_hour,
    check,
    completeness,
    routed,
    tidy,
    warnings,
)
from workflows.forms.checks import CHECKS
from workflows.forms.load import all_forms, load
from workflows.forms.moment import SHANGHAI, moment, shown, written
from workflows.forms.spec import Field, Kind

NM_CARD, NM_VERDICT = "nearmiss_card.v1", "conclusion.v1-nearmiss"
Changes = dict[str, Any]
REPORT, CARD, RECORD = "report.v1", "death_card.v1", "case_record.v1"
LISTS, FILED, DISCUSSION = "record_inventory.v1", "case_submission.v1", "in_hospital_discussion.v1"
VERIFY, PANEL, OPINION, VERDICT = "verification.v1", "panel.v1", "opinion.v2", "conclusion.v5"
MONTH, QUARTER = "monthly_report.v1", "quarterly_notice.v1"
NOTICE, PLAN, ACCEPT = "notice.v1", "rectification_plan.v1", "rectification_acceptance.v1"
ADVISED = "rectification_progress.v2"
PROGRESS, AGAIN, RECEIPT = "rectification_progress.v1", "second_discussion.v1", "receipt.v1"

LATER = written(NOW + timedelta(hours=1))
BEFORE = written(EVENT - timedelta(minutes=1))
AFTER = written(EVENT + timedelta(minutes=30))
MALE = demo.id_number(EVENT, serial="001")
YOUNGER = demo.id_number(EVENT.replace(year=2030))
WRONG_SUM = demo.id_number(EVENT)[:-1] + ("0" if demo.id_number(EVENT)[-1] != "0" else "1")


def line(code: str, value: int | None = 1, unit: str = "hour") -> Changes:
    return {"icd10": code, "unit": unit} | ({} if value is None else {"value": value})


# form, what is changed, where it is said, part of what is said
BAD: list[tuple[str, Changes, str, str]] = [
    # Measures
    ("supervision_team.v1", {"lead": 41}, "lead", "在被督导的单位任职"),
    ("ledger_item.v2", {"acceptor": HOSPITAL}, "acceptor", "验收单位不能是责任单位"),
    # Kinds
    (REPORT, {"name": GONE}, "name", "请填写姓名"),
    (REPORT, {"name": 7}, "name", "应为文字"),
    (REPORT, {"name": "甲" * 51}, "name", "最多 50 字，现有 51 字"),
    (REPORT, {"name": "甲\x00乙"}, "name", "控制字符"),
    (REPORT, {"name": "甲\ud800乙"}, "name", "控制字符"),
    (REPORT, {"name": "甲\u202e乙"}, "name", "控制字符"),
    (REPORT, {"name": "甲\n乙"}, "name", "控制字符"),
    (REPORT, {"prelim_cause": "x" * 100_000}, "prelim_cause", "最多 500 字，现有 100,000 字"),
    (DISCUSSION, {"lessons": "字" * 100_000}, "lessons", "最多 5,000 字，现有 100,000 字"),
    (DISCUSSION, {"lessons": "字" * 5_001}, "lessons", "现有 5,001 字"),
    (REPORT, {"age": "31"}, "age", "应为整数"),
    (REPORT, {"age": True}, "age", "应为整数"),
    (REPORT, {"age": 9}, "age", "不能小于 10 岁"),
    (REPORT, {"age": 61}, "age", "不能大于 60 岁"),
    (REPORT, {"event_dt": LATER}, "event_dt", "不能晚于现在（2026-12-31 03:40）"),
    (REPORT, {"event_dt": "2026-11-21T03:40"}, "event_dt", "精确到分钟"),
    (REPORT, {"event_dt": "2026-02-30T03:40+08:00"}, "event_dt", "精确到分钟"),
    (REPORT, {"event_dt": "20116-11-21T03:40+08:00"}, "event_dt", "精确到分钟"),
    (REPORT, {"event_dt": "0206-11-21T03:40+08:00"}, "event_dt", "年份是 206"),
    (REPORT, {"event_dt": 0}, "event_dt", "精确到分钟"),
    (REPORT, {"place_type": "moon"}, "place_type", "不在可选范围内"),
    (REPORT, {"place_type": ["home"]}, "place_type", "不在可选范围内"),
    (REPORT, {"phone": "12345"}, "phone", "手机号"),
    (REPORT, {"reporter_org": 404}, "reporter_org", "从列表里选择"),
    (REPORT, {"reporter_org": "1"}, "reporter_org", "从列表里选择"),
    (REPORT, {"surprise": 1}, "", "没有「surprise」这一项"),
    (REPORT, {"place_note": "某处"}, "place_note", "不需要填地点说明"),
    (REPORT, {"place_type": "other"}, "place_note", "请填写地点说明"),
    (REPORT, {"report_channel": "paper"}, "channel_evidence", "请上传补录凭据"),
    (RECEIPT, {"called_back": "yes"}, "called_back", "「是」或「否」"),
    (RECEIPT, {"sign": GONE}, "sign", "登录密码"),
    (RECEIPT, {"sign": "secret"}, "sign", "重新输入登录密码"),
    (RECEIPT, {"sign.at": "now"}, "sign", "重新输入登录密码"),
    (RECEIPT, {"routing": GONE}, "routing", "请至少填写一条转报记录"),
    (RECEIPT, {"routing": "x"}, "routing", "格式不对"),
    (RECEIPT, {"routing.1": 5}, "routing.1", "格式不对"),
    (RECEIPT, {"routing.1.at": GONE}, "routing.1.at", "请填写转报时间"),
    (RECEIPT, {"routing.1.extra": "x"}, "routing.1", "没有「extra」这一项"),
    (CARD, {"addr_current_status": "known", "addr_current": "123456"}, "addr_current", "行政区划"),
    (CARD, {"underlying_icd": "O99.99"}, "underlying_icd", "不在 ICD-10 中"),
    (CARD, {"underlying_icd": "産後"}, "underlying_icd", "不在 ICD-10 中"),
    (CARD, {"lmp": "2026-2-3"}, "lmp", "应为日期"),
    (CARD, {"lmp": (NOW.date() + timedelta(days=2)).isoformat()}, "lmp", "不能晚于今天"),
    (CARD, {"risk_color_last": "yellow"}, "risk_color_last", "不在可选范围内"),
    (CARD, {"risk_color_last": ["yellow", "yellow"]}, "risk_color_last", "有重复"),
    (RECORD, {"distance_county_km": "很远"}, "distance_county_km", "应为数字"),
    (RECORD, {"distance_county_km": "900"}, "distance_county_km", "不能大于 500"),
    (RECORD, {"timeline": demo.case_record(EVENT)["timeline"][:2]}, "timeline", "至少填 3 条"),
    (LISTS, {"redacted_copy": ["lost"]}, "redacted_copy", "没有上传完"),
    (LISTS, {"redacted_copy": ["a", "a"]}, "redacted_copy", "出现了两次"),
    (LISTS, {"redacted_copy": [f"f{n}" for n in range(61)]}, "redacted_copy", "最多 60 个"),
    (LISTS, {"redacted_copy": "a"}, "redacted_copy", "格式不对"),
    (PANEL, {"chair": 404}, "chair", "从列表里选择"),
    # Discovery, receipt, routing
    (REPORT, {"discovered_dt": BEFORE}, "discovered_dt", "不能早于死亡时间（2026-11-21 03:40）"),
    (REPORT, {"discovered_dt": AFTER}, "discovered_reason", "请写明原因"),
    (RECEIPT, {"received_dt": written(EVENT)}, "received_dt", "不能早于报告时间"),
    (RECEIPT, {"routing.0.at": BEFORE}, "routing.0.at", "不能早于接报时间"),
    # Discussion and explanation
    (DISCUSSION, {"held_dt": BEFORE}, "held_dt", "不能早于死亡时间"),
    (DISCUSSION, {"autopsy_consent": GONE}, "autopsy_consent", "请选择家属意见"),
    ("head_explanation.v1", {"explained_dt": AFTER}, "explained_dt", "不能早于院内讨论时间"),
    (AGAIN, {"held_dt": written(days(5))}, "held_dt", "收到尸检报告"),
    (AGAIN, {"causes.c": line("O34.2", 9, "month")}, "cause_changed", "请选「是」并说明"),
    (AGAIN, {"cause_changed": True}, "cause_difference", "请填写不同之处和理由"),
    # The card
    (CARD, {"card_no": "12"}, "card_no", "8 位"),
    (CARD, {"id_no": WRONG_SUM}, "id_no", "校验位"),
    (CARD, {"id_no": "123"}, "id_no", "18 位"),
    (CARD, {"id_no": MALE}, "id_no", "性别是男"),
    (CARD, {"id_no": YOUNGER}, "age", "应为 27 岁，填的是 31 岁"),
    (CARD, {"id_type": "passport", "id_no": GONE}, "id_other", "请填写证件号码"),
    (CARD, {"age": 9}, "age", "不能小于 10"),
    (CARD, {"delivery_dt": AFTER}, "death_dt", "不能早于分娩时间（2026-11-21 04:10）"),
    (CARD, {"lmp": "2026-11-21"}, "lmp", "不能晚于分娩时间"),
    (CARD, {"lmp": "2026-11-22"}, "lmp", "不能晚于死亡时间"),
    (CARD, {"delivery_dt": written(days(-50))}, "scope_note", "产后第 50 天死亡，请说明"),
    (CARD, {"para": 4}, "para", "产次（4）不能大于孕次（3）"),
    (CARD, {"gravida": 0}, "gravida", "不能小于 1"),
    (CARD, {"delivery_mode": "0"}, "delivery_mode", "不能是「未娩」"),
    (
        CARD,
        {"delivery_status": "0", "delivery_dt": GONE},
        "delivery_mode",
        "应选「未娩」",
    ),
    (CARD, {"first_anc_week": GONE}, "first_anc_week", "请填写初检孕周"),
    (CARD, {"anc_count": GONE}, "anc_count", "请填写产检次数"),
    (CARD, {"first_anc_week": 3}, "first_anc_week", "不能小于 4 周"),
    (CARD, {"first_anc_week": 43}, "first_anc_week", "不能大于 42 周"),
    (CARD, {"anc_count": 0}, "anc_count", "不能小于 1 次"),
    (CARD, {"transferred_in": True}, "from_hospital", "请填写转出医院名称"),
    (CARD, {"first_visit_hospital": False}, "first_visit", "请填写首诊医院名称"),
    (CARD, {"resid_months": 12}, "resid_months", "不能大于 11"),
    (CARD, {"supplementary": True}, "supplementary_period", "请填写应报月份"),
    (CARD, {"ethnicity": "2"}, "ethnicity_name", "请填写民族名称"),
    (CARD, {"risk_color_last": ["yellow", "red"]}, "risk_color_last", "只能选一种"),
    (CARD, {"risk_color_last": ["yellow", "unknown"]}, "risk_color_last", "不能再选颜色"),
    (CARD, {"lmp_status": GONE}, "lmp_status", "请选择末次月经"),
    # Causes
    (CARD, {"causes": GONE}, "causes", "请填写致死的主要疾病诊断"),
    (CARD, {"causes.b": GONE, "causes.c": line("O72.1")}, "causes.b", "填了 (c)，(b) 不能空着"),
    (CARD, {"causes.d": line("O72.1", 9)}, "causes.c", "填了 (d)，(c) 不能空着"),
    (CARD, {"causes.a": GONE}, "causes.a", "不能空着 (a)"),
    (CARD, {"causes.b.icd10": GONE}, "causes.b.icd10", "没有 ICD-10 编码"),
    (CARD, {"causes.b.icd10": "O99.99"}, "causes.b.icd10", "不在 ICD-10 中"),
    (CARD, {"causes.b.value": 1}, "causes.b.value", "不短于 (a) 的间隔"),
    (CARD, {"causes.b.unit": "minute"}, "causes.b.value", "不短于 (a) 的间隔"),
    (CARD, {"causes.b.unit": "year of rain"}, "causes.b.unit", "间隔单位"),
    (CARD, {"causes.b.unit": "unknown"}, "causes.b.unit", "请选择单位"),
    (CARD, {"causes.b.value": GONE}, "causes.b.value", "没有填间隔"),
    (CARD, {"causes.b.value": -3}, "causes.b.value", "0 到 999"),
    (CARD, {"causes.b.value": GONE, "causes.b.unit": GONE}, "causes.b.unit", "不清楚选「不详」"),
    (CARD, {"causes.b.text": "字" * 201}, "causes.b.text", "最多 200 字"),
    (CARD, {"causes.b": "O72.1"}, "causes.b", "格式不对"),
    (CARD, {"causes.e": line("O72.1")}, "causes", "格式不对"),
    (CARD, {"causes.b.icd10": "O72.0"}, "cause_difference", "与院内讨论（O72.3 ← O72.1）不同"),
    (
        CARD,
        {"underlying_icd": "I26.9"},
        "icd_mm_group",
        "不是产科编码",
    ),
    # The record
    (RECORD, {"admit_dt": AFTER}, "admit_dt", "不能晚于死亡时间"),
    (RECORD, {"timeline.3.source": GONE}, "timeline.3.source", "请填写资料出处"),
    (
        RECORD,
        {"timeline.4.at": demo.case_record(EVENT)["timeline"][3]["at"]},
        "timeline.4.at",
        "要晚于上一条",
    ),
    (
        RECORD,
        {"timeline.1.at": demo.case_record(EVENT - timedelta(days=400))["timeline"][0]["at"]},
        "timeline.1.at",
        "要晚于上一条（2026-04-30）",
    ),
    (RECORD, {"family_contact_doctor": GONE}, "family_contact_doctor", "负责家属沟通的产科医师"),
    (RECORD, {"rescued": GONE}, "rescued", "请选择进行过抢救"),
    (RECORD, {"narrative": "太短"}, "narrative", "至少写 50 个字，现有 2 个"),
    (RECORD, {"narrative": "禾小满，" + "经过" * 40}, "narrative", "出现了「禾小满」"),
    (RECORD, {"narrative": "田大满，" + "经过" * 40}, "narrative", "出现了「田大满」"),
    # The inventory
    (
        LISTS,
        {"record_inventory.nursing": GONE},
        "record_inventory.nursing.state",
        "「护理记录」请选有、无或不适用",
    ),
    (
        LISTS,
        {"record_inventory.nursing": {"state": "have"}},
        "record_inventory.nursing.state",
        "请上传文件或填写页数",
    ),
    (
        LISTS,
        {"record_inventory.nursing": {"state": "none", "pages": 3}},
        "record_inventory.nursing.state",
        "状态应选「有」",
    ),
    (
        LISTS,
        {"record_inventory.nursing": {"state": "have", "pages": 0}},
        "record_inventory.nursing.pages",
        "1 到 9999",
    ),
    (LISTS, {"record_inventory.nursing": {"state": "?"}}, "record_inventory.nursing.state", "请选"),
    (LISTS, {"record_inventory.nursing": 1}, "record_inventory.nursing", "格式不对"),
    (LISTS, {"record_inventory.stars": {}}, "record_inventory", "格式不对"),
    (LISTS, {"redacted_copy": ["scan"]}, "redacted_copy", "不能与病历原件用同一个文件"),
    (LISTS, {"redacted_checked": False}, "redacted_checked", "先遮盖"),
    (FILED, {"death_dt": BEFORE, "delivery_dt": AFTER}, "death_dt", "不能早于分娩时间"),
    # Verification
    (VERIFY, {"checked_dt": BEFORE}, "checked_dt", "不能早于死亡时间"),
    (VERIFY, {"errors": 61}, "errors", "不能大于抽查项数（60）"),
    (VERIFY, {"counter_checker": SIGN["name"]}, "counter_checker", "另一个人"),
    (VERIFY, {"return_reason": GONE}, "return_reason", "请填写退回原因"),
    (VERIFY, {"return_items": GONE}, "return_items", "至少填写一条需要补正的内容"),
    (VERIFY, {"accurate_note": GONE}, "accurate_note", "请填写准确性问题"),
    (VERIFY, {"record_missing": GONE}, "record_missing", "请填写缺少的资料"),
    (VERIFY, {"flags": ["late"]}, "flags_evidence", "请填写依据"),
    # Panel
    (PANEL, {"members.1.user": GUIDE}, "members.2.user", "出现了两次"),
    (PANEL, {"secretary": GUIDE}, "secretary", "不能同时是组长或专家"),
    (PANEL, {"members.2.is_guide": False}, "members", "没有市级救治中心的指导专家"),
    (PANEL, {"members.1.override_reason": "离不开"}, "members.1.override_reason", "至少写 10 个"),
    (PANEL, {"place": GONE}, "place", "请填写地点"),
    (PANEL, {"chair": 24}, "chair", "组长应当是专家名单中的一位"),
    # Opinion
    (OPINION, {"reason": "理由不足"}, "reason", "至少写 20 个字，现有 4 个"),
    (OPINION, {"confidentiality_ack": False}, "confidentiality_ack", "承诺保密"),
    (OPINION, {"coi_reason": "同学"}, "", "表单里没有「coi_reason」这一项"),
    (OPINION, {"grid": GONE}, "grid", "请至少勾选一格"),
    (OPINION, {"grid.5.evidence": GONE}, "grid.5.evidence", "5 医疗保健·知识技能：请填写依据"),
    (OPINION, {"grid.13": {}}, "grid", "没有第 13 格"),
    (OPINION, {"grid": []}, "grid", "请至少勾选一格"),
    (OPINION, {"grid": [1]}, "grid", "格式不对"),
    (OPINION, {"major": ["5", "5"]}, "major", "有重复"),
    (OPINION, {"major": ["2", "5", "8", "9"]}, "major", "最多 3 项"),
    (OPINION, {"major": ["5", "9"]}, "major", "第 9 格没有在十二格表中勾选"),
    (
        OPINION,
        {"agree_with_hospital_cause": "disagree", "causes": demo.causes(), "disagree_reason": "x"},
        "basis_a",
        "请写依据",
    ),
    # Conclusion
    (VERDICT, {"problems.0.cell": "11"}, "problems.0.cell", "第 11 格"),
    (VERDICT, {"grid.5.page": GONE}, "grid.5.page", "请填写病历页码"),
    (VERDICT, {"grid.5.record_time": GONE}, "grid.5.record_time", "请填写病历时间"),
    (OPINION, {"grid.5.page": GONE}, "grid.5.page", "请填写病历页码"),
    (OPINION, {"grid.5.record_time": GONE}, "grid.5.record_time", "请填写病历时间"),
    (OPINION, {"grid.5.evidence": GONE}, "grid.5.evidence", "请填写依据"),
    (VERDICT, {"meeting_dt": BEFORE}, "meeting_dt", "不能早于死亡时间"),
    (VERDICT, {"attendance.1.present": False}, "attendance.1.voting", "不能参加表决"),
    (
        VERDICT,
        {"attendance.2.present": False, "attendance.2.voting": False},
        "guide_absent_reason",
        "请说明原因",
    ),
    (VERDICT, {"votes_abstain": 1}, "votes_abstain", "票数之和是 4，参加表决的专家是 3 人"),
    (VERDICT, {"conclusion": "avoidable"}, "conclusion", "得票最多的是「创造条件可避免」"),
    (
        VERDICT,
        {"votes_conditionally_avoidable": 1, "votes_unavoidable": 1, "votes_abstain": 1},
        "tie_reason",
        "票数相同，请组长本人在评审会页面裁定并写明理由",
    ),
    (VERDICT, {"major_factors": ["1"]}, "major_factors", "第 1 格没有在十二格表中勾选"),
    (VERDICT, {"problems": GONE}, "problems", "至少填写一条问题"),
    (VERDICT, {"problems.2.waived_reason": GONE}, "problems.2.waived_reason", "不整改的理由"),
    (VERDICT, {"problems.0.kind": GONE}, "problems.0.kind", "请选择性质"),
    (VERDICT, {"problems.0.area": GONE}, "problems.0.area", "请选择方面"),
    (VERDICT, {"reason": "同意"}, "reason", "至少写 20 个字"),
    (
        VERDICT,
        {
            "conclusion": "avoidable",
            "votes_avoidable": 3,
            "votes_conditionally_avoidable": 0,
        },
        "difference_conclusion",
        "结论与下级不同，请说明理由",
    ),
    (
        "conclusion.v2",
        {
            "conclusion": "avoidable",
            "votes_avoidable": 3,
            "votes_conditionally_avoidable": 0,
        },
        "difference_reason",
        "下级结论是「创造条件可避免」",
    ),
    (VERDICT, {"underlying_icd": "O72.0"}, "difference_cause", "根本死因与下级不同"),
    (VERDICT, {"major_factors": ["5"]}, "difference_factors", "影响因素与下级不同"),
    (VERDICT, {"problems.0.cell": "8"}, "difference_findings", "问题与下级不同"),
    (VERDICT, {"minutes": GONE}, "minutes", "或上传会议记录扫描件"),
    (VERDICT, {"attendance.1.user": CHAIR}, "attendance.1.user", "出现了两次"),
    (VERDICT, {"attendance.1.user": SECRETARY}, "attendance.1.user", "不在本次专家组"),
    (
        VERDICT,
        {"attendance.1.present": False, "attendance.1.voting": False, "votes_unavoidable": 0},
        "attendance.1.present",
        "已用本人账号签到",
    ),
    ("interview_object_sign.v2", {"object_view": "agree", "dispute": GONE}, "paper", "扫描件"),
    ("conclusion_signature.v1", {"reserved_view": GONE}, "reserved_view", "保留意见"),
    ("conclusion_chair.v1", {"sign": GONE}, "sign", "登录密码"),
    (
        "conclusion_chair.v1",
        {"chair_decision": "return", "sign": GONE},
        "return_reason",
        "请填写退回原因",
    ),
    # Near miss
    (NM_CARD, {"criteria_hits": GONE}, "criteria_hits", "请至少填写一条命中条目"),
    (NM_CARD, {"criteria_hits.1.code": "shock"}, "criteria_hits.1.code", "已经登记"),
    (NM_CARD, {"criteria_hits.1.value": GONE}, "criteria_hits.1.value", "请填数值"),
    (NM_CARD, {"criteria_hits.1.value": "4.5"}, "criteria_hits.1.value", "没有达到"),
    (NM_CARD, {"criteria_hits.1.unit": "mmol_l"}, "criteria_hits.1.unit", "单位（红细胞"),
    (NM_CARD, {"criteria_hits.0.value": "1"}, "criteria_hits.0.value", "没有数值界限"),
    (NM_CARD, {"criteria_hits.0.code": "ventilation"}, "criteria_hits.0.minutes", "60 分钟"),
    (NM_CARD, {"icu_out_dt": written(EVENT)}, "icu_out_dt", "不能早于转入"),
    (NM_CARD, {"mdt_called_dt": AFTER}, "mdt_arrivals.0.arrived_dt", "不能早于启动"),
    (
        "verification.v1-nearmiss",
        {
            "criteria_agree": "no",
            "verify_decision": "accept",
            "return_reason": GONE,
            "return_items": GONE,
        },
        "verify_decision",
        "不符合判定标准",
    ),
    (NM_VERDICT, {"problems_none": True, "problems": GONE}, "problems_none", "至少列出一个"),
    (NM_VERDICT, {"problems.0.improves": GONE}, "problems.0.improves", "请选择完善什么"),
    (NM_VERDICT, {"success_factors": GONE}, "success_factors", "请填写有效经验"),
    # Notice
    (MONTH, {"n_cases": 3}, "n_cases", "先由发生机构登记报告"),
    (MONTH, {"n_cases": 1}, "n_cases", "请核对下表"),
    (MONTH, {"missing_note": GONE}, "missing_note", "白鹭县还没有报送"),
    (QUARTER, {"content": "zero"}, "content", "有 1 例评审结束"),
    (QUARTER, {"guidance": f"{demo.NAME}家属"}, "guidance", "不能出现当事人"),
    (QUARTER, {"measures": "青禾县人民医院备血"}, "measures", "出现了机构名称"),
    ("quarterly_notice.v2", {"guidance": f"{demo.NAME}家属"}, "guidance", "不能出现当事人"),
    ("notice_issue.v2", {"confirm_reason": GONE}, "confirm_reason", "写明理由"),
    (NOTICE, {"specific_care": GONE}, "specific_care", "没有填「无」"),
    (NOTICE, {"guidance": "请联系禾小满家属"}, "guidance", "不能出现当事人姓名"),
    (NOTICE, {"recipients.1.organisation": HOSPITAL}, "recipients.1.organisation", "出现了两次"),
    (NOTICE, {"reply_due": NOW.date().isoformat()}, "reply_due", "应晚于今天"),
    (NOTICE, {"kind": "quarterly"}, "period", "请填写期间"),
    ("notice_issue.v1", {"sign": GONE}, "sign", "登录密码"),
    ("notice_receipt.v1", {"read_ack": False}, "read_ack", "阅读全文"),
    # Ledger
    (PLAN, {"deadline": NOW.date().isoformat()}, "deadline", "应晚于今天"),
    (PLAN, {"effect_check_on": days(90).date().isoformat()}, "effect_check_on", "晚于整改期限"),
    (PLAN, {"cause": GONE}, "cause", "请填写原因分析"),
    (PROGRESS, {"evidence": GONE}, "evidence", "完成整改要有佐证"),
    (PROGRESS, {"percent": 101, "done": False}, "percent", "不能大于 100 %"),
    (PROGRESS, {"percent": 90}, "percent", "应为 100%，现在是 90%"),
    (PROGRESS, {"done": False}, "done", "请选「是」申请验收"),
    (ADVISED, {"guidance_result": GONE}, "guidance_result", "还没有答复"),
    (ADVISED, {"guidance_answer": GONE}, "guidance_answer", "不采纳的写明原因"),
    (ACCEPT, {"reason": GONE}, "reason", "请填写理由"),
    (ACCEPT, {"escalation": GONE}, "escalation", "请选择是否升级"),
    (ACCEPT, {"checked_dt": LATER}, "checked_dt", "不能晚于现在"),
    # Archive
    ("archive.v1", {"ledger_closed": False}, "ledger_closed", "做到后再归档"),
    ("archive.v1", {"prov_factors": ["1", "2", "3", "4"]}, "prov_factors", "最多 3 项"),
]

UNUSUAL: list[tuple[str, Changes, str, str]] = [
    (REPORT, {"prelim_cause": "呼吸循环衰竭。"}, "prelim_cause", "死亡方式"),
    (RECEIPT, {"routing.1": GONE}, "routing", "还没有同时转报"),
    (DISCUSSION, {"opinions.0.title": "chief"}, "opinions.1.title", "由低到高"),
    (DISCUSSION, {"causes.b.icd10": "J96.0"}, "causes.b.icd10", "死亡方式"),
    (CARD, {"age": 14, "id_type": "unknown", "id_no": GONE}, "age", "15 至 49 岁"),
    (CARD, {"lmp": "2025-11-01"}, "lmp", "超过 45 周"),
    (CARD, {"death_dt": AFTER}, "death_dt", "与快报的死亡时间"),
    (CARD, {"delivery_dt": written(days(-50))}, "death_dt", "超过 42 天"),
    (CARD, {"abortions": 2}, "abortions", "大于孕次（3）"),
    (CARD, {"underlying_icd": "O72.3"}, "underlying_icd", "最后一行（O72.1）"),
    (RECORD, {"timeline.0.stage": "pregnancy"}, "timeline", "早孕建档"),
    (RECORD, {"timeline.10.stage": "rescue"}, "timeline", "死亡经过"),
    (RECORD, {"transfusion_dt": written(days(-1))}, "transfusion_dt", "早于前一时刻"),
    (RECORD, {"narrative": "在青禾县人民医院" + "经过" * 40}, "narrative", "青禾县人民医院"),
    (FILED, {"timeline.10.at": AFTER}, "timeline.10.at", "与报告卡的死亡时间"),
    (FILED, {"abort_induced": 2}, "abort_induced", "请核对"),
    (LISTS, {}, "record_inventory", "缺 高危孕产妇专案"),
    ("record_inventory.v1-nearmiss", {}, "record_inventory", "请尽量补齐"),
    (NM_CARD, {"criteria_hits.0.first_dt": AFTER}, "criteria_hits", "请核对"),
    ("case_record.v1-nearmiss", {"timeline.0.stage": "pregnancy"}, "timeline", "早孕建档"),
    (
        VERIFY,
        {"verify_decision": "accept", "return_reason": GONE, "return_items": GONE},
        "verify_decision",
        "仍然受理",
    ),
    (PANEL, {"members.0": GONE}, "members", "双数"),
    (OPINION, {"chance": "good", "conclusion": "unavoidable"}, "chance", "请核对"),
    (OPINION, {"chance": "none"}, "chance", "请核对"),
    (
        VERDICT,
        {"votes_conditionally_avoidable": 2, "votes_unavoidable": 1},
        "dissent",
        "不记姓名",
    ),
    ("conclusion.v1", {"problems.0.cell": "11"}, "problems.0.cell", "第 11 格"),
    (
        "conclusion.v2",
        {"treating_staff.0.left_before_vote": False},
        "treating_staff.0.left_before_vote",
        "离场",
    ),
    ("quarterly_notice.v2", {"measures": "贺立夏负责。"}, "", "签发时会被拦下"),
    (PLAN, {"strength": "weak"}, "strength", "容易再次发生"),
    (PLAN, {"deadline": "2028-01-01", "effect_check_on": GONE}, "deadline", "一年以后"),
]


def named(rows: list[tuple[str, Changes, str, str]]) -> list[str]:
    return [f"{form}-{path or 'form'}-{number}" for number, (form, _, path, _) in enumerate(rows)]


@pytest.mark.parametrize("form", [form.name for form in all_forms()])
def test_every_form_has_a_complete_good_example(form: str) -> None:
    spec, answers = load(form), GOOD[form]
    assert check(spec, answers, now=NOW, known=KNOWN) == {}
    assert completeness(spec, answers) == 100
    assert tidy(spec, answers) == answers


@pytest.mark.parametrize(("form", "changes", "path", "message"), BAD, ids=named(BAD))
def test_bad_answers_are_refused_at_their_field(
    form: str, changes: Changes, path: str, message: str
) -> None:
    errors = check(load(form), spoilt(form, changes), now=NOW, known=KNOWN)
    assert any(message in text for text in errors.get(path, [])), errors


@pytest.mark.parametrize(("form", "changes", "path", "message"), UNUSUAL, ids=named(UNUSUAL))
def test_unusual_answers_are_said_and_accepted(
    form: str, changes: Changes, path: str, message: str
) -> None:
    answers = spoilt(form, changes)
    said = warnings(load(form), answers, now=NOW, known=KNOWN)
    assert any(message in text for text in said.get(path, [])), said
    errors = check(load(form), answers, now=NOW, known=KNOWN)
    assert not any(message in text for texts in errors.values() for text in texts)


def test_no_check_without_a_row_above() -> None:
    """Each registered check is asked for by a form and tripped by at least one row."""
    # These need other surroundings: their own tests below
    tripped = {"acceptor_not_owner", "treated_have_left", "criteria_of_the_set"}
    for form, changes, path, message in BAD + UNUSUAL + newborn_forms.BAD + newborn_forms.UNUSUAL:
        for name in load(form).checks:
            said = check_alone(name, form, changes).get(path, [])
            if any(message in text for text in said):
                tripped.add(name)
    assert tripped == set(CHECKS)
    assert {name for form in all_forms() for name in form.checks} == set(CHECKS)


def check_alone(name: str, form: str, changes: Changes) -> dict[str, list[str]]:
    """What one check says."""
    spec = msgspec.structs.replace(load(form), checks=(name,))
    answers = spoilt(form, changes)
    judge = warnings if CHECKS[name].warns else check
    return judge(spec, answers, now=NOW, known=KNOWN)


def test_nobody_accepts_their_own_rectification() -> None:
    own = Known(case={"owner": HOSPITAL, "acceptor_for": HOSPITAL})
    errors = check(load(ACCEPT), GOOD[ACCEPT], now=NOW, known=own)
    assert errors == {"": ["验收单位不能是责任单位，请由另一单位验收"]}


@pytest.mark.parametrize("name", ["不详", "𠮷野𩸽", "阿卜杜·热合曼", "李😀", "龘", "\ue000某"])
def test_rare_characters_are_accepted_in_names(name: str) -> None:
    assert check(load(REPORT), spoilt(REPORT, {"name": name}), now=NOW, known=KNOWN) == {}


@pytest.mark.parametrize(
    "phone", ["13900000001", "0371-65950000", "037165950000", "65950000", "0371-65950000-801"]
)
def test_phones_as_people_have_them(phone: str) -> None:
    assert check(load(REPORT), spoilt(REPORT, {"phone": phone}), now=NOW, known=KNOWN) == {}


def test_a_report_needs_little() -> None:
    """What nobody knows at night is not asked for."""
    little = spoilt(REPORT, {"name": "不详", "age": GONE, "hospital_no": GONE})
    assert check(load(REPORT), little, now=NOW, known=KNOWN) == {}
    required = [field for field in load(REPORT).fields() if field.required and not field.when]
    filled_in = [field.name for field in required if field.default]
    assert len(required) - len(filled_in) <= 8


def test_death_on_the_minute_of_discovery_needs_no_reason() -> None:
    assert "discovered_reason" not in GOOD[REPORT]
    late = spoilt(REPORT, {"discovered_dt": AFTER, "discovered_reason": "随访时获知"})
    assert check(load(REPORT), late, now=NOW, known=KNOWN) == {}


def test_unknown_is_a_code_on_the_card() -> None:
    """A card about somebody of whom nearly nothing is known can be handed in."""
    unknown: Changes = {
        "name": "不详", "id_type": "unknown", "id_no": GONE, "ethnicity": "9", "education": "9",
        "household": "9", "addr_household_status": "unknown", "addr_household": GONE,
        "addr_household_detail": GONE, "addr_usual_status": "unknown", "lmp_status": "1",
        "lmp": GONE, "delivery_status": "1", "delivery_dt": GONE, "delivery_mode": "9",
        "attendant": "9", "anc": "9", "first_anc_week": GONE, "anc_count": GONE,
        "last_anc_org": GONE, "risk_color_last": ["unknown"], "yellow_factors": GONE,
        "causes.a": line("O72.3", None, "unknown"), "causes.b": line("O72.1", None, "unknown"),
    }  # fmt: skip
    assert check(load(CARD), spoilt(CARD, unknown), now=NOW, known=KNOWN) == {}


def test_a_day_in_the_time_line_may_share_its_date() -> None:
    """Only the days are compared where one of two entries does not know the hour."""
    rows = GOOD[RECORD]["timeline"]
    same = {"timeline.1.at": rows[0]["at"]}
    assert check(load(RECORD), spoilt(RECORD, same), now=NOW, known=KNOWN) == {}


def test_the_tie_is_the_chairs_to_decide() -> None:
    tie = {"votes_conditionally_avoidable": 1, "votes_unavoidable": 1, "votes_abstain": 1}
    reasoned = tie | {"tie_reason": "死亡前 4 小时有处理余地。", "dissent": "一名认为不可避免。"}
    assert check(load(VERDICT), spoilt(VERDICT, reasoned), now=NOW, known=KNOWN) == {}


def test_a_different_conclusion_with_its_reason() -> None:
    other = {
        "conclusion": "avoidable",
        "votes_avoidable": 3,
        "votes_conditionally_avoidable": 0,
        "difference_conclusion": "县内有备血条件，只是没有启动。",
    }
    assert check(load(VERDICT), spoilt(VERDICT, other), now=NOW, known=KNOWN) == {}


def test_why_it_differs_is_asked_only_where_a_level_below_has_concluded() -> None:
    """B04: the first to review explain nothing, and an explanation of theirs has no place."""
    said = spoilt(VERDICT, {"difference_conclusion": "县内有备血条件，只是没有启动。"})
    first = replace(KNOWN, case=KNOWN.case | {"lower": None, "lower_conclusion": None})
    assert check(load(VERDICT), spoilt(VERDICT, {}), now=NOW, known=first) == {}
    [refused] = check(load(VERDICT), said, now=NOW, known=first).values()
    assert "表单里没有「difference_conclusion」" in refused[0]
    assert check(load(VERDICT), said, now=NOW, known=KNOWN) == {}


def test_errors_do_not_cascade() -> None:
    """A moment that cannot be read is not compared as well."""
    errors = check(load(CARD), spoilt(CARD, {"delivery_dt": "gestern"}), now=NOW, known=KNOWN)
    assert set(errors) == {"delivery_dt"}


JUNK: tuple[Any, ...] = (
    None, "", " ", "x", "\x00", "9" * 5000, 0, -1, 10**30, 1.5, float("nan"), True, [], [1], ["x"],
    [None], [[]], [{}], {}, {"a": 1}, {"a": {}}, {"a": None}, {"5": {}}, {"5": None}, {1: 2},
    [{"user": []}],
)  # fmt: skip


@pytest.mark.parametrize("form", sorted(GOOD))
def test_junk_is_refused_without_a_stumble(form: str) -> None:
    """Whatever arrives in any field, the answer is messages, never an exception."""
    spec = load(form)
    own = [field for section in spec.sections if not section.part for field in section.fields]
    for field in own:
        for value in JUNK:
            answers = GOOD[form] | {field.name: value}
            for judge in (check, warnings):
                said = judge(spec, answers, now=NOW, known=KNOWN)
                assert all(isinstance(text, str) for texts in said.values() for text in texts)
            tidied = tidy(spec, answers)
            if not is_empty(value) and field.kind is not Kind.NOTE:
                assert isinstance(check(spec, tidied, now=NOW, known=KNOWN), dict)
            assert 0 <= completeness(spec, answers) <= 100


@pytest.mark.parametrize("form", sorted(GOOD))
def test_no_required_answer_can_be_left_out(form: str) -> None:
    spec = load(form)
    for field in spec.fields():
        if field.required and field.name in GOOD[form]:
            answers = {name: value for name, value in GOOD[form].items() if name != field.name}
            assert field.name in check(spec, answers, now=NOW, known=KNOWN), field.name
            assert completeness(spec, answers) < 100


def test_tidy_leaves_only_what_is_asked_and_answered() -> None:
    raw = GOOD[REPORT] | {
        "name": " 禾\x07小满\u202e ",
        "place_type": "institution",
        "place_note": "不再适用",
        "late_reason": "一\r\n二",
        "hospital_no": "   ",
        "channel_evidence": [],
        "phone": "139 0000 0001",
    }
    tidied = tidy(load(REPORT), raw)
    assert tidied["name"] == "禾小满"
    assert tidied["late_reason"] == "一\n二"
    assert tidied["phone"] == "13900000001"
    assert {"place_note", "hospital_no", "channel_evidence"}.isdisjoint(tidied)


def test_tidy_follows_a_chain_of_conditions() -> None:
    """Autopsy not offered: consent goes, and with it the paper that hung on consent."""
    raw = GOOD[DISCUSSION] | {
        "autopsy_offered": False,
        "autopsy_not_offered_reason": "家属已离院",
        "autopsy_consent": "refused",
        "refusal_file": ["paper"],
    }
    tidied = tidy(load(DISCUSSION), raw)
    assert "autopsy_consent" not in tidied
    assert "refusal_file" not in tidied
    assert check(load(DISCUSSION), tidied, now=NOW, known=KNOWN) == {}


def test_tidy_drops_empty_rows_and_lines_and_keeps_ticked_cells() -> None:
    raw = GOOD[VERDICT] | {
        "problems": [*GOOD[VERDICT]["problems"], {"text": "  "}],
        "causes": demo.causes() | {"c": {"icd10": " ", "value": None}},
        "grid": demo.grid() | {"9": {"factor": ""}},
    }
    tidied = tidy(load(VERDICT), raw)
    assert tidied["problems"] == GOOD[VERDICT]["problems"]
    assert tidied["causes"] == demo.causes()
    assert tidied["grid"]["9"] == {}
    assert "grid.9.factor" in check(load(VERDICT), tidied, now=NOW, known=KNOWN)


def test_only_routed_answers_reach_the_diagram() -> None:
    found = {form: routed(load(form), GOOD[form]) for form in GOOD}
    assert {form: flags for form, flags in found.items() if flags} == {
        "verification.v1": {"verify_decision": "return"},
        "verification.v1-nearmiss": {"verify_decision": "return"},
        "verification.v1-neonatal": {"verify_decision": "return"},
        "notice.v1-neonatal": {"select_decision": "county"},
        "review_selection.v1": {"select_decision": "county"},
        "conclusion_chair.v1": {"chair_decision": "sign"},
        "notice_issue.v1": {"issue_decision": "issue"},
        "notice_issue.v2": {"issue_decision": "issue"},
        "letter_check.v1": {"check_decision": "return"},
        "notice_reply_reading.v1": {"reply_decision": "again"},
        "monthly_check.v1": {"month_decision": "return"},
        "rectification_progress.v1": {"progress_done": True},
        "rectification_progress.v2": {"progress_done": True},
        "rectification_acceptance.v1": {"accept_decision": "rejected"},
        "interview_object_sign.v1": {"object_view": "dispute"},
        "interview_object_sign.v2": {"object_view": "dispute"},
        "interview_object_sign.v3": {"object_view": "dispute"},
    }


def test_completeness_of_a_draft_grows() -> None:
    spec, typed, seen = load(REPORT), {}, []
    for name, value in GOOD[REPORT].items():
        typed[name] = value
        seen.append(completeness(spec, typed))
    assert completeness(spec, {}) == 0
    assert seen == sorted(seen)
    assert seen[-1] == 100


@pytest.mark.parametrize(
    ("at", "card"),
    [
        ("2026-11-21 03:40", "2026-11-21 04"),
        ("2026-11-21 03:29", "2026-11-21 03"),
        ("2026-11-21 03:30", "2026-11-21 04"),
        ("2026-11-21 23:29", "2026-11-21 23"),
        ("2026-11-21 23:30", "2026-11-22 00"),
        ("2026-12-31 23:59", "2027-01-01 00"),
    ],
)
def test_the_cards_hour(at: str, card: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    assert f"{card_hour(moment):%Y-%m-%d %H}" == card


@pytest.mark.parametrize("at", ["1986-05-04 03:00", "1988-07-10 00:30", "1991-09-15 01:59"])
def test_moments_of_the_years_with_summer_time_come_back_as_they_were_typed(at: str) -> None:
    """China's clocks went an hour ahead in six summers, when many who give birth now were born."""
    typed = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    assert shown(moment(written(typed))) == at
    assert id_card.IdCard("990121", typed.date(), True).age_on(date(2026, 11, 22)) in (35, 38, 40)


def test_now_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        check(load(REPORT), GOOD[REPORT], now=NOW.replace(tzinfo=None))


# What single clauses ask of the forms


def field_of(form: str, name: str) -> Field:
    [field] = [field for field in load(form).fields() if field.name == name]
    return field


@pytest.mark.clause("A12")
def test_a_rescue_names_the_obstetrician_who_talks_to_the_family() -> None:
    asked = spoilt(RECORD, {"family_contact_doctor": GONE, "family_contact_note": GONE})
    assert "family_contact_doctor" in check(load(RECORD), asked, now=NOW, known=KNOWN)
    not_rescued = asked | {"rescued": False}
    assert check(load(RECORD), not_rescued, now=NOW, known=KNOWN) == {}


@pytest.mark.clause("A13")
@pytest.mark.parametrize("dimension", ["truthful", "timely", "accurate", "complete"])
def test_verification_judges_the_four_dimensions(dimension: str) -> None:
    errors = check(load(VERIFY), spoilt(VERIFY, {dimension: GONE}), now=NOW, known=KNOWN)
    assert dimension in errors
    poor = spoilt(VERIFY, {dimension: "poor", f"{dimension}_note": ""})
    assert f"{dimension}_note" in check(load(VERIFY), poor, now=NOW, known=KNOWN)


@pytest.mark.clause("B02")
def test_no_panel_without_the_municipal_guide() -> None:
    nobody = spoilt(PANEL, {"members.2.is_guide": False})
    assert "members" in check(load(PANEL), nobody, now=NOW, known=KNOWN)
    assert field_of(PANEL, "guide_organisation").required


def test_a_problem_is_one_of_management_resource_technique() -> None:
    [kind] = [child for child in field_of(VERDICT, "problems").fields if child.name == "kind"]
    assert kind.required
    assert {choice.label for choice in kind.choices} == {"管理", "资源", "技术"}
    stages = [child for child in field_of(RECORD, "timeline").fields if child.name == "stage"]
    assert {"早孕建档", "产后、随访"} <= {choice.label for choice in stages[0].choices}


@pytest.mark.clause("C02")
@pytest.mark.parametrize("scope", ["general", "specific"])
@pytest.mark.parametrize("area", ["care", "medical", "admin"])
def test_a_notice_answers_all_six_cells(scope: str, area: str) -> None:
    name = f"{scope}_{area}"
    errors = check(load(NOTICE), spoilt(NOTICE, {name: GONE}), now=NOW, known=KNOWN)
    assert "没有填「无」" in errors[name][0]


@pytest.mark.clause("C02")
@pytest.mark.parametrize("name", ["guidance", "measures"])
def test_a_notice_has_guidance_and_measures(name: str) -> None:
    assert name in check(load(NOTICE), spoilt(NOTICE, {name: GONE}), now=NOW, known=KNOWN)


@pytest.mark.clause("C04")
@pytest.mark.parametrize("name", ["cause", "measure", "deadline", "owner_person"])
def test_a_ledger_item_is_planned_in_full(name: str) -> None:
    assert name in check(load(PLAN), spoilt(PLAN, {name: GONE}), now=NOW, known=KNOWN)

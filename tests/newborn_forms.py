"""What the forms of a newborn's death refuse, and what they only say: form, changes of the good
answers, where, and words of the message."""

from datetime import timedelta
from typing import Any

from tests.forms import EVENT, GONE, days
from workflows.forms.moment import written

AFTER = written(EVENT + timedelta(minutes=30))
REPORT, CARD, FILED = "report.v1-neonatal", "newborn_card.v1", "case_submission.v1-neonatal"
MOVED = {"transported": True, "from_hospital": "某县医院", "transport_by": "hospital"}
CAUSE = {"icd10": "P07.3", "unit": "unknown"}
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (REPORT, {"birth_dt": AFTER}, "event_dt", "分娩前死亡的是死胎"),
    (REPORT, {"birth_dt": written(days(-28))}, "event_dt", "无误的，请按儿童死亡报告卡"),
    (REPORT, {"birth_order": 2}, "birth_order", "胎次（2）不能大于胎数（1）"),
    (REPORT, {"mother_name": GONE}, "mother_name", "请填写母亲姓名"),
    (CARD, {"birth_dt": written(days(-28))}, "death_dt", "本例请申请作废，另按儿童死亡报告卡"),
    (CARD, {"birth_weight": 150}, "birth_weight", "200"),
    (CARD, {"birth_weight": 7100}, "birth_weight", "7000"),
    (CARD, {"gest_weeks": 45}, "gest_weeks", "44"),
    (CARD, {"apgar_1": 11}, "apgar_1", "10"),
    (CARD, {"causes.a": GONE, "causes.c": CAUSE}, "causes.a", "从 (a) 直接死因填起"),
    (CARD, {"care_before_death": "3", "diag_level": "5"}, "no_care_reason", "请选择未治疗"),
    (CARD, {"care_before_death": "2"}, "care_before_death", "应选「住院」"),
    (CARD, {"icd_pm_maternal": GONE}, "icd_pm_maternal", "没有的选 M5"),
    (CARD, {"mother_case_no": "MD-990121-2026-0009"}, "mother_case_no", "查不到母亲的病例"),
    (CARD, MOVED | {"transport_dt": written(days(-3))}, "transport_dt", "不能早于出生"),
    (CARD, MOVED | {"transport_dt": AFTER}, "transport_dt", "不能晚于死亡"),
    (CARD, {"transported": True}, "from_hospital", "请填写转出医院名称"),
    (FILED, {"narrative": "禾知暖之子出生后" + "经过" * 40}, "narrative", "「患儿」"),
    (FILED, {"narrative": "其父麦大川" + "经过" * 40}, "narrative", "麦大川"),
    ("notice.v1-neonatal", {"select_decision": GONE}, "select_decision", "请选择"),
]
UNUSUAL: list[tuple[str, dict[str, Any], str, str]] = [
    (CARD, {"birth_weight": 2600, "gest_weeks": 27}, "birth_weight", "27 周出生体重 2600 克"),
    (CARD, {"birth_weight": 900, "gest_weeks": 38}, "birth_weight", "请核对孕周和体重"),
    (CARD, {"apgar_5": 4}, "apgar_5", "低于 1 分钟"),
    (CARD, {"resuscitated": "2"}, "resuscitated", "不需要复苏"),
    (CARD, {"underlying_icd": "P07.3"}, "underlying_icd", "最后一行（P22.0）"),
    ("case_record.v1-neonatal", {"timeline.4.stage": "rescue"}, "timeline", "出生与复苏"),
    (CARD, {"birth_dt": written(days(-2))}, "birth_dt", "与登记的出生时间"),
    (
        "case_record.v1-neonatal",
        {"treatment_dt": written(days(-2))},
        "treatment_dt",
        "早于明确诊断",
    ),
    ("record_inventory.v1-neonatal", {}, "record_inventory", "新生儿复苏记录"),
]

"""Answers of the individual case: card, record, inventory; and of its verification."""

from datetime import datetime, timedelta

from workflows.demo.answers.person import AGE, HOSPITAL, HUSBAND, NAME, causes, id_number
from workflows.forms.moment import SHANGHAI, written
from workflows.forms.spec import Answers

INVENTORY_KEPT = (
    "outpatient", "inpatient", "nursing", "anaesthesia", "operation", "transfusion", "laboratory",
    "imaging", "safety_checklist", "caesarean_approval", "handbook", "death_discussion", "autopsy",
)  # fmt: skip
INVENTORY_NOT_DUE = ("referral",)


def _at(event_at: datetime, hours: float) -> str:
    """A moment before the death, in hours, to the minute."""
    return written(event_at - timedelta(minutes=round(hours * 60)))


def death_card(
    event_at: datetime,
    *,
    organisation: int,
    region: str,
    hospital: str = HOSPITAL,
    filed_at: datetime | None = None,
    **over: object,
) -> Answers:
    """孕产妇死亡报告卡, a part of the submission."""
    filed = (filed_at or event_at).astimezone(SHANGHAI)
    delivery = event_at - timedelta(hours=5, minutes=20)
    return {
        "card_no": "99210815",
        "supplementary": False,
        "name": NAME,
        "id_type": "id_card",
        "id_no": id_number(event_at, region=region[:6]),
        "age": AGE,
        "kin_phone": "13900000099",
        "ethnicity": "1",
        "education": "2",
        "household": "1",
        "resid_years": 4,
        "resid_months": 6,
        "income": "5",
        "terrain": "1",
        "addr_report": region,
        "addr_household_status": "known",
        "addr_household": region,
        "addr_household_detail": "禾场镇春分村（虚构）",
        "addr_usual_status": "household",
        "addr_current_status": "usual",
        "gravida": 3,
        "para": 2,
        "abortions": 1,
        "lmp_status": "date",
        "lmp": (delivery.astimezone(SHANGHAI).date() - timedelta(days=269)).isoformat(),
        "delivery_status": "date",
        "delivery_dt": written(delivery),
        "delivery_mode": "3",
        "attendant": "1",
        "delivery_place": "2",
        "delivery_hospital": hospital,
        "delivery_hospital_grade": "2",
        "delivery_hospital_location": region,
        "death_dt": written(event_at),
        "death_place": "2",
        "death_hospital": hospital,
        "death_hospital_grade": "2",
        "death_hospital_location": region,
        "transferred_in": False,
        "first_visit_hospital": True,
        "anc": "1",
        "first_anc_week": 9,
        "anc_count": 7,
        "last_anc_org": "青禾县妇幼保健院",
        "risk_color_last": ["yellow"],
        "yellow_factors": 2,
        "causes": causes(),
        "cause_basis": "3",
        "underlying_group": "08",
        "underlying_icd": "O72.1",
        "icd_mm_group": "3",
        "fill_org": organisation,
        "filler": "周谷雨",
        "fill_date": filed.date().isoformat(),
        "coder": "纪小雪",
    } | over


def _timeline(event_at: datetime) -> list[Answers]:
    """From the early-pregnancy file to the death; (hours before, stage, place, …)."""
    booked = event_at - timedelta(days=205)
    rows: list[Answers] = [
        {
            "at": written(booked),
            "only_date": True,
            "stage": "booking",
            "place": "某乡镇卫生院",
            "event": "孕 9 周建档，剖宫产史，血红蛋白 106 克每升。",
            "handling": "评为黄色，建议县级产检。",
            "source": "母子健康手册",
            "page": "3",
        },
        {
            "at": written(event_at - timedelta(days=15)),
            "only_date": True,
            "stage": "pregnancy",
            "place": "某县妇幼保健院",
            "event": "孕 36 周，血红蛋白 98 克每升，胎盘位置正常。",
            "handling": "口服铁剂，未安排备血。",
            "result": "约定 38 周住院",
            "source": "产前检查记录",
            "page": "7",
        },
    ]
    steps = (
        (9.5, "labour", "规律宫缩 2 小时入院，宫口开大 1 厘米。", "完善检查，拟急诊剖宫产。", "12"),
        (6.0, "labour", "决定急诊剖宫产，科主任同意。", "备红细胞 2 单位。", "15"),
        (16 / 3, "labour", "剖宫产娩出一活婴，术中出血 400 毫升。", "缩宫素 20 单位。", "21"),
        (4.6, "onset", "阴道出血增多，宫底软，目测 600 毫升。", "按摩子宫，卡前列素。", "24"),
        (4.0, "rescue", "累计出血约 1000 毫升，血压 90/55。", "申请用血，宫腔填塞。", "25"),
        (2.8, "rescue", "红细胞到位，血压 75/40，纤维蛋白原低。", "输血，补充纤维蛋白原。", "28"),
        (2.2, "rescue", "持续出血，累计 2200 毫升。", "开腹行子宫切除。", "31"),
        (0.6, "rescue", "心率减慢，血压测不出。", "心肺复苏，持续输血。", "36"),
        (0.0, "death", "抢救无效死亡。", "告知家属，封存病历。", "38"),
    )
    for hours, stage, event, handling, page in steps:
        rows.append(
            {
                "at": _at(event_at, hours),
                "stage": stage,
                "place": "某县级医院",
                "event": event,
                "people": "值班医师、助产士",
                "handling": handling,
                "source": "住院病历",
                "page": page,
            }
        )
    return rows


def case_record(event_at: datetime, *, hospital: str = HOSPITAL, **over: object) -> Answers:
    """个案调查, a part of the submission."""
    return {
        "occupation": "农民",
        "husband_name": HUSBAND,
        "husband_age": 33,
        "husband_education": "3",
        "husband_occupation": "务工",
        "income_month": 1800,
        "payment": "rural",
        "abort_induced": 1,
        "past_medical": "无",
        "past_obgyn": "数年前剖宫产一次；人工流产一次。",
        "antenatal_risks": "瘢痕子宫，轻度贫血。",
        "main_tests": "血红蛋白 98 克每升；超声示胎盘位于后壁。",
        "symptoms": "无",
        "high_risk": "孕早期评为黄色，由乡镇卫生院随访。",
        "admit_state": "antepartum",
        "admit_dt": _at(event_at, 9.5),
        "admit_reason": "停经 38 周余，规律宫缩 2 小时。",
        "admit_from": "自行来院",
        "distance_county_km": "12.5",
        "distance_county_min": 25,
        "first_contact_org": hospital,
        "timeline": _timeline(event_at),
        "symptom_dt": _at(event_at, 4.6),
        "first_doctor_dt": _at(event_at, 4.5),
        "diagnosis_dt": _at(event_at, 4.0),
        "treatment_dt": _at(event_at, 3.9),
        "blood_request_dt": _at(event_at, 4.0),
        "transfusion_dt": _at(event_at, 2.8),
        "decision_dt": _at(event_at, 6.0),
        "incision_dt": _at(event_at, 5.5),
        "rescued": True,
        "family_contact_doctor": "秦思远",
        "family_contact_note": "出血 1000 毫升时、切除子宫前、死亡后各谈话一次，家属签字。",
        "family_attitude": "重视住院分娩，配合抢救。",
        "narrative": (
            "孕妇 31 岁，孕 3 产 1，瘢痕子宫、轻度贫血，孕 38 周余因规律宫缩到某县级医院住院。"
            "急诊剖宫产娩出一活婴，术后 40 分钟宫缩乏力出血，目测估计偏低。"
            "累计约 1000 毫升时申请用血，70 分钟后红细胞到位；"
            "持续出血行子宫切除，术后凝血功能障碍，抢救无效死亡。"
        ),
    } | over


def inventory(file: str) -> Answers:
    """The records kept, the first one scanned, the others counted; one not due, one missing."""
    entries: Answers = {code: {"state": "have", "pages": 4} for code in INVENTORY_KEPT}
    entries["inpatient"] = {"state": "have", "pages": 42, "files": [file]}
    entries |= {code: {"state": "na"} for code in INVENTORY_NOT_DUE}
    return entries | {"high_risk_file": {"state": "none"}}


def submission(
    event_at: datetime,
    *,
    organisation: int,
    region: str,
    record_file: str,
    redacted_file: str,
    sign: Answers,
    hospital: str = HOSPITAL,
    filed_at: datetime | None = None,
    **over: object,
) -> Answers:
    """死亡个案报送: card, record and inventory in one."""
    return (
        death_card(
            event_at,
            organisation=organisation,
            region=region,
            hospital=hospital,
            filed_at=filed_at,
        )
        | case_record(event_at, hospital=hospital)
        | {
            "record_inventory": inventory(record_file),
            "redacted_copy": [redacted_file],
            "redacted_checked": True,
            "sign": sign,
        }
        | over
    )


def verification(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """核实, accepted into review."""
    return {
        "checked_dt": written(checked_at),
        "method": ["record", "birth_certificate", "phone"],
        "fields_checked": 60,
        "errors": 1,
        "truthful": "good",
        "timely": "good",
        "accurate": "partly",
        "accurate_note": "初检孕周与母子健康手册差 1 周，已更正。",
        "complete": "good",
        "record_complete": True,
        "coding_agrees": "yes",
        "verify_decision": "accept",
        "conclusion": "死亡时间、死因、病历资料核对一致，提交评审。",
        "counter_checker": "吴谷穗",
        "sign": sign,
    } | over


def returned(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """核实, sent back for supplement."""
    back: dict[str, object] = {
        "complete": "poor",
        "complete_note": "缺麻醉记录原件。",
        "record_complete": False,
        "record_missing": "麻醉记录第 2 页；高危孕产妇专案。",
        "verify_decision": "return",
        "return_reason": "病历资料不完整，补齐后再报。",
        "return_items": [
            {
                "part": "record_inventory",
                "item": "麻醉记录",
                "requirement": "上传全部页，含术中出血量。",
            },
            {
                "part": "case_record",
                "item": "时间轴",
                "requirement": "补充用血申请到输注之间的处理。",
            },
        ],
        "conclusion": "退回补正，不影响时限计算。",
    }
    return verification(checked_at, sign=sign, **(back | over))

"""Answers of a near miss: bleeding after birth, shock, a hysterectomy, and she lived.

Everything hangs on `event_at`, the moment the first criterion was met.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from workflows.demo.answers import hospital as of_hospital
from workflows.demo.answers import review as of_review
from workflows.demo.answers.person import AGE, HOSPITAL, id_number
from workflows.demo.answers.review import Member
from workflows.demo.answers.submission import case_record as death_record
from workflows.demo.answers.submission import inventory as death_inventory
from workflows.demo.answers.submission import returned as death_returned
from workflows.demo.answers.submission import verification as death_verification
from workflows.forms.moment import SHANGHAI, written
from workflows.forms.spec import Answers

NAME = "柳知春"
CALLED_BACK = "已与报告人通话，核对了发生时间和联系人；产妇在重症监护室，生命体征平稳。"
_COURSE: Answers = {
    "course_antenatal": "孕 9 周建档，规律产检；孕 36 周贫血未复查，风险分级没有调整。",
    "course_rescue": (
        "胎儿娩出后 25 分钟出血 800 毫升即呼叫二线，15 分钟内多学科到场；红细胞 40 分钟到位。"
    ),
    "course_postpartum": "产后第 3、7、14 天访视，血红蛋白恢复到 102 g/L，第 42 天复查未见异常。",
}
_SUCCESS = "出血计量及时，二线、麻醉、输血同时到场；市级救治中心远程指导，未转运即完成手术。"

_MOMENTS = {
    "symptom_dt": -0.4,
    "first_doctor_dt": -0.35,
    "diagnosis_dt": -0.25,
    "treatment_dt": -0.2,
    "blood_request_dt": 0.1,
    "transfusion_dt": 0.75,
    "decision_dt": -2.5,
    "incision_dt": -0.85,
}


def _at(event_at: datetime, hours: float) -> str:
    """So many hours after the event; before it, if negative."""
    return written(event_at + timedelta(minutes=round(hours * 60)))


def report(event_at: datetime, *, organisation: int, **over: object) -> Answers:
    """危重孕产妇登记."""
    said = of_hospital.report(event_at, organisation=organisation)
    return said | {"name": NAME, "prelim_cause": "产后出血，失血性休克，已行子宫切除"} | over


def criteria(event_at: datetime) -> list[Answers]:
    """Three of the 25: shock, a uterus removed, six units of red cells."""
    return [
        {"code": "shock", "first_dt": written(event_at), "evidence": "护理记录 第 21 页"},
        {
            "code": "red_cells",
            "first_dt": _at(event_at, 1.5),
            "value": "6",
            "unit": "rbc_unit",
            "evidence": "输血记录 第 28 页",
        },
        {"code": "hysterectomy", "first_dt": _at(event_at, 2), "evidence": "手术记录 第 30 页"},
    ]


def card(
    event_at: datetime,
    *,
    organisation: int,
    region: str,
    filed_at: datetime | None = None,
    **over: object,
) -> Answers:
    """危重孕产妇个案卡, a part of the submission."""
    filed = (filed_at or event_at).astimezone(SHANGHAI)
    delivery = event_at - timedelta(minutes=50)
    return {
        "name": NAME,
        "id_type": "id_card",
        "id_no": id_number(event_at, region=region[:6]),
        "age": AGE,
        "kin_phone": "13900000098",
        "addr_current": region,
        "addr_current_detail": "禾场镇谷雨村（虚构）",
        "ethnicity": "1",
        "education": "2",
        "household": "1",
        "criteria_set": "who_2011",
        "criteria_hits": criteria(event_at),
        "admit_dt": _at(event_at, -9),
        "icu_in_dt": _at(event_at, 4),
        "icu_out_dt": _at(event_at, 30),
        "gest_week": 38,
        "pregnancy_phase": "postpartum",
        "gravida": 3,
        "para": 2,
        "abortions": 1,
        "lmp_status": "date",
        "lmp": (delivery.astimezone(SHANGHAI).date() - timedelta(days=269)).isoformat(),
        "delivery_status": "date",
        "delivery_dt": written(delivery),
        "delivery_mode": "3",
        "anc": "1",
        "first_anc_week": 9,
        "anc_count": 8,
        "last_anc_org": "青禾县妇幼保健院",
        "risk_color_last": ["yellow"],
        "yellow_factors": 2,
        "main_dx": "O72.1",
        "obstetric_cause": "3",
        "blood_loss_ml": 2600,
        "rbc_u": "6",
        "plasma_ml": 600,
        "mdt_called_dt": _at(event_at, 0.1),
        "mdt_arrivals": [
            {"discipline": "anaesthesia", "arrived_dt": _at(event_at, 0.25), "person": "石敬之"},
            {"discipline": "transfusion", "arrived_dt": _at(event_at, 0.4), "person": "邓若兰"},
        ],
        "outcome_mother": "alive",
        "outcome_baby": "alive",
        "success_factors": _SUCCESS,
        "fill_org": organisation,
        "filler": "周谷雨",
        "fill_date": filed.date().isoformat(),
    } | over


def _timeline(event_at: datetime, hospital: str, until: datetime) -> list[Answers]:
    """From the early-pregnancy file to the last visit before `until`."""
    rows = [
        (-24 * 200, "booking", "青禾县妇幼保健院", "孕 9 周建档，初评黄色。", "母子健康手册"),
        (
            -24 * 12,
            "pregnancy",
            "青禾县妇幼保健院",
            "孕 36 周产检，血红蛋白 98 g/L。",
            "母子健康手册",
        ),
        (-9, "labour", hospital, "规律宫缩入院，急诊剖宫产。", "住院病历"),
        (-0.4, "onset", hospital, "宫缩乏力，出血 800 毫升，呼叫二线。", "护理记录"),
        (0.3, "rescue", hospital, "休克，多学科到场，输血，切除子宫。", "手术记录"),
        (36, "postpartum", hospital, "转出 ICU，生命体征平稳，交代随访安排。", "住院病历"),
    ]
    return [
        {
            "at": _at(event_at, hours),
            "only_date": False,
            "stage": stage,
            "place": place,
            "event": event,
            "source": source,
            "page": "12",
        }
        for hours, stage, place, event, source in rows
        if event_at + timedelta(hours=hours) <= until
    ]


def record(event_at: datetime, *, hospital: str = HOSPITAL, filed_at: datetime) -> Answers:
    """危重孕产妇个案调查, a part of the submission."""
    said = death_record(event_at, hospital=hospital)
    said.pop("admit_dt")
    return said | {
        "timeline": _timeline(event_at, hospital, filed_at),
        **{name: _at(event_at, hours) for name, hours in _MOMENTS.items()},
        "family_contact_note": "出血 1000 毫升时、切除子宫前、转出 ICU 时各谈话一次，家属签字。",
        "narrative": (
            "孕妇 31 岁，孕 3 产 1，瘢痕子宫、轻度贫血，孕 38 周余到某县级医院住院，急诊剖宫产。"
            "术后宫缩乏力出血，及时计量、呼叫二线，多学科到场，输红细胞 6 单位，"
            "切除子宫止血，重症监护 26 小时后转出，母婴平安。"
        ),
    }


def inventory(file: str) -> Answers:
    """As of a death, without what only a death has."""
    kept = death_inventory(file)
    for gone in ("death_discussion", "autopsy"):
        kept.pop(gone)
    return kept | {
        "icu": {"state": "have", "pages": 9},
        "follow_up": {"state": "have", "pages": 2},
    }


def case_submission(
    event_at: datetime,
    *,
    organisation: int,
    region: str,
    record_file: str,
    redacted_file: str,
    sign: Answers,
    filed_at: datetime,
    hospital: str = HOSPITAL,
    **over: object,
) -> Answers:
    """危重孕产妇个案报送: card, record and inventory in one."""
    return (
        card(event_at, organisation=organisation, region=region, filed_at=filed_at)
        | record(event_at, hospital=hospital, filed_at=filed_at)
        | {
            "record_inventory": inventory(record_file),
            "redacted_copy": [redacted_file],
            "redacted_checked": True,
            "sign": sign,
        }
        | over
    )


def _of_a_survivor(said: Answers) -> Answers:
    gone = {"coding_agrees"}
    kept = {name: value for name, value in said.items() if name not in gone}
    return {"criteria_agree": "yes"} | kept


def verification(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """核实, accepted."""
    said = _of_a_survivor(death_verification(checked_at, sign=sign))
    return said | {"conclusion": "判定依据、发生时间、病历资料核对一致，受理。"} | over


def returned(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """核实, sent back for supplement."""
    return _of_a_survivor(death_returned(checked_at, sign=sign)) | over


def selection(*, sign: Answers, level: str = "county", **over: object) -> Answers:
    """确定是否评审: at this level, or "none"."""
    said: Answers = {
        "select_decision": level,
        "select_reason": "抢救成效明显，有可供推广的做法；用血和孕期贫血管理有需要改进之处。",
        "sign": sign,
    }
    if level != "none":
        said["select_focus"] = ["antenatal", "rescue", "blood"]
    return said | over


def opinion(*, sign: Answers, **over: object) -> Answers:
    """个人评审意见 on a near miss."""
    return (
        {
            "coi_declared": "none",
            "confidentiality_ack": True,
            "agree_with_criteria": "agree",
        }
        | _COURSE
        | {
            "grid_none": False,
            "grid": grid(),
            "major": ["5", "8"],
            "conclusion": "improvable",
            "reason": "识别和抢救及时，是转危为安的关键；孕期贫血管理和夜间用血仍有需要改进之处。",
            "suggestions": [
                {
                    "target_level": "institution",
                    "text": "修订产后出血救治流程，写明 500 毫升预警和用血启动条件。",
                    "prevention": "secondary",
                    "impact": "large",
                }
            ],
            "good_practice": _SUCCESS,
            "sign": sign,
        }
        | over
    )


def grid() -> Answers:
    """The same three cells, told by the event."""
    cells = of_review.grid()
    cells["8"] = {**cells["8"], "record_time": "事件后 40 分钟"}
    return cells


def problems(*, owner: int, other: int | None = None) -> list[Answers]:
    """Two for the ledger, which plan or system each improves, and one that is not."""
    improves: list[Answers] = [
        {"improves": "treatment_plan", "improved_text": "产后出血救治流程"},
        {"improves": "management_system", "improved_text": "夜间紧急用血管理制度"},
        {"improves": "management_system", "improved_text": "高危孕产妇专案管理制度"},
    ]
    said = of_review.problems(owner=owner, other=other)
    return [row | more for row, more in zip(said, improves, strict=True)]


def conclusion(
    meeting_at: datetime,
    *,
    organisation: int,
    chair: int,
    secretary: int,
    members: Sequence[Member],
    owner: int,
    sign: Answers,
    **over: object,
) -> Answers:
    """专家组结论 on a near miss."""
    said = of_review.conclusion(
        meeting_at,
        organisation=organisation,
        chair=chair,
        secretary=secretary,
        members=members,
        owner=owner,
        sign=sign,
    )
    gone = {"death_dx", "causes", "underlying_icd", *of_review.votes(0)}
    kept = {name: value for name, value in said.items() if name not in gone}
    return (
        kept
        | _COURSE
        | {
            "main_dx": "O72.1",
            "basis": "休克、输红细胞 6 单位、切除子宫，符合三条，依据与原始记录一致。",
            "success_factors": _SUCCESS,
            "factor_analysis": "孕期贫血纠正不够，降低了对出血的耐受；夜间红细胞 40 分钟到位。",
            "grid": grid(),
            "conclusion": "improvable",
            "reason": "抢救及时规范；孕期贫血管理、夜间用血两个环节需要改进。",
            "problems": problems(owner=owner),
            "minutes": "对照个人意见，从建档到产后随访逐个环节讨论，先说有效经验，再说问题。",
            "recommendations": "一、修订产后出血救治流程。\n二、建立夜间紧急用血管理制度。",
        }
        | over
    )


def notice(said: Answers) -> Answers:
    """反馈通报 of a near miss, from that of a death."""
    return said | {"title": "关于一例危重孕产妇病例评审结果的反馈"}

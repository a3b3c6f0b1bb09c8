"""One good set of answers for the forms of a newborn's death: a boy of 29 weeks whose breathing
failed, cold after the way to the ward. Everything hangs on `death`; he lived for `LIVED`. Nobody in
here ever lived.
"""

from datetime import datetime, timedelta

from workflows.demo.answers import person, review
from workflows.demo.answers.hospital import discussion as of_a_woman
from workflows.demo.answers.submission import verification as of_a_womans_case
from workflows.forms.moment import SHANGHAI, written
from workflows.forms.spec import Answers

MOTHER, FATHER = "禾知暖", "麦大川"
NAME = f"{MOTHER}之子"
LIVED = timedelta(hours=38, minutes=20)
DIAGNOSES = "肺出血；新生儿呼吸窘迫综合征；早产儿；低体温"
INVENTORY_KEPT = (
    "antenatal", "mother_inpatient", "labour", "newborn", "nursing", "laboratory", "imaging",
    "consent", "handbook", "death_discussion", "autopsy",
)  # fmt: skip
INVENTORY_NOT_DUE = ("transfusion", "operation", "transport", "visit")


def causes() -> Answers:
    """(a) bleeding into the lungs ← (b) respiratory distress of a newborn."""
    return {
        "a": {"icd10": "P26.9", "text": "肺出血", "value": 3, "unit": "hour"},
        "b": {"icd10": "P22.0", "text": "新生儿呼吸窘迫综合征", "value": 38, "unit": "hour"},
    }


def report(
    death: datetime,
    *,
    organisation: int,
    reporter: str = "林小满",
    phone: str = "13900000001",
    **over: object,
) -> Answers:
    """快报 of a newborn's death."""
    return {
        "name": NAME,
        "sex": "1",
        "mother_name": MOTHER,
        "hospital_no": "XS26-0311",
        "plurality": 1,
        "birth_order": 1,
        "birth_dt": written(death - LIVED),
        "event_dt": written(death),
        "discovered_dt": written(death),
        "place_type": "institution",
        "residence_class": "county",
        "prelim_cause": "早产，新生儿呼吸窘迫综合征，肺出血",
        "reporter_org": organisation,
        "reporter": reporter,
        "phone": phone,
        "report_channel": "system",
    } | over


def discussion(
    death: datetime, *, sign: Answers, held_at: datetime | None = None, **over: object
) -> Answers:
    """院内讨论, by the paediatricians and obstetricians."""
    said = of_a_woman(death, sign=sign, held_at=held_at)
    said.pop("rescue_adequate_note")
    own: Answers = {
        "place": "新生儿科示教室",
        "chair": "江晓岚",
        "attendees": [
            {"name": "江晓岚", "department": "新生儿科", "title": "chief"},
            {"name": "秦思远", "department": "产科", "title": "chief"},
            {"name": "杜若白", "department": "新生儿科", "title": "attending"},
            {"name": "叶知秋", "department": "产科", "title": "resident"},
        ],
        "presenter": "杜若白",
        "summary": (
            "母亲孕 29 周余，胎膜早破 20 小时，产前激素未足疗程。自然分娩一男活婴，体重 1280 克，"
            "1 分钟评分 5 分，正压通气后好转。生后 40 分钟收入新生儿科，体温 35.1 度，呼吸困难。"
            "无创通气，生后 5 小时用肺表面活性物质。生后 35 小时肺出血，抢救无效死亡。"
        ),
        "opinions": [
            {
                "person": "杜若白",
                "title": "attending",
                "text": "收治时体温 35.1 度，从产房到新生儿科没有用转运保温箱。",
            },
            {
                "person": "江晓岚",
                "title": "chief",
                "text": "肺表面活性物质夜间到库房领取，用药晚了约 3 小时；请会诊也晚。",
            },
        ],
        "treatment_timely_note": "保暖不足，肺表面活性物质用药偏晚。",
        "rescue_adequate": "yes",
        "death_dx": DIAGNOSES,
        "causes": causes(),
        "lessons": "早产儿从产房到新生儿科的保暖没有专人负责；夜间关键药品不在科室。",
        "improvements": "产房配转运保温箱和塑料膜。\n新生儿科常备肺表面活性物质两支。",
    }
    return said | own | over


def card(
    death: datetime,
    *,
    organisation: int,
    region: str,
    hospital: str = person.HOSPITAL,
    filed_at: datetime | None = None,
    **over: object,
) -> Answers:
    """新生儿死亡报告卡, a part of the submission."""
    filed = (filed_at or death).astimezone(SHANGHAI)
    return {
        "card_no": "99270311",
        "supplementary": False,
        "name": NAME,
        "sex": "1",
        "birth_dt": written(death - LIVED),
        "gest_weeks": 29,
        "gest_days": 3,
        "birth_weight": 1280,
        "weight_type": "1",
        "plurality": 1,
        "birth_order": 1,
        "household": "1",
        "mother_name": MOTHER,
        "mother_age": 28,
        "father_name": FATHER,
        "kin_phone": "13900000097",
        "addr_report": region,
        "addr_household_status": "known",
        "addr_household": region,
        "addr_household_detail": "禾场镇秋分村（虚构）",
        "addr_usual_status": "household",
        "addr_current_status": "usual",
        "birth_place": "2",
        "delivery_hospital": hospital,
        "delivery_hospital_grade": "2",
        "delivery_mode": "1",
        "apgar_known": True,
        "apgar_1": 5,
        "apgar_5": 8,
        "apgar_10": 8,
        "resuscitated": "1",
        "resus_steps": ["initial", "ppv"],
        "death_dt": written(death),
        "death_place": "1",
        "death_hospital": hospital,
        "death_hospital_grade": "2",
        "care_before_death": "1",
        "diag_level": "2",
        "diag_basis": "4",
        "transported": False,
        "causes": causes(),
        "other_cause": "P07.3",
        "underlying_group": "c23",
        "underlying_icd": "P22.0",
        "icd_pm_group": "N7",
        "icd_pm_maternal": "M2",
        "fill_org": organisation,
        "filler": "周谷雨",
        "fill_date": filed.date().isoformat(),
        "coder": "纪小雪",
    } | over


def _timeline(death: datetime) -> list[Answers]:
    """From the early-pregnancy file to the death; (hours before, stage, place, …)."""
    early = (
        (3360, "booking", "某乡镇卫生院", "孕 9 周建档。", "评为绿色。", "母子健康手册", "2"),
        (216, "pregnancy", "某县妇幼保健院", "孕 28 周，白带异常。", "改评黄色。", "产检记录", "6"),
    )
    ward = (
        (58.5, "labour", "胎膜早破入院，孕 29 周余。", "地塞米松一剂，抗感染。", "产科病历", "4"),
        (38.4, "labour", "自然分娩一活男婴。", "儿科医师分娩前到场。", "分娩记录", "9"),
        (38.3, "resuscitation", "1 分钟评分 5 分。", "正压通气 2 分钟。", "新生儿复苏记录", "10"),
        (37.6, "onset", "呼吸困难，体温 35.1 度。", "收入新生儿科，无创通气。", "新生儿病历", "12"),
        (33.3, "rescue", "呼吸困难加重。", "肺表面活性物质 200 毫克每千克。", "护理记录", "15"),
        (3.0, "rescue", "气道血性分泌物，血氧下降。", "插管通气，止血，输血。", "新生儿病历", "19"),
        (0.0, "death", "抢救无效死亡。", "告知家属，封存病历。", "新生儿病历", "21"),
    )
    names = ("stage", "place", "event", "handling", "source", "page")
    rows: list[tuple[float, Answers]] = [
        (hours, dict(zip(names, rest, strict=True))) for hours, *rest in early
    ]
    for hours, stage, event, handling, source, page in ward:
        told = (stage, "某县级医院", event, handling, source, page)
        rows.append((hours, dict(zip(names, told, strict=True))))
    return [
        {"at": written(_before(death, hours)), **row} | ({"only_date": True} if hours > 100 else {})
        for hours, row in rows
    ]


def _before(death: datetime, hours: float) -> datetime:
    return death - timedelta(minutes=round(hours * 60))


def record(death: datetime, *, hospital: str = person.HOSPITAL, **over: object) -> Answers:
    """个案调查, a part of the submission."""
    return {
        "mother_occupation": "农民",
        "mother_education": "3",
        "father_age": 30,
        "payment": "rural",
        "gravida": 1,
        "para": 1,
        "past_losses": "无",
        "past_medical": "无",
        "anc": "1",
        "anc_count": 5,
        "last_anc_org": "青禾县妇幼保健院",
        "comorbidity": "胎膜早破，阴道炎。",
        "antenatal_steroid": "2",
        "labour_course": "胎膜早破 20 小时，规律宫缩后自然分娩，羊水清，胎心正常。",
        "membranes_hours": 20,
        "amniotic": "1",
        "fetal_distress": "2",
        "paediatrician_present": "1",
        "admit_state": "birth",
        "admit_dt": written(_before(death, 37.6)),
        "admit_condition": "体温 35.1 度，呼吸 70 次每分，三凹征，血糖 2.4。",
        "admit_temp": "35.1",
        "treatments": ["cpap", "ventilation", "surfactant", "antibiotics", "transfusion"],
        "course": "无创通气，生后 5 小时用肺表面活性物质，生后 35 小时肺出血，有创通气、输血。",
        "gave_up": "1",
        "first_contact_org": hospital,
        "timeline": _timeline(death),
        "onset_dt": written(_before(death, 38.2)),
        "first_doctor_dt": written(_before(death, 38.1)),
        "diagnosis_dt": written(_before(death, 36.5)),
        "treatment_dt": written(_before(death, 33.3)),
        "rescued": True,
        "family_contact_doctor": "杜若白",
        "family_contact_note": "收治时、肺出血时、死亡后各谈话一次，家属签字。",
        "narrative": (
            "患儿男，孕 29 周余自然分娩，体重 1280 克，其母胎膜早破 20 小时，产前激素未足疗程。"
            "在某县级医院出生，正压通气后好转，生后 40 分钟收入新生儿科，体温 35.1 度。"
            "无创通气，生后 5 小时用肺表面活性物质；生后 35 小时肺出血，抢救无效死亡。"
        ),
    } | over


def inventory(file: str) -> Answers:
    """Records kept, the newborn's scanned; the record of resuscitation is missing."""
    entries: Answers = {code: {"state": "have", "pages": 3} for code in INVENTORY_KEPT}
    entries["newborn"] = {"state": "have", "pages": 21, "files": [file]}
    entries |= {code: {"state": "na"} for code in INVENTORY_NOT_DUE}
    return entries | {"resuscitation": {"state": "none"}}


def case_submission(
    death: datetime,
    *,
    organisation: int,
    region: str,
    record_file: str,
    redacted_file: str,
    sign: Answers,
    hospital: str = person.HOSPITAL,
    filed_at: datetime | None = None,
    **over: object,
) -> Answers:
    """新生儿死亡个案报送: card, record and inventory in one."""
    filled = card(
        death, organisation=organisation, region=region, hospital=hospital, filed_at=filed_at
    )
    rest: Answers = {
        "record_inventory": inventory(record_file),
        "redacted_copy": [redacted_file],
        "redacted_checked": True,
        "sign": sign,
    }
    return filled | record(death, hospital=hospital) | rest | over


def verification(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """核实, accepted into review."""
    mended = {"method": ["record", "newborn_system", "phone"], "accurate": "good"}
    checked = of_a_womans_case(checked_at, sign=sign) | mended
    return {name: said for name, said in checked.items() if name != "accurate_note"} | over


def returned(checked_at: datetime, *, sign: Answers, **over: object) -> Answers:
    """核实, sent back for supplement."""
    back: Answers = {
        "complete": "poor",
        "complete_note": "缺新生儿复苏记录。",
        "record_complete": False,
        "record_missing": "新生儿复苏记录。",
        "verify_decision": "return",
        "return_reason": "病历资料不完整，补齐后再报。",
        "return_items": [
            {"part": "record_inventory", "item": "复苏记录", "requirement": "上传原件或写明情况。"}
        ],
        "conclusion": "退回补正，不影响时限计算。",
    }
    return verification(checked_at, sign=sign, **(back | over))


def grid() -> Answers:
    """Two ticked cells: skill and system in the hospital."""
    return {
        "5": {
            "factor": "极早产儿出生后保暖不足，收治时体温 35.1 度。",
            "evidence": "新生儿病历首次体温",
            "page": 12,
            "record_time": "出生后 40 分钟",
            "level": "county",
            "delay": "3c",
            "severity": "major",
            "suggestion": "产房配转运保温箱，专人负责保暖。",
            "responsible": "产科、新生儿科",
        },
        "8": {
            "factor": "夜间肺表面活性物质须到库房领取，用药推迟约 3 小时。",
            "evidence": "护理记录、领药单",
            "page": 15,
            "record_time": "出生后 2 小时至 5 小时",
            "level": "county",
            "delay": "3c",
            "severity": "major",
            "suggestion": "新生儿科常备关键药品。",
            "responsible": "药学部门",
        },
    }


def opinion(*, sign: Answers, **over: object) -> Answers:
    """个人评审意见 of one expert."""
    own: Answers = {
        "death_dx": DIAGNOSES,
        "grid": grid(),
        "neonatal_factors": ["nursing", "drugs", "rules"],
        "reason": "孕 29 周的早产儿在县医院有救治机会；保暖和用药及时，结局可以不同。",
        "anchor": "first_visit",
        "suggestions": [
            {
                "target_level": "institution",
                "text": "产房到新生儿科全程保暖，出生 60 分钟内测体温并记录。",
                "prevention": "secondary",
                "impact": "large",
            }
        ],
        "good_practice": "儿科医师分娩前到场，复苏及时。",
    }
    return review.opinion(sign=sign, **(own | over))


def problems(*, owner: int, other: int | None = None) -> list[Answers]:
    """Two problems, both for the ledger."""
    return [
        {
            "text": "早产儿从产房到新生儿科没有保暖转运，收治时低体温。",
            "area": "medical",
            "scope": "specific",
            "kind": "technique",
            "cell": "5",
            "organisation": owner,
            "evidence": "新生儿病历第 12 页",
            "rectify": True,
        },
        {
            "text": "新生儿科夜间没有常备肺表面活性物质，没有救治中心会诊的约定。",
            "area": "management",
            "scope": "general",
            "kind": "management",
            "cell": "8",
            "organisation": other or owner,
            "evidence": "护理记录第 15 页",
            "rectify": True,
        },
    ]


def concluded(*, owner: int, other: int | None = None) -> Answers:
    """What a panel finds, over the conclusion of any death."""
    return {
        "death_dx": DIAGNOSES,
        "causes": causes(),
        "basis": "(a) 气道血性分泌物，胸片。(b) 孕周、胸片和血气。",
        "underlying_icd": "P22.0",
        "factor_analysis": "低体温和用药推迟叠加；产前激素未足疗程。",
        "grid": grid(),
        "major_factors": ["5", "8"],
        "neonatal_factors": ["nursing", "drugs", "rules"],
        "reason": "医院有新生儿科和无创通气，保暖与药品没有到位；改善后可以避免。",
        "problems": problems(owner=owner, other=other),
        "minutes": "对照个人意见，重点讨论保暖和肺表面活性物质。经治人员说明后离场，再行表决。",
        "recommendations": "一、产房到新生儿科全程保暖。\n二、常备关键药品，约定夜间会诊。",
    }


def tied(reason: str) -> Answers:
    """Votes of a panel of five in which the chair has decided."""
    return {
        "votes_avoidable": 2,
        "votes_conditionally_avoidable": 2,
        "votes_unavoidable": 0,
        "votes_abstain": 1,
        "tie_reason": reason,
        "dissent": "两名专家认为可避免：医院有条件自己备药。",
    }


def notice(said: Answers, *, level: str = "county") -> Answers:
    """A notice about this case, from one about any other. `level`: where the review ends."""
    return said | {
        "title": "关于一例新生儿死亡病例评审结果的反馈",
        "general_care": "胎膜早破的孕妇没有及时转诊到有新生儿重症监护的机构。",
        "general_medical": "早产儿出生后保暖不足。",
        "general_admin": "夜间会诊没有约定流程。",
        "specific_medical": "肺表面活性物质用药偏晚。",
        "specific_admin": "新生儿科没有常备关键药品。",
        "guidance": "各助产机构对照自查早产儿保暖、复苏和转运流程。",
        "measures": "1. 产房配转运保温箱。\n2. 与救治中心约定夜间会诊。",
        "select_decision": level,
        "select_reason": "县级评审已经查清问题和责任单位。"
        if level == "county"
        else "涉及救治中心会诊和转运网络，需要市级专家评议。",
    }

"""Checks of a newborn's death: birth and death, order of birth, weight, care, the mother's case."""

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.derived import NEWBORN_DAYS, lived, lived_words
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import Answers

STAGES = {"labour": "分娩", "resuscitation": "出生与复苏", "death": "死亡"}
# (completed weeks below, or from which on; grams above, or below which a weight is unlikely)
HEAVIEST = ((28, 2000), (32, 3000), (37, 4500))
LIGHTEST = ((37, 1000), (32, 500))
MOMENTS = (
    ("birth_dt", "onset_dt", "最早出现异常不能早于出生"),
    ("onset_dt", "first_doctor_dt", "首位儿科医师接诊早于最早出现异常"),
    ("first_doctor_dt", "diagnosis_dt", "明确诊断早于首位儿科医师接诊"),
    ("diagnosis_dt", "treatment_dt", "开始确定性治疗早于明确诊断"),
)


def _death(answers: Answers) -> str:
    """Report and card call it otherwise."""
    return "death_dt" if "death_dt" in answers else "event_dt"


@cross_check("newborn_born_before_death")
def newborn_born_before_death(answers: Answers, context: Context) -> Found:
    birth, death = moment_in(answers, "birth_dt"), moment_in(answers, _death(answers))
    if birth and death and death < birth:
        yield (
            _death(answers),
            f"死亡时间早于出生时间（{shown(birth)}）；分娩前死亡的是死胎，不在这里报告",
        )


@cross_check("newborn_in_28_days")
def newborn_in_28_days(answers: Answers, context: Context) -> Found:
    age = lived(answers)
    if age is None or age.days < NEWBORN_DAYS:
        return
    reported = _death(answers) == "death_dt"
    instead = "本例请申请作废，另按" if reported else "请核对两个时间；无误的，请按"
    yield (
        _death(answers),
        f"出生后 {lived_words(age)}死亡，已满 {NEWBORN_DAYS} 天，不是新生儿死亡；"
        f"{instead}儿童死亡报告卡向县级妇幼保健机构报告",
    )


@cross_check("newborn_order")
def newborn_order(answers: Answers, context: Context) -> Found:
    many, order = answers.get("plurality"), answers.get("birth_order")
    if many is not None and order is not None and order > many:
        yield "birth_order", f"胎次（{order}）不能大于胎数（{many}）"


@cross_check("newborn_weight_and_weeks", warns=True)
def newborn_weight_and_weeks(answers: Answers, context: Context) -> Found:
    weeks, grams = answers.get("gest_weeks"), answers.get("birth_weight")
    if weeks is None or grams is None:
        return
    heavy = any(weeks < least and grams > most for least, most in HEAVIEST)
    light = any(weeks >= from_ and grams < least for from_, least in LIGHTEST)
    if heavy or light:
        yield "birth_weight", f"孕 {weeks} 周出生体重 {grams} 克，不常见，请核对孕周和体重"


@cross_check("newborn_apgar_rises", warns=True)
def newborn_apgar_rises(answers: Answers, context: Context) -> Found:
    first, fifth = answers.get("apgar_1"), answers.get("apgar_5")
    if first is not None and first < 7 and answers.get("resuscitated") == "2":
        yield "resuscitated", f"Apgar 1 分钟 {first} 分，却选了不需要复苏，请核对"
    if first is not None and fifth is not None and fifth < first:
        yield "apgar_5", f"5 分钟评分低于 1 分钟（{first} 分），请核对"


@cross_check("newborn_transport")
def newborn_transport(answers: Answers, context: Context) -> Found:
    birth, left = moment_in(answers, "birth_dt"), moment_in(answers, "transport_dt")
    death, arrived = moment_in(answers, "death_dt"), moment_in(answers, "transport_arrived_dt")
    if birth and left and left < birth:
        yield "transport_dt", f"转运不能早于出生（{shown(birth)}）；出生前转运写在母亲的转诊里"
    if death and left and left > death:
        yield "transport_dt", f"转运不能晚于死亡（{shown(death)}）"
    if left and arrived and arrived < left:
        yield "transport_arrived_dt", f"到达时间不能早于出发（{shown(left)}）"


@cross_check("newborn_care_and_place")
def newborn_care_and_place(answers: Answers, context: Context) -> Found:
    if answers.get("care_before_death") != "1" and answers.get("death_place") == "1":
        yield (
            "care_before_death",
            "死亡地点是医院，死亡前治疗应选「住院」；未收治的，请核对死亡地点",
        )
    if answers.get("care_before_death") == "3" and answers.get("diag_level") not in (None, "5"):
        yield "diag_level", "死亡前未治疗的，诊断级别应选「未就诊」"


@cross_check("newborn_maternal_condition")
def newborn_maternal_condition(answers: Answers, context: Context) -> Found:
    if answers.get("icd_pm_group") and not answers.get("icd_pm_maternal"):
        yield "icd_pm_maternal", "选了 ICD-PM 新生儿死因组，请一并选母亲情况；没有的选 M5"


@cross_check("birth_as_reported", warns=True)
def birth_as_reported(answers: Answers, context: Context) -> Found:
    birth, reported = moment_in(answers, "birth_dt"), context.known.case.get("born_at")
    if birth and reported and birth != reported:
        yield "birth_dt", f"与登记的出生时间（{shown(reported)}）不一致，以报告卡为准，请核对"


@cross_check("mother_case_known")
def mother_case_known(answers: Answers, context: Context) -> Found:
    """Only within what the person may see: a number says nothing about cases elsewhere."""
    number, find = answers.get("mother_case_no"), context.known.case.get("mother_case")
    if number and find is not None and not find(number):
        yield "mother_case_no", f"查不到母亲的病例 {number}；请核对编号，不是本单位能看到的先不填"


@cross_check("newborn_timeline_covers", warns=True)
def newborn_timeline_covers(answers: Answers, context: Context) -> Found:
    stages = {row.get("stage") for row in answers.get("timeline", [])}
    missing = [label for code, label in STAGES.items() if code not in stages]
    if stages and missing:
        yield "timeline", f"时间轴没有{'、'.join(missing)}；没有做的，也请写一条说明"


@cross_check("newborn_moments_in_order", warns=True)
def newborn_moments_in_order(answers: Answers, context: Context) -> Found:
    for start, end, words in MOMENTS:
        first, last = moment_in(answers, start), moment_in(answers, end)
        if first and last and last < first:
            yield end, f"{words}（{shown(first)}），请核对"

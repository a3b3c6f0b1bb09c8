"""Checks of the death card: identity, pregnancy, delivery, death."""

from datetime import timedelta

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.derived import SIX_WEEKS, days_postpartum
from workflows.forms.moment import day_in, moment_in, shown
from workflows.forms.spec import Answers

CARD_NUMBER = 8
USUAL_AGES = range(15, 50)
LONGEST_PREGNANCY = timedelta(weeks=45)
COLOURS = {"green", "yellow", "orange", "red"}
NO_COLOUR = {"none", "unknown"}


@cross_check("card_number")
def card_number(answers: Answers, context: Context) -> Found:
    number = answers.get("card_no", "")
    if number and not (len(number) == CARD_NUMBER and number.isascii() and number.isalnum()):
        yield "card_no", f"编号应为 {CARD_NUMBER} 位数字或字母，现在是 {len(number)} 位"


@cross_check("childbearing_age", warns=True)
def childbearing_age(answers: Answers, context: Context) -> Found:
    age = answers.get("age")
    if age is not None and age not in USUAL_AGES:
        yield "age", f"年龄 {age} 岁不在 15 至 49 岁之间，请核对"


@cross_check("death_not_before_delivery")
def death_not_before_delivery(answers: Answers, context: Context) -> Found:
    delivery, death = moment_in(answers, "delivery_dt"), moment_in(answers, "death_dt")
    if delivery and death and death < delivery:
        yield "death_dt", f"死亡时间不能早于分娩时间（{shown(delivery)}）"


@cross_check("lmp_before_delivery_and_death")
def lmp_before_delivery_and_death(answers: Answers, context: Context) -> Found:
    lmp = day_in(answers, "lmp")
    for name, what in (("delivery_dt", "分娩"), ("death_dt", "死亡")):
        at = moment_in(answers, name)
        if lmp and at and lmp > at.date():
            yield "lmp", f"末次月经不能晚于{what}时间（{shown(at)}）"


@cross_check("gestation_plausible", warns=True)
def gestation_plausible(answers: Answers, context: Context) -> Found:
    lmp, delivery = day_in(answers, "lmp"), moment_in(answers, "delivery_dt")
    if lmp and delivery and delivery.date() - lmp > LONGEST_PREGNANCY:
        yield "lmp", f"末次月经到分娩已超过 45 周（分娩 {shown(delivery)}），请核对"


@cross_check("death_as_reported", warns=True)
def death_as_reported(answers: Answers, context: Context) -> Found:
    """The clocks run from the reported moment whatever the card says: a difference is for the
    county to look at."""
    death, reported = moment_in(answers, "death_dt"), context.known.case.get("event_at")
    if death and reported and death != reported:
        yield "death_dt", f"与快报的死亡时间（{shown(reported)}）不一致；时限仍按快报计算，请核对"


@cross_check("six_weeks", warns=True)
def six_weeks(answers: Answers, context: Context) -> Found:
    days = days_postpartum(answers)
    if days is not None and days > SIX_WEEKS:
        yield "death_dt", f"产后第 {days} 天死亡，超过 {SIX_WEEKS} 天，不在孕产妇死亡统计范围内"


@cross_check("scope_note_beyond_six_weeks")
def scope_note_beyond_six_weeks(answers: Answers, context: Context) -> Found:
    days = days_postpartum(answers)
    if days is not None and days > SIX_WEEKS and not answers.get("scope_note"):
        yield "scope_note", f"产后第 {days} 天死亡，请说明为什么仍按孕产妇死亡报告"


@cross_check("para_not_above_gravida")
def para_not_above_gravida(answers: Answers, context: Context) -> Found:
    gravida, para = answers.get("gravida"), answers.get("para")
    if gravida is not None and para is not None and para > gravida:
        yield "para", f"产次（{para}）不能大于孕次（{gravida}）"


@cross_check("births_and_abortions", warns=True)
def births_and_abortions(answers: Answers, context: Context) -> Found:
    gravida, para, lost = (answers.get(name) for name in ("gravida", "para", "abortions"))
    if None in (gravida, para, lost):
        return
    if para <= gravida < para + lost:  # type: ignore[operator]
        yield "abortions", f"产次加人工流产、引产次数大于孕次（{gravida}），请核对"


@cross_check("delivery_mode_and_status")
def delivery_mode_and_status(answers: Answers, context: Context) -> Found:
    mode, status = answers.get("delivery_mode"), answers.get("delivery_status")
    if mode is None or status is None or (mode == "0") == (status == "0"):
        return
    if mode == "0":
        yield "delivery_mode", "分娩情况是已分娩，分娩方式不能是「未娩」"
    else:
        yield "delivery_mode", "分娩情况是未分娩或 28 周以前流产，分娩方式应选「未娩」"


@cross_check("risk_colours_combine")
def risk_colours_combine(answers: Answers, context: Context) -> Found:
    """Purple goes with any one colour; everything else stands alone."""
    chosen = set(answers.get("risk_color_last", ()))
    if len(chosen & COLOURS) > 1:
        yield "risk_color_last", "绿、黄、橙、红只能选一种，以最后一次评估为准"
    if chosen & NO_COLOUR and len(chosen) > 1:
        yield "risk_color_last", "选了「未评估」或「不详」，不能再选颜色"

"""Checks of the resident ID number against what else is said of the person."""

from workflows import id_card
from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.moment import SHANGHAI, moment_in
from workflows.forms.spec import Answers


@cross_check("id_number_matches")
def id_number_matches(answers: Answers, context: Context) -> Found:
    """Checksum, a woman's number, and a birth date that gives the age at death."""
    number = answers.get("id_no")
    if not number:
        return
    try:
        card = id_card.parse(number, context.today)
    except ValueError as wrong:
        yield "id_no", str(wrong)
        return
    if not card.female:
        yield "id_no", "身份证号的性别是男，请核对（第 17 位应为偶数）"
    yield from _age(card, answers, context)


def _age(card: id_card.IdCard, answers: Answers, context: Context) -> Found:
    event = context.known.case.get("event_at")
    death, age = moment_in(answers, "death_dt") or event, answers.get("age")
    at_death = card.age_on(death.astimezone(SHANGHAI).date() if death else context.today)
    if age is not None and age != at_death:
        yield "age", f"按身份证号出生日期（{card.born}）应为 {at_death} 岁，填的是 {age} 岁，请核对"

"""Checks of causes of death: what the coded chain says and how it fits the rest."""

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.spec import CAUSE_LINES, Answers

# Cardiac arrest, heart and respiratory failure, shock by itself, sudden or ill-defined death: how
# somebody died, not what she died of.
MODE_CODES = ("I46", "I50.9", "J96", "R09.2", "R57", "R96", "R98", "R99")
NOT_OBSTETRIC = ("7", "8", "9")  # groups of ICD-MM that a code outside chapter O may belong to


def filled_lines(answers: Answers) -> list[str]:
    """Lines of the chain that have a code, from (a) down."""
    causes = answers.get("causes", {})
    return [line for line in CAUSE_LINES if (causes.get(line) or {}).get("icd10")]


@cross_check("cause_not_mode_of_dying", warns=True)
def cause_not_mode_of_dying(answers: Answers, context: Context) -> Found:
    lines = filled_lines(answers)
    if lines and answers["causes"][lines[-1]]["icd10"].startswith(MODE_CODES):
        yield (
            f"causes.{lines[-1]}.icd10",
            "根本死因写成了死亡方式；请写引起死亡的疾病，不写衰竭、骤停、休克",
        )


@cross_check("cause_intervals_given")
def cause_intervals_given(answers: Answers, context: Context) -> Found:
    for line in filled_lines(answers):
        if not answers["causes"][line].get("unit"):
            yield f"causes.{line}.unit", f"请填死因 ({line}) 发病到死亡的间隔，不清楚选「不详」"


@cross_check("basis_for_causes")
def basis_for_causes(answers: Answers, context: Context) -> Found:
    for line in filled_lines(answers):
        if not answers.get(f"basis_{line}"):
            yield f"basis_{line}", f"死因链填了 ({line})，请写依据"


@cross_check("causes_as_discussed")
def causes_as_discussed(answers: Answers, context: Context) -> Found:
    """The card may differ from the hospital's discussion, but not silently."""
    discussed = context.known.latest("second_discussion") or context.known.latest(
        "in_hospital_discussion"
    )
    if discussed is None or answers.get("cause_difference") or not answers.get("causes"):
        return
    if _codes(answers) != _codes(discussed):
        theirs = " ← ".join(_codes(discussed))
        yield "cause_difference", f"死因链与院内讨论（{theirs}）不同，请说明理由"


def _codes(answers: Answers) -> list[str]:
    return [answers["causes"][line]["icd10"] for line in filled_lines(answers)]


@cross_check("underlying_is_last_line", warns=True)
def underlying_is_last_line(answers: Answers, context: Context) -> Found:
    codes, underlying = _codes(answers), answers.get("underlying_icd")
    if codes and underlying and underlying != codes[-1]:
        yield "underlying_icd", f"根本死因一般是死因链最后一行（{codes[-1]}），请核对"


@cross_check("underlying_obstetric_or_declared")
def underlying_obstetric_or_declared(answers: Answers, context: Context) -> Found:
    underlying = answers.get("underlying_icd", "O")
    if not underlying.startswith("O") and answers.get("icd_mm_group") not in NOT_OBSTETRIC:
        yield (
            "icd_mm_group",
            f"根本死因 {underlying} 不是产科编码（O 开头），请选 7 间接、8 不明或 9 巧合",
        )


@cross_check("cause_change_said")
def cause_change_said(answers: Answers, context: Context) -> Found:
    """After an autopsy: "not changed" must be true."""
    first = context.known.latest("in_hospital_discussion")
    if first is None or not answers.get("causes") or answers.get("cause_changed") is not False:
        return
    if _codes(answers) != _codes(first):
        yield "cause_changed", "死因链与第一次讨论不同，请选「是」并说明"

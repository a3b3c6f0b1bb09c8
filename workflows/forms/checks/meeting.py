"""Checks of the hospital's own discussion and of the explanation that follows it."""

from itertools import pairwise

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.moment import moment_in, shown
from workflows.forms.spec import CAUSE_LINES, Answers

# Speakers go from junior to senior; titles outside the physicians' ladder speak when asked.
SENIORITY = {"resident": 1, "attending": 2, "associate_chief": 3, "chief": 4}
# Cardiac arrest, respiratory arrest and failure, shock by itself, sudden or ill-defined death.
MODE_CODES = ("I46", "I50.9", "J96", "R09.2", "R57", "R96", "R98", "R99")


@cross_check("held_after_event")
def held_after_event(answers: Answers, context: Context) -> Found:
    held, event = moment_in(answers, "held_dt"), context.known.case.get("event_at")
    if held and event and held < event:
        yield "held_dt", f"讨论时间不能早于死亡时间（{shown(event)}）"


@cross_check("junior_speaks_first", warns=True)
def junior_speaks_first(answers: Answers, context: Context) -> Found:
    """Only said: minutes must show the order in which people spoke, even a wrong one."""
    ranked = [
        (SENIORITY[row["title"]], place)
        for place, row in enumerate(answers.get("opinions", []))
        if row.get("title") in SENIORITY
    ]
    for (before, _), (rank, place) in pairwise(ranked):
        if rank < before:
            yield f"opinions.{place}.title", "发言一般按职称由低到高；顺序确实如此的，可以照实提交"


@cross_check("cause_not_mode_of_dying", warns=True)
def cause_not_mode_of_dying(answers: Answers, context: Context) -> Found:
    causes = answers.get("causes", {})
    filled = [line for line in CAUSE_LINES if causes.get(line, {}).get("icd10")]
    if filled and causes[filled[-1]]["icd10"].startswith(MODE_CODES):
        yield (
            f"causes.{filled[-1]}.icd10",
            "根本死因写成了死亡方式；请写引起死亡的疾病，如 O72.1 其他即时产后出血",
        )


@cross_check("explained_after_discussion")
def explained_after_discussion(answers: Answers, context: Context) -> Found:
    """A03: it is the result of the discussion that is explained."""
    explained = moment_in(answers, "explained_dt")
    held = moment_in(context.known.latest("in_hospital_discussion") or {}, "held_dt")
    if explained and held and explained < held:
        yield "explained_dt", f"说明时间不能早于院内讨论时间（{shown(held)}）"

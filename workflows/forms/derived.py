"""What is computed from answers and never asked: days after delivery, intervals, completeness."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from workflows.forms.moment import SHANGHAI, card_hour, moment_in
from workflows.forms.spec import Answers

__all__ = [
    "card_hour",
    "days_postpartum",
    "inventory_percent",
    "key_intervals",
    "lived",
    "lived_words",
    "newborn_class",
]

SIX_WEEKS = 42
NEWBORN_DAYS = 28  # a newborn dies before so many days are complete: 0 to 27
EARLY_DAYS = 7
# (from, to, what the interval is called)
INTERVALS = (
    ("symptom_dt", "seek_dt", "出现症状到决定就医"),
    ("seek_dt", "arrive_dt", "决定就医到到达机构"),
    ("arrive_dt", "first_doctor_dt", "到达到医师接诊"),
    ("first_doctor_dt", "diagnosis_dt", "接诊到明确诊断"),
    ("diagnosis_dt", "treatment_dt", "明确诊断到确定性治疗"),
    ("blood_request_dt", "transfusion_dt", "申请用血到开始输血"),
    ("decision_dt", "incision_dt", "决定手术到手术开始或胎儿娩出"),
)


def days_postpartum(answers: Answers) -> int | None:
    """Whole days from delivery to death by the calendar (the day of delivery is 0); None when one
    of them is not known."""
    delivery, death = moment_in(answers, "delivery_dt"), moment_in(answers, "death_dt")
    if not delivery or not death:
        return None
    return (death.astimezone(SHANGHAI).date() - delivery.astimezone(SHANGHAI).date()).days


def lived(answers: Answers) -> timedelta | None:
    """From birth to death; None when one of them is not known."""
    birth = moment_in(answers, "birth_dt")
    death = moment_in(answers, "death_dt") or moment_in(answers, "event_dt")
    return death - birth if birth and death else None


def lived_words(age: timedelta) -> str:
    """3 天 5 小时, 5 小时 20 分: in whole units, so that no 24 hours stand where a day is meant."""
    hours, minutes = age.seconds // 3600, age.seconds % 3600 // 60
    return f"{age.days} 天 {hours} 小时" if age.days else f"{hours} 小时 {minutes} 分"


def newborn_class(age: timedelta) -> str:
    """By days complete."""
    if age.days < EARLY_DAYS:
        return "早期新生儿死亡（0 至 6 天）"
    return "晚期新生儿死亡（7 至 27 天）" if age.days < NEWBORN_DAYS else "超过 27 天"


def key_intervals(answers: Answers) -> list[tuple[str, int]]:
    """(name, minutes) of the intervals whose two ends are known."""
    found = []
    for start, end, name in INTERVALS:
        first, last = moment_in(answers, start), moment_in(answers, end)
        if first and last:
            found.append((name, int((last - first).total_seconds()) // 60))
    return found


def inventory_percent(inventory: Mapping[str, Any]) -> int | None:
    """How much of what should be there is there, in whole per cent; None when nothing should be."""
    states = [entry.get("state") for entry in inventory.values()]
    due = states.count("have") + states.count("none")
    return 100 * states.count("have") // due if due else None

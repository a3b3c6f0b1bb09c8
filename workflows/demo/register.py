"""The demonstration's register: plainly fictional women at different grades, one follow-up late,
one report late, one risk that rose and was sent on to the rescue centre, one record closed."""

from datetime import datetime, timedelta
from typing import Any

from models import RiskRecord
from workflows import id_card
from workflows.actions import register
from workflows.actions.risk_entry import Factor
from workflows.demo.people import BAILU, QINGHE, seat_of
from workflows.demo.stage import Stage
from workflows.forms.moment import SHANGHAI

SCAR = Factor("scar", "yellow", "瘢痕子宫，距上次剖宫产 3 年")
AGE = Factor("age_body", "yellow", "36 岁")
BMI = Factor("age_body", "yellow", "体重指数 29")
PRESSURE = Factor("hypertension", "orange", "孕 30 周血压 158/104 mmHg，尿蛋白（++）")
PLACENTA = Factor("placenta", "red", "凶险性前置胎盘")
HEPATITIS = Factor("infection", "purple", "乙肝病毒携带")


def play(stage: Stage, now: datetime) -> None:
    """Six women of two counties."""
    session = stage.session
    units = {key: str(unit.id) for key, unit in stage.units.items()}

    def woman(who: str, days: float, number: int, name: str, *factors: Factor, **said: Any) -> Any:
        by, at = seat_of(session, who), now - timedelta(days=days)
        county = BAILU if who in ("hexs", "subl", "gaomz") else QINGHE
        answers = _person(name, county, number, at) | _judged(at, by.user.name) | said
        return register.register_woman(session, answers, factors, by=by, now=at)

    def again(row: RiskRecord, who: str, days: float, *factors: Factor, **said: Any) -> None:
        by, at = seat_of(session, who), now - timedelta(days=days)
        answers = _judged(at, by.user.name) | {"occasion": "antenatal"} | said
        register.assess(session, row, answers, factors, by=by, now=at)

    woman("linxm", 40, 21, "示例甲", SCAR, AGE, BMI, next_on=_day(now, -5))
    rose = woman("linxm", 62, 22, "示例乙", AGE, SCAR)
    again(rose, "linxm", 2, AGE, SCAR, PLACENTA, report="yes", next_on=_day(now, 3),
          advice="住院观察，联系市孕产救治中心会诊，制定个性化分娩预案。",
          referred_to=units["maternal_centre"])  # fmt: skip
    woman("hexs", 6, 23, "示例丙", PRESSURE, next_on=_day(now, 4))
    woman("hexs", 3, 24, "示例丁", HEPATITIS, AGE, report="yes", next_on=_day(now, 11))
    woman("shenqm", 20, 25, "示例戊", PRESSURE, AGE, report="yes", next_on=_day(now, 1))
    done = woman("gaomz", 170, 26, "示例己", AGE, next_on=_day(now, -150))
    again(done, "gaomz", 60, AGE, occasion="discharge", next_on=_day(now, -10))
    by = seat_of(session, "gaomz")
    closing = {
        "outcome": "postpartum",
        "delivered_on": _day(now, -62),
        "note": "产后 42 天检查无异常。",
    }
    register.close(session, done, closing, by=by, now=now - timedelta(days=12))


def _day(now: datetime, days: int) -> str:
    return (now + timedelta(days=days)).astimezone(SHANGHAI).date().isoformat()


def _person(name: str, county: str, number: int, at: datetime) -> dict[str, str]:
    first = f"{county}19900{number % 9 + 1}15{number:02d}2"
    return {
        "name": name,
        "id_no": first + id_card.check_digit(first),
        "phone": f"138000001{number:02d}",
        "county": county,
        "lmp": _day(at, -120),
        "edd": _day(at, 160),
        "gravida": "2",
        "para": "1",
        "doctor": "何高年",
    }


def _judged(at: datetime, who: str) -> dict[str, str]:
    moment = (at - timedelta(hours=1)).astimezone(SHANGHAI)
    return {
        "at": moment.strftime("%Y-%m-%dT%H:%M"),
        "occasion": "booking",
        "assessed_by": who,
        "next_on": _day(at, 28),
    }

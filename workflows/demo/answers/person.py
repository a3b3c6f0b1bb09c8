"""The invented case itself: who, which diagnoses, what a signature looks like."""

from datetime import datetime, timedelta

from workflows.forms.moment import SHANGHAI, written
from workflows.forms.spec import Answers
from workflows.id_card import check_digit

NAME = "禾小满"
HUSBAND = "田大满"
AGE = 31
HOSPITAL = "青禾县人民医院"
DIAGNOSES = "产后出血（宫缩乏力）；产后凝血功能障碍；失血性休克；瘢痕子宫"


def signature(user: int, name: str, at: datetime) -> Answers:
    """What stands in a form once the password was typed again."""
    return {"user": user, "name": name, "at": written(at)}


def id_number(event_at: datetime, *, region: str = "990121", serial: str = "002") -> str:
    """A number of an invented region for a woman of AGE at `event_at`; even serials are women."""
    day = event_at.astimezone(SHANGHAI).date() - timedelta(days=100)
    first = f"{region}{day.year - AGE}{day:%m%d}{serial}"
    if first[10:14] == "0229":
        first = f"{first[:12]}28{serial}"
    return first + check_digit(first)


def causes() -> Answers:
    """(a) clotting failure ← (b) bleeding after birth."""
    return {
        "a": {"icd10": "O72.3", "text": "产后凝血功能障碍", "value": 3, "unit": "hour"},
        "b": {"icd10": "O72.1", "text": "宫缩乏力性产后出血", "value": 5, "unit": "hour"},
    }

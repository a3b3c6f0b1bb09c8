"""What the people of a newborn's death answer, fitted to a walk's moment; see `tests.said`."""

from collections.abc import Callable
from typing import Any

from tests import said
from tests.said import SIGNED
from tests.walk import Said, Walk
from workflows.demo.answers import newborn as answers
from workflows.forms.spec import Answers


def report(**over: object) -> Said:
    return lambda walk: answers.report(walk.death, organisation=walk.units["qh_hospital"], **over)


def discussion(**over: object) -> Said:
    return lambda walk: answers.discussion(walk.death, sign=SIGNED, held_at=walk.now, **over)


def submission(**over: object) -> Said:
    return said.submission(make=answers.case_submission, **over)


def verification(**over: object) -> Said:
    return lambda walk: answers.verification(walk.now, sign=SIGNED, **over)


def returned(**over: object) -> Said:
    return lambda walk: answers.returned(walk.now, sign=SIGNED, **over)


def panel(level: str, days: float) -> Said:
    """The newborns' rescue centre guides; its expert sits on the panel."""
    ordinary = said.panel(level, days)

    def convened(walk: Walk) -> Answers:
        asked: dict[str, Any] = ordinary(walk)
        seat = walk.seat("sundq")
        guide = {"user": seat.user_id, "organisation": seat.organisation_id, "is_guide": True}
        members = [row for row in asked["members"] if not row["is_guide"]]
        centre = walk.units["neonatal_centre"]
        return asked | {"members": [*members, guide], "guide_organisation": centre}

    return convened


def opinion(**over: object) -> Said:
    return lambda walk: answers.opinion(sign=SIGNED, **over)


def conclusion(level: str, **over: object) -> Said:
    """The second problem is the MCH hospital's; the city finds one more at the hospital only."""
    ordinary: Callable[[Walk], Answers] = said.conclusion(level)

    def concluded(walk: Walk) -> Answers:
        owner, other = walk.units["qh_hospital"], walk.units["qh_mch"]
        found = answers.concluded(owner=owner, other=other)
        return ordinary(walk) | found | over

    return concluded


def notice(level: str) -> Said:
    ordinary = said.notice()
    return lambda walk: answers.notice(ordinary(walk), level=level)

"""What the people of a near miss answer, fitted to a walk's moment; see `tests.said`."""

from collections.abc import Sequence
from datetime import timedelta

from tests.said import SIGNED
from tests.said import notice as death_notice
from tests.said import receipt as death_receipt
from tests.said import submission as death_submission
from tests.walk import Said, Walk
from workflows.demo.answers import nearmiss as answers
from workflows.forms.spec import Answers

_COMMISSIONS = {"county": "qh_commission", "city": "city_commission"}
_SECRETARIES = {"county": "wugs", "city": "zhengdh"}


def report(**over: object) -> Said:
    return lambda walk: answers.report(walk.death, organisation=walk.units["qh_hospital"], **over)


def receipt(**over: object) -> Said:
    return death_receipt(call_note=answers.CALLED_BACK, **over)


def submission(**over: object) -> Said:
    return death_submission(make=answers.case_submission, **over)


def verification(**over: object) -> Said:
    return lambda walk: answers.verification(walk.now, sign=SIGNED, **over)


def returned(**over: object) -> Said:
    return lambda walk: answers.returned(walk.now, sign=SIGNED, **over)


def selection(level: str) -> Said:
    return lambda walk: answers.selection(sign=SIGNED, level=level)


def opinion(**over: object) -> Said:
    return lambda walk: answers.opinion(sign=SIGNED, **over)


def conclusion(level: str, *, absent: Sequence[str] = (), **over: object) -> Said:
    """Everybody but the absent has signed in before; the second problem is the MCH hospital's."""

    def said(walk: Walk) -> Answers:
        for member in [each for each in walk.panel(level).members if each.reads]:
            if member.user.username not in absent:
                walk.sign_in(member.user.username, level)
        panel = walk.panel(level)
        seated = [each for each in panel.members if each.reads]
        owner, other = walk.units["qh_hospital"], walk.units["qh_mch"]
        filled = answers.conclusion(
            walk.now - timedelta(hours=1),
            organisation=walk.units[_COMMISSIONS[level]],
            chair=panel.chair_id,
            secretary=walk.user(_SECRETARIES[level]),
            members=[(each.user_id, each.organisation_id, each.is_guide) for each in seated],
            owner=owner,
            sign=SIGNED,
        )
        away = {walk.user(who) for who in absent}
        for row in filled["attendance"]:
            row |= {"present": row["user"] not in away, "voting": row["user"] not in away}
        return filled | {"problems": answers.problems(owner=owner, other=other)} | over

    return said


def notice(**over: object) -> Said:
    ordinary = death_notice(**over)
    return lambda walk: answers.notice(ordinary(walk))

"""What the people of a walk answer: the demonstration's good answers, fitted to a walk's moment.

Each function is made for one form and returns what `tests.walk.Move.said` wants; `over` replaces
or adds answers.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.walk import Move, Said, Walk
from workflows.demo import answers
from workflows.forms.moment import SHANGHAI
from workflows.forms.spec import Answers

GUIDE = "qianqs"
COUNTY_PANEL = ("chenyf", "qianqs", "fengjc", "chuys", "lixh")
CITY_PANEL = ("wangzy", "qianqs", "zhaocs", "fengjc", "chenyf")  # two of the county's
NAME = answers.NAME
SIGNED: Answers = {"user": 0, "name": "", "at": ""}  # typed as the password; the page signs


def signed(walk: Walk, who: str) -> Answers:
    """The page signs; only the name is used elsewhere in some forms."""
    return {**SIGNED, "name": walk.seat(who).user.name}


def report(**over: object) -> Said:
    def said(walk: Walk) -> Answers:
        unit = walk.units["qh_hospital"]
        return answers.report(walk.death, organisation=unit, **over)  # type: ignore[arg-type]

    return said


def receipt(**over: object) -> Said:
    def said(walk: Walk) -> Answers:
        return answers.receipt(
            walk.now - timedelta(minutes=10),
            organisation=walk.units["qh_mch"],
            commission=walk.units["qh_commission"],
            upper_mch=walk.units["city_mch"],
            sign=signed(walk, "shenqm"),
            **over,
        )

    return said


def discussion(**over: object) -> Said:
    return lambda walk: answers.discussion(
        walk.death, sign=SIGNED, held_at=walk.now - timedelta(hours=1), **over
    )


def explanation(**over: object) -> Said:
    return lambda walk: answers.explanation(
        walk.death,
        commission=walk.units["qh_commission"],
        sign=signed(walk, "helx"),
        explained_at=walk.now - timedelta(minutes=20),
        **over,
    )


def submission(make: Callable[..., Answers] = answers.submission, **over: object) -> Said:
    """`make`: the answers of another kind of case."""

    def said(walk: Walk) -> Answers:
        return make(
            walk.death,
            organisation=walk.units["qh_hospital"],
            region="990121100",
            record_file=walk.upload("zhougy", "record.pdf"),
            redacted_file=walk.upload("zhougy", "redacted.pdf"),
            sign=SIGNED,
            filed_at=walk.now,
            **over,
        )

    return said


def supplement(**over: object) -> Said:
    """Only what was asked for is changed: everything else the page brings along itself."""
    return lambda walk: {"card_no": "99210816", "sign": SIGNED} | over


def verification(**over: object) -> Said:
    return lambda walk: answers.verification(walk.now, sign=SIGNED, **over)


def returned(**over: object) -> Said:
    return lambda walk: answers.returned(walk.now, sign=SIGNED, **over)


def panel(level: str, days: float, **over: object) -> Said:
    """A meeting in so many days."""

    def said(walk: Walk) -> Answers:
        members = _members(walk, level)
        return answers.panel(
            walk.now + timedelta(days=days),
            organisation=walk.units[_COMMISSIONS[level]],
            chair=members[0][0],
            secretary=walk.user(_SECRETARIES[level]),
            members=members,
            guide=walk.units["maternal_centre"],
            **over,
        )

    return said


def opinion(**over: object) -> Said:
    return lambda walk: answers.opinion(sign=SIGNED, **over)


def conclusion(level: str, *, absent: Sequence[str] = (), **over: object) -> Said:
    """All but one for one conclusion, one against it; the other problem is the MCH hospital's.
    Everybody but the absent has signed in before."""

    def said(walk: Walk) -> Answers:
        panel = walk.panel(level)
        seated = [each for each in panel.members if each.reads]
        for member in seated:
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
        problems = answers.problems(owner=owner, other=other)
        if level == "city":
            problems = problems[:1]
        code = str(over.get("conclusion", filled["conclusion"]))
        votes = answers.votes(len(seated) - len(away), code, 1)
        dissent = {"dissent": "一名专家认为不可避免：出血进展过快。"}
        why = dict(answers.DIFFERENCES) if level == "city" else {}
        if "conclusion" not in over:
            why.pop("difference_conclusion", None)
        return filled | {"problems": problems} | votes | dissent | why | over

    return said


def signed_by_all(panel: Sequence[str], at: float, last: str, beside: str = "") -> list[Move]:
    """The chair's signature and everybody else's. `last`: open then; `beside`: all along."""
    chair, *others = panel
    moves = []
    for number, who in enumerate((chair, *others)):
        left = " ".join(f"member_sign:{each}" for each in others[number:]) or last
        step, said = ("member_sign", member_signs()) if number else ("chair_sign", chair_signs())
        moves.append(Move(at + number / 4, who, step, said, f"{left} {beside}"))
    return moves


def three_problems(units: Mapping[str, int]) -> list[dict[str, Any]]:
    """All to be put right: by the MCH institution, and twice by the hospital."""
    first, second, third = answers.problems(owner=units["qh_hospital"], other=units["qh_mch"])
    third = third | {"rectify": True, "kind": "management"}
    return [first, second, {name: said for name, said in third.items() if name != "waived_reason"}]


_COMMISSIONS = {"county": "qh_commission", "city": "city_commission"}
_SECRETARIES = {"county": "wugs", "city": "zhengdh"}
_PANELS = {"county": COUNTY_PANEL, "city": CITY_PANEL}


def _members(walk: Walk, level: str) -> list[answers.Member]:
    seats = [(who, walk.seat(who)) for who in _PANELS[level]]
    return [(seat.user_id, seat.organisation_id, who == GUIDE) for who, seat in seats]


def chair_signs() -> Said:
    return lambda walk: answers.chair_signature(sign=SIGNED)


def member_signs(reserved: str = "") -> Said:
    return lambda walk: answers.member_signature(sign=SIGNED, reserved=reserved)


def chair_returns() -> Said:
    return lambda walk: answers.chair_return()


def endorsement() -> Said:
    return lambda walk: answers.endorsement(sign=SIGNED)


def notice(**over: object) -> Said:
    return lambda walk: answers.notice(
        recipients=[walk.units["qh_hospital"], walk.units["qh_mch"]],
        sign=SIGNED,
        reply_due=(walk.now + timedelta(days=30)).astimezone(SHANGHAI).date(),
        **over,
    )


def notice_again(**over: object) -> Said:
    """The draft comes back filled in; one place is mended."""
    return lambda walk: {"specific_admin": "入院时未备血，责任单位已核对。", "sign": SIGNED} | over


def issue() -> Said:
    return lambda walk: answers.notice_issue(sign=SIGNED)


def issue_returned() -> Said:
    return lambda walk: answers.notice_return()


def notice_receipt(who: str) -> Said:
    return lambda walk: answers.notice_receipt(sign=signed(walk, who))


def plan(days: int, **over: object) -> Said:
    """Deadline in so many days."""
    return lambda walk: answers.plan(
        (walk.now + timedelta(days=days)).astimezone(SHANGHAI).date(), **over
    )


def progress(who: str, percent: int = 100, **over: object) -> Said:
    """With a photograph when it is done."""

    def said(walk: Walk) -> Answers:
        evidence: Sequence[str] = [walk.upload(who, "drill.jpg")] if percent == 100 else ()
        return answers.progress(percent=percent, evidence=evidence, **over)

    return said


def acceptance(**over: object) -> Said:
    return lambda walk: answers.acceptance(walk.now, sign=SIGNED, **over)


def rejection(**over: object) -> Said:
    return lambda walk: answers.rejection(walk.now, sign=SIGNED, **over)


def second_discussion(**over: object) -> Said:
    def said(walk: Walk) -> Answers:
        return answers.second_discussion(
            walk.death,
            report_file=walk.upload("zhougy", "autopsy.pdf"),
            sign=SIGNED,
            held_at=walk.now - timedelta(hours=2),
            **over,
        )

    return said


def archive(**over: object) -> Said:
    return lambda walk: answers.archive(sign=SIGNED, **over)

"""Good answers for every form file, what surrounds them, and how a test spoils them."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.demo import answers as demo
from workflows.demo.answers import nearmiss, newborn
from workflows.forms.check import Known

EVENT = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)  # 2026-11-21 03:40 in China
NOW = EVENT + timedelta(days=40)
SIGN = demo.signature(7, "沈清明", EVENT + timedelta(hours=5))
HOSPITAL, MCH, COMMISSION, CITY_MCH, CENTRE = 1, 2, 3, 4, 5
CHAIR, SECOND, GUIDE, SECRETARY = 21, 22, 23, 30
MEMBERS = ((CHAIR, CITY_MCH, False), (SECOND, CITY_MCH, False), (GUIDE, CENTRE, True))
GONE = object()  # the answer is taken away


def days(count: float) -> datetime:
    """So many days after the death."""
    return EVENT + timedelta(days=count)


def unkind(row: dict[str, Any]) -> dict[str, Any]:
    """As the first versions of these forms asked it."""
    return {name: value for name, value in row.items() if name != "kind"}


GOOD: dict[str, dict[str, Any]] = {
    "report.v1": demo.report(EVENT, organisation=HOSPITAL),
    "receipt.v1": demo.receipt(
        EVENT + timedelta(hours=2),
        organisation=MCH,
        commission=COMMISSION,
        upper_mch=CITY_MCH,
        sign=SIGN,
    ),
    "in_hospital_discussion.v1": demo.discussion(EVENT, sign=SIGN),
    "head_explanation.v1": demo.explanation(EVENT, commission=COMMISSION, sign=SIGN),
    "death_card.v1": demo.death_card(EVENT, organisation=HOSPITAL, region="990121"),
    "case_record.v1": demo.case_record(EVENT),
    "record_inventory.v1": {
        "record_inventory": demo.inventory("scan"),
        "redacted_copy": ["redacted"],
        "redacted_checked": True,
    },
    "case_submission.v1": demo.submission(
        EVENT,
        organisation=HOSPITAL,
        region="990121",
        record_file="scan",
        redacted_file="redacted",
        sign=SIGN,
    ),
    "verification.v1": demo.returned(days(3), sign=SIGN),
    "panel.v1": demo.panel(
        days(20),
        organisation=COMMISSION,
        chair=CHAIR,
        secretary=SECRETARY,
        members=MEMBERS,
        guide=CENTRE,
    ),
    "opinion.v2": demo.opinion(sign=SIGN),
    "conclusion.v5": demo.conclusion(
        days(20),
        organisation=COMMISSION,
        chair=CHAIR,
        secretary=SECRETARY,
        members=MEMBERS,
        owner=HOSPITAL,
        sign=SIGN,
    ),
    "conclusion_signature.v1": demo.member_signature(sign=SIGN, reserved="出血进展过快。"),
    "conclusion_chair.v1": demo.chair_signature(sign=SIGN),
    "conclusion_endorsement.v1": demo.endorsement(sign=SIGN),
    "notice.v1": demo.notice(recipients=[HOSPITAL, MCH], sign=SIGN, reply_due=days(60).date()),
    "notice_issue.v1": demo.notice_issue(sign=SIGN),
    "notice_issue.v2": demo.notice_issue(sign=SIGN, confirm_reason="只有一例，写明例数。"),
    "notice_receipt.v1": demo.notice_receipt(sign=SIGN),
    "monthly_report.v1": demo.monthly_report(
        period="2026 年 11 月", n_cases=2, sign=SIGN, missing_note="已催白鹭县，承诺明日报送。"
    ),
    "monthly_check.v1": demo.month_check(sign=SIGN, reason="缺一例，请核对。"),
    "quarterly_notice.v1": demo.quarterly_notice(
        period="2026 年第 4 季度", deaths=2, reviewed=1, recipients=[MCH, COMMISSION], sign=SIGN
    ),
    "quarterly_notice.v2": demo.quarterly_notice(
        period="2026 年第 4 季度", deaths=2, reviewed=1, recipients=[MCH, COMMISSION], sign=SIGN
    ),
    "letter.v1": demo.letter(
        "interview", recipients=[MCH], sign=SIGN, reply_due=days(60).date().isoformat()
    ),
    "letter.v2": demo.letter(
        "recall",
        recipients=[MCH],
        sign=SIGN,
        title="关于撤回的通知",
        recalled="青禾卫健母婴通报〔2026〕1号",
        replies="move",
        moved_due=days(60).date().isoformat(),
    ),
    "letter_check.v1": demo.letter_check(sign=SIGN, reason="请核对期间。"),
    "notice_reply.v1": demo.reply(sign=SIGN, files=["photo"]),
    "notice_reply_reading.v1": demo.reply_reading(
        sign=SIGN, again="请附佐证。", due=days(70).date().isoformat()
    ),
    "rectification_plan.v1": demo.plan(days(100).date(), problem="未称重计量"),
    "rectification_progress.v1": demo.progress(evidence=["photo"]),
    "rectification_progress.v2": demo.progress(
        evidence=["photo"], guidance_result="adopted", guidance_answer="已改为双人核对。"
    ),
    "rectification_acceptance.v1": demo.rejection(days(39), sign=SIGN),
    "ledger_item.v1": demo.problem(
        owner=HOSPITAL, acceptor=COMMISSION, found_on=days(30).date(), files=["photo"]
    ),
    "ledger_item.v2": demo.problem(
        owner=HOSPITAL, acceptor=COMMISSION, found_on=days(30).date(), files=["photo"]
    ),
    "extension_request.v1": demo.extension(days(120).date()),
    "extension_decision.v1": demo.extension_refused(sign=SIGN),
    "effect_check.v1": demo.effect(
        sign=SIGN,
        effect_judgement="not_yet",
        reason="样本太少。",
        again_on=days(90).date().isoformat(),
    ),
    "second_discussion.v1": demo.second_discussion(EVENT, report_file="autopsy", sign=SIGN),
    "archive.v1": demo.archive(sign=SIGN),
    "reminder_letter.v1": demo.reminder_letter(sign=SIGN),
    "reminder_receipt.v1": demo.reminder_receipt(sign=SIGN),
    "supervision_team.v1": demo.supervision_team(days(39), lead=CHAIR, sign=SIGN),
    "supervision_report.v1": demo.supervision_report(
        days(39), sign=SIGN, problems=[unkind(demo.requirement(days(39), "没有专人核对。"))]
    ),
    "supervision_report.v2": demo.supervision_report(days(39), sign=SIGN),
    "supervision_receipt.v1": demo.supervision_receipt(sign=SIGN),
    "supervision_close.v1": demo.closing(days(39), sign=SIGN),
    "interview_summons.v1": demo.summons(days(39), sign=SIGN),
    "interview_receipt.v1": demo.summons_receipt(sign=SIGN),
    "interview_record.v1": demo.interview(
        days(39), sign=SIGN, requirements=[unkind(demo.requirement(days(39), "每月演练。"))]
    ),
    "interview_record.v2": demo.interview(days(39), sign=SIGN),
    "interview_object_sign.v1": demo.interview_disputed(sign=SIGN),
    "interview_object_sign.v2": demo.interview_disputed(sign=SIGN),
    "interview_object_sign.v3": demo.interview_disputed(sign=SIGN),
    "interview_sign.v1": demo.interview_signed(sign=SIGN),
    "interview_filing.v1": demo.filing(days(39), sign=SIGN),
    "interview_filed.v1": demo.filed(days(39), sign=SIGN),
    "interview_close.v1": demo.closing(days(39), sign=SIGN),
}


def _untimed(form: str) -> dict[str, Any]:
    """The same as it was written before each cell had to name a time of the record."""
    answers = copy.deepcopy(GOOD[form])
    for cell in answers["grid"].values():
        del cell["record_time"]
    return answers


def _before_sign_in() -> dict[str, Any]:
    """The conclusion as it was written before meetings were attended by signing in."""
    answers = copy.deepcopy(GOOD["conclusion.v5"])
    del answers["minutes"]
    guest = {"name": "秦思远", "organisation": HOSPITAL, "title": "chief", "left_before_vote": True}
    return answers | {"treating_staff": [guest]}


GOOD["province_conclusion.v1"] = {
    "doc_no": "省评〔2026〕7 号", "doc_date": "2026-11-21", "received_on": "2026-11-22",
    "files": ["a"], "sign": SIGN,
    **{name: GOOD["conclusion.v5"][name] for name in ("conclusion", "underlying_icd", "grid",
                                                     "major_factors")},
    "problems": [
        {name: row[name] for name in ("text", "area", "cell", "organisation") if name in row}
        for row in GOOD["conclusion.v5"]["problems"]
    ],
}  # fmt: skip
GOOD["province_conclusion.v1"]["grid"] = sorted(GOOD["conclusion.v5"]["grid"], key=int)
GOOD["conclusion.v4"] = GOOD["conclusion.v5"]
GOOD["conclusion.v3"] = GOOD["conclusion.v4"]  # the reason of a tie was typed by the secretary
GOOD["conclusion.v2"] = _before_sign_in()
GOOD |= {
    "report.v1-nearmiss": nearmiss.report(EVENT, organisation=HOSPITAL),
    "receipt.v1-nearmiss": GOOD["receipt.v1"],
    "nearmiss_card.v1": nearmiss.card(EVENT, organisation=HOSPITAL, region="990121"),
    "case_record.v1-nearmiss": nearmiss.record(EVENT, filed_at=days(3)),
    "record_inventory.v1-nearmiss": {
        "record_inventory": nearmiss.inventory("scan"),
        "redacted_copy": ["redacted"],
        "redacted_checked": True,
    },
    "case_submission.v1-nearmiss": nearmiss.case_submission(
        EVENT,
        organisation=HOSPITAL,
        region="990121",
        record_file="scan",
        redacted_file="redacted",
        sign=SIGN,
        filed_at=days(3),
    ),
    "verification.v1-nearmiss": nearmiss.returned(days(3), sign=SIGN),
    "review_selection.v1": nearmiss.selection(sign=SIGN),
    "opinion.v1-nearmiss": nearmiss.opinion(sign=SIGN),
    "conclusion.v1-nearmiss": nearmiss.conclusion(
        days(20),
        organisation=COMMISSION,
        chair=CHAIR,
        secretary=SECRETARY,
        members=MEMBERS,
        owner=HOSPITAL,
        sign=SIGN,
    ),
    "notice.v1-nearmiss": nearmiss.notice(GOOD["notice.v1"]),
}
GOOD |= {
    "report.v1-neonatal": newborn.report(EVENT, organisation=HOSPITAL),
    "in_hospital_discussion.v1-neonatal": newborn.discussion(EVENT, sign=SIGN),
    "newborn_card.v1": newborn.card(EVENT, organisation=HOSPITAL, region="990121")
    | {"cause_difference": "与产妇的讨论记录无关。"},
    "case_record.v1-neonatal": newborn.record(EVENT),
    "record_inventory.v1-neonatal": {
        "record_inventory": newborn.inventory("scan"),
        "redacted_copy": ["redacted"],
        "redacted_checked": True,
    },
    "case_submission.v1-neonatal": newborn.case_submission(
        EVENT,
        organisation=HOSPITAL,
        region="990121",
        record_file="scan",
        redacted_file="redacted",
        sign=SIGN,
        cause_difference="与产妇的讨论记录无关。",
    ),
    "verification.v1-neonatal": newborn.returned(days(3), sign=SIGN),
    "opinion.v1-neonatal": newborn.opinion(sign=SIGN),
    "conclusion.v1-neonatal": demo.conclusion(
        days(20),
        organisation=COMMISSION,
        chair=CHAIR,
        secretary=SECRETARY,
        members=MEMBERS,
        owner=HOSPITAL,
        sign=SIGN,
    )
    | newborn.concluded(owner=HOSPITAL)
    | {f"difference_{part}": "市级另有认定。" for part in ("cause", "factors", "findings")},
    "notice.v1-neonatal": newborn.notice(GOOD["notice.v1"]),
}
GOOD |= {f"{base}.v1": _untimed(f"{base}.v2") for base in ("opinion", "conclusion")}

KNOWN = Known(
    icd10=lambda code: code != "O99.99",
    region=lambda code: code.startswith("99"),
    attachment=lambda token: token != "lost",
    organisation=lambda key, kinds: key < 100,
    user=lambda key, roles: key < 100,
    latest={"in_hospital_discussion": GOOD["in_hospital_discussion.v1"]}.get,
    case={
        "event_at": EVENT,
        "discovered_at": EVENT,
        "reported_at": EVENT + timedelta(hours=1),
        "organisation": HOSPITAL,
        "person_name": demo.NAME,
        "lower_conclusion": "conditionally_avoidable",
        "lower": GOOD["conclusion.v5"],
        "members": {CHAIR: True, SECOND: True, GUIDE: True},
        "guests_in": 0,
        "owner": HOSPITAL,
        "acceptor_for": COMMISSION,
        "open_guidance": lambda: True,
        "n_cases": 2,
        "unfiled": ["白鹭县"],
        "reviewed": 1,
        "people": [demo.NAME],
        "hospitals": ["青禾县人民医院"],
        "recognisable": ["1 例"],
        "look_for_recognisable": lambda said: ["贺立夏"] * ("贺立夏" in str(said.get("measures"))),
        "own_people": [41],
        "on_paper": True,
        "born_at": EVENT - newborn.LIVED,
        "mother_case": lambda number: number == "MD-990121-2026-0001",
    },
)


def spoilt(form: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The good answers of a form with some replaced (GONE: removed), named by path."""
    answers = copy.deepcopy(GOOD[form])
    for path, value in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = answers
        for step in steps:
            place = place[step] if isinstance(place, list) else place.setdefault(str(step), {})
        last = last if isinstance(place, list) else str(last)
        if value is GONE:
            place.pop(last)
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return answers

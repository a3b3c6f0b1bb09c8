"""提醒、督导、约谈 over HTTP: proposed from facts, decided by a leader, carried out to the end."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    Attachment,
    Case,
    Duty,
    DutyKind,
    DutyState,
    Event,
    ItemSource,
    Measure,
    Motion,
    MotionState,
    Rectification,
    RectificationState,
    Role,
)
from tests import said
from tests.conftest import DATABASES
from tests.said import SIGNED
from tests.test_ledger import enter
from tests.walk import Move, Said, StartWalk, Walk, faults
from workflows import facts, measures
from workflows.actions import motions as motion_actions
from workflows.demo import FILES, answers
from workflows.demo.play import Play
from workflows.forms import load
from workflows.rules import JURISDICTIONS, rule_set

WEEK = 24 * 7


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def typing(form: str, make: Callable[..., dict[str, Any]], *dated: str, **over: Any) -> Said:
    """What a person types into a sheet: what stands there already is not typed."""
    fixed = {question.name for question in load.load(form).fields() if question.readonly}

    def saying(walk: Walk) -> dict[str, Any]:
        at = (walk.now,) if dated else ()
        made = make(*at, sign=SIGNED, **over)
        return {name: value for name, value in made.items() if name not in fixed}

    return saying


LOCAL = """
code = "990100"
title = "示例：云江市"
parent = "410200"
[[documents]]
number = "云卫妇幼〔2026〕1号"
title = "母婴安全保障工作督导约谈制度"
issuer = "云江市卫生健康委员会"
printed = 2026-01-05
[[rules]]
key = "trigger.rectification_failed"
title = "整改一次未到位"
status = "quoted"
unit = "list"
value = ["remind"]
facts = ["item_rejected"]
document = "云卫妇幼〔2026〕1号"
clause = "第五条"
quote = "整改一次未到位的，予以提醒"
[[rules]]
key = "motion.rejections"
title = "验收未通过几次"
status = "confirmed"
unit = "times"
value = 1
document = "云卫妇幼〔2026〕1号"
clause = "第五条"
[[rules]]
key = "interview.procedure"
title = "督导约谈程序"
status = "confirmed"
unit = "text"
value = "《母婴安全保障工作督导约谈制度》"
document = "云卫妇幼〔2026〕1号"
"""
SUMMONS = typing("interview_summons.v1", answers.summons, "at")
RECEIPT = typing("interview_receipt.v1", answers.summons_receipt)
RECORD = typing("interview_record.v2", answers.interview, "at")
DISPUTE = typing("interview_object_sign.v3", answers.interview_disputed)
AGREE = typing("interview_object_sign.v3", answers.interview_agreed)
SIGN = typing("interview_sign.v1", answers.interview_signed)
FILING = typing("interview_filing.v1", answers.filing, "at")
FILED = typing("interview_filed.v1", answers.filed, "at")
CLOSE = typing("interview_close.v1", answers.closing, "at")


def motions(walk: Walk) -> list[Motion]:
    walk.session.rollback()
    return list(walk.session.scalars(select(Motion).order_by(Motion.id)))


def decided(walk: Walk, who: str, motion: Motion, decision: str, **more: str) -> Motion:
    """A leader's page offers it, and the leader decides so, with a reason."""
    page = walk.browser(who).get(f"/motions/{motion.id}").text
    assert f'value="{decision}"' in page, page
    reply = walk.browser(who).post(
        f"/motions/{motion.id}/decision",
        data={"decision": decision, "reason": "期限已过，多次未到位。"} | more,
    )
    assert reply.status_code == 303, faults(reply)
    walk.session.rollback()
    walk.session.refresh(motion)
    return motion


def known(walk: Walk) -> list[str]:
    """Numbers of what a desk is to draft a notice of."""
    walk.session.rollback()
    made = walk.session.scalars(select(Duty).where(Duty.kind == DutyKind.NOTICE).order_by(Duty.id))
    return [str((duty.content or {})["interview"]) for duty in made]


def names(walk: Walk) -> list[str]:
    return list(walk.session.scalars(select(Event.name).order_by(Event.id)))


def test_whoever_endorsed_the_review_leaves_the_measure_to_another_or_says_why_not(
    start_walk: StartWalk,
) -> None:
    """One person at both desks: another leader decides; where there is none, that is on record."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    walk.at(400)
    case = walk.session.scalars(select(Case)).one()
    first = by_hand(walk, "fangcf", case=case.number)[1]
    second = by_hand(walk, "fangcf", case=case.number)[1]
    plain = by_hand(walk, "fangcf")[1]
    assert isinstance(first, Motion)
    assert isinstance(second, Motion)
    assert isinstance(plain, Motion)
    act = {"decision": "take:remind", "reason": "抽查发现多份病历没有按时讨论。"}
    alone = act | {"alone": "本委只有一位主管负责人，未能安排代理。"}

    held = walk.appoint("shenqm", walk.units["qh_commission"], Role.COMMISSION_LEADER)
    leader, other = walk.browser("shaoxz"), walk.client_for(held)
    page = leader.get(f"/motions/{first.id}").text
    assert "这一项由本单位其他主管负责人决定" in page
    assert "沈清明" in page
    for tried in (act, alone):
        assert leader.post(f"/motions/{first.id}/decision", data=tried).status_code == 422
    assert "为什么由本人决定" not in leader.get(f"/motions/{plain.id}").text  # about no case
    assert leader.post(f"/motions/{plain.id}/decision", data=act).status_code == 303
    assert other.post(f"/motions/{first.id}/decision", data=act).status_code == 303
    assert "也审签过" not in leader.get(f"/motions/{first.id}").text

    held.valid_to = held.valid_from
    walk.session.commit()
    assert "为什么由本人决定" in leader.get(f"/motions/{second.id}").text
    assert leader.post(f"/motions/{second.id}/decision", data=act).status_code == 422
    assert leader.post(f"/motions/{second.id}/decision", data=alone).status_code == 303
    page = leader.get(f"/motions/{second.id}").text
    assert "也审签过该病例的评审结论" in page
    assert "本委只有一位主管负责人，未能安排代理。" in page


def test_who_has_no_account_is_named_and_signs_on_paper_and_the_interview_is_made_known(
    start_walk: StartWalk,
) -> None:
    """A doctor of a department, brought the letters by the head; evidence as files; a notice that
    picks the interview."""
    walk = start_walk()
    walk.at(1)
    person = {"about": "person", "measure": "interview", "person": "郑知秋",
              "trigger": "trigger.rectification_failed"}  # fmt: skip
    assert by_hand(walk, "fangcf", **person)[0] == 422  # no such account
    person |= {"no_account": "yes"}
    bad = (io.BytesIO(b"no file of any kind"), "记录.pdf")
    assert by_hand(walk, "fangcf", files=bad, **person)[0] == 422
    scan = (io.BytesIO((FILES / "record.pdf").read_bytes()), "抽查记录.pdf")
    unfinished = walk.browser("fangcf").post("/motions/new", data={"files": scan} | person)
    assert unfinished.status_code == 422
    assert "抽查记录.pdf" in unfinished.text
    kept = walk.session.scalars(select(Attachment.token)).one()
    assert f'name="kept" value="{kept}"' in unfinished.text
    taken = {"trigger": "trigger.problem_found", "kept": kept} | person
    for other in ("chenglc", "guqf"):  # nobody else's upload
        assert kept not in walk.browser(other).post("/motions/new", data=taken).text
    status, motion = by_hand(walk, "fangcf", kept=kept, **person)
    assert status == 303
    assert motion is not None
    assert (motion.about, motion.person_id) == ("青禾县医院 郑知秋", walk.user("helx"))
    file = walk.session.scalars(select(Attachment)).one()
    page = walk.browser("shaoxz").get(f"/motions/{motion.id}").text
    assert f"/attachments/{file.token}" in page
    assert "郑知秋没有本系统账号" in page
    readers = {who: walk.browser(who).get(f"/attachments/{file.token}").status_code
               for who in ("fangcf", "shaoxz", "helx", "zhougy", "shenqm", "chenglc")}  # fmt: skip
    assert [who for who, code in readers.items() if code == 200] == ["fangcf", "shaoxz"]
    assert walk.browser("fangcf").delete(f"/attachments/{file.token}").status_code == 409

    decided(walk, "shaoxz", motion, "take:interview")
    walk.duty_id = motion.duty_id
    walk.make(Move(2, "fangcf", "summons", SUMMONS, "summons_receipt:helx"))
    walk.make(Move(3, "helx", "summons_receipt", RECEIPT, "interview:fangcf"))
    walk.make(Move(60, "fangcf", "interview", RECORD, "interview_object:helx"))
    assert walk.browser("zhougy").get(f"/measures/{walk.duty_id}").status_code == 404
    reply = walk.hand_in("helx", "interview_object", AGREE(walk))
    assert any("签字的扫描件" in fault for fault in faults(reply))
    signed = AGREE(walk) | {"paper": [walk.upload("helx", "record.pdf")]}
    assert walk.hand_in("helx", "interview_object", signed).status_code == 303
    walk.make(Move(62, "shaoxz", "interviewer", SIGN, "plan:zhougy filing:fangcf"))

    desk = walk.browser("fangcf")
    assert f'<option value="{motion.number}">' in desk.get("/notices").text
    picked = {"kind": "interview", "interview": motion.number}
    assert "/tasks/" in desk.post("/notices", data=picked).location
    assert known(walk) == [motion.number]
    assert desk.post("/notices", data=picked).location.endswith("/notices")
    assert known(walk) == [motion.number]  # once


# By which rule, against whom


REMINDER = typing("reminder_letter.v1", answers.reminder_letter)
REMINDED = typing("reminder_receipt.v1", answers.reminder_receipt)
REPORT = typing("supervision_report.v2", answers.supervision_report, "at")
SIGNED_FOR = typing("supervision_receipt.v1", answers.supervision_receipt)
ENDED = typing("supervision_close.v1", answers.closing, "at")


def flags(play: Play) -> None:
    """County MCH finds the report missed, concealed and late, and the record incomplete."""
    play.first_48h()
    filled = answers.returned(
        play.at(60),
        sign=play._sign("shenqm", 60),
        flags=["missed", "concealed", "late"],
        flags_evidence="与死因登记系统逐条比对，医院未报，三日后补报。",
    )
    play._act("shenqm", "UT_verify", filled, 60.2)


def by_hand(walk: Walk, who: str, **over: object) -> tuple[int, Motion | None]:
    """A desk's own proposal; the status of the answer, and what was made."""
    typed = {
        "trigger": "trigger.problem_found",
        "unit": walk.units["qh_hospital"],
        "about": "unit",
        "measure": "remind",
        "facts": "抽查发现三份病历没有按时完成院内讨论。",
        "evidence": "2026 年 11 月抽查记录第 3 页。",
    } | over
    before = {motion.id for motion in motions(walk)}
    reply = walk.browser(who).post("/motions/new", data=typed)
    made = [motion for motion in motions(walk) if motion.id not in before]
    return reply.status_code, (made[0] if made else None)


def open_steps(walk: Walk, motion: Motion) -> set[str]:
    walk.duty_id = motion.duty_id
    return set(walk.open())


def test_two_limits_of_one_case_that_have_passed_are_one_fact(
    start_walk: StartWalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = start_walk()
    walk.play(flags)
    [real] = list(facts.flagged(walk.session, walk.now))[:1]
    monkeypatch.setattr(facts, "FACTS", (lambda *_: iter([real, real]),))
    assert motion_actions.propose(walk.session, 0, walk.now)
    walk.session.commit()
    assert len(motions(walk)) == 1


@pytest.mark.clause("D01")
@pytest.mark.parametrize("database", DATABASES[1:])
def test_missed_concealed_late_and_incomplete_call_for_a_reminder(start_walk: StartWalk) -> None:
    """R1–R4, each once, of the institution by itself and of an area by hand."""
    walk = start_walk()
    walk.play(flags)
    walk.at(62)
    walk.sweep()
    walk.sweep()
    made = motions(walk)
    assert [motion.rule["code"] for motion in made] == ["R1", "R2", "R3", "R4"]
    for motion in made:
        assert (motion.measure, motion.organisation_id) == (
            Measure.REMIND,
            walk.units["qh_hospital"],
        )
        assert motion.rule["quote"].startswith("将辖区内发生孕产妇和新生儿死亡漏报、瞒报、迟报")
    late = made[2]
    decided(walk, "shaoxz", late, "take:remind")
    walk.duty_id = late.duty_id
    asked = "reminder_receipt:helx reminder_receipt:zhougy"
    walk.make(Move(63, "fangcf", "reminder", REMINDER, asked))
    assert walk.limits("helx")["提醒回复"] == f"/measures/{late.duty_id}"
    assert "提醒回复" not in walk.limits("shenqm")
    walk.make(Move(64, "zhougy", "reminder_receipt", REMINDED, ""))
    assert "提醒回复" in walk.limits("fangcf", "?state=met")
    assert walk.session.get_one(Duty, walk.duty_id).state is DutyState.DONE
    assert "提醒函" in walk.browser("helx").get(f"/measures/{late.duty_id}").text
    assert walk.browser("shenqm").get(f"/measures/{late.duty_id}").status_code == 404
    # An area: its commission is written to, the city's leader decides
    area = {"trigger": "trigger.late_report", "about": "area", "unit": walk.units["bl_commission"]}
    assert by_hand(walk, "guqf", **area)[0] == 422
    status, motion = by_hand(walk, "chenglc", **area)
    assert status == 303
    assert motion is not None
    assert (motion.about, motion.organisation_id) == ("白鹭县", walk.units["bl_commission"])
    decided(walk, "renys", motion, "take:remind")
    assert open_steps(walk, motion) == {"reminder:chenglc"}


@pytest.mark.clause("C08", "D02", "D03", "D06")
def test_whoever_is_supervised_gets_experts_and_puts_right_what_they_find(
    start_walk: StartWalk,
) -> None:
    """T1–T9 and rising mortality, proposed by a person; a report whose problem is followed."""
    walk = start_walk()
    walk.at(1)
    offered = walk.browser("chenglc").get("/motions/new").text
    supervised = [
        rule for rule in rule_set("990100", walk.now).triggers() if rule.codes == ("supervise",)
    ]
    assert [rule.code for rule in supervised] == [f"T{n}" for n in range(1, 10)] + [""]
    assert supervised[-1].title == "孕产妇死亡率呈现升高态势"
    assert all(f'value="{rule.key}"' in offered for rule in supervised)
    area = {"about": "area", "unit": walk.units["bl_commission"], "measure": "supervise"}
    for rule in supervised:  # the clause speaks of institutions only in T1 and T2
        status, _ = by_hand(walk, "chenglc", trigger=rule.key, **area)
        assert status == (422 if rule.code in ("T1", "T2") else 303), rule.key
    motion = motions(walk)[-1]
    assert motion.trigger == "trigger.mortality_rising"
    decided(walk, "renys", motion, "take:supervise")
    walk.duty_id = motion.duty_id
    team = typing("supervision_team.v1", answers.supervision_team, "at", lead=walk.user("qianqs"))
    walk.walk(
        [
            Move(2, "chenglc", "team", team, "team_report:qianqs"),
            Move(80, "qianqs", "team_report", REPORT,
                 "supervision_receipt:guqf supervision_receipt:dongdz"),
            Move(81, "dongdz", "supervision_receipt", SIGNED_FOR, "plan:guqf"),
            Move(82, "guqf", "plan", said.plan(20), "progress:guqf"),
            Move(83, "guqf", "progress", said.progress("guqf"), "accept:chenglc"),
            Move(84, "chenglc", "accept", said.acceptance(), "supervision_close:renys"),
            Move(85, "renys", "supervision_close", ENDED, ""),
        ]
    )  # fmt: skip
    item = walk.session.scalars(
        select(Rectification).where(Rectification.duty_id == walk.duty_id)
    ).one()
    assert (item.source, item.state) == (ItemSource.SUPERVISION, RectificationState.CLOSED)
    assert walk.browser("qianqs").get(f"/measures/{walk.duty_id}").status_code == 404
    # D06: what a spot check of the city finds may be answered with each of the three
    [found] = [r for r in rule_set("990100", walk.now).triggers() if "D06" in r.requirements]
    assert found.codes == ("remind", "interview", "notice")
    status, motion = by_hand(walk, "chenglc", unit=walk.units["city_hospital"])
    assert status == 303
    assert motion is not None
    page = walk.browser("renys").get(f"/motions/{motion.id}").text
    assert all(f'value="take:{code}"' in page for code in found.codes)
    decided(walk, "renys", motion, "take:notice")
    assert known(walk) == [motion.number]


def test_one_person_is_interviewed_and_nobody_else_reads_it(start_walk: StartWalk) -> None:
    """D04 对整改不力的单位和个人: with the account of that person, who answers for the unit."""
    walk = start_walk()
    walk.at(1)
    person = {"about": "person", "measure": "interview", "trigger": "trigger.rectification_failed"}
    assert by_hand(walk, "fangcf", person="林小满", **person)[0] == 422  # answers for no unit
    assert by_hand(walk, "fangcf", person="贺立夏", **person | {"measure": "remind"})[0] == 422
    _, motion = by_hand(walk, "fangcf", person="贺立夏", **person)
    assert motion is not None
    decided(walk, "shaoxz", motion, "take:interview")
    walk.duty_id = motion.duty_id
    walk.make(Move(2, "fangcf", "summons", SUMMONS, "summons_receipt:helx"))
    assert walk.browser("helx").get(f"/measures/{walk.duty_id}").status_code == 200
    assert walk.browser("zhougy").get(f"/measures/{walk.duty_id}").status_code == 404


@pytest.mark.clause("D07", "D08")
def test_each_place_says_against_whom_and_what_for(
    start_walk: StartWalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the rules of other places the same desk may do what those name, and no more."""
    walk = start_walk()
    walk.at(1)
    real = measures.rules_at
    hospital, county = walk.units["city_hospital"], walk.units["bl_commission"]
    tries = [  # rules, trigger, about, unit, measure, may it
        ("420000", "serious_slide", "area", county, "interview", True),  # D07: areas, and only
        ("420000", "measures_not_taken", "area", county, "notice", True),
        ("420000", "serious_slide", "unit", hospital, "interview", False),
        ("420000", "severe_situation", "area", county, "supervise", True),  # D08
        ("420000", "severe_situation", "area", county, "interview", False),
        ("320300", "serious_slide", "area", county, "supervise", True),  # D09: areas, institutions
        ("320300", "measures_not_taken", "unit", hospital, "interview", True),
        ("320300", "measures_not_taken", "unit", hospital, "notice", True),
        ("320300", "measures_not_taken", "unit", county, "interview", False),
        ("500000", "mortality_rising", "area", county, "supervise", True),  # C08
        ("500000", "hazard", "unit", hospital, "supervise", True),
        ("500000", "hazard", "area", county, "supervise", False),
        ("500000", "hazard", "unit", hospital, "interview", False),
    ]
    for code, trigger, about, unit, measure, allowed in tries:
        monkeypatch.setattr(measures, "rules_at", lambda _code, now, code=code: real(code, now))
        said_so = {"trigger": f"trigger.{trigger}", "about": about, "unit": unit}
        status, motion = by_hand(walk, "chenglc", measure=measure, **said_so)
        assert (status, motion is not None) == ((303, True) if allowed else (422, False)), trigger
        if motion is not None:
            path = f"/motions/{motion.id}/decision"
            act = {"decision": f"take:{measure}", "reason": "依据充分，予以采取。"}
            assert walk.browser("renys").post(path, data=act).status_code == 303
            assert (motion.number in known(walk)) == (measure == "notice")
    rules = real("320300", walk.now)
    assert rules is not None
    meaning = rules.get("key_contact_unit.meaning")
    assert meaning.value == "母婴安全保障措施不落实、工作严重滑坡的地区和医疗机构"


@pytest.mark.clause("D11")
def test_a_month_never_reported_is_measures_not_taken(start_walk: StartWalk) -> None:
    """Late is what has not come when the next falls due: no number is made up."""
    walk = start_walk()
    walk.at(24 * 13)  # in December: November is owed
    walk.sweep()
    assert motions(walk) == []
    walk.at(24 * 45)  # in January: December is owed, November still missing
    walk.sweep()
    made = motions(walk)
    assert {motion.trigger for motion in made} == {"trigger.measures_not_taken"}
    assert {motion.organisation_id for motion in made} == {
        walk.units[unit] for unit in ("qh_mch", "bl_mch", "city_mch")
    }
    assert {motion.commission_id for motion in made} == {
        walk.units[unit] for unit in ("qh_commission", "bl_commission", "city_commission")
    }
    by_leader = {"青禾卫健": "shaoxz", "白鹭卫健": "dongdz", "云江卫健": "renys"}
    acts = ("drop", "take:interview", "take:notice")
    for motion, act in zip(made, acts, strict=True):
        decided(walk, by_leader[motion.commission.short_name], motion, act)
    assert made[0].state is MotionState.DROPPED
    assert made[1].duty is not None
    assert made[1].duty.kind is DutyKind.INTERVIEW
    assert known(walk) == [made[2].number]
    walk.sweep()
    assert len(motions(walk)) == len(made)


@pytest.mark.clause("D05")
def test_a_local_procedure_is_loaded_as_rules(start_walk: StartWalk, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """《督导约谈制度》 is not at hand: shown as unconfirmed until a place writes down its own."""
    walk = start_walk()
    held = rule_set("410200", walk.now).get("interview.procedure")
    assert (held.value, held.describe()) == (None, "本地口径待确认")
    for code in ("000000", "410200"):
        (tmp_path / f"{code}.toml").write_bytes((JURISDICTIONS / f"{code}.toml").read_bytes())
    (tmp_path / "990100.toml").write_text(LOCAL, "utf-8")
    monkeypatch.setattr(measures, "rules_at", lambda code, now: rule_set(code, now, tmp_path))
    item = enter(walk)
    walk.walk(
        [
            Move(1, "zhougy", "plan", said.plan(2), "progress:zhougy"),
            Move(2, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(3, "fangcf", "accept", said.rejection(escalation="none"), "progress:zhougy"),
        ]
    )
    walk.sweep()
    [motion] = motions(walk)  # here once is enough, and the answer is a milder one
    assert (motion.item_id, motion.measure) == (item.id, Measure.REMIND)
    assert motion.rule["document"] == "云卫妇幼〔2026〕1号"
    page = walk.browser("shaoxz").get(f"/motions/{motion.id}").text
    assert 'value="take:remind"' in page
    assert 'value="take:interview"' not in page

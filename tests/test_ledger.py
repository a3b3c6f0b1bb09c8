"""Ledger items from their entry to the closing by another unit, and what comes after it: a longer
deadline, the look at the effect, the problem that comes back."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import (
    Clock,
    Duty,
    DutyKind,
    Effect,
    Extension,
    ItemSource,
    Notification,
    Organisation,
    Rectification,
    RectificationState,
    Region,
    RegionLevel,
    Reopening,
    Role,
    Timer,
)
from tests import said
from tests.conftest import DATABASES
from tests.test_case_lists import counted
from tests.test_migrations import alembic
from tests.walk import Move, Page, StartWalk, Walk, faults
from workflows import recurrence
from workflows.actions import ledger
from workflows.actions.ledger import Problem, open_item
from workflows.demo import answers
from workflows.demo.play import Play
from workflows.events import EventName
from workflows.forms import load
from workflows.forms.spec import Answers
from workflows.rules import day_of

DAY = 24.0
PROBLEM = Problem("抽查发现催产素无双人核对。", "medical", "specific", "management", 5)


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def enter(walk: Walk, owner: str = "qh_hospital", acceptor: str = "qh_commission") -> Rectification:
    """Entered by the verb itself; the walk is about it now."""
    walk.session.rollback()
    with Session(walk.app.extensions["engine"]) as session, session.begin():
        item = open_item(
            session,
            problem=PROBLEM,
            source=ItemSource.SPOT_CHECK,
            owner=session.get_one(Organisation, walk.units[owner]),
            acceptor=session.get_one(Organisation, walk.units[acceptor]),
            by=session.merge(walk.seat("shenqm")),
            now=walk.now,
        )
        key = item.id
    return turn_to(walk, key)


def turn_to(walk: Walk, item_id: int) -> Rectification:
    """From now on the walk is about the round that the item is in."""
    walk.session.rollback()
    found = walk.session.get_one(Rectification, item_id)
    newest = walk.session.scalars(
        select(Reopening).where(Reopening.item_id == item_id).order_by(Reopening.id.desc())
    ).first()
    walk.duty_id = newest.duty_id if newest else found.duty_id
    return found


def typed_into(walk: Walk, who: str, path: str, form: str, filled: Answers) -> TestResponse:
    """Fill in a page that is no step, and send it twice, as somebody impatient would."""
    browser = walk.browser(who)
    page = Page.of(browser.get(path).text)
    data = page.filled(load.load(form), filled)
    reply = browser.post(path, data=data, csrf=False)
    if reply.status_code == 303:
        again = browser.post(path, data=data, csrf=False)
        assert (again.status_code, again.location) == (303, reply.location)
    walk.session.rollback()
    return reply


def problem(walk: Walk, **over: object) -> Answers:
    owner, acceptor = walk.units["qh_hospital"], walk.units["qh_commission"]
    filled = answers.problem(owner=owner, acceptor=acceptor, found_on=day_of(walk.now))
    return filled | over


def new_item(walk: Walk, who: str, **over: object) -> Rectification:
    reply = typed_into(walk, who, "/ledger/new", "ledger_item.v2", problem(walk, **over))
    assert reply.status_code == 303, faults(reply)
    return turn_to(walk, int(reply.location.rsplit("/", 1)[-1]))


def refused(walk: Walk, who: str, words: str, **over: object) -> None:
    reply = typed_into(walk, who, "/ledger/new", "ledger_item.v2", problem(walk, **over))
    assert reply.status_code == 422
    assert any(words in fault for fault in faults(reply)), faults(reply)


def told(walk: Walk, who: str, name: EventName) -> int:
    walk.session.rollback()
    lines = select(Notification).where(
        Notification.user_id == walk.user(who), Notification.name == name.value
    )
    return len(walk.session.scalars(lines).all())


def about_item(walk: Walk, item: Rectification, kind: DutyKind) -> Duty:
    """The newest duty of a kind about an item; the walk is about it now."""
    walk.session.rollback()
    found = walk.session.scalars(
        select(Duty)
        .where(Duty.item_id == item.id, Duty.kind == kind)
        .order_by(Duty.id.desc())
        .limit(1)
    ).one()
    walk.duty_id = found.id
    return found


@pytest.mark.clause("C06", "C13")
def test_what_a_spot_check_found_is_entered_and_seen_by_those_concerned(
    start_walk: StartWalk,
) -> None:
    """自查、抽查 find a problem; it enters the ledger with a screenshot, and the county's office,
    the hospital and the zone's rescue centre share it; nobody else sees it, nor its files."""
    walk = start_walk()
    shot = walk.upload("shenqm", "drill.jpg")
    item = new_item(walk, "shenqm", files=[shot])
    assert (item.source, item.case_id, item.reopened) == (ItemSource.SPOT_CHECK, None, 0)
    assert item.guide_id == walk.units["maternal_centre"]
    assert walk.open() == Counter(["plan:zhougy"])
    assert told(walk, "zhougy", EventName.ITEM_OPENED) == 1
    assert item.number in walk.browser("zhougy").get("/tasks").text

    page = f"/ledger/{item.id}"
    centre = walk.session.get_one(Organisation, walk.units["maternal_centre"])
    guide = walk.client_for(walk.appoint("qianqs", centre.id, Role.QUALITY_OFFICE))
    assert item.problem in guide.get(page).text
    assert guide.get(f"/attachments/{shot}").status_code == 200
    for who in ("zhougy", "helx", "fangcf", "shaoxz", "shenqm", "liangxh", "chenglc", "renys"):
        shown = walk.browser(who).get(page).text
        for words in (item.problem, "抽查", "管理 · 个性 · 资源", "部门", centre.name):
            assert words in shown, who
        assert walk.browser(who).get(f"/attachments/{shot}").status_code == 200, who
    for who in ("gaomz", "guqf", "subl", "tanglq", "jiasj", "linxm", "wugs", "anquan"):
        assert walk.browser(who).get(page).status_code == 404, who
        assert walk.browser(who).get(f"/attachments/{shot}").status_code == 404, who
    duty = walk.session.get_one(Duty, item.duty_id)
    assert walk.browser("shenqm").get(f"/duties/{duty.id}").status_code == 404
    assert duty.occasion not in walk.browser("shenqm").get("/duties?view=all").text
    assert item.number in walk.browser("fangcf").get("/ledger?source=spot_check").text
    assert item.number not in walk.browser("fangcf").get("/ledger?source=meeting").text

    # A hospital enters what it found itself; nobody accepts their own; nobody reaches too far.
    own = new_item(walk, "zhougy", source="self_inspection", kind="technique")
    assert own.owner_id == walk.units["qh_hospital"]
    refused(walk, "zhougy", "只能为本单位", owner=walk.units["bl_hospital"])
    refused(walk, "shenqm", "只能为本单位", owner=walk.units["bl_hospital"])
    both = walk.units["qh_mch"]
    refused(walk, "shenqm", "不能是责任单位", owner=both, acceptor=both)
    for who in ("helx", "linxm", "jiasj", "wugs"):
        assert walk.browser(who).get("/ledger/new").status_code == 404, who


@pytest.mark.parametrize("database", DATABASES)
def test_a_longer_deadline_is_asked_for_and_decided_and_the_first_one_stays(
    start_walk: StartWalk,
) -> None:
    """The guiding centre presses; the owner asks for time, the acceptor's leader decides; the
    deadline, its clock and its alarm move, the first deadline never does."""
    walk = start_walk()
    item = new_item(walk, "shenqm")
    ask = f"/ledger/{item.id}/extension"
    assert walk.browser("zhougy").get(ask).status_code == 404  # there is no deadline yet
    walk.make(Move(1, "zhougy", "plan", said.plan(20), "progress:zhougy"))
    walk.session.refresh(item)
    first = item.first_deadline
    assert first is not None

    centre = walk.appoint("qianqs", walk.units["maternal_centre"], Role.QUALITY_OFFICE)
    guide = walk.client_for(centre)
    assert guide.post(f"/ledger/{item.id}/urge", data={"text": "短"}).status_code == 422
    words = "请补充夜间抽查的安排，下周我们来现场看。"
    assert guide.post(f"/ledger/{item.id}/urge", data={"text": words}).status_code == 303
    assert words in walk.browser("zhougy").get(f"/ledger/{item.id}").text
    assert told(walk, "zhougy", EventName.ITEM_URGED) == 1
    walk.session.refresh(item)
    assert walk.browser("zhougy").post(f"/ledger/{item.id}/urge", data={"text": words}) is not None
    assert told(walk, "zhougy", EventName.ITEM_URGED) == 1  # nobody presses themselves

    for who in ("fangcf", "shaoxz", "shenqm", "subl"):
        assert walk.browser(who).get(ask).status_code == 404, who
    early = answers.extension(first)
    reply = typed_into(walk, "zhougy", ask, "extension_request.v1", early)
    assert reply.status_code == 422
    wanted = first + timedelta(days=15)
    walk.at(3 * DAY)
    reply = typed_into(walk, "zhougy", ask, "extension_request.v1", answers.extension(wanted))
    assert reply.status_code == 303
    assert walk.browser("zhougy").get(ask).status_code == 303  # one at a time
    about_item(walk, item, DutyKind.EXTENSION)
    assert walk.open() == Counter(["extension:shaoxz"])  # the leader, not the desk
    assert walk.limits("shaoxz")["整改延期审批"] == f"/ledger/{item.id}"
    sign = said.signed(walk, "shaoxz")
    refusal = answers.extension_refused(sign=sign)
    assert walk.hand_in("shaoxz", "extension", refusal).status_code == 303
    walk.session.rollback()
    assert item.deadline == first
    assert walk.limits("zhougy") == {"问题整改": f"/ledger/{item.id}"}
    assert told(walk, "zhougy", EventName.ITEM_EXTENSION_REFUSED) == 1

    # Asked again after the deadline: what somebody has typed meanwhile goes along.
    walk.at(22 * DAY)
    [clock] = walk.session.scalars(select(Clock).where(Clock.rule_key == "clock.rectification"))
    assert clock.escalated_at is not None
    reply = typed_into(walk, "zhougy", ask, "extension_request.v1", answers.extension(wanted))
    assert reply.status_code == 303, faults(reply)
    turn_to(walk, item.id)
    old = walk.task("zhougy", "progress").id
    draft = walk.browser("zhougy").put(f"/drafts/task:{old}", data={"text": "正在招标"})
    assert draft.status_code == 200
    about_item(walk, item, DutyKind.EXTENSION)
    walk.hand_in("shaoxz", "extension", answers.extension_granted(sign=said.signed(walk, "shaoxz")))
    turn_to(walk, item.id)
    walk.session.refresh(clock)
    assert (item.deadline, item.first_deadline) == (wanted, first)
    assert day_of(clock.due_at or walk.now) == wanted
    assert clock.escalated_at is None
    assert [day_of(timer.due_at) for timer in walk.session.scalars(select(Timer))] == [wanted]
    task = walk.task("zhougy", "progress")
    assert task.id != old
    assert "正在招标" in walk.browser("zhougy").get(f"/tasks/{task.id}").text
    walk.at(45 * DAY)
    walk.session.refresh(clock)
    assert clock.escalated_at is not None  # late against the new one, once more

    shown = walk.browser("fangcf").get(f"/ledger/{item.id}").text
    for words in (
        first.isoformat(),
        wanted.isoformat(),
        "不同意",
        "设备可先向市级医院借用",
    ):
        assert words in shown
    assert item.number in walk.browser("fangcf").get("/ledger?view=extended").text

    # A wish that the closing overtakes needs no decision.
    later = answers.extension(wanted + timedelta(days=40))
    assert typed_into(walk, "zhougy", ask, "extension_request.v1", later).status_code == 303
    turn_to(walk, item.id)
    walk.make(Move(46 * DAY, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"))
    walk.make(Move(47 * DAY, "fangcf", "accept", said.acceptance(), ""))
    about_item(walk, item, DutyKind.EXTENSION)
    assert walk.open() == Counter()
    wishes = walk.session.scalars(select(Extension).order_by(Extension.id)).all()
    assert [wish.approved for wish in wishes] == [False, True, None]
    assert all(wish.decided_at for wish in wishes)
    assert walk.browser("zhougy").get(ask).status_code == 404


def closed(walk: Walk, at: float) -> None:
    """Plan, evidence, a rejection, acceptance: one round within ten days."""
    walk.walk(
        [
            Move(at, "zhougy", "plan", said.plan(8), "progress:zhougy"),
            Move(at + 2 * DAY, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(at + 3 * DAY, "fangcf", "accept", said.rejection(), "progress:zhougy"),
            Move(at + 4 * DAY, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(at + 5 * DAY, "fangcf", "accept", said.acceptance(), ""),
        ]
    )


def judge(walk: Walk, item: Rectification, **over: object) -> None:
    about_item(walk, item, DutyKind.EFFECT_CHECK)
    assert walk.open() == Counter(["effect:fangcf"])
    filled = answers.effect(sign=said.signed(walk, "fangcf"), **over)
    reply = walk.hand_in("fangcf", "effect", filled)
    assert reply.status_code == 303, faults(reply)
    turn_to(walk, item.id)


@pytest.mark.clause("C05")
def test_the_effect_is_looked_at_and_the_same_problem_opens_the_old_item(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    item = new_item(walk, "shenqm")
    closed(walk, 1)
    walk.session.refresh(item)
    first, due = item.first_deadline, item.effect_due_on
    assert item.closed_at is not None
    assert due == recurrence.after(day_of(item.closed_at), 3)  # as this city says

    walk.at(60 * DAY)
    walk.sweep()
    assert walk.session.scalars(select(Duty).where(Duty.item_id == item.id)).all() == []
    walk.at(97 * DAY)
    walk.sweep()
    walk.sweep()  # looking again opens nothing again
    assert told(walk, "fangcf", EventName.ITEM_EFFECT_DUE) == 1
    assert walk.limits("fangcf") == {"整改效果评估": f"/ledger/{item.id}"}
    again = day_of(walk.now) + timedelta(days=30)
    judge(walk, item, effect_judgement="not_yet", reason="病例太少。", again_on=again.isoformat())
    assert (item.effect, item.effect_due_on) == (Effect.NOT_YET, again)
    walk.at(128 * DAY)
    walk.sweep()
    judge(walk, item, effect_judgement="not_effective", reason="仍有一半没有称重计量。")
    walk.session.refresh(item)
    assert (item.state, item.reopened) == (RectificationState.PLANNING, 1)
    assert told(walk, "zhougy", EventName.ITEM_REOPENED) == 1
    closed(walk, 129 * DAY)
    walk.session.refresh(item)
    assert (item.state, item.first_deadline) == (RectificationState.CLOSED, first)

    # Found again, by another desk, without the cell: the same item; its closings stay on record.
    same = new_item(walk, "fangcf", source="supervision", problem="又发现近效期药品未更换。")
    assert (same.id, same.reopened) == (item.id, 2)
    shown = walk.browser("zhougy").get(f"/ledger/{item.id}").text
    assert "又发现近效期药品未更换。" in shown
    assert shown.count("整改到位，予以销号") == 2
    assert item.number in walk.browser("zhougy").get("/ledger?view=reopened").text
    assert walk.open() == Counter(["plan:zhougy"])
    # While it is open there is an item of its own for what is found again.
    assert new_item(walk, "shenqm").id != item.id


def test_a_review_that_finds_an_old_problem_works_on_the_old_item(start_walk: StartWalk) -> None:
    """The case's parallel items go on: one is new, one is an old one with work of its own here; the
    case closes when both are closed again, and neither case tells the other's words."""
    walk = start_walk()
    old = new_item(
        walk, "shenqm", area="medical", kind="technique", cell="5", problem="抽查产房未称重计量。"
    )
    closed(walk, 1)
    walk.duty_id = None
    start = walk.death
    walk.death = start + timedelta(days=7)
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    walk.death = start
    walk.session.rollback()
    assert old.reopened == 1
    [again] = walk.session.scalars(select(Reopening)).all()
    assert (again.case_id, again.level, again.finding_id is None) == (walk.case_id, "county", False)
    mine = walk.session.scalars(
        select(Rectification).where(Rectification.case_id == walk.case_id)
    ).all()
    assert len(mine) == 1
    steps = walk.open()
    assert steps["plan:zhougy"] == 2
    page = walk.browser("zhougy").get(f"/cases/{walk.case_id}/items").text
    assert old.number in page
    assert again.problem in page
    assert old.problem not in page
    shown = walk.browser("zhougy").get(f"/ledger/{old.id}").text
    assert again.problem in shown
    assert walk.case.number in shown

    task = next(
        place for place in range(2) if walk.task("zhougy", "plan", place).rectification_id == old.id
    )
    reply = walk.hand_in("zhougy", "plan", said.plan(10)(walk), task)
    assert reply.status_code == 303
    walk.session.refresh(old)
    assert old.state is RectificationState.WORKING
    clocks = select(Clock).where(Clock.subject == str(old.id)).order_by(Clock.id)
    before, now = walk.session.scalars(clocks).all()
    assert (before.met_at is None, before.case_id) == (False, None)
    assert (now.met_at, now.case_id) == (None, walk.case_id)
    open_here = walk.session.scalars(recurrence.open_in(walk.case_id)).all()
    assert {each.id for each in open_here} == {old.id, mine[0].id}


def test_what_is_the_same_problem(start_walk: StartWalk) -> None:
    """Same unit, area and kind, and no other cell, not later than a year after the closing."""
    walk = start_walk()
    item = enter(walk)
    item.state, item.closed_at = RectificationState.CLOSED, walk.now
    walk.session.commit()
    owner, later = item.owner_id, walk.now + timedelta(days=365)

    def old(now: datetime = later, owner: int = owner, **over: Any) -> int | None:
        found = recurrence.old_item(walk.session, replace(PROBLEM, **over), owner, None, now)
        return found.id if found else None

    assert old() == old(cell=None) == item.id
    for over in ({"area": "care"}, {"kind": "resource"}, {"kind": None}, {"cell": 6}):
        assert old(**over) is None, over
    assert old(now=later + timedelta(days=1)) is None
    assert old(owner=walk.units["qh_mch"]) is None
    duty = walk.session.get_one(Duty, item.duty_id)
    assert recurrence.old_item(walk.session, PROBLEM, owner, duty, later) is None


def test_nobody_accepts_their_own(start_walk: StartWalk) -> None:
    walk = start_walk()
    with pytest.raises(ledger.SameUnit):
        enter(walk, "qh_mch", "qh_mch")
    assert walk.session.scalars(select(Rectification)).all() == []


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 31), -12, date(2025, 12, 31)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
    ],
)
def test_months_later(day: date, months: int, later: date) -> None:
    assert recurrence.after(day, months) == later


@pytest.mark.parametrize("database", DATABASES)
def test_items_of_cases_outlive_a_way_back_those_of_duties_do_not(
    start_walk: StartWalk, database_url: str
) -> None:
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    item = enter(walk)
    walk.at(101)
    walk.make(Move(102 + 9 * DAY, "zhougy", "plan", said.plan(10), "progress:zhougy"))
    wanted = answers.extension((item.deadline or day_of(walk.now)) + timedelta(days=30))
    reply = typed_into(
        walk, "zhougy", f"/ledger/{item.id}/extension", "extension_request.v1", wanted
    )
    assert reply.status_code == 303
    rows = "SELECT number, problem, area, scope, kind, cell, source FROM rectification"
    told = f"{rows} WHERE case_id IS NOT NULL ORDER BY number"
    before = walk.session.execute(text(told)).all()
    kept = item.number
    walk.session.close()
    walk.app.extensions["engine"].dispose()

    alembic(database_url, command.downgrade, "0015")
    alembic(database_url, command.upgrade, "head")
    with walk.app.extensions["engine"].connect() as connection:
        assert connection.execute(text(told)).all() == before
        assert "产后出血靠目测，未称重计量，预警晚。" in {row.problem for row in before}
        assert kept not in connection.execute(text(rows)).scalars().all()
        for table in ("clock", "task", "document", "process", "attachment"):
            of_duty = text(f"SELECT count(*) FROM {table} WHERE duty_id IS NOT NULL")  # noqa: S608
            assert connection.execute(of_duty).scalar() == 0, table
        with pytest.raises(DBAPIError, match="document"):
            connection.execute(text("DELETE FROM document"))


def pressed(walk: Walk, who: str, item: Rectification, **said: str) -> TestResponse:
    reply = walk.browser(who).post(f"/ledger/{item.id}/urge", data=said)
    walk.session.rollback()
    return reply


@pytest.mark.clause("C07")
def test_the_rescue_centre_presses_regularly_and_its_advice_is_taken_over(
    start_walk: StartWalk,
) -> None:
    """市级危重救治中心要加强指导完善整改措施，定期督促整改进度: on the day that the place's number
    gives the guide is reminded, and daily after; what it presses late stays late; its advice is
    answered with the next progress."""
    walk = start_walk()
    item = new_item(walk, "shenqm")
    begun = day_of(walk.now)
    assert item.press_due_on == begun + timedelta(days=14)  # as this city's example says
    walk.make(Move(1, "zhougy", "plan", said.plan(60), "progress:zhougy"))
    walk.at(13 * DAY)
    walk.sweep()
    assert told(walk, "songqh", EventName.ITEM_PRESS_DUE) == 0
    for day, lines in ((14, 1), (14.01, 1), (15, 2), (16, 3)):  # once a day, not once a look
        walk.at(day * DAY)
        walk.sweep()
        assert told(walk, "songqh", EventName.ITEM_PRESS_DUE) == lines, day

    desk = "/ledger/pressing?view=due"
    shown = walk.browser("songqh").get(desk).text
    assert item.number in shown
    assert "迟 2 天" in shown
    assert item.number in walk.browser("chenglc").get(desk).text  # who looks after the centre
    assert item.number not in walk.browser("subl").get(desk).text
    assert walk.browser("linxm").get(desk).status_code == 404

    advice = "建议把双人核对写进输液泵操作流程，不要只靠培训。"
    late = {"text": "请说明双人核对的落实情况。", "guidance": advice}
    far = (day_of(walk.now) + timedelta(days=15)).isoformat()
    for wrong in ({"next_on": far}, {"next_on": begun.isoformat()}, {"next_on": "明天"}):
        assert pressed(walk, "songqh", item, **late, **wrong).status_code == 422
    assert pressed(walk, "songqh", item, **late).status_code == 303
    assert told(walk, "zhougy", EventName.ITEM_URGED) == 1
    assert item.press_due_on == day_of(walk.now) + timedelta(days=14)
    page = f"/ledger/{item.id}"
    for words in (advice, "迟 2 天", "待答复"):
        assert words in walk.browser("zhougy").get(page).text
    assert "意见待答复" in walk.browser("songqh").get("/ledger/pressing").text
    walk.sweep()
    assert told(walk, "songqh", EventName.ITEM_PRESS_DUE) == 3

    # The owner's next progress takes the advice over, or says why not.
    step = walk.task("zhougy", "progress")
    assert advice in walk.browser("zhougy").get(f"/tasks/{step.id}").text
    silent = walk.hand_in("zhougy", "progress", answers.progress(percent=40))
    assert any("还没有答复" in fault for fault in faults(silent)), faults(silent)
    taken = {"guidance_result": "adopted", "guidance_answer": "已写进流程，十二月起执行。"}
    reply = walk.hand_in("zhougy", "progress", answers.progress(percent=40, **taken))
    assert reply.status_code == 303, faults(reply)
    assert told(walk, "songqh", EventName.GUIDANCE_ANSWERED) == 1
    shown = walk.browser("songqh").get(page).text
    for words in ("采纳：已写进流程", advice, "迟 2 天"):
        assert words in shown
    walk.at(20 * DAY)  # sooner than it must: in time, and the earlier day named holds
    soon = (day_of(walk.now) + timedelta(days=3)).isoformat()
    assert pressed(walk, "songqh", item, text="请补充佐证。", next_on=soon).status_code == 303
    assert (item.press_due_on or begun).isoformat() == soon
    assert walk.browser("songqh").get(page).text.count("迟 2 天") == 1

    closing = {"percent": 100, "evidence": [walk.upload("zhougy", "drill.jpg")]}
    assert walk.hand_in("zhougy", "progress", answers.progress(**closing)).status_code == 303
    assert walk.hand_in("fangcf", "accept", said.acceptance()(walk)).status_code == 303
    walk.at(30 * DAY)
    walk.sweep()
    assert told(walk, "songqh", EventName.ITEM_PRESS_DUE) == 3
    assert pressed(walk, "songqh", item, text="已经销号了。").status_code == 404


def test_where_regularly_has_no_number_the_guide_names_each_day(start_walk: StartWalk) -> None:
    walk = start_walk()
    item = new_item(walk, "shenqm")
    owner = walk.session.get_one(Organisation, item.owner_id)
    name, level = "杞县", RegionLevel.COUNTY
    walk.session.add(Region(code="410221", name=name, level=level, initials="qx"))
    walk.session.flush()
    owner.region_code, item.press_due_on = "410221", None  # 定期, and no more, in Kaifeng
    walk.session.add(owner)
    walk.session.commit()
    assert "本地口径待确认" in walk.browser("songqh").get(f"/ledger/{item.id}").text
    page = walk.browser("songqh").get("/ledger/pressing?view=unnamed").text
    assert f"/ledger/{item.id}/press-day" in page

    def agree(who: str, day: date) -> int:
        data = {"next_on": day.isoformat()}
        reply = walk.browser(who).post(f"/ledger/{item.id}/press-day", data=data)
        walk.session.rollback()
        return reply.status_code

    first = day_of(walk.now) + timedelta(days=5)
    assert agree("zhougy", first) == agree("shenqm", first) == 404
    assert agree("songqh", day_of(walk.now)) == 303
    assert item.press_due_on is None
    assert agree("songqh", first) == 303
    assert agree("songqh", first + timedelta(days=9)) == 303
    assert item.press_due_on == first  # a day that is named stays until it is pressed
    walk.at(6 * DAY)
    walk.sweep()
    assert told(walk, "songqh", EventName.ITEM_PRESS_DUE) == 1
    reply = pressed(walk, "songqh", item, text="请说明落实情况。")
    assert "请约定下次督促日期" in reply.text
    soon = day_of(walk.now) + timedelta(days=30)
    reply = pressed(walk, "songqh", item, text="请说明落实情况。", next_on=soon.isoformat())
    assert (reply.status_code, item.press_due_on) == (303, soon)


def test_how_often_a_cycle_asks_the_database(start_walk: StartWalk, engine: Engine) -> None:
    """The three requests of tests.benchmarks.http: each question costs a third of a millisecond."""
    walk = start_walk()

    def posted(who: str, path: str, form: str, told: Answers) -> int:
        browser = walk.browser(who)
        page = Page.of(browser.get(path).text).filled(load.load(form), told)
        with counted(engine) as asked:
            assert browser.post(path, data=page, csrf=False).status_code == 303
        return len(asked) - asked.count("BEGIN") - asked.count("BEGIN IMMEDIATE")

    for name in ("沈云禾", "沈禾苗"):  # the first report of all enters the diagram
        told = said.report(name=name)(walk)
        reported = posted("linxm", "/reports/new", "report.v1", told)
    new_item(walk, "shenqm")
    walk.hand_in("zhougy", "plan", said.plan(60)(walk))
    browser, step = walk.browser("zhougy"), walk.task("zhougy", "progress")
    with counted(engine) as asked:
        assert browser.get("/tasks").status_code == 200
    told = answers.progress(percent=40)
    handed_in = posted("zhougy", f"/tasks/{step.id}", step.form, told)
    assert (reported, len(asked) - 1, handed_in) == (28, 6, 16)

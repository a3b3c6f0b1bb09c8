"""An expert declares before reading; a conflict shuts the case, voids, and holds up nobody."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    BlindCopy,
    Case,
    Declaration,
    Document,
    Draft,
    Event,
    Level,
    Notification,
    Opinion,
    Panel,
    PanelMember,
    Role,
    Task,
    TaskState,
    User,
)
from tests import said
from tests.conftest import DATABASES
from tests.reviewing import begin, opened, submit
from tests.walk import Move, StartWalk, Walk, faults
from workflows import recusal
from workflows.actions import drafts, seats
from workflows.actions.tasks import InvalidAnswers
from workflows.agreement import compare
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import COUNTY_PANEL, Play
from workflows.events import EventName
from workflows.forms.spec import Answers
from workflows.permissions import Forbidden, inbox, visible_cases
from workflows.readers import Reader

FIVE = COUNTY_PANEL  # chenyf is the chair, qianqs the guide
RELATED = "与当事人的丈夫是同村邻居，相识多年。"
FOUND = "经核对，该专家曾参与本例转诊电话会诊。"
OPEN, NONE, CONFLICT = TaskState.OPEN, Declaration.NONE, Declaration.CONFLICT


@pytest.fixture
def rows(settled_sqlite: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(settled_sqlite, tmp_path) as session:
        yield session


class Board:
    """One panel of five, all seated, and what may happen to it."""

    def __init__(self, play: Play, declared: bool = True) -> None:
        self.play, self.session = play, play.stage.session
        submit(play)
        if declared:
            play.convene(100, Level.COUNTY, meeting=220)
        else:
            appoint(play)
        self.hours = 101.0

    @property
    def panel(self) -> Panel:
        return self.session.scalars(select(Panel)).one()

    @property
    def case(self) -> Case:
        return self.panel.case

    def now(self) -> datetime:
        self.hours += 0.1
        return self.play.at(self.hours)

    def by(self, who: str) -> Appointment:
        return seat_of(self.session, who)

    def member(self, who: str) -> PanelMember:
        [found] = [each for each in self.panel.members if each.user.username == who]
        return found

    def declare(self, who: str, what: Declaration = CONFLICT, reason: str = RELATED) -> None:
        seats.declare(self.session, self.member(who), what, reason, by=self.by(who), now=self.now())

    def file(self, who: str, **over: object) -> None:
        at = self.now()
        filled = answers.opinion(sign=self.play.stage.sign(who, at), **over)
        self.play.stage.act(who, "UT_opinion", filled, at)

    def add(self, who: str, by: str = "fangcf", **over: object) -> PanelMember:
        what: Answers = {"is_guide": False, "override_reason": "", **over}
        user = self.by(who).user_id
        return seats.add_seat(
            self.session, self.panel, user, by=self.by(by), now=self.now(), **what
        )

    def waiting(self) -> list[str]:
        """Who has an open opinion; 'conclude' once they are opened; '-' for a kept place."""
        query = select(Task).where(Task.case_id == self.case.id, Task.state == OPEN)
        tasks = self.session.scalars(query.order_by(Task.index)).all()
        return [
            (task.user.username if task.user else "-")
            if task.bpmn_id == "UT_opinion"
            else task.bpmn_id.removeprefix("UT_")
            for task in tasks
        ]

    def opens(self, who: str) -> bool:
        query = visible_cases(self.by(who)).where(Case.id == self.case.id)
        return self.session.scalars(query).one_or_none() is not None


@pytest.fixture
def board(rows: Session, tmp_path: Path) -> Board:
    return Board(begin(rows, tmp_path))


@pytest.fixture
def undeclared(rows: Session, tmp_path: Path) -> Board:
    return Board(begin(rows, tmp_path), declared=False)


# Declaring


def test_nothing_is_read_before_the_declaration(undeclared: Board) -> None:
    board = undeclared
    assert not board.opens("lixh")
    with pytest.raises(Forbidden):
        board.file("lixh")
    board.session.rollback()


def test_a_declaration_opens_the_case_to_that_expert_alone(undeclared: Board) -> None:
    board = undeclared
    board.declare("lixh", NONE, "")
    assert [who for who in FIVE if board.opens(who)] == ["lixh"]
    [event] = board.session.scalars(select(Event).where(Event.name == EventName.MEMBER_DECLARED))
    assert event.data == {"level": "county", "member": board.play.user("lixh")}
    before = board.member("lixh").declared_at
    board.declare("lixh", NONE, "")  # twice is once
    assert board.member("lixh").declared_at == before
    assert len(board.session.scalars(select(Event).where(Event.name == event.name)).all()) == 1
    board.file("lixh")


def test_nobody_declares_for_somebody_else(board: Board) -> None:
    for who in ("qianqs", "wugs", "fangcf"):
        with pytest.raises(Forbidden):
            seats.declare(
                board.session,
                board.member("lixh"),
                CONFLICT,
                RELATED,
                by=board.by(who),
                now=board.now(),
            )


@pytest.mark.parametrize("reason", ["", "  认识  ", "长" * 501])
def test_a_conflict_needs_a_reason(board: Board, reason: str) -> None:
    with pytest.raises(InvalidAnswers):
        board.declare("lixh", CONFLICT, reason)
    assert board.member("lixh").ended_at is None


def test_the_opinion_keeps_what_was_declared(board: Board) -> None:
    board.file("lixh")
    [opinion] = board.session.scalars(select(Opinion))
    assert opinion.document.answers["coi_declared"] == "none"
    assert opinion.document.answers["confidentiality_ack"] is True


# Giving a seat up


@pytest.mark.clause("B03")
def test_a_conflict_shuts_the_case_at_once_and_holds_up_nobody(undeclared: Board) -> None:
    board = undeclared
    for who in FIVE[:4]:
        board.declare(who, NONE, "")
    board.declare("lixh")
    assert not board.opens("lixh")
    assert board.waiting() == list(FIVE[:4])
    assert board.session.scalars(inbox(board.by("lixh"))).all() == []
    member = board.member("lixh")
    assert (member.declaration, member.ended_reason) == (CONFLICT, RELATED)
    for who in FIVE[:4]:
        board.file(who)
    assert board.waiting() == ["conclude"]
    with pytest.raises(seats.SeatEnded):
        board.declare("lixh", NONE, "")
    with pytest.raises(seats.SeatEnded):
        board.declare("lixh")


def test_the_last_open_seat_given_up_opens_the_others(board: Board) -> None:
    for who in FIVE[:4]:
        board.file(who)
    board.declare("lixh")
    assert board.waiting() == ["conclude"]
    assert board.panel.opened_at is not None


def test_commission_and_secretary_are_told_and_nobody_else(board: Board) -> None:
    board.declare("lixh")
    told = board.session.scalars(
        select(User.username)
        .join(Notification, Notification.user_id == User.id)
        .where(Notification.name == EventName.MEMBER_WITHDRAWN)
    )
    assert sorted(told) == ["fangcf", "wugs"]
    [event] = board.session.scalars(select(Event).where(Event.name == EventName.MEMBER_WITHDRAWN))
    assert RELATED not in str(event.data)
    reads = {"fangcf": True, "wugs": True, "jiasj": True, "shaoxz": True}
    reads |= dict.fromkeys(("zhougy", "shenqm", "chenyf", "linxm", "chenglc"), False)
    for who, may in reads.items():
        assert Reader(board.session, board.case, board.by(who)).reads_event(event, ()) is may, who


def test_what_was_filed_is_void_and_stays_on_record(board: Board) -> None:
    board.file("lixh", conclusion="unavoidable", chance="none")
    board.declare("lixh")
    [opinion] = board.session.scalars(select(Opinion))
    assert opinion.voided_at is not None
    assert board.session.get(Document, opinion.document_id) is not None
    for who in FIVE[:4]:
        board.file(who)
    found = compare(board.session, board.panel, str)
    assert [member.user.username for member in found.experts] == list(FIVE[:4])
    assert set(found.conclusion.codes) == {"conditionally_avoidable"}
    for who in ("chenyf", "wugs"):
        reader = Reader(board.session, board.case, board.by(who))
        assert not reader.reads_document(opinion.document)
        assert sum(d.form == "opinion.v2" for d in reader.documents()) == 4
    assert not Reader(board.session, board.case, board.by("lixh")).reads_opinions("county")


def test_found_out_after_the_opening(board: Board) -> None:
    for who in FIVE:
        board.file(who)
    board.declare("qianqs")
    assert not board.opens("qianqs")
    assert len(compare(board.session, board.panel, str).experts) == 4
    assert board.waiting() == ["conclude"]


def test_the_draft_of_who_has_gone_is_gone(board: Board) -> None:
    task = next(t for t in board.session.scalars(inbox(board.by("lixh"))))
    drafts.save_draft(
        board.session, f"task:{task.id}", [("a", "b")], 5, by=board.by("lixh"), now=board.now()
    )
    board.declare("lixh")
    assert board.session.scalars(select(Draft)).all() == []


def test_the_commission_may_take_a_seat_back(board: Board) -> None:
    member = board.member("lixh")
    act = {"by": board.by("fangcf"), "now": board.now()}
    with pytest.raises(InvalidAnswers):
        seats.end_seat(board.session, member, "认识", **act)
    seats.end_seat(board.session, member, FOUND, **act)
    assert not board.opens("lixh")
    assert board.waiting() == list(FIVE[:4])
    assert (member.declaration, member.ended_reason) == (NONE, FOUND)
    with pytest.raises(seats.SeatEnded):
        seats.end_seat(board.session, member, FOUND, **act)


def test_only_the_commission_that_called_the_panel_seats_and_unseats(board: Board) -> None:
    for who in ("shaoxz", "guqf", "chenglc", "shenqm", "wugs", "chenyf", "zhougy"):
        by, now = board.by(who), board.now()
        with pytest.raises(Forbidden):
            seats.end_seat(board.session, board.member("lixh"), FOUND, by=by, now=now)
        with pytest.raises(Forbidden):
            board.add("zhaocs", by=who)
        with pytest.raises(Forbidden):
            seats.name_chair(board.session, board.panel, by.user_id, by=by, now=now)


# Seating somebody else


def test_a_replacement_declares_files_and_is_waited_for(board: Board) -> None:
    board.declare("lixh")
    member = board.add("zhaocs")
    assert (member.place, member.declaration) == (5, None)
    assert board.waiting() == [*FIVE[:4], "zhaocs"]
    assert not board.opens("zhaocs")
    for who in FIVE[:4]:
        board.file(who)
    assert board.waiting() == ["zhaocs"]
    board.declare("zhaocs", NONE, "")
    board.file("zhaocs")
    assert board.waiting() == ["conclude"]
    assert [m.user.username for m in compare(board.session, board.panel, str).experts] == [
        *FIVE[:4],
        "zhaocs",
    ]


@pytest.mark.parametrize("order", list(permutations(("gone", "added", "filed", "late")))[::3])
def test_whatever_the_order_all_who_are_seated_must_file(
    rows: Session, tmp_path: Path, order: tuple[str, ...]
) -> None:
    """lixh goes; zhaocs comes; chenyf files; chuys files and goes later. Never opened early."""
    board = Board(begin(rows, tmp_path))
    acts = {
        "gone": lambda: board.declare("lixh"),
        "added": lambda: board.add("zhaocs"),
        "filed": lambda: board.file("chenyf"),
        "late": lambda: (board.file("chuys"), board.declare("chuys")),
    }
    for act in order:
        acts[act]()
        assert board.panel.opened_at is None
    board.file("qianqs")
    board.file("fengjc")
    assert board.waiting() == ["zhaocs"]
    board.declare("zhaocs", NONE, "")
    board.file("zhaocs")
    assert board.waiting() == ["conclude"]
    standing = [m.user.username for m in compare(board.session, board.panel, str).experts]
    assert standing == ["chenyf", "qianqs", "fengjc", "zhaocs"]


def test_when_nobody_is_left_the_review_waits_for_somebody(board: Board) -> None:
    """Opinions of nobody are not opened; the place of the last one is kept for who comes."""
    for who in FIVE:
        board.declare(who)
    assert board.panel.opened_at is None
    assert board.waiting() == ["-"]
    board.add("zhaocs")
    assert board.waiting() == ["zhaocs"]
    board.declare("zhaocs", NONE, "")
    board.file("zhaocs")
    assert board.waiting() == ["conclude"]


def test_nobody_is_seated_once_the_opinions_are_open(board: Board) -> None:
    for who in FIVE:
        board.file(who)
    with pytest.raises(seats.PanelOpened):
        board.add("zhaocs")


def test_who_may_not_be_seated(board: Board) -> None:
    board.declare("lixh")
    for who in ("lixh", "chenyf", "fangcf", "wugs"):  # gone, there already, no expert, secretary
        with pytest.raises(InvalidAnswers):
            board.add(who)
    seat_of(board.session, "zhaocs").valid_to = date(2026, 11, 1)
    board.session.flush()
    with pytest.raises(InvalidAnswers):
        board.add("zhaocs")
    assert len(board.panel.members) == 5


def test_recusal_holds_for_replacements_too(board: Board) -> None:
    held = Appointment(
        user=board.by("zhaocs").user,
        organisation_id=board.case.organisation_id,
        role=Role.DEPARTMENT,
        valid_from=date(2015, 1, 1),
        valid_to=date(2019, 1, 1),
    )
    board.session.add(held)
    board.session.flush()
    with pytest.raises(InvalidAnswers) as refused:
        board.add("zhaocs")
    assert "曾任职于青禾县人民医院" in refused.value.errors["user"][0]
    with pytest.raises(InvalidAnswers):
        board.add("zhaocs", override_reason="专家少")
    reason = "外科只有这一位专家，离开该院已满七年，经委领导同意。"
    board.add("zhaocs", override_reason=reason)
    [event] = board.session.scalars(select(Event).where(Event.name == EventName.PANEL_OVERRIDDEN))
    assert event.data["reason"] == reason


def test_who_stood_back_here_stands_back_at_the_next_level(board: Board) -> None:
    board.declare("lixh")
    reasons = recusal.reasons(board.session, board.case, board.play.user("lixh"))
    assert reasons == ["在本例评审中因利害关系退出"]


# The chair


def test_a_chair_who_has_gone_is_replaced_before_the_conclusion(board: Board) -> None:
    board.declare("chenyf")
    for who in FIVE[1:]:
        board.file(who)
    with pytest.raises(InvalidAnswers) as refused:
        board.play.conclude(200, Level.COUNTY)
    assert "重新指定组长" in refused.value.errors["chair"][0]
    board.session.rollback()


def test_an_open_signature_goes_over_to_the_new_chair(rows: Session, board: Board) -> None:
    for who in FIVE:
        board.file(who)
    rows.commit()
    with pytest.raises(Forbidden):  # the old one signs no more
        _conclude_and_leave(board)
    rows.rollback()
    board.hours = 260
    seats.name_chair(
        rows, board.panel, board.play.user("qianqs"), by=board.by("fangcf"), now=board.now()
    )
    [task] = rows.scalars(select(Task).where(Task.lane == "chair", Task.state == OPEN))
    assert task.user_id == board.play.user("qianqs")
    signed = answers.chair_signature(sign=board.play.stage.sign("qianqs", board.now()))
    board.play.stage.act("qianqs", "UT_chair_sign", signed, board.now())
    assert board.waiting() == ["member_sign"] * 3  # of those who were there and are seated still


def _conclude_and_leave(board: Board) -> None:
    play, session = board.play, board.session
    play.meet(225, Level.COUNTY)
    members = play._members(Level.COUNTY)
    filled = answers.conclusion(
        play.at(225),
        organisation=play.unit("qh_commission"),
        chair=members[0][0],
        secretary=play.user("wugs"),
        members=members,
        owner=play.unit("qh_hospital"),
        sign=play.stage.sign("wugs", play.at(230)),
    )
    play.stage.act("wugs", "UT_conclude", filled, play.at(230))
    board.hours = 231
    board.declare("chenyf")
    session.commit()
    signed = answers.chair_signature(sign=play.stage.sign("chenyf", board.now()))
    play.stage.act("chenyf", "UT_chair_sign", signed, board.now())


def test_only_a_seated_member_becomes_chair(board: Board) -> None:
    board.declare("lixh")
    for user in (None, board.play.user("lixh"), board.play.user("zhaocs")):
        with pytest.raises(InvalidAnswers):
            seats.name_chair(
                board.session, board.panel, user, by=board.by("fangcf"), now=board.now()
            )
    assert board.panel.chair.username == "chenyf"


# Over HTTP


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


@pytest.fixture
def walk(start_walk: StartWalk) -> Walk:
    """The panel has just been appointed; nobody has declared."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), appoint)
    walk.at(100)
    return walk


def appoint(play: Play) -> None:
    play.stage.declare = lambda *_: None  # type: ignore[method-assign]
    play.convene(100, Level.COUNTY, meeting=220)


def test_what_reviewers_read_is_ready_as_soon_as_the_panel_is(start_walk: StartWalk) -> None:
    """The copies are made by the appointing request itself, which is not in its own way."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60))
    walk.make(Move(100, "fangcf", "convene", said.panel("county", 5), opinions(FIVE)))
    assert walk.session.scalars(select(BlindCopy.token)).all()


def opinions(people: tuple[str, ...]) -> str:
    return " ".join(f"opinion:{who}" for who in people)


def panel_in(walk: Walk) -> Panel:
    walk.session.rollback()
    return walk.session.scalars(select(Panel)).one()


def pages_of(walk: Walk) -> list[str]:
    file, sheet = walk.attachment(), walk.document("submit").id
    assert file is not None
    sides = ("", "/documents", "/files", "/people", "/reviews", "/items", "/diagrams")
    found = [f"/cases/{walk.case_id}{side}" for side in sides]
    found += [f"/cases/{walk.case_id}/documents/{sheet}", f"/attachments/{file.token}"]
    return [*found, f"/cases/{walk.case_id}/diagrams/review-county/data"]


def refused(walk: Walk, who: str) -> bool:
    """Whether every page of the case is a 404."""
    browser = walk.browser(who)
    return {browser.get(path).status_code for path in pages_of(walk)} == {404}


def test_no_page_opens_before_the_declaration(walk: Walk) -> None:
    assert refused(walk, "lixh")
    task = walk.task("lixh", "opinion").id
    browser = walk.browser("lixh")
    where = f"/panels/{panel_in(walk).id}/declaration"
    assert browser.get(f"/tasks/{task}").location == where
    assert browser.post(f"/tasks/{task}", data={}).location == where
    asked = browser.get(where)
    assert asked.status_code == 200
    for secret in (said.NAME, said.NAME[0] + "＊", "青禾县人民医院"):
        assert secret not in asked.text
    assert walk.case.number not in browser.get("/cases").text


def test_half_a_declaration_is_none(walk: Walk) -> None:
    where = f"/panels/{panel_in(walk).id}/declaration"
    for typed, words in (
        ({}, "选择有无利害关系"),
        ({"declaration": "maybe", "promised": "yes"}, "选择有无利害关系"),
        ({"declaration": "none"}, "承诺保密后才能阅卷"),
        ({"declaration": "conflict", "reason": "认识"}, "写明与本例的关系，10 至 500 字"),
    ):
        reply = walk.browser("lixh").post(where, data=typed)
        assert reply.status_code == 422, typed
        assert words in reply.text
        assert typed.get("reason", "") in reply.text
        assert refused(walk, "lixh")


def test_declared_one_reads_and_files(walk: Walk) -> None:
    where = f"/panels/{panel_in(walk).id}/declaration"
    browser = walk.browser("lixh")
    reply = browser.post(where, data={"declaration": "none", "promised": "yes"})
    form = browser.get(reply.location)
    assert form.status_code == 200
    assert f'href="{where}"' in form.text  # to say later what was found out
    assert not refused(walk, "lixh")
    assert refused(walk, "qianqs")
    walk.make(Move(120, "lixh", "opinion", said.opinion(), opinions(FIVE[:4])))


def test_the_declaration_is_asked_of_nobody_else(walk: Walk) -> None:
    where = f"/panels/{panel_in(walk).id}/declaration"
    for who in ("zhaocs", "wugs", "fangcf", "zhougy", "jiasj"):
        assert walk.browser(who).get(where).status_code == 404, who
        assert walk.browser(who).post(where, data={"declaration": "none"}).status_code == 404
    assert walk.browser("lixh").get("/panels/999/declaration").status_code == 404


@pytest.mark.parametrize("database", DATABASES)
def test_a_conflict_and_its_replacement_over_http(walk: Walk, database: str) -> None:
    panel = panel_in(walk).id
    where, board = f"/panels/{panel}/declaration", f"/panels/{panel}/seats"
    browser = walk.browser("lixh")
    browser.post(where, data={"declaration": "none", "promised": "yes"})
    reply = browser.post(where, data={"declaration": "conflict", "reason": RELATED})
    assert reply.location == "/tasks"
    assert "本例对您关闭" in browser.get("/tasks").text
    assert refused(walk, "lixh")
    assert "对您关闭" in browser.get(where).text
    assert browser.post(where, data={"declaration": "none", "promised": "y"}).status_code == 409

    desk = walk.browser("fangcf")
    [line] = walk.session.scalars(
        select(Notification.id)
        .join(User, User.id == Notification.user_id)
        .where(User.username == "fangcf", Notification.name == EventName.MEMBER_WITHDRAWN)
    ).all()
    assert desk.post(f"/notifications/{line}").location == board
    seen = desk.get(board).text
    assert RELATED in seen
    assert "4 人在任" in seen
    assert desk.post(board, data={"user": ""}).status_code == 422
    assert desk.post(board, data={"user": walk.user("zhaocs")}).status_code == 303
    walk.session.rollback()
    assert set(walk.open()) == set(opinions((*FIVE[:4], "zhaocs")).split())
    for number, who in enumerate((*FIVE[:4], "zhaocs")):
        walk.at(130 + number)
        assert walk.hand_in(who, "opinion", said.opinion()(walk)).status_code == 303
    assert list(walk.open()) == ["conclude:wugs"]
    desk = walk.browser("fangcf")
    assert "不能再补聘" in desk.get(board).text
    assert desk.post(board, data={"user": walk.user("wangzy")}).status_code == 409
    page = walk.browser("wugs").get(f"/tasks/{walk.task('wugs', 'conclude').id}").text
    assert "赵春山" in page
    assert "李夏荷" not in page


def test_a_conclusion_waits_for_a_chair(walk: Walk) -> None:
    panel = panel_in(walk).id
    for who in FIVE[1:]:
        assert walk.hand_in(who, "opinion", said.opinion()(walk)).status_code == 303
    gone = {"declaration": "conflict", "reason": RELATED}
    assert walk.browser("chenyf").post(f"/panels/{panel}/declaration", data=gone).status_code == 303
    assert list(walk.open()) == ["conclude:wugs"]
    walk.at(260)
    reply = walk.hand_in("wugs", "conclude", said.conclusion("county")(walk))
    assert reply.status_code == 422
    assert "组长已退出评审" in faults(reply)[0]
    desk = walk.browser("fangcf")
    assert "原组长已退出" in desk.get(f"/panels/{panel}/seats").text
    assert desk.post(f"/panels/{panel}/chair", data={"chair": ""}).status_code == 422
    chosen = {"chair": walk.user("qianqs")}
    assert desk.post(f"/panels/{panel}/chair", data=chosen).status_code == 303
    again = said.conclusion("county", chair=walk.user("qianqs"))
    walk.make(Move(261, "wugs", "conclude", again, "chair_sign:qianqs"))


def test_the_commission_takes_a_seat_back_over_http(walk: Walk) -> None:
    panel = panel_in(walk)
    member = next(each.id for each in panel.members if each.user.username == "lixh")
    path, desk = f"/panels/{panel.id}/seats/{member}/end", walk.browser("fangcf")
    wrong = desk.post(path, data={"reason": "认识"})
    assert wrong.status_code == 422
    assert "写明收回聘任的原因" in wrong.text
    assert desk.post(path, data={"reason": FOUND}).status_code == 303
    assert set(walk.open()) == set(opinions(FIVE[:4]).split())
    assert desk.post(path, data={"reason": FOUND}).status_code == 409
    assert desk.post(f"/panels/{panel.id}/seats/999/end", data={}).status_code == 404


def test_seats_are_nobody_elses_business(walk: Walk) -> None:
    panel = panel_in(walk).id
    paths = (f"/panels/{panel}/seats", f"/panels/{panel}/chair")
    for who in ("shaoxz", "guqf", "chenglc", "shenqm", "wugs", "lixh", "zhougy", "jiasj"):
        browser = walk.browser(who)
        assert browser.get(paths[0]).status_code == 404, who
        for path in paths:
            assert browser.post(path, data={}).status_code == 404, who
    assert f'href="{paths[0]}"' in walk.browser("fangcf").get(f"/cases/{walk.case_id}/people").text


def test_the_page_of_seats_does_not_tell_who_has_filed(walk: Walk) -> None:
    path = f"/panels/{panel_in(walk).id}/seats"
    for who in FIVE:
        walk.browser(who).post(
            f"/panels/{panel_in(walk).id}/declaration",
            data={"declaration": "none", "promised": "yes"},
        )
    walk.at(150)
    before = said_on(walk, path)
    for who in FIVE[:4]:
        assert walk.hand_in(who, "opinion", said.opinion()(walk)).status_code == 303
        assert said_on(walk, path) == before


def said_on(walk: Walk, path: str) -> str:
    """The page without what is new on every page: the token against forgery."""
    text = walk.browser("fangcf").get(path).text
    return re.sub(r'name="csrf[_-]token" (value|content)="[^"]+"', "", text)


def test_a_later_conflict_is_declared_from_the_case(walk: Walk) -> None:
    for who in FIVE:
        assert walk.hand_in(who, "opinion", said.opinion()(walk)).status_code == 303
    where = f"/panels/{panel_in(walk).id}/declaration"
    browser = walk.browser("lixh")
    assert f'href="{where}"' in browser.get(f"/cases/{walk.case_id}/reviews").text
    assert "申报并退出本例评审" in browser.get(where).text
    walk.clock.shift(timedelta(hours=1))
    browser = walk.browser("lixh")
    assert browser.post(where, data={"declaration": "conflict", "reason": RELATED}).location
    assert refused(walk, "lixh")
    reviews = walk.browser("chenyf").get(f"/cases/{walk.case_id}/reviews").text
    assert "李夏荷" not in reviews

"""Sealed until all are in or the chair opens with a reason; filed for good; written anew with a
reason, before the opening only."""

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from models import Declaration, Document, Event, Level, Opinion, Task
from tests.orders import orders
from tests.played import CHAIR, FILED, IN_REVIEW, UNFILED, Browse, Cast
from tests.reviewing import begin, opened
from tests.test_seats import FIVE, FOUND, Board
from workflows.actions import opinions, seats
from workflows.actions.seats import PanelOpened
from workflows.actions.tasks import InvalidAnswers, TaskClosed, complete_task
from workflows.agreement import Sealed, compare
from workflows.demo import answers
from workflows.demo.people import PEOPLE
from workflows.events import EventName
from workflows.permissions import Forbidden, opened_panels, sealed_events
from workflows.readers import Reader

WHY = "一名专家出国未归，会议已经改期两次，不能再等。"
ANEW = "复看护理记录后，对出血量的判断有变化。"
CHAIRED, SECOND, THIRD, FOURTH, LAST = FIVE


@pytest.fixture
def board(settled_sqlite: Path, tmp_path: Path) -> Iterator[Board]:
    with opened(settled_sqlite, tmp_path) as session:
        yield Board(begin(session, tmp_path))


def open_early(board: Board, who: str = CHAIRED, reason: str = WHY) -> None:
    opinions.open_early(board.session, board.panel, reason, by=board.by(who), now=board.now())


def revise(board: Board, who: str, reason: str = ANEW, key: str = "", **over: object) -> Document:
    now = board.now()
    filled = answers.opinion(sign=board.play.stage.sign(who, now), **over)
    return opinions.revise(
        board.session,
        board.panel,
        filled,
        reason,
        key=key or f"anew {who} {now}",
        by=board.by(who),
        now=now,
    )


def read_by(board: Board, who: str) -> list[str]:
    """Whose opinions somebody may open."""
    board.session.expire_all()
    rows = Reader(board.session, board.case, board.by(who)).documents()
    return [row.author.username for row in rows if row.form.startswith("opinion.")]


# Opened by the chair


def test_the_chair_opens_with_a_reason_and_who_is_late_files_no_more(board: Board) -> None:
    board.file(CHAIRED)
    board.file(SECOND)
    open_early(board)
    assert board.waiting() == ["conclude"]
    assert board.panel.opened_reason == WHY
    assert read_by(board, LAST) == [CHAIRED, SECOND]  # on the panel still
    late = board.session.scalars(
        select(Task).where(Task.lane == "expert", Task.user_id == board.by(LAST).user_id)
    ).one()
    now = board.now()
    sheet = answers.opinion(sign=board.play.stage.sign(LAST, now))
    with pytest.raises(TaskClosed):
        complete_task(board.session, late, sheet, key="late", by=board.by(LAST), now=now)
    names = set(board.session.scalars(select(Event.name).where(Event.case_id == board.case.id)))
    assert {EventName.OPINIONS_OPENED_EARLY, EventName.OPINIONS_OPENED} <= names
    assert len(compare(board.session, board.panel, str).documents) == 2


def test_nobody_opens_early_but_a_chair_who_has_filed(board: Board) -> None:
    board.file(SECOND)
    with pytest.raises(opinions.NotFiled):
        open_early(board)
    board.file(CHAIRED)
    for who in (SECOND, "wugs", "fangcf", "shaoxz"):
        with pytest.raises(Forbidden):
            open_early(board, who)
    for reason in ("", "不等了", "长" * 501):
        with pytest.raises(InvalidAnswers):
            open_early(board, reason=reason)
    assert board.panel.opened_at is None
    open_early(board)
    with pytest.raises(PanelOpened):
        open_early(board)


def test_a_chair_may_open_whoever_has_filed_and_is_not_told(board: Board) -> None:
    """The possibility does not depend on how many are in."""
    board.file(CHAIRED)
    for who in FIVE[1:4]:
        assert opinions.may_open(board.session, board.panel, board.by(CHAIRED))
        board.file(who)
    assert opinions.may_open(board.session, board.panel, board.by(CHAIRED))
    board.file(LAST)
    assert not opinions.may_open(board.session, board.panel, board.by(CHAIRED))


# Written anew


def test_an_opinion_is_written_anew_with_a_reason_and_the_old_one_stays(board: Board) -> None:
    board.file(SECOND)
    document = revise(board, SECOND, conclusion="avoidable", chance="good")
    assert document.edition == 2
    old, new = board.session.scalars(select(Opinion).order_by(Opinion.id)).all()
    assert (old.superseded_at, new.superseded_at) == (new.filed_at, None)
    assert new.reason == ANEW
    assert old.document.answers["conclusion"] == "conditionally_avoidable"
    for who in FIVE:
        assert read_by(board, who) == []
    for who in (CHAIRED, THIRD, FOURTH, LAST):
        board.file(who)
    compared = compare(board.session, board.panel, str)
    assert sorted(compared.conclusion.codes)[0] == "avoidable"
    assert len(compared.documents) == 5
    assert read_by(board, THIRD).count(SECOND) == 2


def test_writing_anew_needs_a_reason_and_sound_answers(board: Board) -> None:
    board.file(SECOND)
    for reason in ("", "改了", "长" * 501):
        with pytest.raises(InvalidAnswers) as refused:
            revise(board, SECOND, reason)
        assert set(refused.value.errors) == {"revision_reason"}
    with pytest.raises(InvalidAnswers) as refused:
        revise(board, SECOND, conclusion="")
    assert "conclusion" in refused.value.errors


def test_only_one_s_own_and_only_before_the_opening(board: Board) -> None:
    with pytest.raises(Forbidden):
        revise(board, SECOND)  # nothing filed
    board.file(SECOND)
    with pytest.raises(Forbidden):
        revise(board, "wugs")
    board.file(CHAIRED)
    open_early(board)
    with pytest.raises(PanelOpened):
        revise(board, SECOND)


def test_sent_twice_it_is_one(board: Board) -> None:
    board.file(SECOND)
    assert revise(board, SECOND, key="once") is revise(board, SECOND, key="once")
    assert len(board.session.scalars(select(Opinion)).all()) == 2


def test_a_conflict_voids_every_edition(board: Board) -> None:
    board.file(SECOND)
    revise(board, SECOND)
    board.declare(SECOND)
    assert all(row.voided_at for row in board.session.scalars(select(Opinion)))


def test_the_database_refuses_to_change_what_was_filed(board: Board) -> None:
    board.file(SECOND)
    sheet = board.session.scalars(select(Document).order_by(Document.id.desc()).limit(1)).one()
    board.session.commit()
    sheet.answers = {**sheet.answers, "conclusion": "unavoidable"}
    with pytest.raises(DatabaseError, match="only added"):
        board.session.flush()


# Whatever the order


class Sealing:
    """Random acts of a panel, and after each: nobody reads anything before the opening."""

    def __init__(self, board: Board, seed: int) -> None:
        self.board, self.dice = board, random.Random(seed)  # noqa: S311
        self.experts = [*FIVE, "zhaocs", "sundq"]

    def step(self) -> bool:
        """Whether the act was allowed."""
        act = self.dice.choice(
            [self.file, self.file, self.file, self.anew, self.open, self.leave, self.end, self.seat]
        )
        try:
            with self.board.session.begin_nested():
                act(self.dice.choice(self.experts))
        except (Forbidden, PanelOpened, InvalidAnswers, TaskClosed, opinions.NotFiled,
                seats.SeatEnded, LookupError, ValueError):  # fmt: skip
            self.board.session.expire_all()
            return False
        return True

    def file(self, who: str) -> None:
        waiting = self.board.waiting()
        if who in waiting:
            if not self.board.member(who).reads:
                self.board.declare(who, Declaration.NONE, "")
            self.board.file(who)

    def anew(self, who: str) -> None:
        revise(self.board, who)

    def open(self, who: str) -> None:
        open_early(self.board, who)

    def leave(self, who: str) -> None:
        if self.dice.random() < 0.3:
            self.board.declare(who)

    def end(self, who: str) -> None:
        if self.dice.random() < 0.3:
            board = self.board
            seats.end_seat(
                board.session, board.member(who), FOUND, by=board.by("fangcf"), now=board.now()
            )

    def seat(self, who: str) -> None:
        self.board.add(who)

    def look(self) -> None:
        """What every person may read now, by each of the ways to it."""
        board = self.board
        board.session.expire_all()
        panel = board.panel
        seated = {each.user.username for each in panel.members if each.reads}
        logged = set(board.session.scalars(sealed_events()))
        telling = self.events()
        for person in PEOPLE:
            by = board.by(person.username)
            reader = Reader(board.session, board.case, by)
            read = [row for row in reader.documents() if row.form.startswith("opinion.")]
            listed = board.session.scalars(opened_panels(by)).all()
            allowed = panel.opened_at is not None and person.username in {*seated, "wugs"}
            if not allowed:
                assert read == [], person.username
                assert listed == [], person.username
            told = [row for row in telling if reader.reads_event(row, {d.id for d in read})]
            if panel.opened_at is None:
                assert told == [], person.username
        if panel.opened_at is None:
            assert {row.id for row in telling} == logged
            with pytest.raises(Sealed):
                compare(board.session, panel, str)
        else:
            assert logged == set()

    def events(self) -> list[Event]:
        """Those that would tell that somebody has filed."""
        rows = self.board.session.scalars(
            select(Event).where(Event.case_id == self.board.case.id)
        ).all()
        steps = set(self.board.session.scalars(select(Task.id).where(Task.form.like("opinion.v%"))))
        return [
            row
            for row in rows
            if (row.name == EventName.TASK_COMPLETED and row.data.get("task") in steps)
            or row.name == EventName.OPINION_REVISED
        ]


@pytest.mark.parametrize("seed", orders(6))
def test_no_order_of_events_lets_a_sealed_opinion_leak(board: Board, seed: int) -> None:
    sealing = Sealing(board, seed)
    opened_at: datetime | None = None
    for _ in range(14):
        if sealing.step():
            sealing.look()
        assert opened_at is None or board.panel.opened_at == opened_at  # once opened, it stays
        opened_at = board.panel.opened_at


@pytest.mark.parametrize("seed", orders(1))
def test_a_vote_never_counts_twice(board: Board, seed: int) -> None:
    """Whatever was written anew, voided or late: one opinion for each expert."""
    sealing = Sealing(board, 98 + seed)
    for _ in range(30):
        sealing.step()
    if board.panel.opened_at is None:
        board.file(CHAIRED) if CHAIRED in board.waiting() else None
        for who in list(board.waiting()):
            if who not in ("conclude", "-"):
                sealing.file(who)
    experts = [member.user_id for member in compare(board.session, board.panel, str).experts]
    assert len(experts) == len(set(experts))


# Through the web


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def test_the_pages_of_writing_anew_and_of_opening(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    play = cast.play(IN_REVIEW)
    [panel] = Reader(session, case, cast.seat(CHAIR)).panels.values()
    address = f"/opinions/{panel.id}"
    assert browse(UNFILED).get(address).status_code == 404
    assert browse(FILED).get(f"{address}/opening").status_code == 404
    assert "修改本人已提交的意见" in browse(FILED).get(f"/cases/{case.id}/reviews").text
    assert "修改本人已提交的意见" not in browse(UNFILED).get(f"/cases/{case.id}/reviews").text
    text = browse(FILED).get(address).text
    assert "为什么修改" in text
    assert "出血后诊断基本及时" in text or "县医院具备处置能力" in text
    chair = browse(CHAIR)
    assert "组长提前启封" in chair.get(f"/cases/{case.id}/reviews").text
    assert "没有提交的不再收" in chair.get(f"{address}/opening").text
    assert chair.post(f"{address}/opening", data={"reason": "急"}).status_code == 422
    reply = chair.post(f"{address}/opening", data={"reason": WHY})
    assert reply.status_code == 303
    assert browse(FILED).get(reply.location).status_code == 200
    assert browse(UNFILED).get(reply.location).status_code == 200
    assert WHY in browse(UNFILED).get(f"/cases/{case.id}").text
    assert WHY not in browse("zhougy").get(f"/cases/{case.id}").text
    assert browse(FILED).get(address).status_code == 404
    assert play.stage.case is not None
    assert Level.COUNTY.value in Reader(session, case, cast.seat(CHAIR)).panels


def test_the_log_does_not_tell_who_has_filed(browse: Browse, session: Session, cast: Cast) -> None:
    case = cast.case(IN_REVIEW)
    before = browse("shenji").get(f"/admin/log?case={case.number}&event=task.completed").text
    assert "个人评审意见" not in before
    cast.play(IN_REVIEW).opine(300, Level.COUNTY, (UNFILED,))
    session.commit()
    after = browse("shenji").get(f"/admin/log?case={case.number}&event=task.completed").text
    assert after.count("<tr") == before.count("<tr")

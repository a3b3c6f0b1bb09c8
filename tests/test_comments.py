"""What is said beside the forms, and to whom; who is told of a case; what is urgent to a desk."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Audience,
    Case,
    Clock,
    Comment,
    Event,
    Level,
    Notification,
    Priority,
    Role,
    Task,
)
from tests.cases import report, step
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from tests.reviewing import begin, opened, submit
from workflows import happenings
from workflows.actions import claims, comments, ranking, watching
from workflows.actions.tasks import InvalidAnswers
from workflows.demo.people import seat_of
from workflows.demo.play import Play
from workflows.events import EventName
from workflows.permissions import Forbidden
from workflows.readers import Reader

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SAID = "请青禾县人民医院林小满补一份转诊记录。"


@pytest.fixture
def play(settled_sqlite: Path, tmp_path: Path) -> Iterator[Play]:
    """A case of 青禾县 with its panel of five, nobody has filed."""
    with opened(settled_sqlite, tmp_path) as session:
        play = begin(session, tmp_path)
        submit(play)
        play.convene(100, Level.COUNTY, meeting=220)
        yield play


class Talk:
    """One case, and who hears what."""

    def __init__(self, play: Play) -> None:
        self.play, self.session = play, play.stage.session
        self.case = self.session.scalars(select(Case)).one()

    def by(self, who: str) -> Appointment:
        return seat_of(self.session, who)

    def say(self, who: str, audience: Audience, level: str = "", text: str = SAID) -> Comment:
        return comments.add(
            self.session, self.case, text, audience, level, by=self.by(who), now=self.play.at(130)
        )

    def hears(self, who: str) -> list[str]:
        reader = Reader(self.session, self.case, self.by(who))
        return [reader.scrub(comment.text) for comment in happenings.comments(reader)]


@pytest.fixture
def talk(play: Play) -> Talk:
    return Talk(play)


DESKS = ("zhougy", "helx", "shenqm", "fangcf", "shaoxz")
PANEL = ("chenyf", "qianqs", "lixh", "wugs")


def test_what_is_said_to_colleagues_stays_in_the_unit(talk: Talk) -> None:
    talk.say("zhougy", Audience.UNIT)
    assert {who for who in (*DESKS, *PANEL, "jiasj") if talk.hears(who)} == {"zhougy", "helx"}


def test_what_is_said_to_the_units_reaches_no_reviewer(talk: Talk) -> None:
    talk.say("zhougy", Audience.CASE)
    assert all(talk.hears(who) == [SAID] for who in DESKS)
    assert not any(talk.hears(who) for who in PANEL)


def test_who_may_not_know_names_meets_none(talk: Talk) -> None:
    talk.say("zhougy", Audience.CASE)
    [heard] = talk.hears("jiasj")
    assert "林小满" not in heard
    assert "青禾县人民医院" not in heard
    reader = Reader(talk.session, talk.case, talk.by("jiasj"))
    [comment] = happenings.comments(reader)
    assert reader.person(comment.author, comment.appointment) == ""


def test_a_reviewer_says_nothing_before_the_opening_and_then_to_the_panel_only(
    talk: Talk,
) -> None:
    for who in PANEL:
        for audience, level in (
            (Audience.UNIT, ""),
            (Audience.CASE, ""),
            (Audience.PANEL, "county"),
        ):
            with pytest.raises(Forbidden):
                talk.say(who, audience, level)
    talk.play.opine(110, Level.COUNTY)
    with pytest.raises(Forbidden):
        talk.say("chenyf", Audience.CASE)
    with pytest.raises(Forbidden):
        talk.say("fangcf", Audience.PANEL, "county")  # it convened, it does not review
    talk.say("chenyf", Audience.PANEL, "county")
    assert all(talk.hears(who) for who in PANEL)
    assert not any(talk.hears(who) for who in (*DESKS, "jiasj", "zhaocs"))


def test_that_something_was_said_is_known_to_whom_it_was_said(talk: Talk) -> None:
    talk.say("zhougy", Audience.UNIT)
    [event] = talk.session.scalars(select(Event).where(Event.name == EventName.COMMENT_ADDED))
    assert SAID not in str(event.data)
    knows = {
        who: Reader(talk.session, talk.case, talk.by(who)).reads_event(event, ())
        for who in ("helx", "shenqm", "chenyf", "jiasj")
    }
    assert knows == {"helx": True, "shenqm": False, "chenyf": False, "jiasj": False}


def test_words_are_taken_back_by_who_said_them_and_stay_on_record(talk: Talk) -> None:
    comment = talk.say("zhougy", Audience.CASE)
    with pytest.raises(Forbidden):
        comments.withdraw(talk.session, comment, by=talk.by("helx"), now=talk.play.at(131))
    comments.withdraw(talk.session, comment, by=talk.by("zhougy"), now=talk.play.at(131))
    assert not any(talk.hears(who) for who in DESKS)
    assert talk.session.scalars(select(Comment)).one().text == SAID


@pytest.mark.parametrize("text", ["", "   ", "长" * 1001])
def test_nothing_and_too_much_are_refused(talk: Talk, text: str) -> None:
    with pytest.raises(InvalidAnswers):
        talk.say("zhougy", Audience.UNIT, text=text)


# Following a case


def told(talk: Talk) -> list[tuple[str, str]]:
    rows = talk.session.scalars(
        select(Notification).where(Notification.name == EventName.TASK_COMPLETED)
    )
    return [(row.user.username, row.data["title"]) for row in rows]


def test_a_watcher_is_told_of_what_they_may_see_and_nothing_sealed(talk: Talk) -> None:
    for who in ("helx", "lixh", "jiasj"):
        if who == "jiasj":
            with pytest.raises(Forbidden):
                watching.watch(talk.session, talk.case, by=talk.by(who), now=talk.play.at(101))
        else:
            watching.watch(talk.session, talk.case, by=talk.by(who), now=talk.play.at(101))
    talk.play.opine(110, Level.COUNTY)
    assert told(talk) == []  # nobody learns that an opinion is in, not by a bell either
    talk.play.conclude(150, Level.COUNTY)
    heard = told(talk)
    assert ("lixh", "会议记录与评审结论") in heard
    assert ("helx", "会议记录与评审结论") not in heard  # a draft is the panel's
    assert ("helx", "行政负责人签署") in heard


def test_watching_is_for_cases_one_may_open_and_ends(talk: Talk) -> None:
    for stranger in ("subl", "zhaocs", "gaomz"):
        with pytest.raises(Forbidden):
            watching.watch(talk.session, talk.case, by=talk.by(stranger), now=talk.play.at(101))
    by = talk.by("helx")
    for _ in range(2):
        watching.watch(talk.session, talk.case, by=by, now=talk.play.at(101))
    seen = talk.session.scalars(select(Event).where(Event.name == EventName.CASE_WATCHED)).all()
    assert len(seen) == 1
    assert not Reader(talk.session, talk.case, talk.by("zhougy")).reads_event(seen[0], ())
    watching.unwatch(talk.session, talk.case, by=by, now=talk.play.at(102))
    assert watching.watcher(talk.session, talk.case, by) is None
    watching.watch(talk.session, talk.case, by=by, now=talk.play.at(103))
    by.valid_to = date(2026, 11, 20)
    talk.session.flush()
    talk.play.opine(110, Level.COUNTY)
    talk.play.conclude(150, Level.COUNTY)
    assert told(talk) == []


# Pages


@pytest.fixture
def morning() -> Iterator[object]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.mark.parametrize("database", DATABASES)
def test_said_and_followed_in_the_browser(
    client_for: ClientFor, session: Session, world: World, morning: object
) -> None:
    world.appoint("office2", "hospital", Role.QUALITY_OFFICE)
    case = report(session, world.by["quality_office"], NOW - timedelta(hours=2))
    task = step(session, case, "UT_discuss")
    claims.claim(session, task, by=world.by["quality_office"], now=NOW)
    session.commit()
    base, browser = f"/cases/{case.id}", client_for(world.by["office2"])
    said = {"text": SAID, "audience": "unit", "task": str(task.id)}
    assert browser.post(f"{base}/comments", data={"text": SAID}).status_code == 422
    assert "还没有留言" in browser.get(f"{base}/comments").text
    assert browser.post(f"{base}/comments", data={**said, "text": ""}).status_code == 422
    assert browser.post(f"{base}/comments", data={**said, "audience": "all"}).status_code == 422
    assert (
        browser.post(f"{base}/comments", data={**said, "audience": "panel:county"}).status_code
        == 404
    )
    assert browser.post(f"{base}/comments", data=said).status_code == 303
    [line] = session.scalars(select(Notification).where(Notification.name == "comment.added"))
    assert line.user_id == world.user("quality_office").id
    assert SAID in client_for(world.by["head"]).get(f"{base}/comments").text
    assert SAID not in client_for(world.by["mch"]).get(f"{base}/comments").text
    comment = session.scalars(select(Comment)).one()
    path = f"{base}/comments/{comment.id}/withdraw"
    assert client_for(world.by["head"]).post(path).status_code == 404
    assert browser.post(path).status_code == 303
    assert SAID not in browser.get(f"{base}/comments").text
    assert browser.post(f"{base}/watch", data={"watch": "yes"}).status_code == 303
    assert "已关注" in browser.get(base).text
    assert browser.post(f"{base}/watch", data={"watch": "no"}).status_code == 303
    assert "已关注" not in browser.get(base).text
    stranger = client_for(world.by["neighbour"])
    for rest in ("comments", "watch"):
        assert stranger.post(f"{base}/{rest}", data=said).status_code == 404


def test_how_urgent_a_step_is_changes_no_limit(
    client_for: ClientFor, session: Session, world: World, morning: object
) -> None:
    case = report(session, world.by["quality_office"], NOW - timedelta(hours=2))
    task = step(session, case, "UT_discuss")
    clock = session.get_one(Clock, task.clock_id)
    before = (clock.due_at, clock.next_reminder_at)
    browser = client_for(world.by["quality_office"])
    path = f"/desk/{task.id}/rank"
    for day in ("2026-11-21", "2028-01-01", "morgen"):
        asked = {"priority": "urgent", "follow_up_on": day}
        assert browser.post(path, data=asked).status_code == 422
    asked = {"priority": "urgent", "follow_up_on": "2026-11-23"}
    assert browser.post(path, data=asked).status_code == 303
    session.expire_all()
    task = session.get_one(Task, task.id)
    assert (task.priority, task.follow_up_on) == (Priority.URGENT, date(2026, 11, 23))
    clock = session.get_one(Clock, task.clock_id)
    assert (clock.due_at, clock.next_reminder_at) == before
    for page in ("/tasks", "/desk", f"/tasks/{task.id}"):
        shown = browser.get(page).text
        assert "特急" in shown, page
        assert "明天 跟进" in shown, page
    [event] = session.scalars(select(Event).where(Event.name == EventName.TASK_RANKED))
    assert (event.data["old"], event.data["new"]) == (["", ""], ["urgent", "2026-11-23"])
    assert "缓急：一般 → 特急，跟进：未定 → 2026-11-23" in browser.get(f"/cases/{case.id}").text
    session.rollback()
    for who in ("mch", "commission", "department"):
        with pytest.raises(Forbidden):
            ranking.rank(session, task, None, None, by=world.by[who], now=NOW)

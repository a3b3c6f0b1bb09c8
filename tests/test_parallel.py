"""One reviewer fewer, one more: in an instance that is saved and loaded at every step."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from models import Task, TaskState
from tests.test_engine import Walk, case, session  # noqa: F401 - fixtures
from workflows.engine import StepClosed, StepFailed, parallel

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.fixture
def walk(session, case):  # noqa: F811 - fixtures
    """Three opinions are open."""
    walk = Walk(session, case)
    walk.first_48h()
    walk.do("UT_verify", verify_decision="accept", level="county")
    walk.do("UT_convene", n_experts=3)
    walk.now = NOW
    return walk


def seat(walk, index: int) -> Task:
    return next(t for t in walk.process.tasks if t.bpmn_id == "UT_opinion" and t.index == index)


def drop(walk, index: int) -> list[str]:
    parallel.drop(walk.session, seat(walk, index), walk.host, now=walk.now)
    return walk.open()


def add(walk, beside: int, index: int) -> Task:
    return parallel.add(walk.session, seat(walk, beside), index, walk.host, now=walk.now)


def test_a_dropped_step_does_not_hold_up_the_others(walk):
    assert drop(walk, 1) == ["UT_opinion", "UT_opinion"]
    assert (seat(walk, 1).state, seat(walk, 1).closed_at) == (TaskState.CANCELLED, NOW)
    assert walk.do("UT_opinion", index=0) == ["UT_opinion"]
    assert walk.host.calls == []
    assert walk.do("UT_opinion", index=2) == ["UT_conclude"]
    assert walk.host.calls == [("open_opinions", "county")]


def test_when_the_last_open_step_is_dropped_the_process_goes_on(walk):
    walk.do("UT_opinion", index=2)
    walk.do("UT_opinion", index=0)
    assert drop(walk, 1) == ["UT_conclude"]
    assert walk.host.calls == [("open_opinions", "county")]
    assert seat(walk, 1).state == TaskState.CANCELLED


def test_what_fails_on_the_way_is_told_with_its_step(walk, monkeypatch):
    """The last opinion to come is taken out, and opening the others fails."""

    def refuse(level):
        raise ZeroDivisionError(level)

    for index in (0, 2):
        walk.do("UT_opinion", index=index)
    monkeypatch.setitem(walk.host.services, "open_opinions", refuse)
    with pytest.raises(StepFailed) as failed:
        drop(walk, 1)
    assert (failed.value.step, failed.value.process_id) == ("UT_opinion", walk.process.id)


def test_an_added_step_is_waited_for(walk):
    added = add(walk, beside=0, index=3)
    assert (added.index, added.state, added.bpmn_id) == (3, TaskState.OPEN, "UT_opinion")
    assert (added.lane, added.level, added.opened_at) == ("expert", "county", NOW)
    assert (added.form, added.effect) == ("opinion.v2", "file_opinion")
    for index in (0, 1, 2):
        assert "UT_conclude" not in walk.do("UT_opinion", index=index)
    assert walk.do("UT_opinion", index=3) == ["UT_conclude"]


@pytest.mark.parametrize("order", list(permutations("dap")))
def test_dropping_adding_and_filing_in_any_order(walk, order):
    """Seat 1 goes, seat 3 comes, seat 0 is filed; then the rest, to the end of the review."""
    acts = {
        "d": lambda: drop(walk, 1),
        "a": lambda: add(walk, beside=2, index=3),
        "p": lambda: walk.do("UT_opinion", index=0),
    }
    for act in order:
        acts[act]()
        assert walk.host.calls == []
    assert walk.open() == ["UT_opinion", "UT_opinion"]
    walk.do("UT_opinion", index=2)
    assert walk.do("UT_opinion", index=3) == ["UT_conclude"]
    assert walk.do("UT_conclude") == ["UT_chair_sign"]
    walk.do("UT_chair_sign", chair_decision="sign", n_signers=0)
    assert walk.do("UT_endorse", n_items=0) == ["UT_notice"]


def test_everybody_may_be_replaced(walk):
    for old, new in ((0, 3), (1, 4), (2, 5)):
        add(walk, beside=old, index=new)
        drop(walk, old)
    for index in (5, 4):
        assert "UT_conclude" not in walk.do("UT_opinion", index=index)
    assert walk.do("UT_opinion", index=3) == ["UT_conclude"]


def test_the_second_review_is_not_touched_by_what_happened_in_the_first(walk):
    drop(walk, 0)
    add(walk, beside=1, index=3)
    for index in (1, 2, 3):
        walk.do("UT_opinion", index=index)
    walk.do("UT_conclude")
    walk.do("UT_chair_sign", chair_decision="sign", n_signers=0)
    walk.do("UT_endorse", n_items=0)
    walk.do("UT_notice", n_recipients=1)
    walk.do("UT_issue", issue_decision="issue")
    walk.do("UT_sign_notice", index=0)
    walk.do("UT_convene", n_experts=2)
    city = [t for t in walk.process.tasks if t.bpmn_id == "UT_opinion" and t.level == "city"]
    assert sorted(task.index for task in city) == [0, 1]
    assert walk.do("UT_opinion", index=0) == ["UT_opinion"]
    assert walk.do("UT_opinion", index=1) == ["UT_conclude"]


def test_what_is_not_open_or_not_parallel_is_refused(walk):
    walk.do("UT_opinion", index=0)
    with pytest.raises(StepClosed):
        drop(walk, 0)
    with pytest.raises(StepClosed):
        add(walk, beside=0, index=3)
    for taken in (0, 1, 2):
        with pytest.raises(parallel.IndexTaken):
            add(walk, beside=1, index=taken)
    drop(walk, 1)
    with pytest.raises(StepClosed):
        drop(walk, 1)
    walk.do("UT_opinion", index=2)
    [conclude] = [t for t in walk.process.tasks if t.bpmn_id == "UT_conclude"]
    with pytest.raises(parallel.NotParallel):
        parallel.drop(walk.session, conclude, walk.host, now=walk.now)
    with pytest.raises(parallel.NotParallel):
        parallel.add(walk.session, conclude, 1, walk.host, now=walk.now)
    assert walk.open() == ["UT_conclude"]


def test_the_state_stays_small_however_often_a_seat_changes_hands(walk):
    for number in range(60):
        last = 2 if number == 0 else number + 2
        add(walk, beside=last, index=number + 3)
        drop(walk, last)
    assert len(walk.process.state) < 4096
    assert walk.open() == ["UT_opinion"] * 3

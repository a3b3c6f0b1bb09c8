"""The diagrams run as drawn: order, loops, parallel parts, timers. No form, no web."""

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from models import (
    Base,
    Case,
    CaseKind,
    FrozenRules,
    Organisation,
    OrganisationKind,
    Person,
    ProcessState,
    Region,
    RegionLevel,
    Role,
    Task,
    TaskState,
    User,
)
from workflows import engine
from workflows.engine import NEVER, definitions, script, store
from workflows.permissions import LANE_BY_TITLE

DEATH = datetime(2026, 11, 20, 3, 40, tzinfo=UTC)
FLAGS = {"level": "county", "city_review": True, "n_items": 0}


class FakeHost:
    """Seats nobody, and remembers what service tasks asked for."""

    def __init__(self, dues=None):
        self.calls = []
        self.dues = dues or {}
        self.functions = {
            "due": lambda key: self.dues.get(key, NEVER).isoformat(),
            "due_item": lambda item: self.dues.get(item, NEVER).isoformat(),
        }
        self.services = {
            "escalate": lambda clock: self.call("escalate", clock, True),
            "escalate_item": lambda item: self.call("escalate_item", item, True),
            "open_opinions": lambda level: self.call("open_opinions", level, True),
            "forward_to_city": lambda: self.call("forward_to_city", None, "city"),
        }

    def call(self, name, value, answer):
        self.calls.append((name, value))
        return answer

    def assign(self, step, task):
        task.lane, task.level = LANE_BY_TITLE[step.lane].code, step.data.get("level")


@pytest.fixture
def session():
    database = create_engine("sqlite://")
    Base.metadata.create_all(database)
    with Session(database) as session:
        session.add_all(
            [
                Region(code="990100", name="云江市", level=RegionLevel.CITY),
                Region(code="990121", name="青禾县", level=RegionLevel.COUNTY),
            ]
        )
        session.flush()
        yield session
    database.dispose()


@pytest.fixture
def case(session):
    hospital = Organisation(
        name="青禾县人民医院",
        short_name="县医院",
        kind=OrganisationKind.HOSPITAL,
        level=RegionLevel.COUNTY,
        region_code="990121",
    )
    user = User(username="u", name="甲", password_hash="x", created_at=DEATH)
    session.add_all([hospital, user])
    session.flush()
    case = Case(
        number="MD-1",
        kind=CaseKind.MATERNAL_DEATH,
        organisation=hospital,
        county_code="990121",
        city_code="990100",
        reported_by_id=user.id,
        event_at=DEATH,
        discovered_at=DEATH,
        reported_at=DEATH,
        jurisdiction="990100",
        rules=FrozenRules(digest=uuid4().hex, body={}),
        person=Person(name="某某"),
    )
    session.add(case)
    session.flush()
    return case


class Walk:
    """Drives one process, step by step, saved and loaded at each."""

    def __init__(self, session, case, host=None, flags=FLAGS, name="maternal_death"):
        self.session, self.host, self.now = session, host or FakeHost(), DEATH
        self.process = engine.start(session, case, name, flags, self.host, now=DEATH)

    def waiting(self):
        """Only these are read: a process may have done hundreds."""
        of_process = select(Task).where(Task.process_id == self.process.id)
        open_ = of_process.where(Task.state == TaskState.OPEN).order_by(Task.id)
        return self.session.scalars(open_).all()

    def open(self):
        return sorted(task.bpmn_id for task in self.waiting())

    def do(self, bpmn_id, index=None, **data):
        task = next(
            task
            for task in self.waiting()
            if task.bpmn_id == bpmn_id and (index is None or task.index == index)
        )
        self.now += timedelta(minutes=1)
        engine.complete(self.session, task, data, self.host, now=self.now)
        return self.open()

    def at(self, moment):
        self.now = moment
        engine.fire(self.session, self.process, self.host, now=moment)
        return self.open()

    def first_48h(self):
        for step in ("UT_report", "UT_receive", "UT_discuss", "UT_explain"):
            self.do(step)
        return self.do("UT_submit")

    def review(self, items, experts=3):
        self.do("UT_convene", n_experts=experts)
        for place in range(experts):
            self.do("UT_opinion", index=place)
        self.do("UT_conclude")
        self.do("UT_chair_sign", chair_decision="sign", n_signers=0)
        return self.do("UT_endorse", n_items=items)


def test_three_parts_run_side_by_side_and_the_explanation_follows_the_discussion(session, case):
    walk = Walk(session, case)
    assert walk.open() == ["UT_report"]
    assert walk.do("UT_report") == ["UT_discuss", "UT_receive", "UT_submit"]
    assert walk.do("UT_submit") == ["UT_discuss", "UT_receive"]
    assert walk.do("UT_discuss") == ["UT_explain", "UT_receive"]
    assert walk.do("UT_receive") == ["UT_explain"]
    assert walk.do("UT_explain") == ["UT_verify"]


def test_steps_stand_in_their_own_lanes_also_inside_a_part(session, case):
    walk = Walk(session, case)
    walk.do("UT_report")
    walk.do("UT_discuss")
    lanes = {t.bpmn_id: t.lane for t in walk.process.tasks}
    assert lanes == {
        "UT_report": "reporter",
        "UT_discuss": "quality_office",
        "UT_submit": "quality_office",
        "UT_receive": "county_mch",
        "UT_explain": "head",
    }


def test_returned_for_supplement_as_often_as_needed(session, case):
    walk = Walk(session, case)
    assert walk.first_48h() == ["UT_verify"]
    for _ in range(12):
        assert walk.do("UT_verify", verify_decision="return") == ["UT_supplement"]
        assert walk.do("UT_supplement") == ["UT_verify"]
    assert walk.do("UT_verify", verify_decision="accept", level="county") == ["UT_convene"]
    assert len(walk.process.state) < 4096


def test_the_whole_case_with_two_reviews_and_a_rejected_acceptance(session, case):
    walk = Walk(session, case)
    walk.first_48h()
    walk.do("UT_verify", verify_decision="accept", level="county")
    assert walk.review(items=2) == ["UT_notice"]
    assert walk.do("UT_notice", n_recipients=2) == ["UT_issue"]
    assert walk.do("UT_issue", issue_decision="return") == ["UT_notice"]
    walk.do("UT_notice", n_recipients=2)
    assert walk.do("UT_issue", issue_decision="issue") == [
        "UT_convene",
        "UT_plan",
        "UT_plan",
        "UT_sign_notice",
        "UT_sign_notice",
    ]
    assert ("forward_to_city", None) in walk.host.calls
    plans = [t for t in walk.process.tasks if t.bpmn_id == "UT_plan"]
    assert [(t.index, t.level, t.diagram) for t in plans] == [
        (0, "county", "rectification"),
        (1, "county", "rectification"),
    ]
    for place in (0, 1):
        walk.do("UT_plan", index=place, item_id=place + 1)
        walk.do("UT_progress", index=place, progress_done=False)
        walk.do("UT_progress", index=place, progress_done=True)
    assert "UT_progress" in walk.do("UT_accept", index=0, accept_decision="rejected")
    walk.do("UT_progress", index=0, progress_done=True)
    walk.do("UT_accept", index=0, accept_decision="accepted")
    walk.do("UT_accept", index=1, accept_decision="accepted")
    convene = next(t for t in walk.process.tasks if t.bpmn_id == "UT_convene" and t.level == "city")
    assert convene.state == TaskState.OPEN
    walk.review(items=1)
    walk.do("UT_plan", item_id=3)
    item = next(t for t in walk.process.tasks if t.bpmn_id == "UT_progress" and t.level == "city")
    assert (item.index, item.state) == (0, TaskState.OPEN)
    walk.do("UT_progress", progress_done=True)
    walk.do("UT_accept", accept_decision="accepted")
    walk.do("UT_sign_notice", index=1)
    assert walk.do("UT_sign_notice", index=0) == ["UT_archive"]
    assert walk.do("UT_archive") == []
    assert walk.process.status == ProcessState.DONE
    assert walk.process.ended_at == walk.now


@pytest.mark.parametrize("city_review", [True, False])
def test_no_finding_and_one_level_only(session, case, city_review):
    walk = Walk(session, case, flags={**FLAGS, "city_review": city_review})
    walk.first_48h()
    walk.do("UT_verify", verify_decision="accept", level="county")
    walk.review(items=0)
    walk.do("UT_notice", n_recipients=1)
    walk.do("UT_issue", issue_decision="issue")
    if city_review:
        walk.review(items=0)
    assert walk.do("UT_sign_notice") == ["UT_archive"]


def test_opinions_open_only_when_all_are_in(session, case):
    walk = Walk(session, case)
    walk.first_48h()
    walk.do("UT_verify", verify_decision="accept", level="county")
    walk.do("UT_convene", n_experts=5)
    for place in (3, 0, 4, 1):
        assert "UT_conclude" not in walk.do("UT_opinion", index=place)
        assert walk.host.calls == []
    assert walk.do("UT_opinion", index=2) == ["UT_conclude"]
    assert walk.host.calls == [("open_opinions", "county")]
    assert walk.do("UT_conclude") == ["UT_chair_sign"]
    assert walk.do("UT_chair_sign", chair_decision="return") == ["UT_conclude"]


def test_a_timer_takes_its_moment_from_the_clock_and_fires_once(session, case):
    due = DEATH + timedelta(hours=24)
    walk = Walk(session, case, FakeHost({"in_hospital_discussion": due}))
    walk.do("UT_report")
    assert [(t.bpmn_id, t.due_at) for t in walk.process.timers] == [("BT_discuss_overdue", due)]
    walk.at(due - timedelta(seconds=1))
    assert walk.host.calls == []
    assert "UT_discuss" in walk.at(due + timedelta(seconds=1))
    assert walk.host.calls == [("escalate", "in_hospital_discussion")]
    assert walk.process.timers == []
    walk.at(due + timedelta(days=3))
    assert walk.host.calls == [("escalate", "in_hospital_discussion")]
    walk.do("UT_discuss")
    assert "UT_explain" in walk.open()


def test_a_late_hand_in_does_not_cancel_its_own_alarm(session, case):
    due = DEATH + timedelta(hours=24)
    walk = Walk(session, case, FakeHost({"in_hospital_discussion": due}))
    walk.do("UT_report")
    walk.now = due + timedelta(hours=6)  # nobody swept in between
    walk.do("UT_discuss")
    assert walk.host.calls == [("escalate", "in_hospital_discussion")]


def test_a_step_done_twice_is_refused(session, case):
    walk = Walk(session, case)
    walk.do("UT_report")
    task = next(t for t in walk.process.tasks if t.bpmn_id == "UT_report")
    with pytest.raises(engine.StepClosed):
        engine.complete(session, task, {}, walk.host, now=walk.now)


def test_cancelling_leaves_rows_and_nothing_open(session, case):
    walk = Walk(session, case, FakeHost({"case_submission": DEATH + timedelta(hours=48)}))
    walk.do("UT_report")
    engine.cancel(walk.process, now=walk.now)
    session.flush()
    assert walk.open() == []
    assert walk.process.timers == []
    assert len(walk.process.tasks) == 4


def test_a_running_case_keeps_the_definition_it_started_with(session, case, monkeypatch):
    walk = Walk(session, case)
    changed = {
        name: text.replace('name="核实质控"', 'name="新的一步"')
        for name, text in definitions.files_of("maternal_death").items()
    }
    monkeypatch.setattr(definitions, "files_of", lambda name: changed)
    newer = definitions.current(session, "maternal_death", DEATH)
    assert newer.id != walk.process.definition_id
    walk.first_48h()
    assert [t.title for t in walk.process.tasks if t.state == TaskState.OPEN] == ["核实质控"]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('id')",
        "().__class__",
        "(lambda: 1)()",
        "[x for x in (1,)]",
        "f'{due}'",
        "due.__globals__",
        "open('/etc/passwd')",
        "1 + 1",
        "unknown",
        "x" * 501,
    ],
)
def test_an_expression_that_says_more_than_a_diagram_may_is_refused(text):
    with pytest.raises(script.Refused):
        script.evaluate(text, {"n": 1}, {"due": lambda key: key})


def test_expressions_that_diagrams_use():
    names = {"n_items": 2, "d": "return", "ok": False}
    functions = {"due": lambda key: f"<{key}>"}
    for text, value in {
        "n_items > 0": True,
        'd == "return"': True,
        "not ok and 1 <= n_items <= 5": True,
        'd in ("a", "b") or ok': False,
        'due("x")': "<x>",
        "n_items": 2,
        "-1": -1,
    }.items():
        assert script.evaluate(text, names, functions) == value


def test_external_entities_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    text = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
    assert "CANARY" not in definitions.parse_xml(text).xpath("string()")


def test_state_is_compact_and_holds_no_answer(session, case):
    walk = Walk(session, case)
    walk.first_48h()
    with script.at(walk.now):
        workflow = store.decode(
            walk.process.state,
            lambda _: definitions.parsed(walk.process.definition),
            script.Engine(walk.host.functions, walk.host.services),
        )
    values = {
        key
        for part in [workflow, *workflow.subprocesses.values()]
        for t in part.tasks.values()
        for key in t.data
    }
    assert values <= {"level", "city_review", "n_items"}


def test_roles_of_lanes_are_roles():
    assert all(role in Role for lane in LANE_BY_TITLE.values() for role in lane.roles)


def test_hundreds_of_rounds_do_not_stall_the_case(session, case):
    """Without pruning, tasks below depth 1,000 are never found again."""
    walk = Walk(session, case)
    walk.first_48h()
    for _ in range(400):
        walk.do("UT_verify", verify_decision="return")
        walk.do("UT_supplement")
    assert walk.do("UT_verify", verify_decision="accept", level="county") == ["UT_convene"]
    assert len(walk.process.state) < 4096


def test_an_alarm_that_rings_in_every_round_leaves_nothing_behind(session, case):
    host = FakeHost({1: DEATH - timedelta(hours=1)})
    walk = Walk(session, case, host, {"level": "county"}, "rectification")
    walk.do("UT_plan", item_id=1)
    sizes = []
    for _ in range(20):
        walk.do("UT_progress", progress_done=True)
        walk.do("UT_accept", accept_decision="rejected")
        sizes.append(len(walk.process.state))
    assert host.calls == [("escalate_item", 1)] * 21
    assert max(sizes[5:]) < sizes[4] + 20
    walk.do("UT_progress", progress_done=True)
    assert walk.do("UT_accept", accept_decision="accepted") == []
    assert walk.process.status is ProcessState.DONE


def test_the_branches_of_the_first_two_days_may_end_in_any_order(session, case):
    """A join that counts stale arrivals would open the verification early."""
    rng = random.Random(7)  # noqa: S311 - the same orders every time
    for _ in range(20):
        walk = Walk(session, case)
        walk.do("UT_report")
        waiting = ["UT_receive", "UT_discuss", "UT_submit"]
        while waiting:
            step = waiting.pop(rng.randrange(len(waiting)))
            if step == "UT_discuss":
                waiting.append("UT_explain")
            assert "UT_verify" not in walk.open()
            walk.do(step)
        assert walk.open() == ["UT_verify"]


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), {"a": {1: 2}}, {1, 2}])
def test_what_is_not_plain_json_never_gets_into_the_state(session, case, value):
    walk = Walk(session, case)
    with pytest.raises(engine.StepFailed) as failed:
        walk.do("UT_report", wrong=value)
    assert isinstance(failed.value.__cause__, TypeError)


def test_a_service_that_fails_says_so_itself(session, case):
    """The stock engine would hide it behind a NameError."""
    host = FakeHost({"in_hospital_discussion": DEATH + timedelta(hours=1)})
    walk = Walk(session, case, host)
    walk.do("UT_report")

    def fail(clock):
        raise LookupError("no such desk")

    host.services["escalate"] = fail
    with pytest.raises(engine.StepFailed) as failed:
        walk.at(DEATH + timedelta(hours=2))
    assert isinstance(failed.value.__cause__, LookupError)
    assert failed.value.process_id == walk.process.id

"""Running cases on another version: the same steps, clocks and people, and a way back."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from models import (
    Case,
    Clock,
    Definition,
    Draft,
    Event,
    Level,
    Opinion,
    Organisation,
    Process,
    Task,
    TaskState,
    Timer,
    Transfer,
    User,
)
from tests import instances, moving
from tests.moving import inserted, mover, variant
from tests.played import IN_REVIEW, NOW, Cast
from tests.random_walk import Ground, Stored
from tests.versions import MAIN, handed
from webapp.cli import main
from workflows.actions import definitions as versions
from workflows.actions import drafts, transfers
from workflows.engine import definitions
from workflows.permissions import Forbidden

HOUR = timedelta(hours=1)
REVIEW_END = "F_SV_open_opinions__UT_conclude"
VARIANTS = {
    "a step renamed": variant((MAIN, 'name="核实质控"', 'name="核实"')),
    "a step put in after the review": inserted(
        MAIN, "F_CA_county_review__UT_notice", "UT_read_over", "UT_notice"
    ),
    "a step put in after the opinions of a called process": inserted(
        "review", REVIEW_END, "UT_read_over", "UT_conclude"
    ),
    "a step put in on one of several branches": inserted(
        MAIN, "F_CA_city_review__GW_city_items", "UT_read_over", "CA_city_review"
    ),
    "another condition": variant((MAIN, "n_items &gt; 0", "n_items &gt; 1")),
    "another limit on a step to come": variant(
        ("rectification", "due_item(item_id)", 'due("case_submission")')
    ),
    "a step taken out": variant(
        (MAIN, 'sourceRef="SP_response" targetRef="UT_archive"',
         'sourceRef="SP_response" targetRef="EE_closed"'),
    ),
}  # fmt: skip


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    ground.close()


def add_case(ground: Ground, session: Session) -> Case:
    hospital = session.get_one(Organisation, ground.hospital)
    return instances.add_case(session, hospital, session.get_one(User, ground.user))


# Equal to one that began there


@pytest.mark.parametrize("name", VARIANTS)
def test_a_moved_case_goes_on_as_one_that_began_on_the_new_version(
    ground: Ground, name: str
) -> None:
    """At every step to the end, for several walks, moved at a different step in each."""
    with Session(ground.database) as session:
        after = [
            moving.walk(session, lambda: add_case(ground, session), VARIANTS[name], seed)
            for seed in range(3)
        ]
    assert sum(after) > 60


# What cannot be moved


def standing(ground: Ground, session: Session, *steps: str) -> Stored:
    """A process of the shipped version in which these steps are done."""
    case = add_case(ground, session)
    host = instances.RecordingHost()
    stored = Stored(session, case, MAIN, dict(instances.FLAGS), host, restarts=False)
    for step in steps:
        key = next(key for key in stored.view().steps if key[0] == step)
        stored.complete(key, {}, instances.DEATH)
    return stored


FORK = '<bpmn:sequenceFlow id="F_GW_fork_first__UT_receive"'
ANOTHER_BRANCH = (
    '<bpmn:sequenceFlow id="F_x" sourceRef="GW_fork_first" targetRef="UT_more"/>'
    '<bpmn:sequenceFlow id="F_y" sourceRef="UT_more" targetRef="GW_join_first"/>'
    '<bpmn:userTask id="UT_more" name="另一支"/>'
)
GUARD = '<bpmn:boundaryEvent id="BT_submit_overdue"'
ANOTHER_GUARD = (
    '<bpmn:boundaryEvent id="BT_more" attachedToRef="UT_receive" cancelActivity="false">'
    '<bpmn:timerEventDefinition><bpmn:timeDuration>"PT1H"</bpmn:timeDuration>'
    "</bpmn:timerEventDefinition></bpmn:boundaryEvent>"
    '<bpmn:sequenceFlow id="F_z" sourceRef="BT_more" targetRef="EE_more"/>'
    '<bpmn:endEvent id="EE_more"/>'
)
IN_THE_WAY = {
    "the open step is gone": (variant((MAIN, "UT_receive", "UT_received")), "没有「接报签收"),
    "the open step is something else": (
        variant((MAIN, '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loop'
                 "Cardinality>n_recipients</bpmn:loopCardinality></bpmn:multiInstanceLoop"
                 "Characteristics>", ""),
                (MAIN, "</bpmn:userTask>\n      <bpmn:parallelGateway",
                 '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loop'
                 "Cardinality>2</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>"
                 "</bpmn:userTask>\n      <bpmn:parallelGateway")),
        "另一种元素",
    ),
    "the open step has got an alarm": (
        variant((MAIN, GUARD, ANOTHER_GUARD + GUARD)), "边界事件"
    ),
    "a join would wait for a branch that never began": (
        variant((MAIN, FORK, ANOTHER_BRANCH + FORK)), "换版后会停在"
    ),
    "the part that is running is gone": (
        variant((MAIN, 'id="SP_first_48h"', 'id="SP_first"'),
                (MAIN, 'targetRef="SP_first_48h"', 'targetRef="SP_first"'),
                (MAIN, 'sourceRef="SP_first_48h"', 'sourceRef="SP_first"')),
        "没有",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_would_go_wrong_is_said_and_not_done(ground: Ground, name: str) -> None:
    files, reason = IN_THE_WAY[name]
    with Session(ground.database) as session:
        stored = standing(ground, session, "UT_report")
        before = stored._process().state
        preview = mover(files).preview(before, instances.DEATH)
        assert preview.state is None
        assert any(reason in problem for problem in preview.problems), preview.problems
        assert stored._process().state == before


# A real case in review


def rows_of(session: Session, kind: Any, *where: Any) -> list[dict[str, Any]]:
    """Every column of every such row."""
    columns = [column.key for column in inspect(kind).columns]
    found = session.scalars(select(kind).where(*where).order_by(kind.id))
    return [{name: getattr(row, name) for name in columns} for row in found]


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


_moments = count(1)


def new_version(session: Session, cast: Cast, files: dict[str, bytes]) -> Definition:
    now = NOW + next(_moments) * timedelta(seconds=1)
    in_force = definitions.current(session, MAIN, now)
    row = versions.propose(session, MAIN, files, "试改", by=cast.seat("xitong"), now=now)
    versions.approve(session, row, "同意", against=in_force.id, by=cast.seat("anquan"), now=now)
    session.commit()
    return row


def running(session: Session, cast: Cast) -> Process:
    query = select(Process).where(Process.case_id == cast.case(IN_REVIEW).id)
    return session.scalars(query).one()


OPINION = ('name="个人评审意见"', 'name="专家个人意见"')


@pytest.fixture
def moved(session: Session, cast: Cast) -> Transfer:
    """The case in review on a version where the step its experts are at is called otherwise."""
    target = new_version(session, cast, handed("review", OPINION))
    process = running(session, cast)
    row = transfers.transfer(session, process, target, "统一名称", by=cast.seat("xitong"), now=NOW)
    session.commit()
    return row


def test_clocks_people_drafts_and_opinions_stay_as_they_are(session: Session, cast: Cast) -> None:
    case = cast.case(IN_REVIEW)
    expert = session.scalars(
        select(Task).where(Task.case_id == case.id, Task.state == TaskState.OPEN,
                           Task.bpmn_id == "UT_opinion")
    ).first()  # fmt: skip
    assert expert is not None
    seat = next(a for a in expert.user.appointments)
    drafts.save_draft(session, f"task:{expert.id}", [("a", "写到一半")], 30, by=seat, now=NOW)
    session.commit()
    process = running(session, cast)
    kinds = (
        (Clock, Clock.case_id == case.id),
        (Timer, Timer.process_id == process.id),
        (Opinion,),
        (Draft,),
        (Task, Task.process_id == process.id),
    )
    before = [rows_of(session, *asked) for asked in kinds]
    target = new_version(session, cast, handed("review", OPINION))
    transfers.transfer(session, process, target, "统一", by=cast.seat("xitong"), now=NOW)
    session.commit()
    after = [rows_of(session, *asked) for asked in kinds]
    assert before[:4] == after[:4]
    retitled = [
        {**row, "title": "专家个人意见"}
        if row["bpmn_id"] == "UT_opinion" and row["state"] == TaskState.OPEN
        else row
        for row in before[4]
    ]
    assert retitled == after[4]
    assert before[4] != after[4]
    assert running(session, cast).definition == target
    event = session.scalars(select(Event).where(Event.name == "process.transferred")).one()
    assert (event.case_id, event.data["version"]) == (case.id, 2)


def test_the_case_goes_on_to_its_end_after_the_move(
    session: Session, cast: Cast, moved: Transfer
) -> None:
    play = cast.play(IN_REVIEW)
    hours = (NOW - cast.case(IN_REVIEW).event_at) / HOUR
    play.opine(hours + 1, Level.COUNTY, experts=("lixh", "qianqs"))
    session.commit()
    titles = {task.title for task in cast.case(IN_REVIEW) and running(session, cast).tasks}
    assert "会议记录与评审结论" in titles
    assert not transfers.can_undo(moved)


def test_until_the_next_step_it_can_be_undone_to_the_byte(
    session: Session, cast: Cast, moved: Transfer
) -> None:
    process = running(session, cast)
    assert transfers.can_undo(moved)
    assert [row.id for row in transfers.newest_undoable(session)] == [moved.id]
    with pytest.raises(Forbidden):
        transfers.undo(session, moved, by=cast.seat("anquan"), now=NOW)
    transfers.undo(session, moved, by=cast.seat("xitong"), now=NOW)
    session.commit()
    assert process.state == moved.state_before
    assert process.definition_id == moved.source_id
    titles = {task.title for task in process.tasks if task.state == TaskState.OPEN}
    assert titles == {"个人评审意见"}
    with pytest.raises(transfers.TooLate):
        transfers.undo(session, moved, by=cast.seat("xitong"), now=NOW)
    assert list(transfers.newest_undoable(session)) == []


def test_after_a_step_there_is_no_way_back(session: Session, cast: Cast, moved: Transfer) -> None:
    hours = (NOW - cast.case(IN_REVIEW).event_at) / HOUR
    cast.play(IN_REVIEW).opine(hours + 1, Level.COUNTY, experts=("lixh",))
    session.commit()
    with pytest.raises(transfers.TooLate):
        transfers.undo(session, moved, by=cast.seat("xitong"), now=NOW)


def test_a_dry_run_looks_at_every_running_case_and_writes_nothing(
    session: Session, cast: Cast
) -> None:
    gone = handed("review", ("UT_opinion", "UT_view"))
    in_force = definitions.current(session, MAIN, NOW)
    row = versions.propose(session, MAIN, gone, "换编号", by=cast.seat("xitong"), now=NOW)
    session.commit()
    before = rows_of(session, Process), rows_of(session, Task)
    found = {seen.process.case.number: seen for seen in transfers.dry_run(session, row, NOW)}
    assert not session.new
    assert not session.dirty
    assert (rows_of(session, Process), rows_of(session, Task)) == before
    stuck = found[cast.case(IN_REVIEW).number].preview
    assert any("个人评审意见" in problem for problem in stuck.problems)
    others = [seen.preview for number, seen in found.items() if seen.preview is not stuck]
    assert len(others) >= 4
    assert all(preview.possible for preview in others if not preview.problems)
    assert any(preview.possible for preview in others)
    with pytest.raises(transfers.CannotMove, match="没有批准"):
        transfers.transfer(
            session, running(session, cast), row, "", by=cast.seat("xitong"), now=NOW
        )
    assert definitions.in_force(session, MAIN) == in_force


def test_many_are_moved_together_or_not_at_all(session: Session, cast: Cast) -> None:
    target = new_version(session, cast, handed("review", ("UT_opinion", "UT_view")))
    seen = transfers.dry_run(session, target, NOW)
    can = [each.process for each in seen if each.preview.possible]
    cannot = [each.process for each in seen if not each.preview.possible]
    assert can
    assert cannot
    with pytest.raises(transfers.CannotMove):
        transfers.transfer_all(
            session, [*can, *cannot], target, "", by=cast.seat("xitong"), now=NOW
        )
    session.rollback()
    assert session.scalars(select(Transfer)).all() == []
    moved = transfers.transfer_all(session, can, target, "", by=cast.seat("xitong"), now=NOW)
    session.commit()
    assert {row.process_id for row in moved} == {process.id for process in can}
    assert len(list(transfers.newest_undoable(session))) == len(can)


def test_an_operator_previews_moves_and_undoes(
    session: Session, cast: Cast, tmp_path: Path, played_url: str
) -> None:
    new_version(session, cast, handed("review", OPINION))
    number = cast.case(IN_REVIEW).number
    before = running(session, cast).state
    session.rollback()

    def run(*words: str) -> Result:
        environment = {"YILI_VAR": str(tmp_path), "DATABASE_URL": played_url}
        return CliRunner().invoke(main, ["definitions", *words], env=environment)

    asked = ("migrate", MAIN, "--version", "2", "--case", number)
    shown = run(*asked)
    assert shown.exit_code == 0, shown.output
    assert "UT_opinion 个人评审意见 → 专家个人意见" in shown.output
    assert shown.output.endswith("能换 1 例，不能换 0 例\n")
    assert session.scalars(select(Transfer)).all() == []
    session.rollback()
    done = run(*asked, "--apply", "--by", "xitong", "--comment", "统一名称")
    assert "已换 1 例" in done.output
    key = session.scalars(select(Transfer.id)).one()
    session.rollback()
    assert run("undo", str(key), "--by", "xitong").output == "已撤销 1 例换版。\n"
    assert running(session, cast).state == before
    session.rollback()
    assert "不能撤销" in run("undo", str(key), "--by", "xitong").output

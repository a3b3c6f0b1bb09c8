"""Versions of a process: told apart element by element, brought by one, approved by another."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Definition, DefinitionOrigin, DefinitionState, Event, Process, Role
from tests.cases import report
from tests.conftest import DATABASES
from tests.people import World
from tests.versions import MAIN, NOW, RENAMED, approved, changed, handed, second_keeper
from webapp.cli import main
from workflows.actions import definitions as actions
from workflows.actions.tasks import InvalidAnswers
from workflows.engine import definitions, diff, folder
from workflows.forms import load
from workflows.permissions import Forbidden

HOUR = timedelta(hours=1)
OURS = definitions.files_of(MAIN)


def told(**swaps: tuple[str, str]) -> list[str]:
    """Changes of the main diagram, as words."""
    files = {**OURS, f"{MAIN}/process.bpmn": changed(MAIN, *swaps.values()).decode()}
    return [
        f"{change.element} {change.how} {change.kind} {line}"
        for change in diff.changes(OURS, files)
        for line in change.lines
    ]


# What is different


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name="核实质控"', 'name="核实"', "UT_verify changed 人工步骤 名称：核实质控 → 核实"),
        ("verification.v1", "verification.v2",
         "UT_verify changed 人工步骤 表单：verification.v1 → verification.v2"),
        ('value="verify_case"', 'value="file_case"',
         "UT_verify changed 人工步骤 办理结果：verify_case → file_case"),
        ('due("case_submission")', '"PT48H"',
         'BT_submit_overdue changed 边界事件 定时于：due("case_submission") → "PT48H"'),
        ("n_items &gt; 0", "n_items &gt; 1",
         "F_GW_county_items__CA_county_rectify changed 流向 条件：n_items > 0 → n_items > 1"),
        ("<bpmn:flowNodeRef>UT_verify</bpmn:flowNodeRef>", "",
         "UT_verify changed 人工步骤 泳道：县级妇幼保健机构 → 无"),
        ('targetRef="EE_closed"', 'targetRef="UT_verify"',
         "F_UT_archive__EE_closed changed 流向 到：结案 → 核实质控"),
        ('calledElement="rectification"', 'calledElement="review"',
         "CA_county_rectify changed 调用流程 调用：rectification → review"),
        ('cancelActivity="false"', 'cancelActivity="true"',
         "BT_submit_overdue changed 边界事件 是否打断：不打断 → 打断"),
        ("<bpmn:loopCardinality>n_recipients<", "<bpmn:loopCardinality>n_items<",
         "UT_sign_notice changed 人工步骤 份数：n_recipients → n_items"),
    ],
)  # fmt: skip
def test_every_kind_of_change_is_told_in_words(old: str, new: str, said: str) -> None:
    assert said in told(swap=(old, new))


def test_what_comes_and_goes_is_told_and_what_only_moves_is_not() -> None:
    added = diff.changes({}, OURS)
    assert {change.how for change in added} == {diff.How.ADDED}
    assert [c.element for c in diff.changes(OURS, {})] == [c.element for c in added]
    assert told(swap=('<dc:Bounds x="', '<dc:Bounds x="1')) == []
    assert told(swap=('name="核实质控"', 'name="核实质控"  ')) == []


def test_a_change_that_no_word_is_for_is_told_all_the_same() -> None:
    [said] = told(swap=('id="UT_verify" name', 'id="UT_verify" startQuantity="2" name'))
    assert said == "UT_verify changed 人工步骤 其他属性：原内容 → 有改动"


# Which one is in force


def test_what_the_product_brings_is_in_force_without_anybody(session: Session) -> None:
    rows = actions.ship(session, now=NOW)
    assert {row.name for row in rows} == set(definitions.roots())
    assert {(row.number, row.status, row.origin) for row in rows} == {
        (1, DefinitionState.APPROVED, DefinitionOrigin.SHIPPED)
    }
    assert actions.ship(session, now=NOW) == []  # once
    assert definitions.in_force(session, MAIN) in rows


@pytest.mark.parametrize("database", DATABASES)
def test_new_cases_start_on_what_was_approved_running_ones_keep_theirs(
    session: Session, world: World
) -> None:
    before = report(session, world.by["department"], NOW - HOUR)
    row = approved(session, world, RENAMED)
    after = report(session, world.by["department"], NOW + HOUR)
    first, second = (
        session.scalars(select(Definition).where(Definition.id == _definition(session, case.id)))
        .one()
        .number
        for case in (before, after)
    )
    assert (first, second, row.number) == (1, 2, 2)


def _definition(session: Session, case_id: int) -> int:
    query = select(Process.definition_id).where(Process.case_id == case_id)
    return session.scalars(query).one()


def test_a_new_release_does_not_displace_what_people_here_approved(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = approved(session, world, RENAMED)
    newer = {**OURS, f"{MAIN}/process.bpmn": changed(MAIN, ("归档", "归档结案")).decode()}
    monkeypatch.setattr(definitions, "files_of", lambda _name: newer)
    monkeypatch.setattr(definitions, "roots", lambda: (MAIN,))
    [row] = actions.ship(session, now=NOW + HOUR)
    assert row.status is DefinitionState.PROPOSED
    assert definitions.in_force(session, MAIN) == mine
    actions.approve(
        session, row, "采用", against=mine.id, by=world.by["system_admin"], now=NOW + 2 * HOUR
    )
    assert definitions.in_force(session, MAIN) == row


# Two people


def test_nobody_approves_what_he_brought(session: Session, world: World) -> None:
    current = definitions.current(session, MAIN, NOW)
    author = world.by["system_admin"]
    row = actions.propose(session, MAIN, RENAMED, "改名", by=author, now=NOW)
    also = world.appoint("both", "city_mch", Role.SECURITY_ADMIN, user=author.user)
    session.flush()
    for by in (author, also, world.by["audit_admin"], world.by["head"]):
        with pytest.raises(Forbidden):
            actions.approve(session, row, "同意", against=current.id, by=by, now=NOW)
        with pytest.raises(Forbidden):
            actions.reject(session, row, "不行", by=by, now=NOW)
    assert definitions.in_force(session, MAIN) == current
    by = second_keeper(world)
    actions.approve(session, row, "同意", against=current.id, by=by, now=NOW + HOUR)
    assert definitions.in_force(session, MAIN) == row
    kept = session.scalars(select(Event).where(Event.name.like("definition.%"))).all()
    assert [(event.name, event.user_id) for event in kept] == [
        ("definition.proposed", author.user_id),
        ("definition.approved", by.user_id),
    ]
    assert (row.comment, row.decision, row.decided_at) == ("改名", "同意", NOW + HOUR)


@pytest.mark.parametrize("who", ["security_admin", "audit_admin", "mch", "head"])
def test_only_a_system_administrator_brings_a_version(
    session: Session, world: World, who: str
) -> None:
    with pytest.raises(Forbidden):
        actions.propose(session, MAIN, RENAMED, "改名", by=world.by[who], now=NOW)


def test_a_version_is_decided_once_and_against_what_was_seen(
    session: Session, world: World
) -> None:
    current = definitions.current(session, MAIN, NOW)
    author, second = world.by["system_admin"], world.by["security_admin"]
    row = actions.propose(session, MAIN, RENAMED, "改名", by=author, now=NOW)
    again = actions.propose(session, MAIN, RENAMED, "改名", by=author, now=NOW)
    assert again is row  # sent twice
    with pytest.raises(InvalidAnswers, match="现行版本刚刚换过"):
        actions.approve(session, row, "同意", against=current.id + 7, by=second, now=NOW)
    with pytest.raises(InvalidAnswers, match="批准意见"):
        actions.approve(session, row, " ", against=current.id, by=second, now=NOW)
    actions.reject(session, row, "名称不妥", by=second, now=NOW)
    for act in (
        lambda: actions.approve(session, row, "好", against=current.id, by=second, now=NOW),
        lambda: actions.reject(session, row, "再退", by=second, now=NOW),
        lambda: actions.withdraw(session, row, by=author, now=NOW),
    ):
        with pytest.raises(InvalidAnswers, match="已经有结果"):
            act()


def test_the_way_back_is_a_version_too(session: Session, world: World) -> None:
    first = definitions.current(session, MAIN, NOW)
    approved(session, world, RENAMED)
    back = actions.propose_again(session, first, "退回原样", by=world.by["system_admin"], now=NOW)
    assert (back.number, back.digest) == (3, first.digest)
    in_force = definitions.in_force(session, MAIN)
    actions.approve(
        session, back, "好", against=in_force.id, by=world.by["security_admin"], now=NOW + HOUR
    )
    assert definitions.in_force(session, MAIN) == back


def test_what_breaks_a_rule_or_changes_nothing_is_not_kept(session: Session, world: World) -> None:
    by = world.by["system_admin"]
    definitions.current(session, MAIN, NOW)
    broken = handed(MAIN, ("n_items &gt; 0", "n_found &gt; 0"))
    with pytest.raises(actions.NotSound) as unsound:
        actions.propose(session, MAIN, broken, "改", by=by, now=NOW)
    assert any("n_found" in finding.text for finding in unsound.value.findings)
    with pytest.raises(InvalidAnswers, match="完全相同"):
        actions.propose(session, MAIN, handed(MAIN), "没改", by=by, now=NOW)
    with pytest.raises(InvalidAnswers, match="为什么改"):
        actions.propose(session, MAIN, RENAMED, "", by=by, now=NOW)
    with pytest.raises(LookupError):
        actions.propose(session, "elsewhere", RENAMED, "改", by=by, now=NOW)
    assert session.scalars(select(Definition.number).where(Definition.name == MAIN)).all() == [1]


def test_an_id_that_was_released_does_not_come_to_mean_something_else() -> None:
    """L2: what was a step of a person is a step by itself now."""
    text = OURS["review/process.bpmn"]
    other = text.replace("bpmn:userTask", "bpmn:callActivity")
    found = folder.reused({"review/process.bpmn": text}, {"review/process.bpmn": other})
    assert "UT_convene" in {finding.element for finding in found}
    assert all(str(finding).split(": ")[2].startswith("L2：") for finding in found)
    assert folder.reused(OURS, OURS) == []


# Forms


def test_a_form_comes_with_a_version_and_is_frozen_with_its_approval(
    session: Session, world: World, app: object
) -> None:
    raw = load.on_disk("receipt.v1")
    assert raw is not None
    newer = raw.replace(b'"title": "', b'"title": "\xe6\x96\xb0\xe7\x89\x88', 1)
    files = handed(MAIN, ('"receipt.v1"', '"receipt.v7"'))
    with pytest.raises(actions.NotSound, match="findings"):
        actions.propose(session, MAIN, files, "新表", by=world.by["system_admin"], now=NOW)
    row = approved(session, world, {**files, "receipt.v7.json": newer})
    assert f"{MAIN}/forms/receipt.v7.json" in row.files
    assert load.load("receipt.v7").title.startswith("新版")
    case = report(session, world.by["department"], NOW + HOUR)
    assert case.id
    other = newer.replace("新版".encode(), "又一版".encode())
    with pytest.raises(actions.NotSound) as unsound:
        actions.propose(
            session, MAIN, {"receipt.v7.json": other}, "改表", by=world.by["system_admin"], now=NOW
        )
    assert "receipt.v8" in unsound.value.findings[0].text


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("process.exe", b"MZ", "只收"),
        ("process.bpmn", b"\xff\xfe<", "UTF-8"),
        ("process.bpmn", b"<a/>", "没有 BPMN"),
        ("process.bpmn", b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "L23"),
        ("process.bpmn", b" " * 1_000_001, "太大"),
        ("receipt.json", b"{}", "文件名"),
        ("receipt.v9.json", b"{}", "表单不合格式"),
        ("receipt.v1.json", b"{}", "已经发布过"),
        ("../../etc/x.dmn", b"<a/>", "XSD"),
    ],
)
def test_a_file_that_is_no_use_gets_a_sentence(
    session: Session, world: World, name: str, raw: bytes, said: str
) -> None:
    found = actions.examine(session, MAIN, {name: raw}).findings
    assert any(said in finding.text for finding in found), found


# Commands


@pytest.fixture
def run(tmp_path: Path, database_url: str) -> Callable[..., Result]:
    environment = {"YILI_VAR": str(tmp_path), "DATABASE_URL": database_url}
    return lambda *words: CliRunner().invoke(main, ["definitions", *words], env=environment)


def test_an_operator_lints_compares_and_hands_in(
    run: Callable[..., Result], session: Session, world: World, tmp_path: Path
) -> None:
    actions.ship(session, now=NOW)
    session.commit()
    path = tmp_path / MAIN
    path.mkdir()
    (path / "process.bpmn").write_bytes(RENAMED["process.bpmn"])
    assert run("lint", str(path)).output == "0 处问题\n"
    assert "名称：核实质控 → 核实与质控" in run("diff", MAIN, "--folder", str(path)).output
    assert run("diff", MAIN).output == "0 处不同\n"
    hand_in = ("deploy", MAIN, str(path), "--comment", "改名", "--by")
    assert "不是系统管理员" in run(*hand_in, "anquan").output
    username = world.user("system_admin").username
    result = run(*hand_in, username)
    assert result.exit_code == 0, result.output
    assert "第 2 版" in result.output
    session.rollback()
    listed = [line for line in run("list").output.splitlines() if line.startswith(MAIN)]
    assert "第 2 版" in listed[0]
    assert "待批准" in listed[0]
    assert "现行" in listed[1]
    (path / "process.bpmn").write_text("<a/>")
    assert run("lint", str(path)).exit_code == 1
    assert "没有 BPMN" in run(*hand_in, username).output

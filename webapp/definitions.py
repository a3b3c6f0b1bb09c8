"""What an operator types about processes: lint, list, diff, deploy, migrate, undo.

An edge like webapp.cli, which it is part of. A command line proves nobody's identity, so it hands
new versions in and never approves them: the second person does that on the page.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.operator import transaction

if TYPE_CHECKING:
    from models import Appointment, Definition
    from workflows.actions.transfers import Seen
    from workflows.engine.lint import Finding

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SUFFIXES = (".bpmn", ".dmn", ".json")


@click.group("definitions", help="流程图、判定表和表单：检查、版本、对比、提交。")
def group() -> None:
    """Commands about processes and their versions."""


@group.command(help="检查流程图、判定表和表单；不写 FOLDER 则检查产品自带的全部。")
@click.argument("folder", required=False, type=FOLDER)
@click.pass_obj
def lint(settings: dict[str, Any], folder: Path | None) -> None:
    """Print what is wrong; exit status 1 if anything is."""
    from workflows.vocabulary import lint as problems_of_all

    problems = list(problems_of_all()) if folder is None else _problems_of(folder)
    for problem in problems:
        click.echo(problem)
    click.echo(f"{len(problems)} 处问题")
    sys.exit(1 if problems else 0)


def _problems_of(path: Path) -> list["Finding"]:
    """Of a folder anywhere, beside what the product has; no database is asked."""
    from workflows.actions import definitions
    from workflows.engine import folder as folders
    from workflows.engine.definitions import files_of

    try:
        base = dict(files_of(path.name))
    except LookupError:
        base = {}
    files, found = folders.arranged(path.name, base, _handed(path))
    return found + definitions.judge(None, path.name, files)


@group.command("list", help="列出各流程的版本，哪个现行，多少在办。")
@click.pass_obj
def list_command(settings: dict[str, Any]) -> None:
    """One line a version, the newest first."""
    from models import Definition, Process, ProcessState
    from webapp.labels import label
    from workflows.engine.definitions import in_force

    with transaction(settings) as session:
        running = dict(
            session.execute(
                select(Process.definition_id, func.count())
                .where(Process.status == ProcessState.RUNNING)
                .group_by(Process.definition_id)
            ).all()
        )
        rows = session.scalars(
            select(Definition).order_by(Definition.name, Definition.number.desc())
        ).all()
        for row in rows:
            current = in_force(session, row.name)
            state = "现行" if current is not None and current.id == row.id else label(row.status)
            author = row.author.username if row.author else label(row.origin)
            click.echo(
                f"{row.name} 第 {row.number} 版  {row.digest[:12]}  {row.created_at:%Y-%m-%d}  "
                f"{author}  {state}  在办 {running.get(row.id, 0)}  {row.comment}".rstrip()
            )


@group.command(help="对比：NAME 的现行版本与产品自带的、某一版本或某个文件夹里的。")
@click.argument("name")
@click.option("--version", type=int, help="与第几版对比")
@click.option("--folder", type=FOLDER, help="与这个文件夹对比")
@click.pass_obj
def diff(settings: dict[str, Any], name: str, version: int | None, folder: Path | None) -> None:
    """One line a fact that is different."""
    from workflows.engine import diff as compare

    with transaction(settings) as session:
        old = _files_in_force(session, name)
        new = _compared(session, name, version, folder)
    found = compare.changes(old, new)
    for change in found:
        click.echo(f"{change.file} {change.element} {HOW[change.how]}{change.kind} {change.title}")
        for line in change.lines:
            click.echo(f"    {line}")
    moved = "，只有图形位置不同" if not found and old != new else ""
    click.echo(f"{len(found)} 处不同{moved}")


HOW = {"added": "新增", "removed": "删去", "changed": "改动"}


def _compared(
    session: Session, name: str, version: int | None, folder: Path | None
) -> dict[str, str]:
    from workflows.engine import folder as folders
    from workflows.engine.definitions import files_of

    if folder is not None:
        files, found = folders.arranged(name, _files_in_force(session, name), _handed(folder))
        if found:
            raise click.ClickException("\n".join(str(each) for each in found))
        return files
    if version is not None:
        return dict(_version(session, name, version).files)
    try:
        return dict(files_of(name))
    except LookupError as error:
        raise click.ClickException(f"产品里没有流程 {name}。") from error


@group.command(help="提交文件夹 FOLDER 为 NAME 的新版本；另一位管理员在网页上批准后生效。")
@click.argument("name")
@click.argument("folder", type=FOLDER)
@click.option("--by", "username", required=True, help="提交人的用户名（系统管理员）")
@click.option("--comment", required=True, help="为什么改")
@click.pass_obj
def deploy(settings: dict[str, Any], name: str, folder: Path, username: str, comment: str) -> None:
    """Hand in; the lint decides whether it may wait for approval."""
    from workflows.actions import definitions
    from workflows.actions.tasks import InvalidAnswers
    from workflows.permissions import Forbidden

    now = datetime.now(UTC)
    with transaction(settings) as session:
        try:
            row = definitions.propose(
                session, name, _handed(folder), comment, by=_seat(session, username, now), now=now
            )
        except definitions.NotSound as unsound:
            lines = [str(finding) for finding in unsound.findings]
            raise click.ClickException("\n".join([f"{len(lines)} 处问题：", *lines])) from unsound
        except InvalidAnswers as invalid:
            raise click.ClickException(_said(invalid.errors)) from invalid
        except LookupError as error:
            raise click.ClickException(f"没有流程 {name}。") from error
        except Forbidden as error:
            raise click.ClickException(f"{username} 不是系统管理员。") from error
        click.echo(f"已提交 {name} 第 {row.number} 版，待另一位管理员在「管理 → 流程定义」批准。")


@group.command(help="让在办病例换到 NAME 的第 N 版。不写 --apply 只预览，什么都不改。")
@click.argument("name")
@click.option("--version", type=int, required=True, help="第几版")
@click.option("--case", "numbers", multiple=True, help="病例编号，可写几个；不写则为全部")
@click.option("--apply", "applied", is_flag=True, help="真的换；有一例换不了就都不换")
@click.option("--by", "username", help="办理人的用户名（系统管理员），--apply 时必填")
@click.option("--comment", default="", help="为什么换")
@click.pass_obj
def migrate(
    settings: dict[str, Any],
    name: str,
    version: int,
    numbers: tuple[str, ...],
    applied: bool,
    username: str | None,
    comment: str,
) -> None:
    """Show where each case stands and would stand; exit status 1 if one cannot be moved."""
    from workflows.actions import transfers

    now = datetime.now(UTC)
    with transaction(settings) as session:
        target = _version(session, name, version)
        seen = transfers.dry_run(session, target, now, numbers=numbers, most=None)
        for each in seen:
            _show(each)
        stuck = [each for each in seen if not each.preview.possible]
        click.echo(f"能换 {len(seen) - len(stuck)} 例，不能换 {len(stuck)} 例")
        if applied and not stuck:
            by = _seat(session, username or "", now)
            processes = [each.process for each in seen]
            try:
                rows = transfers.transfer_all(session, processes, target, comment, by=by, now=now)
            except transfers.CannotMove as error:
                raise click.ClickException(str(error)) from error
            told = "、".join(str(row.id) for row in rows)
            click.echo(f"已换 {len(rows)} 例。下一步办理之前可以撤销：definitions undo {told}")
    sys.exit(1 if stuck else 0)


def _show(seen: "Seen") -> None:
    from workflows.actions.transfers import about

    process, preview = seen.process, seen.preview
    state = "能换" if preview.possible else "不能换"
    click.echo(f"{about(process)} 第 {process.definition.number} 版 {state}")
    for place in preview.places:
        after = place.new.title if place.new else "（没有对应的步骤）"
        click.echo(f"    {place.bpmn_id} {place.old.title} → {after}")
    for problem in [*preview.problems, *preview.notes]:
        click.echo(f"    {problem}")


@group.command(help="撤销换版（IDS 是换版的编号），只在该病例下一步办理之前。")
@click.argument("ids", nargs=-1, required=True, type=int)
@click.option("--by", "username", required=True, help="办理人的用户名（系统管理员）")
@click.pass_obj
def undo(settings: dict[str, Any], ids: tuple[int, ...], username: str) -> None:
    """Back as it was; all of them or none."""
    from models import Transfer
    from workflows.actions import transfers

    now = datetime.now(UTC)
    with transaction(settings) as session:
        by = _seat(session, username, now)
        for key in ids:
            row = session.get(Transfer, key)
            if row is None:
                raise click.ClickException(f"没有编号为 {key} 的换版。")
            try:
                transfers.undo(session, row, by=by, now=now)
            except transfers.TooLate as error:
                words = f"{key} 不能撤销了：已经办理了下一步，或已撤销过。"
                raise click.ClickException(words) from error
    click.echo(f"已撤销 {len(ids)} 例换版。")


def _said(errors: dict[str, list[str]]) -> str:
    return "；".join(message for messages in errors.values() for message in messages)


def _handed(folder: Path) -> dict[str, bytes]:
    found = [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES]
    return {path.name: path.read_bytes() for path in found if path.is_file()}


def _files_in_force(session: Session, name: str) -> dict[str, str]:
    from workflows.actions.definitions import files_in_force

    try:
        return files_in_force(session, name)
    except LookupError as error:
        raise click.ClickException(f"没有流程 {name}。") from error


def _version(session: Session, name: str, number: int) -> "Definition":
    from models import Definition

    query = select(Definition).where(Definition.name == name, Definition.number == number)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise click.ClickException(f"{name} 没有第 {number} 版。")
    return row


def _seat(session: Session, username: str, now: datetime) -> "Appointment":
    """The appointment under which somebody keeps processes."""
    from models import Appointment, Role, User
    from workflows.actions.accounts import today

    day = today(now)
    held = session.scalars(
        select(Appointment)
        .join(User, User.id == Appointment.user_id)
        .where(User.username == username, User.active, Appointment.role == Role.SYSTEM_ADMIN)
        .order_by(Appointment.id)
    )
    for seat in held:
        if seat.valid_from <= day and (seat.valid_to is None or day <= seat.valid_to):
            return seat
    raise click.ClickException(f"{username} 现在不是系统管理员。")

"""What an operator types about the running machine: how it does, what failed, once more.

An edge like webapp.cli, which it is part of; says no more of a case than the administrator's page.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.operator import transaction

if TYPE_CHECKING:
    from workflows.actions.incidents import Alike


@click.command("operations", help="积压、滞后、后台进程、异常、存储空间与各流程版本；末行是 JSON。")
@click.pass_obj
def operations(settings: dict[str, Any]) -> None:
    """Lines for people, then one for programs. Exit status 1 if anything needs somebody."""
    from webapp import space
    from webapp.labels import label
    from workflows import operations as running

    now, disk = datetime.now(UTC), space.left(settings)
    with transaction(settings) as session:
        queues = running.queues(session, now)
        alive = [beat.worker for beat, lives in running.workers(session, now) if lives]
        usage = running.usage(session)
        told = {
            "queues": {
                queue.kind.value: {
                    "due": queue.due,
                    "lag_s": round(queue.lag(now), 1),
                    "retrying": queue.retrying,
                    "waiting": queue.waiting,
                    "running": queue.running,
                    "incidents": queue.failed,
                }
                for queue in queues
            },
            "workers": len(alive),
            "free_mb": disk.free // 1024**2,
            "incidents": sum(cause.count for cause in running.causes(session)),
            "definitions": {
                f"{row.definition.name} {row.definition.number}": {
                    "running": row.running,
                    "incident": row.incident,
                    "ended": row.ended,
                }
                for row in usage
            },
        }
        for queue in queues:
            click.echo(
                f"{label(queue.kind)}：到时未办 {queue.due}，等了 {queue.lag(now):.0f} 秒，"
                f"自动重试中 {queue.retrying}，正在办 {queue.running}，未到时间 {queue.waiting}"
            )
        click.echo(f"后台进程：{len(alive)} 个在运行")
        click.echo(f"异常：{told['incidents']} 项待处理")
        for row in usage:
            click.echo(
                f"{row.definition.name} 第 {row.definition.number} 版："
                f"在办 {row.running}，停住 {row.incident}，已结束 {row.ended}"
            )
        click.echo(f"存储空间：{disk}" + ("，快用完了" if disk.scarce else ""))
    late = any(queue.is_late(now) for queue in queues)
    well = bool(alive) and not told["incidents"] and not late and not disk.scarce
    click.echo(json.dumps({"well": well, **told}, ensure_ascii=False))
    sys.exit(0 if well else 1)


@click.group("incidents", help="异常：列出，再试一次。")
def incidents() -> None:
    """Commands about incidents."""


@incidents.command("list", help="列出待处理的异常；末行是 JSON。")
@click.pass_obj
def list_command(settings: dict[str, Any]) -> None:
    """One line each, the oldest first."""
    from webapp.labels import label
    from webapp.words import full
    from workflows.actions.incidents import open_ones

    with transaction(settings) as session:
        rows = session.scalars(open_ones()).all()
        for row in rows:
            where = f"{row.definition or row.job or ''} {row.step or ''}".strip()
            process = f"流程 {row.process_id}" if row.process_id else "—"
            click.echo(
                f"{row.id}  {label(row.kind)}  {process}  {where}  {row.error} {row.place}  "
                f"试过 {row.attempts} 次  {full(row.last_at)}"
            )
        click.echo(json.dumps({"incidents": len(rows)}))


@incidents.command(help="再试一次：写编号，或 --all，或按原因、流程。")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="全部")
@click.option("--error", help="这一种错误")
@click.option("--definition", help="这一个流程")
@click.pass_obj
def retry(
    settings: dict[str, Any],
    numbers: tuple[int, ...],
    everything: bool,
    error: str | None,
    definition: str | None,
) -> None:
    """Those of the numbers, or those alike."""
    from workflows.actions.incidents import Alike

    if not numbers and not everything and not error and not definition:
        raise click.UsageError("写明编号，或 --all、--error、--definition 之一。")
    alike = Alike(error=error, definition=definition)
    count = _retry_numbers(settings, numbers) if numbers else _retry_alike(settings, alike)
    click.echo(f"已安排 {count} 项再试一次。")
    click.echo(json.dumps({"retried": count}))


def _retry_numbers(settings: dict[str, Any], numbers: tuple[int, ...]) -> int:
    from models import Incident
    from workflows.actions.incidents import NothingToRetry
    from workflows.actions.incidents import retry as retry_one

    now, count = datetime.now(UTC), 0
    with transaction(settings) as session:
        for number in numbers:
            row = session.get(Incident, number)
            if row is None:
                raise click.ClickException(f"没有编号 {number} 的异常。")
            try:
                count += retry_one(session, row, by=None, now=now)
            except NothingToRetry:
                raise click.ClickException(
                    f"{number} 是办理步骤的异常，由办理人再提交一次。"
                ) from None
    return count


def _retry_alike(settings: dict[str, Any], alike: "Alike") -> int:
    from workflows.actions.incidents import retry_all

    with transaction(settings) as session:
        return retry_all(session, alike, by=None, now=datetime.now(UTC))


@click.group("cases", help="在办的流程。")
def cases() -> None:
    """Commands about running processes, by their technical numbers."""


@cases.command("export-state", help="导出一个流程的技术状态（JSON），没有病例内容。")
@click.argument("process", type=int)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="写入文件；不写则打印"
)
@click.pass_obj
def export_state(settings: dict[str, Any], process: int, output: Path | None) -> None:
    """The same as on the page, and on record like there."""
    from workflows.operations import export_state as export

    with transaction(settings) as session:
        try:
            told = export(session, process, by=None, now=datetime.now(UTC))
        except LookupError:
            raise click.ClickException(f"没有编号 {process} 的流程。") from None
    text = json.dumps(told, ensure_ascii=False)
    if output is None:
        click.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")
        click.echo(f"已写入 {output}。")

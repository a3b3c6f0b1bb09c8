"""What an operator types to keep everything and to have it back: `backup FILE`, `restore FILE`.

A restore is whole or the program does not start: from its first change to its last a folder of its
own lies in `YILI_VAR`, and nothing serves while it is there. What was there before is laid aside,
files by name, the database of SQLite with them; nothing is deleted but PostgreSQL's old tables.
"""

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from models import WorkerBeat
from webapp import archive, databases, schema
from webapp.archive import Manifest
from webapp.databases import BackupError, Database
from webapp.operator import database_errors

HALF = "restoring"  # the folder that says so, and what is to be put in place
ALIVE = timedelta(minutes=1)  # since a worker has said that it lives


def refuse_half(var: Path) -> None:
    """ClickException where a restore was begun and has not come to its end."""
    if (var / HALF).exists():
        raise click.ClickException("上一次恢复没有做完，数据不完整。先重新运行 restore，再启动。")


@click.command("backup", help="不停机备份：数据库和全部文件写成一个文件，含个人信息，妥善保管。")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(settings: dict[str, Any], file: Path) -> None:
    """Make an archive; its digest is printed, to be kept apart from it."""
    refuse_half(settings["VAR"])
    now = datetime.now(UTC)
    with _told(), database_errors():
        manifest = archive.make(settings["DATABASE_URL"], settings["VAR"], file.absolute(), now=now)
    with file.open("rb") as made:
        digest = archive.copy(made, None)
    rows, files = sum(manifest.rows.values()), len(manifest.parts) - 1
    click.echo(f"已备份：{file}，{rows} 行，{files} 个文件，表版本 {manifest.revision}。")
    click.echo(f"SHA-256 {digest}（另处保存；恢复时用 --sha256 核对）")
    if manifest.faulty:
        click.echo(f"注意：{len(manifest.faulty)} 个文件在备份前已缺失或与登记不符：", err=True)
        for name in manifest.faulty:
            click.echo(f"  {name}", err=True)


@click.command("restore", help="把备份恢复到空的数据库和数据文件夹；先停下网页服务和后台进程。")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="替换已有的数据；原有的 PostgreSQL 表将被删除")
@click.option("--sha256", default=None, help="做备份时显示的 SHA-256，用来确认文件没有被换过")
@click.pass_obj
def restore(settings: dict[str, Any], file: Path, replace: bool, sha256: str | None) -> None:
    """Have it all back, or nothing changed."""
    with _told(), database_errors():
        if sha256 is not None:
            _require_digest(file, sha256)
        manifest = put_back(settings["DATABASE_URL"], settings["VAR"], file, replace=replace)
    rows, files = sum(manifest.rows.values()), len(manifest.parts) - 1
    click.echo(f"已恢复到 {manifest.made_at} 的备份：{rows} 行，{files} 个文件，逐项核对无误。")
    if manifest.revision != schema.newest():
        click.echo("表是较早版本的：启动前先运行 migrate。")
    click.echo("所有人需要重新登录。")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        raise click.ClickException(f"{error}。") from error
    except OSError as error:
        raise click.ClickException(f"没有做完：{error.strerror} {error.filename or ''}") from error


def _require_digest(file: Path, sha256: str) -> None:
    if not file.is_file():
        raise BackupError(f"没有文件 {file}")
    with file.open("rb") as given:
        if archive.copy(given, None) != sha256.strip().lower():
            raise BackupError("文件的 SHA-256 与所给的不符，不是那一份备份，没有恢复")


def put_back(url: str, var: Path, file: Path, *, replace: bool) -> Manifest:
    """Judge the archive and the place, then put all of it there and look at it. BackupError."""
    database, half = databases.of(url), var / HALF
    with archive.opened(file) as (packed, manifest):
        _require_place(manifest, database, var, replace)
        var.mkdir(parents=True, exist_ok=True, mode=0o700)
        half.mkdir(exist_ok=True, mode=0o700)  # from here on nothing serves
        databases.synced(var)
        room = half / "parts"
        copy = room / databases.PARTS[database.kind]
        shutil.rmtree(room, ignore_errors=True)
        try:
            _unpack(packed, manifest, room)
            if (found := database.judge(copy)) is not None:
                _require_same(manifest, found)
        except (BackupError, OSError):
            if not _begun(half):  # nothing has been changed: all is as it was
                shutil.rmtree(half)
            raise
    (half / "begun").touch(mode=0o600)
    _lay_aside(var, database)
    for folder in archive.FOLDERS:
        (room / folder).rename(var / folder)
    database.put(copy)
    with database.opened() as connection:
        _require_same(manifest, databases.facts(connection))
    shutil.rmtree(done := var / f"{HALF}-done", ignore_errors=True)
    half.rename(done)
    databases.synced(var)
    shutil.rmtree(done)
    return manifest


def _begun(half: Path) -> bool:
    return (half / "begun").exists()


def _require_place(manifest: Manifest, database: Database, var: Path, replace: bool) -> None:
    if manifest.database != database.kind:
        raise BackupError(
            f"这份备份来自 {manifest.database}，现在的数据库是 {database.kind}，没有恢复"
        )
    if manifest.revision > schema.newest():
        raise BackupError("这份备份来自更新版本的程序，没有恢复；用那一版程序恢复")
    empty = database.is_empty()
    if not (empty and _no_files(var)) and not replace and not _begun(var / HALF):
        raise BackupError("目标里已有数据，没有恢复；换空的数据库和 YILI_VAR，或加 --replace")
    if not empty and _is_running(database):
        raise BackupError("后台进程还在运行，没有恢复；先停下网页服务和后台进程，一分钟后再试")


def _no_files(var: Path) -> bool:
    return not any(next((var / name).glob("*"), None) for name in archive.FOLDERS)


def _is_running(database: Database) -> bool:
    with database.opened() as connection, Session(connection) as session:
        if not inspect(connection).has_table(WorkerBeat.__tablename__):
            return False
        beats = select(func.max(WorkerBeat.at))
        last = session.scalar(beats)
    return last is not None and datetime.now(UTC) - last < ALIVE


def _unpack(packed: zipfile.ZipFile, manifest: Manifest, room: Path) -> None:
    """Every part on the disk, as the manifest says."""
    for folder in archive.FOLDERS:
        (room / folder).mkdir(parents=True, mode=0o700)
    for name, sha256 in manifest.parts.items():
        with packed.open(name) as part, archive.owners(room / name) as to:
            if archive.copy(part, to) != sha256:
                raise BackupError("备份文件在恢复途中变了，没有恢复")
            to.flush()
            os.fsync(to.fileno())
    for folder in archive.FOLDERS:
        databases.synced(room / folder)


def _lay_aside(var: Path, database: Database) -> None:
    """What is there now, by its name and untouched, into a folder of its own."""
    aside = var / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    there = [path for name in archive.FOLDERS if (path := var / name).exists()]
    there += database.lying()
    for path in there:
        aside.mkdir(exist_ok=True, mode=0o700)
        path.rename(aside / path.name)
    databases.synced(var)


def _require_same(manifest: Manifest, found: dict[str, Any]) -> None:
    """Revision, rows of every table, the digest of the record."""
    said = {name: getattr(manifest, name) for name in found}
    if said != found:
        raise BackupError("恢复的数据库与备份的清单不符；数据不完整，换一份备份再恢复")

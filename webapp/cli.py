"""What an operator types: `python -m webapp.cli …`, or `yili …` where the package is installed.

An edge like a view: it reads settings and time, calls actions, commits, and says in Chinese what
came of it. Imports late, because most commands need little.
"""

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Organisation,
    OrganisationKind,
    Role,
    User,
)
from webapp import backups, config, definitions, operations, schema
from webapp.operator import database_errors, transaction

ACCOUNTS_FILE = "demo-accounts.txt"
GRACE_SECONDS = 20  # what a request that is running at the stop may still take


@click.group(help="一例：孕产妇死亡病例的发现、报告、评审与整改。")
@click.pass_context
def main(context: click.Context) -> None:
    """The settings are read once, here."""
    try:
        context.obj = config.from_environment()
    except ValueError as error:
        raise click.ClickException(f"环境变量不对：{error}") from error


@main.command("migrate", help="建立或升级数据库表。")
@click.pass_obj
def migrate_command(settings: dict[str, Any]) -> None:
    """Make or update the tables."""
    _prepare(settings)
    click.echo("数据库已是最新。")


@main.command("demo", help="向空数据库载入演示数据。")
@click.pass_obj
def demo_command(settings: dict[str, Any]) -> None:
    """Load the demo, or say that there is something already."""
    if not load_demo(settings):
        raise click.ClickException("数据库里已有数据，演示数据只载入空数据库。")
    click.echo("演示数据已载入。")


@main.command(help="只启动网页服务。")
@click.option("--processes", default=1, envvar="YILI_PROCESSES", show_default=True, help="进程数")
@click.option("--threads", default=8, envvar="YILI_THREADS", show_default=True, help="每进程线程数")
@click.pass_obj
def serve(settings: dict[str, Any], processes: int, threads: int) -> None:
    """Become gunicorn."""
    _require_fit(settings)
    host, port = settings["HOST"], settings["PORT"]
    name = f"[{host}]" if ":" in host else host
    options = {
        "--config": "python:webapp.serving",
        "--bind": f"{name}:{port}",
        "--worker-class": "gthread",
        "--workers": processes,
        "--threads": threads,
        "--graceful-timeout": GRACE_SECONDS,
        "--log-level": "warning",
    }
    memory = "/dev/shm"  # noqa: S108 - a heartbeat must not wait for a disk
    if os.access(memory, os.W_OK | os.X_OK):
        options["--worker-tmp-dir"] = memory
    words = [str(word) for option in options.items() for word in option]
    command = [sys.executable, "-m", "gunicorn", *words, "--no-control-socket"]
    os.execv(sys.executable, [*command, "webapp:create_app()"])  # noqa: S606 - no shell in between


def _require_fit(settings: dict[str, Any]) -> None:
    """Nothing is read or written after half a restore, or with tables of another release. A
    database that is away for the moment keeps nobody from starting: the pages say so."""
    backups.refuse_half(settings["VAR"])
    from webapp.db import make_engine

    engine = make_engine(settings["DATABASE_URL"])
    try:
        with Session(engine.execution_options(reads=True)) as session:
            fits = schema.fits(session)
    except OperationalError as error:
        click.echo(f"数据库暂时连不上：{error.orig}", err=True)
        return
    finally:
        engine.dispose()
    if not fits:
        raise click.ClickException(
            "数据库的版本与程序不符。先停下所有进程，备份，再用本版程序运行 migrate。"
        )


@main.command(help="只启动后台进程：到时提醒、定时流转、生成案卷。")
@click.pass_obj
def worker(settings: dict[str, Any]) -> None:
    """Be a worker until told to stop."""
    _require_fit(settings)
    import logging

    from webapp import create_app
    from webapp import worker as process

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for ours in ("webapp", "workflows"):
        logging.getLogger(ours).setLevel(logging.INFO)
    process.main(create_app())


@main.command(help="一步到位：升级数据库，空库则载入演示，启动网页服务和后台进程。")
@click.option("--demo/--no-demo", default=True, envvar="YILI_DEMO", help="空库是否载入演示数据")
@click.pass_obj
def run(settings: dict[str, Any], demo: bool) -> None:
    """Everything, until Ctrl-C."""
    from webapp import launcher

    host, port = settings["HOST"], settings["PORT"]
    try:
        launcher.check_port(host, port)
    except launcher.PortTaken as error:
        raise click.ClickException(
            f"{host}:{port} 用不了（{error}）。换一个端口再试，例如：PORT={port + 1} make run"
        ) from error
    _prepare(settings)
    if demo and load_demo(settings):
        click.echo("演示数据已载入。")
    for line in missing_parts():
        click.echo(line)
    _run_children(settings)


def _run_children(settings: dict[str, Any]) -> None:
    from webapp import launcher

    host, port = settings["HOST"], settings["PORT"]
    asked_by = (settings["TRUSTED_HOSTS"] or [None])[0]
    children = launcher.Children({"网页服务": ["serve"], "后台进程": ["worker"]})
    try:
        if children.wait_until(lambda: launcher.answers(host, port, asked_by)):
            _welcome(settings, launcher.url_of(host, port))
            children.wait()
        click.echo("正在停止……")
    except launcher.ChildEnded as error:
        raise click.ClickException(f"{error} 意外退出，其余部分已停止。") from error
    except launcher.NotReady as error:
        raise click.ClickException("网页服务迟迟没有应答，已停止。") from error
    finally:
        children.stop()
    click.echo("已停止。")


def _welcome(settings: dict[str, Any], url: str) -> None:
    click.echo(f"\n一例已启动：{url}\n按 Ctrl-C 停止。")
    accounts = settings["VAR"] / ACCOUNTS_FILE
    if accounts.exists():
        click.echo(f"\n演示账号（另存于 {accounts}）：\n{accounts.read_text(encoding='utf-8')}")
    sys.stdout.flush()


for command in (
    definitions.group,
    operations.operations,
    operations.incidents,
    operations.cases,
    backups.backup,
    backups.restore,
):
    main.add_command(command)


@main.group(help="账号。")
def user() -> None:
    """Commands for the first administrator; the others are entered on the pages."""


@user.command(help="新建账号并任命，用于第一位管理员。口令从提示读入。")
@click.argument("username")
@click.argument("name")
@click.option(
    "--organisation", required=True, help="机构全称；没有时按 --region-code 新建为卫生健康委"
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.SYSTEM_ADMIN.value,
    show_default=True,
    help="角色",
)
@click.option("--region-code", help="新建机构时：所在区划代码（6 位）")
@click.password_option(help="口令；不写则提示输入")
@click.pass_obj
def create(
    settings: dict[str, Any],
    username: str,
    name: str,
    organisation: str,
    role: str,
    region_code: str | None,
    password: str,
) -> None:
    """A person with one appointment."""
    from workflows.actions import accounts
    from workflows.events import EventName, record

    now = datetime.now(UTC)
    with transaction(settings) as session:
        if session.scalars(select(User).where(User.username == username)).one_or_none():
            raise click.ClickException(f"用户名 {username} 已存在。")
        person = User(username=username, name=name, password_hash="", created_at=now)
        _set_password(person, password)
        place = _organisation(session, organisation, region_code)
        since = accounts.today(now)
        session.add(Appointment(user=person, organisation=place, role=Role(role), valid_from=since))
        session.flush()
        record(session, EventName.ACCOUNT_CREATED, now=now, user=person.id)
    click.echo(f"已建立账号 {username}。")


@user.command("password", help="重设口令，结束该账号的全部登录。口令从提示读入。")
@click.argument("username")
@click.password_option(help="口令；不写则提示输入")
@click.pass_obj
def password_command(settings: dict[str, Any], username: str, password: str) -> None:
    """A new password for somebody who forgot it."""
    from workflows.actions import users

    with transaction(settings) as session:
        person = session.scalars(select(User).where(User.username == username)).one_or_none()
        if person is None:
            raise click.ClickException(f"没有用户 {username}。")
        try:
            users.change_password(session, person, password, keep=None, now=datetime.now(UTC))
        except users.WeakPassword as error:
            raise click.ClickException(str(error)) from error
        person.failed_signins, person.locked_until = 0, None
    click.echo(f"{username} 的口令已重设。")


def migrate(url: str) -> None:
    """Bring our tables and those of the job engine to this release. Safe to repeat."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    from workflows import jobs

    settings = Config()
    settings.set_main_option("script_location", str(schema.MIGRATIONS))
    settings.attributes["url"] = url
    try:
        command.upgrade(settings, "head")
    except CommandError as error:  # made by another release
        raise click.ClickException(f"数据库的版本与程序不符：{error}") from error
    jobs.migrate(url)


def fill(settings: dict[str, Any]) -> list[str]:
    """Load the reference data where it is missing; what could not be had, for people to read."""
    from workflows import icd10, regions
    from workflows.actions.definitions import ship

    with transaction(settings) as session:
        regions.load(session)
        ship(session, now=datetime.now(UTC))
    try:
        with transaction(settings) as session:
            icd10.load(session)
    except icd10.TitlesMissing as error:
        return [f"疾病名称（ICD-10）没有载入：{error}"]
    return []


def _prepare(settings: dict[str, Any]) -> None:
    backups.refuse_half(settings["VAR"])
    with database_errors():
        migrate(settings["DATABASE_URL"])
    for line in fill(settings):
        click.echo(line, err=True)


def load_demo(settings: dict[str, Any]) -> bool:
    """Whether the database was empty and the demo is in it now.

    One password for all its accounts, made anew for every installation and kept beside the data.
    """
    from workflows import demo
    from workflows.actions import users

    password = "-".join(secrets.token_hex(2) for _ in range(3))
    with transaction(settings) as session:
        if session.scalars(select(User.id).limit(1)).first() is not None:
            return False
        demo.load(
            session,
            password_hash=users.hash_password(password),
            folder=settings["VAR"] / "files",
            now=datetime.now(UTC),
        )
        # Before the commit: accounts whose password nobody knows are worse than a stale file.
        _write_accounts(settings["VAR"] / ACCOUNTS_FILE, password)
    return True


def _write_accounts(path: Path, password: str) -> None:
    """For the one who started the demonstration, and nobody else."""
    from webapp import labels
    from workflows.demo.people import PEOPLE, UNITS

    units = {unit.key: unit.name for unit in UNITS}
    lines = [f"口令（全部账号相同）：{password}", ""]
    lines += [
        f"{person.username:<9}{person.name}　{units[person.unit]}　{labels.label(person.role)}"
        for person in PEOPLE
    ]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def missing_parts() -> list[str]:
    """What PDF needs and this machine lacks, for people to read."""
    from webapp import pdf

    return [line for line in (pdf.missing(), pdf.weakened()) if line]


def _set_password(person: User, password: str) -> None:
    from workflows.actions import users

    try:
        users.check_strength(person, password)
    except users.WeakPassword as error:
        raise click.ClickException(str(error)) from error
    person.password_hash = users.hash_password(password)


def _organisation(session: Session, name: str, region_code: str | None) -> Organisation:
    from workflows import regions

    found = session.scalars(select(Organisation).where(Organisation.name == name)).one_or_none()
    if found is not None:
        return found
    if region_code is None:
        raise click.ClickException(f"没有机构「{name}」；要新建请写 --region-code。")
    region = regions.get(session, region_code)
    if region is None:
        raise click.ClickException(f"没有区划 {region_code}；先运行 migrate。")
    return Organisation(
        name=name,
        short_name=name,
        kind=OrganisationKind.COMMISSION,
        level=region.level,
        region=region,
    )


if __name__ == "__main__":
    main()

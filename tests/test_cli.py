"""Commands of an operator, each on a database of its own."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models import Appointment, Event, Icd10, Organisation, Region, RegionLevel, Role, User
from webapp.cli import main
from webapp.db import make_engine
from workflows.actions import users

PASSWORD = "Lan-tian_2031"
OTHER = "Bai-yun_4417"
NOW = datetime(2026, 11, 2, 4, tzinfo=UTC)
CITY = {"code": "990100", "name": "云江市", "level": RegionLevel.CITY, "initials": "yjs"}


class Run(Protocol):
    def __call__(self, *words: str) -> Result: ...


@pytest.fixture
def run(tmp_path: Path, database_url: str) -> Run:
    """Types a command."""
    environment = {"YILI_VAR": str(tmp_path), "DATABASE_URL": database_url}
    return lambda *words: CliRunner().invoke(main, list(words), env=environment)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """A look at the database beside the commands."""
    engine = make_engine(database_url)
    with Session(engine.execution_options(reads=True)) as session:
        yield session
    engine.dispose()


def add_city(session: Session) -> None:
    session.add(Region(**CITY))
    session.commit()


def create(run: Run, *more: str, password: str = PASSWORD) -> Result:
    words = ("--organisation", "云江市卫生健康委员会", "--password", password, *more)
    return run("user", "create", "gu_yu", "谷雨", *words)


def test_migrate_fills_the_reference_tables_and_may_be_repeated(run: Run, session: Session) -> None:
    for _ in range(2):
        result = run("migrate")
        assert result.exit_code == 0, result.output
        assert result.output == "数据库已是最新。\n"
    assert session.scalar(select(func.count()).select_from(Icd10)) > 12_000
    assert session.scalars(select(Region.name).where(Region.code == "410200")).one() == "开封市"


def test_the_first_administrator_can_sign_in(run: Run, session: Session) -> None:
    add_city(session)
    result = create(run, "--region-code", "990100")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    appointment = session.scalars(select(Appointment)).one()
    assert appointment.role == Role.SYSTEM_ADMIN
    assert appointment.organisation.name == "云江市卫生健康委员会"
    assert appointment.organisation.level == RegionLevel.CITY
    event = session.scalars(select(Event)).one()
    assert (event.name, event.data) == ("account.created", {"user": appointment.user_id})
    assert users.sign_in(session, "gu_yu", PASSWORD, now=NOW, address=None) is not None


@pytest.mark.parametrize(
    ("words", "password", "complaint"),
    [
        ((), PASSWORD, "没有机构「云江市卫生健康委员会」"),
        (("--region-code", "990000"), PASSWORD, "没有区划 990000"),
        (("--region-code", "990100"), "12345", "至少 12 位"),
        (("--role", "emperor", "--region-code", "990100"), PASSWORD, "emperor"),
    ],
)
def test_a_wrong_account_is_refused_and_leaves_nothing(
    run: Run, session: Session, words: tuple[str, ...], password: str, complaint: str
) -> None:
    add_city(session)
    result = create(run, *words, password=password)
    assert result.exit_code != 0
    assert complaint in result.output
    assert session.scalars(select(User)).all() == []
    assert session.scalars(select(Organisation)).all() == []


def test_a_user_name_is_taken_once(run: Run, session: Session) -> None:
    add_city(session)
    create(run, "--region-code", "990100")
    result = create(run)
    assert result.exit_code == 1
    assert "用户名 gu_yu 已存在" in result.output


def test_a_reset_password_replaces_the_old_and_unlocks(run: Run, session: Session) -> None:
    add_city(session)
    create(run, "--region-code", "990100")
    for _ in range(users.ATTEMPTS):
        users.sign_in(session, "gu_yu", "wrong", now=NOW, address=None)
    session.commit()
    assert users.sign_in(session, "gu_yu", PASSWORD, now=NOW, address=None) is None
    session.rollback()
    result = run("user", "password", "gu_yu", "--password", OTHER)
    assert result.exit_code == 0, result.output
    assert users.sign_in(session, "gu_yu", PASSWORD, now=NOW, address=None) is None
    assert users.sign_in(session, "gu_yu", OTHER, now=NOW, address=None) is not None


def test_a_password_for_nobody(run: Run) -> None:
    result = run("user", "password", "nobody", "--password", OTHER)
    assert result.exit_code == 1
    assert "没有用户 nobody" in result.output


def test_a_database_of_a_later_release_is_refused(run: Run, session: Session) -> None:
    session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    session.commit()
    result = run("migrate")
    assert result.exit_code == 1
    assert "数据库的版本与程序不符" in result.output


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["migrate"], env={"YILI_VAR": str(tmp_path), "PORT": "eighty"}
    )
    assert result.exit_code == 1
    assert "eighty" in result.output


def test_the_web_process_does_not_load_the_job_engine() -> None:
    code = "import sys, webapp; sys.exit('dbos' in sys.modules)"
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0

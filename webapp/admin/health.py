"""运行环境: the database, the disk, versions, what PDF lacks."""

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flask import current_app, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from webapp import db, pdf, schema, space
from webapp.admin.blueprint import SYSTEM, bp, only

PARTS = (
    ("Flask", "flask"),
    ("SQLAlchemy", "sqlalchemy"),
    ("SpiffWorkflow", "spiffworkflow"),
    ("DBOS", "dbos"),
    ("pdfkit", "pdfkit"),
    ("pikepdf", "pikepdf"),
)


@bp.get("/health")
@only(SYSTEM)
def health() -> ResponseReturnValue:
    return render_template(
        "admin/health.html",
        database=_database(),
        space=space.left(current_app.config),
        versions=_versions(),
        pdf_missing=pdf.missing(),
        pdf_weakened=pdf.weakened(),
    )


def _database() -> dict[str, str]:
    connection = db.session.connection()
    dialect = connection.dialect
    number = ".".join(str(part) for part in dialect.server_version_info or ())
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[dialect.name]
    if dialect.name == "sqlite":
        size = connection.scalar(
            text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        )
    else:
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    return {
        "类型": f"{name} {number}",
        "数据量": f"{(size or 0) / 1024**2:.1f} MB",
        "结构版本": schema.of(db.session) or "未建立",
    }


def _versions() -> dict[str, str]:
    found = {"一例": _own_version(), "Python": platform.python_version()}
    return found | {name: _version(package) for name, package in PARTS}


def _own_version() -> str:
    """Of the installed package, or of the checkout that is run in place."""
    try:
        return version("yili")
    except PackageNotFoundError:
        project = Path(current_app.root_path).parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "未安装"

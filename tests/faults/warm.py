"""What every process of a stand would import, read and compile for itself: once, before any fork.

Imported by the one process that all stands are forked from; it must start no thread and open no
connection.
"""

import os
from typing import Any

import dbos  # noqa: F401 - so that no child has to
import gunicorn.app.base
import gunicorn.workers.gthread  # noqa: F401
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from models import Definition
from webapp import config, create_app, pdf, worker  # noqa: F401
from workflows.engine import definitions
from workflows.forms import load


class _Compiled(BytecodeCache):
    """Templates as they were compiled, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (kept := self._kept.get(bucket.key)) is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


def up(app: Any) -> None:
    """Read all templates of this application, each compiled once for all applications."""
    app.jinja_env.bytecode_cache = _compiled
    for name in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(name)


def _read() -> None:
    files = definitions.files_of("maternal_death")
    digest = definitions.digest(files)
    definitions.parsed(Definition(name="maternal_death", digest=digest, files=dict(files)))
    for path in definitions.FOLDER.glob("*/forms/*.json"):
        load.load(path.stem)


# Nobody connects: an application only to compile its templates for the others
_NOWHERE = {"YILI_SECRET_KEY": "none", "DATABASE_URL": f"sqlite:///{os.devnull}"}
up(create_app(config.from_environment(_NOWHERE)))
_read()

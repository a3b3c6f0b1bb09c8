"""Forms that an administrator brought with a version: read from their rows, once per process."""

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import FormText
from workflows.forms import load


def init_app(engine: Engine) -> None:
    """From now on a form that no folder has is looked for in this database."""

    def text_of(name: str) -> str | None:
        with Session(engine.execution_options(reads=True)) as own:
            return own.scalars(select(FormText.text).where(FormText.name == name)).one_or_none()

    load.also_from(text_of)

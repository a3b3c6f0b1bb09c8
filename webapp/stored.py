"""Files that the worker makes for a reader: written whole or not at all, under random names."""

import secrets
from pathlib import Path

from flask import current_app

from workflows.actions import attachments


def folder(name: str) -> Path:
    """Where finished copies of one kind lie, readable by their owner only."""
    path: Path = current_app.config["VAR"] / name
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def keep(where: Path, suffix: str, content: bytes) -> str:
    """Write the file; the name it got, without its suffix. On disk when this returns, so that a
    row written afterwards never points to nothing."""
    token = secrets.token_urlsafe(24)
    attachments.write(where, f"{token}{suffix}", content)
    return token

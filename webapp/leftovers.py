"""Files that nobody will ever ask for: left by a process that was killed before it wrote their row.

They hold what a record holds, so they do not stay. Knows files and the rows that name them.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Attachment, BlindCopy, DossierRequest, NoticeFile

log = logging.getLogger(__name__)

SETTLED = timedelta(days=1)  # longer than any request or rendering that may still write its row
EVERY = timedelta(days=1)


def sweep(session: Session, var: Path, temporary: Path, now: datetime) -> int:
    """Remove what is older than SETTLED: files below `var` that no row names, unfinished ones, and
    the renderer's folders in `temporary`. How many."""
    removed = 0
    for path in [*_unnamed(session, var), *temporary.glob("yili-pdf-*")]:
        if path.lstat().st_mtime < (now - SETTLED).timestamp():
            _remove(path)
            removed += 1
    if removed:
        log.warning("%d files without a row were removed", removed)
    return removed


def _unnamed(session: Session, var: Path) -> Iterator[Path]:
    kinds = ("files", "dossiers", "notices")
    files, dossiers, notices = (list((var / kind).glob("*")) for kind in kinds)
    uploads = set(session.scalars(select(Attachment.token)))
    uploads |= set(session.scalars(select(BlindCopy.token)))  # reviewers' copies lie beside them
    copies = select(DossierRequest.token).where(DossierRequest.token.is_not(None))
    rendered = {f"{token}.pdf" for token in session.scalars(copies)}
    printed = select(NoticeFile.token, NoticeFile.format).where(NoticeFile.token.is_not(None))
    letters = {f"{token}.{kind.value}" for token, kind in session.execute(printed)}
    yield from (path for path in files if path.name not in uploads)
    yield from (path for path in dossiers if path.name not in rendered)
    yield from (path for path in notices if path.name not in letters)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def keep_sweeping(engine: Engine, var: Path, clock: Callable[[], datetime], stop: Event) -> None:
    """At once and then daily, until `stop` is set. For a thread of the worker."""
    while True:
        try:
            with Session(engine.execution_options(reads=True)) as session:
                sweep(session, var, Path(tempfile.gettempdir()), clock())
        except Exception:
            log.exception("files left over could not be looked for")
        if stop.wait(EVERY.total_seconds()):
            return

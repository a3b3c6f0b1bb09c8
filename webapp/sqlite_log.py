"""SQLite's write-ahead log, kept short where many people read at once.

It begins anew only at a moment when nobody reads what stands in it. Where somebody always does, or
did for long, it grows for as long as that goes on; so the worker asks for that moment when it has
become large: whoever wants to write waits for the reading of that instant, `PATIENCE` at most.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event

from sqlalchemy import make_url

log = logging.getLogger(__name__)

LARGE = 16 * 1024 * 1024  # bytes; SQLite itself would begin anew at a quarter of it
PATIENCE = 1.0  # seconds that writers may wait for it
EVERY = 30.0  # seconds


def shorten(database: Path, large: int = LARGE) -> bool:
    """Begin the log anew if it is large; whether it is short now."""
    path = database.with_name(f"{database.name}-wal")
    if not path.exists() or path.stat().st_size <= large:
        return True
    with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
        [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy


def keep_short(url: str, stop: Event, every: float = EVERY, large: int = LARGE) -> None:
    """Until `stop` is set. For a thread of the worker; at once where there is no such log."""
    found = make_url(url)
    if found.get_backend_name() != "sqlite" or not found.database:
        return
    while not stop.wait(every):
        try:
            if not shorten(Path(found.database), large):
                log.warning("the write-ahead log is large, and somebody is reading it")
        except (OSError, sqlite3.Error):
            log.exception("the write-ahead log could not be begun anew")

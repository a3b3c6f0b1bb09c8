"""The daily cleaning, as a job of the worker: unused uploads, unfinished files, finished jobs."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import current_app

from webapp import db
from webapp.copies import folder
from workflows import jobs
from workflows.actions import attachments, housekeeping
from workflows.jobs import job

log = logging.getLogger(__name__)
UNFINISHED = timedelta(days=1)  # no upload takes longer


@job(housekeeping.JOB)
def keep_house() -> None:
    """Cut short anywhere it is begun again, and finds less to do."""
    now = datetime.now(UTC)
    uploads = _remove_uploads(now - current_app.config["KEEP_UPLOADS"])
    _remove_unfinished(folder(), now - UNFINISHED)
    forgotten = jobs.forget(db.engine(), now - current_app.config["KEEP_JOBS"])
    with db.transaction() as session:
        housekeeping.finish(session, uploads=uploads, forgotten=forgotten, now=now)
    log.info("housekeeping: %d uploads, %d jobs", uploads, forgotten)


def _remove_uploads(before: datetime) -> int:
    removed = 0
    while True:
        with db.transaction() as session:
            tokens = housekeeping.remove_unused(session, before)
        for token in tokens:
            attachments.erase(folder(), token)
        if not tokens:
            return removed
        removed += len(tokens)


def _remove_unfinished(where: Path, before: datetime) -> None:
    for path in where.glob(".*.part"):
        if path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)

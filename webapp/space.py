"""How much the disks can still take on which the program writes, and saying so before it is
nothing. Knows no page.

A full disk refuses whatever is handed in (webapp.outages says so to whom it meets); this is for
seeing it before.
"""

import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.orm import Session

from workflows.actions import disk_space
from workflows.events import EventName

log = logging.getLogger(__name__)
ROOMY = 1.2  # times the limit: a disk that is just above it will soon be below it again


@dataclass(frozen=True, slots=True)
class Space:
    """Of one disk, in bytes; `limit`: with less free it is nearly full."""

    free: int
    total: int
    limit: float

    @property
    def scarce(self) -> bool:
        """Somebody should make room now, while everything still works."""
        return self.free < self.limit

    @property
    def roomy(self) -> bool:
        """Whoever was told that it is scarce may forget it."""
        return self.free >= ROOMY * self.limit

    def __str__(self) -> str:
        return f"剩余 {_size(self.free)}，共 {_size(self.total)}"


def _size(number: int) -> str:
    return f"{number / 1024**3:.1f} GB" if number >= 1024**3 else f"{number / 1024**2:.0f} MB"


def left(settings: Mapping[str, Any]) -> Space:
    """Of the disk that is nearest to its limit: that of the uploads and dossiers, of the SQLite
    file, of what is written for a moment only."""
    url = make_url(settings["DATABASE_URL"])
    places = [Path(settings["VAR"]), Path(tempfile.gettempdir())]
    if url.get_backend_name() == "sqlite" and url.database:
        places.append(Path(url.database).parent)
    most, share = settings["SCARCE_BYTES"], settings["SCARCE_SHARE"]
    return min(
        (_of(place, most, share) for place in places),
        key=lambda space: space.free / max(1, space.limit),
    )


def _of(place: Path, most: int, share: float) -> Space:
    """Where it is not there yet: of the folder that it will be in."""
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    return Space(usage.free, usage.total, min(most, share * usage.total))


@dataclass(frozen=True)
class Watch:
    """What the worker looks at now and then. `settings`: of the application."""

    settings: Mapping[str, Any]

    def due(self, session: Session, now: datetime, _limit: int = 1) -> list[int]:
        """Whether the administrators are owed a word."""
        space = left(self.settings)
        name = disk_space.owed(session, now, scarce=space.scarce, roomy=space.roomy)
        return [] if name is None else [1]

    def tell(self, session: Session, _key: int, now: datetime) -> bool:
        """Say it, also to whoever reads the log. The caller commits."""
        space = left(self.settings)
        name = disk_space.tell_administrators(
            session, now, scarce=space.scarce, roomy=space.roomy, left=str(space)
        )
        if name is EventName.DISK_FILLED:
            log.error("the disk is nearly full: %d of %d bytes left", space.free, space.total)
        elif name is EventName.DISK_CLEARED:
            log.warning("the disk has room again: %d bytes", space.free)
        return name is not None

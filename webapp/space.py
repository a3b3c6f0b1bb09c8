"""How much the disks can still take on which the program writes. Knows no page.

A full disk refuses whatever is handed in (webapp.outages says so to whom it meets); this is for
seeing it before.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

FLOOR = 1024**3  # bytes: some months of a city's reports, with their files
SHARE = 0.05  # of a small disk


@dataclass(frozen=True, slots=True)
class Space:
    """Of one disk, in bytes."""

    free: int
    total: int

    @property
    def scarce(self) -> bool:
        """Somebody should make room now, while everything still works."""
        return self.free < min(FLOOR, SHARE * self.total)

    def __str__(self) -> str:
        return f"剩余 {self.free / 1024**3:.1f} GB，共 {self.total / 1024**3:.1f} GB"


def left(settings: Any) -> Space:
    """Of the folder of uploads and dossiers, or of the SQLite file: whichever has less."""
    url = make_url(settings["DATABASE_URL"])
    places = [Path(settings["VAR"])]
    if url.get_backend_name() == "sqlite" and url.database:
        places.append(Path(url.database).parent)
    return min((_of(place) for place in places), key=lambda space: space.free)


def _of(place: Path) -> Space:
    """Where it is not there yet: of the folder that it will be in."""
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    return Space(usage.free, usage.total)

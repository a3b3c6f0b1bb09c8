"""The demonstration: a plainly fictional city, its people, and cases at different steps.

Everything is made by calling the same actions as those people would, at moments that fit the day
it is loaded. Nothing else in the project imports this package but the command and the tests.
"""

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from models import Appointment, Attachment
from workflows import regions
from workflows.actions import attachments
from workflows.demo import (
    cases,
    duties,
    gatherings,
    groups,
    learning,
    ledger,
    measures,
    nearmiss,
    newborn,
    people,
    province,
    register,
)
from workflows.demo.stage import Stage

FILES = Path(__file__).parent / "files"
TITLES = {
    "record.pdf": "住院病历节选.pdf",
    "redacted.pdf": "病历去标识副本.pdf",
    "autopsy.pdf": "尸体解剖检验报告.pdf",
    "drill.jpg": "演练签到表.jpg",
}
_MOST = 1024 * 1024


def load(session: Session, *, password_hash: str, folder: Path, now: datetime) -> None:
    """Fill an empty database: places, people, eight cases, two near misses, a newborn, duties,
    and what they call for.

    `folder` takes the attachments. Regions and ICD-10 titles must be there. The caller commits.
    """
    stage = settle(session, password_hash=password_hash, folder=folder, now=now)
    for play in cases.EIGHT:
        play(Stage(session, stage.units, stage.upload), now)
    nearmiss.play(stage, now)
    newborn.play(stage, now)
    duties.play(Stage(session, stage.units, stage.upload), now)
    ledger.play(Stage(session, stage.units, stage.upload), now)
    measures.play(Stage(session, stage.units, stage.upload), now)
    learning.play(Stage(session, stage.units, stage.upload), now)
    province.play(Stage(session, stage.units, stage.upload), now)
    register.play(Stage(session, stage.units, stage.upload), now)
    gatherings.play(Stage(session, stage.units, stage.upload), now)
    stage.let_pass(now)


def settle(session: Session, *, password_hash: str, folder: Path, now: datetime) -> Stage:
    """Places and people only; returns a stage to play cases on."""
    regions.load_demo(session)
    units = people.load_units(session)
    seats = people.load_people(session, units, password_hash, now)
    groups.load_groups(session, units, seats)

    def upload(by: Appointment, name: str, at: datetime) -> Attachment:
        with (FILES / name).open("rb") as stream:
            return attachments.store(
                session, folder, stream, TITLES[name], most_bytes=_MOST, by=by, now=at
            )

    return Stage(session, units, upload)

"""Training in the review scheme: its material, who was there, what they said of it (B05)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from models import Appointment, Attachment, Training, TrainingPresence
from workflows.actions.attachments import InUse
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import Forbidden, require
from workflows.rules import day_of

FORM, FIELD = "training", "material"
MARKS = ("1", "2", "3", "4", "5")


def keep(
    session: Session,
    training: Training,
    files: Sequence[Attachment],
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """Material for a training of one's own unit. Raises Forbidden, InUse."""
    require(by, "gathering:keep")
    if training.organisation_id != by.organisation_id:
        raise Forbidden(training.id)
    for file in files:
        if file.form is not None:
            raise InUse(file.token)
        file.training_id, file.form, file.field = training.id, FORM, FIELD
    session.flush()
    record(session, EventName.TRAINING_EQUIPPED, by=by, now=now, training=training.id,
           uploads=len(files))  # fmt: skip


def sign_in(
    session: Session, training: Training, *, by: Appointment, now: datetime
) -> TrainingPresence:
    """With one's own account, on the day; again changes nothing. Forbidden for a substitute, and on
    another day."""
    require(by, "training:view")
    if by.stands_for_id is not None or training.held_on != day_of(now):
        raise Forbidden(training.id)
    if (there := presence_of(training, by)) is not None:
        return there
    row = TrainingPresence(
        training=training, organisation_id=by.organisation_id, user_id=by.user_id, at=now
    )
    session.add(row)
    record(session, EventName.TRAINING_ATTENDED, by=by, now=now, training=training.id)
    return row


def presence_of(training: Training, by: Appointment) -> TrainingPresence | None:
    """Whether somebody has signed in."""
    return next((row for row in training.presence if row.user_id == by.user_id), None)


def rate(
    session: Session,
    training: Training,
    marks: tuple[str, str],
    remark: str,
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """What one who was there says of it, once. Raises Forbidden, InvalidAnswers."""
    row = presence_of(training, by)
    if row is None or row.rated_at is not None:
        raise Forbidden(training.id)
    if not set(marks) <= set(MARKS):
        raise InvalidAnswers({"marks": ["两项都选 1 至 5 分"]})
    row.useful, row.clear = int(marks[0]), int(marks[1])
    row.remark, row.rated_at = remark.strip()[:500] or None, now
    record(session, EventName.TRAINING_RATED, by=by, now=now, training=training.id)

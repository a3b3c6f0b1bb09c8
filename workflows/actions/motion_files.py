"""Evidence of a proposed measure: files kept with it. What proposes does not read them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from models import Attachment, Motion
from workflows.actions.attachments import InUse

FORM, FIELD = "motion", "evidence"


def keep(session: Session, motion: Motion, files: Sequence[Attachment]) -> None:
    """Keep uploads nothing has yet with the motion. Raises InUse."""
    for file in files:
        if file.form is not None:
            raise InUse(file.token)
        file.motion_id, file.form, file.field = motion.id, FORM, FIELD
    session.flush()

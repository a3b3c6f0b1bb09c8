"""Dossiers asked for: who, why, how far the rendering is, and where the file lies (案卷)."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case
from models.review import Panel
from models.user import Appointment


class DossierState(enum.StrEnum):
    WAITING = "waiting"
    RENDERING = "rendering"
    READY = "ready"
    FAILED = "failed"


class DossierKind(enum.StrEnum):
    DOSSIER = "dossier"  # the whole case, as far as its reader may see it
    PACK = "pack"  # the de-identified file, for a panel's meeting
    SHEET = "sheet"  # a level's conclusion, for signing and seal


class DossierRequest(Base):
    """One reader's copy of one case's dossier, or of a part of it, rendered by the worker.
    `panel_id`: whose meeting, of a pack or a sheet."""

    __tablename__ = "dossier_request"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), index=True)
    kind: Mapped[DossierKind] = mapped_column(default=DossierKind.DOSSIER)
    panel_id: Mapped[int | None] = mapped_column(ForeignKey("panel.id"))
    purpose: Mapped[str] = mapped_column(info=SENSITIVE)
    state: Mapped[DossierState] = mapped_column(default=DossierState.WAITING)
    percent: Mapped[int] = mapped_column(default=0)
    message: Mapped[str | None]
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    token: Mapped[str | None] = mapped_column(unique=True)  # the stored file's random name
    sha256: Mapped[str | None]
    size: Mapped[int | None]
    pages: Mapped[int | None]

    case: Mapped[Case] = relationship()
    appointment: Mapped[Appointment] = relationship()
    panel: Mapped[Panel | None] = relationship()

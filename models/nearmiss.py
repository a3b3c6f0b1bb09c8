"""What a near-miss case counts by: its criteria, when they were first met, how it went on."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case


class Timing(enum.StrEnum):
    """When the first criterion was met, by the admission to where she was treated last."""

    ON_ADMISSION = "on_admission"
    WITHIN_12H = "within_12h"
    AFTER_12H = "after_12h"


class NearMiss(Base):
    """From the newest card of the case. Rows of two criteria sets are never counted together."""

    __tablename__ = "near_miss"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    criteria_set: Mapped[str] = mapped_column(index=True)
    criteria: Mapped[list[Any]] = mapped_column(info=SENSITIVE)  # codes of the set
    first_hit_at: Mapped[datetime]
    admitted_at: Mapped[datetime]
    timing: Mapped[Timing]
    outcome: Mapped[str] = mapped_column(info=SENSITIVE)

    case: Mapped[Case] = relationship()

"""Rule sets as cases froze them. Equal ones are one row, however many cases went by them."""

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class FrozenRules(Base):
    """What was in force at some place; never changed. `body` is loaded when it is asked for."""

    __tablename__ = "frozen_rules"

    digest: Mapped[str] = mapped_column(unique=True)  # SHA-256 of the body, keys in order
    body: Mapped[dict[str, Any]] = mapped_column(deferred=True)

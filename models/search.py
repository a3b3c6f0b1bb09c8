"""What a case is found by: the ends of its number and of her name.

A part of a name is the beginning of one of the name's ends, and that an ordinary index can find, on
every database and in every script.
"""

import enum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import PERSONAL, PLAIN, Base


class KeyKind(enum.StrEnum):
    NUMBER = "number"
    NAME = "name"


class SearchKey(Base):
    """One end of a number (from one of its parts on) or of a name (from any character on)."""

    __tablename__ = "search_key"
    __table_args__ = (Index("ix_search_key_text", "kind", "text", "case_id"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[KeyKind]
    text: Mapped[str] = mapped_column(PLAIN, info=PERSONAL)

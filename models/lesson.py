"""Lessons and good practice (经验与教训): what a review found, told for others to use (B08)."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PLAIN, SENSITIVE, Base
from models.case import Case
from models.place import Organisation, Region
from models.rectification import Rectification
from models.user import User


class LessonKind(enum.StrEnum):
    LESSON = "lesson"  # what went wrong, and what follows from it
    PRACTICE = "practice"  # what has worked, for others to take over


class LessonState(enum.StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Lesson(Base):
    """A text without names, tagged by what it is about. Once published its words stay as they are.

    `case_id`: the case it was drawn from, which only those learn who may open the case; `item_id`:
    the ledger item, where it was drawn from one. `cells`: numbers of the twelve-cell grid between
    commas, as in ",5,8,". `area`, `scope` and `problem_kind` as in Finding. `cause_group`: a code
    of workflows.icd10.cause_groups. `city_code`: whose units read it.
    """

    __tablename__ = "lesson"

    number: Mapped[str] = mapped_column(PLAIN, unique=True)
    kind: Mapped[LessonKind]
    state: Mapped[LessonState] = mapped_column(default=LessonState.DRAFT, index=True)
    city_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("rectification.id"), index=True)
    title: Mapped[str] = mapped_column(info=SENSITIVE)
    situation: Mapped[str] = mapped_column(info=SENSITIVE)
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    advice: Mapped[str] = mapped_column(info=SENSITIVE)
    cells: Mapped[str] = mapped_column(default=",")
    area: Mapped[str]
    scope: Mapped[str]
    problem_kind: Mapped[str | None]
    cause_group: Mapped[str | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    drafted_at: Mapped[datetime]
    returned: Mapped[str | None] = mapped_column(info=SENSITIVE)
    kept_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    published_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)

    city: Mapped[Region] = relationship()
    organisation: Mapped[Organisation] = relationship()
    case: Mapped[Case] = relationship()
    item: Mapped[Rectification | None] = relationship()
    author: Mapped[User] = relationship(foreign_keys=[author_id])
    published_by: Mapped[User | None] = relationship(foreign_keys=[published_by_id])
    withdrawn_by: Mapped[User | None] = relationship(foreign_keys=[withdrawn_by_id])

    @property
    def cell_numbers(self) -> list[int]:
        """Numbers of the twelve-cell grid."""
        return [int(cell) for cell in self.cells.split(",") if cell]

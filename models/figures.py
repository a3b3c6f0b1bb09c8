"""Figures from elsewhere, and where they differ from what the system holds (数据核对, C12)."""

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.place import Organisation, Region
from models.rectification import Rectification
from models.user import User


class FigureSource(enum.StrEnum):
    """Who says a figure that is compared with the system's own."""

    REPORT = "report"  # the county's monthly report, as it was handed in
    ROLLUP = "rollup"  # the city's, of the same county
    IMPORT = "import"  # another system's export


class FigureImport(Base):
    """A table of another information system. `rows`: {month, region, organisation, figures} each,
    `organisation` None where the line is about the whole county. Rows are only added."""

    __tablename__ = "figure_import"

    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    system: Mapped[str]
    filename: Mapped[str] = mapped_column(info=SENSITIVE)
    rows: Mapped[list[Any]] = mapped_column(info=SENSITIVE)

    by: Mapped[User] = relationship()
    organisation: Mapped[Organisation] = relationship()


class DiscrepancyState(enum.StrEnum):
    OPEN = "open"  # nobody has said anything of it, or it was sent back
    EXPLAINED = "explained"  # traced, waits for the upper institution
    CORRECTING = "correcting"  # an error; its ledger item is worked on
    CLEARED = "cleared"


class Discrepancy(Base):
    """One figure that somebody says (`said`) and the system does not (`held`), of a county's month,
    or of one unit in it. `measure`: a code of workflows.figures.MEASURES, or `backlog`.

    `agrees_since`: the figures have become alike meanwhile; it is cleared by a person all the same.
    """

    __tablename__ = "discrepancy"
    __table_args__ = (Index("ix_discrepancy_open", "state", "region_code"),)

    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    month: Mapped[date]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    measure: Mapped[str]
    source: Mapped[FigureSource]
    system: Mapped[str] = mapped_column(default="")
    said: Mapped[int]
    held: Mapped[int]
    found_at: Mapped[datetime]
    agrees_since: Mapped[datetime | None]
    state: Mapped[DiscrepancyState] = mapped_column(default=DiscrepancyState.OPEN)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("rectification.id"), index=True)
    cleared_at: Mapped[datetime | None]

    region: Mapped[Region] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    item: Mapped[Rectification | None] = relationship()
    entries: Mapped[list["DiscrepancyEntry"]] = relationship(
        back_populates="discrepancy", order_by="DiscrepancyEntry.id"
    )


class DiscrepancyEntry(Base):
    """What somebody wrote of a discrepancy. Rows are only added. `kind`: a code of
    labels.WORDS["tracing"]."""

    __tablename__ = "discrepancy_entry"

    discrepancy_id: Mapped[int] = mapped_column(ForeignKey("discrepancy.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(info=SENSITIVE)

    discrepancy: Mapped[Discrepancy] = relationship(back_populates="entries")
    by: Mapped[User] = relationship()

"""Where things are: regions, organisations, and which rescue centre stands behind which county."""

import enum
from datetime import date

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base


class RegionLevel(enum.StrEnum):
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


class Region(Base):
    """One area of GB/T 2260 (6 digits), or a township below it (9 digits)."""

    __tablename__ = "region"

    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    level: Mapped[RegionLevel]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("region.code"), index=True)
    initials: Mapped[str] = mapped_column(default="", index=True)


class OrganisationKind(enum.StrEnum):
    HOSPITAL = "hospital"
    MCH = "mch"
    COMMISSION = "commission"
    RESCUE_CENTRE = "rescue_centre"
    QUALITY_CENTRE = "quality_centre"


class Organisation(Base):
    """A hospital, an MCH institution, a commission, a rescue centre, a quality-control centre.

    A rescue centre is a duty of a hospital: it is a row of its own with `host` set.
    """

    __tablename__ = "organisation"

    name: Mapped[str] = mapped_column(unique=True)
    short_name: Mapped[str]
    kind: Mapped[OrganisationKind]
    level: Mapped[RegionLevel]  # whose organisation it is: the county's, the city's, …
    grade: Mapped[str | None]  # hospital grade, such as 三级甲等
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    host_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    phone: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)

    region: Mapped[Region] = relationship()
    host: Mapped["Organisation | None"] = relationship(remote_side="Organisation.id")


class ZoneKind(enum.StrEnum):
    MATERNAL = "maternal"
    NEONATAL = "neonatal"


class Zone(Base):
    """Which rescue centre guides and backs which county (H14–H16), for a period."""

    __tablename__ = "zone"
    __table_args__ = (UniqueConstraint("centre_id", "county_code", "kind", "valid_from"),)

    centre_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    county_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    kind: Mapped[ZoneKind]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]

    centre: Mapped[Organisation] = relationship()
    county: Mapped[Region] = relationship()

"""How a province's report card, which knows two classes, takes a conclusion of three."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.user import Appointment


class Mapping(Base):
    """One confirmation for one province, never changed: a later one takes its place from then on.

    `conditional`: the class of the card, avoidable or unavoidable, that 创造条件可避免 goes into;
    the other two go into their own. `document` and `clause` say where it stands, or `reason` why.
    """

    __tablename__ = "mapping"

    province_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    conditional: Mapped[str]
    document: Mapped[str] = mapped_column(default="")
    clause: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    confirmed_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    confirmed_at: Mapped[datetime]

    confirmed_by: Mapped[Appointment] = relationship()

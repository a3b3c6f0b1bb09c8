"""Groups of experts that an area or a rescue centre has formed, and what each of their experts is
there for (B10, B11, B12, B14)."""

from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.place import Organisation
from models.user import DiseaseGroup, User


class ExpertGroup(Base):
    """Of a county's or a city's commission, or of a rescue centre. `disease`: the one disease that
    the group is for, None for rescue at large. `contact`: the unit to turn to."""

    __tablename__ = "expert_group"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    disease: Mapped[DiseaseGroup | None]
    contact_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    formed_on: Mapped[date]

    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    contact: Mapped[Organisation] = relationship(foreign_keys=[contact_id])
    members: Mapped[list["GroupMember"]] = relationship(
        back_populates="group", order_by="GroupMember.id"
    )


class GroupMember(Base):
    """An expert in a group with a duty (职责) and a part of the work (任务分工). Said anew it is
    the next row: the one before ends and stays."""

    __tablename__ = "expert_group_member"

    group_id: Mapped[int] = mapped_column(ForeignKey("expert_group.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    duty: Mapped[str]
    part: Mapped[str]
    since: Mapped[date]
    until: Mapped[date | None]

    group: Mapped[ExpertGroup] = relationship(back_populates="members")
    user: Mapped[User] = relationship()

"""A problem that a review found (问题)."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case
from models.place import Organisation
from models.review import Conclusion


class Finding(Base):
    """Classified as the notice needs it: 保健/医疗/管理 × 普遍/个性 (C02), and by grid cell 1–12.

    Either it becomes a ledger item or `waived_reason` says why not.
    """

    __tablename__ = "finding"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    conclusion_id: Mapped[int] = mapped_column(ForeignKey("conclusion.id"), index=True)
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    area: Mapped[str]  # care, medical, management
    scope: Mapped[str]  # general, specific
    kind: Mapped[str | None]  # management, resource, technique (B06)
    cell: Mapped[int | None]
    evidence: Mapped[str] = mapped_column(info=SENSITIVE)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    waived_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    improves: Mapped[str | None]  # treatment_plan, management_system, both, other (B06)
    improved: Mapped[str | None] = mapped_column(info=SENSITIVE)  # which plan or system

    case: Mapped[Case] = relationship()
    conclusion: Mapped[Conclusion] = relationship()
    organisation: Mapped[Organisation] = relationship()

"""The classification of diseases: codes with Chinese titles, as the cause-of-death picker needs it.

Reference data, filled by `workflows.icd10.load`; nobody edits it.
"""

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Icd10(Base):
    """One code of ICD-10: a category (O72) or a subdivision of it (O72.1).

    `aliases`: what clinicians call it when the official title reads otherwise, parted by blanks.
    `initials`: pinyin initials of title and aliases, small letters, parted by blanks.
    `chapter`: 1–22. `rank`: 0 for obstetric codes, then perinatal, congenital, the rest.
    `divided`: it has subdivisions, one of which should be chosen instead.
    """

    __tablename__ = "icd10"

    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    title_en: Mapped[str]
    aliases: Mapped[str] = mapped_column(default="")
    initials: Mapped[str]
    chapter: Mapped[int]
    rank: Mapped[int]
    divided: Mapped[bool]

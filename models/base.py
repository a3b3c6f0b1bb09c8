"""The one declarative base: naming convention, column types, primary key, data classes.

Knows SQLAlchemy and nothing else: no rule, no form, no web.
"""

import enum
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Dialect,
    Enum,
    Index,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    and_,
    text,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column


class DataClass(enum.StrEnum):
    """How far a value may travel; every column and every form field has one.

    The class decides blinding today, and encryption and export later.
    """

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"
    SECRET = "secret"  # noqa: S105 - the name of a class, no secret


def classed(data_class: DataClass) -> dict[str, Any]:
    """`info=` of a column that is not merely internal."""
    return {"class": data_class}


PERSONAL = classed(DataClass.PERSONAL)
SENSITIVE = classed(DataClass.SENSITIVE)
SECRET = classed(DataClass.SECRET)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Goes in aware or not at all, comes out in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is no moment; give it a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value.astimezone(UTC) if value else None
        return value.replace(tzinfo=UTC)  # SQLite keeps no zone; what went in was UTC


# Of a text looked up by its beginning: compared byte by byte, whatever the language of the database
PLAIN = String().with_variant(String(collation="C"), "postgresql")
_LAST = chr(0x10FFFF)


def begins(column: InstrumentedAttribute[Any], start: str) -> ColumnElement[bool]:
    """Whether a PLAIN column begins so, as the range that its index can find: LIKE is looked up by
    an index neither on SQLite nor where PostgreSQL orders by a language."""
    return and_(column >= start, column < start + _LAST)


def index_where(name: str, *columns: str, where: str) -> Index:
    """An index of those rows only for which `where` holds. Both databases use it when a query says
    the same in the same words; SQLite writes a truth as 1."""
    sqlite = where.replace("IS true", "IS 1").replace("IS false", "IS 0")
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(sqlite))


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        enum.StrEnum: Enum(
            enum.StrEnum,
            native_enum=False,
            create_constraint=False,
            length=32,
            values_callable=lambda members: [m.value for m in members],
        ),
    }

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


def of_case_or_duty() -> CheckConstraint:
    """For a table whose rows belong to a case or to a periodic duty: to one of them."""
    return CheckConstraint("(case_id IS NULL) <> (duty_id IS NULL)", name="of_case_or_duty")

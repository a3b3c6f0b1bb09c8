"""Open cases by the ten thousand: one that was really reported, copied inside the database.

Around them more counties of an invented city, each with a hospital, an MCH institution and a
commission, one person at each of their desks. Each copy has the rows of the original, those of its
county in place of the original's, its own moments, and an engine state of its own with its own ids
in it, so that it could be worked on like any other. Notifications are not copied.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import zstandard
from sqlalchemy import Connection, DateTime, Engine, Table, func, insert, select, text
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Base,
    Case,
    Organisation,
    OrganisationKind,
    Process,
    Region,
    RegionLevel,
    Role,
    User,
)
from tests.people import PASSWORD_HASH
from workflows.forms.moment import SHANGHAI

CITY, FIRST, COUNTIES = 990100, 23, 75  # the demonstration's city; more counties in it
COPIED = ("case", "person", "case_unit", "clock", "process", "task", "timer", "document", "event")
APART = 20  # seconds between one copy and the next
DESKS = (
    ("人民医院", OrganisationKind.HOSPITAL, Role.DEPARTMENT),
    ("妇幼保健院", OrganisationKind.MCH, Role.MCH),
    ("卫生健康委", OrganisationKind.COMMISSION, Role.COMMISSION),
)
Rows = dict[str, list[dict[str, Any]]]


def settle(session: Session) -> list[Appointment]:
    """The counties and who sits there, in the order of DESKS; flushed."""
    codes = [str(CITY + FIRST + number) for number in range(COUNTIES)]
    session.add_all(
        Region(code=code, name=f"第{code[4:]}县", level=RegionLevel.COUNTY, parent_code=str(CITY))
        for code in codes
    )
    session.flush()
    desks = [_desk(number, place, code) for number, code in enumerate(codes)
             for place in range(len(DESKS))]  # fmt: skip
    session.add_all(desks)
    session.flush()
    return desks


def _desk(number: int, place: int, code: str) -> Appointment:
    word, kind, role = DESKS[place]
    name = f"第{code[4:]}县{word}"
    unit = Organisation(
        name=name, short_name=name, kind=kind, level=RegionLevel.COUNTY, region_code=code
    )
    user = User(
        username=f"c{number}-{place}",
        name="米兰",
        password_hash=PASSWORD_HASH,
        created_at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
        phone="13900000001",
    )
    return Appointment(user=user, organisation=unit, role=role, valid_from=date(2026, 1, 1))


def rows_of(session: Session, case: Case) -> Rows:
    """Table → rows of the case."""
    processes = select(Process.id).where(Process.case_id == case.id)
    found: Rows = {}
    for table in (Base.metadata.tables[name] for name in COPIED):
        if table.name == "case":
            mine = table.c.id == case.id
        elif "case_id" in table.c:
            mine = table.c.case_id == case.id
        else:
            mine = table.c.process_id.in_(processes)
        query = select(table).where(mine).order_by(table.c.id)
        found[table.name] = [dict(row._mapping) for row in session.execute(query)]
    return found


def copy(engine: Engine, case_id: int, desks: list[int], number: int) -> None:
    """So many copies of the case, which county after county has reported.

    `desks` are the organisations of `settle`; in every county ids follow each other as in DESKS.
    """
    with Session(engine) as session:
        case = session.get_one(Case, case_id)
        rows = rows_of(session, case)
        first = _places(session, rows)
        crowd = _Crowd(session.connection(), rows, first, number)
        crowd.seats = _seats(session, case, desks)
        for name in COPIED:
            crowd.insert(Base.metadata.tables[name])
        session.commit()
    _analyse(engine)


def _places(session: Session, rows: Rows) -> dict[str, int]:
    """Table → id of the first copied row."""
    tables = Base.metadata.tables
    return {name: (session.scalar(select(func.max(tables[name].c.id))) or 0) + 1 for name in rows}


def _seats(session: Session, case: Case, desks: list[int]) -> dict[tuple[str, int], int]:
    """(table, id in the original) → the same desk's id in the first county."""
    found: dict[tuple[str, int], int] = {}
    kinds = [kind for _word, kind, _role in DESKS]
    region = (case.county_code, case.city_code)
    for unit in session.scalars(select(Organisation).where(Organisation.region_code.in_(region))):
        place = kinds.index(unit.kind) if unit.kind in kinds else 0
        found["organisation", unit.id] = desks[place]
        for held in session.scalars(
            select(Appointment).where(Appointment.organisation_id == unit.id)
        ):
            seat = session.scalars(
                select(Appointment).where(Appointment.organisation_id == desks[place])
            ).one()
            found["user", held.user_id], found["appointment", held.id] = seat.user_id, seat.id
    return found


class _Crowd:
    """How every column of a copied row is computed from the number of the copy, `i`."""

    def __init__(
        self, connection: Connection, rows: Rows, first: dict[str, int], number: int
    ) -> None:
        self.connection, self.rows, self.first, self.number = connection, rows, first, number
        self.postgres = connection.dialect.name == "postgresql"
        self.seats: dict[tuple[str, int], int] = {}
        self.values: dict[str, Any] = {}

    def insert(self, table: Table) -> None:
        if table.name == "process":
            for chunk in self._processes():
                self.connection.execute(insert(table), chunk)
            return
        for place, row in enumerate(self.rows[table.name]):
            self.values = {"number": self.number}
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            told = ", ".join(self._value(table, column, row, place) for column in table.columns)
            into = f'INSERT INTO "{table.name}" ({names})'
            statement = f"{self._series()} {into} SELECT {told} FROM n"  # noqa: S608
            self.connection.execute(text(statement), self.values)

    def _series(self) -> str:
        if self.postgres:
            return "WITH n(i) AS (SELECT generate_series(0, CAST(:number AS bigint) - 1))"
        return (
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :number - 1)"
        )

    def _value(self, table: Table, column: Any, row: dict[str, Any], place: int) -> str:
        value, name = row[column.name], column.name
        if column.primary_key:
            return self._id(table.name, place)
        if value is None:
            return "NULL"
        target = next((key.column.table.name for key in column.foreign_keys), "")
        if target in COPIED:
            old = [each["id"] for each in self.rows[target]].index(value)
            return self._id(target, old)
        if target and (target, value) in self.seats:
            return f"{self.seats[target, value]} + {len(DESKS)} * (i % {COUNTIES})"
        if target == "region" or name == "jurisdiction":
            return self._region(county=name == "county_code")
        if name in ("number", "key", "spiff_id"):
            return self._unique(name, value)
        if isinstance(value, datetime):
            return self._moment(name, column, value)
        return self._bound(name, column, value)

    def _id(self, name: str, place: int) -> str:
        return f"{self.first[name]} + i * {len(self.rows[name])} + {place}"

    def _region(self, county: bool) -> str:
        code = f"{CITY} + {FIRST} + i % {COUNTIES}" if county else CITY
        return f"CAST({code} AS TEXT)"

    def _unique(self, name: str, value: str) -> str:
        if name == "number":
            return f"'MD-' || {self._region(county=True)} || '-2026-' || CAST(1000 + i AS TEXT)"
        eight = "lpad(to_hex(i), 8, '0')" if self.postgres else "printf('%08x', i)"
        return f"'{value[:24]}' || {eight}"

    def _moment(self, name: str, column: Any, value: datetime) -> str:
        bound = self._bound(name, column, value)
        if self.postgres:
            return f"CAST({bound} AS timestamptz) - i * interval '{APART} seconds'"
        return (
            f"strftime('%Y-%m-%d %H:%M:%f', {bound}, '-' || (i * {APART}) || ' seconds') || '000'"
        )

    def _bound(self, name: str, column: Any, value: Any) -> str:
        """As the column's type would write it."""
        write = column.type.dialect_impl(self.connection.dialect).bind_processor(
            self.connection.dialect
        )
        if isinstance(column.type, DateTime) or not self.postgres or write is not None:
            value = write(value) if write is not None else value
        self.values[f"v_{name}"] = value
        kind = column.type.compile(self.connection.dialect)
        return f"CAST(:v_{name} AS {kind})" if self.postgres else f":v_{name}"

    def _processes(self) -> Iterator[list[dict[str, Any]]]:
        """With a state of its own: its ids and its moments are in it."""
        [row] = self.rows["process"]
        plain = zstandard.ZstdDecompressor().decompress(row["state"])
        pack = zstandard.ZstdCompressor(level=3).compress
        ids = {each["spiff_id"] for name in ("task", "timer") for each in self.rows[name]}
        moments = {each["due_at"] for each in self.rows["timer"]}
        for start in range(0, self.number, 5000):
            chunk = []
            for i in range(start, min(start + 5000, self.number)):
                state, back = plain, timedelta(seconds=APART * i)
                for old in ids:
                    state = state.replace(old.encode(), f"{old[:24]}{i:08x}".encode())
                for due in moments:
                    state = moved(state, due, due - back)
                chunk.append(
                    row
                    | {
                        "id": self.first["process"] + i,
                        "case_id": self.first["case"] + i,
                        "started_at": row["started_at"] - back,
                        "state": pack(state),
                    }
                )
            yield chunk


def moved(state: bytes, old: datetime, new: datetime) -> bytes:
    """An engine state in which what was due at one moment is due at another, as rules write it."""
    for zone in (SHANGHAI, UTC):
        written = old.astimezone(zone).isoformat().encode()
        if written in state:
            return state.replace(written, new.astimezone(zone).isoformat().encode())
    raise ValueError(f"the state waits for nothing at {old}")


def _analyse(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            for name in COPIED:  # ids were given, not drawn
                highest = f'(SELECT max(id) FROM "{name}")'  # noqa: S608
                connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'), {highest})")
                )
        connection.execute(text("ANALYZE"))

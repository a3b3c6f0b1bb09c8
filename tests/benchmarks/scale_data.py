"""A million cases that could have happened: a few really played ones, copied inside the database.

The demonstration's eight cases are played by its people. Then an invented country is made around
them: 90 cities, the largest with a thirtieth of everything, their counties, hospitals and people.
Each new case is one of the played ones at a hospital of that country, some time in twenty years,
with every row a list, a board or a case's own pages look at. Steps, sheets and events of cases long
closed are left out (no list reads them): those of the newest closed ones are there, as many as make
up the number of steps asked for. Sheets carry no answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Session

from models import Base, OrganisationKind, RegionLevel, Role
from tests.people import PASSWORD_HASH
from workflows import demo, icd10

CITIES, COUNTIES, HOSPITALS = 90, 12, 4
SEATS = 5  # groups of experts in each city
YEARS = 20
OLDEST_OPEN = 60  # days before now at which the newest closed case was found
WHEEL = 65536
FIRST = 1000  # ids below are the demonstration's own
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏"
GIVEN = "秋月春兰云霞雪梅荷静雅琴玉珍素芳婉宁晓晨露莲蓉菊竹萍青禾苗穗雁鹭溪岚"

# The demonstration's cases by id, and how many of a thousand open ones are like each
CLOSED, VOIDED = 1, 3
OPEN = {2: 350, 4: 250, 5: 50, 6: 150, 7: 100, 8: 100}
SPAN_DAYS = {2: 60, 4: 30, 5: 10, 6: 5, 7: 1.5, 8: 0.9}  # how much older they may be than played

# Ids of the played people and units that stand for the same desk, the first for all
SAME_UNIT = {2: 1, 5: 4, 8: 7}
SAME_PERSON = {4: 1, 5: 2, 6: 3, 11: 9, 12: 10, 17: 15, 18: 16}
COUNTY_UNITS, CITY_UNITS = (4, 7), (3, 6, 9, 10, 11, 12)
HOSPITAL_PEOPLE, COUNTY_PEOPLE = (1, 2, 3), (9, 10, 15, 16)
CITY_PEOPLE, EXPERTS = (7, 8, 13, 14, 19, 20, 21), tuple(range(22, 30))
PERSON = 100  # slots from here on are people

# Tables, how many rows of one case there may be, and which cases have theirs
EVERY, WITH_STEPS = "every", "with steps"
COPIED = {
    "case_unit": (16, EVERY),
    "clock": (16, EVERY),
    "panel": (4, EVERY),
    "document": (64, EVERY),
    "conclusion": (4, EVERY),
    "process": (1, WITH_STEPS),
    "panel_member": (16, WITH_STEPS),
    "finding": (8, WITH_STEPS),
    "rectification": (4, WITH_STEPS),
    "rectification_entry": (16, WITH_STEPS),
    "task": (64, WITH_STEPS),
    "timer": (8, WITH_STEPS),
    "opinion": (16, WITH_STEPS),
    "notice": (2, WITH_STEPS),
    "notice_recipient": (8, WITH_STEPS),
    "attachment": (8, WITH_STEPS),
    "event": (256, WITH_STEPS),
    "notification": (64, WITH_STEPS),
}
# Of cases whose steps are left out
KEPT_OF_ALL = {"document": "(t.form LIKE 'case_submission.%' OR t.form LIKE '%conclusion%')"}
OWNERS = {
    "panel_member": "panel_id IN (SELECT id FROM panel WHERE case_id = {})",
    "opinion": "panel_id IN (SELECT id FROM panel WHERE case_id = {})",
    "rectification_entry": "item_id IN (SELECT id FROM rectification WHERE case_id = {})",
    "notice_recipient": "notice_id IN (SELECT id FROM notice WHERE case_id = {})",
    "timer": "process_id IN (SELECT id FROM process WHERE case_id = {})",
}
UNIQUE = {"number", "spiff_id", "token", "key"}


@dataclass(frozen=True)
class Size:
    """How many cases, how many of them open, and about how many steps."""

    cases: int
    steps: int

    @property
    def open(self) -> int:
        return self.cases // 20

    @property
    def with_steps(self) -> int:
        """How many of the newest have their steps: all open ones, and closed ones as needed."""
        of_open = {2: 26, 4: 12, 5: 7, 6: 6, 7: 4, 8: 4}
        steps = sum(of_open[kind] * share / 1000 for kind, share in OPEN.items()) * self.open
        return self.open + max(100, self.cases // 100, int((self.steps - steps) / 37))


def fill(engine: Engine, size: Size, folder: Path, now: datetime) -> None:
    """Play, build the country, copy, analyse. The database must be migrated and empty."""
    with Session(engine) as session:
        icd10.load(session)
        demo.load(session, password_hash=PASSWORD_HASH, folder=folder, now=now)
        session.commit()
    with engine.connect() as connection:
        _unguard(connection)
        with connection.begin():
            _prepare(connection)
            dropped = _drop_indexes(connection)
            _country(connection)
            _cases(connection, size, now)
            for name, (most, _) in COPIED.items():
                owner = OWNERS.get(name, "case_id = {}")
                _patterns(connection, Base.metadata.tables[name], most, owner)
            for name, (_, whose) in COPIED.items():
                special = {"subject": _SUBJECT} if name == "clock" else {}
                _insert(connection, Base.metadata.tables[name], special, whose)
            _keys(connection)
            _go_on_counting(connection)
        with connection.begin():
            for statement in dropped:
                connection.execute(text(statement))
            _tidy(connection)
    _verify(engine)
    _analyse(engine)


def _verify(engine: Engine) -> None:
    """Rows written unguarded point to rows that exist, or no later migration would go through."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
        assert not dangling, dangling[:5]


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _unguard(connection: Connection) -> None:
    """Rows are right by construction: keys to other rows need not be looked up one by one."""
    if _is_postgres(connection):
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("SET maintenance_work_mem = '512MB'"))
        connection.execute(text("SET work_mem = '128MB'"))
        connection.commit()
    else:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-200000"):
            raw.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


def _prepare(connection: Connection) -> None:
    helper.create_all(connection)
    if _is_postgres(connection):
        for name in ("case", "person", "search_key", *COPIED):
            connection.execute(text(f'ALTER TABLE "{name}" SET (autovacuum_enabled = off)'))


def _drop_indexes(connection: Connection) -> list[str]:
    """Indexes that are no constraint, dropped; the statements that make them again."""
    names = ["case", "person", "search_key", *COPIED]
    if _is_postgres(connection):
        query = text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:names) "
            "AND indexname LIKE 'ix_%'"
        )
        found = connection.execute(query, {"names": names}).all()
    else:
        found = [
            row
            for name in names
            for row in connection.execute(
                text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :name"
                     " AND name LIKE 'ix_%'"), {"name": name}
            )
        ]  # fmt: skip
    for name, _ in found:
        connection.execute(text(f'DROP INDEX "{name}"'))
    return [statement for _, statement in found]


# The country

helper = MetaData()
seats = Table(
    "bench_seat",  # who or which unit fills a slot in an area: a hospital, a county, a city …
    helper,
    Column("area", Integer, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("row_id", Integer, nullable=False),
)
areas = Table(
    "bench_area",  # the four areas that a place lies in: a place is a hospital's group of experts
    helper,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("area", Integer, primary_key=True, autoincrement=False),
)
slots = Table(
    "bench_slot",
    helper,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("row_id", Integer, nullable=False),
)
wheel = Table(
    "bench_wheel",
    helper,
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, nullable=False),
    Column("county", String, nullable=False),
    Column("city", String, nullable=False),
)
chosen = Table(
    "bench_case",
    helper,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("county", String, nullable=False),
    Column("city", String, nullable=False),
    Column("found", Float, nullable=False),
    Column("pace", Float, nullable=False),
    Column("steps", Integer, nullable=False),
)


def _country(connection: Connection) -> None:
    """Regions, units, people with one appointment each, and where each hospital's desks sit."""
    country = _Country()
    places = [place for city in range(CITIES) for place in country.city(city)]
    for name, rows in country.made.items():
        table = helper.tables.get(name, Base.metadata.tables.get(name))
        assert table is not None
        connection.execute(insert(table), rows)
    connection.execute(insert(wheel), list(_turns(places)))
    connection.execute(
        text(
            "INSERT INTO bench_slot SELECT a.place, s.slot, s.row_id FROM bench_area a "
            "JOIN bench_seat s ON s.area = a.area"
        )
    )


@dataclass
class _Place:
    number: int
    county: str
    city: str
    weight: float


class _Country:
    """Rows of the country by table; a person's appointment has the person's id."""

    def __init__(self) -> None:
        names = ("region", "organisation", "user", "appointment", "bench_seat", "bench_area")
        self.made: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        self.areas = 0
        self.hospitals = 0

    def city(self, number: int) -> Iterator[_Place]:
        code, name = f"99{number + 2:02d}00", f"{_word(number)}市"
        self._region(code, name, RegionLevel.CITY, "990000")
        units = {slot: self._unit(slot, name, code) for slot in CITY_UNITS}
        people = {PERSON + who: self._person(who, units[_DESK[who][0]]) for who in CITY_PEOPLE}
        area = self._area({**units, **people})
        groups = [
            self._area({PERSON + who: self._person(who, units[_DESK[who][0]]) for who in EXPERTS})
            for _ in range(SEATS)
        ]
        for county in range(COUNTIES):
            weight = 1 / (number + 16) / (county + 3)
            yield from self._county(
                code, f"{name[:-1]}{_word(county)}县", county, weight, area, groups
            )

    def _county(
        self, city: str, name: str, number: int, weight: float, above: int, groups: list[int]
    ) -> Iterator[_Place]:
        code = f"{city[:4]}{21 + number:02d}"
        self._region(code, name, RegionLevel.COUNTY, city)
        units = {slot: self._unit(slot, name, code) for slot in COUNTY_UNITS}
        people = {PERSON + who: self._person(who, units[_DESK[who][0]]) for who in COUNTY_PEOPLE}
        area = self._area({**units, **people})
        for hospital in range(HOSPITALS):
            unit = self._unit(1, f"{name}第{hospital + 1}", code)
            staff = {PERSON + who: self._person(who, unit) for who in HOSPITAL_PEOPLE}
            own = self._area({1: unit, **staff})
            for place, group in enumerate(groups, start=self.hospitals * SEATS):
                self.made["bench_area"] += [
                    {"place": place, "area": each} for each in (own, area, above, group)
                ]
            yield _Place(self.hospitals, code, city, weight / (hospital + 1))
            self.hospitals += 1

    def _area(self, filled: dict[int, int]) -> int:
        self.areas += 1
        self.made["bench_seat"] += [
            {"area": self.areas, "slot": slot, "row_id": row} for slot, row in filled.items()
        ]
        return self.areas

    def _region(self, code: str, name: str, level: RegionLevel, parent: str) -> None:
        row = {"code": code, "name": name, "level": level, "parent_code": parent, "initials": ""}
        self.made["region"].append({"id": FIRST + len(self.made["region"]), **row})

    def _unit(self, slot: int, place: str, region: str) -> int:
        word, kind = _UNITS[slot]
        number = FIRST + len(self.made["organisation"])
        row = {
            "id": number,
            "name": f"{place}{word}",
            "short_name": f"{place}{word}",
            "kind": kind,
            "level": RegionLevel.CITY if slot in CITY_UNITS else RegionLevel.COUNTY,
            "region_code": region,
            "active": True,
        }
        self.made["organisation"].append(row)
        return number

    def _person(self, who: int, unit: int) -> int:
        number = FIRST + len(self.made["user"])
        name = SURNAMES[number % 30] + GIVEN[number // 30 % 34] + GIVEN[number // 1020 % 34]
        self.made["user"].append(
            {
                "id": number,
                "username": f"u{number}",
                "name": name,
                "password_hash": PASSWORD_HASH,
                "failed_signins": 0,
                "active": True,
                "must_change_password": False,
                "created_at": datetime(2020, 1, 1, tzinfo=UTC),
            }
        )
        self.made["appointment"].append(
            {
                "id": number,
                "user_id": number,
                "organisation_id": unit,
                "role": _DESK[who][1],
                "valid_from": date(2000, 1, 1),
            }
        )
        return number


_H, _M, _C = OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.COMMISSION
_UNITS = {
    1: ("人民医院", _H),
    3: ("中心医院", _H),
    4: ("妇幼保健院", _M),
    6: ("妇幼保健院", _M),
    7: ("卫生健康委", _C),
    9: ("卫生健康委", _C),
    10: ("危重孕产妇救治中心", OrganisationKind.RESCUE_CENTRE),
    11: ("危重新生儿救治中心", OrganisationKind.RESCUE_CENTRE),
    12: ("产科质量控制中心", OrganisationKind.QUALITY_CENTRE),
}
_DESK = {
    1: (1, Role.DEPARTMENT),
    2: (1, Role.QUALITY_OFFICE),
    3: (1, Role.HEAD),
    7: (3, Role.QUALITY_OFFICE),
    8: (3, Role.HEAD),
    9: (4, Role.MCH),
    10: (4, Role.SECRETARY),
    13: (6, Role.MCH),
    14: (6, Role.SECRETARY),
    15: (7, Role.COMMISSION),
    16: (7, Role.COMMISSION_LEADER),
    19: (9, Role.COMMISSION),
    20: (9, Role.COMMISSION_LEADER),
    21: (9, Role.AUDITOR),
    22: (10, Role.EXPERT),
    23: (11, Role.EXPERT),
    **dict.fromkeys(range(24, 30), (6, Role.EXPERT)),
}


def _word(number: int) -> str:
    stems, branches = "甲乙丙丁戊己庚辛壬癸", "山川江河湖海林原丘"
    return "".join(list(product(stems, branches))[number])


def _turns(places: list[_Place]) -> Iterator[dict[str, Any]]:
    """A wheel on which each hospital has as many places as it has weight, at least one."""
    total, gone, turn = sum(place.weight for place in places), 0.0, 0
    for place in places:
        gone += place.weight
        until = min(WHEEL, max(turn + 1, round(gone / total * WHEEL)))
        for number in range(turn, until):
            where = {"place": place.number, "county": place.county, "city": place.city}
            yield {"turn": number, **where}
        turn = max(turn, until)


# The cases


def _numbers(connection: Connection) -> str:
    if _is_postgres(connection):
        return "n(i) AS (SELECT generate_series(1, CAST(:cases AS bigint)))"
    return "RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :cases)"


def _moment(connection: Connection, seconds: str) -> str:
    if _is_postgres(connection):
        return f"to_timestamp({seconds})"
    return f"strftime('%Y-%m-%d %H:%M:%f', {seconds}, 'unixepoch') || '000'"


def _part(i: str, factor: int) -> str:
    """A number from 0 to 1 that looks like chance and is the same on every database."""
    return f"((CAST({i} AS bigint) * {factor} + 7919) % 1000003 / 1000003.0)"


def _cases(connection: Connection, size: Size, now: datetime) -> None:
    """One line for each: like which, where, when found, how fast; oldest first."""
    end = (now - timedelta(days=OLDEST_OPEN)).timestamp()
    begin = (now - timedelta(days=365 * YEARS)).timestamp()
    closed = size.cases - size.open
    played = {
        row.id: row.event_at.timestamp()
        for row in connection.execute(select(Base.metadata.tables["case"]))
    }
    kinds, founds, before = [], [], 0
    for kind, share in OPEN.items():
        until = before + share
        place = f"((i - :closed) * 1000.0 / :open - {before}) / {share}"
        kinds.append(f"WHEN (i - :closed) * 1000.0 / :open <= {until} THEN {kind}")
        founds.append(
            f"WHEN (i - :closed) * 1000.0 / :open <= {until} THEN "
            f"{played[kind]} - (1.0 - {place}) * {SPAN_DAYS[kind] * 86400}"
        )
        before = until
    connection.execute(
        text(
            f"INSERT INTO bench_case WITH {_numbers(connection)} "  # noqa: S608
            f"SELECT {FIRST} + i, "
            f"CASE WHEN i <= :closed THEN CASE WHEN i % 100 = 0 THEN {VOIDED} ELSE {CLOSED} END "
            f"{' '.join(kinds)} END, w.place * {SEATS} + i % {SEATS}, w.county, w.city, "
            "CASE WHEN i <= :closed THEN :begin + (:finish - :begin) * i / :closed "
            f"{' '.join(founds)} END, "
            f"CASE WHEN i <= :closed THEN 0.3 + {_part('i', 40503)} ELSE 1.0 END, "
            "CASE WHEN i > :cases - :steps THEN 1 ELSE 0 END "
            "FROM n JOIN bench_wheel w ON w.turn = (i * 40499 + i / 7 * 31) % 65536"
        ),
        {
            "cases": size.cases,
            "closed": closed,
            "open": size.open,
            "begin": begin,
            "finish": end,
            "steps": size.with_steps,
        },
    )
    _patterns(connection, Base.metadata.tables["case"], 1, "id = {}")
    _insert_cases(connection)
    _insert_people(connection)


def _insert_cases(connection: Connection) -> None:
    table = Base.metadata.tables["case"]
    found = _moment(connection, "b.found")
    special = {
        "id": "b.id",
        "number": (
            f"'MD-' || b.county || '-' || substr(CAST({found} AS TEXT), 1, 4) || '-' || "
            f"{_padded(connection)}"
        ),
        "county_code": "b.county",
        "city_code": "b.city",
        "jurisdiction": "b.city",
        "follows_id": "NULL",  # of no other case
        "mother_id": "NULL",
    }
    _insert(connection, table, special, EVERY)


def _padded(connection: Connection) -> str:
    year = f"substr(CAST({_moment(connection, 'b.found')} AS TEXT), 1, 4)"
    place = f"row_number() OVER (PARTITION BY b.county, {year} ORDER BY b.id)"
    return f"substr(CAST(10000 + {place} AS TEXT), 2)"


def _insert_people(connection: Connection) -> None:
    first, second, third = (_part("c.id", factor) for factor in (7717, 104729, 31337))
    whole = "CAST({} * {} AS INTEGER)" if not _is_postgres(connection) else "floor({} * {})::int"
    connection.execute(
        text(
            "INSERT INTO person (id, case_id, name, id_no, age) "  # noqa: S608
            "SELECT c.id, c.id, "
            f"substr('{SURNAMES}', {whole.format(first, len(SURNAMES))} + 1, 1) || "
            f"substr('{GIVEN}', {whole.format(second, len(GIVEN))} + 1, 1) || "
            f"CASE WHEN c.id % 10 < 3 THEN '' ELSE "
            f"substr('{GIVEN}', {whole.format(third, len(GIVEN))} + 1, 1) END, "
            "c.county || '19900101' || substr(CAST(10000 + c.id % 9973 AS TEXT), 2), "
            f"20 + {whole.format(third, 25)} FROM bench_case c"
        )
    )


def _keys(connection: Connection) -> None:
    """What `workflows.search.remember` writes for each of them."""
    ends = [("number", f"substr(c.number, {at})") for at in (1, 4, 11, 16)]
    ends += [("name", f"substr(p.name, {at})") for at in (1, 2, 3)]
    for kind, end in ends:
        connection.execute(
            text(
                "INSERT INTO search_key (case_id, kind, text) "  # noqa: S608
                f"SELECT c.id, '{kind}', {end} FROM \"case\" c JOIN person p ON p.case_id = c.id "
                f"WHERE c.id >= {FIRST} AND {end} <> ''"
            )
        )


# Copying


def _patterns(connection: Connection, table: Table, most: int, owner: str) -> None:
    """The rows of the played cases in a table of their own, as what a copy is computed from."""
    columns = [Column("played", Integer), Column("place_in_case", Integer)]
    for column in table.columns:
        columns.append(Column(column.name, _pattern_type(column)))
    pattern = Table(f"pattern_{table.name}", MetaData(), *columns)
    pattern.drop(connection, checkfirst=True)
    pattern.create(connection)
    found = []
    for kind in (CLOSED, VOIDED, *OPEN):
        query = select(table).where(text(owner.format(kind))).order_by(table.c.id)
        cases = Base.metadata.tables["case"]
        begun = connection.scalar(select(cases.c.event_at).where(cases.c.id == kind))
        for place, row in enumerate(connection.execute(query)):
            assert place < most, table.name
            values = {c.name: _pattern(c, row._mapping[c.name], begun) for c in table.columns}
            found.append({"played": kind, "place_in_case": place, **values})
    if found:
        connection.execute(insert(pattern), found)


def _pattern_type(column: Column[Any]) -> Any:
    if isinstance(column.type, DateTime) or column.type.__class__.__name__ == "UtcDateTime":
        return Float()
    return column.type


def _pattern(column: Column[Any], value: Any, begun: datetime) -> Any:
    if value is None:
        return None
    if isinstance(value, datetime):
        return (value - begun).total_seconds()
    target = _target(column)
    if target == "organisation":
        return SAME_UNIT.get(value, value)
    if target in ("user", "appointment"):
        return PERSON + SAME_PERSON.get(value, value)
    if column.name == "answers":
        return {}
    return value


def _target(column: Column[Any]) -> str:
    """The table that a column points into, or nothing."""
    return next((key.column.table.name for key in column.foreign_keys), "")


# A ledger clock names its item
_SUBJECT = (
    "COALESCE((SELECT CAST(b.id * 4 + o.place_in_case AS TEXT) FROM pattern_rectification o "
    "WHERE CAST(o.id AS TEXT) = t.subject), t.subject)"
)


def _insert(connection: Connection, table: Table, special: dict[str, str], whose: str) -> None:
    """A row for each case and each row of the played case it is like."""
    copy = _Copy(connection, table, special)
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(copy.value(column) for column in table.columns)
    wanted = "b.steps = 1" if whose == WITH_STEPS else "1 = 1"
    if rule := KEPT_OF_ALL.get(table.name):
        wanted = f"(b.steps = 1 OR {rule})"
    connection.execute(
        text(
            f'INSERT INTO "{table.name}" ({columns}) SELECT {values} FROM bench_case b '  # noqa: S608
            f'JOIN "pattern_{table.name}" t ON t.played = b.kind {copy.joins} WHERE {wanted}'
        )
    )


class _Copy:
    """How each column of a copied row is computed; `b` is the new case, `t` the row played."""

    def __init__(self, connection: Connection, table: Table, special: dict[str, str]) -> None:
        self.connection, self.table, self.special = connection, table, special
        self.joins = ""

    def value(self, column: Column[Any]) -> str:
        name, target = column.name, _target(column)
        if name in self.special:
            return self.special[name]
        if column.primary_key:
            return self._new_id(self.table.name, "t.place_in_case")
        if target == "case":
            return "b.id"
        if target in ("organisation", "user", "appointment"):
            return self._seated(name)
        if target in COPIED or target == "duty":
            return self._pointing(name, target)
        if isinstance(_pattern_type(column), Float) and not isinstance(column.type, Float):
            return _moment(self.connection, f"b.found + b.pace * t.{name}")
        if name in UNIQUE:
            return f"t.{name} || '-' || b.id"
        return f't."{name}"'

    def _new_id(self, table: str, place: str) -> str:
        most = COPIED[table][0]
        return f"b.id * {most} + {place}"

    def _pointing(self, name: str, target: str) -> str:
        """The new id of the row pointed to: of the same case, at the same place among its rows.

        Duties are not copied: the played one's own is nobody else's.
        """
        if target not in COPIED:
            return "NULL"
        place = f'(SELECT o.place_in_case FROM "pattern_{target}" o WHERE o.id = t.{name})'  # noqa: S608
        there = self._new_id(target, place)
        if COPIED[target][1] == EVERY or COPIED[self.table.name][1] == WITH_STEPS:
            return there
        return f"CASE WHEN b.steps = 1 THEN {there} END"

    def _seated(self, name: str) -> str:
        seat = f"{name}_s"
        self.joins += (
            f" LEFT JOIN bench_slot {seat} ON {seat}.place = b.place AND {seat}.slot = t.{name}"
        )
        return f"{name}_s.row_id"


def _go_on_counting(connection: Connection) -> None:
    """New rows must not meet the copied ones."""
    if not _is_postgres(connection):
        return
    for name in ("case", "person", *COPIED, "region", "organisation", "user", "appointment"):
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'), "  # noqa: S608
                f'(SELECT max(id) FROM "{name}"))'
            )
        )


def _tidy(connection: Connection) -> None:
    """Only what the application knows stays."""
    for name in ("case", *COPIED):
        connection.execute(text(f'DROP TABLE IF EXISTS "pattern_{name}"'))
    helper.drop_all(connection)


def _analyse(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("VACUUM ANALYZE"))
        else:
            connection.execute(text("ANALYZE"))

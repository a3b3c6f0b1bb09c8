"""A small fictional place with one person for every role, for tests that need somebody to be."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from models import (
    Appointment,
    Discipline,
    Organisation,
    OrganisationKind,
    Region,
    RegionLevel,
    Role,
    User,
    Zone,
    ZoneKind,
)

PASSWORD = "Baihe-7788-xin"
# The argon2id hash of PASSWORD, so that no test waits for hashing a password it does not test
PASSWORD_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$U9fl9qRLQvgawR/BNy6J0A"
    "$3QTDQhrXQE7XKewIvjezZ6V1UIgFBQ2rC7DoY5RGR9g"
)
# Another, verified in no time, for those who sign many times: how well a password is kept is tried
# where people sign in
CHEAP_HASH = (
    "$argon2id$v=19$m=8,t=1,p=1$uw2QRIMa1OPdxXHS772EZg$aLhkLJFMpZ2sObazdkYgg/ZaSC/BDzk4gYylQ1R07wo"
)
START = date(2026, 1, 1)


@dataclass
class World:
    """Organisations and appointments by short names: `world.hospital`, `world.by["head"]`."""

    session: Session
    by: dict[str, Appointment] = field(default_factory=dict)
    units: dict[str, Organisation] = field(default_factory=dict)

    def user(self, name: str) -> User:
        return self.by[name].user

    def appoint(self, key: str, unit: str, role: Role, user: User | None = None) -> Appointment:
        """Somebody new (or `user`) in a role at a unit."""
        if user is None:
            user = User(
                username=key,
                name=NAMES[len(self.by) % len(NAMES)],
                password_hash=PASSWORD_HASH,
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        held = Appointment(
            user=user, organisation=self.units[unit], role=role, valid_from=START, valid_to=None
        )
        self.session.add(held)
        self.by[key] = held
        return held


NAMES = (
    "白荷", "常青", "丁香", "方竹", "谷雨", "海棠", "江枫", "柯木", "黎明", "麦冬", "南星", "欧若",
    "蒲苇", "秦艽", "石竹", "苏木", "唐棣", "文竹", "夏枯", "杨柳", "云苓", "紫苏",
)  # fmt: skip

REGIONS = (
    ("990000", "云岭省", RegionLevel.PROVINCE, None),
    ("990100", "云江市", RegionLevel.CITY, "990000"),
    ("990121", "云江县", RegionLevel.COUNTY, "990100"),
    ("990122", "石桥县", RegionLevel.COUNTY, "990100"),
)

UNITS = (
    ("hospital", "云江县人民医院", OrganisationKind.HOSPITAL, RegionLevel.COUNTY, "990121"),
    ("mch", "云江县妇幼保健院", OrganisationKind.MCH, RegionLevel.COUNTY, "990121"),
    ("commission", "云江县卫生健康委", OrganisationKind.COMMISSION, RegionLevel.COUNTY, "990121"),
    ("city_hospital", "云江市中心医院", OrganisationKind.HOSPITAL, RegionLevel.CITY, "990121"),
    ("city_mch", "云江市妇幼保健院", OrganisationKind.MCH, RegionLevel.CITY, "990100"),
    (
        "city_commission",
        "云江市卫生健康委",
        OrganisationKind.COMMISSION,
        RegionLevel.CITY,
        "990100",
    ),
    ("centre", "云江市孕产妇救治中心", OrganisationKind.RESCUE_CENTRE, RegionLevel.CITY, "990100"),
    ("neighbour", "石桥县人民医院", OrganisationKind.HOSPITAL, RegionLevel.COUNTY, "990122"),
    ("neighbour_mch", "石桥县妇幼保健院", OrganisationKind.MCH, RegionLevel.COUNTY, "990122"),
    (
        "neighbour_commission",
        "石桥县卫生健康委",
        OrganisationKind.COMMISSION,
        RegionLevel.COUNTY,
        "990122",
    ),
)

PEOPLE = (
    ("department", "hospital", Role.DEPARTMENT),
    ("quality_office", "hospital", Role.QUALITY_OFFICE),
    ("head", "hospital", Role.HEAD),
    ("mch", "mch", Role.MCH),
    ("commission", "commission", Role.COMMISSION),
    ("commission_leader", "commission", Role.COMMISSION_LEADER),
    ("secretary", "mch", Role.SECRETARY),
    ("expert1", "city_hospital", Role.EXPERT),
    ("expert2", "city_hospital", Role.EXPERT),
    ("expert3", "hospital", Role.EXPERT),
    ("expert4", "centre", Role.EXPERT),
    ("expert5", "city_mch", Role.EXPERT),
    ("city_mch", "city_mch", Role.MCH),
    ("city_commission", "city_commission", Role.COMMISSION),
    ("city_leader", "city_commission", Role.COMMISSION_LEADER),
    ("city_secretary", "city_mch", Role.SECRETARY),
    ("city_quality_office", "city_hospital", Role.QUALITY_OFFICE),
    ("neighbour", "neighbour", Role.QUALITY_OFFICE),
    ("neighbour_mch", "neighbour_mch", Role.MCH),
    ("auditor", "city_commission", Role.AUDITOR),
    ("system_admin", "city_mch", Role.SYSTEM_ADMIN),
    ("security_admin", "city_mch", Role.SECURITY_ADMIN),
    ("audit_admin", "city_mch", Role.AUDIT_ADMIN),
)


def settle(session: Session) -> World:
    """Add the place and its people; the caller commits."""
    for code, name, level, parent in REGIONS:
        session.add(Region(code=code, name=name, level=level, parent_code=parent))
        session.flush()
    world = World(session)
    for key, name, kind, level, region in UNITS:
        world.units[key] = Organisation(
            name=name, short_name=name, kind=kind, level=level, region_code=region
        )
    session.add_all(world.units.values())
    session.flush()
    world.units["centre"].host_id = world.units["city_hospital"].id
    for county in ("990121", "990122"):
        session.add(
            Zone(
                centre_id=world.units["centre"].id,
                county_code=county,
                kind=ZoneKind.MATERNAL,
                valid_from=START,
                valid_to=None,
            )
        )
    disciplines = iter(Discipline)
    for key, unit, role in PEOPLE:
        held = world.appoint(key, unit, role)
        if role is Role.EXPERT:
            held.user.discipline = next(disciplines)
    session.flush()
    return world

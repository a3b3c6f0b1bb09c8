"""The fictional city 云江市: organisations, zone map, people named after the old calendar."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Discipline,
    Organisation,
    OrganisationKind,
    RegionLevel,
    Role,
    User,
    Zone,
    ZoneKind,
)

CITY, QINGHE, BAILU = "990100", "990121", "990122"
SINCE = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Unit:
    key: str
    name: str
    short: str
    kind: OrganisationKind
    level: RegionLevel
    region: str
    grade: str | None = None
    host: str | None = None


_H, _M, _C = OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.COMMISSION
_R, _Q = OrganisationKind.RESCUE_CENTRE, OrganisationKind.QUALITY_CENTRE
_CITY, _COUNTY = RegionLevel.CITY, RegionLevel.COUNTY

UNITS = (
    Unit("qh_hospital", "青禾县人民医院", "青禾县医院", _H, _COUNTY, QINGHE, "二级甲等"),
    Unit("bl_hospital", "白鹭县人民医院", "白鹭县医院", _H, _COUNTY, BAILU, "二级甲等"),
    Unit("city_hospital", "云江市中心医院", "市中心医院", _H, _CITY, QINGHE, "三级甲等"),
    Unit("qh_mch", "青禾县妇幼保健院", "青禾县妇幼", _M, _COUNTY, QINGHE, "二级"),
    Unit("bl_mch", "白鹭县妇幼保健院", "白鹭县妇幼", _M, _COUNTY, BAILU, "二级"),
    Unit("city_mch", "云江市妇幼保健院", "市妇幼", _M, _CITY, CITY, "三级"),
    Unit("qh_commission", "青禾县卫生健康委员会", "青禾卫健", _C, _COUNTY, QINGHE),
    Unit("bl_commission", "白鹭县卫生健康委员会", "白鹭卫健", _C, _COUNTY, BAILU),
    Unit("city_commission", "云江市卫生健康委员会", "云江卫健", _C, _CITY, CITY),
    Unit(
        "maternal_centre",
        "云江市危重孕产妇救治中心",
        "市孕产救治中心",
        _R,
        _CITY,
        CITY,
        host="city_hospital",
    ),
    Unit(
        "neonatal_centre",
        "云江市危重新生儿救治中心",
        "市新生儿救治中心",
        _R,
        _CITY,
        CITY,
        host="city_mch",
    ),
    Unit(
        "quality_centre",
        "云江市产科质量控制中心",
        "市产科质控中心",
        _Q,
        _CITY,
        CITY,
        host="city_mch",
    ),
)


@dataclass(frozen=True, slots=True)
class Somebody:
    username: str
    name: str
    unit: str
    role: Role
    department: str | None = None
    title: str | None = None
    discipline: Discipline | None = None


_E = Role.EXPERT
PEOPLE = (
    Somebody("linxm", "林小满", "qh_hospital", Role.DEPARTMENT, "产科", "主治医师"),
    Somebody("zhougy", "周谷雨", "qh_hospital", Role.QUALITY_OFFICE, "产安办", "副主任医师"),
    Somebody("helx", "贺立夏", "qh_hospital", Role.HEAD, None, "院长"),
    Somebody("hexs", "何小暑", "bl_hospital", Role.DEPARTMENT, "妇产科", "主治医师"),
    Somebody("subl", "苏白露", "bl_hospital", Role.QUALITY_OFFICE, "质控办", "主管护师"),
    Somebody("chenjz", "陈惊蛰", "bl_hospital", Role.HEAD, None, "院长"),
    Somebody("tanglq", "唐立秋", "city_hospital", Role.QUALITY_OFFICE, "产安办", "主任医师"),
    Somebody("luocs", "罗处暑", "city_hospital", Role.HEAD, None, "院长"),
    Somebody("shenqm", "沈清明", "qh_mch", Role.MCH, "妇女保健科", "副主任医师"),
    Somebody("wugs", "吴谷穗", "qh_mch", Role.SECRETARY, "妇女保健科"),
    Somebody("gaomz", "高芒种", "bl_mch", Role.MCH, "妇女保健科", "主治医师"),
    Somebody("yuedh", "岳端禾", "bl_mch", Role.SECRETARY, "信息科"),
    Somebody("liangxh", "梁小寒", "city_mch", Role.MCH, "保健部", "主任医师"),
    Somebody("zhengdh", "郑大寒", "city_mch", Role.SECRETARY, "保健部"),
    Somebody("fangcf", "方春分", "qh_commission", Role.COMMISSION, "妇幼健康股"),
    Somebody("shaoxz", "邵夏至", "qh_commission", Role.COMMISSION_LEADER, None, "副主任"),
    Somebody("guqf", "顾秋分", "bl_commission", Role.COMMISSION, "妇幼健康股"),
    Somebody("dongdz", "董冬至", "bl_commission", Role.COMMISSION_LEADER, None, "副主任"),
    Somebody("chenglc", "程立春", "city_commission", Role.COMMISSION, "妇幼健康科"),
    Somebody("renys", "任雨水", "city_commission", Role.COMMISSION_LEADER, None, "副主任"),
    Somebody("jiasj", "贾霜降", "city_commission", Role.AUDITOR, "审计监督科"),
    Somebody("qianqs", "钱秋实", "maternal_centre", _E, "产科", "主任医师", Discipline.OBSTETRICS),
    Somebody(
        "sundq", "孙冬青", "neonatal_centre", _E, "新生儿科", "主任医师", Discipline.PAEDIATRICS
    ),
    Somebody("lixh", "李夏荷", "city_mch", _E, "内科", "主任医师", Discipline.INTERNAL),
    Somebody("zhaocs", "赵春山", "city_mch", _E, "外科", "副主任医师", Discipline.SURGERY),
    Somebody("wangzy", "王朝阳", "city_mch", _E, "急诊科", "副主任医师", Discipline.EMERGENCY),
    Somebody("fengjc", "冯静川", "city_mch", _E, "麻醉科", "主任医师", Discipline.ANAESTHESIA),
    Somebody(
        "chenyf", "陈远帆", "city_mch", _E, "重症医学科", "主任医师", Discipline.INTENSIVE_CARE
    ),
    Somebody("chuys", "褚云舒", "city_mch", _E, "输血科", "副主任技师", Discipline.TRANSFUSION),
    Somebody(
        "songqh", "宋清和", "maternal_centre", Role.QUALITY_OFFICE, "救治中心办公室", "主任医师"
    ),
    Somebody("xitong", "齐系统", "city_mch", Role.SYSTEM_ADMIN, "信息科"),
    Somebody("anquan", "康安全", "city_mch", Role.SECURITY_ADMIN, "信息科"),
    Somebody("shenji", "申审计", "city_mch", Role.AUDIT_ADMIN, "审计科"),
)


def load_units(session: Session) -> dict[str, Organisation]:
    """The organisations and the zone map, by key."""
    units: dict[str, Organisation] = {}
    for unit in UNITS:
        row = Organisation(
            name=unit.name,
            short_name=unit.short,
            kind=unit.kind,
            level=unit.level,
            region_code=unit.region,
            grade=unit.grade,
            host=units[unit.host] if unit.host else None,
        )
        session.add(row)
        session.flush()
        units[unit.key] = row
    for county in (QINGHE, BAILU):
        for centre, kind in (
            ("maternal_centre", ZoneKind.MATERNAL),
            ("neonatal_centre", ZoneKind.NEONATAL),
        ):
            session.add(
                Zone(centre_id=units[centre].id, county_code=county, kind=kind, valid_from=SINCE)
            )
    session.flush()
    return units


def load_people(
    session: Session, units: dict[str, Organisation], password_hash: str, now: datetime
) -> dict[str, Appointment]:
    """The people, each with the appointment they mostly act under, by username."""
    seats: dict[str, Appointment] = {}
    for number, person in enumerate(PEOPLE):
        user = User(
            username=person.username,
            name=person.name,
            phone=f"1380000{number:04d}",
            title=person.title,
            discipline=person.discipline,
            password_hash=password_hash,
            created_at=now,
        )
        seat = Appointment(
            user=user,
            organisation=units[person.unit],
            role=person.role,
            department=person.department,
            valid_from=SINCE,
        )
        session.add_all([user, seat])
        seats[person.username] = seat
    session.flush()
    return seats


def seat_of(session: Session, username: str) -> Appointment:
    """The first appointment of somebody of the demonstration."""
    return session.scalars(
        select(Appointment)
        .join(User)
        .where(User.username == username)
        .order_by(Appointment.id)
        .limit(1)
    ).one()

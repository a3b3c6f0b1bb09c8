"""What somebody typed of a woman and of her risk: good answers, or what is wrong with them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Occasion,
    Region,
    RegionLevel,
    RiskColour,
    RiskFactor,
    RiskGroup,
)
from workflows import id_card, register
from workflows.forms.moment import SHANGHAI
from workflows.rules import day_of

Said = Mapping[str, str]
Errors = dict[str, list[str]]
_PHONE = re.compile(r"1\d{10}|0\d{2,3}-?\d{7,8}")
MOST_FACTORS = 20
MOST_BIRTHS = 20


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor as somebody enters it."""

    group: str
    colour: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """An assessment whose answers are good."""

    at: datetime
    occasion: Occasion
    place: str | None
    assessed_by: str
    factors: list[RiskFactor]
    advice: str | None
    next_on: date | None
    referred_to_id: int | None
    reports: bool


def county_said(session: Session, said: Said, by: Appointment) -> Region | None:
    """The county of registration: of one's own city."""
    code, city = said.get("county", ""), by.organisation.region_code[:4]
    if not code.startswith(city):
        return None
    query = select(Region).where(Region.code == code, Region.level == RegionLevel.COUNTY)
    return session.scalars(query).one_or_none()


def wrong_person(said: Said, now: datetime) -> Errors:
    """What is wrong with who she is said to be."""
    errors: Errors = {}
    for name, words in (("name", "姓名"), ("doctor", "负责医师")):
        if not 2 <= len(said.get(name, "").strip()) <= 30:
            errors[name] = [f"{words}写 2 至 30 字"]
    if wrong := _wrong_number(said.get("id_no", ""), now):
        errors["id_no"] = [wrong]
    if not _PHONE.fullmatch(said.get("phone", "").strip()):
        errors["phone"] = ["填写 11 位手机号码，或带区号的电话"]
    for name, words in (("gravida", "孕次"), ("para", "产次")):
        if said.get(name, "").strip() and count_said(said, name) is None:
            errors[name] = [f"{words}填 0 至 {MOST_BIRTHS} 的整数"]
    if wrong := _wrong_days(said, now):
        errors["edd"] = [wrong]
    return errors


def _wrong_number(typed: str, now: datetime) -> str:
    try:
        card = id_card.parse(typed, day_of(now))
    except id_card.BadIdNumber as bad:
        return str(bad)
    return "" if card.female else "身份证号码是男性的，请核对"


def _wrong_days(said: Said, now: datetime) -> str:
    lmp, edd = day_said(said, "lmp"), day_said(said, "edd")
    if lmp is None and edd is None:
        return "末次月经和预产期至少填一项"
    if lmp is not None and lmp > day_of(now):
        return "末次月经不能晚于今天"
    return "预产期应晚于末次月经" if lmp and edd and edd <= lmp else ""


def judge(
    session: Session,
    said: Said,
    factors: Sequence[Factor],
    errors: Errors,
    by: Appointment,
    now: datetime,
) -> Judged | None:
    """The assessment, or None with what is wrong added to `errors`."""
    at, next_on = _moment(said.get("at", "")), day_said(said, "next_on")
    if at is None or at > now:
        errors["at"] = ["填写评估的日期和时间，不能晚于现在"]
    if said.get("occasion", "") not in set(Occasion):
        errors["occasion"] = ["选择评估的时机"]
    if not 2 <= len(said.get("assessed_by", "").strip()) <= 30:
        errors["assessed_by"] = ["评估人写 2 至 30 字"]
    if next_on is None or next_on < day_of(now):
        errors["next_on"] = ["填写下次随访日期，不早于今天"]
    if len(said.get("advice", "")) > 1000 or len(said.get("place", "")) > 60:
        errors["advice"] = ["评估地点不超过 60 字，处置意见不超过 1000 字"]
    rows = _factors(factors, errors)
    goes = said.get("referred_to", "")
    allowed = {str(unit.id) for unit in register.receivers(session, by)}
    if goes and (goes not in allowed or goes == str(by.organisation_id)):
        errors["referred_to"] = ["选择本市的另一家接诊机构"]
    if errors or at is None:
        return None
    return Judged(
        at=at,
        occasion=Occasion(said["occasion"]),
        place=said.get("place", "").strip() or None,
        assessed_by=said["assessed_by"].strip(),
        factors=rows,
        advice=said.get("advice", "").strip() or None,
        next_on=next_on,
        referred_to_id=int(goes) if goes else None,
        reports=said.get("report") == "yes",
    )


def _factors(factors: Sequence[Factor], errors: Errors) -> list[RiskFactor]:
    rows, filled = [], [each for each in factors if each.group or each.text.strip()]
    for each in filled:
        good = each.group in set(RiskGroup) and each.colour in set(RiskColour)
        if not good or not 1 <= len(each.text.strip()) <= 100:
            errors["factors"] = ["每个风险因素都要选归类和颜色，并写明是什么（100 字以内）"]
            return []
        rows.append(
            RiskFactor(
                group=RiskGroup(each.group), colour=RiskColour(each.colour), text=each.text.strip()
            )
        )
    if len(rows) > MOST_FACTORS:
        errors["factors"] = [f"最多 {MOST_FACTORS} 个风险因素"]
    return rows


def day_said(said: Said, name: str) -> date | None:
    """A day that was typed; None for none or no day."""
    try:
        return date.fromisoformat(said.get(name, "").strip())
    except ValueError:
        return None


def _moment(typed: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(typed.strip())
    except ValueError:
        return None
    return found.replace(tzinfo=SHANGHAI) if found.tzinfo is None else found


def count_said(said: Said, name: str) -> int | None:
    """A small number that was typed; None for none or no such number."""
    typed = said.get(name, "").strip()[:4]
    fits = typed.isascii() and typed.isdigit() and int(typed) <= MOST_BIRTHS
    return int(typed) if fits else None

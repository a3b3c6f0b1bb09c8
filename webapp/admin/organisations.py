"""机构: the list, what is missing for cases to find their way, entering and changing one."""

from collections.abc import Iterable, Iterator
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload

from models import (
    Appointment,
    Organisation,
    OrganisationKind,
    Region,
    RegionLevel,
    Zone,
    ZoneKind,
)
from webapp import db, labels
from webapp.access import current
from webapp.admin.blueprint import SYSTEM, bp, only
from webapp.admin.forms import (
    AdminForm,
    area,
    choice,
    chosen_organisation,
    chosen_region,
    form_page,
    line,
    tried,
    unit,
)
from webapp.paging import paged
from webapp.words import local
from workflows import kinds, regions, rules
from workflows.actions import places
from workflows.actions.places import Particulars
from workflows.actions.tasks import InvalidAnswers

PER_PAGE = 50
CENTRES = {
    ZoneKind.MATERNAL: "危重孕产妇救治中心",
    ZoneKind.NEONATAL: "危重新生儿救治中心",
}
_DUTIES = (OrganisationKind.MCH, OrganisationKind.COMMISSION)


class OrganisationForm(AdminForm):
    """What is known of an organisation."""

    fixed: Organisation | None = None
    name = line("全称", 60, "填写全称")
    short_name = line("简称", 20, "填写简称", note="列表和页首用，写到看得出是哪一家。")
    kind = choice("类别", OrganisationKind, "选择类别")
    level = choice("级别", RegionLevel, "选择级别", note="由哪一级管理：县级机构选县级。")
    region_code = area(
        "所在地区", "选择所在地区", note="县级妇幼和卫健委选本县（区），市级的选本市。"
    )
    grade = line("等级", 20, note="如：三级甲等")
    host_id = unit(
        "设在哪个机构",
        note="只用于救治中心和质控中心。",
        among=(OrganisationKind.HOSPITAL, OrganisationKind.MCH),
    )
    phone = line("值班电话", 20)

    def fix(self, row: Organisation) -> None:
        """Ask no more for what a case depends on."""
        self.fixed = row
        for name in places.FIXED:
            del self[name]

    def particulars(self) -> Particulars | None:
        """None, with a message, when region or host are not to be found."""
        fixed = self.fixed
        place = fixed.region if fixed else chosen_region(self.region_code)
        host = chosen_organisation(self.host_id) if self.host_id.data else None
        if place is None or self.host_id.errors:
            return None
        return Particulars(
            name=self.name.data,
            short_name=self.short_name.data,
            kind=fixed.kind if fixed else self.kind.data,
            level=fixed.level if fixed else self.level.data,
            region_code=place.code,
            grade=self.grade.data,
            host_id=host.id if host else None,
            phone=self.phone.data,
        )


@bp.get("/organisations")
@only(SYSTEM)
def organisations() -> ResponseReturnValue:
    query = (
        select(Organisation)
        .where(*_conditions())
        .options(joinedload(Organisation.host))
        .order_by(
            Organisation.active.desc(),
            Organisation.region_code,
            Organisation.kind,
            Organisation.name,
        )
    )
    page = paged(db.session, query, PER_PAGE)
    return render_template(
        "admin/organisations.html",
        page=page,
        areas=regions.full_names(db.session, [row.region_code for row in page.rows]),
        people=_people([row.id for row in page.rows]),
        asked={name: request.args.get(name, "") for name in ("q", "kind", "level", "state")},
        kinds=labels.choices(OrganisationKind),
        levels=labels.choices(RegionLevel),
        gaps=list(gaps()),
    )


def _conditions() -> Iterator[ColumnElement[bool]]:
    asked = request.args
    if word := asked.get("q", "").strip()[:40]:
        columns = (Organisation.name, Organisation.short_name)
        yield or_(*(column.icontains(word, autoescape=True) for column in columns))
    if asked.get("kind") in set(OrganisationKind):
        yield Organisation.kind == OrganisationKind(asked["kind"])
    if asked.get("level") in set(RegionLevel):
        yield Organisation.level == RegionLevel(asked["level"])
    if asked.get("state") in ("active", "inactive"):
        yield Organisation.active.is_(asked["state"] == "active")


def _people(ids: list[int]) -> dict[int, int]:
    """How many people hold an appointment today, by organisation."""
    today = local(current.now).date()
    query = (
        select(Appointment.organisation_id, func.count(Appointment.user_id.distinct()))
        .where(
            Appointment.organisation_id.in_(ids),
            Appointment.valid_from <= today,
            or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today),
        )
        .group_by(Appointment.organisation_id)
    )
    return dict(db.session.execute(query).all())


def gaps() -> Iterator[str]:
    """Units without which a case reported somewhere would stand still, in words."""
    rows = db.session.execute(
        select(Organisation.kind, Organisation.level, Organisation.region_code, Region.level)
        .join(Region, Region.code == Organisation.region_code)
        .where(Organisation.active)
    ).all()
    there = {(kind, level, code) for kind, level, code, _ in rows}
    counties = {
        code
        for kind, _, code, level in rows
        if kind == OrganisationKind.HOSPITAL and level == RegionLevel.COUNTY
    }
    cities = {f"{code[:4]}00" for code in counties}
    names = regions.full_names(db.session, counties | cities)
    for level, codes in ((RegionLevel.COUNTY, counties), (RegionLevel.CITY, cities)):
        for code in sorted(codes):
            for kind in _DUTIES:
                if (kind, level, code) not in there:
                    words = f"{labels.label(level)}{labels.label(kind)}"
                    yield f"{names.get(code, code)}没有{words}，病例报到这一级会停住"
    guided = _guided(counties)
    for code in sorted(counties):
        for zone in _zones_needed(code):
            if (code, zone) not in guided:
                yield f"{names.get(code, code)}没有对口的{CENTRES[zone]}"


def _zones_needed(county: str) -> list[ZoneKind]:
    """Of whichever kinds of case can be reported there today."""
    today = local(current.now).date()
    try:
        reported = kinds.offered(rules.rule_set(county, today))
    except rules.UnknownJurisdiction:
        return [ZoneKind.MATERNAL]
    return list(dict.fromkeys(kind.zone for kind in reported))


def _guided(counties: Iterable[str]) -> set[tuple[str, ZoneKind]]:
    """Counties that a centre guides today, with the kind of its zone."""
    today = local(current.now).date()
    rows = db.session.execute(
        select(Zone.county_code, Zone.kind).where(
            Zone.county_code.in_(counties),
            Zone.valid_from <= today,
            or_(Zone.valid_to.is_(None), Zone.valid_to >= today),
        )
    )
    return {(code, kind) for code, kind in rows}


@bp.route("/organisations/new", methods=["GET", "POST"])
@only(SYSTEM)
def new_organisation() -> ResponseReturnValue:
    form = OrganisationForm()
    if form.handed_in() and (particulars := form.particulars()):
        row = tried(
            form,
            lambda: places.add_organisation(
                db.session, particulars, by=current.appointment, now=current.now
            ),
        )
        if row is not None:
            db.session.commit()
            flash(f"已登记：{row.name}。")
            return redirect(url_for("admin.organisations"), 303)
    return form_page("登记机构", form, "登记机构", url_for("admin.organisations"))


@bp.route("/organisations/<int:organisation_id>/edit", methods=["GET", "POST"])
@only(SYSTEM)
def edit_organisation(organisation_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Organisation, organisation_id)
    form = _form_of(row)
    if form.handed_in() and (particulars := form.particulars()):
        changed = tried(
            form,
            lambda: places.change_organisation(
                db.session, row, particulars, by=current.appointment, now=current.now
            ),
        )
        if changed is not None:
            db.session.commit()
            flash("机构资料已更新。" if changed else "没有改动。")
            return redirect(url_for("admin.organisations"), 303)
    return _edit_page(row, form)


@bp.post("/organisations/<int:organisation_id>/deactivate")
@only(SYSTEM)
def deactivate_organisation(organisation_id: int) -> ResponseReturnValue:
    return _done(organisation_id, places.deactivate_organisation, "已停用")


@bp.post("/organisations/<int:organisation_id>/activate")
@only(SYSTEM)
def activate_organisation(organisation_id: int) -> ResponseReturnValue:
    return _done(organisation_id, places.activate_organisation, "已恢复")


def _done(organisation_id: int, act: Any, said: str) -> ResponseReturnValue:
    row = db.get_or_404(Organisation, organisation_id)
    try:
        act(db.session, row, by=current.appointment, now=current.now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        form = _form_of(row, formdata=None)
        form.show_errors(invalid.errors)
        return _edit_page(row, form)
    db.session.commit()
    flash(f"{said}：{row.name}。")
    return redirect(url_for("admin.organisations"), 303)


def _form_of(row: Organisation, **given: Any) -> OrganisationForm:
    form = OrganisationForm(obj=row, **given)
    if places.is_used(db.session, row):
        form.fix(row)
    return form


def _edit_page(row: Organisation, form: OrganisationForm) -> ResponseReturnValue:
    page = render_template(
        "admin/organisation.html",
        title=row.name,
        row=row,
        form=form,
        area=regions.full_name(db.session, row.region_code),
        submit="保存",
        back=url_for("admin.organisations"),
        lead="",
        also=None,
    )
    return page, form.status

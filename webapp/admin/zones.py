"""片区: which rescue centre stands behind which county (H14–H16), as a table county by county."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Organisation, OrganisationKind, Region, RegionLevel, Zone, ZoneKind
from webapp import db, labels
from webapp.access import current
from webapp.admin.blueprint import SYSTEM, bp, only
from webapp.admin.forms import (
    AdminForm,
    area,
    choice,
    chosen_organisation,
    chosen_region,
    day,
    form_page,
    tried,
    unit,
)
from webapp.words import local
from workflows import regions
from workflows.actions import accounts, places


class ZoneForm(AdminForm):
    """Centre, county, for whom, from when to when."""

    kind = choice("对象", ZoneKind, "选择对象")
    centre = unit("救治中心", "选择救治中心", among=(OrganisationKind.RESCUE_CENTRE,))
    county = area("县（区）", "选择县（区）")
    valid_from = day("开始日期", "填写开始日期")
    valid_to = day("最后一天", note="不填：长期有效，直到登记结束。")


class EndForm(AdminForm):
    """The last day, or at once by the other button."""

    last_day = day("最后一天", "填写最后一天")


@bp.get("/zones")
@only(SYSTEM)
def zones() -> ResponseReturnValue:
    rows = db.session.scalars(
        select(Zone)
        .options(joinedload(Zone.centre).joinedload(Organisation.host))
        .order_by(Zone.county_code, Zone.kind, Zone.valid_from.desc())
    ).all()
    today, counties = local(current.now).date(), _counties()
    return render_template(
        "admin/zones.html",
        now=_table(counties, [row for row in rows if _state(row, today) == "now"]),
        others=[row for row in rows if _state(row, today) != "now"],
        names=regions.full_names(db.session, {*counties, *(row.county_code for row in rows)}),
        kinds=labels.choices(ZoneKind),
        today=today,
    )


def _state(row: Zone, today: date) -> str:
    if row.valid_to is not None and row.valid_to < max(today, row.valid_from):
        return "past"
    return "now" if row.valid_from <= today else "coming"


def _counties() -> list[str]:
    """Counties with a hospital: none of them should be without a centre."""
    return list(
        db.session.scalars(
            select(Region.code)
            .join(Organisation, Organisation.region_code == Region.code)
            .where(
                Region.level == RegionLevel.COUNTY,
                Organisation.kind == OrganisationKind.HOSPITAL,
                Organisation.active,
            )
            .distinct()
        )
    )


def _table(counties: list[str], rows: list[Zone]) -> dict[str, dict[str, Zone]]:
    """County → for whom → the zone in force."""
    every = sorted({*counties, *(row.county_code for row in rows)})
    table: dict[str, dict[str, Zone]] = {county: {} for county in every}
    for row in rows:
        table[row.county_code][row.kind.value] = row
    return table


@bp.route("/zones/new", methods=["GET", "POST"])
@only(SYSTEM)
def new_zone() -> ResponseReturnValue:
    form = ZoneForm(valid_from=local(current.now).date())
    if form.handed_in():
        centre, county = chosen_organisation(form.centre), chosen_region(form.county)
        row = (
            centre
            and county
            and tried(
                form,
                lambda: places.add_zone(
                    db.session,
                    centre,
                    county,
                    form.kind.data,
                    form.valid_from.data,
                    form.valid_to.data,
                    by=current.appointment,
                    now=current.now,
                ),
            )
        )
        if row:
            db.session.commit()
            flash(f"已登记：{row.centre.short_name}对口{row.county.name}。")
            return redirect(url_for("admin.zones"), 303)
    lead = "评审和整改时，系统按病例所在县（区）找对口的救治中心作指导单位。"
    return form_page("登记片区", form, "登记片区", url_for("admin.zones"), lead)


@bp.route("/zones/<int:zone_id>/end", methods=["GET", "POST"])
@only(SYSTEM)
def end_zone(zone_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Zone, zone_id)
    form = EndForm(last_day=local(current.now).date())
    if form.handed_in():
        at_once = "at_once" in request.form
        last_day = accounts.yesterday(current.now) if at_once else form.last_day.data

        def act() -> bool:
            places.end_zone(db.session, row, last_day, by=current.appointment, now=current.now)
            return True

        if tried(form, act):
            db.session.commit()
            flash(f"{row.centre.short_name}对口{row.county.name}到 {last_day.isoformat()} 为止。")
            return redirect(url_for("admin.zones"), 303)
    title = f"结束片区：{row.centre.short_name} · {row.county.name}"
    lead = "已指定指导单位的病例不受影响。结束后新评审的病例没有指导单位，直到登记新的。"
    also = ("at_once", "现在就结束")
    return form_page(title, form, "到这一天结束", url_for("admin.zones"), lead, also=also)

"""Dossiers (案卷): ask, wait with progress, download. The worker renders; no request ever does."""

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload

from models import Case, DossierKind, DossierRequest, DossierState
from webapp import db, labels, stored
from webapp.access import current
from workflows import gather, packs
from workflows.actions import dossiers
from workflows.actions.tasks import InvalidAnswers
from workflows.dossier import Dossier
from workflows.jobs import job
from workflows.permissions import visible_cases

log = logging.getLogger(__name__)
ASKED = ("dossier:request", "pack:request", "sheet:request")  # any of them
bp = Blueprint("dossiers", __name__, url_prefix="/dossiers")


def folder() -> Path:
    """Where finished copies lie, under random names."""
    return stored.folder("dossiers")


@bp.get("/")
def index() -> ResponseReturnValue:
    if not current.may("dossier:request"):
        abort(404)
    rows = db.session.scalars(
        dossiers.visible_dossiers(current.appointment)
        .options(joinedload(DossierRequest.case))
        .order_by(DossierRequest.id.desc())
        .limit(100)
    ).all()
    return render_template("dossiers/index.html", rows=rows)


@bp.route("/of/<int:case_id>", methods=["GET", "POST"])
def new(case_id: int) -> ResponseReturnValue:
    """Say what for, and ask for a copy."""
    from webapp import pdf  # only the pages that print need it

    if not current.may("dossier:request"):
        abort(404)
    case = db.one_or_404(visible_cases(current.appointment).where(Case.id == case_id))
    errors: dict[str, list[str]] = {}
    if request.method == "POST":
        try:
            row = dossiers.request_dossier(
                db.session,
                case,
                request.form.get("purpose", ""),
                request.form.get("note", ""),
                by=current.appointment,
                now=current.now,
            )
        except InvalidAnswers as wrong:
            errors = wrong.errors
        else:
            db.session.commit()
            return redirect(url_for("dossiers.show", dossier_id=row.id), 303)
    page = render_template(
        "dossiers/new.html",
        case=case,
        errors=errors,
        purposes=dossiers.PURPOSES,
        typed=request.form,
        missing=pdf.missing(),
    )
    return page, 422 if errors else 200


@bp.get("/<int:dossier_id>")
def show(dossier_id: int) -> ResponseReturnValue:
    row = _mine(dossier_id)
    return render_template(
        "dossiers/show.html",
        row=row,
        title=labels.label(row.kind),
        again=_again(row),
        waiting=_waiting(row),
    )


@bp.get("/<int:dossier_id>/state")
def state(dossier_id: int) -> ResponseReturnValue:
    """What the waiting page asks every second."""
    row = _mine(dossier_id)
    return jsonify(
        state=row.state.value, percent=row.percent, message=row.message, waiting=_waiting(row)
    )


@bp.get("/<int:dossier_id>/file")
def download(dossier_id: int) -> ResponseReturnValue:
    row = _mine(dossier_id)
    if row.state != DossierState.READY or row.token is None:
        abort(404)
    path = folder() / f"{row.token}.pdf"
    if not path.is_file():
        flash("案卷文件已不在，重新制作一份。", "warning")
        return redirect(url_for("dossiers.new", case_id=row.case_id), 303)
    with db.transaction() as session:
        dossiers.record_download(
            session,
            session.get_one(DossierRequest, row.id),
            by=current.appointment,
            now=current.now,
        )
    return send_file(
        path,
        mimetype="application/pdf",
        as_attachment=True,
        download_name=f"{row.case.number}-{labels.label(row.kind)}.pdf",
        max_age=0,
    )


def _again(row: DossierRequest) -> str:
    """Where another one is asked for."""
    if row.panel_id is not None:
        return url_for("meetings.show", panel_id=row.panel_id)
    return url_for("dossiers.new", case_id=row.case_id)


def _mine(dossier_id: int) -> DossierRequest:
    """The person's own copy of a case still in sight; otherwise 404."""
    if not any(current.may(each) for each in ASKED):
        abort(404)
    row = db.one_or_404(
        dossiers.visible_dossiers(current.appointment).where(DossierRequest.id == dossier_id)
    )
    db.one_or_404(visible_cases(current.appointment).where(Case.id == row.case_id))
    return row


def _waiting(row: DossierRequest) -> bool:
    return row.state in (DossierState.WAITING, DossierState.RENDERING)


# The worker's part.


@job(dossiers.JOB)
def render(dossier_id: int) -> None:
    """Gather, render, keep. Idempotent: a finished copy is not made again."""
    from webapp.pdf import dossier as pdf
    from webapp.pdf.render import RenderError

    try:
        with db.reading() as session:
            row = session.get_one(DossierRequest, dossier_id)
            if row.state == DossierState.READY:
                return
            contents = _contents(session, row)
        _keep(dossier_id, pdf.build(contents, _progress(dossier_id)))
    except RenderError:
        log.exception("dossier %d", dossier_id)
        _tell_failed(dossier_id)
        raise


def _contents(session: Session, row: DossierRequest) -> Dossier:
    files = current_app.config["VAR"] / "files"
    by, now = row.appointment, row.requested_at
    if row.kind is DossierKind.DOSSIER or row.panel is None:
        return gather.gather(session, row.case, by=by, files=files, wording=labels.event, now=now)
    made = packs.pack if row.kind is DossierKind.PACK else packs.sheet
    return made(session, row.panel, by=by, files=files, now=now)


def _progress(dossier_id: int) -> Callable[[int, str], None]:
    """Writes every tenth per cent; a row a page would be waste."""
    told = -10

    def tell(percent: int, message: str) -> None:
        nonlocal told
        if percent - told < 10 and percent < 100:
            return
        told = percent
        with db.transaction() as session:
            row = session.get_one(DossierRequest, dossier_id, with_for_update=True)
            dossiers.report_progress(session, row, min(percent, 99), message)

    return tell


def _keep(dossier_id: int, pdf: bytes) -> None:
    """File first, row second: a row never points to nothing. Who comes second takes his away."""
    token = stored.keep(folder(), ".pdf", pdf)
    from webapp.pdf.dossier import page_count

    with db.transaction() as session:
        kept = dossiers.finish(
            session,
            session.get_one(DossierRequest, dossier_id, with_for_update=True),
            token=token,
            sha256=hashlib.sha256(pdf).hexdigest(),
            size=len(pdf),
            pages=page_count(pdf),
            now=datetime.now(UTC),
        )
    if not kept:
        (folder() / f"{token}.pdf").unlink()
        log.warning("dossier %d was ready before", dossier_id)


def _tell_failed(dossier_id: int) -> None:
    with db.transaction() as session:
        dossiers.fail(
            session,
            session.get_one(DossierRequest, dossier_id, with_for_update=True),
            "排版没有完成，系统会再试；仍不行时联系系统管理员。",
            now=datetime.now(UTC),
        )

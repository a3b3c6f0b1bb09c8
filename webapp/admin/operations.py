"""运行与异常: what is due and not done, who works, what stands still; incidents seen and retried.

For the system administrator, who sees no case: processes have technical numbers here, steps have
the names of the diagram, and an error is its kind and a line of code.
"""

import json
from io import BytesIO
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict

from models import Definition, Incident, IncidentKind, Process
from webapp import db
from webapp.access import current
from webapp.admin.blueprint import SYSTEM, bp, only
from webapp.admin.definitions import title_of
from webapp.paging import paged
from webapp.words import local
from workflows import operations as running
from workflows.actions import incidents
from workflows.actions.incidents import Alike

PER_PAGE = 50


@bp.get("/operations")
@only(SYSTEM)
def operations() -> ResponseReturnValue:
    now = current.now
    queues = running.queues(db.session, now)
    workers = running.workers(db.session, now)
    causes = running.causes(db.session)
    late = [queue for queue in queues if queue.is_late(now)]
    alive = sum(lives for _beat, lives in workers)
    return render_template(
        "admin/operations.html",
        queues=queues,
        workers=workers,
        alive=alive,
        causes=causes,
        incident_count=sum(cause.count for cause in causes),
        usage=running.usage(db.session),
        steps=running.oldest_steps(db.session),
        titles=_titles(),
        title_of=title_of,
        well=not causes and not late and alive > 0,
    )


def _titles() -> dict[str, str]:
    """Name of a process → what its newest version calls itself."""
    rows = db.session.scalars(select(Definition).order_by(Definition.id))
    return {row.name: title_of(row) for row in rows}


@bp.get("/incidents")
@only(SYSTEM)
def incidents_alike() -> ResponseReturnValue:
    """The open incidents of one cause, or all."""
    alike = _alike(request.args)
    query = incidents.open_ones(alike).options(joinedload(Incident.process).load_only(Process.id))
    return render_template(
        "admin/incidents.html",
        page=paged(db.session, query, PER_PAGE),
        alike=alike,
        asked=_asked(alike),
        titles=_titles(),
        kinds=IncidentKind,
    )


@bp.post("/incidents/<int:incident_id>/retry")
@only(SYSTEM)
def retry_incident(incident_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Incident, incident_id)
    try:
        done = incidents.retry(db.session, row, by=current.appointment, now=current.now)
    except incidents.NothingToRetry:
        abort(404)  # the page has no such button for it
    db.session.commit()
    flash("已安排再试一次，几秒后刷新看结果。" if done else "这一项已经处理过了。")
    return _back()


@bp.post("/incidents/<int:incident_id>/dismiss")
@only(SYSTEM)
def dismiss_incident(incident_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Incident, incident_id)
    done = incidents.dismiss(db.session, row, by=current.appointment, now=current.now)
    db.session.commit()
    flash("已标记为处理过。" if done else "这一项已经处理过了。")
    return _back()


@bp.post("/incidents/retry")
@only(SYSTEM)
def retry_incidents() -> ResponseReturnValue:
    """All that are alike; the form says in what."""
    count = incidents.retry_all(
        db.session, _alike(request.form), by=current.appointment, now=current.now
    )
    db.session.commit()
    flash(f"已安排 {count} 项再试一次，几秒后刷新看结果。" if count else "没有可以重试的异常。")
    return redirect(url_for("admin.operations"), 303)


@bp.post("/processes/state")
@only(SYSTEM)
def export_state() -> ResponseReturnValue:
    """One process as JSON; that it was taken away is on record."""
    asked = request.form.get("process", "").strip()
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= 9):
        return _no_such_process()
    try:
        told = running.export_state(db.session, int(asked), by=current.appointment, now=current.now)
    except LookupError:
        return _no_such_process()
    content = json.dumps(told, ensure_ascii=False, indent=1).encode()
    db.session.commit()
    return send_file(
        BytesIO(content),
        mimetype="application/json",
        as_attachment=True,
        download_name=f"流程{int(asked)}-技术状态-{local(current.now):%Y%m%d-%H%M}.json",
        max_age=0,
    )


def _no_such_process() -> ResponseReturnValue:
    flash("没有这个编号的流程，核对后再试。")
    return redirect(url_for("admin.operations"), 303)


def _alike(given: MultiDict[str, str]) -> Alike:
    kind = given.get("kind", "")
    return Alike(
        error=given.get("error", "")[:200] or None,
        place=given.get("place", "")[:200] or None,
        definition=given.get("definition", "")[:200] or None,
        kind=IncidentKind(kind) if kind in set(IncidentKind) else None,
    )


def _asked(alike: Alike) -> dict[str, str]:
    """As the address has it."""
    named = {
        "error": alike.error,
        "place": alike.place,
        "definition": alike.definition,
        "kind": alike.kind.value if alike.kind else None,
    }
    return {name: value for name, value in named.items() if value}


def _back() -> ResponseReturnValue:
    """To the list one came from."""
    values: dict[str, Any] = dict(_asked(_alike(request.form)))
    return redirect(url_for("admin.incidents_alike", **values), 303)

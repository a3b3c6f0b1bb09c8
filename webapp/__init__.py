"""The Flask app: the edge. It reads requests, calls actions, commits, renders.

`create_app` puts the parts together; each says for itself what it is for.
"""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from models.case import masked
from webapp import (
    access,
    admin,
    analysis,
    attachments,
    auth,
    board,
    cases,
    clocks,
    config,
    dates,
    db,
    desk,
    dossiers,
    drafts,
    duties,
    errors,
    expert_groups,
    experts,
    extensions,
    gatherings,
    headers,
    health,
    indicators,
    key_contacts,
    key_links,
    labels,
    ledger,
    lessons,
    lookups,
    mappings,
    measures,
    meetings,
    motions,
    navigation,
    notice_files,
    notices,
    notifications,
    opinions,
    pressing,
    problems,
    procedures,
    reconciliation,
    register,
    register_figures,  # noqa: F401 - hangs its views on the register's blueprint
    replies,
    reports,
    reviews,
    search,
    seats,
    statistics,
    substitutes,
    tasks,
    trainings,
)
from webapp.access import current
from webapp.forms import released
from workflows import kinds

# One blueprint a noun
BLUEPRINTS = (
    auth.bp,
    health.bp,
    tasks.bp,
    reports.bp,
    gatherings.bp,
    trainings.bp,
    procedures.bp,
    cases.bp,
    reviews.bp,
    opinions.bp,
    meetings.bp,
    seats.bp,
    experts.bp,
    expert_groups.bp,
    mappings.bp,
    desk.bp,
    substitutes.bp,
    board.bp,
    clocks.bp,
    statistics.bp,
    ledger.bp,
    pressing.bp,
    problems.bp,
    reconciliation.bp,
    indicators.bp,
    register.bp,
    key_links.bp,
    lessons.bp,
    analysis.bp,
    extensions.bp,
    notices.bp,
    notice_files.bp,
    replies.bp,
    duties.bp,
    motions.bp,
    key_contacts.bp,
    measures.bp,
    dossiers.bp,
    admin.bp,
    search.bp,
    notifications.bp,
    lookups.bp,
    attachments.bp,
    drafts.bp,
)


class RowNumber(IntegerConverter):
    """A number in an address. One that no row can have is no address, rather than an error."""

    def __init__(self, routes: Map, **limits: Any) -> None:
        super().__init__(routes, **{"max": 2**31 - 1, **limits})


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """The application with the settings of the environment, or those given."""
    app = Flask(__name__)
    app.config.update(config.from_environment() if settings is None else settings)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.converters["int"] = RowNumber
    if proxies := app.config["PROXIES"]:  # only then may a request say where it came from
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies, proxies)  # type: ignore[method-assign]
    db.init_app(app)
    released.init_app(app.extensions["engine"])
    headers.init_app(app)
    access.init_app(app)  # before CSRF: whose sign-in ended keeps what was typed
    CSRFProtect(app)
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    _prepare_templates(app)
    return app


def _prepare_templates(app: Flask) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(dates.filters())
    app.jinja_env.filters["label"] = labels.label
    app.jinja_env.filters["masked"] = masked
    app.jinja_env.filters["group_title"] = expert_groups.title
    app.jinja_env.globals.update(
        current=current,
        labels=labels,
        menu=navigation.menu,
        is_here=navigation.is_here,
        open_count=navigation.open_count,
        unread_count=navigation.unread_count,
        static=headers.static,
        dates=dates,
        kind_of=kinds.of,
    )

"""What every answer carries and what every request must fulfil, whatever the page.

Strict content policy, no storing, a request id; a POST that a browser marks as coming from another
site is refused. Knows no page.
"""

import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, current_app, g, request, url_for

from webapp import kept
from webapp.db import READING_METHODS

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}
ONE_YEAR = 31_536_000


def init_app(app: Flask) -> None:
    app.before_request(_number_request)
    app.before_request(_limit_text)
    app.before_request(_refuse_other_sites)
    app.after_request(_dress)
    app.url_defaults(lambda endpoint, values: _version(app, endpoint, values))


def _number_request() -> None:
    g.request_id = secrets.token_hex(6)


def request_id() -> str:
    """The number by which a person can name this request to an administrator."""
    if "request_id" not in g:
        _number_request()
    return str(g.request_id)


def _limit_text() -> None:
    """Only files may be as large as a file; Werkzeug bounds the text of multipart forms alone."""
    if request.mimetype != "multipart/form-data":
        request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]


def _refuse_other_sites() -> None:
    if request.method not in READING_METHODS and not kept.is_our_own():
        abort(400)


def _dress(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = request_id()
    if current_app.config["HTTPS"]:
        response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}"
    if request.endpoint == "static":
        hashed = "v" in request.args
        response.headers["Cache-Control"] = (
            f"max-age={ONE_YEAR}, immutable" if hashed else "no-cache"
        )
    else:
        response.headers["Cache-Control"] = "no-store"
    return response


def _version(app: Flask, endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and app.static_folder and "filename" in values:
        values.setdefault("v", _digest(Path(app.static_folder, values["filename"])))


def static(filename: str) -> str:
    """The address of a file of ours, its version with it: a page has some thirty of them."""
    return _static(request.script_root, filename)


@cache
def _static(_root: str, filename: str) -> str:
    return url_for("static", filename=filename)


@cache
def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else None

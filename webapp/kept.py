"""What somebody typed outlives a lost sign-in, an expired page and a conflict.

The answer to such a POST carries the typed fields along, hidden; the next page posts them once more
with RESUMED set, and the view shows its form filled in instead of acting. Passwords and signatures
are never carried. Knows no form.
"""

from urllib.parse import urlsplit

from flask import render_template, request
from flask.typing import ResponseReturnValue

RESUMED = "_resumed"
PREFIX = "_kept."
NEVER = ("csrf_token", RESUMED)


Fields = list[tuple[str, str]]


def typed() -> Fields:
    """Every posted field that may be carried along, in order; as posted or as carried before."""
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in NEVER and "password" not in name.lower()
    ]


def carried() -> Fields:
    """The fields that a sign-in form carried for another page."""
    return [
        (name.removeprefix(PREFIX), value)
        for name, value in request.form.items(multi=True)
        if name.startswith(PREFIX)
    ]


def is_resumed() -> bool:
    """The post brings back what was typed; show it, do not act on it."""
    return RESUMED in request.form


def is_our_own() -> bool:
    """The browser says the post came from a page of ours (or says nothing, being old)."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def here() -> str:
    """Path and query of this request, for coming back."""
    return request.full_path.rstrip("?")


def is_local(path: str | None) -> bool:
    """A path on this site: no other host, no trick with slashes or control characters."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return False
    parts = urlsplit(path)
    return not parts.scheme and not parts.netloc and path.isprintable() and "\\" not in path


def sign_in_again() -> ResponseReturnValue:
    """The sign-in page for somebody whose sign-in ended while he was typing."""
    fields = typed() if is_our_own() else []
    page = render_template("auth/again.html", fields=fields, prefix=PREFIX, next=here())
    return page, 401


def resume_page(path: str, fields: Fields) -> str:
    """After signing in again: one button that brings the typed fields back to their form."""
    return render_template("auth/resume.html", path=path, fields=fields, resumed=RESUMED)

"""The blueprint that the modules of this package hang their views on, and who may see them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, abort

from webapp.access import current

bp = Blueprint("admin", __name__, url_prefix="/admin")

View = TypeVar("View", bound=Callable[..., Any])

PEOPLE = "user:administer"
SYSTEM = "system:view"
LOG = "log:view"


def only(permission: str) -> Callable[[View], View]:
    """Without the permission the page does not exist."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current.may(permission):
                abort(404)
            return view(*args, **kwargs)

        return cast(View, guarded)

    return guard

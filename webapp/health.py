"""For whoever watches the server: is it alive, can it work. Says nothing else."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from webapp import db, schema
from webapp.access import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "ok"}


@bp.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """The database answers and is of this release."""
    try:
        fits = schema.fits(db.session)
    except SQLAlchemyError:
        return {"status": "database"}, 503
    return ({"status": "ok"}, 200) if fits else ({"status": "schema"}, 503)

"""The blueprint that the modules of this package hang their views on."""

from flask import Blueprint

bp = Blueprint("cases", __name__, url_prefix="/cases")

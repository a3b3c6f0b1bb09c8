"""病例: the list of cases, and one case from every side. One module a side."""

from webapp.cases import (
    diagrams,
    documents,
    listing,
    people,
    remarks,
    reviews,
    timeline,
    voiding,
)
from webapp.cases.blueprint import bp

__all__ = [
    "bp",
    "diagrams",
    "documents",
    "listing",
    "people",
    "remarks",
    "reviews",
    "timeline",
    "voiding",
]

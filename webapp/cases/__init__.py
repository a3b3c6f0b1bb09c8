"""病例: the list of cases, and one case from every side. One module a side."""

from webapp.cases import (
    comments,
    control,
    diagrams,
    documents,
    listing,
    people,
    province,
    reviews,
    risk,
    timeline,
    voiding,
)
from webapp.cases.blueprint import bp

__all__ = [
    "bp",
    "comments",
    "control",
    "diagrams",
    "documents",
    "listing",
    "people",
    "province",
    "reviews",
    "risk",
    "timeline",
    "voiding",
]

"""A newborn's case is found by the mother's name, too.

Going back leaves what was added: it finds a case more, and goes with the case's other keys.

Revision ID: 0041
Revises: 0040
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

document = sa.table(
    "document",
    sa.column("id", sa.Integer),
    sa.column("case_id", sa.Integer),
    sa.column("form", sa.String),
    sa.column("answers", sa.JSON),
)
key = sa.table(
    "search_key",
    sa.column("case_id", sa.Integer),
    sa.column("kind", sa.String),
    sa.column("text", sa.String),
)
NEWBORNS = document.c.form.like("%-neonatal")


def upgrade() -> None:
    """The name that report or card says last."""
    bind = op.get_bind()
    told = bind.execute(
        sa.select(document.c.case_id, document.c.answers)
        .where(NEWBORNS)
        .order_by(document.c.id)
    )
    mothers = {case: answers["mother_name"] for case, answers in told if "mother_name" in answers}
    found = sa.select(key.c.case_id, key.c.text).where(
        key.c.kind == "name", key.c.case_id.in_(sa.select(document.c.case_id).where(NEWBORNS))
    )
    known = {(case, text) for case, text in bind.execute(found)}
    rows: list[dict[str, Any]] = [
        {"case_id": case, "kind": "name", "text": name[start:]}
        for case, name in mothers.items()
        for start in range(len(name))
        if (case, name[start:]) not in known
    ]
    if rows:
        bind.execute(sa.insert(key), rows)


def downgrade() -> None:
    """Nothing to take back."""

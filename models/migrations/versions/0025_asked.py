"""Which measure the acceptor of a ledger item asked for, not only whether it was an interview.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_REJECTIONS = "(SELECT rejections FROM rectification WHERE rectification.id = motion.item_id)"
_KEYED = "WHERE fact = 'item_asked' AND key IS NOT NULL"


def upgrade() -> None:
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked", sa.String(), nullable=True))
    op.execute("UPDATE rectification SET asked = 'interview' WHERE interview_proposed IS true")
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.drop_column("interview_proposed")
    op.execute(f"UPDATE motion SET key = key || ':' || {_REJECTIONS} {_KEYED}")  # noqa: S608


def downgrade() -> None:
    """Of several proposals for one item the first keeps the key that the release before knows."""
    op.execute(
        "UPDATE motion SET key = 'asked:' || item_id "  # noqa: S608 - no value from outside
        f"{_KEYED} AND id IN (SELECT min(id) FROM motion {_KEYED} GROUP BY item_id)"
    )
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("interview_proposed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.execute("UPDATE rectification SET interview_proposed = true WHERE asked = 'interview'")
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.alter_column("interview_proposed", server_default=None)
        batch_op.drop_column("asked")

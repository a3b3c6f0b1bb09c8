"""Kinds of notices, answers to them, one that takes another back, copies as files; what is issued
stays as it is.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

GUARDS = ("UPDATE", "DELETE")


def upgrade() -> None:
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("reply_due", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("recalls_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_notice_recalls_id"), ["recalls_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_notice_recalls_id_notice"), "notice", ["recalls_id"], ["id"]
        )
    op.execute(
        "UPDATE notice SET kind = CASE WHEN case_id IS NULL THEN 'quarterly' "
        "ELSE 'case_feedback' END"
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.alter_column("kind", existing_type=sa.String(length=32), nullable=False)
    with op.batch_alter_table("notice_recipient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reply_due", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("reply_duty_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("reply_accepted_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.create_index(
            batch_op.f("ix_notice_recipient_reply_duty_id"), ["reply_duty_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_notice_recipient_reply_duty_id_duty"), "duty", ["reply_duty_id"], ["id"]
        )
    _files()
    _guard()


def _files() -> None:
    op.create_table(
        "notice_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_notice_file_notice_id_notice")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_notice_file_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointment.id"],
            name=op.f("fk_notice_file_appointment_id_appointment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_file")),
        sa.UniqueConstraint("token", name=op.f("uq_notice_file_token")),
    )
    for column in ("notice_id", "appointment_id"):
        op.create_index(op.f(f"ix_notice_file_{column}"), "notice_file", [column])


def downgrade() -> None:
    _unguard()
    op.drop_table("notice_file")
    with op.batch_alter_table("notice_recipient", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_notice_recipient_reply_duty_id_duty"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_notice_recipient_reply_duty_id"))
        for name in ("reply_accepted_at", "replied_at", "reply_duty_id", "reply_due"):
            batch_op.drop_column(name)
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_notice_recalls_id_notice"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_notice_recalls_id"))
        for name in ("recalls_id", "reply_due", "kind"):
            batch_op.drop_column(name)


def _guard() -> None:
    """Whoever holds the connection: an issued notice is neither changed nor removed."""
    if op.get_bind().dialect.name == "sqlite":
        for act in GUARDS:
            op.execute(
                f"CREATE TRIGGER notice_refuses_{act.lower()} BEFORE {act} ON notice "
                "WHEN OLD.issued_at IS NOT NULL "
                "BEGIN SELECT RAISE(ABORT, 'an issued notice stays as it is'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER notice_stays BEFORE UPDATE OR DELETE ON notice "
        "FOR EACH ROW WHEN (OLD.issued_at IS NOT NULL) EXECUTE FUNCTION refuse_change()"
    )


def _unguard() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in GUARDS:
            op.execute(f"DROP TRIGGER notice_refuses_{act.lower()}")
        return
    op.execute("DROP TRIGGER notice_stays ON notice")

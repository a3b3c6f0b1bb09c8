"""Meetings of panels: when, who was there, who has signed; in what a conclusion differs from the
level below; packs and sheets beside dossiers.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_CODE = sa.String(length=32)
AGENDA = "签到\n病例介绍\n个人意见对照\n经治人员说明情况后离场\n讨论\n表决\n结论、问题和建议"


def upgrade() -> None:
    _meetings()
    _signatures()
    with op.batch_alter_table("panel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_panel_secretary_id"), ["secretary_id"], unique=False)
    with op.batch_alter_table("dossier_request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", _CODE, nullable=False, server_default="dossier"))
        batch_op.add_column(sa.Column("panel_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_dossier_request_panel_id_panel"), "panel", ["panel_id"], ["id"]
        )
    with op.batch_alter_table("dossier_request", schema=None) as batch_op:
        batch_op.alter_column("kind", server_default=None)
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changes", sa.JSON(none_as_null=True), nullable=True))
    _compare()
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.alter_column("changes", existing_type=sa.JSON(none_as_null=True), nullable=False)


def _meetings() -> None:
    op.create_table(
        "meeting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("panel_id", sa.Integer(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mode", _CODE, nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("agenda", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["panel_id"], ["panel.id"], name=op.f("fk_meeting_panel_id_panel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
        sa.UniqueConstraint("panel_id", name=op.f("uq_meeting_panel_id")),
    )
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_attendance_meeting_id_meeting")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["panel_member.id"], name=op.f("fk_attendance_member_id_panel_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint(
            "meeting_id", "member_id", name=op.f("uq_attendance_meeting_id_member_id")
        ),
    )
    op.create_table(
        "guest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("came_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_guest_meeting_id_meeting")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_guest_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guest")),
    )
    with op.batch_alter_table("guest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_guest_meeting_id"), ["meeting_id"], unique=False)
    op.execute(
        sa.text(
            "INSERT INTO meeting (panel_id, held_at, mode, place, agenda) "
            "SELECT id, planned_at, 'on_site', '', :agenda FROM panel"
        ).bindparams(agenda=AGENDA)
    )


def _signatures() -> None:
    op.create_table(
        "signature",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("panel_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("sheet_id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.String(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["panel_id"], ["panel.id"], name=op.f("fk_signature_panel_id_panel")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["panel_member.id"], name=op.f("fk_signature_member_id_panel_member")
        ),
        sa.ForeignKeyConstraint(
            ["sheet_id"], ["document.id"], name=op.f("fk_signature_sheet_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_signature_document_id_document")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
        sa.UniqueConstraint(
            "sheet_id", "member_id", name=op.f("uq_signature_sheet_id_member_id")
        ),
    )
    with op.batch_alter_table("signature", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signature_panel_id"), ["panel_id"], unique=False)


def _compare() -> None:
    """What is there already: class and major factors of the city's against the county's."""
    table = sa.table(
        "conclusion",
        *(sa.column(name) for name in ("id", "case_id", "level", "code")),
        sa.column("factors", sa.JSON()),
        sa.column("changes", sa.JSON()),
    )
    session = op.get_bind()
    rows = session.execute(sa.select(table)).all()
    below = {row.case_id: row for row in rows if row.level == "county"}
    for row in rows:
        other, changes = below.get(row.case_id), []
        if row.level == "city" and other is not None:
            changes += ["conclusion"] if row.code != other.code else []
            changes += ["factors"] if set(row.factors) != set(other.factors) else []
        change = sa.update(table).where(table.c.id == row.id).values(changes=changes)
        session.execute(change)


def downgrade() -> None:
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.drop_column("changes")
    op.execute("DELETE FROM dossier_request WHERE kind <> 'dossier'")
    with op.batch_alter_table("dossier_request", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_dossier_request_panel_id_panel"), type_="foreignkey"
        )
        batch_op.drop_column("panel_id")
        batch_op.drop_column("kind")
    with op.batch_alter_table("panel", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_panel_secretary_id"))
    op.drop_table("signature")
    op.drop_table("guest")
    op.drop_table("attendance")
    op.drop_table("meeting")

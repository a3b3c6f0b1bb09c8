"""Near-miss reviews as they are arranged: planned days, zone meetings, training.

Going back removes them, for which there is no older place.

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def _entered(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("entered_by_id", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        _key(table, "entered_by_id", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def upgrade() -> None:
    op.create_table(
        "review_date",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        *_entered("review_date"),
        _key("review_date", "organisation_id", "organisation"),
        sa.UniqueConstraint(
            "organisation_id", "planned_on", name=op.f("uq_review_date_organisation_id_planned_on")
        ),
    )
    op.create_table(
        "zone_meeting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("centre_id", sa.Integer(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("panel_id", sa.Integer(), nullable=True),
        *_entered("zone_meeting"),
        _key("zone_meeting", "centre_id", "organisation"),
        _key("zone_meeting", "panel_id", "panel"),
        sa.UniqueConstraint(
            "centre_id", "held_on", name=op.f("uq_zone_meeting_centre_id_held_on")
        ),
        sa.UniqueConstraint("panel_id", name=op.f("uq_zone_meeting_panel_id")),
    )
    op.create_table(
        "zone_attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _key("zone_attendance", "meeting_id", "zone_meeting"),
        _key("zone_attendance", "organisation_id", "organisation"),
        _key("zone_attendance", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_attendance")),
        sa.UniqueConstraint(
            "meeting_id", "user_id", name=op.f("uq_zone_attendance_meeting_id_user_id")
        ),
    )
    op.create_table(
        "training",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        *_entered("training"),
        _key("training", "organisation_id", "organisation"),
    )
    op.create_index(op.f("ix_training_organisation_id"), "training", ["organisation_id"])
    op.create_table(
        "training_unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("training_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("attendees", sa.Integer(), nullable=False),
        _key("training_unit", "training_id", "training"),
        _key("training_unit", "organisation_id", "organisation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_unit")),
        sa.UniqueConstraint(
            "training_id",
            "organisation_id",
            name=op.f("uq_training_unit_training_id_organisation_id"),
        ),
    )


def downgrade() -> None:
    for table in ("training_unit", "training", "zone_attendance", "zone_meeting", "review_date"):
        op.drop_table(table)

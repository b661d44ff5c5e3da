"""what two persons agreed to take out of service, and what calibrations found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "monitor_0003"
down_revision = "monitor_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitor_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("work_order", sa.Text(), nullable=False),
        sa.Column("until", INTEGER_64, nullable=False),
        sa.Column("measures", JSON_COLUMN, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requester", sa.Uuid(), nullable=False),
        sa.Column("requester_zh", sa.Text(), nullable=False),
        sa.Column("requester_en", sa.Text(), nullable=False),
        sa.Column("requester_post", sa.Text(), nullable=False),
        sa.Column("requested_at", INTEGER_64, nullable=False),
        sa.Column("decider", sa.Uuid(), nullable=True),
        sa.Column("decider_zh", sa.Text(), nullable=False),
        sa.Column("decider_en", sa.Text(), nullable=False),
        sa.Column("decided_at", INTEGER_64, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_requests")),
    )
    op.create_index(op.f("ix_monitor_requests_point"), "monitor_requests", ["point"])
    op.create_index(op.f("ix_monitor_requests_state"), "monitor_requests", ["state"])
    op.create_table(
        "monitor_calibrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("began_at", INTEGER_64, nullable=False),
        sa.Column("ended_at", INTEGER_64, nullable=False),
        sa.Column("gas_on", INTEGER_64, nullable=True),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("gas", sa.Text(), nullable=False),
        sa.Column("applied", sa.Float(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("as_found", sa.Float(), nullable=True),
        sa.Column("as_left", sa.Float(), nullable=True),
        sa.Column("t90", sa.Float(), nullable=True),
        sa.Column("measured", JSON_COLUMN, nullable=False),
        sa.Column("judged", JSON_COLUMN, nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("next_due", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_calibrations")),
    )
    op.create_index(op.f("ix_monitor_calibrations_point"), "monitor_calibrations", ["point"])

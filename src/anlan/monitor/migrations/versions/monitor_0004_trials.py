"""What-ifs that the node answered, kept for a day so that an edit can name them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "monitor_0004"
down_revision = "monitor_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitor_trials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("version", INTEGER_64, nullable=False),
        sa.Column("changes", JSON_COLUMN, nullable=False),
        sa.Column("start", INTEGER_64, nullable=False),
        sa.Column("end", INTEGER_64, nullable=False),
        sa.Column("result", JSON_COLUMN, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_trials")),
    )
    op.create_index(op.f("ix_monitor_trials_at"), "monitor_trials", ["at"])
    op.create_index(op.f("ix_monitor_trials_person"), "monitor_trials", ["person"])

"""Proofs of the alarm chain."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "monitor_0006"
down_revision = "monitor_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitor_proofs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("from_where", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("stages", JSON_COLUMN, nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("ended_at", INTEGER_64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_proofs")),
    )
    op.create_index(op.f("ix_monitor_proofs_at"), "monitor_proofs", ["at"], unique=False)

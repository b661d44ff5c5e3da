"""Studies and what they said."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "risk_0001"
down_revision = None
branch_labels = ("risk",)
depends_on = None


def _int() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.create_table(
        "risk_results",
        sa.Column("n", _int(), autoincrement=True, nullable=False),
        sa.Column("study", sa.Text(), nullable=False),
        sa.Column("version", _int(), nullable=False),
        sa.Column("at", _int(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("baseline", sa.Float(), nullable=True),
        sa.Column("unknown", sa.Float(), nullable=False),
        sa.Column("facts", _json(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_risk_results")),
    )
    op.create_index(op.f("ix_risk_results_study_at"), "risk_results", ["study", "at"])
    op.create_table(
        "risk_studies",
        sa.Column("study", sa.Text(), nullable=False),
        sa.Column("number", _int(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("attached", _json(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("base", _int(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", _int(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("study", "number", name=op.f("pk_risk_studies")),
        sa.UniqueConstraint("id", name=op.f("uq_risk_studies_id")),
    )

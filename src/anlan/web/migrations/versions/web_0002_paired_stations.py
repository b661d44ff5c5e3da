"""Operator stations that are paired by a key of their own."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "web_0002"
down_revision = "web_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "web_stations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", INTEGER_64, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", INTEGER_64, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("paired_at", INTEGER_64, nullable=True),
        sa.Column("paired_from", sa.Text(), nullable=False),
        sa.Column("revoked_at", INTEGER_64, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_stations")),
    )

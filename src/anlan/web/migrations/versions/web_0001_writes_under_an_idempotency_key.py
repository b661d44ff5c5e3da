"""writes under an idempotency key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "web_0001"
down_revision = None
branch_labels = ("web",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "web_writes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", INTEGER_64, nullable=False),
        sa.Column("status", INTEGER_64, nullable=True),
        sa.Column("answer", JSON_COLUMN, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_writes")),
        sa.UniqueConstraint("person", "key", name=op.f("uq_web_writes_person_key")),
    )
    op.create_index(op.f("ix_web_writes_made_at"), "web_writes", ["made_at"], unique=False)

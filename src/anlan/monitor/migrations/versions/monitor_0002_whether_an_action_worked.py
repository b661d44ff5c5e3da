"""what people say of the action that answered an alarm."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "monitor_0002"
down_revision = "monitor_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitor_response",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alarm", INTEGER_64, nullable=False),
        sa.Column("episode", INTEGER_64, nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_response")),
    )
    op.create_index("ix_monitor_response_alarm_episode", "monitor_response", ["alarm", "episode"])

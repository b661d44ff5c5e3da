"""who has seen which alarm."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "monitor_0001"
down_revision = None
branch_labels = ("monitor",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitor_seen",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alarm", INTEGER_64, nullable=False),
        sa.Column("episode", INTEGER_64, nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_seen")),
        sa.UniqueConstraint("alarm", "episode", "person", name=op.f("uq_monitor_seen_alarm_episode_person")),
    )

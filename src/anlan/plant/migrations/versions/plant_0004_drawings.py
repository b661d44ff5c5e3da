"""Pictures of the plant's own drawings, by digest."""

import sqlalchemy as sa
from alembic import op

revision = "plant_0004"
down_revision = "plant_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plant_drawings",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_plant_drawings")),
    )

"""What a replay said a change would do, kept with the version that made it."""

import sqlalchemy as sa
from alembic import op

revision = "plant_0002"
down_revision = "plant_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plant_versions", sa.Column("effect", sa.JSON(none_as_null=True), nullable=True))

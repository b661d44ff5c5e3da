"""sessions of people whom an identity service has identified."""

import sqlalchemy as sa
from alembic import op

revision = "guard_0006"
down_revision = "guard_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guard_sessions", sa.Column("provider", sa.Text(), nullable=False, server_default=sa.text("''")))

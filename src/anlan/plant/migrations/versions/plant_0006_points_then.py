"""What a point was before a version made something else of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

revision = "plant_0006"
down_revision = "plant_0005"
branch_labels = None
depends_on = None


def _int() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plant_points_then",
        sa.Column("number", _int(), autoincrement=False, nullable=False),
        sa.Column("version", _int(), autoincrement=False, nullable=False),
        sa.Column("until", _int(), nullable=False),
        sa.Column("point", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", "version", name=op.f("pk_plant_points_then")),
    )
    from anlan.plant.point_past import fill
    from anlan.plant.versions import plant_of

    session = Session(bind=op.get_bind())
    fill(session, plant_of)
    session.flush()

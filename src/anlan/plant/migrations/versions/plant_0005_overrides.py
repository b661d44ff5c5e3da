"""Loosenings by one person at night, and their review."""

import sqlalchemy as sa
from alembic import op

revision = "plant_0005"
down_revision = "plant_0004"
branch_labels = None
depends_on = None


def _int() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plant_overrides",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", _int(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("person_zh", sa.Text(), nullable=False),
        sa.Column("person_en", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("began_at", _int(), nullable=False),
        sa.Column("ends_at", _int(), nullable=False),
        sa.Column("ended_at", _int(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_version", _int(), nullable=True),
        sa.Column("reviewed_at", _int(), nullable=True),
        sa.Column("reviewer", sa.Uuid(), nullable=True),
        sa.Column("reviewer_zh", sa.Text(), nullable=False),
        sa.Column("reviewer_en", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("review", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["plant_versions.number"], name=op.f("fk_plant_overrides_version_plant_versions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plant_overrides")),
    )
    op.create_index(op.f("ix_plant_overrides_ended_at"), "plant_overrides", ["ended_at"])
    op.create_index(op.f("ix_plant_overrides_reviewed_at"), "plant_overrides", ["reviewed_at"])

"""Configuration versions, and the dense numbers of sources, points and alarms."""

import sqlalchemy as sa
from alembic import op

revision = "plant_0001"
down_revision = None
branch_labels = ("plant",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plant_numbers",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "number", name=op.f("pk_plant_numbers")),
        sa.UniqueConstraint("kind", "identifier", name=op.f("uq_plant_numbers_kind_identifier")),
    )
    op.create_table(
        "plant_versions",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("base", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["base"], ["plant_versions.number"], name=op.f("fk_plant_versions_base_plant_versions")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_plant_versions")),
        sa.UniqueConstraint("id", name=op.f("uq_plant_versions_id")),
    )

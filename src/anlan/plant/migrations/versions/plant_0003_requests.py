"""Changes that wait for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "plant_0003"
down_revision = "plant_0002"
branch_labels = None
depends_on = None


def _int() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plant_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("base", _int(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", _int(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("effect", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("requester", sa.Uuid(), nullable=True),
        sa.Column("requester_zh", sa.Text(), nullable=False),
        sa.Column("requester_en", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", _int(), nullable=False),
        sa.Column("signed_at", _int(), nullable=True),
        sa.Column("expires_at", _int(), nullable=False),
        sa.Column("decider", sa.Uuid(), nullable=True),
        sa.Column("decider_zh", sa.Text(), nullable=False),
        sa.Column("decider_en", sa.Text(), nullable=False),
        sa.Column("decided_at", _int(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", _int(), nullable=True),
        sa.ForeignKeyConstraint(["base"], ["plant_versions.number"], name=op.f("fk_plant_requests_base_plant_versions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plant_requests")),
    )
    op.create_index(op.f("ix_plant_requests_state"), "plant_requests", ["state"])

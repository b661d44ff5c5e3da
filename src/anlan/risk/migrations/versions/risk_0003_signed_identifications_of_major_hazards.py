"""Signed identifications of major hazards and the second persons' decisions, refused any change by the database itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")
TABLES = ("risk_hazard_identifications", "risk_hazard_decisions")

revision = "risk_0003"
down_revision = "risk_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_hazard_identifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("number", INTEGER_64, nullable=False),
        sa.Column("content", JSON_COLUMN, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("plant_version", INTEGER_64, nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("assessed_on", sa.Text(), nullable=False),
        sa.Column("lowers", INTEGER_64, nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_hazard_identifications")),
    )
    op.create_index(
        op.f("ix_risk_hazard_identifications_unit_number"), "risk_hazard_identifications", ["unit", "number"], unique=True
    )
    op.create_table(
        "risk_hazard_decisions",
        sa.Column("identification", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("identification", name=op.f("pk_risk_hazard_decisions")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION risk_hazard_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'a signed identification is not changed'; END $$"
        )
        for table in TABLES:
            op.execute(
                f"CREATE TRIGGER {table}_only_add BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION risk_hazard_refuse()"
            )
        return
    for table in TABLES:
        for step in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{step.lower()} BEFORE {step} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'a signed identification is not changed'); END"
            )

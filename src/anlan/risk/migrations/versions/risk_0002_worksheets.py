"""Worksheets: their versions and signatures, both refused any change by the database itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")
TABLES = ("risk_sheet_versions", "risk_sheet_signatures")

revision = "risk_0002"
down_revision = "risk_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_sheet_versions",
        sa.Column("sheet", sa.Uuid(), nullable=False),
        sa.Column("number", INTEGER_64, autoincrement=False, nullable=False),
        sa.Column("content", JSON_COLUMN, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("base", INTEGER_64, nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.PrimaryKeyConstraint("sheet", "number", name=op.f("pk_risk_sheet_versions")),
    )
    op.create_table(
        "risk_sheet_signatures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sheet", sa.Uuid(), nullable=False),
        sa.Column("number", INTEGER_64, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_sheet_signatures")),
    )
    op.create_index(op.f("ix_risk_sheet_signatures_sheet"), "risk_sheet_signatures", ["sheet", "number"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION risk_sheet_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'a version of a worksheet is not changed'; END $$"
        )
        for table in TABLES:
            op.execute(
                f"CREATE TRIGGER {table}_only_add BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION risk_sheet_refuse()"
            )
        return
    for table in TABLES:
        for step in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{step.lower()} BEFORE {step} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'a version of a worksheet is not changed'); END"
            )

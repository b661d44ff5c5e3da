"""What people enter about failures, tests and demands, refused any change by the database itself."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "risk_0004"
down_revision = "risk_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_failure_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("withdraws", sa.Uuid(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("entered_at", INTEGER_64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_failure_events")),
    )
    op.create_index(op.f("ix_risk_failure_events_item_at"), "risk_failure_events", ["item", "at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION risk_failure_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'what was entered about a failure is not changed'; END $$"
        )
        op.execute(
            "CREATE TRIGGER risk_failure_events_only_add BEFORE UPDATE OR DELETE ON risk_failure_events "
            "FOR EACH ROW EXECUTE FUNCTION risk_failure_refuse()"
        )
        return
    for step in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER risk_failure_events_no_{step.lower()} BEFORE {step} ON risk_failure_events "
            "BEGIN SELECT RAISE(ABORT, 'what was entered about a failure is not changed'); END"
        )

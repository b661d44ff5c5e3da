"""Shift handovers and their addenda; a signed one and every addendum are refused any change by the database itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "monitor_0005"
down_revision = "monitor_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitor_handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("edition", INTEGER_64, nullable=False),
        sa.Column("start", INTEGER_64, nullable=False),
        sa.Column("as_of", INTEGER_64, nullable=True),
        sa.Column("facts", JSON_COLUMN, nullable=True),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("items", JSON_COLUMN, nullable=False),
        sa.Column("outgoing", sa.Uuid(), nullable=True),
        sa.Column("outgoing_zh", sa.Text(), nullable=False),
        sa.Column("outgoing_en", sa.Text(), nullable=False),
        sa.Column("offered_at", INTEGER_64, nullable=True),
        sa.Column("incoming", sa.Uuid(), nullable=True),
        sa.Column("incoming_zh", sa.Text(), nullable=False),
        sa.Column("incoming_en", sa.Text(), nullable=False),
        sa.Column("incoming_remarks", sa.Text(), nullable=False),
        sa.Column("signed_at", INTEGER_64, nullable=True),
        sa.Column("previous", sa.Uuid(), nullable=True),
        sa.Column("previous_sha256", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_handovers")),
    )
    op.create_index("ix_monitor_handovers_post_state", "monitor_handovers", ["post", "state"], unique=False)
    op.create_index(op.f("ix_monitor_handovers_signed_at"), "monitor_handovers", ["signed_at"], unique=False)
    op.create_table(
        "monitor_handover_addenda",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handover", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover"], ["monitor_handovers.id"], name=op.f("fk_monitor_handover_addenda_handover_monitor_handovers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_handover_addenda")),
    )
    op.create_index(op.f("ix_monitor_handover_addenda_handover"), "monitor_handover_addenda", ["handover"], unique=False)
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL if postgresql else _SQLITE:
        op.execute(statement)


_SQLITE = (
    "CREATE TRIGGER monitor_handovers_no_update BEFORE UPDATE ON monitor_handovers WHEN OLD.state = 'signed' "
    "BEGIN SELECT RAISE(ABORT, 'a signed handover is not changed'); END",
    "CREATE TRIGGER monitor_handovers_no_delete BEFORE DELETE ON monitor_handovers WHEN OLD.state = 'signed' "
    "BEGIN SELECT RAISE(ABORT, 'a signed handover is not changed'); END",
    "CREATE TRIGGER monitor_handover_addenda_no_update BEFORE UPDATE ON monitor_handover_addenda "
    "BEGIN SELECT RAISE(ABORT, 'an addendum is not changed'); END",
    "CREATE TRIGGER monitor_handover_addenda_no_delete BEFORE DELETE ON monitor_handover_addenda "
    "BEGIN SELECT RAISE(ABORT, 'an addendum is not changed'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION monitor_handover_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'a signed handover is not changed'; END $$",
    "CREATE TRIGGER monitor_handovers_only_add BEFORE UPDATE OR DELETE ON monitor_handovers FOR EACH ROW "
    "WHEN (OLD.state = 'signed') EXECUTE FUNCTION monitor_handover_refuse()",
    "CREATE TRIGGER monitor_handover_addenda_only_add BEFORE UPDATE OR DELETE ON monitor_handover_addenda FOR EACH ROW "
    "EXECUTE FUNCTION monitor_handover_refuse()",
)

"""heads of other nodes' audit records, whose witness this node is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "guard_0005"
down_revision = "guard_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guard_witnessed",
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", INTEGER_64, nullable=False),
        sa.Column("heard_at", INTEGER_64, nullable=False),
        sa.Column("refused_at", INTEGER_64, nullable=True),
        sa.Column("refused", JSON_COLUMN, nullable=True),
        sa.PrimaryKeyConstraint("log", name=op.f("pk_guard_witnessed")),
    )
    op.create_table(
        "guard_witnessed_heads",
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("size", INTEGER_64, autoincrement=False, nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("first", INTEGER_64, nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", INTEGER_64, nullable=False),
        sa.ForeignKeyConstraint(["log"], ["guard_witnessed.log"], name=op.f("fk_guard_witnessed_heads_log_guard_witnessed")),
        sa.PrimaryKeyConstraint("log", "size", name=op.f("pk_guard_witnessed_heads")),
    )
    op.create_table(
        "guard_witness_senders",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["log"], ["guard_witnessed.log"], name=op.f("fk_guard_witness_senders_log_guard_witnessed")),
        sa.ForeignKeyConstraint(["token_id"], ["guard_tokens.id"], name=op.f("fk_guard_witness_senders_token_id_guard_tokens")),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_guard_witness_senders")),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL if postgresql else _SQLITE:
        op.execute(statement)


_SQLITE = tuple(
    f"CREATE TRIGGER guard_witnessed_heads_no_{what} BEFORE {what.upper()} ON guard_witnessed_heads "
    "BEGIN SELECT RAISE(ABORT, 'what a witness holds is only added to'); END"
    for what in ("update", "delete")
)
_POSTGRESQL = (
    "CREATE TRIGGER guard_witnessed_heads_only_add BEFORE UPDATE OR DELETE OR TRUNCATE ON guard_witnessed_heads "
    "FOR EACH STATEMENT EXECUTE FUNCTION guard_audit_refuse()",
)

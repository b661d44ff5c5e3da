"""signed heads of the audit record."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "guard_0003"
down_revision = "guard_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guard_audit_heads",
        sa.Column("size", INTEGER_64, autoincrement=False, nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_guard_audit_heads")),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL if postgresql else _SQLITE:
        op.execute(statement)


_SQLITE = tuple(
    f"CREATE TRIGGER guard_audit_heads_no_{what} BEFORE {what.upper()} ON guard_audit_heads "
    "BEGIN SELECT RAISE(ABORT, 'the audit record is only added to'); END"
    for what in ("update", "delete")
)
_POSTGRESQL = (
    "CREATE TRIGGER guard_audit_heads_only_add BEFORE UPDATE OR DELETE OR TRUNCATE ON guard_audit_heads "
    "FOR EACH STATEMENT EXECUTE FUNCTION guard_audit_refuse()",
)

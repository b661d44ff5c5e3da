"""people, posts, roles, sessions, audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")

revision = "guard_0001"
down_revision = None
branch_labels = ("guard",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guard_audit",
        sa.Column("n", INTEGER_64, autoincrement=False, nullable=False),
        sa.Column("at", INTEGER_64, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("from_where", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", JSON_COLUMN, nullable=True),
        sa.Column("after", JSON_COLUMN, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_guard_audit")),
    )
    op.create_index(op.f("ix_guard_audit_at"), "guard_audit", ["at"], unique=False)

    op.create_table(
        "guard_people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", INTEGER_64, nullable=False),
        sa.Column("changed_at", INTEGER_64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_people")),
        sa.UniqueConstraint("account", name=op.f("uq_guard_people_account")),
    )
    op.create_table(
        "guard_posts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_posts")),
    )
    op.create_table(
        "guard_assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("since", INTEGER_64, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["guard_people.id"], name=op.f("fk_guard_assignments_person_id_guard_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_assignments")),
        sa.UniqueConstraint("person_id", "role", "post", "place", name=op.f("uq_guard_assignments_person_id_role_post_place")),
    )
    op.create_index(op.f("ix_guard_assignments_person_id"), "guard_assignments", ["person_id"], unique=False)

    op.create_table(
        "guard_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("from_where", sa.Text(), nullable=False),
        sa.Column("began_at", INTEGER_64, nullable=False),
        sa.Column("seen_at", INTEGER_64, nullable=False),
        sa.Column("ended_at", INTEGER_64, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["guard_people.id"], name=op.f("fk_guard_sessions_person_id_guard_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_guard_sessions_token_hash")),
    )
    op.create_index(op.f("ix_guard_sessions_person_id"), "guard_sessions", ["person_id"], unique=False)

    _only_add("guard_audit")


def _only_add(table: str) -> None:
    """The audit record is only added to: the database itself refuses a change or a deletion."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL if postgresql else _SQLITE:
        op.execute(statement.format(table=table))


_SQLITE = (
    "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'the audit record is only added to'); END",
    "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'the audit record is only added to'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit record is only added to'; END $$",
    "CREATE TRIGGER {table}_only_add BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
)

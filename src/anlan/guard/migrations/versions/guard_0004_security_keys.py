"""security keys and cards; a new phone waits beside the one that counts."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "guard_0004"
down_revision = "guard_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guard_factors", sa.Column("pending", sa.LargeBinary(), nullable=True))
    op.create_table(
        "guard_security_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rp_id", sa.Text(), nullable=False),
        sa.Column("counter", INTEGER_64, nullable=False),
        sa.Column("made_at", INTEGER_64, nullable=False),
        sa.Column("used_at", INTEGER_64, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["guard_people.id"], name=op.f("fk_guard_security_keys_person_id_guard_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_security_keys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_guard_security_keys_credential_id")),
    )
    op.create_index(op.f("ix_guard_security_keys_person_id"), "guard_security_keys", ["person_id"], unique=False)

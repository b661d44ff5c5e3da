"""second factors, API tokens, known devices, old passwords, duty roster, policy in force."""

import sqlalchemy as sa
from alembic import op

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "guard_0002"
down_revision = "guard_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guard_assignments", sa.Column("only", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("guard_sessions", sa.Column("needs", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("guard_sessions", sa.Column("unattended_at", INTEGER_64, nullable=True))

    op.create_table(
        "guard_old_passwords",
        *_of_person("guard_old_passwords"),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("until", INTEGER_64, nullable=False),
    )
    op.create_index(op.f("ix_guard_old_passwords_person_id"), "guard_old_passwords", ["person_id"], unique=False)

    op.create_table(
        "guard_factors",
        *_of_person("guard_factors"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", INTEGER_64, nullable=False),
        sa.Column("confirmed_at", INTEGER_64, nullable=True),
        sa.Column("last_step", INTEGER_64, nullable=False),
        sa.UniqueConstraint("person_id", name=op.f("uq_guard_factors_person_id")),
    )
    op.create_table(
        "guard_recovery_codes",
        *_of_person("guard_recovery_codes"),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", INTEGER_64, nullable=True),
        sa.UniqueConstraint("person_id", "code_hash", name=op.f("uq_guard_recovery_codes_person_id_code_hash")),
    )
    op.create_table(
        "guard_factor_resets",
        *_of_person("guard_factor_resets"),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", INTEGER_64, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", INTEGER_64, nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
    )
    op.create_index(op.f("ix_guard_factor_resets_person_id"), "guard_factor_resets", ["person_id"], unique=False)

    op.create_table(
        "guard_devices",
        *_of_person("guard_devices"),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("from_where", sa.Text(), nullable=False),
        sa.Column("made_at", INTEGER_64, nullable=False),
        sa.Column("seen_at", INTEGER_64, nullable=False),
        sa.UniqueConstraint("token_hash", "person_id", name=op.f("uq_guard_devices_token_hash_person_id")),
    )
    op.create_index(op.f("ix_guard_devices_person_id"), "guard_devices", ["person_id"], unique=False)

    op.create_table(
        "guard_tokens",
        *_of_person("guard_tokens"),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("made_at", INTEGER_64, nullable=False),
        sa.Column("expires_at", INTEGER_64, nullable=False),
        sa.Column("used_at", INTEGER_64, nullable=True),
        sa.Column("used_from", sa.Text(), nullable=False),
        sa.Column("revoked_at", INTEGER_64, nullable=True),
        sa.UniqueConstraint("token_hash", name=op.f("uq_guard_tokens_token_hash")),
    )
    op.create_index(op.f("ix_guard_tokens_person_id"), "guard_tokens", ["person_id"], unique=False)

    op.create_table(
        "guard_roster",
        *_of_person("guard_roster"),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("shift", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.UniqueConstraint("day", "shift", "post", "person_id", name=op.f("uq_guard_roster_day_shift_post_person_id")),
    )
    op.create_table(
        "guard_settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", INTEGER_64, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_guard_settings")),
    )


def _of_person(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["guard_people.id"], name=op.f(f"fk_{table}_person_id_guard_people")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )

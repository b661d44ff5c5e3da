"""Tables of the guard: people, posts, who holds which role where, sessions, second factors, devices, tokens, roster, audit record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from anlan.guard.witness_records import Witnessed, WitnessedHead, WitnessSender
from anlan.store.records import Base

__all__ = ["WitnessSender", "Witnessed", "WitnessedHead"]


class Person(Base):
    """A named person. `password` is an argon2id string; `must_change`: the password was made by the node for one use."""

    __tablename__ = "guard_people"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(unique=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    password: Mapped[str]
    must_change: Mapped[bool]
    disabled: Mapped[bool]
    demo: Mapped[bool]
    created_at: Mapped[int]
    changed_at: Mapped[int]
    assignments: Mapped[list[Assignment]] = relationship(back_populates="person", cascade="all, delete-orphan", lazy="selectin")


class Post(Base):
    """An operating post (操作岗位): alarms belong to it, people sign in at it."""

    __tablename__ = "guard_posts"

    id: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]


class Assignment(Base):
    """A person holds `role` for the branch `place` ("" is everywhere), at `post` ("" for roles that work at none).

    `only`: kinds of action it is limited to, joined by spaces and sorted; "" leaves the role whole.
    """

    __tablename__ = "guard_assignments"
    __table_args__ = (sa.UniqueConstraint("person_id", "role", "post", "place"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    role: Mapped[str]
    post: Mapped[str]
    place: Mapped[str]
    only: Mapped[str] = mapped_column(server_default=sa.text("''"), default="")
    since: Mapped[int]
    person: Mapped[Person] = relationship(back_populates="assignments")


class SignIn(Base):
    """A session, running or over. Only the SHA-256 of its token is kept: whoever reads this table can't use it.

    `needs`: what the person must do before anything else, joined by spaces: "password", "factor". `unattended_at`: since when the
    console of a post goes on showing with nobody signed in (`sessions`). `provider`: the issuer that identified the person, "" for the own
    password.
    """

    __tablename__ = "guard_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    post: Mapped[str]
    language: Mapped[str]
    from_where: Mapped[str]
    began_at: Mapped[int]
    seen_at: Mapped[int]
    ended_at: Mapped[int | None]
    needs: Mapped[str] = mapped_column(server_default=sa.text("''"), default="")
    unattended_at: Mapped[int | None] = mapped_column(default=None)
    provider: Mapped[str] = mapped_column(server_default=sa.text("''"), default="")


class OldPassword(Base):
    """A password the person has had, as argon2id string, so that it does not come back (`policy`)."""

    __tablename__ = "guard_old_passwords"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    password: Mapped[str]
    until: Mapped[int]


class Factor(Base):
    """A person's TOTP secret, sealed by the node's key (`vault`). It counts from `confirmed_at`; `last_step` is the newest step used.
    `pending`: the sealed secret of another phone, which replaces it with that phone's first code."""

    __tablename__ = "guard_factors"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), unique=True)
    sealed: Mapped[bytes]
    made_at: Mapped[int]
    confirmed_at: Mapped[int | None]
    last_step: Mapped[int]
    pending: Mapped[bytes | None] = mapped_column(default=None)


class SecurityKey(Base):
    """A key or card that answers for a person (`security_keys`). `public`: AAGUID, credential id and public key as it gave them; `rp_id`:
    the name of the console that it answers to; `counter`: how often it had signed when last seen."""

    __tablename__ = "guard_security_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public: Mapped[bytes]
    name: Mapped[str]
    rp_id: Mapped[str]
    counter: Mapped[int]
    made_at: Mapped[int]
    used_at: Mapped[int | None]


class RecoveryCode(Base):
    """SHA-256 of a code for one use in place of the second factor."""

    __tablename__ = "guard_recovery_codes"
    __table_args__ = (sa.UniqueConstraint("person_id", "code_hash"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"))
    code_hash: Mapped[bytes]
    used_at: Mapped[int | None]


class FactorReset(Base):
    """Someone asked to take away a person's second factor; a second one decides."""

    __tablename__ = "guard_factor_resets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    asked_by: Mapped[UUID]
    asked_at: Mapped[int]
    reason: Mapped[str]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[int | None]
    approved: Mapped[bool | None]


class Device(Base):
    """A browser from which the person has signed in; it carries a token whose SHA-256 stands here. One browser may know several people."""

    __tablename__ = "guard_devices"
    __table_args__ = (sa.UniqueConstraint("token_hash", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes]
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    from_where: Mapped[str]
    made_at: Mapped[int]
    seen_at: Mapped[int]


class Token(Base):
    """An API token: no more than `actions` (joined by spaces) at the branch `place`, and never more than its owner may."""

    __tablename__ = "guard_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    name: Mapped[str]
    actions: Mapped[str]
    place: Mapped[str]
    made_at: Mapped[int]
    expires_at: Mapped[int]
    used_at: Mapped[int | None]
    used_from: Mapped[str]
    revoked_at: Mapped[int | None]


class OnDuty(Base):
    """A person is on duty at `post` in the shift that begins on `day` ("2026-03-01", the site's calendar)."""

    __tablename__ = "guard_roster"
    __table_args__ = (sa.UniqueConstraint("day", "shift", "post", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[str]
    shift: Mapped[str]
    post: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"))


class Setting(Base):
    """What the node's people decided on for the whole node, e.g. which policy is in force."""

    __tablename__ = "guard_settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    changed_at: Mapped[int]
    changed_by: Mapped[str]


class AuditLeaf(Base):
    """One step of a person or of the node. Rows are only added; triggers refuse anything else.

    `leaf` is the RFC 6962 leaf hash of the row's canonical JSON, which contains the leaf before it.
    """

    __tablename__ = "guard_audit"

    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(index=True)
    who: Mapped[str]
    post: Mapped[str]
    from_where: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str]
    leaf: Mapped[bytes]


class AuditHead(Base):
    """A head of the audit record's Merkle tree as this node signed it (`guard.heads`). Rows are only added."""

    __tablename__ = "guard_audit_heads"

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    root: Mapped[bytes]
    log: Mapped[str]
    signature: Mapped[bytes]

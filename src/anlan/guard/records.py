"""Tables of the guard: people, posts, who holds which role where, sessions, and the audit record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from anlan.store.records import Base


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
    """A person holds `role` for the branch `place` ("" is everywhere), at `post` ("" for roles that work at none)."""

    __tablename__ = "guard_assignments"
    __table_args__ = (sa.UniqueConstraint("person_id", "role", "post", "place"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_people.id"), index=True)
    role: Mapped[str]
    post: Mapped[str]
    place: Mapped[str]
    since: Mapped[int]
    person: Mapped[Person] = relationship(back_populates="assignments")


class SignIn(Base):
    """A session, running or over. Only the SHA-256 of its token is kept: whoever reads this table can't use it."""

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

"""Tables of studies: versions, which never change, and what each said of the running plant."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class StudyRow(Base):
    """One version of a study. Inserted once; no code updates or deletes it."""

    __tablename__ = "risk_studies"

    study: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 … without holes."""
    id: Mapped[UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    place: Mapped[str]
    """Path of a place; "" the whole plant."""
    text: Mapped[str]
    attached: Mapped[dict[str, Any]]
    """Name → text of the files beside it."""
    author: Mapped[str]
    """Account; the machine's own for a folder."""
    reason: Mapped[str]
    base: Mapped[int | None]
    """The version it was made from; none for the first."""
    origin: Mapped[str]
    """The folder it came from, "" when made in the console."""
    digest: Mapped[str]
    """SHA-256 of text and attached files, hex."""
    at: Mapped[int]
    """µs UTC."""
    removed: Mapped[bool]
    """The study ends with this version; a later one brings it back."""


class ResultRow(Base):
    """What a study said when a fact changed."""

    __tablename__ = "risk_results"

    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    study: Mapped[str]
    version: Mapped[int]
    at: Mapped[int]
    value: Mapped[float | None]
    baseline: Mapped[float | None]
    unknown: Mapped[float]
    """Share 0 … 1 of the facts."""
    facts: Mapped[list[Any]]
    """Of each binding: its text, state (true, false, null), last known state, since, why in both languages, its own factor."""

    __table_args__ = (sa.Index(None, "study", "at"),)

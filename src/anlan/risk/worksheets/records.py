"""Tables of worksheets: versions and signatures, neither ever changed; triggers of the database refuse it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class SheetVersion(Base):
    """One version of a worksheet, whole. `content` as `Sheet.as_json`; `digest` is over it."""

    __tablename__ = "risk_sheet_versions"

    sheet: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 … without holes."""
    content: Mapped[dict[str, Any]]
    digest: Mapped[str]
    base: Mapped[int | None]
    """The version it was made from; none for the first."""
    origin: Mapped[str]
    """Workbook or plant folder file that it came from; "" when written in the console."""
    person: Mapped[UUID | None]
    """None: a file of the plant folder."""
    name_zh: Mapped[str]
    name_en: Mapped[str]
    reason: Mapped[str]
    at: Mapped[int]
    """µs UTC."""


class SheetSignature(Base):
    """A person reviewed or signed one version, by own password. `sha256` is over who, when, what step and the version's digest."""

    __tablename__ = "risk_sheet_signatures"
    __table_args__ = (sa.Index("ix_risk_sheet_signatures_sheet", "sheet", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sheet: Mapped[UUID]
    number: Mapped[int]
    step: Mapped[str]
    """review, sign"""
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    at: Mapped[int]
    sha256: Mapped[str]

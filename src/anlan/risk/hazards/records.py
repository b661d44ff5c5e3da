"""Tables of signed identifications and of the second persons' decisions on them; neither is ever changed, triggers of the database refuse it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class SignedIdentification(Base):
    """What a person has signed for one unit. `content` as `register.unit_json`; `sha256` is over all of the row."""

    __tablename__ = "risk_hazard_identifications"
    __table_args__ = (sa.Index(None, "unit", "number", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    unit: Mapped[str]
    number: Mapped[int]
    """1, 2, 3 … of the unit, without holes."""
    content: Mapped[dict[str, Any]]
    digest: Mapped[str]
    """Of `content`."""
    plant_version: Mapped[int]
    occasion: Mapped[str]
    basis: Mapped[str]
    """Report, meeting, letter that it rests on."""
    assessed_on: Mapped[str]
    """ISO date; the three years run from it."""
    lowers: Mapped[int]
    """1: S, R or the level is less grave than what is in force, so that it takes a second person."""
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    at: Mapped[int]
    """µs UTC."""
    sha256: Mapped[str]


class IdentificationDecision(Base):
    """A second person's word on one that lowers. `decision`: approve, reject."""

    __tablename__ = "risk_hazard_decisions"

    identification: Mapped[UUID] = mapped_column(primary_key=True)
    decision: Mapped[str]
    comment: Mapped[str]
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    at: Mapped[int]
    sha256: Mapped[str]

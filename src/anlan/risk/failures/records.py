"""The table of what people enter about failures; no row is ever changed, a mistake is withdrawn by another row."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class FailureEvent(Base):
    """One thing that happened to one item of equipment, or the withdrawal of such an entry."""

    __tablename__ = "risk_failure_events"
    __table_args__ = (sa.Index(None, "item", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sort: Mapped[str]
    """in-service, retired, failure, test, demand, withdrawn"""
    item: Mapped[str]
    """Tag of the equipment, e.g. XV-101."""
    point: Mapped[str]
    """Id of the point that tells of it, "" none: its place gives the right to see and to enter."""
    equipment: Mapped[str]
    """Class of the library."""
    mode: Mapped[str]
    """"" for in-service and retired."""
    at: Mapped[int]
    """When it happened, µs UTC."""
    passed: Mapped[bool | None]
    """Of a test or a demand."""
    note: Mapped[str]
    withdraws: Mapped[UUID | None]
    person: Mapped[UUID | None]
    """None: from the plant folder."""
    name_zh: Mapped[str]
    name_en: Mapped[str]
    entered_at: Mapped[int]
    """µs UTC."""

"""Tables of the web kit: writes that may be repeated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class Write(Base):
    """A write under an Idempotency-Key. `status` None: begun, its outcome not yet known; with an answer it failed."""

    __tablename__ = "web_writes"
    __table_args__ = (sa.UniqueConstraint("person", "key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person: Mapped[UUID]
    key: Mapped[str]
    request_hash: Mapped[bytes]
    made_at: Mapped[int] = mapped_column(index=True)
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None]

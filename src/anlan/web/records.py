"""Tables of the web kit: writes that may be repeated, paired operator stations."""

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


class StationRow(Base):
    """An operator station at a post, by a key of its own. Of code and key only the SHA-256 is kept: whoever reads this table can use neither.

    `code_hash` is there until it was used or `code_until` is over; `key_hash` from then on, until it is revoked.
    """

    __tablename__ = "web_stations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    post: Mapped[str]
    code_hash: Mapped[bytes | None]
    code_until: Mapped[int]
    key_hash: Mapped[bytes | None]
    made_at: Mapped[int]
    made_by: Mapped[str]
    paired_at: Mapped[int | None]
    paired_from: Mapped[str]
    revoked_at: Mapped[int | None]

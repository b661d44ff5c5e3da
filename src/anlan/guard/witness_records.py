"""Tables of what this node keeps for other nodes, whose witness it is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class Witnessed(Base):
    """An audit record of another node, named by its log. `refused`: the head that was refused last, and why; None since one was taken."""

    __tablename__ = "guard_witnessed"

    log: Mapped[str] = mapped_column(primary_key=True)
    public_key: Mapped[str]
    name: Mapped[str]
    since: Mapped[int]
    heard_at: Mapped[int]
    refused_at: Mapped[int | None]
    refused: Mapped[dict[str, Any] | None]


class WitnessedHead(Base):
    """A head as it was handed over, with the hashes of the leaves from `first` on (0 and none: the head alone). Rows are only added."""

    __tablename__ = "guard_witnessed_heads"

    log: Mapped[str] = mapped_column(sa.ForeignKey("guard_witnessed.log"), primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    root: Mapped[bytes]
    signature: Mapped[bytes]
    first: Mapped[int]
    leaves: Mapped[bytes]
    received_at: Mapped[int]


class WitnessSender(Base):
    """The record to which a token belongs since it handed over its first head."""

    __tablename__ = "guard_witness_senders"

    token_id: Mapped[UUID] = mapped_column(sa.ForeignKey("guard_tokens.id"), primary_key=True)
    log: Mapped[str] = mapped_column(sa.ForeignKey("guard_witnessed.log"))

"""Tables of the alarm room beside the journal: who has seen which alarm (已阅), which stops nothing."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class Seen(Base):
    """A person has taken note of one activation of an alarm, wherever they were."""

    __tablename__ = "monitor_seen"
    __table_args__ = (sa.UniqueConstraint("alarm", "episode", "person"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    alarm: Mapped[int]
    episode: Mapped[int]
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    at: Mapped[int]

"""Tables of the alarm room beside the journal: who has seen which alarm (已阅), which stops nothing; whether an action worked (措施见效)."""

from __future__ import annotations

from enum import StrEnum
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


class Effect(StrEnum):
    """A person's own answer to "did the action work?"."""

    WORKED = "worked"
    DID_NOT_WORK = "did_not_work"
    NOT_APPLICABLE = "not_applicable"


class ResponseAnswer(Base):
    """What a person says of the action taken on one activation of an alarm, beside what the readings said then. Nothing is overwritten:
    a later answer stands above an earlier one."""

    __tablename__ = "monitor_response"
    __table_args__ = (sa.Index("ix_monitor_response_alarm_episode", "alarm", "episode"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    alarm: Mapped[int]
    episode: Mapped[int]
    effect: Mapped[str]
    note: Mapped[str]
    verdict: Mapped[str]
    value: Mapped[float | None]
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    at: Mapped[int]

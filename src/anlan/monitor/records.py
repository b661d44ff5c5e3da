"""Tables of the alarm room beside the journal: who has seen which alarm (已阅), which stops nothing; whether an action worked (措施见效);
requests of two persons, calibrations, trials; shift handovers (交接班), of which signed ones and addenda are held by triggers."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
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


class ActionEffect(StrEnum):
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


class OutRequest(Base):
    """Somebody asked to take a point out of service: to inhibit a detector, or to bypass a safety function. `state`: open, deciding,
    approved, refused, withdrawn (`point_requests`). What stands now is the engine's to say; this is who agreed to it."""

    __tablename__ = "monitor_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    point: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    work_order: Mapped[str]
    until: Mapped[int]
    measures: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(index=True)
    requester: Mapped[UUID]
    requester_zh: Mapped[str]
    requester_en: Mapped[str]
    requester_post: Mapped[str]
    requested_at: Mapped[int]
    decider: Mapped[UUID | None]
    decider_zh: Mapped[str]
    decider_en: Mapped[str]
    decided_at: Mapped[int | None]
    note: Mapped[str]


class Calibration(Base):
    """One calibration of one detector, as the person ended it. `measured` is what its readings said, `judged` each number against the plant's
    own limit; `next_due` an ISO date, "" when it passed nothing."""

    __tablename__ = "monitor_calibrations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    point: Mapped[str] = mapped_column(index=True)
    began_at: Mapped[int]
    ended_at: Mapped[int]
    gas_on: Mapped[int | None]
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    gas: Mapped[str]
    applied: Mapped[float | None]
    unit: Mapped[str]
    as_found: Mapped[float | None]
    as_left: Mapped[float | None]
    t90: Mapped[float | None]
    measured: Mapped[dict[str, Any]]
    judged: Mapped[list[Any]]
    result: Mapped[str]
    certificate: Mapped[str]
    reason: Mapped[str]
    next_due: Mapped[str]


class TrialRow(Base):
    """A what-if that the node answered, kept for a day so that an edit can name it (`trials`). `result`: what was replayed and found."""

    __tablename__ = "monitor_trials"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    person: Mapped[UUID] = mapped_column(index=True)
    account: Mapped[str]
    version: Mapped[int]
    changes: Mapped[dict[str, Any]]
    start: Mapped[int]
    end: Mapped[int]
    result: Mapped[dict[str, Any]]


class Handover(Base):
    """One handover at one post. `state`: draft, offered (the outgoing person has signed), signed (both have). `edition` counts the saves of a draft.

    `facts` (`facts.gather`) are those of `as_of`, the moment of the outgoing signature; None in a draft, whose facts are of now.
    `previous` is the handover before it at the post, whose hash is part of what `sha256` is over.
    """

    __tablename__ = "monitor_handovers"
    __table_args__ = (sa.Index("ix_monitor_handovers_post_state", "post", "state"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    post: Mapped[str]
    state: Mapped[str]
    edition: Mapped[int]
    start: Mapped[int]
    as_of: Mapped[int | None]
    facts: Mapped[dict[str, Any] | None]
    remarks: Mapped[str]
    items: Mapped[list[Any]]
    outgoing: Mapped[UUID | None]
    outgoing_zh: Mapped[str]
    outgoing_en: Mapped[str]
    offered_at: Mapped[int | None]
    incoming: Mapped[UUID | None]
    incoming_zh: Mapped[str]
    incoming_en: Mapped[str]
    incoming_remarks: Mapped[str]
    signed_at: Mapped[int | None] = mapped_column(index=True)
    previous: Mapped[UUID | None]
    previous_sha256: Mapped[str]
    sha256: Mapped[str]


class HandoverAddendum(Base):
    """What somebody adds to a signed handover. `sha256` is over its text, its person and the handover's hash."""

    __tablename__ = "monitor_handover_addenda"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    handover: Mapped[UUID] = mapped_column(sa.ForeignKey("monitor_handovers.id"), index=True)
    text: Mapped[str]
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    at: Mapped[int]
    sha256: Mapped[str]


class ProofRow(Base):
    """A proof of the alarm chain (报警链周检), kept without end. `stages`: µs from the start to each stage that was reached. `result`: begun
    (written first: a proof that stays so was broken off), heard, not_heard, unanswered, failed; `failed_at`: the stage that was not reached."""

    __tablename__ = "monitor_proofs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    person: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    post: Mapped[str]
    from_where: Mapped[str]
    station: Mapped[str]
    stages: Mapped[dict[str, Any]]
    result: Mapped[str]
    failed_at: Mapped[str]
    note: Mapped[str]
    ended_at: Mapped[int]

"""Tables of the plant room: versions of the configuration, which never change, requests for others, and the dense numbers given to ids."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from anlan.store.records import Base


class VersionRow(Base):
    """One configuration version. Inserted once; no code updates or deletes it."""

    __tablename__ = "plant_versions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 … without holes."""
    id: Mapped[UUID] = mapped_column(unique=True)
    base: Mapped[int | None] = mapped_column(sa.ForeignKey("plant_versions.number"))
    """The version it was made from; none for the first."""
    author: Mapped[str]
    reason: Mapped[str]
    at: Mapped[int]
    """µs UTC."""
    origin: Mapped[str]
    """The folder it was imported from, "" if it was made in the console."""
    digest: Mapped[str]
    """SHA-256 of the canonical JSON, hex."""
    size: Mapped[int]
    """Bytes of the canonical JSON."""
    content: Mapped[bytes]
    """The canonical JSON, zstd."""
    effect: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    """What a replay over recorded data said the change would do, if somebody asked before it was made."""


class NumberRow(Base):
    """The dense number of a source, point or alarm: given once, never given again, kept through renames."""

    __tablename__ = "plant_numbers"

    kind: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    identifier: Mapped[str]

    __table_args__ = (sa.UniqueConstraint("kind", "identifier"),)


class PointThenRow(Base):
    """What a point was up to an instant at which a version made something else of it, or took it away (`plant.point_past`)."""

    __tablename__ = "plant_points_then"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The point's dense number."""
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The version that ended it."""
    until: Mapped[int]
    """When that version was made. [µs UTC]"""
    point: Mapped[dict[str, Any]] = mapped_column(sa.JSON())
    """The point as it was (`model.points.Point`)."""


class DrawingRow(Base):
    """A picture of the plant's own, cleaned; versions name it by its digest. Inserted once."""

    __tablename__ = "plant_drawings"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media: Mapped[str]
    content: Mapped[bytes]


class RequestRow(Base):
    """A change that loosens, waiting for a second person (`plant.requests`)."""

    __tablename__ = "plant_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Becomes the version's own when it is approved."""
    state: Mapped[str] = mapped_column(index=True)
    """open, approved, overridden, declined, withdrawn, void (what it touches has moved on) or expired."""
    base: Mapped[int] = mapped_column(sa.ForeignKey("plant_versions.number"))
    """The version it was made on."""
    digest: Mapped[str]
    """SHA-256 of the proposed plant's canonical JSON, hex."""
    size: Mapped[int]
    content: Mapped[bytes]
    """The proposed plant, canonical JSON, zstd."""
    origin: Mapped[str]
    """The folder or file it came from, "" when it was made in the console."""
    told: Mapped[dict[str, Any]] = mapped_column(sa.JSON())
    """What both persons are shown: `changes` and `loosened` in both languages, each with its places, `places` of them all, `weaker` (the loosened
    as texts), `wired` (places at which points are added or read from elsewhere)."""
    effect: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    account: Mapped[str]
    """Who asked, by account; the machine's own when nobody was signed in."""
    requester: Mapped[UUID | None]
    """None: the machine's account asked, which is no person; a person must take it on before another can approve."""
    requester_zh: Mapped[str]
    requester_en: Mapped[str]
    reason: Mapped[str]
    asked_at: Mapped[int]
    signed_at: Mapped[int | None]
    """When the requester signed with the own password. None: a session alone asked, which may be anybody's at a station that never logs out."""
    expires_at: Mapped[int]
    decider: Mapped[UUID | None]
    decider_zh: Mapped[str]
    decider_en: Mapped[str]
    decided_at: Mapped[int | None]
    note: Mapped[str]
    version: Mapped[int | None]
    """The version that an approval, or an override, made."""


class OverrideRow(Base):
    """A loosening by one person at night, for half an hour at most (`plant.overriding`), and what a second person said of it afterwards."""

    __tablename__ = "plant_overrides"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the request that it brought into force."""
    version: Mapped[int] = mapped_column(sa.ForeignKey("plant_versions.number"))
    """The version that it made."""
    rules: Mapped[dict[str, Any]] = mapped_column(sa.JSON())
    """Alarm → {before, during}: the whole rule, as JSON. No version changes them before it has ended."""
    account: Mapped[str]
    person: Mapped[UUID]
    person_zh: Mapped[str]
    person_en: Mapped[str]
    note: Mapped[str]
    began_at: Mapped[int]
    ends_at: Mapped[int]
    ended_at: Mapped[int | None] = mapped_column(index=True)
    """When the values before were in a version again. None: it runs."""
    ended_by: Mapped[str]
    """Account of who ended it early; "" when its time was over."""
    ended_version: Mapped[int | None]
    reviewed_at: Mapped[int | None] = mapped_column(index=True)
    reviewer: Mapped[UUID | None]
    reviewer_zh: Mapped[str]
    reviewer_en: Mapped[str]
    verdict: Mapped[str]
    """agreed or objected."""
    review: Mapped[str]

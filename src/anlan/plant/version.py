"""What a configuration version is, without the records that keep it: sense and a start without records go by this alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from anlan.model.clock import Micros
from anlan.model.errors import Corrupt
from anlan.plant.description import Plant

if TYPE_CHECKING:
    from anlan.plant.difference import Change
    from anlan.plant.history_effects import HistoryEffect


@dataclass(frozen=True, slots=True)
class Numbers:
    """Id → number, for all that ever were."""

    sources: Mapping[str, int]
    points: Mapping[str, int]
    alarms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Version:
    """One configuration version without its content. `at` µs UTC; `base` is None for the first."""

    number: int
    id: UUID
    base: int | None
    author: str
    reason: str
    at: Micros
    origin: str
    digest: str
    effect: dict[str, Any] | None = None
    """What the node's own replay says it would have done (`effects`); None when it changes no dead-band or delay."""


@dataclass(frozen=True, slots=True)
class Imported:
    """`new` is whether a version was made; `changes` what it changes (empty for the first).

    `waiting`: what was wanted takes two persons and waits as this request (`plant.requests`); then `version` is the one that goes on.
    """

    version: Version
    plant: Plant
    numbers: Numbers
    new: bool
    changes: tuple[Change, ...] = ()
    waiting: dict[str, Any] | None = None
    history: tuple[HistoryEffect, ...] = ()
    """What it means for the readings that are kept already."""


def wiring_digest(content: bytes) -> str:
    """Of a plant's canonical JSON."""
    known = orjson.loads(content)
    parts = [known.get("sources"), known.get("points"), known["site"].get("demo")]
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def packed(content: bytes) -> bytes:
    import pyarrow as pa

    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


def unpacked(content: bytes, size: int) -> bytes:
    import pyarrow as pa

    try:
        unpacked: bytes = pa.decompress(content, decompressed_size=size, codec="zstd", asbytes=True)
    except (pa.ArrowException, OSError) as failure:
        raise Corrupt("a version of the plant cannot be unpacked: {why}", why=str(failure)) from failure
    return unpacked

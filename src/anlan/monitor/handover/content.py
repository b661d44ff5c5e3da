"""What is signed: the content of a handover as one JSON text, and its hash. Whoever has the row can compute it again."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from anlan.monitor.records import Handover, HandoverAddendum

HASHED = (
    "id", "post", "start", "as_of", "facts", "remarks", "items", "outgoing", "outgoing_zh", "outgoing_en", "offered_at", "incoming", "incoming_zh",
    "incoming_en", "incoming_remarks", "signed_at", "previous", "previous_sha256",
)  # fmt: skip


def content_of(row: Handover) -> bytes:
    """Canonical JSON, keys sorted, no spaces: all that both signed, and the hash of the handover before it."""
    told = {name: getattr(row, name) for name in HASHED}
    return orjson.dumps(told, default=str, option=orjson.OPT_SORT_KEYS)


def digest_of(row: Handover) -> str:
    """SHA-256 in hexadecimal."""
    return sha256(content_of(row)).hexdigest()


def digest_of_addendum(row: HandoverAddendum, handover_sha256: str) -> str:
    told: dict[str, Any] = {
        name: str(getattr(row, name)) for name in ("id", "handover", "text", "person", "name_zh", "name_en", "post", "at")
    }
    return sha256(orjson.dumps({**told, "of": handover_sha256}, option=orjson.OPT_SORT_KEYS)).hexdigest()

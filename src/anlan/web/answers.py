"""JSON as this API writes it: no NaN (a value that isn't known is null), instants as integer µs with an ISO text beside."""

from __future__ import annotations

import math
from typing import Any

import orjson
from starlette.responses import Response

from anlan.model.clock import Micros, isoformat
from anlan.model.quality import flags_of, reason_of, severity_of


def dumps(value: Any) -> bytes:
    """NaN and ±inf become null, numpy arrays lists, lone surrogates (from a client's broken text) question marks."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return orjson.dumps(_mended(value), default=str, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


class Json(Response):
    """An answer in JSON; what a route returns when its shape is built by hand."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return dumps(content)


def finite(value: float) -> float | None:
    """The number, or None for one that JSON can't say and nobody should compute with."""
    return value if math.isfinite(value) else None


def iso(instant: Micros | None) -> str | None:
    """RFC 3339 UTC, or None for none and for an instant outside the calendar (a device may stamp anything)."""
    if instant is None:
        return None
    try:
        return isoformat(instant)
    except (OverflowError, ValueError, OSError):
        return None


def quality_words(word: int) -> dict[str, Any]:
    """The quality word in words: {"severity": "bad", "reason": "communication", "flags": ["late"]}."""
    flags = [flag.name.lower() for flag in flags_of(word) if flag.name]
    return {"word": word, "severity": severity_of(word).name.lower(), "reason": reason_of(word).name.lower(), "flags": flags}


def _mended(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case dict():
            return {_mended(str(key)): _mended(item) for key, item in value.items()}
        case list() | tuple():
            return [_mended(item) for item in value]
        case int() if abs(value) >= 1 << 63:
            return float(value) if abs(value) < 1 << 1023 else str(value)
        case _:
            return value

"""The part of the log (CORRECTION) that tells what late readings change in the record, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from anlan.model.clock import Micros
from anlan.model.errors import InputError
from anlan.model.events.alarms import LATE, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """One row to be written. `episode` is that of the episode corrected; 0 adds one (LATE_DATA) or ends the one just added (LATE_END)."""

    alarm: int
    episode: int
    trigger: Trigger
    at: Micros
    value: float
    quality: int
    limit: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What a comparison found. It holds for late readings up to frame `through`, and was made from a journal that knew all corrections
    up to the one in frame `after`: with another since, it says nothing, and the points wait to be compared again."""

    through: int
    after: int
    points: Sequence[int] = ()
    """Nothing more is to be found from the late readings of these."""
    rows: Sequence[Corrected] = ()

    def to_bytes(self) -> bytes:
        """NaN becomes null."""
        return orjson.dumps(
            {
                "through": self.through,
                "after": self.after,
                "points": [int(point) for point in self.points],
                "rows": [asdict(row) for row in self.rows],
            }
        )

    @classmethod
    def from_bytes(cls, body: bytes) -> Correction:
        """Raises InputError that says what was found."""
        given = orjson.loads(body)
        try:
            rows = [_row(fields) for fields in given["rows"]]
            return cls(int(given["through"]), int(given["after"]), [int(point) for point in given["points"]], rows)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "correction: {error} in {found}", error=repr(error), found=body[:200].decode(errors="replace")
            ) from error


def _row(fields: dict[str, Any]) -> Corrected:
    trigger = Trigger(fields["trigger"])
    if trigger not in LATE:
        raise ValueError(f"trigger {trigger.name}")
    return Corrected(
        alarm=int(fields["alarm"]),
        episode=int(fields["episode"]),
        trigger=trigger,
        at=int(fields["at"]),
        value=_number(fields["value"]),
        quality=int(fields["quality"]),
        limit=_number(fields["limit"]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)

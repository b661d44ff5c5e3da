"""Live state for readers: the newest value of each point and what it is worth now.

The effective quality is the one received, overruled by what the node knows since: its source is out of view (bad, communication),
it went silent (bad, stale), or its source was lost and came back but hasn't spoken of this point yet (uncertain, last usable).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.quality import BAD_COMMUNICATION, BAD_STALE, FLAG_MASK, NO_DATA_YET, Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.layout import NEVER, PointFlag, Structs, View, World

_LAST_USABLE = quality(Severity.UNCERTAIN, Reason.LAST_USABLE)


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """Columns of equal length. `time` and `received_at` are 0 and `value` NaN for a point that has had no reading."""

    frame: int
    point: npt.NDArray[np.uint32]
    time: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint16]
    received_at: npt.NDArray[np.int64]

    @classmethod
    def of(cls, world: World, frame: int, u: Micros, wall: Micros, numbers: npt.NDArray[Any] | Iterable[int] | None) -> Live:
        chosen = _chosen(world.points, numbers)
        rows = world.points[chosen]
        had = rows["time"] != NEVER
        return cls(
            frame=frame,
            point=chosen.astype(np.uint32),
            time=np.where(had, rows["time"], 0),
            value=np.where(had, rows["value"], np.nan),
            quality=_effective(rows, world.sources["state"][rows["source"]], had),
            received_at=np.where(had, wall - (u - rows["heard"]), 0),
        )

    def readings(self) -> Readings:
        return Readings(self.point, self.time, self.value, self.quality)


def _chosen(points: Structs, numbers: npt.NDArray[Any] | Iterable[int] | None) -> npt.NDArray[np.int64]:
    """Those asked for that exist, as indexes."""
    if numbers is None:
        return np.flatnonzero(points["flags"] & PointFlag.PRESENT)
    asked = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers), np.int64)
    asked = asked[(asked >= 0) & (asked < len(points))]
    chosen: npt.NDArray[np.int64] = asked[(points["flags"][asked] & PointFlag.PRESENT) != 0]
    return chosen


def changed_since(points: Structs, frame: int) -> npt.NDArray[np.int64]:
    """Numbers of the points whose value or effective quality changed after `frame`."""
    return np.flatnonzero((points["touched"] > frame) & ((points["flags"] & PointFlag.PRESENT) != 0))


def _effective(rows: Structs, view: npt.NDArray[np.uint8], had: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    received = rows["quality"].astype(np.int64)
    flags = received & FLAG_MASK
    good = received < quality(Severity.UNCERTAIN)
    out = np.where(good & ((rows["flags"] & PointFlag.HELD) == 0), _LAST_USABLE | flags, received)
    out = np.where((rows["flags"] & PointFlag.STALE) != 0, BAD_STALE | flags, out)
    out = np.where(had, out, NO_DATA_YET)
    out = np.where(view == View.DOWN, BAD_COMMUNICATION | flags, out)
    return out.astype(np.uint16)

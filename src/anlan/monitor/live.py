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
from anlan.monitor.layout import NEVER, POINT, PointFlag, Structs, View, World

_LAST_USABLE = quality(Severity.UNCERTAIN, Reason.LAST_USABLE)
_WORDS = POINT.itemsize // 8


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """Columns of equal length. `time` and `received_at` are 0 and `value` NaN for a point that has had no reading; a device may stamp 0 too."""

    frame: int
    point: npt.NDArray[np.uint32]
    time: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint16]
    received_at: npt.NDArray[np.int64]

    def readings(self) -> Readings:
        """Of the points that ever had one."""
        had = self.received_at != 0
        return Readings(self.point[had], self.time[had], self.value[had], self.quality[had])


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """What must be copied while the engine stands still; the rest of the work (`live`) needn't hold it up."""

    frame: int
    u: Micros
    wall: Micros
    number: npt.NDArray[np.int64]
    rows: Structs
    view: npt.NDArray[np.uint8]

    @classmethod
    def of(
        cls, world: World, frame: int, u: Micros, wall: Micros, numbers: npt.NDArray[Any] | Iterable[int] | None = None
    ) -> Copied:
        """The given points, all when None; numbers that no point has are left out."""
        points = world.points
        if numbers is None:
            rows, asked = points.copy(), np.arange(len(points))
        else:
            asked = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers), np.int64)
            asked = asked[(asked >= 0) & (asked < len(points))]
            # Whole records of eight words: numpy copies structured rows one by one, words in bulk.
            rows = points.view(np.int64).reshape(-1, _WORDS)[asked].reshape(-1).view(POINT)
        return cls(frame, u, wall, asked, rows, world.sources["state"].copy())

    @classmethod
    def changed(cls, world: World, frame: int, u: Micros, wall: Micros, since: int) -> Copied:
        """The points whose value or effective quality changed after frame `since`."""
        return cls.of(world, frame, u, wall, np.flatnonzero(world.points["touched"] > since) if since else None)

    def live(self) -> Live:
        present = (self.rows["flags"] & PointFlag.PRESENT) != 0
        rows, number = (self.rows, self.number) if present.all() else (self.rows[present], self.number[present])
        had = rows["time"] != NEVER
        return Live(
            frame=self.frame,
            point=number.astype(np.uint32),
            time=np.where(had, rows["time"], 0),
            value=np.where(had, rows["value"], np.nan),
            quality=_effective(rows, self.view[rows["source"]], had),
            received_at=np.where(had, self.wall - (self.u - rows["heard"]), 0),
        )


def _effective(rows: Structs, view: npt.NDArray[np.uint8], had: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    received = rows["quality"].astype(np.int64)
    flags = received & FLAG_MASK
    good = received < quality(Severity.UNCERTAIN)
    out = np.where(good & ((rows["flags"] & PointFlag.HELD) == 0), _LAST_USABLE | flags, received)
    out = np.where((rows["flags"] & PointFlag.STALE) != 0, BAD_STALE | flags, out)
    out = np.where(had, out, NO_DATA_YET)
    out = np.where(view == View.DOWN, BAD_COMMUNICATION | flags, out)
    return out.astype(np.uint16)

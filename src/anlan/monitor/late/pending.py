"""Which points had late readings that nobody has looked at yet: part of the engine's state, so that a crash forgets none.

An entry stays for as long as its earliest late reading lies within the window, looked at or not: when another one comes, all of them are
looked at together, from the same beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import HOUR, Micros

Ints = npt.NDArray[np.int64]
Links = list[tuple[Micros, int, str]]
"""(when, source, "up" or "down"), in the order in which the engine came to know."""

NOTHING = np.iinfo(np.int64).max
"""`earliest` of a point without an entry."""
LOOKED_AT = -1
"""`frame` of an entry that needs no look."""
LINKS_KEPT: Micros = 48 * HOUR
LINKS_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Points that wait for a look, with the times of their earliest and latest late reading and the frame that brought the last of them."""

    points: Ints
    earliest: Ints
    latest: Ints
    frame: Ints

    def __len__(self) -> int:
        return len(self.points)


@dataclass(slots=True)
class Pending:
    """By point number. Arrays are made with the first late reading, so that a plant without any pays nothing."""

    earliest: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    latest: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    frame: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Last frame that brought a late reading; LOOKED_AT when a correction has covered it."""
    after: int = 0
    """Frame of the last correction taken."""
    floor: Micros = 0
    """When the rules last changed, on the wall clock: what was decided before was decided by others and is not compared."""
    floors: dict[int, Micros] = field(default_factory=dict)
    """The same for single points: when people last took them out of evidence, or gave them back."""
    links: Links = field(default_factory=list)
    """Sources that came and went."""

    def note(self, points: Ints, times: Ints, frame: int) -> None:
        """Late readings of these points came with `frame`."""
        if not len(points):
            return
        self._hold(int(points.max()))
        np.minimum.at(self.earliest, points, times)
        np.maximum.at(self.latest, points, times)
        self.frame[points] = frame

    def link(self, at: Micros, states: Mapping[int, str]) -> None:
        self.links += [(at, source, state) for source, state in states.items()]
        while len(self.links) > LINKS_MOST or (self.links and self.links[0][0] < at - LINKS_KEPT):
            del self.links[0]

    def stepped(self, points: Mapping[int, Micros]) -> None:
        """People changed what these points' readings count as."""
        if points:
            oldest = max(points.values()) - LINKS_KEPT
            self.floors = {point: at for point, at in (self.floors | dict(points)).items() if at >= oldest}

    def waiting(self) -> Waiting:
        """Those that nobody has looked at, earliest first."""
        points = np.flatnonzero((self.frame != LOOKED_AT) & (self.earliest != NOTHING))
        points = points[np.argsort(self.earliest[points], kind="stable")]
        return Waiting(points, self.earliest[points], self.latest[points], self.frame[points])

    def looked_at(self, points: Ints, through: int) -> None:
        """Late readings of these points up to frame `through` are covered."""
        points = points[points < len(self.frame)]
        done = points[self.frame[points] <= through]
        self.frame[done] = LOOKED_AT

    def forget(self, before: Ints) -> None:
        """Let go of entries that were looked at and begin before this time, one for each point."""
        known = min(len(before), len(self.frame))
        old = (self.frame[:known] == LOOKED_AT) & (self.earliest[:known] < before[:known])
        self.earliest[:known][old], self.latest[:known][old] = NOTHING, -NOTHING

    def restart(self) -> None:
        """Frames are counted anew: the log is another one."""
        self.frame[self.frame != LOOKED_AT] = 0
        self.after = 0

    def _hold(self, highest: int) -> None:
        missing = highest + 1 - len(self.frame)
        if missing > 0:
            more = missing + len(self.frame) // 2
            self.earliest = np.concatenate([self.earliest, np.full(more, NOTHING, np.int64)])
            self.latest = np.concatenate([self.latest, np.full(more, -NOTHING, np.int64)])
            self.frame = np.concatenate([self.frame, np.full(more, LOOKED_AT, np.int64)])

    # ---- kept

    def as_json(self) -> dict[str, Any]:
        points = np.flatnonzero(self.earliest != NOTHING)
        return {
            "points": points.tolist(),
            "earliest": self.earliest[points].tolist(),
            "latest": self.latest[points].tolist(),
            "frame": self.frame[points].tolist(),
            "after": self.after,
            "floor": self.floor,
            "floors": list(self.floors.items()),
            "links": list(self.links),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Pending:
        pending = cls(after=int(given["after"]), floor=int(given["floor"]))
        pending.floors = {int(point): int(at) for point, at in given.get("floors", ())}
        pending.links = [(int(at), int(source), str(state)) for at, source, state in given["links"]]
        points = np.array(given["points"], np.int64)
        if len(points):
            pending._hold(int(points.max()))
            for name in ("earliest", "latest", "frame"):
                getattr(pending, name)[points] = given[name]
        return pending

"""Alarm floods: more alarms than one operating post can answer. When one runs, and the alarm list grouped so that it can be read in one.

ISA-18.2-2016 16.4.4 / IEC 62682 and EEMUA 191 count 10 alarms in 10 minutes for one operator as the beginning of a flood and fewer than
5 in 10 minutes as its end (the standards' own text was not at hand; secondary sources say "10 or more" and "more than 10": here the 10th
begins it, the stricter reading). They count in regular ten-minute intervals; here the ten minutes slide, so that a flood is seen when it
begins and one that falls across two intervals is not missed:

    D(t)     annunciations of the post with t − 10 min < time ≤ t
    begins   at the first t with D(t) ≥ 10
    ends     at the first later t with D(t) < 5

Pure: no clock, no I/O. Grouping is a view (DOMAIN.md 3): every alarm is in exactly one item and priority 1 always stands alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import MINUTE, SECOND, Micros

SPAN: Micros = 10 * MINUTE
BEGINS_AT = 10
ENDS_BELOW = 5


@dataclass(frozen=True, slots=True)
class Flood:
    """One flood of a post. `first_at`: the first of the annunciations that made it; `ended_at` None: it still runs."""

    first_at: Micros
    began_at: Micros
    ended_at: Micros | None
    count: int
    """Annunciations from the first of the ten that began it to its end."""
    peak: int
    """Most in any ten minutes of it."""
    post: str = ""


def floods(
    at: npt.NDArray[np.int64],
    until: Micros,
    *,
    post: str = "",
    span: Micros = SPAN,
    begins_at: int = BEGINS_AT,
    ends_below: int = ENDS_BELOW,
) -> list[Flood]:
    """The floods of one post among its annunciations `at` (ascending), as known at the instant `until`."""
    if len(at) < max(begins_at, ends_below):
        return []
    begins = np.flatnonzero(at[begins_at - 1 :] - at[: len(at) - begins_at + 1] < span) + begins_at - 1
    last, ends = _ends(at, span, ends_below)
    in_span = _in_span(at, span)
    found, position = [], 0
    while (position := int(np.searchsorted(begins, position))) < len(begins):
        begin = int(begins[position])
        end = int(np.searchsorted(last, begin))
        stop = int(last[end])
        ended_at = int(ends[end])
        peak = int(in_span[begin : stop + 1].max())
        first = int(at[begin - begins_at + 1])
        found.append(Flood(first, int(at[begin]), ended_at if ended_at <= until else None, stop - begin + begins_at, peak, post))
        position = stop + 1
    return found


def in_last_span(at: npt.NDArray[np.int64], span: Micros = SPAN) -> npt.NDArray[np.int64]:
    """D(t) at each annunciation of `at` (ascending), those of the same instant counted together."""
    return _in_span(at, span)


def _ends(at: npt.NDArray[np.int64], span: Micros, ends_below: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Index of the last annunciation before D falls below `ends_below`, and when it falls; ascending."""
    leaving = at[: len(at) - ends_below + 1] + span
    following = np.append(at[ends_below:], np.iinfo(np.int64).max)
    quiet = np.flatnonzero(following > leaving)
    return quiet + ends_below - 1, leaving[quiet]


def _in_span(at: npt.NDArray[np.int64], span: Micros) -> npt.NDArray[np.int64]:
    upto = np.searchsorted(at, at, "right")
    gone = np.searchsorted(at, at - span, "right")
    return np.asarray(upto - gone, np.int64)


@dataclass(frozen=True, slots=True)
class FloodNow:
    """How one post fares at an instant. `flood` is None while none runs."""

    post: str
    in_ten_minutes: int
    flood: Flood | None


class _PostWatch:
    """The same as `floods`, one annunciation after the other."""

    __slots__ = ("began_at", "count", "first_at", "peak", "recent")

    def __init__(self) -> None:
        self.recent: deque[Micros] = deque()
        self.began_at: Micros | None = None
        self.first_at = self.count = self.peak = 0

    def take(self, at: Micros) -> None:
        at = max(at, self.recent[-1]) if self.recent else at  # a clock that was set back stops no count
        # What leaves at this very instant leaves together with what comes: D counts both at once.
        while self.recent and self.recent[0] + SPAN < at:
            self.recent.popleft()
            if len(self.recent) < ENDS_BELOW:
                self.began_at = None
        self.recent.append(at)
        within = self.within(at)
        if self.began_at is None:
            if within >= BEGINS_AT:
                self.began_at, self.count, self.peak = at, BEGINS_AT, within
                self.first_at = self.recent[-BEGINS_AT]
        else:
            self.count += 1
            self.peak = max(self.peak, within)

    def within(self, now: Micros) -> int:
        """D(now)."""
        gone = 0
        for at in self.recent:
            if at > now - SPAN:
                break
            gone += 1
        return len(self.recent) - gone

    def now(self, post: str, now: Micros) -> FloodNow:
        within = self.within(now)
        running = self.began_at is not None and within >= ENDS_BELOW
        flood = Flood(self.first_at, self.began_at or 0, None, self.count, self.peak, post) if running else None
        return FloodNow(post, within, flood)


class FloodWatch:
    """Floods of every post as they happen, from annunciations in the order in which they were made."""

    def __init__(self) -> None:
        self._posts: dict[str, _PostWatch] = {}

    def take(self, post: str, at: Micros) -> None:
        watch = self._posts.get(post)
        if watch is None:
            watch = self._posts[post] = _PostWatch()
        watch.take(at)

    def now(self, now: Micros) -> list[FloodNow]:
        """Every post that was ever annunciated to, by name."""
        return [watch.now(post, now) for post, watch in sorted(self._posts.items())]


# --- the alarm list grouped, as a view

BY = ("first_out", "point", "equipment", "unit", "source")
"""What alarms can be grouped by: the safety system's first-out group, the point, the equipment, the unit, the source."""


class Lead(StrEnum):
    """By what the first alarm of a first-out group is known."""

    REGISTER = "register"
    """The safety system trapped its cause."""
    STAMPS = "stamps"
    """The register names none of these alarms: the sources' stamps alone, less the on-delays."""
    UNKNOWN = "unknown"
    """The register can't be read: the order is that of the stamps, and what came first is not known."""


@dataclass(frozen=True, slots=True)
class Group:
    """One item of the grouped list. `rows` has every alarm of it, the one that happened first in front; `lead` says by what it is known,
    for a first-out group alone: another group claims no cause."""

    key: str
    """"" for an alarm that stands alone."""
    rows: tuple[Mapping[str, Any], ...]
    lead: Lead | None = None

    @property
    def first(self) -> Mapping[str, Any]:
        return self.rows[0]

    @property
    def worst(self) -> int:
        return min(int(row["priority"]) for row in self.rows)


def grouped(rows: Iterable[Mapping[str, Any]], by: str, registers: Mapping[str, int] | None = None) -> list[Group]:
    """The rows of a list of alarms as groups, in the order of the list's first row of each: nothing is left out, nothing is twice.

    A row's `groups` says where it belongs ({"unit": "hualan/U200", …}). Priority 1 always stands alone, and so does an alarm that belongs
    to no group of this kind. Groups are of one post each: nobody's alarms hide in another post's item.

    `registers`: first-out point → the state in which the safety system holds it now; one that is missing is not known. A first-out group
    begins with the alarm of the cause that is trapped there, a row's `first_out_states` say which.
    """
    members: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for number, row in enumerate(rows):
        key = row["groups"].get(by) or ""
        alone = row["priority"] == 1 or not key
        members.setdefault((number,) if alone else (row["post"], key), []).append(row)
    if by == "first_out":
        return [_of_first_out(_key(identity), items, registers or {}) for identity, items in members.items()]
    return [Group(_key(identity), tuple(sorted(items, key=_happened))) for identity, items in members.items()]


def _of_first_out(key: str, items: Iterable[Mapping[str, Any]], registers: Mapping[str, int]) -> Group:
    ordered = sorted(items, key=_began)
    if len(ordered) == 1:
        return Group(key, tuple(ordered))
    if key not in registers:
        return Group(key, tuple(ordered), Lead.UNKNOWN)
    trapped = [row for row in ordered if registers[key] in row["first_out_states"]]
    rest = [row for row in ordered if row is not trapped[0]] if trapped else ordered
    return Group(key, (*trapped[:1], *rest), Lead.REGISTER if trapped else Lead.STAMPS)


def items_within_ten_minutes(groups: Sequence[Group], until: Micros) -> dict[str, int]:
    """Per post: items of the grouped list that hold an alarm of the ten minutes before `until`; what an operator had to look at."""
    found: dict[str, int] = {}
    for group in groups:
        if any(until - SPAN < row["noticed_at"] <= until for row in group.rows):
            found[str(group.first["post"])] = found.get(str(group.first["post"]), 0) + 1
    return found


def _key(identity: tuple[Any, ...]) -> str:
    return str(identity[1]) if len(identity) > 1 else ""


def _began(row: Mapping[str, Any]) -> tuple[int, int]:
    """When the condition began: an alarm happens when its on-delay is over, which says nothing of what came first."""
    return int(row["happened_at"]) - round(row["on_delay"] * SECOND), int(row["n"])


def _happened(row: Mapping[str, Any]) -> tuple[int, int]:
    return int(row["happened_at"]), int(row["n"])

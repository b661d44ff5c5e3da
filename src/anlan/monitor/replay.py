"""Recorded readings through the same engine, without a node: frames and ticks are made from the data's own times. Pure: no clock, no I/O.

A node ticks once a second. So does a replay, on whole seconds of data time; a reading stamped t counts as arrived at t, and a tick at k
comes after all readings up to k. A tick before which nothing can come due moves nothing, so it is left out and the node's time is moved
on without it: a gap of three days costs the few ticks in which points go stale, alarms of silence rise and delays end, and what follows
the gap is decided exactly as if all 259,200 ticks had been there. Only a calculated point that moves with time alone needs them all.

Links and what people did to points are not in a recording of readings. A source counts as up until its silence says otherwise
(`silent_after`), or until it is told (`tell`); a point is evidence until a step says otherwise (`redo`). A node remembers both beside its
readings (`Remembered`): its past is replayed with them, each at its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import orjson

from anlan.model.clock import SECOND, Micros
from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.frames import NODE_SOURCE, Frame, Kind, Part
from anlan.model.quality import SEVERITY_SHIFT
from anlan.model.readings import Readings
from anlan.monitor import changes, point_modes
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.layout import NOT_DUE, TRANSITION, Phase, PointFlag, ProgramFlag, Structs
from anlan.monitor.point_modes import PointStep
from anlan.monitor.states import HIDDEN

ROWS = 10_000
"""Readings of one part at most, as in a node's frame."""
FAR: Micros = 1 << 62
_DELAY_RUNS = np.isin(np.arange(256), (Phase.RISING, Phase.FALLING))

Link = tuple[Micros, int, str]
"""When a source went "up" or "down"."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a node knows of the past of a few points, each in any order. From `begin` on all of it is given, and of what was before only what
    still held then: the newest reading of each point, the last links, the steps by which modes stood (None: all there is is given)."""

    readings: Readings
    links: Sequence[Link] = ()
    steps: Sequence[PointStep] = ()
    begin: Micros | None = None

    def between(self, start: Micros, end: Micros) -> Remembered:
        """What of it was at start ≤ t < end."""
        rows = in_order(self.readings)
        first, last = np.searchsorted(rows.time, (start, end), side="left").tolist()
        return Remembered(
            rows[first:last],
            [link for link in self.links if start <= link[0] < end],
            [step for step in self.steps if start <= step.noticed_at < end],
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """What was fed: rows by what the engine made of them, and by severity (good, uncertain, bad)."""

    readings: int
    applied: int
    duplicate: int
    late: int
    unknown: int
    quality: tuple[int, int, int]


class Replay:
    """An engine, stepped by data time. `feed` in order of time, `until` to let time pass, each answering with the transitions."""

    def __init__(self, config: EngineConfig, *, silent_after: Mapping[int, Micros] | None = None) -> None:
        """`silent_after`: source → silence of all its points after which it counts as lost; a source not named stays up."""
        # Nobody is there who could acknowledge: nothing is passed on to the next level.
        self.engine = Engine(replace(config, escalation=()))
        self._limits = dict(silent_after or {})
        self._sources = config.source_numbers()
        points = self.engine.world.points
        self._heard = np.zeros(len(points), np.bool_)
        self._deadline = points["deadline"].copy()
        # Until its first reading: a point that the recording does not hold has not gone silent.
        points["deadline"][points["flags"] & PointFlag.CALCULATED == 0] = 0
        self._moves_by_itself = bool((self.engine.world.programs["flags"] & ProgramFlag.BY_ITSELF).any())
        self._source_of = points["source"].astype(np.int64)
        self._last: dict[int, Micros] = {}
        """When each source was last heard; one that the recording lacks is no lost one."""
        self._down: set[int] = set()
        self._held_down: set[int] = set()
        self._views = np.flatnonzero(self.engine.world.rules["kind"] == AlarmKind.LOSS_OF_VIEW)
        self._severities = np.zeros(4, np.int64)
        self._found: list[Structs] = []
        self.begun = False

    # ---- time

    @property
    def now(self) -> Micros:
        """Data time up to which everything is decided; 0 before the first."""
        return self.engine.time.wall

    def begin(self, at: Micros) -> None:
        """The first tick: every source is up. `feed` does it by itself."""
        self.begun = True
        self._tick(_grid_before(at), dict.fromkeys(self._sources, "up"))

    def feed(self, readings: Readings) -> Structs:
        """Decide on readings sorted by time, none earlier than what was fed before."""
        if len(readings) and not self.begun:
            self.begin(int(readings.time[0]))
        for rows in _seconds(readings.time):
            self._take(readings[rows])
        return self._taken()

    def seed(self, readings: Readings, until: Micros, steps: Sequence[PointStep] = ()) -> None:
        """What was known before: the newest reading of each point, however old, and the steps by which modes stand. Time passes up to
        `until` without a tick; what comes due meanwhile is seen at the first tick after it, as of its own time."""
        rows, told = in_order(readings), sorted(steps, key=lambda step: step.noticed_at)
        self.begin(min([until, *rows.time[:1].tolist(), *(step.noticed_at for step in told[:1])]))
        for at in _seconds(rows.time):
            first = int(rows.time[at.start])
            while told and told[0].noticed_at <= first:
                self._redo(told.pop(0))
            self._skip(_grid_before(first))
            self._take(rows[at])
        for step in told:
            self._redo(step)
        self._skip(until // SECOND * SECOND)
        self._taken()

    def until(self, at: Micros) -> Structs:
        """Let time pass up to `at` without a reading."""
        if not self.begun:
            self.begin(at)
        self._advance(at // SECOND * SECOND)
        return self._taken()

    def tell(self, at: Micros, links: Mapping[int, str]) -> Structs:
        """Links that went "up" or "down" at `at`, as a node's drivers tell; one told down stays so until it is told up."""
        if not self.begun:
            self.begin(at)
        self._advance(_grid_before(at))
        self._tick(max(at, self.now), dict(links))
        for source, state in links.items():
            (self._held_down.add if state == "down" else self._held_down.discard)(source)
            (self._down.add if state == "down" else self._down.discard)(source)
        return self._taken()

    def redo(self, step: PointStep) -> Structs:
        """A step on a point, at the time at which the node took it."""
        if not self.begun:
            self.begin(step.noticed_at)
        # What ended by itself ended at a tick, after all that came due at it.
        at_tick = point_modes.expired(step)
        self._advance(step.noticed_at // SECOND * SECOND if at_tick else _grid_before(step.noticed_at))
        self._redo(step)
        return self._taken()

    def through(self, past: Remembered, *, feed: Callable[[Readings], Structs] | None = None) -> Structs:
        """All of `past`, each at its time: a link or a step comes before the readings that are stamped with its own instant. `feed` takes
        the readings between two of them instead of `feed` of this class."""
        feed, rows, start = feed or self.feed, in_order(past.readings), 0
        beside: list[tuple[Micros, Callable[[], Structs]]] = [
            *((at, partial(self.tell, at, {source: state})) for at, source, state in sorted(past.links)),
            *((step.noticed_at, partial(self.redo, step)) for step in past.steps),
        ]
        found = [np.zeros(0, TRANSITION)]
        for at, happens in sorted(beside, key=itemgetter(0)):
            end = max(start, int(np.searchsorted(rows.time, at, side="left")))
            found += [feed(rows[start:end]), happens()]
            start = end
        return np.concatenate([*found, feed(rows[start:])])

    def _redo(self, step: PointStep) -> None:
        self._skip(_grid_before(step.noticed_at))
        self.engine.frame += 1
        found = self.engine.begin()
        point_modes.redo(self.engine, step, self.engine.time.at(step.noticed_at))
        if len(found):
            self._found.append(found.rows)

    def _take(self, rows: Readings) -> None:
        """Readings between two ticks."""
        first = int(rows.time[0])
        self._advance(_grid_before(first))
        known = rows.point < len(self._heard)
        points = rows.point if known.all() else rows.point[known]
        if not self._heard[points].all():
            self._heard[points] = True
            self.engine.world.points["deadline"][points] = self._deadline[points]
        self._see(first, int(rows.time[-1]), points)
        part = Part.of_readings(NODE_SOURCE, 0, 0, int(rows.time[-1]), rows)
        self._severities += np.bincount(rows.quality >> SEVERITY_SHIFT, minlength=4)[:4]
        self._step(part)

    def _see(self, first: Micros, last: Micros, points: npt.NDArray[np.uint32]) -> None:
        """Sources that speak are up: one whose silence had made it lost comes back before its readings."""
        if not self._limits:
            return
        sources = dict.fromkeys(np.flatnonzero(np.bincount(self._source_of[points])).tolist(), last)
        self._last |= sources
        if self._down:
            back = (self._down - self._held_down) & sources.keys()
            if back:
                self._tick(max(first, self.now), dict.fromkeys(sorted(back), "up"))
                self._down -= back

    def _advance(self, to: Micros) -> None:
        """All ticks up to `to` at which anything can come due; the others only move the time."""
        while self.now + SECOND <= to and (at := self._next_due()) <= to:
            self._skip(at - SECOND)
            lost = [source for source, silent in self._silent_at().items() if silent <= at]
            self._tick(at, dict.fromkeys(lost, "down"))
            self._down.update(lost)
        self._skip(to)

    def _skip(self, to: Micros) -> None:
        if to > self.now:
            self.engine.time.skip(to)

    def _next_due(self) -> Micros:
        """The next whole second at which a tick may move something."""
        time, world = self.engine.time, self.engine.world
        following = (time.wall // SECOND + 1) * SECOND
        if self._moves_by_itself or _DELAY_RUNS[world.status["phase"][self._views]].any():
            return following
        due = int(world.due.min(initial=NOT_DUE))
        at = min(FAR if due == NOT_DUE else time.wall + due - time.u, min(self._silent_at().values(), default=FAR))
        return max(following, -(-at // SECOND) * SECOND)

    def _silent_at(self) -> dict[int, Micros]:
        """When the silence of each source that is up will say that it is lost; of those only that have spoken."""
        return {s: self._last[s] + limit for s, limit in self._limits.items() if s in self._last and s not in self._down}

    def _tick(self, now: Micros, links: Mapping[int, str]) -> None:
        body = orjson.dumps({"now": now, "sources": {str(source): state for source, state in links.items()}})
        self._step(Part(Kind.TICK, NODE_SOURCE, 0, 0, now, 1, body))

    def _step(self, part: Part) -> None:
        found = self.engine.step(Frame(self.engine.frame + 1, (part,)))
        if len(found):
            self._found.append(found.rows)

    # ---- what came of it

    def _taken(self) -> Structs:
        found, self._found = self._found, []
        return np.concatenate(found) if found else np.zeros(0, TRANSITION)

    @property
    def counts(self) -> Counts:
        ledger = self.engine.ledger
        received, applied, duplicate, late, unknown = (int(n) for n in ledger[0, :5]) if len(ledger) else (0, 0, 0, 0, 0)
        good, uncertain, bad = (int(n) for n in (*self._severities[:2], self._severities[2:].sum()))
        return Counts(received, applied, duplicate, late, unknown, (good, uncertain, bad))

    def heard(self) -> npt.NDArray[np.int64]:
        """Numbers of the points that had a reading."""
        return np.flatnonzero(self._heard & (self.engine.world.points["flags"] != 0))

    def latched(self) -> npt.NDArray[np.int64]:
        """Numbers of the points that wait for a reset after over range."""
        return np.flatnonzero(self.engine.world.points["flags"] & PointFlag.OVER_LATCHED)


def _grid_before(at: Micros) -> Micros:
    """The tick before a reading stamped `at`: the last whole second earlier than it."""
    return (at - 1) // SECOND * SECOND


def _seconds(time: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Rows cut at ticks, and at `ROWS`."""
    if not len(time):
        return
    edges = np.flatnonzero(np.diff((time - 1) // SECOND)) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(time)], strict=True):
        for start in range(first, last, ROWS):
            yield slice(start, min(start + ROWS, last))


# ---------------------------------------------------------------------------------------------------------------- episodes


@dataclass(slots=True)
class Episode:
    """One activation as an operator would have had it: announced at `begins`, its condition gone at `ends` (None: it still stood)."""

    alarm: int
    begins: Micros
    ends: Micros | None
    value: float
    limit: float
    quality: int


class Episodes:
    """Gathers transitions to episodes. Nobody acknowledges in a replay: an episode is a condition, after dead-band and delays, as long as
    nothing hides it."""

    def __init__(self) -> None:
        self.all: list[Episode] = []
        self._open: dict[int, Episode] = {}

    def add(self, rows: Structs) -> None:
        names = ["alarm", "trigger", "after", "happened_at", "value", "limit", "quality"]
        for alarm, trigger, after, at, value, limit, quality in rows[names].tolist():
            if after == AlarmState.UNACKNOWLEDGED:
                self._open[alarm] = Episode(alarm, at, None, value, limit, quality)
                self.all.append(self._open[alarm])
            elif (trigger in _ENDS or after in HIDDEN) and (open_ := self._open.pop(alarm, None)):
                open_.ends = at


_ENDS = frozenset({Trigger.CONDITION_OFF, Trigger.CONFIGURATION})


def silence_limits(config: EngineConfig, keep_alive: Mapping[int, Micros]) -> dict[int, Micros]:
    """Source → the silence of all its points that says it is lost: three times its keep-alive, as for a silent driver, and longer than
    its most often reported cyclic point may be silent. A source whose points all report on change says nothing by being silent."""
    table = config.point_table
    shortest: dict[int, Micros] = {}
    for source, on_change, deadline in zip(*(table[c].to_pylist() for c in ("source", "on_change", "deadline")), strict=True):
        if not on_change and deadline:
            shortest[source] = min(shortest.get(source, FAR), deadline * 1000)
    return {source: max(limit, 3 * keep_alive[source]) for source, limit in shortest.items() if source in keep_alive}


def in_order(readings: Readings) -> Readings:
    """By time; rows of one time keep their order."""
    if (np.diff(readings.time) >= 0).all():
        return readings
    order = np.argsort(readings.time, kind="stable")
    return Readings(readings.point[order], readings.time[order], readings.value[order], readings.quality[order])


def replayed(config: EngineConfig, past: Remembered, until: Micros, standing: Iterable[int] = ()) -> Structs:
    """What an engine of `config` makes of it, up to `until`. `standing`: alarms that stood at its beginning, and stand on until a usable
    reading says otherwise."""
    replay = Replay(config)
    if past.begin is not None:
        seed(replay, past)
        changes.adopt(replay.engine, dict.fromkeys(standing, (AlarmState.UNACKNOWLEDGED, 0)))
        past = past.between(past.begin, FAR)
    return np.concatenate([replay.through(past), replay.until(until)])


def seed(replay: Replay, past: Remembered) -> None:
    """What was known at the beginning of `past`."""
    assert past.begin is not None
    before = past.between(-FAR, past.begin)
    replay.seed(before.readings, past.begin, before.steps)
    for at, source, state in sorted(before.links):
        replay.tell(at, {source: state})

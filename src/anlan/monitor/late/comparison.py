"""One comparison, from the points that wait to the correction: what to read, and what follows from it. Pure.

The order in which things are read keeps it right while everything goes on: first which points wait, then the readings, then the journal when it
has been decided at least as far as the readings reach. So an episode that is missing from the journal is one that was never announced, not one
that is about to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anlan.model.clock import HOUR, SECOND, Micros
from anlan.model.events.alarms import AlarmTransition
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.engine import Engine
from anlan.monitor.late.again import Few, Told, again, concerned
from anlan.monitor.late.compared import Exactness, compare
from anlan.monitor.late.correction import Corrected, Correction
from anlan.monitor.late.pending import Ints, Links, Waiting
from anlan.monitor.late.recorded import Recorded, recorded
from anlan.monitor.layout import PointFlag

Story = Callable[[int, Micros], Sequence[AlarmTransition]]
"""The journal of one alarm: rows noticed since an instant and the last one before them (`JournalReader.story`)."""

LONGEST: Micros = HOUR
"""An episode that is still open this long after the late reading (twice the window, if that is longer) is told as far as it is known."""
_OUT = int(PointFlag.INHIBITED | PointFlag.CALIBRATING)
AHEAD: Micros = 5 * SECOND
"""A reading is decided on before it has happened by this much at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the engine says when a comparison begins. `now`: the present of each waiting point, in its own data time."""

    waiting: Waiting
    now: Ints
    links: Links
    floor: Micros
    floors: Mapping[int, Micros]
    out: Ints
    """Points whose readings are no evidence now: inhibited, or in calibration."""
    overdue: Ints
    """Points whose calibration is overdue now. When that changed is a floor (`floors`)."""
    after: int
    wall: Micros

    @classmethod
    def at(cls, engine: Engine) -> Look:
        """Call under the lock of the thread that steps it."""
        pending, waiting = engine.late, engine.late.waiting()
        every = engine.world.points
        points = every[waiting.points]
        now = points["time"] + np.maximum(0, engine.time.u - points["heard"])
        flags = every["flags"] if len(waiting) else every["flags"][:0]
        out, overdue = np.flatnonzero(flags & _OUT), np.flatnonzero(flags & PointFlag.CALIBRATION_OVERDUE)
        links = list(pending.links)
        return cls(waiting, now, links, pending.floor, pending.floors, out, overdue, pending.after, engine.time.wall)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is to be read: `few.points` from `start` to `end`, and what they were just before."""

    few: Few
    look: Look
    points: Ints
    start: Micros
    since: Micros
    end: Micros


@dataclass(frozen=True, slots=True)
class Outcome:
    correction: Correction
    again_at: dict[int, Micros]
    """Points that are not settled: how long to wait before they are looked at again [µs]."""


def plan(config: EngineConfig, look: Look, chosen: Ints) -> Plan:
    """`chosen`: positions in `look.waiting` of the points to look at together."""
    points = look.waiting.points[chosen]
    few = concerned(config, points, look.out)
    floors = [at for point, at in look.floors.items() if point in few.all_points]
    since = max(int(look.waiting.earliest[chosen].min()), look.floor, *floors)
    start = since - max(few.memory.values(), default=0) - SECOND
    return Plan(few, look, points, start, since, max(look.wall, int(look.now[chosen].max())) + AHEAD)


def follow(made: Plan, before: Readings, rows: Readings, story: Story, through: int, window: Micros) -> Outcome:
    """What the record lacks. `through`: frame up to which all late readings are among `rows`."""
    held = {alarm: recorded(story(alarm, made.start - AHEAD)) for alarm in sorted(made.few.alarms)}
    told = Told(before, rows, made.look.links, made.start, made.since, made.look.wall, made.look.overdue)
    was = again(made.few, told, _on(held, made.start), _on(held, made.since))
    rest, last = _rest(made, window)
    corrected: list[Corrected] = []
    unsettled: set[int] = set()
    for alarm, exactness in sorted(made.few.alarms.items()):
        final = all(last[point] for point, own in made.few.of_point.items() if alarm in own)
        found = compare(
            alarm, was[alarm], held[alarm], made.since, _with_times(exactness, rows, made.few.inputs.get(alarm)), last=final
        )
        corrected += found.rows
        if not found.settled:
            unsettled.add(alarm)
    again_at = {p: max(rest[p], SECOND) for p in made.points.tolist() if rest[p] > 0 or made.few.of_point[p] & unsettled}
    done = [point for point in made.points.tolist() if point not in again_at]
    return Outcome(Correction(through, made.look.after, done, corrected), again_at)


def _with_times(exactness: Exactness, rows: Readings, inputs: Ints | None) -> Exactness:
    """Readings of other points tell nothing of why an alarm moved."""
    return exactness if inputs is None else replace(exactness, times=np.sort(rows.time[np.isin(rows.point, inputs)]))


def _on(held: dict[int, Recorded], at: Micros) -> dict[int, bool]:
    """Conditions as the journal has them just before `at`; of an alarm that was put aside it has none."""
    return {alarm: one.on_at(at) for alarm, one in held.items() if not one.hidden_at(at)}


def _rest(made: Plan, window: Micros) -> tuple[dict[int, Micros], dict[int, bool]]:
    """By point: for how long delays and windows still remember its latest late reading, and whether this is the last look."""
    look, rest, last = made.look, {}, {}
    place = {int(point): i for i, point in enumerate(look.waiting.points)}
    for point in made.points.tolist():
        passed = int(look.now[place[point]] - look.waiting.latest[place[point]])
        last[point] = passed > max(LONGEST, 2 * window)
        rest[point] = 0 if last[point] else max(0, made.few.memory[point] - passed)
    return rest, last

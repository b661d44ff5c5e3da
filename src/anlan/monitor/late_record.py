"""Late readings as the engine takes them: which may correct the record, and the corrections that the log brings (`late` finds them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anlan.model.clock import MILLISECOND, Micros
from anlan.model.events.alarms import ADDED, AlarmState, Trigger
from anlan.model.frames import Part
from anlan.model.quality import Flag
from anlan.monitor.late import Corrected, Correction
from anlan.monitor.layout import NEVER, PointFlag

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine


def note(engine: Engine, points: npt.NDArray[np.uint32], times: npt.NDArray[np.int64]) -> None:
    """Late readings that lie within the window and concern an alarm; older ones only go to history."""
    known = engine.world.points[points]
    within = times >= known["time"] - engine.arrays.late_window * MILLISECOND
    # One decided on by its arrival has no data time that others could be late for.
    within &= known["quality"] & Flag.CLOCK_BAD == 0
    within &= (known["rule_count"] > 0) | (known["flags"] & PointFlag.FEEDS != 0)
    engine.late.note(points[within].astype(np.int64), times[within], engine.frame)


def take(engine: Engine, part: Part) -> None:
    """Write what late readings change in the record. No alarm moves, and nothing sounds."""
    correction = Correction.from_bytes(part.body)
    if correction.after != engine.late.after:
        return  # compared with a journal that lacked the last correction: to be compared again
    engine.moment = engine.time.at(part.received_at)
    added = 0
    for one in correction.rows:
        if one.episode == 0 and one.trigger is Trigger.LATE_DATA:
            added = ADDED + engine.next_n % ADDED
        _write(engine, one, one.episode or added, part.received_at)
    engine.late.looked_at(np.array(correction.points, np.int64), correction.through)
    times = engine.world.points["time"]
    engine.late.forget(np.where(times == NEVER, times, times - engine.arrays.late_window * MILLISECOND))
    engine.late.after = engine.frame


def _write(engine: Engine, one: Corrected, episode: int, noticed_at: Micros) -> None:
    row = engine.row_of(one.alarm)
    if row is not None:
        state = AlarmState(int(engine.world.status["state"][row]))
        evidence = (one.value, one.quality, one.limit)
        engine.write(row, one.trigger, state, one.at, noticed_at, evidence, episode=episode)

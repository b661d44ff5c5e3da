"""An engine that goes on from alarms.db alone: without a readable snapshot, or on another log, nothing that was announced may be forgotten.

Values come with the next readings; what people were told, and what they ordered, stands in the journal and nowhere else. States,
activations, shelvings and the modes of points are taken over as they stand there. What the configuration no longer lets stand is ended by a
step in the journal, so that no reader shows an alarm or a mode that nobody could end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from anlan.model.clock import Micros
from anlan.model.events.alarms import AlarmState, AlarmTransition, Trigger
from anlan.monitor import changes, point_modes, waits
from anlan.monitor.engine import Engine
from anlan.monitor.layout import TRANSITION, Phase, Structs
from anlan.monitor.point_modes import PointMode
from anlan.monitor.states import HIDDEN
from anlan.monitor.timers import Timer, Wait
from anlan.monitor.transitions import Transitions

if TYPE_CHECKING:
    from anlan.monitor.journal import Journal

STEPS = 10_000
"""How far back in a point's steps the first begin of a mode is looked for."""
_ON = (Phase.STANDING, Phase.FALLING)


def carry_over(engine: Engine, journal: Journal, wall: Micros) -> Transitions:
    """`wall` is the node's wall time now. Returns what the journal must be given for both to say the same. Raises StoreError."""
    u = engine.time.at(wall)
    engine.begin()  # what the modes move on their way is overruled by the states
    lost = point_modes.take_over(engine, _modes(engine, journal, wall), journal.last_steps(), wall, u)
    standing = journal.standing()
    _take_states(engine, standing, journal.episodes())
    _take_shelvings(engine, standing, wall)
    engine.next_n, engine.modes.next_n = journal.last + 1, journal.last_step + 1
    found = engine.begin()
    ended = _ended(engine, [t for t in standing if engine.row_of(t.alarm) is None], wall)
    found.pieces.append(ended)
    engine.next_n += len(ended)
    waits.tend(engine, u)
    changes.suppress_by_design(engine, wall)
    found.steps += point_modes.drop(engine, lost, wall)
    engine.world.due[:] = np.iinfo(np.int64).min  # every point is looked at with the next tick
    engine.late.floor = max(engine.late.floor, wall)
    return found


def _modes(engine: Engine, journal: Journal, wall: Micros) -> list[PointMode]:
    """They end at the instant that was said when they were last renewed."""
    found = []
    for (point, mode), step in sorted(point_modes.standing_of(journal.last_steps()).items()):
        until = step.until if step.until is not None else wall
        since = point_modes.first_begin(journal.steps(point, limit=STEPS), mode)
        due = engine.time.u + until - wall
        said = (step.who, step.post, step.reason, step.work_order, step.approver, step.command)
        found.append(PointMode(point, mode, since, until, due, *said))
    return found


def _take_states(engine: Engine, standing: Sequence[AlarmTransition], episodes: dict[int, int]) -> None:
    status = engine.world.status
    for alarm, episode in episodes.items():
        row = engine.row_of(alarm)
        if row is None:
            engine.retired[alarm] = episode
        else:
            status["episode"][row] = episode
    known = status["phase"].copy()
    status["state"] = AlarmState.NORMAL
    status["phase"][np.isin(known, _ON)] = Phase.QUIET
    changes.adopt(engine, {t.alarm: (t.after, t.episode) for t in standing})
    # The condition of what is hidden is followed, not announced: the engine may know it where the journal can't.
    hidden = np.isin(status["state"], HIDDEN)
    status["phase"][hidden] = known[hidden]


def _take_shelvings(engine: Engine, standing: Sequence[AlarmTransition], wall: Micros) -> None:
    """They end at the instant that was said when they began. What is to be escalated waits anew."""
    for timer in engine.timers:
        engine.timers.cancel(timer.alarm)
    for t in standing:
        if t.trigger is Trigger.SHELVE and engine.row_of(t.alarm) is not None and math.isfinite(t.value):
            due = engine.time.u + int(t.value) - wall
            engine.timers.set(Timer(t.alarm, Wait.SHELVING_ENDS, engine.time.u, due))


def _ended(engine: Engine, gone: Sequence[AlarmTransition], wall: Micros) -> Structs:
    """CONFIGURATION → NORMAL for alarms of rules that are gone or disabled."""
    rows: Structs = np.zeros(len(gone), TRANSITION)
    rows["n"] = np.arange(engine.next_n, engine.next_n + len(gone))
    rows["frame"], rows["trigger"], rows["after"] = engine.frame, Trigger.CONFIGURATION, AlarmState.NORMAL
    rows["happened_at"] = rows["noticed_at"] = wall
    for name in ("alarm", "episode", "value", "quality", "limit"):
        rows[name] = [getattr(t, name) for t in gone]
    rows["before"] = [t.after for t in gone]
    return rows

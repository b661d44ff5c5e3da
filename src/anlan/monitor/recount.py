"""A point's newest value counts otherwise from now on, though no reading has come: what its alarms, votes and calculated points make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.events.alarms import AlarmKind
from anlan.model.quality import FLAG_MASK, Reason, Severity, quality
from anlan.monitor import kernel
from anlan.monitor.layout import BLOCK, Phase, PointFlag

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

NOT_FLAGS = 0xFFFF & ~FLAG_MASK
BAD, UNCERTAIN = int(quality(Severity.BAD)), int(quality(Severity.UNCERTAIN))
JUDGE_ON = 2
OF_QUALITY = (AlarmKind.BAD_QUALITY, AlarmKind.STALE)
_REASON = {
    PointFlag.CALIBRATING: Reason.CALIBRATION,
    PointFlag.INHIBITED: Reason.MAINTENANCE,
    PointFlag.OVER_LATCHED: Reason.OVER_RANGE_LATCHED,
}
"""As the kernel overrules a reading: the first that holds. A test compares the two."""
_BEFORE_ITS_DELAY = {Phase.RISING: Phase.QUIET, Phase.FALLING: Phase.STANDING}


def as_it_counts(flags: int, sent: int) -> int:
    """As the kernel counts a reading that was sent with this quality."""
    for flag, reason in _REASON.items():
        if flags & flag:
            return sent & FLAG_MASK | int(quality(Severity.BAD, reason))
    if flags & PointFlag.CALIBRATION_OVERDUE and sent < UNCERTAIN:
        return sent & FLAG_MASK | int(quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE))
    return sent


def without_date(words: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Qualities before the date of a calibration had its say: only the node gives that reason, and only to what was good."""
    dated = words & NOT_FLAGS == quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE)
    return np.where(dated, words & FLAG_MASK, words).astype(np.uint16)


def run_what_is_due(engine: Engine, point: int, at: Micros, u: Micros) -> None:
    """Delays that have ended by now count by the quality that held until now."""
    block = point // BLOCK

    def call(start: int) -> int:
        world = engine.world
        until_here = world._replace(due=world.due[: block + 1])
        return int(kernel.take_tick(until_here, block + start, engine.frame, at, u)) - block

    engine.run(call, 1)


def judge(engine: Engine, point: int, word: int, at: Micros, u: Micros) -> None:
    """The point's newest value is now worth `word`: its rules look at it anew, and so does what is calculated from it. Between good and
    uncertain no rule can move, and no delay begins anew."""
    world = engine.world
    row = world.points[point]
    held, known = bool(row["flags"] & PointFlag.HELD), int(row["quality"]) < BAD
    if known and word >= BAD and row["flags"] & PointFlag.ON_CHANGE and held:
        world.known[point] = row["time"] + max(0, u - int(row["heard"]))
    world.points["quality"][point] = word
    mine = rows_of(engine, point)
    moves = not known or word >= BAD
    if not known and word < BAD:
        _begin_delays_anew(engine, mine)
    _look_anew(engine, point, mine if moves else range(0), at, u)
    feeds = world.feeds[world.feeds_first[point] : world.feeds_first[point + 1]]
    if len(feeds):
        which = np.zeros(len(world.programs), np.uint8)
        which[feeds] = 1
        kernel.feed_those(engine.world, which, u)
        engine.calculate(at, u)


def settle(engine: Engine, point: int, at: Micros, u: Micros) -> None:
    """Nothing moves now; but readings may count otherwise from the next one on, so the quiet band does."""
    _look_anew(engine, point, range(0), at, u)


def _look_anew(engine: Engine, point: int, rules: range, at: Micros, u: Micros) -> None:
    anew = np.zeros(len(engine.world.rules), np.uint8)
    anew[rules.start : rules.stop] = JUDGE_ON

    def call(start: int) -> int:
        # Only this point: the table of points ends with it.
        one = engine.world._replace(points=engine.world.points[: point + 1])
        return int(kernel.reconsider(one, anew, point + start, engine.frame, at, u)) - point

    engine.run(call, 1)


def _begin_delays_anew(engine: Engine, rows: range) -> None:
    """Nobody knew the value meanwhile: what was pending before begins again from the value that counts now."""
    rules, phase = engine.world.rules, engine.world.status["phase"]
    for k in rows:
        if rules["kind"][k] not in OF_QUALITY:
            phase[k] = _BEFORE_ITS_DELAY.get(Phase(int(phase[k])), phase[k])


def forget_quality(engine: Engine, point: int) -> None:
    """The quality was bad because people had said so, which is no condition of the point's own alarm."""
    world = engine.world
    for k in rows_of(engine, point):
        if world.rules["kind"][k] == AlarmKind.BAD_QUALITY:
            world.status["phase"][k] = Phase.QUIET


def rows_of(engine: Engine, point: int) -> range:
    row = engine.world.points[point]
    return range(int(row["rule_first"]), int(row["rule_first"]) + int(row["rule_count"]))

"""Detectors whose calibration is overdue: what they read is uncertain from then on, until it is in date again.

    AT-203.DUE is 1 ──▶ a reading of AT-203 that its source calls good counts as uncertain, calibration overdue ──(it is 0)──▶ as sent

The node's own point of the date is told by commands in the log (`point_commands`), so a replay of the log agrees. A detector whose date
nobody has told counts as its source says. An uncertain reading alarms as a good one does, and votes as one: the date hides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.monitor.layout import NEVER, PointFlag
from anlan.monitor.recount import BAD, as_it_counts, judge, settle

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

_FLAG = int(PointFlag.CALIBRATION_OVERDUE)


def follow(engine: Engine, at: Micros, u: Micros, *, told: int | None = None) -> None:
    """Bring the detectors to what the node's own points say of their dates: those of the point just `told`, or all of them."""
    points, dated = engine.world.points, engine.arrays.dated
    if told is not None:
        dated = dated[dated[:, 1] == told]
    detectors, own = dated[:, 0], points[dated[:, 1]]
    overdue = detectors[(own["time"] != NEVER) & (own["quality"] < BAD) & (own["value"] == 1)]
    concerned = detectors if told is not None else np.arange(len(points))
    was = concerned[points["flags"][concerned] & _FLAG != 0]
    for detector in np.setxor1d(overdue, was):
        _turn(engine, int(detector), at, u)


def _turn(engine: Engine, detector: int, at: Micros, u: Micros) -> None:
    """Overdue where it was in date, or the other way round; the newest value counts by it at once."""
    sent = engine.modes.sent(engine.world, detector)
    row = engine.world.points[detector : detector + 1]
    row["flags"] ^= np.uint16(_FLAG)
    row["touched"] = engine.frame
    engine.modes.lay_out(engine.world)
    word = as_it_counts(int(row["flags"][0]), sent)
    if row["time"][0] == NEVER or word == row["quality"][0]:
        settle(engine, detector, at, u)
    else:
        judge(engine, detector, word, at, u)


def mark(engine: Engine, overdue: npt.NDArray[np.int64]) -> None:
    """In an engine that has decided nothing yet and hears no commands: these detectors are overdue."""
    flags = engine.world.points["flags"]
    here = overdue[overdue < len(flags)]
    flags[here[flags[here] & PointFlag.PRESENT != 0]] |= np.uint16(_FLAG)

"""The node's own points as core feeds them: readings of source 0, written when a state changes and once after each start.

In: part of the node → whether it has a fault, None where nobody knows. Out: readings. What is not known is not told: the alarm stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from anlan.model.clock import Micros
from anlan.model.frames import NODE_SOURCE
from anlan.model.quality import GOOD, Flag
from anlan.model.readings import Readings
from anlan.monitor.program import Op

CONFIGURATION, ENGINE, LOG, HISTORY, CLOCK = "node.configuration", "node.engine", "node.log", "node.history", "node.clock"
UNHEARD = "node.unheard"
AUDIT = "node.audit"
PROOF = "node.proof"
OVERRIDE = "node.override"
"""Ids of `plant/data/node_alarms.csv`; the plant room is not loaded here, which would cost core's start half a second."""


class OwnPoints:
    """Which states the log has been told; `fresh` is what it must still be told."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._told: dict[int, bool] = {}
        self.guarded: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        """Numbers of the points that must have spoken, as the node tells."""

    def know(self, config: bytes) -> None:
        """The configuration in force has other numbers, perhaps."""
        self._numbers, self.guarded = numbers_of(config), guarded_by(config)
        self._told = {number: told for number, told in self._told.items() if number in set(self._numbers.values())}

    def fresh(self, states: Mapping[str, bool | None], now: Micros) -> Readings | None:
        """Readings of the points whose state differs from what the log has; None when it has all."""
        changed = {
            self._numbers[name]: state
            for name, state in states.items()
            if state is not None and name in self._numbers and self._told.get(self._numbers[name]) is not state
        }
        proof = self._numbers.get(PROOF)
        marks = {number: GOOD | Flag.EXERCISE if number == proof else GOOD for number in changed}
        return Readings.of([(number, now, float(state), marks[number]) for number, state in changed.items()]) if changed else None

    def keep(self, readings: Readings) -> None:
        """These are in the log now."""
        self._told |= {int(n): bool(v) for n, v in zip(readings.point, readings.value, strict=True)}


def numbers_of(config: bytes) -> dict[str, int]:
    """Id → number of the points of source 0 in an engine configuration; only their table is read with its names."""
    points = _tables(config)[1]
    own = points.filter(pc.equal(points["source"], NODE_SOURCE))
    return dict(zip(own["id"].to_pylist(), own["number"].to_pylist(), strict=True))


def guarded_by(config: bytes) -> npt.NDArray[np.int64]:
    """Numbers of the measured points that the plant calls safety points, or that something is calculated from: what waits for an input
    that never spoke is unknown and can give no alarm."""
    _, points, _, _, code = _tables(config)
    inputs = pc.is_in(points["number"], value_set=code.filter(pc.equal(code["op"], Op.POINT))["a"].combine_chunks())
    guarded = points.filter(pc.and_(pc.or_(points["safety"], inputs), pc.not_equal(points["source"], NODE_SOURCE)))
    return np.array(guarded["number"].to_pylist(), np.int64)


def _tables(config: bytes) -> list[pa.Table]:
    """Sources, points, rules, programs and their code; of the rules the numbers alone, for they are many."""
    source = pa.BufferReader(config)
    only = (None, None, [0], None, None)
    return [pa.ipc.open_stream(source, options=pa.ipc.IpcReadOptions(included_fields=one)).read_all() for one in only]

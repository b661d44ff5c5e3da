"""Gas detectors that say of themselves that they are faulty or under test gas: their readings carry it, whatever driver brought them.

The state comes as a point of its own, often in another register or message than the reading. The newest one of a source holds until the next;
a reading that a device itself has marked as bad keeps the device's reason. So does one over range of a detector that calls itself faulty, as
many do when they are driven off their scale: it is a lower bound of the gas there is, which a fault would hide. Test gas and maintenance still
go first. Votes, alarms and pages then need no knowledge of such pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from anlan.model.quality import FLAG_MASK, REASON_MASK, Reason, Severity, quality
from anlan.model.readings import Readings

_BAD = quality(Severity.BAD)
_FAULTY = quality(Severity.BAD, Reason.SENSOR_FAILURE)


class OwnStates:
    """Of one source: (number of the detector, number of its state's point, state → reason)."""

    def __init__(self, pairs: Iterable[tuple[int, int, Mapping[int, Reason]]]) -> None:
        self._words = {
            state: (detector, {s: quality(Severity.BAD, r) for s, r in reasons.items()}) for detector, state, reasons in pairs
        }
        self._states = np.array(sorted(self._words), np.uint32)
        size = max((detector for detector, _ in self._words.values()), default=-1) + 1
        self._now: npt.NDArray[np.uint16] = np.zeros(size, np.uint16)
        """By detector: the quality that its state gives its readings, 0 for none."""

    def judged(self, readings: Readings) -> Readings:
        """With the quality that the detectors give themselves."""
        if not self._words:
            return readings
        self._learn(readings)
        known = readings.point < len(self._now)
        word = self._now[np.where(known, readings.point, 0)]
        lower_bound = (word == _FAULTY) & (readings.quality & REASON_MASK == Reason.OVER_RANGE)
        taken_out = known & (word != 0) & (readings.quality < _BAD) & ~lower_bound
        if not taken_out.any():
            return readings
        flags = readings.quality & FLAG_MASK
        return Readings(
            readings.point, readings.time, readings.value, np.where(taken_out, flags | word, readings.quality).astype(np.uint16)
        )

    def _learn(self, readings: Readings) -> None:
        for row in np.flatnonzero(np.isin(readings.point, self._states)):
            value, usable = float(readings.value[row]), int(readings.quality[row]) < _BAD
            if usable and value == int(value):
                detector, words = self._words[int(readings.point[row])]
                self._now[detector] = words.get(int(value), 0)

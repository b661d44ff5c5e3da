"""When a detector's calibration was overdue, by the journal. History keeps readings as their source sent them; a trend says what they were worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.quality import FLAG_MASK, Reason, Severity, quality
from anlan.monitor.companions import due_of
from anlan.monitor.point_modes import PointStep
from anlan.web.context import Journal, PlantView

FAR: Micros = 1 << 62
MOST_STEPS = 1_000
"""A date passes, and is set anew, once a year."""
_OVERDUE = {"calibration_overdue": True, "calibration_in_date": False}
_WORD = quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE)

Spans = Sequence[tuple[Micros, Micros]]


def spans_of(steps: Iterable[PointStep]) -> list[tuple[Micros, Micros]]:
    """Begin and end of each time for which it was overdue, from the steps of the node's own point, in order."""
    found: list[tuple[Micros, Micros]] = []
    since: Micros | None = None
    for step in steps:
        overdue = _OVERDUE.get(step.step)
        if overdue and since is None:
            since = step.noticed_at
        elif overdue is False and since is not None:
            found.append((since, step.noticed_at))
            since = None
    return found if since is None else [*found, (since, FAR)]


def spans_by_point(plant: PlantView, journal: Journal, points: Iterable[int]) -> dict[int, Spans]:
    """Of those points that have such times. Blocking."""
    found: dict[int, Spans] = {}
    for point in points:
        own = plant.point_numbers.get(due_of(plant.point_ever(point).id))
        spans = [] if own is None else spans_of(reversed(journal.steps(own, limit=MOST_STEPS)))
        if spans:
            found[point] = spans
    return found


def as_counted(
    words: npt.NDArray[np.uint16], begins: npt.NDArray[np.int64], width: Micros, point: int, spans: Mapping[int, Spans]
) -> npt.NDArray[np.uint16]:
    """Qualities of one point's stretches of `width`: good ones that reach into a time for which it was overdue are uncertain."""
    inside = np.zeros(len(words), np.bool_)
    for start, end in spans.get(point, ()):
        inside |= (begins + width > start) & (begins < end)
    good = words < quality(Severity.UNCERTAIN)
    return np.where(inside & good, _WORD | words & FLAG_MASK, words).astype(np.uint16)

"""Since when and until when a calibration was overdue, by the journal, and which stretches of a trend that concerns."""

from __future__ import annotations

import numpy as np

from anlan.model.quality import Reason, Severity, quality
from anlan.monitor.overdue_spans import FAR, as_counted, spans_of
from anlan.monitor.point_modes import PointStep

OVERDUE = quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE)
FAILED = quality(Severity.BAD, Reason.SENSOR_FAILURE)


def step(name: str, at: int) -> PointStep:
    return PointStep(
        n=at, frame=at, point=8, step=name, happened_at=at, noticed_at=at, until=None, quality=0, who="node", post="", reason="",
        work_order="", approver="", command="",
    )  # fmt: skip


def test_it_lasts_from_when_it_was_told_until_it_was_taken_back() -> None:
    told = [
        step(name, at) for at, name in ((10, "calibration_in_date"), (20, "calibration_overdue"), (30, "calibration_overdue"))
    ]
    assert spans_of(told) == [(20, FAR)]
    assert spans_of([*told, step("calibration_in_date", 40), step("calibration_overdue", 50)]) == [(20, 40), (50, FAR)]
    assert spans_of([]) == []


def test_good_stretches_that_reach_into_it_are_uncertain_and_no_others() -> None:
    words, begins = np.array([0, 0, FAILED, 0x0800, 0], np.uint16), np.array([0, 10, 20, 30, 40])
    found = as_counted(words, begins, 10, 3, {3: [(19, 40)]})
    assert found.tolist() == [0, OVERDUE, FAILED, OVERDUE | 0x0800, 0]
    assert as_counted(words, begins, 10, 4, {3: [(19, 40)]}).tolist() == words.tolist()

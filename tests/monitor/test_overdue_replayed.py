"""A calibration that is overdue, in the engines that decide on the past again: why, trials, and the comparison with late readings."""

from __future__ import annotations

import numpy as np
import pytest
from bench_of_points import OVERDUE, OWN, START, A, B, Bench
from engine_reference_state import SECOND

from anlan.model.readings import Readings
from anlan.monitor.calibration_dates import mark
from anlan.monitor.compile import column
from anlan.monitor.replay import Remembered, Replay
from anlan.monitor.sub_plant import cut


@pytest.fixture
def bench() -> Bench:
    bench = Bench(dated=True)
    bench.read(1, (A, 0.2), (B, 0.2))
    assert bench.order(2, "calibration_overdue", point=OWN).accepted
    return bench


def test_a_part_of_the_plant_holds_the_point_that_tells_the_date(bench: Bench) -> None:
    assert column(cut(bench.config(), [A]).point_table, "number").tolist() == [A, OWN]


def test_the_step_done_once_more_makes_the_readings_after_it_uncertain(bench: Bench) -> None:
    steps = [step for found in bench.all for step in found.steps]
    rows = Readings.of([(A, START + at * SECOND, 0.1 * at, 0) for at in (1, 3)])
    replay = Replay(cut(bench.config(), [A]))
    replay.through(Remembered(rows, [], steps))
    assert replay.engine.live([A]).quality.tolist() == [OVERDUE]


def test_what_is_overdue_now_is_so_in_an_engine_that_compares_late_readings(bench: Bench) -> None:
    replay = Replay(cut(bench.config(), [A, B]))
    mark(replay.engine, np.array([A, 900], np.int64))
    replay.feed(Readings.of([(A, START, 0.1, 0), (B, START, 0.1, 0), (A, START + SECOND, 0.1, 0)]))
    assert replay.engine.live([A, B]).quality.tolist() == [OVERDUE, 0]

"""Values outside their measuring range: marked alike whatever driver brought them, and what the engine makes of a held one."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anlan.model.clock import SystemClock
from anlan.model.points import Point
from anlan.model.quality import GOOD, Flag, Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.plant.compile import running_sources
from anlan.plant.folder import load
from anlan.plant.numbers import in_memory
from anlan.sense.modbus.ne43 import VALID_HIGH, VALID_LOW
from anlan.sense.ranges import ABOVE, BELOW, Ranges, bounds_of
from anlan.sense.sink import SinkSettings, SourceSink
from tests.sense.cores import Core

OVER, UNDER = quality(Severity.UNCERTAIN, Reason.OVER_RANGE), quality(Severity.UNCERTAIN, Reason.UNDER_RANGE)
BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)


def point(**more: Any) -> Point:
    return Point(**{"id": "P", "place": "p", "name": Label(en="x"), "kind": "pressure", "source": "s", "address": "1", "range_low": 0.0, "range_high": 160.0, **more})  # fmt: skip


CATALYTIC = point(kind="gas.combustible", principle="catalytic", range_high=100.0)


@pytest.mark.parametrize(
    ("made", "value", "expected"),
    [
        (point(), 80.0, GOOD),
        (point(), 165.0, GOOD),
        (point(), 165.1, OVER),
        (point(), -2.0, GOOD),
        (point(), -2.1, UNDER),
        (point(range_low=-50.0, range_high=None), 1e9, GOOD),
        (point(range_low=None, range_high=None), 1e9, GOOD),
        (point(kind="state", states={0: Label(en="a"), 500: Label(en="b")}), 500.0, GOOD),
        (point(kind="gas.combustible", principle="infrared", range_high=100.0), 100.0, GOOD),
        (CATALYTIC, 99.9, GOOD),
        (CATALYTIC, 100.0, OVER),
        (CATALYTIC, 250.0, OVER),
        (point(), math.nan, GOOD),
        (point(range_low=None, range_high=None), math.inf, OVER),
        (point(range_low=None, range_high=None), -math.inf, UNDER),
        (point(), math.inf, OVER),
    ],
)
def test_a_value_is_marked_by_its_points_range(made: Point, value: float, expected: int) -> None:
    readings = Ranges([(7, made)]).judged(Readings.of([(7, 1, value, GOOD)]))
    assert int(readings.quality[0]) == expected


def test_the_room_beyond_the_range_is_that_of_a_loop() -> None:
    assert pytest.approx((VALID_LOW, VALID_HIGH)) == (4.0 - BELOW * 16, 20.0 + ABOVE * 16)
    assert bounds_of(point(range_low=4.0, range_high=20.0)) == pytest.approx((VALID_LOW, VALID_HIGH))


@pytest.mark.parametrize("word", [BAD, UNDER, quality(Severity.UNCERTAIN, Reason.LAST_USABLE)])
def test_what_the_device_says_of_its_value_stands(word: int) -> None:
    readings = Ranges([(1, point())]).judged(Readings.of([(1, 1, 999.0, word)]))
    assert int(readings.quality[0]) == word


def test_flags_stay_and_strangers_pass() -> None:
    rows = [(1, 1, 999.0, int(Flag.DEMO)), (2, 1, 999.0, 0), (90, 1, 999.0, 0)]
    found = Ranges([(1, point()), (2, point(range_high=None))]).judged(Readings.of(rows))
    assert found.quality.tolist() == [OVER | Flag.DEMO, 0, 0]


def test_nothing_is_copied_where_nothing_is_outside() -> None:
    readings = Readings.of([(1, 1, 5.0, 0)])
    assert Ranges([(1, point())]).judged(readings) is readings
    assert Ranges([(1, point(range_low=None, range_high=None))]).judged(readings) is readings
    empty = Readings(np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint16))
    assert len(Ranges([]).judged(empty)) == 0


async def test_the_sink_marks_before_it_sends() -> None:
    core = Core()
    sink = SourceSink(
        3, core, SystemClock(), flags=int(Flag.DEMO), ranges=Ranges([(1, point())]), settings=SinkSettings(linger=0.0)
    )
    sink.start()
    try:
        await sink.deliver(Readings.of([(1, 1, 999.0, 0)]))
    finally:
        await sink.stop()
    assert core.rows[3] == [(1, 1, 999.0, OVER | Flag.DEMO)]


def test_the_plants_sources_run_with_their_ranges() -> None:
    plant = load(Path(str(files("anlan.sense.demo") / "plant")))
    numbers = in_memory(plant)
    tanks = next(r for r in running_sources(plant, numbers) if r.source.id == "tanks")
    assert tanks.ranges is not None
    found = tanks.ranges.judged(Readings.of([(numbers.points["AT-301"], 1, 100.0, 0), (numbers.points["AT-201"], 1, 10.1, 0)]))
    assert found.quality.tolist() == [OVER, 0]

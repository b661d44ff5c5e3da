"""Which points may be put in calibration mode by one person: of all the kinds there are, and of what the node calculates."""

from __future__ import annotations

import pyarrow as pa
import pytest

from anlan.model.frames import NODE_ID
from anlan.model.kinds import kinds
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.compile import POINTS, EngineConfig, arrays_of, compile_config
from anlan.monitor.detectors.kinds import calibratable, is_detector
from anlan.monitor.layout import PointFlag

DETECTORS = {
    "gas.combustible", "gas.combustible.line", "gas.toxic", "gas.oxygen",
    "fire.detector", "fire.smoke", "fire.heat", "fire.flame",
}  # fmt: skip


def a_point(kind: str, source: str = "plc") -> Point:
    return Point(id="X-1", place="works", name=Label(en="x"), kind=kind, source=source, address="1")


def refused(config: EngineConfig) -> bool:
    return bool(arrays_of(config).points["flags"][1] & PointFlag.NO_CALIBRATION)


def test_of_all_kinds_only_those_that_measure_gas_or_see_fire() -> None:
    assert {kind for kind in kinds() if calibratable(a_point(kind))} == DETECTORS


@pytest.mark.parametrize("kind", ["bypass", "trip", "esd.button", "gas.detector.state", "temperature", "gas.toxic", "fire.flame"])
def test_the_engine_is_told_which(kind: str) -> None:
    assert refused(compile_config(1, [(1, "plc")], [(1, a_point(kind), 1)], [])) is (kind not in DETECTORS)


def test_a_calculated_gas_has_no_sensor() -> None:
    point = a_point("gas.toxic", NODE_ID)
    assert (is_detector(point), calibratable(point)) == (True, False)


def test_a_configuration_of_an_earlier_release_goes_on_as_it_was_read_then() -> None:
    """Its log has calibrations of whatever point: they must be taken again as they were taken; and it knew no dates."""
    now = EngineConfig.from_columns(1, {"number": [1]}, {"number": [1], "source": [1]}, {"number": [], "kind": [], "target": []})
    assert POINTS.names[-2:] == ["calibratable", "due"]
    sink = pa.BufferOutputStream()
    first = now.source_table.replace_schema_metadata({"version": "1"})
    points = now.point_table.drop_columns(["calibratable", "due"])
    for table in (first, points, now.rule_table, now.program_table, now.code_table):
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    earlier = EngineConfig.from_bytes(sink.getvalue().to_pybytes())
    assert earlier.point_table.equals(now.point_table)
    assert not refused(earlier)

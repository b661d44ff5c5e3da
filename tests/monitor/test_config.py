"""What may stand in an alarm's rule, and how rules become the engine's configuration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from anlan.model.errors import Corrupt, InputError
from anlan.model.events.alarms import AlarmKind
from anlan.model.points import Point, Reporting
from anlan.model.words import Label
from anlan.monitor.compile import arrays_of
from anlan.monitor.config import AlarmRule, loss_of_view
from anlan.monitor.engine import EngineConfig, compile_config
from anlan.monitor.layout import PointFlag


def a_point(number: int, **reporting: Any) -> Point:
    return Point(
        id=f"T-{number}",
        place="U1",
        name=Label(en="t"),
        kind="temperature",
        source="dcs",
        address="1",
        reporting=Reporting(**reporting),
    )


def a_config() -> EngineConfig:
    return compile_config(
        7,
        [(1, "dcs")],
        [(1, a_point(1), 1), (5, a_point(5, mode="on_change", period=10), 1), (6, a_point(6, period=0.5, stale_after=7.25), 1)],
        [
            (30, AlarmRule(id="dcs.VIEW", point="dcs", kind="VIEW", priority=1), 1),
            (12, AlarmRule(id="T-5.ST", point="T-5", kind="ST", states=(0, 3)), 5),
            (11, AlarmRule(id="T-1.HH", point="T-1", kind="HH", limit=90, dead_band=1.5, on_delay=0.0015), 1),
            (10, AlarmRule(id="T-1.L", point="T-1", kind="L", limit=10, dead_band=2, off_delay=60, latching=True), 1),
        ],
    )


def test_a_configuration_survives_its_bytes() -> None:
    config = a_config()
    again = EngineConfig.from_bytes(config.to_bytes())
    assert (again.version, again.points, again.alarms, again.source_numbers()) == (7, 3, 4, [1])
    assert again.point_table.equals(config.point_table)
    assert again.to_bytes() == config.to_bytes()


def test_rules_stand_by_point_and_kind_with_sources_last() -> None:
    arrays = arrays_of(a_config())
    assert arrays.rules["number"].tolist() == [10, 11, 12, 30]
    assert arrays.rules["clear"][:2].tolist() == [12.0, 88.5]
    assert arrays.rules["on_delay"].tolist() == [0, 2, 0, 0]  # 1.5 ms are never cut short
    assert arrays.pool.tolist() == [0, 3]
    assert [arrays.where[n] for n in (10, 11, 12, 30, 0)] == [0, 1, 2, 3, -1]
    assert arrays.points["rule_first"][[1, 5]].tolist() == [0, 2]
    assert arrays.points["rule_count"].tolist() == [0, 2, 0, 0, 0, 1, 0]
    assert (arrays.sources["rule_first"][1], arrays.sources["rule_count"][1]) == (3, 1)


def test_how_a_point_reports_decides_when_it_is_stale() -> None:
    points = arrays_of(a_config()).points
    assert points["deadline"][[1, 5, 6]].tolist() == [3000, 0, 7250]
    assert (points["flags"] & PointFlag.ON_CHANGE != 0).tolist() == [False] * 5 + [True, False]


def test_every_record_starts_on_a_cache_line() -> None:
    arrays = arrays_of(a_config())
    assert arrays.points.dtype.itemsize == 64
    assert arrays.points.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": [9]}, "alarm 10 names a point that does not exist"),
        ({"kind": [AlarmKind.LOSS_OF_VIEW], "target": [2]}, "alarm 10 names a source that does not exist"),
        ({"kind": [77]}, "alarm 10 has an unknown kind"),
        ({"limit": [np.nan]}, "alarm 10 has no finite limit"),
        ({"limit": [np.inf]}, "alarm 10 has no finite limit"),
        ({"dead_band": [-1.0]}, "alarm 10 has a negative dead-band"),
        ({"kind": [AlarmKind.STATE]}, "alarm 10 names no state"),
        ({"limits": [1.0]}, "unknown column limits"),
        ({"number": [2**31]}, "alarm number 2147483648 is above"),
    ],
)
def test_columns_that_the_kernel_could_not_run_are_refused(change: dict[str, Any], message: str) -> None:
    rules = {"number": [10], "kind": [AlarmKind.HIGH], "target": [1], "limit": [5.0], **change}
    with pytest.raises(InputError, match=message):
        EngineConfig.from_columns(1, {"number": [1]}, {"number": [1], "source": [1]}, rules)


def test_a_number_used_twice_is_named() -> None:
    with pytest.raises(InputError, match="point number 4 is used twice"):
        EngineConfig.from_columns(
            1, {"number": [1]}, {"number": [4, 4], "source": [1, 1]}, {"number": [], "kind": [], "target": []}
        )


def test_a_point_without_its_source_is_named() -> None:
    with pytest.raises(InputError, match="point 4 names a source that does not exist"):
        EngineConfig.from_columns(1, {"number": [1]}, {"number": [4], "source": [2]}, {"number": [], "kind": [], "target": []})


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", a_config().to_bytes()[:-40], a_config().rule_table.schema.serialize().to_pybytes()]
)
def test_bytes_that_are_no_configuration_are_refused(body: bytes) -> None:
    with pytest.raises(Corrupt, match="engine configuration"):
        EngineConfig.from_bytes(body)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({"kind": "H"}, "limit was None; a finite number was expected"),
        ({"kind": "H", "limit": float("inf")}, "finite number"),
        ({"kind": "ST"}, "needs at least one state"),
        ({"kind": "H", "limit": 1, "states": [1]}, "takes none"),
        ({"kind": "BAD", "limit": 1}, "takes neither limit nor dead_band"),
        ({"kind": "STALE", "dead_band": 1}, "takes no dead_band"),
        ({"kind": "VIEW", "priority": 2}, "priority 1"),
        ({"kind": "HHH", "limit": 1}, "kind"),
        ({"kind": "H", "limit": 1, "priority": 5}, "priority"),
        ({"kind": "H", "limit": 1, "on_delay": -1}, "on_delay"),
        ({"kind": "H", "limit": 1, "delay": 1}, "Extra inputs"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_words(rest: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AlarmRule(id="A", point="T-1", **rest)


def test_kinds_are_written_as_the_field_writes_them() -> None:
    rule = AlarmRule(id="T-1.HH", point="T-1", kind="HH", limit=1)
    assert rule.kind is AlarmKind.HIGH_HIGH
    assert rule.model_dump()["kind"] == "HH"
    assert AlarmRule.model_validate(rule.model_dump()) == rule


def test_a_source_has_its_loss_of_view_alarm_for_the_asking() -> None:
    rule = loss_of_view("dcs", post="panel")
    assert (rule.id, rule.kind, rule.priority, rule.post) == ("dcs.VIEW", AlarmKind.LOSS_OF_VIEW, 1, "panel")

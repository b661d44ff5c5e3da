"""How detectors measure: found by id or name, and what that says of a reading over range."""

from __future__ import annotations

import pytest

from anlan.model.errors import InputError
from anlan.model.points import Point
from anlan.model.principles import principles, read_principle
from anlan.model.words import Label
from anlan.monitor.compile import arrays_of, compile_config
from anlan.monitor.layout import PointFlag


@pytest.mark.parametrize(("written", "expected"), [("catalytic", "catalytic"), ("催化燃烧", "catalytic"), ("Pellistor", "catalytic"), ("红外", "infrared"), ("NDIR", "infrared"), ("PID", "photoionisation")])  # fmt: skip
def test_a_principle_is_read_as_plants_write_it(written: str, expected: str) -> None:
    assert read_principle(written).id == expected


def test_an_unknown_one_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean electrochemical"):
        read_principle("electrochemcal")


def test_only_a_catalytic_detector_is_held_over_range() -> None:
    assert [one.id for one in principles().values() if one.latches] == ["catalytic"]


@pytest.mark.parametrize(("principle", "latches"), [("catalytic", True), ("infrared", False), ("", False)])
def test_the_engine_holds_what_the_principle_says(principle: str, latches: bool) -> None:
    point = Point(id="AT-1", place="p", name=Label(en="gas"), kind="gas.combustible", unit="%LEL", source="s", address="1", principle=principle)  # fmt: skip
    arrays = arrays_of(compile_config(1, [(1, "s")], [(1, point, 1)], []))
    assert bool(arrays.points["flags"][1] & PointFlag.LATCHES) is latches

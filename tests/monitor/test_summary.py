"""The summary counts each point once, by the first of its reasons; a plain loop over the same values is the second opinion."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.events.alarms import AlarmKind
from anlan.model.places import Level, Place
from anlan.model.points import Point
from anlan.model.quality import NO_DATA_YET, Reason, Severity, quality
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.summary import Counts, Summariser
from anlan.sense.config import SourceConfig
from anlan.web.context import PlantView
from anlan.web.live import LiveView

NAME = Label(zh="点", en="point")
STATES = {0: Label(zh="未旁路"), 1: Label(zh="旁路中")}
CALIBRATING = quality(Severity.UNCERTAIN, Reason.CALIBRATION)
FAILED = quality(Severity.BAD, Reason.SENSOR_FAILURE)


def point(name: str, at: str, kind: str = "gas.toxic", **more: object) -> Point:
    return Point(id=name, place=f"works/{at}", name=NAME, kind=kind, source="plc", address="1", **more)  # type: ignore[arg-type]


def plant() -> PlantView:
    points = [
        point("AT-1", "U1"),
        point("AT-2", "U1"),
        point("TI-3", "U2", "temperature"),
        point("BP-07", "U2", "bypass", states=STATES),
        point("BR-07", "U2", "bypass.left", unit="min"),
        point("BP-08", "U2", "bypass", states=STATES),
    ]
    rules = [
        AlarmRule(id="AT-1.H", point="AT-1", kind=AlarmKind.HIGH, limit=1.0),
        AlarmRule(id="TI-3.H", point="TI-3", kind=AlarmKind.HIGH, limit=90.0),
    ]
    places = [Place(id="works", name=NAME, level=Level.ENTERPRISE)] + [
        Place(id=unit, name=NAME, parent="works") for unit in ("U1", "U2")
    ]
    return PlantView(
        version=1,
        id="works",
        name=NAME,
        places={place.path: place for place in places},
        points=dict(enumerate(points, 1)),
        rules=dict(enumerate(rules, 1)),
        sources={1: SourceConfig(id="plc", driver="modbus")},
    )


def live(values: list[float], words: list[int], *, connected: bool = True) -> LiveView:
    view = LiveView()
    numbers = np.arange(1, len(values) + 1, dtype=np.uint32)
    view.update(numbers, np.ones(len(values), np.int64), np.array(values), np.array(words, np.uint16), 1)
    view.link(connected)
    return view


GOOD_DAY = [0.1, 0.1, 20.0, 0.0, 0.0, 0.0]


def test_all_within() -> None:
    summary = Summariser(plant()).count(live(GOOD_DAY, [0] * 6), [])
    assert summary.whole == Counts(of=6, within=6)
    assert summary.limited == 2
    assert summary.bypass_left is None


def test_each_kind_is_counted_and_named() -> None:
    summary = Summariser(plant()).count(live([2.0, 0.0, math.nan, 1.0, 134 / 60, 0.0], [0, CALIBRATING, FAILED, 0, 0, 0]), [1])
    assert summary.whole == Counts(of=6, within=2, outside=1, unknown=1, bypassed=1, calibrating=1)
    assert summary.named == {"calibrating": ["AT-2"], "unknown": ["TI-3"], "bypassed": ["BP-07"]}
    assert summary.units["works/U1"] == Counts(of=2, within=0, outside=1, calibrating=1)


def test_a_detector_whose_own_state_says_calibration_is_calibrating() -> None:
    detector = point("AT-203", "U1")
    state = point("XS-203", "U1", "gas.detector.state", states={0: Label(zh="工作"), 2: Label(zh="校验", en="Calibration")})
    view = replace(plant(), points={1: detector, 2: state}, rules={})
    found = Summariser(view).count(live([0.0, 2.0], [0, 0]), [])
    assert found.named["calibrating"] == ["AT-203"]
    assert found.under_test == (1,)
    assert "under_test" not in found.as_json()
    assert Summariser(view).count(live([0.0, 0.0], [0, 0]), []).whole == Counts(of=2, within=2)
    assert Summariser(view).count(live([0.0, 2.0], [0, FAILED]), []).whole == Counts(of=2, within=1, unknown=1)


def test_time_left_is_that_of_the_bypass_that_is_on() -> None:
    summary = Summariser(plant()).count(live([0, 0, 0, 1.0, 134 / 60, 0.0], [0] * 6), [])
    assert summary.bypass_left == 134.0


def test_time_left_is_not_told_from_a_bad_reading() -> None:
    summary = Summariser(plant()).count(live([0, 0, 0, 1.0, 2.0, 0.0], [0, 0, 0, 0, FAILED, 0]), [])
    assert summary.bypass_left is None


def test_without_the_core_nothing_is_within() -> None:
    summary = Summariser(plant()).count(live(GOOD_DAY, [0] * 6, connected=False), [])
    assert (summary.whole.within, summary.whole.unknown) == (0, 6)


def test_a_plant_without_points() -> None:
    nothing = PlantView(version=1, id="new", name=NAME)
    assert Summariser(nothing).count(LiveView(), []).whole == Counts()


WORDS = st.sampled_from([0, CALIBRATING, FAILED, NO_DATA_YET, quality(Severity.UNCERTAIN, Reason.LAST_USABLE)])


@settings(deadline=None)  # a busy machine is no fault of the summary
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0, math.nan]), WORDS), min_size=6, max_size=6),
    st.sets(st.sampled_from([1, 2, 99])),
)
def test_counts_agree_with_a_plain_loop(rows: list[tuple[float, int]], active: set[int]) -> None:
    view = plant()
    outside = {view.rules[number].point for number in active if number in view.rules}
    told = [plainly(view.points[n], value, word, outside) for n, (value, word) in enumerate(rows, 1)]
    summary = Summariser(view).count(live([value for value, _ in rows], [word for _, word in rows]), active)
    kinds = ("within", "outside", "unknown", "bypassed", "calibrating")
    assert summary.whole == Counts(of=6, **{kind: told.count(kind) for kind in kinds})
    assert sum(counts.of for counts in summary.units.values()) == 6


def plainly(point: Point, value: float, word: int, outside: set[str]) -> str:
    found = [
        ("calibrating", word & 0xFF == Reason.CALIBRATION),
        ("bypassed", point.kind == "bypass" and value != 0 and not math.isnan(value)),
        ("outside", point.id in outside),
        ("unknown", word >> 14 >= Severity.BAD or math.isnan(value)),
        ("within", True),
    ]
    return next(kind for kind, holds in found if holds)


def test_a_place_counts_what_stands_at_it_and_below_and_its_neighbour_does_not() -> None:
    names = {"works": "works", "U1": "works/U1", "U1-2": "works/U1-2", "T": "works/U1/T"}
    base = plant()
    points = {1: point("A", "U1"), 2: point("B", "U1/T"), 3: point("C", "U1-2"), 4: point("D", "U1-2/X"), 5: point("E", "U10")}
    summariser = Summariser(replace(base, points=points, rules={}))
    assert summariser.at("works") is None
    summariser.count(live([0.0, math.nan, 0.0, 0.0, 0.0], [0, FAILED, CALIBRATING, 0, 0]), [])
    found = {name: summariser.at(path) for name, path in names.items()}
    assert {name: one.whole for name, one in found.items() if one is not None} == {
        "works": Counts(of=5, within=3, unknown=1, calibrating=1),
        "U1": Counts(of=2, within=1, unknown=1),
        "U1-2": Counts(of=2, within=1, calibrating=1),
        "T": Counts(of=1, unknown=1),
    }
    assert found["U1"] is not None
    assert found["U1"].named == {"unknown": ["B"], "bypassed": [], "calibrating": []}


def test_of_a_place_the_shortest_bypass_that_is_on_there() -> None:
    summariser = Summariser(plant())
    summariser.count(live([0.1, 0.1, 20.0, 1.0, 2.0, 0.0], [0] * 6), [])
    there, elsewhere = summariser.at("works/U2"), summariser.at("works/U1")
    assert there is not None
    assert elsewhere is not None
    assert (there.bypass_left, there.limited) == (120.0, 1)
    assert (elsewhere.bypass_left, elsewhere.limited) == (None, 1)

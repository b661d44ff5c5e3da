"""Units that do not answer, behind a gateway with others that do: nobody waits for them, and they are back when they answer."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from anlan.model.quality import BAD_COMMUNICATION
from anlan.sense.contract import Bench
from anlan.sense.driver import LinkState
from anlan.sense.modbus.driver import ModbusDriver
from anlan.sense.modbus.harness import Harness
from anlan.sense.modbus.units import SHARE, Units
from faults._gateway import Gateway
from tests.sense.benches import last, reading, told

FOR_EVER = 60.0
"""s of patience that no test waits out: whoever waits for a silent unit so long is seen by it."""


def rows(bench: Bench, point: int) -> int:
    return sum(p == point for p, _, _, _ in bench.witness.rows)


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_nobody_waits_for_a_silent_unit(framing: str, tmp_path: Path) -> None:
    harness = Harness(units=(1, 2, 3), framing=framing)  # type: ignore[arg-type]
    await harness.start()
    harness.mute.add(2)
    addresses = ["1/hr:0", "2/hr:0", "2/hr:900", "3/hr:0"]
    async with reading(ModbusDriver, harness, addresses, tmp_path, framing=framing, timeout=FOR_EVER) as bench:
        await bench.until(lambda: told(bench, 2) and told(bench, 3), "all points of the silent unit as bad")
        assert {last(bench, 2)[1], last(bench, 3)[1]} == {BAD_COMMUNICATION}
        seen = rows(bench, 1), rows(bench, 4)
        await bench.until(lambda: rows(bench, 1) > seen[0] + 20 and rows(bench, 4) > seen[1] + 20, "scans of the others")
        assert bench.witness.states == [LinkState.UP]


async def test_a_unit_that_answers_again_is_live_with_all_its_points(tmp_path: Path) -> None:
    harness = Harness(units=(1, 2))
    await harness.start()
    async with reading(ModbusDriver, harness, ["1/hr:0", "2/hr:0", "2/hr:900"], tmp_path, timeout=FOR_EVER) as bench:
        await bench.until(lambda: told(bench, 3), "first values")
        harness.mute.add(2)
        await bench.until(lambda: last(bench, 2)[1] == last(bench, 3)[1] == BAD_COMMUNICATION, "the silence")
        assert bench.driver.counters["silent_units"] == 1  # type: ignore[attr-defined]
        harness.mute.clear()
        await bench.until(lambda: last(bench, 2) == last(bench, 3) == (0.0, 0), "the unit's return")
        assert bench.driver.counters["silent_units"] == 0  # type: ignore[attr-defined]
        assert bench.witness.states == [LinkState.UP]


async def test_a_silent_units_points_are_told_as_bad_with_every_scan(tmp_path: Path) -> None:
    """They are known to be bad, not forgotten: none goes stale and comes back with each probe."""
    harness = Harness(units=(1, 2))
    await harness.start()
    harness.mute.add(2)
    async with reading(ModbusDriver, harness, ["1/hr:0", "2/hr:0"], tmp_path, timeout=FOR_EVER) as bench:
        await bench.until(lambda: rows(bench, 2) > 20, "bad readings")
        values = [(value, word) for p, _, value, word in bench.witness.rows if p == 2]
        assert all(math.isnan(value) and word == BAD_COMMUNICATION for value, word in values)
        requests = [detail for _, detail in harness.recording.latest if detail.startswith("unit 2")]
        assert len(requests) < rows(bench, 2)


async def test_a_gateway_that_says_it_cannot_reach_a_unit_is_not_asked_in_every_scan(tmp_path: Path) -> None:
    gateway = Gateway()
    await gateway.start()
    gateway.unreachable.add(2)
    gateway.delays[2] = 0.2
    async with reading(ModbusDriver, gateway, ["1/hr:0", "2/hr:0"], tmp_path) as bench:
        await bench.until(lambda: rows(bench, 1) > 40 and rows(bench, 2) > 20, "scans")
        assert last(bench, 2)[1] == BAD_COMMUNICATION
        assert gateway.asked[2] < gateway.asked[1] / 4
        gateway.unreachable.clear()
        await bench.until(lambda: last(bench, 2) == (2.0, 0), "the unit's return")
        assert bench.witness.states == [LinkState.UP]


async def test_a_unit_that_is_slower_than_the_gaps_between_scans_is_found(tmp_path: Path) -> None:
    """Its answer to a probe comes during the others' scan: it is overheard, and the next probe waits long enough."""
    gateway = Gateway()
    await gateway.start()
    gateway.delays[2] = 0.6
    async with reading(ModbusDriver, gateway, ["1/hr:0", "2/hr:0"], tmp_path, retries=0) as bench:
        await bench.until(lambda: told(bench, 2) and last(bench, 2) == (2.0, 0), "the slow unit")
        assert last(bench, 1) == (1.0, 0)


async def test_a_line_that_a_silent_unit_holds_makes_no_other_unit_bad(tmp_path: Path) -> None:
    gateway = Gateway()
    await gateway.start()
    gateway.mute.add(2)
    gateway.delays[2] = 0.5
    async with reading(ModbusDriver, gateway, ["1/hr:0", "2/hr:0", "3/hr:0"], tmp_path) as bench:
        await bench.until(lambda: gateway.asked[2] >= 3, "a probe")
        seen = rows(bench, 1), rows(bench, 3)
        await bench.until(lambda: rows(bench, 1) > seen[0] + 5 and rows(bench, 3) > seen[1] + 5, "further scans")
        assert {word for p, _, _, word in bench.witness.rows if p in {1, 3}} == {0}
        assert bench.witness.states == [LinkState.UP]


async def test_a_gateway_behind_which_nobody_answers_is_down(tmp_path: Path) -> None:
    harness = Harness(units=(1, 2))
    await harness.start()
    async with reading(ModbusDriver, harness, ["1/hr:0", "2/hr:0"], tmp_path, timeout=0.1) as bench:
        await bench.until_state(LinkState.UP)
        harness.mute.update({1, 2})
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        harness.mute.clear()
        await bench.until_state(LinkState.UP, LinkState.DOWN, LinkState.UP)


def test_probes_of_a_silent_unit_take_at_most_a_twentieth_of_the_line() -> None:
    units, now, probed = Units((1, 2, 3), 2.0, 1, 0.5, 30.0), 0.0, 0.0
    units.answered(1, 0.1, now)
    while now < 3600:
        silent = units.probe(now)
        waited = units.patience(silent, 1.6) if silent else 0.0
        probed, now = probed + waited, now + waited
        [units.missed(one, waited, now) for one in (silent,) if one]
        [units.missed(one, 0.8, now) for one in (2, 3) if units.scanned(one)]
        units.answered(1, 0.1, now)
        now += 1.0
    assert units.lost(2)
    assert units.lost(3)
    assert 0.6 / SHARE < probed / now <= 1 / SHARE


def test_the_pauses_between_probes_double_up_to_their_bound() -> None:
    units, now, probes = Units((1, 2), 2.0, 0, 4.0, 64.0), 0.0, [0.0]
    units.missed(2, 0.0, now)
    while len(probes) < 12:
        now += 0.01
        for silent in [one for one in (units.probe(now),) if one]:
            units.missed(silent, 0.0, now)
            probes.append(now)
    pauses = [after - before for before, after in pairwise(probes)]
    assert pauses == [pytest.approx(0.75 * step, rel=0.4) for step in (4, 8, 16, 32, *[64] * 7)]


def test_a_slow_unit_whose_late_answers_cannot_be_told_apart_is_waited_for_now_and_then() -> None:
    units, patience = Units((1, 2), 7.0, 0, 4.0, 64.0, overhears=False), []
    for now in range(16):
        patience.append(units.patience(2, 0.8))
        units.missed(2, 0.4, float(now))
        units.answered(1, 0.1, float(now))
    assert patience == [0.4] * 8 + [7.0] + [0.4] * 7


def test_only_a_unit_that_answers_is_given_the_time_that_a_silent_one_may_hold_the_line() -> None:
    units = Units((1, 2, 3, 4), 7.0, 0, 4.0, 64.0)
    for unit in (2, 3):
        units.missed(unit, 0.4, 0.0)
    assert units.patience(3, 0.8) == 0.4
    assert units.patience(1, 0.8) == 7.0
    units.answered(1, 0.3, 1.0)
    units.missed(3, 0.4, 1.0)
    units.answered(1, 0.1, 1.0)
    assert units.patience(1, 0.8) == 0.4


def test_a_unit_alone_is_waited_for_as_long_as_the_source_says() -> None:
    units = Units((1, 2), 7.0, 1, 0.5, 30.0)
    assert units.patience(1, 0.8) == 0.4
    units.missed(2, 0.4, 1.0)
    assert units.patience(1, 0.8) == 7.0

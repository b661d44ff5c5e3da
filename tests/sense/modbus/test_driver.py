"""The Modbus driver over the wire, beyond the contract."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from anlan.model.quality import BAD_COMMUNICATION, Reason, Severity, quality
from anlan.sense.driver import LinkState
from anlan.sense.modbus.driver import ModbusDriver
from anlan.sense.modbus.harness import Harness
from tests.sense.benches import last, reading, told

BAD_CONFIGURATION = quality(Severity.BAD, Reason.CONFIGURATION)


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_all_tables_and_types_arrive_as_they_were_set(framing: str, tmp_path: Path) -> None:
    held = {
        "co:3": 1.0, "di:7": 1.0, "hr:12.4-6": 5.0, "hr:13.0": 1.0, "hr:20 int16 *0.1 -40": -40.7, "hr:30 uint32 CDAB": 4e9,
        "hr:40 int64 BADC": -1e12, "hr:50 float32 DCBA": 2.5, "ir:60 float64": math.pi, "ir:70 uint64": 2.0**52,
    }  # fmt: skip
    harness = Harness(framing=framing)  # type: ignore[arg-type]
    await harness.start()
    for address, value in held.items():
        harness.set(address, value)
    async with reading(ModbusDriver, harness, list(held), tmp_path, framing=framing) as bench:
        await bench.until(lambda: all(told(bench, n) for n in range(1, len(held) + 1)), "all points")
        assert {a: last(bench, n) for n, a in enumerate(held, 1)} == {a: (pytest.approx(v), 0) for a, v in held.items()}


async def test_neighbours_share_requests(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(ModbusDriver, harness, [f"hr:{n}" for n in range(0, 250, 2)], tmp_path, period=60) as bench:
        await bench.until(lambda: len(bench.witness.rows) >= 125, "all points")
    asked = [detail for _, detail in harness.recording.latest]
    assert asked == ["unit 1 address 0 count 125", "unit 1 address 126 count 123"]


async def test_a_device_with_holes_is_read_around_them(tmp_path: Path) -> None:
    harness = Harness(strict=True)
    await harness.start()
    harness.set("hr:0", 1)
    harness.set("hr:4", 2)
    async with reading(ModbusDriver, harness, ["hr:0", "hr:4", "hr:5"], tmp_path) as bench:
        await bench.until(lambda: told(bench, 3) and told(bench, 2), "all points")
        assert last(bench, 1) == (1.0, 0)
        assert last(bench, 2) == (2.0, 0)
        value, word = last(bench, 3)
        assert math.isnan(value)
        assert word == BAD_CONFIGURATION
        assert bench.witness.states == [LinkState.UP]


async def test_a_cancellation_that_the_library_loses_with_an_answer_still_ends_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As asyncio.wait_for before 3.12 loses it; here with the first answer, always."""
    real = AsyncModbusTcpClient.read_holding_registers

    async def losing(self: AsyncModbusTcpClient, *given: Any, **options: Any) -> Any:
        answer = await real(self, *given, **options)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return answer

    monkeypatch.setattr(AsyncModbusTcpClient, "read_holding_registers", losing)
    harness = Harness()
    await harness.start()
    async with reading(ModbusDriver, harness, ["hr:5"], tmp_path) as bench:
        await asyncio.wait([bench.task], timeout=5)
        assert bench.task.cancelled()


async def test_a_point_that_appears_later_becomes_good(tmp_path: Path) -> None:
    harness = Harness(strict=True)
    await harness.start()
    async with reading(ModbusDriver, harness, ["hr:5"], tmp_path) as bench:
        await bench.until(lambda: told(bench, 1), "a bad reading")
        harness.set("hr:5", 9)
        await bench.until(lambda: last(bench, 1) == (9.0, 0), "a good reading")


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (1, BAD_CONFIGURATION),
        (4, quality(Severity.BAD, Reason.DEVICE_FAILURE)),
        (6, quality(Severity.BAD, Reason.DEVICE_FAILURE)),
        (11, BAD_COMMUNICATION),
    ],
)
async def test_exceptions_become_quality_and_the_link_stays_up(code: int, word: int, tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    harness.refuse("hr", code)
    async with reading(ModbusDriver, harness, ["hr:5", "ir:5"], tmp_path) as bench:
        await bench.until(lambda: told(bench, 1) and told(bench, 2), "both points")
        assert last(bench, 1)[1] == word
        assert last(bench, 2)[1] == 0
        assert bench.witness.states == [LinkState.UP]


async def test_a_silent_unit_behind_a_gateway_leaves_the_others_alone(tmp_path: Path) -> None:
    harness = Harness(units=(1, 2))
    await harness.start()
    harness.mute.add(2)
    async with reading(ModbusDriver, harness, ["1/hr:0", "2/hr:0"], tmp_path, timeout=0.1, retries=0) as bench:
        await bench.until(lambda: told(bench, 2), "the silent unit as bad")
        assert last(bench, 2)[1] == BAD_COMMUNICATION
        assert bench.witness.states == [LinkState.UP]
        harness.mute.clear()
        await bench.until(lambda: last(bench, 2)[1] == 0, "the unit's return")
        assert bench.witness.states == [LinkState.UP]


async def test_a_device_that_takes_connections_and_never_answers_is_down(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    harness.mute.add(1)
    async with reading(ModbusDriver, harness, ["hr:0"], tmp_path, timeout=0.1) as bench:
        await bench.until_state(LinkState.DOWN)
        assert "does not answer (unit 1)" in bench.witness.reason


async def test_a_lost_answer_is_asked_for_again_without_a_fuss(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(ModbusDriver, harness, ["hr:0"], tmp_path, timeout=0.1) as bench:
        await bench.until_state(LinkState.UP)
        harness.lose = 1
        await bench.until(lambda: harness.lose == 0, "a lost answer")
        seen = len(bench.witness.rows)
        await bench.until(lambda: len(bench.witness.rows) > seen, "further readings")
        assert bench.witness.states == [LinkState.UP]


async def test_a_nan_register_is_not_a_number(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    harness.set("hr:0 float32", math.nan)
    async with reading(ModbusDriver, harness, ["hr:0 float32"], tmp_path) as bench:
        await bench.until(lambda: told(bench, 1), "a reading")
        assert last(bench, 1)[1] == quality(Severity.BAD, Reason.NOT_A_NUMBER)


async def test_a_broken_loop_is_bad_and_keeps_what_it_reads(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    harness.set("ir:0", 3500)
    async with reading(ModbusDriver, harness, ["ir:0 *0.001 ne43(0,100)"], tmp_path) as bench:
        await bench.until(lambda: told(bench, 1), "a reading")
        assert last(bench, 1) == (pytest.approx(-3.125), quality(Severity.BAD, Reason.NE43_LOW))


async def test_points_are_asked_for_at_their_own_period(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(ModbusDriver, harness, ["hr:0"], tmp_path, period=0.05) as bench:
        await bench.until_state(LinkState.UP)
        await asyncio.sleep(1.0)
        assert 15 <= len(bench.witness.rows) <= 22


async def test_a_quiet_source_is_asked_for_a_sign_of_life(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(ModbusDriver, harness, ["hr:0"], tmp_path, period=3600, heartbeat=0.05) as bench:
        await bench.until(lambda: bench.witness.calls >= 5, "heartbeats")
        assert len(bench.witness.rows) == 1
        await harness.stop()
        await bench.until_state(LinkState.UP, LinkState.DOWN)


async def test_a_device_never_sees_more_connections_than_allowed(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(ModbusDriver, harness, ["hr:0"], tmp_path) as first:
        await first.until_state(LinkState.UP)
        async with reading(ModbusDriver, harness, ["hr:1"], tmp_path) as second:
            await second.until_state(LinkState.DOWN)
            assert "all 1 connections" in second.witness.reason
            assert harness.connections == 1
    assert harness.most_connections == 1

"""The sink: everything once and in order whatever the core does, and link states told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.clock import ManualClock, SystemClock
from anlan.model.readings import Readings
from anlan.sense.driver import LinkState
from anlan.sense.sink import SinkSettings, SourceSink
from tests.sense.cores import Core

FAST = SinkSettings(retry=(0.001, 0.002), linger=0.0)


def numbered(first: int, count: int) -> Readings:
    n = np.arange(first, first + count)
    return Readings(n.astype(np.uint32), n.astype(np.int64), n.astype(np.float64), np.zeros(count, np.uint16))


@asynccontextmanager
async def sinking(core: Core, **more: Any) -> AsyncIterator[SourceSink]:
    sink = SourceSink(3, core, SystemClock(), **({"settings": FAST} | more))
    sink.start()
    try:
        yield sink
    finally:
        await sink.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    fates=st.lists(st.sampled_from(["ok", "full", "away", "lost"]), max_size=30),
    part_rows=st.integers(1, 50),
)
@settings(max_examples=60, deadline=None)
def test_every_row_once_and_in_order_whatever_the_core_does(sizes: list[int], fates: list[str], part_rows: int) -> None:
    core = Core(iter(fates))

    async def play() -> None:
        async with sinking(core, settings=SinkSettings(part_rows=part_rows, retry=(0.0001, 0.0002), linger=0.0)) as sink:
            starts = np.cumsum([0, *sizes[:-1]]).tolist()
            async with asyncio.timeout(20):
                await asyncio.gather(*(sink.deliver(numbered(s, n)) for s, n in zip(starts, sizes, strict=True)))

    asyncio.run(play())
    assert [row[0] for row in core.rows[3]] == list(range(sum(sizes)))


async def test_deliver_returns_only_when_durable() -> None:
    core = Core()
    core.away = True
    async with sinking(core) as sink:
        delivery = asyncio.create_task(sink.deliver(numbered(0, 3)))
        await until(lambda: sink.unacknowledged_rows == 3)
        await asyncio.sleep(0.02)
        assert not delivery.done()
        core.away = False
        await delivery
        assert len(core.rows[3]) == 3


async def test_a_resent_part_keeps_its_numbers() -> None:
    core = Core(iter(["lost", "ok", "ok"]))
    async with sinking(core) as sink:
        await sink.deliver(numbered(0, 5))
        await sink.deliver(numbered(5, 5))
    assert [part[2] for part in core.parts] == [0, 0, 5]
    assert {part[1] for part in core.parts} == {sink.epoch}
    assert core.duplicates == 5


async def test_deliveries_that_arrive_together_share_a_part() -> None:
    core = Core()
    async with sinking(core, settings=SinkSettings(linger=0.01)) as sink:
        await asyncio.gather(*(sink.deliver(numbered(i, 1)) for i in range(50)))
    assert len(core.parts) == 1


async def test_redelivered_and_fresh_never_share_a_part() -> None:
    core = Core()
    async with sinking(core, settings=SinkSettings(linger=0.01)) as sink:
        await asyncio.gather(sink.deliver(numbered(0, 2)), sink.deliver(numbered(2, 3), redelivered=True))
    assert [(part[4], part[5]) for part in core.parts] == [(2, False), (3, True)]


async def test_deliveries_far_apart_in_time_never_share_a_part() -> None:
    core, clock = Core(), ManualClock()
    core.away = True
    sink = SourceSink(3, core, clock, settings=FAST)
    sink.start()
    first = asyncio.create_task(sink.deliver(numbered(0, 1)))
    await until(lambda: sink.unacknowledged_rows == 1)
    clock.advance(2_000_000)
    second = asyncio.create_task(sink.deliver(numbered(1, 1)))
    await until(lambda: sink.unacknowledged_rows == 2)
    core.away = False
    await asyncio.gather(first, second)
    await sink.stop()
    received = [part[3] for part in core.parts]
    assert received[1] - received[0] == 2_000_000


async def test_a_full_window_holds_the_driver_back() -> None:
    core = Core()
    core.away = True
    async with sinking(core, settings=SinkSettings(max_rows=10, retry=(0.001, 0.002))) as sink:
        tasks = [asyncio.create_task(sink.deliver(numbered(5 * i, 5))) for i in range(4)]
        await asyncio.sleep(0.02)
        assert sink.unacknowledged_rows == 10
        core.away = False
        await asyncio.gather(*tasks)
        assert sorted(row[0] for row in core.rows[3]) == list(range(20))


async def test_a_state_is_told_once_and_then_kept_alive() -> None:
    core = Core()
    async with sinking(core, keep_alive=0.05) as sink:
        await sink.link(LinkState.UP)
        await until(lambda: len(core.states) == 1)
        await sink.link(LinkState.UP)
        assert len(core.states) == 1
        await until(lambda: len(core.states) >= 2)
        assert set(core.states) == {(3, "up", "")}


async def test_a_core_that_was_away_learns_the_state_that_holds_now() -> None:
    core = Core()
    core.away = True
    async with sinking(core) as sink:
        await sink.link(LinkState.UP)
        await asyncio.sleep(0.01)
        await sink.link(LinkState.DOWN, "no answer")
        core.away = False
        await until(lambda: bool(core.states))
        assert core.states[0] == (3, "down", "no answer")


async def test_connecting_is_not_told() -> None:
    core = Core()
    async with sinking(core, keep_alive=30.0):
        await asyncio.sleep(0.02)
    assert core.states == []


async def test_a_driver_that_falls_silent_is_down() -> None:
    core = Core()
    async with sinking(core, keep_alive=0.02) as sink:
        await sink.link(LinkState.UP)
        await until(lambda: sink.state is LinkState.DOWN)
        assert "not been heard" in sink.reason


async def test_a_driver_that_waits_for_the_core_is_not_silent() -> None:
    core = Core()
    async with sinking(core, keep_alive=0.02) as sink:
        await sink.link(LinkState.UP)
        await until(lambda: bool(core.states))
        core.away = True
        delivery = asyncio.create_task(sink.deliver(numbered(0, 1)))
        await asyncio.sleep(0.2)
        assert sink.state is LinkState.UP
        core.away = False
        await delivery


async def test_stopping_leaves_what_is_not_durable_unacknowledged() -> None:
    core = Core()
    core.away = True
    sink = SourceSink(3, core, SystemClock(), settings=FAST)
    sink.start()
    delivery = asyncio.create_task(sink.deliver(numbered(0, 1)))
    await until(lambda: sink.unacknowledged_rows == 1)
    await sink.stop()
    with pytest.raises(asyncio.CancelledError):
        await delivery


PATIENT = SinkSettings(retry=(0.001, 0.002), linger=0.0, max_rows=10, refused_after=0.01)


class FullCore(Core):
    """A core whose log takes nothing while `full`."""

    full = True

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        self._fates = iter(["full"]) if self.full else None
        return await super().send(source, epoch, first_seq, received_at, readings, redelivered)


async def test_a_device_that_keeps_nothing_is_read_on_while_the_log_refuses_and_recorded_later() -> None:
    core = FullCore()
    async with sinking(core, settings=PATIENT, keeps=False) as sink, asyncio.timeout(5):
        for n in range(8):
            await sink.deliver(numbered(n, 1))
        assert [point for point, _ in core.ahead] == list(range(8))
        core.full = False
        await until(lambda: not sink.unacknowledged_rows)
        assert [row[0] for row in core.rows[3]] == list(range(8))
        assert sink.dropped_rows == 0


async def test_what_is_beyond_the_bound_while_the_log_refuses_is_shown_and_counted_as_dropped() -> None:
    core = FullCore()
    async with sinking(core, settings=PATIENT, keeps=False) as sink, asyncio.timeout(5):
        for n in range(25):
            await sink.deliver(numbered(n, 1))
        assert [point for point, _ in core.ahead] == list(range(25))
        assert sink.dropped_rows == 15
        core.full = False
        await until(lambda: not sink.unacknowledged_rows)
        await sink.deliver(numbered(25, 1))
        assert [row[0] for row in core.rows[3]] == [*range(10), 25]


async def test_a_device_that_keeps_is_not_acknowledged_but_what_it_gave_is_shown_once() -> None:
    core = FullCore()
    async with sinking(core, settings=PATIENT, keeps=True) as sink, asyncio.timeout(5):
        deliveries = [asyncio.create_task(sink.deliver(numbered(n, 1))) for n in range(3)]
        await until(lambda: len(core.ahead) == 3)
        await asyncio.sleep(0.02)
        assert len(core.ahead) == 3
        assert not any(task.done() for task in deliveries)
        core.full = False
        await asyncio.gather(*deliveries)
        assert [row[0] for row in core.rows[3]] == [0, 1, 2]


@pytest.mark.parametrize("keeps", [False, True])
async def test_a_source_whose_readings_are_refused_is_told_as_down_until_they_are_taken(keeps: bool) -> None:
    core = FullCore()
    async with sinking(core, settings=PATIENT, keeps=keeps) as sink, asyncio.timeout(5):
        await sink.link(LinkState.UP)
        delivery = asyncio.create_task(sink.deliver(numbered(0, 1)))
        await until(lambda: bool(core.states) and core.states[-1][1] == "down")
        await sink.link(LinkState.UP)
        state, reason = sink.told
        assert (state, sink.state) == (LinkState.DOWN, LinkState.UP)
        assert reason == "readings refused: the log is full"
        core.full = False
        await delivery
        await until(lambda: core.states[-1][1] == "up")
        assert sink.told == (LinkState.UP, "")

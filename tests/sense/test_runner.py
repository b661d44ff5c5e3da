"""The runner: sources are supervised one by one, and their health can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, ClassVar

import pytest

from anlan.model.clock import Clock, SystemClock
from anlan.model.readings import Readings
from anlan.sense import runner as runner_module
from anlan.sense.config import SourceConfig
from anlan.sense.driver import DriverConfig, LinkState, Sink, Tag
from anlan.sense.runner import Running, SenseRunner
from tests.sense.cores import Core


class Steady:
    """Delivers once and lives."""

    API: ClassVar[int] = 1
    Config: ClassVar[type[DriverConfig]] = DriverConfig

    def __init__(self, config: Any, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None:
        self._sink, self._clock = sink, clock

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> Any:
        return address

    async def run(self) -> None:
        await self._sink.link(LinkState.UP)
        await self._sink.deliver(Readings.of([(1, self._clock.now(), 2.5, 0)]))
        await asyncio.Event().wait()


class Dying(Steady):
    """Dies of a bug as soon as its link is up."""

    async def run(self) -> None:
        await self._sink.link(LinkState.UP)
        await asyncio.sleep(0.01)
        raise KeyError("a bug")


class Returning(Steady):
    async def run(self) -> None:
        return None


class Deaf(Steady):
    """Loses the first cancellations, as Python 3.11's asyncio.wait_for does when they come together with an answer."""

    async def run(self) -> None:
        await self._sink.link(LinkState.UP)
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        await asyncio.Event().wait()


KINDS = {"steady": Steady, "dying": Dying, "returning": Returning, "deaf": Deaf}


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "driver", KINDS.__getitem__)


def running(number: int, kind: str, key: str = "") -> Running:
    return Running(number, SourceConfig(id=f"s{number}", driver=kind), DriverConfig(), [], key=key)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.002)


async def test_one_source_that_dies_leaves_the_others_alone() -> None:
    core = Core()
    runner = SenseRunner([running(1, "steady"), running(2, "dying")], core, SystemClock(), restart=(0.01, 0.02))
    await runner.start()
    await until(lambda: runner.health()[1].restarts >= 3)
    steady, dying = runner.health()
    await runner.stop()
    assert (steady.state, steady.restarts, steady.rows) == ("up", 0, 1)
    assert dying.fault == "KeyError: 'a bug'"
    assert (2, "down", "driver fault: KeyError: 'a bug'") in core.states


async def test_a_driver_that_returns_is_a_fault_too() -> None:
    runner = SenseRunner([running(1, "returning")], Core(), SystemClock(), restart=(0.01, 0.02))
    await runner.start()
    await until(lambda: runner.health()[0].restarts >= 1)
    await runner.stop()
    assert runner.health()[0].fault == "run() returned"


async def test_numbers_go_on_through_restarts_of_a_driver() -> None:
    core = Core()
    runner = SenseRunner([running(1, "steady")], core, SystemClock())
    await runner.start()
    await until(lambda: bool(core.parts))
    await runner.stop()
    assert runner.health()[0].parts == 1


async def test_a_change_leaves_what_is_equal_running() -> None:
    core = Core()
    runner = SenseRunner([running(1, "steady", "a"), running(2, "steady", "b")], core, SystemClock())
    await runner.start()
    await until(lambda: len(core.parts) == 2)
    since = runner.health()[0].since
    told = await runner.change([running(1, "steady", "a"), running(2, "steady", "other"), running(3, "steady", "c")])
    await until(lambda: len(core.parts) == 4)
    assert told == (["s2"], ["s2", "s3"])
    assert [part[0] for part in core.parts].count(1) == 1
    assert [(one.id, one.state, one.rows) for one in runner.health()] == [("s1", "up", 1), ("s2", "up", 1), ("s3", "up", 1)]
    assert runner.health()[0].since == since
    await runner.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_stop_leaves_no_task_behind() -> None:
    runner = SenseRunner([running(1, "steady"), running(2, "dying")], Core(), SystemClock(), restart=(0.01, 0.02))
    await runner.start()
    await asyncio.sleep(0.05)
    await runner.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_stop_ends_a_driver_that_loses_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.bus.tasks.PATIENCE", 0.02)
    runner = SenseRunner([running(1, "deaf")], Core(), SystemClock())
    await runner.start()
    await until(lambda: runner.health()[0].state == "up")
    async with asyncio.timeout(5):
        await runner.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_driver_that_hangs_while_its_link_is_up_is_started_again() -> None:
    core = Core()
    hanging = Running(1, SourceConfig(id="s1", driver="steady", keep_alive=0.05), DriverConfig(), [])
    runner = SenseRunner([hanging], core, SystemClock(), restart=(0.2, 0.2))
    await runner.start()
    await until(lambda: runner.health()[0].restarts >= 2)
    await runner.stop()
    assert "not been heard" in runner.health()[0].fault
    assert [state for state, _ in groupby(core.states, lambda told: told[1])][:4] == ["up", "down", "up", "down"]
    assert [part[0] for part in core.parts][:2] == [1, 1]

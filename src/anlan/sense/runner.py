"""Runs the drivers of a node: one supervised task per source, its sink, and the way to the core.

A driver that dies of a bug, or hangs while its link is up, is a fault of its source alone: reported, its link down, and started again
with back-off.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from anlan.bus.tasks import end
from anlan.model.clock import Clock
from anlan.sense.backoff import Backoff
from anlan.sense.config import SourceConfig
from anlan.sense.driver import Driver, DriverConfig, LinkState, LooksPast, Tag
from anlan.sense.own_states import OwnStates
from anlan.sense.ranges import Ranges
from anlan.sense.registry import driver
from anlan.sense.sink import CoreLink, SinkSettings, SourceSink

log = structlog.get_logger(__name__)

LOOK_PAST_SECONDS = 0.2
"""How soon after the log takes readings again a driver stops looking past them."""
CHATTY = ("pymodbus.logging", "asyncua")
"""Libraries that log every failed attempt with its bytes; the drivers tell each loss once."""


@dataclass(frozen=True, slots=True)
class Running:
    """A source ready to run: `number` is its dense number, `config` the checked section of its driver."""

    number: int
    source: SourceConfig
    config: DriverConfig
    tags: Sequence[Tag]
    flags: int = 0
    """`model.quality.Flag`s that every reading of the source carries: DEMO for a demo plant."""
    ranges: Ranges | None = None
    own_states: OwnStates | None = None
    key: str = ""
    """Digest of all that the plant says of it and its points: two that are equal run on undisturbed."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source fares: for the sources page, metrics and run/sense.json."""

    source: int
    id: str
    driver: str
    state: str
    reason: str
    since: int
    points: int
    rows: int
    parts: int
    unacknowledged_rows: int
    refused: str
    """Why the log doesn't take its readings; "" while it does."""
    dropped_rows: int
    """Read while the log refused them and never recorded."""
    restarts: int
    fault: str
    counters: Mapping[str, int]


class SenseRunner:
    """`await start()`, `await stop()`; `health()` at any time. All on one event loop."""

    def __init__(
        self,
        sources: Sequence[Running],
        link: CoreLink,
        clock: Clock,
        *,
        settings: SinkSettings | None = None,
        restart: tuple[float, float] = (1.0, 60.0),
    ) -> None:
        self._link, self._clock, self._restart = link, clock, restart
        self._settings = settings or SinkSettings()
        self._supervised = [self._made(one) for one in sources]
        self._tasks: dict[_Supervised, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Begin; returns at once. Links are `connecting` until their drivers say otherwise."""
        for library in CHATTY:
            logging.getLogger(library).setLevel(logging.CRITICAL)
        for supervised in self._supervised:
            self._begin(supervised)

    async def change(self, sources: Sequence[Running]) -> tuple[list[str], list[str]]:
        """Run these from now on: what is equal runs on, what is gone or different ends, what is new or different begins.

        Returns the ids (ended, begun). What an ended one had not delivered stays with its device, as at a stop.
        """
        running = {supervised.running.key: supervised for supervised in self._supervised if supervised.running.key}
        wanted = [running.get(one.key) or self._made(one) for one in sources]
        gone = [one for one in self._supervised if one not in wanted]
        fresh = [one for one in wanted if one not in self._supervised]
        self._supervised = wanted
        for one in gone:
            await self._end(one)
        for one in fresh:
            self._begin(one)
        return [one.running.source.id for one in gone], [one.running.source.id for one in fresh]

    def _made(self, running: Running) -> _Supervised:
        sink = SourceSink(
            running.number,
            self._link,
            self._clock,
            keep_alive=running.source.keep_alive,
            flags=running.flags,
            ranges=running.ranges,
            own_states=running.own_states,
            settings=self._settings,
            keeps=_keeps(running.source.driver),
        )
        return _Supervised(running, sink, self._clock, self._restart)

    def _begin(self, supervised: _Supervised) -> None:
        supervised.sink.start()
        self._tasks[supervised] = asyncio.create_task(supervised.run(), name=f"source {supervised.running.source.id}")

    async def _end(self, supervised: _Supervised) -> None:
        task = self._tasks.pop(supervised, None)
        await end([job for job in (task, supervised.living) if job is not None])
        await supervised.sink.stop()

    async def stop(self) -> None:
        """Cancel the drivers, then the sinks. What was not acknowledged stays with its device."""
        await end([*self._tasks.values(), *(s.living for s in self._supervised if s.living is not None)])
        self._tasks.clear()
        for supervised in self._supervised:
            await supervised.sink.stop()

    def health(self) -> list[SourceHealth]:
        return [s.health() for s in self._supervised]


class _Supervised:
    """One source's driver, started again whenever it ends by itself."""

    def __init__(self, running: Running, sink: SourceSink, clock: Clock, restart: tuple[float, float]) -> None:
        self.running, self.sink = running, sink
        self._clock = clock
        self._backoff = Backoff(*restart)
        self._driver: Driver | None = None
        self.living: asyncio.Task[None] | None = None
        self.restarts = 0
        self.fault = ""

    async def run(self) -> None:
        while True:
            began = self._clock.monotonic()
            self.fault = await self._one_life()
            log.error("driver ended", source=self.running.source.id, driver=self.running.source.driver, fault=self.fault)
            await self.sink.link(LinkState.DOWN, f"driver fault: {self.fault}")
            if self._clock.monotonic() - began > 60:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.delay())
            self.restarts += 1

    async def _one_life(self) -> str:
        """Run the driver until it ends or hangs, which only a bug makes it do; the text says how."""
        try:
            kind = driver(self.running.source.driver)
            self._driver = kind(self.running.config, self.running.tags, self.sink, self._clock)
        except Exception as unfit:
            return self._bug(unfit)
        name = self.running.source.id
        self.living = living = asyncio.create_task(self._driver.run(), name=f"driver of {name}")
        hung = asyncio.create_task(self.sink.hung(), name=f"watch of {name}")
        past = asyncio.create_task(self._look_past(self._driver), name=f"look past what {name} keeps")
        try:
            await asyncio.wait([living, hung], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end([living, hung, past])
        if living.cancelled() or not living.done():
            return self.sink.reason
        bug = living.exception()
        return "run() returned" if bug is None else self._bug(bug)

    async def _look_past(self, driver: Driver) -> None:
        """While the log refuses: what the device gives beside what it keeps for us."""
        while isinstance(driver, LooksPast):
            await self.sink.refusing.wait()
            looking = asyncio.create_task(driver.look_past(self.sink.show))
            try:
                while self.sink.refusing.is_set():
                    await asyncio.wait([looking], timeout=LOOK_PAST_SECONDS)
                    if looking.done():
                        log.error("driver does not look past", source=self.running.source.id, exc_info=looking.exception())
                        await asyncio.sleep(self._backoff.delay())
                        break
            finally:
                await end([looking])

    def _bug(self, bug: BaseException) -> str:
        log.error("driver fault", source=self.running.source.id, exc_info=bug)
        return f"{type(bug).__name__}: {bug}"

    def health(self) -> SourceHealth:
        sink, source = self.sink, self.running.source
        counters: Any = getattr(self._driver, "counters", Counter())
        state, reason = sink.told
        return SourceHealth(
            self.running.number, source.id, source.driver, state.value, reason, sink.since, len(self.running.tags),
            sink.rows, sink.parts, sink.unacknowledged_rows, str(sink.refused or ""), sink.dropped_rows,
            self.restarts, self.fault, dict(counters),
        )  # fmt: skip


def _keeps(name: str) -> bool:
    """Of a driver that can't be loaded nothing is known; its source tells why it doesn't run."""
    try:
        return bool(getattr(driver(name), "KEEPS_UNACKNOWLEDGED", True))
    except Exception:
        return True

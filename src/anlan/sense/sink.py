"""A source's way to the core: deliveries become numbered parts, each sent until it is durable, strictly one after the other.

One part of a source is under way at a time. What arrives meanwhile gathers for the next, so parts grow with the load and latency
stays one commit. A second part under way would gain little and could be accepted while the first is refused (log full), after
which the core, which drops what it already has by number, would throw the first away.

While the log refuses readings (disk full) they are shown to the engine all the same, as they arrive, so that a danger is told; their source
is told as down. A device that keeps what is not acknowledged waits for its acknowledgement until they are durable; what it gives past them is
shown (`driver.LooksPast`). One that keeps nothing
is read on: its readings wait here for the log, up to `max_rows`, and what is beyond is counted as dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog

from anlan.bus.tasks import end
from anlan.model.clock import SECOND, Clock
from anlan.model.errors import AnlanError, LogFull, StoreError
from anlan.model.readings import Readings
from anlan.sense.backoff import Backoff
from anlan.sense.driver import LinkState
from anlan.sense.own_states import OwnStates
from anlan.sense.ranges import Ranges

log = structlog.get_logger(__name__)


class CoreLink(Protocol):
    """What carries parts and link states to the core; the node fills it with a socket, a test with whatever it likes."""

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        """Return the frame number once the part is durable. Raises StoreError or Unavailable: it is then sent again, same numbers."""

    async def look_ahead(self, source: int, epoch: int, received_at: int, readings: Readings) -> None:
        """Return when the engine has decided on readings that are not durable yet. Raises Unavailable."""

    async def link_state(self, source: int, state: str, reason: str) -> None:
        """Raises Unavailable when the core cannot be told; it is then told later."""


@dataclass(frozen=True, slots=True)
class SinkSettings:
    max_rows: int = 200_000
    """Rows that may wait for the core before `deliver` itself waits."""
    part_rows: int = 10_000
    linger: float = 0.002
    """How long the first delivery after a pause waits for company. [s]"""
    span: int = SECOND // 10
    """Deliveries further apart than this do not share a part, because a part has one time of receipt. [µs]"""
    retry: tuple[float, float] = (0.05, 2.0)
    refused_after: float = 1.0
    """How long the log may refuse before the source is told as down. [s]"""


@dataclass(slots=True)
class _Delivery:
    readings: Readings
    redelivered: bool
    received_at: int
    durable: asyncio.Future[None]
    """Done when its driver may go on: usually when the log has the readings."""
    shown: bool = False
    """The engine has decided on it while the log refused it."""


class SourceSink:
    """The `Sink` of one source. Its epoch is the moment of its making; its numbers go on through restarts of the driver."""

    def __init__(
        self,
        source: int,
        link: CoreLink,
        clock: Clock,
        *,
        keep_alive: float = 5.0,
        flags: int = 0,
        ranges: Ranges | None = None,
        own_states: OwnStates | None = None,
        settings: SinkSettings | None = None,
        keeps: bool = True,
    ) -> None:
        """`keeps`: the device keeps what was not acknowledged (`Driver.KEEPS_UNACKNOWLEDGED`)."""
        self.source, self.epoch = source, clock.now()
        self.state, self.reason, self.since = LinkState.CONNECTING, "", self.epoch
        self.rows = self.parts = self.unacknowledged_rows = self.dropped_rows = 0
        self.refused: StoreError | None = None
        """Why the log has not taken this source's readings for longer than a moment."""
        self.refusing = asyncio.Event()
        """Set while `refused` is."""
        self._refusal: StoreError | None = None
        self._link, self._clock, self._keep_alive, self._flags = link, clock, keep_alive, flags
        self._ranges, self._own_states = ranges, own_states
        self._settings, self._keeps = settings or SinkSettings(), keeps
        self._waiting: deque[_Delivery] = deque()
        self._arrived, self._room, self._turned = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._hung, self._unshown = asyncio.Event(), asyncio.Event()
        self._heard = clock.monotonic()
        self._under_way: list[_Delivery] = []
        self._tasks: list[asyncio.Task[None]] = []

    # What a driver calls.

    async def deliver(self, readings: Readings, *, redelivered: bool = False) -> None:
        """Return when the core has the readings durably; waits while too many rows wait already. While the log refuses them and the
        device keeps nothing: when the engine has decided on them."""
        if not len(readings):
            return
        while self.unacknowledged_rows and self.unacknowledged_rows + len(readings) > self._settings.max_rows:
            if self._lets_go:
                await self._drop(readings)
                return
            self._room.clear()
            await self._room.wait()
        readings = self._marked(readings)
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for piece in range(0, len(readings), self._settings.part_rows):
            rows = readings[piece : piece + self._settings.part_rows]
            durable = asyncio.get_running_loop().create_future()
            self._waiting.append(_Delivery(rows, redelivered, self._clock.now(), durable))
            self.unacknowledged_rows += len(rows)
        self._arrived.set()
        self._unshown.set()
        # Parts go in order, so the last piece is durable only after all the others.
        await durable
        self._heard = self._clock.monotonic()

    def _marked(self, readings: Readings) -> Readings:
        """With the flags that all readings of this source carry (DEMO: the mark stands in the record itself), and what their
        range and the detector's own state say of them."""
        readings = readings if self._ranges is None else self._ranges.judged(readings)
        readings = readings if self._own_states is None else self._own_states.judged(readings)
        if not self._flags:
            return readings
        return Readings(readings.point, readings.time, readings.value, readings.quality | np.uint16(self._flags))

    async def link(self, state: LinkState, reason: str = "") -> None:
        """A change is told to the core once; the same state again only says that the driver lives."""
        self._heard = self._clock.monotonic()
        if state is not self.state:
            self._turn(state, reason)
        elif state is not LinkState.UP:
            self.reason = reason or self.reason

    async def show(self, readings: Readings) -> None:
        """Have the engine decide on what the record gets later, or never."""
        try:
            await self._link.look_ahead(self.source, self.epoch, self._clock.now(), self._marked(readings))
        except AnlanError as away:
            log.debug("refused readings not shown", source=self.source, why=str(away))
        self._heard = self._clock.monotonic()

    # What the runner calls.

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(job()) for job in (self._send_parts, self._show_refused, self._tell_states, self._watch)
        ]

    async def stop(self) -> None:
        await end(self._tasks)
        for delivery in (*self._under_way, *self._waiting):
            delivery.durable.cancel()

    async def hung(self) -> None:
        """Return when the driver has said nothing for too long while its link was up."""
        self._hung.clear()
        await self._hung.wait()

    @property
    def told(self) -> tuple[LinkState, str]:
        """State and reason as core and people are told: a source whose readings the log refuses is out of view, whatever its driver says."""
        if self.refused is None or self.state is LinkState.DOWN:
            return self.state, self.reason
        return LinkState.DOWN, f"readings refused: {self.refused}"

    # Inside.

    def _turn(self, state: LinkState, reason: str) -> None:
        self.state, self.reason = state, reason
        self._tell_turn()

    def _tell_turn(self) -> None:
        state, reason = self.told
        log.info("link", source=self.source, state=state.value, reason=reason)
        self.since = self._clock.now()
        self._turned.set()

    async def _send_parts(self) -> None:
        seq = 0
        while True:
            await self._arrived.wait()
            if self.unacknowledged_rows < self._settings.part_rows:
                await asyncio.sleep(self._settings.linger)
            self._under_way = self._gather()
            readings = Readings.concat([d.readings for d in self._under_way])
            await self._send(seq, self._under_way[0], readings)
            seq += len(readings)
            self._settle(len(readings))

    def _gather(self) -> list[_Delivery]:
        """The next deliveries that fit one part: same mark, close in time, not too many rows."""
        first = self._waiting.popleft()
        gathered, rows = [first], len(first.readings)
        while self._waiting and self._joins(first, self._waiting[0], rows):
            gathered.append(self._waiting.popleft())
            rows += len(gathered[-1].readings)
        if not self._waiting:
            self._arrived.clear()
        return gathered

    def _joins(self, first: _Delivery, then: _Delivery, rows: int) -> bool:
        return (
            then.redelivered == first.redelivered
            and 0 <= then.received_at - first.received_at <= self._settings.span
            and rows + len(then.readings) <= self._settings.part_rows
        )

    async def _send(self, seq: int, first: _Delivery, readings: Readings) -> None:
        backoff, told, begun = Backoff(*self._settings.retry), "", self._clock.monotonic()
        while True:
            try:
                await self._link.send(self.source, self.epoch, seq, first.received_at, readings, first.redelivered)
                self._accepted()
                return
            except AnlanError as refused:
                if isinstance(refused, StoreError):
                    self._refuse(refused, self._clock.monotonic() - begun)
                if refused.code != told:
                    log.warning(
                        "part not accepted", source=self.source, seq=seq, why=str(refused), full=isinstance(refused, LogFull)
                    )
                told = refused.code
            await asyncio.sleep(backoff.delay())

    # While the log refuses.

    @property
    def _lets_go(self) -> bool:
        """The driver reads on although the log refuses: its device would forget what is not read."""
        return self._refusal is not None and not self._keeps

    def _refuse(self, why: StoreError, seconds: float) -> None:
        self._refusal = why
        self._unshown.set()
        self._room.set()
        if seconds >= self._settings.refused_after:
            turned, self.refused = self.refused is None, why
            self.refusing.set()
            if turned:
                self._tell_turn()

    def _accepted(self) -> None:
        self._refusal = None
        if self.refused is not None:
            self.refused = None
            self.refusing.clear()
            self._tell_turn()

    async def _show_refused(self) -> None:
        """Have the engine decide on what waits for the log, each delivery once, in the order of arrival."""
        backoff = Backoff(*self._settings.retry)
        while True:
            await self._unshown.wait()
            pending = [d for d in (*self._under_way, *self._waiting) if not d.shown]
            if self._refusal is None or not pending:
                self._unshown.clear()
                continue
            together = self._together(pending)
            readings = Readings.concat([d.readings for d in together])
            try:
                await self._link.look_ahead(self.source, self.epoch, together[0].received_at, readings)
            except AnlanError as away:
                log.debug("refused readings not shown", source=self.source, why=str(away))
                await asyncio.sleep(backoff.delay())
                continue
            backoff.reset()
            for delivery in together:
                delivery.shown = True
                if self._lets_go and not delivery.durable.done():
                    delivery.durable.set_result(None)

    def _together(self, pending: list[_Delivery]) -> list[_Delivery]:
        """The first of them and those that may share one time of receipt with it."""
        rows = 0
        for count, delivery in enumerate(pending):
            if count and not self._joins(pending[0], delivery, rows):
                return pending[:count]
            rows += len(delivery.readings)
        return pending

    async def _drop(self, readings: Readings) -> None:
        """More than may wait here: the engine decides on it, the record never gets it, and people are told how much."""
        await self.show(readings)
        self.dropped_rows += len(readings)

    def _settle(self, rows: int) -> None:
        for delivery in self._under_way:
            if not delivery.durable.done():
                delivery.durable.set_result(None)
        self._under_way = []
        self.rows += rows
        self.parts += 1
        self.unacknowledged_rows -= rows
        self._room.set()

    async def _tell_states(self) -> None:
        """Tell each change, and the state as it stands every `keep_alive`; a core that was away learns it as soon as it is back."""
        backoff = Backoff(*self._settings.retry)
        while True:
            self._turned.clear()
            state, reason = self.told
            if state is LinkState.CONNECTING:
                await self._turned.wait()
                continue
            try:
                await self._link.link_state(self.source, state.value, reason)
            except AnlanError as away:
                log.debug("link state not told", source=self.source, why=str(away))
                await asyncio.sleep(backoff.delay())
                continue
            backoff.reset()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._keep_alive):
                    await self._turned.wait()

    async def _watch(self) -> None:
        """A driver that says nothing at all has hung; one that waits for the core has not."""
        while True:
            await asyncio.sleep(self._keep_alive)
            silent = self._clock.monotonic() - self._heard
            waits = self.unacknowledged_rows and not self._lets_go
            if self.state is not LinkState.DOWN and not waits and silent > 3 * self._keep_alive:
                # Only one that was up has hung: a first connection may take long by its own settings.
                if self.state is LinkState.UP:
                    self._hung.set()
                self._turn(LinkState.DOWN, f"the driver has not been heard for {silent:.0f} s")

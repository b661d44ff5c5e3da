"""The OPC UA driver: one subscription over all points; every change comes with the source's own time and status.

The publish answers of the server are acknowledged only after the readings are durable: asyncua sends the acknowledgement with the
next publish request, and that waits for our callback. A server that we cannot keep up with marks what it had to drop (Overflow).
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import structlog
from asyncua import Client, ua
from pydantic import Field

from anlan.model.clock import Clock
from anlan.model.errors import DriverError
from anlan.model.quality import GOOD, Reason, Severity, quality, severity_of
from anlan.model.readings import Readings
from anlan.sense.backoff import Backoff
from anlan.sense.driver import DriverConfig, LinkState, Sink, Tag
from anlan.sense.opcua import status
from anlan.sense.opcua.address import Address, parse, valued
from anlan.sense.opcua.session import SessionConfig, connected, node_ids

log = structlog.get_logger(__name__)

STATE_HANDLE = 0
"""Client handle of the server's own state; points have 1, 2, 3 …"""
STATE_NODE = ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)
BATCH = 1000
"""Monitored items asked for in one request."""
MOST_PAUSE = 12
"""Times `keep_alive`: the longest pause between two attempts to have a node that the server does not give."""
NOT_UNDERSTOOD = quality(Severity.BAD, Reason.UNSPECIFIED)
OVER = {
    ua.StatusCodes.BadSubscriptionIdInvalid,
    ua.StatusCodes.BadSessionIdInvalid,
    ua.StatusCodes.BadSessionClosed,
    ua.StatusCodes.BadSessionNotActivated,
    ua.StatusCodes.BadSecureChannelIdInvalid,
    ua.StatusCodes.BadSecureChannelClosed,
    ua.StatusCodes.BadConnectionClosed,
    ua.StatusCodes.BadServerHalted,
    ua.StatusCodes.BadShutdown,
}
"""Faults of the connection as a whole, which no smaller request mends."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OpcUaConfig(SessionConfig):
    publishing: float = Field(default=0.25, ge=0.01, le=60, description="s between publications")
    sampling: float | None = Field(default=None, ge=0, le=3600, description="s; without it, as often as published")
    queue: int = Field(default=10, ge=1, le=10_000, description="values the server keeps per point between publications")
    keep_alive: float = Field(default=5.0, gt=0, le=600, description="s after which a silent server says that it lives")
    lifetime: float = Field(default=60.0, gt=0, le=3600, description="s for which the server keeps our subscription without us")
    reconnect: float = Field(default=0.5, gt=0, le=60, description="s, the first wait; doubles up to reconnect_most")
    reconnect_most: float = Field(default=30.0, gt=0, le=600, description="s")


class OpcUaDriver:
    """OPC UA: subscribes to variables, with source time and status; Basic256Sha256 SignAndEncrypt."""

    API: ClassVar[int] = 1
    KEEPS_UNACKNOWLEDGED: ClassVar[bool] = False
    Config: ClassVar[type[DriverConfig]] = OpcUaConfig

    def __init__(self, config: OpcUaConfig, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None:
        self.counters: Counter[str] = Counter()
        self._config, self._tags, self._sink, self._clock = config, tags, sink, clock
        self._addresses: list[Address] = [tag.address for tag in tags]
        self._backoff = Backoff(config.reconnect, config.reconnect_most)
        self._first: set[int] = set()
        self._lost: asyncio.Future[None] | None = None
        self._heard, self._busy = clock.monotonic(), False

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> Address:
        return parse(address, point.get("states"))

    async def run(self) -> None:
        while True:
            try:
                async with connected(self._config, self._clock) as client:
                    await self._subscribed(client)
            except (DriverError, OSError, TimeoutError, ua.UaError) as lost:
                self.counters["link_losses"] += 1
                await self._sink.link(LinkState.DOWN, str(lost) or type(lost).__name__)
            await asyncio.sleep(self._backoff.delay())

    async def _subscribed(self, client: Client) -> None:
        """Subscribe to everything, then wait until the link is lost, which raises."""
        self._lost = lost = asyncio.get_running_loop().create_future()
        self._first.clear()
        self._heard = self._clock.monotonic()

        async def gone(error: Exception) -> None:
            self._fail(DriverError("{url} was lost: {why}", url=self._config.url, why=repr(error)))

        client.connection_lost_callback = gone
        session = client.uaclient.session
        created = await session.create_subscription(self._parameters(), self._published)
        await self._create(client, created.SubscriptionId, [self._item(STATE_HANDLE, STATE_NODE)])
        unreadable = await self._monitor(client, created.SubscriptionId, range(1, len(self._tags) + 1))
        await self._sink.link(LinkState.UP)
        self._backoff.reset()
        await self._tell_unreadable(unreadable)
        pause = Backoff(self._config.keep_alive, MOST_PAUSE * self._config.keep_alive)
        again = self._clock.monotonic() + pause.delay()
        while not lost.done():
            await asyncio.wait([lost], timeout=self._config.keep_alive)
            self._check_alive()
            if unreadable and not lost.done() and self._clock.monotonic() >= again:
                before, unreadable = unreadable, await self._monitor(client, created.SubscriptionId, unreadable)
                await self._tell_unreadable(unreadable, before)
                again = self._clock.monotonic() + pause.delay()
        await lost

    def _check_alive(self) -> None:
        """A server drops a subscription that we left waiting too long (log full), and the library does not tell."""
        silent = self._clock.monotonic() - self._heard
        if not self._busy and silent > 3 * self._config.keep_alive:
            self._fail(DriverError("the subscription has been silent for {seconds} s", seconds=round(silent)))

    def _fail(self, error: Exception) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_exception(error)

    def _parameters(self) -> ua.CreateSubscriptionParameters:
        config = self._config
        cycles = max(1, round(config.keep_alive / config.publishing))
        return ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=config.publishing * 1000,
            RequestedLifetimeCount=max(3 * cycles, round(config.lifetime / config.publishing)),
            RequestedMaxKeepAliveCount=cycles,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
            Priority=0,
        )

    async def _monitor(self, client: Client, subscription: int, handles: Iterable[int]) -> dict[int, int]:
        """Ask for the nodes of these handles; those that the server does not give are bad points, not a lost link: their status codes."""
        found = await node_ids(client, self._addresses)
        nodes = {h: found[h - 1] for h in handles}
        # Handles are marked before the request, because first values may be published while it is still under way.
        self._first |= set(nodes)
        items = [self._item(h, node) for h, node in nodes.items() if node is not None]
        unreadable = {h: ua.StatusCodes.BadNodeIdUnknown for h, node in nodes.items() if node is None}
        for at in range(0, len(items), BATCH):
            unreadable |= await self._create(client, subscription, items[at : at + BATCH])
        return unreadable

    async def _create(self, client: Client, subscription: int, items: list[Any]) -> dict[int, int]:
        """Create the items; handle → status code of those refused.

        A server that refuses the request as a whole has too many in it, or stumbles over one of them: the halves are asked for then.
        """
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = subscription
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = items
        try:
            results = await client.uaclient.session.create_monitored_items(parameters)
        except ua.UaStatusCodeError as fault:
            handle = items[0].RequestedParameters.ClientHandle
            if handle == STATE_HANDLE or fault.code in OVER:
                raise
            if len(items) == 1:
                return {handle: fault.code}
            half = len(items) // 2
            return await self._create(client, subscription, items[:half]) | await self._create(client, subscription, items[half:])
        return {
            item.RequestedParameters.ClientHandle: result.StatusCode.value
            for item, result in zip(items, results, strict=True)
            if not result.StatusCode.is_good()
        }

    def _item(self, handle: int, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        config = self._config
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor.NodeId = node
        item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters.ClientHandle = handle
        item.RequestedParameters.SamplingInterval = -1 if config.sampling is None else config.sampling * 1000
        item.RequestedParameters.QueueSize = config.queue
        item.RequestedParameters.DiscardOldest = True
        return item

    async def _tell_unreadable(self, unreadable: Mapping[int, int], before: Mapping[int, int] | None = None) -> None:
        """Points whose node cannot be had are told as bad, with the server's reason, when that is new."""
        self.counters["unreadable"] = len(unreadable)
        now = self._clock.now()
        new = {h: code for h, code in unreadable.items() if before is None or before.get(h) != code}
        for handle, code in new.items():
            log.warning("node not readable", point=self._tags[handle - 1].id, status=status.name_of(code))
        rows = [(self._tags[h - 1].number, now, math.nan, status.quality_of(code)) for h, code in new.items()]
        await self._sink.deliver(Readings.of(rows))

    async def _published(self, result: ua.PublishResult) -> None:
        """Called by asyncua for each publication, keep-alives too; the server gets its acknowledgement after we return."""
        self._busy = True
        try:
            await self._accept(result.NotificationMessage.NotificationData or [])
            self._heard = self._clock.monotonic()
        except Exception as bug:
            # asyncua would log this and acknowledge all the same; losing the link instead has the values sent again.
            log.exception("publication not taken", url=self._config.url)
            self._fail(bug)
            await asyncio.get_running_loop().create_future()
        finally:
            self._busy = False

    async def _accept(self, notifications: Sequence[Any]) -> None:
        changes = [item for n in notifications if isinstance(n, ua.DataChangeNotification) for item in n.MonitoredItems]
        first, later = [], []
        for item in changes:
            if item.ClientHandle in self._first:
                # A first value may be one that an earlier connection already brought.
                self._first.discard(item.ClientHandle)
                first.append(item)
            elif item.ClientHandle != STATE_HANDLE:
                later.append(item)
        for items, again in ((first, True), (later, False)):
            if items:
                await self._sink.deliver(Readings.of(self._rows(items)), redelivered=again)
        self._judge(notifications, changes)
        if self._lost is not None and not self._lost.done():
            await self._sink.link(LinkState.UP)

    def _rows(self, items: Sequence[Any]) -> Iterator[tuple[int, int, float, int]]:
        for item in items:
            tag = self._tags[item.ClientHandle - 1]
            try:
                yield tag.number, *self._reading(tag.address, item.Value)
            except Exception:
                # Losing the link instead would have the same value sent again, and all others wait for it.
                log.exception("value not understood", point=tag.id)
                self.counters["not_understood"] += 1
                yield tag.number, self._clock.now(), math.nan, NOT_UNDERSTOOD

    def _reading(self, address: Address, data: ua.DataValue) -> tuple[int, float, int]:
        code = data.StatusCode.value if data.StatusCode is not None else 0
        if status.overflowed(code):
            self.counters["overflows"] += 1
        word = status.quality_of(code)
        held = data.Value.Value if data.Value is not None else None
        if held is None:
            return self._time(data), math.nan, word if severity_of(word) else quality(Severity.BAD, Reason.NO_DATA_YET)
        value, own = valued(address, held)
        return self._time(data), value, word if own == GOOD else own

    def _time(self, data: ua.DataValue) -> int:
        """The source's own stamp; a server that has none is believed for its own, and without any the value is as old as now."""
        moment = data.SourceTimestamp or data.ServerTimestamp
        if moment is None or moment.year < 1970:
            return self._clock.now()
        span: timedelta = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
        return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds

    def _judge(self, notifications: Sequence[Any], changes: Sequence[Any]) -> None:
        """End the connection when the server says that it no longer runs, or that our subscription is gone."""
        for item in changes:
            state = item.Value.Value.Value if item.ClientHandle == STATE_HANDLE and item.Value.Value is not None else None
            if state not in {None, ua.ServerState.Running}:
                self._fail(DriverError("the server says of itself: {state}", state=ua.ServerState(state).name))
        for n in notifications:
            if isinstance(n, ua.StatusChangeNotification):
                self._fail(DriverError("the subscription ended: {status}", status=status.name_of(n.Status.value)))

"""The driver seam: what a driver is, and what it may ask of the node. Entry point group: `anlan.drivers`.

A driver reads one source (a device, a server, a broker). It never writes to it: no driver may import or call a protocol's write
service, which a test proves over the source tree and a recording simulator over the wire.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from anlan.model.clock import Clock
from anlan.model.readings import Readings


class LinkState(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Tag:
    """One point as its driver sees it: `number` goes into the readings, `address` was parsed by `Driver.parse`."""

    number: int
    id: str
    address: Any
    period: float
    unit: str = ""
    states: tuple[int, ...] = ()


class Sink(Protocol):
    """Where a driver delivers. Both calls are safe from the driver's own event loop only."""

    async def deliver(self, readings: Readings, *, redelivered: bool = False) -> None:
        """Return when the log has the readings durably; only then may the driver acknowledge its device.

        Waits while the node cannot accept (core restarting; log full, where the device keeps what is not acknowledged): the driver then
        stops reading, which is the back-pressure. Where the device keeps nothing, a full log returns once the engine has decided.
        `redelivered` says that the device may have sent these before (MQTT DUP, a reconnect): duplicates are then looked for.
        """

    async def link(self, state: LinkState, reason: str = "") -> None:
        """Tell a change of the link. Called again with the same state it is a keep-alive and costs nothing."""


class DriverConfig(BaseModel):
    """Base of every driver's own section under `sources:`; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Driver(Protocol):
    """One running connection. Built by the sense process, run as one task, cancelled to stop."""

    API: ClassVar[int]
    Config: ClassVar[type[DriverConfig]]
    KEEPS_UNACKNOWLEDGED: ClassVar[bool]
    """Whether the device keeps what the driver has not acknowledged and gives it again (MQTT with QoS 1). While the log refuses readings, a
    driver whose device keeps nothing reads on. Without it: True, the driver waits."""

    def __init__(self, config: Any, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None: ...

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> Any:
        """The address of one point, parsed; raises InputError saying what was expected. No I/O."""

    async def run(self) -> None:
        """Connect, read, deliver, reconnect with back-off; returns only by cancellation. Link changes go to the sink once each."""


Show = Callable[[Readings], Awaitable[None]]


@runtime_checkable
class LooksPast(Protocol):
    """A driver whose device stops giving once enough is unacknowledged, and that can see past it."""

    async def look_past(self, show: Show) -> None:
        """What the device gives from now on, beside what it keeps for `deliver`, until cancelled; runs only while the log refuses readings.
        `show` has the engine decide on them; the record gets them by `deliver`, when the log takes them again."""

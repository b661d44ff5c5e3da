"""What the settings page tells of the node itself; `node` fills it from the real files, flags and processes, `web` imports nothing of it.

What cannot be found out is None, and the page says unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from anlan.model.clock import Micros

EXTRA = "web.node_facts"
"""In `Context.extras`."""


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """`memory`: resident [B]; `since`: µs UTC; None for what the system does not tell."""

    name: str
    pid: int | None
    restarts: int
    hangs: int
    alive: bool | None
    memory: int | None = None
    since: Micros | None = None


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """`parts`: what the data folder's parts take [B]."""

    total: int
    free: int
    parts: dict[str, int]


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """As the kernel tells: whether something disciplines the clock (NTP, PTP), its estimated and largest error [µs]."""

    source: str | None
    disciplined: bool | None
    estimated: int | None
    largest: int | None


@dataclass(frozen=True, slots=True)
class StartFacts:
    """What the node was started with. `certificate_ends` µs UTC; None where the node speaks no TLS itself."""

    folder: str
    host: str
    port: int
    certificate: str | None
    certificate_ends: Micros | None
    origins: tuple[str, ...]
    proxies: tuple[str, ...]
    witnesses: tuple[str, ...]
    horn: str | None
    demo: bool


class NodeFacts(Protocol):
    """Blocking: call in a worker thread."""

    def start(self) -> StartFacts: ...
    def processes(self) -> list[ProcessFacts]: ...
    def disk(self) -> DiskFacts: ...
    def clock(self) -> ClockFacts: ...

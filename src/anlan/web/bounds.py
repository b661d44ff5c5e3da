"""What a client may take of the app before anybody knows who it is: bytes and seconds for a request's head, and connections.

`Bounds` counts connections and refusals, `web.protocols` asks it; `telling` tells on every page what was refused, since it may have been somebody
who should have been let in.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from anlan.model.errors import AnlanError, Unavailable

PER_ADDRESS, IN_ALL = 256, 2000
SPARE_FILES = 200
"""For stores and sockets of the app itself, of the files that it may have open."""
TELL_SECONDS = 5.0
LATELY_SECONDS = 60.0
FAULT = "refused connections"


@dataclass
class Bounds:
    """Of one app. `proxies`: addresses that speak for many clients, bounded in all alone."""

    per_address: int = PER_ADDRESS
    in_all: int = IN_ALL
    head_seconds: float = 10.0
    """For request line and headers to be here."""
    proxies: frozenset[str] = frozenset()
    open: Counter[str] = field(default_factory=Counter)
    """Connections by address."""
    refused: Counter[HTTPStatus] = field(default_factory=Counter)
    _lately: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=10_000))

    def fit_machine(self) -> None:
        """Allow this process the files that it may ask for, and no more connections than those leave room for."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = self.in_all + SPARE_FILES
        allowed = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < allowed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        self.in_all = max(1, min(self.in_all, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES))

    def take(self, address: str) -> bool:
        """Count a connection; False when there are too many already."""
        alone = address not in self.proxies
        if self.open.total() >= self.in_all or (alone and self.open[address] >= self.per_address):
            return False
        self.open[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.open[address] -= 1
        if not self.open[address]:
            del self.open[address]

    def refuse(self, status: HTTPStatus, address: str, now: float) -> None:
        self.refused[status] += 1
        self._lately.append((now, address))

    def lately(self, now: float) -> tuple[int, str]:
        """How many were refused within the last minute, and the address most of them came from."""
        while self._lately and now - self._lately[0][0] > LATELY_SECONDS:
            self._lately.popleft()
        return len(self._lately), Counter(address for _, address in self._lately).most_common(1)[0][0] if self._lately else ""


def telling(bounds: Bounds, faults: dict[str, AnlanError]) -> Callable[[], Coroutine[Any, Any, None]]:
    """A background task of the app."""

    async def tell_refused() -> None:
        while True:
            count, address = bounds.lately(asyncio.get_running_loop().time())
            if count:
                faults[FAULT] = Unavailable(
                    "the console refused {count} connections in the last minute, most of them from {address}: too many at once, or the head "
                    "of a request was too long or too slow",
                    count=count,
                    address=address,
                )
            else:
                faults.pop(FAULT, None)
            await asyncio.sleep(TELL_SECONDS)

    return tell_refused

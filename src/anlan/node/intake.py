"""What core does with a part that sense sends: drop what it already has, keep each source's numbering without holes, then the log.

Parts of one source are committed one after another, and after a refusal (disk full) nothing later of that source is taken until the
refused part has come again: otherwise its resend would look like something long known. Many sources still share one commit.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import structlog

from anlan.model.clock import MINUTE, Clock
from anlan.model.errors import InputError, StoreError, Unavailable
from anlan.model.frames import Kind, Part
from anlan.model.readings import Readings
from anlan.node.source_clocks import SourceClocks
from anlan.store.appender import Appender
from anlan.store.log import Log

RECENT_ROWS = 50_000
"""How many readings of a source are remembered to recognise redelivered ones; brokers hold back far fewer unacknowledged messages."""
PRIMING_SPAN = 10 * MINUTE
"""How far back the log is searched for them after a start."""

log = structlog.get_logger()


class Intake:
    """Order, once-only and durability of what the sources send."""

    def __init__(self, store: Log, appender: Appender, clock: Clock) -> None:
        self._store, self._appender = store, appender
        self.clocks = SourceClocks(clock)
        self._lanes: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._recent: dict[int, deque[Readings]] = {}
        self._refused: dict[int, tuple[int, int]] = {}
        self.refusing: dict[int, StoreError] = {}
        """Sources whose last part the log did not take, and why."""
        self.duplicates: defaultdict[int, int] = defaultdict(int)
        self.received: defaultdict[int, int] = defaultdict(int)
        self.heard_at: dict[int, int] = {}

    async def accept(self, part: Part, *, redelivered: bool) -> int:
        """The frame that holds `part` durably, or 0 when everything in it was known already."""
        async with self._lanes[part.source]:
            self._check_order(part)
            fresh = self._store.fresh(part)
            if fresh is not None:
                fresh = await self._without_known(fresh) if redelivered else self.judged(fresh)
            position = await self._commit(part, fresh) if fresh is not None else 0
            self.received[part.source] += part.rows
            self.heard_at[part.source] = part.received_at
            self.duplicates[part.source] += part.rows - (fresh.rows if fresh is not None else 0)
            return position

    def judged(self, part: Part) -> Part:
        """Marked where the clock that stamped the readings is known to be wrong."""
        readings = part.readings()
        told = self.clocks.hear(part.source, readings, part.received_at)
        return part if told is readings else replace(part, body=told.to_bytes())

    def _check_order(self, part: Part) -> None:
        epoch, seq = self._refused.get(part.source, (0, 0))
        if part.epoch == epoch and part.first_seq > seq:
            raise Unavailable(
                "source {source}: {seq} was refused and has to come again before {found}",
                source=part.source,
                seq=seq,
                found=part.first_seq,
            )

    async def _commit(self, part: Part, fresh: Part) -> int:
        try:
            position = await asyncio.wrap_future(self._appender.submit(fresh))
        except StoreError as refusal:
            self._refused[part.source] = (part.epoch, part.first_seq)
            self.refusing[part.source] = refusal
            raise
        self._refused.pop(part.source, None)
        self.refusing.pop(part.source, None)
        self._remember(fresh)
        return position

    async def _without_known(self, part: Part) -> Part | None:
        """`part` without readings of the same (point, time, value) that this source gave before; None when none is left."""
        known = await self._known(part.source)
        readings = part.readings()
        fresh = ~np.isin(_fingerprints(readings), known)
        if fresh.all():
            return part
        if not fresh.any():
            return None
        kept = Readings(readings.point[fresh], readings.time[fresh], readings.value[fresh], readings.quality[fresh])
        # The numbering of the part goes on as if whole: its last number is what the sender will count from.
        return Part(
            part.kind,
            part.source,
            part.epoch,
            part.first_seq + part.rows - len(kept),
            part.received_at,
            len(kept),
            kept.to_bytes(),
        )

    async def _known(self, source: int) -> npt.NDArray[np.uint64]:
        if source not in self._recent:
            self._recent[source] = await asyncio.to_thread(self._prime, source)
        recent = self._recent[source]
        return _fingerprints(Readings.concat(list(recent))) if recent else np.empty(0, np.uint64)

    def _prime(self, source: int) -> deque[Readings]:
        """The source's last readings out of the log, newest pages first, so that a long log costs no more than a short one."""
        found: deque[Readings] = deque()
        horizon, page, after = 0, 256, self._store.last
        while after >= self._store.first and sum(map(len, found)) < RECENT_ROWS:
            after = max(after - page, self._store.first - 1)
            frames = self._store.read(after, page)
            parts = [p for f in frames for p in f.parts if p.kind is Kind.READINGS and p.source == source]
            found.extendleft(p.readings() for p in reversed(parts))
            received = [part.received_at for frame in frames for part in frame.parts]
            # Counted from the log's own end: a wall clock set meanwhile neither shortens the search nor lengthens it.
            horizon = horizon or max(received, default=0) - PRIMING_SPAN
            if after < self._store.first or (received and received[0] < horizon):
                break
        return found

    def _remember(self, part: Part) -> None:
        if (recent := self._recent.get(part.source)) is None:
            return  # read from the log when the first redelivery comes; most sources never redeliver
        recent.append(part.readings())
        rows = sum(map(len, recent))
        while len(recent) > 1 and rows - len(recent[0]) >= RECENT_ROWS:
            rows -= len(recent.popleft())


def _fingerprints(readings: Readings) -> npt.NDArray[np.uint64]:
    """One number for (point, time, value); two different readings share one with probability 2⁻⁶⁴ per pair."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        mixed = readings.time.astype(np.uint64) * golden
        mixed ^= readings.value.view(np.uint64) + golden + (mixed << np.uint64(6)) + (mixed >> np.uint64(2))
        mixed ^= readings.point.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F) + (mixed << np.uint64(7))
        mixed ^= mixed >> np.uint64(29)
        return mixed * golden


def readings_part(source: int, epoch: int, first_seq: int, received_at: int, rows: int, body: bytes) -> Part:
    """A part as sense sent it, checked: a body that does not match its head would shift every number after it."""
    if rows < 1 or len(Readings.from_bytes(body)) != rows:
        raise InputError(
            "source {source}: a part of {rows} readings was announced, its body holds another number", source=source, rows=rows
        )
    return Part(Kind.READINGS, source, epoch, first_seq, received_at, rows, body)

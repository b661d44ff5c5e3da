"""The newest frames in memory, so that readers who keep up never touch the disk."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice

from anlan.model.frames import Frame

_FRAME_OVERHEAD = 300  # bytes of Python around a body


class Ring:
    """Consecutive frames up to the newest, bounded by bytes and by age, so that a quiet node does not fill up with what nobody will ask for;
    the newest always fits. Not thread-safe."""

    def __init__(self, max_bytes: int, span: float = math.inf) -> None:
        """`span` in s of a steady clock."""
        self._max, self._span = max_bytes, span
        self._frames: deque[Frame] = deque()
        self._since: deque[float] = deque()
        self._bytes = 0

    def add(self, frame: Frame, now: float = 0.0) -> None:
        self._frames.append(frame)
        self._since.append(now)
        self._bytes += _weight(frame)
        while (self._bytes > self._max or now - self._since[0] > self._span) and len(self._frames) > 1:
            self._bytes -= _weight(self._frames.popleft())
            self._since.popleft()

    def after(self, n: int, limit: int) -> list[Frame] | None:
        """Up to `limit` frames behind position n; None when the first of them is no longer (or not yet) here."""
        if not self._frames or n + 1 < self._frames[0].n:
            return None
        start = n + 1 - self._frames[0].n
        # A deque reaches its ends quickly and its middle slowly; a reader that keeps up is at the right end.
        behind = max(0, len(self._frames) - start)
        if behind <= limit:
            return list(islice(reversed(self._frames), behind))[::-1]
        return list(islice(self._frames, start, start + limit))


def _weight(frame: Frame) -> int:
    return sum(len(part.body) + _FRAME_OVERHEAD for part in frame.parts) + _FRAME_OVERHEAD

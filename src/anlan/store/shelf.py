"""Reading frames back from the segment files, damage and all: a frame that cannot be read becomes an explicit hole, never silence."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw
import structlog

from anlan.model.errors import Corrupt, StoreError
from anlan.model.frames import Frame
from anlan.store.disk import Disk
from anlan.store.framing import PartHead, RawFrame, decode, decode_heads
from anlan.store.segments import DAMAGE, SegmentFile, SegmentView, Span
from anlan.store.troubles import reason

_log = structlog.get_logger()
_HOLES_KEPT = 100_000
_VIEWS_KEPT = 2


class Gap(StoreError):
    """The reader asked for frames that are no longer kept; `first` is the oldest that is. It refills from history."""

    code = "gap"

    def __init__(self, first: int, after: int) -> None:
        self.first = first
        super().__init__("The log no longer has frame {wanted}; it begins at {first}.", wanted=after + 1, first=first)


@dataclass(frozen=True, slots=True)
class Hole:
    """Frames first … last (mostly one) of which something cannot be read. `parts` are the heads of what is gone, each an exact
    (source, epoch, first_seq, rows); None when even the heads are gone."""

    first: int
    last: int
    parts: tuple[PartHead, ...] | None


class Holes:
    """Each hole once, in the order found; `tell` hears of it."""

    def __init__(self, tell: Callable[[StoreError], None]) -> None:
        self._tell = tell
        self._known: set[int] = set()
        self._ranges: list[Hole] = []
        self._holes: deque[Hole] = deque(maxlen=_HOLES_KEPT)

    def add(self, hole: Hole) -> None:
        if hole.first in self._known or any(r.first <= hole.first <= r.last for r in self._ranges):
            return
        if hole.last > hole.first:
            self._ranges.append(hole)
        self._known.add(hole.first)
        self._holes.append(hole)
        self._tell(_as_error(hole))

    def all(self) -> tuple[Hole, ...]:
        return tuple(self._holes)


def _as_error(hole: Hole) -> Corrupt:
    lost = [
        {"source": p.source, "epoch": p.epoch, "first_seq": p.first_seq, "rows": p.rows, "kind": p.kind} for p in hole.parts or ()
    ]
    return Corrupt("Frames {first}–{last} of the log are damaged and were left out.", first=hole.first, last=hole.last, lost=lost)


class Shelf:
    """Frames of a folder's segments by position. Thread-safe."""

    def __init__(self, disk: Disk, holes: Holes) -> None:
        self._disk = disk
        self._holes = holes
        self._lock = threading.Lock()
        self._views: dict[SegmentFile, SegmentView] = {}

    def read(self, spans: Sequence[Span], after: int, limit: int) -> list[Frame]:
        """Up to `limit` frames from position after+1. Every position in the spans gets its frame, if need be without parts. Raises
        FileNotFoundError when a segment was trimmed away meanwhile."""
        frames: list[Frame] = []
        with self._lock:
            for span in spans:
                if span.end > after and len(frames) < limit:
                    frames += self._read_span(span, after, min(span.end, after + limit - len(frames)))
                    after = frames[-1].n
        return frames

    def last_in(self, file: SegmentFile) -> int | None:
        """The last position that `file` holds. Raises FileNotFoundError when it is gone, StoreError when it cannot be read."""
        with self._lock:
            try:
                return self._view(file).last()
            except apsw.CantOpenError as error:
                raise self._gone_or_unreadable(file, error) from error
            except apsw.Error as error:
                raise unreadable(file, error) from error

    def _read_span(self, span: Span, after: int, end: int) -> list[Frame]:
        try:
            raws = self._view(span.file).frames(after, end)
        except apsw.CantOpenError as error:
            raise self._gone_or_unreadable(span.file, error) from error
        except DAMAGE:
            raws = self._read_one_by_one(span.file, after, end)
        except apsw.Error as error:
            raise unreadable(span.file, error) from error
        by_position = {raw.n: raw for raw in raws}
        return [self._decoded(span.file, n, by_position.get(n)) for n in range(after + 1, end + 1)]

    def _gone_or_unreadable(self, file: SegmentFile, error: apsw.Error) -> Exception:
        return unreadable(file, error) if file.path.exists() else FileNotFoundError(file.path)

    def _decoded(self, file: SegmentFile, n: int, raw: RawFrame | None) -> Frame:
        if raw is None:
            self._holes.add(Hole(n, n, None))
            return Frame(n, ())
        heads = self._heads(file, raw)
        if heads is None:
            self._holes.add(Hole(n, n, None))
            return Frame(n, ())
        frame, damaged = decode(n, heads, raw.bodies)
        if damaged:
            self._holes.add(Hole(n, n, tuple(damaged)))
        return frame

    def _heads(self, file: SegmentFile, raw: RawFrame) -> list[PartHead] | None:
        try:
            return decode_heads(raw.n, raw.heads)
        except Corrupt as damaged:
            _log.warning("heads of a frame read from their second copy", file=file.path.name, n=raw.n, error=str(damaged))
        try:
            return decode_heads(raw.n, self._view(file).second_heads(raw.n))
        except (Corrupt, apsw.Error):
            return None  # the caller makes it a hole

    def _read_one_by_one(self, file: SegmentFile, after: int, end: int) -> list[RawFrame]:
        """What can still be reached of a segment whose pages are damaged."""
        found: list[RawFrame] = []
        for n in range(after + 1, end + 1):
            try:
                found += self._view(file).frames(n - 1, n)
            except DAMAGE:
                continue  # its position becomes a hole
        return found

    def _view(self, file: SegmentFile) -> SegmentView:
        view = self._views.pop(file, None) or SegmentView(self._disk, file.path)
        self._views[file] = view  # the most recently used is the last
        while len(self._views) > _VIEWS_KEPT:
            self._views.pop(next(iter(self._views))).close()
        return view

    def forget(self, file: SegmentFile) -> None:
        """Let go of a file that is to be sealed or unlinked."""
        with self._lock:
            view = self._views.pop(file, None)
            if view is not None:
                view.close()

    def close(self) -> None:
        with self._lock:
            while self._views:
                self._views.popitem()[1].close()


def unreadable(file: SegmentFile, error: BaseException) -> StoreError:
    return StoreError("Segment {file} of the log cannot be read: {why}.", file=file.path.name, why=reason(error))

"""The tip of the log: the segment being written, what follows it, and what to do when the disk says no.

An error of write or sync is never answered by trying the same file again (the kernel may have dropped the pages and call the next sync
a success): the segment is closed for good, another begun, the unacknowledged frame written there, and a fault raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import apsw

from anlan.model.clock import Clock
from anlan.model.errors import LogFull, StoreError
from anlan.store.disk import Disk
from anlan.store.framing import RawFrame
from anlan.store.keeper import Keeper
from anlan.store.recovery import Recovered
from anlan.store.segments import About, Segment, SegmentFile
from anlan.store.space import Space
from anlan.store.troubles import Troubles, reason

# A start scans the heads written since the last copy of the known sequences; 1,000 frames are a few milliseconds.
_FRAMES_BETWEEN_COPIES = 1_000
_BYTES_BETWEEN_COPIES = 1 << 20  # of heads
_NO_ROOM = 1 << 16
_LEFT_TO_OTHERS = 1 << 20
"""Of a reserve that was given up: for the segment's index and what else of ours writes in small."""
_HOLDS_ON = 1 << 20


class Tip:
    """Written by one thread at a time; `files` (oldest first) and `bytes_on_disk` may be asked by any. `known` gives a copy of the
    known sequences; `forget` makes readers of this process let go of a file."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        clock: Clock,
        troubles: Troubles,
        space: Space,
        *,
        segment_bytes: int,
        segment_span: float,
        durable: bool,
        known: Callable[[], bytes],
        forget: Callable[[SegmentFile], None],
    ) -> None:
        self._disk, self._folder, self._clock, self._troubles, self._space = disk, folder, clock, troubles, space
        self._segment_bytes, self._segment_span, self._durable = segment_bytes, segment_span, durable
        self._known, self._forget = known, forget
        space.released, space.held = self._take_released, self._held
        self.keeper = Keeper(disk, folder, clock, troubles, space, lambda: self.files, forget)
        self.files: tuple[SegmentFile, ...] = ()
        self._segment: Segment | None = None
        self._ordinal = 0
        self._tail: RawFrame | None = None
        self._litter: list[SegmentFile] = []
        self._removing = threading.Lock()
        self._finished_bytes = self._frames_since_copy = self._bytes_since_copy = 0

    def take_over(self, found: Recovered) -> None:
        self._incarnation = found.incarnation
        self.files = tuple(found.files)
        self._ordinal = max((file.ordinal for file in found.files), default=0)
        self._tail = found.tail
        self.count_finished()

    def write(self, raw: RawFrame, *, bulk: bool) -> None:
        """Durable on return. Raises LogFull or StoreError; then the frame counts as never written."""
        self._frames_since_copy += 1
        self._bytes_since_copy += len(raw.heads)
        due = self._frames_since_copy >= _FRAMES_BETWEEN_COPIES or self._bytes_since_copy >= _BYTES_BETWEEN_COPIES
        known = self._known() if due else None
        self._twice(raw.n, lambda: self._ready(raw.n).append(raw, known), bulk=bulk)
        if due:
            self._frames_since_copy = self._bytes_since_copy = 0

    def settle(self, next_n: int) -> None:
        """Have a segment to write position `next_n` to, and in it, durably, what the last process left in doubt."""
        self._twice(next_n, lambda: self._ready(next_n), bulk=False)

    def _twice(self, next_n: int, attempt: Callable[[], object], *, bulk: bool) -> None:
        """Once here, and if that fails once more in a new segment."""
        try:
            attempt()
        except (apsw.Error, OSError) as first:
            self._abandon(first)
            if bulk and self._space.short:
                with suppress(apsw.Error, OSError):
                    self._ready(next_n)  # what was given up is taken before others do; its next small commit tells of a failure
                raise self._refusal(first) from first
            try:
                attempt()
            except (apsw.Error, OSError) as second:
                self._abandon(second)
                raise self._refusal(second) from second

    def _ready(self, next_n: int) -> Segment:
        if self._segment is not None and self._is_spent(self._segment):
            self._finish()
        if self._segment is None:
            self._segment = self._begin(next_n)
        return self._segment

    def _is_spent(self, segment: Segment) -> bool:
        if self._space.short and self._held() >= _HOLDS_ON:
            return False  # the next one would find no room of its own
        age = self._clock.monotonic() - segment.begun
        return segment.written >= self._segment_bytes or (age >= self._segment_span and segment.written > 0)

    def _finish(self) -> None:
        """Close the current segment; its WAL is complete, the keeper does the rest."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()
        self.count_finished()

    def _begin(self, next_n: int) -> Segment:
        self._ordinal += 1
        file = SegmentFile(self._tail.n if self._tail else next_n, self._ordinal, self._folder)
        try:
            segment = self._born(file)
        except BaseException:
            self._remove([file])
            raise
        self._tail = None
        self._segment = segment
        if self._space.short:
            self._take_released(self._space.reserve_bytes)
        self.files = (*self.files, file)
        self.keeper.wake()
        return segment

    def _born(self, file: SegmentFile) -> Segment:
        self.keeper.take_spare(file.path)
        about = About(self._incarnation, file.first, self._known(), 0 if self._tail is None else 1)
        now, begun = self._clock.now(), self._clock.monotonic()
        return Segment.begin(self._disk, file, about, self._tail, now=now, begun=begun, durable=self._durable)

    def _abandon(self, error: Exception) -> None:
        """Never touch this file again; what was acknowledged in it stays readable, what was not is written elsewhere."""
        name = self._segment.file.path.name if self._segment else None
        self._discard_handle()
        if isinstance(error, apsw.FullError) or self._space.free() < _NO_ROOM:
            self._space.run_out()
        elif name is None:
            self._fail(StoreError("A new segment of the log could not be begun: {why}.", why=reason(error)))
        else:
            message = "Writing to segment {file} of the log failed ({why}); it was closed for good, the next is begun."
            self._fail(StoreError(message, file=name, why=reason(error)))

    def _fail(self, error: StoreError) -> None:
        self._troubles.raise_condition("input-output", error, each=True)

    def _discard_handle(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        self.keeper.leave_alone(segment.file)
        try:
            segment.close()
        except apsw.Error as error:
            message = "Segment {file} of the log could not be closed: {why}."
            self._troubles.note(StoreError(message, file=segment.file.path.name, why=reason(error)))
        self.count_finished()

    def _refusal(self, error: Exception) -> StoreError:
        standing = self._troubles.standing
        if self._space.short and isinstance(standing, LogFull):
            return standing
        return StoreError("The log could not be written: {why}.", why=reason(error))

    # ── on a full disk ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_released(self, size: int) -> None:
        """Half of it if not all is there, and so on: others write meanwhile."""
        segment = self._segment
        if segment is None:
            return
        wanted = size - _LEFT_TO_OTHERS
        while wanted >= _HOLDS_ON:
            try:
                self._disk.hold(segment.file.wal, wanted)
            except OSError:
                wanted //= 2
            else:
                return

    def _held(self) -> int:
        segment = self._segment
        return self._disk.held(segment.file.wal) if segment is not None else 0

    # ── letting go ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def trim(self, needs: int) -> int:
        """Unlink the segments all of whose frames are < `needs`, never the newest. How many went."""
        with self._removing:
            files = self.files
            gone = sum(following.first <= needs for following in files[1:])
            self.files = files[gone:]
        if gone or self._litter:
            self._remove(files[:gone])
            self.count_finished()
        return gone

    def _remove(self, files: Sequence[SegmentFile]) -> None:
        """Unlink these, oldest first, behind what could not be unlinked before. The first that resists stops the rest: one left
        alone among gone ones would claim their positions at the next start."""
        with self._removing:
            self._litter = [*self._litter, *files]
            while self._litter and self._unlink(self._litter[0]):
                self._litter.pop(0)

    def _unlink(self, file: SegmentFile) -> bool:
        self._forget(file)
        try:
            file.unlink(self._disk)
        except OSError as error:
            message = "Segment {file} of the log could not be removed: {why}."
            self._troubles.note(StoreError(message, file=file.path.name, why=reason(error)))
            return False
        return True

    def count_finished(self) -> None:
        current = self._segment.file if self._segment else None
        try:
            self._finished_bytes = sum(file.size(self._disk) for file in self.files if file != current)
        except OSError as error:
            self._troubles.note(StoreError("The size of the log is unknown: {why}.", why=reason(error)))

    @property
    def bytes_on_disk(self) -> int:
        segment = self._segment
        return self._finished_bytes + (segment.written if segment else 0)

    def close(self) -> None:
        self.keeper.close()
        self._discard_handle()
        self._remove([])

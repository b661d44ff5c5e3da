"""The log: the node's one ordered input, durable before anything is acknowledged.

A frame is one commit. `append` returns when it is on the disk; readers then get it from memory, or from the segment files when they
lag. An error of write or sync is never answered by trying the same file again (the kernel may have dropped the pages and call the
next sync a success): the segment is closed, another begun, the unacknowledged frame written there, and a fault raised.

* positions n = 1, 2, 3 … without holes within one incarnation      * one writing process per folder; others use `LogReader`
* damage found while reading is an explicit `Hole`, not an error      * `Appender` makes frames of what many sources give
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from anlan.model.clock import Clock
from anlan.model.errors import LogFull, StoreError
from anlan.model.frames import Frame, Kind, Part
from anlan.store.disk import Disk, FolderLock
from anlan.store.framing import RawFrame, encode
from anlan.store.ids import uuid7
from anlan.store.keeper import Keeper
from anlan.store.recovery import Recovered, recover
from anlan.store.ring import Ring
from anlan.store.segments import About, Segment, SegmentFile, spans
from anlan.store.sequences import Sequences
from anlan.store.shelf import Gap, Hole, Holes, Shelf
from anlan.store.space import Space
from anlan.store.troubles import Fault, Troubles, reason

__all__ = ["Gap", "Log", "LogSettings"]

# A start scans the heads written since the last copy of the known sequences; 1,000 frames are a few milliseconds.
_FRAMES_BETWEEN_COPIES = 1_000
_PARTS_BETWEEN_COPIES = 20_000


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`segment_bytes` and `segment_span` (s) end a segment, whichever comes first; `max_bytes` is what lagging readers may make the
    log keep; `reserve_bytes` are held back for commands and alarms; `ring_bytes` of newest frames stay in memory. `durable=False`
    leaves out every sync: only for proving that a test notices."""

    segment_bytes: int = 256 << 20
    segment_span: float = 600.0
    max_bytes: int = 64 << 30
    reserve_bytes: int = 64 << 20
    durable: bool = True
    ring_bytes: int = 64 << 20
    background: bool = True


class Log:
    """One writer. All methods may be called from any thread; `append` calls wait for one another."""

    def __init__(self, folder: Path, clock: Clock, settings: LogSettings, disk: Disk, lock: FolderLock) -> None:
        self._folder, self._clock, self._settings, self._disk, self._lock = folder, clock, settings, disk, lock
        self._troubles = Troubles(clock)
        self._holes = Holes(lambda error: self._troubles.raise_condition("damage", error))
        self._shelf = Shelf(disk, self._holes)
        self._ring = Ring(settings.ring_bytes)
        self._space = Space(disk, folder, settings.max_bytes, settings.reserve_bytes, self._troubles)
        self._keeper = Keeper(disk, folder, clock, self._troubles, self._list_files, self._shelf.forget)
        self._writing = threading.RLock()
        self._changed = threading.Condition()
        self._removing = threading.Lock()
        self._segment: Segment | None = None
        self._closed = False
        self._files: list[SegmentFile] = []
        self._litter: list[SegmentFile] = []
        self._finished_bytes = 0
        self._frames_since_copy = self._parts_since_copy = 0

    @classmethod
    def open(cls, folder: Path, clock: Clock, settings: LogSettings | None = None, *, disk: Disk | None = None) -> Log:
        """Take the folder (made if missing), recover, and begin a new segment. Raises StoreError when another process has it or
        its newest segment cannot be read; a full disk is only a fault."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock.take(folder)
        log = cls(folder, clock, settings or LogSettings(), disk or Disk(), lock)
        try:
            log._start()
        except BaseException:
            log.close()
            raise
        return log

    def _start(self) -> None:
        try:
            self._take_over(recover(self._disk, self._folder, self._holes, uuid7(self._clock).hex))
        except (apsw.Error, OSError) as error:
            raise StoreError(
                "The log in {folder} cannot be opened: {why}.", folder=str(self._folder), why=reason(error)
            ) from error
        self._space.prepare()
        self._begin_or_fault()
        if self._settings.background:
            self._keeper.start()

    def _take_over(self, found: Recovered) -> None:
        self.incarnation = found.incarnation
        self._files = found.files
        self._ordinal = max((file.ordinal for file in found.files), default=0)
        self._last = found.last
        self._sequences = found.sequences
        self._tail = found.tail
        self._count_finished()

    def _begin_or_fault(self) -> None:
        try:
            self.settle()
        except StoreError:
            if not self._files:
                raise  # a log that cannot hold its first segment is no log
            # else the fault is raised, and the next append tries again

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, parts: Sequence[Part]) -> Frame:
        """Make these parts the next frame; durable on return. Raises LogFull when there is no room for readings now, StoreError when
        the disk fails; then nothing of it is in the log, as far as anyone was told."""
        with self._writing:
            self._check_open()
            raw = encode(self._last + 1, parts)
            self._admit(raw, parts)
            self._write(raw, len(parts), bulk=_is_bulk(parts))
            frame = Frame(raw.n, tuple(parts))
            self._publish(frame)
        return frame

    def append_fresh(self, parts: Sequence[Part]) -> Frame | None:
        """`append` of what the log does not have yet; None when it has all of it, durably. Raises as `append` does."""
        with self._writing:
            fresh, scratch = [], Sequences(over=self._sequences)
            for part in parts:
                for piece in scratch.pieces(part):
                    scratch.note(piece)
                    fresh.append(piece)
            if fresh:
                return self.append(fresh)
            self.settle()
            return None

    def settle(self) -> None:
        """Make durable what the last process may have left in doubt. Raises StoreError while that is not possible."""
        with self._writing:
            self._check_open()
            self._twice(self._ready_segment, bulk=False)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The log in {folder} is closed.", folder=str(self._folder))

    def _admit(self, raw: RawFrame, parts: Sequence[Part]) -> None:
        try:
            self._space.admit(raw.size, bulk=_is_bulk(parts), used=self.bytes_on_disk)
        finally:
            self._keeper.short = self._space.short

    def _write(self, raw: RawFrame, parts: int, *, bulk: bool) -> None:
        self._frames_since_copy += 1
        self._parts_since_copy += parts
        due = self._frames_since_copy >= _FRAMES_BETWEEN_COPIES or self._parts_since_copy >= _PARTS_BETWEEN_COPIES
        # The copy stands beside this frame but was made before it: a start scans from this frame on, inclusive.
        known = self._sequences.to_bytes() if due else None
        self._twice(lambda: self._ready_segment().append(raw, known), bulk=bulk)
        if due:
            self._frames_since_copy = self._parts_since_copy = 0

    def _twice(self, attempt: Callable[[], object], *, bulk: bool) -> None:
        """Once here, and if that fails once more in a new segment."""
        try:
            attempt()
        except (apsw.Error, OSError) as first:
            self._abandon(first)
            if bulk and self._space.short:
                raise self._refusal(first) from first
            try:
                attempt()
            except (apsw.Error, OSError) as second:
                self._abandon(second)
                raise self._refusal(second) from second

    def _ready_segment(self) -> Segment:
        segment = self._segment
        if segment is not None and self._is_spent(segment):
            self._finish()
            segment = None
        if segment is None:
            segment = self._segment = self._begin()
        return segment

    def _is_spent(self, segment: Segment) -> bool:
        age = self._clock.monotonic() - segment.begun
        return segment.written >= self._settings.segment_bytes or (age >= self._settings.segment_span and segment.written > 0)

    def _begin(self) -> Segment:
        tail = self._tail
        self._ordinal += 1
        file = SegmentFile(tail.n if tail else self._last + 1, self._ordinal, self._folder)
        about = About(self.incarnation, file.first, self._sequences.to_bytes(), 0 if tail is None else 1)
        try:
            self._keeper.take_spare(file.path)
            segment = Segment.begin(
                self._disk,
                file,
                about,
                tail,
                now=self._clock.now(),
                begun=self._clock.monotonic(),
                durable=self._settings.durable,
            )
        except BaseException:
            self._remove([file])
            raise
        self._tail = None
        with self._changed:
            self._files = [*self._files, file]
        self._keeper.wake()
        return segment

    def _finish(self) -> None:
        """Close the current segment; its WAL is complete, the keeper does the rest."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()
        self._count_finished()

    def _abandon(self, error: Exception) -> None:
        """Never touch this file again; what was acknowledged in it stays readable, what was not is written elsewhere."""
        name = self._segment.file.path.name if self._segment else None
        self._discard_handle()
        if isinstance(error, apsw.FullError) or self._space.free() < 1 << 16:
            self._space.run_out()
        elif name is None:
            self._fail(StoreError("A new segment of the log could not be begun: {why}.", why=reason(error)))
        else:
            message = "Writing to segment {file} of the log failed ({why}); it was closed for good, the next is begun."
            self._fail(StoreError(message, file=name, why=reason(error)))

    def _fail(self, error: StoreError) -> None:
        self._troubles.raise_condition("input-output", error)

    def _discard_handle(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        self._keeper.leave_alone(segment.file)
        try:
            segment.close()
        except apsw.Error as error:
            self._troubles.note(
                StoreError(
                    "Segment {file} of the log could not be closed: {why}.", file=segment.file.path.name, why=reason(error)
                )
            )
        self._count_finished()

    def _refusal(self, error: Exception) -> StoreError:
        standing = self._troubles.standing
        if self._space.short and isinstance(standing, LogFull):
            return standing
        return StoreError("The log could not be written: {why}.", why=reason(error))

    def _publish(self, frame: Frame) -> None:
        for part in frame.parts:
            self._sequences.note(part)
        with self._changed:
            self._last = frame.n
            self._ring.add(frame)
            self._changed.notify_all()

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def fresh(self, part: Part) -> Part | None:
        """The part without its known beginning, None when the log has all of it. For looking; `append_fresh` decides."""
        with self._writing:
            return self._sequences.fresh(part)

    def sequence_ends(self) -> dict[int, tuple[int, int]]:
        """source → (its newest epoch, the seq that comes next)."""
        with self._writing:
            return self._sequences.ends()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def last(self) -> int:
        """The newest position, 0 when there never was one."""
        return self._last

    @property
    def first(self) -> int:
        """The oldest position still kept; last+1 when none is."""
        with self._changed:
            return self._files[0].first if self._files else self._last + 1

    def read(self, after: int, limit: int = 256) -> list[Frame]:
        """Up to `limit` frames behind position `after`, in order; [] when there is nothing newer. A position whose bytes are damaged
        comes as a frame without the damaged parts, and `holes` says which. Raises Gap when `after` lies before what is kept."""
        with self._changed:
            if after >= self._last:
                return []
            frames = self._ring.after(after, limit)
            kept = spans(self._files, self._last)
        if frames is not None:
            return frames
        if after + 1 < kept[0].first:
            raise Gap(kept[0].first, after)
        try:
            return self._shelf.read(kept, after, limit)
        except FileNotFoundError:
            return self.read(after, limit)  # trimmed meanwhile: a Gap now

    def wait(self, after: int, timeout: float) -> bool:
        """Until there is something behind `after`, at most `timeout` seconds; whether there is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._last > after or self._closed, timeout) and self._last > after

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def trim(self, needs: int) -> int:
        """Unlink whole segments all of whose frames are < `needs`, never the current one. How many went."""
        with self._changed:
            files = self._files
            kept = [
                file
                for file, following in zip(files, [*files[1:], None], strict=True)
                if following is None or following.first > needs
            ]
            self._files = kept
        gone = files[: len(files) - len(kept)]
        if gone or self._litter:
            self._remove(gone)
            self._count_finished()
        return len(gone)

    def _remove(self, files: Sequence[SegmentFile]) -> None:
        """Unlink these, oldest first, behind what could not be unlinked before. The first that resists stops the rest: one left
        alone among gone ones would claim their positions at the next start."""
        with self._removing:
            self._litter = [*self._litter, *files]
            while self._litter and self._unlink(self._litter[0]):
                self._litter.pop(0)

    def _unlink(self, file: SegmentFile) -> bool:
        self._shelf.forget(file)
        try:
            file.unlink(self._disk)
        except OSError as error:
            message = "Segment {file} of the log could not be removed: {why}."
            self._troubles.note(StoreError(message, file=file.path.name, why=reason(error)))
            return False
        return True

    def tend(self) -> None:
        """Do now what the keeper's thread does every second."""
        self._keeper.tend()
        self._count_finished()

    def _list_files(self) -> list[SegmentFile]:
        with self._changed:
            return self._files

    def _count_finished(self) -> None:
        current = self._segment.file if self._segment else None
        try:
            self._finished_bytes = sum(file.size(self._disk) for file in self._list_files() if file != current)
        except OSError as error:
            self._troubles.note(StoreError("The size of the log is unknown: {why}.", why=reason(error)))

    @property
    def bytes_on_disk(self) -> int:
        """All segments, without the reserve."""
        segment = self._segment
        return self._finished_bytes + (segment.written if segment else 0)

    # ── how it is ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def fault(self) -> str | None:
        """What is wrong now, in English; None when all is well. A disk error or damage stands until `clear_fault`."""
        standing = self._troubles.standing
        return standing.text("en") if standing is not None else None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What went wrong since the log was opened, oldest first."""
        return self._troubles.faults

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Damage found so far, each place once."""
        return self._holes.all()

    def clear_fault(self) -> None:
        """A person has seen it; a full disk or log clears itself and only itself."""
        self._troubles.clear("input-output")
        self._troubles.clear("damage")

    def close(self) -> None:
        """Nothing is left to write: whatever was acknowledged is on the disk already."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
        self._keeper.close()
        self._discard_handle()
        self._remove([])
        self._shelf.close()
        with self._changed:
            self._changed.notify_all()
        self._lock.release()


def _is_bulk(parts: Sequence[Part]) -> bool:
    return any(part.kind is Kind.READINGS for part in parts)

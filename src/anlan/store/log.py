"""The log: the node's one ordered input, durable before anything is acknowledged.

A frame is one commit. `append` returns when it is on the disk; readers then get it from memory, or from the segment files when they
lag. How it is written, and what happens when the disk fails or fills up: `tip.py`, `space.py`; how a start finds its place:
`recovery.py`; what a segment file is: `segments.py`.

* positions n = 1, 2, 3 … without holes within one incarnation      * one writing process per folder; others use `LogReader`
* damage found while reading is an explicit `Hole`, not an error      * `Appender` makes frames of what many sources give
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from anlan.model.clock import Clock
from anlan.model.errors import StoreError
from anlan.model.frames import Frame, Part
from anlan.store.disk import Disk, FolderLock
from anlan.store.framing import encode
from anlan.store.ids import uuid7
from anlan.store.recovery import Reached, recover
from anlan.store.ring import Ring
from anlan.store.segments import spans
from anlan.store.sequences import Sequences
from anlan.store.shelf import Gap, Hole, Holes, Shelf
from anlan.store.space import Space
from anlan.store.tip import Tip
from anlan.store.troubles import Fault, Troubles, reason

__all__ = ["Gap", "Log", "LogSettings"]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`segment_bytes` and `segment_span` (s) end a segment, whichever comes first; `max_bytes` is what lagging readers may make the
    log keep; `reserve_bytes` are held back for commands and alarms; `ring_bytes` of the frames of the last
    `ring_span` (s) stay in memory. `durable=False` leaves out every sync: only for proving that a test notices."""

    segment_bytes: int = 256 << 20
    segment_span: float = 600.0
    max_bytes: int = 64 << 30
    reserve_bytes: int = 64 << 20
    durable: bool = True
    ring_bytes: int = 64 << 20
    ring_span: float = 60.0
    background: bool = True


class Log:
    """One writer. All methods may be called from any thread; `append` calls wait for one another."""

    def __init__(self, folder: Path, clock: Clock, settings: LogSettings, disk: Disk, lock: FolderLock) -> None:
        self._folder, self._clock, self._settings, self._disk, self._lock = folder, clock, settings, disk, lock
        self._troubles = Troubles(clock)
        self._holes = Holes(lambda error: self._troubles.raise_condition("damage", error, each=True))
        self._shelf = Shelf(disk, self._holes)
        self._ring = Ring(settings.ring_bytes, settings.ring_span)
        self._space = Space(disk, folder, settings.max_bytes, settings.reserve_bytes, self._troubles)
        self._tip = Tip(
            disk,
            folder,
            clock,
            self._troubles,
            self._space,
            segment_bytes=settings.segment_bytes,
            segment_span=settings.segment_span,
            durable=settings.durable,
            known=self._copy_of_known,
            forget=self._shelf.forget,
        )
        self._sequences = Sequences()
        self._last = 0
        self._writing = threading.RLock()
        self._changed = threading.Condition()
        self._woken = 0
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        clock: Clock,
        settings: LogSettings | None = None,
        *,
        reached: Reached = lambda incarnation: 0,
        disk: Disk | None = None,
    ) -> Log:
        """Take the folder (made if missing), recover, and begin a new segment. `reached` tells the furthest position of an
        incarnation that any reader has: if the log itself no longer gets there, its end was damaged, the missing positions become a
        hole and are not given out again. Raises StoreError when another process has the folder or its newest segment cannot be read; a full
        disk is only a fault."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock.take(folder)
        log = cls(folder, clock, settings or LogSettings(), disk or Disk(), lock)
        try:
            log._start(reached)
        except BaseException:
            log.close()
            raise
        return log

    def _start(self, reached: Reached) -> None:
        self._recover(reached)
        self._space.prepare()
        self._begin_or_fault()
        if self._settings.background:
            self._tip.keeper.start()

    def _recover(self, reached: Reached) -> None:
        try:
            found = recover(self._disk, self._folder, self._holes, uuid7(self._clock).hex, reached)
        except (apsw.Error, OSError) as error:
            raise StoreError(
                "The log in {folder} cannot be opened: {why}.", folder=str(self._folder), why=reason(error)
            ) from error
        self.incarnation, self._last, self._sequences = found.incarnation, found.last, found.sequences
        self._tip.take_over(found)

    def _begin_or_fault(self) -> None:
        try:
            self.settle()
        except StoreError:
            if not self._tip.files:
                raise  # a log that cannot hold its first segment is no log
            # else the fault is raised, and the next append tries again

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, parts: Sequence[Part]) -> Frame:
        """Make these parts the next frame; durable on return. Raises LogFull when there is no room for readings now, StoreError when
        the disk fails; then nothing of it is in the log, as far as anyone was told."""
        bulk = any(part.bulk for part in parts)
        with self._writing:
            self._check_open()
            raw = encode(self._last + 1, parts)
            self._space.admit(raw.size, bulk=bulk, used=self.bytes_on_disk)
            self._tip.write(raw, bulk=bulk)
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
            self._tip.settle(self._last + 1)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The log in {folder} is closed.", folder=str(self._folder))

    def _copy_of_known(self) -> bytes:
        return self._sequences.to_bytes()

    def _publish(self, frame: Frame) -> None:
        for part in frame.parts:
            self._sequences.note(part)
        with self._changed:
            self._last = frame.n
            self._ring.add(frame, self._clock.monotonic())
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
        files = self._tip.files
        return files[0].first if files else self._last + 1

    def read(self, after: int, limit: int = 256) -> list[Frame]:
        """Up to `limit` frames behind position `after`, in order; [] when there is nothing newer. A position whose bytes are damaged
        comes as a frame without the damaged parts, and `holes` says which. Raises Gap when `after` lies before what is kept."""
        with self._changed:
            if after >= self._last:
                return []
            frames = self._ring.after(after, limit)
            kept = spans(self._tip.files, self._last)
        if frames is not None:
            return frames
        if after + 1 < kept[0].first:
            raise Gap(kept[0].first, after)
        try:
            return self._shelf.read(kept, after, limit)
        except FileNotFoundError:
            return self.read(after, limit)  # trimmed meanwhile: a Gap now

    def wait(self, after: int, timeout: float) -> bool:
        """Until there is something behind `after`, at most `timeout` seconds and not beyond a `wake`; whether there is."""
        with self._changed:
            woken = self._woken
            return (
                self._changed.wait_for(lambda: self._last > after or self._closed or self._woken != woken, timeout)
                and self._last > after
            )

    def wake(self) -> None:
        """End every `wait` now: a reader that is to stop need not wait for its time to be over."""
        with self._changed:
            self._woken += 1
            self._changed.notify_all()

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def trim(self, needs: int) -> int:
        """Unlink whole segments all of whose frames are < `needs`, never the current one. How many went."""
        return self._tip.trim(needs)

    def tend(self) -> None:
        """Do now what the keeper's thread does every second."""
        self._tip.keeper.tend()
        self._tip.count_finished()

    @property
    def bytes_on_disk(self) -> int:
        """All segments, without the reserve."""
        return self._tip.bytes_on_disk

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
        self._tip.close()
        self._shelf.close()
        with self._changed:
            self._changed.notify_all()
        self._lock.release()

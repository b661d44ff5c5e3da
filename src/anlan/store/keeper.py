"""The log's housekeeping off the append thread: the next segment made ready, old segments turned into one plain file each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from anlan.model.clock import Clock
from anlan.model.errors import StoreError
from anlan.store.disk import Disk
from anlan.store.segments import SPARE, SegmentFile, make_spare, seal
from anlan.store.space import Space
from anlan.store.troubles import Troubles, reason

# Readers normally let a segment go within seconds; sealing it would write every byte a second time for nothing.
_SEAL_AFTER = 120.0  # s since first seen finished
_UNSEALED = 4
_PERIOD = 1.0  # s


class Keeper:
    """`tend` does what is due; `start` calls it from a thread of its own until `close`."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        clock: Clock,
        troubles: Troubles,
        space: Space,
        files: Callable[[], Sequence[SegmentFile]],
        forget: Callable[[SegmentFile], None],
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._clock = clock
        self._troubles = troubles
        self._space = space
        self._files = files
        self._forget = forget
        self._spare_lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._finished_at: dict[SegmentFile, float] = {}
        self._done: set[SegmentFile] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="log-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            self.tend()
            self._wake.wait(_PERIOD)
            self._wake.clear()

    def tend(self) -> None:
        """Prepare the spare and seal at most one segment; errors are noted, the work is left as it was."""
        if self._space.short:
            return  # what room is left belongs to alarms and commands
        try:
            self.ensure_spare()
        except (apsw.Error, OSError) as error:
            self._troubles.note(StoreError("The next segment of the log could not be prepared: {why}.", why=reason(error)))
        due = self._due()
        if due is not None:
            self._seal(due)

    def ensure_spare(self) -> None:
        """Raises apsw.Error or OSError."""
        with self._spare_lock:
            self._make_if_missing()

    def take_spare(self, path: Path) -> None:
        """The spare under its new name, durably. Raises apsw.Error or OSError."""
        with self._spare_lock:
            self._make_if_missing()
            self._disk.rename(self._folder / SPARE, path)
        self._disk.sync_folder(self._folder)

    def _make_if_missing(self) -> None:
        if not (self._folder / SPARE).exists():
            make_spare(self._disk, self._folder)

    def leave_alone(self, file: SegmentFile) -> None:
        """A segment that met an error: never written again, not even to seal it."""
        self._done.add(file)

    def _due(self) -> SegmentFile | None:
        now = self._clock.monotonic()
        finished = self._files()[:-1]
        self._finished_at = {file: self._finished_at.get(file, now) for file in finished}
        old = [f for f in finished[:-_UNSEALED] if f not in self._done and now - self._finished_at[f] >= _SEAL_AFTER]
        return old[0] if old else None

    def _seal(self, file: SegmentFile) -> None:
        if self._disk.free(self._folder) < 2 * self._disk.size(file.wal):
            return
        self._done.add(file)
        self._forget(file)
        try:
            seal(self._disk, file)
        except apsw.BusyError:
            self._done.discard(file)  # someone reads it; later
        except (apsw.Error, OSError) as error:
            # Its WAL still holds everything, and it stays readable as it is.
            self._troubles.note(
                StoreError("Segment {file} of the log could not be sealed: {why}.", file=file.path.name, why=reason(error))
            )

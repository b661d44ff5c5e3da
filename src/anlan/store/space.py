"""Room for the log: what is refused when it runs short, so that alarms, commands and audit can still be written.

A reserve file holds blocks that nobody else can take. When the disk has no room for another commit of readings, the reserve is given
up and readings are refused (the drivers then stop acknowledging, and the devices or their gateways keep what they have); the node's
own small commits go on in the room that became free, which the segment being written takes at once: whoever else writes to a full disk would
have it a moment later. When enough room is back, the reserve is taken again and readings flow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anlan.model.errors import LogFull, StoreError
from anlan.store.disk import Disk
from anlan.store.troubles import Troubles, reason

RESERVE = "reserve"
_MARGIN = 1 << 20  # a new segment, its shared-memory index, and what others write between our look and our write
_SMALL_MARGIN = 1 << 18
_MIB = 1 << 20


class Space:
    """Decides before each commit whether it may be written. Not thread-safe: the log's write lock holds it."""

    def __init__(self, disk: Disk, folder: Path, max_bytes: int, reserve_bytes: int, troubles: Troubles) -> None:
        self._disk = disk
        self._folder = folder
        self._max = max_bytes
        self.reserve_bytes = reserve_bytes
        self._troubles = troubles
        self.short = False
        self.released: Callable[[int], None] = lambda size: None
        """Called with the bytes that have just become free: the segment being written takes them."""
        self.held: Callable[[], int] = lambda: 0
        """What the segment being written may still grow by in blocks of its own. [B]"""

    def prepare(self) -> None:
        """Take the reserve at the start."""
        self._restore()

    def admit(self, size: int, *, bulk: bool, used: int) -> None:
        """Raises LogFull when a commit of `size` bytes may not be written; `bulk` are readings, `used` what the log occupies."""
        self._look(size)
        if self.short and (bulk or self.free() + self.held() < 2 * size + _SMALL_MARGIN):
            raise self._disk_full()
        if used + size > self._max + (0 if bulk else self.reserve_bytes):
            raise self._log_full(used)
        if bulk:
            self._troubles.clear("log-full")

    def run_out(self) -> None:
        """The disk is full, as a failed write has just shown or a look has foreseen: give up the reserve."""
        self.short = True
        self._troubles.raise_condition("disk-full", self._disk_full())
        try:
            self._disk.unlink(self._folder / RESERVE)
        except OSError as error:
            self._troubles.note(StoreError("The reserve of the log could not be given up: {why}.", why=reason(error)))
            return
        self.released(self.reserve_bytes)

    def free(self) -> int:
        try:
            return self._disk.free(self._folder)
        except OSError as error:
            # Unknown is not full: the write itself will tell.
            self._troubles.raise_condition(
                "free-space", StoreError("The free space of the log is unknown: {why}.", why=reason(error))
            )
            return 1 << 62

    def _look(self, size: int) -> None:
        free = self.free()
        if self.short:
            if free >= self.reserve_bytes + self.reserve_bytes // 4 + 2 * size + 2 * _MARGIN:
                self._restore()
        elif free < 2 * size + _MARGIN:
            self.run_out()

    def _restore(self) -> None:
        """Take the reserve (again); without room for it the disk counts as full."""
        try:
            self._disk.allocate(self._folder / RESERVE, self.reserve_bytes)
        except OSError:
            self.run_out()
            return
        self.short = False
        self._troubles.clear("disk-full")

    def _disk_full(self) -> LogFull:
        return LogFull(
            "The disk of the log is full ({free} MiB free): readings are refused, commands and alarms still pass. Make room on {folder}.",
            free=self.free() // _MIB,
            folder=str(self._folder),
        )

    def _log_full(self, used: int) -> LogFull:
        error = LogFull(
            "The log keeps {used} MiB for readers that lag behind and may keep {most} MiB: readings are refused until they catch up.",
            used=used // _MIB,
            most=self._max // _MIB,
        )
        self._troubles.raise_condition("log-full", error)
        return error

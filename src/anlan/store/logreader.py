"""Reading the log from another process: the same frames, straight from the segment files, without touching the writer."""

from __future__ import annotations

import time
from pathlib import Path

import orjson

from anlan.model.errors import NotFound
from anlan.model.frames import Frame
from anlan.store.disk import Disk
from anlan.store.recovery import IDENTITY
from anlan.store.segments import SegmentFile, list_segments, spans
from anlan.store.shelf import Gap, Hole, Holes, Shelf

_POLL = 0.005  # s; the bus wakes a reader sooner, this is what remains when it does not


class LogReader:
    """What is durable in the log of `folder`; new segments are found as they come. Thread-safe."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._holes = Holes(lambda error: None)  # the holder of this reader looks at `holes`
        self._shelf = Shelf(disk, self._holes)
        self._last = 0

    @classmethod
    def open(cls, folder: Path, *, disk: Disk | None = None) -> LogReader:
        """Raises NotFound when there is no log yet."""
        if not (folder / IDENTITY).exists():
            raise NotFound("There is no log in {folder} yet; it is begun when the node starts.", folder=str(folder))
        return cls(folder, disk or Disk())

    @property
    def incarnation(self) -> str:
        return str(orjson.loads((self._folder / IDENTITY).read_bytes())["incarnation"])

    @property
    def last(self) -> int:
        """The newest durable position, 0 when there never was one."""
        return self._end(list_segments(self._disk, self._folder))

    @property
    def first(self) -> int:
        """The oldest position still kept; last+1 when none is."""
        files = list_segments(self._disk, self._folder)
        return files[0].first if files else 1

    def read(self, after: int, limit: int = 256) -> list[Frame]:
        """As `Log.read`. Raises Gap when `after` lies before what is kept, StoreError when a segment cannot be read."""
        while True:
            files = list_segments(self._disk, self._folder)
            kept = spans(files, self._end(files))
            if not kept or after >= kept[-1].end:
                return []
            if after + 1 < kept[0].first:
                raise Gap(kept[0].first, after)
            try:
                return self._shelf.read(kept, after, limit)
            except FileNotFoundError:
                continue  # trimmed between the look and the read; look again

    def wait(self, after: int, timeout: float) -> bool:
        """Until there is something behind `after`, at most `timeout` seconds; whether there is."""
        deadline = time.monotonic() + timeout
        while self.last <= after:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)
        return True

    def _end(self, files: list[SegmentFile]) -> int:
        """The last position; a segment that is just being begun has none yet and says only where the one before ends."""
        for file in reversed(files):
            found = self._last_in(file)
            if found is not None:
                self._last = max(self._last, found)
                break
        return self._last

    def _last_in(self, file: SegmentFile) -> int | None:
        try:
            return self._shelf.last_in(file)
        except FileNotFoundError:
            return None

    @property
    def holes(self) -> tuple[Hole, ...]:
        return self._holes.all()

    def close(self) -> None:
        self._shelf.close()

"""Starting a log: look into the newest segment, learn where the log ends and what it knows, go on behind it.

A start never writes to a segment that exists. The newest segment's last commit may have reached the page cache and never the disk
(the process died in its sync, or the sync failed), so its frame is written again as the first of the new segment: only then is it
told to anyone. Commits before it were synced one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import apsw
import orjson

from anlan.model.errors import Corrupt, StoreError
from anlan.store.disk import Disk
from anlan.store.framing import RawFrame, decode_heads
from anlan.store.segments import DAMAGE, PAGE_SIZE, SPARE, SPARE_PAGES, About, SegmentFile, SegmentView, list_segments
from anlan.store.sequences import Sequences
from anlan.store.shelf import Hole, Holes, unreadable
from anlan.store.walcheck import count_commits, more_than_one_commit

Reached = Callable[[str], int]
"""Incarnation → the furthest position of it that any reader has; 0 when none knows it."""

IDENTITY = "log.json"
_FORMAT = 1


@dataclass(slots=True)
class Recovered:
    """Where the log stands: `last` is its last position, `tail` that position's frame when it has to be written again."""

    incarnation: str
    last: int = 0
    sequences: Sequences = field(default_factory=Sequences)
    tail: RawFrame | None = None
    files: list[SegmentFile] = field(default_factory=list)
    carried: int = 0


def recover(disk: Disk, folder: Path, holes: Holes, new_incarnation: str, reached: Reached) -> Recovered:
    """Raises StoreError when the newest segment cannot be read at all or a later release wrote it."""
    files = list_segments(disk, folder)
    _sweep(disk, folder, files)
    files = _without_unborn(disk, files)
    if not files:
        return _born(disk, folder, new_incarnation)
    recovered = Recovered(_identity(folder) or new_incarnation, files=files)
    _read_newest(disk, recovered, holes)
    _lose(recovered, reached(recovered.incarnation) - recovered.last, holes)
    return recovered


def _born(disk: Disk, folder: Path, incarnation: str) -> Recovered:
    # Without segments the positions start anew, so whatever name the folder had before no longer holds.
    disk.write_whole(folder / IDENTITY, orjson.dumps({"format": _FORMAT, "incarnation": incarnation}))
    return Recovered(incarnation)


def _identity(folder: Path) -> str | None:
    try:
        found = orjson.loads((folder / IDENTITY).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None  # the segments say it too
    if found["format"] > _FORMAT:
        raise StoreError("The log in {folder} was written by a later release.", folder=str(folder))
    return str(found["incarnation"])


def _sweep(disk: Disk, folder: Path, files: Sequence[SegmentFile]) -> None:
    """Remove what a dead process left half made: a spare, a WAL whose segment is gone."""
    kept = {path.name for file in files for path in (file.path, file.wal, file.shm)}
    for name in disk.names(folder):
        if name.startswith(SPARE) or (name not in kept and name.endswith((".seg-wal", ".seg-shm"))):
            disk.unlink(folder / name)


def _without_unborn(disk: Disk, files: list[SegmentFile]) -> list[SegmentFile]:
    """Drop segments that were begun but never held a commit, newest first."""
    while files and _is_unborn(disk, files[-1]):
        files.pop().unlink(disk)
    return files


def _is_unborn(disk: Disk, file: SegmentFile) -> bool:
    # Frames are in the WAL until a segment is sealed, and the newest never is: what is no bigger than this holds none.
    if more_than_one_commit(file.wal, PAGE_SIZE) or disk.size(file.path) > SPARE_PAGES * PAGE_SIZE:
        return False
    try:
        with _Viewing(disk, file) as view:
            return view.about() is None
    except DAMAGE:
        return True


def _read_newest(disk: Disk, recovered: Recovered, holes: Holes) -> None:
    newest = recovered.files[-1]
    try:
        with _Viewing(disk, newest) as view:
            about = view.about()
            if about is None:
                raise apsw.CorruptError("its first commit is missing")
            _take_over(recovered, view, about)
    except DAMAGE:
        _pass_over(disk, recovered, holes)
    else:
        _look_for_lost_commits(recovered, holes)


def _take_over(recovered: Recovered, view: SegmentView, about: About) -> None:
    recovered.incarnation = about.incarnation
    recovered.last = _last_of(view, about)
    recovered.tail = next(iter(view.frames(recovered.last - 1, recovered.last)), None)
    recovered.sequences = _known(view, about)
    recovered.carried = about.carried


def _known(view: SegmentView, about: About) -> Sequences:
    upto, sequences = _newest_copy(view, about)
    for n, heads in view.heads(upto):
        try:
            for head in decode_heads(n, heads):
                sequences.note(head)
        except Corrupt:
            continue  # its rows count as unknown: the sender may still have them; who reads the frame reports the hole
    return sequences


def _last_of(view: SegmentView, about: About) -> int:
    last = view.last()
    if last is not None and last < about.first:
        raise apsw.CorruptError("its last frame lies before its first")
    return about.first - 1 if last is None else last


def _newest_copy(view: SegmentView, about: About) -> tuple[int, Sequences]:
    for upto, copy in chain(view.copies_of_known(), [(about.first - 1, about.known)]):
        try:
            return upto, Sequences.from_bytes(copy)
        except Corrupt:
            continue  # an older one and more heads to scan tell the same
    return about.first - 1, Sequences()


def _look_for_lost_commits(recovered: Recovered, holes: Holes) -> None:
    newest = recovered.files[-1]
    commits = count_commits(newest.wal, PAGE_SIZE)  # the first introduced the segment, each other was a frame
    lost = newest.first - 1 + recovered.carried + commits - 1 - recovered.last
    # One more than SQLite recovered is the commit that was never acknowledged; two or more are damage.
    if lost >= 2:
        _lose(recovered, lost, holes)


def _lose(recovered: Recovered, count: int, holes: Holes) -> None:
    """Go on behind `count` positions that once were and are no more: they must not be given out again."""
    if count > 0:
        holes.add(Hole(recovered.last + 1, recovered.last + count, None))
        recovered.last += count
        recovered.tail = None  # more was committed behind it, so it was synced


def _pass_over(disk: Disk, recovered: Recovered, holes: Holes) -> None:
    """The newest segment is unreadable: go on behind the furthest position that it can have held."""
    newest = recovered.files[-1]
    most = max(count_commits(newest.wal, PAGE_SIZE), newest.size(disk) // PAGE_SIZE)
    recovered.last = newest.first - 1 + most
    holes.add(Hole(newest.first, recovered.last, None))
    for file in reversed(recovered.files[:-1]):
        with _Viewing(disk, file) as view:
            about = view.about()
            if about is not None:
                recovered.incarnation, recovered.sequences = about.incarnation, _known(view, about)
                return


class _Viewing:
    """A view for the length of a `with`; SQLite's errors other than damage come out as StoreError."""

    def __init__(self, disk: Disk, file: SegmentFile) -> None:
        self._disk, self._file = disk, file

    def __enter__(self) -> SegmentView:
        try:
            self._view = SegmentView(self._disk, self._file.path)
        except DAMAGE:
            raise
        except apsw.Error as error:
            raise unreadable(self._file, error) from error
        return self._view

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._view.close()
        if isinstance(error, apsw.Error) and not isinstance(error, DAMAGE):
            raise unreadable(self._file, error) from error

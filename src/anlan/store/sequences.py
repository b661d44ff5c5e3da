"""What the log already has, by source: so that a sender may send again whatever it is unsure of, and nothing is kept twice.

Known rows are intervals of sequence numbers per (source, epoch). Normally there is one, [0, next); a part that failed while a later
one succeeded leaves a hole, and the hole stays unknown until it is filled: a plain "highest seq" would call lost rows known.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import google_crc32c

from anlan.model.errors import Corrupt
from anlan.model.frames import Kind, Part
from anlan.store.framing import PartHead

# An older epoch can only be resent by a sender that has not noticed its successor; forgetting too soon costs a duplicate, no loss.
_EPOCHS_KEPT = 4
_INTERVALS_KEPT = 64
_ROW = struct.Struct("<Iqqq")  # source, epoch, start, end

Interval = tuple[int, int]
"""Rows start ≤ seq < end."""


class Sequences:
    """The known rows of every source. `over` makes a scratch layer: what it notes, the layer below does not see."""

    def __init__(self, over: Sequences | None = None) -> None:
        self._known: dict[int, dict[int, list[Interval]]] = {}
        self._below = over

    def note(self, part: Part | PartHead) -> None:
        """The rows of this part are in the log now. Parts that are not readings carry no numbers."""
        if part.kind == Kind.READINGS and part.rows > 0:
            self._note(part.source, part.epoch, part.first_seq, part.first_seq + part.rows)

    def _note(self, source: int, epoch: int, start: int, end: int) -> None:
        epochs = self._known.get(source)
        if epochs is None:
            epochs = self._known[source] = self._copied(source)
        intervals = epochs.get(epoch)
        if intervals is None:
            intervals = epochs[epoch] = []
            if len(epochs) > _EPOCHS_KEPT:
                del epochs[min(epochs)]
        if len(intervals) == 1 and intervals[0][1] == start:  # the ordinary case: the next rows
            intervals[0] = (intervals[0][0], end)
        else:
            epochs[epoch] = _joined([*intervals, (start, end)])[-_INTERVALS_KEPT:]

    def _copied(self, source: int) -> dict[int, list[Interval]]:
        below = self._below._known.get(source, {}) if self._below is not None else {}
        return {epoch: list(intervals) for epoch, intervals in below.items()}

    def _intervals(self, source: int, epoch: int) -> list[Interval]:
        epochs = self._known.get(source)
        if epochs is None:
            return [] if self._below is None else self._below._intervals(source, epoch)
        return epochs.get(epoch, [])

    def fresh(self, part: Part) -> Part | None:
        """The part without its known beginning; None when all of it is known. `pieces` is exact where known rows lie inside."""
        pieces = self._unknown(part)
        if not pieces:
            return None
        return _cut(part, pieces[0][0], part.first_seq + part.rows)

    def pieces(self, part: Part) -> list[Part]:
        """What of this part is not in the log yet: mostly the part itself, or nothing."""
        return [_cut(part, start, end) for start, end in self._unknown(part)]

    def _unknown(self, part: Part) -> list[Interval]:
        start, end = part.first_seq, part.first_seq + part.rows
        if part.kind is not Kind.READINGS:
            return [(start, end)]
        gaps: list[Interval] = []
        for known_start, known_end in self._intervals(part.source, part.epoch):
            if known_end > start and known_start < end:
                if known_start > start:
                    gaps.append((start, known_start))
                start = known_end
        return [*gaps, (start, end)] if start < end else gaps

    def ends(self) -> dict[int, tuple[int, int]]:
        """source → (newest epoch, the seq up to which everything of it is known)."""
        return {source: (max(epochs), epochs[max(epochs)][0][1]) for source, epochs in self._known.items()}

    def to_bytes(self) -> bytes:
        """A checked copy: rows wrongly called known would be lost."""
        rows = b"".join(
            [
                _ROW.pack(source, epoch, start, end)
                for source, epochs in self._known.items()
                for epoch, intervals in epochs.items()
                for start, end in intervals
            ]
        )
        return _crc(rows) + rows

    @classmethod
    def from_bytes(cls, data: bytes) -> Sequences:
        """Raises Corrupt when the copy is damaged."""
        rows = data[4:]
        if _crc(rows) != data[:4] or len(rows) % _ROW.size:
            raise Corrupt("A copy of the known sequences of the log is damaged.")
        sequences = cls()
        for source, epoch, start, end in _ROW.iter_unpack(rows):
            sequences._note(source, epoch, start, end)
        return sequences


def _crc(rows: bytes) -> bytes:
    return int(google_crc32c.value(rows)).to_bytes(4, "little")


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _cut(part: Part, start: int, end: int) -> Part:
    if start == part.first_seq and end == part.first_seq + part.rows:
        return part
    rows = part.readings()[start - part.first_seq : end - part.first_seq]
    return Part.of_readings(part.source, part.epoch, start, part.received_at, rows)

"""The ledger: what was offered, what was acknowledged, and how a log's frames compare with it.

Readings are made so that each row tells who made it: row `seq` of (source, epoch) has time epoch+seq and a value that follows from
both. So a row that was damaged, moved or invented shows, whatever the log says about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import Readings
from faults._report import Report

Numbers = dict[tuple[int, int], set[int]]
"""(source, epoch) → seqs."""


def make_part(source: int, epoch: int, first_seq: int, rows: int) -> Part:
    seq = np.arange(first_seq, first_seq + rows, dtype=np.int64)
    readings = Readings(np.full(rows, source, np.uint32), epoch + seq, _value(source, epoch, seq), (seq % 7).astype(np.uint16))
    return Part.of_readings(source, epoch, first_seq, epoch + first_seq, readings)


def _value(source: int, epoch: int, seq: np.ndarray) -> np.ndarray:
    return (seq * 31 + source * 1_000_003 + epoch % 997).astype(np.float64)


def make_tick(number: int) -> Part:
    return Part(Kind.TICK, 0, 0, number, number, 0, b'{"now":%d,"sources":{}}' % number)


@dataclass
class Ledger:
    """Filled while a round is played, compared at its end."""

    offered: Numbers = field(default_factory=dict)
    acknowledged: Numbers = field(default_factory=dict)
    ticks_offered: set[int] = field(default_factory=set)
    ticks_acknowledged: set[int] = field(default_factory=set)

    def offer(self, part: Part) -> None:
        _add(self.offered, self.ticks_offered, part)

    def acknowledge(self, part: Part) -> None:
        _add(self.acknowledged, self.ticks_acknowledged, part)

    @property
    def acknowledged_count(self) -> int:
        return sum(map(len, self.acknowledged.values())) + len(self.ticks_acknowledged)

    def compare(self, frames: Iterable[Frame], report: Report, where: str) -> None:
        """Add to the report: lost (acknowledged, not there), duplicates, phantoms (never offered, or not as offered); positions must
        run without holes."""
        found = _Found()
        for frame in frames:
            found.take(frame, report, where)
        report.acknowledged += self.acknowledged_count
        self._count(found, report, where)

    def _count(self, found: _Found, report: Report, where: str) -> None:
        lost = _missing(self.acknowledged, found.rows) + len(self.ticks_acknowledged - found.ticks)
        phantom = _missing(found.rows, self.offered) + len(found.ticks - self.ticks_offered) + found.altered
        for kind, count in (("lost", lost), ("duplicates", found.duplicates), ("phantom", phantom)):
            if count:
                setattr(report, kind, getattr(report, kind) + count)
                report.violation(f"{where}: {kind} {count}")


@dataclass
class _Found:
    rows: Numbers = field(default_factory=dict)
    ticks: set[int] = field(default_factory=set)
    duplicates: int = 0
    altered: int = 0
    last: int = 0

    def take(self, frame: Frame, report: Report, where: str) -> None:
        if self.last and frame.n != self.last + 1:
            report.violation(f"{where}: frame {frame.n} follows {self.last}")
        self.last = frame.n
        for part in frame.parts:
            self._take_part(part)

    def _take_part(self, part: Part) -> None:
        if part.kind is Kind.TICK:
            self.duplicates += part.first_seq in self.ticks
            self.altered += part != make_tick(part.first_seq)
            self.ticks.add(part.first_seq)
            return
        seen = self.rows.setdefault((part.source, part.epoch), set())
        numbers = range(part.first_seq, part.first_seq + part.rows)
        self.duplicates += len(seen.intersection(numbers))
        self.altered += 0 if _as_made(part) else part.rows
        seen.update(numbers)


def _as_made(part: Part) -> bool:
    return part.body == make_part(part.source, part.epoch, part.first_seq, part.rows).body


def _add(rows: Numbers, ticks: set[int], part: Part) -> None:
    if part.kind is Kind.TICK:
        ticks.add(part.first_seq)
    else:
        rows.setdefault((part.source, part.epoch), set()).update(range(part.first_seq, part.first_seq + part.rows))


def _missing(wanted: Numbers, there: Numbers) -> int:
    return sum(len(numbers - there.get(key, set())) for key, numbers in wanted.items())

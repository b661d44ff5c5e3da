"""One recorded file as readings in order of time, and many of them merged: in bounded memory, however large they are.

Two forms, told apart by the header. *Long*: time, point, value, perhaps quality; one reading a line. *Wide*: time and one column for each
point, named by its id; an empty cell is no reading. A file whose lines are not in order of time is sorted first, in memory or by runs on
disk, and that is noted.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from anlan.model.clock import Micros
from anlan.model.errors import ConfigError
from anlan.model.readings import SCHEMA, Readings
from anlan.monitor.replay import in_order
from anlan.plant.replaying.cells import Mask, Times, is_given, numbers_of, qualities, trimmed
from anlan.plant.replaying.tables import Line, RaggedRows, batches, header

NAMES = {
    "time": ("time", "timestamp", "时间", "时间戳"),
    "point": ("point", "tag", "id", "位号", "测点"),
    "value": ("value", "值", "数值"),
    "quality": ("quality", "质量"),
}
"""What the columns of the long form may be called, capitals or not."""
SMALL = 24 << 20
"""Bytes of a file that is read once and kept; of a packed one a sixth of it."""
KEPT_ROWS = 8_000_000
"""Rows of such files together, 22 bytes each."""
RUN_ROWS = 4_000_000
"""Rows sorted in memory at a time, when a large file has to be."""
NOTHING = Readings.of([])


@dataclass(slots=True)
class Tally:
    """What was left out because the person asked to skip it, by reason; and what is worth telling."""

    skipped: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, None] = field(default_factory=dict)
    """Columns and points that the plant doesn't have, as they were met."""
    notes: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """(msgid, facts)."""
    kept: int = 0


class Stream(Protocol):
    """Readings in order of time, once more each time they are asked for. `first` is the time of the first of them."""

    @property
    def first(self) -> Micros: ...

    def readings(self) -> Iterator[Readings]: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """In memory."""

    rows: Readings

    @property
    def first(self) -> Micros:
        return int(self.rows.time[0])

    def readings(self) -> Iterator[Readings]:
        yield self.rows


@dataclass(frozen=True, slots=True)
class Run:
    """A sorted piece of a large file, on disk."""

    file: Path
    first: Micros

    def readings(self) -> Iterator[Readings]:
        with pa.memory_map(str(self.file)) as source, pa.ipc.open_stream(source) as stream:
            for batch in stream:
                yield Readings.from_arrow(batch)


@dataclass(frozen=True, slots=True)
class Sorted:
    """A large file whose lines are in order."""

    reader: Reader
    first: Micros

    def readings(self) -> Iterator[Readings]:
        return self.reader.readings()


@dataclass(frozen=True, slots=True)
class Merged:
    """Runs of one file."""

    runs: Sequence[Run]

    @property
    def first(self) -> Micros:
        return min(run.first for run in self.runs)

    def readings(self) -> Iterator[Readings]:
        return merged(self.runs)


def open_recording(file: Path, points: Mapping[str, int], tally: Tally, folder: Path, *, skip: bool) -> Stream | None:
    """The file in order of time; None when there is no reading in it. `folder`: where runs may be written. Raises ConfigError."""
    reader = Reader(file, points, tally, skip=skip)
    limit = SMALL // 6 if file.suffix.lower() in {".gz", ".parquet", ".pq"} else SMALL
    if reader.size() <= limit and tally.kept < KEPT_ROWS:
        return _kept(reader, tally)
    first, ordered = reader.look_through()
    if first is None:
        return None
    if ordered:
        return Sorted(reader, first)
    _note_sorted(file, tally)
    return Merged(_runs(reader, folder))


def _kept(reader: Reader, tally: Tally) -> Stream | None:
    rows = Readings.concat([NOTHING, *reader.readings()])
    if not len(rows):
        return None
    tally.kept += len(rows)
    if (np.diff(rows.time) < 0).any():
        _note_sorted(reader.file, tally)
    return Kept(in_order(rows))


def _note_sorted(file: Path, tally: Tally) -> None:
    tally.notes.append(("{file}: its lines are not in order of time; they were sorted", {"file": str(file)}))


def _runs(reader: Reader, folder: Path) -> list[Run]:
    runs: list[Run] = []
    waiting: list[Readings] = []

    def write() -> None:
        rows = in_order(Readings.concat(waiting))
        waiting.clear()
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".run", delete=False) as target:
            with pa.ipc.new_stream(target, SCHEMA) as stream:
                stream.write_table(pa.Table.from_batches([rows.to_arrow()]), max_chunksize=1 << 16)
            runs.append(Run(Path(target.name), int(rows.time[0])))

    for rows in reader.readings():
        waiting.append(rows)
        if sum(map(len, waiting)) >= RUN_ROWS:
            write()
    if waiting:
        write()
    return runs


# ------------------------------------------------------------------------------------------------------------------ merging


def merged(streams: Sequence[Stream]) -> Iterator[Readings]:
    """All streams as one in order of time; among equal times in the order of the streams. A stream is opened when its time has come, so
    that a year of daily files holds one or two of them open."""
    waiting = sorted(range(len(streams)), key=lambda i: (streams[i].first, i))
    open_: dict[int, Iterator[Readings]] = {}
    front: dict[int, Readings] = {}
    while waiting or front:
        horizon = min((int(rows.time[-1]) for rows in front.values()), default=streams[waiting[0]].first if waiting else 0)
        while waiting and streams[waiting[0]].first <= horizon:
            number = waiting.pop(0)
            open_[number] = streams[number].readings()
            _advance(number, open_, front)
            horizon = min(int(rows.time[-1]) for rows in front.values())
        ready = []
        for number in sorted(front):
            rows = front[number]
            end = int(np.searchsorted(rows.time, horizon, side="right"))
            ready.append(rows[:end])
            front[number] = rows[end:]
            if end == len(rows):
                _advance(number, open_, front)
        yield in_order(Readings.concat(ready))


def _advance(number: int, open_: dict[int, Iterator[Readings]], front: dict[int, Readings]) -> None:
    rows = next((rows for rows in open_[number] if len(rows)), None)
    if rows is None:
        front.pop(number, None)
        del open_[number]
    else:
        front[number] = rows


# --------------------------------------------------------------------------------------------------------------- one file


class Reader:
    """Reads a file in its own order. `skip`: what can't be read is counted instead of refused."""

    def __init__(self, file: Path, points: Mapping[str, int], tally: Tally, *, skip: bool) -> None:
        self.file, self._points, self._tally, self._skip = file, points, tally, skip
        names = header(file)
        self._each_once(names)
        self._columns = _long(names)
        self._times = Times()
        if self._columns is None:
            self._time = self._time_column(names)
            self._wide = self._known(names)

    def size(self) -> int:
        return self.file.stat().st_size

    def look_through(self) -> tuple[Micros | None, bool]:
        """The earliest time, and whether all are in order. Reads nothing but the times; what is wrong is told by `readings`."""
        name = self._columns["time"] if self._columns is not None else self._time
        first: Micros | None = None
        last: Micros | None = None
        ordered = True
        times = Times()
        for batch, _ in batches(self.file, RaggedRows(skip=True), [name]):
            column = batch.column(0)
            time, wrong = times.read(column)
            time = time[~wrong]
            if not len(time):
                continue
            ordered &= not (np.diff(time) < 0).any() and (last is None or int(time[0]) >= last)
            first = int(time.min()) if first is None else min(first, int(time.min()))
            last = int(time[-1])
        return first, ordered

    def readings(self) -> Iterator[Readings]:
        ragged = RaggedRows(self._skip)
        for batch, line in batches(self.file, ragged):
            yield self._long_rows(batch, line) if self._columns is not None else self._wide_rows(batch, line)
        if ragged.lines:
            self._tally.skipped["cells"] += len(ragged.lines)

    # ---- the two forms

    def _long_rows(self, batch: pa.RecordBatch, line: Line) -> Readings:
        assert self._columns is not None
        column = {what: batch.column(name) for what, name in self._columns.items()}
        names = trimmed(column["point"]).dictionary_encode()
        known = np.array([*(self._points.get(name, -1) for name in names.dictionary.to_pylist()), -1], np.int64)
        point = known[np.asarray(names.indices.to_numpy(zero_copy_only=False), np.int64)]
        time, no_time = self._times.read(column["time"])
        value, no_value = numbers_of(column["value"])
        good = np.zeros(len(time), np.uint16)
        quality, no_quality = qualities(column["quality"]) if "quality" in column else (good, np.zeros(len(time), np.bool_))
        blank = ~is_given(column["time"]) & ~is_given(column["point"]) & ~is_given(column["value"])
        keep = ~blank
        keep &= ~self._refused("time", no_time & keep, column["time"], line)
        keep &= ~self._refused("value", no_value & keep, column["value"], line)
        if "quality" in column:
            keep &= ~self._refused("quality", no_quality & keep, column["quality"], line)
        keep &= ~self._refused("point", (point < 0) & keep, column["point"], line)
        return Readings(point[keep].astype(np.uint32), time[keep], value[keep], quality[keep])

    def _wide_rows(self, batch: pa.RecordBatch, line: Line) -> Readings:
        stamps = batch.column(self._time)
        time, no_time = self._times.read(stamps)
        given = [is_given(batch.column(name)) for name in self._wide]
        filled = np.column_stack(given) if given else np.zeros((len(time), 0), np.bool_)
        blank = ~is_given(stamps) & ~filled.any(axis=1)
        usable = ~blank & ~self._refused("time", no_time & ~blank, stamps, line)
        values = np.empty(filled.shape)
        for place, name in enumerate(self._wide):
            values[:, place], wrong = numbers_of(batch.column(name))
            filled[:, place] &= usable & ~self._refused("value", wrong & usable, batch.column(name), line)
        rows, places = np.nonzero(filled)
        numbers = np.array(list(self._wide.values()), np.uint32)
        return Readings(numbers[places], time[rows], values[rows, places], np.zeros(len(rows), np.uint16))

    # ---- the header

    def _each_once(self, names: Sequence[str]) -> None:
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise ConfigError("the column {column} stands in the header twice", file=str(self.file), line=1, column=twice)

    def _time_column(self, names: Sequence[str]) -> str:
        found = next((name for name in names if name.strip().lower() in NAMES["time"]), None)
        if found is None:
            raise ConfigError(
                "no column is called time; its columns are {found}",
                file=str(self.file),
                line=1,
                mend="write time,point,value in the header, or time and one column for each point",
                found=", ".join(names[:8]),
            )
        return found

    def _known(self, names: Sequence[str]) -> dict[str, int]:
        """Column → number of its point."""
        found: dict[str, int] = {}
        for name in names:
            if name == self._time:
                continue
            if (number := self._points.get(name.strip())) is not None:
                found[name] = number
            elif self._skip:
                self._tally.unknown[name] = None
                self._tally.skipped["column"] += 1
            else:
                raise ConfigError(
                    "the column {column} is no point of this plant",
                    file=str(self.file),
                    line=1,
                    mend="use the plant's own ids, or say --skip-unknown",
                    column=name,
                )
        return found

    # ---- what is wrong

    def _refused(self, what: str, wrong: Mask, column: pa.Array, line: Line) -> Mask:
        """Counts what is wrong and answers with it; or raises at its first row."""
        if not wrong.any():
            return wrong
        row = int(np.flatnonzero(wrong)[0])
        if not self._skip:
            raise _mistake(what, str(self.file), line(row), column[row].as_py())
        self._tally.skipped[what] += int(np.count_nonzero(wrong))
        if what == "point":
            for name in trimmed(column).filter(pa.array(wrong)).unique().to_pylist():
                self._tally.unknown[name] = None
        return wrong


def _long(names: Sequence[str]) -> dict[str, str] | None:
    """What → column, when the file has the long form."""
    found = {what: next((n for n in names if n.strip().lower() in known), None) for what, known in NAMES.items()}
    if not (found["time"] and found["point"] and found["value"]):
        return None
    return {what: name for what, name in found.items() if name is not None}


def _mistake(what: str, file: str, line: int, found: object) -> ConfigError:
    shown = "" if found is None else str(found)[:60]
    match what:
        case "time":
            return ConfigError(
                "time was “{found}”; a time with its zone, or s, ms or µs since 1970 as in the first line, was expected",
                file=file, line=line, mend="for example 2026-01-01T08:00:00+08:00", found=shown,
            )  # fmt: skip
        case "value":
            return ConfigError("value was “{found}”; a number was expected", file=file, line=line, found=shown)
        case "quality":
            return ConfigError(
                "quality was “{found}”; good, uncertain, bad or a quality word of Anlan was expected", file=file, line=line, found=shown
            )  # fmt: skip
        case _:
            return ConfigError(
                "there is no point {found} in this plant",
                file=file, line=line, mend="use the plant's own ids, or say --skip-unknown", found=shown,
            )  # fmt: skip


def within(rows: Readings, start: Micros | None, end: Micros | None) -> Readings:
    """start ≤ time < end, of rows in order."""
    first = 0 if start is None else int(np.searchsorted(rows.time, start, side="left"))
    last = len(rows) if end is None else int(np.searchsorted(rows.time, end, side="left"))
    return rows[first : max(first, last)]

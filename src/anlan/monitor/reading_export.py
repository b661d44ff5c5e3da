"""Readings as a file that people keep: CSV for a spreadsheet, Parquet for a program. Pure.

A CSV is written in the reader's language and the site's zone; a Parquet file has fixed columns and UTC, which no zone moves. Both tell of each
reading what the source sent and what it was worth here; nothing is thinned out, and what would not fit is refused, never cut.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from anlan.model.clock import MINUTE
from anlan.model.languages import Language, translate
from anlan.model.points import Point
from anlan.model.quality import FLAG_MASK, REASON_MASK, SEVERITY_SHIFT, Flag, Reason, Severity
from anlan.model.tables import without_formula
from anlan.monitor.overdue_spans import Spans, as_counted
from anlan.monitor.units_then import Stretch
from anlan.web.client_words import REASONS

SEVERITIES = {Severity.GOOD: "good", Severity.UNCERTAIN: "uncertain", Severity.BAD: "bad"}
FLAGS = {
    Flag.LATE: "late",
    Flag.BACKFILL: "backfilled",
    Flag.MANUAL: "entered by hand",
    Flag.DEMO: "demo",
    Flag.EXERCISE: "exercise",
    Flag.CLOCK_BAD: "clock wrong",
}
Words = npt.NDArray[np.unsignedinteger]


def as_csv(table: pa.Table, units: Sequence[Stretch], overdue: Mapping[int, Spans], zone: str, language: Language) -> bytes:
    """`table` (point, time, value, quality) by point and time → UTF-8 with a byte order mark, which Excel needs to see that it is UTF-8."""
    say = partial(translate, language=language)
    number, time, quality, worth = _columns(table, overdue)
    of_time = partial(_of_time, number, time, units)
    columns = {
        say("Point"): of_time(lambda point: without_formula(point.id)),
        say("Name"): of_time(lambda point: without_formula(point.name.text(language))),
        say("Time"): local_times(time, zone),
        say("Value"): table["value"],
        say("State"): _states(number, time, table, units, language),
        say("Unit"): of_time(lambda point: without_formula(point.unit)),
        say("Quality sent"): _told(quality, lambda word: quality_words(word, language)),
        say("Counted as"): _told(worth, lambda word: say(SEVERITIES[Severity(word >> SEVERITY_SHIFT)])),
    }
    sink = io.BytesIO()
    sink.write(b"\xef\xbb\xbf")
    pc.write_csv(pa.table(columns), sink, pc.WriteOptions(quoting_style="needed"))
    return sink.getvalue()


def as_parquet(table: pa.Table, units: Sequence[Stretch], overdue: Mapping[int, Spans]) -> bytes:
    """Columns point, time [µs, UTC], value, unit, quality and worth (`anlan.model.quality`), severity of `worth` in English."""
    number, time, quality, worth = _columns(table, overdue)
    columns = {
        "point": _of_time(number, time, units, lambda point: point.id),
        "time": pa.array(time, pa.timestamp("us", tz="UTC")),
        "value": table["value"],
        "unit": _of_time(number, time, units, lambda point: point.unit),
        "quality": pa.array(quality, pa.uint16()),
        "worth": pa.array(worth, pa.uint16()),
        "severity": _told(worth, lambda word: SEVERITIES[Severity(word >> SEVERITY_SHIFT)]),
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def quality_words(word: int, language: Language) -> str:
    """Severity, reason and flags of a quality word: "uncertain: calibrating (demo)"."""
    say = partial(translate, language=language)
    reason = Reason(word & REASON_MASK)
    flags = [say(words) for flag, words in FLAGS.items() if word & FLAG_MASK & flag]
    told = say(SEVERITIES[Severity(word >> SEVERITY_SHIFT)]) + (f": {say(REASONS[reason])}" if reason in REASONS else "")
    return f"{told} ({', '.join(flags)})" if flags else told


def local_times(time: npt.NDArray[np.int64], zone: str) -> pa.Array:
    """ISO 8601 with the site's offset of that moment. A zone changes its offset on a minute, so it is asked once a minute that occurs."""
    minutes, at = np.unique(time // MINUTE, return_inverse=True)
    site = ZoneInfo(zone)
    moments = [datetime.fromtimestamp(minute * 60, site) for minute in minutes.tolist()]
    offsets = np.array([int(moment.utcoffset().total_seconds()) for moment in moments], np.int64)  # type: ignore[union-attr]
    suffix = np.array([moment.isoformat()[19:] for moment in moments] or [""])
    local = np.datetime_as_string((time + offsets[at] * 1_000_000).astype("datetime64[us]"))
    return pa.array(np.char.add(local, suffix[at]) if len(time) else [], pa.string())


def _columns(table: pa.Table, overdue: Mapping[int, Spans]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Words, Words]:
    """Numbers of points, times, quality words as sent and as counted."""
    number = table["point"].to_numpy().astype(np.int64)
    time, quality = table["time"].to_numpy().astype(np.int64), table["quality"].to_numpy()
    worth = quality.copy()
    for point in overdue:
        low, high = np.searchsorted(number, [point, point + 1])
        worth[low:high] = as_counted(quality[low:high], time[low:high], 0, point, overdue)
    return number, time, quality, worth


def _of_time(
    number: npt.NDArray[np.int64], time: npt.NDArray[np.int64], units: Sequence[Stretch], tell: Callable[[Point], str]
) -> pa.Array:
    """A word for each reading, by what its point was at its time."""
    which = np.zeros(len(number), np.int32)
    for at, (part, chosen) in enumerate(_parts(number, time, units)):
        which[part][chosen] = at
    return pa.DictionaryArray.from_arrays(pa.array(which), pa.array([tell(one.point) for one in units], pa.string())).cast(
        pa.string()
    )


def _states(
    number: npt.NDArray[np.int64], time: npt.NDArray[np.int64], table: pa.Table, units: Sequence[Stretch], language: Language
) -> pa.Array:
    """What a discrete point's value was called; "" of a measured one, and of a value that has no name."""
    value, found = table["value"].to_numpy(), np.full(len(number), "", object)
    for one, (part, chosen) in zip(units, _parts(number, time, units), strict=True):
        for state, words in one.point.states.items():
            found[part][chosen & (value[part] == state)] = without_formula(words.text(language))
    return pa.array(found, pa.string())


def _parts(
    number: npt.NDArray[np.int64], time: npt.NDArray[np.int64], units: Sequence[Stretch]
) -> Iterator[tuple[slice, npt.NDArray[np.bool_]]]:
    """Of each stretch the rows of its point, and which of them lie in it."""
    for one in units:
        part = slice(*np.searchsorted(number, [one.number, one.number + 1]).tolist())
        yield part, (time[part] >= one.since) & (time[part] < one.until)


def _told(words: Words, tell: Callable[[int], str]) -> pa.Array:
    """Each word once in words: a million readings have a handful of different ones."""
    different, at = np.unique(words, return_inverse=True)
    told = [tell(word) for word in different.tolist()]
    return pa.DictionaryArray.from_arrays(pa.array(at), pa.array(told, pa.string())).cast(pa.string())

"""History: one contract for every way of reading it, each check against a plain list of readings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.model.clock import DAY, HOUR, SECOND, ManualClock, Micros
from anlan.model.errors import Corrupt, NotFound, StoreError
from anlan.model.frames import Frame, Part
from anlan.model.quality import BAD_STALE, Severity, quality
from anlan.model.readings import SCHEMA, Readings
from anlan.store import history as history_module
from anlan.store import history_files, history_query, history_scan, history_tail
from anlan.store.history import History, HistorySettings, table_of
from anlan.store.history_files import DataFile
from anlan.store.history_query import TREND, Hole, Query, width_for
from anlan.store.history_reader import HistoryReader
from anlan.store.history_scan import Wanted
from anlan.store.history_tail import WholeHistory, read_with_tail
from anlan.store.log import Log, LogSettings
from anlan.store.shelf import Gap

Row = tuple[int, Micros, float, int]
START = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z"""
ALL_TIME = (-(2**63), 2**63)


def rows_of(table: pa.Table) -> list[Row]:
    return list(zip(*(table[name].to_pylist() for name in SCHEMA.names), strict=True))


def comparable(rows: Sequence[Row]) -> list[tuple[int, Micros, int, int]]:
    """By the bits of the values, so that NaN equals itself and −0.0 is not 0.0."""
    return [(p, t, int(np.float64(v).view(np.int64)), q) for p, t, v, q in rows]


# ── ways of reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

View = Any
Way = Callable[[Path, Sequence[Readings]], AbstractContextManager[View]]


@contextmanager
def opened(folder: Path, settings: HistorySettings | None = None) -> Iterator[History]:
    history = History.open(folder / "history", settings)
    yield history
    history.close()


def store(folder: Path, batches: Sequence[Readings]) -> None:
    with opened(folder) as history:
        for n, batch in enumerate(batches, start=1):
            history.append(batch, n)


@contextmanager
def the_writer(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    with opened(folder) as history:
        for n, batch in enumerate(batches, start=1):
            history.append(batch, n)
        yield history


@contextmanager
def reopened(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    store(folder, batches)
    with opened(folder) as history:
        yield history


@contextmanager
def merged(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    with the_writer(folder, batches) as history:
        for day in history.days():
            history.optimize_day(day)
        history.sweep()
        yield history


@contextmanager
def merged_into_ranges(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    store(folder, batches)
    with opened(folder, HistorySettings(merged_rows=3)) as history:
        for day in history.days():
            history.optimize_day(day)
        yield history


@contextmanager
def merged_piece_by_piece(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    store(folder, batches)
    with opened(folder, HistorySettings(merged_rows=7, held_rows=2)) as history:
        for day in history.days():
            history.optimize_day(day)
        yield history


@contextmanager
def a_reader_that_was_open_before(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    store(folder, batches[:1])
    reader = HistoryReader.open(folder / "history")
    reader.read(None, *ALL_TIME)
    store(folder, batches)
    yield reader


@contextmanager
def half_in_the_log(folder: Path, batches: Sequence[Readings]) -> Iterator[View]:
    log = Log.open(folder / "log", ManualClock(), LogSettings(durable=False, reserve_bytes=1 << 16, background=False))
    for batch in batches:
        log.append([Part.of_readings(1, 1, 0, START, batch)])
    half = len(batches) // 2
    with opened(folder) as history:
        history.follow(log.incarnation)
        history.append(Readings.concat(batches[:half]), half)
        whole = WholeHistory(history, log)
        whole.read([1], 0, 1)  # decodes the tail before the history moves on
        history.append(batches[half], half + 1)
        yield whole
    log.close()


WAYS = [the_writer, reopened, merged, merged_into_ranges, merged_piece_by_piece, a_reader_that_was_open_before, half_in_the_log]

READINGS = st.tuples(
    st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1)),
    st.one_of(
        st.integers(START - 2 * DAY, START + 2 * DAY),
        st.sampled_from([START, START - 1, START + DAY]),
        st.integers(-(2**63), 2**63 - 1),
    ),
    st.one_of(st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf]), st.floats()),
    st.sampled_from([0, BAD_STALE, quality(Severity.UNCERTAIN), 2**16 - 1]),
)
BATCHES = st.lists(st.lists(READINGS, max_size=8), min_size=1, max_size=5)


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """A new folder at each step, for hypothesis, which calls a test many times."""
    return (tmp_path / f"{n}" for n in range(10**9))


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a handful of readings goes through every loop that millions go through."""
    monkeypatch.setattr(history_files, "ROW_GROUP", 3)
    monkeypatch.setattr(history_scan, "GROUPS_A_READ", 1)
    monkeypatch.setattr(history_query, "BATCH", 1)
    monkeypatch.setattr(history_tail, "FRAMES_A_READ", 2)


# ── the contract ────────────────────────────────────────────────────────────────────────────────────────────────────────────

many_times = settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@many_times
@given(batches=BATCHES, data=st.data())
def test_read_returns_what_was_stored(way: Way, folders: Iterator[Path], batches: list[list[Row]], data: st.DataObject) -> None:
    stored = [row for batch in batches for row in batch]
    instants = sorted({START, *(t for _, t, _, _ in stored), *(t + 1 for _, t, _, _ in stored)})
    start, end = data.draw(st.sampled_from(instants)), data.draw(st.sampled_from(instants))
    points = data.draw(st.lists(st.sampled_from([0, 1, 2, *(p for p, *_ in stored)]), max_size=4))
    with way(next(folders), [Readings.of(batch) for batch in batches]) as view:
        found = view.read(points, start, end)
        everything = view.read(None, *ALL_TIME)
    assert comparable(rows_of(found)) == sorted({r for r in comparable(stored) if r[0] in points and start <= r[1] < end})
    assert comparable(rows_of(everything)) == sorted(set(comparable(stored)))
    assert found.schema.equals(SCHEMA)


@many_times
@given(batches=BATCHES, limit=st.integers(0, 10))
def test_limit_gives_the_first(way: Way, folders: Iterator[Path], batches: list[list[Row]], limit: int) -> None:
    twice = [Readings.of(batch * 4) for batch in batches]
    with way(next(folders), twice) as view:
        found = rows_of(view.read(None, *ALL_TIME, limit=limit))
    expected = sorted(set(comparable([row for batch in batches for row in batch])))
    assert [row[:2] for row in found] == [row[:2] for row in expected[:limit]]


@many_times
@given(batches=BATCHES, data=st.data())
def test_latest_is_the_newest_before(way: Way, folders: Iterator[Path], batches: list[list[Row]], data: st.DataObject) -> None:
    stored = [row for batch in batches for row in batch]
    before = data.draw(st.sampled_from([START, *(t for _, t, _, _ in stored), 2**63]))
    points = sorted({p for p, *_ in stored} | {3})
    with way(next(folders), [Readings.of(batch) for batch in batches]) as view:
        found = rows_of(view.latest(points, before))
    eligible = {p: [row for row in stored if row[0] == p and row[1] < before] for p in points}
    newest = {p: max(t for _, t, _, _ in rows) for p, rows in eligible.items() if rows}
    assert [(p, t) for p, t, _, _ in found] == sorted(newest.items())
    assert set(comparable(found)) <= set(comparable(stored))


@many_times
@given(
    batches=st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.integers(START - HOUR, START + HOUR),
                st.one_of(st.just(math.nan), st.floats(-1e6, 1e6)),
                st.sampled_from([0, BAD_STALE, quality(Severity.UNCERTAIN)]),
            ),
            max_size=12,
        ),
        min_size=1,
        max_size=3,
    ),
    buckets=st.integers(1, 50),
)
def test_trend_loses_no_spike(way: Way, folders: Iterator[Path], batches: list[list[Row]], buckets: int) -> None:
    start, end = START - HOUR // 2, START + HOUR // 3
    with way(next(folders), [Readings.of(batch + batch[:1]) for batch in batches]) as view:
        table = view.trend([0, 1], start, end, buckets)
    once = {bits: row for batch in batches for row, bits in zip(batch, comparable(batch), strict=True)}
    inside = [row for row in once.values() if row[0] in {0, 1} and start <= row[1] < end]
    expected = pa.Table.from_pylist(fold_plainly(inside, width_for(end - start, buckets)), TREND)
    assert table.drop(["avg"]).to_pylist() == expected.drop(["avg"]).to_pylist()
    assert table["avg"].to_pylist() == pytest.approx(expected["avg"].to_pylist())


def fold_plainly(rows: list[Row], width: Micros) -> list[dict[str, Any]]:
    """The same by dictionaries and sorted lists."""
    spans: dict[tuple[int, Micros], list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r[0], r[1], *comparable([r])[0][2:])):
        spans.setdefault((row[0], row[1] - row[1] % width), []).append(row)
    return [_span(point, time, width, spans[point, time]) for point, time in sorted(spans)]


def _span(point: int, time: Micros, width: Micros, rows: list[Row]) -> dict[str, Any]:
    good = [v for _, _, v, q in rows if q >> 14 < Severity.BAD and math.isfinite(v)]
    empty = dict.fromkeys(("min", "max", "first", "last", "avg"))
    facts = (
        {"min": min(good), "max": max(good), "first": good[0], "last": good[-1], "avg": math.fsum(good) / len(good)}
        if good
        else empty
    )
    return {
        "point": point, "time": time, "width": width, "count": len(rows), "usable": len(good), **facts, "quality": max(q for *_, q in rows),
    }  # fmt: skip


# ── appending ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

ONE = Readings.of([(1, START, 1.0, 0)])
OTHER = Readings.of([(2, START + SECOND, 2.0, 0)])


def test_append_is_done_once_per_position(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(ONE, 5)
        history.append(OTHER, 5)
        history.append(OTHER, 4)
        assert (history.cursor, history.rows()) == (5, 1)


def test_an_empty_append_only_moves_the_position(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(Readings.of([]), 9)
        assert (history.cursor, history.rows(), history.days()) == (9, 0, [])


def test_a_new_incarnation_of_the_log_starts_at_zero(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.follow("first")
        history.append(ONE, 100)
        assert history.follow("second") == 0
        history.append(OTHER, 1)
        assert (history.follow("first"), history.follow("second"), history.rows()) == (100, 1, 2)


def test_a_late_reading_goes_to_its_own_day(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(Readings.of([(1, START + HOUR, 1.0, 0), (1, START - 3 * DAY, 2.0, 0)]), 1)
        assert history.days() == [date(2025, 12, 29), date(2026, 1, 1)]
        assert [f.rows for f in history.files()] == [1, 1]


def test_a_time_of_no_calendar_is_kept_at_the_edge(tmp_path: Path) -> None:
    rows: list[Row] = [(1, -(2**63), 1.0, 0), (1, 0, 2.0, 0), (1, 2**63 - 1, 3.0, 0)]
    with opened(tmp_path) as history:
        history.append(Readings.of(rows), 1)
        assert history.days() == [date(1990, 1, 1), date(2099, 12, 31)]
        assert rows_of(history.read([1], *ALL_TIME)) == rows


def test_latest_looks_into_files_that_overlap(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(Readings.of([(1, START + 15, 2.0, 0)]), 1)
        history.append(Readings.of([(1, START + 10, 1.0, 0), (2, START + 20, 3.0, 0)]), 2)
        assert rows_of(history.latest([1, 2], START + 100)) == [(1, START + 15, 2.0, 0), (2, START + 20, 3.0, 0)]


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(ONE, 1)
        assert history.read([1], *ALL_TIME, columns=["value"]).to_pydict() == {"value": [1.0]}


def test_there_is_one_writer(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreError, match="Another process writes"):
        History.open(tmp_path / "history")


def test_a_reader_before_the_first_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no history"):
        HistoryReader.open(tmp_path / "history")


def test_the_table_is_plain_delta_lake_for_others(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(ONE, 1)
        history.append(OTHER, 2)
        history.optimize_day(date(2026, 1, 1))
    table = pa.table(
        QueryBuilder().register("history", DeltaTable(tmp_path / "history")).execute("SELECT * FROM history ORDER BY point")
    )
    assert table["point"].to_pylist() == [1, 2]
    assert table["day"].to_pylist() == [date(2026, 1, 1)] * 2


def test_merging_keeps_one_file_a_range_and_drops_repeats(tmp_path: Path) -> None:
    with opened(tmp_path, HistorySettings(merged_rows=4)) as history:
        for n in range(1, 5):
            history.append(Readings.of([(p, START + n % 2, float(p), 0) for p in range(4)]), n)
        assert history.optimize_day(date(2026, 1, 1)) == 4
        assert [(f.min_point, f.max_point) for f in sorted(history.files(), key=lambda f: f.min_point)] == [
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 3),
        ]
        assert (history.rows(), history.cursor) == (8, 4)
        assert history.sweep() == 4
        assert len(list(tmp_path.rglob("*.parquet"))) == 4


def test_appends_go_on_while_a_day_is_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as history:
        history.append(ONE, 1)
        history.append(OTHER, 2)
        merge = history_module.merged

        def append_meanwhile(*arguments: Any) -> Iterator[Any]:
            history.append(Readings.of([(3, START, 3.0, 0)]), 3)
            yield from merge(*arguments)

        monkeypatch.setattr(history_module, "merged", append_meanwhile)
        history.optimize_day(date(2026, 1, 1))
        assert [r[0] for r in rows_of(history.read(None, *ALL_TIME))] == [1, 2, 3]
        assert (history.cursor, len(history.files())) == (3, 2)


def test_a_merge_under_a_reading_process_is_not_noticed(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        history.append(ONE, 1)
        history.append(OTHER, 2)
        reader = HistoryReader.open(tmp_path / "history")
        old = reader.files()
        history.optimize_day(date(2026, 1, 1))
        history.sweep()
        stale = iter([old])
        found = reader.query.read(lambda: next(stale, reader.files()), Wanted.of(None, *ALL_TIME))
        assert found.point.tolist() == [1, 2]


def test_read_with_tail_survives_trimming_between_its_two_looks(tmp_path: Path) -> None:
    """The reader learns the position, then the writer commits and the log lets go, then the reader asks for the tail."""
    with half_in_the_log(tmp_path, [ONE, OTHER]) as whole:
        trimmed = TrimmedOnce(whole._log)
        assert read_with_tail(PositionLate(whole._history), trimmed, None, *ALL_TIME)["point"].to_pylist() == [1, 2]
        assert trimmed.gaps == 1


class TrimmedOnce:
    """A log that has let go of frame 1."""

    def __init__(self, log: Log) -> None:
        self.log, self.incarnation, self.gaps = log, log.incarnation, 0

    def read(self, after: int, limit: int = 256) -> list[Frame]:
        if after < 1:
            self.gaps += 1
            raise Gap(2, after)
        return self.log.read(after, limit)

    def wait(self, after: int, timeout: float) -> bool:
        return self.log.wait(after, timeout)


class PositionLate:
    """A history that at the first look still stood at 0."""

    def __init__(self, history: History) -> None:
        self.files, self.query, self._history, self._looks = history.files, history.query, history, 0

    def position(self, incarnation: str) -> int:
        self._looks += 1
        return 0 if self._looks == 1 else self._history.position(incarnation)


# ── damage ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def damage_kinds() -> dict[str, Callable[[Path], object]]:
    def flip(path: Path, at: int) -> None:
        content = bytearray(path.read_bytes())
        content[at] ^= 0x10
        path.write_bytes(content)

    def blank(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:20] + bytes(100) + path.read_bytes()[120:])

    return {
        "missing": lambda path: path.unlink(),
        "empty": lambda path: path.write_bytes(b""),
        "cut short": lambda path: path.write_bytes(path.read_bytes()[:200]),
        "a blank page": blank,
        "a bit of the footer": lambda path: flip(path, path.stat().st_size - 60),
        "a bit of the footer's length": lambda path: flip(path, path.stat().st_size - 7),
    }


@pytest.mark.parametrize("kind", damage_kinds())
def test_a_damaged_file_is_named_and_the_rest_is_read(tmp_path: Path, kind: str) -> None:
    store(tmp_path, [ONE, OTHER])
    with opened(tmp_path) as history:
        broken = next(f for f in history.files() if f.min_point == 1)
        damage_kinds()[kind](tmp_path / "history" / broken.path)
        for ask in (history.read, lambda *where, **holes: history.trend(*where, 5, **holes)):
            with pytest.raises(Corrupt, match=broken.path):
                ask([1, 2], *YEAR)
            holes: list[Hole] = []
            assert ask([1, 2], *YEAR, holes=holes)["point"].to_pylist() == [2]
            assert [(h.file, h.rows, h.start) for h in holes] == [(broken.path, 1, START)]
        assert history.read([2], START + SECOND, START + DAY).num_rows == 1
        with pytest.raises(Corrupt, match=broken.path):
            history.latest([1], START + DAY)
        with pytest.raises(Corrupt, match=broken.path):
            history.optimize_day(date(2026, 1, 1))
        assert len(history.files()) == 2


YEAR = (START, START + 365 * DAY)


@pytest.mark.slow
def test_no_flipped_bit_is_read_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bit of every byte of a small file; DuckDB on the same files returns other readings for most."""
    monkeypatch.setattr(history_files, "ROW_GROUP", 200)
    rng = np.random.default_rng(1)
    rows = 300
    batch = Readings(
        np.repeat(np.arange(30, dtype=np.uint32), 10),
        START + np.tile(np.arange(10) * SECOND, 30),
        rng.normal(size=rows).round(2),
        rng.integers(0, 2, rows).astype(np.uint16),
    )
    store(tmp_path, [batch])
    with opened(tmp_path) as history:
        path = tmp_path / "history" / history.files()[0].path
        whole, expected = path.read_bytes(), rows_of(history.read(None, *YEAR))
        answers = [_answer(history.root, history.files()[0], path, whole, at) for at in range(len(whole))]
    assert all(answer is None or comparable(answer) == comparable(expected) for answer in answers)
    assert sum(answer is None for answer in answers) > len(whole) * 0.9


def _answer(root: Path, file: DataFile, path: Path, whole: bytes, at: int) -> list[Row] | None:
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
    try:
        return rows_of(table_of(Query(root).read(lambda: [file], Wanted.of(range(30), START, START + 10 * SECOND))))
    except Corrupt:
        return None

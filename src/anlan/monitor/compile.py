"""The alarms of a whole plant as columns, as they stand in the log (CONFIG), and as the arrays the kernel runs on.

A rule edit compiles no code: rules are rows, the kernel is one. A million points and four million rules are built from columns
(`EngineConfig.from_columns`) without a Python object per row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anlan.model import columns as columns_of
from anlan.model.errors import Corrupt, InputError
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_SOURCE
from anlan.model.points import Point
from anlan.model.principles import principles
from anlan.monitor import programs as programs_of
from anlan.monitor.companions import due_of
from anlan.monitor.config import LIMIT_KINDS, AlarmRule
from anlan.monitor.detectors.kinds import calibratable
from anlan.monitor.layout import NEVER, POINT, RULE, SOURCE, PointFlag, RuleFlag, Structs, View, aligned
from anlan.monitor.program import Program
from anlan.monitor.programs import CODE_ROWS, PROGRAMS, ProgramArrays, tables_of
from anlan.monitor.shelving import may_shelve

SOURCES = pa.schema([("number", pa.uint16()), ("id", pa.string())])
POINTS = pa.schema(
    [
        ("number", pa.uint32()),
        ("id", pa.string()),
        ("source", pa.uint16()),
        ("on_change", pa.bool_()),
        ("deadline", pa.uint32()),  # ms, 0: none
        ("safety", pa.bool_()),
        ("latches", pa.bool_()),  # over range once is over range until it is reset
        ("calibratable", pa.bool_()),  # a detector: people may put it in calibration mode
        ("due", pa.uint32()),  # the node's own point that tells whether its calibration is overdue, 0: none
    ]
)
RULES = pa.schema(
    [
        ("number", pa.uint32()),
        ("id", pa.string()),
        ("kind", pa.uint8()),
        ("target", pa.uint32()),  # number of the point, or of the source for LOSS_OF_VIEW
        ("limit", pa.float64()),
        ("dead_band", pa.float64()),
        ("on_delay", pa.uint32()),  # ms
        ("off_delay", pa.uint32()),  # ms
        ("latching", pa.bool_()),
        ("priority", pa.uint8()),
        ("enabled", pa.bool_()),
        ("states", pa.list_(pa.int32())),
        ("shelvable", pa.bool_()),
        ("suppress_by", pa.uint32()),  # calculated point whose truth suppresses the alarm, 0: none
    ]
)

HIGHEST_NUMBER = 16_000_000
"""State is an array indexed by number, 64 bytes each: a number far beyond the count would cost memory for nothing."""
ESCALATION = (60_000, 120_000)
"""ms: shift leader, then manager on duty (DOMAIN.md 2)."""
LATE_WINDOW = 600_000
"""ms: how far behind its point's newest a reading may be and still correct the record."""


@dataclass(frozen=True, eq=False)
class EngineConfig:
    """One configuration version: tables of the schemas SOURCES, POINTS, RULES, and of `programs` PROGRAMS and CODE_ROWS."""

    version: int
    source_table: pa.Table
    point_table: pa.Table
    rule_table: pa.Table
    program_table: pa.Table
    code_table: pa.Table
    escalation: tuple[int, ...] = ESCALATION
    """ms after which an unacknowledged alarm of priority 1 goes to the next level, ascending."""
    late_window: int = LATE_WINDOW
    """ms by which a reading may lie before its point's newest and still correct the record; older ones only go to history."""

    @property
    def points(self) -> int:
        return int(self.point_table.num_rows)

    @property
    def alarms(self) -> int:
        return int(self.rule_table.num_rows)

    def source_numbers(self) -> list[int]:
        return [int(n) for n in self.source_table["number"].to_pylist()]

    @classmethod
    def empty(cls) -> EngineConfig:
        """Version 0: a node before its first configuration."""
        return cls.from_columns(0, {"number": []}, {"number": [], "source": []}, {"number": [], "kind": [], "target": []})

    @classmethod
    def from_columns(
        cls,
        version: int,
        sources: Mapping[str, Any],
        points: Mapping[str, Any],
        rules: Mapping[str, Any],
        escalation: Sequence[int] = ESCALATION,
        programs: Sequence[tuple[int, Program]] = (),
        late_window: int = LATE_WINDOW,
    ) -> EngineConfig:
        """From columns named as in the schemas (numpy arrays or lists), what is left out takes a default; and the programs of the
        calculated points by their numbers. Raises InputError."""
        config = cls(
            version,
            _table(SOURCES, sources, _DEFAULTS[SOURCES]),
            _table(POINTS, points, _DEFAULTS[POINTS]),
            _table(RULES, rules, _DEFAULTS[RULES]),
            *tables_of(programs),
            tuple(escalation),
            late_window,
        )
        _check(config)
        return config

    def to_bytes(self) -> bytes:
        """Five Arrow IPC streams (zstd), one after the other; what is one number or a few stands in the first one's metadata."""
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        first = self.source_table.replace_schema_metadata(
            {
                "version": str(self.version),
                "escalation": " ".join(map(str, self.escalation)),
                "late_window": str(self.late_window),
            }
        )
        for table in (first, self.point_table, self.rule_table, self.program_table, self.code_table):
            with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
                stream.write_table(table)
        body: bytes = sink.getvalue().to_pybytes()
        return body

    @classmethod
    def from_bytes(cls, body: bytes | memoryview, *, ids: bool = True) -> EngineConfig:
        """Raises Corrupt when `body` is no configuration, InputError when it is one that the kernel could not run.

        Without `ids` those columns stay empty: the engine goes by numbers, and the names of a large plant's alarms take 100 MB.
        """
        try:
            source = pa.BufferReader(pa.py_buffer(body))
            tables = [_read(source, schema, ids) for schema in (SOURCES, POINTS, RULES, PROGRAMS, CODE_ROWS)]
            version = int(tables[0].schema.metadata[b"version"])
            escalation = _escalation(tables[0].schema.metadata)
            late_window = int(tables[0].schema.metadata.get(b"late_window", LATE_WINDOW))
        except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(
                "engine configuration of {bytes} bytes is unreadable: {error}", bytes=len(body), error=str(error)
            ) from error
        config = cls(version, tables[0], tables[1], tables[2], tables[3], tables[4], escalation, late_window)
        _check(config)
        return config


def _escalation(metadata: Mapping[bytes, bytes]) -> tuple[int, ...]:
    written = metadata.get(b"escalation")
    return ESCALATION if written is None else tuple(map(int, written.split()))


def _read(source: pa.BufferReader, schema: pa.Schema, ids: bool) -> pa.Table:
    """One table. A log may hold what an earlier release wrote: columns that came since take their defaults, and so does a table."""
    begins = source.tell()
    if begins == source.size() and schema in (PROGRAMS, CODE_ROWS):
        return schema.empty_table()
    found = pa.ipc.open_stream(source).schema
    if found.names != schema.names[: len(found.names)] or found != pa.schema(list(schema)[: len(found.names)]):
        raise Corrupt(
            "engine configuration has columns {found}; {expected} were expected", found=found.names, expected=schema.names
        )
    source.seek(begins)
    wanted = [i for i, name in enumerate(found.names) if ids or name != "id"]
    table = pa.ipc.open_stream(source, options=pa.ipc.IpcReadOptions(included_fields=wanted)).read_all()
    for field in list(schema)[len(found.names) :]:
        table = table.append_column(field, columns_of.same(_DEFAULTS[schema][field.name], field.type, table.num_rows))
    return table


_DEFAULTS: dict[pa.Schema, dict[str, Any]] = {
    SOURCES: {"id": ""},
    POINTS: {"id": "", "on_change": False, "deadline": 3_000, "safety": False, "latches": False, "calibratable": True, "due": 0},
    RULES: {
        "id": "",
        "limit": math.nan,
        "dead_band": 0.0,
        "on_delay": 0,
        "off_delay": 0,
        "latching": False,
        "priority": 3,
        "enabled": True,
        "states": [],
        "shelvable": True,
        "suppress_by": 0,
    },
}


def compile_config(
    version: int,
    sources: Sequence[tuple[int, str]],
    points: Sequence[tuple[int, Point, int]],
    rules: Sequence[tuple[int, AlarmRule, int]],
    escalation: Sequence[int] = ESCALATION,
    programs: Sequence[tuple[int, Program]] = (),
    suppressed_by: Mapping[int, int] | None = None,
    late_window: int = LATE_WINDOW,
) -> EngineConfig:
    """From the plant's own objects: (number, source id), (number, point, its source's number), (number, rule, number of its
    point or, for LOSS_OF_VIEW, of its source), (number of a calculated point, its program), and by an alarm's number the number of
    the calculated point that suppresses it."""
    by = suppressed_by or {}
    point_of = {p.id: p for _, p, _ in points}
    dates = {p.id: n for n, p, s in points if s == NODE_SOURCE}
    return EngineConfig.from_columns(
        version,
        {"number": [n for n, _ in sources], "id": [i for _, i in sources]},
        {
            "number": [n for n, _, _ in points],
            "id": [p.id for _, p, _ in points],
            "source": [s for _, _, s in points],
            "on_change": [p.reporting.mode == "on_change" for _, p, _ in points],
            "deadline": [_deadline(p) for _, p, _ in points],
            "safety": [p.safety for _, p, _ in points],
            "latches": [bool(p.principle) and principles()[p.principle].latches for _, p, _ in points],
            "calibratable": [calibratable(p) for _, p, _ in points],
            "due": [0 if p.calibration is None else dates.get(due_of(p.id), 0) for _, p, _ in points],
        },
        {
            **_fields([r for _, r, _ in rules]),
            "number": [n for n, _, _ in rules],
            "target": [t for _, _, t in rules],
            "shelvable": [may_shelve(r, point_of.get(r.point)) is None for _, r, _ in rules],
            "suppress_by": [by.get(n, 0) for n, _, _ in rules],
        },
        escalation,
        programs,
        late_window,
    )


_TAKEN = ("id", "kind", "limit", "dead_band", "on_delay", "off_delay", "latching", "priority", "enabled", "states")


def _fields(rules: Sequence[AlarmRule]) -> dict[str, Any]:
    """Columns of what the rules say themselves. Each is gone through once: an edit waits for this, and a plant has tens of thousands."""
    found = (
        dict(zip(_TAKEN, zip(*map(attrgetter(*_TAKEN), rules), strict=True), strict=True)) if rules else dict.fromkeys(_TAKEN, ())
    )
    delays = {name: _all_milliseconds(found[name]) for name in ("on_delay", "off_delay")}
    return {
        **found,
        **delays,
        "kind": [*map(int, found["kind"])],
        "limit": [math.nan if limit is None else limit for limit in found["limit"]],
    }


def _all_milliseconds(seconds: Sequence[float]) -> npt.NDArray[np.int64]:
    return np.ceil(np.asarray(seconds, np.float64) * 1000 - 1e-6).astype(np.int64)


def _deadline(point: Point) -> int:
    """On change, silence is no news unless the plant says how long is too long."""
    if point.reporting.mode == "on_change" and point.reporting.stale_after is None:
        return 0
    return max(1, _milliseconds(point.reporting.deadline))


def _milliseconds(seconds: float) -> int:
    """Rounded up: a delay never ends before the time that was written."""
    return math.ceil(seconds * 1000 - 1e-6)


def _table(schema: pa.Schema, columns: Mapping[str, Any], defaults: Mapping[str, Any]) -> pa.Table:
    if unknown := sorted(set(columns) - set(schema.names)):
        raise InputError("engine configuration: unknown column {column}", column=unknown[0])
    rows = len(columns["number"])
    arrays = [
        columns_of.of(columns[f.name], f.type) if f.name in columns else columns_of.same(defaults[f.name], f.type, rows)
        for f in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _check(config: EngineConfig) -> None:
    """What the kernel relies on. Raises InputError naming the first offender."""
    sources = _present(config.source_table, "source", 65_535)
    points = _present(config.point_table, "point", HIGHEST_NUMBER)
    _present(config.rule_table, "alarm", HIGHEST_NUMBER * 4)
    table = config.rule_table
    number, kind, target = column(table, "number"), column(table, "kind"), column(table, "target")
    of_source = kind == AlarmKind.LOSS_OF_VIEW
    of_points = column(config.point_table, "source")
    _refuse(
        column(config.point_table, "number"),
        (of_points != NODE_SOURCE) & ~_among(of_points, sources),
        "point {number} names a source that does not exist",
    )
    due = column(config.point_table, "due")
    _refuse(
        column(config.point_table, "number"),
        (due != 0) & ~_among(due, points),
        "point {number} has its calibration's date from a point that does not exist",
    )
    _refuse(number, (kind < 1) | (kind > AlarmKind.LOSS_OF_VIEW), "alarm {number} has an unknown kind")
    _refuse(number, ~of_source & ~_among(target, points), "alarm {number} names a point that does not exist")
    _refuse(number, of_source & ~_among(target, sources), "alarm {number} names a source that does not exist")
    by = column(table, "suppress_by")
    _refuse(number, (by != 0) & ~_among(by, points), "alarm {number} is suppressed by a point that does not exist")
    _refuse(number, (kind <= _LAST_LIMIT) & ~np.isfinite(column(table, "limit")), "alarm {number} has no finite limit")
    _refuse(number, ~(column(table, "dead_band") >= 0), "alarm {number} has a negative dead-band")
    discrete = np.flatnonzero(kind == AlarmKind.STATE)
    _refuse(number[discrete], _state_counts(table)[discrete] == 0, "alarm {number} names no state")


_LAST_LIMIT = max(LIMIT_KINDS)
"""Limit kinds are the first four."""


def _present(table: pa.Table, what: str, highest: int) -> npt.NDArray[np.bool_]:
    """For each number up to the highest used whether it is; all must be different."""
    numbers = column(table, "number")
    top = int(numbers.max(initial=0))
    if top > highest:
        raise InputError("{what} number {number} is above {highest}", what=what, number=top, highest=highest)
    present = np.zeros(top + 1, np.bool_)
    present[numbers] = True
    if int(np.count_nonzero(present)) != len(numbers):
        found, counts = np.unique(numbers, return_counts=True)
        raise InputError("{what} number {number} is used twice", what=what, number=int(found[counts > 1][0]))
    return present


def _among(numbers: npt.NDArray[Any], present: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of `numbers` are present. `np.isin` would sort four million of them."""
    within = numbers < len(present)
    return within & present[np.where(within, numbers, 0)]


def _refuse(number: Any, wrong: npt.NDArray[np.bool_], message: str) -> None:
    if wrong.any():
        raise InputError(message, number=int(np.asarray(number)[wrong][0]))


def column(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column of `table` as a numpy array."""
    return columns_of.to_numpy(table[name])


def _state_counts(table: pa.Table) -> npt.NDArray[np.int32]:
    import pyarrow.compute as pc

    return columns_of.to_numpy(pc.list_value_length(table["states"]))


@dataclass(frozen=True, eq=False)
class Arrays:
    """A configuration as the kernel wants it. `points` and `sources` are indexed by number; rules stand in the order of their
    targets, points first, then sources. `where` maps an alarm's number to its row in `rules`, −1 for none."""

    points: Structs
    sources: Structs
    rules: Structs
    target: npt.NDArray[np.uint32]
    pool: npt.NDArray[np.int32]
    where: npt.NDArray[np.int32]
    calculated: ProgramArrays
    governs_first: npt.NDArray[np.int32]
    governs: npt.NDArray[np.int32]
    """Per point: rows of the rules that its truth suppresses."""
    dated: npt.NDArray[np.int64]
    """Rows (point, the node's own point that tells whether its calibration is overdue)."""
    escalation: tuple[int, ...] = ESCALATION
    late_window: int = LATE_WINDOW


def arrays_of(config: EngineConfig) -> Arrays:
    """Raises InputError when a point has too many alarms."""
    table = _in_order(config.rule_table)
    rules = _rules(table)
    pool = _give_states(rules, table)
    target = column(table, "target").astype(np.uint32)
    points, sources = _points(config.point_table), _sources(config.source_table)
    split = int(np.searchsorted(rules["kind"] == AlarmKind.LOSS_OF_VIEW, True))
    _join(points, target[:split], 0)
    _join(sources, target[split:], split)
    where = np.full(int(rules["number"].max(initial=0)) + 1, -1, np.int32)
    where[rules["number"]] = np.arange(len(rules), dtype=np.int32)
    calculated = programs_of.arrays_of(config.program_table, config.code_table, points)
    governs_first, governs = _governed(points, column(table, "suppress_by").astype(np.int64))
    return Arrays(
        points,
        sources,
        rules,
        target,
        pool,
        where,
        calculated,
        governs_first,
        governs,
        _dated(config.point_table),
        config.escalation,
        config.late_window,
    )


def _dated(table: pa.Table) -> npt.NDArray[np.int64]:
    due = column(table, "due").astype(np.int64)
    rows = np.flatnonzero(due)
    return np.stack([column(table, "number")[rows].astype(np.int64), due[rows]], axis=1)


def _governed(points: Structs, by: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    rows = np.flatnonzero(by)
    number = by[rows]
    points["flags"][number] |= np.uint16(PointFlag.GOVERNS)
    _refuse(number, points["flags"][number] & PointFlag.CALCULATED == 0, "point {number} suppresses alarms and is not calculated")
    order = np.argsort(number, kind="stable")
    first = np.searchsorted(number[order], np.arange(len(points) + 1)).astype(np.int32)
    return first, rows[order].astype(np.int32)


def _in_order(table: pa.Table) -> pa.Table:
    """By target and kind, rules of sources last. A table already in order, as a large one usually is, is neither sorted nor copied."""
    kind, target = column(table, "kind"), column(table, "target")
    of_source = kind == AlarmKind.LOSS_OF_VIEW
    within = (target[1:] > target[:-1]) | ((target[1:] == target[:-1]) & (kind[1:] >= kind[:-1]))
    if np.where(of_source[1:] == of_source[:-1], within, of_source[1:]).all():
        return table
    return table.take(np.lexsort((kind, target, of_source)))


def _rules(table: pa.Table) -> Structs:
    rules: Structs = aligned(table.num_rows, RULE)
    for name in ("number", "kind", "priority", "on_delay", "off_delay", "limit"):
        rules[name] = column(table, name)
    kind, clear = rules["kind"], rules["clear"]
    clear[:] = column(table, "dead_band")
    np.negative(clear, out=clear, where=(kind == AlarmKind.HIGH) | (kind == AlarmKind.HIGH_HIGH))
    clear += rules["limit"]
    rules["flags"] = column(table, "latching") * np.uint8(RuleFlag.LATCHING)
    rules["flags"] |= column(table, "enabled") * np.uint8(RuleFlag.ENABLED)
    rules["flags"] |= column(table, "shelvable") * np.uint8(RuleFlag.SHELVABLE)
    return rules


def _give_states(rules: Structs, table: pa.Table) -> npt.NDArray[np.int32]:
    """All states of all STATE rules end to end; each such rule is told its share of it as `limit` … `clear`."""
    discrete = np.flatnonzero(rules["kind"] == AlarmKind.STATE)
    last = np.cumsum(_state_counts(table)[discrete])
    rules["limit"][discrete[1:]], rules["limit"][discrete[:1]], rules["clear"][discrete] = last[:-1], 0, last
    states = columns_of.whole(table["states"]).take(columns_of.of(discrete, pa.int64())).flatten()
    return columns_of.to_numpy(states).astype(np.int32) if len(states) else np.zeros(1, np.int32)


def _points(table: pa.Table) -> Structs:
    number = column(table, "number")
    points = aligned(int(number.max(initial=0)) + 1, POINT)
    # A number that no point has must never pass the quiet band.
    points["quiet_low"], points["quiet_high"] = np.inf, -np.inf
    points["time"], points["value"] = NEVER, np.nan
    points["source"][number] = column(table, "source")
    points["deadline"][number] = column(table, "deadline")
    points["flags"][number] = PointFlag.PRESENT + column(table, "on_change") * np.uint16(PointFlag.ON_CHANGE)
    points["flags"][number] |= column(table, "latches") * np.uint16(PointFlag.LATCHES)
    points["flags"][number] |= ~column(table, "calibratable") * np.uint16(PointFlag.NO_CALIBRATION)
    result: Structs = points
    return result


def _sources(table: pa.Table) -> Structs:
    number = column(table, "number")
    sources: Structs = aligned(int(number.max(initial=0)) + 1, SOURCE)
    sources["present"][number] = 1
    sources["state"][NODE_SOURCE] = View.UP  # the node itself: what it calculates is in view wherever it runs
    return sources


def _join(owners: Structs, target: npt.NDArray[np.uint32], start: int) -> None:
    """Tell each point (or source) where its rules stand: `target` is sorted, its first rule is row `start`."""
    if not len(target):
        return
    counts = np.bincount(target, minlength=len(owners))
    if int(counts.max()) > 65_535:
        raise InputError(
            "number {number} has {count} alarms; at most 65535 were expected",
            number=int(counts.argmax()),
            count=int(counts.max()),
        )
    owners["rule_count"] = counts
    owners["rule_first"] = np.where(counts > 0, start + np.cumsum(counts) - counts, 0)

"""The past of a few points once more, with all readings in order: what each of their alarms then did. Pure.

A point whose readings came late drags along what is calculated from it, and what that needs besides. They run in an engine of their own,
cut from the configuration, from a little before the earliest late reading: as long before as delays and windows remember. How the conditions
stood there is known, since nothing before a late reading can be changed by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anlan.model import columns
from anlan.model.clock import HOUR, SECOND, Micros
from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.frames import NODE_SOURCE
from anlan.model.readings import Readings
from anlan.monitor.calibration_dates import mark
from anlan.monitor.compile import EngineConfig, arrays_of, column
from anlan.monitor.engine import Engine
from anlan.monitor.late.compared import Edge, Exactness, Was
from anlan.monitor.late.pending import Links
from anlan.monitor.layout import Phase, ProgramFlag, Structs
from anlan.monitor.program import TIMED, Op
from anlan.monitor.replay import Remembered, Replay, in_order
from anlan.monitor.sub_plant import cut

Ints = npt.NDArray[np.int64]

TICK: Micros = 2_500_000
"""What moves with time alone is looked at once a tick, and a node's ticks are not a replay's."""
GRACE: Micros = 10 * SECOND
MEMORY_MOST: Micros = 24 * HOUR
_OF_NODE_TIME = (AlarmKind.STALE, AlarmKind.LOSS_OF_VIEW)
"""Silence was silence when it was (DOMAIN.md 1): data that comes later explains it, and takes nothing back."""


@dataclass(frozen=True, slots=True, eq=False)
class Few:
    """The part of a configuration that late readings of some points concern."""

    config: EngineConfig
    alarms: Mapping[int, Exactness]
    """Alarms that they may change, each with what counts as one instant (readings are not in yet)."""
    inputs: Mapping[int, Ints]
    """Of those alarms that follow what a tick decides: the points that theirs is calculated from."""
    of_point: Mapping[int, frozenset[int]]
    """The same, by the point whose readings came late."""
    memory: Mapping[int, Micros]
    """By that point: for how long a reading is remembered by delays and windows."""

    @property
    def points(self) -> list[int]:
        """Those that sources send."""
        calculated = column(self.config.program_table, "target")
        number = column(self.config.point_table, "number")
        return [int(n) for n in number[~np.isin(number, calculated)]]

    @property
    def all_points(self) -> set[int]:
        return set(column(self.config.point_table, "number").tolist())

    def source_of(self) -> dict[int, int]:
        return {int(n): int(s) for n, s in zip(*(column(self.config.point_table, c) for c in ("number", "source")), strict=True)}


def concerned(config: EngineConfig, late: Ints, out: Ints) -> Few:
    """What late readings of these points concern, of a whole plant's configuration. Of the points `out` nobody takes readings for evidence:
    their alarms stay as they are, and so do those of what is calculated from them."""
    everything = replace(config, rule_table=_unsuppressed(config))
    affected = _with_readers(everything, late)
    few = cut(everything, affected)
    by_tick, unknown = _moved_by_ticks(few), _with_readers(few, out)
    alarms: dict[int, Exactness] = {}
    inputs: dict[int, Ints] = {}
    of_point: dict[int, frozenset[int]] = {}
    memory: dict[int, Micros] = {}
    for point in late.tolist():
        readers = _with_readers(few, np.array([point]))
        own = _watching(few, np.setdiff1d(readers, unknown))
        alarms |= {alarm: Exactness(TICK if target in by_tick else 0, on, off) for alarm, target, on, off in own}
        inputs |= {
            alarm: column(cut(few, [at]).point_table, "number") for alarm, at, *_ in own if at in by_tick and alarm not in inputs
        }
        of_point[point] = frozenset(alarm for alarm, *_ in own)
        memory[point] = _memory(cut(few, readers))
    return Few(few, alarms, inputs, of_point, memory)


def _watching(few: EngineConfig, points: Ints) -> list[tuple[int, int, Micros, Micros]]:
    """(alarm, its point, on-delay, off-delay): those that follow values and their quality."""
    rules = few.rule_table
    target = column(rules, "target")
    chosen = np.isin(target, points) & ~np.isin(column(rules, "kind"), _OF_NODE_TIME) & column(rules, "enabled")
    on, off = (column(rules, name)[chosen].astype(np.int64) * 1000 for name in ("on_delay", "off_delay"))
    return list(zip(column(rules, "number")[chosen].tolist(), target[chosen].tolist(), on.tolist(), off.tolist(), strict=True))


def _unsuppressed(config: EngineConfig):  # type: ignore[no-untyped-def]
    """Conditions are followed while an alarm is suppressed; when it was, the journal says."""
    table = config.rule_table
    place = table.schema.get_field_index("suppress_by")
    return table.set_column(place, table.schema.field(place), columns.same(0, table.schema.field(place).type, len(table)))


def _with_readers(config: EngineConfig, points: Ints) -> Ints:
    """And the points that are calculated from them, however far."""
    owner = np.repeat(column(config.program_table, "target"), column(config.program_table, "count")).astype(np.int64)
    reads, inputs = column(config.code_table, "op") == Op.POINT, column(config.code_table, "a").astype(np.int64)
    found = np.unique(points)
    while True:
        wider = np.union1d(found, owner[reads & np.isin(inputs, found)])
        if len(wider) == len(found):
            return found
        found = wider


def _moved_by_ticks(few: EngineConfig) -> set[int]:
    """Calculated points whose value moves between readings, because time passes or an input goes stale; and those calculated from them."""
    arrays = arrays_of(few)
    programs = arrays.calculated.programs
    moved = (programs["flags"] & ProgramFlag.BY_ITSELF != 0) | (arrays.points["deadline"][programs["target"]] > 0)
    return {int(point) for point in _with_readers(few, programs["target"][moved].astype(np.int64))}


def _memory(few: EngineConfig) -> Micros:
    rules = few.rule_table
    delays = (column(rules, "on_delay").astype(np.int64) + column(rules, "off_delay")).max(initial=0) * 1000
    on_change = column(few.point_table, "on_change")
    gap = column(few.point_table, "deadline")[~on_change].astype(np.int64).max(initial=0) * 1000
    op, x = column(few.code_table, "op"), column(few.code_table, "x")
    windows = x[np.isin(op, [int(o) for o in TIMED])].max(initial=0.0)
    lasting = 0.0
    if (op == Op.DURATION).any():
        # How long something has lasted is remembered as long as somebody asks for it.
        limits = column(rules, "limit")
        asked = np.concatenate([limits[np.isfinite(limits)], x[op == Op.CONST]])
        lasting = asked.max(initial=0.0) * SECOND
    return int(min(delays + gap + 2 * windows + lasting, MEMORY_MOST))


# ------------------------------------------------------------------------------------------------------------------ again


@dataclass(frozen=True, slots=True)
class Told:
    """What a comparison begins with: `before` holds the newest reading of each point before `start`, `rows` those from there on."""

    before: Readings
    rows: Readings
    links: Links
    start: Micros
    since: Micros
    """The earliest late reading; or when the rules changed, if that was later."""
    until: Micros
    overdue: Ints
    """Points whose calibration is overdue."""


def again(few: Few, told: Told, on_at_start: Mapping[int, bool], on_since: Mapping[int, bool]) -> dict[int, list[Was]]:
    """Episodes of each alarm from `since` to `until`; the two mappings say how the journal has the conditions at `start` and `since`, for
    those alarms that were not put aside then."""
    replay, rows = Replay(few.config), in_order(told.rows)
    mark(replay.engine, told.overdue)
    replay.feed(in_order(told.before))
    links = _links(few, told)
    replay.until(told.start - 1)
    _anchor(replay.engine, on_at_start)
    first = int(np.searchsorted(rows.time, told.since, side="left"))
    replay.through(Remembered(rows[:first], [link for link in links if link[0] < told.since]))
    replay.until(told.since - 1)
    _anchor(replay.engine, on_since)
    on = {alarm for alarm in few.alarms if _is_on(replay.engine, alarm)}
    found = replay.through(Remembered(rows[first:], [link for link in links if link[0] >= told.since]))
    return _episodes(few, np.concatenate([found, replay.until(told.until)]), on)


def _links(few: Few, told: Told) -> Links:
    """As they concern these points. A source that hands in what it measured while it was out of view was there: it counts as lost only
    after the last of that."""
    source_of = few.source_of()
    sources = set(source_of.values()) - {NODE_SOURCE}
    of_row = np.array([source_of[int(point)] for point in np.unique(told.rows.point)], np.int64)
    source_of_row = of_row[np.unique(told.rows.point, return_inverse=True)[1]] if len(told.rows) else of_row
    found: Links = []
    for source in sorted(sources):
        found += _of_source([link for link in told.links if link[1] == source], told.rows.time[source_of_row == source], told)
    return sorted(found)


def _of_source(links: Links, times: Ints, told: Told) -> Links:
    """One source: spans out of view, each begun after the last reading within it."""
    found: Links = []
    for i, (at, source, state) in enumerate(links):
        if state == "up":
            found.append((max(at, told.start), source, state))
            continue
        end = links[i + 1][0] if i + 1 < len(links) else told.until
        within = times[(times > at) & (times < end)]
        found.append((max(int(within.max()) + 1 if len(within) else at, told.start), source, state))
    return [link for i, link in enumerate(found) if i + 1 == len(found) or found[i + 1][0] > link[0]]


def _anchor(engine: Engine, on: Mapping[int, bool]) -> None:
    """Bring conditions to where the journal has them; those that are there already keep their running delays."""
    status = engine.world.status
    for alarm, stands in on.items():
        row = engine.row_of(alarm)
        if row is None or _is_on(engine, alarm) == stands:
            continue
        status["phase"][row] = Phase.STANDING if stands else Phase.QUIET
        status["state"][row] = AlarmState.UNACKNOWLEDGED if stands else AlarmState.NORMAL
    points = engine.world.points
    points["quiet_low"], points["quiet_high"] = np.inf, -np.inf


def _is_on(engine: Engine, alarm: int) -> bool:
    row = engine.row_of(alarm)
    return row is not None and engine.world.status["phase"][row] >= Phase.STANDING


def _episodes(few: Few, rows: Structs, on: set[int]) -> dict[int, list[Was]]:
    found: dict[int, list[Was]] = {alarm: [Was(None)] if alarm in on else [] for alarm in few.alarms}
    for alarm, trigger, at, value, quality, limit in _edges(rows):
        if alarm not in found:
            continue
        if trigger == Trigger.CONDITION_ON:
            found[alarm].append(Was(Edge(at, value, quality, limit)))
        elif trigger == Trigger.CONDITION_OFF and found[alarm]:
            found[alarm][-1].end = Edge(at, value, quality, limit)
    return found


def _edges(rows: Structs) -> Iterator[tuple[int, int, Micros, float, int, float]]:
    yield from rows[["alarm", "trigger", "happened_at", "value", "quality", "limit"]].tolist()

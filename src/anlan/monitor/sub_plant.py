"""A configuration cut down to a few points: their past is then replayed in milliseconds, however large the plant is.

Numbers stay, so that readings, transitions and the journal speak of the same things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anlan.model import columns
from anlan.model.clock import Micros
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.compile import EngineConfig, column
from anlan.monitor.program import TIMED, Op

Ints = npt.NDArray[np.int64]


def cut(config: EngineConfig, points: Iterable[int]) -> EngineConfig:
    """Only these points with all that they are calculated from, the sources they come from, the rules of both, and what suppresses those.
    Numbers that no point has are left out."""
    wanted = np.unique(np.fromiter(points, np.int64))
    while (wider := _with_what_decides(config, wanted)).size > wanted.size:
        wanted = wider
    keep = np.isin(column(config.point_table, "number"), wanted)
    point_table = config.point_table.filter(_mask(keep))
    sources = np.unique(column(point_table, "source"))
    program = np.isin(column(config.program_table, "target"), wanted)
    return replace(
        config,
        source_table=config.source_table.filter(_mask(np.isin(column(config.source_table, "number"), sources))),
        point_table=point_table,
        rule_table=config.rule_table.filter(_mask(_rules_of(config, column(point_table, "number"), sources))),
        program_table=config.program_table.filter(_mask(program)),
        code_table=config.code_table.filter(_mask(np.repeat(program, column(config.program_table, "count")))),
    )


def _with_what_decides(config: EngineConfig, wanted: Ints) -> Ints:
    """`wanted`, what those of them that are calculated are calculated from, the points that suppress their alarms, and those that tell
    whether their calibration is overdue."""
    suppressors = column(config.rule_table, "suppress_by")[_rules_of(config, wanted, np.zeros(0, np.int64))]
    dates = column(config.point_table, "due")[np.isin(column(config.point_table, "number"), wanted)]
    beside = (numbers[numbers > 0].astype(np.int64) for numbers in (suppressors, dates))
    return np.unique(np.concatenate([wanted, inputs_of(config, wanted), *beside]))


def inputs_of(config: EngineConfig, points: Iterable[int]) -> Ints:
    """All points that these are calculated from, however far."""
    owner = np.repeat(column(config.program_table, "target"), column(config.program_table, "count"))
    reads, read = column(config.code_table, "op") == Op.POINT, column(config.code_table, "a").astype(np.int64)
    found = np.zeros(0, np.int64)
    asked = np.unique(np.fromiter(points, np.int64))
    while (wider := np.union1d(found, read[reads & np.isin(owner, np.union1d(asked, found))])).size > found.size:
        found = wider
    return found


def _rules_of(config: EngineConfig, points: Any, sources: Any) -> Any:
    """Which rules watch one of these."""
    of_source = column(config.rule_table, "kind") == AlarmKind.LOSS_OF_VIEW
    target = column(config.rule_table, "target")
    return np.where(of_source, np.isin(target, sources), np.isin(target, points))


def changed(config: EngineConfig, changes: Mapping[int, Mapping[str, Any]]) -> EngineConfig:
    """With other values in some rules: alarm number → {column of `compile.RULES`: value}. Raises InputError for an alarm that isn't there."""
    table = config.rule_table
    row_of = {int(number): row for row, number in enumerate(column(table, "number"))}
    for alarm in changes:
        if alarm not in row_of:
            raise InputError("alarm {alarm} does not exist", alarm=alarm)
    for name in dict.fromkeys(name for fields in changes.values() for name in fields):
        place = table.schema.get_field_index(name)
        values = table[name].to_pylist()
        for alarm, fields in changes.items():
            if name in fields:
                values[row_of[alarm]] = fields[name]
        field = table.schema.field(place)
        table = table.set_column(place, field, columns.of(values, field.type))
    # Built anew, so that what the kernel relies on is checked again.
    return _checked(replace(config, rule_table=table))


def held(config: EngineConfig) -> EngineConfig:
    """As if every point reported on change: for recordings that hold only changes, where silence means unchanged."""
    table = config.point_table
    for name, value in (("on_change", True), ("deadline", 0)):
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(place), columns.same(value, table.schema.field(place).type, len(table))
        )
    return replace(config, point_table=table)


def longest_window(config: EngineConfig) -> Micros:
    """The longest time that a calculated point of it looks back; 0 for none."""
    op, x = column(config.code_table, "op"), column(config.code_table, "x")
    timed = np.isin(op, [int(one) for one in TIMED])
    return int(x[timed].max(initial=0.0))


def measured(config: EngineConfig) -> list[int]:
    """Numbers of its points that readings come for."""
    numbers = column(config.point_table, "number")
    return [int(number) for number in numbers[~np.isin(numbers, column(config.program_table, "target"))]]


def deciding(config: EngineConfig) -> list[int]:
    """Those of them without which nothing is decided: whether a calibration is overdue says only what a reading is worth."""
    return sorted({*measured(config)} - {*column(config.point_table, "due").tolist()})


def _mask(keep: Any) -> pa.Array:
    return columns.of(keep, pa.bool_())


def _checked(config: EngineConfig) -> EngineConfig:
    """Through bytes and back: `from_bytes` refuses what the kernel could not run."""
    return EngineConfig.from_bytes(config.to_bytes())

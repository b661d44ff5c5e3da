"""A configuration cut down to a few points: their past is then replayed in milliseconds, however large the plant is.

Numbers stay, so that readings, transitions and the journal speak of the same things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from anlan.model import columns
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.compile import EngineConfig, column


def cut(config: EngineConfig, points: Iterable[int]) -> EngineConfig:
    """Only these points, the sources they come from, and the rules of both. Numbers that no point has are left out."""
    wanted = np.unique(np.fromiter(points, np.int64))
    keep = np.isin(column(config.point_table, "number"), wanted)
    point_table = config.point_table.filter(_mask(keep))
    sources = np.unique(column(point_table, "source"))
    of_source = column(config.rule_table, "kind") == AlarmKind.LOSS_OF_VIEW
    target = column(config.rule_table, "target")
    rules = np.where(of_source, np.isin(target, sources), np.isin(target, column(point_table, "number")))
    return replace(
        config,
        source_table=config.source_table.filter(_mask(np.isin(column(config.source_table, "number"), sources))),
        point_table=point_table,
        rule_table=config.rule_table.filter(_mask(rules)),
    )


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


def numbers_of(config: EngineConfig) -> Sequence[int]:
    """Numbers of its points."""
    return [int(number) for number in column(config.point_table, "number")]


def _mask(keep: Any) -> pa.Array:
    return columns.of(keep, pa.bool_())


def _checked(config: EngineConfig) -> EngineConfig:
    """Through bytes and back: `from_bytes` refuses what the kernel could not run."""
    return EngineConfig.from_bytes(config.to_bytes())

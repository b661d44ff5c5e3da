"""The live cause-and-effect matrix: which causes act, what they demand, and whether the final elements are where they should be. Pure.

Unknown is a state of its own: a valve whose feedback is bad is neither in its safe position nor out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from anlan.model.quality import Severity, quality
from anlan.monitor.safety.config import Cause, Effect, SafetySystem

_BAD = quality(Severity.BAD)

Look = Callable[[str], tuple[float, int]]
"""Point id → value and effective quality; NaN and a bad word for one that nobody has."""


class State(StrEnum):
    CLEAR = "clear"
    ACTIVE = "active"
    UNKNOWN = "unknown"


class Position(StrEnum):
    SAFE = "safe"
    """In its safe position."""
    NOT_SAFE = "not_safe"
    CONTRADICTORY = "contradictory"
    """Open and closed at the same time."""
    UNKNOWN = "unknown"


class Cell(StrEnum):
    IDLE = "idle"
    """The cause leads to the effect and does not act."""
    REACHED = "reached"
    MOVING = "moving"
    """Demanded, not there yet, within its stroke time."""
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    cause: Cause
    state: State
    bypassed: State
    first_out: bool


@dataclass(frozen=True, slots=True)
class Column:
    effect: Effect
    position: Position
    demanded_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: dict[tuple[str, str], Cell]
    """(cause, effect) → cell, of those that belong together."""
    first_out: float | None
    """What the safety system's own register says; None where it is not known or there is none."""


def matrix(system: SafetySystem, look: Look, overdue: Callable[[Effect], bool]) -> Matrix:
    """`overdue`: whether the effect's alarm says that it did not move within its stroke time."""
    trapped = _known(look, system.first_out)
    rows = tuple(_row(cause, look, trapped) for cause in system.causes)
    acting = {row.cause.id for row in rows if row.state is State.ACTIVE}
    columns = tuple(
        Column(effect, position(effect, look), tuple(c.id for c in system.causes_of(effect.id) if c.id in acting))
        for effect in system.effects
    )
    where = {column.effect.id: column for column in columns}
    cells = {
        (row.cause.id, effect): _cell(row, where[effect], overdue)
        for row in rows
        for effect in row.cause.effects
        if effect in where
    }
    return Matrix(rows, columns, cells, trapped)


def _row(cause: Cause, look: Look, trapped: float | None) -> Row:
    value, bypass = _known(look, cause.point), _known(look, cause.bypass)
    state = State.UNKNOWN if value is None else State.ACTIVE if int(value) in cause.active else State.CLEAR
    bypassed = (
        State.CLEAR if cause.bypass is None else State.UNKNOWN if bypass is None else State.ACTIVE if bypass else State.CLEAR
    )
    return Row(cause, state, bypassed, trapped is not None and cause.first_out is not None and trapped == cause.first_out)


def position(effect: Effect, look: Look) -> Position:
    confirmed = effect.confirmed_by
    assert confirmed is not None
    if effect.safe in {"closed", "open"} and effect.closed is not None and effect.open is not None:
        closed, is_open = _known(look, effect.closed), _known(look, effect.open)
        if closed == 1 and is_open == 1:
            return Position.CONTRADICTORY
    value = _known(look, confirmed[0])
    if value is None:
        return Position.UNKNOWN
    return Position.SAFE if value == confirmed[1] else Position.NOT_SAFE


def _cell(row: Row, column: Column, overdue: Callable[[Effect], bool]) -> Cell:
    if row.state is State.UNKNOWN:
        return Cell.UNKNOWN
    if row.state is State.CLEAR:
        return Cell.IDLE
    if column.position is Position.SAFE:
        return Cell.REACHED
    if column.position in {Position.UNKNOWN, Position.CONTRADICTORY}:
        return Cell.UNKNOWN
    return Cell.FAILED if overdue(column.effect) else Cell.MOVING


def _known(look: Look, point: str | None) -> float | None:
    if point is None:
        return None
    value, word = look(point)
    return None if word >= _BAD or math.isnan(value) else value

"""From transitions to lives: each annunciation with when it was acknowledged and when its condition was gone, and the spans of time in
which an alarm stood, was shelved, suppressed by design or out of service.

An annunciation is a transition into “active, unacknowledged”: the condition came, or a hidden alarm came back with its condition on. Its
life ends with the next annunciation of the same alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.events.alarms import LATE, AlarmState, AlarmTransition, Trigger
from anlan.monitor.kpi.columns import Columns, Ints

NEVER: Micros = -1
STANDING, SHELVED, SUPPRESSED, OUT_OF_SERVICE = 1, 2, 3, 4
"""Kinds of span; 0 is normal."""
_KIND = np.array([0, STANDING, STANDING, STANDING, STANDING, STANDING, SHELVED, SUPPRESSED, OUT_OF_SERVICE], np.int64)
_OPEN = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.LATCHED_UNACKNOWLEDGED)
_STEPS = (Trigger.ACKNOWLEDGE, Trigger.RESET, Trigger.SHELVE, Trigger.REMOVE_FROM_SERVICE)
"""What a person does; design suppression is not."""
_SMALL = 1 << 16

Bools = npt.NDArray[np.bool_]


def is_annunciation(transition: AlarmTransition) -> bool:
    """Whether the operator is told: it sounds."""
    raised = transition.after is AlarmState.UNACKNOWLEDGED and transition.before is not AlarmState.UNACKNOWLEDGED
    return raised and transition.trigger not in LATE


@dataclass(frozen=True, slots=True, eq=False)
class Annunciations:
    """By alarm and, of one alarm, in order. Times on the node's clock; NEVER where it has not happened."""

    alarm: Ints
    at: Ints
    happened_at: Ints
    acknowledged_at: Ints
    gone_at: Ints
    untouched: Bools
    """The condition went before anybody did anything."""
    waiting: Bools
    """Still to be acknowledged when the columns end."""

    def __len__(self) -> int:
        return len(self.alarm)

    def where(self, chosen: Bools) -> Annunciations:
        return Annunciations(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """When alarms stood or were hidden; `end` is the end of the columns for a span that is still open."""

    alarm: Ints
    kind: Ints
    begin: Ints
    end: Ints
    open: Bools

    def where(self, chosen: Bools) -> Spans:
        return Spans(*(getattr(self, name)[chosen] for name in self.__slots__))


def lives(columns: Columns, until: Micros) -> tuple[Annunciations, Spans]:
    """`until`: end of the columns."""
    rows = _by_alarm(columns)
    return _annunciations(rows), _spans(rows, columns, until)


def _by_alarm(columns: Columns) -> Columns:
    """Rows of each alarm together, in the journal's order."""
    alarm = columns.alarm
    small = alarm.astype(np.uint16) if len(alarm) and alarm.max() < _SMALL else alarm  # sorted by radix
    order = np.argsort(small, kind="stable")
    names = ("alarm", "trigger", "before", "after", "happened_at", "noticed_at")
    return Columns(**{name: getattr(columns, name)[order] for name in names})


def _annunciations(rows: Columns) -> Annunciations:
    another = np.append(True, rows.alarm[1:] != rows.alarm[:-1]) if len(rows) else np.zeros(0, bool)
    raised = (rows.after == AlarmState.UNACKNOWLEDGED) & (rows.before != AlarmState.UNACKNOWLEDGED) & ~np.isin(rows.trigger, LATE)
    life = np.cumsum(another | raised) - 1
    count = int(life[-1]) + 1 if len(rows) else 0
    acknowledged = _first_of_life(life, rows.trigger == Trigger.ACKNOWLEDGE, count)
    gone = _first_of_life(life, rows.trigger == Trigger.CONDITION_OFF, count)
    step = _first_of_life(life, np.isin(rows.trigger, _STEPS), count)
    last = np.append(another[1:], True) if len(rows) else another
    waits = np.zeros(count, bool)
    waits[life[last]] = np.isin(rows.after[last], _OPEN)
    begun = np.flatnonzero(raised)
    mine = life[begun]
    acknowledged, gone, step = acknowledged[mine], gone[mine], step[mine]
    return Annunciations(
        alarm=rows.alarm[begun],
        at=rows.noticed_at[begun],
        happened_at=rows.happened_at[begun],
        acknowledged_at=_time_of(rows, acknowledged),
        gone_at=_time_of(rows, gone),
        untouched=(gone >= 0) & ((step < 0) | (gone < step)),
        waiting=waits[mine] & (acknowledged < 0),
    )


def _first_of_life(life: Ints, chosen: Bools, count: int) -> Ints:
    """Row number of the first chosen row of each life, NEVER where there is none."""
    found = np.full(count, NEVER, np.int64)
    rows = np.flatnonzero(chosen)[::-1]
    found[life[rows]] = rows  # the last assignment stands: the first row
    return found


def _time_of(rows: Columns, row: Ints) -> Ints:
    if not len(rows):
        return row
    return np.where(row >= 0, rows.noticed_at[row], NEVER)


def _spans(rows: Columns, columns: Columns, until: Micros) -> Spans:
    moved = np.flatnonzero(_KIND[rows.before] != _KIND[rows.after])
    start = columns.start
    alarm = np.concatenate([start.alarm, rows.alarm[moved]])
    kind = np.concatenate([_KIND[start.state], _KIND[rows.after[moved]]])
    begin = np.concatenate([start.since, rows.noticed_at[moved]])
    order = np.argsort(alarm, kind="stable")  # the start comes first for each alarm
    alarm, kind, begin = alarm[order], kind[order], begin[order]
    last = np.append(alarm[1:] != alarm[:-1], True) if len(alarm) else np.zeros(0, bool)
    end = np.where(last, until, np.append(begin[1:], until)) if len(alarm) else begin
    return Spans(alarm, kind, begin, np.maximum(end, begin), last).where(kind != 0)

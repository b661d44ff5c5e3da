"""What the measures are computed from: transitions of the journal as columns, and how things stood before the first of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.events.alarms import AlarmTransition

Ints = npt.NDArray[np.int64]
_NAMES = ("alarm", "trigger", "before", "after", "happened_at", "noticed_at")


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Alarms that were not normal when the columns begin: number, state, and since when they have been standing or hidden."""

    alarm: Ints = field(default_factory=_none)
    state: Ints = field(default_factory=_none)
    since: Ints = field(default_factory=_none)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Transitions in the order of the journal. They may begin before the window that is measured: what led up to it counts for floods
    and for what stood when it began."""

    alarm: Ints
    trigger: Ints
    before: Ints
    after: Ints
    happened_at: Ints
    noticed_at: Ints
    start: Start = field(default_factory=Start)

    def __len__(self) -> int:
        return len(self.alarm)

    @classmethod
    def of(cls, columns: Mapping[str, Ints]) -> Columns:
        """From what `JournalView.window` reads."""
        start = Start(columns["start_alarm"], columns["start_state"], columns["start_since"])
        return cls(**{name: columns[name] for name in _NAMES}, start=start)

    @classmethod
    def of_transitions(cls, transitions: Iterable[AlarmTransition], start: Start | None = None) -> Columns:
        rows = [[int(getattr(one, name)) for name in _NAMES] for one in transitions]
        table = np.array(rows, np.int64).reshape(-1, len(_NAMES))
        return cls(**dict(zip(_NAMES, table.T, strict=True)), start=start or Start())

    def only(self, alarms: Iterable[int]) -> Columns:
        """Of some alarms only."""
        wanted = np.fromiter(alarms, np.int64)
        return self._where(_among(self.alarm, wanted), _among(self.start.alarm, wanted))

    def without(self, alarms: Iterable[int]) -> Columns:
        """Of all but some."""
        unwanted = np.fromiter(alarms, np.int64)
        return self._where(~np.isin(self.alarm, unwanted), ~np.isin(self.start.alarm, unwanted)) if len(unwanted) else self

    def _where(self, keep: npt.NDArray[np.bool_], kept: npt.NDArray[np.bool_]) -> Columns:
        start = self.start
        rows = {name: getattr(self, name)[keep] for name in _NAMES}
        return Columns(**rows, start=Start(start.alarm[kept], start.state[kept], start.since[kept]))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is configured of an alarm. Priority 0: nobody knows any more."""

    priority: int = 0
    post: str = ""
    time_to_respond: Micros = 0
    """0: not stated."""


def _among(values: Ints, wanted: Ints) -> npt.NDArray[np.bool_]:
    """Numbers are small and dense: a table is quicker than a search."""
    size = int(max(values.max(initial=-1), wanted.max(initial=-1))) + 1
    table = np.zeros(size, bool)
    table[wanted] = True
    return np.asarray(table[values], bool)

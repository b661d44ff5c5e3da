"""The life of an alarm: ISA-18.2-2016 figure 3 / IEC 62682 as one table, (state, trigger, latching?, condition on?) → state.

What is not in the table cannot happen. The kernel reads the table as a small integer array, the docs draw their picture from
it (`mermaid`), and property tests walk it. Rows with two outcomes depend on one of two facts: whether the rule latches, and
whether the condition (after dead-band and delay) is on when a shelved, suppressed or out-of-service alarm comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.model.events.alarms import AlarmState as S
from anlan.model.events.alarms import Trigger as T

REFUSED = 255
"""In the integer table: this trigger can't happen in this state."""


@dataclass(frozen=True, slots=True)
class Row:
    """One arrow. `latching` and `active` restrict it; None means either."""

    before: S
    trigger: T
    after: S
    latching: bool | None = None
    active: bool | None = None


HIDDEN = (S.SHELVED, S.SUPPRESSED, S.OUT_OF_SERVICE)
"""The alarm says nothing; its condition is still followed, so that it comes back as it then is."""
SHOWN = tuple(s for s in S if s not in HIDDEN)
ACTIVE = (S.UNACKNOWLEDGED, S.ACKNOWLEDGED)


def _life() -> Iterator[Row]:
    """Figure 3's inner ring: raised, acknowledged, returned, latched, reset."""
    yield Row(S.NORMAL, T.CONDITION_ON, S.UNACKNOWLEDGED)
    yield Row(S.UNACKNOWLEDGED, T.ACKNOWLEDGE, S.ACKNOWLEDGED)
    yield Row(S.UNACKNOWLEDGED, T.CONDITION_OFF, S.RETURNED_UNACKNOWLEDGED, latching=False)
    yield Row(S.UNACKNOWLEDGED, T.CONDITION_OFF, S.LATCHED_UNACKNOWLEDGED, latching=True)
    yield Row(S.ACKNOWLEDGED, T.CONDITION_OFF, S.NORMAL, latching=False)
    yield Row(S.ACKNOWLEDGED, T.CONDITION_OFF, S.LATCHED_ACKNOWLEDGED, latching=True)
    yield Row(S.RETURNED_UNACKNOWLEDGED, T.ACKNOWLEDGE, S.NORMAL)
    yield Row(S.RETURNED_UNACKNOWLEDGED, T.CONDITION_ON, S.UNACKNOWLEDGED)
    yield Row(S.LATCHED_UNACKNOWLEDGED, T.ACKNOWLEDGE, S.LATCHED_ACKNOWLEDGED)
    yield Row(S.LATCHED_UNACKNOWLEDGED, T.CONDITION_ON, S.UNACKNOWLEDGED)
    yield Row(S.LATCHED_ACKNOWLEDGED, T.RESET, S.NORMAL)
    yield Row(S.LATCHED_ACKNOWLEDGED, T.CONDITION_ON, S.UNACKNOWLEDGED)


def _hiding() -> Iterator[Row]:
    """Shelved, suppressed by design, out of service. A stronger hiding replaces a weaker one (shelf < design < service):
    an operator's shelf ends when the design suppresses, and either ends when the alarm is taken out of service."""
    for state in SHOWN:
        yield Row(state, T.SHELVE, S.SHELVED)
    for state in (*SHOWN, S.SHELVED):
        yield Row(state, T.SUPPRESS, S.SUPPRESSED)
    for state in (*SHOWN, S.SHELVED, S.SUPPRESSED):
        yield Row(state, T.REMOVE_FROM_SERVICE, S.OUT_OF_SERVICE)
    for hidden, back in ((S.SHELVED, T.UNSHELVE), (S.SUPPRESSED, T.UNSUPPRESS), (S.OUT_OF_SERVICE, T.RETURN_TO_SERVICE)):
        yield Row(hidden, back, S.NORMAL, active=False)
        yield Row(hidden, back, S.UNACKNOWLEDGED, active=True)
        yield Row(hidden, T.CONDITION_ON, hidden)
        yield Row(hidden, T.CONDITION_OFF, hidden)


def _upkeep() -> Iterator[Row]:
    """A removed rule ends its alarm; late data corrects the record, never the live state."""
    for state in S:
        yield Row(state, T.CONFIGURATION, S.NORMAL)
        yield Row(state, T.LATE_DATA, state)


ROWS: tuple[Row, ...] = (*_life(), *_hiding(), *_upkeep())


def integer_table(rows: tuple[Row, ...] = ROWS) -> npt.NDArray[np.uint8]:
    """uint8 [state, trigger, latching, active] → state, or REFUSED."""
    table = np.full((len(S), max(T) + 1, 2, 2), REFUSED, np.uint8)
    for row in rows:
        table[row.before, row.trigger, _either(row.latching), _either(row.active)] = row.after
    return table


def _either(fact: bool | None) -> slice | int:
    return slice(None) if fact is None else int(fact)


TABLE = integer_table()


def after(state: S, trigger: T, *, latching: bool, active: bool) -> S | None:
    """Where `trigger` leads from `state`; None when it can't happen there."""
    found = int(TABLE[state, trigger, int(latching), int(active)])
    return None if found == REFUSED else S(found)


def mermaid() -> str:
    """The table as a mermaid state diagram, for the docs. Arrows that move nothing are left out."""
    lines = ["stateDiagram-v2", "    [*] --> NORMAL"]
    lines += [f"    {r.before.name} --> {r.after.name}: {_caption(r)}" for r in ROWS if r.before is not r.after]
    return "\n".join(lines) + "\n"


def _caption(row: Row) -> str:
    words = [row.trigger.name.lower().replace("_", " ")]
    if row.latching is not None:
        words.append("latching" if row.latching else "not latching")
    if row.active is not None:
        words.append("condition on" if row.active else "condition off")
    return ", ".join(words)

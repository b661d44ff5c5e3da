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

from anlan.model.events.alarms import AlarmState, Trigger

REFUSED = 255
"""In the integer table: this trigger can't happen in this state."""


@dataclass(frozen=True, slots=True)
class Row:
    """One arrow. `latching` and `active` restrict it; None means either."""

    before: AlarmState
    trigger: Trigger
    after: AlarmState
    latching: bool | None = None
    active: bool | None = None


HIDDEN = (AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)
"""The alarm says nothing; its condition is still followed, so that it comes back as it then is."""
SHOWN = tuple(s for s in AlarmState if s not in HIDDEN)
ACTIVE = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
OPEN = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.LATCHED_UNACKNOWLEDGED)
"""Nobody has acknowledged it yet."""


def latches(before: AlarmState) -> bool:
    """Whether an alarm of a latching rule that is hidden in this state comes back latched."""
    return before in {*ACTIVE, AlarmState.LATCHED_UNACKNOWLEDGED, AlarmState.LATCHED_ACKNOWLEDGED}


def _life() -> Iterator[Row]:
    """Figure 3's inner ring: raised, acknowledged, returned, latched, reset."""
    yield Row(AlarmState.NORMAL, Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED)
    yield Row(AlarmState.UNACKNOWLEDGED, Trigger.ACKNOWLEDGE, AlarmState.ACKNOWLEDGED)
    yield Row(AlarmState.UNACKNOWLEDGED, Trigger.CONDITION_OFF, AlarmState.RETURNED_UNACKNOWLEDGED, latching=False)
    yield Row(AlarmState.UNACKNOWLEDGED, Trigger.CONDITION_OFF, AlarmState.LATCHED_UNACKNOWLEDGED, latching=True)
    yield Row(AlarmState.ACKNOWLEDGED, Trigger.CONDITION_OFF, AlarmState.NORMAL, latching=False)
    yield Row(AlarmState.ACKNOWLEDGED, Trigger.CONDITION_OFF, AlarmState.LATCHED_ACKNOWLEDGED, latching=True)
    yield Row(AlarmState.RETURNED_UNACKNOWLEDGED, Trigger.ACKNOWLEDGE, AlarmState.NORMAL)
    yield Row(AlarmState.RETURNED_UNACKNOWLEDGED, Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED)
    yield Row(AlarmState.LATCHED_UNACKNOWLEDGED, Trigger.ACKNOWLEDGE, AlarmState.LATCHED_ACKNOWLEDGED)
    yield Row(AlarmState.LATCHED_UNACKNOWLEDGED, Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED)
    yield Row(AlarmState.LATCHED_ACKNOWLEDGED, Trigger.RESET, AlarmState.NORMAL)
    yield Row(AlarmState.LATCHED_ACKNOWLEDGED, Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED)


def _hiding() -> Iterator[Row]:
    """Shelved, suppressed by design, out of service. A stronger hiding replaces a weaker one (shelf < design < service):
    an operator's shelf ends when the design suppresses, and either ends when the alarm is taken out of service."""
    for state in SHOWN:
        yield Row(state, Trigger.SHELVE, AlarmState.SHELVED)
    for state in (*SHOWN, AlarmState.SHELVED):
        yield Row(state, Trigger.SUPPRESS, AlarmState.SUPPRESSED)
    for state in (*SHOWN, AlarmState.SHELVED, AlarmState.SUPPRESSED):
        yield Row(state, Trigger.REMOVE_FROM_SERVICE, AlarmState.OUT_OF_SERVICE)
    for hidden, back in (
        (AlarmState.SHELVED, Trigger.UNSHELVE),
        (AlarmState.SUPPRESSED, Trigger.UNSUPPRESS),
        (AlarmState.OUT_OF_SERVICE, Trigger.RETURN_TO_SERVICE),
    ):
        yield Row(hidden, back, AlarmState.NORMAL, latching=False, active=False)
        # Latched before, or come on meanwhile: nobody has reset it, and hiding is no reset.
        yield Row(hidden, back, AlarmState.LATCHED_UNACKNOWLEDGED, latching=True, active=False)
        yield Row(hidden, back, AlarmState.UNACKNOWLEDGED, active=True)
        yield Row(hidden, Trigger.CONDITION_ON, hidden)
        yield Row(hidden, Trigger.CONDITION_OFF, hidden)


def _upkeep() -> Iterator[Row]:
    """A removed rule ends its alarm; late data corrects the record, who is told changes, a console is silenced: none moves the live state."""
    for state in AlarmState:
        yield Row(state, Trigger.CONFIGURATION, AlarmState.NORMAL)
        yield Row(state, Trigger.LATE_DATA, state)
        yield Row(state, Trigger.LATE_END, state)
    for state in OPEN:
        yield Row(state, Trigger.ESCALATE, state)
        yield Row(state, Trigger.SILENCE, state)


ROWS: tuple[Row, ...] = (*_life(), *_hiding(), *_upkeep())


def integer_table(rows: tuple[Row, ...] = ROWS) -> npt.NDArray[np.uint8]:
    """uint8 [state, trigger, latching, active] → state, or REFUSED."""
    table = np.full((len(AlarmState), max(Trigger) + 1, 2, 2), REFUSED, np.uint8)
    for row in rows:
        table[row.before, row.trigger, _either(row.latching), _either(row.active)] = row.after
    return table


def _either(fact: bool | None) -> slice | int:
    return slice(None) if fact is None else int(fact)


TABLE = integer_table()


def after(state: AlarmState, trigger: Trigger, *, latching: bool, active: bool) -> AlarmState | None:
    """Where `trigger` leads from `state`; None when it can't happen there."""
    found = int(TABLE[state, trigger, int(latching), int(active)])
    return None if found == REFUSED else AlarmState(found)


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

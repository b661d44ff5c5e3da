"""What the engine decides: one transition of one alarm, as written to alarms.db and read by console, rooms and forwarder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from anlan.model.clock import Micros


class AlarmState(IntEnum):
    """ISA-18.2-2016 figure 3 / IEC 62682; the numbers are stored."""

    NORMAL = 0  # A
    UNACKNOWLEDGED = 1  # B  active, unacknowledged
    ACKNOWLEDGED = 2  # C  active, acknowledged
    RETURNED_UNACKNOWLEDGED = 3  # D  condition gone, unacknowledged
    LATCHED_UNACKNOWLEDGED = 4  # E  condition gone, latched, unacknowledged
    LATCHED_ACKNOWLEDGED = 5  # F  condition gone, latched, acknowledged: waits for reset
    SHELVED = 6  # G
    SUPPRESSED = 7  # H  by design
    OUT_OF_SERVICE = 8  # I


class Trigger(IntEnum):
    """What moved the alarm; the numbers are stored."""

    CONDITION_ON = 1
    CONDITION_OFF = 2
    ACKNOWLEDGE = 3
    RESET = 4
    SHELVE = 5
    UNSHELVE = 6
    SUPPRESS = 7
    UNSUPPRESS = 8
    REMOVE_FROM_SERVICE = 9
    RETURN_TO_SERVICE = 10
    CONFIGURATION = 11  # the rule was removed or changed while standing
    LATE_DATA = 12  # by late readings an episode began at this instant; the live state did not move
    ESCALATE = 13  # nobody has acknowledged it: it is told to the next level too; the state did not move
    LATE_END = 14  # by late readings an episode ended at this instant; the live state did not move
    SILENCE = 15  # a person stopped its sound on one console; the state did not move


LATE = (Trigger.LATE_DATA, Trigger.LATE_END)
"""Corrections of the record (迟到): they move no alarm and announce nothing."""
MOVES_NOTHING = (*LATE, Trigger.SILENCE)
"""Rows beside the life of the alarm: what stands is what it was before them."""
ADDED = 1 << 31
"""Episodes from this number on were added by late readings and never announced; the engine's own count stays far below."""


class AlarmKind(IntEnum):
    """What the alarm watches; the numbers are stored."""

    LOW_LOW = 1
    LOW = 2
    HIGH = 3
    HIGH_HIGH = 4
    STATE = 5  # a discrete point is in a listed state
    BAD_QUALITY = 6
    STALE = 7
    LOSS_OF_VIEW = 8  # a whole source: one alarm, priority 1, names its safety points
    # What looks at more than one reading watches a point that is calculated for it (plant/calculated.py).
    RATE = 16  # change over time
    DEVIATION = 17  # from a set point or another point
    FROZEN = 18  # does not move although it is read
    DISCREPANCY = 19  # command against position
    TIME_IN_STATE = 20
    COUNT = 21  # how often within a window
    CONDITION = 22  # a free expression


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTransition:
    """Row `n` of the journal. Times in µs UTC; `value`, `quality` and `limit` are those that decided.

    Three triggers carry something else: SHELVE in `value` the instant at which the shelving ends [µs UTC], ESCALATE the level reached
    (and in `limit` the seconds that it waited for), SILENCE nothing.
    """

    n: int
    frame: int
    alarm: int
    episode: int
    """Counts the alarm's activations, from 1; an acknowledgement answers one episode. From ADDED on: one that late readings added."""
    trigger: Trigger
    before: AlarmState
    after: AlarmState
    happened_at: Micros
    noticed_at: Micros
    value: float
    quality: int
    limit: float
    who: str = ""
    post: str = ""
    reason: str = ""
    command: str = ""
    """Id of the command that caused it, "" when the data did."""
    unrecorded: bool = False
    """It rests on readings that the log refused (disk full): the log doesn't hold what it follows from."""

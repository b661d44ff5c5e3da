"""What the slow model knows: rules, alarms and points as plain objects, ISA-18.2's table written out by hand, and what a quality word tells."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.quality import FLAG_MASK, Reason, Severity, quality

N, U, A, R, LU, LA = (
    AlarmState.NORMAL,
    AlarmState.UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED,
    AlarmState.LATCHED_UNACKNOWLEDGED,
    AlarmState.LATCHED_ACKNOWLEDGED,
)
SH, SU, OS = AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE
HIDDEN = (SH, SU, OS)
UNANSWERED = (U, R, LU)
ON, OFF, ACK, RESET = Trigger.CONDITION_ON, Trigger.CONDITION_OFF, Trigger.ACKNOWLEDGE, Trigger.RESET
TABLE = {
    (N, ON): U,
    (U, ACK): A,
    (R, ACK): N,
    (R, ON): U,
    (LU, ACK): LA,
    (LU, ON): U,
    (LA, RESET): N,
    (LA, ON): U,
    **{(shown, Trigger.SHELVE): SH for shown in (N, U, A, R, LU, LA)},
    **{(state, Trigger.REMOVE_FROM_SERVICE): OS for state in (N, U, A, R, LU, LA, SH, SU)},
}
BACK = {Trigger.UNSHELVE: SH, Trigger.RETURN_TO_SERVICE: OS}
"""Ends the hiding: the alarm is then what its condition says, and what it says is news."""
STEPS = {
    "acknowledge": ACK,
    "reset": RESET,
    "shelve": Trigger.SHELVE,
    "unshelve": Trigger.UNSHELVE,
    "remove_from_service": Trigger.REMOVE_FROM_SERVICE,
    "return_to_service": Trigger.RETURN_TO_SERVICE,
}
PLAIN = {**TABLE, (U, OFF): R, (A, OFF): N}
LATCHING = {**TABLE, (U, OFF): LU, (A, OFF): LA}
"""A rule edited while its alarm stands may be in a state of the other kind: it leaves it by the same ways."""

BAD = quality(Severity.BAD)
NOT_FLAGS = 0xFFFF & ~FLAG_MASK
LIMITS = (AlarmKind.LOW_LOW, AlarmKind.LOW, AlarmKind.HIGH, AlarmKind.HIGH_HIGH)
VALUE_KINDS = (*LIMITS, AlarmKind.STATE)
SECOND = 1_000_000


@dataclass
class Rule:
    number: int
    kind: AlarmKind
    target: int
    limit: float = math.nan
    dead_band: float = 0.0
    states: tuple[int, ...] = ()
    on_delay: int = 0
    """µs"""
    off_delay: int = 0
    latching: bool = False
    priority: int = 3
    enabled: bool = True
    shelvable: bool = True


@dataclass
class Alarm:
    rule: Rule
    state: AlarmState = N
    episode: int = 0
    on: bool = False
    """The condition after delays: announced and not yet withdrawn."""
    running: str = ""
    """"on" or "off" while that delay runs."""
    since: int = 0
    was_latched: bool = False
    """Of a hidden one."""
    shelf_ends: int = 0
    """Node time; while shelved."""
    waiting_since: int | None = None
    """Node time since which nobody answers it, while it is of priority 1."""
    told: int = 0
    """How many levels it was passed on to since then."""

    @property
    def delay(self) -> int:
        return self.rule.on_delay if self.running == "on" else self.rule.off_delay

    @property
    def met(self) -> bool:
        """The raw condition as last known."""
        return self.running == "on" or (self.on and self.running != "off")


@dataclass
class Point:
    number: int
    source: int
    on_change: bool = False
    deadline: int = 3 * SECOND
    """µs, 0: none"""
    due: int = 0
    """The node's own point that says whether its calibration is overdue."""


@dataclass
class Seen:
    """What is known of a point."""

    point: Point
    time: int | None = None
    value: float = math.nan
    quality: int = 0
    sent: int = 0
    """The quality as its source gave it."""
    heard: int = 0
    held: bool = False
    stale: bool = False
    usable_at: int = 0
    """Time of the newest usable reading."""
    covered_to: int = 0
    """On-change: data time up to which the value is known."""

    @property
    def usable(self) -> bool:
        return self.time is not None and self.quality < BAD


@dataclass
class Source:
    state: str = "unknown"
    since: int = 0


@dataclass
class Config:
    version: int
    sources: tuple[int, ...]
    points: tuple[Point, ...]
    rules: tuple[Rule, ...]
    escalation: tuple[int, ...] = (60 * SECOND, 120 * SECOND)


def is_fault(word: int) -> bool:
    """Bad, and not because people work on the instrument."""
    return word >= BAD and word & 0xFF not in (Reason.CALIBRATION, Reason.MAINTENANCE)


def beyond(kind: AlarmKind, word: int) -> bool:
    """A bad reading that still tells that a limit is passed: over the range is over every high limit within it."""
    reason = word & 0xFF
    if kind in (AlarmKind.HIGH, AlarmKind.HIGH_HIGH):
        return word >= BAD and reason in (Reason.OVER_RANGE, Reason.OVER_RANGE_LATCHED)
    return word >= BAD and kind in (AlarmKind.LOW, AlarmKind.LOW_LOW) and reason == Reason.UNDER_RANGE


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))

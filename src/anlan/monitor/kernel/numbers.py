"""Enum members and words of quality as plain integers: Numba reads enum members as slow objects, plain integers as constants."""

from __future__ import annotations

from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.quality import FLAG_MASK, Flag, Reason, Severity, quality
from anlan.monitor.layout import Phase, PointFlag, ProgramFlag, RuleFlag, Tally, View
from anlan.monitor.program import Op

PRESENT, ON_CHANGE, HELD = int(PointFlag.PRESENT), int(PointFlag.ON_CHANGE), int(PointFlag.HELD)
STALE, PENDING = int(PointFlag.STALE), int(PointFlag.PENDING)
LATCHES, OVER_LATCHED = int(PointFlag.LATCHES), int(PointFlag.OVER_LATCHED)
INHIBITED, CALIBRATING = int(PointFlag.INHIBITED), int(PointFlag.CALIBRATING)
OVERDUE = int(PointFlag.CALIBRATION_OVERDUE)
CALCULATED, FEEDS, GOVERNS = int(PointFlag.CALCULATED), int(PointFlag.FEEDS), int(PointFlag.GOVERNS)
BY_ITSELF, POINT_OP = int(ProgramFlag.BY_ITSELF), int(Op.POINT)
LATCHING, ENABLED = int(RuleFlag.LATCHING), int(RuleFlag.ENABLED)
QUIET, RISING, STANDING, FALLING = int(Phase.QUIET), int(Phase.RISING), int(Phase.STANDING), int(Phase.FALLING)
UP, DOWN = int(View.UP), int(View.DOWN)
ON, OFF, NOTHING = int(Trigger.CONDITION_ON), int(Trigger.CONDITION_OFF), 0
LOW_LOW, LOW, HIGH, HIGH_HIGH = int(AlarmKind.LOW_LOW), int(AlarmKind.LOW), int(AlarmKind.HIGH), int(AlarmKind.HIGH_HIGH)
STATE, BAD_QUALITY, STALE_KIND = int(AlarmKind.STATE), int(AlarmKind.BAD_QUALITY), int(AlarmKind.STALE)
SUPPRESS, UNSUPPRESS = int(Trigger.SUPPRESS), int(Trigger.UNSUPPRESS)
ACKNOWLEDGED, SHELVED = int(AlarmState.ACKNOWLEDGED), int(AlarmState.SHELVED)
LATCHED_UNACKNOWLEDGED = int(AlarmState.LATCHED_UNACKNOWLEDGED)
LATCHED_ACKNOWLEDGED = int(AlarmState.LATCHED_ACKNOWLEDGED)
UNACKNOWLEDGED, SUPPRESSED = int(AlarmState.UNACKNOWLEDGED), int(AlarmState.SUPPRESSED)
OUT, DUPLICATE, LATE = int(Tally.OUT), int(Tally.DUPLICATE), int(Tally.LATE)
UNKNOWN_POINT, CLOCK_BAD, APPLIED = int(Tally.UNKNOWN_POINT), int(Tally.CLOCK_BAD), int(Tally.APPLIED)
BAD, UNCERTAIN = int(quality(Severity.BAD)), int(quality(Severity.UNCERTAIN))
NOT_A_NUMBER = int(quality(Severity.BAD, Reason.NOT_A_NUMBER))
COMMUNICATION = int(quality(Severity.BAD, Reason.COMMUNICATION))
OVER_RANGE_LATCHED = int(quality(Severity.BAD, Reason.OVER_RANGE_LATCHED))
IN_MAINTENANCE = int(quality(Severity.BAD, Reason.MAINTENANCE))
IN_CALIBRATION = int(quality(Severity.BAD, Reason.CALIBRATION))
OVERDUE_QUALITY = int(quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE))
CALIBRATION, MAINTENANCE, LOST = int(Reason.CALIBRATION), int(Reason.MAINTENANCE), int(Reason.COMMUNICATION)
NOT_YET = int(Reason.NO_DATA_YET)
OVER, OVER_AND_LATCHED, UNDER = int(Reason.OVER_RANGE), int(Reason.OVER_RANGE_LATCHED), int(Reason.UNDER_RANGE)
STALE_QUALITY = int(quality(Severity.BAD, Reason.STALE))
CLOCK_BAD_FLAG, NOT_LIVE = int(Flag.CLOCK_BAD), int(Flag.BACKFILL | Flag.MANUAL)
NOT_FLAGS = 0xFFFF & ~FLAG_MASK
MS = 1_000
CLOCK_TOLERANCE = 5_000_000
"""µs. A stamp further ahead of its arrival is a wrong clock (DESIGN.md §4)."""

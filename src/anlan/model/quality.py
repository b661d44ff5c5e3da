"""The quality word of a reading: uint16 = 2 bits severity, 6 flags, 8 bits reason.

    15 14 | 13      12        11      10    9         8         | 7 … 0
    sev   | late    backfill  manual  demo  exercise  clock_bad | reason

0 is a plain good reading. Severity follows OPC UA (good / uncertain / bad). The reasons are one table, `data/quality.csv`, mapped
from OPC UA status codes, Sparkplug, HJ 212 data flags and NE 43 currents.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Severity(IntEnum):
    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Flag(IntFlag):
    """How a reading came to us; independent of how good it is."""

    LATE = 1 << 13
    BACKFILL = 1 << 12
    MANUAL = 1 << 11
    DEMO = 1 << 10
    EXERCISE = 1 << 9
    CLOCK_BAD = 1 << 8


class Reason(IntEnum):
    """Why a reading is not plainly good. Numbers are stored: never reused, only added."""

    NONE = 0
    COMMUNICATION = 1
    STALE = 2
    OVER_RANGE = 3
    UNDER_RANGE = 4
    SENSOR_FAILURE = 5
    MAINTENANCE = 6
    CALIBRATION = 7
    STOPPED = 8
    LAST_USABLE = 9
    CONFIGURATION = 10
    DEVICE_FAILURE = 11
    SUBSTITUTED = 12
    NOT_CONNECTED = 13
    OUT_OF_SERVICE = 14
    NE43_LOW = 15
    NE43_HIGH = 16
    OVER_RANGE_LATCHED = 17
    NO_DATA_YET = 18
    NOT_A_NUMBER = 19
    UNSPECIFIED = 20
    ENGINEERING_LIMIT = 21
    CALIBRATION_OVERDUE = 22


SEVERITY_SHIFT = 14
REASON_MASK = 0xFF
FLAG_MASK = 0x3F00

GOOD = 0


def quality(severity: Severity, reason: Reason = Reason.NONE, flags: int = 0) -> int:
    """Pack the three parts into one uint16."""
    return (severity << SEVERITY_SHIFT) | flags | reason


def severity_of(word: int) -> Severity:
    return Severity(word >> SEVERITY_SHIFT)


def reason_of(word: int) -> Reason:
    return Reason(word & REASON_MASK)


def flags_of(word: int) -> Flag:
    return Flag(word & FLAG_MASK)


BAD_COMMUNICATION = quality(Severity.BAD, Reason.COMMUNICATION)
BAD_STALE = quality(Severity.BAD, Reason.STALE)
NO_DATA_YET = quality(Severity.BAD, Reason.NO_DATA_YET)

"""4–20 mA loops by NAMUR NE 43: what a current says about the sensor, and the value it stands for. Pure."""

from __future__ import annotations

from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.sense.modbus.address import Ne43

FAILED_LOW, VALID_LOW, VALID_HIGH, FAILED_HIGH = 3.6, 3.8, 20.5, 21.0
"""[mA] Measured values lie in 3.8 … 20.5; at or below 3.6 and at or above 21.0 the sensor says that it has failed."""


def judged(current: float) -> int:
    """The quality word of a loop current. [mA]"""
    if current <= FAILED_LOW:
        return quality(Severity.BAD, Reason.NE43_LOW)
    if current >= FAILED_HIGH:
        return quality(Severity.BAD, Reason.NE43_HIGH)
    if current < VALID_LOW:
        return quality(Severity.UNCERTAIN, Reason.UNDER_RANGE)
    if current > VALID_HIGH:
        return quality(Severity.UNCERTAIN, Reason.OVER_RANGE)
    return GOOD


def scaled(current: float, loop: Ne43) -> float:
    """The value at `current` mA, linear from `loop.low` at 4 mA to `loop.high` at 20 mA; without a span the current itself."""
    if loop.low is None or loop.high is None:
        return current
    return loop.low + (current - 4.0) / 16.0 * (loop.high - loop.low)

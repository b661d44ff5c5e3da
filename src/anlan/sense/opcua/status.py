"""OPC UA status codes → quality words. The two top bits are the severity, as in ours; the code's name gives the reason. Pure."""

from __future__ import annotations

from functools import cache

from asyncua import ua

from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.model.reasons import by_code

CODE_MASK = 0xFFFF0000
OVERFLOW = 0x0480
"""InfoType DataValue with the Overflow bit (Part 4, 7.39.1): the server's queue was full, values before this one are lost."""


@cache
def quality_of(code: int) -> int:
    """The quality word of a status code. A code that the table does not know keeps its severity and is `unspecified`."""
    severity = Severity(min(code >> 30 & 3, Severity.BAD))
    row = by_code("opcua").get(name_of(code))
    if row is not None:
        return quality(severity, row.reason)
    return GOOD if severity is Severity.GOOD else quality(severity, Reason.UNSPECIFIED)


def name_of(code: int) -> str:
    """The symbol of a status code, such as BadSensorFailure; the hexadecimal number if there is none."""
    return str(_names().get(code & CODE_MASK, f"0x{code:08X}"))


def overflowed(code: int) -> bool:
    return code & OVERFLOW == OVERFLOW


@cache
def _names() -> dict[int, str]:
    return {value: name for name, value in vars(ua.StatusCodes).items() if isinstance(value, int)}

"""An instant as a program or a person writes it: µs since 1970 UTC, or RFC 3339 with its zone.

Whole numbers in s, ms or ns are not guessed at: as µs they lie in the first months of 1970 or after the year 31,000, and history would answer
with nothing, or with everything.
"""

from __future__ import annotations

from datetime import datetime

from anlan.model.clock import MILLISECOND, SECOND, Micros, from_datetime, isoformat
from anlan.model.errors import InputError

EARLIEST: Micros = 0
LATEST: Micros = 1 << 60
"""Year 38505: within int64 with room to add a span."""
MEANT = 946_684_800 * SECOND, 4_102_444_800 * SECOND
"""The years 2000 to 2099: a number is taken for one in another unit where that unit puts it here."""


def instant(name: str, text: str) -> Micros:
    """`name` is the parameter's, for the message. Raises InputError, also for a time whose zone nobody knows."""
    whole = text.lstrip("-").isascii() and text.lstrip("-").isdigit()
    try:
        found = int(text) if whole else from_datetime(_moment(text))
    except (ValueError, OverflowError) as error:
        raise InputError(
            "{name}: {found} was given; µs since 1970 or a time with its zone was expected, for example 2026-01-01T08:00:00+08:00",
            name=name,
            found=text[:60],
        ) from error
    if whole:
        _refuse_other_units(name, found)
    if not EARLIEST <= found <= LATEST:
        raise InputError("{name}: {found} lies outside 1970 … 38505", name=name, found=text[:60])
    return found


def _moment(text: str) -> datetime:
    # A "+" in a query that nobody escaped arrives as a space.
    return datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)


def _refuse_other_units(name: str, found: int) -> None:
    for unit, meant in (("s", found * SECOND), ("ms", found * MILLISECOND), ("ns", found // 1000)):
        if MEANT[0] <= meant < MEANT[1]:
            raise InputError(
                "{name}: {found} is {time} in {unit}, but µs were expected: write {meant}",
                name=name,
                found=found,
                time=isoformat(meant),
                unit=unit,
                meant=meant,
            )

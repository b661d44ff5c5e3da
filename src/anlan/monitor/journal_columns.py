"""A window of the journal as columns, for the measures of `kpi`: a bounded read, however many millions of transitions there are.

Three numbers a row leave SQLite (the small ones packed into one): half a second for a million. What stood when the window began is
found alarm by alarm over the index, not by reading what lies before.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import apsw
import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.errors import InputError, StoreError

MOST = 5_000_000
"""Transitions of one window; beyond, the answer would take too long and too much memory."""

Raw = dict[str, npt.NDArray[np.int64]]

_RANGE = "SELECT min(n), max(n), count(*) FROM transition WHERE noticed_at >= ? AND noticed_at < ?"
# A node clock that was set back leaves transitions of other times between the first and the last of the window.
_ROWS = """SELECT (alarm << 16) | ("trigger" << 8) | (before << 4) | after, happened_at, noticed_at FROM transition
  WHERE n BETWEEN ? AND ? AND noticed_at >= ? AND noticed_at < ? ORDER BY n"""
_FIRST = "SELECT coalesce(max(n), 0) + 1 FROM transition WHERE noticed_at < ?"
# A journal that was lost is decided anew from the log: its transitions are then older than itself.
_BEGUN = "SELECT coalesce(min(at), 0) FROM (SELECT min(begun_at) AS at FROM incarnation UNION ALL SELECT min(noticed_at) FROM transition)"
_START = """WITH RECURSIVE known(alarm) AS (
    SELECT min(alarm) FROM transition
    UNION ALL SELECT (SELECT min(t.alarm) FROM transition t WHERE t.alarm > known.alarm) FROM known WHERE known.alarm IS NOT NULL)
  SELECT t.alarm, t.after, t.n FROM known
  JOIN transition t ON t.n = (SELECT max(n) FROM transition WHERE alarm = known.alarm AND n < ?) WHERE t.after <> 0"""
_SINCE = """SELECT noticed_at FROM transition WHERE alarm = ? AND n <= ?
  AND CASE WHEN before BETWEEN 1 AND 5 THEN 1 ELSE before END <> CASE WHEN after BETWEEN 1 AND 5 THEN 1 ELSE after END
  ORDER BY n DESC LIMIT 1"""


def read_window(db: apsw.Connection, start: Micros, end: Micros) -> Raw:
    """Transitions noticed at start ≤ t < end, in order, what was not normal before the first of them, and when the journal begins (in
    `begun`; 0 where it doesn't say). Raises StoreError, InputError."""
    try:
        with db:  # one consistent state
            found = _read(db, start, end)
    except apsw.Error as error:
        raise StoreError("alarms.db could not be read: {error}", error=str(error)) from error
    return found


def _read(db: apsw.Connection, start: Micros, end: Micros) -> Raw:
    first, last, count = next(db.execute(_RANGE, (start, end)))
    if count > MOST:
        raise InputError(
            "{found} transitions lie between the two times; at most {most} can be measured at once: choose a shorter span",
            found=count,
            most=MOST,
        )
    packed, happened_at, noticed_at = _columns(db.execute(_ROWS, (first, last, start, end)), 3) if count else _columns((), 3)
    if first is None:
        first = next(db.execute(_FIRST, (start,)))[0]
    stood = list(db.execute(_START, (first,)))
    since = [next(db.execute(_SINCE, (alarm, n)), (start,))[0] for alarm, _, n in stood]
    alarm, state, _ = _columns(stood, 3)
    begun = next(db.execute(_BEGUN))[0]
    return {
        "begun": np.array([begun], np.int64),
        "alarm": packed >> 16,
        "trigger": (packed >> 8) & 255,
        "before": (packed >> 4) & 15,
        "after": packed & 15,
        "happened_at": happened_at,
        "noticed_at": noticed_at,
        "start_alarm": alarm,
        "start_state": state,
        "start_since": np.array(since, np.int64),
    }


def _columns(rows: Iterable[tuple[int, ...]], width: int) -> npt.NDArray[np.int64]:
    return np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, width).T

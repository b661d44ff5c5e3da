"""How the engine's state lies in memory: a few structured arrays that kernel, snapshots and configuration changes share.

What a reading touches is one POINT record of 64 bytes, one cache line, because at a million points the time goes to memory, not to
arithmetic. It holds the *quiet band*: the values for which no rule of the point can move while nothing of it is pending. A usable,
newer reading inside the band needs no look at any rule; in a calm plant that is nearly every reading.

Rules lie in two arrays so that a snapshot copies only what moves: RULE (32 B, as configured) and STATUS (16 B). The rules of a point
stand side by side. At 1,000,000 points with 4 rules each: 64 + 128 + 64 MB, and 24 MB of indexes.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Structs = npt.NDArray[np.void]

POINT = np.dtype(
    [
        ("time", "<i8"),  # µs, of the newest reading decided on; NEVER before the first
        ("value", "<f8"),  # of that reading, whatever its quality
        (
            "quiet_low",
            "<f8",
        ),  # a usable value within [quiet_low, quiet_high] moves no rule; low > high: every reading is looked at
        ("quiet_high", "<f8"),
        ("heard", "<i8"),  # node time (node_time.NodeTime) at which it arrived
        ("touched", "<i8"),  # frame in which value or effective quality last changed
        ("rule_first", "<u4"),
        ("rule_count", "<u2"),
        ("source", "<u2"),
        ("quality", "<u2"),  # as received, NaN made bad, CLOCK_BAD added
        ("flags", "<u2"),  # PointFlag
        ("deadline", "<u4"),  # ms of silence that make it stale; 0: silence means unchanged
    ]
)

RULE = np.dtype(
    [
        ("limit", "<f8"),  # for STATE: index of its first state in the pool
        ("clear", "<f8"),  # the limit moved by the dead-band; for STATE: index after its last state
        ("on_delay", "<u4"),  # ms
        ("off_delay", "<u4"),  # ms
        ("number", "<u4"),
        ("kind", "u1"),
        ("flags", "u1"),  # RuleFlag
        ("priority", "u1"),
        ("pad", "u1"),
    ]
)

STATUS = np.dtype(
    [
        ("since", "<i8"),  # when the running delay began: data time for value and quality rules, node time for absence rules
        ("episode", "<u4"),
        ("state", "u1"),  # AlarmState
        ("phase", "u1"),  # Phase
        ("latched", "u1"),  # of a hidden alarm: it was on or latched before, or came on meanwhile, and its rule latches
        ("pad", "u1"),
    ]
)

PROGRAM = np.dtype(
    [
        ("at", "<i8"),  # data time of its last evaluation, or of the one that waits; never goes back
        ("target", "<u4"),  # number of the calculated point
        ("first", "<u4"),  # its instructions in `code`
        ("count", "<u4"),
        ("cell", "<u4"),  # its memory in `cells`
        ("max_age", "<u4"),  # ms for which a value is known after an evaluation, 0: until it changes
        ("level", "u1"),  # 1 + the highest of the calculated points it reads
        ("flags", "u1"),  # ProgramFlag
        ("pad", "<u2"),
    ]
)

CODE = np.dtype([("op", "u1"), ("pad0", "u1"), ("pad", "<u2"), ("a", "<u4"), ("x", "<f8")])

SOURCE = np.dtype(
    [
        ("up_since", "<i8"),  # node time; silence before it is not held against the points
        ("rule_first", "<u4"),
        ("rule_count", "<u2"),
        ("state", "u1"),  # View
        ("present", "u1"),
    ]
)

TRANSITION = np.dtype(
    [
        ("n", "<i8"),
        ("frame", "<i8"),
        ("happened_at", "<i8"),
        ("noticed_at", "<i8"),
        ("value", "<f8"),
        ("limit", "<f8"),
        ("alarm", "<u4"),
        ("episode", "<u4"),
        ("quality", "<u2"),
        ("trigger", "u1"),
        ("before", "u1"),
        ("after", "u1"),
        ("pad", "u1", (3,)),
    ]
)

NEVER = np.iinfo(np.int64).min
"""`POINT.time` of a point that has never had a reading."""
NOT_DUE = np.iinfo(np.int64).max
LEVELS = 16
"""How deep calculated points may stand on one another."""
STACK = 40
"""Entries of the machine's stack; an expression takes 32 at most."""
BLOCK = 64
"""Points per block of `due`: a tick looks only into blocks where something can have come due."""


class PointFlag(IntFlag):
    PRESENT = 1
    ON_CHANGE = 2  # silence with a live source means unchanged
    HELD = 4  # its source has been in view without a break since the newest reading
    STALE = 8
    PENDING = 16  # a delay of one of its rules is running
    LATCHES = 32  # a reading over range counts as over range until somebody resets it on site
    OVER_LATCHED = 64
    INHIBITED = 128  # by a work order: its readings are no evidence
    CALIBRATING = 256
    CALCULATED = 512  # its readings are a program's results
    FEEDS = 1024  # a program reads it
    GOVERNS = 2048  # its truth suppresses alarms by design
    NO_CALIBRATION = 4096  # no detector, so never in calibration mode; earlier snapshots and logs refuse none
    CALIBRATION_OVERDUE = 8192  # by the node's own point of its date: what its source calls good is uncertain


class RuleFlag(IntFlag):
    LATCHING = 1
    ENABLED = 2
    SHELVABLE = 128


class ProgramFlag(IntFlag):
    BY_ITSELF = 1  # moves on with time alone: has an operation over time, and silence of its inputs means unchanged


class Phase(IntEnum):
    """The condition of a rule after dead-band and delay. STANDING and FALLING count as on."""

    QUIET = 0
    RISING = 1  # met, on-delay running
    STANDING = 2
    FALLING = 3  # gone, off-delay running


class View(IntEnum):
    """Whether a source is seen. UNKNOWN: since the start nobody has said; after a grace it counts as DOWN."""

    UNKNOWN = 0
    UP = 1
    DOWN = 2


class Tally(IntEnum):
    """Counters of one kernel call. `applied` is what remains of the rows."""

    OUT = 0  # transitions written so far
    DUPLICATE = 1
    LATE = 2
    UNKNOWN_POINT = 3
    CLOCK_BAD = 4
    APPLIED = 5


class World(NamedTuple):
    """Everything the kernel reads and writes, as one argument."""

    points: Structs
    known: npt.NDArray[np.int64]  # per point: data time up to which its value is known, kept while a delay runs
    due: npt.NDArray[np.int64]  # per block: node time before which nothing in it can come due
    rules: Structs
    status: Structs
    pool: npt.NDArray[np.int32]  # states of STATE rules
    sources: Structs
    programs: Structs
    code: Structs
    cells: npt.NDArray[np.float64]  # memory of the programs
    feeds_first: npt.NDArray[np.int32]  # per point and one more: where its programs stand in `feeds`
    feeds: npt.NDArray[np.int32]
    governs_first: npt.NDArray[np.int32]  # per point and one more: where the rules it suppresses stand in `governs`
    governs: npt.NDArray[np.int32]
    waiting: npt.NDArray[np.int32]  # per level: programs to be evaluated, in the order in which they were fed
    waited: npt.NDArray[np.int64]  # per level: (how many wait, how many of them are done); all 0 between two parts
    marked: npt.NDArray[np.uint8]  # per program: waits
    stack_values: npt.NDArray[np.float64]
    stack_words: npt.NDArray[np.int64]
    table: npt.NDArray[np.uint8]  # states.TABLE
    out: Structs  # TRANSITION rows
    tally: npt.NDArray[np.int64]  # Tally


def aligned(rows: int, dtype: Any) -> Any:
    """Zeros that start on a cache line, so that a 64-byte record never straddles two."""
    kind = np.dtype(dtype)
    raw = np.zeros(rows * kind.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + rows * kind.itemsize].view(kind)

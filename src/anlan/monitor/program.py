"""What the expression of a calculated point becomes: instructions for the kernel's stack machine. Data only.

In: nothing. Out: the operations and their numbers, how many cells of memory each needs, and `Program`. The parser of `expressions/`
writes programs, the kernel runs them; neither knows more of the other than what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Op(IntEnum):
    """One byte. Numbers are stored: never reused, only added."""

    CONST = 1
    POINT = 2
    ADD = 3
    SUB = 4
    MUL = 5
    DIV = 6
    MIN = 7
    MAX = 8
    POW = 9
    NEG = 10
    ABS = 11
    SQRT = 12
    LN = 13
    EXP = 14
    LT = 15
    LE = 16
    GT = 17
    GE = 18
    EQ = 19
    NE = 20
    AND = 21
    OR = 22
    NOT = 23
    IF = 24
    GOOD = 25
    BAD = 26
    UNCERTAIN = 27
    REASON = 28
    ABOVE = 29
    BELOW = 30
    VOTE = 31
    AVG = 32
    LOWEST = 33
    HIGHEST = 34
    SPREAD = 35
    DELTA = 36
    RATE = 37
    COUNT = 38
    HOLD = 39
    DURATION = 40


STEPS = 30
"""Steps into which a window of time is divided: what happened within one step is kept as one entry."""

RING = 32
"""A power of two. Entries of a window's memory: its steps, the one that is being filled, and the reference before them."""

WITH_CONSTANT = 0x80
"""Added to an arithmetic or comparing operation whose second operand is the constant `x` of its own row. Made when programs are laid out
for the kernel, never stored."""

_CELLS = {
    Op.ABOVE: 1,
    Op.BELOW: 1,
    Op.AVG: 6 + 3 * RING,
    Op.LOWEST: 6 + 3 * RING,
    Op.HIGHEST: 6 + 3 * RING,
    Op.SPREAD: 6 + 3 * RING,
    Op.DELTA: 2 + 2 * RING,
    Op.RATE: 2 + 2 * RING,
    Op.COUNT: 5 + 2 * RING,
    Op.HOLD: 3,
    Op.DURATION: 3,
}

TIMED = frozenset(_CELLS) - {Op.ABOVE, Op.BELOW}
"""Operations whose result moves on with time alone."""


def cells_of(op: Op) -> int:
    """How many float64 words of memory an operation keeps between evaluations."""
    return _CELLS.get(op, 0)


class Instruction(NamedTuple):
    """One step. `a`: a point's number, an offset into the program's cells, or the packed vote; `x`: a constant, a band, or µs."""

    op: Op
    a: int = 0
    x: float = 0.0


@dataclass(frozen=True, slots=True)
class Program:
    """An expression ready to run."""

    code: tuple[Instruction, ...]
    points: tuple[int, ...]
    """Numbers of the points it reads, each once, in order of appearance."""
    cells: int
    """float64 words of memory, all 0 at the start."""
    timed: bool
    depth: int
    """Entries that its stack holds at most."""

"""A tiny stack machine for programs, so that what the parser emits is tested without the kernel. The reference's windows do the time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from expressions.reference import (
    Banded,
    Lasting,
    arithmetic,
    choose,
    combine,
    compare,
    function,
    kleene,
    memory_of,
    tidy,
    vote,
)

from anlan.model.quality import FLAG_MASK
from anlan.monitor.program import TIMED, Op, Program

ARITHMETIC = {Op.ADD: "+", Op.SUB: "-", Op.MUL: "*", Op.DIV: "/", Op.POW: "^", Op.MIN: "min", Op.MAX: "max"}
COMPARE = {Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">=", Op.EQ: "=", Op.NE: "!="}
FUNCTION = {Op.ABS: "abs", Op.SQRT: "sqrt", Op.LN: "ln", Op.EXP: "exp"}
OVER_TIME = {
    Op.AVG: "avg", Op.LOWEST: "min", Op.HIGHEST: "max", Op.SPREAD: "spread", Op.DELTA: "delta", Op.RATE: "rate", Op.COUNT: "count",
    Op.HOLD: "hold",
}  # fmt: skip


class Machine:
    """One program with its memory; `cells` are told apart by their offset, and two operations may not share one."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.memory: dict[int, tuple[int, Any]] = {}

    def evaluate(self, t: int, inputs: Mapping[int, tuple[float, int]], max_age: int = 0) -> tuple[float, int]:
        stack: list[tuple[float, int]] = []
        for position, (op, a, x) in enumerate(self.program.code):
            if op is Op.CONST:
                stack.append((x, 0))
            elif op is Op.POINT:
                stack.append(tidy(*inputs[a]))
            else:
                count = {Op.IF: 3, Op.VOTE: a & 0xFF}.get(
                    op, 2 if op in (*ARITHMETIC, *COMPARE, Op.AND, Op.OR, Op.ABOVE, Op.BELOW) else 1
                )
                operands = stack[len(stack) - count :]
                del stack[len(stack) - count :]
                stack.append(tidy(*self.step(position, op, a, x, operands, t, max_age)))
            assert len(stack) <= self.program.depth
        assert len(stack) == 1
        return stack[0]

    def step(
        self, position: int, op: Op, a: int, x: float, operands: list[tuple[float, int]], t: int, max_age: int
    ) -> tuple[float, int]:
        value, word = operands[0]
        if op in (Op.AND, Op.OR):
            return kleene(op.name.lower(), operands[0], operands[1])
        if op is Op.IF:
            return choose(*operands)
        if op is Op.VOTE:
            return vote(a >> 8 & 0xFF, operands, fault_votes=bool(a >> 16 & 1), calibration_leaves=bool(a >> 17 & 1))
        if op in (Op.GOOD, Op.UNCERTAIN, Op.BAD):
            return float(word >> 14 == (Op.GOOD, Op.UNCERTAIN, Op.BAD).index(op)), word & FLAG_MASK
        if op is Op.REASON:
            return float(word & 0xFF == x), word & FLAG_MASK
        if op in TIMED:
            return self.remembered(position, op, a, x).step(t, value, word, max_age)
        word = combine(*(one[1] for one in operands))
        if op in (Op.ABOVE, Op.BELOW):
            return self.remembered(position, op, a, x).step(value, operands[1][0], word)
        if word >> 14 >= 2:
            return math.nan, word
        if op in FUNCTION:
            return function(FUNCTION[op], value), word
        if op in (Op.NEG, Op.NOT):
            return (-value if op is Op.NEG else float(value == 0)), word
        if op in COMPARE:
            return compare(COMPARE[op], value, operands[1][0]), word
        return arithmetic(ARITHMETIC[op], value, operands[1][0]), word

    def remembered(self, position: int, op: Op, cell: int, x: float) -> Any:
        if cell not in self.memory:
            fresh: Any = Banded(x, op is Op.ABOVE) if op in (Op.ABOVE, Op.BELOW) else None
            if fresh is None:
                fresh = Lasting() if op is Op.DURATION else memory_of(OVER_TIME[op], x)
            self.memory[cell] = (position, fresh)
        owner, memory = self.memory[cell]
        assert owner == position, "two operations share a cell"
        return memory

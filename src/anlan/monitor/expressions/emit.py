"""From terms to the kernel's program: postfix order, the offsets of each operation's memory, how deep the stack gets."""

from __future__ import annotations

from anlan.monitor.expressions.terms import Term, postfix
from anlan.monitor.program import TIMED, Instruction, Op, Program, cells_of


def program_of(term: Term) -> Program:
    """The program that leaves the value of `term` on the stack."""
    code: list[Instruction] = []
    points: dict[int, None] = {}
    cells = height = depth = 0
    for one in postfix(term):
        memory = cells_of(one.op)
        code.append(Instruction(one.op, cells if memory else one.a, one.x))
        cells += memory
        if one.op is Op.POINT:
            points[one.a] = None
        height += 1 - len(one.operands)
        depth = max(depth, height)
    return Program(tuple(code), tuple(points), cells, any(step.op in TIMED for step in code), depth)


def points_of(term: Term) -> tuple[str, ...]:
    """Ids of the points it reads, each once, in order of appearance."""
    return tuple(dict.fromkeys(one.point for one in postfix(term) if one.op is Op.POINT))

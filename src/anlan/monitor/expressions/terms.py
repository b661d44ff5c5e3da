"""The tree that is left once names, types and units are settled: operations of the kernel, with nothing to convert any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anlan.model.words import Label
from anlan.monitor.expressions.errors import Span
from anlan.monitor.expressions.measures import Measure
from anlan.monitor.program import Op


@dataclass(frozen=True, slots=True)
class Term:
    """`measure` is None for a condition; `states` is given for a discrete point alone. `a` and `x` as in `program.Instruction`, without
    the offset into the memory. `written`: a step that the text has, not one that a conversion or a chain added."""

    op: Op
    at: Span
    operands: tuple[Term, ...] = ()
    measure: Measure | None = None
    a: int = 0
    x: float = 0.0
    written: bool = True
    point: str = ""
    states: Mapping[int, Label] | None = None

    @property
    def constant(self) -> float | None:
        return self.x if self.op is Op.CONST else None


def postfix(term: Term) -> Iterator[Term]:
    """Operands before the operation, from left to right. Not by recursion: a sum of a thousand terms is a thousand deep."""
    waiting = [(term, False)]
    while waiting:
        one, ready = waiting.pop()
        if ready or not one.operands:
            yield one
        else:
            waiting.append((one, True))
            waiting.extend((operand, False) for operand in reversed(one.operands))

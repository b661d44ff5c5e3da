"""The tree of an expression as it was written, before anything is known of points and units.

Every node says where it stands (`at`), which doesn't count when two trees are compared. `print_text` writes a tree so that parsing it
gives the same tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anlan.monitor.expressions.errors import Span
from anlan.monitor.expressions.tokens import KEYWORDS
from anlan.monitor.expressions.written_units import Written

NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    at: Span = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal, its sign included."""

    value: float
    unit: Written | None = None


@dataclass(frozen=True, slots=True)
class PointName(Node):
    id: str


@dataclass(frozen=True, slots=True)
class StateName(Node):
    """The name of a discrete point's state, in either language."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative(Node):
    operand: Node


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """`first` and what follows it: + and -, or * and /, from left to right."""

    first: Node
    steps: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Power(Node):
    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Among(Node):
    operand: Node
    values: tuple[Number | StateName, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`word` is "and" or "or"."""

    word: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Window(Node):
    """A function over time; `width` is a literal with a unit of time."""

    name: str
    operand: Node
    width: Number


@dataclass(frozen=True, slots=True)
class Vote(Node):
    """`needed` of `members`. A faulty member votes unless `fault_leaves`; a calibrating one leaves unless `calibration_alarms`."""

    needed: int
    members: tuple[Node, ...]
    fault_leaves: bool = False
    calibration_alarms: bool = False


def print_text(node: Node) -> str:
    """The tree as text, with no more brackets than it needs."""
    match node:
        case Number():
            return _number(node)
        case PointName():
            return f"`{node.id}`" if not node.id[0].isalpha() or node.id.casefold() in KEYWORDS else node.id
        case StateName():
            return next(f"{a}{node.name}{b}" for a, b in ('""', "''", "“”") if b not in node.name)
        case Negative():
            return f"-{_inside(node.operand, node)}"
        case Not():
            return f"not {_inside(node.operand, node, equal=True)}"
        case Power():
            return f"{_inside(node.base, node)} ^ {_inside(node.exponent, node, equal=True)}"
        case Chain():
            steps = (f" {sign} {_inside(operand, node)}" for sign, operand in node.steps)
            return f"{_inside(node.first, node)}{''.join(steps)}"
        case Comparison():
            return f"{_inside(node.left, node)} {node.sign} {_inside(node.right, node)}"
        case Among():
            return f"{_inside(node.operand, node)} in {{{', '.join(map(print_text, node.values))}}}"
        case Logic():
            return f" {node.word} ".join(_inside(operand, node) for operand in node.operands)
        case Call():
            return f"{node.name}({', '.join(map(print_text, node.arguments))})"
        case Window():
            word = "for" if node.name == "hold" else "over"
            return f"{node.name}({print_text(node.operand)} {word} {print_text(node.width)})"
        case Vote():
            options = ("; fault leaves" if node.fault_leaves else "") + (
                "; calibration alarms" if node.calibration_alarms else ""
            )
            return f"vote({node.needed} of {', '.join(map(print_text, node.members))}{options})"
    raise TypeError(node)


def _number(node: Number) -> str:
    value = f"{node.value:.0f}" if node.value == int(node.value) and abs(node.value) < 1e15 else repr(node.value)
    return f"{value} {node.unit.text()}" if node.unit else value


def _inside(child: Node, parent: Node, *, equal: bool = False) -> str:
    """`child` in brackets unless it binds tighter than `parent` (or, where that reads the same, as tight)."""
    text, inner, outer = print_text(child), _binding(child), _binding(parent)
    return text if inner > outer or (equal and inner == outer) else f"({text})"


def _binding(node: Node) -> int:
    match node:
        case Logic():
            return 1 if node.word == "or" else 2
        case Not():
            return 3
        case Comparison() | Among():
            return 4
        case Chain():
            return 5 if node.steps[0][0] in "+-" else 6
        case Negative():
            return 7
        case Power():
            return 8
        case Number():
            return 7 if node.value < 0 else 9
    return 9

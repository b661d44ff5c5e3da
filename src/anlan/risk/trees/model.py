"""What a fault tree is made of, as values that never change.

A formula joins events by and, or, not, k-of-n …; a gate is a named formula; a basic event is where the tree ends, with an expression for its
probability; a house event is a switch. An event tree asks functional events one after the other until a sequence is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anlan.risk.trees.expressions import Expression
from anlan.risk.written import NOWHERE, Place

HOURS_PER_YEAR = 8760.0


class Connective(StrEnum):
    AND = "and"
    OR = "or"
    NOT = "not"
    XOR = "xor"
    ATLEAST = "atleast"
    NAND = "nand"
    NOR = "nor"
    IFF = "iff"
    IMPLY = "imply"


@dataclass(frozen=True, slots=True)
class Named:
    """A gate, basic event or house event of the model, by its full name."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class Formula:
    """`least` is the k of k-of-n and 0 elsewhere. xor is true for an odd number of true arguments."""

    connective: Connective
    arguments: tuple[Formula | Named | Constant, ...]
    least: int = 0


Logic = Formula | Named | Constant


@dataclass(frozen=True, slots=True)
class Gate:
    name: str
    formula: Logic
    label: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class BasicEvent:
    """`probability` None: not given; whatever needs it answers None with that reason."""

    name: str
    probability: Expression | None = None
    label: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class HouseEvent:
    name: str
    state: bool
    label: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    value: Expression
    unit: str = ""
    label: str = ""
    place: Place = NOWHERE


class CcfModel(StrEnum):
    BETA = "beta-factor"
    MGL = "MGL"
    ALPHA = "alpha-factor"
    PHI = "phi-factor"


@dataclass(frozen=True, slots=True)
class CcfGroup:
    """Members that fail alone with `distribution`, and some of them together by `factors`.

    `factors` in the order of levels: beta has one; MGL has n − 1 (β, γ, δ …); alpha and phi have n (levels 1 … n).
    """

    name: str
    model: CcfModel
    members: tuple[str, ...]
    distribution: Expression
    factors: tuple[Expression, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class CollectFormula:
    formula: Logic


@dataclass(frozen=True, slots=True)
class CollectExpression:
    expression: Expression


@dataclass(frozen=True, slots=True)
class SetHouse:
    name: str
    state: bool


Instruction = CollectFormula | CollectExpression | SetHouse


@dataclass(frozen=True, slots=True)
class Branch:
    """What a path collects, and where it goes: on to a fork, to another branch by name, or to a sequence."""

    instructions: tuple[Instruction, ...]
    fork: Fork | None = None
    sequence: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    state: str
    branch: Branch


@dataclass(frozen=True, slots=True)
class Fork:
    functional_event: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """`linked`: the event tree that goes on from here."""

    name: str
    linked: str = ""
    instructions: tuple[Instruction, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class EventTree:
    name: str
    initial: Branch
    sequences: Mapping[str, Sequence]
    branches: Mapping[str, Branch] = field(default_factory=dict)
    functional_events: tuple[str, ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class InitiatingEvent:
    """`frequency` None: the sequences are told per demand."""

    name: str
    event_tree: str = ""
    frequency: Expression | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class FaultTree:
    """All that one or more files define. `top` is the gate that is asked for when nothing else is said ("" when there is none)."""

    name: str
    gates: Mapping[str, Gate]
    events: Mapping[str, BasicEvent]
    top: str = ""
    houses: Mapping[str, HouseEvent] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    groups: tuple[CcfGroup, ...] = ()
    event_trees: Mapping[str, EventTree] = field(default_factory=dict)
    initiating_events: Mapping[str, InitiatingEvent] = field(default_factory=dict)
    mission_time: float = HOURS_PER_YEAR
    tops: tuple[str, ...] = ()


def names_in(formula: Logic) -> Iterator[str]:
    """Each name a formula refers to, in the order in which it is written."""
    waiting = [formula]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Named):
            yield one.name
        elif isinstance(one, Formula):
            waiting.extend(reversed(one.arguments))

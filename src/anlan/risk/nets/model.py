"""What a Bayesian net is made of, as values that never change.

A node has states and a rule that says how probable each is, given its parents: a table, a gate without chance, a gate with noise, or a unit
that fails and is repaired. In a dynamic net a rule may look at a parent one step before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anlan.model.words import Label
from anlan.risk.studies.facts import Bound
from anlan.risk.written import NOWHERE, Place

NO, YES = "no", "yes"
BINARY = (NO, YES)
BEFORE = "@before"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A parent; `before`: as it was one step earlier."""

    name: str
    before: bool = False

    def __str__(self) -> str:
        return self.name + (BEFORE if self.before else "")


@dataclass(frozen=True, slots=True)
class Literal:
    """True while the parent is in one of these states."""

    ref: Ref
    states: tuple[str, ...]


class GateKind(StrEnum):
    AND = "and"
    OR = "or"
    ATLEAST = "atleast"
    XOR = "xor"


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` float[product of the parents' states, the first parent slowest][states]."""

    parents: tuple[Ref, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """True without chance: all, any, at least `least`, or an odd number of its literals."""

    kind: GateKind
    literals: tuple[Literal, ...]
    least: int = 0


@dataclass(frozen=True, slots=True)
class Noisy:
    """With noise. `or`: each true literal brings the node about with its chance, and `leak` does so without any.
    `and`: each literal that is false prevents it with its chance, and `leak` does so although all are true (the dual).
    """

    kind: GateKind
    links: tuple[tuple[Literal, float], ...]
    leak: float = 0.0


@dataclass(frozen=True, slots=True)
class Repairable:
    """States (works, failed): fails at `rate`, repaired at `repair_rate`, both per hour; exact from step to step."""

    rate: float
    repair_rate: float


Rule = Table | Gate | Noisy | Repairable
Finding = str | Mapping[str, float]
"""A state, or a likelihood for each state."""


@dataclass(frozen=True, slots=True)
class LiveFinding:
    """What a fact of the plant says of a node: `then` while it is true, `otherwise` while it is known to be false (None: nothing)."""

    node: str
    bound: Bound
    then: Finding
    otherwise: Finding | None = None


@dataclass(frozen=True, slots=True)
class NetNode:
    """`start`: the rule of step 0, where `rule` looks one step before. `once`: one node for all steps."""

    name: str
    states: tuple[str, ...]
    rule: Rule
    start: Rule | None = None
    once: bool = False
    label: Label = field(default_factory=Label)
    place: Place = NOWHERE

    @property
    def yes(self) -> str:
        """The state that a two-state node's name alone stands for."""
        return YES if YES in self.states else self.states[-1]


@dataclass(frozen=True, slots=True)
class Net:
    """`steps`: 0 for a static net, else steps after step 0, each of `step_hours`. `query`: what is asked for first."""

    name: str
    nodes: Mapping[str, NetNode]
    label: Label = field(default_factory=Label)
    steps: int = 0
    step_hours: float = 1.0
    query: tuple[str, ...] = ()
    live: tuple[LiveFinding, ...] = ()
    """In a dynamic net they stand at step 0."""
    source: str = ""
    validity: str = ""
    place: Place = NOWHERE


def refs_of(rule: Rule | None) -> tuple[Ref, ...]:
    """Each parent once, in the order written."""
    match rule:
        case Table(parents):
            return parents
        case Gate(_, literals):
            return tuple(dict.fromkeys(one.ref for one in literals))
        case Noisy(_, links):
            return tuple(dict.fromkeys(one.ref for one, _ in links))
        case _:
            return ()

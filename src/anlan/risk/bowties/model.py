"""What a bow-tie is made of, as values that never change.

    threats ──| barriers |── TOP EVENT ──| barriers |── consequences
                 └ escalation factor ─| barrier |

A barrier is one thing wherever it stands: what fails on one path has failed on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from anlan.model.words import Label
from anlan.risk.studies.facts import Bound
from anlan.risk.trees.model import FaultTree
from anlan.risk.written import NOWHERE, Place

if TYPE_CHECKING:
    from anlan.risk.studies.of_trees import LiveEvent


class BarrierSort(StrEnum):
    PASSIVE = "passive"
    ACTIVE = "active"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a barrier that the plant tells about: lost when any of its facts is true."""

    label: Label
    bounds: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """The barrier can act while `needs` of its items are not lost."""

    needs: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Barrier:
    """Fails on demand with `pfd`, or as the fault tree's `gate` says (then `pfd` is None). `degraded`: its pfd while items are lost that it can spare.
    `escalation`: names of the factors that defeat it.
    """

    name: str
    sort: BarrierSort
    pfd: float | None
    gate: str = ""
    degraded: float | None = None
    watch: Watch | None = None
    escalation: tuple[str, ...] = ()
    label: Label = field(default_factory=Label)
    source: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Live:
    """While the fact is true, `then` takes the place of the chance or frequency."""

    bound: Bound
    then: float


@dataclass(frozen=True, slots=True)
class Escalation:
    """Defeats a barrier when it is there (`chance`) and all of its own `barriers` fail."""

    name: str
    chance: float
    barriers: tuple[str, ...] = ()
    live: Live | None = None
    label: Label = field(default_factory=Label)
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be so beside the barriers: an ignition, the wind, people there. Not a barrier: nobody keeps it up."""

    name: str
    chance: float
    live: Live | None = None
    label: Label = field(default_factory=Label)
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Threat:
    """`frequency` a year. With `gate`, only so often as that gate of the fault tree is true."""

    name: str
    frequency: float
    barriers: tuple[str, ...] = ()
    gate: str = ""
    live: Live | None = None
    label: Label = field(default_factory=Label)
    source: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Consequence:
    """Follows the top event when all `barriers` fail, all of `works` work, all of `given` are so and none of `unless`.

    `severity` 1 … 5 of the site's own scale, 5 the worst.
    """

    name: str
    severity: int
    barriers: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    label: Label = field(default_factory=Label)
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class BowTie:
    """`tree`: the fault tree that gates refer to; without gates where there is none. `linked`: the study that holds it, where another does."""

    name: str
    label: Label
    hazard: Label
    top_event: Label
    threats: Mapping[str, Threat]
    barriers: Mapping[str, Barrier]
    consequences: Mapping[str, Consequence]
    tree: FaultTree
    escalation: Mapping[str, Escalation] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    live: tuple[LiveEvent, ...] = ()
    """Of the tree's events."""
    linked: str = ""
    source: str = ""
    validity: str = ""

    def worst(self) -> tuple[str, ...]:
        """The consequences of the highest severity that occurs."""
        highest = max((one.severity for one in self.consequences.values()), default=0)
        return tuple(name for name, one in self.consequences.items() if one.severity == highest)

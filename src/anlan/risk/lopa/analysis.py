"""What an analysis of layers is made of, as values that never change (AQ/T 3054-2015, GB/T 32857-2016, CCPS).

cause · frequency a year ──× enabling conditions × modifiers──▶ unmitigated ──× PFD of each credited layer──▶ mitigated ──▶ against the target
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anlan.model.words import Label
from anlan.risk.lopa.functions import SafetyFunction
from anlan.risk.studies.facts import Binding, Bound

LAYERS = ("bpcs", "alarm", "sif", "relief", "mechanical", "dike", "procedure", "other")
CAUSES = ("bpcs", "equipment", "human", "outside")
MODEL = Label(
    zh="LOPA,AQ/T 3054-2015、GB/T 32857-2016(未核对原文)", en="LOPA, AQ/T 3054-2015, GB/T 32857-2016 (text not checked)"
)


@dataclass(frozen=True, slots=True)
class Uses:
    """Elements that a cause or a layer rests on, by role (sensor, logic, final, person …): `elements` id → role."""

    elements: dict[str, str] = field(default_factory=dict)

    def shared(self, other: Uses) -> list[str]:
        return [one for one in self.elements if one in other.elements]

    def of(self, role: str) -> set[str]:
        return {one for one, its in self.elements.items() if its == role}


@dataclass(frozen=True, slots=True)
class Chance:
    """An enabling condition or conditional modifier. `present`: facts that make it certain while they hold."""

    id: str
    name: Label
    probability: float
    source: str = ""
    present: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """An initiating event. `frequency` a year; `sort` one of CAUSES."""

    id: str
    name: Label
    sort: str
    frequency: float
    source: str = ""
    uses: Uses = field(default_factory=Uses)
    enabling: tuple[Chance, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as claimed. `pfd` None: a safety function whose PFD is yet to be found. `causes`: those it works against, () all. `lost`: facts
    that take it away. `anlan`: it rests on this program's own alarms; `accepted`: who has accepted that, and by what."""

    id: str
    name: Label
    sort: str
    pfd: float | None
    source: str = ""
    uses: Uses = field(default_factory=Uses)
    causes: tuple[str, ...] = ()
    minutes: float | None = None
    anlan: bool = False
    accepted: str = ""
    function: SafetyFunction | None = None
    lost: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """One consequence with all its causes. `target` mitigated events a year that are accepted (TMEL)."""

    consequence: Label
    target: float
    target_source: str
    causes: tuple[Cause, ...]
    modifiers: tuple[Chance, ...]
    layers: tuple[Layer, ...]

    def chances(self) -> tuple[Chance, ...]:
        """Modifiers, then the enabling conditions of each cause."""
        return (*self.modifiers, *(one for cause in self.causes for one in cause.enabling))

    def bindings(self) -> tuple[Bound, ...]:
        """Each question to the plant once, in the order written."""
        found: dict[Binding, Bound] = {}
        for bound in (
            *(one for layer in self.layers for one in layer.lost),
            *(one for chance in self.chances() for one in chance.present),
        ):
            found.setdefault(bound.binding, bound)
        return tuple(found.values())

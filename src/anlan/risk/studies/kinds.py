"""Kinds of studies: what each must be able to do, and where it lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.studies.drafts import Draft
from anlan.risk.studies.facts import Binding, Bound, Fact

if TYPE_CHECKING:
    from anlan.web.paper.document import Section

HOMES: dict[str, str] = {
    "fault-tree": "anlan.risk.studies.of_trees:FaultTrees",
    "event-tree": "anlan.risk.studies.of_event_trees:EventTrees",
    "bow-tie": "anlan.risk.bowties.kind:BowTies",
    "net": "anlan.risk.nets.kind:Nets",
    "lopa": "anlan.risk.lopa.kind:Lopa",
}
"""Kind → module:class, in the order in which they are offered. Imported when one is first used."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One fact that moves the outcome: by `factor`, alone, against the baseline. None: its own share is not known."""

    what: str
    """The model's name for what it is bound to: a basic event, a threat, a layer."""
    label: Label
    binding: Binding
    fact: Fact
    factor: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a study says in one line. `value`, `baseline` in `unit` ("" a probability, "/a" a frequency a year); None where not computed.

    `bound` (lower, upper) where it is not exact. `unknown`: share 0 … 1 of the bound facts that are not known now. `model`: by what it was
    computed, edition included; `limits`: outside of which range, or by which assumption, it must not be read.
    """

    value: float | None
    baseline: float | None
    unit: str = ""
    bound: tuple[float, float] | None = None
    unknown: float = 0.0
    moved: tuple[Moved, ...] = ()
    model: Label = field(default_factory=Label)
    limits: tuple[Label, ...] = ()
    reasons: tuple[Label, ...] = ()
    """Why a figure is missing."""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def factor(self) -> float | None:
        """Value against baseline; DOMAIN: shown instead of a bare number."""
        if self.value is None or self.baseline is None or not self.baseline:
            return None
        return self.value / self.baseline


class Kind(Protocol):
    """One kind of study. An instance holds nothing: models are made by `read` and kept by who asks."""

    name: str
    title: Label

    def read(self, draft: Draft) -> Any:
        """The model. Raises `written.Mistake` with file and line."""
        ...

    def bindings(self, model: Any) -> Sequence[Bound]: ...

    def solve(self, model: Any, facts: Mapping[Binding, Fact] | None) -> Any:
        """Blocking, in a worker thread, never twice at once for one model. None: the baseline, without the plant."""
        ...

    def outcome(self, answer: Any) -> Outcome: ...

    def figure(self, answer: Any) -> dict[str, Any]: ...

    def paper(self, answer: Any, language: Language) -> tuple[Section, ...]: ...


@cache
def kind(name: str) -> Kind:
    """Raises KeyError for a kind that nobody has."""
    module, _, attribute = HOMES[name].partition(":")
    found: Kind = getattr(import_module(module), attribute)()
    return found

"""Whether a study holds: header, its kind's own rules, and whether the plant has what it asks for. Every mistake by file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anlan.guard.principal import Principal
from anlan.model.points import Point
from anlan.monitor.safety.config import SafetySystem
from anlan.risk.studies.drafts import Draft, Library, Written, read_draft
from anlan.risk.studies.facts import Binding
from anlan.risk.studies.kinds import kind
from anlan.risk.written import Mistake
from anlan.web.context import PlantView

LIVE, ALARMS = "live.view", "alarm.view"


@dataclass(frozen=True, slots=True)
class Names:
    """What a plant has, by id; `places` by path (`facts.KnownPlant`)."""

    points: Collection[str]
    alarms: Collection[str]
    bypasses: Mapping[str, str]
    """What a binding may call a bypass → the point that tells it."""
    places: Collection[str]
    bow_ties: Collection[str] | None = None
    """Studies whose barriers may be asked for; None: not known."""
    stood: Mapping[Binding, bool] = field(default_factory=dict)
    """What the version before asked for, and whether the plant has it: it may stay, whoever edits the rest."""

    @classmethod
    def of(cls, points: Iterable[Point], alarms: Iterable[str], safety: Any, places: Collection[str]) -> Names:
        points = tuple(points)
        found = {point.id: point.id for point in points if point.kind == "bypass"}
        for cause in safety.causes if isinstance(safety, SafetySystem) else ():
            if cause.bypass is not None:
                for name in (cause.id, cause.point, *cause.watches):
                    found.setdefault(name, cause.bypass)
        return cls({point.id for point in points}, set(alarms), found, set(places))

    @classmethod
    def of_view(cls, plant: PlantView) -> Names:
        return cls.of(plant.points.values(), plant.rule_numbers, plant.safety, plant.places)

    def lacks(self, binding: Binding) -> bool:
        if binding in self.stood:
            return not self.stood[binding]
        if binding.sort == "barrier":
            return self.bow_ties is not None and binding.id.partition("/")[0] not in self.bow_ties
        known: Mapping[str, Collection[str]] = {"point": self.points, "alarm": self.alarms, "bypass": self.bypasses}
        return binding.sort in known and binding.id not in known[binding.sort]

    def seen_by(self, principal: Principal, plant: PlantView, studies: Collection[str], before: Iterable[Binding]) -> Names:
        """What this person may see of them, `studies` included: whoever writes a study learns by it nothing else of the plant."""
        live = {path for path in ("", *plant.places) if principal.allows(LIVE, path)}
        alarms = {path for path in ("", *plant.places) if principal.allows(ALARMS, path)}
        points = {point.id for point in plant.points.values() if (point.place or plant.top) in live}
        return Names(
            points,
            {id for id in self.alarms if (plant.place_of_rule(plant.rules[plant.rule_numbers[id]]) or plant.top) in alarms},
            {name: point for name, point in self.bypasses.items() if point in points},
            self.places,
            studies,
            {binding: not self.lacks(binding) for binding in before},
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """`model` is None while there is a mistake in the study itself; one that only the plant makes leaves it."""

    draft: Draft | None
    model: Any
    mistakes: tuple[Mistake, ...]
    lacking: frozenset[Binding] = frozenset()
    """What it asks for and the plant has not, as far as who wrote it may see."""


def check(written: Written, plant: Names | None, library: Library | None = None) -> Checked:
    """`plant` None: not known, so nothing is said of it. `library`: the other studies. A kind tells its first mistake; those of the plant are told all at once."""
    draft = None
    try:
        draft = read_draft(written, library)
        model = kind(draft.kind).read(draft)
    except Mistake as mistake:
        return Checked(draft, None, (mistake,))
    if plant is None:
        return Checked(draft, model, ())
    mistakes, lacking = [], set()
    if draft.place and draft.place not in plant.places:
        mistakes.append(Mistake("the plant has no place {name}", draft.place_at, name=draft.place))
    for one in kind(draft.kind).bindings(model):
        if plant.lacks(one.binding):
            lacking.add(one.binding)
            mistakes.append(Mistake("the plant has no {binding}", one.place, binding=str(one.binding)))
    return Checked(draft, model, tuple(mistakes), frozenset(lacking))

"""Whether a change makes a safety alarm weaker: later, quieter, rarer or gone. Pure: two plants in, what is loosened out.

DOMAIN.md 16: loosening or disabling a safety limit, a gas or fire point needs two persons; tightening one. Concerned are the alarms of points
that are safety-related or detect a hazard, these points themselves, the loss of view of sources, votes, what is calculated, final elements, and
the settings that reach all of them. `plant.judgements` says field by field what is weaker; one that it does not know counts as loosened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from anlan.model.detector_states import state_points
from anlan.model.errors import Forbidden
from anlan.model.kinds import kinds
from anlan.model.languages import translate
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.calculated import tanks_of
from anlan.plant.compile import all_rules
from anlan.plant.description import Calculation, Plant
from anlan.plant.field_words import field_word
from anlan.plant.judgements import JUDGED, weaker
from anlan.plant.safety_points import safety_rules

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Loosened:
    """One alarm made weaker. `field` is "" for one that is gone."""

    alarm: str
    field: str = ""
    before: Any = None
    after: Any = None

    def text(self, language: str = "en") -> str:
        if not self.field:
            return translate("{alarm} removed", language).format(alarm=self.alarm)
        return translate("{alarm}: {field} {before} → {after}", language).format(
            alarm=self.alarm, field=field_word(self.field, language), before=self.before, after=self.after
        )


class SecondPersonNeeded(Forbidden):
    """One person may tighten a safety limit, not loosen it; `loosened` says what would be."""

    code = "second-person-needed"

    def __init__(self, loosened: list[Loosened]) -> None:
        self.loosened = tuple(loosened)
        more = f" … +{len(loosened) - SHOWN}" if len(loosened) > SHOWN else ""
        super().__init__(
            "this loosens safety alarms, which takes two persons; tightening takes one: {what}",
            what="; ".join(one.text() for one in loosened[:SHOWN]) + more,
            alarms=[one.alarm for one in loosened],
        )

    def text(self, language: str = "en") -> str:
        more = f" … +{len(self.loosened) - SHOWN}" if len(self.loosened) > SHOWN else ""
        what = "; ".join(one.text(language) for one in self.loosened[:SHOWN]) + more
        return translate(self.message, language).format(**{**self.facts, "what": what})


def loosened(before: Plant, after: Plant) -> list[Loosened]:
    """What the change from `before` to `after` makes weaker, by alarm; empty when one person may make it."""
    rules = {rule.id: rule for rule in all_rules(after)}
    classes_before, classes_after = ({c.id: c for c in plant.alarms.classes} for plant in (before, after))
    of_the_safety_system = {rule.id for rule in safety_rules(before)}
    found: list[Loosened] = []
    for rule in all_rules(before):
        if rule.id not in of_the_safety_system and not is_guarded(rule, before.points_by_id.get(rule.point)):
            continue
        new = rules.get(rule.id)
        found += loosened_rule(rule, new)
        if rule.enabled and new is not None and new.enabled:
            found += _loosened_class(rule.id, classes_before.get(rule.alarm_class), classes_after.get(new.alarm_class))
    return [*found, *_points(before, after), *_sources(before, after), *_calculations(before, after), *_settings(before, after)]


def is_guarded(rule: AlarmRule, point: Point | None) -> bool:
    """Whether loosening this alarm takes two persons."""
    if point is None:
        return True  # loss of view of a source, with whatever safety points it carries; a vote; the node's own
    return guards(point)


def guards(point: Point) -> bool:
    """Whether it is safety-related or detects a hazard."""
    return point.safety or point.kind in _hazards()


@cache
def _hazards() -> frozenset[str]:
    return frozenset(kind.id for kind in kinds().values() if kind.hazard)


def loosened_rule(before: AlarmRule, after: AlarmRule | None) -> list[Loosened]:
    """Of one alarm; None is an alarm that is gone."""
    if not before.enabled:
        return []  # it decided nothing, so nothing can be weaker
    return [Loosened(before.id)] if after is None else _weaker(before.id, before, after)


def _loosened_class(alarm: str, before: AlarmClass | None, after: AlarmClass | None) -> list[Loosened]:
    """Whether the demands of the class that holds after are less than those that held before. No class: shelving to the end of the shift."""
    free = AlarmClass(id="none", name=Label())
    if before is not None and after is None:
        return []  # told as the rule's own field
    return _weaker(alarm, before or free, after or free)


def _guarded_points(plant: Plant) -> list[Point]:
    """Those whose alarms are guarded, and those that tell what the safety system does."""
    named = plant.safety.points()
    return [point for point in plant.points if guards(point) or point.id in named]


def _points(before: Plant, after: Plant) -> list[Loosened]:
    """What an alarm is told of: read elsewhere, rarer, or not at all."""
    found = []
    for old in _guarded_points(before):
        new = after.points_by_id.get(old.id)
        found += [Loosened(old.id)] if new is None else _weaker(old.id, old, new)
    # A state point that joins a detector's loop can say that its readings are no evidence.
    told, tells = ({d.id: s.id for d, s, _ in state_points(plant.points)} for plant in (before, after))
    known = before.points_by_id
    return found + [Loosened(d, "state", told.get(d), s) for d, s in tells.items() if d in known and told.get(d) != s]


def _sources(before: Plant, after: Plant) -> list[Loosened]:
    """Of one that carries nothing that is guarded, only how late its loss is seen. One that is gone is told by its loss of view."""
    carrying = {point.source for point in _guarded_points(before)}
    known = {one.id: one for one in after.sources}
    pairs = [(old, known[old.id]) for old in before.sources if old.id in known]
    return [one for old, new in pairs for one in _weaker(old.id, old, new) if old.id in carrying or one.field == "keep_alive"]


def _calculations(before: Plant, after: Plant) -> list[Loosened]:
    found = []
    for section in ("calculated", "votes"):
        known = {one.id: one for one in _calculating(after, section)}
        for old in _calculating(before, section):
            new = known.get(old.id)
            found += [Loosened(old.id)] if new is None else _weaker(old.id, old, new)
    return found


def _calculating(plant: Plant, section: str) -> Sequence[Calculation]:
    """What the plant writes in the section; beside its calculated points the masses in its tanks."""
    own: tuple[Calculation, ...] = getattr(plant, section)
    return (*own, *tanks_of(plant)) if section == "calculated" else own


def _settings(before: Plant, after: Plant) -> list[Loosened]:
    """Settings that reach every alarm. Those that make rules (`stale`, `quality_delay`, …) are judged as the rules they make."""
    found = []
    if after.site.demo and not before.site.demo:
        found.append(Loosened(before.site.id, "demo", False, True))
    for step in before.alarms.escalation:
        if not any(one.to == step.to and one.after <= step.after for one in after.alarms.escalation):
            at = next((one.after for one in after.alarms.escalation if one.to == step.to), None)
            found.append(Loosened("alarms", f"escalation {step.to}", step.after, at))
    for key in sorted({(one.hazard, one.gas) for plant in (before, after) for one in plant.detectors.limits}):
        old, new = before.detectors.limit(*key), after.detectors.limit(*key)
        name = " ".join(("detectors", *key)).strip()
        if old is not None:
            found += [Loosened(name)] if new is None else _weaker(name, old, new)
    return found


def _weaker(name: str, before: BaseModel, after: BaseModel) -> list[Loosened]:
    fields = weaker(JUDGED[_model(before)], before, after)
    return [Loosened(name, field, _plain(getattr(before, field)), _plain(getattr(after, field))) for field in fields]


def _model(one: BaseModel) -> type:
    return next(model for model in type(one).__mro__ if model in JUDGED)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value.model_dump(mode="json") if hasattr(value, "model_dump") else value

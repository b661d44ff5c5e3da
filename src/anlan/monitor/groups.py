"""Where an alarm belongs when the list is grouped: its point, equipment, unit, source, and the first-out group of the safety system."""

from __future__ import annotations

import math

import numpy as np

from anlan.guard.principal import Principal
from anlan.model.events.alarms import AlarmKind
from anlan.model.places import Level
from anlan.model.points import Point
from anlan.model.quality import Severity, severity_of
from anlan.monitor.safety.config import SafetySystem
from anlan.web.context import Context, PlantView, Rule

_OF_QUALITY = frozenset({AlarmKind.BAD_QUALITY, AlarmKind.STALE})
"""They tell of the instrument, not of what it saw."""


def groups_of(plant: PlantView, rule: Rule) -> dict[str, str]:
    """Key of each of `flood.BY`; "" where the alarm belongs to no such group."""
    point, place = plant.point_of_rule(rule), plant.place_of_rule(rule)
    source = rule.point if rule.kind is AlarmKind.LOSS_OF_VIEW else point.source if point is not None else ""
    return {
        "first_out": _first_out(plant, place, point),
        "point": point.id if point is not None else "",
        "equipment": place if place in plant.places and plant.places[place].level >= Level.EQUIPMENT else "",
        "unit": plant.unit_of(place) if place != plant.top else "",
        "source": source,
    }


def first_out_states(plant: PlantView, rule: Rule) -> list[int]:
    """States of the safety system's first-out register that name the cause of this alarm: it stands on the cause's own point, or on one
    that makes the cause act."""
    point, system = plant.point_of_rule(rule), plant.safety
    if point is None or not isinstance(system, SafetySystem) or rule.kind in _OF_QUALITY:
        return []
    return system.first_out_states.get(point.id, [])


def registers(context: Context, principal: Principal) -> dict[str, int]:
    """First-out point → its state now, of those that this person sees and that can be read."""
    plant, live = context.plant, context.live
    found: dict[str, int] = {}
    trapping = {*plant.first_outs.values(), *_register_of(plant)}
    for identifier in trapping:
        number = plant.point_numbers.get(identifier)
        if number is None or number >= len(live) or not principal.allows("live.view", plant.points[number].place):
            continue
        value, word = float(live.value[number]), int(live.quality_now(np.array([number], np.int64))[0])
        if severity_of(word) < Severity.BAD and math.isfinite(value):
            found[identifier] = int(value)
    return found


def _register_of(plant: PlantView) -> tuple[str, ...]:
    system = plant.safety
    return (system.first_out,) if isinstance(system, SafetySystem) and system.first_out is not None else ()


def _first_out(plant: PlantView, place: str, point: Point | None) -> str:
    """Id of the first-out point of the safety system that names this point among its causes and effects; for a point that it doesn't name,
    the one nearest above, within the unit: what is trapped there came from here."""
    system, top = plant.safety, plant.top
    if point is not None and isinstance(system, SafetySystem) and system.first_out is not None and point.id in system.named:
        return system.first_out
    while place and place != top:
        found = plant.first_outs.get(place)
        if found is not None:
            return found
        place = place.rpartition("/")[0]
    return ""

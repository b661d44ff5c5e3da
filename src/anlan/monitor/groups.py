"""Where an alarm belongs when the list is grouped: its point, equipment, unit, source, and the first-out group of the safety system."""

from __future__ import annotations

from anlan.model.events.alarms import AlarmKind
from anlan.model.places import Level
from anlan.web.context import PlantView, Rule


def groups_of(plant: PlantView, rule: Rule) -> dict[str, str]:
    """Key of each of `flood.BY`; "" where the alarm belongs to no such group."""
    point, place = plant.point_of_rule(rule), plant.place_of_rule(rule)
    source = rule.point if rule.kind is AlarmKind.LOSS_OF_VIEW else point.source if point is not None else ""
    return {
        "first_out": _first_out(plant, place),
        "point": point.id if point is not None else "",
        "equipment": place if place in plant.places and plant.places[place].level >= Level.EQUIPMENT else "",
        "unit": plant.unit_of(place) if place != plant.top else "",
        "source": source,
    }


def _first_out(plant: PlantView, place: str) -> str:
    """Id of the first-out point nearest above, within the unit: what the safety system traps there came from here."""
    top = plant.top
    while place and place != top:
        found = plant.first_outs.get(place)
        if found is not None:
            return found
        place = place.rpartition("/")[0]
    return ""

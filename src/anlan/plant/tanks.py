"""Points and alarms that a plant has because of the tanks of its major hazards, without writing them.

hazards: units: contents: V-201 with `live`   →  V-201.MASS, the mass in it now [t]
                         and a design maximum →  V-201.MASS.H, priority 2: above the design maximum quantity (超设计最大量)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from anlan.model.events.alarms import AlarmKind
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.companions import mass_of
from anlan.monitor.config import SUFFIX, AlarmRule
from anlan.monitor.expressions import print_text
from anlan.monitor.expressions.syntax import PointName
from anlan.plant.description import CalculatedPoint, Plant
from anlan.risk.hazards.config import Content, HazardSettings, HazardUnit, LiveMass
from anlan.risk.hazards.masses import formula

TOO_MUCH_SECONDS = 600.0
"""How long people have to stop the filling; shown, not enforced."""
DELAY_SECONDS = 5.0


def watched_contents(hazards: HazardSettings) -> Iterator[tuple[HazardUnit, Content, LiveMass]]:
    """Those whose mass is known now."""
    for unit in hazards.units:
        for content in unit.contents:
            if content.live is not None:
                yield unit, content, content.live


def read_by(live: LiveMass) -> tuple[str, ...]:
    """The points that the mass stands on."""
    return tuple(filter(None, (live.mass, live.level, live.temperature if len(live.density) > 1 else "")))


def tank_points(hazards: HazardSettings, known: Mapping[str, Point]) -> list[CalculatedPoint]:
    """`known` are the points that may be read; a tank of which one is missing has none, and the check says so."""
    found = []
    for unit, content, live in watched_contents(hazards):
        if any(point not in known for point in read_by(live)):
            continue
        level, temperature, mass = (print_text(PointName(p)) if p else "" for p in (live.level, live.temperature, live.mass))
        in_percent = bool(live.level) and known[live.level].unit == "%"
        name = content.name
        found.append(
            CalculatedPoint(
                id=mass_of(content.id),
                name=Label(zh=f"{name.zh or content.id} 实际存量", en=f"{name.en or content.id} mass now"),
                place=content.place or unit.places[0],
                expression=formula(live, level=level, temperature=temperature, in_percent=in_percent, mass=mass).text,
                kind="storage.quantity",
                unit="t",
            )
        )
    return found


def tank_rules(plant: Plant) -> list[AlarmRule]:
    """The alarm of each: more in it than it is designed for."""
    return [
        _rule(plant, unit, content)
        for unit, content, live in watched_contents(plant.hazards)
        if content.quantity and all(_known(plant, point) for point in read_by(live))
    ]


def _known(plant: Plant, point: str) -> bool:
    return point in plant.points_by_id or any(one.id == point for one in plant.calculated)


def _rule(plant: Plant, unit: HazardUnit, content: Content) -> AlarmRule:
    point, most = mass_of(content.id), float(content.quantity or 0)
    return AlarmRule(
        id=f"{point}.{SUFFIX[AlarmKind.HIGH]}",
        point=point,
        kind=AlarmKind.HIGH,
        limit=most,
        dead_band=round(most / 200, 6),
        on_delay=DELAY_SECONDS,
        priority=2,
        post=plant.post_of(content.place or unit.places[0]),
        consequence=Label(
            zh="存量超过设计最大量,重大危险源的辨识与分级不再成立",
            en="More than the design maximum: the identification no longer holds",
        ),
        corrective_action=Label(zh="停止进料,倒至其他储罐", en="Stop filling; transfer to another tank"),
        time_to_respond=TOO_MUCH_SECONDS,
        cause=Label(zh="进料未停或收料计划超量", en="Filling was not stopped, or more was received than planned"),
        basis=Label(
            zh="设计最大量(GB 18218-2018 4.2);响应时间 10 min 为预设值,未评估",
            en="Design maximum quantity (GB 18218-2018, 4.2); the 10 min to respond are preset, nobody has assessed them",
        ),
    )

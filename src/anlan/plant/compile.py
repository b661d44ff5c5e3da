"""From a plant to what runs: the alarms that every plant has without writing them, the engine's columns, the drivers' tags."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from anlan.model.detector_states import state_points
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID, NODE_SOURCE
from anlan.model.points import Point
from anlan.model.quality import Flag
from anlan.model.words import Label
from anlan.monitor.companions import suppressor_of
from anlan.monitor.config import SUFFIX, AlarmRule, loss_of_view
from anlan.plant.bulk import without_collection
from anlan.plant.calculated import expressions, made, vote_rules, watched
from anlan.plant.calculated_quality import calculated_quality_rules
from anlan.plant.description import Plant, Scope
from anlan.plant.node_points import SOURCES, node_points, node_rules
from anlan.plant.safety_points import safety_points, safety_rules
from anlan.plant.tanks import tank_rules
from anlan.sense.config import SourceConfig

if TYPE_CHECKING:
    from anlan.monitor.compile import EngineConfig
    from anlan.plant.version import Numbers
    from anlan.sense.runner import Running

QUALITY_RESPONSE_SECONDS = 1800.0
"""How long the instrument shift has to bring a blind point back; shown, not enforced."""

QUALITY_WORDS = {
    AlarmKind.STALE: (
        Label(zh="该测点停止更新,其超限不能被发现", en="The point has stopped updating; an excursion would not be seen"),
        Label(zh="查仪表与通信;恢复前现场看护", en="Check instrument and link; watch on site until it is back"),
    ),
    AlarmKind.BAD_QUALITY: (
        Label(zh="该测点数值不可信,其超限不能被发现", en="The value cannot be trusted; an excursion would not be seen"),
        Label(zh="联系仪表岗检查;恢复前现场看护", en="Call the instrument shift; watch on site until it is back"),
    ),
}


def all_rules(plant: Plant) -> tuple[AlarmRule, ...]:
    """The plant's rules and those it has by itself: loss of view of each source; stale and bad quality as its settings say; votes; tanks
    above their design maximum; bypasses, final elements and calibrations; the node's own; bad quality of every calculated point that one of all these stands on.

    A rule that the plant writes itself under the same id goes first. Made once for a plant.
    """
    if "rules" not in plant.kept:
        plant.kept["rules"] = tuple(_rules(plant))
    rules: tuple[AlarmRule, ...] = plant.kept["rules"]
    return rules


def automatic_rules(plant: Plant) -> dict[str, AlarmRule]:
    """Those that the plant has by itself, as they would be without a rule of its own under the same id."""
    found = {rule.id: rule for rule in _independent(plant)}
    alarms = [*plant.rules, *(rule for rule in found.values() if rule.id not in {one.id for one in plant.rules})]
    return found | {rule.id: rule for rule in calculated_quality_rules(plant, alarms)}


def _rules(plant: Plant) -> list[AlarmRule]:
    written = {rule.id for rule in plant.rules}
    return [*plant.rules, *(rule for key, rule in automatic_rules(plant).items() if key not in written)]


def _independent(plant: Plant) -> Iterator[AlarmRule]:
    """Of automatic rules those that follow from sources, points and settings alone."""
    yield from _views(plant)
    yield from _quality_rules(plant)
    yield from vote_rules(plant)
    yield from tank_rules(plant)
    yield from safety_rules(plant)
    yield from node_rules(plant)


def all_points(plant: Plant) -> tuple[Point, ...]:
    """The plant's points, those that are calculated, and those that the node tells of itself. Made once for a plant."""
    if "points" not in plant.kept:
        calculated = (one.point for one in made(plant, all_rules(plant)))
        plant.kept["points"] = (*plant.points, *calculated, *safety_points(plant), *node_points(plant))
    points: tuple[Point, ...] = plant.kept["points"]
    return points


def engine_config(plant: Plant, numbers: Numbers, version: int) -> EngineConfig:
    """The engine's share of a version."""
    from anlan.monitor.compile import compile_config

    by_source = {**numbers.sources, NODE_ID: NODE_SOURCE}
    with without_collection():
        points, rules = all_points(plant), all_rules(plant)
        programs = [(number, one.program) for number, one in expressions(plant, rules, points, numbers).items()]
        return compile_config(
            version,
            [*SOURCES, *((by_source[s.id], s.id) for s in plant.sources)],
            [(numbers.points[p.id], p, by_source[p.source]) for p in points],
            [(numbers.alarms[r.id], watched(r), _target(r, numbers)) for r in rules],
            [round(step.after * 1000) for step in plant.alarms.escalation],
            programs,
            {numbers.alarms[r.id]: numbers.points[suppressor_of(r.id)] for r in rules if r.suppress_when},
            round(plant.data.late_window * 1000),
        )


def running_sources(plant: Plant, numbers: Numbers, folder: Path | None = None) -> list[Running]:
    """What the sense process runs: each source with its driver's checked options and its points as tags.

    `folder` is the node's folder, for drivers that keep certificates or rejected messages. Raises InputError, NotFound, DriverError.
    """
    from anlan.sense.own_states import OwnStates
    from anlan.sense.ranges import Ranges
    from anlan.sense.registry import driver_config, tag_of
    from anlan.sense.runner import Running

    points: dict[str, list[Point]] = defaultdict(list)
    for point in plant.points:
        points[point.source].append(point)
    with without_collection():
        return [
            Running(
                numbers.sources[source.id],
                source,
                driver_config(source, folder),
                [tag_of(numbers.points[p.id], p, source.driver) for p in points[source.id]],
                int(Flag.DEMO) if plant.site.demo else 0,
                Ranges((numbers.points[p.id], p) for p in points[source.id]),
                OwnStates((numbers.points[d.id], numbers.points[s.id], r) for d, s, r in state_points(points[source.id])),
                _digest(plant, source, points[source.id]),
            )
            for source in plant.sources
        ]


def _digest(plant: Plant, source: SourceConfig, points: list[Point]) -> str:
    """Of everything from which a source and its tags are made; numbers stay with ids for good."""
    parts = (source.model_dump_json(), str(plant.site.demo), *(point.model_dump_json() for point in points))
    return sha256("\n".join(parts).encode()).hexdigest()


def _target(rule: AlarmRule, numbers: Numbers) -> int:
    if rule.kind is AlarmKind.LOSS_OF_VIEW:
        return numbers.sources[rule.point]
    return numbers.points[rule.id if rule.watches_calculated else rule.point]


def _views(plant: Plant) -> list[AlarmRule]:
    """The post of a lost source is the one that watches most of its points, safety points counting before all others."""
    watched: dict[str, Counter[str]] = defaultdict(Counter)
    for point in plant.points:
        post = plant.post_of(point.place)
        if post:
            watched[point.source][post] += len(plant.points) if point.safety else 1
    usual = plant.posts[0].id if plant.posts else ""
    return [loss_of_view(s.id, post=watched[s.id].most_common(1)[0][0] if watched[s.id] else usual) for s in plant.sources]


def _quality_rules(plant: Plant) -> list[AlarmRule]:
    settings = plant.alarms
    rules = []
    for point in plant.points:
        if _wanted(settings.stale, point) and _can_be_stale(point):
            rules.append(_quality_rule(plant, point, AlarmKind.STALE))
        if _wanted(settings.bad, point):
            rules.append(_quality_rule(plant, point, AlarmKind.BAD_QUALITY))
    return rules


def _wanted(scope: Scope, point: Point) -> bool:
    return scope == "all" or (scope == "safety" and point.safety)


def _can_be_stale(point: Point) -> bool:
    """On change without a stated time, silence of a live source means unchanged."""
    return point.reporting.mode == "cyclic" or point.reporting.stale_after is not None


def _quality_rule(plant: Plant, point: Point, kind: AlarmKind) -> AlarmRule:
    consequence, action = QUALITY_WORDS[kind]
    return AlarmRule(
        id=f"{point.id}.{SUFFIX[kind]}",
        point=point.id,
        kind=kind,
        priority=plant.alarms.quality_priority,
        post=plant.post_of(point.place),
        on_delay=plant.alarms.quality_delay,
        consequence=consequence,
        corrective_action=action,
        time_to_respond=QUALITY_RESPONSE_SECONDS,
    )

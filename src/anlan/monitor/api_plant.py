"""Routes of what is monitored: points and the tree of places."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from anlan.guard.principal import is_within
from anlan.model.errors import Hidden, NotFound
from anlan.model.points import Point
from anlan.monitor.config import SUFFIX
from anlan.monitor.rows import cameras
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context, PlantView
from anlan.web.paging import Cursor, Limit, page_of
from anlan.web.widgets import unit_label


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["plant"])

    @router.get("/points", dependencies=[require("plant.view")])
    async def points(
        asker: Asker,
        place: Annotated[str, Query(max_length=500, description="path of a place; those below it count too")] = "",
        search: Annotated[str, Query(max_length=100, description="part of an id or a name")] = "",
        cursor: Cursor = "",
        limit: Limit = 1000,
    ) -> Response:
        """Points by number, with their alarms' limits. A search also finds those that were taken out of the plant: `retired` says when."""
        plant = context.plant
        wanted = search.casefold()
        known = sorted(plant.points.items()) + ([(n, plant.point_ever(n)) for n in plant.retired] if wanted else [])
        found = [
            number
            for number, point in sorted(known)
            if is_within(point.place, place)
            and asker.allows("plant.view", point.place)
            and (not wanted or _mentions(point, wanted))
        ]
        page, following = page_of(found, lambda number: (number,), cursor, limit)
        return Json({"version": plant.version, "items": [point_row(plant, number) for number in page], "next": following})

    @router.get("/points/{point}", dependencies=[require("plant.view")])
    async def one_point(point: str, asker: Asker) -> Response:
        """Everything configured of one point; of one that was taken out of the plant (`retired`: when), what was."""
        plant = context.plant
        number = plant.numbers_ever.get(point)
        if number is None:
            raise NotFound("there is no point {point}", point=point)
        found = plant.point_ever(number)
        if not asker.allows("plant.view", found.place):
            raise Hidden("there is no point {point}", point=point)
        looking = cameras(plant, found.id, found.place)
        return Json({**found.model_dump(mode="json"), **point_row(plant, number), "cameras": looking})

    @router.get("/places", dependencies=[require("plant.view")])
    async def places(asker: Asker) -> Response:
        """The tree of places from the enterprise down, each with how many points stand there, and the areas drawn on the plan."""
        plant = context.plant
        areas = [area.model_dump(mode="json") for area in plant.areas if asker.allows("plant.view", area.place)]
        return Json({"version": plant.version, "zone": plant.zone, "items": _tree(plant, asker.allows), "areas": areas})

    return router


def point_row(plant: PlantView, number: int) -> dict[str, Any]:
    """What lists and trends need of a point."""
    point = plant.point_ever(number)
    return {
        "id": point.id,
        "number": number,
        "retired": plant.retired.get(number),
        "name": point.name.model_dump(),
        "kind": point.kind,
        "subject": point.subject.value,
        "place": point.place,
        "source": point.source,
        "unit": point.unit,
        "unit_text": unit_label(point).model_dump(),
        "decimals": point.decimals,
        "range": [point.range_low, point.range_high],
        "states": {str(state): label.model_dump() for state, label in point.states.items()},
        "safety": point.safety,
        "reporting": point.reporting.mode,
        "deadline": point.reporting.deadline,
        "alarms": [_limit(plant, rule) for rule in plant.rules_of_point.get(point.id, ())],
    }


def _limit(plant: PlantView, number: int) -> dict[str, Any]:
    rule = plant.rules[number]
    set_ = {name: getattr(rule, name) for name in ("limit", "priority", "dead_band", "on_delay", "off_delay")}
    return {"id": rule.id, "kind": SUFFIX[rule.kind], "states": list(rule.states), **set_}


def _mentions(point: Point, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (point.id, point.name.zh, point.name.en))


def _tree(plant: PlantView, allows: Any) -> list[dict[str, Any]]:
    """A place is shown if it, or one above or below it, may be seen: a branch is not shown without its stem."""
    counts: dict[str, int] = {}
    for point in plant.points.values():
        counts[point.place] = counts.get(point.place, 0) + 1
    visible = {path for path in plant.places if allows("plant.view", path)}
    stems = {stem for path in visible for stem in _stems(path)}
    nodes: dict[str, dict[str, Any]] = {}
    roots: list[dict[str, Any]] = []
    for path, place in sorted(plant.places.items()):
        if path not in visible and path not in stems:
            continue
        nodes[path] = {**place.model_dump(mode="json"), "path": path, "points": counts.get(path, 0), "places": []}
        parent = nodes.get(place.parent)
        (roots if parent is None else parent["places"]).append(nodes[path])
    return roots


def _stems(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:n]) for n in range(1, len(steps))]

"""The page Start: from nothing to the first live value and the first alarm; later the way to one more source.

The scripts ask the devices through `/api/v1/devices/…` and add through `/api/v1/plant/additions`; the page tells them what the plant has.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from anlan.guard.principal import Principal
from anlan.model.languages import translate
from anlan.monitor.config import SUFFIX
from anlan.web import shell, widgets
from anlan.web.context import Context, PlantView
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

SHOWN_POINTS = 200
"""Of a source that has just been added; the rest is on the pages of its places."""


def pages(context: Context) -> None:
    @page(context, "/start", "source.configure")
    def start(request: Request) -> None:
        principal = principal_of_page()
        told = given(context.plant, principal, request.query_params.get("added", ""))
        body = el("anlan-start", given=json.dumps(told, ensure_ascii=False))
        shell.show(context, principal, "/start", translate("Start", principal.language), body, "start")


def given(plant: PlantView, principal: Principal, added: str) -> dict[str, Any]:
    """What the scripts need of the plant; `added`: the source whose values are waited for."""
    return {
        "version": plant.version,
        "empty": not plant.sources,
        "plant": plant.id,
        "places": [
            {"path": path.partition("/")[2], "name": place.name.model_dump(), "post": place.post}
            for path, place in plant.places.items()
            if "/" in path
        ],
        "posts": {post: name.model_dump() for post, name in plant.posts.items()},
        "sources": [{"id": s.id, "driver": s.driver, "name": s.name.model_dump()} for s in plant.sources.values()],
        "limits": principal.allows("alarm.configure", ""),
        "added": added_source(plant, principal, added),
    }


def added_source(plant: PlantView, principal: Principal, source: str) -> dict[str, Any] | None:
    if source not in {one.id for one in plant.sources.values()}:
        return None
    points = [point for point in plant.points.values() if point.source == source]
    alarms = {point.id: [SUFFIX[plant.rules[n].kind] for n in plant.rules_of_point.get(point.id, ())] for point in points}
    rows = [
        widgets.meta(point, principal.language)
        | {"name": point.name.model_dump(), "place": point.place.partition("/")[2], "alarms": alarms[point.id]}
        for point in points[:SHOWN_POINTS]
    ]
    return {"id": source, "points": rows, "more": max(0, len(points) - SHOWN_POINTS)}

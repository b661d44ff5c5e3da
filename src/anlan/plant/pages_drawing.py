"""The page on which a person lays the plant's own drawing under its live state, and places points and units on it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from fastapi import Request

from anlan.guard.principal import is_within
from anlan.model.errors import NotFound
from anlan.model.languages import translate
from anlan.model.places import Level
from anlan.plant.api_drawings import drawing_row
from anlan.web import shell
from anlan.web.context import Context, PlantView
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page


def pages(context: Context) -> None:
    @page(context, "/drawing", "plant.draw")
    def drawing(request: Request) -> None:
        principal, place = principal_of_page(), request.query_params.get("place", "")
        if place and place not in context.plant.places:
            raise NotFound(
                "there is no place {place} in this plant; places can be searched by name with the key /", place=place[:200]
            )
        body = el("anlan-drawing", given=json.dumps(given(context.plant, place), ensure_ascii=False))
        shell.show(context, principal, "/", translate("Edit the plan", principal.language), body, "drawing")


def given(plant: PlantView, place: str) -> dict[str, Any]:
    """The drawing of the place ("" for the whole), and what may stand on it: units and equipment there, points that are not the node's own."""
    place = "" if place == plant.top else place
    own = next((one for one in plant.drawings if one.place == place), None)
    within = place or plant.top
    sources = {source.id for source in plant.sources.values()}
    return {
        "version": plant.version,
        "drawing": drawing_row(own) if own is not None else None,
        "place": place,
        "id": own.id if own is not None else _free(plant, place),
        "shown_at": f"/places/{quote(place)}" if place else "/",
        "places": [
            {"id": path, "tag": one.id, "name": one.name.model_dump()}
            for path, one in plant.places.items()
            if one.level in {Level.UNIT, Level.EQUIPMENT} and path != place and is_within(path, within)
        ],
        "points": [
            {"id": point.id, "tag": point.id, "name": point.name.model_dump(), "guard": point.kind.startswith(("gas.", "fire."))}
            for point in plant.points.values()
            if point.source in sources and is_within(point.place, within)
        ],
    }


def _free(plant: PlantView, place: str) -> str:
    """An id that no drawing has: the place's own, or "site"."""
    wanted = place.rpartition("/")[2] or "site"
    taken = {one.id for one in plant.drawings}
    return next(one for one in (wanted, *(f"{wanted}-{n}" for n in range(2, 1000))) if one not in taken)

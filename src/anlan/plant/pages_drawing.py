"""The page on which a person lays the plant's own drawing under its live state, and places points and units on it."""

from __future__ import annotations

import json
from typing import Any

from anlan.model.places import Level
from anlan.model.words import translate
from anlan.plant.api_drawings import drawing_row
from anlan.web import shell
from anlan.web.context import Context, PlantView
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page


def pages(context: Context) -> None:
    @page(context, "/drawing", "plant.draw")
    def drawing() -> None:
        principal = principal_of_page()
        body = el("anlan-drawing", given=json.dumps(given(context.plant), ensure_ascii=False))
        shell.show(context, principal, "/", translate("Edit the plan", principal.language), body, "drawing")


def given(plant: PlantView) -> dict[str, Any]:
    """The drawing of the whole, and what may stand on it: units and equipment, points that are not the node's own."""
    own = next((one for one in plant.drawings if not one.place), None)
    sources = {source.id for source in plant.sources.values()}
    return {
        "version": plant.version,
        "drawing": drawing_row(own) if own is not None else None,
        "places": [
            {"id": path, "tag": place.id, "name": place.name.model_dump()}
            for path, place in plant.places.items()
            if place.level in {Level.UNIT, Level.EQUIPMENT}
        ],
        "points": [
            {"id": point.id, "tag": point.id, "name": point.name.model_dump(), "guard": point.kind.startswith(("gas.", "fire."))}
            for point in plant.points.values()
            if point.source in sources
        ],
    }

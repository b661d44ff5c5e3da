"""The plan draws what the plant folder says: areas as outlines, north up, points where they stand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import anlan
from anlan.model.places import Area, Level, Place, Position
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor import plan
from anlan.web.context import PlantView


def plant(*points: Point, areas: tuple[Area, ...] = ()) -> PlantView:
    places = [
        Place(id="works", name=Label(zh="厂"), level=Level.ENTERPRISE),
        Place(id="U1", name=Label(zh="一单元"), parent="works", position=Position(x=5, y=5)),
    ]
    return PlantView(
        version=1,
        id="works",
        name=Label(zh="厂"),
        places={p.path: p for p in places},
        points=dict(enumerate(points, 1)),
        areas=areas,
    )


def point(name: str, x: float, y: float, kind: str = "temperature") -> Point:
    return Point(
        id=name, place="works/U1", name=Label(zh=f"{name}<点>"), kind=kind, source="plc", address="1", position=Position(x=x, y=y)
    )


SQUARE = Area(id="A1", name=Label(zh="一区"), place="works/U1", polygon=[(0, 0), (100, 0), (100, 50), (0, 50)])


def drawn(view: PlantView) -> ET.Element:
    svg = plan.draw(view, "zh")
    assert svg is not None
    return ET.fromstring(svg)


def test_nothing_to_draw() -> None:
    assert plan.draw(plant(), "zh") is None


def test_north_is_up() -> None:
    spots = drawn(plant(point("TI-1", 10, 40), point("TI-2", 10, 10), areas=(SQUARE,))).findall(".//a")
    y = {spot.get("data-points"): float(spot.get("data-y", "nan")) for spot in spots}
    assert y["TI-1"] < y["TI-2"]


def test_everything_lies_inside_the_picture() -> None:
    svg = drawn(plant(point("TI-1", 130, -20), areas=(SQUARE,)))
    left, top, width, height = (float(n) for n in svg.get("viewBox", "").split())
    spot = svg.find(".//a")
    assert spot is not None
    corners = [
        tuple(map(float, pair.split(","))) for pair in re.findall(r"[-\d.e]+,[-\d.e]+", svg.find(".//polygon").get("points"))
    ]  # type: ignore[union-attr]
    for x, y in [*corners, (float(spot.get("data-x", "nan")), float(spot.get("data-y", "nan")))]:
        assert left < x < left + width
        assert top < y < top + height


def test_points_at_one_place_are_one_spot_and_a_guard_leads_it() -> None:
    detector = point("AT-1", 10, 10, "gas.toxic").model_copy(update={"safety": True})
    spots = drawn(plant(point("XS-1", 10, 10), detector)).findall(".//a")
    assert [spot.get("data-points") for spot in spots] == ["AT-1,XS-1"]
    assert spots[0].find("rect") is not None


def test_an_area_has_no_fill_of_its_own() -> None:
    area = drawn(plant(areas=(SQUARE,))).find(".//polygon")
    assert area is not None
    assert area.get("fill") is None
    style = Path(anlan.__file__).parent / "web" / "static" / "overview.css"
    fills = re.findall(r"\.area[^{]*polygon \{[^}]*fill: ([^;]+);", style.read_text("utf-8"))
    assert fills
    assert all(fill == "none" or is_grey(fill) for fill in fills)


def is_grey(colour: str) -> bool:
    """Fill colour is kept for a risk level: what is drawn without one may differ by little between its channels."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return max(red, green, blue) - min(red, green, blue) <= 16


@pytest.mark.parametrize("name", ["<script>", '"><b>', "&amp;"])
def test_names_cannot_become_elements(name: str) -> None:
    svg = drawn(plant(areas=(SQUARE.model_copy(update={"name": Label(zh=name)}),)))
    assert svg.find(".//script") is None
    assert name in [text.text for text in svg.iter("text")]

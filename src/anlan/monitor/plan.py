"""The plant plan: areas, units and the points that have a position, drawn once from the plant folder; scripts keep its state alive.

Site-local metres become the drawing's units one to one, north up. An area is an outline only: its fill is kept for a risk level
(DOMAIN.md 17).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from anlan.model.drawings import Drawing
from anlan.model.languages import Language, translate
from anlan.model.places import Area, Level, Place
from anlan.model.points import Point
from anlan.web import widgets
from anlan.web.context import PlantView
from anlan.web.markup import Markup, el

WIDTH = 340.0
"""Units across a drawing of the plant's own: as many as a middling plant is wide in metres."""
MARGIN = 14.0
"""Around everything that is drawn. [m]"""
MOST_POINTS = 2_000
"""Drawn one by one; a plant with more shows those that guard it first."""

Corner = tuple[float, float]


def draw(plant: PlantView, language: Language) -> Markup | None:
    """The plan as SVG, on the plant's own drawing where it has one of the whole; None for a plant without areas and positions."""
    own = next((one for one in plant.drawings if not one.place), None)
    if own is not None:
        return draw_on(own, plant, language)
    corners = [corner for area in plant.areas for corner in area.polygon]
    spots = _spots(plant.points.values())
    corners += [(x, -y) for x, y, _ in spots]
    if not corners:
        return None
    left, top, width, height = _frame(corners)
    return el(
        "svg",
        el("g", [_area(area, plant, language) for area in plant.areas], cls="areas"),
        el("g", [_spot(x, y, group, language) for x, y, group in spots], cls="spots"),
        el("g", [_unit(place, plant, language) for place in _units(plant)], cls="units"),
        _scale(left, top + height, width),
        _north(left + width, top),
        viewBox=f"{left:g} {top:g} {width:g} {height:g}",
        cls="plan",
        role="group",
        aria_label=translate("Plant plan", language),
        preserveAspectRatio="xMidYMid meet",
    )


def draw_on(drawing: Drawing, plant: PlantView, language: Language) -> Markup:
    """The same life over a drawing of the plant's own: its points as spots, its places as outlines with their worst alarm at the corner.

    The drawing is an image, in which browsers run nothing; its width becomes WIDTH units, so that spots have the usual size on it.
    """
    height = WIDTH * drawing.height / drawing.width
    numbers = plant.point_numbers
    groups: dict[Corner, list[Point]] = defaultdict(list)
    for point, (x, y) in drawing.points.items():
        if point in numbers:
            groups[(round(x * WIDTH, 1), round(y * height, 1))].append(plant.points[numbers[point]])
    boxes = [
        (plant.places[path], x * WIDTH, y * height, w * WIDTH, h * height)
        for path, (x, y, w, h) in drawing.places.items()
        if path in plant.places
    ]
    picture = el(
        "image",
        href=f"/api/v1/plant/drawings/{drawing.id}/image?v={drawing.sha256[:16]}",
        width=f"{WIDTH:g}",
        height=f"{height:g}",
        cls="own invert" if drawing.invert else "own",
    )
    return el(
        "svg",
        picture,
        el("g", [_box(place, x, y, w, h, plant, language) for place, x, y, w, h in boxes], cls="areas"),
        el("g", [_spot(x, y, group, language) for (x, y), group in groups.items()], cls="spots"),
        el("g", [_mark(place, x + w, y, language) for place, x, y, w, _ in boxes], cls="units"),
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        cls="plan on-drawing",
        data_place=drawing.place or None,
        role="group",
        aria_label=translate("Plant plan", language),
        preserveAspectRatio="xMidYMid meet",
    )


def _box(place: Place, x: float, y: float, w: float, h: float, plant: PlantView, language: Language) -> Markup:
    corners = f"{x:g},{y:g} {x + w:g},{y:g} {x + w:g},{y + h:g} {x:g},{y + h:g}"
    name = el("text", place.name.text(language), x=f"{x + 3:g}", y=f"{y + 8:g}")
    return el(
        "g", el("polygon", points=corners), name, cls="area", data_area=place.id, data_unit=plant.unit_of(place.path) or None
    )


def _mark(place: Place, x: float, y: float, language: Language) -> Markup:
    return el(
        "g",
        cls="unit-mark",
        data_unit_mark=place.path,
        transform=f"translate({x:g} {y:g})",
        role="img",
        aria_label=place.name.text(language),
    )


def _frame(corners: Sequence[Corner]) -> tuple[float, float, float, float]:
    """left, top, width, height of the drawing; y grows downwards there and northwards on site."""
    xs, ys = [x for x, _ in corners], [-y for _, y in corners]
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    return left, top, max(xs) - left + MARGIN, max(ys) - top + MARGIN


def _area(area: Area, plant: PlantView, language: Language) -> Markup:
    outline = " ".join(f"{x:g},{-y:g}" for x, y in area.polygon)
    x, y = _corner_of(area)
    name = el("text", area.name.text(language), x=f"{x + 3:g}", y=f"{y + 8:g}")
    return el(
        "g",
        el("polygon", points=outline),
        name,
        cls=f"area {area.kind}",
        data_area=area.id,
        data_unit=plant.unit_of(area.place) or None,
    )


def _corner_of(area: Area) -> Corner:
    """Where the name stands: the top left of the outline, in the drawing's directions."""
    return min(x for x, _ in area.polygon), min(-y for _, y in area.polygon)


def _spots(points: Iterable[Point]) -> list[tuple[float, float, list[Point]]]:
    """Points by position (to the metre, so that a detector and its state are one spot), guards first."""
    groups: dict[Corner, list[Point]] = defaultdict(list)
    for point in points:
        if point.position is not None:
            groups[(round(point.position.x), round(point.position.y))].append(point)
    ranked = sorted(groups.items(), key=lambda item: not any(p.safety for p in item[1]))
    return [(x, -y if y else 0.0, sorted(group, key=lambda p: not p.safety)) for (x, y), group in ranked[:MOST_POINTS]]


def _spot(x: float, y: float, group: list[Point], language: Language) -> Markup:
    """A square for a gas or fire detector, a dot for anything else; quality and alarms change it, never its place."""
    head = group[0]
    guard = head.kind.startswith(("gas.", "fire."))
    shape = el("rect", x=f"{x - 2.4:g}", y=f"{y - 2.4:g}", width="4.8", height="4.8", cls="glyph") if guard else el("circle", cx=f"{x:g}", cy=f"{y:g}", r="1.7", cls="glyph")  # fmt: skip
    title = el("title", "\n".join(f"{point.id} {point.name.text(language)}" for point in group[:8]))
    ids = ",".join(point.id for point in group)
    meta = json.dumps([widgets.meta(point, language) for point in group[:8]], ensure_ascii=False)
    return el(
        "a",
        title,
        shape,
        cls="spot",
        href=f"/points/{head.id}",
        data_points=ids,
        data_meta=meta,
        data_x=f"{x:g}",
        data_y=f"{y:g}",
    )


def _units(plant: PlantView) -> list[Place]:
    return [place for place in plant.places.values() if place.level == Level.UNIT]


def _unit(place: Place, plant: PlantView, language: Language) -> Markup | None:
    """Where a unit's worst alarm is shown: the corner of its area, like a badge, else its own position."""
    corner = _corner(place, plant)
    if corner is None:
        return None
    return _mark(place, *corner, language)


def _corner(place: Place, plant: PlantView) -> Corner | None:
    area = next((area for area in plant.areas if area.place == place.path), None)
    if area is not None:
        xs, ys = [x for x, _ in area.polygon], [-y for _, y in area.polygon]
        return max(xs), min(ys)
    return (place.position.x, -place.position.y) if place.position is not None else None


def _scale(left: float, bottom: float, width: float) -> Markup:
    """A bar of a round number of metres, about a tenth of the width."""
    length = next(n for n in (5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 1) if n <= width / 8 or n == 1)
    x, y = left + 5, bottom - 5
    bar = el("path", d=f"M{x:g} {y - 2:g}v2h{length:g}v-2")
    return el("g", bar, el("text", f"{length} m", x=f"{x + length + 3:g}", y=f"{y:g}"), cls="scale")


def _north(right: float, top: float) -> Markup:
    return el("g", el("path", d="M0 6V-6M-2.5-2.5L0-6 2.5-2.5"), el("text", "N", x="0", y="13", text_anchor="middle"), cls="north", transform=f"translate({right - 8:g} {top + 12:g})")  # fmt: skip

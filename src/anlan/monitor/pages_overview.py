"""The overview: is anything wrong, where, and can we see everything? Plant plan, units worst first, and the health of the sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from anlan.model.events.alarms import AlarmKind
from anlan.model.languages import Language, translate
from anlan.model.places import Level, Place
from anlan.model.points import Point
from anlan.monitor import plan
from anlan.web import shell, theme, widgets
from anlan.web.context import Context, PlantView
from anlan.web.markup import Markup, el, join
from anlan.web.pages import page, principal_of_page

PARTS = (
    ("within", "within limits"),
    ("outside", "outside limits"),
    ("unknown", "unknown"),
    ("bypassed", "bypassed"),
    ("calibrating", "calibrating"),
)
"""Of the summary line: name in `monitor.summary.Counts` → its words."""
KEY_VALUES = 5
"""Shown in a unit's tile: the points with the gravest alarms."""


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way("/", "overview", "Overview", "live.view"))

    @page(context, "/", "live.view")
    def overview() -> Response | None:
        principal = principal_of_page()
        if not context.plant.sources and principal.allows("source.configure", ""):
            return RedirectResponse(
                "/start", status_code=303
            )  # there is nothing to look over yet, and this person can change that
        language = principal.language
        shell.show(
            context,
            principal,
            "/",
            translate("Overview", language),
            body(context.plant, language, principal.allows("plant.draw", "")),
            "overview",
        )
        return None


def body(plant: PlantView, language: Language, may_draw: bool = False) -> Markup:
    wall = el("a", theme.icon("wall"), translate("Wall", language), href="/wall/choose", cls="button quiet to-wall")
    draw = el("a", translate("Edit the plan", language), href="/drawing", cls="button quiet to-wall") if may_draw else None
    left = el("div", drawing(plant, language), standing(language), cls="left")
    return el(
        "div",
        summary_line(language, *(one for one in (draw, wall) if one is not None)),
        left,
        tiles(plant, language),
        strip(plant, language),
        cls="overview fill",
    )


def summary_line(language: Language, *more: Markup) -> Markup:
    """Filled from the summary that the node computes once for all browsers; a dash until it has come."""
    say = partial(translate, language=language)
    return el(
        "div",
        [
            el(
                "span",
                say(words),
                " ",
                el("b", "—"),
                el("small", cls="ids"),
                el("small", cls="timer"),
                cls=f"part {name}",
                data_sum=name,
            )
            for name, words in PARTS
        ],
        *more,
        cls="summary panel",
        role="status",
    )


def drawing(plant: PlantView, language: Language) -> Markup:
    svg = plan.draw(plant, language)
    return el(
        "section",
        svg if svg is not None else no_drawing(language),
        cls="panel drawing",
        aria_label=translate("Plant plan", language),
    )


def standing(language: Language) -> Markup:
    """The worst standing alarms under the plan, each a way to its story; `overview.js` fills it."""
    say = partial(translate, language=language)
    head = el(
        "header", el("h2", say("Standing now")), el("span", cls="spacer"), el("a", say("All alarms"), href="/alarms", cls="dim")
    )
    return el("section", head, el("div", cls="rows", data_worst=say("No alarm stands.")), cls="panel worst-now")


def no_drawing(language: Language) -> Markup:
    say = partial(translate, language=language)
    return widgets.empty(
        say("The plan has nothing to draw yet."),
        say(
            "Give the plant's areas their outlines in plant.yaml (areas: polygon) or its points their positions (x, y in points.csv)."
        ),
    )


def tiles(plant: PlantView, language: Language) -> Markup:
    points = _points_of_units(plant)
    shown = [unit_tile(place, plant, points[place.path], language) for place in _units(plant) if points[place.path]]
    return el("section", shown or no_units(language), cls="units", aria_label=translate("Units, worst first", language))


def no_units(language: Language) -> Markup:
    say = partial(translate, language=language)
    return widgets.empty(
        say("No unit has points yet."),
        say("Describe the plant in its folder (plant.yaml, points.csv) and start again; `anlan check` explains every mistake."),
    )


def _units(plant: PlantView) -> list[Place]:
    return [place for place in plant.places.values() if place.level == Level.UNIT]


def _points_of_units(plant: PlantView) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = defaultdict(list)
    for point in plant.points.values():
        found[plant.unit_of(point.place)].append(point)
    return found


def unit_tile(place: Place, plant: PlantView, points: list[Point], language: Language) -> Markup:
    """Alarms by priority, what is unknown, and the values that matter most; `overview.js` fills it and orders tiles worst first."""
    return el(
        "article",
        el(
            "header",
            el(
                "h2",
                el("a", el("span", place.id, cls="tag"), " ", place.name.text(language), href=f"/places/{quote(place.path)}"),
            ),
            el("span", cls="standing"),
            el("span", cls="unseen"),
        ),
        el("div", [key_value(point, plant, language) for point in key_points(points, plant)], cls="keys"),
        cls="tile panel",
        data_unit=place.path,
    )


def key_points(points: Iterable[Point], plant: PlantView, *, of_a_kind: int = 3, most: int = KEY_VALUES) -> list[Point]:
    """The points with the gravest alarms, few of a kind, so that a tile isn't six times the same gas."""
    chosen: list[Point] = []
    for point in sorted(points, key=lambda p: gravity(p, plant)):
        if sum(other.kind == point.kind for other in chosen) < of_a_kind:
            chosen.append(point)
    return chosen[:most]


def gravity(point: Point, plant: PlantView) -> tuple[int, int, int]:
    """Smaller is graver: measured with limits, discrete with alarms, the rest; then the best priority; then how many alarms."""
    rules = [plant.rules[number] for number in plant.rules_of_point.get(point.id, ())]
    rules = [rule for rule in rules if rule.kind <= AlarmKind.STATE]
    kind = 2 + bool(point.states) if not rules else int(bool(point.states))
    return kind, min((rule.priority for rule in rules), default=9), -len(rules)


def key_value(point: Point, plant: PlantView, language: Language) -> Markup:
    name = el("span", el("b", point.id), " ", widgets.name_beside_id(point, language), cls="name")
    value = widgets.live_value(point, language)
    return el("a", el("span", cls="slot"), name, value, href=f"/points/{point.id}", cls="key", data_key=point.id)


def strip(plant: PlantView, language: Language) -> Markup:
    """The sources, one chip each: a plant that cannot be heard looks calm, so this stands on the first page."""
    chips = [
        el("a", el("i"), el("b", source.name.text(language)), el("span", "—", cls="link-state"), el("span", cls="rate"), href="/sources", cls="chip", data_source=source.id)
        for source in plant.sources.values()
    ]  # fmt: skip
    return el("section", join(el("h3", translate("Sources", language)), *chips), cls="strip panel")

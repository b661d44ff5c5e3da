"""One place of the plant, a unit or a piece of equipment: how its points stand, which alarms, what lies below it, what it is read from, its
detectors, bypasses, documents and cameras. Every place has its address: /places/hualan/U300/V-301; the enterprise's is /places.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

from anlan.guard.principal import Principal, is_within
from anlan.model.errors import NotFound
from anlan.model.frames import NODE_ID
from anlan.model.languages import Language, translate
from anlan.model.links import Camera, Document
from anlan.model.places import Place
from anlan.model.points import Point
from anlan.monitor import plan
from anlan.monitor.companions import is_suppressor
from anlan.monitor.config import CALCULATED_KINDS, LIMIT_KINDS, SUFFIX
from anlan.monitor.detectors.kinds import is_detector
from anlan.monitor.pages_overview import gravity, summary_line
from anlan.web import shell, theme, widgets
from anlan.web.context import Context, PlantView
from anlan.web.markup import Markup, el, join
from anlan.web.pages import page, principal_of_page

PATH = "/places"
MOST_POINTS = 300
"""Shown with live values on one page; of more, the gravest, and the places below say the rest."""
LONGEST_MAKING = 20.0
"""Of a page of 100,000 points on a busy machine; two seconds are usual. [s]"""
Points = Sequence[Point]
COLUMNS = ("slot", "", "number", "limits", "")
"""Of the table of points, by their class."""


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "places", "Places", "live.view"))

    @page(context, PATH, "live.view", response_timeout=LONGEST_MAKING)
    async def top() -> None:
        await _show(context, context.plant.top)

    @page(context, PATH + "/{path:path}", "live.view", response_timeout=LONGEST_MAKING)
    async def one(path: str) -> None:
        await _show(context, path)


async def _show(context: Context, path: str) -> None:
    principal, plant = principal_of_page(), context.plant
    place = plant.places.get(path)
    if place is None or not (principal.allows("live.view", path) or _below(plant, path, principal)):
        raise NotFound("there is no place {place} in this plant; places can be searched by name with the key /", place=path[:200])
    title = f"{place.id} {place.name.text(principal.language)}"
    # A large plant's points are many to sort: beside the loop that serves everyone's alarms.
    made = await asyncio.to_thread(body, plant, place, principal)
    shell.show(context, principal, PATH, title, made, "place")


def address(path: str, plant: PlantView) -> str:
    """The page of a place."""
    return PATH if path == plant.top else f"{PATH}/{quote(path)}"


def body(plant: PlantView, place: Place, principal: Principal) -> Markup:
    language, path = principal.language, place.path
    mine = points_of(plant, path, principal)
    shown = sorted(mine, key=partial(gravity, plant=plant))[:MOST_POINTS]
    left = el(
        "div",
        own_drawing(plant, place, principal),
        standing(language),
        table(shown, len(mine), place, plant, language),
        cls="stack",
    )
    below = _below(plant, path, principal)
    right = el(
        "div",
        children(below, plant, language),
        sources(mine, plant, language),
        guards(mine, plant, language),
        outside(documents_of(plant, path, principal), cameras_at(plant, path, mine, principal), language),
        cls="stack",
    )
    head = el(
        "header",
        trail(place, plant, language),
        el("h2", place.name.text(language), el("small", f" {place.id}")),
        post(plant, path, language),
    )
    return el(
        "div",
        el("div", head, summary_line(language), cls="place-head"),
        left,
        right,
        cls="place-page",
        data_place=path,
        data_below=",".join(child.path for child in below) or None,
    )


def own_drawing(plant: PlantView, place: Place, principal: Principal) -> Markup | None:
    """The plant's own drawing of this place, alive; without one, the way to bring one for whoever may."""
    language = principal.language
    own = next((one for one in plant.drawings if one.place == place.path), None)
    may = place.path != plant.top and principal.allows("plant.draw", "")
    edit = (
        el("a", translate("Edit the plan", language), href=f"/drawing?place={quote(place.path)}", cls="button quiet")
        if may
        else None
    )
    if own is None:
        return el("div", edit, cls="button-row place-draw") if edit is not None else None
    head = el("header", el("h2", translate("Plant plan", language)), el("span", cls="spacer"), edit)
    return el("section", head, el("div", plan.draw_on(own, plant, language), cls="body"), cls="panel place-plan")


def points_of(plant: PlantView, path: str, principal: Principal) -> list[Point]:
    """Everything that stands at the place or below it; without the points that are only there for alarms."""
    helpers = {rule.id for rule in plant.rules.values() if rule.kind in CALCULATED_KINDS}
    return [
        point
        for point in plant.points.values()
        if is_within(point.place, path)
        and principal.allows("live.view", point.place)
        and point.id not in helpers
        and not is_suppressor(point.id)
    ]


def _below(plant: PlantView, path: str, principal: Principal) -> list[Place]:
    """The places right below of which the person may see something."""
    return [
        place
        for place in plant.places.values()
        if place.parent == path and any(principal.allows("live.view", one) for one in plant.places if is_within(one, place.path))
    ]


# --- head


def trail(place: Place, plant: PlantView, language: Language) -> Markup | None:
    """The places above, each a way there."""
    steps = place.path.split("/")
    above = ["/".join(steps[:n]) for n in range(1, len(steps))]
    known = [plant.places[path] for path in above if path in plant.places]
    links = [join(el("a", one.name.text(language), href=address(one.path, plant)), " › ") for one in known]
    return el("nav", links, cls="trail dim", aria_label=translate("Places above", language)) if links else None


def post(plant: PlantView, path: str, language: Language) -> Markup | None:
    while path and not plant.places[path].post:
        path = plant.places[path].parent
    name = shell.post_name(plant, plant.places[path].post, language) if path else ""
    return el("span", translate("Post", language), " ", el("b", name), cls="post dim") if name else None


# --- left: alarms, points


def standing(language: Language) -> Markup:
    """`place.js` fills it: the alarms that stand here or below, worst first."""
    say = partial(translate, language=language)
    head = el("header", el("h2", say("Standing now")), el("span", cls="spacer"), el("span", cls="dim total"))
    return el("section", head, el("div", cls="rows", data_standing=say("No alarm stands here.")), cls="panel worst-now")


def table(points: Points, of: int, place: Place, plant: PlantView, language: Language) -> Markup:
    say = partial(translate, language=language)
    if not points:
        return el("section", widgets.empty(say("No point stands at this place.")), cls="panel")
    groups: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        groups[point.place].append(point)
    heads = ("", say("Point"), say("Value"), say("Limits"), say("Source"))
    rows = [row for path in sorted(groups) for row in _group(path, groups[path], place, plant, language)]
    much = say("The gravest {n} of {of} are shown; the places below show theirs.").format(n=len(points), of=of)
    note = el("p", much, cls="dim note") if of > len(points) else None
    sheet = el(
        "table",
        el("thead", el("tr", [el("th", head, cls=kind) for head, kind in zip(heads, COLUMNS, strict=True)])),
        el("tbody", rows),
        cls="sheet points",
    )
    head = el("header", el("h2", say("Points")), el("span", cls="spacer"), el("span", of, cls="dim"))
    return el("section", head, note, el("div", sheet, cls="wide-table"), cls="panel")


def _group(path: str, points: Points, place: Place, plant: PlantView, language: Language) -> list[Markup]:
    """Points of one place below under its name, a way there."""
    rows = [_row(point, plant, language) for point in points]
    if path == place.path or path not in plant.places:
        return rows
    name = el("a", el("b", plant.places[path].id), " ", plant.places[path].name.text(language), href=address(path, plant))
    return [el("tr", el("th", name, colspan="5", scope="rowgroup"), cls="group"), *rows]


def _row(point: Point, plant: PlantView, language: Language) -> Markup:
    name = el("a", el("b", point.id), " ", widgets.name_beside_id(point, language), href=f"/points/{quote(point.id)}")
    rules = [plant.rules[number] for number in plant.rules_of_point.get(point.id, ())]
    limits = [
        f"{SUFFIX[rule.kind]} {rule.limit:.{point.decimals}f}"
        for rule in rules
        if rule.kind in LIMIT_KINDS and rule.limit is not None
    ]
    source = next((source for source in plant.sources.values() if source.id == point.source), None)
    read = source.name.text(language) or source.id if source is not None else translate("this node", language)
    cells = ("", name, widgets.live_value(point, language), " · ".join(limits), el("span", read, cls="dim"))
    return el("tr", [el("td", cell, cls=kind) for cell, kind in zip(cells, COLUMNS, strict=True)], data_point=point.id)


# --- right: below, sources, guards, documents


def children(below: Sequence[Place], plant: PlantView, language: Language) -> Markup | None:
    """Each with its counts and alarms, kept up by `place.js`."""
    if not below:
        return None
    rows = [
        el(
            "a",
            el("span", el("b", child.id), " ", child.name.text(language), cls="name"),
            el("span", cls="standing"),
            el("span", "—", cls="counts"),
            href=address(child.path, plant),
            cls="row-link",
            data_child=child.path,
        )
        for child in below
    ]
    return el(
        "section", el("header", el("h2", translate("Places below", language))), el("div", rows, cls="rows below"), cls="panel"
    )


def sources(points: Points, plant: PlantView, language: Language) -> Markup | None:
    say = partial(translate, language=language)
    count = Counter(point.source for point in points if point.source != NODE_ID)
    chips = [
        el(
            "a",
            el("i"),
            el("b", source.name.text(language) or source.id),
            el("span", "—", cls="link-state"),
            el("span", f"{count[source.id]} ", say("points"), cls="dim"),
            href="/sources",
            cls="chip",
            data_source=source.id,
        )
        for source in plant.sources.values()
        if count[source.id]
    ]
    return (
        el("section", el("header", el("h2", say("Read from"))), el("div", chips, cls="rows chips"), cls="panel")
        if chips
        else None
    )


def guards(points: Points, plant: PlantView, language: Language) -> list[Markup]:
    """Gas and fire detectors, and bypasses: each with its value, and a way to all of them."""
    say = partial(translate, language=language)
    detectors = [point for point in points if is_detector(point)]
    bypasses = [point for point in points if point.kind == "bypass"]
    parts = ((say("Detectors"), "/detectors", detectors), (say("Bypasses"), "/bypasses", bypasses))
    return [_guards(words, href, some, plant, language) for words, href, some in parts if some]


def _guards(words: str, href: str, points: Points, plant: PlantView, language: Language) -> Markup:
    head = el("header", el("h2", words), el("span", cls="spacer"), el("a", translate("All", language), href=href, cls="dim"))
    rows = [
        el("a", el("span", cls="slot"), el("span", el("b", p.id), " ", widgets.name_beside_id(p, language), cls="name"), widgets.live_value(p, language), href=f"/points/{quote(p.id)}", cls="row-link", data_point=p.id)
        for p in points[:MOST_POINTS]
    ]  # fmt: skip
    return el("section", head, el("div", rows, cls="rows guards"), cls="panel")


def documents_of(plant: PlantView, path: str, principal: Principal) -> list[Document]:
    """Of the place, of those below, and those of the places above that hold for all of it."""
    listed = [(one, one.place or plant.top) for one in plant.documents]
    seen = [(one, at) for one, at in listed if is_within(at, path) or is_within(path, at)]
    return [one for one, at in seen if not is_within(at, path) or principal.allows("live.view", at)]


def cameras_at(plant: PlantView, path: str, points: Points, principal: Principal) -> list[Camera]:
    """Those that look at the place or below, and those that look at its points; none of a branch that the person does not see.

    `points`: of the place, as far as the person sees them.
    """
    theirs = {camera.id for point in points for camera in plant.cameras_of(point.id, point.place)}

    def sees(camera: Camera) -> bool:
        named = (point.place for point in plant.points.values() if point.id in camera.points)
        own = bool(camera.place) and principal.allows("live.view", camera.place)
        return own or camera.id in theirs or any(principal.allows("live.view", place) for place in named)

    ids = {point.id for point in points}
    places = {point.place for point in points} | {path}
    looking = {camera.id for at in places for camera in plant.cameras_of("", at)}
    return [
        one
        for one in plant.cameras
        if (one.id in looking or ids.intersection(one.points) or (one.place and is_within(one.place, path))) and sees(one)
    ]


def outside(documents: Sequence[Document], cameras: Sequence[Camera], language: Language) -> list[Markup]:
    """What a person opens elsewhere."""
    say = partial(translate, language=language)
    found = []
    if documents:
        rows = [el("li", document_link(one, language)) for one in documents]
        found.append(el("section", el("header", el("h2", say("Documents"))), el("ul", rows, cls="body elsewhere"), cls="panel"))
    if cameras:
        rows = [el("li", camera_link(one, language)) for one in cameras]
        found.append(el("section", el("header", el("h2", say("Cameras"))), el("ul", rows, cls="body elsewhere"), cls="panel"))
    return found


def document_link(document: Document, language: Language) -> Markup:
    name = el("span", el("b", document.id), " ", document.name.text(language))
    kept = el("small", translate("kept: {where}", language).format(where=document.kept), cls="dim") if document.kept else None
    return join(elsewhere(document.link, name) if document.link else name, kept)


def camera_link(camera: Camera, language: Language) -> Markup:
    """Opened by the person's browser or player; its address is shown, because rtsp:// opens in few browsers."""
    name = join(theme.icon("camera"), " ", el("b", camera.id), " ", camera.name.text(language))
    return join(elsewhere(camera.link, name), el("small", camera.link, cls="dim address"))


def elsewhere(link: str, name: Markup) -> Markup:
    """A way out of the console: another window, which learns nothing of this one."""
    return el("a", name, href=link, target="_blank", rel="noopener noreferrer", cls="outside-link")

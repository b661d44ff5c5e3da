"""The wall: one screen without navigation that turns through chosen views, for people who look up at it from five metres.

/wall?view=overview&view=alarms&view=trend:PI-101,AT-201&view=place:hualan/U200&every=20&lang=zh: the link is all there is to it. It stops at an
alarm of priority 1 that nobody has acknowledged. /wall/choose makes the link. Each view is a template that `static/wall.js` puts up and takes down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from fastapi import Request

from anlan.guard.principal import Principal
from anlan.model.errors import NotFound
from anlan.model.languages import LANGUAGES, Language, translate
from anlan.model.places import Level
from anlan.monitor import plan
from anlan.monitor.pages_overview import key_points, no_drawing, summary_line
from anlan.monitor.pages_place import LONGEST_MAKING, points_of
from anlan.monitor.pages_trends import offer_charts
from anlan.web import shell, theme, widgets
from anlan.web.context import Context, PlantView
from anlan.web.markup import Markup, el, join
from anlan.web.pages import page, principal_of_page

SECONDS = (10, 20, 30, 60, 120)
USUAL_SECONDS = 20
SHORTEST, LONGEST = 5, 3600
MOST_VIEWS, MOST_PENS, MOST_VALUES = 20, 8, 12
TREND_SPAN = 3600
"""Seconds of a trend on the wall."""
USUAL = ("overview", "alarms")


@dataclass(frozen=True, slots=True)
class View:
    """One picture of the wall. `kind`: overview, alarms, trend, place; `of`: ids of the points, path of the place."""

    kind: str
    of: tuple[str, ...] = ()


def pages(context: Context) -> None:
    @page(context, "/wall", "live.view", response_timeout=LONGEST_MAKING)
    async def wall(request: Request) -> None:
        principal = in_language(principal_of_page(), request.query_params.get("lang", ""))
        views = [view_of(context.plant, principal, asked) for asked in request.query_params.getlist("view") or USUAL][:MOST_VIEWS]
        every = seconds(request.query_params.get("every", ""))
        offer_charts()
        title = translate("Wall", principal.language)
        made = await asyncio.to_thread(body, context, principal, views, every)
        shell.show_whole(context, principal, title, made, "wall")

    @page(context, "/wall/choose", "live.view")
    def choose() -> None:
        principal = principal_of_page()
        title = translate("Wall", principal.language)
        shell.show(context, principal, "/wall/choose", title, chooser(context.plant, principal), "wall_choose")


def in_language(principal: Principal, asked: str) -> Principal:
    """The wall speaks the language of its link, whoever is signed in there."""
    return replace(principal, language=asked) if asked in LANGUAGES else principal


def seconds(asked: str) -> int:
    """How long each view stays. Raises NotFound: the link leads nowhere."""
    if not asked:
        return USUAL_SECONDS
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 6) or not SHORTEST <= int(asked) <= LONGEST:
        raise NotFound(
            "every={found}: whole seconds from {least} to {most} were expected", found=asked[:20], least=SHORTEST, most=LONGEST
        )
    return int(asked)


def view_of(plant: PlantView, principal: Principal, asked: str) -> View:
    """What one `view=` of the link means. Raises NotFound, saying what would be right."""
    kind, _, of = asked.partition(":")
    match kind:
        case "overview" | "alarms" if not of:
            return View(kind)
        case "trend":
            ids = tuple(dict.fromkeys(one for one in of.split(",") if one))[:MOST_PENS]
            missing = [
                one
                for one in ids
                if one not in plant.point_numbers
                or not principal.allows("history.view", plant.points[plant.point_numbers[one]].place)
            ]
            if ids and not missing:
                return View(kind, ids)
            if missing:
                raise NotFound("there is no point {point} in this plant", point=missing[0][:100])
        case "place":
            if of in plant.places and principal.allows("live.view", of):
                return View(kind, (of,))
            raise NotFound(
                "there is no place {place} in this plant; places can be searched by name with the key /", place=of[:200]
            )
    raise NotFound("view={found}: overview, alarms, trend:TAG,TAG or place:PATH was expected", found=asked[:100])


# --- the wall


def body(context: Context, principal: Principal, views: Sequence[View], every: int) -> Markup:
    language, plant = principal.language, context.plant
    say = partial(translate, language=language)
    held = el("section", el("div", cls="held-alarm"), el("p", say("The wall stands still until this alarm is acknowledged."), cls="dim"), cls="held", hidden=True, role="alert")  # fmt: skip
    return join(
        theme.sprite(),
        el(
            "div",
            head(context, language, len(views)),
            el("div", cls="wall-bar lost", hidden=True, role="alert"),
            el("div", cls="wall-bar fault", hidden=True, role="alert"),
            held,
            el("main", cls="stage"),
            foot(plant, language),
            [template(context, view, principal) for view in views],
            el("template", el("section", alarms(language), cls="view", data_kind="alarms"), data_held=True),
            cls="wall",
            data_every=every,
        ),
    )


def head(context: Context, language: Language, views: int) -> Markup:
    say = partial(translate, language=language)
    counts = [
        el(
            "span",
            theme.symbol(priority, say("priority {n}").format(n=priority), quiet=True),
            el("b", "—"),
            cls="count",
            data_count=priority,
        )
        for priority in (1, 2, 3, 4)
    ]
    hidden = [el("span", el("b", "—"), " ", say(words), data_hidden=name) for name, words in shell.HIDDEN]
    dots = el("span", [el("i") for _ in range(views)], cls="dots", aria_hidden="true") if views > 1 else None
    return el(
        "header",
        el("b", context.plant.name.text(language), cls="plant"),
        el("span", counts, cls="counts"),
        el("span", hidden, cls="hidden-counts"),
        el("span", cls="spacer"),
        dots,
        el("time"),
    )


def foot(plant: PlantView, language: Language) -> Markup:
    say = partial(translate, language=language)
    speed = f" ×{plant.speed:g}" if plant.speed != 1 else ""
    demo = el("b", say("Demo data") + speed, cls="demo") if plant.demo else None
    return el("footer", demo, el("span", say(shell.IS_NOT), cls="dim"))


def template(context: Context, view: View, principal: Principal) -> Markup:
    plant, language = context.plant, principal.language
    match view.kind:
        case "overview":
            title, inside = translate("Overview", language), overview(plant, language)
        case "alarms":
            title, inside = translate("Alarms", language), alarms(language)
        case "trend":
            title, inside = translate("Trends", language), trend(plant, view.of, language)
        case _:
            title, inside = plant.places[view.of[0]].name.text(language), place(plant, view.of[0], principal)
    return el("template", el("section", el("h1", title), inside, cls="view", data_kind=view.kind), data_view=view.kind)


def overview(plant: PlantView, language: Language) -> Markup:
    drawn = plan.draw(plant, language)
    units = [
        el("div", el("b", one.id), el("span", one.name.text(language), cls="name"), el("span", cls="standing"), el("span", "—", cls="counts"), data_unit=one.path)
        for one in plant.places.values()
        if one.level == Level.UNIT
    ]  # fmt: skip
    picture = el("div", drawn if drawn is not None else no_drawing(language), cls="drawing")
    return el("div", summary_line(language), picture, el("div", units, cls="units"), cls="wall-overview")


def alarms(language: Language) -> Markup:
    say = partial(translate, language=language)
    return el(
        "div",
        el("div", cls="rows", data_none=say("No alarm stands.")),
        el("p", cls="more dim", data_more=say("{n} more")),
        cls="wall-alarms",
    )


def trend(plant: PlantView, ids: Sequence[str], language: Language) -> Markup:
    points = [plant.points[plant.point_numbers[one]] for one in ids]
    pens = [
        el("div", el("i", style=f"background:var(--trend-{n % 8 + 1})"), el("b", point.id), el("span", widgets.name_beside_id(point, language), cls="name"), widgets.live_value(point, language))
        for n, point in enumerate(points)
    ]  # fmt: skip
    chart = el("anlan-trend", compact=True, points=",".join(ids), span=TREND_SPAN, scale="wall")
    return el("div", chart, el("div", pens, cls="pens"), cls="wall-trend")


def place(plant: PlantView, path: str, principal: Principal) -> Markup:
    say = partial(translate, language=principal.language)
    values = [
        el("div", el("span", cls="slot"), el("b", point.id), el("span", widgets.name_beside_id(point, principal.language), cls="name"), widgets.live_value(point, principal.language), data_point=point.id)
        for point in key_points(points_of(plant, path, principal), plant, of_a_kind=6, most=MOST_VALUES)
    ]  # fmt: skip
    standing = el("div", cls="rows", data_none=say("No alarm stands here."))
    return el(
        "div", summary_line(principal.language), standing, el("div", values, cls="values"), cls="wall-place", data_place=path
    )


# --- choosing


def chooser(plant: PlantView, principal: Principal) -> Markup:
    """A form whose answer is the wall's address; an empty field of it names no view (`static/wall_choose.js`)."""
    language = principal.language
    say = partial(translate, language=language)
    places = [
        el("option", f"{'　' * path.count('/')}{one.id} {one.name.text(language)}", value=f"place:{path}")
        for path, one in sorted(plant.places.items())
        if principal.allows("live.view", path)
    ]
    points = sorted(point.id for point in plant.points.values() if principal.allows("history.view", point.place))
    fields = el("div", _check("overview", say("Overview")), _check("alarms", say("Alarms")), cls="checks")
    trend_field = el("input", cls="field", name="view", list="wall-points", placeholder="trend:PI-101,AT-201", data_prefix="trend:", autocomplete="off") if principal.allows("history.view") else None  # fmt: skip
    pace = el(
        "select", [el("option", f"{n} s", value=n, selected=n == USUAL_SECONDS) for n in SECONDS], cls="field", name="every"
    )
    speech = el(
        "select",
        [el("option", shell.LANGUAGE_NAMES[one][0], value=one, selected=one == language) for one in LANGUAGES],
        cls="field",
        name="lang",
    )
    return el(
        "form",
        el("h2", say("A wall view")),
        el("p", say("It turns through the views you choose, without navigation, and stops at an alarm of priority 1 until it is acknowledged. Open it full screen (F11) on the wall's own computer."), cls="dim"),
        el("fieldset", el("legend", say("What it shows")), fields),
        shell.labelled(say("Places (several with Ctrl)"), el("select", places, cls="field", name="view", multiple=True, size=8)),
        shell.labelled(say("A trend: up to eight tags"), trend_field) if trend_field is not None else None,
        el("datalist", [el("option", value=f"trend:{one}") for one in points[:500]], id="wall-points"),
        shell.labelled(say("Each view stays"), pace),
        shell.labelled(say("Language"), speech),
        el("div", el("button", say("Open the wall"), type="submit", cls="button main"), cls="button-row"),
        action="/wall",
        method="get",
        target="_blank",
        cls="panel wall-choose",
    )  # fmt: skip


def _check(value: str, words: str) -> Markup:
    return el("label", el("input", type="checkbox", name="view", value=value, checked=True), " ", words)

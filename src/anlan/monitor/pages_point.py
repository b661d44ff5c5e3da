"""One point: its value and how good it is, its limits and standing alarms, its last hour, and everything the plant folder says of it."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from anlan.model.errors import Hidden, NotFound
from anlan.model.kinds import kinds
from anlan.model.languages import Language, translate
from anlan.model.points import Point
from anlan.monitor.config import SUFFIX
from anlan.monitor.pages_place import outside
from anlan.monitor.pages_trends import offer_charts
from anlan.web import shell, theme, widgets
from anlan.web.context import Context, PlantView, Rule
from anlan.web.help_texts import help_mark
from anlan.web.markup import Markup, el, join
from anlan.web.pages import page, principal_of_page


def pages(context: Context) -> None:
    @page(context, "/points/{point}", "live.view")
    def one_point(point: str) -> None:
        principal = principal_of_page()
        language = principal.language
        found = context.plant.points.get(context.plant.point_numbers.get(point, -1))
        if found is None or not principal.allows("live.view", found.place):
            refusal = NotFound if found is None else Hidden
            raise refusal(
                "there is no point {point} in this plant; every point can be searched by tag or name under Trends",
                point=point[:100],
            )
        offer_charts()
        title = f"{found.id} {found.name.text(language)}"
        shell.show(context, principal, "/", title, body(found, context.plant, language), "trend", "point", "why")


def body(point: Point, plant: PlantView, language: Language) -> Markup:
    left = el("div", now(point, language), chart(point, language), limits(point, plant, language), cls="stack")
    cameras = outside((), plant.cameras_of(point.id, point.place), language)
    right = el("div", standing(language), cameras, described(point, plant, language), cls="stack")
    return el("div", left, right, cls="point-page", data_point=point.id)


def now(point: Point, language: Language) -> Markup:
    head = el(
        "header",
        el("h2", f"{point.id} ", el("span", point.name.text(language))),
        el("span", cls="spacer"),
        _safety(point, language),
    )
    detail = el("span", cls="dim", data_detail=True)
    return el(
        "section",
        head,
        el("div", widgets.live_value(point, language), detail, help_mark("quality", language), cls="now"),
        cls="panel",
    )


def _safety(point: Point, language: Language) -> Markup | None:
    return el("span", translate("safety point", language), cls="dim") if point.safety else None


def chart(point: Point, language: Language) -> Markup:
    why = el("button", translate("Why?", language), type="button", cls="button", data_why_point=point.id)
    way = el("a", translate("Trend", language), href=f"/trends?points={point.id}&span=3600", cls="button")
    head = el("header", el("h2", translate("Last hour", language)), el("span", cls="spacer"), why, way)
    return el("section", head, el("anlan-trend", compact=True, points=point.id, span="3600"), cls="panel")


def limits(point: Point, plant: PlantView, language: Language) -> Markup:
    say = partial(translate, language=language)
    rules = sorted((plant.rules[n] for n in plant.rules_of_point.get(point.id, ())), key=lambda rule: (rule.priority, rule.id))
    if not rules:
        help_text = say("Limits are set in the columns HH, H, L, LL and ST of points.csv.")
        return el("section", widgets.empty(say("No alarm is set on this point."), help_text), cls="panel")
    heads = ("", say("Alarm"), say("Limit"), say("Dead band"), say("Delays"), say("Post"), say("What to do"))
    marks = {say("Dead band"): help_mark("dead_band", language), say("Delays"): help_mark("delay", language)}
    table = el(
        "table",
        el("thead", el("tr", [el("th", head, " ", marks.get(head)) for head in heads])),
        el("tbody", [_rule(rule, heads, point, plant, language) for rule in rules]),
        cls="sheet rules",
    )
    return el("section", el("header", el("h2", say("Alarms set on this point"))), el("div", table, cls="wide-table"), cls="panel")


def _rule(rule: Rule, heads: tuple[str, ...], point: Point, plant: PlantView, language: Language) -> Markup:
    unit = widgets.unit_text(point, language)
    priority = translate("priority {n}", language).format(n=rule.priority)
    delays = f"{rule.on_delay:g} / {rule.off_delay:g} s" + (f" · {translate('latching', language)}" if rule.latching else "")
    cells = (
        theme.symbol(rule.priority, priority),
        SUFFIX[rule.kind],
        _limit(rule, point, unit, language),
        f"{rule.dead_band:g} {unit}" if rule.dead_band else "—",
        delays,
        shell.post_name(plant, plant.post_of_rule(rule), language),
        rule.corrective_action.text(language),
    )
    return el("tr", [el("td", cell, data_head=head) for head, cell in zip(heads, cells, strict=True)])


def _limit(rule: Rule, point: Point, unit: str, language: Language) -> str:
    if rule.limit is not None:
        return f"{rule.limit:.{point.decimals}f} {unit}"
    return " · ".join(point.states[state].text(language) for state in rule.states if state in point.states) or "—"


def standing(language: Language) -> Markup:
    say = partial(translate, language=language)
    return el(
        "section",
        el("header", el("h2", say("Standing alarms of this point"))),
        el("div", say("none"), cls="body", data_standing=say("none")),
        cls="panel",
    )


def described(point: Point, plant: PlantView, language: Language) -> Markup:
    """What points.csv says, in the reader's words; lines without content are left out."""
    say = partial(translate, language=language)
    source = next((source for source in plant.sources.values() if source.id == point.source), None)
    facts = (
        (say("Place"), place_links(point.place, plant, language)),
        (say("Kind"), kinds()[point.kind].name.text(language) if point.kind in kinds() else point.kind),
        (say("Unit"), widgets.unit_text(point, language)),
        (say("Range"), _range(point)),
        (say("Gas"), point.gas),
        (say("Reporting"), _reporting(point, language)),
        (say("Source"), source.name.text(language) if source is not None else point.source),
        (say("Address"), point.address),
        (say("Calibration due"), point.calibration.due.isoformat() if point.calibration else ""),
        (say("Certificate"), point.calibration.certificate if point.calibration else ""),
    )
    lines = [join(el("dt", name), el("dd", value)) for name, value in facts if value]
    return el("section", el("header", el("h2", say("From the plant folder"))), el("dl", lines, cls="body"), cls="panel")


def place_links(path: str, plant: PlantView, language: Language) -> Markup:
    """Names from the unit down, each a way to its page; a place without a name keeps its id."""
    parts = path.split("/")
    paths = ["/".join(parts[: i + 1]) for i in range(plant.top.count("/") + 1, len(parts))] or [path]
    names = [plant.places[p].name.text(language) if p in plant.places else p.rpartition("/")[2] for p in paths]
    links = [el("a", name, href=f"/places/{quote(one)}") for one, name in zip(paths, names, strict=True)]
    return join(*[part for link in links for part in (" › ", link)][1:])


def _range(point: Point) -> str:
    if point.range_low is None and point.range_high is None:
        return ""
    low, high = ("…" if end is None else f"{end:g}" for end in (point.range_low, point.range_high))
    return f"{low} – {high}"


def _reporting(point: Point, language: Language) -> str:
    words = {
        "cyclic": "every {period} s, stale after {deadline} s",
        "on_change": "on change, its source heard every {period} s",
    }[point.reporting.mode]
    return translate(words, language).format(period=f"{point.reporting.period:g}", deadline=f"{point.reporting.deadline:g}")

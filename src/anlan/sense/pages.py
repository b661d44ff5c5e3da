"""Sources: is each device heard, since when, how much comes from it, and how the node's own log, engine and history keep up."""

from __future__ import annotations

from functools import partial

from anlan.model.languages import Language, translate
from anlan.web import shell, widgets
from anlan.web.context import Context, PlantView, Source
from anlan.web.markup import Markup, el
from anlan.web.pages import page, principal_of_page

FACTS = (
    ("rate", "Readings per second"),
    ("last", "Last heard"),
    ("good", "Points good"),
    ("uncertain", "Points uncertain"),
    ("bad", "Points bad"),
    ("no_data", "Points without data"),
    ("duplicates", "Duplicates dropped"),
    ("dropped", "Readings not recorded"),
)
"""Name in the stream's source row → its words; `static/sources.js` fills them."""


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way("/sources", "sources", "Sources", "source.view"))
    shell.add_way(context, shell.Way("/start", "start", "Start", "source.configure"))

    @page(context, "/sources", "source.view")
    def sources() -> None:
        principal = principal_of_page()
        language = principal.language
        may = principal.allows("source.configure", "")
        shell.show(context, principal, "/sources", translate("Sources", language), body(context.plant, language, may), "sources")


def body(plant: PlantView, language: Language, may_add: bool = False) -> Markup:
    """`may_add`: the person may look into devices and add sources."""
    cards = [card(source, _points(plant, source), language) for source in plant.sources.values()]
    add = el("div", el("a", translate("Add a source", language), href="/start", cls="button main"), cls="button-row to-start") if may_add else None  # fmt: skip
    return el("div", add, el("div", cards or no_sources(language), cls="sources"), health(language), cls="sources-page")


def no_sources(language: Language) -> Markup:
    say = partial(translate, language=language)
    return widgets.empty(say("No source is set up yet."), say("An administrator adds servers and devices under Start, or names them under `sources:` in plant.yaml; `anlan drivers` lists what can be read."))  # fmt: skip


def _points(plant: PlantView, source: Source) -> int:
    return sum(point.source == source.id for point in plant.points.values())


def card(source: Source, points: int, language: Language) -> Markup:
    say = partial(translate, language=language)
    name = el(
        "h2",
        source.name.text(language) or source.id,
        " ",
        el("small", f"{source.id} · {source.driver} · {points} ", say("points")),
    )
    head = el("header", el("i"), name, el("span", cls="spacer"), el("span", "—", cls="link-state"))
    facts = [fact(say(words), name) for name, words in FACTS]
    wide = [
        fact(say("Endpoint"), "endpoint", endpoint(source) or "—", wide=True),
        fact(say("Since"), "since", wide=True),
        fact(say("Reason"), "reason", wide=True),
    ]
    return el("article", head, el("div", wide, facts, cls="body"), cls="panel source", data_source=source.id)


def endpoint(source: Source) -> str:
    """Where the source is reached, as plant.yaml says it; "" for a driver without an address."""
    options = getattr(source, "options", {})
    if url := options.get("url"):
        return str(url)
    host, port = options.get("host"), options.get("port")
    return f"{host}:{port}" if host and port else str(host or "")


def fact(words: str, name: str, text: str = "—", *, wide: bool = False) -> Markup:
    return el("span", el("small", words), el("b", text), cls="fact wide" if wide else "fact", data_fact=name)


def health(language: Language) -> Markup:
    """The node itself: whether what is read is also kept and decided on, and how far behind each of these is."""
    say = partial(translate, language=language)
    head = el("header", el("h2", say("This node")), el("span", cls="spacer"), el("span", cls="dim", data_health_note=True))
    return el("section", head, el("div", cls="body", data_health=True), cls="panel health")

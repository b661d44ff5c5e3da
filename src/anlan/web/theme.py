"""What the console looks like: where its files lie, its marks and icons. Colours and sizes are `static/tokens.css`.

Calm greys when all is well, saturated colour for what is abnormal and nothing else (ISA-101). An alarm's priority is a shape with its
number, readable in black and white; a risk level will be an area's fill with its word: never one shape for both (DOMAIN.md 17).
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from anlan.web.markup import Markup, el, join

STATIC = Path(str(files("anlan.web") / "static"))
STYLES = (
    "tokens.css",
    "base.css",
    "marks.css",
    "shell.css",
    "search.css",
    "narrow.css",
    "door.css",
    "alarms.css",
    "response_card.css",
    "trends.css",
    "overview.css",
    "blind.css",
    "place.css",
    "wall.css",
    "sources.css",
    "performance.css",
    "why.css",
    "master.css",
    "safety.css",
    "audit.css",
    "paper.css",
    "handover.css",
    "stations.css",
    "evacuation.css",
    "proof.css",
    "people.css",
    "help.css",
    "start.css",
    "drawing.css",
    "configuration.css",
    "worksheets.css",
    "studies.css",
    "study_figures.css",
    "failures.css",
    "hazards.css",
)
"""In the order of the cascade."""

_SHAPES = {
    1: ("M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9z", 16.6),
    2: ("M12 1.5 23.4 22H.6z", 19),
    3: ("M12 .4 23.6 12 12 23.6.4 12z", 16.6),
    4: ("M12 1a11 11 0 1 1 0 22 11 11 0 0 1 0-22z", 16.6),
}
"""Priority → outline in a 24 × 24 box and the figure's base line: octagon, triangle, diamond, circle."""

_ICONS = {
    "overview": "M3 21V9l6 4V9l6 4V5l6-2v18zM7 17h.01M12 17h.01M17 17h.01",
    "blind": "M3 12c2.5-4.5 5.6-6.5 9-6.5s6.5 2 9 6.5c-2.5 4.5-5.6 6.5-9 6.5S5.500 16.500 3 12zM12 9.500v5M9.500 12h5M4 4l16 16",
    "alarms": "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4M12 3V5",
    "trends": "M3 4v16h18M6 15l4-5 4 3 6-8",
    "performance": "M3 20h18M6 17v-5M11 17V8M16 17v-3M21 17V4",
    "detectors": "M12 3v4M5 7h14v6a7 7 0 0 1-14 0zM9 20h6M9 11h6",
    "safety": "M3 4h18v16H3zM3 9h18M3 14h18M9 4v16M15 4v16",
    "bypasses": "M3 12h5l3-6 3 12 2-6h5M3 20h18",
    "replay": "M4 12a8 8 0 1 0 3-6.2M4 3v4h4M12 8v5l4 2",
    "places": "M12 3v5M5 21v-5h14v5M12 8v8M9 3h6v5H9zM2 21h6M16 21h6",
    "camera": "M3 8h11v9H3zM14 11l7-3v9l-7-3M6 5h5v3",
    "wall": "M2 4h20v13H2zM8 21h8M12 17v4",
    "settings": "M4 7h9M17 7h3M15 4.500v5M4 17h3M11 17h9M9 14.500v5M4 12h14M20 12h0",
    "evacuation": "M13 4a2 2 0 1 1 0 .1M10 21l2-6-3-3 1-5 4 1 2 3h3M9 12l-3 4H2M21 3v18",
    "search": "M10.500 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13zM15.500 15.500 21 21",
    "handover": "M4 4h10v6H4zM10 14h10v6H10zM16 7h2a2 2 0 0 1 2 2v2M8 17H6a2 2 0 0 1-2-2v-2",
    "people": "M8 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2 20c0-4 3-6 6-6s6 2 6 6M16 11a3 3 0 1 0 0-6M17 14c3 0 5 2 5 6",
    "stations": "M3 5h18v11H3zM9 20h6M12 16v4M7 9h4M7 12h2",
    "audit": "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 15h7M9 18h4",
    "configuration": "M4 6h10M18 6h2M4 12h2M10 12h10M4 18h8M16 18h4M16 4v4M8 10v4M14 16v4",
    "start": "M12 4v16M4 12h16",
    "worksheets": "M4 3h16v18H4zM4 8h16M9 8v13M4 13h16M4 17h16",
    "sources": "M4 6c0-4 16-4 16 0s-16 4-16 0v12c0 4 16 4 16 0V6M4 12c0 4 16 4 16 0",
    "risk": "M12 3 22 20H2zM12 9v5M12 17h.01",
    "studies": "M9 3h6v4H9zM12 7v3M5 10h14M5 10v4M19 10v4M12 10v4M3 14h4v4H3zM10 14h4v4h-4zM17 14h4v4h-4z",
    "hazards": "M5 21V9c0-5 14-5 14 0v12zM5 13h14M12 3v3M9 17h6",
    "failures": "M4 20V4M4 20h16M8 16v-3M12 16V8M16 16v-5M10 6h4",
    "waves": "M2 8c3.3-4 6.7 4 10 0s6.7 4 10 0M2 13c3.3-4 6.7 4 10 0s6.7 4 10 0M2 18c3.3-4 6.7 4 10 0s6.7 4 10 0",
}


@cache
def base() -> str:
    """Address of the static files; it changes with their content, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"


def head() -> Markup:
    """Style sheets, for the head of every page."""
    return join(*(el("link", rel="stylesheet", href=f"{base()}/{name}") for name in STYLES))


def scripts(*names: str) -> Markup:
    """Module scripts by their file's name."""
    return join(*(el("script", type="module", src=f"{base()}/{name}.js") for name in names))


def icon(name: str) -> Markup:
    return el("svg", el("path", d=_ICONS[name]), viewBox="0 0 24 24", aria_hidden="true")


def logo() -> Markup:
    return el("svg", el("path", d=_ICONS["waves"]), viewBox="0 0 24 24", fill="none", stroke="currentColor", stroke_width="1.8", stroke_linecap="round", aria_hidden="true")  # fmt: skip


def sprite() -> Markup:
    """The priority shapes, once per page; `symbol` and the scripts refer to them."""
    return el(
        "svg", [_shape(priority) for priority in _SHAPES], width="0", height="0", style="position:absolute", aria_hidden="true"
    )


def _shape(priority: int) -> Markup:
    outline, baseline = _SHAPES[priority]
    path = el(
        "path",
        d=outline,
        style="fill:var(--fill);stroke:var(--stroke);stroke-width:1.8;stroke-dasharray:var(--dash,none);stroke-linejoin:round",
    )
    figure = el("text", priority, x=12, y=baseline, text_anchor="middle", style="font:700 13.5px var(--font);fill:var(--figure)")
    return el("symbol", path, figure, id=f"sym-{priority}", viewBox="-1 -1 26 26")


def symbol(priority: int, words: str, *, quiet: bool = False) -> Markup:
    """A steady priority symbol; `quiet` draws it without colour, for a count of zero."""
    look = "none" if quiet else ""
    return el(
        "svg",
        el("use", href=f"#sym-{priority}"),
        cls=f"sym {look} p{priority}".replace("  ", " "),
        viewBox="0 0 24 24",
        role="img",
        aria_label=words,
    )

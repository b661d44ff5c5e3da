"""An SVG file written anew with nothing in it but a drawing: no script, no reference to anything outside, no other document inside.

Only what is listed passes; everything else is left out with all that is below it, and counted. The drawing is further served so that it could not run
even if something passed (`api_drawings`), and pages show it as an image, in which browsers run nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from anlan.model.errors import InputError
from anlan.plant.drawings.spread import Spread, named_by

SVG, XLINK, XML = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/XML/1998/namespace"
SEPARATOR = " "
ELEMENTS = frozenset(
    {
        "svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan",
        "textPath", "linearGradient", "radialGradient", "stop", "clipPath", "mask", "pattern", "marker", "image", "style", "switch",
    }
)  # fmt: skip
UNWRAPPED = frozenset({"a"})
"""Left out themselves; what is below stays."""
ATTRIBUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9\-]*\Z")
EMBEDDED = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]*\Z")
OUTSIDE = re.compile(r"url\s*\(\s*[\"']?\s*(?!#)", re.IGNORECASE)
NO_STYLE = re.compile(r"@import|expression\s*\(|javascript:|behavior\s*:|-moz-binding|\\", re.IGNORECASE)
"""A backslash could spell any of the others."""
LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(px|pt|mm|cm|in|pc)?\s*\Z")
PIXELS = {"px": 1.0, "pt": 96 / 72, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
LARGEST = 1e7
MOST_ELEMENTS = 200_000
MOST_DEPTH = 200


@dataclass(slots=True)
class Cleaned:
    width: float
    height: float
    content: bytes
    removed: dict[str, int] = field(default_factory=dict)


def clean_svg(data: bytes) -> Cleaned:
    """Raises InputError: not well-formed, with entities of its own, without a size, or too deep."""
    writer = _Writer()
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.ordered_attributes = False
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler, parser.EndElementHandler = writer.start, writer.end
    parser.CharacterDataHandler = writer.text
    parser.EntityDeclHandler = _no_entities
    parser.ExternalEntityRefHandler = lambda *_: 0
    try:
        parser.Parse(data, True)
    except expat.ExpatError as wrong:
        raise InputError("the SVG file is not well-formed: {why}", why=str(wrong)) from wrong
    return writer.finished()


def _no_entities(*_: Any) -> None:
    raise InputError("the SVG file declares entities of its own, which are not taken: save it as plain SVG")


class _Writer:
    """Takes the parser's events and writes what may stay."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._skipping = 0
        self._open: list[str] = []
        self._elements = 0
        self._size: tuple[float, float] | None = None
        self._style: list[str] | None = None
        self._spread = Spread()
        self.removed: dict[str, int] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(SEPARATOR)
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._open) + self._skipping > MOST_DEPTH:
            raise InputError("the SVG file has more than {most} elements, or is nested too deep", most=MOST_ELEMENTS)
        if not self._open and not self._skipping and (space, local) != (SVG, "svg"):
            raise InputError("the file is XML, but no SVG drawing: its first element is {found}", found=local[:40])
        if self._skipping or space != SVG or local not in ELEMENTS | UNWRAPPED:
            if not self._skipping and space == SVG:
                self._told(local)
            self._skipping += 1
            return
        self._open.append("" if local in UNWRAPPED else local)
        if local in UNWRAPPED:
            self._told(local)
            return
        if f"{XLINK}{SEPARATOR}href" in attributes:
            attributes.pop("href", None)
        spaces = ""
        if len(self._open) == 1:
            spaces = f' xmlns="{SVG}" xmlns:xlink="{XLINK}"'
            self._frame(attributes)
        named = sorted(attributes.items(), key=lambda item: item[0].rpartition(SEPARATOR)[2])
        self._out.append(f"<{local}{spaces}{''.join(self._attribute(key, value, local) for key, value in named)}>")
        href = (attributes.get(f"{XLINK}{SEPARATOR}href") or attributes.get("href", "")).strip()
        self._spread.start(local, attributes.get("id", ""), named_by(local, attributes, href))
        if local == "style":
            self._style = []

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        local = self._open.pop()
        if local == "style" and self._style is not None:
            text, self._style = "".join(self._style), None
            if OUTSIDE.search(text) or NO_STYLE.search(text):
                self._told("style")
            else:
                self._out.append(escape(text))
        if local:
            self._out.append(f"</{local}>")
            self._spread.end()

    def text(self, text: str) -> None:
        if self._skipping or not self._open:
            return
        if self._style is not None:
            self._style.append(text)
        else:
            self._out.append(escape(text))

    def _frame(self, attributes: dict[str, str]) -> None:
        """The drawing's space is told by its viewBox alone, so that it fits whatever it is laid into."""
        box = _box(attributes)
        if box is not None:
            self._size = (box[2], box[3])
            for name in ("x", "y", "width", "height", "preserveAspectRatio"):
                attributes.pop(name, None)
            attributes["viewBox"] = " ".join(f"{part:.10g}" for part in box)

    def finished(self) -> Cleaned:
        if self._size is None:
            raise InputError("the SVG drawing does not say how large it is: viewBox, or width and height, was expected")
        self._spread.must_be_drawn()
        return Cleaned(*self._size, "".join(self._out).encode(), self.removed)

    def _attribute(self, key: str, value: str, element: str) -> str:
        space, _, local = key.rpartition(SEPARATOR)
        if space == XML:
            return f" xml:{local}={quoteattr(value)}" if local in {"space", "lang"} else ""
        if local == "href" and space in {"", XLINK}:
            inside = value.strip().startswith("#") or (element == "image" and EMBEDDED.match(value.strip()))
            if not inside:
                return self._without("href")
            return f" xlink:href={quoteattr(value.strip())}"
        if space or not ATTRIBUTE.match(local):
            return ""
        if local.lower().startswith("on"):
            return self._without(local.lower())
        if OUTSIDE.search(value) or NO_STYLE.search(value) or "javascript:" in value.lower():
            return self._without(local)
        return f" {local}={quoteattr(value)}"

    def _without(self, what: str) -> str:
        self._told(what)
        return ""

    def _told(self, what: str) -> None:
        self.removed[what[:40]] = self.removed.get(what[:40], 0) + 1


def _box(attributes: dict[str, str]) -> tuple[float, float, float, float] | None:
    """left, top, width, height: the viewBox, else width and height in pixels. None where it says neither."""
    parts = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())
    try:
        left, top, width, height = map(float, parts)
    except ValueError:
        left, top, width, height = 0.0, 0.0, *(_pixels(attributes.get(name, "")) for name in ("width", "height"))
    fits = all(0 < side < LARGEST for side in (width, height)) and all(abs(at) < LARGEST for at in (left, top))
    return (left, top, width, height) if fits else None


def _pixels(text: str) -> float:
    """0 for what is no length."""
    found = LENGTH.match(text)
    return float(found[1]) * PIXELS[found[2] or "px"] if found is not None else 0.0

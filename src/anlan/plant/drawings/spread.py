"""How much a browser draws for an SVG drawing: each `use`, marker, pattern, mask and clip path draws what it names once more.

Nested, they multiply: ten lines draw a thousand million elements and hang every console that shows the plan. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from anlan.model.errors import InputError

MOST_DRAWN = 500_000
MOST_LOOKED = 5_000_000
"""Names that are looked through, those within named parts again for each."""
MOST_LEVELS = 20
"""Of what is drawn within what is drawn; also what names itself ends here."""
NAMED = re.compile(r"url\s*\(\s*[\"']?\s*#([^\s\"')]+)", re.IGNORECASE)
LIGHT = frozenset({"linearGradient", "radialGradient"})
"""Colours: named by every part of some drawings, and drawn by none."""


def named_by(element: str, attributes: Mapping[str, str], href: str) -> list[str]:
    """Ids that this element draws once more."""
    own = [href[1:]] if element == "use" and href.startswith("#") else []
    return own + [id for value in attributes.values() for id in NAMED.findall(value)]


@dataclass(slots=True)
class Spread:
    """Fed with the elements of a drawing in their order."""

    _drawn: int = 0
    _names: list[str] = field(default_factory=list)
    _open: list[tuple[str, int, int]] = field(default_factory=list)
    _known: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Id → elements in it, and from where to where in `_names` it draws others."""
    _sums: dict[str, int] = field(default_factory=dict)
    _looked: int = 0

    def start(self, element: str, id: str, named: list[str]) -> None:
        self._open.append(("" if element in LIGHT else id, self._drawn, len(self._names)))
        self._drawn += 1
        self._names += named

    def end(self) -> None:
        id, drawn, first = self._open.pop()
        if id:
            self._known.setdefault(id, (self._drawn - drawn, first, len(self._names)))

    def must_be_drawn(self) -> None:
        """Raises InputError: too much, or something draws itself."""
        self._sum(self._drawn, 0, len(self._names), 0)

    def _sum(self, own: int, first: int, last: int, level: int) -> int:
        if level > MOST_LEVELS:
            raise InputError(
                "the SVG drawing draws itself, or parts within parts within parts: at most {most} levels", most=MOST_LEVELS
            )
        self._looked += last - first
        if self._looked > MOST_LOOKED:
            raise InputError(
                "the SVG drawing makes a browser draw more than {most} elements: save it with fewer copies", most=MOST_DRAWN
            )
        for id in self._names[first:last]:
            if id in self._known and id not in self._sums:
                self._sums[id] = self._sum(*self._known[id], level + 1)
            own += self._sums.get(id, 0)
            if own > MOST_DRAWN:
                raise InputError(
                    "the SVG drawing makes a browser draw more than {most} elements: save it with fewer copies", most=MOST_DRAWN
                )
        return own

"""Live facts: what a study may ask of the running plant, and the answer — true, false or unknown, since when, and why.

    {point: PI-101, when: "> 1.2"}     the point's value, in its own unit; `when` one of > >= < <= == != with a number
    {point: PI-101, when: bad}         its reading is bad or missing
    {alarm: PI-101.HH}                 the alarm's condition stands, acknowledged or not
    {bypass: BP-07}                    bypassed: a bypass point, a cause of the safety system, or a point that one watches
    {barrier: storage/sprinkler}       a barrier of a bow-tie is lost
    {permit: hot-work}                 work under such a permit is going on

True is always the adverse state. Unknown never lowers risk: what was last known to be adverse stays so until it is known to be gone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ruamel.yaml.nodes import Node

from anlan.model.clock import Micros
from anlan.model.words import Label
from anlan.risk.written import Nodes, Place

SORTS = ("point", "alarm", "bypass", "barrier", "permit")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
BAD = "bad"
_EXAMPLE = '{point: PI-101, when: "> 1.2"}'


@dataclass(frozen=True, slots=True)
class Condition:
    """On a point: `comparison` with `limit` in the point's unit, or `bad` quality."""

    comparison: str
    limit: float = 0.0

    def __str__(self) -> str:
        return BAD if self.comparison == BAD else f"{self.comparison} {self.limit:g}"

    def holds(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.limit)


@dataclass(frozen=True, slots=True)
class Binding:
    """One question to the plant. `sort` is one of SORTS."""

    sort: str
    id: str
    when: Condition | None = None

    def __str__(self) -> str:
        return f"{self.sort} {self.id}" + (f" {self.when}" if self.when is not None else "")


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding and where it was written."""

    binding: Binding
    place: Place


@dataclass(frozen=True, slots=True)
class Fact:
    """`state` None: unknown. `since` µs UTC: from when it is so as far as the node knows, 0 where it does not. `last`: what was known last."""

    state: bool | None
    since: Micros
    why: Label
    last: bool | None = None

    @property
    def known(self) -> bool:
        return self.state is not None

    @property
    def adverse(self) -> bool | None:
        """What to compute with: the last known state while it is unknown; None if it never was known."""
        return self.last if self.state is None else self.state


class Facts(Protocol):
    """Who answers. On the event loop, without blocking."""

    def fact(self, binding: Binding) -> Fact: ...


def read_binding(nodes: Nodes, node: Node, *more: str) -> tuple[Bound, dict[str, Node]]:
    """A binding, and the entries of `more` names beside it. Raises Mistake."""
    parts = dict(nodes.entries(node))
    sorts = [name for name in SORTS if name in parts]
    if len(sorts) != 1:
        raise nodes.mistake(
            "one of {expected} was expected, as {example}", nodes.place(node), expected=", ".join(SORTS), example=_EXAMPLE
        )
    place = nodes.place(parts[sorts[0]])
    name = nodes.text(parts.pop(sorts[0]))
    when = _condition(nodes, parts.pop("when")) if "when" in parts else None
    if sorts[0] == "point" and when is None:
        raise nodes.mistake("a point needs a condition, as {example}", place, example=_EXAMPLE)
    if sorts[0] != "point" and when is not None:
        raise nodes.mistake("only a point has a condition", place)
    for name_of, value in parts.items():
        if name_of not in more:
            raise nodes.unknown(name_of, value, ", ".join((*SORTS, "when", *more)))
    return Bound(Binding(sorts[0], name, when), place), parts


def _condition(nodes: Nodes, node: Node) -> Condition:
    text = nodes.text(node).strip()
    if text == BAD:
        return Condition(BAD)
    sign = next((one for one in COMPARISONS if text.startswith(one)), None)
    try:
        if sign is None:
            raise ValueError
        limit = float(text[len(sign) :])
        if not math.isfinite(limit):  # nan would never hold, and so be known to be false
            raise ValueError
    except ValueError:
        raise nodes.mistake(
            "{found} is no condition; {expected} was expected", nodes.place(node), found=text, expected='"> 1.2", bad'
        ) from None
    return Condition(sign, limit)

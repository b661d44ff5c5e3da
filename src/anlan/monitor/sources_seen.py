"""Which sources are in view: what their first data, a tick's word and a grace that has passed say; and what their points lose or regain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anlan.model.clock import SECOND, Micros
from anlan.monitor import kernel
from anlan.monitor.layout import View

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

SOURCE_GRACE: Micros = 30 * SECOND
"""A source of which nothing was ever heard counts as out of view after this much node time: unknown is never normal."""


def hear(engine: Engine, source: int, at: Micros) -> None:
    """Data from a source of which nobody has said anything yet: it is in view."""
    sources = engine.world.sources
    if source < len(sources) and sources["state"][source] == View.UNKNOWN:
        sources["up_since"][source] = u = engine.time.at(at)
        sources["state"][source] = View.UP
        _show_views(engine, [source], at, u)


def see(engine: Engine, now: Micros, told: dict[int, View]) -> None:
    """Sources that went down or came up with this tick, or were never heard of within their grace."""
    sources = engine.world.sources
    silent = (
        (sources["present"] == 1) & (sources["state"] == View.UNKNOWN) & (engine.time.u - sources["up_since"] >= SOURCE_GRACE)
    )
    told = {**{int(s): View.DOWN for s in np.flatnonzero(silent)}, **told}
    moved = [s for s, view in sorted(told.items()) if s < len(sources) and sources["present"][s] and sources["state"][s] != view]
    for s in moved:
        sources["state"][s] = told[s]
        sources["up_since"][s] = engine.time.u
    _show_views(engine, moved, now, engine.time.u)


def _show_views(engine: Engine, moved: list[int], now: Micros, u: Micros) -> None:
    if not moved:
        return
    sources = engine.world.sources
    engine.late.link(now, {source: "down" if sources["state"][source] == View.DOWN else "up" for source in moved})
    changed = np.zeros(len(engine.world.sources), np.uint8)
    changed[moved] = 1
    engine.run(lambda start: kernel.view_changed(engine.world, changed, start, engine.frame, now, u), len(engine.world.points))
    engine.calculate(now, u)

"""Floods as they happen, for every console: fed by the board with each transition, begun from the journal's last hours."""

from __future__ import annotations

from typing import Any

from anlan.guard.principal import Grant, Principal
from anlan.model.clock import HOUR, Micros
from anlan.model.events.alarms import AlarmTransition
from anlan.monitor.flood import FloodNow, FloodWatch
from anlan.monitor.kpi.lives import is_annunciation
from anlan.monitor.proof import is_proof
from anlan.web.answers import iso
from anlan.web.context import Context

LEAD: Micros = 6 * HOUR
"""How far back it is looked for what led up to now: a flood that began earlier has passed 10 or fallen below 5 since."""
MOST = 50_000
"""Transitions read back at most; more than these in six hours is a flood by any count."""
_CHUNK = 1000


class LiveFloods:
    """Written on the event loop by the board."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._watch = FloodWatch()
        self._posts: dict[tuple[int, tuple[Grant, ...]], frozenset[str]] = {}

    def load(self, cursor: int) -> None:
        """What the last hours up to journal position `cursor` led to. Blocking."""
        since, before = self._context.clock.now() - LEAD, cursor + 1
        found: list[AlarmTransition] = []
        while len(found) < MOST:
            rows = self._context.journal.before(before, _CHUNK)
            found += [row for row in rows if row.noticed_at >= since]
            if len(rows) < _CHUNK or rows[-1].noticed_at < since:
                break
            before = rows[-1].n
        self._watch = FloodWatch()
        for row in reversed(found):
            self.take(row)

    def take(self, transition: AlarmTransition) -> None:
        if is_annunciation(transition):
            plant = self._context.plant
            rule = plant.rules.get(transition.alarm)
            if rule is not None and is_proof(rule):
                return  # an exercise is no load on anybody
            self._watch.take(plant.post_of_rule(rule) if rule is not None else "", transition.noticed_at)

    def now(self, principal: Principal) -> list[FloodNow]:
        """Of the posts whose alarms this person may see."""
        seen = self._seen_by(principal)
        return [one for one in self._watch.now(self._context.clock.now()) if one.post in seen]

    def running(self, principal: Principal) -> list[dict[str, Any]]:
        """The floods that run now, as the console tells them."""
        return [flood_row(self._context, one) for one in self.now(principal) if one.flood is not None]

    def _seen_by(self, principal: Principal) -> frozenset[str]:
        plant = self._context.plant
        key = (plant.version, principal.grants)
        if key not in self._posts:
            rules = plant.rules.values()
            seen = {plant.post_of_rule(rule) for rule in rules if principal.allows("alarm.view", plant.place_of_rule(rule))}
            self._posts = {**dict(list(self._posts.items())[-50:]), key: frozenset(seen)}
        return self._posts[key]


def flood_row(context: Context, state: FloodNow) -> dict[str, Any]:
    """One post: how many alarms in ten minutes, and the flood that runs, if one does."""
    posts, flood = context.plant.posts, state.flood
    return {
        "post": state.post,
        "post_name": posts[state.post].model_dump() if state.post in posts else None,
        "in_ten_minutes": state.in_ten_minutes,
        "began_at": flood.began_at if flood is not None else None,
        "began_at_iso": iso(flood.began_at) if flood is not None else None,
        "count": flood.count if flood is not None else None,
        "peak": flood.peak if flood is not None else None,
    }

"""The report on the alarm system's performance: which window, whose alarms, and the measures of `kpi` with their names, as plain JSON values.

Used by the API, the page and `anlan alarms kpi`, which works with the node down. One report is made at a time and the last few are kept
for viewers that ask for the same, so that many open pages cost no more than one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from anlan.guard.principal import Grant, Principal
from anlan.model.clock import DAY, HOUR, MINUTE, SECOND, Micros
from anlan.model.errors import InputError, NotFound
from anlan.model.instants import instant
from anlan.model.shifts import shift_at
from anlan.monitor.config import SUFFIX
from anlan.monitor.flood import Flood
from anlan.monitor.kpi import Columns, Facts, Performance, measure
from anlan.monitor.kpi.performance import TEN_MINUTES, WAITED, Waits
from anlan.monitor.kpi.targets import figures, targets_for
from anlan.monitor.kpi.words import MEASURES
from anlan.monitor.live_floods import LEAD
from anlan.monitor.proof import is_proof
from anlan.web.answers import iso
from anlan.web.context import Context, PlantView

WindowName = Literal["10min", "hour", "shift", "day", "7d", "30d"]
NAMES: tuple[str, ...] = get_args(WindowName)
_LENGTHS: dict[str, Micros] = {"10min": 10 * MINUTE, "hour": HOUR, "day": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
LONGEST: Micros = 400 * DAY
MOST_PERIODS = 1_500
"""Bars of a chart; longer windows are told by the most of several ten minutes."""
MOST_LISTED = 50
KEPT = 8


@dataclass(frozen=True, slots=True)
class Window:
    """start ≤ time < end."""

    start: Micros
    end: Micros
    name: str = ""


def named_window(name: str, now: Micros, plant: PlantView) -> Window:
    """The last ten minutes, hour, day … up to the whole minute that now runs; the shift from its beginning."""
    end = now // MINUTE * MINUTE + MINUTE
    if name == "shift":
        return Window(shift_at(now, plant.shifts, plant.zone).start, end, name)
    return Window(end - _LENGTHS[name], end, name)


def window_of(start: str, end: str, name: str, now: Micros, plant: PlantView) -> Window:
    """From what was asked: two instants, or the name of a window up to now. Raises InputError."""
    if bool(start) != bool(end):
        raise InputError("from and to are given together, or neither")
    if start:
        return chosen_window(instant("from", start), instant("to", end))
    if name not in NAMES:
        raise InputError("window {found}: one of {known} was expected", found=name[:40], known=", ".join(NAMES))
    return named_window(name, now, plant)


def chosen_window(start: Micros, end: Micros) -> Window:
    """Raises InputError."""
    if start >= end:
        raise InputError("from {start} must lie before to {end}", start=iso(start), end=iso(end))
    if end - start > LONGEST:
        raise InputError(
            "from {start} to {end} is longer than {days} days, the longest that is measured at once",
            start=iso(start),
            end=iso(end),
            days=LONGEST // DAY,
        )
    return Window(start, end)


def facts_of(plant: PlantView, principal: Principal | None = None) -> dict[int, Facts]:
    """What is configured of each alarm, as far as this person may see it; None sees all."""
    return {
        number: Facts(rule.priority, plant.post_of_rule(rule), round((rule.time_to_respond or 0) * SECOND))
        for number, rule in plant.rules.items()
        if principal is None or principal.allows("alarm.view", plant.place_of_rule(rule))
    }


def make_report(
    columns: Mapping[str, Any], plant: PlantView, facts: Mapping[int, Facts], window: Window, *, everything: bool
) -> dict[str, Any]:
    """The whole report. Without `everything`, alarms that are not among `facts` are left out: they may not be seen."""
    proof = {number for number, rule in plant.rules.items() if is_proof(rule)}
    read, facts = Columns.of(columns).without(proof), {number: one for number, one in facts.items() if number not in proof}
    if not everything:
        read = read.only(facts)
    # Before the journal begins nobody knows what there was: it must not thin out what was measured since.
    begin = max(window.start, int(columns["begun"][0]))
    report = measure(read, facts, min(begin, window.end - 1), window.end)
    used = {one.priority for one in facts.values()}
    tell = partial(_performance, plant, known=begin < window.end)
    return {
        "from": window.start,
        "from_iso": iso(window.start),
        "to": window.end,
        "to_iso": iso(window.end),
        "measured_from": begin,
        "measured_from_iso": iso(begin),
        "window": window.name,
        "whole": tell(report.whole),
        "posts": [tell(one) for one in report.posts.values()],
        "measures": [one.as_json() for one in MEASURES],
        "targets": [one.as_json() for one in targets_for(used)],
    }


def of_post(report: dict[str, Any], post: str) -> dict[str, Any]:
    """The report with one post only. Raises NotFound where no alarm that may be seen belongs to it."""
    own = [one for one in report["posts"] if one["post"] == post]
    if not own:
        raise NotFound("no alarm belongs to the post {post}", post=post[:100])
    return {**report, "whole": None, "posts": own}


class PerformanceService:
    """One per app process: `PerformanceService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._one_at_a_time = asyncio.Lock()
        self._kept: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()

    @classmethod
    def of(cls, context: Context) -> PerformanceService:
        service = context.extras.setdefault("monitor.performance", None)
        if service is None:
            service = context.extras["monitor.performance"] = cls(context)
        assert isinstance(service, cls)
        return service

    async def report(self, principal: Principal, window: Window, post: str | None = None) -> dict[str, Any]:
        """Raises InputError, StoreError, and NotFound for a post whose alarms this person sees none of."""
        plant = self._context.plant
        key = (plant.version, _sight(principal), window)
        async with self._one_at_a_time:
            last = await asyncio.to_thread(lambda: self._context.journal.last)
            made = self._kept.get((*key, last))
            if made is None:
                made = await asyncio.to_thread(self._make, plant, principal, window)
                self._kept[*key, last] = made
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return made if post is None else of_post(made, post)

    def _make(self, plant: PlantView, principal: Principal, window: Window) -> dict[str, Any]:
        columns = self._context.journal.window(window.start - LEAD, window.end)
        everything = principal.allows("alarm.view", "")
        return make_report(columns, plant, facts_of(plant, principal), window, everything=everything)


def _sight(principal: Principal) -> tuple[Grant, ...] | None:
    """People who may see everything share their reports."""
    return None if principal.allows("alarm.view", "") else principal.grants


def _performance(plant: PlantView, found: Performance, *, known: bool) -> dict[str, Any]:
    """`known` is False for a window that ends before the journal begins: its figures are then unknown, not 0."""
    stood, told = found.stood, figures(found)
    return {
        "post": found.post,
        "post_name": _post_name(plant, found.post),
        "figures": told if known else dict.fromkeys(told),
        "periods": _periods(found),
        "priorities": {str(priority): n for priority, n in found.priorities.items()},
        "alarms": found.alarms,
        "floods": [_flood(plant, one) for one in found.flood.each],
        "actors": [
            {**named(plant, one.alarm), "count": one.count, "share": one.share, "fleeting": one.fleeting, "index": one.index}
            for one in found.actors
        ],
        "chattering": [
            {**named(plant, one.alarm), "index": one.index, "count": one.annunciations, "shortest": one.shortest}
            for one in found.chattering[:MOST_LISTED]
        ],
        "stale": [named(plant, alarm) for alarm in stood.stale[:MOST_LISTED]],
        "acknowledge": _waits(found.answered.acknowledge),
        "respond": _waits(found.answered.respond) | {"timed": found.answered.timed},
    }


def _periods(found: Performance) -> dict[str, Any]:
    """Annunciations of each ten minutes from the window's start; in a long window the most of `fold` of them."""
    each = found.rate.periods
    fold = -(-len(each) // MOST_PERIODS) or 1
    most = [max(each[i : i + fold]) for i in range(0, len(each), fold)]
    return {"width": TEN_MINUTES, "fold": fold, "most": most}


def _flood(plant: PlantView, flood: Flood) -> dict[str, Any]:
    return {
        "post": flood.post,
        "post_name": _post_name(plant, flood.post),
        "first_at": flood.first_at,
        "began_at": flood.began_at,
        "began_at_iso": iso(flood.began_at),
        "ended_at": flood.ended_at,
        "ended_at_iso": iso(flood.ended_at),
        "count": flood.count,
        "peak": flood.peak,
    }


def _post_name(plant: PlantView, post: str | None) -> dict[str, str] | None:
    return plant.posts[post].model_dump() if post is not None and post in plant.posts else None


def _waits(waits: Waits) -> dict[str, Any]:
    """How many up to each of `upto` [s], and beyond the last."""
    return {"count": waits.count, "upto": WAITED, "classes": waits.classes}


def named(plant: PlantView, alarm: int) -> dict[str, Any]:
    """An alarm as lists name it; one that the plant no longer has by its number."""
    rule = plant.rules.get(alarm)
    if rule is None:
        return {"alarm": alarm, "id": f"#{alarm}", "point": None, "kind": None, "priority": None, "name": {"zh": f"#{alarm}", "en": f"#{alarm}"}, "place": "", "post": ""}  # fmt: skip
    point = plant.point_of_rule(rule)
    subject = plant.sources.get(plant.source_numbers.get(rule.point, -1)) if point is None else point
    return {
        "alarm": alarm,
        "id": rule.id,
        "point": point.id if point is not None else None,
        "kind": SUFFIX[rule.kind],
        "priority": rule.priority,
        "name": subject.name.model_dump() if subject is not None else {"zh": rule.point, "en": rule.point},
        "place": plant.place_of_rule(rule),
        "post": plant.post_of_rule(rule),
    }

"""The facts of a shift at one post, gathered from journal, records and live state, as plain JSON values in both languages.

Alarms are the post's own; at a post that no alarm belongs to (the shift leader's) those of all posts that the person sees. Bypasses, sources and what
is out of evidence concern everybody and are never narrowed. Each part stands by itself: one that cannot be read is unknown, and named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from sqlalchemy import select

from anlan.guard.principal import Principal
from anlan.model.clock import HOUR, MINUTE, SECOND, Micros
from anlan.model.columns import to_numpy
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import LATE, AlarmKind, AlarmState, Trigger
from anlan.model.frames import NODE_ID
from anlan.model.shifts import shift_at
from anlan.monitor.paper.documents import HIDDEN
from anlan.monitor.paper.service import Papers
from anlan.monitor.performance import PerformanceService, Window, named
from anlan.monitor.point_service import PointService
from anlan.monitor.records import ResponseAnswer
from anlan.monitor.rows import transition_row
from anlan.monitor.safety.service import SafetyService
from anlan.monitor.service import AlarmService
from anlan.web.context import Context, PlantView

EDITS = "monitor.handover.edits"
"""`context.extras` under this name: `Edits`, filled by `node` from the plant room, which stands below this one."""
MOST_LISTED = 200
MOST_READ = 10_000
"""Steps with words looked through, of all posts."""
LEAST_GAP: Micros = MINUTE
"""Shorter silences of a source are no gap that a person would look for."""
PERIODS_OF_SILENCE = 5
UNACKNOWLEDGED = frozenset({"UNACKNOWLEDGED", "RETURNED_UNACKNOWLEDGED", "LATCHED_UNACKNOWLEDGED"})
KEPT = (
    "alarm", "id", "episode", "state", "priority", "kind", "name", "place", "post", "post_name", "value", "limit", "decimals", "states", "unit_text",
    "happened_at", "noticed_at", "changed_at", "acknowledged_at", "acknowledged_by", "hidden_at", "hidden_by", "hidden_post", "hidden_reason", "until",
)  # fmt: skip
"""Of a standing alarm; what the rule says besides can be looked up in its version."""


class Edits(Protocol):
    """The configuration versions made in a span, newest first: {number, at, author, reason, changes: [{zh, en}], more}. Blocking."""

    def __call__(self, start: Micros, end: Micros) -> list[dict[str, Any]]: ...


async def gather(context: Context, principal: Principal, post: str, start: Micros, at: Micros | None = None) -> dict[str, Any]:
    """Facts from `start` up to now, or to `at` of a context that stands still. Never raises AnlanError: what is not known stands in `unknown`."""
    plant, now = context.plant, context.clock.now() if at is None else at
    whole = all(plant.post_of_rule(rule) != post for rule in plant.rules.values())
    facts: dict[str, Any] = {
        "start": start,
        "as_of": now,
        "post": post,
        "post_name": _label(plant.posts.get(post)),
        "whole": whole,
        "shift": shift_at(now, plant.shifts, plant.zone).shift.name.model_dump(),
        "configuration": plant.version,
        "zone": plant.zone,
        "connected": context.live.connected,
        "unknown": [],
    }
    asked = _Asked(context, principal, "" if whole else post, start, now)
    for part, read in _PARTS.items():
        try:
            facts |= await read(asked)
        except AnlanError as error:
            facts["unknown"].append({"part": part, "why": {"zh": error.text("zh"), "en": error.text("en")}})
    if not context.live.connected:
        lost = AnlanError("the node's core does not answer: values, bypasses and sources are the last that were heard")
        facts["unknown"].append({"part": "live", "why": {"zh": lost.text("zh"), "en": lost.text("en")}})
    return facts


class _Asked:
    """`post` is "" where all posts count."""

    def __init__(self, context: Context, principal: Principal, post: str, start: Micros, end: Micros) -> None:
        self.context, self.principal, self.post, self.start, self.end = context, principal, post, start, end

    @property
    def plant(self) -> PlantView:
        return self.context.plant

    def concerns(self, alarm: int) -> bool:
        """Whether an alarm is this post's, and the person may see it. One that the plant no longer has is everybody's."""
        rule = self.plant.rules.get(alarm)
        if rule is None:
            return self.principal.allows("alarm.view", "")
        own = not self.post or self.plant.post_of_rule(rule) in {self.post, ""}
        return own and self.principal.allows("alarm.view", self.plant.place_of_rule(rule))


async def _standing(asked: _Asked) -> dict[str, Any]:
    rows = await Papers.of(asked.context).standing_rows(asked.principal)
    own = [{name: row[name] for name in KEPT} for row in rows if asked.concerns(int(row["alarm"]))]
    others: dict[str, dict[str, Any]] = {}
    for row in rows:
        if not asked.concerns(int(row["alarm"])) and row["state"] not in HIDDEN:
            counted = others.setdefault(
                row["post"], {"post": row["post"], "post_name": row["post_name"], "standing": 0, "unacknowledged": 0}
            )
            counted["standing"] += 1
            counted["unacknowledged"] += row["state"] in UNACKNOWLEDGED
    worst = sorted(
        (row for row in own if row["state"] not in HIDDEN), key=lambda row: (row["priority"], -row["noticed_at"], row["alarm"])
    )
    return {
        "standing": worst,
        "unacknowledged": sum(row["state"] in UNACKNOWLEDGED for row in worst),
        "aside": sorted((row for row in own if row["state"] in HIDDEN), key=lambda row: (row["priority"], row["alarm"])),
        "other_posts": sorted(others.values(), key=lambda one: str(one["post"])),
    }


async def _came(asked: _Asked) -> dict[str, Any]:
    """Alarms that sounded, by how grave and how often; when the journal begins; losses of view."""
    columns = await asyncio.to_thread(asked.context.journal.window, asked.start, asked.end)
    told = (
        (columns["after"] == AlarmState.UNACKNOWLEDGED)
        & (columns["before"] != AlarmState.UNACKNOWLEDGED)
        & ~np.isin(columns["trigger"], LATE)
    )
    alarms, place, times = np.unique(columns["alarm"][told], return_inverse=True, return_counts=True)
    at = columns["noticed_at"][told]
    first, last = np.full(len(alarms), np.iinfo(np.int64).max), np.zeros(len(alarms), np.int64)
    np.minimum.at(first, place, at)
    np.maximum.at(last, place, at)
    items = [
        {**_named(asked.plant, alarm), "times": n, "first": began, "last": ended}
        for alarm, n, began, ended in zip(alarms.tolist(), times.tolist(), first.tolist(), last.tolist(), strict=True)
        if asked.concerns(alarm)
    ]
    items.sort(key=lambda one: (one["priority"] or 0, -one["times"], one["id"]))
    begun = list(await asyncio.to_thread(lambda: asked.context.journal.begun))
    return {
        "came": {"alarms": len(items), "times": sum(one["times"] for one in items), "items": items[:MOST_LISTED], "more": max(0, len(items) - MOST_LISTED)},
        "losses": _losses(asked, columns),
        "journal_from": begun[0] if begun and begun[0] > asked.start else None,
        "journal_anew": [at for at in begun[1:] if asked.start <= at < asked.end],
    }  # fmt: skip


def _named(plant: PlantView, alarm: int) -> dict[str, Any]:
    post = plant.posts.get(str(named(plant, alarm)["post"]))
    return {**named(plant, alarm), "post_name": _label(post)}


def _losses(asked: _Asked, columns: Any) -> list[dict[str, Any]]:
    """Spans in which a source was lost, by its alarm of loss of view; an end of None is not over."""
    plant, found = asked.plant, []
    for number, rule in plant.rules.items():
        if rule.kind is not AlarmKind.LOSS_OF_VIEW:
            continue
        since = asked.start if number in _condition_on_before(columns, number) else None
        source = plant.sources.get(plant.source_numbers.get(rule.point, -1))
        name = _label(source.name) if source is not None else None
        rows = columns["alarm"] == number
        for trigger, at in zip(columns["trigger"][rows].tolist(), columns["happened_at"][rows].tolist(), strict=True):
            if trigger == Trigger.CONDITION_ON and since is None:
                since = at
            elif trigger == Trigger.CONDITION_OFF and since is not None:
                found.append({"source": rule.point, "name": name, "from": since, "to": at})
                since = None
        if since is not None:
            found.append({"source": rule.point, "name": name, "from": since, "to": None})
    return sorted(found, key=lambda one: (one["from"], one["source"]))


def _condition_on_before(columns: Any, number: int) -> list[int]:
    active = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
    return [number for alarm, state in zip(columns["start_alarm"].tolist(), columns["start_state"].tolist(), strict=True) if alarm == number and state in active]  # fmt: skip


async def _bypasses(asked: _Asked) -> dict[str, Any]:
    wall = (await SafetyService.of(asked.context).bypasses(asked.principal))["items"]
    shown = [row for row in wall if row["state"] != "off" or row["approved"] or row["alarm"]]
    return {"bypasses": [{**row, "open": []} for row in shown], "bypasses_of": len(wall)}


async def _out(asked: _Asked) -> dict[str, Any]:
    papers = Papers.of(asked.context)
    zh = await papers.under_test(asked.principal, "zh")
    en = dict(await papers.under_test(asked.principal, "en"))
    requests = await PointService.of(asked.context).requests(asked.principal)
    return {
        "out": await papers.out(asked.principal),
        "under_test": [{"point": point, "name": {"zh": name, "en": en.get(point, name)}} for point, name in zh],
        "requests": [one for one in requests if one["state"] in {"open", "deciding"}],
    }


async def _sources(asked: _Asked) -> dict[str, Any]:
    context = asked.context
    rows = [
        {"id": source.id, "name": _label(source.name), "state": state.state, "since": state.since or None, "heard_at": state.heard_at or None, "reason": state.reason}
        for number, source in context.plant.sources.items()
        if (state := context.sources.get(number)) is not None and state.state != "up"
    ]  # fmt: skip
    untold = [source.id for number, source in context.plant.sources.items() if number not in context.sources]
    faults = [
        {"part": part, "text": {"zh": error.text("zh"), "en": error.text("en")}} for part, error in sorted(context.faults.items())
    ]
    return {"sources": rows, "sources_untold": untold, "sources_of": len(context.plant.sources), "faults": faults}


async def _gaps(asked: _Asked) -> dict[str, Any]:
    """Spans without any reading of a source in history: the source, the link or the node itself was away; nobody knows what happened then."""
    found: list[dict[str, Any]] = []
    untellable = []
    for source in asked.plant.sources.values():
        points = [(n, p) for n, p in asked.plant.points.items() if p.source == source.id and p.reporting.mode == "cyclic"]
        if not points:
            untellable.append(source.id)
            continue
        number, point = min(points, key=lambda one: (one[1].reporting.period, one[0]))
        longest = max(LEAST_GAP, round(PERIODS_OF_SILENCE * point.reporting.period * SECOND))
        times = await asyncio.to_thread(_times, asked.context, number, asked.start, asked.end)
        found += [
            {"source": source.id, "name": _label(source.name), "from": a, "to": b}
            for a, b in silences(times, asked.start, asked.end, longest)
        ]
    found.sort(key=lambda one: (one["from"], one["source"]))
    return {"gaps": found[:MOST_LISTED], "gaps_more": max(0, len(found) - MOST_LISTED), "gaps_untellable": untellable}


def _times(context: Context, point: int, start: Micros, end: Micros) -> list[int]:
    return sorted(to_numpy(context.history.read([point], start, end)["time"]).tolist())


def silences(times: Sequence[Micros], start: Micros, end: Micros, longest: Micros) -> list[tuple[Micros, Micros]]:
    """The spans between start, readings and end that are longer than `longest`. `times` is sorted."""
    edges = [start, *times, end]
    return [(a, b) for a, b in pairwise(edges) if b - a > longest]


async def _edits(asked: _Asked) -> dict[str, Any]:
    edits: Edits | None = asked.context.extras.get(EDITS)
    if edits is None:
        raise AnlanError("this process does not know the configuration's versions")
    return {"edits": await asyncio.to_thread(edits, asked.start, asked.end)}


async def _floods(asked: _Asked) -> dict[str, Any]:
    end = max(asked.end, asked.start + 1)
    report = await PerformanceService.of(asked.context).report(asked.principal, Window(asked.start, end))
    own = [one for one in report["posts"] if not asked.post or one["post"] == asked.post]
    return {"floods": sorted((flood for one in own for flood in one["floods"]), key=lambda one: one["began_at"])}


async def _comments(asked: _Asked) -> dict[str, Any]:
    """What people said with their steps on alarms, and whether actions worked."""
    context, board = asked.context, AlarmService.of(asked.context).board
    rows = await asyncio.to_thread(context.journal.said, asked.start, asked.end, MOST_READ)
    own = [row for row in rows if row.who != NODE_ID and asked.concerns(row.alarm)]
    said = [transition_row(asked.plant, row, board.name_of) for row in own[:MOST_LISTED]]
    answers, cut = await asyncio.to_thread(_answers, asked)
    rest = sorted([*(row.noticed_at for row in own[MOST_LISTED:]), *(one["at"] for one in answers[MOST_LISTED:])])
    left = {"n": len(rest), "from": rest[0], "to": rest[-1]} if rest else None
    comments = [
        {"at": row["noticed_at"], "alarm": row["alarm"], "id": row["id"], "name": row["name"], "kind": row["kind"], "did": row["trigger"], "who": row["who_name"] or row["who"], "text": row["reason"]}
        for row in said
    ]  # fmt: skip
    return {
        "comments": sorted([*comments, *answers[:MOST_LISTED]], key=lambda one: one["at"]),
        "comments_more": bool(rest) or cut or len(rows) == MOST_READ,
        "comments_left": left,
    }


def _answers(asked: _Asked) -> tuple[list[dict[str, Any]], bool]:
    """Whether actions worked, of this post, and whether there were more than are read at once."""
    span = (ResponseAnswer.at >= asked.start, ResponseAnswer.at < asked.end)
    with asked.context.records.reading() as session:
        found = session.scalars(select(ResponseAnswer).where(*span).order_by(ResponseAnswer.at).limit(MOST_READ)).all()
    told = [
        {"at": one.at, **{k: v for k, v in named(asked.plant, one.alarm).items() if k in {"alarm", "id", "name", "kind"}}, "did": f"effect.{one.effect}", "who": one.name_zh, "text": one.note}
        for one in found
        if asked.concerns(one.alarm)
    ]  # fmt: skip
    return told, len(found) == MOST_READ


def first_start(plant: PlantView, now: Micros) -> Micros:
    """Where the first handover of a post begins: with the running shift, or the one before it while it is younger than two hours."""
    running = shift_at(now, plant.shifts, plant.zone)
    return running.start if now - running.start >= 2 * HOUR else shift_at(running.start - 1, plant.shifts, plant.zone).start


def _label(label: Any) -> dict[str, str] | None:
    return dict(label.model_dump()) if label is not None else None


_PARTS: dict[str, Callable[[_Asked], Awaitable[dict[str, Any]]]] = {
    "standing": _standing,
    "came": _came,
    "bypasses": _bypasses,
    "out": _out,
    "sources": _sources,
    "gaps": _gaps,
    "edits": _edits,
    "floods": _floods,
    "comments": _comments,
}

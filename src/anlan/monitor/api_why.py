"""Routes of explanation and trial: why an alarm stands or doesn't, and what other settings would have done to the node's own past."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.model.clock import SECOND, Micros
from anlan.model.errors import Hidden, InputError, NotFound
from anlan.model.instants import instant
from anlan.model.languages import LANGUAGES, translate
from anlan.monitor.choice import span
from anlan.monitor.past import OwnPast
from anlan.monitor.point_service import PointService
from anlan.monitor.service import AlarmService
from anlan.monitor.trials import Trials
from anlan.monitor.what_if import Incident
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes

At = Annotated[str, Query(max_length=40, description="µs since 1970 UTC, or RFC 3339 with a zone; now when absent")]
Instant = Annotated[str | int, Field(description="µs since 1970 UTC, or RFC 3339 with a zone")]
LONGEST_TRIAL: Micros = 31 * 24 * 3600 * SECOND
MOST_EXPLAINED = 20
"""Alarms of one point that are explained at once."""


class RuleChange(BaseModel):
    """An alarm and the fields that are to be tried; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(max_length=100)]
    limit: Annotated[float, Field(strict=True)] | None = None
    dead_band: Annotated[float, Field(strict=True, ge=0)] | None = None
    on_delay: Annotated[float, Field(strict=True, ge=0, le=604_800)] | None = None
    off_delay: Annotated[float, Field(strict=True, ge=0, le=604_800)] | None = None
    priority: Annotated[int, Field(strict=True, ge=1, le=4)] | None = None
    enabled: Annotated[bool, Field(strict=True)] | None = None


class Happened(BaseModel):
    """An incident that an alarm of `subject`, a point's id or a place's path, should have announced."""

    model_config = ConfigDict(extra="forbid")

    start: Instant
    end: Instant
    subject: Annotated[str, Field(max_length=500)]
    name: Annotated[str, Field(max_length=200)] = ""


class TrialRequest(BaseModel):
    """`alarms`: those that are watched beside the changed ones."""

    model_config = ConfigDict(extra="forbid")

    start: Instant
    end: Instant
    changes: Annotated[list[RuleChange], Field(min_length=1, max_length=50)]
    alarms: Annotated[list[str], Field(max_length=50)] = []
    incidents: Annotated[list[Happened], Field(max_length=500)] | None = None
    lead: Annotated[
        float, Field(strict=True, ge=0, le=86_400, description="s before an incident from which an alarm announces it")
    ] = 600


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["alarms"])
    service, past = AlarmService.of(context), OwnPast.of
    trials, writes = Trials.of(context), Writes(context.records, context.clock)
    one_at_a_time = trials.one_at_a_time

    async def names() -> Callable[[str], str]:
        known = await PointService.of(context).names()
        return lambda person: known.get(person, "")

    @router.get("/alarms/{alarm}/why", dependencies=[require("alarm.view")])
    async def why_alarm(alarm: str, asker: Asker, at: At = "") -> Response:
        """Why the alarm stands, or doesn't, at `at`: each gate between reading and operator, the first that was closed, and a sentence."""
        number, _ = service.find(asker, alarm)
        when = instant("at", at) if at else context.clock.now()
        async with one_at_a_time:
            found = await asyncio.to_thread(partial(past(context).why, number, when, await names()))
        return Json(found.as_json())

    @router.get("/points/{point}/why", dependencies=[require("alarm.view")])
    async def why_point(point: str, asker: Asker, at: At = "") -> Response:
        """The same for every alarm of a point; those that stand first."""
        numbers = _alarms_of(context, asker, point)
        when = instant("at", at) if at else context.clock.now()
        async with one_at_a_time:
            found = await asyncio.to_thread(_explained, past(context), numbers[:MOST_EXPLAINED], when, await names())
        return Json({"point": point, "at": when, "sentence": _of_point(point, found), "alarms": found})

    @router.post("/replay/what-if", dependencies=[require("history.view")])
    async def what_if(request: Request, asker: Asker, body: TrialRequest, key: Key = None) -> Response:
        """What other limits, dead-bands, delays or priorities would have done in a span of the node's own history. Changes no rule.

        The node keeps its answer for 24 h under `trial`: a changed dead-band or delay is put into force by naming it. `unknown`: alarms without
        any history, whose effect nobody can tell; `effect` is null when they all are. `cut_at` tells where the replay ended when the span
        held more readings than one answer may, `history_from` where the readings begin, if the span begins before them.
        """
        start, end = span(str(body.start), str(body.end), longest=LONGEST_TRIAL)
        changes = {_found(service, asker, change.id): _fields(change) for change in body.changes}
        watched = [_found(service, asker, alarm) for alarm in body.alarms]
        incidents = [_incident(one) for one in body.incidents] if body.incidents is not None else None
        ask = partial(trials.run, watched=watched, incidents=incidents, lead=round(body.lead * SECOND))

        async def run(command: UUID) -> dict[str, Any]:
            trial, found = await ask(command, asker.account, changes, start, end)
            await trials.keep(asker, trial)
            told = trial.as_json()
            effect = found.effect.as_json() if trial.effect is not None else None
            return {**told, "effect": effect, "alarms": found.as_json()["alarms"]}

        return await writes.once(request, asker, key, run)

    @router.get("/replay/what-if/{trial}", dependencies=[require("history.view")])
    async def kept(trial: UUID, asker: Asker) -> Response:
        """A trial as the node keeps it, with the first of its single changes."""
        found = await asyncio.to_thread(trials.find, trial)
        if found is None:
            raise NotFound("there is no trial {trial}; one is kept for 24 h", trial=str(trial))
        for alarm in found.changes:
            service.find(asker, alarm)
        return Json(found.as_json())

    return router


def _alarms_of(context: Context, asker: Principal, point: str) -> list[int]:
    plant = context.plant
    number = plant.point_numbers.get(point)
    if number is None:
        raise NotFound("there is no point {point}", point=point[:100])
    if not asker.allows("alarm.view", plant.points[number].place):
        raise Hidden("there is no point {point}", point=point[:100])
    return sorted(plant.rules_of_point.get(point, ()), key=lambda n: (plant.rules[n].priority, plant.rules[n].id))


def _explained(past: OwnPast, numbers: list[int], at: Micros, names: Callable[[str], str]) -> list[dict[str, Any]]:
    found = [past.why(number, at, names).as_json() for number in numbers]
    return sorted(found, key=lambda one: one["state"] == "NORMAL")


def _of_point(point: str, found: list[dict[str, Any]]) -> dict[str, str]:
    """The first that stands, or that none does."""
    if not found:
        return {language: translate("No alarm is set on {point}.", language).format(point=point) for language in LANGUAGES}
    if found[0]["state"] != "NORMAL":
        sentence: dict[str, str] = found[0]["sentence"]
        return sentence
    message = "{alarms} alarms are set on {point}; none of them stands."
    return {language: translate(message, language).format(point=point, alarms=len(found)) for language in LANGUAGES}


def _found(service: AlarmService, asker: Principal, alarm: str) -> str:
    """The alarm's id, if they may see it."""
    return str(service.find(asker, alarm)[1].id)


def _fields(change: RuleChange) -> dict[str, Any]:
    fields = change.model_dump(exclude={"id"}, exclude_none=True)
    if not fields:
        raise InputError("{alarm}: nothing is to be changed; limit, dead_band, on_delay, off_delay, priority or enabled was expected", alarm=change.id)  # fmt: skip
    return fields


def _incident(one: Happened) -> Incident:
    start, end = span(str(one.start), str(one.end))
    return Incident(start, end, one.subject, one.name)

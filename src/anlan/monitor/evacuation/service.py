"""Calling a branch to evacuate, and ending it: who may, where it shows, and what is kept of it.

A call is taken in memory first and told at once: a disk that is full costs its line in the book, which is shown, never the call. At one place one call
stands; calling again is answered with it. A station's starts are never limited; its ends are, so that whoever holds its key cannot fill the book.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import structlog

from anlan.guard.principal import Principal, is_within
from anlan.model.clock import HOUR, SECOND
from anlan.model.errors import CommandRefused, InputError, NotFound, StoreError, Unavailable
from anlan.model.languages import Language, translate
from anlan.monitor.evacuation.book import Book, Call
from anlan.monitor.recording_steps import record
from anlan.store.ids import uuid7
from anlan.web.context import Context
from anlan.web.stations import Station
from anlan.web.stream import Bell

ACTION = "evacuation.call"
BOOK = "monitor.evacuation.book"
"""In `Context.extras`: the file of the book."""
SOUND = "monitor.evacuation.sound"
"""In `Context.extras`: the file by which the supervisor knows that it has to sound."""
FAULT = "evacuation calls"
LISTED = 200
STATION_ENDS = 20
"""Ends of calls by one station in an hour."""

log = structlog.get_logger()


class Evacuations:
    """One per app process: `Evacuations.of(context)`. Belongs to its event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._book = Book(context.extras.get(BOOK))
        self._calls: dict[str, Call] = {}
        self._ends: dict[str, deque[float]] = {}
        self._turn = asyncio.Lock()
        self.moved = Bell()
        self._load()

    @classmethod
    def of(cls, context: Context) -> Evacuations:
        service = context.extras.get("monitor.evacuation")
        if service is None:
            service = context.extras["monitor.evacuation"] = cls(context)
        assert isinstance(service, cls)
        return service

    @property
    def standing(self) -> list[Call]:
        return [call for call in self._calls.values() if call.stands]

    # ---- who sees what

    def seen_by(self, principal: Principal) -> list[dict[str, Any]]:
        """What stands in what the person may see, or around it; a place that the plant no longer has is told to everyone."""
        return [
            self._told(call, principal.allows(ACTION, call.place))
            for call in self.standing
            if self._concerns_person(principal, call)
        ]

    def seen_at(self, station: Station) -> list[dict[str, Any]]:
        """What stands in the branches that the station's post watches; at a post that watches none, all."""
        places = self._context.places_of_post(station.post)
        return [self._told(call, self._ends_at(station, call)) for call in self.standing if self._concerns(places, call)]

    def listed(self, principal: Principal) -> list[dict[str, Any]]:
        """The last calls, the newest first, that this person may see."""
        seen = [call for call in reversed(self._calls.values()) if self._concerns_person(principal, call)]
        return [self._told(call, call.stands and principal.allows(ACTION, call.place)) for call in seen[:LISTED]]

    def places_for(self, principal: Principal) -> list[str]:
        return [path for path in self._context.plant.places if principal.allows(ACTION, path)]

    def places_at(self, station: Station) -> list[str]:
        """A station calls within its post's branches, and the whole plant: who sees a cloud drift must not look for a right first."""
        within = self._context.places_of_post(station.post)
        return [
            path
            for path in self._context.plant.places
            if path == self._context.plant.top or not within or any(is_within(path, one) for one in within)
        ]

    # ---- steps

    async def start(self, principal: Principal, place: str, reason: str, *, exercise: bool) -> dict[str, Any]:
        """Raises NotFound, Forbidden, InputError."""
        self._must_be_place(place)
        principal.require(ACTION, place)
        return await self._start(principal, principal.name.model_dump(), place, reason, exercise)

    async def start_at(
        self, station: Station, principal: Principal, place: str, reason: str, *, exercise: bool
    ) -> dict[str, Any]:
        """By nobody who is known. Raises NotFound, InputError."""
        self._must_be_place(place)
        if place not in self.places_at(station):
            raise InputError("the station {station} calls within its post and for the whole plant", station=station.name)
        return await self._start(principal, self._words(station), place, reason, exercise)

    async def end(self, principal: Principal, id: str, reason: str) -> dict[str, Any]:
        """Raises NotFound, Forbidden, CommandRefused."""
        call = self._find(id)
        if not self._concerns_person(principal, call):
            raise NotFound("there is no evacuation call {call}", call=id)
        principal.require(ACTION, call.place if call.place in self._context.plant.places else "")
        return await self._end(principal, principal.name.model_dump(), call, reason)

    def may_end(self, principal: Principal, id: str) -> bool:
        call = self._calls.get(id)
        return call is not None and principal.allows(ACTION, call.place if call.place in self._context.plant.places else "")

    async def end_at(
        self, station: Station, principal: Principal, id: str, reason: str, *, declared: bool = False
    ) -> dict[str, Any]:
        """`declared`: that identity was not available, which the book keeps. Raises NotFound, CommandRefused."""
        call = self._find(id)
        if not self._concerns(self._context.places_of_post(station.post), call):
            raise NotFound("there is no evacuation call {call}", call=id)
        if not self._ends_at(station, call):
            raise CommandRefused(
                "the station {station} ends its own calls and those within its post: this one takes who is signed in",
                station=station.name,
            )
        now = self._context.clock.monotonic()
        ends = self._ends.setdefault(str(station.id), deque())
        while ends and ends[0] <= now - HOUR / SECOND:
            ends.popleft()
        if len(ends) >= STATION_ENDS:
            raise CommandRefused(
                "this station has ended {n} calls within an hour: only who is signed in ends this one", n=len(ends)
            )
        ends.append(now)
        return await self._end(principal, self._words(station, declared=declared), call, reason, declared=declared)

    async def _start(self, principal: Principal, by: dict[str, str], place: str, reason: str, exercise: bool) -> dict[str, Any]:
        reason = reason.strip()
        async with self._turn:
            same = next((call for call in self.standing if call.place == place and (call.exercise == exercise or exercise)), None)
            if same is not None:
                return self._told(same, True)
            now = self._context.clock.now()
            call = Call(
                id=str(uuid7(self._context.clock)),
                at=now,
                place=place,
                reason=reason,
                exercise=exercise,
                who=str(principal.person),
                by=by,
                post=principal.post,
                from_where=principal.from_where,
            )
            self._calls[call.id] = call
            self._tell()
            await self._keep(self._book.start, call)
        after = {"place": place, "exercise": exercise}
        await record(self._context, principal, "evacuation.start", call.id, after, reason)
        log.warning("evacuation called", call=call.id, place=place, exercise=exercise)
        return self._told(call, True)

    async def _end(
        self, principal: Principal, by: dict[str, str], call: Call, reason: str, *, declared: bool = False
    ) -> dict[str, Any]:
        async with self._turn:
            call = self._calls[call.id]
            if not call.stands:
                raise CommandRefused("this evacuation call was ended already")
            ended = replace(
                call,
                ended_at=self._context.clock.now(),
                ended_who=str(principal.person),
                ended_by=by,
                end_reason=reason.strip(),
            )
            self._calls[call.id] = ended
            self._tell()
            await self._keep(self._book.end, ended)
        after = {"place": call.place, "exercise": call.exercise, "started_at": call.at}
        after |= {"identity_unavailable": True} if declared else {}
        await record(self._context, principal, "evacuation.end", call.id, after, ended.end_reason)
        log.warning("evacuation call ended", call=call.id, place=call.place)
        return self._told(ended, False)

    # ---- within

    def _load(self) -> None:
        try:
            self._calls = self._book.read()
        except StoreError as failure:
            self._context.faults[FAULT] = Unavailable(
                "the book of evacuation calls cannot be read: whether one stands from before is not known: {why}",
                why=failure.text(),
            )
        else:
            if self._book.damaged:
                self._context.faults[FAULT] = Unavailable(
                    "{n} lines in the book of evacuation calls are damaged: a call may stand that is not shown",
                    n=self._book.damaged,
                )
        self._tell()

    async def _keep(self, write: Any, call: Call) -> None:
        try:
            await asyncio.to_thread(write, call)
        except StoreError as failure:
            log.error("evacuation call not in the book", call=call.id, error=str(failure))
            self._context.faults[FAULT] = Unavailable(
                "the evacuation call at {place} is shown, but not kept: after a restart of the node it would be as before: {why}",
                place=call.place,
                why=failure.text(),
            )
        else:
            if not self._book.damaged:
                self._context.faults.pop(FAULT, None)

    def _tell(self) -> None:
        """Consoles by the bell, the node's own voice by a file."""
        self.moved.ring()
        file: Path | None = self._context.extras.get(SOUND)
        if file is None:
            return
        standing = [{"id": call.id, "place": call.place, "exercise": call.exercise} for call in self.standing]
        try:
            if standing:
                part = file.with_suffix(".part")
                part.write_bytes(orjson.dumps(standing))
                part.replace(file)
            else:
                file.unlink(missing_ok=True)
        except OSError as error:
            log.error("the node's voice is not told of the evacuation call", error=str(error))

    def _find(self, id: str) -> Call:
        call = self._calls.get(id)
        if call is None:
            raise NotFound("there is no evacuation call {call}", call=id)
        return call

    def _must_be_place(self, place: str) -> None:
        if place not in self._context.plant.places:
            raise NotFound(
                "there is no place {place} in this plant; places can be searched by name with the key /", place=place[:200]
            )

    def _concerns_person(self, principal: Principal, call: Call) -> bool:
        if principal.allows("alarm.view", call.place) or call.place not in self._context.plant.places:
            return principal.allows("alarm.view")
        return self._concerns([grant.place for grant in principal.grants if "alarm.view" in grant.actions] or ["-"], call)

    def _concerns(self, places: Iterable[str], call: Call) -> bool:
        """Whether the call is within one of the places, or around it."""
        places = list(places)
        if not places or call.place not in self._context.plant.places:
            return True
        return any(is_within(call.place, one) or is_within(one, call.place) for one in places)

    def _ends_at(self, station: Station, call: Call) -> bool:
        """Nobody who is known ends no call that reaches beyond the post, but what was begun here; a post that watches no branch watches all."""
        places = self._context.places_of_post(station.post)
        return call.who == str(station.id) or not places or any(is_within(call.place, one) for one in places)

    def _words(self, station: Station, *, declared: bool = False) -> dict[str, str]:
        name = station.principal("zh", "").name
        languages: tuple[Language, ...] = ("zh", "en")
        also = {language: translate(", declared: identity not available", language) if declared else "" for language in languages}
        return {language: f"{name.text(language)} · {station.name}{also[language]}" for language in languages}

    def _told(self, call: Call, may_end: bool) -> dict[str, Any]:
        """`people` is null: how many are there is not known to this system."""
        place = self._context.plant.places.get(call.place)
        post = self._context.plant.posts.get(call.post)
        return {
            "id": call.id,
            "at": call.at,
            "place": call.place,
            "place_name": place.name.model_dump() if place is not None else {"zh": call.place, "en": call.place},
            "reason": call.reason,
            "exercise": call.exercise,
            "by": call.by,
            "post": call.post,
            "post_name": post.model_dump() if post is not None else None,
            "from": call.from_where,
            "people": None,
            "ended_at": call.ended_at,
            "ended_by": call.ended_by,
            "end_reason": call.end_reason,
            "may_end": may_end,
        }

"""Emergency steps at a paired station when nobody can sign in: the post's own alarms are seen, acknowledged and silenced by 未识别,岗位 X.

It is for a station where nobody is signed in: because the records of people cannot be read, or because somebody's identity is not available for
another reason, which they declare. Who is signed in at the station answers by their own name, and is sent there: the node knows its running
session, whether or not the request shows it. Each step is the alarm's ordinary one; journal and audit record tell that it was nobody who is known, at
which post and station, and every console shows so for half an hour, so that somebody finds out who it was.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Literal
from uuid import uuid5

from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import AnlanError, CommandRefused, NotSignedIn, Unavailable
from anlan.model.languages import Language, translate
from anlan.monitor.evacuation.pages import choices
from anlan.monitor.evacuation.service import Evacuations
from anlan.monitor.service import AlarmService
from anlan.monitor.states import HIDDEN
from anlan.store.ids import uuid7
from anlan.web.context import Context
from anlan.web.faults import fault_texts
from anlan.web.paper.document import Stamps
from anlan.web.stations import TOLD_FOR, Station

FAULT = "unidentified step"
DECLARE = (
    "people can sign in now: sign in, or declare that your identity is not available, with the reason; every console shows it"
)
EVERY = 20.0
MOST_SHOWN = 100
"""Alarms told at a time, the worst ones: every station asks every two seconds, in a flood too."""


class EmergencyService:
    """One per app process: `EmergencyService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._alarms = AlarmService.of(context)
        self._told: dict[str, Micros] = {}

    @classmethod
    def of(cls, context: Context) -> EmergencyService:
        service = context.extras.setdefault("monitor.emergency", None)
        if service is None:
            service = context.extras["monitor.emergency"] = cls(context)
            context.background.append(service.run)
        assert isinstance(service, cls)
        return service

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                self.forget_old()
                await self._alarms.of_stations.write_counts()
        finally:
            await self._alarms.of_stations.write_counts(all_of_them=True)

    def forget_old(self) -> None:
        """Take away the notices that were told for long enough."""
        now = self._context.clock.now()
        for fault in [fault for fault, at in self._told.items() if now - at > TOLD_FOR]:
            self._context.faults.pop(fault, None)
            del self._told[fault]

    async def state(self, station: Station, signed_in: Principal | None, language: Language, address: str) -> dict[str, Any]:
        """The post's open alarms, worst first, and whether the records of people can be read."""
        board = self._alarms.board
        await board.catch_up()
        principal = station.principal(language, address)
        rows = [
            row
            for row in board.rows(principal)
            if row["post"] in {station.post, ""} and row["state"] not in {state.name for state in HIDDEN}
        ]
        rows.sort(key=lambda row: (row["priority"], -int(str(row["noticed_at"])), row["alarm"]))
        post = self._context.plant.posts.get(station.post)
        identity, there = await asyncio.to_thread(self._identity, station)
        signed_in = signed_in or there
        return {
            "station": station.name,
            "post": station.post,
            "post_name": post.model_dump() if post is not None else None,
            "at": self._context.clock.now(),
            "connected": self._context.live.connected and self._context.core.connected,
            "journal": "alarm journal" not in self._context.faults and board.loaded,
            "identity": identity,
            "wrong": fault_texts(self._context, language) if not identity else [],
            "evacuations": Evacuations.of(self._context).seen_at(station),
            "places": choices(self._context, Evacuations.of(self._context).places_at(station), language),
            "signed_in": signed_in.name.model_dump() if signed_in is not None else None,
            "items": rows[:MOST_SHOWN],
            "more": max(0, len(rows) - MOST_SHOWN),
        }

    async def act(
        self,
        station: Station,
        signed_in: Principal | None,
        kind: Literal["acknowledge", "silence"],
        alarm: str,
        *,
        episode: int,
        priority: int,
        reason: str,
        declared: bool,
        language: Language,
        address: str,
        key: str | None,
    ) -> dict[str, Any]:
        """`declared`: the person says that their identity is not available, and in `reason` why.

        Raises CommandRefused (somebody is signed in here, what was not declared, or the alarm's state), NotFound, NotYourPost, Unavailable (core away).
        """
        identity, there = await asyncio.to_thread(self._identity, station)
        signed_in, reason = signed_in or there, reason.strip()
        if signed_in is not None:
            raise CommandRefused(
                "{name} is signed in at this station: they answer by their own name", name=signed_in.name.text(language)
            )
        principal = station.principal(language, address)
        # A person quiets any alarm that they hear; nobody who is known only those of the station's post.
        number, rule = self._alarms.find(principal, alarm)
        self._alarms.check_post(principal, rule)
        if kind == "acknowledge" and identity and not (declared and reason):
            raise CommandRefused(DECLARE)
        # The same key again is the same command: the engine answers it as it did, and does nothing twice. The records need not be there.
        command = uuid5(station.id, f"{kind} {alarm} {key}") if key is not None else uuid7(self._context.clock)
        said = self._said(station, reason, declared)
        may = partial(
            self._alarms.of_stations.may_reach_core, principal, self._alarms.board, number, episode, priority, str(command)
        )
        if not may():
            await self._alarms.board.catch_up()
        if not may():
            asked = {"episode": episode, "priority": priority, "accepted": False}
            await self._alarms.of_stations.refused(principal, f"alarm.{kind}", alarm, asked, said)
            raise CommandRefused("alarm {alarm} has nothing to answer in episode {episode}", alarm=alarm, episode=episode)
        answer = await self._alarms.act(principal, alarm, kind, episode=episode, priority=priority, reason=said, command=command)
        self._tell(station, alarm, reason if declared else "")
        return answer

    async def end_call(
        self,
        station: Station,
        signed_in: Principal | None,
        call: str,
        *,
        reason: str,
        declared: bool,
        language: Language,
        address: str,
    ) -> dict[str, Any]:
        """End an evacuation call by nobody who is known; `declared` as in `act`. Raises CommandRefused, NotFound."""
        identity, there = await asyncio.to_thread(self._identity, station)
        signed_in = signed_in or there
        evacuations = Evacuations.of(self._context)
        if signed_in is not None and evacuations.may_end(signed_in, call):
            raise CommandRefused(
                "{name} is signed in at this station: they end the call by their own name", name=signed_in.name.text(language)
            )
        if identity and not declared:
            raise CommandRefused(DECLARE)
        principal = station.principal(language, address)
        ended = await evacuations.end_at(station, principal, call, reason, declared=declared)
        self._tell_ended(station, ended, declared=declared)
        return ended

    def _tell_ended(self, station: Station, call: dict[str, Any], *, declared: bool) -> None:
        now = self._context.clock.now()
        facts = self._where_and_when(station, now) | {"place": call["place_name"]["zh"]}
        if declared:
            facts["reason"] = call["end_reason"]
            words = (
                "nobody who is known ended the evacuation call for {place} at {time}, at the post {post} (station {station}), and declared "
                "that identity was not available: {reason}; find out who it was"
            )
        else:
            words = (
                "nobody who is known ended the evacuation call for {place} at {time}, at the post {post} (station {station}): find out who "
                "it was"
            )
        fault = f"{FAULT} evacuation {station.id}"
        self._context.faults[fault] = Unavailable(words, **facts)
        self._told[fault] = now

    def _said(self, station: Station, reason: str, declared: bool) -> str:
        """What journal and audit record keep, in the plant's language first."""
        post = self._context.plant.posts.get(station.post)
        name = post.text("zh") if post is not None else station.post
        words = translate("unidentified, post {post} (station {station})", "zh").format(post=name, station=station.name)
        words += translate(", declared: identity not available", "zh") if declared else ""
        return f"{words}: {reason}" if reason else words

    def _tell(self, station: Station, alarm: str, declared: str) -> None:
        """`declared`: why identity was not available, "" where nothing was declared. A declaration stays beside the steps that follow."""
        context = self._context
        now = context.clock.now()
        facts = self._where_and_when(station, now) | {"alarm": alarm}
        if declared:
            fault, words = (
                f"{FAULT} declared {station.id}",
                (
                    "nobody who is known answered {alarm} at {time}, at the post {post} (station {station}), and declared that identity was "
                    "not available: {reason}; find out who it was"
                ),
            )
            facts["reason"] = declared
        else:
            fault, words = (
                FAULT,
                ("nobody who is known answered {alarm} at {time}, at the post {post} (station {station}): find out who it was"),
            )
        context.faults[fault] = Unavailable(words, **facts)
        self._told[fault] = now

    def _where_and_when(self, station: Station, now: Micros) -> dict[str, str]:
        post = self._context.plant.posts.get(station.post)
        return {
            "time": Stamps(self._context.plant.zone, now).second(now),
            "post": post.text("zh") if post is not None else station.post,
            "station": station.name,
        }

    def _identity(self, station: Station) -> tuple[bool, Principal | None]:
        """Whether people can be known, and who is signed in at the station's post from its address. While people cannot be known only the
        request's own session counts: on the worst day a session whose browser is gone must not close the last way."""
        guard = self._context.guard
        try:
            guard.people.all()
            return True, guard.sessions.at(station.post, station.paired_from)
        except AnlanError:
            return False, None


def must_be_paired(station: Station | None) -> Station:
    """Raises NotSignedIn."""
    if station is None:
        raise NotSignedIn("this browser is not a paired station, or its key was revoked")
    return station

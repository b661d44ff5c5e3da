"""What a person can do with alarms: see, acknowledge, reset, silence, put aside and bring back, mark as seen — by DOMAIN.md 2, 3, 16.

Used by routes and pages alike. A step goes to the core as a command and is answered once its transition is committed; who, when,
from where and the outcome go into the audit record. Should that record not take it (disk full), the step still counts, the journal
has it, and the fault is shown: an alarm must be acknowledgeable on the worst day.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, ClassVar, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import SECOND, Micros, to_datetime
from anlan.model.errors import AnlanError, CommandRefused, Forbidden, Hidden, InputError, NotFound
from anlan.model.shifts import Running, shift_at
from anlan.monitor.board import Board
from anlan.monitor.class_demands import demand_against
from anlan.monitor.recording_steps import record
from anlan.monitor.records import Seen
from anlan.monitor.rows import alarm_row, rule_facts, transition_row
from anlan.monitor.shelving import LONGEST, may_remove, may_shelve
from anlan.monitor.silences import Silences
from anlan.monitor.station_steps import StationSteps
from anlan.store.ids import uuid7
from anlan.web.context import Context, Rule
from anlan.web.shell import post_name

StepKind = Literal["acknowledge", "reset", "silence", "shelve", "unshelve", "remove_from_service", "return_to_service"]

RIGHT: dict[str, str] = {
    "unshelve": "alarm.shelve",
    "remove_from_service": "alarm.service",
    "return_to_service": "alarm.service",
}
"""Where the right has another name than the step."""
AT_ITS_POST = frozenset({"acknowledge", "reset", "shelve", "unshelve"})
PUT_ASIDE: tuple[StepKind, ...] = ("shelve", "unshelve", "remove_from_service", "return_to_service")


def right(kind: StepKind) -> str:
    """The action a step needs."""
    return RIGHT.get(kind, f"alarm.{kind}")


log = structlog.get_logger()


class NotYourPost(Forbidden):
    """The alarm belongs to another post; only a person signed in there answers it."""

    code: ClassVar[str] = "not-your-post"


class AlarmService:
    """One per app process: `AlarmService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.board = Board(context)
        self._silences = Silences()
        self.of_stations = StationSteps(context)

    @classmethod
    def of(cls, context: Context) -> AlarmService:
        service = context.extras.setdefault("monitor.alarms", None)
        if service is None:
            service = context.extras["monitor.alarms"] = cls(context)
            context.first.append(service.board.known)
            context.background.append(service.board.run)
        assert isinstance(service, cls)
        return service

    def find(self, principal: Principal, alarm_id: str) -> tuple[int, Rule]:
        """Number and rule of an alarm this person may see. Raises NotFound, also for one they may not see."""
        plant = self._context.plant
        number = plant.rule_numbers.get(alarm_id)
        if number is None:
            raise NotFound("there is no alarm {alarm}", alarm=alarm_id)
        if not principal.allows("alarm.view", plant.place_of_rule(plant.rules[number])):
            raise Hidden("there is no alarm {alarm}", alarm=alarm_id)
        return number, plant.rules[number]

    async def detail(self, principal: Principal, alarm_id: str) -> dict[str, Any]:
        """The alarm as configured and as it stands, who has seen it, and how far this person may put it aside."""
        number, rule = self.find(principal, alarm_id)
        await self.board.known()
        aside = self._aside(principal, rule)
        standing = self.board.standing.get(number)
        if standing is None:
            last = await asyncio.to_thread(partial(self._context.journal.of_alarm, number, limit=1))
            facts = rule_facts(self._context.plant, number)
            return {**facts, "alarm": number, "episode": last[0].episode if last else 0, "state": "NORMAL", "seen": [], **aside}
        row = alarm_row(self._context.plant, standing, self.board.name_of)
        return {**row, "seen": await asyncio.to_thread(self._seen_by, number, standing.last.episode), **aside}

    async def act(
        self,
        principal: Principal,
        alarm_id: str,
        kind: StepKind,
        *,
        episode: int,
        priority: int,
        reason: str,
        command: UUID,
        until: Micros | None = None,
        work_order: str = "",
    ) -> dict[str, Any]:
        """Raises NotFound, Forbidden, NotYourPost, CommandRefused (what state or rule don't allow), Unavailable (core away)."""
        number, rule = self.find(principal, alarm_id)
        self.check_right(principal, rule, kind)
        asked = {"episode": episode, "priority": priority, "command": str(command)}
        asked |= {"until": until} if until is not None else {}
        asked |= {"work_order": work_order} if work_order else {}
        try:
            self._check_rule(rule, kind, until)
            self._check_class(rule, kind, reason, until)
        except CommandRefused:
            await record(self._context, principal, f"alarm.{kind}", alarm_id, {**asked, "accepted": False}, reason)
            raise
        step = {
            "id": str(command),
            "kind": kind,
            "alarm": number,
            "episode": episode,
            "priority": priority,
            "who": str(principal.person),
            "post": principal.post,
            "reason": reason,
            "at": self._context.clock.now(),
            "until": until,
            "work_order": work_order,
        }
        if kind == "silence":
            key = (principal.session, number, episode)
            return await self._silences.once(key, partial(self._take, principal, alarm_id, step, asked))
        return await self._take(principal, alarm_id, step, asked)

    async def _take(self, principal: Principal, alarm_id: str, step: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        """Raises CommandRefused, Unavailable."""
        kind, reason = step["kind"], step["reason"]
        result = await self._context.core.command(step)
        after = {**asked, "accepted": result["accepted"]}
        if principal.account:
            await record(self._context, principal, f"alarm.{kind}", alarm_id, after, reason)
        elif result["accepted"] and result.get("transition") is not None:
            await self.of_stations.taken(principal, f"alarm.{kind}", alarm_id, step["id"], after, reason)
        elif result["accepted"]:
            self.of_stations.without_effect(principal)
        else:
            await self.of_stations.refused(principal, f"alarm.{kind}", alarm_id, after, reason)
        if not result["accepted"]:
            raise CommandRefused(result["why"] or "the core refused the step", **(result.get("facts") or {}))
        return {"id": result["id"], "accepted": True, "why": "", "transition": result.get("transition")}

    def check_several(self, alarms: list[str]) -> None:
        """Priority 1 is answered one by one (DOMAIN.md 2). Raises InputError."""
        plant = self._context.plant
        first = [one for one in alarms if (n := plant.rule_numbers.get(one)) is not None and plant.rules[n].priority == 1]
        if first and len(alarms) > 1:
            raise InputError("{alarm} is of priority 1: it is acknowledged by itself, not together with others", alarm=first[0])
        if len(set(alarms)) != len(alarms):
            raise InputError("the same alarm is listed twice")

    async def seen(self, principal: Principal, alarm_id: str, episode: int) -> dict[str, Any]:
        """Mark as seen (已阅): told to others, stops nothing. Raises NotFound, Forbidden, CommandRefused."""
        number, rule = self.find(principal, alarm_id)
        principal.require("alarm.seen", self._context.plant.place_of_rule(rule))
        standing = self.board.standing.get(number)
        if standing is None or standing.last.episode != episode:
            raise CommandRefused("alarm {alarm} does not stand in episode {episode}", alarm=alarm_id, episode=episode)
        await asyncio.to_thread(self._mark_seen, principal, number, alarm_id, episode)
        return {"seen": await asyncio.to_thread(self._seen_by, number, episode)}

    async def story(self, principal: Principal, alarm_id: str, before: int | None, limit: int) -> list[dict[str, Any]]:
        """The alarm's transitions, newest first."""
        number, _ = self.find(principal, alarm_id)
        rows = await asyncio.to_thread(partial(self._context.journal.of_alarm, number, before=before, limit=limit))
        return [transition_row(self._context.plant, row, self.board.name_of) for row in rows]

    def check_right(self, principal: Principal, rule: Rule, kind: StepKind) -> None:
        principal.require(right(kind), self._context.plant.place_of_rule(rule))
        if kind in AT_ITS_POST:
            self.check_post(principal, rule)

    def _check_rule(self, rule: Rule, kind: StepKind, until: Micros | None = None) -> None:
        """What this alarm allows, whoever asks. Raises CommandRefused."""
        point = self._context.plant.point_of_rule(rule)
        why = may_shelve(rule, point) if kind == "shelve" else may_remove(rule, point) if kind == "remove_from_service" else None
        if why is not None:
            raise CommandRefused(why)
        end = self._shift().end
        if kind == "shelve" and until is not None and until > end:
            message = "shelving ends with the shift at {end} at the latest; {until} was asked for"
            raise CommandRefused(message, end=self._clock_time(end), until=self._clock_time(until))

    def _check_class(self, rule: Rule, kind: StepKind, reason: str, until: Micros | None) -> None:
        """What the alarm's class demands. Raises CommandRefused."""
        seconds = (until - self._context.clock.now()) / SECOND if until is not None else None
        refused = demand_against(self._context.plant.demands_of(rule), kind, reason, seconds)
        if refused is not None:
            raise CommandRefused(refused[0], **refused[1])

    def _aside(self, principal: Principal, rule: Rule) -> dict[str, Any]:
        """For each step that puts the alarm aside or brings it back why this person can't take it, "" if they can; and the shift that
        bounds a shelving."""
        running = self._shift()
        demands = self._context.plant.demands_of(rule)
        longest = int(demands.max_shelving * SECOND) if demands is not None and demands.max_shelving else LONGEST
        latest = min(running.end, self._context.clock.now() + min(longest, LONGEST))
        why = {kind: self._why_not(principal, rule, kind) for kind in PUT_ASIDE}
        return {"why_not": why, "shelve_until": latest, "shift": running.shift.name.model_dump(), "shift_end": running.end}

    def _why_not(self, principal: Principal, rule: Rule, kind: StepKind) -> str:
        try:
            self._check_rule(rule, kind)
            self._check_class(rule, kind, "", None)
            self.check_right(principal, rule, kind)
        except AnlanError as refusal:
            return refusal.text(principal.language)
        return ""

    def _shift(self) -> Running:
        plant = self._context.plant
        return shift_at(self._context.clock.now(), plant.shifts, plant.zone)

    def _clock_time(self, instant: Micros) -> str:
        return f"{to_datetime(instant).astimezone(ZoneInfo(self._context.plant.zone)):%m-%d %H:%M}"

    def check_post(self, principal: Principal, rule: Rule) -> None:
        """Raises NotYourPost."""
        post = self._context.plant.post_of_rule(rule)
        if principal.post and (principal.post == post or not post):
            return
        raise NotYourPost(
            "alarm {alarm} belongs to the post {post}, you are at {yours}: only who is signed in there answers it. You can mark it as seen.",
            alarm=rule.id,
            post=self._post_name(principal, post),
            yours=self._post_name(principal, principal.post),
        )

    def _post_name(self, principal: Principal, post: str) -> str:
        return post_name(self._context.plant, post, principal.language) or "—"

    def _mark_seen(self, principal: Principal, number: int, alarm_id: str, episode: int) -> None:
        now = self._context.clock.now()
        with self._context.records.session() as session:
            one = select(Seen.id).where(Seen.alarm == number, Seen.episode == episode, Seen.person == principal.person)
            if session.scalars(one).first() is not None:
                return
            name = principal.name
            session.add(
                Seen(
                    id=uuid7(self._context.clock),
                    alarm=number,
                    episode=episode,
                    person=principal.person,
                    name_zh=name.text("zh"),
                    name_en=name.text("en"),
                    post=principal.post,
                    at=now,
                )
            )
            append(session, Step.of(principal, now, "alarm.seen", alarm_id, after={"episode": episode}))

    def _seen_by(self, number: int, episode: int) -> list[dict[str, Any]]:
        with self._context.records.reading() as session:
            marks = session.scalars(select(Seen).where(Seen.alarm == number, Seen.episode == episode).order_by(Seen.at))
            return [{"name": {"zh": m.name_zh, "en": m.name_en}, "post": m.post, "at": m.at} for m in marks]

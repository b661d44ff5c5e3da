"""What a person can do with alarms: see, acknowledge, reset, silence, mark as seen — by the rules of DOMAIN.md 2.

Used by routes and pages alike. A step goes to the core as a command and is answered once its transition is committed; who, when,
from where and the outcome go into the audit record. Should that record not take it (disk full), the step still counts, the journal
has it, and the fault is shown: an alarm must be acknowledgeable on the worst day.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, ClassVar, Literal
from uuid import UUID

import structlog
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.errors import CommandRefused, Forbidden, InputError, NotFound, StoreError
from anlan.monitor.board import Board
from anlan.monitor.records import Seen
from anlan.monitor.rows import alarm_row, rule_facts, transition_row
from anlan.store.ids import uuid7
from anlan.web.context import Context, Rule
from anlan.web.shell import post_name

StepKind = Literal["acknowledge", "reset", "silence"]

log = structlog.get_logger()


class NotYourPost(Forbidden):
    """The alarm belongs to another post; only a person signed in there answers it."""

    code: ClassVar[str] = "not-your-post"


class AlarmService:
    """One per app process: `AlarmService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.board = Board(context)

    @classmethod
    def of(cls, context: Context) -> AlarmService:
        service = context.extras.setdefault("monitor.alarms", None)
        if service is None:
            service = context.extras["monitor.alarms"] = cls(context)
            context.background.append(service.board.run)
        assert isinstance(service, cls)
        return service

    def find(self, principal: Principal, alarm_id: str) -> tuple[int, Rule]:
        """Number and rule of an alarm this person may see. Raises NotFound, also for one they may not see."""
        plant = self._context.plant
        number = plant.rule_numbers.get(alarm_id)
        if number is None or not principal.allows("alarm.view", plant.place_of_rule(plant.rules[number])):
            raise NotFound("there is no alarm {alarm}", alarm=alarm_id)
        return number, plant.rules[number]

    async def detail(self, principal: Principal, alarm_id: str) -> dict[str, Any]:
        """The alarm as configured and as it stands, and who has seen it."""
        number, _ = self.find(principal, alarm_id)
        standing = self.board.standing.get(number)
        if standing is None:
            return {**rule_facts(self._context.plant, number), "alarm": number, "state": "NORMAL", "seen": []}
        row = alarm_row(self._context.plant, standing, self.board.name_of)
        return {**row, "seen": await asyncio.to_thread(self._seen_by, number, standing.last.episode)}

    async def act(
        self, principal: Principal, alarm_id: str, kind: StepKind, *, episode: int, priority: int, reason: str, command: UUID
    ) -> dict[str, Any]:
        """Raises NotFound, Forbidden, NotYourPost, CommandRefused (what the state doesn't allow), Unavailable (core away)."""
        number, rule = self.find(principal, alarm_id)
        principal.require(f"alarm.{kind}", self._context.plant.place_of_rule(rule))
        if kind != "silence":
            self._check_post(principal, rule)
        result = await self._context.core.command(
            {
                "id": str(command),
                "kind": kind,
                "alarm": number,
                "episode": episode,
                "priority": priority,
                "who": str(principal.person),
                "post": principal.post,
                "reason": reason,
                "at": self._context.clock.now(),
            }
        )
        outcome = {"episode": episode, "priority": priority, "command": str(command), "accepted": result["accepted"]}
        await self._audit(principal, f"alarm.{kind}", alarm_id, outcome, reason)
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

    def _check_post(self, principal: Principal, rule: Rule) -> None:
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

    async def _audit(self, principal: Principal, action: str, subject: str, after: dict[str, Any], reason: str) -> None:
        step = Step.of(principal, self._context.clock.now(), action, subject, after=after, reason=reason)
        try:
            await asyncio.to_thread(self._context.guard.record, step)
        except StoreError as failure:
            log.error("step not in the audit record; the journal has it", action=action, subject=subject, error=str(failure))
            self._context.faults["audit"] = failure
        else:
            self._context.faults.pop("audit", None)

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

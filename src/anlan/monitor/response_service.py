"""The response card of an alarm: how long there is to respond, what the readings say of the action, and what people say of it.

In: an alarm as it stands, live values, history, records. Out: facts with one word for them (`monitor.response`), and the answers of persons,
each with who, where and when. A person answers for an activation that somebody has acknowledged, also once the alarm is gone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import MINUTE, SECOND, Micros
from anlan.model.errors import CommandRefused
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition
from anlan.model.quality import NO_DATA_YET
from anlan.model.readings import Readings
from anlan.monitor.past import OwnPast
from anlan.monitor.records import ActionEffect, ResponseAnswer
from anlan.monitor.replay import Replay, seed
from anlan.monitor.response import MOVING, OF_QUALITY, Judgement, Question, judge, window_of
from anlan.monitor.rows import LOOKED_BACK, story_of
from anlan.monitor.service import AlarmService
from anlan.monitor.states import ACTIVE, HIDDEN
from anlan.monitor.sums import Sums
from anlan.store.ids import uuid7
from anlan.web.answers import iso
from anlan.web.context import Context, Rule

SAMPLES = 30
"""Instants at which a calculated figure is computed anew over the window."""


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation of an alarm; `raised` and `answered` are None where the journal's last rows don't hold them."""

    state: AlarmState
    episode: int
    raised: AlarmTransition | None
    answered: AlarmTransition | None

    @property
    def condition(self) -> bool | None:
        """Whether the engine says its condition is on; None while the alarm is hidden."""
        return None if self.state in HIDDEN else self.state in ACTIVE


class ResponseService:
    """Of one app process; made by its routes."""

    def __init__(self, context: Context) -> None:
        self._context, self._alarms = context, AlarmService.of(context)
        # A calculated figure is computed by a replay; one at a time, as for `why`.
        self._replaying = asyncio.Semaphore(1)

    async def card(self, principal: Principal, alarm_id: str) -> dict[str, Any]:
        """Raises NotFound."""
        number, rule = self._alarms.find(principal, alarm_id)
        activation = await self._activation(number)
        now = self._context.clock.now()
        found = await self._judged(number, rule, activation, now) if activation.raised is not None else None
        answers = await asyncio.to_thread(self._answers, number, activation.episode)
        return {
            "alarm": alarm_id,
            "at": now,
            "at_iso": iso(now),
            **_times(rule, activation),
            **_judgement(found),
            "answers": answers,
        }

    async def answer(self, principal: Principal, alarm_id: str, episode: int, effect: ActionEffect, note: str) -> dict[str, Any]:
        """Record what a person says. Raises NotFound, Forbidden, NotYourPost, CommandRefused for an activation nobody has acknowledged."""
        number, rule = self._alarms.find(principal, alarm_id)
        self._alarms.check_right(principal, rule, "acknowledge")
        await self._alarms.board.catch_up()  # the acknowledgement may have been a moment ago
        activation = await self._activation(number)
        if activation.episode != episode or activation.answered is None:
            raise CommandRefused(
                "activation {episode} of alarm {alarm} is not acknowledged, or another has come since: an answer tells of the action that followed an acknowledgement",
                alarm=alarm_id,
                episode=episode,
            )
        found = await self._judged(number, rule, activation, self._context.clock.now())
        await asyncio.to_thread(self._keep, principal, number, alarm_id, episode, effect, note.strip(), found)
        return {"answers": await asyncio.to_thread(self._answers, number, episode)}

    # ---- the activation

    async def _activation(self, number: int) -> Activation:
        """As it stands, else the last one as the journal tells it."""
        standing = self._alarms.board.standing.get(number)
        if standing is not None and standing.raised is not None:
            return Activation(standing.last.after, standing.last.episode, standing.raised, standing.answered)
        rows = await asyncio.to_thread(partial(self._context.journal.of_alarm, number, limit=LOOKED_BACK))
        story = story_of(rows)
        if story is None:
            return Activation(AlarmState.NORMAL, 0, None, None)
        return Activation(story.last.after, story.last.episode, story.raised, story.answered)

    # ---- the judgement

    async def _judged(self, number: int, rule: Rule, activation: Activation, now: Micros) -> Judgement:
        await Sums.of(self._context).refresh()
        asked = self._question(rule, activation)
        if rule.kind is AlarmKind.LOSS_OF_VIEW or rule.kind in OF_QUALITY:
            return judge(asked)
        watched = self._context.plant.watched_by_rule(rule)
        point = self._context.plant.point_numbers.get(watched.id) if watched is not None else None
        if watched is None or point is None:
            return judge(asked)
        since = activation.answered.noticed_at if activation.answered is not None else 0
        end = self._end(point, now) if watched.reporting.mode == "cyclic" and rule.kind not in MOVING else now
        start = max(since, end - window_of(watched.reporting.period))
        asked = replace(asked, limit=rule.limit, dead_band=rule.dead_band, states=rule.states, start=start, end=end, step=10.0**-watched.decimals)  # fmt: skip
        if rule.kind in MOVING:
            async with self._replaying:
                rows = await asyncio.to_thread(self._computed, number, point, start, end, rule.window)
        elif rule.limit is not None and rule.kind < AlarmKind.STATE:
            rows = await asyncio.to_thread(self._read, point, start, end)
            asked = replace(asked, holds=watched.reporting.mode == "on_change")
        else:
            return judge(asked)
        return judge(replace(asked, times=rows.time, values=rows.value, qualities=rows.quality))

    def _question(self, rule: Rule, activation: Activation) -> Question:
        """With the newest value and what it is worth now."""
        plant, live = self._context.plant, self._context.live
        watched = plant.watched_by_rule(rule)
        number = plant.point_numbers.get(watched.id) if watched is not None else None
        value, word = float("nan"), NO_DATA_YET
        if number is not None:
            live.reserve(number + 1)
            value, word = float(live.value[number]), int(live.quality_now(np.array([number]))[0])
        return Question(
            kind=rule.kind,
            condition=activation.condition,
            value=value,
            quality=word,
            under_test=number is not None and number in Sums.of(self._context).under_test(),
            in_view=self._in_view(rule),
        )

    def _in_view(self, rule: Rule) -> bool | None:
        state = self._context.sources.get(self._context.plant.source_numbers.get(rule.point, -1))
        known = self._context.live.connected and state is not None and state.state in {"up", "down"}
        return state.state == "up" if known and state is not None else None

    def _end(self, point: int, now: Micros) -> Micros:
        """The newest data time: what the source stamps, not what this node's clock shows."""
        return int(self._context.live.time[point]) or now

    def _read(self, point: int, start: Micros, end: Micros) -> Readings:
        history = self._context.history
        return Readings.concat([Readings.from_arrow(history.latest([point], start)), Readings.from_arrow(history.read([point], start, end + 1))])  # fmt: skip

    def _computed(self, alarm: int, point: int, start: Micros, end: Micros, window: float) -> Readings:
        """A figure that is calculated stands in no history: the engine computes it anew from what does, and from what people did to its points."""
        past = OwnPast.of(self._context)
        config = past.part(past.subjects([alarm])[0])
        begin = start - round(window * SECOND) - MINUTE
        replay, known = Replay(config), past.window(config, begin, end + 1).past
        seed(replay, known)
        found = []
        for at in np.linspace(start, end, SAMPLES).astype(np.int64).tolist():
            replay.through(known.between(begin, at + 1))
            replay.until(at)
            begin = at + 1
            live = replay.engine.live([point])
            if len(live.point):
                found.append((point, at, float(live.value[0]), int(live.quality[0])))
        return Readings.of(found)

    # ---- what people say

    def _keep(
        self, principal: Principal, number: int, alarm_id: str, episode: int, effect: ActionEffect, note: str, found: Judgement
    ) -> None:
        now, name = self._context.clock.now(), principal.name
        with self._context.records.session() as session:
            session.add(
                ResponseAnswer(
                    id=uuid7(self._context.clock),
                    alarm=number,
                    episode=episode,
                    effect=effect.value,
                    note=note,
                    verdict=found.verdict,
                    value=found.value,
                    person=principal.person,
                    name_zh=name.text("zh"),
                    name_en=name.text("en"),
                    post=principal.post,
                    at=now,
                )
            )
            after = {"episode": episode, "effect": effect.value, "verdict": found.verdict, "value": found.value}
            append(session, Step.of(principal, now, "alarm.response", alarm_id, after=after, reason=note))

    def _answers(self, number: int, episode: int) -> list[dict[str, Any]]:
        """Newest first: that one counts."""
        posts = self._context.plant.posts
        of = (ResponseAnswer.alarm == number, ResponseAnswer.episode == episode)
        with self._context.records.reading() as session:
            found = session.scalars(
                select(ResponseAnswer).where(*of).order_by(ResponseAnswer.at.desc(), ResponseAnswer.id.desc())
            )
            return [
                {
                    "effect": one.effect,
                    "note": one.note,
                    "verdict": one.verdict,
                    "value": one.value,
                    "name": {"zh": one.name_zh, "en": one.name_en},
                    "post": one.post,
                    "post_name": posts[one.post].model_dump() if one.post in posts else None,
                    "at": one.at,
                    "at_iso": iso(one.at),
                }
                for one in found
            ]


def _times(rule: Rule, activation: Activation) -> dict[str, Any]:
    raised, answered = activation.raised, activation.answered
    announced = raised.noticed_at if raised is not None else None
    by = announced + round(rule.time_to_respond * SECOND) if announced is not None and rule.time_to_respond else None
    return {
        "episode": activation.episode,
        "state": activation.state.name,
        "announced_at": announced,
        "announced_at_iso": iso(announced),
        "respond_by": by,
        "respond_by_iso": iso(by),
        "acknowledged_at": answered.noticed_at if answered is not None else None,
    }


def _judgement(found: Judgement | None) -> dict[str, Any]:
    """None of an alarm that was never announced: everything is null."""
    if found is None:
        return dict.fromkeys(Judgement("state").as_json())
    told = found.as_json()
    return {**told, "back": dict(zip(("earliest", "latest"), found.back, strict=True)) if found.back is not None else None}

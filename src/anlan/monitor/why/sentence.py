"""What a shift leader would answer: the gate that decides, and what there is to know beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anlan.model.clock import SECOND
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.monitor.config import LIMIT_KINDS
from anlan.monitor.why.asked import Asked, Both, Explanation
from anlan.monitor.why.case import HIGHS, Case
from anlan.monitor.why.gates import condition_of
from anlan.monitor.why.modes import Modes
from anlan.monitor.why.trace import Evidence
from anlan.monitor.why.words import Words, glued, joined, short
from anlan.web.answers import finite

PUT_ASIDE = frozenset({"rule", "service", "suppressed", "shelved"})
OF_THE_READING = ("source", "fresh", "quality")


class Sentence:
    def __init__(self, case: Case, modes: Modes, evidence: Evidence, words: Words, found: Explanation) -> None:
        self._case, self._modes, self._evidence, self._words, self._say = case, modes, evidence, words, words.say
        self._found = found
        self._gates = {gate.gate: gate for gate in found.gates}

    def said(self) -> Both:
        parts = list(self._parts())
        mode = self._gates.get("mode")
        if mode is not None and self._modes.out and mode.text not in parts:
            parts.append(mode.text)
        parts.append(self._found.cut["text"] if self._found.cut is not None else {})
        return joined(parts)

    def _parts(self) -> Iterable[Both]:
        found = self._found
        if found.closed in PUT_ASIDE:
            return [self._gates[found.closed].text, self._aside()]
        if found.condition:
            return [self._announced(), *self._still(), self._answered()]
        if self._case.state is not AlarmState.NORMAL:
            return [self._announced(), self._over(), self._answered()]
        if found.closed == "delay":
            return [self._running()]
        if found.closed is not None:
            return [self._gates[found.closed].text, self._nearest()]
        return []

    def _aside(self) -> Both:
        if self._case.row is None:
            return {}
        if self._found.condition:
            return self._say("Its condition is on meanwhile.")
        return self._say("Its condition is off meanwhile.")

    # ---- it stands

    def _announced(self) -> Both:
        raised, rule, figure = self._case.raised, self._case.rule, self._words.figure
        if raised is None:
            return self._say("It stands announced since before {time}.", time=self._words.time(self._case.asked.start))
        if raised.trigger is not Trigger.CONDITION_ON:
            return self._announced_again(raised)
        facts: dict[str, Any] = {"time": self._words.time(raised.happened_at), "value": figure(raised.value)}
        if rule.kind in LIMIT_KINDS and finite(raised.limit) is not None:
            facts["limit"] = figure(raised.limit)
            message = (
                "Announced at {time}: {value}, at or above the limit of {limit}"
                if rule.kind in HIGHS
                else "Announced at {time}: {value}, at or below the limit of {limit}"
            )
        elif rule.kind in {AlarmKind.STALE, AlarmKind.BAD_QUALITY, AlarmKind.LOSS_OF_VIEW}:
            facts["what"] = condition_of(self._case, self._words)
            message = "Announced at {time}: {what}"
        else:
            message = "Announced at {time}: {value}"
        delay = self._found.on_delay
        after = self._say(", after its delay of {delay} s.", delay=f"{delay:g}") if delay else self._say(", without a delay.")
        return glued(self._say(message, **facts), after)

    def _announced_again(self, raised: AlarmTransition) -> Both:
        """By the end of what hid it: no limit was passed and no delay ran out at that instant, and an unsuppression looked at no value."""
        match raised.trigger:
            case Trigger.UNSHELVE:
                message = "Announced at {time}, when its shelving ended and its condition was on."
            case Trigger.UNSUPPRESS:
                message = "Announced at {time}, when its suppression by design ended and its condition was on."
            case _:
                message = "Announced at {time}, when it was returned to service and its condition was on."
        told = [self._say(message, time=self._words.time(raised.happened_at))]
        if finite(raised.value) is not None and self._case.rule.kind not in {AlarmKind.STALE, AlarmKind.BAD_QUALITY}:
            told.append(self._say("The value then was {value}.", value=self._words.figure(raised.value)))
        return joined(told)

    def _still(self) -> list[Both]:
        """Why it has not ended."""
        told = [self._gates[name].text for name in OF_THE_READING if name in self._gates and self._gates[name].open is False]
        out = "mode" in self._gates and self._gates["mode"].open is False
        if not told and not out and "limit" in self._gates:
            told = [self._gates["limit"].text]
        if self._found.delay is not None and self._found.delay["what"] == "off":
            told.append(self._gates["delay"].text)
        return told

    def _over(self) -> Both:
        begun = self._case.raised.n if self._case.raised is not None else 0
        ended = next((t for t in self._case.asked.journal if t.trigger is Trigger.CONDITION_OFF and t.n > begun), None)
        return self._say("Its condition ended at {time}.", time=self._words.time(ended.happened_at)) if ended is not None else {}

    def _answered(self) -> Both:
        match self._case.state:
            case AlarmState.UNACKNOWLEDGED | AlarmState.RETURNED_UNACKNOWLEDGED | AlarmState.LATCHED_UNACKNOWLEDGED:
                return self._say("Nobody has acknowledged it yet.")
            case AlarmState.LATCHED_ACKNOWLEDGED:
                return self._say("It is latched and waits for a reset.")
            case AlarmState.ACKNOWLEDGED:
                answer = self._case.story.answered if self._case.story is not None else None
                if answer is None:
                    return {}
                who, time = self._words.person(answer.who), self._words.time(answer.noticed_at)
                return self._say("Acknowledged by {who} at {time}.", who=who, time=time)
        return {}

    # ---- it doesn't

    def _running(self) -> Both:
        delay = self._found.delay or {"ran": 0.0, "of": 0.0}
        facts: dict[str, Any] = {"ran": short(delay["ran"]), "delay": f"{delay['of']:g}"}
        if self._case.kind in LIMIT_KINDS and self._found.limit is not None:
            facts["limit"] = self._words.figure(self._found.limit)
            message = (
                "Above {limit} for {ran} s: the delay of {delay} s has not run out."
                if self._case.is_high
                else "Below {limit} for {ran} s: the delay of {delay} s has not run out."
            )
            return self._say(message, **facts)
        facts["condition"] = condition_of(self._case, self._words)
        return self._say("{condition} for {ran} s: the delay of {delay} s has not run out.", **facts)

    def _nearest(self) -> Both:
        """How near it came in the window, for how long it was beyond without being announced, or why what was beyond didn't count."""
        found, unseen = self._found, self._evidence.unseen
        if found.closed != "limit":
            return {}
        if unseen is not None and not self._case.announced_within():
            facts = {"value": self._words.figure(unseen["value"]), "time": self._words.time(unseen["at"])}
            mode = self._modes.told_of(unseen["at"])
            return self._say("{value} at {time} lay beyond the limit, but was no evidence: {mode}.", mode=mode, **facts)
        longest = found.longest
        if longest is not None and longest["seconds"] < found.on_delay and not self._case.announced_within():
            return self._say(
                "From {start} it was beyond the limit for {ran} s, less than its delay of {delay} s.",
                start=self._words.time(longest["from"]), ran=short(longest["seconds"]), delay=f"{found.on_delay:g}",
            )  # fmt: skip
        return self._approach()

    def _approach(self) -> Both:
        closest, asked = self._found.closest, self._case.asked
        if closest is None or closest["distance"] <= 0:
            return {}
        return self._say(
            "Nearest to it in the {span} min before: {value} at {time}, {distance} away.",
            span=f"{(asked.at - asked.start) / (60 * SECOND):.0f}",
            value=self._words.figure(closest["value"]),
            time=self._words.time(closest["at"]),
            distance=self._words.figure(closest["distance"]),
        )


def what_was_cut(asked: Asked, words: Words) -> dict[str, Any] | None:
    """What was left out because there was too much of it, for the answer and its sentence."""
    readings, journal = asked.readings_from, asked.journal_from
    if readings is None and journal is None:
        return None
    parts: list[Both] = []
    if readings is not None:
        message = "There were too many readings: only those from {time} on were looked at."
        parts.append(words.say(message, time=words.time(readings)))
    if journal is not None:
        message = "The journal held too many transitions: only those from {time} on were looked at."
        parts.append(words.say(message, time=words.time(journal)))
    return {"readings_from": readings, "journal_from": journal, "text": joined(parts)}

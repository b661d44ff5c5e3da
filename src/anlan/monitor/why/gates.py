"""The way from the reading to the operator, gate by gate, as the engine decides it."""

from __future__ import annotations

from anlan.model.clock import SECOND
from anlan.model.events.alarms import AlarmKind, AlarmState
from anlan.model.languages import LANGUAGES
from anlan.model.quality import Severity, severity_of
from anlan.monitor.config import LIMIT_KINDS
from anlan.monitor.layout import Phase, PointFlag
from anlan.monitor.why.asked import Both, Gate
from anlan.monitor.why.case import Case
from anlan.monitor.why.modes import Modes
from anlan.monitor.why.words import Words, glued, short

Passed = tuple[bool | None, Both]
"""Open, closed or not reached, and why."""


class Gates:
    def __init__(self, case: Case, modes: Modes, words: Words) -> None:
        self._case, self._modes, self._words, self._say = case, modes, words, words.say

    def passed(self) -> list[Gate]:
        """Behind a closed gate no delay runs; only that an announced alarm stands is not undone by one."""
        gates = [Gate(name, *gate) for name, gate in self._way()]
        if any(gate.open is False for gate in gates):
            return [*gates, Gate("delay", self._delay()[0] or None, self._delay()[1])]
        return [*gates, Gate("delay", *self._delay())]

    def _way(self) -> list[tuple[str, Passed]]:
        kind = self._case.rule.kind
        way = [
            ("rule", self._rule()),
            ("service", self._hidden(AlarmState.OUT_OF_SERVICE, "Out of service since {time}: it says nothing.", "In service.")),
            (
                "suppressed",
                self._hidden(
                    AlarmState.SUPPRESSED, "Suppressed by design since {time}: it says nothing.", "Not suppressed by design."
                ),
            ),
            ("shelved", self._hidden(AlarmState.SHELVED, "Shelved since {time}: it says nothing.", "Not shelved.")),
            ("source", self._source()),
        ]
        if kind is AlarmKind.LOSS_OF_VIEW:
            return way
        return [*way, *(self._as_last_seen(*gate) for gate in self._of_the_reading())]

    def _as_last_seen(self, name: str, gate: Passed) -> tuple[str, Passed]:
        """Nothing of a reading is known to hold while its source is out of view; what an alarm stands by still does."""
        if self._case.view() != "down" or name in {"data", "mode"} or (name == "limit" and self._case.phase is not Phase.QUIET):
            return name, gate
        return name, (None, glued(self._say("When last in view: "), gate[1]))

    def _of_the_reading(self) -> list[tuple[str, Passed]]:
        kind = self._case.rule.kind
        way = [("data", self._data())]
        if kind is not AlarmKind.STALE:
            way.append(("fresh", self._fresh()))
        if self._case.number is not None:
            way.append(("mode", self._modes.gate()))
        if kind not in {AlarmKind.STALE, AlarmKind.BAD_QUALITY}:
            way.append(("quality", self._quality()))
        return [*way, ("limit", self._limit())]

    # ---- the rule and what was done to the alarm

    def _rule(self) -> Passed:
        if self._case.row is None:
            return False, self._say("The rule is disabled: it decides nothing.")
        return True, self._say("The rule is in force: {condition}.", condition=condition_of(self._case, self._words))

    def _hidden(self, state: AlarmState, closed: str, opened: str) -> Passed:
        story = self._case.story
        if self._case.state is not state or story is None or story.hidden is None:
            return True, self._say(opened)
        # The journal has nothing of a condition that comes or goes meanwhile; that is the replay's to tell (`Sentence._aside`).
        return False, self._say(closed, time=self._words.time(story.hidden.noticed_at))

    # ---- the reading

    def _source(self) -> Passed:
        source, rule = self._case.source(), self._case.rule
        name = self._case.asked.source_name or {language: rule.point for language in LANGUAGES}
        links = self._case.asked.past.links
        since = self._words.time(max((at for at, s, state in links if s == source and state == "down"), default=None))
        down = self._case.view() == "down"
        if rule.kind is AlarmKind.LOSS_OF_VIEW and down:
            return True, self._say("The source {source} is out of view since {time}.", source=name, time=since)
        if down:
            return False, self._say(
                "The source {source} is out of view since {time}: nobody knows the value.", source=name, time=since
            )
        return rule.kind is not AlarmKind.LOSS_OF_VIEW, self._say("The source {source} is in view.", source=name)

    def _data(self) -> Passed:
        if not self._case.heard():
            return False, self._say("There is no reading up to {time}.", time=self._words.time(self._case.asked.at))
        point = self._case.record()
        return True, self._say(
            "The newest reading is {value}, stamped {time}.",
            value=self._words.figure(float(point["value"])),
            time=self._words.time(int(point["time"])),
        )

    def _fresh(self) -> Passed:
        if not self._case.heard():
            return None, self._say("Nothing was heard.")
        if self._case.record()["flags"] & PointFlag.STALE:
            return False, self._say(
                "Silent for {age} s, longer than the {deadline} s that its reporting allows.",
                age=f"{self._age():.1f}",
                deadline=self._deadline(),
            )
        return True, self._say("Heard {age} s before.", age=f"{max(self._age(), 0):.1f}")

    def _quality(self) -> Passed:
        """As the source sent it; what people made of the point stands at the gate before."""
        if not self._case.heard():
            return None, self._say("No quality is known.")
        word = self._modes.sent()
        facts = {"quality": self._words.quality(word)}
        if severity_of(word) < Severity.BAD:
            return True, self._say("Its quality is {quality}.", **facts)
        if self._case.tells_beyond(word):
            return True, self._say(
                "Its quality is {quality}: what is out of its range is beyond every limit on that side.", **facts
            )
        return False, self._say(
            "Its quality is {quality}: a bad value is no evidence, the alarm keeps what it last knew.", **facts
        )

    def _age(self) -> float:
        return float(self._case.asked.at - int(self._case.record()["time"])) / SECOND

    def _deadline(self) -> str:
        return f"{self._case.record()['deadline'] / 1000:g}"

    # ---- the condition

    def _limit(self) -> Passed:
        if not self._case.heard():
            return None, self._say("No value is known.")
        match self._case.kind:
            case AlarmKind.STALE:
                return self._silence()
            case AlarmKind.BAD_QUALITY:
                word = self._case.word()
                met = self._case.is_fault(word) or self._case.phase is Phase.FALLING
                return met, self._say("Its quality is {quality}.", quality=self._words.quality(word))
            case AlarmKind.STATE:
                met = self._case.phase in {Phase.RISING, Phase.STANDING}
                message = "“{value}” is a state that alarms." if met else "“{value}” is no state that alarms."
                value = self._words.figure(float(self._case.record()["value"]))
                return met or self._case.phase is Phase.FALLING, self._say(message, value=value)
        return self._against_limit(float(self._case.record()["value"]))

    def _silence(self) -> Passed:
        stale = bool(self._case.record()["flags"] & PointFlag.STALE)
        message = "Silent for {age} s, beyond its {deadline} s." if stale else "Silent for {age} s, within its {deadline} s."
        return stale, self._say(message, age=f"{max(0.0, self._age()):.1f}", deadline=self._deadline())

    def _against_limit(self, value: float) -> Passed:
        case, figure = self._case, self._words.figure
        limit, clear, high, phase = case.limit or 0.0, case.clear or 0.0, case.is_high, case.phase
        facts = {"value": figure(value), "limit": figure(limit), "clear": figure(clear), "distance": figure(abs(value - limit))}
        if severity_of(case.word()) >= Severity.BAD:
            if case.tells_beyond(case.word()):
                return True, self._say("It is out of its range, and so beyond {limit}.", **facts)
            return phase is not Phase.QUIET, self._say("Whether it is beyond {limit} is not known now.", **facts)
        if value >= limit if high else value <= limit:
            message = "{value} is at or above {limit}." if high else "{value} is at or below {limit}."
            return True, self._say(message, **facts)
        if phase in {Phase.RISING, Phase.STANDING}:
            message = (
                "{value} is back below {limit}, but not below {clear}: within the dead-band."
                if high
                else "{value} is back above {limit}, but not above {clear}: within the dead-band."
            )
            return True, self._say(message, **facts)
        message = "{value} is below {limit} by {distance}." if high else "{value} is above {limit} by {distance}."
        return phase is Phase.FALLING, self._say(message, **facts)

    def _delay(self) -> Passed:
        phase, delay = self._case.phase, self._case.delay()
        if phase is Phase.QUIET:
            return None, self._say("No delay runs.")
        if phase is Phase.STANDING or delay is None:
            on = self._case.delay_of("on_delay")
            if not on:
                return True, self._say("No delay is set.")
            return True, self._say("The {delay} s before alarming had run.", delay=f"{on:g}")
        facts = {"ran": short(delay["ran"]), "delay": f"{delay['of']:g}"}
        if phase is Phase.RISING:
            return False, self._say("{ran} s of the {delay} s before alarming have run.", **facts)
        return True, self._say("{ran} s of the {delay} s before it ends have run.", **facts)


def condition_of(case: Case, words: Words) -> Both:
    """What the rule watches for, short."""
    match case.rule.kind:
        case AlarmKind.STALE:
            return words.say("no longer updated")
        case AlarmKind.BAD_QUALITY:
            return words.say("bad quality")
        case AlarmKind.LOSS_OF_VIEW:
            return words.say("loss of view")
    if case.kind in LIMIT_KINDS and case.limit is not None:
        sign = "≥" if case.is_high else "≤"
        return {language: f"{sign} {text}" for language, text in words.figure(case.limit).items()}
    if case.rule.states:
        names = [words.figure(float(state)) for state in case.rule.states]
        return {language: " / ".join(name[language] for name in names) for language in LANGUAGES}
    return words.say("its condition is met")

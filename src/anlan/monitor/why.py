"""Why does this alarm stand, or why doesn't it, at any time: every gate between the reading and the operator, and the first that was closed.

In: the rule, the readings and links of some time before, the journal of the alarm. Out: an `Explanation`, data and a sentence in both
languages. The past is replayed through the engine itself, so that what is told is what the engine did and not a second account of it;
what people did (acknowledge, shelve …) is told by the journal. Pure.

    rule → in service → not suppressed → not shelved → source in view → a reading → fresh → usable → limit → delay → announced
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from anlan.model.clock import SECOND, Micros, to_datetime
from anlan.model.events.alarms import LATE, AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.points import Point
from anlan.model.quality import BAD_COMMUNICATION, Reason, Severity, reason_of, severity_of
from anlan.model.readings import Readings
from anlan.model.words import LANGUAGES, translate
from anlan.monitor import changes
from anlan.monitor.compile import EngineConfig
from anlan.monitor.config import LIMIT_KINDS, SUFFIX
from anlan.monitor.kpi.lives import is_annunciation
from anlan.monitor.layout import NEVER, Phase, PointFlag, View
from anlan.monitor.replay import Replay, in_order
from anlan.monitor.rows import story_of
from anlan.monitor.states import HIDDEN
from anlan.web.answers import finite, quality_words
from anlan.web.client_words import REASONS
from anlan.web.context import Rule
from anlan.web.widgets import unit_label

HIGHS = frozenset({AlarmKind.HIGH, AlarmKind.HIGH_HIGH})
TRACE = 300
"""Spans of the small picture; each keeps its least and its greatest reading."""

Both = dict[str, str]
"""A text in both languages."""


@dataclass(frozen=True, slots=True)
class Question:
    """`point`: the one whose value decides. `config`: cut to it and its source. `readings`: from before `start` (one for each point, if there is any) up to `at`.
    `links`: (time, source, "up" or "down"). `journal`: the alarm's transitions up to `at`, newest first; `names`: person id → name."""

    number: int
    rule: Rule
    point: Point | None
    config: EngineConfig
    readings: Readings
    links: Sequence[tuple[Micros, int, str]]
    journal: Sequence[AlarmTransition]
    start: Micros
    at: Micros
    zone: str
    begin: Micros | None = None
    """From here on all readings are given: before `start`, when the value is calculated over a longer time."""
    names: Callable[[str], str] = str
    source_name: Both = field(default_factory=dict)
    readings_from: Micros | None = None
    """Before this there were more readings than one question takes: none of them is given."""
    journal_from: Micros | None = None
    """The same of the journal, the alarm's own or that of its source's loss of view."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One step on the way. `open`: passed; None where it was not reached."""

    gate: str
    open: bool | None
    text: Both


@dataclass(slots=True)
class Explanation:
    """`closed`: the first gate that was closed, None when the alarm's condition stands announced. Times in µs, spans in s."""

    alarm: str
    point: str
    at: Micros
    start: Micros
    state: str
    condition: bool
    """After dead-band and delays."""
    episode: int
    closed: str | None
    sentence: Both
    gates: list[Gate]
    kind: str
    limit: float | None
    clear: float | None
    on_delay: float
    off_delay: float
    value: float | None = None
    value_at: Micros | None = None
    quality: dict[str, Any] | None = None
    view: str = "unknown"
    delay: dict[str, Any] | None = None
    """The delay that runs now, or ran out to announce: {"what": "on" or "off", "since", "ran", "of", "until"}."""
    closest: dict[str, Any] | None = None
    """Nearest to the limit in the window: {"value", "at", "distance"}; a negative distance lies beyond it."""
    longest: dict[str, Any] | None = None
    """The longest time in the window for which the limit was exceeded: {"from", "to", "seconds"}."""
    decided: dict[str, Any] | None = None
    """The transition that made it what it is."""
    trace: dict[str, list[Any]] = field(default_factory=dict)
    """Columns time, value, bad, and cut: nobody knew the value for some time before this reading."""
    decimals: int = 2
    unit: Both = field(default_factory=dict)
    version: int = 0
    """Of the rules that the past was replayed with; they may have been others then, the journal says which limit decided."""
    cut: dict[str, Any] | None = None
    """What was left out because there was too much of it: {"readings_from", "journal_from": the first instant that was looked at, None when
    all was, "text"}. The sentence says it too."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(question: Question) -> Explanation:
    """Never raises for what the past may hold; what is not known is said to be unknown."""
    return _Account(question).told()


class _Account:
    def __init__(self, question: Question) -> None:
        self.q = question
        self.rule, self.point = question.rule, question.point
        self.story = story_of(question.journal)
        self.last = self.story.last if self.story is not None else None
        self.state = self.last.after if self.last is not None else AlarmState.NORMAL
        self.raised = self.story.raised if self.story is not None else None
        self.calculated: list[tuple[int, int, float, int]] = []
        self.replay = self._replay()
        self.engine = self.replay.engine
        self.row = self.engine.row_of(question.number)
        self.number = self._watched()
        self.gates: list[Gate] = []

    # ---- the past

    def _replay(self) -> Replay:
        """The window, from the state that the journal knows at its beginning."""
        q, replay = self.q, Replay(self.q.config)
        rows, begin = in_order(q.readings), q.start if q.begin is None else q.begin
        start = int(np.searchsorted(rows.time, begin, side="left"))
        replay.seed(rows[:start], begin)
        before = next((t for t in q.journal if t.noticed_at <= q.start), None)
        inside = int(np.searchsorted(rows.time, q.start, side="left"))
        for at, source, state in sorted(q.links):
            if at < q.start:
                end = max(start, int(np.searchsorted(rows.time, at, side="left")))
                self._feed(replay, rows[start:end])
                replay.tell(max(at, replay.now), {source: state})
                start = end
        self._feed(replay, rows[start:inside])
        if before is not None and before.after is not AlarmState.NORMAL:
            changes.adopt(replay.engine, {q.number: (before.after, before.episode)})
        start = inside
        for at, source, state in sorted(q.links):
            if at >= q.start:
                end = max(start, int(np.searchsorted(rows.time, at, side="left")))
                self._feed(replay, rows[start:end])
                replay.tell(max(at, replay.now), {source: state})
                start = end
        self._feed(replay, rows[start:])
        replay.until(q.at)
        self._sample(replay)
        return replay

    def _feed(self, replay: Replay, rows: Readings) -> None:
        """In steps, if the value is calculated: no history has it, so the picture is drawn from what the replay comes to."""
        row = replay.engine.row_of(self.q.number)
        if row is None or self.rule.kind is AlarmKind.LOSS_OF_VIEW or not self._is_calculated(replay, row):
            replay.feed(rows)
            return
        width = max(SECOND, (self.q.at - self.q.start) // TRACE)
        edges = (np.flatnonzero(np.diff(rows.time // width)) + 1).tolist()
        for first, end in pairwise([0, *edges, len(rows)]):
            replay.feed(rows[first:end])
            self._sample(replay)

    def _sample(self, replay: Replay) -> None:
        row = replay.engine.row_of(self.q.number)
        if row is None or self.rule.kind is AlarmKind.LOSS_OF_VIEW or not self._is_calculated(replay, row):
            return
        number = int(replay.engine.arrays.target[row])
        point = replay.engine.world.points[number]
        if point["time"] != NEVER:
            self.calculated.append((number, int(point["time"]), float(point["value"]), int(point["quality"])))

    @staticmethod
    def _is_calculated(replay: Replay, row: int) -> bool:
        point = replay.engine.world.points[int(replay.engine.arrays.target[row])]
        return bool(point["flags"] & PointFlag.CALCULATED)

    def _watched(self) -> int | None:
        """Number of the point whose value decides; None for a whole source."""
        if self.row is None or self.rule.kind is AlarmKind.LOSS_OF_VIEW:
            return None
        return int(self.engine.arrays.target[self.row])

    # ---- the account

    def told(self) -> Explanation:
        found = Explanation(
            alarm=self.rule.id,
            point=self.rule.point,
            at=self.q.at,
            start=self.q.start,
            state=self.state.name,
            condition=self._phase() in {Phase.STANDING, Phase.FALLING},
            episode=self.last.episode if self.last is not None else 0,
            closed=None,
            sentence={},
            gates=self.gates,
            kind=SUFFIX[self.rule.kind],
            limit=self._limit(),
            clear=self._clear(),
            on_delay=self._delay("on_delay"),
            off_delay=self._delay("off_delay"),
            decided=next((_transition(t) for t in self.q.journal if t.trigger not in (Trigger.ESCALATE, *LATE)), None),
            decimals=self.point.decimals if self.point is not None else 0,
            unit=self._unit(),
            version=self.q.config.version,
        )
        self._tell_value(found)
        self._tell_limit(found)
        self._pass_gates(found)
        found.closed = next((gate.gate for gate in self.gates if gate.open is False), None)
        found.cut = self._cut()
        found.sentence = self._sentence(found)
        return found

    def _cut(self) -> dict[str, Any] | None:
        readings, journal = self.q.readings_from, self.q.journal_from
        if readings is None and journal is None:
            return None
        parts: list[Both] = []
        if readings is not None:
            parts.append(
                self.say("There were too many readings: only those from {time} on were looked at.", time=self._time(readings))
            )
        if journal is not None:
            parts.append(
                self.say(
                    "The journal held too many transitions: only those from {time} on were looked at.", time=self._time(journal)
                )
            )
        text = {language: _joined([part[language] for part in parts], language) for language in LANGUAGES}
        return {"readings_from": readings, "journal_from": journal, "text": text}

    def _pass_gates(self, found: Explanation) -> None:
        for name, passed in (
            ("rule", self._rule_gate),
            ("service", self._service_gate),
            ("suppressed", self._suppressed_gate),
            ("shelved", self._shelved_gate),
            ("source", self._source_gate),
        ):
            self._pass(name, *passed())
        if self.rule.kind is AlarmKind.LOSS_OF_VIEW:
            self._pass("delay", *self._delay_gate(found))
            return
        self._pass("data", *self._data_gate())
        if self.rule.kind is not AlarmKind.STALE:
            self._pass("fresh", *self._fresh_gate())
        if self.rule.kind not in {AlarmKind.STALE, AlarmKind.BAD_QUALITY}:
            self._pass("quality", *self._quality_gate(found))
        self._pass("limit", *self._limit_gate(found))
        self._pass("delay", *self._delay_gate(found))

    def _pass(self, gate: str, open_: bool | None, text: Both) -> None:
        """Behind a closed gate nothing was reached; only that an announced alarm stands is not undone by one."""
        blocked = any(g.open is False for g in self.gates)
        self.gates.append(Gate(gate, None if blocked and open_ is False and gate == "delay" else open_, text))

    # ---- gates

    def _rule_gate(self) -> tuple[bool, Both]:
        if self.row is None:
            return False, self.say("The rule is disabled: it decides nothing.")
        return True, self.say("The rule is in force: {condition}.", condition=self._condition())

    def _service_gate(self) -> tuple[bool, Both]:
        return self._hidden(
            AlarmState.OUT_OF_SERVICE, "Out of service since {time}: it says nothing.", "In service."
        )  # fmt: skip

    def _suppressed_gate(self) -> tuple[bool, Both]:
        return self._hidden(
            AlarmState.SUPPRESSED, "Suppressed by design since {time}: it says nothing.", "Not suppressed by design."
        )  # fmt: skip

    def _shelved_gate(self) -> tuple[bool, Both]:
        return self._hidden(AlarmState.SHELVED, "Shelved since {time}: it says nothing.", "Not shelved.")

    def _hidden(self, state: AlarmState, closed: str, opened: str) -> tuple[bool, Both]:
        if self.state is not state or self.story is None or self.story.hidden is None:
            return True, self.say(opened)
        # The journal has nothing of a condition that comes or goes meanwhile; that is the replay's to tell (`_aside`).
        return False, self.say(closed, time=self._time(self.story.hidden.noticed_at))

    def _source_gate(self) -> tuple[bool, Both]:
        source = self._source()
        name = self.q.source_name or {language: self.rule.point for language in LANGUAGES}
        down = source is not None and self.engine.world.sources["state"][source] == View.DOWN
        since = max((at for at, s, state in self.q.links if s == source and state == "down"), default=None)
        if self.rule.kind is AlarmKind.LOSS_OF_VIEW:
            if down:
                return True, self.say("The source {source} is out of view since {time}.", source=name, time=self._time(since))
            return False, self.say("The source {source} is in view.", source=name)
        if down:
            return False, self.say(
                "The source {source} is out of view since {time}: nobody knows the value.", source=name, time=self._time(since)
            )
        return True, self.say("The source {source} is in view.", source=name)

    def _data_gate(self) -> tuple[bool, Both]:
        point = self._record()
        if point is None or point["time"] == NEVER:
            return False, self.say("There is no reading up to {time}.", time=self._time(self.q.at))
        return True, self.say(
            "The newest reading is {value}, stamped {time}.",
            value=self._figure(float(point["value"])),
            time=self._time(int(point["time"])),
        )

    def _fresh_gate(self) -> tuple[bool | None, Both]:
        point = self._record()
        if point is None or point["time"] == NEVER:
            return None, self.say("Nothing was heard.")
        age = (self.q.at - int(point["time"])) / SECOND
        if point["flags"] & PointFlag.STALE:
            facts = {"age": f"{age:.1f}", "deadline": f"{point['deadline'] / 1000:g}"}
            return False, self.say("Silent for {age} s, longer than the {deadline} s that its reporting allows.", **facts)
        return True, self.say("Heard {age} s before.", age=f"{max(age, 0):.1f}")

    def _quality_gate(self, found: Explanation) -> tuple[bool | None, Both]:
        point = self._record()
        if point is None or point["time"] == NEVER:
            return None, self.say("No quality is known.")
        word = int(point["quality"])
        if severity_of(word) >= Severity.BAD:
            return False, self.say(
                "Its quality is {quality}: a bad value is no evidence, the alarm keeps what it last knew.", quality=_quality(word)
            )
        return True, self.say("Its quality is {quality}.", quality=_quality(word))

    def _limit_gate(self, found: Explanation) -> tuple[bool | None, Both]:
        point = self._record()
        if point is None or point["time"] == NEVER:
            return None, self.say("No value is known.")
        phase = self._phase()
        match self._kernel_kind():
            case AlarmKind.STALE:
                stale = bool(point["flags"] & PointFlag.STALE)
                age = f"{max(0.0, (self.q.at - int(point['time'])) / SECOND):.1f}"
                message = (
                    "Silent for {age} s, beyond its {deadline} s." if stale else "Silent for {age} s, within its {deadline} s."
                )
                return stale, self.say(message, age=age, deadline=f"{point['deadline'] / 1000:g}")
            case AlarmKind.BAD_QUALITY:
                bad = severity_of(int(point["quality"])) >= Severity.BAD
                return bad or phase is Phase.FALLING, self.say(
                    "Its quality is {quality}.", quality=_quality(int(point["quality"]))
                )
            case AlarmKind.STATE:
                met = phase in {Phase.RISING, Phase.STANDING}
                message = "“{value}” is a state that alarms." if met else "“{value}” is no state that alarms."
                return met or phase is Phase.FALLING, self.say(message, value=self._figure(float(point["value"])))
        return self._against_limit(found, float(point["value"]), phase)

    def _against_limit(self, found: Explanation, value: float, phase: Phase) -> tuple[bool, Both]:
        limit, clear, high = found.limit or 0.0, found.clear or 0.0, self._kernel_kind() in HIGHS
        beyond = value >= limit if high else value <= limit
        facts = {"value": self._figure(value), "limit": self._figure(limit), "clear": self._figure(clear)}
        facts["distance"] = self._figure(abs(value - limit))
        if severity_of(int(self._record()["quality"])) >= Severity.BAD:
            return phase is not Phase.QUIET, self.say("Whether it is beyond {limit} is not known now.", **facts)
        if beyond:
            message = "{value} is at or above {limit}." if high else "{value} is at or below {limit}."
            return True, self.say(message, **facts)
        if phase in {Phase.RISING, Phase.STANDING}:
            message = (
                "{value} is back below {limit}, but not below {clear}: within the dead-band."
                if high
                else "{value} is back above {limit}, but not above {clear}: within the dead-band."
            )
            return True, self.say(message, **facts)
        message = "{value} is below {limit} by {distance}." if high else "{value} is above {limit} by {distance}."
        return phase is Phase.FALLING, self.say(message, **facts)

    def _delay_gate(self, found: Explanation) -> tuple[bool | None, Both]:
        phase, on, off = self._phase(), found.on_delay, found.off_delay
        if phase is Phase.QUIET:
            return None, self.say("No delay runs.")
        since = self._since()
        ran = max(0.0, (self._now() - since) / SECOND)
        if phase is Phase.RISING:
            found.delay = {
                "what": "on",
                "since": self._wall(since),
                "ran": ran,
                "of": on,
                "until": self._wall(since) + round(on * SECOND),
            }
            return False, self.say("{ran} s of the {delay} s before alarming have run.", ran=_short(ran), delay=f"{on:g}")
        if phase is Phase.FALLING:
            found.delay = {
                "what": "off",
                "since": self._wall(since),
                "ran": ran,
                "of": off,
                "until": self._wall(since) + round(off * SECOND),
            }
            return True, self.say("{ran} s of the {delay} s before it ends have run.", ran=_short(ran), delay=f"{off:g}")
        if self.raised is not None and self.raised.trigger is Trigger.CONDITION_ON and self.state not in HIDDEN:
            began = self.raised.happened_at - round(on * SECOND)
            found.delay = {"what": "on", "since": began, "ran": on, "of": on, "until": self.raised.happened_at}
        if not on:
            return True, self.say("No delay is set.")
        return True, self.say("The {delay} s before alarming had run.", delay=f"{on:g}")

    # ---- the sentence

    def _sentence(self, found: Explanation) -> Both:
        """What a shift leader would answer: the gate that decides, and what there is to know beside it."""
        by_name = {gate.gate: gate for gate in self.gates}
        parts: list[Both] = []
        if found.closed in {"rule", "service", "suppressed", "shelved"}:
            parts = [by_name[found.closed].text, self._aside(found)]
        elif found.condition:
            parts = [self._announced(), *self._still(found, by_name), self._answered()]
        elif self.state not in {AlarmState.NORMAL}:
            parts = [self._announced(), self._over(), self._answered()]
        elif found.closed == "delay":
            parts = [self._running(found)]
        elif found.closed is not None:
            parts = [by_name[found.closed].text, self._nearest(found)]
        parts.append(found.cut["text"] if found.cut is not None else {})
        return {language: _joined([part[language] for part in parts if part], language) for language in LANGUAGES}

    def _announced(self) -> Both:
        raised = self.raised
        if raised is None:
            return self.say("It stands announced since before {time}.", time=self._time(self.q.start))
        if raised.trigger is not Trigger.CONDITION_ON:
            return self._announced_again(raised)
        facts: dict[str, Any] = {"time": self._time(raised.happened_at), "value": self._figure(raised.value)}
        if self.rule.kind in LIMIT_KINDS and finite(raised.limit) is not None:
            facts["limit"] = self._figure(raised.limit)
            message = (
                "Announced at {time}: {value}, at or above the limit of {limit}"
                if self.rule.kind in HIGHS
                else "Announced at {time}: {value}, at or below the limit of {limit}"
            )
        elif self.rule.kind in {AlarmKind.STALE, AlarmKind.BAD_QUALITY, AlarmKind.LOSS_OF_VIEW}:
            facts["what"] = self._condition()
            message = "Announced at {time}: {what}"
        else:
            message = "Announced at {time}: {value}"
        delay = self._delay("on_delay")
        after = self.say(", after its delay of {delay} s.", delay=f"{delay:g}") if delay else self.say(", without a delay.")
        return _glued(self.say(message, **facts), after)

    def _announced_again(self, raised: AlarmTransition) -> Both:
        """By the end of what hid it: no limit was passed and no delay ran out at that instant, and an unsuppression looked at no value."""
        match raised.trigger:
            case Trigger.UNSHELVE:
                message = "Announced at {time}, when its shelving ended and its condition was on."
            case Trigger.UNSUPPRESS:
                message = "Announced at {time}, when its suppression by design ended and its condition was on."
            case _:
                message = "Announced at {time}, when it was returned to service and its condition was on."
        told = [self.say(message, time=self._time(raised.happened_at))]
        if finite(raised.value) is not None and self.rule.kind not in {AlarmKind.STALE, AlarmKind.BAD_QUALITY}:
            told.append(self.say("The value then was {value}.", value=self._figure(raised.value)))
        return {language: _joined([part[language] for part in told], language) for language in LANGUAGES}

    def _still(self, found: Explanation, by_name: Mapping[str, Gate]) -> list[Both]:
        """Why it has not ended."""
        told = [by_name[name].text for name in ("source", "fresh", "quality") if name in by_name and by_name[name].open is False]
        if self.rule.kind is not AlarmKind.LOSS_OF_VIEW and not told and "limit" in by_name:
            told = [by_name["limit"].text]
        if found.delay is not None and found.delay["what"] == "off":
            told.append(by_name["delay"].text)
        return told

    def _over(self) -> Both:
        begun = self.raised.n if self.raised is not None else 0
        ended = next((t for t in self.q.journal if t.trigger is Trigger.CONDITION_OFF and t.n > begun), None)
        return self.say("Its condition ended at {time}.", time=self._time(ended.happened_at)) if ended is not None else {}

    def _answered(self) -> Both:
        match self.state:
            case AlarmState.UNACKNOWLEDGED | AlarmState.RETURNED_UNACKNOWLEDGED | AlarmState.LATCHED_UNACKNOWLEDGED:
                return self.say("Nobody has acknowledged it yet.")
            case AlarmState.LATCHED_ACKNOWLEDGED:
                return self.say("It is latched and waits for a reset.")
            case AlarmState.ACKNOWLEDGED:
                answer = self.story.answered if self.story is not None else None
                if answer is None:
                    return {}
                who = self.q.names(answer.who) or answer.who
                return self.say("Acknowledged by {who} at {time}.", who=who, time=self._time(answer.noticed_at))
        return {}

    def _running(self, found: Explanation) -> Both:
        delay = found.delay or {"ran": 0.0, "of": 0.0}
        facts: dict[str, Any] = {"ran": _short(delay["ran"]), "delay": f"{delay['of']:g}", "condition": self._condition()}
        if self._kernel_kind() in LIMIT_KINDS and found.limit is not None:
            facts["limit"] = self._figure(found.limit)
            high = self._kernel_kind() in HIGHS
            message = (
                "Above {limit} for {ran} s: the delay of {delay} s has not run out."
                if high
                else "Below {limit} for {ran} s: the delay of {delay} s has not run out."
            )
            return self.say(message, **facts)
        return self.say("{condition} for {ran} s: the delay of {delay} s has not run out.", **facts)

    def _nearest(self, found: Explanation) -> Both:
        """How near it came in the window, or for how long it was beyond without being announced."""
        if found.closed != "limit" or found.closest is None:
            return {}
        facts = {"value": self._figure(found.closest["value"]), "time": self._time(found.closest["at"])}
        span = {"span": f"{(self.q.at - self.q.start) / (60 * SECOND):.0f}"}
        longest = found.longest
        announced = any(is_annunciation(t) and t.noticed_at > self.q.start for t in self.q.journal)
        if longest is not None and longest["seconds"] < found.on_delay and not announced:
            return self.say(
                "From {start} it was beyond the limit for {ran} s, less than its delay of {delay} s.",
                start=self._time(longest["from"]), ran=_short(longest["seconds"]), delay=f"{found.on_delay:g}",
            )  # fmt: skip
        if found.closest["distance"] > 0:
            distance = self._figure(found.closest["distance"])
            return self.say(
                "Nearest to it in the {span} min before: {value} at {time}, {distance} away.", **facts, **span, distance=distance
            )
        return {}

    def _aside(self, found: Explanation) -> Both:
        if self.row is None:
            return {}
        if found.condition:
            return self.say("Its condition is on meanwhile.")
        return self.say("Its condition is off meanwhile.")

    # ---- facts

    def _tell_value(self, found: Explanation) -> None:
        source = self._source()
        if source is not None:
            found.view = View(int(self.engine.world.sources["state"][source])).name.lower()
        point = self._record()
        if point is None or point["time"] == NEVER or self.number is None:
            return
        found.value, found.value_at = finite(float(point["value"])), int(point["time"])
        live = self.engine.live([self.number])
        found.quality = quality_words(int(live.quality[0]) if len(live.quality) else BAD_COMMUNICATION)

    def _tell_limit(self, found: Explanation) -> None:
        """The picture, and how near the readings came to the limit."""
        rows = self._own_readings()
        found.trace = _trace(rows, self.q.start, self._silence())
        kind = self._kernel_kind()
        usable = (rows.quality >> 14 < Severity.BAD) & np.isfinite(rows.value) & (rows.time >= self.q.start)
        if kind not in LIMIT_KINDS or found.limit is None or not usable.any():
            return
        time, value = rows.time[usable], rows.value[usable]
        distance = found.limit - value if kind in HIGHS else value - found.limit
        nearest = int(np.argmin(distance))
        found.closest = {"value": float(value[nearest]), "at": int(time[nearest]), "distance": float(distance[nearest])}
        found.longest = _longest(time, distance <= 0)

    def _own_readings(self) -> Readings:
        rows = in_order(Readings.of(self.calculated) if self.calculated else self.q.readings)
        own = rows.point == self.number if self.number is not None else np.zeros(len(rows), np.bool_)
        return Readings(rows.point[own], rows.time[own], rows.value[own], rows.quality[own])

    def _silence(self) -> Micros | None:
        """Longer than this and nobody knows the value; None where silence means unchanged."""
        point = self._record()
        return None if point is None else int(point["deadline"]) * 1000 or None

    def _record(self) -> Any:
        return None if self.number is None else self.engine.world.points[self.number]

    def _source(self) -> int | None:
        if self.number is not None:
            return int(self.engine.world.points["source"][self.number])
        if self.row is not None and self.rule.kind is AlarmKind.LOSS_OF_VIEW:
            return int(self.engine.arrays.target[self.row])
        return None

    def _phase(self) -> Phase:
        return Phase.QUIET if self.row is None else Phase(int(self.engine.world.status["phase"][self.row]))

    def _since(self) -> Micros:
        return 0 if self.row is None else int(self.engine.world.status["since"][self.row])

    def _on_node_time(self) -> bool:
        return self.rule.kind in {AlarmKind.STALE, AlarmKind.LOSS_OF_VIEW}

    def _now(self) -> Micros:
        """Now on the clock that the rule's delays run on: node time for absence, data time for values."""
        time, point = self.engine.time, self._record()
        if self._on_node_time() or point is None:
            return time.u
        carried = point["flags"] & PointFlag.HELD and point["flags"] & PointFlag.ON_CHANGE
        return int(point["time"]) + (max(0, time.u - int(point["heard"])) if carried else 0)

    def _wall(self, since: Micros) -> Micros:
        """An instant of that clock as data time."""
        return since + (self.engine.time.wall - self.engine.time.u) if self._on_node_time() else since

    def _kernel_kind(self) -> AlarmKind:
        """What the engine compares: a rate is a high limit on the point that is calculated for it."""
        return self.rule.kind if self.row is None else AlarmKind(int(self.engine.world.rules["kind"][self.row]))

    def _limit(self) -> float | None:
        if self.row is None or self._kernel_kind() not in LIMIT_KINDS:
            return self.rule.limit
        return float(self.engine.world.rules["limit"][self.row])

    def _clear(self) -> float | None:
        if self.row is None or self._kernel_kind() not in LIMIT_KINDS:
            return None
        return float(self.engine.world.rules["clear"][self.row])

    def _delay(self, name: str) -> float:
        if self.row is None:
            return float(getattr(self.rule, name))
        return float(self.engine.world.rules[name][self.row]) / 1000

    # ---- words

    def _condition(self) -> Both:
        """What the rule watches for, short."""
        if self.rule.kind is AlarmKind.STALE:
            return self.say("no longer updated")
        if self.rule.kind is AlarmKind.BAD_QUALITY:
            return self.say("bad quality")
        if self.rule.kind is AlarmKind.LOSS_OF_VIEW:
            return self.say("loss of view")
        if self._kernel_kind() in LIMIT_KINDS and (limit := self._limit()) is not None:
            sign = "≥" if self._kernel_kind() in HIGHS else "≤"
            return {language: f"{sign} {text}" for language, text in self._figure(limit).items()}
        if self.rule.states:
            names = [self._figure(float(state)) for state in self.rule.states]
            return {language: " / ".join(name[language] for name in names) for language in LANGUAGES}
        return self.say("its condition is met")

    def _figure(self, value: float) -> Both:
        """With unit, or the state's name."""
        if not np.isfinite(value):
            return self.say("no number")
        if self.point is not None and (state := self.point.states.get(round(value))) is not None:
            return {language: state.text(language) for language in LANGUAGES}
        decimals = self.point.decimals if self.point is not None else 2
        unit = self._unit()
        return {language: f"{value:.{decimals}f} {unit.get(language, '')}".rstrip() for language in LANGUAGES}

    def _unit(self) -> Both:
        if self.point is None or self.point.states:
            return dict.fromkeys(LANGUAGES, "")
        return unit_label(self.point).model_dump()

    def _time(self, at: Micros | None) -> str:
        if at is None:
            return "?"
        moment, now = (to_datetime(t).astimezone(ZoneInfo(self.q.zone)) for t in (at, self.q.at))
        tenths = f".{moment.microsecond // 100_000}" if moment.microsecond >= 100_000 else ""
        day = f"{moment:%Y-%m-%d} " if moment.date() != now.date() else ""
        return f"{day}{moment:%H:%M:%S}{tenths}"

    def say(self, message: str, **facts: Any) -> Both:
        return {
            language: translate(message, language).format(
                **{k: v[language] if isinstance(v, dict) else v for k, v in facts.items()}
            )
            for language in LANGUAGES
        }


def _short(seconds: float) -> str:
    return f"{seconds:.1f}".removesuffix(".0")


def _glued(first: Both, second: Both) -> Both:
    return {language: first[language] + second[language] for language in LANGUAGES}


def _joined(parts: Iterable[str], language: str) -> str:
    return ("" if language == "zh" else " ").join(parts)


_SEVERITIES = {Severity.GOOD: "good", Severity.UNCERTAIN: "uncertain", Severity.BAD: "bad"}


def _quality(word: int) -> Both:
    severity, reason = severity_of(word), reason_of(word)
    words: Both = {language: translate(_SEVERITIES[severity], language) for language in LANGUAGES}
    if reason is Reason.NONE:
        return words
    return {
        "zh": f"{words['zh']}({translate(REASONS[reason], 'zh')})",
        "en": f"{words['en']} ({translate(REASONS[reason], 'en')})",
    }


def _transition(found: AlarmTransition) -> dict[str, Any]:
    return {
        "n": found.n,
        "trigger": found.trigger.name,
        "before": found.before.name,
        "after": found.after.name,
        "episode": found.episode,
        "happened_at": found.happened_at,
        "noticed_at": found.noticed_at,
        "value": finite(found.value),
        "limit": finite(found.limit),
        "who": found.who,
        "reason": found.reason,
    }


def _longest(time: Any, beyond: Any) -> dict[str, Any] | None:
    """The longest run of readings beyond the limit, up to the reading that ended it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], beyond.astype(np.int8), [0]])))
    best = None
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        start, until = int(time[first]), int(time[min(end, len(time) - 1)])
        if best is None or until - start > best["to"] - best["from"]:
            best = {"from": start, "to": until, "seconds": (until - start) / SECOND}
    return best


def _trace(rows: Readings, start: Micros, silence: Micros | None) -> dict[str, list[Any]]:
    """Few enough readings to draw: of each span the least and the greatest, never one left out that stands out."""
    time, value, quality = rows.time, rows.value, rows.quality
    keep = time >= start
    if keep.any() and not keep.all():
        keep[max(0, int(np.argmax(keep)) - 1)] = True  # the one that the window begins with
    time, value, bad = time[keep], value[keep], quality[keep] >> 14 >= Severity.BAD
    gaps = np.cumsum(np.diff(time, prepend=time[:1]) > silence) if silence is not None else np.zeros(len(time), np.int64)
    if len(time) > 2 * TRACE:
        chosen: set[int] = {0, len(time) - 1}
        for span in np.array_split(np.arange(len(time)), TRACE):
            known = span[np.isfinite(value[span])]
            if len(known):
                chosen |= {int(known[np.argmin(value[known])]), int(known[np.argmax(value[known])])}
            chosen |= set(span[bad[span]][:1].tolist())
        picked = np.array(sorted(chosen))
        time, value, bad, gaps = time[picked], value[picked], bad[picked], gaps[picked]
    return {
        "time": time.tolist(),
        "value": [finite(v) for v in value.tolist()],
        "bad": bad.tolist(),
        "cut": (np.diff(gaps, prepend=gaps[:1]) > 0).tolist(),
    }

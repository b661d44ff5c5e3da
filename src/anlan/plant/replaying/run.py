"""One pass over recorded files, through one engine or two: what the plant's rules make of them, and what others would have made."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anlan.model.clock import Clock, Micros, isoformat
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.readings import Readings
from anlan.monitor.config import AlarmRule
from anlan.monitor.layout import Structs
from anlan.monitor.replay import Episodes, Replay, silence_limits
from anlan.monitor.sub_plant import held as as_held
from anlan.monitor.what_if import LEAD, TRIP_KINDS, Facts, Incident, ReplayedEffect, RuleSet, what_if
from anlan.plant.compile import all_points, all_rules, engine_config
from anlan.plant.description import Plant
from anlan.plant.numbers import in_memory
from anlan.plant.replaying.recording import Stream, Tally, merged, open_recording, within
from anlan.plant.version import Numbers
from anlan.web.answers import finite, quality_words

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What to replay. `start` ≤ time < `end` where given; `held`: the recording holds only changes; `skip`: count what can't be read."""

    files: Sequence[Path]
    start: Micros | None = None
    end: Micros | None = None
    held: bool = False
    skip: bool = False
    incidents: Sequence[Incident] | None = None
    lead: Micros = LEAD


@dataclass(frozen=True, slots=True)
class ToldTransition:
    """One transition of the replay."""

    at: Micros
    rule: AlarmRule
    trigger: Trigger
    before: AlarmState
    after: AlarmState
    value: float
    limit: float
    quality: int
    noticed_at: Micros

    def as_json(self) -> dict[str, Any]:
        """Everything but `seconds` and `readings_per_second` of the summary is the same, byte for byte, in every run."""
        return {
            "time": isoformat(self.at),
            "alarm": self.rule.id,
            "point": self.rule.point,
            "priority": self.rule.priority,
            "trigger": self.trigger.name,
            "before": self.before.name,
            "after": self.after.name,
            "value": finite(self.value),
            "limit": finite(self.limit),
            "quality": quality_words(self.quality),
            "noticed": isoformat(self.noticed_at),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the plant's own rules. `took` [s] of this machine's time."""

    readings: int
    took: float
    first: Micros | None
    last: Micros | None
    alarms: int
    """Alarms that came at least once."""
    episodes: int
    by_priority: dict[str, int]
    late: int
    duplicate: int
    unknown: int
    quality: dict[str, int]
    points: int
    silent_points: list[str]
    """Points with alarms that the recording says nothing of."""
    latched_points: list[str]
    """Detectors that were over range, and count as that to the end: who reset them on site, no recording says."""
    skipped: dict[str, int]
    unknown_names: list[str]

    @property
    def rate(self) -> float:
        return self.readings / self.took if self.took > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "summary": True,
            "readings": self.readings,
            "seconds": round(self.took, 3),
            "readings_per_second": round(self.rate),
            "from": None if self.first is None else isoformat(self.first),
            "to": None if self.last is None else isoformat(self.last),
            "alarms": self.alarms,
            "episodes": self.episodes,
            "by_priority": self.by_priority,
            "late": self.late,
            "duplicate": self.duplicate,
            "unknown": self.unknown,
            "quality": self.quality,
            "points": self.points,
            "silent_points": self.silent_points,
            "latched_points": self.latched_points,
            "skipped": self.skipped,
            "unknown_names": self.unknown_names,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    summary: Summary
    effect: ReplayedEffect | None
    tally: Tally


@dataclass(slots=True)
class _Side:
    """One rule set on its way through the data."""

    plant: Plant
    numbers: Numbers
    replay: Replay
    rules: dict[int, AlarmRule]
    episodes: Episodes = field(default_factory=Episodes)

    @classmethod
    def of(cls, plant: Plant, numbers: Numbers, wish: Wish) -> _Side:
        config = engine_config(plant, numbers, 1)
        keep_alive = {numbers.sources[s.id]: round(s.keep_alive * SECOND) for s in plant.sources}
        if wish.held:
            config = as_held(config)
        replay = Replay(config, silent_after=silence_limits(config, keep_alive))
        return cls(plant, numbers, replay, {numbers.alarms[r.id]: r for r in all_rules(plant)})

    def feed(self, readings: Readings) -> Structs:
        rows = self.replay.feed(readings)
        self.episodes.add(rows)
        return rows

    def finish(self, at: Micros) -> Structs:
        rows = self.replay.until(at)
        self.episodes.add(rows)
        return rows

    def as_rule_set(self) -> RuleSet:
        return RuleSet(facts_of(self.plant, self.rules), self.episodes.all)


def run(
    plant: Plant,
    wish: Wish,
    clock: Clock,
    *,
    other: Plant | None = None,
    tell: Callable[[ToldTransition], None] = lambda _: None,
) -> Outcome:
    """Replay; `tell` hears each transition of the plant's own rules as it comes. With `other`, the outcome has the effect of its rules.

    Raises ConfigError for a file that can't be read, InputError when nothing is left to replay.
    """
    began = clock.monotonic()
    numbers = in_memory(plant)
    own = _Side.of(plant, numbers, wish)
    sides = [own]
    if other is not None:
        numbers = in_memory(other, numbers)
        sides.append(_Side.of(other, numbers, wish))
    tally = Tally()
    first: Micros | None = None
    last: Micros | None = None
    for readings in _recorded(numbers, wish, tally):
        for side in sides[1:]:
            side.feed(readings)
        for told in _told(own.feed(readings), own.rules):
            tell(told)
        first = int(readings.time[0]) if first is None else first
        last = int(readings.time[-1])
    if last is None:
        raise InputError("there is no reading to replay: none lies in the span asked for, or the files are empty")
    for side in sides[1:]:
        side.finish(last)
    for told in _told(own.finish(last), own.rules):
        tell(told)
    effect = what_if(own.as_rule_set(), sides[1].as_rule_set(), wish.incidents, lead=wish.lead) if other is not None else None
    return Outcome(_summary(own, tally, (first, last), clock.monotonic() - began), effect, tally)


def _recorded(numbers: Numbers, wish: Wish, tally: Tally) -> Iterator[Readings]:
    """All files, in order of time, cut to the span."""
    with tempfile.TemporaryDirectory(prefix="anlan-replay-") as folder:
        streams: list[Stream] = []
        for file in wish.files:
            found = open_recording(file, numbers.points, tally, Path(folder), skip=wish.skip)
            if found is not None:
                streams.append(found)
        for readings in merged(streams):
            rows = within(readings, wish.start, wish.end)
            if len(rows):
                yield rows
            elif wish.end is not None and int(readings.time[0]) >= wish.end:
                return


def _told(rows: Structs, rules: Mapping[int, AlarmRule]) -> Iterator[ToldTransition]:
    names = ["alarm", "happened_at", "trigger", "before", "after", "value", "limit", "quality", "noticed_at"]
    for alarm, at, trigger, before, after, value, limit, quality, noticed_at in rows[names].tolist():
        states = AlarmState(before), AlarmState(after)
        yield ToldTransition(at, rules[alarm], Trigger(trigger), *states, value, limit, quality, noticed_at)


def facts_of(plant: Plant, rules: Mapping[int, AlarmRule]) -> dict[int, Facts]:
    """What the comparison wants to know of each alarm; the subject of a lost source is the enterprise."""
    points = {point.id: point for point in all_points(plant)}
    top = plant.places[0].path
    found = {}
    for number, rule in rules.items():
        point = points.get(rule.point)
        trip = point is not None and point.kind in TRIP_KINDS and rule.kind is AlarmKind.STATE
        place = point.place if point is not None else top
        found[number] = Facts(rule.id, rule.point, place, rule.kind, rule.priority, trip)
    return found


def _summary(side: _Side, tally: Tally, span: tuple[Micros | None, Micros | None], took: float) -> Summary:
    counts = side.replay.counts
    priorities = Counter(side.rules[episode.alarm].priority for episode in side.episodes.all)
    heard, latched = set(side.replay.heard().tolist()), set(side.replay.latched().tolist())
    watched = {rule.point for rule in side.rules.values() if rule.kind is not AlarmKind.LOSS_OF_VIEW and rule.enabled}
    own = [point.id for point in side.plant.points if point.id in watched]
    good, uncertain, bad = counts.quality
    return Summary(
        readings=counts.readings,
        took=took,
        first=span[0],
        last=span[1],
        alarms=len({episode.alarm for episode in side.episodes.all}),
        episodes=len(side.episodes.all),
        by_priority={str(priority): priorities[priority] for priority in (1, 2, 3, 4)},
        late=counts.late,
        duplicate=counts.duplicate,
        unknown=counts.unknown,
        quality={"good": good, "uncertain": uncertain, "bad": bad},
        points=len(heard),
        silent_points=sorted(name for name in own if side.numbers.points[name] not in heard),
        latched_points=sorted(point.id for point in side.plant.points if side.numbers.points[point.id] in latched),
        skipped=dict(sorted(tally.skipped.items())),
        unknown_names=list(tally.unknown),
    )

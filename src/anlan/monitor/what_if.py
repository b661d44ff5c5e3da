"""Two rule sets over the same past: which alarms the change adds, takes away, brings earlier or later, and what it would have missed.

In: the episodes of either rule set. Out: a `ReplayedEffect`, plain values that JSON can carry, so that a changed rule is committed with its replayed
effect beside it. Pure.

An episode of the old set and one of the new belong together when they are of one alarm and overlap in time: the same excursion, announced
at another moment. One without a partner is `gone` or `added`; one that is gone while another episode of the alarm spans its beginning is
`merged`: the operator is called once instead of twice, and the alarm stands all the while.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from anlan.model.clock import MINUTE, Micros
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.config import SUFFIX
from anlan.monitor.kpi.chattering import CHATTERS_ABOVE, chattering_index
from anlan.monitor.replay import FAR, Episode

What = Literal["added", "gone", "merged", "earlier", "later"]
WHATS: tuple[What, ...] = ("added", "gone", "merged", "earlier", "later")
LEAD: Micros = 10 * MINUTE
"""An incident counts as announced by an alarm from this long before its start."""
FEWEST = 3
"""Activations from which an alarm can be said to chatter."""
MOST_CHANGES = 1_000
"""Listed one by one in an effect; the counts are always whole."""
GRAVE = frozenset({AlarmKind.HIGH_HIGH, AlarmKind.LOW_LOW})
TRIP_KINDS = frozenset({"trip", "sif"})
"""Kinds of points whose states are the safety system's own acts."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of an alarm decides whether losing it matters. `trip`: a state of the safety system."""

    id: str
    point: str
    place: str
    kind: AlarmKind
    priority: int
    trip: bool = False

    @property
    def grave(self) -> bool:
        return self.priority == 1 or self.kind in GRAVE or self.trip


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A rule set as it went: facts by alarm number, and its episodes in any order."""

    facts: Mapping[int, Facts]
    episodes: Sequence[Episode]


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened, and that an alarm of `subject` (a point's id or a place's path) should have announced."""

    start: Micros
    end: Micros
    subject: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One activation that differs. `before`, `after`: when it is announced by the old and the new set; `by`: how much later [µs]."""

    what: What
    alarm: str
    priority: int
    before: Micros | None = None
    after: Micros | None = None
    by: Micros = 0


@dataclass(frozen=True, slots=True)
class AlarmEffect:
    """One alarm whose activations differ. Chattering: the index before and after [1/s]."""

    alarm: str
    before: int
    after: int
    counts: dict[str, int]
    by_most: Micros
    chattering: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Missed:
    """An incident that the old set announced and the new one doesn't (`after` None), or announces later."""

    name: str
    alarm: str
    start: Micros
    before: Micros
    after: Micros | None = None

    @property
    def by(self) -> Micros | None:
        return None if self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class ReplayedEffect:
    """`before`, `after`: alarms in all; `counts`: by what changed; `priorities`: alarms by priority, before and after."""

    before: int
    after: int
    counts: dict[str, int]
    priorities: dict[str, tuple[int, int]]
    incidents: int
    """How many there were; `given` says whether from a list of incidents or, without one, the grave activations of the old set."""
    given: bool
    caught: tuple[int, int]
    missed: list[Missed] = field(default_factory=list)
    later: list[Missed] = field(default_factory=list)
    chattering_removed: list[str] = field(default_factory=list)
    chattering_added: list[str] = field(default_factory=list)
    alarms: list[AlarmEffect] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def unchanged(self) -> bool:
        return not (any(self.counts.values()) or self.missed or self.later or self._moved_priorities)

    @property
    def _moved_priorities(self) -> bool:
        return any(before != after for before, after in self.priorities.values())

    def as_json(self) -> dict[str, Any]:
        """Plain values; at most `MOST_CHANGES` of the single changes, `changes_left` says how many more there are."""
        told = asdict(self)
        told["changes"] = told["changes"][:MOST_CHANGES]
        told["changes_left"] = max(0, len(self.changes) - MOST_CHANGES)
        return told


def what_if(old: RuleSet, new: RuleSet, incidents: Iterable[Incident] | None = None, *, lead: Micros = LEAD) -> ReplayedEffect:
    """What changes from `old` to `new`."""
    before, after = _by_alarm(old), _by_alarm(new)
    changes: list[Change] = []
    alarms: list[AlarmEffect] = []
    fates: dict[tuple[str, Micros], Change] = {}
    facts = {f.id: f for f in (*old.facts.values(), *new.facts.values())}
    for alarm in sorted(before.keys() | after.keys()):
        own = _compare(facts[alarm], before.get(alarm, []), after.get(alarm, []))
        fates |= {(alarm, change.before): change for change in own if change.before is not None}
        changes += own
        if own:
            alarms.append(_alarm_effect(alarm, before.get(alarm, []), after.get(alarm, []), own))
    missed, later, total, caught = (
        _grave(old, fates) if incidents is None else _announced(list(incidents), (old, before), (new, after), lead)
    )
    chattering = {a: (_index(before.get(a, [])), _index(after.get(a, []))) for a in before.keys() | after.keys()}
    found = Counter(change.what for change in changes)
    return ReplayedEffect(
        before=len(old.episodes),
        after=len(new.episodes),
        counts={what: found[what] for what in WHATS},
        priorities=_priorities(old, new),
        incidents=total,
        given=incidents is not None,
        caught=caught,
        missed=missed,
        later=later,
        chattering_removed=sorted(a for a, (b, n) in chattering.items() if b > CHATTERS_ABOVE >= n),
        chattering_added=sorted(a for a, (b, n) in chattering.items() if n > CHATTERS_ABOVE >= b),
        alarms=sorted(alarms, key=lambda a: (-abs(a.after - a.before), a.alarm)),
        changes=sorted(changes, key=lambda c: (c.after if c.before is None else c.before, c.alarm)),
    )


def _by_alarm(rules: RuleSet) -> dict[str, list[Episode]]:
    """Episodes by alarm id, in order of time."""
    found: dict[str, list[Episode]] = defaultdict(list)
    for episode in sorted(rules.episodes, key=lambda e: e.begins):
        found[rules.facts[episode.alarm].id].append(episode)
    return dict(found)


# --------------------------------------------------------------------------------------------------------------- one alarm


def _compare(facts: Facts, old: list[Episode], new: list[Episode]) -> list[Change]:
    pairs = _pairs(old, new)
    partners = set(pairs.values())
    found = []
    for i, episode in enumerate(old):
        partner = pairs.get(i)
        if partner is None:
            what: What = "merged" if any(_spans(n, episode.begins) for n in new) else "gone"
            found.append(Change(what, facts.id, facts.priority, before=episode.begins))
        elif by := new[partner].begins - episode.begins:
            what = "later" if by > 0 else "earlier"
            found.append(Change(what, facts.id, facts.priority, before=episode.begins, after=new[partner].begins, by=by))
    found += [Change("added", facts.id, facts.priority, after=n.begins) for j, n in enumerate(new) if j not in partners]
    return found


def _pairs(old: list[Episode], new: list[Episode]) -> dict[int, int]:
    """Old → new, the first that overlaps and has no partner yet; both are in order of time and don't overlap among themselves."""
    pairs: dict[int, int] = {}
    j = 0
    for i, episode in enumerate(old):
        while j < len(new) and _end(new[j]) < episode.begins:
            j += 1
        if j < len(new) and new[j].begins <= _end(episode):
            pairs[i] = j
            j += 1
    return pairs


def _end(episode: Episode) -> Micros:
    return FAR if episode.ends is None else episode.ends


def _spans(episode: Episode, at: Micros) -> bool:
    return episode.begins <= at <= _end(episode)


def _alarm_effect(alarm: str, old: list[Episode], new: list[Episode], own: list[Change]) -> AlarmEffect:
    counts = Counter(change.what for change in own)
    return AlarmEffect(
        alarm=alarm,
        before=len(old),
        after=len(new),
        counts={what: counts[what] for what in WHATS},
        by_most=max((change.by for change in own), key=abs, default=0),
        chattering=(round(_index(old), 4), round(_index(new), 4)),
    )


def _index(episodes: Sequence[Episode]) -> float:
    """Chattering index; 0 for what came too seldom to have a pattern."""
    if len(episodes) < FEWEST:
        return 0.0
    return chattering_index(np.array([episode.begins for episode in episodes], np.int64)) or 0.0


def _priorities(old: RuleSet, new: RuleSet) -> dict[str, tuple[int, int]]:
    before = Counter(old.facts[e.alarm].priority for e in old.episodes)
    after = Counter(new.facts[e.alarm].priority for e in new.episodes)
    return {str(priority): (before[priority], after[priority]) for priority in (1, 2, 3, 4)}


# --------------------------------------------------------------------------------------------------------------- incidents

_Judged = tuple[list[Missed], list[Missed], int, tuple[int, int]]
"""Missed, announced later, how many incidents, how many the old and the new set announced."""


def _grave(old: RuleSet, fates: Mapping[tuple[str, Micros], Change]) -> _Judged:
    """Nobody named incidents: the grave activations of the old set stand for them."""
    missed: list[Missed] = []
    later: list[Missed] = []
    total = 0
    for episode in sorted(old.episodes, key=lambda e: (e.begins, e.alarm)):
        facts = old.facts[episode.alarm]
        if not facts.grave:
            continue
        total += 1
        fate = fates.get((facts.id, episode.begins))
        name = f"{facts.point} {SUFFIX[facts.kind]}"
        if fate is not None and fate.what == "gone":
            missed.append(Missed(name, facts.id, episode.begins, episode.begins))
        elif fate is not None and fate.what == "later":
            later.append(Missed(name, facts.id, episode.begins, episode.begins, fate.after))
    return missed, later, total, (total, total - len(missed))


def _announced(
    incidents: list[Incident],
    old: tuple[RuleSet, Mapping[str, list[Episode]]],
    new: tuple[RuleSet, Mapping[str, list[Episode]]],
    lead: Micros,
) -> _Judged:
    missed: list[Missed] = []
    later: list[Missed] = []
    caught = [0, 0]
    for incident in sorted(incidents, key=lambda i: (i.start, i.subject)):
        first, second = (_first(incident, *rules, lead) for rules in (old, new))
        caught[0] += first is not None
        caught[1] += second is not None
        if first is not None and (second is None or second[0] > first[0]):
            after = second[0] if second is not None else None
            entry = Missed(incident.name or incident.subject, first[1], incident.start, first[0], after)
            (missed if second is None else later).append(entry)
    return missed, later, len(incidents), (caught[0], caught[1])


def _first(incident: Incident, rules: RuleSet, episodes: Mapping[str, list[Episode]], lead: Micros) -> tuple[Micros, str] | None:
    """When and by which alarm the incident is announced first."""
    about = [f.id for f in rules.facts.values() if f.point == incident.subject or _within(f.place, incident.subject)]
    found = [
        (episode.begins, alarm)
        for alarm in about
        for episode in episodes.get(alarm, [])
        if incident.start - lead <= episode.begins <= incident.end
    ]
    return min(found, default=None)


def _within(place: str, subject: str) -> bool:
    return place == subject or place.startswith(f"{subject}/")

"""What was, by all readings in order, against what is recorded of one alarm.

Nothing that was announced is taken away: an episode without a counterpart in what was stays as it is. Each of what was finds at most one of
what is recorded: the one that begins at the same moment, else ends at the same, else overlaps it. One that finds none is added; one that
finds one with other instants corrects it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.events.alarms import Trigger
from anlan.monitor.late.correction import Corrected
from anlan.monitor.late.recorded import Recorded, Spell

FAR: Micros = 1 << 62


@dataclass(frozen=True, slots=True)
class Edge:
    """A condition that came on or went off: when, and on what."""

    at: Micros
    value: float = math.nan
    quality: int = 0
    limit: float = math.nan


@dataclass(slots=True)
class Was:
    """One episode as it was. `begin` None: it was on when the comparison begins; `end` None: it is still on."""

    begin: Edge | None
    end: Edge | None = None

    @property
    def first(self) -> Micros:
        return -FAR if self.begin is None else self.begin.at

    @property
    def last(self) -> Micros:
        return FAR if self.end is None else self.end.at


@dataclass(frozen=True, slots=True, eq=False)
class Exactness:
    """When two instants of an alarm are one. What a tick finds (an input gone stale, a time that has passed) is found up to `slack` apart by
    a node and by what it is compared with; what a reading decides, at once or after its delay, is exact."""

    slack: Micros = 0
    on_delay: Micros = 0
    off_delay: Micros = 0
    times: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Of the readings that went in, sorted."""

    def begin_alike(self, a: Micros, b: Micros) -> bool:
        return a == b or (self.near(a, b) and not (self._read(a, self.on_delay) and self._read(b, self.on_delay)))

    def end_alike(self, a: Micros, b: Micros) -> bool:
        return a == b or (self.near(a, b) and not (self._read(a, self.off_delay) and self._read(b, self.off_delay)))

    def near(self, a: Micros, b: Micros) -> bool:
        return abs(a - b) <= self.slack

    def too_short(self, begin: Micros, end: Micros) -> bool:
        """Nothing but a matter of ticks."""
        return self.slack > 0 and end - self.off_delay - begin <= self.slack and not self._read(begin, self.on_delay)

    def goes_on(self, end: Micros, begin: Micros) -> bool:
        """Whether off at `end` and on again at `begin` is nothing but a matter of ticks."""
        return self.slack > 0 and begin - self.on_delay - end <= self.slack and not self._read(end, self.off_delay)

    def _read(self, at: Micros, delay: Micros) -> bool:
        return self._among(at) or self._among(at - delay)

    def _among(self, at: Micros) -> bool:
        place = int(np.searchsorted(self.times, at))
        return place < len(self.times) and int(self.times[place]) == at


EXACT = Exactness()


@dataclass(slots=True)
class Found:
    """Rows to write; `settled` is False while an episode is on that may still end as recorded."""

    rows: list[Corrected] = field(default_factory=list)
    settled: bool = True


def compare(
    alarm: int, was: Sequence[Was], held: Recorded, since: Micros, exactness: Exactness = EXACT, *, last: bool = False
) -> Found:
    """From `since` on. `last`: nobody will ask again, so what is still open is told as far as it is known."""
    found, was = Found(), _joined(was, exactness)
    partner = _pairs(was, _announced(held, since, exactness), since, exactness)
    for i, one in enumerate(was):
        if i in partner:
            _correct_begin(found, alarm, one, partner[i], since, exactness)
            _correct_end(found, alarm, one, partner[i], exactness, last)
        elif one.begin is not None and not held.hidden_at(one.begin.at):
            _add(found, alarm, one, exactness, last)
    return found


def _joined(was: Sequence[Was], exactness: Exactness) -> list[Was]:
    joined: list[Was] = []
    for one in was:
        before = joined[-1] if joined else None
        if before is not None and before.end is not None and exactness.goes_on(before.end.at, one.first):
            joined[-1] = Was(before.begin, one.end)
        else:
            joined.append(one)
    return joined


def _announced(held: Recorded, since: Micros, exactness: Exactness) -> list[Spell]:
    """What is recorded from `since` on, by begin."""
    joined: list[Spell] = []
    for spell in held.spells:
        if spell.end is not None and spell.end < since:
            continue
        end = joined[-1].end if joined else None
        if end is not None and exactness.goes_on(end, spell.begin):
            joined[-1] = joined[-1].then(spell)
        else:
            joined.append(spell)
    return joined


def _pairs(was: Sequence[Was], spells: Sequence[Spell], since: Micros, exactness: Exactness) -> dict[int, Spell]:
    """Counterparts by index of `was`."""

    def begins(one: Was, spell: Spell) -> bool:
        return spell.begin < since if one.begin is None else exactness.near(spell.begin, one.begin.at)

    def ends(one: Was, spell: Spell) -> bool:
        return one.end is not None and spell.end is not None and exactness.near(spell.end, one.end.at)

    def overlaps(one: Was, spell: Spell) -> bool:
        return max(one.first, spell.begin) <= min(one.last, FAR if spell.end is None else spell.end)

    pairs: dict[int, Spell] = {}
    for fits in (begins, ends, overlaps):
        pairs |= dict(_matched(was, spells, pairs, fits))
    return pairs


def _matched(
    was: Sequence[Was], spells: Sequence[Spell], before: dict[int, Spell], fits: Callable[[Was, Spell], bool]
) -> Iterator[tuple[int, Spell]]:
    taken = {id(spell) for spell in before.values()}
    for i, one in enumerate(was):
        if i in before:
            continue
        spell = next((s for s in spells if id(s) not in taken and fits(one, s)), None)
        if spell is not None:
            taken.add(id(spell))
            yield i, spell


def _correct_begin(found: Found, alarm: int, one: Was, spell: Spell, since: Micros, exactness: Exactness) -> None:
    known = one.begin is not None and spell.begins_by_data and spell.begin >= since
    if known and not exactness.begin_alike(one.first, spell.begin):
        assert one.begin is not None
        found.rows.append(_row(alarm, spell.episode, Trigger.LATE_DATA, one.begin))


def _correct_end(found: Found, alarm: int, one: Was, spell: Spell, exactness: Exactness, last: bool) -> None:
    if not spell.ends_by_data or (one.end is None and spell.end is None):
        return
    if one.end is None or spell.end is None:
        # One still on and the other not: what is to come decides which of them lasts longer.
        found.settled &= last
        if one.end is None or not last:
            return
    elif exactness.end_alike(one.end.at, spell.end):
        return
    found.rows.append(_row(alarm, spell.ends_as, Trigger.LATE_END, one.end))


def _add(found: Found, alarm: int, one: Was, exactness: Exactness, last: bool) -> None:
    assert one.begin is not None
    if one.end is None and not last:
        found.settled = False
    elif one.end is None or not exactness.too_short(one.begin.at, one.end.at):
        found.rows.append(_row(alarm, 0, Trigger.LATE_DATA, one.begin))
        if one.end is not None:
            found.rows.append(_row(alarm, 0, Trigger.LATE_END, one.end))


def _row(alarm: int, episode: int, trigger: Trigger, edge: Edge) -> Corrected:
    return Corrected(
        alarm=alarm, episode=episode, trigger=trigger, at=edge.at, value=edge.value, quality=edge.quality, limit=edge.limit
    )

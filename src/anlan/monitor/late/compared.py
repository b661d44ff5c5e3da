"""What was, by all readings in order, against what is recorded of one alarm.

Nothing that was announced is taken away: an episode without a counterpart in what was stays as it is. Each of what was finds at most one of
what is recorded: the one that begins at the same moment, else ends at the same, else overlaps it. One that finds none is added; one that
finds one with other instants corrects it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Found:
    """Rows to write; `settled` is False while an episode is on that may still end as recorded."""

    rows: list[Corrected] = field(default_factory=list)
    settled: bool = True


def compare(alarm: int, was: Sequence[Was], held: Recorded, since: Micros, slack: Micros = 0, *, last: bool = False) -> Found:
    """From `since` on, instants no further apart than `slack` counting as one. `last`: nobody will ask again, so what is still open is
    told as far as it is known."""
    found = Found()
    partner = _pairs(was, [s for s in held.spells if s.end is None or s.end >= since], since, slack)
    for i, one in enumerate(was):
        if i in partner:
            _correct(found, alarm, one, partner[i], since, slack, last)
        elif one.begin is not None and not held.hidden_at(one.begin.at):
            _add(found, alarm, one, slack, last)
    return found


def _pairs(was: Sequence[Was], spells: Sequence[Spell], since: Micros, slack: Micros) -> dict[int, Spell]:
    """Counterparts by index of `was`."""

    def begins(one: Was, spell: Spell) -> bool:
        return spell.begin < since if one.begin is None else abs(spell.begin - one.begin.at) <= slack

    def ends(one: Was, spell: Spell) -> bool:
        return one.end is not None and spell.end is not None and abs(spell.end - one.end.at) <= slack

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


def _correct(found: Found, alarm: int, one: Was, spell: Spell, since: Micros, slack: Micros, last: bool) -> None:
    if one.begin is not None and spell.begins_by_data and spell.begin >= since and abs(one.begin.at - spell.begin) > slack:
        found.rows.append(_row(alarm, spell.episode, Trigger.LATE_DATA, one.begin))
    if not spell.ends_by_data:
        return
    if one.end is None or spell.end is None:
        if one.end is not None and last:
            found.rows.append(_row(alarm, spell.episode, Trigger.LATE_END, one.end))
        # One still open and the other not: what is to come decides which of them lasts longer.
        found.settled &= last or (one.end is None and spell.end is None)
    elif abs(one.end.at - spell.end) > slack:
        found.rows.append(_row(alarm, spell.episode, Trigger.LATE_END, one.end))


def _add(found: Found, alarm: int, one: Was, slack: Micros, last: bool) -> None:
    assert one.begin is not None
    if one.end is None and not last:
        found.settled = False
    elif one.end is None or one.end.at - one.begin.at > slack or slack == 0:
        found.rows.append(_row(alarm, 0, Trigger.LATE_DATA, one.begin))
        if one.end is not None:
            found.rows.append(_row(alarm, 0, Trigger.LATE_END, one.end))


def _row(alarm: int, episode: int, trigger: Trigger, edge: Edge) -> Corrected:
    return Corrected(
        alarm=alarm, episode=episode, trigger=trigger, at=edge.at, value=edge.value, quality=edge.quality, limit=edge.limit
    )

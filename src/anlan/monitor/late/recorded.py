"""What the journal holds of one alarm as spells: when its condition was on, earlier corrections included, and when nobody could see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anlan.model.clock import Micros
from anlan.model.events.alarms import ADDED, LATE, AlarmTransition, Trigger
from anlan.monitor.states import ACTIVE, HIDDEN

LONG_AGO: Micros = -(1 << 62)


@dataclass(slots=True)
class Spell:
    """One episode, announced or added, with the instants that hold after all corrections. `end` None: it stands."""

    episode: int
    begin: Micros
    end: Micros | None = None
    begins_by_data: bool = True
    """A condition came on; else the alarm came back from where it was put aside, or began before what was read."""
    ends_by_data: bool = True
    last_episode: int = 0
    """Of several that count as one: the episode that ended last."""

    @property
    def ends_as(self) -> int:
        return self.last_episode or self.episode

    def then(self, other: Spell) -> Spell:
        """Both as one."""
        return Spell(self.episode, self.begin, other.end, self.begins_by_data, other.ends_by_data, other.ends_as)

    def on_at(self, at: Micros) -> bool:
        """Whether it was on just before `at`."""
        return self.begin < at and (self.end is None or self.end >= at)


@dataclass(slots=True)
class Recorded:
    spells: list[Spell] = field(default_factory=list)
    """By begin."""
    hidden: list[tuple[Micros, Micros | None]] = field(default_factory=list)
    """Shelved, suppressed or out of service, on the node's clock: nothing was announced and nothing is missing."""

    def on_at(self, at: Micros) -> bool:
        return any(spell.on_at(at) for spell in self.spells)

    def hidden_at(self, at: Micros) -> bool:
        return any(start <= at and (end is None or at < end) for start, end in self.hidden)


def recorded(rows: Sequence[AlarmTransition]) -> Recorded:
    """From rows of one alarm in order; the first may follow on others that were not read."""
    found, standing = Recorded(), _standing_before(rows)
    spells = [standing] if standing is not None else []
    if rows and rows[0].before in HIDDEN:
        found.hidden.append((LONG_AGO, None))
    for row in rows:
        if row.trigger in LATE:
            continue
        standing = _follow(row, standing, spells)
        _hide(row, found.hidden)
    for row in rows:
        if row.trigger in LATE:
            _correct(row, spells)
    found.spells = sorted(spells, key=lambda spell: spell.begin)
    return found


def _standing_before(rows: Sequence[AlarmTransition]) -> Spell | None:
    first = next((row for row in rows if row.trigger not in LATE), None)
    if first is None or first.before not in ACTIVE:
        return None
    return Spell(first.episode, LONG_AGO, begins_by_data=False)


def _follow(row: AlarmTransition, standing: Spell | None, spells: list[Spell]) -> Spell | None:
    """The spell that stands after this row."""
    if standing is not None and row.after not in ACTIVE:
        standing.end, standing.ends_by_data = row.happened_at, row.trigger is Trigger.CONDITION_OFF
        return None
    if standing is None and row.after in ACTIVE:
        spells.append(Spell(row.episode, row.happened_at, begins_by_data=row.trigger is Trigger.CONDITION_ON))
        return spells[-1]
    return standing


def _hide(row: AlarmTransition, hidden: list[tuple[Micros, Micros | None]]) -> None:
    if row.before not in HIDDEN and row.after in HIDDEN:
        hidden.append((row.noticed_at, None))
    elif row.before in HIDDEN and row.after not in HIDDEN and hidden:
        hidden[-1] = (hidden[-1][0], row.noticed_at)


def _correct(row: AlarmTransition, spells: list[Spell]) -> None:
    spell = next((one for one in spells if one.episode == row.episode), None)
    if spell is None and row.trigger is Trigger.LATE_DATA and row.episode >= ADDED:
        spells.append(Spell(row.episode, row.happened_at))
    elif spell is not None and row.trigger is Trigger.LATE_DATA:
        spell.begin = row.happened_at
    elif spell is not None:
        spell.end = row.happened_at

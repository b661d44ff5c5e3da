"""What one frame did: alarms that moved, with who stands behind it, answers to people, steps on points, late readings and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.events.alarms import AlarmState, AlarmTransition, Trigger
from anlan.monitor.commands import Result, Step
from anlan.monitor.layout import TRANSITION, Structs
from anlan.monitor.point_modes import PointStep


@dataclass(slots=True)
class Transitions:
    """What one frame did. `rows` has dtype `layout.TRANSITION`; `texts` holds (who, post, reason, command) of those a person caused."""

    frame: int
    pieces: list[Structs] = field(default_factory=list)
    """The rows as they came; ten thousand alarms that move one by one must not copy all before them each time."""
    texts: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)
    """By `n`."""
    results: list[tuple[Step, Result]] = field(default_factory=list)
    steps: list[PointStep] = field(default_factory=list)
    """What people did to points, and what of it ended by itself."""
    late: list[tuple[int, npt.NDArray[np.int32]]] = field(default_factory=list)
    """(index of the part, its rows that were older than their point's newest reading)."""
    faults: list[str] = field(default_factory=list)
    """Parts that could not be read, in words; they moved nothing."""
    unrecorded: bool = False
    """What no person caused here rests on readings that the log refused."""

    @property
    def rows(self) -> Structs:
        """All transitions, in order."""
        if len(self.pieces) != 1:
            self.pieces = [np.concatenate(self.pieces) if self.pieces else np.zeros(0, TRANSITION)]
        return self.pieces[0]

    def __len__(self) -> int:
        return len(self.rows)

    def events(self) -> list[AlarmTransition]:
        rows = self.rows[list(NUMBERS)].tolist()
        return [_event(row, self.texts.get(row[0], NO_TEXT), self.rests_on_unrecorded(row[0])) for row in rows]

    def rests_on_unrecorded(self, n: int) -> bool:
        """Of transition `n`. A person's step stands in the log whatever it answers."""
        return self.unrecorded and n not in self.texts


NUMBERS = (
    "n",
    "frame",
    "alarm",
    "episode",
    "trigger",
    "before",
    "after",
    "happened_at",
    "noticed_at",
    "value",
    "quality",
    "limit",
)
"""Fields of a transition that are numbers, in the order of `AlarmTransition`."""
NO_TEXT = ("", "", "", "")
_TRIGGERS, _STATES = {int(one): one for one in Trigger}, {int(one): one for one in AlarmState}
"""A storm makes a thousand transitions a second of these."""


def _event(row: tuple[Any, ...], text: tuple[str, str, str, str], unrecorded: bool) -> AlarmTransition:
    n, frame, alarm, episode, trigger, before, after, happened_at, noticed_at, value, quality, limit = row
    who, post, reason, command = text
    return AlarmTransition(
        n=n,
        frame=frame,
        alarm=alarm,
        episode=episode,
        trigger=_TRIGGERS[trigger],
        before=_STATES[before],
        after=_STATES[after],
        happened_at=happened_at,
        noticed_at=noticed_at,
        value=value,
        quality=quality,
        limit=limit,
        who=who,
        post=post,
        reason=reason,
        command=command,
        unrecorded=unrecorded,
    )

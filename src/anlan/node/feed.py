"""What core tells its subscribers: transitions as they are committed, live values as changed columns a few times a second."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from anlan.bus.wire import Head
from anlan.model.events.alarms import AlarmTransition
from anlan.model.readings import Readings

if TYPE_CHECKING:
    from anlan.monitor.reader import EngineReader


_FIELDS = tuple(AlarmTransition.__dataclass_fields__)
_VALUES = attrgetter(*_FIELDS)
"""All of them plain numbers and texts: dataclasses.asdict would look into each, which a storm of alarms has no time for."""


class LiveFeed:
    """Last value of each point with its effective quality, as `Readings`; values may be coalesced, the newest always arrives."""

    period = 0.2
    """s between pushes: people read no faster, and a hundred thousand changes a second become five encodings."""

    def __init__(self, reader: EngineReader) -> None:
        self._reader = reader
        self._seen = 0

    def whole(self) -> bytes:
        """Every point that ever had a value, for one who has just come."""
        return self._reader.live_since(0)[1].to_bytes()

    def changed(self) -> bytes:
        """Points that changed since the last call; empty when none did."""
        self._seen, readings = self._reader.live_since(self._seen)
        return readings.to_bytes() if len(readings) else b""


def transition_head(transitions: Sequence[AlarmTransition]) -> Head:
    return {"push": "transitions", "transitions": [dict(zip(_FIELDS, _VALUES(t), strict=True)) for t in transitions]}


def read_transitions(head: Head) -> list[AlarmTransition]:
    """The inverse of `transition_head`."""
    from anlan.model.events.alarms import AlarmState, Trigger

    return [
        AlarmTransition(
            **{**row, "trigger": Trigger(row["trigger"]), "before": AlarmState(row["before"]), "after": AlarmState(row["after"])}
        )
        for row in head["transitions"]
    ]


def read_live(body: bytes) -> Readings:
    return Readings.from_bytes(body)

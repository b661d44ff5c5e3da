"""The frame: one durable commit of the log, made of parts in the order in which they are to be decided.

A part comes from one source and is one of five kinds. Its body is bytes, because the log keeps, checks and hands on bytes:

* READINGS  `Readings.to_bytes()`; `rows` readings, numbered first_seq … first_seq+rows−1 within (source, epoch)
* COMMAND   JSON of `monitor.commands.Command`: a person's step
* CONFIG    `monitor.engine.EngineConfig.to_bytes()`: a new configuration version
* TICK      JSON {"now": µs, "sources": {"3": "down", …}}: the node's clock (1 Hz) and links that changed since the last tick;
             "begun": true in the first of a node that was away
* CORRECTION JSON of `monitor.late.Correction`: what late readings change in the record, as compared by core beside the engine
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from anlan.model.clock import Micros
from anlan.model.readings import Readings

NODE_SOURCE = 0
"""Source number of what the node itself writes: ticks, commands, configuration, and readings of its own points."""
NODE_ID = "node"
"""The id of that source; no plant may give it to one of its own."""


class Kind(IntEnum):
    READINGS = 1
    COMMAND = 2
    CONFIG = 3
    TICK = 4
    CORRECTION = 5


@dataclass(frozen=True, slots=True)
class Part:
    """What one source gave in one go. `epoch` names the sender's incarnation (its start, µs); seq starts at 0 in each."""

    kind: Kind
    source: int
    epoch: int
    first_seq: int
    received_at: Micros
    rows: int
    body: bytes

    @property
    def bulk(self) -> bool:
        """What a full disk refuses, so that room is left for the rest: readings of devices. The node's own readings are its own faults:
        they pass as ticks and commands do."""
        return self.kind is Kind.READINGS and self.source != NODE_SOURCE

    def readings(self) -> Readings:
        """The body of a READINGS part, without copying."""
        return Readings.from_bytes(self.body)

    @classmethod
    def of_readings(cls, source: int, epoch: int, first_seq: int, received_at: Micros, readings: Readings) -> Part:
        return cls(Kind.READINGS, source, epoch, first_seq, received_at, len(readings), readings.to_bytes())


@dataclass(frozen=True, slots=True)
class Frame:
    """Position `n` (1, 2, 3 … within one incarnation of the store, without holes) and the parts committed there."""

    n: int
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        return sum(p.rows for p in self.parts if p.kind is Kind.READINGS)

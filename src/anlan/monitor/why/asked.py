"""What is asked of an alarm, and the form of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from anlan.model.clock import Micros
from anlan.model.events.alarms import AlarmTransition
from anlan.model.points import Point
from anlan.monitor.compile import EngineConfig
from anlan.monitor.replay import Remembered
from anlan.web.context import Rule

Both = dict[str, str]
"""A text in both languages."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`point`: the one whose value decides. `config`: cut to it and its source. `past`: of the points of `config` up to `at`; it begins before
    `start` when the value is calculated over a longer time. `journal`: the alarm's transitions up to `at`, newest first; `names`: person
    id → name; `point_names`: number → id."""

    number: int
    rule: Rule
    point: Point | None
    config: EngineConfig
    past: Remembered
    journal: Sequence[AlarmTransition]
    start: Micros
    at: Micros
    zone: str
    names: Callable[[str], str] = str
    source_name: Both = field(default_factory=dict)
    point_names: Mapping[int, str] = field(default_factory=dict)
    readings_from: Micros | None = None
    """Before this there were more readings than one question takes: none of them is given."""
    journal_from: Micros | None = None
    """The same of the journal: the alarm's own, that of its source's loss of view, or what people did to its points."""


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
    """What the value counted as: by what its source said of it, and people of the point."""
    view: str = "unknown"
    modes: list[dict[str, Any]] = field(default_factory=list)
    """What kept the point, or inputs of a calculated one, from being evidence: {"point", "mode", "since", "until", "who", …}; mode is
    "inhibited", "calibrating" or "over_range_latched"."""
    delay: dict[str, Any] | None = None
    """The delay that runs now, or ran out to announce: {"what": "on" or "off", "since", "ran", "of", "until"}."""
    closest: dict[str, Any] | None = None
    """Nearest to the limit in the window: {"value", "at", "distance"}; a negative distance lies beyond it."""
    longest: dict[str, Any] | None = None
    """The longest time in the window for which the limit was exceeded: {"from", "to", "seconds"}."""
    decided: dict[str, Any] | None = None
    """The transition that made it what it is."""
    trace: dict[str, list[Any]] = field(default_factory=dict)
    """Columns time, value, bad (no evidence, whoever said so), and cut: nobody knew the value for some time before this reading."""
    decimals: int = 2
    unit: Both = field(default_factory=dict)
    version: int = 0
    """Of the rules that the past was replayed with; they may have been others then, the journal says which limit decided."""
    cut: dict[str, Any] | None = None
    """What was left out because there was too much of it: {"readings_from", "journal_from": the first instant that was looked at, None when
    all was, "text"}. The sentence says it too."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

"""A plant with every kind of rule on every point, and a load in which each kind comes on and goes off again.

Per point p, with its neighbours q and r (the next two, the first after the last): four limits with dead-band and delays, bad quality,
silence, and one alarm each of the expressions of CALCULATED; on each fourth point a condition suppresses the high alarm. What the plant
folder makes one by one from its short forms (docs/expressions.md) is made here once and repeated for every point as columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from anlan.model import columns
from anlan.model.clock import SECOND, Micros
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.expressions import PointFacts, parse
from anlan.monitor.program import Op, Program
from anlan.monitor.programs import CODE_ROWS, PROGRAMS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

WINDOW = 60
DEADLINE = 3.0
"""s of silence after which a point is stale."""


class Rule(NamedTuple):
    """One alarm of each point. Delays in s; `text`: the expression it looks at, "" for the point itself."""

    kind: AlarmKind
    runs_as: AlarmKind
    limit: float = float("nan")
    dead_band: float = 0.0
    delay: float = 2.0
    text: str = ""


RULES = {
    "LL": Rule(AlarmKind.LOW_LOW, AlarmKind.LOW_LOW, 10.0, 2.0),
    "L": Rule(AlarmKind.LOW, AlarmKind.LOW, 20.0, 2.0),
    "H": Rule(AlarmKind.HIGH, AlarmKind.HIGH, 80.0, 2.0),
    "HH": Rule(AlarmKind.HIGH_HIGH, AlarmKind.HIGH_HIGH, 90.0, 2.0),
    "BAD": Rule(AlarmKind.BAD_QUALITY, AlarmKind.BAD_QUALITY),
    "STALE": Rule(AlarmKind.STALE, AlarmKind.STALE),
    "ROC": Rule(AlarmKind.RATE, AlarmKind.HIGH, 0.5, 0.05, 5.0, f"abs(rate(p over {WINDOW} s))"),
    "DEV": Rule(AlarmKind.DEVIATION, AlarmKind.HIGH, 30.0, 2.0, 2.0, "abs(p - q)"),
    "FRZ": Rule(AlarmKind.FROZEN, AlarmKind.LOW, 0.0, 0.0, 2.0, f"spread(p over {WINDOW} s)"),
    "DIS": Rule(AlarmKind.DISCREPANCY, AlarmKind.STATE, text="max(p, q) > 75 and min(p, q) <= 75"),
    "TIS": Rule(AlarmKind.TIME_IN_STATE, AlarmKind.HIGH, 10.0, text="duration(p > 70)"),
    "CNT": Rule(AlarmKind.COUNT, AlarmKind.HIGH, 3.0, text=f"count(p > 70 over {WINDOW} s)"),
    "VOTE": Rule(AlarmKind.STATE, AlarmKind.STATE, text="vote(2 of above(p, 80, 1), above(q, 80, 1), above(r, 80, 1))"),
    "IF": Rule(AlarmKind.CONDITION, AlarmKind.STATE, text=f"avg(p over {WINDOW} s) > 70 and q > 20"),
}
CALCULATED = [name for name, rule in RULES.items() if rule.text]
SUPPRESSION, SUPPRESSED, EACH = "q > 75", "H", 4
"""The high alarm of each fourth point is suppressed while its neighbour is high."""


# ---- the plant


def configuration(points: int) -> EngineConfig:
    programs = _programs(points)
    targets = np.concatenate([np.arange(1, points + 1), programs["target"]])
    config = EngineConfig.from_columns(
        1,
        {"number": [1]},
        {
            "number": targets,
            "source": (targets <= points).astype(np.int64),
            "deadline": np.full(len(targets), int(DEADLINE * 1000)),
        },
        _rules(points),
    )
    tables = [_table(PROGRAMS, programs), _table(CODE_ROWS, programs)]
    return replace(config, program_table=tables[0], code_table=tables[1])


def _rules(points: int) -> dict[str, Any]:
    each = list(RULES.values())
    own = len(each) - len(CALCULATED)
    number = np.arange(1, points + 1)[:, None]
    made = points + (number - 1) * len(CALCULATED) + np.arange(1, len(CALCULATED) + 1)
    governed = np.zeros((points, len(each)), np.int64)
    governed[::EACH, list(RULES).index(SUPPRESSED)] = points * (1 + len(CALCULATED)) + np.arange(1, len(governed[::EACH]) + 1)
    delays = np.tile([round(rule.delay * 1000) for rule in each], points)
    return {
        "number": np.arange(1, points * len(each) + 1),
        "kind": np.tile([int(rule.runs_as) for rule in each], points),
        "target": np.hstack([np.broadcast_to(number, (points, own)), made]).ravel(),
        "limit": np.tile([rule.limit for rule in each], points),
        "dead_band": np.tile([rule.dead_band for rule in each], points),
        "on_delay": delays,
        "off_delay": delays,
        "states": [[1] if rule.runs_as is AlarmKind.STATE else [] for rule in each] * points,
        "suppress_by": governed.ravel(),
    }


def _programs(points: int) -> dict[str, Ints | Floats]:
    """Those of the first point, one after the other, repeated for every point; then the suppressing conditions of each fourth."""
    every = np.arange(points)
    suppressed = every[::EACH]
    texts = [RULES[name].text for name in CALCULATED]
    blocks = [
        _repeated([_understood(text) for text in texts], every, points),
        _repeated([_understood(SUPPRESSION)], suppressed, points),
    ]
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return joined | {"target": points + np.arange(1, len(joined["count"]) + 1)}


def _understood(text: str) -> Program:
    """Of the point number 1 with its neighbours 2 and 3."""
    facts = {name: PointFacts(number=n) for n, name in enumerate("pqr", 1)}
    return parse(text, facts.get).program


def _repeated(programs: list[Program], owners: Ints, points: int) -> dict[str, Ints | Floats]:
    code = [step for program in programs for step in program.code]
    op, a, x = (np.array(column) for column in zip(*code, strict=True))
    reads = op == Op.POINT
    argument = np.tile(a, (len(owners), 1))
    argument[:, reads] = (owners[:, None] + a[reads] - 1) % points + 1
    return {
        "count": np.tile([len(program.code) for program in programs], len(owners)),
        "cells": np.tile([program.cells for program in programs], len(owners)),
        "op": np.tile(op, len(owners)),
        "a": argument.ravel(),
        "x": np.tile(x, len(owners)),
    }


def _table(schema: pa.Schema, found: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_arrays([columns.of(found[one.name], one.type) for one in schema], schema=schema)


# ---- the load

CYCLE = 150
"""Scans, one a second: long enough for what a window remembers to be forgotten again."""
SPACING = 200
"""Points from one that leaves its limits to the next, which none of its readers reads."""
STAGGER = 30
ENOUGH = CYCLE + STAGGER + WINDOW
"""Scans in which every kind has come on and gone off."""
AWAY, BELOW, BAD_WORD = 95.0, 5.0, int(quality(Severity.BAD, Reason.SENSOR_FAILURE))
STORIES = ("high", "low", "bad", "silent", "frozen", "pulses", "two")
SPAN = range(-2, 5)
"""Points around one that leaves: those that read it and all that they read."""


@dataclass
class Watched:
    """What the points around those that leave were told, scan after scan: the recount goes by it."""

    points: Ints
    values: list[Floats] = field(default_factory=list)
    usable: list[Truths] = field(default_factory=list)
    heard: list[Truths] = field(default_factory=list)


class EveryKind:
    """Frames of `rows` readings, the points in turn, a scan a second of data time, all of a scan with one stamp; then the node's tick.

    Values drift around each point's own level (first-order, two decimals) well within every limit, all of them new in every scan. Each
    `SPACING`th point leaves once in `CYCLE` scans by one of the STORIES, in turn.
    """

    def __init__(self, points: int, rows: int, start: Micros, seed: int = 7) -> None:
        self.points, self.rows, self.start = points, min(rows, points), start
        if points % SPACING or self.rows % SPACING:
            raise SystemExit(f"{points} points in frames of {self.rows}: both must be multiples of {SPACING}")
        self._chance = np.random.default_rng(seed)
        self._level = self._chance.uniform(42, 48, points)
        self._drift = np.zeros(points)
        self._numbers = np.arange(1, points + 1, dtype=np.uint32)
        which = np.arange(points // SPACING)
        # Each story meets points whose neighbour's high alarm it suppresses, and points where it does not.
        turn = 3 - which // len(STORIES) % EACH
        self._away = which * SPACING + 10 + turn
        self._story, self._late = which % len(STORIES), which * 7 % STAGGER
        self.watched = Watched((self._away[:, None] + np.array(SPAN)).ravel())
        self.readings = self.scans = self._at = 0
        self._scan()

    def next(self) -> list[Part]:
        """The next frame's parts."""
        now = self.start + (self.scans + 1) * SECOND
        rows = slice(self._at, self._at + self.rows)
        here = self._heard[rows]
        body = Readings(
            self._numbers[rows][here], np.full(int(here.sum()), now), self._values[rows][here], self._words[rows][here]
        )
        parts = [Part(Kind.READINGS, 1, self.start, self.readings, now, len(body.point), body.to_bytes())]
        self.readings += len(body.point)
        self._at += self.rows
        if self._at >= self.points:
            parts.append(
                Part(Kind.TICK, NODE_SOURCE, self.start, self.scans, now, 1, orjson.dumps({"now": now, "sources": {"1": "up"}}))
            )
            self.scans, self._at = self.scans + 1, 0
            self._scan()
        return parts

    def _scan(self) -> None:
        """Every point's next value, quality, and whether it is heard at all."""
        self._drift *= 0.9
        self._drift += self._chance.standard_normal(self.points, np.float32)
        np.clip(self._drift, -6, 6, out=self._drift)
        self._values = np.round(self._level + self._drift, 2)
        self._words = np.zeros(self.points, np.uint16)
        self._heard = np.ones(self.points, np.bool_)
        phase = (self.scans - self._late) % CYCLE
        for number, story in enumerate(STORIES):
            here = self._story == number
            getattr(self, f"_{story}")(self._away[here], phase[here])
        at = self.watched.points
        self.watched.values.append(self._values[at])
        self.watched.usable.append(self._words[at] == 0)
        self.watched.heard.append(self._heard[at])

    def _high(self, points: Ints, phase: Ints) -> None:
        self._values[points[(phase >= 70) & (phase < 110)]] = AWAY

    def _low(self, points: Ints, phase: Ints) -> None:
        self._values[points[(phase >= 70) & (phase < 80)]] = BELOW

    def _bad(self, points: Ints, phase: Ints) -> None:
        self._words[points[(phase >= 70) & (phase < 80)]] = BAD_WORD

    def _silent(self, points: Ints, phase: Ints) -> None:
        self._heard[points[(phase >= 70) & (phase < 80)]] = False

    def _frozen(self, points: Ints, phase: Ints) -> None:
        still = points[(phase >= 10) & (phase < 100)]
        self._values[still] = np.round(self._level[still], 2)

    def _pulses(self, points: Ints, phase: Ints) -> None:
        """Five of 2 s, too short for any limit's delay."""
        self._values[points[(phase >= 70) & (phase < 100) & ((phase - 70) % 6 < 2)]] = AWAY

    def _two(self, points: Ints, phase: Ints) -> None:
        """Both neighbours of a point, which itself stays where it is: two of the three votes."""
        away = points[(phase >= 70) & (phase < 90)]
        self._values[away + 1] = self._values[away + 2] = AWAY

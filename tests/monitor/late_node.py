"""A node in memory: a log, its engine, a journal and a history, with a comparison of late readings whenever a test asks for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import orjson

from anlan.model.events.alarms import ADDED, LATE, AlarmTransition, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.engine import Engine, Transitions
from anlan.monitor.late.comparison import Look, Outcome, follow, plan
from anlan.monitor.late.correction import Correction
from anlan.monitor.states import ACTIVE

SECOND = 1_000_000
START = 1_767_225_600 * SECOND
Row = tuple[int, int, float, int]
"""(point, time, value, quality)."""
EpisodeOf = tuple[int, int, int | None]
"""(alarm, begin, end)."""


@dataclass
class LateNode:
    config: EngineConfig
    at: int = START
    """The node's wall clock."""
    engine: Engine = field(default_factory=Engine)
    frames: list[Frame] = field(default_factory=list)
    journal: list[AlarmTransition] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    too_late: dict[int, list[int]] = field(default_factory=dict)
    """By frame: rows that were older than their point's newest reading."""
    found: dict[int, Transitions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.write(Kind.CONFIG, self.config.to_bytes())
        self.tick({int(number): "up" for number in self.config.source_numbers()})

    def write(self, kind: Kind, body: bytes, rows: int = 1) -> list[AlarmTransition]:
        frame = Frame(self.engine.frame + 1, (Part(kind, 0, START, 0, self.at, rows, body),))
        self.frames.append(frame)
        found = self.engine.step(frame)
        assert not found.faults, found.faults
        self.journal += found.events()
        self.found[frame.n] = found
        self.too_late[frame.n] = [row for _, rows_late in found.late for row in rows_late.tolist()]
        return found.events()

    def tick(self, links: Mapping[int, str] | None = None) -> list[AlarmTransition]:
        body = {"now": self.at, "sources": {str(source): state for source, state in (links or {}).items()}}
        return self.write(Kind.TICK, orjson.dumps(body))

    def read(self, *rows: Row) -> list[AlarmTransition]:
        self.rows += rows
        return self.write(Kind.READINGS, Readings.of(rows).to_bytes(), len(rows))

    def until(self, at: int, links: Mapping[int, str] | None = None) -> None:
        """A tick on each whole second up to `at`."""
        while (following := (self.at // SECOND + 1) * SECOND) <= at:
            self.at = following
            self.tick(links)
            links = None

    def without_late(self) -> tuple[Engine, list[AlarmTransition]]:
        """An engine that got the same log without what was late, and without corrections; and what it decided."""
        engine, found = Engine(), []
        for frame in self.frames:
            part = frame.parts[0]
            if part.kind is Kind.READINGS:
                rows = part.readings()
                keep = np.setdiff1d(np.arange(len(rows)), self.too_late[frame.n])
                on_time = Readings(rows.point[keep], rows.time[keep], rows.value[keep], rows.quality[keep])
                part = replace(part, rows=len(keep), body=on_time.to_bytes())
            if part.kind is not Kind.CORRECTION:
                found += engine.step(Frame(frame.n, (part,))).events()
        return engine, found

    # ---- what the corrector does

    def history(self, points: Sequence[int], start: int, end: int) -> Readings:
        """As the history answers: by point and time, exact repeats once."""
        wanted = set(points)
        return Readings.of(sorted({row for row in self.rows if row[0] in wanted and start <= row[1] < end}))

    def latest(self, points: Sequence[int], before: int) -> Readings:
        newest = [max((r for r in self.rows if r[0] == p and r[1] < before), key=lambda r: r[1], default=None) for p in points]
        return Readings.of([row for row in newest if row is not None])

    def story(self, alarm: int, since: int) -> list[AlarmTransition]:
        own = [t for t in self.journal if t.alarm == alarm]
        before = [t.n for t in own if t.noticed_at < since and t.trigger not in LATE]
        return [t for t in own if t.n >= (before[-1] if before else 0)]

    def compare(self) -> Outcome | None:
        """What a comparison of all that waits would say."""
        look = Look.at(self.engine)
        if not len(look.waiting):
            return None
        made = plan(self.config, look, np.arange(len(look.waiting)))
        before = self.latest(made.few.points, made.start)
        rows = self.history(made.few.points, made.start, made.end)
        return follow(made, before, rows, self.story, self.engine.frame, self.config.late_window * 1000)

    def correct(self) -> Correction | None:
        """Compare once; what was found goes into the log, as from core."""
        outcome = self.compare()
        if outcome is None or not (outcome.correction.rows or outcome.correction.points):
            return None
        self.write(Kind.CORRECTION, outcome.correction.to_bytes())
        return outcome.correction

    # ---- what came of it

    @property
    def waits(self) -> bool:
        return len(self.engine.late.waiting()) > 0

    def announced(self) -> dict[tuple[int, int], EpisodeOf]:
        """By (alarm, episode): as the operator was told."""
        found: dict[tuple[int, int], EpisodeOf] = {}
        for t in self.journal:
            if t.trigger in LATE:
                continue
            if t.before not in ACTIVE and t.after in ACTIVE:
                found[t.alarm, t.episode] = (t.alarm, t.happened_at, None)
            elif t.before in ACTIVE and t.after not in ACTIVE:
                found[t.alarm, t.episode] = (*found[t.alarm, t.episode][:2], t.happened_at)
        return found

    def record(self) -> dict[tuple[int, int], EpisodeOf]:
        """By (alarm, episode): as the journal says now, corrected ones in place of what was announced."""
        found = self.announced()
        for t in self.journal:
            if t.trigger not in LATE:
                continue
            alarm, begin, end = found.get((t.alarm, t.episode), (t.alarm, t.happened_at, None))
            if t.trigger is Trigger.LATE_DATA:
                found[t.alarm, t.episode] = (alarm, t.happened_at, end)
            else:
                found[t.alarm, t.episode] = (alarm, begin, t.happened_at)
        return found

    def added(self) -> list[EpisodeOf]:
        return [episode for (_, number), episode in self.record().items() if number >= ADDED]

"""One alarm at one instant: what the journal says of it, and what a replay of its past comes to."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from anlan.model.clock import SECOND, Micros
from anlan.model.events.alarms import MOVES_NOTHING, AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.quality import BAD_COMMUNICATION
from anlan.model.readings import Readings
from anlan.monitor import changes
from anlan.monitor.config import LIMIT_KINDS
from anlan.monitor.kernel import conditions
from anlan.monitor.kpi.lives import is_annunciation
from anlan.monitor.layout import NEVER, Phase, PointFlag, Structs, View
from anlan.monitor.replay import FAR, Replay, in_order, seed
from anlan.monitor.rows import story_of
from anlan.monitor.states import HIDDEN
from anlan.monitor.why.asked import Asked
from anlan.monitor.why.trace import SPANS
from anlan.web.answers import finite, quality_words

HIGHS = frozenset({AlarmKind.HIGH, AlarmKind.HIGH_HIGH})
OF_NODE_TIME = frozenset({AlarmKind.STALE, AlarmKind.LOSS_OF_VIEW})


class Case:
    """`row`: of the rule in the engine, None when it is disabled. `number`: the point whose value decides, None for a whole source."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.rule = asked, asked.rule
        self.story = story_of(asked.journal)
        self.last = self.story.last if self.story is not None else None
        self.raised = self.story.raised if self.story is not None else None
        self.state = self.last.after if self.last is not None else AlarmState.NORMAL
        self.episode = self.last.episode if self.last is not None else 0
        self._replay = Replay(asked.config)
        self.engine = self._replay.engine
        self.row = self.engine.row_of(asked.number)
        watched = self.row is not None and self.rule.kind is not AlarmKind.LOSS_OF_VIEW
        self.number = int(self.engine.arrays.target[self.row]) if watched else None
        self.calculated = self.number is not None and bool(self.record()["flags"] & PointFlag.CALCULATED)
        self._sampled: list[tuple[int, int, float, int]] = []
        self._go_through()

    # ---- the past

    def _go_through(self) -> None:
        """The window, from the state that the journal knows at its beginning."""
        asked, past = self.asked, self.asked.past
        begin = asked.start if past.begin is None else past.begin
        seed(self._replay, replace(past, begin=begin))
        self._replay.through(past.between(begin, asked.start), feed=self._feed)
        before = next((t for t in asked.journal if t.noticed_at <= asked.start), None)
        if before is not None and before.after is not AlarmState.NORMAL:
            changes.adopt(self.engine, {asked.number: (before.after, before.episode)})
        self._replay.through(past.between(asked.start, FAR), feed=self._feed)
        self._replay.until(asked.at)
        self._sample()

    def _feed(self, rows: Readings) -> Structs:
        """In steps, if the value is calculated: no history has it, so the picture is drawn from what the replay comes to."""
        if not self.calculated:
            return self._replay.feed(rows)
        width = max(SECOND, (self.asked.at - self.asked.start) // SPANS)
        edges = (np.flatnonzero(np.diff(rows.time // width)) + 1).tolist()
        found = []
        for first, end in pairwise([0, *edges, len(rows)]):
            found.append(self._replay.feed(rows[first:end]))
            self._sample()
        return np.concatenate(found)

    def _sample(self) -> None:
        point = self.record()
        if self.calculated and self.number is not None and point["time"] != NEVER:
            self._sampled.append((self.number, int(point["time"]), float(point["value"]), int(point["quality"])))

    def own_readings(self) -> Readings:
        """Of the point whose value decides, in order."""
        rows = in_order(Readings.of(self._sampled) if self._sampled else self.asked.past.readings)
        own = rows.point == self.number if self.number is not None else np.zeros(len(rows), np.bool_)
        return Readings(rows.point[own], rows.time[own], rows.value[own], rows.quality[own])

    # ---- the journal

    def decided(self) -> dict[str, Any] | None:
        """The transition that made the alarm what it is."""
        return next((_told(t) for t in self.asked.journal if t.trigger not in (Trigger.ESCALATE, *MOVES_NOTHING)), None)

    def announced_within(self) -> bool:
        return any(is_annunciation(t) and t.noticed_at > self.asked.start for t in self.asked.journal)

    # ---- the engine's state at the end of it

    def record(self) -> Any:
        return None if self.number is None else self.engine.world.points[self.number]

    def heard(self) -> bool:
        point = self.record()
        return point is not None and point["time"] != NEVER

    def word(self) -> int:
        """The quality that the newest value counts as."""
        return int(self.record()["quality"])

    def tells_beyond(self, word: int) -> bool:
        """Whether a bad reading of this quality still tells that the limit is passed; the engine's own notion, as is the next."""
        return bool(conditions.beyond.py_func(self.kind, word))

    @staticmethod
    def is_fault(word: int) -> bool:
        """Whether this quality is worth an alarm."""
        return bool(conditions.is_fault.py_func(word))

    def source(self) -> int | None:
        if self.number is not None:
            return int(self.engine.world.points["source"][self.number])
        if self.row is not None and self.rule.kind is AlarmKind.LOSS_OF_VIEW:
            return int(self.engine.arrays.target[self.row])
        return None

    def view(self) -> str:
        source = self.source()
        return "unknown" if source is None else View(int(self.engine.world.sources["state"][source])).name.lower()

    def value(self) -> dict[str, Any]:
        """The newest value, when it was stamped, and what it counts as."""
        if self.number is None or not self.heard():
            return {}
        point, live = self.record(), self.engine.live([self.number])
        word = int(live.quality[0]) if len(live.quality) else BAD_COMMUNICATION
        return {"value": finite(float(point["value"])), "value_at": int(point["time"]), "quality": quality_words(word)}

    def silence(self) -> Micros | None:
        """Longer than this and nobody knows the value; None where silence means unchanged."""
        point = self.record()
        return None if point is None else int(point["deadline"]) * 1000 or None

    @property
    def phase(self) -> Phase:
        return Phase.QUIET if self.row is None else Phase(int(self.engine.world.status["phase"][self.row]))

    @property
    def condition(self) -> bool:
        return self.phase in {Phase.STANDING, Phase.FALLING}

    # ---- the rule as the engine has it

    @property
    def kind(self) -> AlarmKind:
        """What the engine compares: a rate is a high limit on the point that is calculated for it."""
        return self.rule.kind if self.row is None else AlarmKind(int(self.engine.world.rules["kind"][self.row]))

    @property
    def is_high(self) -> bool:
        return self.kind in HIGHS

    @property
    def limit(self) -> float | None:
        if self.row is None or self.kind not in LIMIT_KINDS:
            return self.rule.limit
        return float(self.engine.world.rules["limit"][self.row])

    @property
    def clear(self) -> float | None:
        if self.row is None or self.kind not in LIMIT_KINDS:
            return None
        return float(self.engine.world.rules["clear"][self.row])

    def delay_of(self, name: str) -> float:
        if self.row is None:
            return float(getattr(self.rule, name))
        return float(self.engine.world.rules[name][self.row]) / 1000

    def delay(self) -> dict[str, Any] | None:
        """The delay that runs, or that ran out to announce."""
        on = self.delay_of("on_delay")
        if self.phase is Phase.RISING:
            return self._runs("on", on)
        if self.phase is Phase.FALLING:
            return self._runs("off", self.delay_of("off_delay"))
        ran_out = self.raised is not None and self.raised.trigger is Trigger.CONDITION_ON and self.state not in HIDDEN
        if self.phase is Phase.STANDING and ran_out and self.raised is not None:
            came = self.raised.happened_at
            return {"what": "on", "since": came - round(on * SECOND), "ran": on, "of": on, "until": came}
        return None

    def _runs(self, what: str, of: float) -> dict[str, Any]:
        since = int(self.engine.world.status["since"][self.row]) if self.row is not None else 0
        begun, ran = self._wall(since), max(0.0, (self._now() - since) / SECOND)
        return {"what": what, "since": begun, "ran": ran, "of": of, "until": begun + round(of * SECOND)}

    def _now(self) -> Micros:
        """Now on the clock that the rule's delays run on: node time for absence, data time for values."""
        time, point = self.engine.time, self.record()
        if self.rule.kind in OF_NODE_TIME or point is None:
            return time.u
        carried = point["flags"] & PointFlag.HELD and point["flags"] & PointFlag.ON_CHANGE
        return int(point["time"]) + (max(0, time.u - int(point["heard"])) if carried else 0)

    def _wall(self, since: Micros) -> Micros:
        """An instant of that clock as data time."""
        return since + (self.engine.time.wall - self.engine.time.u) if self.rule.kind in OF_NODE_TIME else since


def _told(found: AlarmTransition) -> dict[str, Any]:
    return {
        "n": found.n,
        "trigger": found.trigger.name,
        "before": found.before.name,
        "after": found.after.name,
        "episode": found.episode,
        "happened_at": found.happened_at,
        "noticed_at": found.noticed_at,
        "value": finite(found.value),
        "limit": finite(found.limit),
        "who": found.who,
        "reason": found.reason,
    }

"""A node's own past, asked of its stores: what `why`, what-if and later the correction by late data replay.

In: the plant, its engine configuration, journal and history — of a running node (the app's context) or of a data folder that nobody runs.
Out: readings, links and transitions of a few points in a window. Blocking: called in worker threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from anlan.model.clock import HOUR, MINUTE, SECOND, Micros
from anlan.model.events.alarms import LATE, AlarmKind, AlarmTransition, Trigger
from anlan.model.readings import Readings
from anlan.monitor.sub_plant import cut, longest_window, measured
from anlan.web.context import Context, History, Journal, PlantView

if TYPE_CHECKING:
    import pyarrow as pa

    from anlan.monitor.compile import EngineConfig
    from anlan.monitor.why import Explanation

WINDOW: Micros = 10 * MINUTE
"""Looked back at least; a rule whose delays are longer is looked at for twice their length."""
LONGEST_WINDOW: Micros = 24 * HOUR
MOST_ROWS = 5_000_000
"""Readings of one question; what there is more is left out at its end and told."""
PAGE = 500
MOST_PAGES = 200
CONFIG = "monitor.engine_config"
"""Where `node` puts, in the context's extras, what gives the engine configuration in force."""


@dataclass(frozen=True, slots=True)
class Rows:
    """`cut_at`: nothing after this was read, because there was too much; None when all was."""

    readings: Readings
    cut_at: Micros | None = None


class Past:
    """One per process: `Past.of(context)`, or made of opened stores."""

    def __init__(
        self, plant: Callable[[], PlantView], config: Callable[[], EngineConfig], journal: Journal, history: History
    ) -> None:
        self._plant, self._load, self._journal, self._history = plant, config, journal, history
        self._config: EngineConfig | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, context: Context) -> Past:
        past = context.extras.get("monitor.past")
        if past is None:
            past = cls(lambda: context.plant, context.extras[CONFIG], context.journal, context.history)
            context.extras["monitor.past"] = past
        assert isinstance(past, cls)
        return past

    @property
    def plant(self) -> PlantView:
        return self._plant()

    def config(self) -> EngineConfig:
        """The engine configuration of the version in force, read once for each."""
        with self._lock:
            if self._config is None or self._config.version != self.plant.version:
                self._config = self._load()
            return self._config

    def part(self, targets: Sequence[int], sources: Sequence[int] = ()) -> EngineConfig:
        """The configuration cut to these points and, with one point each, sources."""
        config = self.config()
        if sources:
            owner = dict(zip(config.point_table["source"].to_pylist(), config.point_table["number"].to_pylist(), strict=True))
            targets = [*targets, *(owner[source] for source in sources if source in owner)]
        return cut(config, targets)

    def readings(self, config: EngineConfig, start: Micros, end: Micros) -> Rows:
        """Of the measured points of `config`: the newest before `start` of each, and all with start ≤ time < end."""
        points = measured(config)
        if not points:
            return Rows(Readings.of([]))
        early = Readings.from_arrow(self._history.latest(points, start))
        table = self._history.read(points, start, end, limit=MOST_ROWS + 1)
        rows = Readings.from_arrow(table)
        if len(rows) <= MOST_ROWS:
            return Rows(Readings.concat([early, rows]))
        # Sorted by point: the first rows would be all of one point. A shorter window has all of every point.
        middle = (start + end) // 2
        shorter = self.readings(config, start, middle)
        return Rows(shorter.readings, min(middle, shorter.cut_at) if shorter.cut_at is not None else middle)

    def latest(self, points: Sequence[int], before: Micros) -> pa.Table:
        """The newest row before of each of these points."""
        return self._history.latest(points, before)

    def links(self, sources: Sequence[int], start: Micros, end: Micros) -> list[tuple[Micros, int, str]]:
        """When these sources went out of view and came back, by the journal of their loss of view; one that was out before comes with
        the instant at which it went."""
        found: list[tuple[Micros, int, str]] = []
        for source in sources:
            alarm = self._view_alarm(source)
            for transition in self.transitions(alarm, start, end) if alarm is not None else ():
                if transition.trigger in _LINKS and transition.happened_at <= end:
                    found.append((transition.happened_at, source, _LINKS[transition.trigger]))
        return sorted(found)

    def transitions(self, alarm: int, start: Micros, end: Micros) -> list[AlarmTransition]:
        """Of one alarm up to `end`, newest first, back to the one that held at `start` and the last that raised it."""
        found: list[AlarmTransition] = []
        for transition in self._backwards(alarm):
            if transition.noticed_at > end or transition.trigger in LATE:
                continue  # what late readings told afterwards is not what was known then
            found.append(transition)
            if transition.noticed_at <= start and transition.trigger is Trigger.CONDITION_ON:
                break
        return found

    def _backwards(self, alarm: int) -> Iterator[AlarmTransition]:
        before = None
        for _ in range(MOST_PAGES):
            page = self._journal.of_alarm(alarm, before=before, limit=PAGE)
            yield from page
            if len(page) < PAGE:
                return
            before = page[-1].n

    def _view_alarm(self, source: int) -> int | None:
        config = self.config()
        kinds, targets, numbers = (config.rule_table[name].to_pylist() for name in ("kind", "target", "number"))
        of_source = (n for k, t, n in zip(kinds, targets, numbers, strict=True) if k == AlarmKind.LOSS_OF_VIEW and t == source)
        return next(of_source, None)

    # ---- why

    def why(self, number: int, at: Micros, names: Callable[[str], str] = str) -> Explanation:
        """Why alarm `number` stands, or doesn't, at `at`."""
        from anlan.monitor.why import Question, explain

        plant = self.plant
        rule = plant.rules[number]
        points, lost = self.subjects([number])
        config = self.part(points, lost)
        delays = round(max(rule.on_delay, rule.off_delay) * SECOND)
        start = at - min(max(WINDOW, 2 * delays + MINUTE), LONGEST_WINDOW)
        begin = start - min(2 * longest_window(config), LONGEST_WINDOW)
        point = plant.points.get(points[0]) if points else None
        sources = config.source_numbers()
        name_of = lost[0] if lost else self._source_of(config, points)
        label = plant.sources[name_of].name if name_of in plant.sources else None
        named = {"zh": label.text("zh"), "en": label.text("en")} if label is not None and (label.zh or label.en) else {}
        return explain(
            Question(
                number=number,
                rule=rule,
                point=point,
                config=config,
                readings=self.readings(config, begin, at + 1).readings,
                begin=begin,
                links=self.links(sources, begin, at),
                journal=self.transitions(number, start, at),
                start=start,
                at=at,
                zone=plant.zone,
                names=names,
                source_name=named,
            )
        )

    @staticmethod
    def _source_of(config: EngineConfig, points: Sequence[int]) -> int:
        table = config.point_table
        by_point = dict(zip(table["number"].to_pylist(), table["source"].to_pylist(), strict=True))
        return int(by_point.get(points[0], -1)) if points else -1

    def subjects(self, alarms: Sequence[int]) -> tuple[list[int], list[int]]:
        """(points, sources) that these alarms watch."""
        table = self.config().rule_table
        wanted = set(alarms)
        points: list[int] = []
        sources: list[int] = []
        for number, kind, target in zip(*(table[name].to_pylist() for name in ("number", "kind", "target")), strict=True):
            if number in wanted:
                (sources if kind == AlarmKind.LOSS_OF_VIEW else points).append(target)
        return points, sources


_LINKS = {Trigger.CONDITION_ON: "down", Trigger.CONDITION_OFF: "up"}

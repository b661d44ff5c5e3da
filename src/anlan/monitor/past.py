"""A node's own past, asked of its stores: what `why` and what-if replay.

In: the plant, its engine configuration, journal and history — of a running node (the app's context) or of a data folder that nobody runs.
Out: what was read of a few points in a window, how their sources went and came, what people did to the points, and what their alarms did.
Blocking: called in worker threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from anlan.model.clock import DAY, HOUR, MINUTE, SECOND, Micros
from anlan.model.events.alarms import MOVES_NOTHING, AlarmKind, AlarmTransition, Trigger
from anlan.model.quality import REASON_MASK, Reason
from anlan.model.readings import Readings
from anlan.monitor import point_modes
from anlan.monitor.compile import column
from anlan.monitor.point_commands import LONGEST
from anlan.monitor.point_modes import PointStep
from anlan.monitor.replay import Link, Remembered
from anlan.monitor.rows import story_of
from anlan.monitor.states import ACTIVE, HIDDEN
from anlan.monitor.sub_plant import cut, longest_window, measured
from anlan.monitor.units_then import InUnitsOfNow
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
"""Of the journal of one alarm; what lies further back is left out and told."""
LATCH_LOOKED_BACK: Micros = 31 * DAY
"""For the reading over range that latched a point which has no high alarm of its own, as members of a vote have none."""
CONFIG = "monitor.engine_config"
"""Where `node` puts, in the context's extras, what gives the engine configuration in force."""


@dataclass(frozen=True, slots=True)
class Rows:
    """`cut_at`: nothing after this was read, because there was too much; None when all was."""

    readings: Readings
    cut_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class AlarmStory:
    """Of one alarm, newest first. `cut_at`: nothing before this was read, because there was too much; None when all was."""

    rows: list[AlarmTransition] = field(default_factory=list)
    cut_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """`cut_at`: as `Rows`. `told_from`: how sources were seen and what stood on points before this is not known, because the journal holds
    too much of it."""

    past: Remembered
    cut_at: Micros | None = None
    told_from: Micros | None = None


class OwnPast:
    """One per process: `OwnPast.of(context)`, or made of opened stores."""

    def __init__(
        self, plant: Callable[[], PlantView], config: Callable[[], EngineConfig], journal: Journal, history: History
    ) -> None:
        self._plant, self._load, self._journal, self._history = plant, config, journal, InUnitsOfNow(history, plant)
        self._config: EngineConfig | None = None
        self._view_alarms: dict[int, int] = {}
        """Source → its alarm for loss of view, of `_config`."""
        self._part: tuple[EngineConfig, tuple[int, ...], EngineConfig] | None = None
        """The part that was cut last: of a whole configuration, for these points. The alarms of one point are explained one after the other."""
        self._lock = Lock()

    @classmethod
    def of(cls, context: Context) -> OwnPast:
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
                self._view_alarms = _view_alarms(self._config)
            return self._config

    def part(self, targets: Sequence[int], sources: Sequence[int] = ()) -> EngineConfig:
        """The configuration cut to these points and, with one point each, sources."""
        config = self.config()
        if sources:
            numbers, source_of = column(config.point_table, "number"), column(config.point_table, "source")
            of_each = (numbers[source_of == source] for source in sources)
            targets = [*targets, *(int(found[-1]) for found in of_each if len(found))]
        wanted = tuple(targets)
        kept = self._part
        if kept is None or kept[0] is not config or kept[1] != wanted:
            self._part = kept = config, wanted, cut(config, wanted)
        return kept[2]

    def readings(self, config: EngineConfig, start: Micros, end: Micros) -> Rows:
        """Of the measured points of `config`: the newest before `start` of each, and all with start ≤ time < end."""
        if (rows := self._all(config, start, end)) is not None:
            return Rows(rows)
        # Sorted by point: the first rows would be all of one point. A shorter window has all of every point.
        middle = (start + end) // 2
        shorter = self.readings(config, start, middle)
        return Rows(shorter.readings, min(middle, shorter.cut_at) if shorter.cut_at is not None else middle)

    def newest(self, config: EngineConfig, start: Micros, end: Micros) -> Rows:
        """The same, for a question about `end`: what there is too much of is left out at its beginning, `cut_at` tells where it begins then."""
        begin = start
        while (rows := self._all(config, begin, end)) is None and begin < end:
            begin = (begin + end + 1) // 2
        return Rows(rows if rows is not None else Readings.of([]), begin if begin > start else None)

    def _all(self, config: EngineConfig, start: Micros, end: Micros) -> Readings | None:
        """None when there are more than `MOST_ROWS`."""
        points = measured(config)
        if not points:
            return Readings.of([])
        table = self._history.read(points, start, end, limit=MOST_ROWS + 1)
        if len(table) > MOST_ROWS:
            return None
        return Readings.concat([Readings.from_arrow(self._history.latest(points, start)), Readings.from_arrow(table)])

    def latest(self, points: Sequence[int], before: Micros) -> pa.Table:
        """The newest row before of each of these points."""
        return self._history.latest(points, before)

    def window(self, config: EngineConfig, begin: Micros, end: Micros, *, about_end: bool = False) -> Window:
        """All that a replay of the points of `config` from `begin` on needs. `about_end`: of too many readings the newest are taken."""
        rows = self.newest(config, begin, end) if about_end else self.readings(config, begin, end)
        if rows.cut_at is not None:
            begin, end = (min(rows.cut_at, end - 1), end) if about_end else (begin, rows.cut_at)
        links, links_from = self._links(config.source_numbers(), begin, end - 1)
        steps, steps_from = self._steps(measured(config), begin, end - 1)
        told_from = max((at for at in (links_from, steps_from) if at is not None), default=None)
        before = [step for step in steps if step.noticed_at < begin]
        known, led_up = self._known_at(config, begin, before)
        return Window(
            Remembered(Readings.concat([known, rows.readings]), links, [*led_up, *steps[len(before) :]], begin),
            rows.cut_at,
            told_from,
        )

    def _links(self, sources: Sequence[int], start: Micros, end: Micros) -> tuple[list[Link], Micros | None]:
        """When these sources went out of view and came back, by the journal of their loss of view; one that was out before comes with
        the instant at which it went."""
        self.config()
        found: list[Link] = []
        cuts: list[Micros] = []
        for source in sources:
            if (alarm := self._view_alarms.get(source)) is None:
                continue
            story = self.transitions(alarm, start, end)
            told = (t for t in story.rows if t.trigger in _LINKS and t.happened_at <= end)
            found += [(t.happened_at, source, _LINKS[t.trigger]) for t in told]
            cuts += [story.cut_at] if story.cut_at is not None else []
        return sorted(found), max(cuts, default=None)

    def _steps(self, points: Sequence[int], start: Micros, end: Micros) -> tuple[list[PointStep], Micros | None]:
        """All that was ever done to these points up to `end`, in order: a point is touched a few times a month."""
        found: list[PointStep] = []
        cuts: list[Micros] = []
        for point in points:
            before: int | None = None
            for _ in range(MOST_PAGES):
                page = self._journal.steps(point, before=before, limit=PAGE)
                found += [step for step in page if step.noticed_at <= end]
                if len(page) < PAGE:
                    break
                before = page[-1].n
            else:
                cuts.append(page[-1].noticed_at)
        return sorted(found, key=lambda step: step.n), max((at for at in cuts if at > start), default=None)

    def _known_at(self, config: EngineConfig, at: Micros, steps: Sequence[PointStep]) -> tuple[Readings, list[PointStep]]:
        """Of the points that people have taken out, or that latch over range, what brings a replay to where the engine was at `at`: readings
        before it, and the steps that count while those are taken."""
        numbers, latches = (column(config.point_table, name) for name in ("number", "latches"))
        latching = set(numbers[latches.astype(np.bool_)].tolist())
        readings: list[Readings] = []
        led_up: list[PointStep] = []
        for point in sorted({step.point for step in steps} | latching):
            own = [step for step in steps if step.point == point]
            found = self._leading_to(config, point, at, own, point in latching)
            first = int(found.time.min()) if len(found) else at
            earlier = [step for step in own if step.noticed_at < first]
            counts = [*point_modes.led_up(earlier), *own[len(earlier) :]]
            # Each step judges the newest reading anew, at that reading's own time.
            judged = (Readings.from_arrow(self._history.latest([point], step.noticed_at)) for step in counts)
            readings += [found, *judged]
            led_up += counts
        return Readings.concat(readings), sorted(led_up, key=lambda step: step.n)

    def _leading_to(self, config: EngineConfig, point: int, at: Micros, steps: Sequence[PointStep], latches: bool) -> Readings:
        """The newest reading, and the one that latched the point. Of one that is out also those before it was taken out: what its alarms
        knew last, and perhaps waited on."""
        before = [step for step in steps if step.noticed_at < at]
        over = self._first_over(config, point, at, before) if latches else Readings.of([])
        out = point_modes.out_since(before).get(point)
        if out is None:
            return Readings.concat([Readings.from_arrow(self._history.latest([point], at)), over])
        run_up = out - 2 * _longest_delay(config, point) - MINUTE
        return Readings.concat(
            [
                self._leading_to(config, point, run_up, before, latches),
                Readings.from_arrow(self._history.read([point], run_up, out, limit=MOST_ROWS)),
                over,
            ]
        )

    def _first_over(self, config: EngineConfig, point: int, at: Micros, steps: Sequence[PointStep]) -> Readings:
        reset = max((step.noticed_at for step in steps if step.step == "reset_over_range"), default=0)
        since = self._may_be_latched_since(config, point, at, steps)
        if since is None:
            return Readings.of([])
        begin = max(reset, since)
        while len(table := self._history.read([point], begin, at, limit=MOST_ROWS + 1)) > MOST_ROWS:
            begin = (begin + at + 1) // 2
        rows = Readings.from_arrow(table)
        first = np.flatnonzero(rows.quality & REASON_MASK == Reason.OVER_RANGE)[:1]
        return rows[slice(int(first[0]), int(first[0]) + 1)] if len(first) else Readings.of([])

    def _may_be_latched_since(self, config: EngineConfig, point: int, at: Micros, steps: Sequence[PointStep]) -> Micros | None:
        """A point that is latched has its high alarms on or soon will: where none is and none can be waiting, nobody need look. While it was
        out of evidence it may have been over range long before its alarm came."""
        if not (alarms := _high_alarms(config, point)):
            return at - LATCH_LOOKED_BACK
        since = [self._on_since(alarm, at) for alarm in alarms]
        since += point_modes.out_since(steps).values()
        known = [one for one in since if one is not None]
        return min(known) - LONGEST["inhibit"] if known else self._may_wait_since(config, point, alarms, at, steps)

    def _may_wait_since(
        self, config: EngineConfig, point: int, alarms: Sequence[int], at: Micros, steps: Sequence[PointStep]
    ) -> Micros | None:
        """Before this no over-range reading can have come that a high alarm's delay still waits for at `at`: the time that readings cover
        since then would have ended the delay. Gaps between them count for the point's deadline at most, as in the engine."""
        delay = min(round(self.plant.rules[alarm].on_delay * SECOND) for alarm in alarms)
        if not delay:
            return None
        row = column(config.point_table, "number") == point
        if not (known_for := int(column(config.point_table, "deadline")[row][0]) * 1000):
            return at - LATCH_LOOKED_BACK  # on change: how long its source was out of view is not asked here
        touched = max((step.noticed_at for step in steps), default=0)
        width, covered = delay + MINUTE, 0
        while covered < delay and width < LATCH_LOOKED_BACK:
            width *= 4
            times = Readings.from_arrow(self._history.read([point], max(at - width, touched), at, limit=MOST_ROWS)).time
            covered = int(np.minimum(np.diff(np.sort(times)), known_for).sum())
        return min(at - width, touched - LONGEST["inhibit"]) if touched > at - width else at - width

    def _on_since(self, alarm: int, at: Micros) -> Micros | None:
        """Since when an alarm's condition has been on at `at`, its delay included; of a hidden one nobody knows better than `at`."""
        story = story_of(self.transitions(alarm, at, at).rows)
        if story is None or story.last.after not in {*ACTIVE, *HIDDEN}:
            return None
        if story.raised is None or story.last.after in HIDDEN:
            return at
        return story.raised.happened_at - round(self.plant.rules[alarm].on_delay * SECOND)

    def transitions(self, alarm: int, start: Micros, end: Micros) -> AlarmStory:
        """Of one alarm up to `end`, newest first, back to the one that held at `start` and the last that raised it."""
        found: list[AlarmTransition] = []
        before: int | None = None
        noticed = end
        for _ in range(MOST_PAGES):
            page = self._journal.of_alarm(alarm, before=before, limit=PAGE, until=end)
            for transition in page:
                noticed = transition.noticed_at
                if transition.trigger in MOVES_NOTHING:
                    continue  # what late readings told afterwards is not what was known then, and a silence tells nothing
                found.append(transition)
                if noticed <= start and transition.trigger is Trigger.CONDITION_ON:
                    return AlarmStory(found)
            if len(page) < PAGE:
                return AlarmStory(found)
            before = page[-1].n
        return AlarmStory(found, noticed)

    def standing(self, alarms: Iterable[int], at: Micros) -> list[int]:
        """Those whose condition the journal has on at `at`."""
        stories = ((alarm, story_of(self.transitions(alarm, at, at).rows)) for alarm in alarms)
        return [alarm for alarm, story in stories if story is not None and story.last.after in ACTIVE]

    # ---- why

    def why(self, number: int, at: Micros, names: Callable[[str], str] = str) -> Explanation:
        """Why alarm `number` stands, or doesn't, at `at`."""
        from anlan.monitor.why import Asked, explain

        plant = self.plant
        rule = plant.rules[number]
        points, lost = self.subjects([number])
        config = self.part(points, lost)
        delays = round(max(rule.on_delay, rule.off_delay) * SECOND)
        start = at - min(max(WINDOW, 2 * delays + MINUTE), LONGEST_WINDOW)
        begin = start - min(2 * longest_window(config), LONGEST_WINDOW)
        point = plant.points.get(points[0]) if points else None
        name_of = lost[0] if lost else self._source_of(config, points)
        label = plant.sources[name_of].name if name_of in plant.sources else None
        named = {"zh": label.text("zh"), "en": label.text("en")} if label is not None and (label.zh or label.en) else {}
        window, journal = self.window(config, begin, at + 1, about_end=True), self.transitions(number, start, at)
        return explain(
            Asked(
                number=number,
                rule=rule,
                point=point,
                config=config,
                past=window.past,
                journal=journal.rows,
                start=max(start, window.past.begin or start),
                at=at,
                zone=plant.zone,
                names=names,
                source_name=named,
                point_names={n: plant.points[n].id for n in measured(config) if n in plant.points},
                readings_from=window.cut_at,
                journal_from=max((c for c in (journal.cut_at, window.told_from) if c is not None), default=None),
            )
        )

    @staticmethod
    def _source_of(config: EngineConfig, points: Sequence[int]) -> int:
        if not points:
            return -1
        found = column(config.point_table, "source")[column(config.point_table, "number") == points[0]]
        return int(found[0]) if len(found) else -1

    def subjects(self, alarms: Sequence[int]) -> tuple[list[int], list[int]]:
        """(points, sources) that these alarms watch."""
        table = self.config().rule_table
        chosen = np.isin(column(table, "number"), np.asarray(alarms, np.int64))
        target, of_source = column(table, "target")[chosen], column(table, "kind")[chosen] == AlarmKind.LOSS_OF_VIEW
        return target[~of_source].tolist(), target[of_source].tolist()


def _view_alarms(config: EngineConfig) -> dict[int, int]:
    """Source → the first rule that watches its view."""
    rows = np.flatnonzero(column(config.rule_table, "kind") == AlarmKind.LOSS_OF_VIEW)[::-1]
    target, number = column(config.rule_table, "target")[rows], column(config.rule_table, "number")[rows]
    return dict(zip(target.tolist(), number.tolist(), strict=True))


def _longest_delay(config: EngineConfig, point: int) -> Micros:
    """Of the alarms that look at the point itself."""
    table = config.rule_table
    own = (column(table, "target") == point) & (column(table, "kind") != AlarmKind.LOSS_OF_VIEW)
    delays = [column(table, name)[own].max(initial=0) for name in ("on_delay", "off_delay")]
    return int(max(delays)) * 1000


def _high_alarms(config: EngineConfig, point: int) -> list[int]:
    table = config.rule_table
    rows = (column(table, "target") == point) & np.isin(column(table, "kind"), (AlarmKind.HIGH, AlarmKind.HIGH_HIGH))
    return [int(number) for number in column(table, "number")[rows & column(table, "enabled").astype(np.bool_)]]


_LINKS = {Trigger.CONDITION_ON: "down", Trigger.CONDITION_OFF: "up"}

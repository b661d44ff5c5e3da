"""What a plant has to find: its places, points, sources and alarms, each with the texts it is found by and what it belongs to.

A point is also found by what its place is called, an alarm by its point, at less worth: "R-101 压力" finds the pressures of R-101.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.kinds import kinds
from anlan.model.languages import translate
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.companions import is_suppressor
from anlan.monitor.config import CALCULATED_KINDS, SUFFIX
from anlan.monitor.search.texts import ASIDE, NAME, TAG, Numbers, Scores, Text, Texts
from anlan.web.context import PlantView


class What(StrEnum):
    """In the order in which equals are shown."""

    PAGE = "page"
    PLACE = "place"
    SOURCE = "source"
    PERSON = "person"
    POINT = "point"
    ALARM = "alarm"


ALARM_WORDS: dict[AlarmKind, str] = {
    AlarmKind.LOW_LOW: "low-low",
    AlarmKind.LOW: "low",
    AlarmKind.HIGH: "high",
    AlarmKind.HIGH_HIGH: "high-high",
    AlarmKind.STATE: "state",
    AlarmKind.BAD_QUALITY: "bad quality",
    AlarmKind.STALE: "no longer updated",
    AlarmKind.LOSS_OF_VIEW: "loss of view",
    AlarmKind.RATE: "rate of change",
    AlarmKind.DEVIATION: "deviation",
    AlarmKind.FROZEN: "frozen",
    AlarmKind.DISCREPANCY: "discrepancy",
    AlarmKind.TIME_IN_STATE: "time in state",
    AlarmKind.COUNT: "count",
    AlarmKind.CONDITION: "condition",
}
"""As the console's lists call them."""
INHERITED = 3
"""A thing that is found by what it belongs to is worth this part of it, 1 ÷ INHERITED."""
NODE_TELLS = 8
"""Taken off a point that the node itself tells (a calibration's due date): its detector comes first. And off one that is no more."""
_BY_KIND = {What.PAGE: 5, What.PLACE: 4, What.SOURCE: 3, What.PERSON: 3, What.POINT: 2, What.ALARM: 0}


class Things:
    """Of one version of the plant; immutable. Things stand in this order: places from the top down, sources, points, alarms."""

    def __init__(self, plant: PlantView) -> None:
        self.plant = plant
        self.places = sorted(plant.places, key=lambda path: (path.count("/"), path))
        self.sources = sorted(plant.sources)
        known = [*sorted(plant.points), *sorted(plant.retired)]
        self.points = [number for number in known if not _is_companion(plant, plant.point_ever(number))]
        self.alarms = sorted(plant.rules)
        self._keys: dict[What, Sequence[Any]] = {
            What.PLACE: self.places,
            What.SOURCE: self.sources,
            What.POINT: self.points,
            What.ALARM: self.alarms,
        }
        sizes = {what: len(keys) for what, keys in self._keys.items()}
        self.first: dict[What, int] = {}
        total = 0
        for what, size in sizes.items():
            self.first[what], total = total, total + size
        self.total = total
        self.branch = np.zeros(total, np.int64)
        """Row of the place where each thing stands, for rights; the plant's top for sources."""
        self._kind_worth = np.concatenate([np.full(size, _BY_KIND[what], np.int32) for what, size in sizes.items()])
        own = [number in plant.retired or plant.points[number].source == NODE_ID for number in self.points]
        self._kind_worth[self.first[What.POINT] : self.first[What.ALARM]] -= np.where(own, NODE_TELLS, 0).astype(np.int32)
        self._parent = self._belonging()
        self._texts = Texts(self._all_texts(), total)

    def _belonging(self) -> Numbers:
        """Row of what each thing belongs to, -1 for nothing; always an earlier row of an earlier kind, or a place higher up."""
        plant, parent = self.plant, np.full(self.total, -1, np.int64)
        place_row = {path: row for row, path in enumerate(self.places)}
        top = place_row.get(plant.top, 0)
        for row, path in enumerate(self.places):
            parent[row], self.branch[row] = place_row.get(plant.places[path].parent, -1), row
        self.branch[self.first[What.SOURCE] : self.first[What.POINT]] = top
        point_row: dict[str, int] = {}
        for row, number in enumerate(self.points, self.first[What.POINT]):
            point = plant.point_ever(number)
            point_row[point.id] = row
            parent[row] = place_row.get(point.place, -1)
            self.branch[row] = place_row.get(point.place, top)
        for row, number in enumerate(self.alarms, self.first[What.ALARM]):
            rule = plant.rules[number]
            source = plant.source_numbers.get(rule.point)
            parent[row] = point_row.get(rule.point, -1 if source is None else self._row_of_source(source))
            self.branch[row] = place_row.get(plant.place_of_rule(rule), top)
        return parent

    def _row_of_source(self, number: int) -> int:
        return self.first[What.SOURCE] + self.sources.index(number)

    def _all_texts(self) -> Iterator[Text]:
        plant = self.plant
        areas: dict[str, list[Label]] = {}
        for area in plant.areas:
            areas.setdefault(area.place, []).append(area.name)
        for row, path in enumerate(self.places):
            place = plant.places[path]
            yield Text(row, place.id, TAG)
            yield from _names(row, place.name, *areas.get(path, ()), without=place.id)
        for row, number in enumerate(self.sources, self.first[What.SOURCE]):
            source = plant.sources[number]
            yield Text(row, source.id, TAG)
            yield from _names(row, source.name, without=source.id)
            yield Text(row, source.driver, ASIDE)
        named = kinds()
        for row, number in enumerate(self.points, self.first[What.POINT]):
            point = plant.point_ever(number)
            yield Text(row, point.id, TAG)
            yield from _names(row, point.name, without=point.id)
            for then in plant.past.get(number, ()):
                if then.point.id != point.id:
                    yield Text(row, then.point.id, ASIDE)
            if point.kind in named:
                yield from _names(row, named[point.kind].name, worth=ASIDE)
        words = {kind: Label(zh=translate(text, "zh"), en=text) for kind, text in ALARM_WORDS.items()}
        for row, number in enumerate(self.alarms, self.first[What.ALARM]):
            rule = plant.rules[number]
            yield Text(row, rule.id, TAG)
            yield Text(row, SUFFIX[rule.kind])
            yield from _names(row, words[rule.kind])

    def found(self, wanted: Sequence[str]) -> Scores:
        """What each thing is worth for all these terms together; 0 for what lacks one of them."""
        whole = np.zeros(self.total, np.int32)
        missing = np.zeros(self.total, bool)
        for term in wanted:
            one = self._with_inherited(self._texts.scores(term))
            missing |= one == 0
            whole += one
        whole += self._kind_worth
        np.maximum(whole, 1, out=whole)
        whole[missing] = 0
        return whole

    def _with_inherited(self, own: Scores) -> Scores:
        for part in self._parts:
            parent = self._parent[part]
            given = np.where(parent >= 0, own[parent], 0)
            own[part] = np.maximum(own[part], (given + INHERITED - 1) // INHERITED)
        return own

    @property
    def _parts(self) -> Iterator[slice]:
        """Spans of rows whose parents all stand in earlier spans: places level by level, points, alarms."""
        depth = np.array([path.count("/") for path in self.places], np.int64)
        for level in np.unique(depth)[1:]:
            rows = np.flatnonzero(depth == level)
            yield slice(int(rows[0]), int(rows[-1]) + 1)
        yield slice(self.first[What.POINT], self.first[What.ALARM])
        yield slice(self.first[What.ALARM], self.total)

    def keys(self, what: What) -> Sequence[Any]:
        """Paths of places, numbers of the others, in the order of their rows."""
        return self._keys[what]


def _names(owner: int, *labels: Label, without: str = "", worth: int = NAME) -> Iterator[Text]:
    """Both languages, without the id that many plants repeat in front of the name."""
    for label in labels:
        for text in (label.zh, label.en):
            yield Text(owner, text.removeprefix(without).strip() if without else text, worth)


def _is_companion(plant: PlantView, point: Point) -> bool:
    """A point that is calculated for an alarm has no page of its own to offer: the alarm is found."""
    number = plant.rule_numbers.get(point.id)
    rule = plant.rules[number] if number is not None else None
    return is_suppressor(point.id) or (rule is not None and rule.kind in CALCULATED_KINDS)

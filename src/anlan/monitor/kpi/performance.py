"""The measures themselves: one `Performance` for each operating post, and one for all of them together.

Rates and floods go by the node's clock (when the operator was told), chattering by the data's own time (how the signal behaves).
Regular periods of ten minutes and hours are counted from the window's start; only whole ones go into shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from anlan.model.clock import DAY, HOUR, MINUTE, SECOND, Micros
from anlan.monitor.flood import Flood, floods, in_last_span
from anlan.monitor.kpi.chattering import Chatter, chattering
from anlan.monitor.kpi.columns import Columns, Facts, Ints
from anlan.monitor.kpi.lives import OUT_OF_SERVICE, SHELVED, STANDING, SUPPRESSED, Annunciations, Spans, lives

TEN_MINUTES: Micros = 10 * MINUTE
STALE_AFTER: Micros = DAY
FLEETING_WITHIN: Micros = 10 * SECOND
ABOVE_IN_10_MIN = (1, 2, 5, 10)
ABOVE_IN_HOUR = (6, 12, 30)
TOP = 10
WAITED = (10, 30, 60, 120, 300, 600, 1800, 3600)
"""Upper ends of the classes of the time to acknowledge [s]."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Annunciated alarms. Shares are of whole regular periods; None where the window holds none. An average is None where the window is
    shorter than what it is an average over: nine alarms in the first two minutes are not 270 an hour."""

    count: int
    per_day: float | None
    per_hour: float | None
    per_10_min: float | None
    peak_minute: int
    peak_10_min: int
    """Most in one regular period of ten minutes."""
    peak_10_min_any: int
    """Most in any ten minutes, wherever they begin."""
    peak_hour: int
    periods_above: Mapping[int, float | None]
    """Share of ten-minute periods with more than n."""
    hours_above: Mapping[int, float | None]
    periods: tuple[int, ...] = field(repr=False)
    """Of each regular ten minutes from the window's start; the last may be cut."""


@dataclass(frozen=True, slots=True)
class Flooded:
    """Floods that touch the window. `share`: of the window's time."""

    count: int
    seconds: float
    share: float
    largest: int
    each: tuple[Flood, ...]


@dataclass(frozen=True, slots=True)
class Waits:
    """A distribution of times [s]; None where there is nothing to tell."""

    count: int
    median: float | None
    p90: float | None
    longest: float | None
    classes: tuple[int, ...] = ()
    """How many up to each of WAITED, and beyond."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of the annunciations. `never`: superseded or ended without an acknowledgement; `waiting`: still to be acknowledged.
    `in_time`: share of those with a stated time to respond whose condition was gone within it, of `timed` that are decided."""

    acknowledge: Waits
    respond: Waits
    never: int
    waiting: int
    timed: int
    in_time: float | None


@dataclass(frozen=True, slots=True)
class Hidden:
    """Shelved, suppressed or out of service within the window: how often it began, how many alarms, how long, and what is so at its end."""

    times: int
    alarms: int
    seconds: float
    longest: float
    at_end: int


@dataclass(frozen=True, slots=True)
class Actor:
    """One of the most frequent alarms. `fleeting`: how many of its annunciations were."""

    alarm: int
    count: int
    share: float
    fleeting: int
    index: float | None


@dataclass(frozen=True, slots=True)
class Stood:
    """Standing alarms over the window; stale ones stand longer than a day."""

    average: float
    most: int
    at_end: int
    stale: tuple[int, ...]
    """Alarms that were stale at some time of the window."""
    stale_most_in_a_day: int
    stale_at_end: int


@dataclass(frozen=True, slots=True)
class Performance:
    """`post` None: all posts together."""

    post: str | None
    start: Micros
    end: Micros
    rate: Rate
    flood: Flooded
    priorities: Mapping[int, int]
    """Annunciations of each priority; 0: alarms that the plant no longer has."""
    chattering: tuple[Chatter, ...]
    """Those that chatter, worst first."""
    fleeting: int
    fleeting_alarms: int
    actors: tuple[Actor, ...]
    actors_share: float | None
    alarms: int
    """How many different alarms were annunciated."""
    answered: Answered
    stood: Stood
    hidden: Mapping[str, Hidden]


@dataclass(frozen=True, slots=True)
class Report:
    """Of all posts, and of each that has alarms or was annunciated to."""

    whole: Performance
    posts: Mapping[str, Performance]


def measure(columns: Columns, facts: Mapping[int, Facts], start: Micros, end: Micros) -> Report:
    """Measures of start ≤ time < end. `columns` reach up to `end` and may begin earlier."""
    told, spans = lives(columns, end)
    posts = sorted({one.post for one in facts.values()})
    look_up = _LookUp(facts, posts, columns)
    by_post = [_Share(look_up, told, spans, start, end, number) for number in range(len(posts))]
    measured = {name: share.measure(name) for name, share in zip(posts, by_post, strict=True)}
    whole = _Share(look_up, told, spans, start, end, None)
    return Report(whole.measure(None, [one for found in measured.values() for one in found.flood.each]), measured)


class _LookUp:
    """Facts of alarms as arrays by number. An alarm that the plant no longer has belongs to no post; the whole counts it."""

    def __init__(self, facts: Mapping[int, Facts], posts: Sequence[str], columns: Columns) -> None:
        size = max([*facts, int(columns.alarm.max(initial=0)), int(columns.start.alarm.max(initial=0))], default=0) + 1
        self.priority = np.zeros(size, np.int64)
        self.post = np.full(size, -1, np.int64)
        self.time_to_respond = np.zeros(size, np.int64)
        number_of = {post: number for number, post in enumerate(posts)}
        for alarm, one in facts.items():
            self.priority[alarm], self.post[alarm] = one.priority, number_of[one.post]
            self.time_to_respond[alarm] = one.time_to_respond


class _Share:
    """One post's part of everything, or the whole."""

    def __init__(self, look_up: _LookUp, told: Annunciations, spans: Spans, start: Micros, end: Micros, post: int | None) -> None:
        if post is not None:
            told, spans = told.where(look_up.post[told.alarm] == post), spans.where(look_up.post[spans.alarm] == post)
        self._facts, self._start, self._end = look_up, start, end
        self._led_up = np.sort(told.at)
        self._told = told.where((told.at >= start) & (told.at < end))
        self._spans = spans.where(((spans.end > start) | (spans.begin >= start)) & (spans.begin < end))

    def measure(self, post: str | None, of_posts: Sequence[Flood] = ()) -> Performance:
        told = self._told
        chatter = chattering(told.alarm, told.happened_at)
        fleeting = told.untouched & (told.gone_at - told.at < FLEETING_WITHIN)
        actors = self._actors(chatter, told.alarm[fleeting])
        each = of_posts if post is None else floods(self._led_up, self._end, post=post)
        return Performance(
            post=post,
            start=self._start,
            end=self._end,
            rate=self._rate(),
            flood=self._flooded(each),
            priorities=_counted(self._facts.priority[told.alarm]),
            chattering=tuple(one for one in chatter if one.chatters),
            fleeting=int(fleeting.sum()),
            fleeting_alarms=len(np.unique(told.alarm[fleeting])),
            actors=actors,
            actors_share=sum(one.count for one in actors) / len(told) if len(told) else None,
            alarms=len(np.unique(told.alarm)),
            answered=self._answered(),
            stood=self._stood(),
            hidden={
                "shelved": self._hidden(SHELVED),
                "suppressed": self._hidden(SUPPRESSED),
                "out_of_service": self._hidden(OUT_OF_SERVICE),
            },
        )

    def _rate(self) -> Rate:
        at = np.sort(self._told.at)
        span = self._end - self._start
        periods, hours = self._periods(at, TEN_MINUTES), self._periods(at, HOUR)
        whole_periods, whole_hours = periods[: span // TEN_MINUTES], hours[: span // HOUR]
        return Rate(
            count=len(at),
            per_day=_average(len(at), span, DAY),
            per_hour=_average(len(at), span, HOUR),
            per_10_min=_average(len(at), span, TEN_MINUTES),
            peak_minute=int(in_last_span(at, MINUTE).max(initial=0)),
            peak_10_min=int(periods.max(initial=0)),
            peak_10_min_any=int(in_last_span(at).max(initial=0)),
            peak_hour=int(hours.max(initial=0)),
            periods_above={n: _share(whole_periods > n) for n in ABOVE_IN_10_MIN},
            hours_above={n: _share(whole_hours > n) for n in ABOVE_IN_HOUR},
            periods=tuple(periods.tolist()),
        )

    def _periods(self, at: Ints, width: Micros) -> Ints:
        count = -(-(self._end - self._start) // width)
        return np.bincount((at - self._start) // width, minlength=count)

    def _flooded(self, each: Sequence[Flood]) -> Flooded:
        """Time in which any of the floods ran counts once."""
        touching = sorted(
            (one for one in each if one.began_at < self._end and (one.ended_at is None or one.ended_at > self._start)),
            key=lambda one: (one.began_at, one.post),
        )
        total, covered = 0, self._start
        for one in touching:
            begin = max(one.began_at, covered)
            stop = self._end if one.ended_at is None else min(one.ended_at, self._end)
            total += max(0, stop - begin)
            covered = max(covered, stop)
        span = self._end - self._start
        largest = max((one.count for one in touching), default=0)
        return Flooded(len(touching), total / SECOND, total / span, largest, tuple(touching))

    def _actors(self, chatter: Sequence[Chatter], fleeting: Ints) -> tuple[Actor, ...]:
        counts, brief = _counted(self._told.alarm), _counted(fleeting)
        index = {one.alarm: one.index for one in chatter}
        most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:TOP]
        return tuple(Actor(alarm, n, n / len(self._told), brief.get(alarm, 0), index.get(alarm)) for alarm, n in most)

    def _answered(self) -> Answered:
        told = self._told
        acknowledged, gone = told.acknowledged_at >= 0, told.gone_at >= 0
        allowed = self._facts.time_to_respond[told.alarm]
        took = np.where(gone, told.gone_at, self._end) - told.at
        decided = (allowed > 0) & (gone | (took > allowed))
        in_time = decided & gone & (took <= allowed)
        return Answered(
            acknowledge=_waits((told.acknowledged_at - told.at)[acknowledged]),
            respond=_waits((told.gone_at - told.at)[gone]),
            never=int((~acknowledged & ~told.waiting).sum()),
            waiting=int(told.waiting.sum()),
            timed=int(decided.sum()),
            in_time=float(in_time.sum() / decided.sum()) if decided.any() else None,
        )

    def _stood(self) -> Stood:
        stood = self._spans.where(self._spans.kind == STANDING)
        inside = self._inside(stood)
        stale_from = stood.begin + STALE_AFTER
        stale = stood.end > np.maximum(stale_from, self._start)
        return Stood(
            average=float(inside.sum() / (self._end - self._start)),
            most=_most_at_once(np.maximum(stood.begin, self._start), stood.end),
            at_end=int(stood.open.sum()),
            stale=tuple(np.unique(stood.alarm[stale]).tolist()),
            stale_most_in_a_day=self._most_in_a_day(stood.alarm[stale], stale_from[stale], stood.end[stale]),
            stale_at_end=int((stale & stood.open).sum()),
        )

    def _most_in_a_day(self, alarm: Ints, begin: Ints, end: Ints) -> int:
        """Days are counted back from the window's end."""
        most, until = 0, self._end
        while until > self._start and len(alarm):
            on_day = (begin < until) & (end > max(until - DAY, self._start))
            most = max(most, len(np.unique(alarm[on_day])))
            until -= DAY
        return most

    def _hidden(self, kind: int) -> Hidden:
        spans = self._spans.where(self._spans.kind == kind)
        inside = self._inside(spans)
        return Hidden(
            times=int((spans.begin >= self._start).sum()),
            alarms=len(np.unique(spans.alarm)),
            seconds=float(inside.sum() / SECOND),
            longest=float((spans.end - spans.begin).max(initial=0) / SECOND),
            at_end=int(spans.open.sum()),
        )

    def _inside(self, spans: Spans) -> Ints:
        return np.minimum(spans.end, self._end) - np.maximum(spans.begin, self._start)


def _share(chosen: Ints | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float | None:
    return float(np.mean(chosen)) if len(chosen) else None


def _average(count: int, span: Micros, over: Micros) -> float | None:
    return count * over / span if span >= over else None


def _counted(values: Ints) -> dict[int, int]:
    counts = np.bincount(values) if len(values) else np.zeros(0, np.int64)
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def _waits(spans: Ints) -> Waits:
    if not len(spans):
        return Waits(0, None, None, None, (0,) * (len(WAITED) + 1))
    seconds = spans / SECOND
    median, p90 = np.quantile(seconds, (0.5, 0.9))
    classes = np.bincount(np.searchsorted(WAITED, seconds), minlength=len(WAITED) + 1)
    return Waits(len(seconds), float(median), float(p90), float(seconds.max()), tuple(classes.tolist()))


def _most_at_once(begin: Ints, end: Ints) -> int:
    """What ends at an instant is gone before what begins at it comes."""
    if not len(begin):
        return 0
    times = np.concatenate([end, begin])
    steps = np.concatenate([np.full(len(end), -1), np.full(len(begin), 1)])
    return int(np.cumsum(steps[np.argsort(times, kind="stable")]).max())

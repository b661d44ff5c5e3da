"""盲区: what can't be seen now. Points without a value that counts, sources that are silent, alarms that are put aside, votes that are degraded.

In: the plant, the newest values with their effective quality, links, hidden alarms, modes of points. Out: `Blindness`, one row for each thing
that is not seen: why, since when, until when, at which post, and which alarms can't come because of it. What is seen is not mentioned. Pure.

A point is told under one cause, the first that holds: calibration, inhibit, then what its quality says, then a bypass that is on. Unlike the
summary line, a point whose last value was beyond its limit is unseen here too: nobody knows where it is now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import SECOND, Micros
from anlan.model.events.alarms import AlarmKind, AlarmState
from anlan.model.frames import NODE_ID
from anlan.model.kinds import kinds
from anlan.model.places import Area, post_of
from anlan.model.points import Point
from anlan.model.quality import REASON_MASK, SEVERITY_SHIFT, Reason, Severity
from anlan.model.words import Label
from anlan.monitor.companions import ONLY_FOR_OTHERS, approval_of, met_alarm_of
from anlan.monitor.detectors.vote import VoteInForce, in_force
from anlan.monitor.point_modes import Mode, PointStep
from anlan.monitor.rows import Names, Standing
from anlan.monitor.summary import bypass_timers
from anlan.web.context import PlantView, SourceState

MOST_LISTED = 2_000
"""Rows told one by one, those that guard life first; the counts know of all."""
MOST_AFFECTED = 20


class Unseen(StrEnum):
    """Why something is not seen, in the order in which it is told."""

    COMMUNICATION = "communication"
    NO_DATA = "no_data"
    STALE = "stale"
    UNHEARD = "unheard"
    FAULT = "fault"
    OVER_RANGE = "over_range"
    CALIBRATION = "calibration"
    INHIBITED = "inhibited"
    STOPPED = "stopped"
    BYPASSED = "bypassed"
    VOTE = "vote"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"
    DERIVED = "derived"


SEEN = -1
"""In arrays of causes: nothing hides this point."""
_ORDER = {cause: n for n, cause in enumerate(Unseen)}
_CAUSES = tuple(Unseen)
_OF_REASON = {
    Reason.COMMUNICATION: Unseen.COMMUNICATION,
    Reason.NOT_CONNECTED: Unseen.COMMUNICATION,
    Reason.NO_DATA_YET: Unseen.NO_DATA,
    Reason.STALE: Unseen.STALE,
    Reason.OVER_RANGE: Unseen.OVER_RANGE,
    Reason.UNDER_RANGE: Unseen.OVER_RANGE,
    Reason.OVER_RANGE_LATCHED: Unseen.OVER_RANGE,
    Reason.ENGINEERING_LIMIT: Unseen.OVER_RANGE,
    Reason.CALIBRATION: Unseen.CALIBRATION,
    Reason.MAINTENANCE: Unseen.INHIBITED,
    Reason.OUT_OF_SERVICE: Unseen.STOPPED,
    Reason.STOPPED: Unseen.STOPPED,
}
"""Every other reason of a bad value is a fault of sensor or device."""
_BY_REASON = np.full(REASON_MASK + 1, _ORDER[Unseen.FAULT])
for _reason, _cause in _OF_REASON.items():
    _BY_REASON[_reason] = _ORDER[_cause]
_HIDDEN = {
    AlarmState.SHELVED: Unseen.SHELVED,
    AlarmState.SUPPRESSED: Unseen.SUPPRESSED,
    AlarmState.OUT_OF_SERVICE: Unseen.OUT_OF_SERVICE,
}
_LAST_HEARD = frozenset({Unseen.COMMUNICATION, Unseen.STALE, Unseen.UNHEARD})
_OF_MODE = {Unseen.CALIBRATION: Mode.CALIBRATING, Unseen.INHIBITED: Mode.INHIBITED}
_OWN_FACTS = frozenset({"fault", "bypass.approved", "calibration.due", "vote"})
"""Kinds of the node's points that it tells by itself; votes are told as votes."""
_NO_VALUE = frozenset({AlarmKind.BAD_QUALITY, AlarmKind.STALE, AlarmKind.LOSS_OF_VIEW})
"""Alarms that come because nothing is seen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known now. `number` … `received`: of the plant's points in this order; `quality` as it counts. `standing`: all alarms that are
    not normal; `modes` by (point, mode); `under_test`: detectors whose own state says calibration; `noticed`: since when this node has told
    the cause of a point, where nothing better is known."""

    at: Micros
    number: npt.NDArray[np.int64]
    quality: npt.NDArray[np.uint16]
    value: npt.NDArray[np.float64]
    received: npt.NDArray[np.int64]
    sources: Mapping[int, SourceState] = field(default_factory=dict)
    standing: Sequence[Standing] = ()
    modes: Mapping[tuple[int, Mode], PointStep] = field(default_factory=dict)
    under_test: Sequence[int] = ()
    noticed: Mapping[int, Micros] = field(default_factory=dict)
    names: Names = str


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is not seen: a point, a source or an alarm. `since_is`: "began", "last_heard", or "noticed" (it may have begun before).
    `until`: when it ends by itself, None if it doesn't. `affected`: alarms and votes that can't come or count less, the first few."""

    cause: Unseen
    name: Label
    place: str
    post: str
    safety: bool
    point: str | None = None
    source: str | None = None
    alarm: str | None = None
    quality: int = 0
    since: Micros | None = None
    since_is: str = ""
    until: Micros | None = None
    by: str = ""
    said: str = ""
    affected: tuple[str, ...] = ()
    affected_count: int = 0
    points: int = 0
    safety_points: int = 0
    """Of a source: how many of its points nobody sees."""
    vote: VoteInForce | None = None


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An area whose gas detectors nobody can rely on: all of them (`whole`), or all of some kinds."""

    area: str
    name: Label
    kinds: tuple[str, ...]
    detectors: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Blindness:
    """`counts`: points, votes and alarms by cause, sources left out; `rows`: sources first, then what guards life."""

    counts: dict[Unseen, int]
    rows: tuple[Row, ...]
    total: int
    areas: tuple[Uncovered, ...]


@dataclass(frozen=True, slots=True)
class _Lost:
    """What is not seen while a source is down; it doesn't change while the version is in force."""

    post: str
    affected: tuple[str, ...]
    affected_count: int
    points: int
    safety_points: int


class Blind:
    """Made once for a version of the plant, for what one person may see there; `find` is a few passes over arrays and a row for each hit."""

    def __init__(self, plant: PlantView, allows: Callable[[str], bool] = lambda place: True) -> None:
        self._plant, self._allows = plant, allows
        self.number = np.array(sorted(n for n, p in plant.points.items() if allows(p.place)), np.int64)
        points = [plant.points[int(n)] for n in self.number]
        self._points = points
        self._own = np.array([p.source == NODE_ID for p in points], bool)
        self._skipped = np.array([p.source == NODE_ID and (p.kind in _OWN_FACTS or p.id.endswith(ONLY_FOR_OTHERS)) for p in points], bool)  # fmt: skip
        self._bypass = np.array([p.kind == "bypass" for p in points], bool)
        self._safety = np.array([p.safety for p in points], bool)
        self._row = {int(n): row for row, n in enumerate(self.number)}
        self._timer = {bypass: (timer, minutes) for bypass, timer, minutes in bypass_timers(points)}
        self._point_numbers, self._rules_of_point = plant.point_numbers, plant.rules_of_point
        self._votes_of: dict[str, list[str]] = {}
        for vote in plant.votes:
            for member in vote.members:
                self._votes_of.setdefault(member, []).append(vote.id)
        detectors = _gas_detectors(plant.points.values())
        self._detectors = [(area, _inside(area, detectors)) for area in plant.areas if allows(area.place)]
        self._lost = self._if_lost()

    def _if_lost(self) -> dict[str, _Lost]:
        """By source id; sources without a point that this person may see are left out."""
        rows: dict[str, list[Point]] = {}
        for point in self._points:
            rows.setdefault(point.source, []).append(point)
        posts: dict[str, str] = {}
        for rule in self._plant.rules.values():
            if rule.kind is AlarmKind.LOSS_OF_VIEW:
                posts.setdefault(rule.point, self._plant.post_of_rule(rule))
        found = {}
        for source in self._plant.sources.values():
            mine = rows.get(source.id, ())
            if mine:
                affected = [alarm for point in mine for alarm in self._alarms_of(point)]
                first = tuple(affected[:MOST_AFFECTED])
                found[source.id] = _Lost(posts.get(source.id, ""), first, len(affected), len(mine), sum(p.safety for p in mine))
        return found

    def __contains__(self, number: int) -> bool:
        """Whether it tells of this point."""
        return number in self._row

    def causes(self, seen: Seen) -> npt.NDArray[np.int64]:
        """Of each point, in the order of `number`; SEEN where nothing hides it."""
        reason = (seen.quality & REASON_MASK).astype(np.int64)
        bad = (seen.quality >> SEVERITY_SHIFT >= Severity.BAD) | np.isnan(seen.value)
        found = np.where(bad, _BY_REASON[reason], SEEN)
        unheard = ~bad & (seen.quality >> SEVERITY_SHIFT == Severity.UNCERTAIN) & (reason == Reason.LAST_USABLE)
        found[unheard] = _ORDER[Unseen.UNHEARD]
        on = self._bypass & (seen.value != 0) & ~bad
        found[on] = _ORDER[Unseen.BYPASSED]
        found[self._own & (found != SEEN)] = _ORDER[Unseen.DERIVED]
        for cause, of in ((Unseen.INHIBITED, Mode.INHIBITED), (Unseen.CALIBRATION, Mode.CALIBRATING)):
            found[[self._row[point] for point, mode in seen.modes if mode is of and point in self._row]] = _ORDER[cause]
        found[[self._row[point] for point in seen.under_test if point in self._row]] = _ORDER[Unseen.CALIBRATION]
        found[self._skipped] = SEEN
        return found

    def find(self, seen: Seen) -> Blindness:
        causes = self.causes(seen)
        blind = np.flatnonzero(causes != SEEN)
        counts: Counter[Unseen] = Counter({cause: int(n) for cause, n in zip(_CAUSES, np.bincount(causes[blind], minlength=len(_CAUSES)).tolist(), strict=True) if n})  # fmt: skip
        order = np.lexsort((blind, causes[blind], ~self._safety[blind]))
        listed = blind[order][:MOST_LISTED]
        bad_since = self._bad_since(seen.standing)
        points = [self._point(row, _CAUSES[causes[row]], seen, bad_since) for row in listed.tolist()]
        hidden = [row for one in seen.standing if (row := self._hidden(one, seen.names)) is not None]
        unseen = {self._points[row].id: row for row in blind.tolist()}
        votes = [
            row for vote in self._plant.votes if self._allows(vote.place) and (row := self._vote(vote, seen, causes)) is not None
        ]
        counts.update(row.cause for row in (*hidden, *votes))
        rest = sorted(
            [*points, *votes, *hidden], key=lambda row: (not row.safety, _ORDER[row.cause], row.point or "", row.alarm or "")
        )
        sources = self._sources(seen)
        return Blindness(
            counts=dict(sorted(counts.items(), key=lambda item: _ORDER[item[0]])),
            rows=(*sources, *rest[:MOST_LISTED]),
            total=sum(counts.values()) + len(sources),
            areas=tuple(self._uncovered(unseen)),
        )

    # ---- points

    def _point(self, row: int, cause: Unseen, seen: Seen, bad_since: Mapping[str, Micros]) -> Row:
        point = self._points[row]
        number = int(self.number[row])
        affected = [*self._alarms_of(point), *self._votes_of.get(point.id, ())]
        told = Row(
            cause=cause,
            name=point.name,
            place=point.place,
            post=post_of(self._plant.places, point.place),
            safety=point.safety,
            point=point.id,
            source=point.source if point.source != NODE_ID else None,
            quality=int(seen.quality[row]),
            affected=tuple(affected[:MOST_AFFECTED]),
            affected_count=len(affected),
        )
        told = replace(told, **self._since(row, number, cause, seen, bad_since))
        step = self._step_of(number, point, cause, seen)
        if step is not None:
            words = f"{step.work_order}: {step.reason}" if step.work_order else step.reason
            told = replace(told, since=step.noticed_at, since_is="began", until=step.until, by=seen.names(step.who), said=words)
        if cause is Unseen.BYPASSED and told.until is None:
            told = replace(told, until=self._timer_ends(row, seen))
        return told

    def _alarms_of(self, point: Point) -> list[str]:
        """Those of its value, which cannot come while it is not known; a bypass hides none."""
        rules = (self._plant.rules[n] for n in self._rules_of_point.get(point.id, ()))
        return [] if point.kind == "bypass" else [rule.id for rule in rules if rule.kind not in _NO_VALUE]

    def _since(self, row: int, number: int, cause: Unseen, seen: Seen, bad_since: Mapping[str, Micros]) -> dict[str, Any]:
        heard = int(seen.received[row])
        if cause in _LAST_HEARD and heard:
            return {"since": heard, "since_is": "last_heard"}
        if cause is Unseen.NO_DATA:
            return {}
        began = bad_since.get(self._points[row].id)
        if began is not None:
            return {"since": began, "since_is": "began"}
        noticed = seen.noticed.get(number)
        return {"since": noticed, "since_is": "noticed"} if noticed is not None else {}

    def _bad_since(self, standing: Iterable[Standing]) -> dict[str, Micros]:
        """By point, from its own alarm of bad quality."""
        rules = ((self._plant.rules.get(one.last.alarm), one.raised) for one in standing)
        return {r.point: raised.happened_at for r, raised in rules if r is not None and raised is not None and r.kind is AlarmKind.BAD_QUALITY}  # fmt: skip

    def _step_of(self, number: int, point: Point, cause: Unseen, seen: Seen) -> PointStep | None:
        if cause is Unseen.BYPASSED:
            approved = self._point_numbers.get(approval_of(point.id), -1)
            return seen.modes.get((approved, Mode.APPROVED))
        return seen.modes.get((number, _OF_MODE[cause])) if cause in _OF_MODE else None

    def _timer_ends(self, row: int, seen: Seen) -> Micros | None:
        """By the safety system's own countdown, to the nearest ten seconds: it is told in coarse steps."""
        timer, minutes = self._timer.get(row, (None, 0.0))
        if timer is None or seen.quality[timer] >> SEVERITY_SHIFT >= Severity.BAD or not np.isfinite(seen.value[timer]):
            return None
        return round((seen.at + float(seen.value[timer]) * minutes * 60 * SECOND) / (10 * SECOND)) * 10 * SECOND

    # ---- sources, votes, alarms

    def _sources(self, seen: Seen) -> list[Row]:
        found = []
        for number, source in self._plant.sources.items():
            state = seen.sources.get(number)
            lost = self._lost.get(source.id)
            if state is None or state.state != "down" or lost is None:
                continue
            found.append(
                Row(
                    cause=Unseen.COMMUNICATION,
                    name=source.name if source.name.zh or source.name.en else Label(zh=source.id, en=source.id),
                    place=self._plant.top,
                    post=lost.post,
                    safety=True,
                    source=source.id,
                    since=state.since or None,
                    since_is="began",
                    said=state.reason,
                    affected=lost.affected,
                    affected_count=lost.affected_count,
                    points=lost.points,
                    safety_points=lost.safety_points,
                )
            )
        return found

    def _vote(self, vote: Any, seen: Seen, causes: npt.NDArray[np.int64]) -> Row | None:
        """A group in which not every member votes by its value."""
        rows = [self._row.get(self._point_numbers.get(member, -1)) for member in vote.members]
        known = [row for row in rows if row is not None]
        if len(known) < len(rows):
            return None  # members of another place, which this person may not see
        found = in_force(vote, [int(seen.quality[row]) for row in known])
        if not found.out:
            return None
        began = [self._since(row, int(self.number[row]), _CAUSES[causes[row]], seen, {}).get("since") for row in known if causes[row] != SEEN]  # fmt: skip
        since = max((one for one in began if one is not None), default=None)
        return Row(
            cause=Unseen.VOTE,
            name=vote.name,
            place=vote.place,
            post=vote.post or post_of(self._plant.places, vote.place),
            safety=True,
            point=vote.id,
            since=since,
            since_is="noticed" if since is not None else "",
            affected=(met_alarm_of(vote.id),),
            affected_count=1,
            vote=found,
        )

    def _hidden(self, standing: Standing, names: Names) -> Row | None:
        cause = _HIDDEN.get(standing.last.after)
        rule = self._plant.rules.get(standing.last.alarm)
        if cause is None or rule is None:
            return None
        place, point, hidden = self._plant.place_of_rule(rule), self._plant.point_of_rule(rule), standing.hidden
        if not self._allows(place):
            return None
        return Row(
            cause=cause,
            name=point.name if point is not None else Label(zh=rule.point, en=rule.point),
            place=place,
            post=self._plant.post_of_rule(rule),
            safety=point.safety if point is not None else True,
            point=point.id if point is not None else None,
            alarm=rule.id,
            since=hidden.noticed_at if hidden is not None else None,
            since_is="began" if hidden is not None else "",
            until=int(hidden.value) if cause is Unseen.SHELVED and hidden is not None else None,
            by=names(hidden.who) if hidden is not None and hidden.who else "",
            said=(hidden.reason if hidden is not None else "") or (rule.suppress_when if cause is Unseen.SUPPRESSED else ""),
            affected=(rule.id,),
            affected_count=1,
        )

    # ---- areas

    def _uncovered(self, unseen: Mapping[str, int]) -> Iterable[Uncovered]:
        for area, detectors in self._detectors:
            by_kind: dict[str, list[str]] = {}
            for point in detectors:
                by_kind.setdefault(point.kind, []).append(point.id)
            gone = tuple(kind for kind, ids in by_kind.items() if all(one in unseen for one in ids))
            if gone:
                of = tuple(one for kind in gone for one in by_kind[kind])
                yield Uncovered(area.id, area.name, gone, of, whole=len(gone) == len(by_kind))


def _gas_detectors(points: Iterable[Point]) -> list[Point]:
    hazardous = {kind.id for kind in kinds().values() if kind.hazard}
    return [point for point in points if point.kind in hazardous and not point.states]


def _inside(area: Area, detectors: Iterable[Point]) -> list[Point]:
    """Those that stand in the area; one without a position by its place."""
    return [
        point
        for point in detectors
        if (
            _holds(area.polygon, point.position.x, point.position.y)
            if point.position is not None
            else bool(area.place) and (point.place == area.place or point.place.startswith(area.place + "/"))
        )
    ]


def _holds(polygon: Sequence[tuple[float, float]], x: float, y: float) -> bool:
    """Whether the point lies inside: a ray to the east crosses the outline an odd number of times."""
    inside = False
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            inside = not inside
    return inside

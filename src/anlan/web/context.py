"""What the app process hands to every room: the node as its routes and pages see it.

A room offers two functions, which `node` collects; nothing registers when a module is imported:

    def routes(context: Context) -> APIRouter: ...     # in api.py, paths below /api/v1
    def pages(context: Context) -> None: ...           # in pages.py, each with `web.pages.page(context, path, action)`

The Protocols below are filled by `node` from rooms below this one, so that `web` imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from anlan.model.clock import Clock, Micros
from anlan.model.drawings import Drawing
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import AlarmKind, AlarmTransition
from anlan.model.links import Camera, Cameras, Document
from anlan.model.places import Anchor, Area, Place, post_of
from anlan.model.points import Point
from anlan.model.shifts import DEFAULT_SHIFTS, Shift
from anlan.model.words import Label
from anlan.web.bounds import Bounds
from anlan.web.fanout import LiveFanout
from anlan.web.live import LiveView
from anlan.web.metrics import Meter
from anlan.web.stream import Bell

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from anlan.guard.service import Guard
    from anlan.store.records import Records
    from anlan.store.scaling import Scale


class CoreClient(Protocol):
    """The core process, over its socket. Both raise Unavailable while it doesn't answer."""

    @property
    def connected(self) -> bool: ...

    @property
    def incarnation(self) -> str:
        """Names the store that journal positions belong to; a restored store has another. "" until the core was first heard."""
        ...

    async def command(self, command: dict[str, Any]) -> dict[str, Any]:
        """A person's step; answered once its transition is committed: {"id", "accepted", "why", "facts"?, "transition"}."""
        ...

    async def status(self) -> dict[str, Any]:
        """Positions, faults, rates and links, as plain JSON values."""
        ...


class Journal(Protocol):
    """Reads alarms.db. Blocking: call it in a worker thread; calls may come from several at once."""

    @property
    def last(self) -> int:
        """Number of the newest transition, 0 when there is none."""
        ...

    def read(self, after: int, limit: int = 256) -> Sequence[AlarmTransition]:
        """Transitions n > after, oldest first, without holes."""
        ...

    def before(self, before: int, limit: int = 256) -> Sequence[AlarmTransition]:
        """Transitions n < before, newest first."""
        ...

    def of_alarm(
        self, alarm: int, before: int | None = None, limit: int = 100, until: Micros | None = None
    ) -> Sequence[AlarmTransition]:
        """Of one alarm, newest first: n < before, noticed at or before `until`."""
        ...

    def standing(self) -> Sequence[AlarmTransition]:
        """The last transition of every alarm that isn't normal now."""
        ...

    def steps(self, point: int | None = None, before: int | None = None, limit: int = 100) -> Sequence[Any]:
        """Steps on points (`monitor.point_modes.PointStep`), newest first; of one point or of all."""
        ...

    def last_steps(self) -> Sequence[Any]:
        """Of each point the newest step of each kind."""
        ...

    def step_of(self, command: str) -> Any:
        """The step on a point that the engine took at this command, or None."""
        ...

    def noticed(self, start: Micros, end: Micros, limit: int) -> Sequence[AlarmTransition]:
        """Transitions noticed at start ≤ t < end, in order; at most `limit`, the first ones."""
        ...

    def steps_noticed(self, start: Micros, end: Micros, limit: int) -> Sequence[Any]:
        """Steps on points noticed at start ≤ t < end, in order."""
        ...

    def said(self, start: Micros, end: Micros, limit: int) -> Sequence[AlarmTransition]:
        """Transitions noticed at start ≤ t < end with which a person gave a reason, in order."""
        ...

    @property
    def begun(self) -> Sequence[Micros]:
        """When each log began that the journal follows from, in order."""
        ...

    def window(self, start: Micros, end: Micros) -> Mapping[str, npt.NDArray[np.int64]]:
        """Transitions noticed at start ≤ t < end as columns, and what was not normal before them (`monitor.journal_columns`)."""
        ...


class History(Protocol):
    """All readings, the log's tail included. Blocking: call it in a worker thread."""

    def read(self, points: Sequence[int], start: Micros, end: Micros, *, limit: int | None = None) -> pa.Table:
        """(point, time int64 µs, value, quality) with start ≤ time < end, sorted by point and time."""
        ...

    def latest(self, points: Sequence[int], before: Micros) -> pa.Table:
        """The newest row with time < before of each point that has one, by point."""
        ...

    def trend(self, points: Sequence[int], start: Micros, end: Micros, buckets: int, *, scales: Sequence[Scale] = ()) -> pa.Table:
        """Folded into at most `buckets` + 1 spans a point: the columns of `store.history_query.TREND`."""
        ...


class Rule(Protocol):
    """One alarm as configured (`monitor.config.AlarmRule` is one)."""

    @property
    def id(self) -> str: ...
    @property
    def point(self) -> str: ...
    @property
    def kind(self) -> AlarmKind: ...
    @property
    def limit(self) -> float | None: ...
    @property
    def priority(self) -> int: ...
    @property
    def post(self) -> str: ...
    @property
    def states(self) -> tuple[int, ...]: ...
    @property
    def dead_band(self) -> float: ...
    @property
    def on_delay(self) -> float: ...
    @property
    def off_delay(self) -> float: ...
    @property
    def latching(self) -> bool: ...
    @property
    def consequence(self) -> Label: ...
    @property
    def corrective_action(self) -> Label: ...
    @property
    def time_to_respond(self) -> float | None: ...
    @property
    def alarm_class(self) -> str: ...
    @property
    def window(self) -> float: ...
    @property
    def against(self) -> str: ...
    @property
    def when(self) -> str: ...
    @property
    def suppress_when(self) -> str: ...


class Source(Protocol):
    """One device, server or broker that points come from (`sense.config.SourceConfig` is one)."""

    @property
    def id(self) -> str: ...
    @property
    def driver(self) -> str: ...
    @property
    def name(self) -> Label: ...


class Demands(Protocol):
    """What the class of an alarm demands of who acknowledges or shelves it (`monitor.rationalisation.AlarmClass` is one)."""

    @property
    def id(self) -> str: ...
    @property
    def comment_required(self) -> bool: ...
    @property
    def shelvable(self) -> bool: ...
    @property
    def max_shelving(self) -> float: ...


@dataclass(frozen=True, slots=True)
class PointThen:
    """What a point was up to `until` [µs UTC], when a version made something else of it or took it away."""

    until: Micros
    point: Point


@dataclass(frozen=True)
class PlantView:
    """The configuration in force, with the dense numbers that readings and alarms carry. Replaced whole by a new version."""

    version: int
    id: str
    name: Label
    zone: str = "Asia/Shanghai"
    places: Mapping[str, Place] = field(default_factory=dict)
    """By path; the enterprise itself is the place without a parent."""
    areas: Sequence[Area] = ()
    anchor: Anchor | None = None
    points: Mapping[int, Point] = field(default_factory=dict)
    past: Mapping[int, Sequence[PointThen]] = field(default_factory=dict)
    """What points were before, oldest first, by number; a number that `points` lacks is of a point that was taken away."""
    rules: Mapping[int, Rule] = field(default_factory=dict)
    sources: Mapping[int, Source] = field(default_factory=dict)
    posts: Mapping[str, Label] = field(default_factory=dict)
    shifts: Sequence[Shift] = DEFAULT_SHIFTS
    escalation: Sequence[str] = ("shift_leader", "duty_leader")
    """Level by level whom an alarm is told to that nobody acknowledges: posts or roles."""
    demands: Mapping[str, Demands] = field(default_factory=dict)
    """Of the alarm classes, by id."""
    votes: Sequence[Any] = ()
    """Voting groups as configured (`plant.description.Vote`)."""
    trips: Mapping[str, Any] = field(default_factory=dict)
    """Point id → where the safety system itself acts on it (`plant.description.Trip`)."""
    safety: Any = None
    """Causes and effects of the safety system (`monitor.safety.config.SafetySystem`); None in a plant that describes none."""
    detectors: Any = None
    """What the plant demands of calibrations (`monitor.detectors.config.DetectorSettings`)."""
    documents: Sequence[Document] = ()
    cameras: Sequence[Camera] = ()
    hazards: Any = None
    """Units of major hazards (`risk.hazards.config.HazardSettings`); None in a plant that tells none."""
    drawings: Sequence[Drawing] = ()
    """The plant's own; the one without a place is the plan of the whole."""
    demo: bool = False
    speed: float = 1.0

    def demands_of(self, rule: Rule) -> Demands | None:
        """What the rule's class demands; None for a rule without one."""
        return self.demands.get(rule.alarm_class)

    @cached_property
    def point_numbers(self) -> dict[str, int]:
        return {point.id: number for number, point in self.points.items()}

    @cached_property
    def numbers_ever(self) -> dict[str, int]:
        """With the ids that points had before; what an id means now goes before what it meant."""
        return {then.point.id: number for number, was in self.past.items() for then in was} | self.point_numbers

    def point_at(self, point: Point, at: Micros) -> Point:
        """What a point of now was at that time."""
        was = self.past.get(self.point_numbers.get(point.id, -1), ())
        return next((then.point for then in was if at < then.until), point)

    @cached_property
    def retired(self) -> dict[int, Micros]:
        """Number → when the point was taken out of the plant."""
        return {number: was[-1].until for number, was in self.past.items() if number not in self.points}

    def point_ever(self, number: int) -> Point:
        """As it is, or as it was last. Raises KeyError for a number that no point had."""
        return self.points[number] if number in self.points else self.past[number][-1].point

    @cached_property
    def rule_numbers(self) -> dict[str, int]:
        return {rule.id: number for number, rule in self.rules.items()}

    @cached_property
    def source_numbers(self) -> dict[str, int]:
        return {source.id: number for number, source in self.sources.items()}

    @cached_property
    def rules_of_point(self) -> dict[str, list[int]]:
        """Numbers of the alarms of each point id."""
        found: dict[str, list[int]] = {}
        for number, rule in self.rules.items():
            found.setdefault(rule.point, []).append(number)
        return found

    def point_of_rule(self, rule: Rule) -> Point | None:
        """None for loss of view, whose subject is a source."""
        number = self.point_numbers.get(rule.point)
        return self.points[number] if number is not None else None

    def watched_by_rule(self, rule: Rule) -> Point | None:
        """The point whose value decides: the one that is calculated for the alarm, else its own; its unit is that of value and limit."""
        calculated = self.point_numbers.get(rule.id) if rule.kind >= AlarmKind.RATE else None
        return self.points[calculated] if calculated is not None else self.point_of_rule(rule)

    def place_of_rule(self, rule: Rule) -> str:
        """Path of the place the alarm stands at; the enterprise for a whole source."""
        point = self.point_of_rule(rule)
        return point.place if point is not None else self.top

    def post_of_rule(self, rule: Rule) -> str:
        """The post the alarm belongs to: its own, else that of the nearest place above that names one."""
        if rule.post:
            return rule.post
        return post_of(self.places, self.place_of_rule(rule))

    def cameras_of(self, point: str, place: str) -> list[Camera]:
        """The cameras that look at a point: those that name it, else those of the nearest place."""
        return self._cameras.of(point, place)

    @cached_property
    def _cameras(self) -> Cameras:
        return Cameras(self.cameras)

    @cached_property
    def first_outs(self) -> dict[str, str]:
        """Path of a place → id of the point in which the safety system traps what tripped it first."""
        return {point.place: point.id for point in self.points.values() if point.kind == "first.out"}

    @cached_property
    def top(self) -> str:
        """Path of the enterprise, "" in a plant without places."""
        return next((path for path, place in self.places.items() if not place.parent), "")

    def unit_of(self, path: str) -> str:
        """The unit a place belongs to: the path cut to two steps below the enterprise's."""
        return "/".join(path.split("/")[: self.top.count("/") + 2])


@dataclass(frozen=True)
class WebSettings:
    """How the door is hung. `origins` are further origins a browser may come from, e.g. a reverse proxy's "https://console.plant"."""

    tls: bool = False
    origins: tuple[str, ...] = ()
    metrics_from_loopback: bool = True
    live_hz: float = 4.0
    rates: bool = True
    """Whether what costs much is counted (`web.rates`); a test that asks everything a thousand times turns it off."""
    max_body: int = 1 << 20
    max_upload: int = 1 << 26
    """Of the few routes that take whole files."""
    read_only: AnlanError | None = None
    """Why nothing is changed here, if nothing is: people sign in and look."""


@dataclass(slots=True)
class SourceState:
    """What the node knows of one source's link; kept by `node` from what sense and core tell."""

    state: str = "unknown"
    """`up`, `down`, `connecting`, or `unknown` while nobody has told."""
    reason: str = ""
    since: Micros = 0
    heard_at: Micros = 0
    """When anything last came from it, a keep-alive included."""
    readings: int = 0
    duplicates: int = 0
    dropped: int = 0
    """Readings that a full disk refused and that no device keeps: decided on, never recorded."""


@dataclass
class Context:
    """Handed to `routes` and `pages` of each room; lives as long as the app process. `plant` is replaced on a new version."""

    core: CoreClient
    live: LiveView
    journal: Journal
    history: History
    records: Records
    plant: PlantView
    clock: Clock
    guard: Guard
    settings: WebSettings = field(default_factory=WebSettings)
    journal_moved: Bell = field(default_factory=Bell)
    """To be rung when the core says that transitions were committed."""
    sources: dict[int, SourceState] = field(default_factory=dict)
    sources_moved: Bell = field(default_factory=Bell)
    """To be rung after a change in `sources`."""
    people_moved: Bell = field(default_factory=Bell)
    """Rung after a change of people, roles or sessions."""
    meter: Meter = field(default_factory=Meter)
    bounds: Bounds = field(default_factory=Bounds)
    faults: dict[str, AnlanError] = field(default_factory=dict)
    """What is wrong and not yet mended, by part; every console shows it (`web.faults`)."""
    background: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    """Tasks that a room wants to run as long as the app does; added in its `routes`."""
    first: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    """What a room has to know before the first request is answered; waited for `web.app.FIRST_SECONDS` at most."""
    page_actions: dict[str, str] = field(default_factory=dict)
    """Path of each page → the action it declares; filled by `web.pages.page`."""
    extras: dict[str, Any] = field(default_factory=dict)
    """What a room keeps for its own routes and pages, by the room's name; `node` may put something there for a room, too."""

    def places_of_post(self, post: str) -> tuple[str, ...]:
        """The branches that a post watches, uppermost ones."""
        return tuple(path for path, place in self.plant.places.items() if place.post == post)

    @cached_property
    def fanout(self) -> LiveFanout:
        return LiveFanout(self.live, lambda number: self.plant.points[number].id, self.clock, self.settings.live_hz)

"""The plant as one value: what the folder says, checked, in the words of the rooms it is for.

`Plant` is immutable and has no file names in it: a version in the records holds exactly this, as canonical JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from anlan.model.drawings import Drawing
from anlan.model.errors import InputError
from anlan.model.links import Camera, Document
from anlan.model.places import Anchor, Area, Id, Level, Place, Position, post_of
from anlan.model.points import Point
from anlan.model.shifts import DEFAULT_SHIFTS, Shift
from anlan.model.units import find_unit
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorSettings
from anlan.monitor.rationalisation import AlarmClass, PriorityMatrix, default_matrix
from anlan.monitor.safety.config import SafetySystem
from anlan.plant.bulk import without_collection
from anlan.risk.hazards.config import HazardSettings
from anlan.sense.config import SourceConfig

if TYPE_CHECKING:
    import orjson

FORMAT = 1
"""Version of the canonical JSON; a later Anlan reads every earlier one."""


class Section(BaseModel):
    """Base of the sections of plant.yaml: frozen, unknown keys are errors, a number where a text belongs is taken as text."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Site(Section):
    """The section `plant`: which enterprise this is."""

    id: Id
    name: Label
    credit_code: str = ""
    region: str = ""
    sector: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    zone: str = "Asia/Shanghai"
    anchor: Anchor | None = None
    demo: bool = False


class Post(Section):
    """An operating post (操作岗位): alarms belong to it, people sign in at it."""

    id: Id
    name: Label


class PlaceEntry(Section):
    """One entry of the section `places`, with the places below it."""

    id: Id
    name: Label
    level: Literal["park", "unit", "equipment"] | None = None
    position: Position | None = None
    post: str = ""
    sector: str = ""
    places: tuple[PlaceEntry, ...] = ()


Scope = Literal["safety", "all", "none"]


class AlarmDefaults(Section):
    """What an alarm column holds when a point's line leaves it empty."""

    dead_band: float | None = Field(default=None, ge=0)
    on_delay: float | None = Field(default=None, ge=0)
    off_delay: float | None = Field(default=None, ge=0)
    latching: bool | None = None
    priority: int | None = Field(default=None, ge=1, le=4)


class Escalation(Section):
    """Whom an alarm of priority 1 is told to as well that nobody has acknowledged for `after` s: a post of the plant, or a role."""

    after: float = Field(ge=1, le=86_400)
    to: str


ESCALATION = (Escalation(after=60, to="shift_leader"), Escalation(after=120, to="duty_leader"))


class AlarmSettings(Section):
    """The section `alarms` without its rules. Quality alarms are for safety points only unless asked for: an alarm needs an action."""

    defaults: AlarmDefaults = AlarmDefaults()
    stale: Scope = "safety"
    bad: Scope = "safety"
    quality_priority: int = Field(default=2, ge=1, le=4)
    quality_delay: float = Field(default=5.0, ge=0, le=86_400)
    escalation: tuple[Escalation, ...] = Field(default=ESCALATION, min_length=1, max_length=9)
    classes: tuple[AlarmClass, ...] = ()
    priority_matrix: PriorityMatrix | None = None

    @property
    def matrix(self) -> PriorityMatrix:
        """The plant's own, or the one that ships with Anlan."""
        return self.priority_matrix or default_matrix()


class DataSettings(Section):
    """The section `data`: the basis on which gas limits and pressures are compared [°C], [kPa absolute], and by how much a reading may
    lie before its point's newest and still correct the alarm journal [s]."""

    gas_temperature: float = Field(default=20.0, ge=-60, le=80)
    atmospheric_pressure: float = Field(default=101.325, ge=50, le=110)
    late_window: float = Field(default=600.0, ge=0, le=86_400)


class Calculation(Section):
    """What `calculated` and `votes` have in common: a point that no source sends."""

    id: Id
    name: Label
    place: str = ""
    position: Position | None = None


class CalculatedPoint(Calculation):
    """One entry of the section `calculated`: a point whose value follows from others."""

    expression: str
    kind: str = "calculated"
    unit: str = ""
    decimals: int = Field(default=2, ge=0, le=9)
    range_low: float | None = None
    range_high: float | None = None
    states: dict[int, Label] = Field(default_factory=dict)

    @field_validator("unit")
    @classmethod
    def _as_its_code(cls, written: str) -> str:
        """ "℃" is Cel; what is no unit is told with its line by the check."""
        form = find_unit(written)
        return form.unit if form is not None else written


class Vote(Calculation):
    """One entry of the section `votes`: k of n detectors. `needed` is k; the members alarm at `limit` or in `states`."""

    members: Annotated[tuple[str, ...], Field(min_length=2, max_length=16)]
    needed: int = Field(ge=1, le=16)
    limit: float | None = Field(default=None, description="in the members' unit")
    side: Literal["high", "low"] = "high"
    dead_band: float = Field(default=0.0, ge=0)
    states: tuple[int, ...] = ()
    fault: Literal["alarm", "leave"] = Field(default="alarm", description="what a faulty member counts as")
    calibration: Literal["leave", "alarm"] = Field(default="leave", description="what a calibrating member counts as")
    fewest: int = Field(default=0, ge=0, le=16, description="healthy members below which it alarms; 0: `needed`")
    priority: int = Field(default=1, ge=1, le=4)
    on_delay: float = Field(default=0.0, ge=0, le=86_400)
    post: str = ""
    consequence: Label = Label()
    corrective_action: Label = Label()
    time_to_respond: float = Field(default=0.0, ge=0)

    @property
    def least(self) -> int:
        """Healthy members that are enough."""
        return self.fewest or self.needed

    @model_validator(mode="after")
    def _can_be_met(self) -> Vote:
        if self.needed > len(self.members):
            raise ValueError(f"vote {self.id}: needed was {self.needed}; it has {len(self.members)} members")
        if len(set(self.members)) != len(self.members):
            raise ValueError(f"vote {self.id}: a member is listed twice")
        if (self.limit is None) != bool(self.states):
            raise ValueError(f"vote {self.id}: either limit or states was expected")
        return self


class Trip(Section):
    """Where the safety system itself acts on a point: above `high`, below `low`. Read, never set."""

    point: str
    low: float | None = None
    high: float | None = None


class Plant(BaseModel):
    """Everything the node needs to know about a plant. Places come top down; `places[0]` is the enterprise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Site
    posts: tuple[Post, ...] = ()
    shifts: tuple[Shift, ...] = Field(default=DEFAULT_SHIFTS, min_length=1)
    places: tuple[Place, ...]
    areas: tuple[Area, ...] = ()
    sources: tuple[SourceConfig, ...] = ()
    alarms: AlarmSettings = AlarmSettings()
    data: DataSettings = DataSettings()
    points: tuple[Point, ...] = ()
    rules: tuple[AlarmRule, ...] = ()
    trips: tuple[Trip, ...] = ()
    calculated: tuple[CalculatedPoint, ...] = ()
    votes: tuple[Vote, ...] = ()
    safety: SafetySystem = SafetySystem()
    detectors: DetectorSettings = DetectorSettings()
    documents: tuple[Document, ...] = ()
    cameras: tuple[Camera, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    hazards: HazardSettings = HazardSettings()

    @cached_property
    def points_by_id(self) -> dict[str, Point]:
        return {p.id: p for p in self.points}

    @cached_property
    def places_by_path(self) -> dict[str, Place]:
        return {p.path: p for p in self.places}

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What `plant.compile` has made of it: a version is asked for its rules and points many times, and they are its own for good."""
        return {}

    @cached_property
    def written(self) -> dict[int, tuple[BaseModel, bytes]]:
        """Points and rules in canonical JSON, by the object itself, which is kept with it so that its id stays its own."""
        return {}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Plant:
        """As pydantic's, without what was computed from the old fields: it would otherwise be copied with them."""
        copy = super().model_copy(update=update, deep=deep)
        for computed in ("points_by_id", "places_by_path", "kept", "digest"):
            copy.__dict__.pop(computed, None)
        own = {id(item) for name in _MANY for item in getattr(copy, name)}
        copy.__dict__["written"] = {key: known for key, known in self.written.items() if key in own}
        return copy

    def post_of(self, path: str) -> str:
        return post_of(self.places_by_path, path)

    def to_json(self) -> bytes:
        """Canonical: sorted keys, no defaults, UTF-8. Equal plants give equal bytes."""
        import orjson

        with without_collection():
            content = _sortable(super().model_copy(update=dict.fromkeys(_MANY, ())))
            parts = {name: self._written(getattr(self, name)) for name in _MANY if getattr(self, name)}
            return orjson.dumps({"format": FORMAT, **content, **parts}, option=orjson.OPT_SORT_KEYS)

    def _written(self, items: tuple[BaseModel, ...]) -> orjson.Fragment:
        """A list of these in canonical JSON. Each is written once, however many versions of the plant have it."""
        import orjson

        known = self.written
        for item in items:
            if id(item) not in known:
                known[id(item)] = item, orjson.dumps(_sortable(item), option=orjson.OPT_SORT_KEYS)
        return orjson.Fragment(b"[" + b",".join([known[id(item)][1] for item in items]) + b"]")

    @classmethod
    def from_json(cls, text: bytes) -> Plant:
        """The inverse of `to_json`. Raises InputError for a form that a later Anlan wrote."""
        import orjson

        content = orjson.loads(text)
        found = content.pop("format", 0)
        if found > FORMAT:
            raise InputError("this plant has the form {found}; this Anlan reads forms up to {known}", found=found, known=FORMAT)
        return cls.model_validate(content)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex."""
        return hashlib.sha256(self.to_json()).hexdigest()


_MANY = ("points", "rules")
"""Parts of a plant of which there are tens of thousands, nearly all of them the same objects from version to version."""


def _sortable(model: BaseModel) -> Any:
    """Through JSON and back, because pydantic writes JSON far faster than it makes the Python objects to sort."""
    import orjson

    return orjson.loads(model.model_dump_json(exclude_defaults=True))


def enterprise(site: Site) -> Place:
    """The root of the place tree."""
    return Place(id=site.id, name=site.name, level=Level.ENTERPRISE)

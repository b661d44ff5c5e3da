"""A plant while it is being read: its parts so far, and where each was written."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields

from anlan.model.drawings import Drawing
from anlan.model.errors import InputError
from anlan.model.links import Camera, Document
from anlan.model.places import Area, Place
from anlan.model.points import Point
from anlan.model.shifts import DEFAULT_SHIFTS, Shift
from anlan.model.tables import nearest
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorSettings
from anlan.monitor.safety.config import SafetySystem
from anlan.plant.description import AlarmSettings, CalculatedPoint, DataSettings, Plant, Post, Site, Trip, Vote
from anlan.plant.findings import Where
from anlan.risk.hazards.config import HazardSettings
from anlan.sense.config import SourceConfig


@dataclass(slots=True)
class Draft:
    """`where` maps ("point", id), ("rule", id), ("source", id) … to the line; `site` is None while the section has mistakes."""

    site: Site | None = None
    posts: list[Post] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    sources: list[SourceConfig] = field(default_factory=list)
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    data: DataSettings = field(default_factory=DataSettings)
    points: list[Point] = field(default_factory=list)
    rules: dict[str, AlarmRule] = field(default_factory=dict)
    trips: list[Trip] = field(default_factory=list)
    calculated: list[CalculatedPoint] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    safety: SafetySystem = field(default_factory=SafetySystem)
    detectors: DetectorSettings = field(default_factory=DetectorSettings)
    documents: list[Document] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    hazards: HazardSettings = field(default_factory=HazardSettings)
    where: dict[tuple[str, str], Where] = field(default_factory=dict)
    read_sources: set[str] | None = None
    """Sources named by any line of the list, sound or not; None while no list has been read."""

    def finished(self) -> Plant:
        """The plant; only to be called when nothing fatal was found."""
        assert self.site is not None
        return Plant(
            site=self.site,
            posts=tuple(self.posts),
            shifts=tuple(self.shifts) or DEFAULT_SHIFTS,
            places=tuple(self.places),
            areas=tuple(self.areas),
            sources=tuple(self.sources),
            alarms=self.alarms,
            data=self.data,
            points=tuple(self.points),
            rules=tuple(self.rules[key] for key in sorted(self.rules)),
            trips=tuple(self.trips),
            calculated=tuple(self.calculated),
            votes=tuple(self.votes),
            safety=self.safety,
            detectors=self.detectors,
            documents=tuple(self.documents),
            cameras=tuple(self.cameras),
            drawings=tuple(self.drawings),
            hazards=self.hazards,
        )


class _Somewhere(dict[tuple[str, str], Where]):
    """What was not written in the file at hand stands at `fallback`."""

    def __init__(self, fallback: Where) -> None:
        super().__init__()
        self._fallback = fallback

    def __missing__(self, key: tuple[str, str]) -> Where:
        return self._fallback


def draft_of(plant: Plant, fallback: Where) -> Draft:
    """A finished plant as a draft, to be checked again after a change. `where` may be filled with what stands elsewhere."""
    draft = Draft(site=plant.site, where=_Somewhere(fallback))
    for part in fields(Draft):
        value = getattr(plant, part.name, None)
        if isinstance(value, tuple):
            setattr(draft, part.name, list(value))
        elif value is not None:
            setattr(draft, part.name, value)
    draft.rules = {rule.id: rule for rule in plant.rules}
    return draft


class PlaceIndex:
    """Finds a place by its path, with or without the enterprise in front, or by its id alone if only one place has it."""

    def __init__(self, places: list[Place]) -> None:
        self.root = places[0].path if places else ""
        self.by_path = {p.path: p for p in places}
        self.by_id: dict[str, list[str]] = defaultdict(list)
        self._posts: dict[str, str] = {}
        for place in places:
            self.by_id[place.id].append(place.path)
            self._posts[place.path] = place.post or self._posts.get(place.parent, "")

    def resolve(self, written: str) -> str:
        """The full path. Raises InputError."""
        for path in (written, f"{self.root}/{written}"):
            if path in self.by_path:
                return path
        candidates = self.by_id.get(written, [])
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise InputError(
                "place {place} could be {candidates}; write the path", place=written, candidates=", ".join(candidates)
            )
        raise InputError("place {place} is not in plant.yaml; did you mean {hint}?", place=written, hint=self._hint(written))

    def short(self, path: str) -> str:
        """The path as it is written in points.csv: without the enterprise."""
        return path.removeprefix(f"{self.root}/")

    def post_of(self, path: str) -> str:
        """The post that watches the place, its own or one inherited from above."""
        return self._posts.get(path, "")

    def _hint(self, written: str) -> str:
        close = nearest(written, [self.short(path) for path in self.by_path])
        return close or next((self.short(path) for path in list(self.by_path)[1:]), self.root)

"""Several edits of points, alarms, classes, sources and places, applied to a plant together: a new plant, or every mistake with the edit and the field it is in.

Pure: no records, no node. What a person writes is one edit for each thing; a point that goes takes the alarms and the trip written for it along.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from anlan.model.errors import AnlanError, InputError
from anlan.model.kinds import kinds
from anlan.model.places import Place
from anlan.model.points import Point
from anlan.model.principles import principles
from anlan.model.tables import nearest
from anlan.model.units import units
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.bulk import without_collection
from anlan.plant.checks import check_draft
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.draft import PlaceIndex, draft_of
from anlan.plant.findings import Finding, Findings, Where
from anlan.plant.validation import report
from anlan.sense.config import SourceConfig

What = Literal["point", "alarm", "class", "source", "place"]
MODELS: dict[str, type[BaseModel]] = {
    "point": Point,
    "alarm": AlarmRule,
    "class": AlarmClass,
    "source": SourceConfig,
    "place": Place,
}
WIRING = {"source": ("name", "keep_alive", "options"), "place": ("name", "post")}
"""What of a source and of a place may be changed here."""
OF_THE_NODE = ("file", "folder", "certificate", "key")
"""In the names of options that point to files of the node: these are set where the node stands."""
MOST_EDITS = 200
OTHER = "plant"

FIELD_OF = {
    "limit-order": "limit", "limit-range": "limit", "trip": "limit", "gas-limit": "limit", "gas-limit-idlh": "limit",
    "gas-limit-unverified": "limit", "gas-limit-unknown": "limit", "discrete-limit": "limit", "dead-band": "dead_band",
    "analogue-state": "states", "unknown-state": "states", "no-post": "post", "unknown-post": "post", "no-action": "corrective_action",
    "no-consequence": "consequence", "no-time": "time_to_respond", "late-alarm": "on_delay", "unknown-class": "alarm_class",
    "no-class": "alarm_class", "not-rationalised": "rationalised", "unknown-severity": "severity", "priority-matrix": "priority",
    "too-slow": "time_to_respond", "same-cause": "cause", "unknown-point": "point", "rule-id": "id", "unit-kind": "unit",
    "basis": "unit", "pressure-basis": "pressure_basis", "address": "address", "same-address": "address", "unknown-place": "place",
    "unknown-source": "source", "rename": "was", "reserved-id": "id",
}  # fmt: skip
"""Which field a finding is about; "" for one that is about the whole."""


def _writable(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """Half a character can be said in JSON and be kept nowhere."""
    try:
        orjson.dumps(fields)
    except TypeError as half:
        raise ValueError("a text holds half a character (a lone surrogate), which nothing can keep") from half
    return fields


Fields = Annotated[dict[str, Any], AfterValidator(_writable)]
"""Names of fields and their new values, as JSON has them."""


class Edit(BaseModel):
    """`change`: fields and their new values, of a new thing all that it needs; None takes the thing away. A place is named by its path;
    sources and places are changed and taken away here, not added (`plant.additions`)."""

    model_config = ConfigDict(extra="forbid")

    what: What
    id: Annotated[str, Field(min_length=1, max_length=80)]
    change: Annotated[Fields, Field(max_length=60)] | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """`edit`: index of the edit it is in; None for what the edits break elsewhere."""

    edit: int | None
    field: str
    finding: Finding

    def as_json(self) -> dict[str, Any]:
        where = self.finding.error.file
        text = {language: self.finding.text(language).removeprefix(f"{where}:").strip() for language in ("zh", "en")}
        return {"edit": self.edit, "field": self.field, "name": self.finding.name, "fatal": self.finding.fatal, "text": text}


@dataclass(slots=True)
class Edited:
    """`plant` is None when a mistake is fatal."""

    plant: Plant | None = None
    mistakes: list[Mistake] = field(default_factory=list)


def edited(plant: Plant, edits: Sequence[Edit]) -> Edited:
    """All edits together, in their order."""
    with without_collection():
        work = _Work(plant)
        for number, edit in enumerate(edits):
            work.take(number, edit)
        work.must_stand_alone(edits)
        return Edited(None, work.mistakes) if any(m.finding.fatal for m in work.mistakes) else _checked(work, edits)


class _Work:
    def __init__(self, plant: Plant) -> None:
        self.plant, self.mistakes = plant, list[Mistake]()
        self.points = {point.id: point for point in plant.points}
        self.rules = {rule.id: rule for rule in plant.rules}
        self.automatic = {rule.id: rule for rule in all_rules(plant) if rule.id not in self.rules}
        self.classes = {one.id: one for one in plant.alarms.classes}
        self.trips = list(plant.trips)
        self.sources = {source.id: source for source in plant.sources}
        self.places = {place.path: place for place in plant.places}

    def take(self, number: int, edit: Edit) -> None:
        parts: dict[str, dict[str, Any]] = {
            "point": self.points, "alarm": self.rules, "class": self.classes, "source": self.sources, "place": self.places,
        }  # fmt: skip
        held = parts[edit.what]
        if edit.change is None:
            self._remove(number, edit, held)
            return
        if edit.what in WIRING:
            self._rewire(number, edit, held)
            return
        known = held.get(edit.id) or (self.automatic.get(edit.id) if edit.what == "alarm" else None)
        before = known.model_dump(mode="json") if known is not None else {}
        values = {**before, **edit.change, "id": edit.id}
        if edit.what == "point":
            values = {**_usual(values), **values}
            self._must_be_known(number, edit.id, values)
        made = self._valid(number, edit, values)
        if made is not None:
            held[edit.id] = made

    def _must_be_known(self, number: int, identifier: str, values: dict[str, Any]) -> None:
        """What a line of points.csv is read by: names of things that there are."""
        known: dict[str, Iterable[str]] = {
            "place": self.plant.places_by_path,
            "source": [source.id for source in self.plant.sources],
            "kind": kinds(),
            "unit": ["", *units()],
            "principle": ["", *principles()],
        }
        kind = kinds().get(str(values.get("kind")))
        if kind is not None and not kind.discrete and kind.dimensions != ("*",) and not values.get("unit"):
            message = "{id} has no unit: a {kind} is measured for example in {hint}"
            self._say(number, "unit", "unknown-unit", message, id=identifier, kind=kind.id, hint=kind.default_unit)
        for name, there in known.items():
            found = values.get(name)
            if isinstance(found, str) and found not in there:  # anything else is for the model to refuse
                hint = nearest(str(found), there) or ", ".join(list(there)[:4])
                message = "{field} was {found}; did you mean {hint}?"
                self._say(number, name, f"unknown-{name}", message, id=identifier, field=name, found=str(found)[:60], hint=hint)

    def _remove(self, number: int, edit: Edit, held: dict[str, Any]) -> None:
        if edit.id not in held:
            message = (
                "the plant has {id} by itself: take it out of use instead" if edit.id in self.automatic else "there is no {id}"
            )
            self._say(number, "", "nothing-there", message, id=edit.id)
            return
        del held[edit.id]
        if edit.what == "point":
            self.rules = {key: rule for key, rule in self.rules.items() if rule.point != edit.id}
            self.trips = [trip for trip in self.trips if trip.point != edit.id]

    def _rewire(self, number: int, edit: Edit, held: dict[str, Any]) -> None:
        """A source or a place that there is, changed."""
        known, change = held.get(edit.id), edit.change or {}
        if known is None:
            self._say(number, "", "nothing-there", "there is no {id}", id=edit.id)
            return
        for name in change:
            if name not in WIRING[edit.what]:
                message = "{field} cannot be changed here; one of {expected} was expected"
                self._say(number, name, "fixed-field", message, id=edit.id, field=name, expected=", ".join(WIRING[edit.what]))
                return
        made = self._valid(number, edit, {**known.model_dump(mode="json"), **change})
        if isinstance(made, SourceConfig) and (wrong := wrong_source(known, made)) is not None:
            found = Findings()
            found.wrong("source-option", wrong, Where(edit.id))
            self.mistakes += [Mistake(number, "options", one) for one in found]
        elif made is not None:
            held[edit.id] = made

    def must_stand_alone(self, edits: Sequence[Edit]) -> None:
        """What is taken away holds nothing any more: its points go first, or are read elsewhere."""
        for number, edit in enumerate(edits):
            if edit.change is not None or edit.what not in WIRING:
                continue
            held = self._at(edit.id) if edit.what == "place" else [p.id for p in self.points.values() if p.source == edit.id]
            if edit.id == self.plant.places[0].path:
                held = held or [edit.id]  # the enterprise itself
            if held:
                message = "{id} still holds {count}: {what}. Take these away first, or let them stand elsewhere"
                self._say(number, "", "still-held", message, id=edit.id, count=len(held), what=", ".join(held[:5]))

    def _at(self, path: str) -> list[str]:
        plant = self.plant
        others: list[Any] = [*plant.areas, *plant.calculated, *plant.votes, *plant.documents, *plant.cameras]
        below = [place.path for place in self.places.values() if place.parent == path]
        return [*below, *(one.id for one in (*self.points.values(), *others) if getattr(one, "place", "") == path)]

    def _valid(self, number: int, edit: Edit, values: dict[str, Any]) -> Any:
        model = MODELS[edit.what]
        try:
            return model.model_validate(values)
        except ValidationError as failure:
            for problem in failure.errors(include_url=False):
                found = Findings()
                report(problem, model, Where(edit.id), found)
                name = ".".join(str(part) for part in problem["loc"]) or _named_in(str(problem["msg"]), model)
                self.mistakes += [Mistake(number, name, one) for one in found]
            return None

    def _say(self, number: int, name: str, finding: str, message: str, /, **facts: Any) -> None:
        found = Findings()
        found.mistake(finding, message, Where(str(facts["id"])), **facts)
        self.mistakes += [Mistake(number, name, one) for one in found]

    def finished(self) -> Plant:
        alarms = self.plant.alarms.model_copy(update={"classes": tuple(self.classes.values())})
        rules = tuple(self.rules[key] for key in sorted(self.rules))
        changed = {
            "points": tuple(self.points.values()), "rules": rules, "alarms": alarms, "trips": tuple(self.trips),
            "sources": tuple(self.sources.values()), "places": tuple(self.places.values()),
        }  # fmt: skip
        return self.plant.model_copy(update=changed)


def wrong_source(before: SourceConfig, after: SourceConfig) -> InputError | None:
    """What stands against these options: the driver's own word; or that a kept password would go to another address."""
    from anlan.sense.registry import driver_config

    old, new = before.options, after.options
    changed = [name for name in {*old, *new} if old.get(name) != new.get(name)]
    for name in sorted(changed):
        if any(word in name for word in OF_THE_NODE):
            return InputError("{field} names a file of the node: it is changed where the node stands", field=name)
    if changed and any("password" in name for name in {*old, *new}):
        return InputError(
            "this source signs in by a kept password, which must not go elsewhere: its options are changed where the node stands"
        )
    try:
        driver_config(after)
    except AnlanError as wrong:
        return InputError(wrong.message, **wrong.facts)
    return None


def _usual(values: dict[str, Any]) -> dict[str, Any]:
    """What the kind of a new point brings with it, as in points.csv."""
    kind = kinds().get(str(values.get("kind")))
    return {} if kind is None else {"subject": kind.subject.value, "safety": kind.safety}


def _named_in(message: str, model: type[BaseModel]) -> str:
    """A validator of the whole names the field in its words."""
    return next(
        (
            name
            for name in model.model_fields
            if name != "id" and name in message.replace(":", " ").replace("range", "range_low").split()
        ),
        "",
    )


def _checked(work: _Work, edits: Sequence[Edit]) -> Edited:
    """By all that `anlan check` looks at."""
    plant, findings = work.finished(), Findings()
    draft = draft_of(plant, Where(OTHER))
    for point in plant.points:
        draft.where["point", point.id] = Where(f"point {point.id}")
    for rule in plant.rules:
        draft.where["rule", rule.id] = Where(f"alarm {rule.id}")
    for place in plant.places:
        draft.where["place", place.path] = Where(f"place {place.path}")
    check_draft(draft, PlaceIndex(list(plant.places)), findings)
    own = {f"{edit.what} {edit.id}": number for number, edit in enumerate(edits)}
    found = [_placed(finding, own) for finding in findings]
    # Remarks on what nobody touched stand elsewhere.
    told = [one for one in found if one.finding.fatal or one.edit is not None]
    return Edited(None if findings.fatal else plant, told)


def _placed(finding: Finding, own: dict[str, int]) -> Mistake:
    """In the edit of that thing; else in one of the same point; else in one that the finding names."""
    name = finding.error.file.partition(" ")[2]
    facts = {key: str(fact) for key, fact in finding.error.facts.items()}
    named = {name, *facts.values(), *(f"{facts.get('id')}.{facts[key]}" for key in ("upper", "lower", "kind") if key in facts)}
    same_point = [n for key, n in own.items() if _point_of(key) in {name, _point_of(finding.error.file)}]
    mentioned = [n for key, n in own.items() if key.partition(" ")[2] in named]
    edit = own.get(finding.error.file, next(iter([*mentioned, *same_point]), None))
    return Mistake(edit, FIELD_OF.get(finding.name, ""), finding)


def _point_of(key: str) -> str:
    """Of "point LT-101" and of "alarm LT-101.H"."""
    what, _, identifier = key.partition(" ")
    return identifier.rpartition(".")[0] if what == "alarm" else identifier if what == "point" else ""

"""`anlan export`: a plant as the folder that describes it. Reading that folder gives the same plant again.

A limit alarm stands in its point's line where the line can say all of it; an alarm that it cannot say stands under `alarms: rules:`.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from anlan.model.drawings import Drawing, DrawingEntry
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmKind
from anlan.model.links import Camera, Document
from anlan.model.places import Level, Place
from anlan.model.points import Point
from anlan.model.shifts import DEFAULT_SHIFTS
from anlan.model.tables import LineFeeds, without_formula
from anlan.model.units import Form, read_unit
from anlan.monitor.config import SUFFIX, AlarmRule
from anlan.plant import cells
from anlan.plant.columns import SUFFIXES, column_names, per_alarm
from anlan.plant.description import Plant, Trip
from anlan.plant.drawings.shelf import FOLDER as DRAWINGS
from anlan.plant.folder import BASE_FILE, PLANT_FILE, POINT_FILES
from anlan.plant.version import Version
from anlan.plant.versions import base_text
from anlan.store.disk import Disk

RULE_COLUMNS = tuple(c for c in column_names() if c in per_alarm())


def export_folder(
    plant: Plant,
    folder: Path,
    version: Version | None = None,
    *,
    replace: bool = False,
    pictures: Mapping[str, bytes] | None = None,
) -> list[Path]:
    """Write plant.yaml and points.csv, the `pictures` of its drawings, and which version they rest on: each is there whole and durable, or is as it was, whatever dies on the
    way. Raises InputError if they would overwrite others."""
    there = [name for name in (PLANT_FILE, *POINT_FILES) if (folder / name).exists()]
    if there and not replace:
        raise InputError(
            "{folder} already holds {file}; say --replace to overwrite it", folder=str(folder), file=", ".join(there)
        )
    folder.mkdir(parents=True, exist_ok=True)
    texts = {PLANT_FILE: plant_yaml(plant), POINT_FILES[0]: "﻿" + points_csv(plant)}
    base = {BASE_FILE: base_text(version)} if version is not None else {}
    if pictures:
        (folder / DRAWINGS).mkdir(exist_ok=True)
        Disk().write_all({folder / DRAWINGS / name: content for name, content in pictures.items()})
    Disk().write_all({folder / name: text.encode() for name, text in {**texts, **base}.items()})
    (folder / POINT_FILES[1]).unlink(missing_ok=True)
    return [*(folder / name for name in texts), *(folder / DRAWINGS / name for name in pictures or ())]


def plant_yaml(plant: Plant) -> str:
    """The text of plant.yaml."""
    from ruamel.yaml import YAML

    content: dict[str, Any] = {"plant": _given(plant.site)}
    content["posts"] = [_given(p) for p in plant.posts]
    content["shifts"] = [_given(s) for s in plant.shifts] if plant.shifts != DEFAULT_SHIFTS else []
    content["places"] = _below(plant.places[0], plant)
    content["areas"] = [_given(a) for a in plant.areas]
    content["sources"] = [_source(s.model_dump(mode="json", exclude_defaults=True)) for s in plant.sources]
    content["calculated"] = [_given(c) | {"place": _short(c.place, plant)} for c in plant.calculated]
    content["votes"] = [_given(v) | {"place": _short(v.place, plant)} for v in plant.votes]
    content["safety"] = _given(plant.safety)
    content["detectors"] = _given(plant.detectors)
    content["documents"] = [_placed(one, plant) for one in plant.documents]
    content["cameras"] = [_placed(one, plant) for one in plant.cameras]
    content["drawings"] = [_drawing(one, plant) for one in plant.drawings]
    content["hazards"] = _hazards(plant)
    content["alarms"] = _given(plant.alarms) | _if_any("rules", [{**_given(r), "post": r.post} for r in _apart(plant)])
    content["data"] = _given(plant.data)
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 120
    writer.allow_unicode = True
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump({key: value for key, value in content.items() if value}, text)
    return text.getvalue()


def points_csv(plant: Plant) -> str:
    """The text of points.csv, without byte order mark."""
    rules = _rules_in_lines(plant)
    trips = {t.point: t for t in plant.trips}
    lines = [_line(p, rules.get(p.id, {}), trips.get(p.id), plant) for p in plant.points]
    used = {key for line in lines for key, value in line.items() if value}
    order = [*column_names(), *(f"{c}_{s}" for c in RULE_COLUMNS for s in SUFFIXES)]
    always = {"id", "place", "name_zh", "name_en", "kind", "unit", "source", "address"}
    columns = [c for c in order if c in used | always]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(LineFeeds(text), columns, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({key: without_formula(value) for key, value in line.items()} for line in lines)
    return text.getvalue()


# --- plant.yaml ------------------------------------------------------------------------------------------------------------


def _given(item: BaseModel) -> dict[str, Any]:
    return item.model_dump(mode="json", exclude_defaults=True)


def _placed(item: Document | Camera, plant: Plant) -> dict[str, Any]:
    return _given(item) | ({"place": _short(item.place, plant)} if item.place else {})


def _drawing(drawing: Drawing, plant: Plant) -> dict[str, Any]:
    """Without what follows from the file."""
    entry = {key: value for key, value in _given(drawing).items() if key in DrawingEntry.model_fields}
    boxes = {_short(path, plant): box for path, box in entry.get("places", {}).items()}
    return entry | ({"place": _short(drawing.place, plant)} if drawing.place else {}) | ({"places": boxes} if boxes else {})


def _hazards(plant: Plant) -> dict[str, Any]:
    entry = _given(plant.hazards)
    for unit in entry.get("units", []):
        unit["places"] = [_short(path, plant) for path in unit["places"]]
        for content in unit.get("contents", []):
            if content.get("place"):
                content["place"] = _short(content["place"], plant)
    return entry


def _source(entry: dict[str, Any]) -> dict[str, Any]:
    options = entry.pop("options", {})
    return {**entry, **options}


def _below(place: Place, plant: Plant) -> list[dict[str, Any]]:
    children = [p for p in plant.places[1:] if p.parent == place.path]
    return [_place(child, place, plant) for child in children]


def _place(place: Place, parent: Place, plant: Plant) -> dict[str, Any]:
    entry = _given(place)
    entry.pop("parent", None)
    entry.pop("level", None)
    if place.level is not (Level.UNIT if parent.level < Level.UNIT else Level.EQUIPMENT):
        entry["level"] = place.level.name.lower()
    return entry | _if_any("places", _below(place, plant))


def _if_any(key: str, entries: list[Any]) -> dict[str, Any]:
    return {key: entries} if entries else {}


# --- points.csv ------------------------------------------------------------------------------------------------------------


def _rules_in_lines(plant: Plant) -> dict[str, dict[str, AlarmRule]]:
    """Point → suffix → rule, of those that a point's line can say."""
    found: dict[str, dict[str, AlarmRule]] = defaultdict(dict)
    posts = _posts(plant)
    for rule in plant.rules:
        says_all = SUFFIX[rule.kind] in SUFFIXES and rule.point in posts and not rule.suppress_when
        if says_all and (rule.post or not posts[rule.point]):
            found[rule.point][SUFFIX[rule.kind]] = rule
    return found


def _apart(plant: Plant) -> list[AlarmRule]:
    in_lines = {rule.id for rules in _rules_in_lines(plant).values() for rule in rules.values()}
    return [rule for rule in plant.rules if rule.id not in in_lines]


def _posts(plant: Plant) -> dict[str, str]:
    return {p.id: plant.post_of(p.place) for p in plant.points}


def _line(point: Point, rules: Mapping[str, AlarmRule], trip: Trip | None, plant: Plant) -> dict[str, str]:
    given = {
        "id": point.id,
        "was": point.was,
        "place": _short(point.place, plant),
        "name_zh": point.name.zh,
        "name_en": point.name.en,
        "kind": point.kind,
        "source": point.source,
        "address": point.address,
        "gas": point.gas,
        "calibration_gas": point.calibration_gas,
        "principle": point.principle,
        "states": cells.write_states(point.states),
        "safety": _safety(point),
        "trip": _trip(trip),
    }
    return given | _unit(point) | _numbers(point) | _reporting(point) | _calibration(point) | _rule_cells(rules, point, plant)


def _short(path: str, plant: Plant) -> str:
    """Without the enterprise, unless that would name another place."""
    short = path.removeprefix(f"{plant.places[0].path}/")
    return path if short in plant.places_by_path else short


def _unit(point: Point) -> dict[str, str]:
    assert not point.unit or read_unit(point.unit) == Form(point.unit)
    return {"unit": point.unit, "pressure_basis": point.pressure_basis, "flow_basis": point.flow_basis}


def _numbers(point: Point) -> dict[str, str]:
    names = ("range_low", "range_high", "accuracy")
    values = {name: _number(getattr(point, name)) for name in names}
    values["response_factor"] = "" if point.response_factor == 1.0 else _number(point.response_factor)
    values["decimals"] = "" if point.decimals == 2 else str(point.decimals)
    if point.position is not None:
        values |= {axis: _number(getattr(point.position, axis)) for axis in ("x", "y", "z")}
    return values


def _reporting(point: Point) -> dict[str, str]:
    reporting = point.reporting
    return {
        "reporting": "" if reporting.mode == "cyclic" else reporting.mode,
        "period": "" if reporting.period == 1.0 else _number(reporting.period),
        "stale_after": _number(reporting.stale_after),
    }


def _calibration(point: Point) -> dict[str, str]:
    calibration = point.calibration
    if calibration is None:
        return {}
    last = calibration.last.isoformat() if calibration.last else ""
    return {
        "calibration_due": calibration.due.isoformat(),
        "calibration_last": last,
        "calibration_certificate": calibration.certificate,
    }


def _safety(point: Point) -> str:
    from anlan.model.kinds import kinds

    return "" if kinds()[point.kind].safety == point.safety else _yes_no(point.safety)


def _trip(trip: Trip | None) -> str:
    if trip is None:
        return ""
    sides = (f"<{_number(trip.low)}" if trip.low is not None else "", f">{_number(trip.high)}" if trip.high is not None else "")
    return ";".join(filter(None, sides))


def _rule_cells(rules: Mapping[str, AlarmRule], point: Point, plant: Plant) -> dict[str, str]:
    line: dict[str, str] = {}
    for suffix, rule in rules.items():
        line[suffix] = ";".join(map(str, rule.states)) if suffix == "ST" else _number(rule.limit)
    blank = _blank_means(plant, plant.post_of(point.place))
    for column in RULE_COLUMNS:
        values = {suffix: _rule_cell(rule, column) for suffix, rule in rules.items() if (column, suffix) != ("dead_band", "ST")}
        if len(set(values.values())) == 1:
            value = next(iter(values.values()))
            line[column] = "" if value == blank[column] else value
        else:
            line |= {f"{column}_{suffix}": value for suffix, value in values.items() if value != blank[column]}
    return line


def _blank_means(plant: Plant, post: str) -> dict[str, str]:
    """What an empty cell of each alarm column stands for."""
    defaults = plant.alarms.defaults
    given = {name: value for name, value in defaults.model_dump().items() if value is not None}
    rule = AlarmRule(id="P.H", point="P", kind=AlarmKind.HIGH, limit=0.0, **given)
    return {column: _rule_cell(rule, column) for column in RULE_COLUMNS} | {"post": post}


def _rule_cell(rule: AlarmRule, column: str) -> str:
    if column.endswith(("_zh", "_en")):
        text: str = getattr(getattr(rule, column[:-3]), column[-2:])
        return text
    if column.startswith("rationalised_"):
        done = rule.rationalised
        return "" if done is None else done.by if column == "rationalised_by" else done.on.isoformat()
    value = getattr(rule, column)
    if isinstance(value, bool):
        return _yes_no(value)
    return value if isinstance(value, str) else _number(value)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return repr(float(value)).removesuffix(".0")


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"

"""points.csv line by line: each row becomes a point, its alarms and its trip.

A row with a mistake gives no point, but the rows below are still read, so that one check shows every mistake of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from anlan.model.errors import InputError
from anlan.model.kinds import Kind, read_kind
from anlan.model.points import Point
from anlan.model.principles import read_principle
from anlan.model.tables import nearest
from anlan.model.units import Form, read_unit
from anlan.monitor.config import AlarmRule
from anlan.plant import cells
from anlan.plant.columns import REQUIRED, SUFFIXES, Column, closest, match, titles
from anlan.plant.description import Trip
from anlan.plant.draft import Draft, PlaceIndex
from anlan.plant.findings import Findings, Where
from anlan.plant.sheet import Row, Sheet
from anlan.plant.validation import report, shown
from anlan.plant.yaml_file import label

T = TypeVar("T")

BASES = {
    "pressure_basis": {
        "gauge": "gauge",
        "g": "gauge",
        "表压": "gauge",
        "absolute": "absolute",
        "a": "absolute",
        "绝压": "absolute",
    },
    "flow_basis": {"normal": "normal", "n": "normal", "标况": "normal", "actual": "actual", "工况": "actual"},
}
MODES = {
    "cyclic": "cyclic",
    "周期": "cyclic",
    "定时": "cyclic",
    "on_change": "on_change",
    "变化": "on_change",
    "变化上报": "on_change",
}

ALARM_CELLS: Mapping[str, Callable[[str], Any]] = {
    "dead_band": cells.number,
    "on_delay": cells.number,
    "off_delay": cells.number,
    "latching": cells.yes_no,
    "priority": cells.whole,
    "time_to_respond": cells.number,
    "enabled": cells.yes_no,
    "post": str,
    "severity": str,
    "alarm_class": str,
}
ALARM_LABELS = ("consequence", "corrective_action", "cause", "basis")


def read_points(sheet: Sheet, draft: Draft, places: PlaceIndex, findings: Findings) -> None:
    """Fill the draft's points, rules and trips from the sheet. The first row is the header."""
    if not sheet.rows:
        mend = "the first line names the columns: id,place,kind,…"
        findings.mistake("empty", "has no header and no points", Where(sheet.file), mend=mend)
        return
    header = _header(sheet, findings)
    sources = frozenset(s.id for s in draft.sources)
    draft.read_sources = set()
    for row in sheet.rows[1:]:
        where = Where(sheet.file, row.line)
        line = _Line(_cells(row, header, where, findings), where, header, draft, places, sources, findings)
        draft.read_sources.add(line.cells.get("source", ""))
        line.read()


@dataclass(frozen=True, slots=True)
class _Header:
    """`columns`: (place in the row, key). `of_one_alarm`: key → (column, alarm kind). `either`: columns that don't tell their language."""

    width: int
    columns: tuple[tuple[int, str], ...]
    of_one_alarm: Mapping[str, tuple[str, str]]
    either: frozenset[str]


def _header(sheet: Sheet, findings: Findings) -> _Header:
    row = sheet.rows[0]
    columns = match(row.cells)
    _check_header(row, columns, Where(sheet.file, row.line), findings)
    known = [(i, column) for i, column in enumerate(columns) if column]
    return _Header(
        width=len(columns),
        columns=tuple((i, column.key) for i, column in known),
        of_one_alarm={column.key: (column.name, column.suffix) for _, column in known if column.suffix},
        either=frozenset(c.key for _, c in known if not c.exact and c.name.endswith(("_zh", "_en"))),
    )


def _check_header(row: Row, columns: list[Column | None], where: Where, findings: Findings) -> None:
    for text, column in zip(row.cells, columns, strict=True):
        if text and column is None:
            hint = closest(text)
            mend = "did you mean {hint}?" if hint else "remove it, or see docs/plant-folder.md for the columns there are"
            findings.mistake("unknown-column", "unknown column {column}", where, mend=mend, column=text, hint=hint)
    keys = [c.key for c in columns if c]
    for key in sorted({k for k in keys if keys.count(k) > 1}):
        findings.mistake("duplicate-column", "two columns mean {column}", where, mend="keep one of them", column=key)
    for name in REQUIRED:
        if name not in keys:
            findings.mistake(
                "missing-column", "the column {column} ({title}) is missing", where, column=name, title=titles()[name]
            )


def _cells(row: Row, header: _Header, where: Where, findings: Findings) -> dict[str, str]:
    cells_of_row, found = row.cells, len(row.cells)
    if found > header.width and any(cells_of_row[header.width :]):
        message, mend = (
            "the row has {found} cells, the header {expected}",
            "put a text that contains the separator in quotation marks",
        )
        findings.mistake("too-many-cells", message, where, mend=mend, found=found, expected=header.width)
    return {key: cells_of_row[i] for i, key in header.columns if i < found and cells_of_row[i]}


@dataclass(slots=True)
class _Line:
    """One row while it is read."""

    cells: Mapping[str, str]
    where: Where
    header: _Header
    draft: Draft
    places: PlaceIndex
    sources: frozenset[str]
    findings: Findings
    sound: bool = True

    def read(self) -> None:
        missing = [name for name in REQUIRED if name not in self.cells]
        for name in missing:
            self._mistake("missing-cell", "{column} ({title}) is empty", column=name, title=titles()[name])
        if "id" not in missing and self._is_new():
            point = self._point()
            rules = self._rules(point["id"], point.get("place", ""))
            trip = self._trip(point["id"], rules)
            if self.sound:
                self._keep(point, rules, trip)

    def _is_new(self) -> bool:
        first = self.draft.where.setdefault(("point", self.cells["id"]), self.where)
        if first is not self.where:
            self._mistake(
                "duplicate-id",
                "the point {id} stands here a second time; the first is in line {first}",
                id=self.cells["id"],
                first=first.line,
            )
        return first is self.where

    def _keep(self, point: dict[str, Any], rules: dict[str, dict[str, Any]], trip: Trip | None) -> None:
        try:
            self.draft.points.append(Point.model_validate(point))
        except ValidationError as failure:
            for problem in failure.errors(include_url=False):
                report(problem, Point, self.where, self.findings)
            return
        for rule_id, rule in rules.items():
            try:
                self.draft.rules[rule_id] = AlarmRule.model_validate(rule)
            except ValidationError as failure:
                for problem in failure.errors(include_url=False):
                    report(problem, AlarmRule, self.where, self.findings)
            self.draft.where["rule", rule_id] = self.where
        if trip is not None:
            self.draft.trips.append(trip)

    # --- the point ---------------------------------------------------------------------------------------------------------

    def _point(self) -> dict[str, Any]:
        get = self.cells.get
        point: dict[str, Any] = {"id": self.cells["id"], "name": self._label("name"), "address": get("address", "")}
        if not (get("name_zh") or get("name_en")):
            self._mistake("missing-cell", "{column} ({title}) is empty", column="name_zh", title=titles()["name_zh"])
        point |= {key: get(key, "") for key in ("was", "gas", "calibration_gas") if get(key)}
        if (principle := self._understood("principle", read_principle)) is not None:
            point["principle"] = principle.id
        point |= self._kind() | self._placed() | self._measured() | self._reported()
        return point

    def _kind(self) -> dict[str, Any]:
        kind = self._understood("kind", read_kind)
        if kind is None:
            return {}
        unit = self._unit(kind)
        safety = self._value("safety", cells.yes_no)
        return {"kind": kind.id, "subject": kind.subject, "safety": kind.safety if safety is None else safety, **unit}

    def _unit(self, kind: Kind) -> dict[str, str]:
        form = self._understood("unit", read_unit) or Form("")
        if "unit" not in self.cells and not kind.discrete and kind.dimensions != ("*",):
            self._mistake(
                "missing-unit",
                "{id} has no unit",
                mend="a {kind} is measured for example in {hint}",
                kind=kind.id,
                hint=kind.default_unit,
                id=self.cells["id"],
            )
        result = {"unit": form.unit, "pressure_basis": form.pressure_basis, "flow_basis": form.flow_basis}
        for key, words in BASES.items():
            result[key] = self._word(key, words) or result[key]
        return {key: value for key, value in result.items() if value}

    def _placed(self) -> dict[str, Any]:
        result: dict[str, Any] = {"source": self.cells.get("source", "")}
        if self.cells.get("source") and self.cells["source"] not in self.sources:
            hint = nearest(self.cells["source"], self.sources) or ", ".join(sorted(self.sources)[:5])
            self._mistake(
                "unknown-source",
                "source {source} is not in plant.yaml",
                mend="there is: {hint}",
                source=self.cells["source"],
                hint=hint or "—",
            )
        place = self._understood("place", self.places.resolve)
        position = {axis: v for axis in ("x", "y", "z") if (v := self._value(axis, cells.number)) is not None}
        if position:
            result["position"] = position
        return result | ({"place": place} if place else {})

    def _measured(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            key: self._value(key, cells.number)
            for key in ("range_low", "range_high", "accuracy", "response_factor")
            if key in self.cells
        }
        result["decimals"] = self._value("decimals", cells.whole)
        result["states"] = self._value("states", cells.states)
        low, high = result.get("range_low"), result.get("range_high")
        if low is not None and high is not None and low >= high:
            self._mistake("range", "range {low:g} … {high:g}: the low end must be below the high end", low=low, high=high)
        calibration = {
            "due": self._value("calibration_due", cells.day),
            "last": self._value("calibration_last", cells.day),
            "certificate": self.cells.get("calibration_certificate"),
        }
        calibration = {key: value for key, value in calibration.items() if value}
        result["calibration"] = calibration or None
        return {key: value for key, value in result.items() if value is not None}

    def _reported(self) -> dict[str, Any]:
        reporting = {
            "mode": self._word("reporting", MODES),
            "period": self._value("period", cells.number),
            "stale_after": self._value("stale_after", cells.number),
        }
        given = {key: value for key, value in reporting.items() if value is not None}
        return {"reporting": given} if given else {}

    # --- its alarms --------------------------------------------------------------------------------------------------------

    def _rules(self, point: str, place: str) -> dict[str, dict[str, Any]]:
        limits: dict[str, dict[str, Any]] = {}
        for suffix in SUFFIXES:
            value = self._value("ST", cells.integers) if suffix == "ST" else self._value(suffix, cells.number)
            if value is not None:
                limits[suffix] = {"states": value} if suffix == "ST" else {"limit": value}
        own = self._own_cells(limits)
        if not limits:
            return {}
        base = {"post": self.places.post_of(place), **self._defaults(), **self._alarm_cells("")}
        return {f"{point}.{suffix}": self._rule(point, suffix, limit, base, own) for suffix, limit in limits.items()}

    def _rule(self, point: str, suffix: str, limit: dict[str, Any], base: dict[str, Any], own: set[str]) -> dict[str, Any]:
        rule = {"id": f"{point}.{suffix}", "point": point, "kind": suffix, **base, **limit}
        if suffix in own:
            rule |= self._alarm_cells(suffix)
        if suffix == "ST":
            rule.pop("dead_band", None)
        return rule

    def _defaults(self) -> dict[str, Any]:
        return {key: value for key, value in self.draft.alarms.defaults if value is not None}

    def _alarm_cells(self, suffix: str) -> dict[str, Any]:
        """What the cells for all alarms ("") or for one alarm say; empty cells say nothing."""
        ending = f"_{suffix}" if suffix else ""
        values = {name: self._value(name + ending, read) for name, read in ALARM_CELLS.items()}
        labels = {name: self._label(name, suffix) for name in ALARM_LABELS}
        return {key: value for key, value in values.items() if value is not None} | labels | self._rationalised(ending)

    def _rationalised(self, ending: str) -> dict[str, Any]:
        """Who and when; a cell for one alarm goes before that for all, and one without the other is a mistake of its model."""
        by = self.cells.get(f"rationalised_by{ending}") or self.cells.get("rationalised_by")
        on = self._value(f"rationalised_on{ending}", cells.day) or self._value("rationalised_on", cells.day)
        given = {key: value for key, value in (("by", by), ("on", on)) if value}
        return {"rationalised": given} if given else {}

    def _own_cells(self, limits: Mapping[str, Any]) -> set[str]:
        """The alarms that have cells of their own."""
        own = set()
        for key, (_, suffix) in self.header.of_one_alarm.items():
            if key in self.cells:
                own.add(suffix)
                if suffix not in limits:
                    message = "{column} is given, but {limit} is empty: there is no such alarm"
                    self._mistake("idle-cell", message, column=key, limit=suffix)
        return own

    def _trip(self, point: str, rules: Mapping[str, Mapping[str, Any]]) -> Trip | None:
        written = self._value("trip", cells.trips)
        sides: dict[str, float] = {}
        for side, value in written or ():
            known = {"<": "low", ">": "high"}.get(side) or _side(value, rules)
            if known is None or known in sides:
                self._mistake(
                    "trip-side",
                    "trip {value:g} does not tell whether it acts above or below",
                    mend="write >{value:g} or <{value:g}",
                    value=value,
                )
            else:
                sides[known] = value
        return Trip(point=point, **sides) if sides else None

    # --- cells -------------------------------------------------------------------------------------------------------------

    def _value(self, key: str, read: Callable[[str], T]) -> T | None:
        text = self.cells.get(key)
        if text is None:
            return None
        try:
            return read(text)
        except cells.BadCell as bad:
            self._mistake("value", "{key} was {found}; " + bad.expected + " was expected", key=key, found=shown(text))
            return None

    def _understood(self, key: str, read: Callable[[str], T]) -> T | None:
        if key not in self.cells:
            return None
        try:
            return read(self.cells[key])
        except InputError as wrong:
            self.sound = False
            self.findings.wrong(f"unknown-{key}", wrong, self.where)
            return None

    def _word(self, key: str, words: Mapping[str, str]) -> str | None:
        text = self.cells.get(key)
        if text is None or cells.plain(text).casefold() in words:
            return None if text is None else words[cells.plain(text).casefold()]
        self._mistake(
            "value", "{key} was {found}; one of {expected} was expected", key=key, found=shown(text), expected=", ".join(words)
        )
        return None

    def _label(self, name: str, suffix: str = "") -> dict[str, str]:
        """Two cells as a label; a cell for one alarm goes before that for all."""
        keys = {f"{name}_zh", f"{name}_en"}
        zh, en = self.cells.get(f"{name}_zh", ""), self.cells.get(f"{name}_en", "")
        if suffix:
            zh, en = self.cells.get(f"{name}_zh_{suffix}", zh), self.cells.get(f"{name}_en_{suffix}", en)
            keys |= {f"{key}_{suffix}" for key in keys}
        if bool(zh) != bool(en) and self.header.either & keys:
            return label(zh or en).model_dump()
        return {"zh": zh, "en": en}

    def _mistake(self, name: str, message: str, *, mend: str = "", **facts: Any) -> None:
        self.sound = False
        self.findings.mistake(name, message, self.where, mend=mend, **facts)


def _side(value: float, rules: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The side of a trip written as a bare number, from the alarms of its point; None if they don't tell."""
    highs = [r["limit"] for r in rules.values() if r["kind"] in ("HH", "H")]
    lows = [r["limit"] for r in rules.values() if r["kind"] in ("LL", "L")]
    if highs and lows:
        return "high" if value > max(highs) else "low" if value < min(lows) else None
    return "high" if highs else "low" if lows else None

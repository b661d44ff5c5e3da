"""The section `hazards` of plant.yaml: read with the strapping tables that lie beside it as CSV, and held against the plant's places and points."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from anlan.model.errors import ConfigError, InputError
from anlan.model.tables import nearest
from anlan.model.units import find_unit
from anlan.monitor.companions import mass_of
from anlan.plant.draft import Draft, PlaceIndex
from anlan.plant.findings import Findings, Where
from anlan.plant.sheet import decode
from anlan.plant.tanks import read_by, watched_contents
from anlan.plant.validation import validated
from anlan.plant.yaml_file import Located
from anlan.risk.hazards.config import Content, HazardSettings, HazardUnit, LiveMass
from anlan.risk.hazards.identification import decimal, identify

LENGTHS = {"%": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001}
"""Units of a level that a strapping table can be read by, and what they are in those of its rows: %, else m."""
_NO_TABLE = [["0", "0"], ["1", "0"]]
"""In the place of one that couldn't be read, which has been told."""


def read_hazards(located: Located, section: Mapping[str, Any], folder: Path | None, draft: Draft, findings: Findings) -> None:
    """Into `draft.hazards`, with the line of each unit and content."""
    draft.where["hazards", ""] = located.where(("hazards",))
    content = copy.deepcopy(dict(section))
    for i, j, entry in _entries(content):
        strapping = (entry.get("live") or {}).get("strapping") if isinstance(entry.get("live"), dict) else None
        if isinstance(strapping, dict) and "file" in strapping:
            where = located.where(("hazards", "units", i, "contents", j, "live", "strapping", "file"))
            strapping["table"] = _strapping(str(strapping.pop("file")), folder, where, findings)
    hazards = validated(HazardSettings, content, located, ("hazards",), findings)
    if hazards is None:
        return
    draft.hazards = hazards
    for i, unit in enumerate(hazards.units):
        draft.where["hazard unit", unit.id] = located.where(("hazards", "units", i, "id"))
        for j, one in enumerate(unit.contents):
            where = located.where(("hazards", "units", i, "contents", j, "id"))
            draft.where["hazard content", one.id] = where
            if one.live is not None:
                draft.where.setdefault(("point", mass_of(one.id)), where)


def _entries(section: Mapping[str, Any]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for i, unit in enumerate(_listed(section.get("units"))):
        for j, content in enumerate(_listed(unit.get("contents")) if isinstance(unit, dict) else []):
            if isinstance(content, dict):
                yield i, j, content


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _strapping(name: str, folder: Path | None, where: Where, findings: Findings) -> list[list[str]]:
    """Rows of level and contents of a CSV file in the plant folder; mistakes at its own lines."""
    path = (folder / name) if folder is not None else Path(name)
    inside = folder is not None and path.resolve().is_relative_to(folder.resolve())
    if not inside or not path.is_file():
        findings.mistake("missing-file", "the strapping table {table} is not in the plant folder", where, table=name)
        return _NO_TABLE
    try:
        text = decode(name, path.read_bytes())
    except ConfigError as wrong:
        findings.wrong("encoding", wrong, Where(wrong.file, wrong.line), mend=wrong.mend)
        return _NO_TABLE
    found: list[list[str]] = []
    for line, row in enumerate(csv.reader(io.StringIO(text)), 1):
        if not any(cell.strip() for cell in row) or row[0].lstrip().startswith("#"):
            continue
        try:
            level, volume = row
            found.append([str(_finite(level)), str(_finite(volume))])
        except (InvalidOperation, ValueError):
            if found or line > 1:  # the first line may name the columns
                message = "{found} was read; a level and its contents in m3 were expected, such as 0.5,3.1"
                findings.mistake("strapping", message, Where(name, line), found=",".join(row))
    return found or _NO_TABLE


def _finite(cell: str) -> Decimal:
    value = Decimal(cell.strip())
    if not value.is_finite():
        raise InvalidOperation
    return value


# --- against the plant -----------------------------------------------------------------------------------------------------


def check_hazards(draft: Draft, places: PlaceIndex, findings: Findings) -> None:
    """Places and points exist; what an identification lacks is a warning, for it isn't wrong, only not complete."""
    hazards = draft.hazards
    if not hazards.units:
        return
    units = tuple(_placed(unit, draft, places, findings) for unit in hazards.units)
    draft.hazards = hazards.model_copy(update={"units": units})
    _points(draft, findings)
    told: set[str] = set()
    for unit in units:
        found = identify(unit, draft.hazards.residents)
        where = draft.where["hazard unit", unit.id]
        for step in found.missing:
            if step.text("en") not in told:  # The residents are the plant's: once is enough.
                findings.warning("hazard-incomplete", step.message, where, **step.facts)
            told.add(step.text("en"))
        if found.provisional:
            of = ", ".join(line.content.id for line in found.lines if line.provisional)
            message = "{unit}: β of {contents} rests on a class that is not checked against the original; write classes"
            findings.warning("hazard-provisional", message, where, unit=unit.id, contents=of)
        if found.major and not all((unit.persons.principal, unit.persons.technical, unit.persons.operating)):
            message = "{unit} is a major hazard; its three named persons (principal, technical, operating) are not all told"
            findings.warning("hazard-persons", message, where, unit=unit.id)


def _placed(unit: HazardUnit, draft: Draft, places: PlaceIndex, findings: Findings) -> HazardUnit:
    def full(written: str, where: Where) -> str:
        try:
            return places.resolve(written) if written else ""
        except InputError as wrong:
            findings.wrong("unknown-place", wrong, where)
            return written

    own = draft.where["hazard unit", unit.id]
    contents = tuple(
        one.model_copy(update={"place": full(one.place, draft.where["hazard content", one.id])}) for one in unit.contents
    )
    return unit.model_copy(update={"places": tuple(full(place, own) for place in unit.places), "contents": contents})


def _points(draft: Draft, findings: Findings) -> None:
    """What a mass is computed from, in units that can be."""
    measured = {point.id: point.unit for point in draft.points} | {one.id: one.unit for one in draft.calculated}
    ranges = {point.id: point.range_high for point in draft.points} | {one.id: one.range_high for one in draft.calculated}
    for _, content, live in watched_contents(draft.hazards):
        where = draft.where["hazard content", content.id]
        for point in read_by(live):
            if point not in measured:
                message = "the mass in {content} is computed from {point}, which is no point of this plant"
                hint = nearest(point, measured) or "—"
                findings.mistake(
                    "unknown-point", message, where, mend="did you mean {hint}?", content=content.id, point=point, hint=hint
                )
        if live.level in measured and measured[live.level] not in LENGTHS:
            _unit(content, live.level, measured[live.level], ", ".join(LENGTHS), where, findings)
        elif live.level in measured and live.strapping is not None:
            _range(content, live, ranges.get(live.level), measured[live.level], where, findings)
        if live.mass in measured and not _is_mass(measured[live.mass]):
            _unit(content, live.mass, measured[live.mass], "kg, t", where, findings)
        _reach(content, live, where, findings)


def _reach(content: Content, live: LiveMass, where: Where, findings: Findings) -> None:
    """A mass that its table cannot tell raises no alarm."""
    if not live.level or live.strapping is None or content.quantity is None:
        return
    most = Fraction(live.strapping.table[-1].value) * max(Fraction(row.value) for row in live.density) / 1000
    if most <= content.quantity:
        message = "the strapping table of {content} ends at {found} t, not above its design maximum {most} t: the alarm above it can never come"
        findings.warning(
            "hazard-strapping", message, where, content=content.id, found=decimal(most), most=decimal(content.quantity)
        )


def _range(content: Content, live: LiveMass, high: float | None, unit: str, where: Where, findings: Findings) -> None:
    """A table in metres read by per cent, or by another tank's height, gives a mass that only looks like one."""
    assert live.strapping is not None
    top = 100.0 if unit == "%" else None if high is None else high * LENGTHS[unit]
    end = float(live.strapping.table[-1].at)
    if top and not top / 3 <= end <= 3 * top:
        message = "the strapping table of {content} ends at {end:g} {by}, and {point} reads up to {top:g} {by}"
        by = "%" if unit == "%" else "m"
        findings.warning("strapping-range", message, where, content=content.id, end=end, by=by, point=live.level, top=top)


def _is_mass(unit: str) -> bool:
    form = find_unit(unit)
    return form is not None and form.unit in {"t", "kg", "g"}


def _unit(content: Content, point: str, found: str, expected: str, where: Where, findings: Findings) -> None:
    message = "the mass in {content} is computed from {point}, which is in {found}; one of {expected} was expected"
    findings.mistake("unit-kind", message, where, content=content.id, point=point, found=found or "—", expected=expected)

"""`anlan import LIST`: a plant's own point list, as it keeps it in Excel or CSV, made into points.csv.

Such lists begin with a title, have headers over two rows with merged cells, units inside numbers, and no word about where the value
comes from. What can be read is taken over; what cannot is told, row by row; nothing is guessed silently.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anlan.model.errors import InputError, UnitError
from anlan.model.kinds import read_kind
from anlan.model.tables import LineFeeds, without_formula
from anlan.model.units import read_unit, units
from anlan.plant import cells
from anlan.plant.columns import REQUIRED, SUFFIXES, Column, column_names, match, per_alarm, squeeze, titles
from anlan.plant.folder import POINT_FILES
from anlan.plant.sheet import SPREADSHEETS, Row, Sheet, read_sheets, sheets_of
from anlan.store.disk import Disk

HEADER_WITHIN = 30
"""The header is looked for in this many rows."""

KIND_OF_DIMENSION = {
    "temperature": "temperature",
    "pressure": "pressure",
    "volume_flow": "flow",
    "mass_flow": "flow",
    "lel_fraction": "gas.combustible",
    "oel_fraction": "gas.toxic",
    "rotation": "speed",
    "current": "current",
    "ph": "ph",
    "lel_path": "gas.combustible.line",
}
"""Kinds that a unit alone tells; for all others the list must say it."""

EITHER = frozenset({"high", "hi", "low", "lo", "高", "低"})
"""Headers that mean an alarm limit in one plant and an end of the range in another."""

NUMERIC = frozenset(
    {"range_low", "range_high", "accuracy", "HH", "H", "L", "LL", "dead_band", "on_delay", "off_delay", "time_to_respond"}
)


@dataclass(slots=True)
class Imported:
    """`rows` are columns → text, ready to be written; `notes` say what was changed, guessed or left out, with the line."""

    file: str
    sheet: str
    header_line: int
    columns: dict[str, str] = field(default_factory=dict)
    """Column → the header it was read from."""
    unknown: list[str] = field(default_factory=list)
    """Headers that mean no column."""
    missing: list[str] = field(default_factory=list)
    """Required columns that the list does not have."""
    rows: list[dict[str, str]] = field(default_factory=list)
    notes: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    """(line, msgid, facts)."""

    def renamed(self) -> list[str]:
        """Numbers whose column has another name in the list, as "HEADER → COLUMN": what a person has to agree to."""
        theirs = ((header, column) for column, header in self.columns.items() if column in NUMERIC | {"trip"})
        return [f"{header} → {c}" for header, c in theirs if squeeze(header) not in {squeeze(c), squeeze(titles()[c])}]

    def note(self, line: int, message: str, **facts: str) -> None:
        self.notes.append((line, message, facts))


def read_list(path: Path, *, place: str = "", source: str = "", sheet: str = "", data: bytes | None = None) -> Imported:
    """Read a list; `place` and `source` fill those columns where the list leaves them empty. `data`: its bytes, if `path` is only its name.
    Raises ConfigError, InputError."""
    sheets = read_sheets(path) if data is None else sheets_of(path, data)
    chosen, header, names, columns = _find_header(path.name, [s for s in sheets if not sheet or s.name == sheet])
    result = Imported(chosen.file, chosen.name, chosen.rows[header].line)
    own = {column.key for column in columns if column and column.exact}
    for i, (name, column) in enumerate(zip(names, columns, strict=True)):
        if column is None:
            result.unknown += [name] if name else []
        elif column.key in own and not column.exact:
            # "High" beside a column H is the range, or something else: only the plant knows.
            columns[i] = None
            result.unknown.append(name)
        elif column.key in result.columns:
            result.note(
                result.header_line,
                "{header} is left out: {other} already gives {column}",
                header=name,
                other=result.columns[column.key],
                column=column.key,
            )
        else:
            result.columns[column.key] = name
    _tell_either(result)
    below = chosen.rows[header + 1 + _second_row(chosen.rows, header, names) :]
    _take_rows(below, columns, result, {"place": place, "source": source})
    filled = {key for row in result.rows for key, text in row.items() if text}
    result.missing = [name for name in REQUIRED if name not in filled]
    return result


def _tell_either(result: Imported) -> None:
    """A lone High beside neither a range nor a second limit is taken for the alarm, and said to be."""
    if {"range_low", "range_high", "HH", "LL"} & result.columns.keys():
        return
    for column, range_ in (("L", "range_low"), ("H", "range_high")):
        if squeeze(result.columns.get(column, "")) in EITHER:
            result.note(
                result.header_line,
                "{header} is taken as the alarm limit {column}; if it is an end of the measuring range, name it {range}",
                header=result.columns[column],
                column=column,
                range=range_,
            )


def write_points(imported: Imported, folder: Path, *, replace: bool = False) -> Path:
    """Write points.csv into the folder. Raises InputError rather than overwrite a list."""
    there = [name for name in POINT_FILES if (folder / name).exists()]
    if there and not replace:
        raise InputError(
            "{folder} already holds {file}; say --replace to overwrite it", folder=str(folder), file=", ".join(there)
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / POINT_FILES[0]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(LineFeeds(text), _columns_to_write(imported), restval="")
    writer.writeheader()
    writer.writerows({key: without_formula(value) for key, value in row.items()} for row in imported.rows)
    Disk().write_whole(target, text.getvalue().encode("utf-8-sig"))
    return target


def _columns_to_write(imported: Imported) -> list[str]:
    used = {key for row in imported.rows for key in row} | set(REQUIRED) | {"name_zh", "unit"}
    each = [f"{c}_{s}" for c in column_names() if c in per_alarm() for s in SUFFIXES]
    return [c for c in [*column_names(), *each] if c in used]


# --- the header ------------------------------------------------------------------------------------------------------------


def _find_header(file: str, sheets: Sequence[Sheet]) -> tuple[Sheet, int, list[str], list[Column | None]]:
    """The sheet, row and header names that mean the most different columns."""
    candidates = [
        (len({c.key for c in columns if c}), -i, sheet, i, names, columns)
        for sheet in sheets
        for i in range(min(HEADER_WITHIN, len(sheet.rows)))
        for names in _header_names(sheet.rows, i)
        for columns in [match(names)]
        if any(c and c.key == "id" for c in columns)
    ]
    best = max(candidates, key=lambda c: c[:2], default=None)
    if best is None or best[0] < 2:
        known = ", ".join(f"{titles()[c]} / {c}" for c in ("id", "name_zh", "unit", "HH", "H"))
        raise InputError("{file}: no header row was found; a row with names such as {known} was expected", file=file, known=known)
    return best[2], best[3], best[4], best[5]


def _header_names(rows: Sequence[Row], i: int) -> Iterable[list[str]]:
    """A row as a header by itself, and joined with the row below: 报警限 over H, L; 量程 over 下限, 上限."""
    yield list(rows[i].cells)
    if i + 1 < len(rows):
        yield _joined(rows[i].cells, rows[i + 1].cells)


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    names, above = [], ""
    for column in range(max(len(upper), len(lower))):
        top = upper[column] if column < len(upper) else ""
        bottom = lower[column] if column < len(lower) else ""
        above = top or above
        if not bottom or bottom == top:
            names.append(top)
        else:
            names.append(next((n for n in (f"{above}{bottom}", bottom) if match([n])[0]), f"{above}{bottom}"))
    return names


def _second_row(rows: Sequence[Row], header: int, names: list[str]) -> int:
    """1 if the header takes two rows."""
    return 0 if list(rows[header].cells) == names else 1


# --- the rows --------------------------------------------------------------------------------------------------------------


def _take_rows(rows: Iterable[Row], columns: Sequence[Column | None], result: Imported, fill: dict[str, str]) -> None:
    seen: Counter[str] = Counter()
    for row in rows:
        taken: dict[str, str] = {}
        for column, text in zip(columns, row.cells, strict=False):
            if column and text and column.key not in taken:
                taken[column.key] = text
        tag = _tag(taken.get("id", ""), row.line, result)
        if not tag:
            if len(taken) > 1:
                result.note(row.line, "the row is left out: it has no tag")
            continue
        seen[tag] += 1
        if seen[tag] > 1:
            result.note(row.line, "the tag {id} stands there a second time", id=tag)
        for key, text in fill.items():
            if text and not taken.get(key):
                taken[key] = text
        result.rows.append(_tidied(taken | {"id": tag}, row.line, result))


def _tag(written: str, line: int, result: Imported) -> str:
    """A tag as an id; what an id may not hold becomes "-" and is told."""
    plain = cells.plain(written)
    tag = re.sub(r"[^A-Za-z0-9._\-]+", "-", plain).strip("-._")[:64]
    if plain and tag != written:
        message = "the tag {found} is written {id}" if tag else "the tag {found} has no letter or digit of ASCII: give it one"
        result.note(line, message, found=written, id=tag)
    return tag


def _tidied(taken: dict[str, str], line: int, result: Imported) -> dict[str, str]:
    unit = _unit(taken, line, result)
    _kind(taken, unit, line, result)
    for key in NUMERIC & taken.keys():
        taken[key] = _number(taken[key], key, line, result)
    _range_in_one_cell(taken, line, result)
    return {key: text for key, text in taken.items() if text}


def _unit(taken: dict[str, str], line: int, result: Imported) -> str:
    written = taken.get("unit", "")
    if not cells.plain(written):
        taken.pop("unit", None)
        return ""
    try:
        form = read_unit(written)
    except UnitError as unknown:
        result.note(line, "{id}: {why}", id=taken["id"], why=unknown.text())
        return ""
    taken["unit"] = form.unit
    for key, basis in (("pressure_basis", form.pressure_basis), ("flow_basis", form.flow_basis)):
        if basis:
            taken.setdefault(key, basis)
    return form.unit


def _kind(taken: dict[str, str], unit: str, line: int, result: Imported) -> None:
    written = taken.pop("kind", "")
    if written:
        try:
            taken["kind"] = read_kind(written).id
            return
        except InputError as unknown:
            result.note(line, "{id}: {why}", id=taken["id"], why=unknown.text())
    guess = KIND_OF_DIMENSION.get(units()[unit].dimension, "") if unit else ""
    if guess:
        taken["kind"] = guess
        result.note(line, "{id}: the kind {kind} is taken from the unit {unit}", id=taken["id"], kind=guess, unit=unit)


def _number(text: str, key: str, line: int, result: Imported) -> str:
    """A number without the signs and units that lists put around it: "≥25%LEL", "85 ℃"."""
    try:
        value = cells.number(text)
    except cells.BadCell:
        found = re.fullmatch(r"[<>≤≥=＜＞]*\s*([-+−]?[0-9０-９.]+)\s*[^0-9０-９,，.~～-]*", text)
        value = cells.number(found[1]) if found and found[1].count(".") <= 1 else None
        message = (
            "{column}: {found} is read as {value}" if value is not None else "{column}: {found} is no number and is left as it is"
        )
        result.note(line, message, column=key, found=text, value="" if value is None else f"{value:g}")
        return text if value is None else f"{value:g}"
    return "" if value is None else _digits(value, Path(result.file).suffix.lower() in SPREADSHEETS)


def _digits(value: float, of_spreadsheet: bool) -> str:
    """The number as Excel shows it (15 digits: 0.1 + 0.2 is 0.3); of a text list whatever digits it needs to stay the same."""
    shown = f"{value:.15g}"
    return shown if of_spreadsheet or float(shown) == value else repr(value)


def _range_in_one_cell(taken: dict[str, str], line: int, result: Imported) -> None:
    """量程 "0~100" under one header lands in range_high; it is split."""
    for key in ("range_high", "range_low"):
        found = re.fullmatch(r"\s*([-+]?[0-9.]+)\s*(?:~|～|-|—|…|至|to)\s*([-+]?[0-9.]+)\s*\D*", taken.get(key, ""))
        if found:
            taken["range_low"], taken["range_high"] = found[1], found[2]
            result.notes = [n for n in result.notes if not (n[0] == line and n[2].get("column") == key)]

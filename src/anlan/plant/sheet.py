"""Tables as people keep them: CSV in whatever encoding Excel chose, or .xlsx. Cells come out as trimmed text with their line.

UTF-8 (with or without byte order mark), UTF-16 and GBK/GB 18030; comma, semicolon, tab or full-width comma between cells; quoted
cells over several lines; an apostrophe before what would be a formula taken off; merged cells of .xlsx filled with their value; Excel's
numbers and dates as plain text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anlan.model.errors import ConfigError
from anlan.model.tables import with_formula
from anlan.model.workbook import open_workbook

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

SEPARATORS = (",", "\t", ";", "，")
SPREADSHEETS = {".xlsx", ".xlsm"}
TEXTS = {".csv", ".txt", ".tsv"}


@dataclass(frozen=True, slots=True)
class Row:
    """`line` counts from 1 as an editor or Excel shows it: for a cell over several lines, the line where the row begins."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`merged` holds (row, first column, last column) of cells merged across, counted from 0 among `rows`."""

    file: str
    name: str
    rows: tuple[Row, ...]


def read_sheets(path: Path) -> list[Sheet]:
    """All sheets of a file (one for a text file), without empty rows. Raises ConfigError if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as failure:
        raise ConfigError("cannot be read: {why}", file=path.name, why=failure.strerror or str(failure)) from failure
    return sheets_of(path, data)


def sheets_of(path: Path, data: bytes) -> list[Sheet]:
    """The same of bytes that are no file here; `path` gives the name and the form. Raises ConfigError."""
    if path.suffix.lower() in SPREADSHEETS:
        return _workbook(path.name, data)
    if path.suffix.lower() in TEXTS:
        return [Sheet(path.name, "", tuple(_text_rows(path.name, decode(path.name, data))))]
    raise ConfigError(
        "a file ending in {found} cannot be read", file=path.name, mend="save it as .csv or .xlsx", found=path.suffix or path.name
    )


def decode(file: str, data: bytes) -> str:
    """Text of unknown encoding. Raises ConfigError with the line of the first byte that is in none."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = data.count(b"\n", 0, failure.start) + 1
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError:
        raise ConfigError("is neither UTF-8 nor GBK text", file=file, line=line, mend="save it as UTF-8") from None


def _text_rows(file: str, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell and not cell.isspace() for cell in cells):
                yield Row(begins, tuple(with_formula(cell.strip()) for cell in cells))
            begins = reader.line_num + 1
    except csv.Error as failure:
        mend = 'look for a quotation mark (") that is not closed'
        raise ConfigError("is not a CSV table: {why}", file=file, line=begins, mend=mend, why=str(failure)) from failure


def _separator(text: str) -> str:
    """The separator that occurs most often in the first lines."""
    head = "\n".join(text.splitlines()[:5])
    return max(SEPARATORS, key=head.count)


def _workbook(file: str, data: bytes) -> list[Sheet]:
    return [Sheet(file, sheet.title, tuple(_sheet_rows(sheet))) for sheet in open_workbook(data, file).worksheets]


def _sheet_rows(sheet: Worksheet) -> Iterator[Row]:
    merged = {
        (row, column): sheet.cell(area.min_row, area.min_col).value
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
    }
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = tuple(_cell(merged.get((number, column), value)) for column, value in enumerate(values, 1))
        if any(cells):
            yield Row(number, cells)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    return str(value).strip()

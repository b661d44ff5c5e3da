"""A workbook that somebody sent, opened: looked at before anything is unpacked, because 5 KB may hold a sheet of 17 thousand million cells.

An .xlsx is a ZIP of XML. What is refused here, each by name: what is no ZIP, more parts or bytes than a workbook of people has, parts that
declare entities (XML bombs, files of this machine), merged cells and links over more cells than a person drags, sheets that reach further than
they are filled. Macros are never run: nothing here can.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from typing import TYPE_CHECKING

from anlan.model.errors import ConfigError

if TYPE_CHECKING:
    from openpyxl import Workbook

MOST_PARTS = 500
MOST_UNPACKED = 128 << 20
"""Bytes; a master alarm database of 10,000 points unpacks to some 40 MB."""
MOST_EMPTY = 200_000
"""Empty cells among the rows and columns of one sheet, and 20 more for each filled one: each is made when the sheet is gone through."""
MOST_SPREAD = 200_000
"""Cells under all merged areas and links of a sheet: each is made one by one."""

_DECLARES = tuple(text.encode(how) for text in ("<!DOCTYPE", "<!ENTITY") for how in ("ascii", "utf-16-le", "utf-16-be"))
_SPREADS = re.compile(
    rb"<(?:\w+:)?(?:mergeCell|hyperlink)\b[^>]*?\bref\s*=\s*[\"']\$?([A-Za-z]{1,4})\$?(\d{1,8}):\$?([A-Za-z]{1,4})\$?(\d{1,8})"
)
_MEND = "open it in Excel and save it as .xlsx (an old .xls or a locked file cannot be read)"


def open_workbook(data: bytes, name: str) -> Workbook:
    """Values instead of formulas. Raises ConfigError."""
    import openpyxl

    _look(data, name)
    try:
        with warnings.catch_warnings():
            # openpyxl tells of styles and validations that it will not keep; nothing is written back.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    except Exception as failure:  # openpyxl lets through whatever a broken part causes: LookupError, ParseError, zlib.error …
        raise ConfigError("is not an .xlsx workbook", file=name, mend=_MEND) from failure
    for sheet in book.worksheets:
        filled = len(sheet._cells)
        if sheet.max_row * sheet.max_column > MOST_EMPTY + 21 * filled:
            raise ConfigError(
                "the sheet {sheet} reaches to row {rows}, column {columns}, and {filled} of its cells are filled",
                file=name,
                mend="delete the empty rows and columns behind the table, and what stands there alone",
                sheet=sheet.title,
                rows=sheet.max_row,
                columns=sheet.max_column,
                filled=filled,
            )
    return book


def _look(data: bytes, name: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            _check_sizes(packed.infolist(), name)
            for part in packed.infolist():
                if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                    _check_part(packed.read(part), part.filename, name)
    except ConfigError:
        raise
    except Exception as failure:
        raise ConfigError("is not an .xlsx workbook", file=name, mend=_MEND) from failure


def _check_sizes(parts: list[zipfile.ZipInfo], name: str) -> None:
    """As the archive declares them; more than that is never unpacked of a part."""
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
        raise ConfigError(
            "it unpacks to {parts} parts of {megabytes} MB together; at most {most_parts} of {most} MB were expected",
            file=name,
            mend="keep only the sheets with the table in it",
            parts=len(parts),
            megabytes=unpacked >> 20,
            most_parts=MOST_PARTS,
            most=MOST_UNPACKED >> 20,
        )


def _check_part(content: bytes, part: str, name: str) -> None:
    if any(mark in content for mark in _DECLARES):
        raise ConfigError("its part {part} declares entities, which no workbook of Excel does", file=name, part=part[:100])
    spread = sum(_cells(*found) for found in _SPREADS.findall(content))
    if spread > MOST_SPREAD:
        raise ConfigError(
            "its part {part} has merged cells or links over {count} cells; at most {most} were expected",
            file=name,
            mend="unmerge whole rows and columns",
            part=part[:100],
            count=spread,
            most=MOST_SPREAD,
        )


def _cells(left: bytes, top: bytes, right: bytes, bottom: bytes) -> int:
    return (abs(_column(right) - _column(left)) + 1) * (abs(int(bottom) - int(top)) + 1)


def _column(letters: bytes) -> int:
    found = 0
    for letter in letters.upper():
        found = found * 26 + letter - 64
    return found

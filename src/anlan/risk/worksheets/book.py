"""A worksheet as a workbook for Excel: written so that it can be filled in, read so that nothing is lost unseen.

    sheets   工作表Sheet (one line a row) · 说明About (head, edition, which version it is) · 列表Lists (what the cells offer, hidden)

Computed columns are locked and never read; a formula is neither written nor evaluated. Each mistake names its cell (工作表Sheet!D7). Reading what was
written gives the same sheet again.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from anlan.model.clock import to_datetime
from anlan.model.errors import ConfigError, InputError
from anlan.model.languages import translate
from anlan.model.tables import fold
from anlan.model.words import Label
from anlan.model.workbook import open_workbook
from anlan.risk.worksheets.forms import Column, form, shown
from anlan.risk.worksheets.methods import COLOURS, method
from anlan.risk.worksheets.sheet import Assessed, CellMistake, Sheet, SheetMistakes, assessed, read_sheet

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

SHEET, ABOUT, LISTS = "工作表Sheet", "说明About", "列表Lists"
HEADS = 2
"""Rows of headings: Chinese, English."""
EMPTY_ROWS = 200
"""Lines below the last one in which new ones may be written."""
LINE = Column("line", "text", Label(zh="行标识", en="Line"))
FILLS = {"red": "F2B8B5", "orange": "FAD7A8", "yellow": "FFF3B0", "blue": "C3DAF5"}
_WIDTHS = {"text": 22, "words": 36, "choice": 16, "choices": 20, "number": 14, "links": 28, "factor": 18, "computed": 14}
_HEAD_FIELDS = {"form": "表式 Form", "method": "评价方法 Method", "title": "标题 Title", "place": "位置 Place", "team": "小组 Team", "day": "日期 Date"}  # fmt: skip
_EXCEL_SAYS = re.compile(r"_x[0-9A-Fa-f]{4}_")


# --- writing ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Which:
    """The version that a workbook was written from."""

    sheet: UUID
    number: int
    author: str
    at: int


def write_book(sheet: Sheet, which: Which | None = None) -> bytes:
    """The bytes of the .xlsx."""
    import openpyxl

    book = openpyxl.Workbook()
    lines = book.active
    assert lines is not None
    lines.title = SHEET
    columns = (LINE, *sheet.columns)
    last = _write_lines(lines, sheet, columns)
    _write_about(book.create_sheet(ABOUT), sheet, which)
    lists = book.create_sheet(LISTS)
    lists.sheet_state = "hidden"
    _offer(lines, lists, columns, last)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write_lines(to: Worksheet, sheet: Sheet, columns: tuple[Column, ...]) -> int:
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    grey = PatternFill("solid", fgColor="D9DEE3")
    for at, column in enumerate(columns, 1):
        for row, words in ((1, column.words.zh + (" *" if column.required else "")), (2, column.words.en)):
            _put(to, row, at, words, open_=False)
            to.cell(row, at).fill, to.cell(row, at).font = grey, Font(bold=row == 1)
        to.column_dimensions[get_column_letter(at)].width = 10 if column is LINE else _WIDTHS[column.type]
    to.freeze_panes = f"C{HEADS + 1}"
    row = HEADS
    for row, one in enumerate(assessed(sheet), HEADS + 1):
        for at, column in enumerate(columns, 1):
            _put(to, row, at, _cell_text(one, column), open_=column.type != "computed" and column is not LINE)
            if column.name == "colour" and one.score is not None:
                to.cell(row, at).fill = PatternFill("solid", fgColor=FILLS[one.score.colour])
    for empty in range(row + 1, row + 1 + EMPTY_ROWS):
        for at, column in enumerate(columns, 1):
            _put(to, empty, at, "", open_=column.type != "computed" and column is not LINE)
    # Without a password: against a slip of the hand, not against a person.
    to.protection.sheet = True
    to.protection.formatCells = to.protection.formatColumns = to.protection.formatRows = to.protection.deleteRows = False
    return row + EMPTY_ROWS


def _cell_text(one: Assessed, column: Column) -> str:
    if column is LINE:
        return one.line.id
    if column.type == "computed":
        return _computed(one, column)
    text = one.line.cells.get(column.name, "")
    if column.type in {"choice", "factor"} and text:
        found = column.choice(text)
        return shown(found, column.type) if found is not None else text
    if column.type == "choices":
        known = {choice.id: choice.words.zh for choice in column.choices}
        return "; ".join(known.get(id, id) for id in text.split("; ")) if text else ""
    return text


def _computed(one: Assessed, column: Column) -> str:
    if one.score is None:
        return ""
    return one.score.product if column.name == "product" else COLOURS[one.score.colour].zh


def _write_about(to: Worksheet, sheet: Sheet, which: Which | None) -> None:
    scoring = method(sheet.method)
    told: list[tuple[str, str, str, bool]] = [
        (name, words, str(getattr(sheet, name)), name not in {"form", "method"}) for name, words in _HEAD_FIELDS.items()
    ]
    told += [
        ("form_name", "表式名称 Form's name", form(sheet.form).name.zh, False),
        ("method_name", "评价方法名称 Method's name", scoring.name.zh, False),
        ("clause", "判定 Bands", scoring.clause.zh, False),
        ("source", "来源 Source", scoring.source.zh + (" · 未核对原文" if scoring.unverified else ""), False),
        ("sheet", "工作表标识 Sheet", str(which.sheet) if which else "", False),
        ("number", "版本 Version", str(which.number) if which else "", False),
        ("author", "作者 Author", which.author if which else "", False),
        ("at", "时间 Time (UTC)", f"{to_datetime(which.at):%Y-%m-%d %H:%M:%S}" if which else "", False),
        (
            "note",
            "提示 Note",
            "灰底列由程序计算,不可改;改动 L、S 等因子后此处的风险值和颜色不会随之更新,导入后重新计算;新行写在最后一行之下,行标识留空;导入前先显示差异",
            False,
        ),
    ]
    for row, (name, words, value, open_) in enumerate(told, 1):
        for at, text in enumerate((name, words, value), 1):
            _put(to, row, at, text, open_=open_ and at == 3)
    to.column_dimensions["A"].width, to.column_dimensions["B"].width, to.column_dimensions["C"].width = 14, 28, 60
    to.protection.sheet = True


def _offer(to: Worksheet, lists: Worksheet, columns: tuple[Column, ...], last: int) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for at, column in enumerate(columns, 1):
        if column.type not in {"choice", "factor"}:
            continue
        for row, choice in enumerate(column.choices, 1):
            _put(lists, row, at, shown(choice, column.type), open_=False)
        letter = get_column_letter(at)
        offered = DataValidation(type="list", formula1=f"'{LISTS}'!${letter}$1:${letter}${len(column.choices)}", allow_blank=True)
        offered.error, offered.errorTitle = "请从列表中选择 / choose from the list", column.words.zh
        to.add_data_validation(offered)
        offered.add(f"{letter}{HEADS + 1}:{letter}{last}")


def _put(to: Worksheet, row: int, at: int, text: str, *, open_: bool) -> None:
    from openpyxl.styles import Alignment, PatternFill, Protection

    cell = to.cell(row, at)
    if text:
        # Excel takes "_x0041_" for an A: the sign itself is written as what it would be read as.
        cell.value = _EXCEL_SAYS.sub(lambda found: f"_x005F{found[0]}", text)
        cell.data_type = "s"  # a text that begins with "=" is no formula
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    if open_:
        cell.protection = Protection(locked=False)
    elif row > HEADS:
        cell.fill = PatternFill("solid", fgColor="EEF0F2")


# --- reading ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BookMistake:
    """`cell` as Excel names it: 工作表Sheet!D7."""

    cell: str
    error: InputError

    def text(self, language: str) -> str:
        return f"{self.cell}: {self.error.text(language)}"

    def as_json(self) -> dict[str, Any]:
        return {"cell": self.cell, "text": {"zh": self.error.text("zh"), "en": self.error.text("en")}}


class BookOfMistakes(InputError):
    """A workbook that is not taken over; `mistakes` names the cells."""

    code = "sheet-mistakes"

    def __init__(self, mistakes: list[BookMistake]) -> None:
        self.mistakes = mistakes
        super().__init__("{count} mistakes in the worksheet", count=len(mistakes), mistakes=[m.as_json() for m in mistakes[:50]])

    def text(self, language: str = "en") -> str:
        head = translate("{count} mistakes in the worksheet", language).format(count=len(self.mistakes))
        return "\n  ".join([head, *(one.text(language) for one in self.mistakes[:20])])


@dataclass
class ReadBook:
    """`sheet` is None while there is a mistake; `notes`: what stands in the workbook and is not taken over."""

    sheet: Sheet | None = None
    mistakes: list[BookMistake] = field(default_factory=list)
    notes: list[BookMistake] = field(default_factory=list)
    of: UUID | None = None
    number: int | None = None

    def must_be_sound(self) -> Sheet:
        """Raises BookOfMistakes."""
        if self.sheet is None:
            raise BookOfMistakes(self.mistakes)
        return self.sheet


def read_book(data: bytes, name: str = "xlsx") -> ReadBook:
    """Raises ConfigError when it is no workbook of ours, InputError for a form or method that is not known."""
    book = open_workbook(data, name)
    for wanted in (SHEET, ABOUT):
        if wanted not in book.sheetnames:
            raise ConfigError("the sheet {sheet} is missing", file=name, mend="export a worksheet and fill that in", sheet=wanted)
    read = ReadBook()
    for other in book.sheetnames:
        if other not in {SHEET, ABOUT, LISTS}:
            read.notes.append(BookMistake(other, InputError("the sheet {sheet} is not read", sheet=other)))
    told = _about(book, read)
    columns = {c.name: c for c in (LINE, *form(told.get("form", "")).columns(method(told.get("method", ""))))}
    letters = _letters(book[SHEET], columns, read)
    formulas = _formulas(data)
    read.mistakes += [
        BookMistake(f"{SHEET}!{at}", InputError("a formula is not computed here; its value was expected")) for at in formulas
    ]
    rows: list[int] = []
    lines = []
    for row, cells in _rows(book[SHEET], letters, columns):
        rows.append(row)
        lines.append({"id": cells.pop("line", ""), "cells": cells})
    try:
        sheet = read_sheet({**told, "lines": lines})
    except SheetMistakes as error:
        read.mistakes += [_at_cell(one, rows, letters) for one in error.mistakes]
        return read
    read.sheet = sheet if not read.mistakes else None
    return read


def _about(book: Workbook, read: ReadBook) -> dict[str, str]:
    found = {
        str(row[0]): _text(row[2]) for row in book[ABOUT].iter_rows(min_col=1, max_col=3, max_row=40, values_only=True) if row[0]
    }
    try:
        read.of = UUID(found.get("sheet", ""))
        read.number = int(found.get("number", ""))
    except ValueError:
        read.of = read.number = None
    return {name: found.get(name, "") for name in _HEAD_FIELDS}


def _letters(sheet: Worksheet, columns: dict[str, Column], read: ReadBook) -> dict[str, str]:
    """Column → its letter in this workbook, by its heading in either language, wherever it was moved to."""
    from openpyxl.utils import get_column_letter

    by_title = {fold(title): c.name for c in columns.values() for title in (c.name, c.words.zh, c.words.en) if title}
    found: dict[str, str] = {}
    for at in range(1, min(sheet.max_column, 200) + 1):
        titles = [_text(sheet.cell(row, at).value).removesuffix("*").strip() for row in range(1, HEADS + 1)]
        name = next((by_title[fold(t)] for t in titles if t and fold(t) in by_title), "")
        letter = get_column_letter(at)
        if name and name not in found:
            found[name] = letter
        elif any(titles):
            read.notes.append(BookMistake(f"{SHEET}!{letter}1", InputError("the column {column} is not read", column=" ".join(filter(None, titles)))))  # fmt: skip
    for name, column in columns.items():
        if name not in found and column.type != "computed" and column is not LINE:
            error = InputError("the column {column} ({title}) is missing", column=name, title=column.words.zh)
            read.mistakes.append(BookMistake(f"{SHEET}!A1", error))
    return found


def _rows(sheet: Worksheet, letters: dict[str, str], columns: dict[str, Column]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows in which something stands, each with its number; what is computed is not looked at. A line that is only its identifier is one that is
    still empty: who takes a line out deletes the row."""
    wanted = {name: letter for name, letter in letters.items() if columns[name].type != "computed"}
    for row in range(HEADS + 1, sheet.max_row + 1):
        cells = {name: text for name, letter in wanted.items() if (text := _text(sheet[f"{letter}{row}"].value))}
        if cells:
            yield row, cells


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())[:10]
    text = str(value)
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text).strip()


def _formulas(data: bytes) -> list[str]:
    """Cells of our sheet that hold a formula; the workbook is opened a second time only when any part has one."""
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        parts = [name for name in packed.namelist() if name.startswith("xl/worksheets/")]
        if not any(re.search(rb"<(?:\w+:)?f[\s>/]", packed.read(part)) for part in parts):
            return []
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=False)
    return [cell.coordinate for row in book[SHEET].iter_rows() for cell in row if cell.data_type == "f"][:200]


def _at_cell(one: CellMistake, rows: list[int], letters: dict[str, str]) -> BookMistake:
    if one.line == 0:
        row = list(_HEAD_FIELDS).index(one.column) + 1
        return BookMistake(f"{ABOUT}!C{row}", one.error)
    letter = letters.get(one.column or "line", "A")
    return BookMistake(f"{SHEET}!{letter}{rows[one.line - 1]}", one.error)

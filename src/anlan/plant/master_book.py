"""The master alarm database as a workbook for Excel: written so that it can be filled in, read so that nothing is lost unseen.

    sheets   报警Alarms (one line an alarm) · 分类Classes · 矩阵Matrix · 列表Lists (what the cells offer) · 说明About (which version it is)

Every mistake names its cell (报警Alarms!D17). Cells that no column of ours explains, comments and sheets of others are told, not dropped in
silence. Reading what was written gives the same rules again.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from anlan.model.clock import to_datetime
from anlan.model.errors import ConfigError, InputError
from anlan.model.tables import fold
from anlan.model.words import Label
from anlan.model.workbook import open_workbook
from anlan.monitor.config import KIND_OF_SUFFIX, AlarmRule
from anlan.monitor.rationalisation import AlarmClass, PriorityMatrix, Severity
from anlan.plant.checks import check_draft
from anlan.plant.compile import all_points, all_rules, automatic_rules
from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences
from anlan.plant.draft import PlaceIndex, draft_of
from anlan.plant.findings import Finding, Findings, Where
from anlan.plant.loosening import Loosened, loosened
from anlan.plant.master import AUTOMATIC, WRITTEN, BadValue, Column, cell_of, columns, parts, read_cell
from anlan.plant.validation import shown
from anlan.plant.version import Version

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

ALARMS, CLASSES, MATRIX, LISTS, ABOUT = "报警Alarms", "分类Classes", "矩阵Matrix", "列表Lists", "说明About"
SHEETS = (ALARMS, CLASSES, MATRIX, LISTS, ABOUT)
HEADS = 2
"""Rows of headings: Chinese, English."""
EMPTY_ROWS = 200
"""Lines below the last alarm in which new ones may be written."""
LONGER = "更长 / longer"
CLASS_TITLES = {
    "id": ("分类标识", "Class", 14),
    "name": ("名称", "Name", 20),
    "comment_required": ("确认须填说明", "Comment required", 14),
    "shelvable": ("可搁置", "May be shelved", 12),
    "max_shelving": ("最长搁置 (s)", "Longest shelving (s)", 16),
    "test_interval": ("测试周期 (天)", "Test interval (days)", 16),
    "review_interval": ("复审周期 (天)", "Review interval (days)", 16),
    "training": ("须培训", "Training", 10),
}
_CELL_OF = {
    "limit-order": "limit", "limit-range": "limit", "trip": "limit", "gas-limit": "limit", "gas-limit-idlh": "limit",
    "gas-limit-unverified": "limit", "gas-limit-unknown": "limit", "discrete-limit": "limit", "dead-band": "dead_band",
    "analogue-state": "states", "unknown-state": "states", "no-post": "post", "unknown-post": "post",
    "no-action": "corrective_action_zh", "no-consequence": "consequence_zh", "no-time": "time_to_respond", "late-alarm": "on_delay",
    "unknown-class": "alarm_class", "no-class": "alarm_class", "not-rationalised": "rationalised_by",
    "unknown-severity": "severity", "priority-matrix": "priority", "too-slow": "time_to_respond", "same-cause": "cause_zh",
    "unknown-point": "point", "rule-id": "id",
}  # fmt: skip
"""Which cell of an alarm's line a finding is about; "id" for any other."""


# --- writing ---------------------------------------------------------------------------------------------------------------


def write_book(plant: Plant, version: Version | None, language: str = "zh") -> bytes:
    """The bytes of the .xlsx."""
    import openpyxl

    book = openpyxl.Workbook()
    alarms = book.active
    assert alarms is not None
    alarms.title = ALARMS
    _write_lists(book.create_sheet(LISTS), plant)
    rows = _write_alarms(alarms, plant)
    _offer(alarms, plant, rows)
    _write_classes(book.create_sheet(CLASSES), plant)
    _write_matrix(book.create_sheet(MATRIX), plant.alarms.matrix)
    _write_about(book.create_sheet(ABOUT), plant, version, language)
    book.move_sheet(LISTS, 2)
    book[LISTS].sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write_alarms(sheet: Worksheet, plant: Plant) -> int:
    points = {p.id: p for p in all_points(plant)}
    written = {rule.id for rule in plant.rules}
    _heads(sheet, [(c.zh, c.en, c.width) for c in columns()], "D")
    row = HEADS
    for row, rule in enumerate(sorted(all_rules(plant), key=lambda r: r.id), HEADS + 1):
        point = points.get(rule.point)
        told = {
            "name": point.name.text("zh") if point is not None else rule.point,
            "place": point.place if point is not None else plant.places[0].path,
            "unit": point.unit if point is not None else "",
            "origin": (WRITTEN if rule.id in written else AUTOMATIC).text("zh"),
        }
        for at, column in enumerate(columns(), 1):
            _put(sheet, row, at, told[column.name] if column.kind == "told" else cell_of(rule, column), column.kind == "rule")
    for empty in range(row + 1, row + 1 + EMPTY_ROWS):
        for at, _ in enumerate(columns(), 1):
            _put(sheet, empty, at, None, True)
    _protect(sheet)
    return row + EMPTY_ROWS


def _offer(sheet: Worksheet, plant: Plant, last: int) -> None:
    """Lists of what a cell may hold."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    lists = _lists(plant)
    for at, column in enumerate(columns(), 1):
        if column.name not in lists or not lists[column.name]:
            continue
        letter = get_column_letter(list(lists).index(column.name) + 1)
        end = len(lists[column.name]) + 1
        offered = DataValidation(type="list", formula1=f"'{LISTS}'!${letter}$2:${letter}${end}", allow_blank=True)
        offered.error, offered.errorTitle = "请从列表中选择 / choose from the list", column.zh
        sheet.add_data_validation(offered)
        own = get_column_letter(at)
        offered.add(f"{own}{HEADS + 1}:{own}{last}")


def _lists(plant: Plant) -> dict[str, list[Any]]:
    yes_no = ["是", "否"]
    return {
        "priority": [1, 2, 3, 4],
        "latching": yes_no,
        "enabled": yes_no,
        "post": [p.id for p in plant.posts],
        "alarm_class": [c.id for c in plant.alarms.classes],
        "severity": [s.id for s in plant.alarms.matrix.severities],
    }


def _write_lists(sheet: Worksheet, plant: Plant) -> None:
    for at, (name, values) in enumerate(_lists(plant).items(), 1):
        for row, value in enumerate([name, *values], 1):
            _put(sheet, row, at, value, False)


def _write_classes(sheet: Worksheet, plant: Plant) -> None:
    _heads(sheet, [(zh, en, width) for _, zh, en, width in _class_columns()], "B")
    for row, one in enumerate([*plant.alarms.classes, *[None] * 20], HEADS + 1):
        for at, (name, *_) in enumerate(_class_columns(), 1):
            _put(sheet, row, at, _class_cell(one, name) if one is not None else None, True)


def _class_columns() -> list[tuple[str, str, str, int]]:
    """(name, Chinese, English, width); a label has two."""
    found = []
    for name, info in AlarmClass.model_fields.items():
        zh, en, width = CLASS_TITLES.get(name, (name, name, 14))
        if info.annotation is Label:
            found += [(f"{name}_zh", zh, f"{en} (Chinese)", width), (f"{name}_en", f"英文{zh}", en, width)]
        else:
            found.append((name, zh, en, width))
    return found


def _class_cell(one: AlarmClass, name: str) -> Any:
    if name.endswith(("_zh", "_en")):
        return getattr(getattr(one, name[:-3]), name[-2:]) or None
    value = getattr(one, name)
    return ("是" if value else "否") if isinstance(value, bool) else value


def _write_matrix(sheet: Worksheet, matrix: PriorityMatrix) -> None:
    bands = [(f"≤ {bound:g} s", f"{bound!r}", 12) for bound in matrix.within] + [("更长", LONGER, 16)]
    words = [
        ("严重度", "Severity", 12),
        ("名称", "Name (Chinese)", 12),
        ("英文名称", "Name", 12),
        ("含义", "Meaning (Chinese)", 40),
        ("英文含义", "Meaning", 40),
    ]
    _heads(sheet, [*words, *bands], "B")
    for row, severity in enumerate(matrix.severities, HEADS + 1):
        told = [severity.id, severity.name.zh, severity.name.en, severity.meaning.zh, severity.meaning.en]
        for at, value in enumerate([*told, *severity.priorities], 1):
            _put(sheet, row, at, value or None, True)


def _write_about(sheet: Worksheet, plant: Plant, version: Version | None, language: str) -> None:
    lines: list[tuple[str, str, Any]] = [
        ("装置", "Plant", plant.site.id),
        ("装置名称", "Plant's name", plant.site.name.text(language)),
        ("版本", "Version", version.number if version is not None else None),
        ("版本标识", "Version's id", str(version.id) if version is not None else None),
        ("作者", "Author", version.author if version is not None else None),
        ("修改原因", "Reason", version.reason if version is not None else None),
        ("时间 (UTC)", "Time (UTC)", f"{to_datetime(version.at):%Y-%m-%d %H:%M:%S}" if version is not None else None),
        ("矩阵数值", "Matrix numbers", None if plant.alarms.priority_matrix is not None else "未核对原文 / not verified against the original text"),
        ("提示", "Note", "灰底列不可改;新增报警写在最后一行之下;导入前先显示差异 / grey columns are fixed; write new alarms below the last line; an import shows the difference first"),
    ]  # fmt: skip
    for row, (zh, en, value) in enumerate(lines, 1):
        for at, one in enumerate((zh, en, value), 1):
            _put(sheet, row, at, one, False)
    sheet.column_dimensions["A"].width = sheet.column_dimensions["B"].width = 18
    sheet.column_dimensions["C"].width = 60


def _heads(sheet: Worksheet, titles: list[tuple[str, str, int]], freeze: str) -> None:
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    fill = PatternFill("solid", fgColor="D9DEE3")
    for at, (zh, en, width) in enumerate(titles, 1):
        for row, text in ((1, zh), (2, en)):
            _put(sheet, row, at, text, False)
            cell = sheet.cell(row, at)
            cell.font, cell.fill = Font(bold=row == 1), fill
        sheet.column_dimensions[get_column_letter(at)].width = width
    sheet.freeze_panes = f"{freeze}{HEADS + 1}"


def _put(sheet: Worksheet, row: int, at: int, value: Any, open_: bool) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import PatternFill, Protection

    cell = sheet.cell(row, at)
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub(" ", value)
        cell.data_type = "s"  # a text that begins with "=" is no formula
    elif value is not None:
        cell.value = value
    if isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    if open_:
        cell.protection = Protection(locked=False)
    elif row > HEADS:
        cell.fill = PatternFill("solid", fgColor="EEF0F2")


def _protect(sheet: Worksheet) -> None:
    """Without a password: against a slip of the hand, not against a person."""
    from openpyxl.utils import get_column_letter

    protection = sheet.protection
    protection.sheet = True
    protection.formatCells = protection.formatColumns = protection.formatRows = protection.sort = protection.autoFilter = False
    protection.deleteRows = False
    sheet.auto_filter.ref = f"A{HEADS}:{get_column_letter(len(columns()))}{sheet.max_row}"


# --- reading ---------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ReadBook:
    """`plant` is what the workbook asks for, None while a finding is fatal; `version` the one it was exported from."""

    plant: Plant | None
    findings: tuple[Finding, ...]
    version: int | None
    changes: tuple[Change, ...] = ()
    loosened: tuple[Loosened, ...] = ()

    @property
    def fatal(self) -> bool:
        return any(f.fatal for f in self.findings)


def read_book(data: bytes, plant: Plant, name: str = "xlsx") -> ReadBook:
    """What a workbook makes of `plant`. Raises ConfigError when it is no workbook."""
    book = open_workbook(data, name)
    findings = Findings()
    _told_strangers(book, findings)
    if ALARMS not in book.sheetnames:
        message = "the sheet {sheet} is missing"
        findings.mistake(
            "missing-sheet", message, Where(name), mend="export the master alarm database and fill that in", sheet=ALARMS
        )
        return ReadBook(None, tuple(findings), None)
    reading = _Reading(plant, findings)
    if CLASSES in book.sheetnames:
        reading.classes(book[CLASSES])
    if MATRIX in book.sheetnames:
        reading.matrix(book[MATRIX])
    reading.alarms(book[ALARMS])
    after = reading.finished()
    base = _base(book)
    if after is None:
        return ReadBook(None, tuple(findings), base)
    found = _check(after, reading.rows, reading.places, findings)
    if any(f.fatal for f in found):
        return ReadBook(None, found, base)
    return ReadBook(after, found, base, tuple(differences(plant, after)), tuple(loosened(plant, after)))


def _told_strangers(book: Workbook, findings: Findings) -> None:
    """What a person wrote where no field of ours takes it: it is not lost unseen."""
    for sheet in book.worksheets:
        if sheet.title not in SHEETS:
            findings.warning("unknown-sheet", "the sheet {sheet} is not read", Where(sheet.title), sheet=sheet.title)
            continue
        for row in sheet.iter_rows():
            for cell in row:
                if cell.comment is not None:
                    message = "the comment is not taken over: {text}"
                    where = Where(f"{sheet.title}!{cell.coordinate}")
                    findings.warning("comment", message, where, text=shown(str(cell.comment.text).strip()))


def _base(book: Workbook) -> int | None:
    if ABOUT not in book.sheetnames:
        return None
    for row in book[ABOUT].iter_rows(min_col=1, max_col=3, values_only=True):
        if row[1] == "Version" and isinstance(row[2], int | float):
            return int(row[2])
    return None


@dataclass(slots=True)
class _Reading:
    plant: Plant
    findings: Findings
    rules: dict[str, AlarmRule] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    """Alarm → its line."""
    places: dict[str, str] = field(default_factory=dict)
    """Column → its letter."""
    new_classes: tuple[AlarmClass, ...] | None = None
    new_matrix: PriorityMatrix | None = None

    def finished(self) -> Plant | None:
        if self.findings.fatal:
            return None
        written = {rule.id for rule in self.plant.rules}
        settings = self.plant.alarms
        if self.new_classes is not None:
            settings = settings.model_copy(update={"classes": self.new_classes})
        if self.new_matrix is not None and self.new_matrix != settings.matrix:
            settings = settings.model_copy(update={"priority_matrix": self.new_matrix})
        automatic = automatic_rules(self.plant)
        rules = [rule for key, rule in self.rules.items() if key in written or automatic.get(key) != rule]
        after = self.plant.model_copy(update={"alarms": settings, "rules": tuple(sorted(rules, key=lambda r: r.id))})
        # An alarm of the quality of a calculation goes with the alarm that stands on it.
        gone = automatic.keys() & automatic_rules(after).keys() - self.rules.keys()
        for identifier in sorted(gone):
            message = "{alarm} is missing, but the plant has it by itself: it stays as it was"
            self.findings.warning(
                "automatic-alarm", message, Where(ALARMS), mend="to take it away, write 否 under 启用", alarm=identifier
            )
        rules += [rule for rule in self.plant.rules if rule.id in gone]
        return after.model_copy(update={"rules": tuple(sorted(rules, key=lambda r: r.id))})

    # --- alarms

    def alarms(self, sheet: Worksheet) -> None:
        known = self._header(sheet)
        before = {rule.id: rule for rule in all_rules(self.plant)}
        for cells in _lines(sheet):
            self._strangers(sheet, cells, known)
            row = cells[0].row
            given = {known[c.column].name: c for c in cells if c.column in known}
            identifier = _text(given.get("id"))
            if not identifier:
                self._mistake("missing-cell", "{column} ({title}) is empty", "id", row, column="id", title="报警标识")
            elif identifier in self.rows:
                message = "the {kind} {id} stands here a second time; the first is in line {first}"
                self._mistake("duplicate-id", message, "id", row, kind="alarm", id=identifier, first=self.rows[identifier])
            else:
                self.rows[identifier] = row
                self._alarm(identifier, before.get(identifier), given, row)

    def _header(self, sheet: Worksheet) -> dict[int, Column]:
        from openpyxl.utils import get_column_letter

        by_title = {fold(title): c for c in columns() for title in (c.name, c.zh, c.en)}
        known: dict[int, Column] = {}
        for at in range(1, sheet.max_column + 1):
            titles = [sheet.cell(row, at).value for row in (1, 2)]
            column = next((by_title[fold(str(t))] for t in titles if t and fold(str(t)) in by_title), None)
            if column is not None and column.name not in self.places:
                known[at] = column
                self.places[column.name] = get_column_letter(at)
            elif any(titles):
                letter = get_column_letter(at)
                message = "the column {column} is not read"
                self.findings.warning(
                    "unknown-column", message, Where(f"{ALARMS}!{letter}1"), column=" ".join(str(t) for t in titles if t)
                )
        for column in columns():
            if column.kind == "id" and column.name not in self.places:
                message = "the column {column} ({title}) is missing"
                self.findings.mistake("missing-column", message, Where(f"{ALARMS}!A1"), column=column.name, title=column.zh)
            elif column.kind == "rule" and column.name not in self.places:
                message = "the column {column} ({title}) is missing: what it held stays as it was"
                self.findings.warning("missing-column", message, Where(f"{ALARMS}!A1"), column=column.name, title=column.zh)
        return known

    def _strangers(self, sheet: Worksheet, cells: list[Cell], known: Mapping[int, Column]) -> None:
        for cell in cells:
            if cell.column not in known and cell.value is not None and not any(sheet.cell(r, cell.column).value for r in (1, 2)):
                where = Where(f"{ALARMS}!{cell.coordinate}")
                self.findings.warning(
                    "stray-cell", "the cell belongs to no column and is not read: {text}", where, text=shown(cell.value)
                )

    def _alarm(self, identifier: str, before: AlarmRule | None, given: Mapping[str, Cell], row: int) -> None:
        if before is not None:
            self._same_identity(before, given, row)
            values: dict[str, Any] = before.model_dump(mode="json")
        else:
            kind = _text(given.get("kind"))
            if kind not in KIND_OF_SUFFIX:
                message = "{key} was {found}; one of {expected} was expected"
                self._mistake("value", message, "kind", row, key="kind", found=shown(kind), expected=", ".join(KIND_OF_SUFFIX))
                return
            values = {"id": identifier, "point": _text(given.get("point")), "kind": kind}
        sound = self._fields(values, before, given, row)
        if not sound:
            return
        try:
            self.rules[identifier] = AlarmRule.model_validate(values)
        except ValidationError as failure:
            for problem in failure.errors(include_url=False):
                name = str(problem["loc"][0]) if problem["loc"] else "id"
                context = problem.get("ctx", {})
                text = str(context["error"]) if "error" in context else f"{name}: {problem['msg']}"
                self._mistake("value", "{problem}", parts(name)[0] if name in AlarmRule.model_fields else "id", row, problem=text)

    def _same_identity(self, before: AlarmRule, given: Mapping[str, Cell], row: int) -> None:
        for name, right in (("point", before.point), ("kind", cell_of(before, next(c for c in columns() if c.name == "kind")))):
            found = _text(given.get(name))
            if found != right:
                message = "{alarm}: {key} was {found}, but this alarm's is {right}; another point or kind is another alarm"
                self._mistake("rule-id", message, name, row, alarm=before.id, key=name, found=shown(found), right=right)

    def _fields(self, values: dict[str, Any], before: AlarmRule | None, given: Mapping[str, Cell], row: int) -> bool:
        sound = True
        labels: dict[str, dict[str, str]] = {}
        done: dict[str, Any] = {}
        for column in columns():
            if column.kind != "rule" or column.name not in self.places:
                continue
            cell = given.get(column.name)
            old = cell_of(before, column) if before is not None else None
            try:
                value = _kept(cell.value if cell is not None else None, old, column)
            except BadValue as bad:
                found = cell.value if cell is not None else None
                message = "{key} was {found}; " + bad.expected + " was expected"
                self._mistake("value", message, column.name, row, key=column.zh, found=shown(found))
                sound = False
                continue
            if column.field == "rationalised":
                done[column.name[-2:]] = value
            elif column.name[-3:] in ("_zh", "_en") and column.name != column.field:
                labels.setdefault(column.field, {})[column.name[-2:]] = value or ""
            elif value is None:
                values.pop(column.field, None)
            else:
                values[column.field] = value
        for name, pair in labels.items():
            values[name] = {**(values.get(name) or {}), **pair}
        if done:
            left = {key: value for key, value in done.items() if value is not None}
            values["rationalised"] = {**left} if left else None
        return sound

    def _mistake(self, name: str, message: str, at: str, row: int, **facts: Any) -> None:
        self.findings.mistake(name, message, Where(f"{ALARMS}!{self.places.get(at, 'A')}{row}"), **facts)

    # --- classes and matrix

    def classes(self, sheet: Worksheet) -> None:
        titles = {fold(t): name for name, zh, en, _ in _class_columns() for t in (name, zh, en)}
        heads = {at: _class_head(sheet, at, titles) for at in range(1, sheet.max_column + 1)}
        found: list[AlarmClass] = []
        for cells in _lines(sheet):
            values: dict[str, Any] = {}
            for cell in cells:
                name = heads.get(cell.column)
                if cell.value is None or name is None:
                    if cell.value is not None:
                        where = Where(f"{CLASSES}!{cell.coordinate}")
                        message = "the cell belongs to no column and is not read: {text}"
                        self.findings.warning("stray-cell", message, where, text=shown(cell.value))
                    continue
                value = _yes_no(cell.value)
                if name.endswith(("_zh", "_en")):
                    values.setdefault(name[:-3], {})[name[-2:]] = str(value)
                else:
                    values[name] = value
            one = self._model(AlarmClass, values, CLASSES, cells[0].row)
            if isinstance(one, AlarmClass):
                found.append(one)
        self.new_classes = tuple(found)

    def matrix(self, sheet: Worksheet) -> None:
        bounds = [sheet.cell(2, at).value for at in range(6, sheet.max_column + 1)]
        within = [_number(bound) for bound in bounds if bound is not None and str(bound) != LONGER]
        if any(bound is None for bound in within):
            message = "the second line must hold the bounds in s, the last column the longer time"
            self.findings.mistake("value", message, Where(f"{MATRIX}!F2"))
            return
        severities: list[dict[str, Any]] = []
        for cells in _lines(sheet):
            texts = [_text(cell) for cell in cells]
            texts += [""] * (5 - len(texts))
            priorities = [_number(cell.value) for cell in cells[5 : 6 + len(within)]]
            priorities += [None] * (len(within) + 1 - len(priorities))
            severities.append(
                {
                    "id": texts[0],
                    "name": {"zh": texts[1], "en": texts[2]},
                    "meaning": {"zh": texts[3], "en": texts[4]},
                    "priorities": priorities,
                }
            )
        made = self._model(PriorityMatrix, {"within": within, "severities": severities}, MATRIX, HEADS + 1)
        if isinstance(made, PriorityMatrix):
            self.new_matrix = _with_old_words(made, self.plant.alarms.matrix)

    def _model(self, model: type[BaseModel], values: dict[str, Any], sheet: str, row: int) -> BaseModel | None:
        try:
            return model.model_validate(values)
        except ValidationError as failure:
            for problem in failure.errors(include_url=False):
                at = row + next((part for part in problem["loc"] if isinstance(part, int)), 0) if sheet == MATRIX else row
                text = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                self.findings.mistake("value", "{problem}", Where(f"{sheet}!A{at}"), problem=text)
            return None


def _class_head(sheet: Worksheet, at: int, titles: Mapping[str, str]) -> str | None:
    return next(
        (titles[fold(str(t))] for t in (sheet.cell(1, at).value, sheet.cell(2, at).value) if t and fold(str(t)) in titles), None
    )


def _with_old_words(made: PriorityMatrix, old: PriorityMatrix) -> PriorityMatrix:
    """Texts that only differ by what a workbook cannot hold (a control character, an end blank) are the old ones."""
    rows = []
    for row in made.severities:
        before = old.severity(row.id)
        update: dict[str, Label] = {}
        for name in ("name", "meaning"):
            was = getattr(before, name) if before is not None else Label()
            now = getattr(row, name)
            update[name] = Label(**{lang: _text_kept(getattr(now, lang), getattr(was, lang)) for lang in ("zh", "en")})
        rows.append(Severity(id=row.id, priorities=row.priorities, **update))
    return made.model_copy(update={"severities": tuple(rows)})


def _lines(sheet: Worksheet) -> Iterator[list[Cell]]:
    for row in sheet.iter_rows(min_row=HEADS + 1):
        cells = [cell for cell in row]
        if any(cell.value is not None and str(cell.value).strip() for cell in cells):
            yield cells  # type: ignore[misc]


def _kept(value: Any, old: Any, column: Column) -> Any:
    """The cell's value; the old one where the two differ only by what a workbook cannot hold. Raises BadValue."""
    if isinstance(old, str) and isinstance(value, str | type(None)) and _squeezed(value or "") == _squeezed(old):
        value = old
        if column.field not in ("states", "latching", "enabled") and column.name in _plain_texts():
            return old
    read = read_cell(value, column)
    if isinstance(old, float) and isinstance(read, float) and math.isclose(old, read, rel_tol=1e-14):
        return old  # Excel keeps 15 digits
    return read


def _plain_texts() -> frozenset[str]:
    """Columns whose text is the value itself."""
    return frozenset(
        c.name
        for c in columns()
        if c.kind == "rule" and (c.name.endswith(("_zh", "_en", "_by")) or AlarmRule.model_fields[c.field].annotation is str)
    )


def _text_kept(value: str, old: str) -> str:
    return old if _squeezed(value) == _squeezed(old) else value


def _squeezed(text: str) -> str:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return re.sub(r"\s+", " ", ILLEGAL_CHARACTERS_RE.sub(" ", text.replace("_x000D_", " "))).strip()


def _text(cell: Cell | None) -> str:
    value = cell.value if cell is not None else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _yes_no(value: Any) -> Any:
    return {"是": True, "否": False}.get(value, value) if isinstance(value, str) else value


def _number(value: Any) -> float | None:
    try:
        return None if value is None or not str(value).strip() else float(str(value).strip())
    except ValueError:
        return None


# --- checking --------------------------------------------------------------------------------------------------------------


def _check(plant: Plant, rows: Mapping[str, int], places: Mapping[str, str], findings: Findings) -> tuple[Finding, ...]:
    """As `anlan check` does, of what the workbook speaks of; each finding at its cell."""
    fallback = Where(ALARMS)
    draft = draft_of(plant, fallback)
    for identifier, row in rows.items():
        draft.where["rule", identifier] = Where(f"{ALARMS}!A{row}")
    found = Findings()
    check_draft(draft, PlaceIndex(draft.places), found)
    for finding in found.items:
        if finding.error.file == ALARMS and not finding.fatal:
            continue  # about a point or source: nothing that this workbook could mend
        findings.items.append(_at_cell(finding, places))
    return tuple(findings)


def _at_cell(finding: Finding, places: Mapping[str, str]) -> Finding:
    row = re.fullmatch(rf"{ALARMS}!A(\d+)", finding.error.file)
    if row is None:
        return finding
    letter = places.get(_CELL_OF.get(finding.name, "id"), "A")
    error = finding.error
    moved = ConfigError(error.message, file=f"{ALARMS}!{letter}{row[1]}", mend=error.mend, **error.facts)
    return Finding(finding.name, finding.fatal, moved)


def must_be_sound(read: ReadBook) -> Plant:
    """The plant of a workbook without mistakes. Raises BookMistakes."""
    if read.plant is None:
        raise BookMistakes(read.findings)
    return read.plant


class BookMistakes(InputError):
    """A workbook that is not accepted; `findings` names the cells."""

    code = "book-mistakes"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        wrong = [f for f in findings if f.fatal]
        super().__init__(
            "{count} mistakes in the workbook: {what}", count=len(wrong), what="; ".join(f.text("en") for f in wrong[:10])
        )

    def text(self, language: str = "en") -> str:
        wrong = [f.text(language) for f in self.findings if f.fatal]
        more = [f"… +{len(wrong) - 20}"] if len(wrong) > 20 else []
        from anlan.model.languages import translate

        head = translate("{count} mistakes in the workbook", language).format(count=len(wrong))
        return "\n  ".join([f"{head}:", *wrong[:20], *more])

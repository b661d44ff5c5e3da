"""A sheet as a value: its head and its lines of cells; checked cell by cell, scored line by line.

All cells are text, as they are typed: a choice is its id, several ids stand with "; " between, links likewise as "point:AT-203; place:hualan/U200".
What has a wrong value is a mistake and is not kept; what is still missing is counted, and keeps a sheet from being reviewed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, ClassVar

import orjson

from anlan.model.errors import InputError
from anlan.model.languages import translate
from anlan.risk.worksheets.forms import MOST, Column, Form, form
from anlan.risk.worksheets.methods import COLOURS, Method, Score, method

MOST_LINES = 2000
LINK_KINDS = ("place", "point", "barrier", "document", "study")
"""A piece of equipment is a place."""
_LINK = re.compile(rf"({'|'.join(LINK_KINDS)})[:：](\S{{1,200}})")
_LINE_ID = re.compile(r"[a-z0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Line:
    """`id` stays with a line through all versions; `cells`: column name → text, without empty ones."""

    id: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """`place`: path of what the sheet is about. `day`: ISO date of the analysis, as its team gives it."""

    form: str
    method: str
    title: str
    place: str = ""
    team: str = ""
    day: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        return form(self.form).columns(method(self.method))

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, in hexadecimal."""
        return sha256(orjson.dumps(self.as_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        return told | {"lines": [{"id": one.id, "cells": dict(one.cells)} for one in self.lines]}


@dataclass(frozen=True, slots=True)
class CellMistake:
    """`line` counts from 1; `column` is "" for a line as a whole, `line` 0 for the head."""

    line: int
    column: str
    error: InputError

    def text(self, language: str) -> str:
        return self.error.text(language)


class SheetMistakes(InputError):
    """Lines that are not kept; `mistakes` names the cells."""

    code: ClassVar[str] = "sheet-mistakes"

    def __init__(self, mistakes: Sequence[CellMistake]) -> None:
        self.mistakes = tuple(mistakes)
        told = [{"line": m.line, "column": m.column, "text": {"zh": m.text("zh"), "en": m.text("en")}} for m in mistakes[:50]]
        super().__init__("{count} mistakes in the worksheet", count=len(mistakes), mistakes=told)

    def text(self, language: str = "en") -> str:
        head = translate("{count} mistakes in the worksheet", language).format(count=len(self.mistakes))
        return "; ".join([head, *(f"{m.line}/{m.column}: {m.text(language)}" for m in self.mistakes[:20])])


@dataclass(frozen=True, slots=True)
class Assessed:
    """A line with what it comes to. `score` is None while a factor is missing; `missing`: required columns that are empty, factors included."""

    line: Line
    score: Score | None
    missing: tuple[str, ...]


def read_sheet(told: Mapping[str, Any]) -> Sheet:
    """From data of a person, a file or the records. Raises SheetMistakes, InputError (form or method not known)."""
    chosen, scoring = form(str(told.get("form", ""))), method(str(told.get("method", "")))
    reader = _Reader(chosen, scoring)
    head = reader.head(told)
    lines = reader.lines(told.get("lines") or ())
    if reader.mistakes:
        raise SheetMistakes(reader.mistakes)
    return Sheet(form=chosen.id, method=scoring.id, lines=lines, **head)


def kept_sheet(told: Mapping[str, Any]) -> Sheet:
    """A version as it was kept, which was read once: what it says is not judged again."""
    lines = tuple(Line(one["id"], one["cells"]) for one in told["lines"])
    return Sheet(**{**told, "lines": lines})


@dataclass
class _Reader:
    form: Form
    method: Method
    mistakes: list[CellMistake] = field(default_factory=list)

    def head(self, told: Mapping[str, Any]) -> dict[str, str]:
        found = {name: tidy(told.get(name)) for name in ("title", "place", "team", "day")}
        if not found["title"]:
            self._wrong(0, "title", InputError("the title is empty; a few words were expected"))
        for name in ("title", "place", "team"):
            if len(found[name]) > MOST["text"]:
                self._wrong(0, name, InputError("{found} characters; at most {most} were expected", found=len(found[name]), most=MOST["text"]))  # fmt: skip
        try:
            found["day"] = date.fromisoformat(found["day"]).isoformat() if found["day"] else ""
        except ValueError:
            self._wrong(0, "day", InputError("{found} is no date; one such as 2026-11-26 was expected", found=found["day"][:40]))
        return found

    def lines(self, given: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
        columns = {one.name: one for one in self.form.columns(self.method)}
        made: list[Line] = []
        taken: set[str] = set()
        for number, told in enumerate(given, 1):
            if number > MOST_LINES:
                self._wrong(number, "", InputError("at most {most} lines were expected", most=MOST_LINES))
                break
            id = str(told.get("id") or "") or free_id(taken)
            if not _LINE_ID.fullmatch(id) or id in taken:
                self._wrong(number, "", InputError("the line's id {found} is not usable or stands twice", found=repr(id[:40])))
            taken.add(id)
            cells = {}
            for name, text in (told.get("cells") or {}).items():
                if (column := columns.get(name)) is None:
                    self._wrong(number, str(name)[:40], InputError("there is no column {found}", found=repr(str(name)[:40])))
                elif column.type != "computed" and (value := self._cell(number, column, tidy(text))):
                    cells[name] = value
            made.append(Line(id, cells))
        return tuple(made)

    def _cell(self, number: int, column: Column, text: str) -> str:
        try:
            return cell_of(column, text)
        except InputError as error:
            self._wrong(number, column.name, error)
            return ""

    def _wrong(self, line: int, column: str, error: InputError) -> None:
        self.mistakes.append(CellMistake(line, column, error))


def free_id(taken: set[str]) -> str:
    """The first of r1, r2 … that no line has."""
    number = len(taken) + 1
    while f"r{number}" in taken:
        number += 1
    return f"r{number}"


def tidy(text: Any) -> str:
    """As it is kept: line ends as one sign, no other control characters, no blanks at the ends."""
    if text is None:
        return ""
    written = str(text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in written if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}).strip()


def cell_of(column: Column, text: str) -> str:
    """The cell as it is kept. Raises InputError."""
    if len(text) > MOST[column.type]:
        raise InputError("{found} characters; at most {most} were expected", found=len(text), most=MOST[column.type])
    match column.type:
        case "choice" | "factor" if text:
            return _choice(column, text)
        case "choices":
            chosen = [_choice(column, one) for one in _parts(text)]
            return "; ".join(one.id for one in column.choices if one.id in chosen)
        case "number" if text:
            return _number(text)
        case "links":
            return "; ".join(f"{kind}:{id}" for kind, id in links_of(text))
        case "text":
            return re.sub(r"\s+", " ", text)
        case _:
            return text


def _choice(column: Column, text: str) -> str:
    found = column.choice(unicodedata.normalize("NFKC", text) if column.type == "factor" else text)
    if found is None:
        some = ", ".join(one.id for one in column.choices[:12])
        raise InputError("{found} is none of {expected}", found=repr(text[:60]), expected=some)
    return found.id


def _number(text: str) -> str:
    try:
        found = Decimal(unicodedata.normalize("NFKC", text).replace("−", "-"))
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found <= 0:
        raise InputError("{found} was found; a number above 0 was expected", found=repr(text[:40]))
    return str(found)


def _parts(text: str) -> list[str]:
    return [part for part in (one.strip() for one in re.split(r"[;；\n]", text)) if part]


def links_of(text: str) -> list[tuple[str, str]]:
    """(kind, id) of each link in a cell. Raises InputError."""
    found = []
    for part in _parts(text):
        written = _LINK.fullmatch(part)
        if written is None:
            raise InputError(
                "{found} is no link; one such as point:AT-203 was expected, of the kinds {kinds}",
                found=repr(part[:60]),
                kinds=", ".join(LINK_KINDS),
            )
        found.append((written[1], written[2]))
    return found


def assessed(sheet: Sheet) -> list[Assessed]:
    scoring, columns = method(sheet.method), sheet.columns
    needed = [one.name for one in columns if one.required or one.type == "factor"]
    return [
        Assessed(line, scoring.score(line.cells), tuple(name for name in needed if not line.cells.get(name)))
        for line in sheet.lines
    ]


def counted(sheet: Sheet) -> dict[str, int]:
    """Lines by colour from the gravest down, and those that are not assessed."""
    found = Counter(one.score.colour if one.score is not None else "unassessed" for one in assessed(sheet))
    return {name: found[name] for name in (*COLOURS, "unassessed")}

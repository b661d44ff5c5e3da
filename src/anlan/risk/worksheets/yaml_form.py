"""A worksheet as YAML, as it lies in `worksheets/` of a plant folder; `sheet` and the lines' `id` stand in what a node has exported.

form: jha
method: ls-a
title: 液氯卸车
place: hualan/U200
lines:
  - {step: 连接鹤管, hazard: 泄漏, consequence: 中毒, L: 3, S: 5, links: [point:AT-203]}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from anlan.model.errors import ConfigError, InputError
from anlan.model.not_yaml import not_yaml
from anlan.risk.worksheets.sheet import Sheet, SheetMistakes, read_sheet

HEAD = ("form", "method", "title", "place", "team", "day")
MOST_BYTES = 8 << 20


def read_yaml(path: Path, name: str = "") -> Sheet:
    """`name`: as mistakes call the file. Raises ConfigError with file and line of the first mistake."""
    return read_named(path, name)[0]


def read_named(path: Path, name: str = "") -> tuple[Sheet, UUID | None]:
    """With the sheet's id on the node that exported it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.error import YAMLError

    file = name or path.name
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError("it holds more than {most} MB", file=file, most=MOST_BYTES >> 20)
        told: Any = YAML(typ="rt").load(path.read_text("utf-8"))
    except (YAMLError, UnicodeDecodeError) as failure:
        wrong = not_yaml(failure)
        raise ConfigError(wrong.message, file=file, line=wrong.line, **wrong.facts) from failure
    except OSError as failure:
        raise ConfigError("this file cannot be read: {why}", file=file, why=failure.strerror or str(failure)) from failure
    lines: Any = (told.get("lines") if isinstance(told, dict) else None) or CommentedSeq()
    if not isinstance(told, CommentedMap) or not isinstance(lines, CommentedSeq):
        raise ConfigError("names with values were expected", file=file)
    strange = next((str(name) for name in told if name not in ("sheet", *HEAD, "lines")), None)
    if strange is not None:
        raise ConfigError("there is no column {found}", file=file, line=told.lc.key(strange)[0] + 1, found=repr(strange))
    for at, line in enumerate(lines):
        if not isinstance(line, dict):
            raise ConfigError("names with values were expected", file=file, line=lines.lc.item(at)[0] + 1)
    try:
        given = [{"id": str(line.get("id") or ""), "cells": _cells(line)} for line in lines]
        return read_sheet({**{name: told.get(name) for name in HEAD}, "lines": given}), _id_of(told, file)
    except SheetMistakes as mistakes:
        first = mistakes.mistakes[0]
        line = (
            lines.lc.item(first.line - 1)[0] + 1
            if first.line
            else (told.lc.key(first.column)[0] + 1 if first.column in told else 1)
        )
        raise ConfigError(first.error.message, file=file, line=line, **first.error.facts) from mistakes
    except InputError as error:  # form or method not known
        raise ConfigError(error.message, file=file, line=1, **error.facts) from error


def _id_of(told: Any, file: str) -> UUID | None:
    if told.get("sheet") is None:
        return None
    try:
        return UUID(str(told["sheet"]))
    except ValueError:
        line = told.lc.key("sheet")[0] + 1
        raise ConfigError("there is no worksheet {id}", file=file, line=line, id=str(told["sheet"])[:60]) from None


def _cells(line: dict[str, Any]) -> dict[str, str]:
    return {
        str(name): "; ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in line.items()
        if value is not None and name != "id"
    }


def write_yaml(sheet: Sheet, id: UUID) -> bytes:
    """What `read_named` takes back."""
    from io import BytesIO

    from ruamel.yaml import YAML

    writer = YAML()
    writer.width, writer.allow_unicode = 150, True
    told: dict[str, Any] = {"sheet": str(id), **{name: getattr(sheet, name) for name in HEAD if getattr(sheet, name)}}
    told["lines"] = [{"id": one.id, **one.cells} for one in sheet.lines]
    out = BytesIO()
    writer.dump(told, out)
    return out.getvalue()

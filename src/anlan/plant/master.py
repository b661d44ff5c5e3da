"""The master alarm database (主报警数据库): every alarm of the approved version as one line, and how its fields are written into cells.

In: a plant. Out: lines for page, API and workbook alike. The approved set itself lives in the versions (versions.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from anlan.model.events.alarms import AlarmKind
from anlan.model.tables import read_table
from anlan.model.words import Label
from anlan.monitor.config import SUFFIX, AlarmRule
from anlan.monitor.rationalisation import AlarmClass, Rationalised
from anlan.plant import cells
from anlan.plant.compile import all_points, all_rules
from anlan.plant.description import Plant
from anlan.plant.loosening import is_guarded

WRITTEN, AUTOMATIC = Label(zh="手工设定", en="written"), Label(zh="自动生成", en="automatic")
LABELS = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: id, told or rule. `field`: the rule's field it is a part of."""

    name: str
    zh: str
    en: str
    kind: str
    width: int
    field: str = ""


@cache
def columns() -> tuple[Column, ...]:
    """In the order of the workbook: which alarm, what it is about, then every field that a rule has, also those of later releases."""
    own = {row["column"]: row for row in read_table("master_columns.csv", "anlan.plant")}
    head = [_own(own[name]) for name in own if own[name]["kind"] != "rule"]
    titles = {row["column"]: row for row in read_table("columns.csv", "anlan.plant")}
    fields: list[Column] = []
    for field in AlarmRule.model_fields:
        if field in own and own[field]["kind"] == "id":
            continue
        for name in parts(field):
            row = own.get(name) or titles.get(name) or {"zh": name, "en": name}
            fields.append(Column(name, row["zh"], row["en"], "rule", int(row.get("width") or _width(name)), field))
    return (*head, *fields)


def _own(row: Mapping[str, str]) -> Column:
    return Column(row["column"], row["zh"], row["en"], row["kind"], int(row["width"]), row["column"])


def _width(name: str) -> int:
    return 34 if name.endswith(("_zh", "_en")) else 12


def parts(field: str) -> tuple[str, ...]:
    """The columns of one field: a label has two, who rationalised it and when are two."""
    if _annotation(field) is Label:
        return tuple(f"{field}_{language}" for language in LABELS)
    return (f"{field}_by", f"{field}_on") if field == "rationalised" else (field,)


def _annotation(field: str) -> Any:
    return AlarmRule.model_fields[field].annotation


def cell_of(rule: AlarmRule, column: Column) -> Any:
    """What stands in the cell: a number, a text, a date; None for an empty one."""
    value = getattr(rule, column.field)
    if isinstance(value, Label):
        return getattr(value, column.name[-2:]) or None
    if column.field == "rationalised":
        return None if value is None else value.by if column.name.endswith("_by") else value.on
    if column.field == "kind":
        return SUFFIX[AlarmKind(value)]
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, tuple) and all(isinstance(v, int) for v in value):
        return ";".join(map(str, value)) or None
    if value is None or isinstance(value, int | float | str):
        return value if value != "" else None
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_defaults=True)
    return json.dumps(value, ensure_ascii=False, default=_as_json)


def _as_json(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


class BadValue(Exception):
    """`expected` is a msgid."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def read_cell(value: Any, column: Column) -> Any:
    """A cell as the value of the field's part; None for an empty one. Raises BadValue."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _reader(column)(value)
    except cells.BadCell as bad:
        raise BadValue(bad.expected) from bad
    except ValueError as bad:
        raise BadValue("JSON, as an export writes it") from bad


def _reader(column: Column) -> Callable[[Any], Any]:
    if column.name == "states":
        return lambda v: cells.integers(_text(v))
    if column.name.endswith("_on") and column.field == "rationalised":
        return _day
    annotation = _annotation(column.field)
    if annotation is bool:
        return lambda v: v if isinstance(v, bool) else cells.yes_no(_text(v))
    if annotation is int:
        return lambda v: cells.whole(_text(v))
    if annotation is float or annotation == float | None:
        return lambda v: float(v) if isinstance(v, int | float) and not isinstance(v, bool) else cells.number(_text(v))
    if annotation is str or annotation is Label or column.field == "rationalised" or _is_choice(annotation):
        return _text
    return lambda v: json.loads(_text(v))


def _is_choice(annotation: Any) -> bool:
    """One of some texts."""
    return get_origin(annotation) is Literal and all(isinstance(one, str) for one in get_args(annotation))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    return str(value).strip()


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else cells.day(_text(value))


# --- lines for page and API ------------------------------------------------------------------------------------------------


def lines(plant: Plant, only: str = "") -> list[dict[str, Any]]:
    """Every alarm, written and automatic, or `only` the one of this id, in the order of the ids, as plain JSON values."""
    points = {p.id: p for p in all_points(plant)}
    written = {rule.id for rule in plant.rules}
    classes = {one.id: one for one in plant.alarms.classes}
    matrix = plant.alarms.matrix
    found = []
    for rule in sorted((r for r in all_rules(plant) if r.id == (only or r.id)), key=lambda r: r.id):
        point = points.get(rule.point)
        severity = matrix.severity(rule.severity)
        found.append(
            {
                **rule.model_dump(mode="json"),
                "name": point.name.model_dump() if point is not None else {"zh": rule.point, "en": rule.point},
                "place": point.place if point is not None else plant.places[0].path,
                "unit": point.unit if point is not None else "",
                "origin": (WRITTEN if rule.id in written else AUTOMATIC).model_dump(),
                "guarded": is_guarded(rule, plant.points_by_id.get(rule.point)),
                "matrix_priority": matrix.priority(rule.severity, rule.time_to_respond)
                if severity and rule.time_to_respond
                else None,
                "review_due": _review_due(rule.rationalised, classes.get(rule.alarm_class)),
            }
        )
    return found


def _review_due(done: Rationalised | None, alarm_class: AlarmClass | None) -> str | None:
    due = done.review_due(alarm_class) if done is not None else None
    return due.isoformat() if due is not None else None

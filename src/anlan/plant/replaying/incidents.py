"""A list of incidents that alarms should have announced: a CSV file with the columns start, end, point (or place), name."""

from __future__ import annotations

import csv
from pathlib import Path

from anlan.model.clock import Micros
from anlan.model.errors import ConfigError, InputError
from anlan.model.instants import instant
from anlan.monitor.what_if import Incident
from anlan.plant.description import Plant
from anlan.plant.sheet import decode

COLUMNS = {
    "start": ("start", "开始", "开始时间"),
    "end": ("end", "结束", "结束时间"),
    "subject": ("point", "place", "point or place", "位号", "测点", "位置", "场所"),
    "name": ("name", "名称"),
}


def read_incidents(file: Path, plant: Plant) -> list[Incident]:
    """Raises ConfigError with the line."""
    if not file.is_file():
        raise ConfigError("there is no such file", file=str(file))
    lines = list(csv.reader(decode(file.name, file.read_bytes()).splitlines()))
    columns = _columns(file, lines[0] if lines else [])
    return [_incident(file, n, cells, columns, plant) for n, cells in enumerate(lines[1:], 2) if any(c.strip() for c in cells)]


def _columns(file: Path, header: list[str]) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    found = {what: next((i for i, name in enumerate(names) if name in known), -1) for what, known in COLUMNS.items()}
    if missing := [what for what in ("start", "end", "subject") if found[what] < 0]:
        raise ConfigError(
            "the column {column} is missing",
            file=file.name,
            line=1,
            mend="write start,end,point,name in the header; place instead of point where a whole place is meant",
            column="point" if missing[0] == "subject" else missing[0],
        )
    return found


def _incident(file: Path, line: int, cells: list[str], columns: dict[str, int], plant: Plant) -> Incident:
    cell = {what: cells[i].strip() if 0 <= i < len(cells) else "" for what, i in columns.items()}
    start, end = (_time(file, line, name, cell[name]) for name in ("start", "end"))
    if end < start:
        raise ConfigError("the incident ends before it starts", file=file.name, line=line)
    return Incident(start, end, _subject(file, line, cell["subject"], plant), cell["name"])


def _time(file: Path, line: int, name: str, text: str) -> Micros:
    try:
        return instant(name, text)
    except InputError as wrong:
        raise ConfigError(wrong.message, file=file.name, line=line, **wrong.facts) from wrong


def _subject(file: Path, line: int, text: str, plant: Plant) -> str:
    """A point's id or a place's path; of a place its id will do where only one has it."""
    if text in plant.points_by_id or text in plant.places_by_path:
        return text
    paths = [place.path for place in plant.places if place.path.endswith(f"/{text}") or place.id == text]
    if text and len(paths) == 1:
        return paths[0]
    raise ConfigError(
        "{found} is neither a point nor a place of this plant" if not paths else "{found} could be any of {places}",
        file=file.name,
        line=line,
        found=text,
        places=", ".join(paths[:4]),
    )

"""`anlan detectors`: calibration and modes of a node's detectors from its data folder, whether the node runs or not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anlan.store.records import Records
    from anlan.web.context import PlantView


def register(app: typer.Typer) -> None:
    """Add `anlan detectors`."""
    app.command("detectors")(detectors_command)


def detectors_command(
    data: Annotated[Path, typer.Argument(help="The node's data folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Every gas and fire detector: until when its calibration holds, what the last one found, and what took it out of evidence.

    Values are not told: they are live, and this reads only records.db and alarms.db.

    Example: anlan detectors var/hualan
    Example: anlan detectors var/hualan --json
    """
    import orjson

    from anlan.model.languages import shell_language

    report = read_report(data)
    if as_json:
        typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(report, shell_language())


def read_report(data: Path) -> dict[str, Any]:
    """Raises NotFound, StoreError."""
    from anlan.model.clock import SystemClock, to_datetime
    from anlan.model.errors import NotFound
    from anlan.node.configuration import view_in_force
    from anlan.store.records import Records

    database, journal = data / "records.db", data / "alarms.db"
    for file in (database, journal):
        if not file.is_file():
            raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(file))
    records = Records.open(database)
    try:
        plant = view_in_force(records, numbered=True)
        today = to_datetime(SystemClock().now()).astimezone(_zone(plant.zone)).date()
        return {"today": today.isoformat(), "items": _rows(plant, records, journal, today)}
    finally:
        records.close()


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _rows(plant: PlantView, records: Records, journal: Path, today: date) -> list[dict[str, Any]]:
    from anlan.monitor.detectors.dates import dates_of, last_calibrations
    from anlan.monitor.detectors.kinds import is_detector
    from anlan.monitor.journal import JournalReader
    from anlan.monitor.point_modes import standing_of

    reader = JournalReader.open(journal)
    try:
        standing = standing_of(reader.last_steps())
    finally:
        reader.close()
    due, last = dates_of(plant, records), last_calibrations(records)
    rows = []
    for number, point in sorted(plant.points.items(), key=lambda item: item[1].id):
        if not is_detector(point):
            continue
        until = due.get(point.id)
        rows.append(
            {
                "point": point.id,
                "name": point.name.model_dump(),
                "due": until.isoformat() if until is not None else None,
                "overdue": None if until is None else today > until,
                "last": last.get(point.id),
                "modes": [{"mode": mode.value, "until": step.until, "work_order": step.work_order, "reason": step.reason} for (n, mode), step in standing.items() if n == number],
            }
        )  # fmt: skip
    return rows


def _print(report: dict[str, Any], language: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from anlan.model.languages import translate

    def say(text: str) -> str:
        return translate(text, language)

    table = Table(*(say(head) for head in ("Detector", "Name", "Calibration due", "Last result", "T90", "Modes")))
    for row in report["items"]:
        last, name = row["last"], row["name"]
        due = row["due"] or "—"
        table.add_row(
            row["point"],
            name.get(language) or name.get("en") or name.get("zh") or "",
            f"{due} {say('overdue')}" if row["overdue"] else due,
            say(_RESULTS[last["result"]]) if last is not None else "—",
            f"{last['t90']:.1f} s" if last is not None and last["t90"] is not None else "—",
            ", ".join(say(one["mode"]) for one in row["modes"]) or "—",
        )
    Console().print(table)


_RESULTS = {"pass": "passed", "fail": "failed", "incomplete": "incomplete"}

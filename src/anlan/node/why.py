"""`anlan why`: why an alarm stands, or doesn't, from a node's data folder, whether the node runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anlan.model.clock import Micros
    from anlan.monitor.past import OwnPast
    from anlan.monitor.why import Explanation, Gate
    from anlan.web.context import PlantView

MARKS = {True: "✓", False: "✗", None: "·"}


def register(app: typer.Typer) -> None:
    app.command("why")(why_command)


def why_command(
    data: Annotated[Path, typer.Argument(help="The node's data folder.")],
    name: Annotated[str, typer.Argument(metavar="ALARM|POINT", help="Id of an alarm, or of a point for all of its alarms.")],
    at: Annotated[
        str,
        typer.Option(help="A time, e.g. 2026-01-01T08:00:00+08:00; now when left out, or when a stopped node last heard of it."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an alarm, as the API answers.")] = False,
) -> None:
    """Why does this alarm stand, or why doesn't it: what was read, and each gate between the reading and the operator.

    Example: anlan why var/hualan LT-301.H
    Example: anlan why var/hualan LT-301 --at 2026-11-01T03:12:00+08:00
    """
    import orjson

    from anlan.model.languages import shell_language

    for found in explained(data, name, at):
        if as_json:
            typer.echo(orjson.dumps(found.as_json()).decode())
        else:
            _print(found, shell_language())


def explained(data: Path, name: str, at: str = "") -> list[Explanation]:
    """Raises NotFound, InputError, StoreError."""
    from anlan.model.instants import instant

    with past_of(data) as (past, names):
        numbers = _numbers(past.plant, name)
        when = instant("--at", at) if at else _now(data, past, numbers)
        return [past.why(number, when, names) for number in numbers]


@contextmanager
def past_of(data: Path) -> Iterator[tuple[OwnPast, Callable[[str], str]]]:
    """What a data folder remembers, read beside a node that may be running, and who its people are. Raises NotFound, StoreError."""
    from anlan.guard.people import People
    from anlan.model.clock import SystemClock
    from anlan.model.errors import NotFound
    from anlan.monitor.journal_view import JournalView
    from anlan.monitor.past import OwnPast
    from anlan.node.configuration import in_force_beside
    from anlan.node.layout import NodeFolder
    from anlan.store.history_reader import HistoryReader
    from anlan.store.history_tail import WholeHistory
    from anlan.store.logreader import LogReader
    from anlan.store.records import Records

    folder = NodeFolder(data.absolute())
    for needed in (folder.records, folder.journal, folder.history / "_delta_log"):
        if not needed.exists():
            raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(needed))
    records, frames, journal = Records.open(folder.records), LogReader.open(folder.log), JournalView(folder.journal)
    try:
        view, config = in_force_beside(records)
        names = People(records, SystemClock()).names()
        past = OwnPast(lambda: view, lambda: config, journal, WholeHistory(HistoryReader.open(folder.history), frames))
        yield past, lambda person: names.get(person, "")
    finally:
        journal.close()
        frames.close()
        records.close()


def _numbers(plant: PlantView, name: str) -> list[int]:
    from anlan.model.errors import NotFound

    if (alarm := plant.rule_numbers.get(name)) is not None:
        return [alarm]
    if name not in plant.point_numbers:
        raise NotFound("there is neither an alarm nor a point {name} in this plant", name=name)
    if not (numbers := plant.rules_of_point.get(name, [])):
        raise NotFound("No alarm is set on {point}.", point=name)
    return sorted(numbers, key=lambda number: (plant.rules[number].priority, plant.rules[number].id))


def _now(data: Path, past: OwnPast, numbers: list[int]) -> Micros:
    """Of a node that runs, now. One that is stopped has heard nothing since: then when it last heard of the point."""
    from anlan.model.clock import SystemClock
    from anlan.model.columns import to_numpy
    from anlan.model.instants import LATEST
    from anlan.monitor.sub_plant import measured

    if _runs(data):
        return SystemClock().now()
    newest = past.latest(measured(past.part(*past.subjects(numbers))), LATEST)
    times = to_numpy(newest["time"])
    return int(times.max()) if len(times) else SystemClock().now()


def _runs(data: Path) -> bool:
    from anlan.bus.wire import Client
    from anlan.model.errors import AnlanError
    from anlan.node.layout import NodeFolder

    socket = NodeFolder(data.absolute()).socket

    async def answers() -> bool:
        async with asyncio.timeout(2):
            client = await Client.connect(socket)
            await client.close()
        return True

    try:
        return asyncio.run(answers())
    except (AnlanError, OSError, TimeoutError):
        return False


def _print(found: Explanation, language: str) -> None:
    from anlan.model.clock import isoformat

    typer.echo(typer.style(f"{found.alarm}  {isoformat(found.at)}", bold=True))
    typer.echo(found.sentence[language])
    for gate in found.gates:
        typer.echo(f"  {_mark(gate)} {gate.text[language]}")


def _mark(gate: Gate) -> str:
    mark: Any = MARKS[gate.open]
    return typer.style(mark, fg=typer.colors.YELLOW) if gate.open is False else str(mark)

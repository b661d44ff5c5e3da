"""`anlan replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("replay")(replay_command)


def replay_command(
    folder: Annotated[Path, typer.Argument(metavar="PLANT", help="The plant folder.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Recorded readings: .csv, .csv.gz, .parquet, in any number and order.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: transitions, then the summary.")] = False,
    rules: Annotated[
        Path | None, typer.Option(help="Rules to try: a plant folder, or a YAML with alarms or with a list of changes.")
    ] = None,
    incidents: Annotated[
        Path | None, typer.Option(help="CSV of start,end,point,name: what the alarms should have announced.")
    ] = None,
    lead: Annotated[float, typer.Option(help="Seconds before an incident from which an alarm announces it.", min=0)] = 600,
    start: Annotated[str, typer.Option("--from", help="Not before this time, e.g. 2026-01-01T08:00:00+08:00.")] = "",
    end: Annotated[str, typer.Option("--to", help="Before this time.")] = "",
    held: Annotated[
        bool, typer.Option("--held", help="The files hold only changes, as many historians do: silence means unchanged.")
    ] = False,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Count what cannot be read or is not in the plant, instead of stopping at it.")
    ] = False,
) -> None:
    """Run the plant's rules over recorded data as fast as it goes, without a node; with --rules, print what other rules would change.

    Example: anlan replay works readings.csv
    Example: anlan replay works 2026-*.parquet --rules longer-delays.yaml --incidents incidents.csv
    """
    from anlan.model.clock import SystemClock
    from anlan.model.instants import instant
    from anlan.model.languages import shell_language
    from anlan.plant.folder import load
    from anlan.plant.replaying.incidents import read_incidents
    from anlan.plant.replaying.report import Report
    from anlan.plant.replaying.rules import other_rules
    from anlan.plant.replaying.run import ToldTransition, Wish, run

    plant = load(folder)
    wish = Wish(
        files=files,
        start=instant("--from", start) if start else None,
        end=instant("--to", end) if end else None,
        held=held,
        skip=skip_unknown,
        incidents=read_incidents(incidents, plant) if incidents is not None else None,
        lead=round(lead * 1e6),
    )
    report = Report(plant, shell_language())
    # With other rules the list of what changes is wanted, not the thousand alarms that don't.
    other = other_rules(plant, rules) if rules is not None else None

    def tell(told: ToldTransition) -> None:
        if as_json:
            typer.echo(_dumps(told.as_json()))
        elif other is None:
            typer.echo(report.transition(told))

    outcome = run(plant, wish, SystemClock(), other=other, tell=tell)
    for message, facts in outcome.tally.notes:
        typer.echo(report.note(message, facts), err=True)
    if as_json:
        if outcome.effect is not None:
            typer.echo(_dumps({"effect": outcome.effect.as_json()}))
        typer.echo(_dumps(outcome.summary.as_json()))
        return
    for line in report.summary(outcome.summary):
        typer.echo(line)
    if outcome.effect is not None:
        typer.echo("")
        for line in report.effect(outcome.effect):
            typer.echo(line)


def _dumps(value: object) -> str:
    import orjson

    return orjson.dumps(value).decode()

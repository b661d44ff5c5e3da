"""`anlan risk failures`: published failure data, updated by counts."""

from __future__ import annotations

from typing import Annotated

import typer


def register(risk: typer.Typer) -> None:
    risk.command("failures")(failures_command)


def failures_command(
    equipment: Annotated[str, typer.Argument(metavar="[CLASS]", help="Of equipment; all when absent.")] = "",
    mode: Annotated[str, typer.Argument(metavar="[MODE]", help="Of failure; all of the class when absent.")] = "",
    failures: Annotated[int, typer.Option(help="Counted in this plant, with --exposure.", min=0)] = 0,
    exposure: Annotated[float, typer.Option(help="Hours, or demands where the entry is per demand.", min=0)] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Failure rates by class and mode with source, confidence and 90 % interval; with counts, updated by this plant's own.

    Example: anlan risk failures
    Example: anlan risk failures shutdown-valve undetected --failures 1 --exposure 876000
    """
    import orjson

    from anlan.model.languages import shell_language
    from anlan.risk.failures.library import failure_data, library
    from anlan.risk.failures.telling import row_of, told
    from anlan.risk.failures.update import Counts, update_failures

    if mode or failures or exposure:
        chosen = [failure_data(equipment, mode)]
    else:
        chosen = [one for one in library().values() if equipment in ("", one.equipment)]
        if not chosen:
            failure_data(equipment, mode)
    found = [(one, update_failures(one.law, Counts(failures, exposure))) for one in chosen]
    if as_json:
        typer.echo(orjson.dumps({"items": [row_of(one, updated) for one, updated in found]}).decode())
        return
    for one, updated in found:
        for line in told(one, updated):
            typer.echo(line.text(shell_language()))

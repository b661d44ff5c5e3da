"""`anlan risk hazards DIR`: the register of a folder's major hazards, without a node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anlan.risk.command import risk


def register(app: typer.Typer) -> None:
    """The plant room reads folders, which the risk room can't."""
    if not any(one.name == "hazards" for one in risk.registered_commands):
        risk.command("hazards")(hazards_command)


def hazards_command(
    folder: Annotated[Path, typer.Argument(help="The plant folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """The major hazards of a plant folder by GB 18218-2018: q, Q, β, S, R and level of each unit, every step, and what is missing.

    Example: anlan risk hazards works
    """
    import orjson

    from anlan.model.languages import shell_language
    from anlan.plant.folder import load
    from anlan.risk.hazards.identification import identify
    from anlan.risk.hazards.register import as_json as told
    from anlan.risk.hazards.register import in_words

    hazards = load(folder).hazards
    found = [identify(unit, hazards.residents) for unit in hazards.units]
    if as_json:
        typer.echo(orjson.dumps(told(found, hazards.residents)).decode())
    else:
        typer.echo("\n".join(in_words(found, hazards.residents, shell_language())))

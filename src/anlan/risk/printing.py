"""What several commands of this room print alike."""

from __future__ import annotations

import typer

from anlan.model.languages import translate


def print_json(value: object) -> None:
    """One line; numbers of numpy as numbers."""
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode())


def print_limits(language: str, source: str, validity: str) -> None:
    """Where the numbers come from and what they are valid for, or that nobody says so."""
    if source:
        typer.echo(translate("Source: {source}", language).format(source=source))
    words = "Valid for: {validity}" if validity else "No range of validity is stated."
    typer.echo(translate(words, language).format(validity=validity))

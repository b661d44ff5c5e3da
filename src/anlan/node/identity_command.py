"""`anlan identity check`: whether people can sign in by the identity service that `identity.yaml` names, before anybody stands at the door."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from anlan.sense.commands import group

DataOption = Annotated[
    Path | None, typer.Option(help="The node's data folder, in which identity.yaml lies; default the only one under ./var.")
]


def register(app: typer.Typer) -> None:
    """Add `anlan identity check`."""
    group(app, "identity", "Sign-in by an identity service (OpenID Connect).").command("check")(check_command)


def check_command(data: DataOption = None) -> None:
    """Read identity.yaml, ask the service what it says of itself, and tell what it must know of this console. Exit 1 if it does not answer.

    Example: anlan identity check --data var/hualan
    """
    from anlan.guard.oidc import Provider, ProviderDown
    from anlan.guard.oidc_settings import FILE, read_settings
    from anlan.model.clock import SystemClock
    from anlan.model.languages import shell_language, translate
    from anlan.node.audit_command import data_folder

    def say(words: str, **facts: str) -> None:
        typer.echo(translate(words, language).format(**facts))

    folder, language = data or data_folder(None), shell_language()
    found = read_settings(folder)
    if found is None:
        say("{file} is not there: people sign in by account and password alone", file=str(folder / FILE))
        raise typer.Exit(0)
    provider = Provider(*found, SystemClock())
    say("client {client} of {issuer}", client=provider.settings.client_id, issuer=provider.settings.issuer)
    say("to be registered there as the address that people come back to: {callback}", callback=provider.callback)
    try:
        asyncio.run(provider.answers())
    except ProviderDown as down:
        typer.echo(down.text(language), err=True)
        raise typer.Exit(1) from down
    say("it answers, and its keys can be read; whether it takes the client's secret is known once somebody signs in")

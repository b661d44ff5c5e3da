"""What the command line offers of this room: `anlan drivers`, `anlan new driver`, `anlan source browse | scan | listen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anlan.sense import look_commands


def register(app: typer.Typer) -> None:
    """Add this room's commands to the command line."""
    app.command("drivers")(show_drivers)
    group(app, "new").command("driver")(new_driver)
    looks = group(app, "source", "Look at a device before it is a source. Reads, and keeps nothing.")
    looks.command("browse")(look_commands.browse)
    looks.command("scan")(look_commands.scan)
    looks.command("listen")(look_commands.listen)


def group(app: typer.Typer, name: str, text: str | None = None) -> typer.Typer:
    """The group of that name, made if no other room has made it."""
    found = next((g.typer_instance for g in app.registered_groups if g.name == name), None)
    if found is None:
        found = typer.Typer(help=text, no_args_is_help=True)
        app.add_typer(found, name=name)
    return found


def show_drivers() -> None:
    """List the drivers found, where each comes from, and why one cannot be used.

    Example: anlan drivers
    """
    from anlan.sense.registry import drivers

    for found in drivers():
        typer.echo(f"{found.name:<12} {found.package:<20} {found.origin}")
        typer.echo(f"{'':<12} {found.fault or found.doc}")


def new_driver(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    folder: Annotated[Path, typer.Option(help="Where the package is written.")] = Path(),
) -> None:
    """Write a new driver: a package with a working protocol, simulator and tests to change into yours.

    Example: anlan new driver mitsubishi_mc
    """
    from anlan.sense.scaffold import new_driver as write

    for path in write(name, folder):
        typer.echo(path)

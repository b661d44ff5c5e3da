"""`anlan tls`: the console's own certificate authority, in the node's data folder: made, renewed, shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anlan.sense.commands import group

if TYPE_CHECKING:
    from anlan.web.local_ca import Made

DataOption = Annotated[Path, typer.Option(help="The node's data folder; it is made if it is not there.")]
NameOption = Annotated[list[str] | None, typer.Option(metavar="HOST", help="A name of the console's machine; may be repeated.")]
AddressOption = Annotated[list[str] | None, typer.Option(metavar="IP", help="An address of it; may be repeated.")]
DaysOption = Annotated[int, typer.Option(help="How long the console's certificate lasts, at most 825.")]


def register(app: typer.Typer) -> None:
    """Add `anlan tls make`, `renew`, `show`."""
    tls = group(app, "tls", "HTTPS with a certificate authority of your own.")
    tls.command("make")(make_command)
    tls.command("renew")(renew_command)
    tls.command("show")(show_command)


def make_command(data: DataOption, name: NameOption = None, address: AddressOption = None, days: DaysOption = 397) -> None:
    """Make an authority for these names and addresses and the console's first certificate; `anlan up` speaks HTTPS with it from then on.

    Example: anlan tls make --data var/hualan --name plant.local --address 10.0.0.5
    """
    from anlan.model.clock import SystemClock
    from anlan.web import local_ca

    clock = SystemClock()
    _tell(local_ca.make(data / "tls", names=name or [], addresses=address or [], now=clock.now(), days=days), stations=True)


def renew_command(data: DataOption, name: NameOption = None, address: AddressOption = None, days: DaysOption = 397) -> None:
    """Make a new certificate by the same authority: stations need nothing new. The names stay unless others are given.

    Example: anlan tls renew --data var/hualan
    """
    from anlan.model.clock import SystemClock
    from anlan.web import local_ca

    clock = SystemClock()
    _tell(local_ca.renew(data / "tls", names=name or [], addresses=address or [], now=clock.now(), days=days), stations=False)
    typer.echo(_say("A running node takes it within a minute."))


def show_command(data: DataOption) -> None:
    """Show authority and certificate, how long they last, and how a station comes to trust them. Exit 1 once its time is over.

    Example: anlan tls show --data var/hualan
    """
    from anlan.model.clock import SystemClock
    from anlan.web import local_ca

    made = local_ca.read(data / "tls")
    _tell(made, stations=True)
    starts, ends = made.span
    raise typer.Exit(0 if starts <= SystemClock().now() <= ends else 1)


def _tell(made: Made, *, stations: bool) -> None:
    from anlan.model.clock import DAY, SystemClock

    starts, ends = made.span
    left = (ends - SystemClock().now()) // DAY
    typer.echo(f"{_say('Names')}: {', '.join([*made.names, *map(str, made.addresses)])}")
    typer.echo(f"{_say('Certificate')}: {made.folder / 'console.pem'}, {_day(starts)} … {_day(ends)}")
    if left < 0:
        typer.echo(_say("The certificate has expired: browsers let nobody in. `anlan tls renew` makes a new one."))
    else:
        typer.echo(_say("{days} days are left; every console says so from 14 days before its end.").format(days=left))
    typer.echo(f"{_say('Authority')}: {made.folder / 'ca.pem'}, … {_day(made.authority_ends)}")
    typer.echo(f"  SHA-256 {made.fingerprint}")
    if stations:
        typer.echo(_say("Bring ca.pem, never ca.key, to each station by hand, compare its SHA-256, and have it trusted there:"))
        for system, how in _STATIONS:
            typer.echo(f"  {system:<18} {how}")
        typer.echo(_say("ca.key is needed for renewals alone: keep it off this machine, e.g. on a stick in the safe."))


_STATIONS = (
    ("Windows", "certutil -addstore Root ca.pem"),
    ("Debian", "cp ca.pem /usr/local/share/ca-certificates/anlan.crt && update-ca-certificates"),
    ("Chromium (Linux)", "certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n anlan -i ca.pem"),
    ("Firefox", "about:preferences#privacy → Certificates → Authorities → Import"),
)


def _day(instant: int) -> str:
    from anlan.model.clock import to_datetime

    return f"{to_datetime(instant):%Y-%m-%d}"


def _say(text: str) -> str:
    from anlan.model.languages import shell_language, translate

    return translate(text, shell_language())

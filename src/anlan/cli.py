"""The command line: `anlan …`. A room is imported when its command runs, so that `anlan --help` answers at once.

Exit codes: 0 done, 1 something failed, 2 the input is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anlan.model.errors import AnlanError, InputError

app = typer.Typer(
    name="anlan",
    help="Anlan (安澜): sense, monitor, warn, respond, assess — industrial work safety on one machine or many.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    plant: Annotated[Path | None, typer.Argument(help="The plant folder; without one, the demo plant.")] = None,
    data: Annotated[Path | None, typer.Option(help="Where the node keeps its data; default ./var/PLANT-ID.")] = None,
    host: Annotated[
        str, typer.Option(help="Address the console listens on; beyond loopback only when you say so.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the console and the API.", min=1, max=65_535)] = 8700,
    certificate: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Speak HTTPS with this certificate, its chain behind it in the same file.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate's private key, without a password.")] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="What people type to reach the console, e.g. https://console.plant; may be repeated."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="A reverse proxy that speaks HTTPS before the console; may be repeated."),
    ] = None,
    scenario: Annotated[str, typer.Option(help="Demo plant: what happens (`anlan demo --list`).")] = "default",
    speed: Annotated[float | None, typer.Option(help="Demo plant: how many times faster than life.", min=0.1)] = None,
    port_base: Annotated[
        int | None, typer.Option(help="Demo plant: first of the four ports of its devices.", min=1, max=65_532)
    ] = None,
    single: Annotated[bool, typer.Option("--single", help="Everything in one process: for tests and a quick look.")] = False,
    horn: Annotated[str, typer.Option(help="Command that sounds the node's horn, e.g. 'aplay -q -D hw:1'.")] = "",
    witness: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH|URL",
            help="File or folder on another machine, or a parent node, that keeps the audit record's heads; may be repeated.",
        ),
    ] = None,
    witness_token: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With the token that the parent node gave; else ANLAN_WITNESS_TOKEN.")
    ] = None,
    witness_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The authority that certified the parent node, where no public one did.")
    ] = None,
    other_log: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOG", help="Another node's audit record that has its heads in the same witness folder; may be repeated."
        ),
    ] = None,
    onto: Annotated[
        int | None, typer.Option(metavar="N", help="Import a folder that rests on an older version onto version N all the same.")
    ] = None,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="The data folder was copied here and is the node from now on: the other one runs no more."),
    ] = False,
) -> None:
    """Turn a folder that describes a plant into a running safety node. Stop it with Ctrl-C.

    Example: anlan up                      the demo plant
    Example: anlan up plant/ --port 8700   your own
    Example: anlan up plant/ --host 0.0.0.0 --certificate console.pem --key console.key
    Example: anlan up plant/ --origin https://console.plant --proxy 127.0.0.1
    """
    from anlan.guard.witness import checked_log
    from anlan.guard.witness_parent import witness_at
    from anlan.node.up import UpOptions, run_up
    from anlan.web.listening import Listening

    run_up(
        UpOptions(
            plant=plant,
            data=data,
            listening=Listening(host, port, certificate, key, tuple(origin or ()), tuple(proxy or ())),
            scenario=scenario,
            speed=speed,
            port_base=port_base,
            single=single,
            horn=horn,
            witnesses=tuple(witness_at(one, witness_token, witness_ca) for one in witness or ()),
            other_logs=tuple(checked_log(one) for one in other_log or ()),
            onto=onto,
            adopt=adopt,
        )
    )


@app.command()
def status(
    data: Annotated[Path, typer.Option(help="The node's data folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Whether the node of a data folder runs, and how it fares. Exit 1 when its core does not answer.

    Example: anlan status --data var/hualan
    """
    from anlan.node.status import show_status

    raise typer.Exit(show_status(data, as_json=as_json))


def _register_rooms() -> None:
    from anlan.node.alarm_commands import register as alarm_commands
    from anlan.node.alarm_kpi import register as alarm_kpi
    from anlan.node.audit_command import register as audit
    from anlan.node.detectors_command import register as detectors
    from anlan.node.identity_command import register as identity
    from anlan.node.people_command import register as people
    from anlan.node.print_command import register as printing
    from anlan.node.proof_command import register as proof
    from anlan.node.tls_command import register as tls
    from anlan.node.why import register as why
    from anlan.plant.commands import register as plant
    from anlan.plant.hazards_command import register as hazards
    from anlan.plant.replaying.commands import register as replaying
    from anlan.risk.command import register as risk
    from anlan.sense.commands import register as sense
    from anlan.sense.demo.commands import register as demo

    for register in (
        alarm_commands,
        alarm_kpi,
        audit,
        detectors,
        people,
        identity,
        printing,
        proof,
        tls,
        why,
        plant,
        replaying,
        risk,
        hazards,
        sense,
        demo,
    ):
        register(app)


def main() -> None:
    """Entry point: our own errors as one clear line, never a traceback; anything else is a bug and shows itself."""
    _register_rooms()
    try:
        app()
    except AnlanError as error:
        from anlan.model.languages import shell_language

        sys.stderr.write(f"anlan: {error.text(shell_language())}\n")
        sys.exit(2 if isinstance(error, InputError) else 1)

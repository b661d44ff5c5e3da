"""`anlan demo`: what the demo plant can play, and a running one told to play it, to lose a source, to get it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

NODE_FOLDER = Path("var/hualan")
"""Where `anlan up` keeps the demo node."""


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    scenario: Annotated[str, typer.Option(help="What happens; `--list` says what there is.")] = "",
    speed: Annotated[float | None, typer.Option(help="How many times faster than life; 20 unless told.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
    break_: Annotated[str, typer.Option("--break", metavar="SOURCE", help="Cut a source off: dcs, tanks, sis or field.")] = "",
    mend: Annotated[str, typer.Option(metavar="SOURCE", help="Bring a source back.")] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Compute the process with tep-studio instead of playing a recording.")
    ] = False,
    data: Annotated[Path, typer.Option(help="The demo node's data folder.")] = NODE_FOLDER,
    port_base: Annotated[int | None, typer.Option(help="First of four ports for the devices, if no demo runs yet.")] = None,
) -> None:
    """Tell the demo plant of a running node what to play; if none runs, play it here without a node until Ctrl-C.

    Example: anlan demo --scenario chlorine-leak --speed 10
    Example: anlan demo --break tanks
    """
    import asyncio

    from anlan.model.errors import Unavailable
    from anlan.sense.demo.control import ask

    run = data / "run"
    if list_:
        _list()
    elif break_ or mend:
        request = {"do": "break", "source": break_} if break_ else {"do": "mend", "source": mend}
        try:
            _show(asyncio.run(ask(run, **request)))
        except Unavailable:
            _must_exist(break_ or mend)
            raise
    elif scenario or speed or live:
        try:
            _not_elsewhere(asyncio.run(ask(run, do="state")), port_base)
            _show(asyncio.run(ask(run, do="play", scenario=scenario, speed=speed, live=live)))
        except Unavailable:
            _serve(run, scenario, speed, live, port_base)
    else:
        _show_or_serve(run, port_base)


def _not_elsewhere(state: dict[str, Any], port_base: int | None) -> None:
    """Raises InputError where other ports are asked for than those at which the devices of the running demo listen."""
    from anlan.model.errors import InputError

    first = min(source["port"] for source in state["sources"].values())
    if port_base not in (None, first):
        raise InputError(
            "--port-base: a demo runs here already and its devices listen from port {first} on; stop it, or name another folder with --data",
            first=first,
        )


def _must_exist(source: str) -> None:
    """A misspelt name is told as that, also while no demo runs."""
    from anlan.model.errors import InputError
    from anlan.sense.demo import wiring

    known = [source.id for source in wiring.read()]
    if source not in known:
        raise InputError("the demo plant has no source {source!r}; it has: {known}", source=source, known=", ".join(known))


def _show_or_serve(run: Path, port_base: int | None) -> None:
    import asyncio

    from anlan.model.errors import Unavailable
    from anlan.sense.demo.control import ask

    try:
        state = asyncio.run(ask(run, do="state"))
        _not_elsewhere(state, port_base)
        _show(state)
    except Unavailable:
        _serve(run, "", None, False, port_base)


def _serve(run: Path, scenario: str, speed: float | None, live: bool, port_base: int | None) -> None:
    import asyncio

    from anlan.sense.demo import wiring
    from anlan.sense.demo.demo_plant import Play
    from anlan.sense.demo.process import serve_until_signal
    from anlan.sense.demo.scenario import DEFAULT_SPEED
    from anlan.sense.demo.scenario import scenario as known

    play = Play(known(scenario or "default", live=live).name, speed or DEFAULT_SPEED, live)
    base = port_base if port_base is not None else wiring.PORT_BASE
    typer.echo(_say("No node runs this demo; its devices listen here until Ctrl-C. `anlan up` starts a node that watches it."))
    for source in wiring.read(port_base=base):
        typer.echo(f"  {source.id:<8}{source.driver:<8}{source.host}:{source.port}")
    asyncio.run(serve_until_signal(run, play, plant=wiring.PLANT, port_base=base))
    typer.echo("\n" + _say("The demo's devices have stopped."))


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from anlan.sense.demo.scenario import scenarios

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Scenario", "What happens"):
        table.add_column(_say(title), overflow="fold", no_wrap=title == "Scenario")
    for name, one in scenarios().items():
        table.add_row(name, f"{one.title.text(_language())} — {one.story.text(_language())}")
    Console().print(table)


def _show(state: dict[str, Any]) -> None:
    live = " · live" if state["live"] else ""
    title = state["title"][_language()]
    typer.echo(f"{state['scenario']} ×{state['speed']:g}{live} — {title}")
    for name, source in state["sources"].items():
        how = _say("cut off") if source["broken"] else _say("listens")
        typer.echo(f"  {name:<8}{source['driver']:<8}{source['host']}:{source['port']}  {how}")


def _say(text: str) -> str:
    from anlan.model.languages import translate

    return translate(text, _language())


def _language() -> str:
    from anlan.model.languages import shell_language

    return shell_language()

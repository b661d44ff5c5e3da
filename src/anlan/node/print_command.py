"""`anlan print`: the papers of a node as PDF, from its data folder, whether the node runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anlan.monitor.performance import Window
    from anlan.web.context import Context
    from anlan.web.paper.document import Document

KINDS = ("journal", "bypasses", "alarms", "handover")
DEFAULT_FOLDER = Path("var")


def register(app: typer.Typer) -> None:
    app.command("print")(print_command)


def print_command(
    what: Annotated[
        str, typer.Argument(metavar="[WHAT]", help="journal, bypasses, alarms or handover; all of them when left out.")
    ] = "all",
    data: Annotated[Path | None, typer.Option(help="The node's data folder; default the one below ./var.")] = None,
    last: Annotated[bool, typer.Option("--last", help="The node is down: print its last state, and say as of when.")] = False,
    period: Annotated[
        str, typer.Option(help="Of the journal: 10min, hour, shift, day, 7d or 30d up to the last state.")
    ] = "shift",
    start: Annotated[str, typer.Option("--from", help="… or µs since 1970, or a time with its zone; together with --to.")] = "",
    end: Annotated[str, typer.Option("--to", help="… before which it ends.")] = "",
    draft: Annotated[
        str, typer.Option(metavar="POST", help="Of the handover: the one that is due at this post, to be signed by pen.")
    ] = "",
    output: Annotated[Path, typer.Option("-o", "--output", help="The PDF, or a folder for all of them.")] = Path(),
) -> None:
    """Print the alarm journal of a period, the bypass list, the standing alarms or the last shift handover: PDF with page x/y, print time, site, and a QR with the content's hash.

    Example: anlan print journal --data var/hualan --period day -o journal.pdf
    Example: anlan print --last --data var/hualan -o papers/
    Example: anlan print handover --last --draft panel --data var/hualan -o handover.pdf
    """
    from anlan.model.errors import NotFound, StoreError
    from anlan.model.languages import shell_language
    from anlan.node.last_state import last_state, local_person
    from anlan.node.status import runs
    from anlan.web.paper.document import Printing, Stamps
    from anlan.web.paper.press import press

    kinds = _kinds(what)
    folder = _data_folder(data)
    running = runs(folder)
    _must_mean_it(folder, running=running, last=last)
    language = shell_language()
    person = local_person(language)
    failed = False
    with last_state(folder, running=running) as context:
        for kind in kinds:
            try:
                document = _made(context, kind, period, start, end, draft)
            except NotFound as none:
                if len(kinds) == 1:
                    raise
                typer.echo(f"{kind}: {none.text(language)}")
                continue
            except StoreError as failure:
                if len(kinds) == 1:
                    raise
                typer.echo(f"{kind}: {failure.text(language)}", err=True)
                failed = True  # one paper that cannot be read must not keep the others back
                continue
            now = Stamps(context.plant.zone, context.clock.now()).second(context.clock.now())
            printing = Printing(by=person.name.text(language), at=now, demo=context.plant.demo)
            target = _target(output, document, several=len(kinds) > 1)
            target.write_bytes(press(document, printing))
            typer.echo(f"{target}  sha256 {document.digest}")
            for warning in document.warnings:
                typer.echo(f"  {warning}")
    if failed:
        raise typer.Exit(1)


def _made(context: Context, kind: str, period: str, start: str, end: str, draft: str) -> Document:
    import asyncio

    from anlan.model.languages import shell_language
    from anlan.monitor.api_handover import head_of
    from anlan.monitor.handover.documents import document
    from anlan.monitor.handover.service import HandoverService
    from anlan.monitor.paper.service import Papers
    from anlan.node.last_state import local_person

    papers, language = Papers.of(context), shell_language()
    person = local_person(language)

    async def make() -> Document:
        match kind:
            case "journal":
                return await papers.journal(person, _window(context, period, start, end), language)
            case "alarms":
                return await papers.standing(person, language)
            case "bypasses":
                return await papers.bypasses(person, language)
            case _:
                handovers = HandoverService.of(context)
                if draft:
                    must_be_post(context, draft)
                    told = await handovers.on_paper(person, draft, papers.head(language).as_of)
                else:
                    told = await handovers.latest(person)
                return document(head_of(context, told, language), told)

    return asyncio.run(make())


def must_be_post(context: Context, post: str) -> None:
    from anlan.model.errors import InputError

    if post not in context.plant.posts:
        raise InputError("there is no post {post}; the plant has {posts}", post=post[:100], posts=", ".join(context.plant.posts))


def _window(context: Context, period: str, start: str, end: str) -> Window:
    """Named ones end with the last state: "the last shift" of a node that has been down for a day is the one it last saw."""
    from anlan.monitor.paper.service import Papers
    from anlan.monitor.performance import window_of

    return window_of(start, end, period, Papers.of(context).head("en").as_of, context.plant)


def _kinds(what: str) -> tuple[str, ...]:
    from anlan.model.errors import InputError

    if what != "all" and what not in KINDS:
        raise InputError("print {found}: one of {known} was expected", found=what[:40], known=", ".join(KINDS))
    return KINDS if what == "all" else (what,)


def _data_folder(given: Path | None) -> Path:
    """Raises InputError when it is not plain which one is meant."""
    from anlan.model.errors import InputError

    if given is not None:
        return given
    found = sorted(path.parent for path in DEFAULT_FOLDER.glob("*/alarms.db"))
    if len(found) != 1:
        raise InputError(
            "say --data FOLDER: {count} data folders lie below {folder}", count=len(found), folder=str(DEFAULT_FOLDER)
        )
    return found[0]


def _must_mean_it(folder: Path, *, running: bool, last: bool) -> None:
    """What is old must not be taken for what is now."""
    from anlan.model.errors import Unavailable

    if not running and not last:
        raise Unavailable("no node runs in {folder}; --last prints its last state", folder=str(folder))


def _target(output: Path, document: Document, *, several: bool) -> Path:
    if several or output.is_dir():
        output.mkdir(parents=True, exist_ok=True)
        return output / f"anlan-{document.kind}.pdf"
    return output

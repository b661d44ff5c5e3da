"""`anlan alarms export`, `anlan alarms import`, `anlan plant apply`: the configuration from the command line, with the node up or down.

A node that runs makes the change itself, asked over core's socket in its data folder; with the node down the records are written here.
"""

from __future__ import annotations

import asyncio
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anlan.sense.commands import group

if TYPE_CHECKING:
    from anlan.plant.description import Plant
    from anlan.plant.master_book import ReadBook
    from anlan.plant.version import Version

ANSWER_SECONDS = 150.0
MISTAKES, WAITS = 2, 3
SHOWN = 40

Target = Annotated[Path, typer.Argument(help="A node's data folder, or a plant folder.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the version.")]
Onto = Annotated[
    int | None, typer.Option(metavar="N", help="Version whose difference you have seen, if it is not the one the file came from.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    alarms = group(app, "alarms", "Alarms of a node, from its data folder.")
    alarms.command("export")(export_command)
    alarms.command("import")(import_command)
    alarms.command("rebuild")(rebuild_command)
    group(app, "plant", "The plant of a running node.").command("apply")(apply_command)


def export_command(
    target: Target,
    file: Annotated[Path, typer.Argument(help="The .xlsx to write.")],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite what stands there.")] = False,
) -> None:
    """Write the master alarm database as a workbook: one line an alarm, classes, priority matrix.

    Example: anlan alarms export var/works alarms.xlsx
    """
    from anlan.model.errors import InputError
    from anlan.plant.master_book import write_book

    if file.exists() and not replace:
        raise InputError("{file} exists already; say --replace to overwrite it", file=str(file))
    version, plant = _read(target)
    file.write_bytes(write_book(plant, version, _language()))
    typer.echo(str(file))


def import_command(
    target: Target,
    file: Annotated[Path, typer.Argument(help="The filled-in workbook.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Make it the next version; without it, the difference is only shown.")
    ] = False,
    reason: Reason = "",
    onto: Onto = None,
) -> None:
    """Show what a workbook would change, field by field, and every mistake with its cell; with --apply make it so.

    Example: anlan alarms import var/works alarms.xlsx
    Example: anlan alarms import var/works alarms.xlsx --apply --reason "HAZOP 2026-03, item 14"
    """
    from anlan.plant.master_book import read_book

    version, plant = _read(target)
    read = read_book(file.read_bytes(), plant, file.name)
    _print(read)
    if read.plant is None:
        raise typer.Exit(MISTAKES)
    if not apply or not read.changes:
        return
    if version is None:
        _write_folder(target, read.plant)
        return
    base = onto if onto is not None else read.version
    _must_have_reason(reason)
    if _runs(target):
        _told(_propose(target, kind="workbook", path=str(file.resolve()), reason=reason, onto=base))
    else:
        _write_records(target, read.plant, reason, base)


def apply_command(
    folder: Annotated[Path, typer.Argument(help="The changed plant folder.")],
    data: Annotated[Path, typer.Option(help="The running node's data folder.")],
    reason: Reason = "",
    onto: Onto = None,
) -> None:
    """Bring a changed plant folder into force while the node runs. What loosens what guards safety waits at the console for two persons (exit 3).

    Example: anlan plant apply works --data var/works --reason "on-delays after the trip test"
    """
    from anlan.model.errors import Unavailable

    _must_have_reason(reason)
    if not _runs(data):
        raise Unavailable("no node runs in {folder}; `anlan up` brings the folder into force when it starts", folder=str(data))
    _told(_propose(data, kind="folder", path=str(folder.resolve()), reason=reason, onto=onto))


def rebuild_command(data: Annotated[Path, typer.Option(help="The data folder of a node that is stopped.")]) -> None:
    """Set a damaged alarms.db aside. The next start makes a new one from what the engine and the log know, and brings back what can be read of
    the old file; what is lost is named. Nothing is deleted. A node does this by itself where it meets the damage; this is for damage that
    only a page has met.

    Example: anlan alarms rebuild --data var/hualan
    """
    from anlan.model.clock import SystemClock
    from anlan.model.errors import NotFound
    from anlan.model.languages import shell_language, translate
    from anlan.monitor.journal_damage import set_aside
    from anlan.node.layout import NodeFolder
    from anlan.node.up import own

    folder = NodeFolder(data.absolute())
    if not folder.journal.exists():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(folder.journal))
    lock = own(folder)
    aside = set_aside(folder.journal, SystemClock().now(), "set aside by `anlan alarms rebuild`")
    lock.release()
    told = translate("{file} is set aside; start the node, and it brings back what can be read", shell_language())
    typer.echo(told.format(file=aside.file))


# --- where the plant comes from --------------------------------------------------------------------------------------------


def _read(target: Path) -> tuple[Version | None, Plant]:
    """The current version of a data folder, or the plant of a plant folder (then no version)."""
    from anlan.model.errors import NotFound
    from anlan.node.layout import NodeFolder
    from anlan.plant.folder import PLANT_FILE, load
    from anlan.plant.versions import version
    from anlan.store.records import Records

    database = NodeFolder(target).records
    if database.is_file():
        records = Records.open(database)
        try:
            found, plant, _ = version(records)
        finally:
            records.close()
        return found, plant
    if (target / PLANT_FILE).is_file():
        return None, load(target)
    raise NotFound("{folder} is neither a node's data folder nor a plant folder", folder=str(target))


def _write_folder(folder: Path, plant: Plant) -> None:
    """The folder written anew; what stood there, with its comments, is kept beside it."""
    from anlan.plant.folder import PLANT_FILE, POINT_FILES
    from anlan.plant.writing import export_folder

    for name in (PLANT_FILE, *POINT_FILES):
        if (folder / name).is_file():
            kept = folder / f"{name}.before"
            kept.write_bytes((folder / name).read_bytes())
            typer.echo(_("kept as it was: {file}").format(file=kept))
    for file in export_folder(plant, folder, replace=True):
        typer.echo(str(file))


def _write_records(target: Path, plant: Plant, reason: str, base: int | None) -> None:
    from functools import partial

    from anlan.model.clock import SystemClock
    from anlan.node.configuration import open_records
    from anlan.node.layout import NodeFolder
    from anlan.node.replayed import replayed_offline
    from anlan.plant.effects import sentence
    from anlan.plant.loosening import SecondPersonNeeded
    from anlan.plant.service import ask_for_second, guarded, local_leaf
    from anlan.plant.versions import import_plant, version
    from anlan.store.disk import FolderLock

    folder = NodeFolder(target.absolute())
    lock = FolderLock.take(folder.run)
    try:
        records = open_records(folder)
        try:
            author, clock = getuser(), SystemClock()
            also = partial(guarded, also=local_leaf(author, clock.now(), reason, "master"))
            effect = replayed_offline(target, author, clock, version(records)[1], plant)
            try:
                made = import_plant(
                    records, plant, author=author, reason=reason, clock=clock, onto=base, effect=effect, also=also
                )
            except SecondPersonNeeded as needed:
                made = ask_for_second(records, clock, author, plant, needed, reason, effect, "master")
        finally:
            records.close()
    finally:
        lock.release()
    if made.waiting is not None:
        _waits(made.waiting)
    if made.new and effect is not None:
        typer.echo(sentence(effect, _language(), plant.site.zone))
    typer.echo(_("configuration version {number}; it runs from the next `anlan up` on").format(number=made.version.number))


# --- a running node --------------------------------------------------------------------------------------------------------


def _runs(data: Path) -> bool:
    from anlan.model.errors import Unavailable

    try:
        asyncio.run(_ask(data.absolute(), "status"))
    except Unavailable:
        return False
    return True


def _propose(data: Path, **proposal: Any) -> dict[str, Any]:
    answer: dict[str, Any] = asyncio.run(_ask(data.absolute(), "propose", author=getuser(), **proposal))["answer"]
    return answer


async def _ask(data: Path, op: str, **head: Any) -> dict[str, Any]:
    from anlan.bus.wire import Client
    from anlan.node.layout import NodeFolder

    async with asyncio.timeout(ANSWER_SECONDS):
        client = await Client.connect(NodeFolder(data).socket)
        try:
            reply, _body = await client.request(op, **head)
        finally:
            await client.close()
    return dict(reply)


def _told(answer: dict[str, Any]) -> None:
    if not answer["ok"]:
        typer.echo(f"anlan: {answer['text'][_language()]}", err=True)
        raise typer.Exit(MISTAKES if answer["status"] < 500 else 1)
    if "waiting" in answer:
        _waits(answer["waiting"])
    for change in answer["changes"][:SHOWN]:
        typer.echo(f"  {change[_language()]}")
    if "effect" in answer:
        typer.echo(answer["effect"][_language()])
    typer.echo(_("in force: configuration version {number}").format(number=answer["version"]))


def _waits(request: dict[str, Any]) -> None:
    """Exit 3: what was asked for is not in force."""
    for one in request["loosened"][:SHOWN]:
        typer.echo(_("takes two persons: {what}").format(what=one[_language()]))
    said = _("not in force: request {id} waits at the console; one person takes it on, another approves it")
    typer.echo(said.format(id=request["id"]), err=True)
    raise typer.Exit(WAITS)


def _must_have_reason(reason: str) -> None:
    from anlan.model.errors import InputError

    if len(reason.strip()) < 3:
        raise InputError("a change of the alarms needs a reason: --reason TEXT")


# --- printing --------------------------------------------------------------------------------------------------------------


def _print(read: ReadBook) -> None:
    language = _language()
    for finding in read.findings:
        word = _("mistake") if finding.fatal else _("warning")
        typer.echo(f"{finding.text(language)}  [{word}: {finding.name}]")
    for change in read.changes[:SHOWN]:
        typer.echo(f"  {change.text(language)}")
    if len(read.changes) > SHOWN:
        typer.echo(f"  … +{len(read.changes) - SHOWN}")
    for one in read.loosened[:SHOWN]:
        typer.echo(_("takes two persons: {what}").format(what=one.text(language)))
    count = len(read.changes)
    typer.echo(_("{count} change" if count == 1 else "{count} changes").format(count=count))


def _(message: str) -> str:
    from anlan.model.languages import translate

    return translate(message, _language())


def _language() -> str:
    from anlan.model.languages import shell_language

    return shell_language()

"""`anlan up`: from a plant folder to a running node. Prepares what the processes need, says where the console is, and supervises."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from getpass import getuser
from pathlib import Path

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from anlan import __version__
from anlan.guard.first import ensure_first_admin, ensure_people, ensure_posts
from anlan.guard.witness_parent import Parent
from anlan.model.clock import Clock, SystemClock
from anlan.model.errors import AnlanError, InputError, StoreError
from anlan.model.languages import shell_language, translate
from anlan.node.configuration import bring_into_force, look_whether_whole, open_records
from anlan.node.home import Home, copied_from, mark_copy, settle, what_it_is
from anlan.node.layout import NodeFolder
from anlan.node.process import run_until_signal
from anlan.node.sounder import EvacuationSounder, OverrideSounder, Sounder
from anlan.node.status import faults_now
from anlan.node.supervisor import Child, Supervisor, python
from anlan.node.without_records import or_what_is_kept, what_is_wrong
from anlan.plant.compile import engine_config
from anlan.plant.description import Plant
from anlan.plant.failures import bring_in_failures
from anlan.plant.findings import PlantMistakes
from anlan.plant.last import last_kept
from anlan.plant.studies import bring_in_studies
from anlan.plant.version import Imported
from anlan.plant.versions import version
from anlan.plant.worksheets import bring_in_worksheets
from anlan.sense.demo import wiring
from anlan.sense.demo.demo_plant import Play
from anlan.sense.demo.people import people
from anlan.sense.demo.scenario import DEFAULT_SPEED, scenario
from anlan.store.disk import FolderLock
from anlan.web.listening import Listening
from anlan.web.local_ca import own_pair
from anlan.web.logs import configure
from anlan.web.serve import listen

READY_SECONDS = 90.0
"""The first start on a machine compiles the engine's kernel; later ones take about two seconds."""
SHOWN = 10
CORE_SECONDS = 10.0
"""So long core may keep silent once the console answers, before that is told."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    plant: Path | None = None
    data: Path | None = None
    listening: Listening = field(default_factory=Listening)
    scenario: str = "default"
    speed: float | None = None
    port_base: int | None = None
    single: bool = False
    horn: str = ""
    witnesses: tuple[Path | Parent, ...] = ()
    """Where the heads of the audit record are handed: files or folders elsewhere, parent nodes."""
    other_logs: tuple[str, ...] = ()
    """Audit records of other nodes whose heads lie in the same folders."""
    onto: int | None = None
    """The version whose difference to the folder the person has seen and means; needed only when the folder rests on an older one."""
    adopt: bool = False
    """A data folder that was copied here is the node from now on."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a start rests on. `passwords`: account → one-time password, to be shown once on this terminal and nowhere else."""

    folder: NodeFolder
    imported: Imported
    lock: FolderLock
    """Held for as long as this process lives: two supervisors in one folder would share a core, and each its own people."""
    passwords: dict[str, str] = field(default_factory=dict)
    copy: bool = False
    """It is shown read-only: neither core nor sense run."""

    @property
    def demo(self) -> bool:
        return self.imported.plant.site.demo


def run_up(options: UpOptions) -> None:
    """Until Ctrl-C or SIGTERM."""
    configure("supervisor", level="ERROR" if sys.stderr.isatty() else "INFO")
    # Found out before anything starts: a child that cannot listen would only be restarted for ever.
    options = replace(options, listening=options.listening.checked())
    listen(options.listening.host, options.listening.port).close()
    try:
        prepared = prepare(options, SystemClock())
    except PlantMistakes as mistakes:
        for finding in mistakes.findings:
            sys.stderr.write(finding.text(shell_language()) + "\n")
        raise
    options = replace(options, listening=_with_own_certificate(options.listening, prepared.folder))
    _greet(prepared)
    pair = options.listening.pair
    if pair is not None and (doubt := pair.doubt(SystemClock().now())) is not None:
        sys.stderr.write(doubt.text(shell_language()) + "\n")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run_single(prepared, options) if options.single else _run(prepared, options))
    typer.echo(_say("The node has stopped: nothing watches this plant until `anlan up` runs again."))


def _with_own_certificate(listening: Listening, folder: NodeFolder) -> Listening:
    """By TLS with what `anlan tls make` made, unless another certificate is named or a proxy speaks TLS. Raises InputError."""
    own = own_pair(folder.tls)
    if own is None or listening.certificate is not None or listening.proxies:
        return listening
    return replace(listening, certificate=own, key=own).checked()


def prepare(options: UpOptions, clock: Clock) -> Prepared:
    """Folders, records, the plant's current version, the first people. Raises PlantMistakes, StaleBase, StoreError (the folder is
    another node's)."""
    from anlan.plant.folder import load

    plant_folder = options.plant or wiring.PLANT
    plant = load(plant_folder)
    if options.scenario != "default" and not plant.site.demo:
        raise InputError("{folder} is no demo plant: --scenario plays only there", folder=str(plant_folder))
    # A demo that cannot play it would only be restarted for ever.
    Play(scenario(options.scenario).name, options.speed or DEFAULT_SPEED)
    folder = NodeFolder((options.data or Path("var") / plant.site.id).absolute()).prepare()
    lock = own(folder)
    try:
        if _is_copy(folder, options, clock):
            return Prepared(folder, _as_it_is(folder), lock, copy=True)
        imported, passwords = or_what_is_kept(
            folder, partial(_fill, folder, plant_folder, plant, options, clock), partial(_without_records, folder)
        )
    except BaseException:
        lock.release()
        raise
    return Prepared(folder, imported, lock, passwords)


def _is_copy(folder: NodeFolder, options: UpOptions, clock: Clock) -> bool:
    """Whether it must only be shown; else it belongs here from now on. Raises InputError, StoreError."""
    origin = None if options.adopt else copied_from(folder, clock)
    if origin is None or _meant_to_move(origin):
        settle(folder, clock)
        return False
    if options.single:
        raise InputError("{folder} is a copy: --single cannot show it read-only", folder=str(folder.root))
    mark_copy(folder, origin)
    return True


def _meant_to_move(origin: Home) -> bool:
    """Asked where somebody sits; nobody to ask is no yes."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    question = _say(
        "This data folder comes from {path} on {host}. Does the node there no longer run, and is this one to read its devices?"
    )
    return typer.confirm(question.format(path=origin.path, host=origin.host), default=False)


def _as_it_is(folder: NodeFolder) -> Imported:
    records = open_records(folder)
    try:
        return Imported(*version(records), new=False)
    finally:
        records.close()


def _fill(folder: NodeFolder, origin: Path, plant: Plant, options: UpOptions, clock: Clock) -> tuple[Imported, dict[str, str]]:
    """Bring the plant and its first people into the records; returns them with the new people's passwords."""
    records = open_records(folder)
    try:
        imported = bring_into_force(records, folder, origin, plant, clock, port_base=options.port_base, onto=options.onto)
        author = "anlan" if plant.site.demo else getuser()
        why = "demo plant" if plant.site.demo else f"anlan up {origin}"
        bring_in_studies(records, origin, plant, clock, author, why)
        bring_in_worksheets(records, origin, clock, why)
        bring_in_failures(records, origin, clock)
        ensure_posts(records, {post.id: post.name for post in imported.plant.posts})
        admin = ensure_first_admin(records, clock)
        passwords = {"admin": admin} if admin else {}
        if imported.plant.site.demo:  # not what the folder says: a word in it must not bring demo people into a real plant
            passwords |= ensure_people(records, people(), clock)
    finally:
        records.close()
    return imported, passwords


def _without_records(folder: NodeFolder, failure: StoreError) -> tuple[Imported, dict[str, str]]:
    """As the node ran last: alarms wait for no records. Raises StoreError, Corrupt; what failed, if it was not the records."""
    try:
        look_whether_whole(folder)
    except AnlanError:
        pass
    else:
        raise failure
    kept = last_kept(folder.last_plant)
    sys.stderr.write(what_is_wrong(failure, kept.version.number).text(shell_language()) + "\n")
    if not folder.engine_config.exists():
        folder.engine_config.write_bytes(engine_config(kept.plant, kept.numbers, kept.version.number).to_bytes())
    return kept, {}


def own(folder: NodeFolder) -> FolderLock:
    """Before anything is written: another node's people would get new passwords, its sources a second reader."""
    try:
        return FolderLock.take(folder.run)
    except StoreError as taken:
        raise StoreError(
            "a node runs in {folder} already, process {pid}: stop it first, or name another folder with --data",
            folder=str(folder.root),
            pid=taken.facts["pid"],
        ) from taken


# ---- processes


async def _run(prepared: Prepared, options: UpOptions) -> None:
    folder = prepared.folder
    for told in ("console.json", "demo.json"):
        (folder.run / told).unlink(missing_ok=True)
    sounder = Sounder(folder.run, shlex.split(options.horn))
    evacuation = EvacuationSounder(folder.run, shlex.split(options.horn))
    override = OverrideSounder(folder.run, shlex.split(options.horn))
    supervised = Supervisor(
        folder, _children(prepared, options), SystemClock(), sounder, evacuation, override, deciding=not prepared.copy
    )
    if prepared.copy and options.horn:
        # Whoever named a horn means a node that watches; a machine whose id was made anew must not be silent about it.
        sounder.start("ANLAN: this data folder is a copy, nothing is watched / 本数据目录为副本，未监视任何装置")
    supervisor = asyncio.ensure_future(supervised.run())
    signal = asyncio.ensure_future(run_until_signal())
    telling = asyncio.ensure_future(_tell_when_ready(folder))
    telling.add_done_callback(_tell_why_not)
    await asyncio.wait({supervisor, signal}, return_when=asyncio.FIRST_COMPLETED)
    if signal.done():
        typer.echo("\n" + _say("Stopping the node …"))
    for task in (telling, supervisor, signal):
        task.cancel()
    await asyncio.gather(telling, supervisor, signal, return_exceptions=True)
    if not supervisor.cancelled():
        supervisor.result()


def _children(prepared: Prepared, options: UpOptions) -> list[Child]:
    """In the order of their start: a demo's devices first, then core, which the others wait for. Of a copy only the console: its audit record's
    heads are no witness's business either."""
    data = str(prepared.folder.root)
    if prepared.copy:
        return [Child("app", python("anlan.node.app", data, *options.listening.arguments()))]
    children = [
        Child("core", python("anlan.node.core", data)),
        Child("sense", python("anlan.node.sense", data)),
        Child("app", python("anlan.node.app", data, *options.listening.arguments(), *_witnesses(options))),
    ]
    return [_demo(prepared, options), *children] if prepared.demo else children


def _witnesses(options: UpOptions) -> list[str]:
    named = (one.arguments() if isinstance(one, Parent) else [f"--witness={one.absolute()}"] for one in options.witnesses)
    return [word for words in named for word in words] + [f"--other-log={log}" for log in options.other_logs]


def _demo(prepared: Prepared, options: UpOptions) -> Child:
    arguments = ["--run", str(prepared.folder.run), "--plant", str(options.plant or wiring.PLANT), "--scenario", options.scenario]
    arguments += ["--speed", str(options.speed or DEFAULT_SPEED), "--port-base", str(options.port_base or wiring.PORT_BASE)]
    return Child("demo", python("anlan.sense.demo", *arguments), ready=prepared.folder.run / "demo.json")


async def _run_single(prepared: Prepared, options: UpOptions) -> None:
    """The same objects over the same socket, in this process. A demo's devices stay a process of their own: they are the plant."""
    from anlan.node.single import run_single

    demo = _demo(prepared, options) if prepared.demo else None
    telling = asyncio.ensure_future(_tell_when_ready(prepared.folder))
    try:
        await run_single(prepared.folder, options.listening, demo, options.witnesses, options.other_logs)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


# ---- what the person at the terminal reads


def _greet(prepared: Prepared) -> None:
    say, console = _say, Console(highlight=False)
    plant, version = prepared.imported.plant, prepared.imported.version
    console.print(f"\n[bold]Anlan 安澜[/bold] {__version__} · {escape(plant.site.name.text(shell_language()))}")
    points, sources = len(plant.points), len(plant.sources)
    facts = (
        say("{count} point" if points == 1 else "{count} points").format(count=points),
        say("{count} source" if sources == 1 else "{count} sources").format(count=sources),
        say("configuration version {number}").format(number=version.number),
    )
    console.print(say(", ").join(facts))
    console.print(f"{say('Data')}: {escape(str(prepared.folder.root))}", soft_wrap=True)
    if (waiting := prepared.imported.waiting) is not None:
        waits = say(
            "The folder loosens what guards safety: version {version} goes on, and request {id} waits for two persons at the console."
        )
        console.print(f"[bold yellow]{escape(waits.format(version=version.number, id=waiting['id']))}[/bold yellow]")
        for one in waiting["loosened"][:10]:
            console.print(f"  {escape(one[shell_language()])}")
    for effect in prepared.imported.history[:SHOWN]:
        console.print(f"[yellow]{escape(effect.text(shell_language()))}[/yellow]", soft_wrap=True)
    if (more := len(prepared.imported.history) - SHOWN) > 0:
        console.print(f"[yellow]… +{more}[/yellow]")
    if (copy := what_it_is(prepared.folder)) is not None:
        console.print(f"[bold yellow]{escape(copy.text(shell_language()))}[/bold yellow]", soft_wrap=True)
    if prepared.demo:
        console.print(f"[bold yellow]{say('Demo data: none of this is a real plant.')}[/bold yellow]")
    if prepared.passwords:
        console.print(f"\n{say('Sign in with (shown only here):')}")
        for account, password in prepared.passwords.items():
            console.print(f"  {account:<10} [bold]{escape(password)}[/bold]")


async def _tell_when_ready(folder: NodeFolder) -> None:
    told = folder.run / "console.json"
    for _ in range(int(READY_SECONDS / 0.1)):
        if told.is_file():
            address = orjson.loads(told.read_bytes())["address"]
            Console(highlight=False).print(
                f"\n{_say('Console')}: [bold cyan]{address}[/bold cyan]   ({_say('Ctrl-C stops the node')})\n"
            )
            if not folder.copy.exists():
                await _tell_faults(folder)
            return
        await asyncio.sleep(0.1)
    sys.stderr.write(
        _say("The console does not answer yet; the processes' logs are in {folder}").format(folder=folder.run) + "\n"
    )


async def _tell_faults(folder: NodeFolder) -> None:
    """An address alone would say that all is well. Core may come a moment after the console."""
    wrong: list[str] = []
    for _ in range(int(CORE_SECONDS)):
        wrong = await faults_now(folder)
        if not wrong or not wrong[0].startswith(_say("The core does not answer")):
            break
        await asyncio.sleep(1.0)
    for one in wrong:
        Console(highlight=False, stderr=True).print(f"[bold red]! {escape(one)}[/bold red]", soft_wrap=True)


def _tell_why_not(telling: asyncio.Future[None]) -> None:
    """A node that runs without saying where must not be silent about that too."""
    if not telling.cancelled() and (error := telling.exception()) is not None:
        sys.stderr.write(_say("The console's address is not known: {error}").format(error=error) + "\n")


def _say(text: str) -> str:
    return translate(text, shell_language())

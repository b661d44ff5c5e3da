"""`anlan status`: whether the node of a data folder runs, and how it fares, asked of the node itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson
import typer

from anlan.bus.wire import Client
from anlan.model.errors import NotFound, Unavailable
from anlan.model.languages import shell_language, translate
from anlan.node.home import what_it_is
from anlan.node.layout import NodeFolder
from anlan.node.supervisor import read_processes

ANSWER_SECONDS = 3.0
NAMED = 10
CLOCKS = {
    "back": "clock set back by {seconds} s",
    "node": "the node's clock set back by {seconds} s",
    "ahead": "clock {seconds} s ahead",
    "behind": "clock {seconds} s behind",
}
"""By `node.source_clocks.Wrong`."""


def show_status(data: Path, *, as_json: bool) -> int:
    """Print it; 0 when core answers, 1 when not. Raises NotFound when no node ever ran in `data`."""
    folder = NodeFolder(data.absolute())
    if not folder.root.is_dir():
        raise NotFound("there is no node in {folder}; `anlan up --data {folder}` starts one", folder=str(data))
    status: dict[str, Any] | None
    try:
        status = asyncio.run(_ask(folder))
    except (Unavailable, TimeoutError) as error:
        status, why = None, error.text(shell_language()) if isinstance(error, Unavailable) else _say("no answer")
    processes = read_processes(folder.run)
    if status is None and not _alive(processes.get("supervisor")):
        why = _say("no node runs in {folder}; `anlan up --data {folder}` starts one").format(folder=data)
    elif status is None and (copy := what_it_is(folder)) is not None:
        why = copy.text(shell_language())
    elif status is None:
        why = f"{_say('The core does not answer')}: {why}{_said(processes)}"
    if as_json:
        typer.echo(orjson.dumps({"core": status, "processes": processes}, option=orjson.OPT_INDENT_2).decode())
    elif status is None:
        typer.echo(why)
    else:
        _print(status, processes)
    return 0 if status is not None else 1


def _alive(process: int | None) -> bool:
    """Whether a process of this number runs."""
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, as somebody else's
    return True


async def faults_now(folder: NodeFolder) -> list[str]:
    """What the node itself says is wrong with it, for whoever has just started it."""
    try:
        status = await _ask(folder)
    except (Unavailable, TimeoutError):
        return [_say("The core does not answer") + _said(read_processes(folder.run))]
    return [f"{_say(part)}: {fault}" for part in ("engine", "log", "history") if (fault := status[part]["fault"])]


def _said(processes: dict[str, Any]) -> str:
    """How core ended last, if it did."""
    said = processes.get("children", {}).get("core", {}).get("said", "")
    return f"\n  {_say('it ended with')}: {said}" if said else ""


def runs(data: Path) -> bool:
    """Whether a core answers in this data folder."""
    try:
        asyncio.run(_ask(NodeFolder(data.absolute())))
    except (Unavailable, OSError, TimeoutError):
        return False
    return True


async def _ask(folder: NodeFolder) -> dict[str, Any]:
    async with asyncio.timeout(ANSWER_SECONDS):
        client = await Client.connect(folder.socket)
        try:
            reply, _ = await client.request("status")
        finally:
            await client.close()
    return {key: value for key, value in reply.items() if key not in {"ok", "id"}}


def _print(status: dict[str, Any], processes: dict[str, Any]) -> None:
    engine, log, history = status["engine"], status["log"], status["history"]
    rows = [
        (_say("log"), f"{log['first']} … {log['last']}, {log['bytes'] / 1e6:.1f} MB", log["fault"]),
        (
            _say("engine"),
            f"{engine['done']} ({log['last'] - engine['done']}), {engine['standing']} {_say('standing alarms')}",
            engine["fault"],
        ),
        (_say("history"), _position(history["cursor"], log["last"]), history["fault"]),
        (_say("version"), str(engine["config"]), _say("; ").join(filter(None, (other_versions(status), unapproved(status))))),
    ]
    for name, text, fault in rows:
        typer.echo(f"{name:<10}{text}{'   ' + typer.style(fault, fg=typer.colors.RED) if fault else ''}")
    for source in status["sources"]:
        wrong = status["clocks"].get(str(source["source"]))
        told = (
            typer.style(_say(CLOCKS[wrong["how"]]).format(seconds=round(wrong["seconds"])), fg=typer.colors.RED) if wrong else ""
        )
        lost = source.get("dropped_rows", 0)
        unrecorded = typer.style(_say("{n} not recorded").format(n=lost), fg=typer.colors.RED) + "  " if lost else ""
        typer.echo(
            f"{source['id']:<10}{source['state']}  {source['rows']} {_say('readings')}  {unrecorded}{source['reason']} {told}".rstrip()
        )
    for name, child in processes.get("children", {}).items():
        hung = f", {_say('of these, it hung')} {child['hangs']}" if child.get("hangs") else ""
        typer.echo(f"{name:<10}pid {child['pid']}, {_say('restarts')} {child['restarts']}{hung}")


def other_versions(status: dict[str, Any]) -> str:
    """Which processes loaded another configuration version than the engine runs; "" if none did.

    Points, alarms and sources have numbers under which the processes speak of them: versions that differ may mean different things.
    """
    running = status["engine"]["config"]
    others = [
        _say("{process} loaded version {version}").format(process=loaded["process"], version=loaded["config"])
        for loaded in status["loaded"]
        if loaded["config"] != running
    ]
    return f"{_say(', ').join(others)}: {_say('start the node again')}" if others else ""


def unapproved(status: dict[str, Any]) -> str:
    """What the engine, or its next start, decides otherwise than the approved version says; "" if nothing."""
    found = status["configuration"]
    texts = []
    if found["differing"]:
        texts.append(_say("differs from the approved version: {alarms}").format(alarms=", ".join(found["differing"][:NAMED])))
    if found["file_differs"]:
        texts.append(_say("{file} differs from what runs").format(file="run/engine.arrow"))
    return _say("; ").join(texts)


def _position(cursor: int | None, last: int) -> str:
    """Where it stands and how far behind that is; not known while it is being opened."""
    return "—" if cursor is None else f"{cursor} ({last - cursor})"


def _say(text: str) -> str:
    return translate(text, shell_language())

"""`anlan config requests` and `anlan config versions`: what waits for a second person, and who changed what. Read only.

Nobody approves from here: that takes a person's own credentials, at the console or by its API.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anlan.sense.commands import group

if TYPE_CHECKING:
    from anlan.store.records import Records

Data = Annotated[Path, typer.Argument(help="The node's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="As one JSON list.")]
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add these commands."""
    config = group(app, "config", "The configuration of a node: requests that wait, versions.")
    config.command("requests")(requests_command)
    config.command("versions")(versions_command)


def requests_command(
    data: Data,
    state: Annotated[str, typer.Option(help="Only these: open, approved, declined, withdrawn, void, expired.")] = "",
    as_json: AsJson = False,
) -> None:
    """Changes that loosen what guards safety: who asked, what exactly, who decided.

    Example: anlan config requests var/works --state open
    """
    from anlan.model.clock import SystemClock
    from anlan.plant.requests import Requests, request_row

    records = _records(data)
    try:
        rows = [request_row(row) for row in Requests(records, SystemClock()).rows_as_they_stand(state)]
    finally:
        records.close()
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        _print_request(row)
    typer.echo(_("{count} request" if len(rows) == 1 else "{count} requests").format(count=len(rows)))


def versions_command(data: Data, as_json: AsJson = False) -> None:
    """The versions of the configuration, the newest first: when, by whom, why, and who approved.

    Example: anlan config versions var/works
    """
    from anlan.model.clock import SystemClock
    from anlan.plant.requests import Requests
    from anlan.plant.versions import versions
    from anlan.web.answers import iso

    records = _records(data)
    try:
        approved = {n: row["decider"]["name"] for n, row in Requests(records, SystemClock()).approvals().items()}
        known = versions(records)
    finally:
        records.close()
    if as_json:
        told = [
            {"number": v.number, "at": v.at, "author": v.author, "reason": v.reason, "approved_by": approved.get(v.number)}
            for v in known
        ]
        _print_json(told)
        return
    for one in known:
        by = approved.get(one.number)
        second = "" if by is None else " · " + _("approved by {name}").format(name=_pair(by))
        typer.echo(f"{one.number:>5}  {(iso(one.at) or '')[:19]}Z  {one.author}{second}  {one.reason}")


def _print_request(row: dict[str, Any]) -> None:
    asker = _pair(row["requester"]["name"]) if row["requester"] else _("machine account {name}").format(name=row["account"])
    unsigned = " · " + _("not signed yet") if row["state"] == "open" and row["requester"] and row["signed_at"] is None else ""
    typer.echo(f"{row['id']}  {row['state']}{unsigned}  {row['asked_at_iso'][:19]}Z  {asker}: {row['reason']}")
    for one in [*row["loosened"], *row["in_the_way"]][:SHOWN]:
        typer.echo(f"  {_pair(one)}")
    if row["decider"]:
        note = f": {row['note']}" if row["note"] else ""
        typer.echo(f"  → {_pair(row['decider']['name'])}{note}")


def _records(data: Path) -> Records:
    from anlan.model.errors import NotFound
    from anlan.store.records import Records

    database = data / "records.db"
    if not database.is_file():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(database))
    return Records.open(database)


def _print_json(rows: list[dict[str, Any]]) -> None:
    import orjson

    typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())


def _pair(words: dict[str, str]) -> str:
    from anlan.model.languages import shell_language

    return words.get(shell_language()) or words.get("en") or words.get("zh") or ""


def _(message: str) -> str:
    from anlan.model.languages import shell_language, translate

    return translate(message, shell_language())

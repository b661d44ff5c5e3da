"""`anlan proof`: when the alarm chain was last heard, and a proof of the way that needs no browser: log, engine, journal, horn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anlan.monitor.records import ProofRow
    from anlan.store.records import Records
    from anlan.web.context import PlantView

JOURNAL_SECONDS = 15.0
LOOK_SECONDS = 0.01
SHOWN = 5


def register(app: typer.Typer) -> None:
    app.command("proof")(proof_command)


def proof_command(
    data: Annotated[Path | None, typer.Option(help="The node's data folder; default the only one under ./var.")] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Prove it now: an exercise goes to the journal, then the horn sounds once.")
    ] = False,
    horn: Annotated[str, typer.Option(help="Command that sounds the node's horn, as for `anlan up`.")] = "",
    station: Annotated[str, typer.Option(help="What the place is called at which the horn is to be heard.")] = "",
) -> None:
    """Show when the alarm chain of a node was last heard; exit 1 when that is more than 7 days ago or the last proof failed.

    Example: anlan proof --data var/hualan
    Example: anlan proof --data var/hualan --run --horn 'aplay -q -D hw:1' --station "control room"
    """
    from anlan.node.audit_command import data_folder
    from anlan.node.configuration import view_in_force
    from anlan.node.layout import NodeFolder
    from anlan.store.records import Records

    folder = NodeFolder(data_folder(data))
    records = Records.open(folder.records)
    try:
        if run:
            import asyncio

            row = _begun(station)
            _keep_begun(records, row)  # one that is killed midway is seen to have been broken off
            asyncio.run(_prove(row, folder, view_in_force(records), horn))
            row.result = "heard" if not row.failed_at and typer.confirm("Did you hear the horn?") else row.result
            _keep(records, row)
        raise typer.Exit(_show(records, folder))
    finally:
        records.close()


def _begun(station: str) -> ProofRow:
    from getpass import getuser
    from uuid import UUID

    from anlan.model.clock import SystemClock
    from anlan.monitor.proof.service import BEGUN
    from anlan.monitor.records import ProofRow
    from anlan.store.ids import uuid7

    clock, account = SystemClock(), getuser()
    return ProofRow(
        id=uuid7(clock), at=clock.now(), person=UUID(int=0), name_zh=f"本机 {account}", name_en=f"this machine's {account}", post="",
        from_where="local", station=station[:100], stages={}, result=BEGUN, failed_at="", note="", ended_at=clock.now(),
    )  # fmt: skip


async def _prove(row: ProofRow, folder: Any, plant: PlantView, horn: str) -> None:
    """Through the running core; the row's result, stages and end are filled in. A stage that is not reached is named in `failed_at`."""
    import shlex

    from anlan.bus.wire import Client
    from anlan.model.clock import SystemClock
    from anlan.model.errors import AnlanError, Unavailable
    from anlan.monitor.journal_view import JournalView
    from anlan.monitor.proof.service import ALARM
    from anlan.node.sounder import Sounder

    clock, failed = SystemClock(), ""
    stages: dict[str, int] = {}
    began = clock.now()
    try:
        if ALARM not in plant.rule_numbers:
            raise Unavailable("this node has no point for the proof of its alarm chain yet: start it again")
        client = await Client.connect(folder.socket)
        journal = JournalView(folder.journal)
        try:
            told, _ = await client.request("prove", on=True)
            stages |= {"log": told["durable"] - began, "engine": told["decided"] - began}
            await _in_journal(journal, plant.rule_numbers[ALARM], began)
            stages["journal"] = clock.now() - began
            await Sounder(folder.run, shlex.split(horn)).once()
            stages["horn"] = clock.now() - began
        finally:
            await client.request("prove", on=False)
            await _answered(client, journal, plant, plant.rule_numbers[ALARM])
            await client.close()
            journal.close()
    except (AnlanError, OSError) as failure:
        failed = next(stage for stage in ("log", "engine", "journal", "horn") if stage not in stages)
        typer.echo(f"{failed}: {failure}", err=True)
    row.at, row.stages, row.ended_at = began, stages, clock.now()
    row.result, row.failed_at = "failed" if failed else "not_heard", failed


async def _answered(client: Any, journal: Any, plant: PlantView, number: int) -> None:
    """By the node: an exercise leaves nothing to do."""
    import orjson

    from anlan.model.clock import SystemClock
    from anlan.model.frames import NODE_ID
    from anlan.store.ids import uuid7

    last, rule, clock = journal.of_alarm(number, limit=1), plant.rules[number], SystemClock()
    if not last:
        return
    step = {
        "id": str(uuid7(clock)), "kind": "acknowledge", "alarm": number, "episode": last[0].episode, "priority": rule.priority, "who": NODE_ID,
        "post": plant.post_of_rule(rule), "reason": "周检结束(演练)", "at": clock.now(), "until": None, "work_order": "",
    }  # fmt: skip
    await client.request("command", orjson.dumps(step))


async def _in_journal(journal: Any, number: int, since: int) -> None:
    """Raises Unavailable."""
    import asyncio

    from anlan.model.errors import Unavailable
    from anlan.model.events.alarms import AlarmState

    for _ in range(int(JOURNAL_SECONDS / LOOK_SECONDS)):
        last = journal.of_alarm(number, limit=1)
        if last and last[0].noticed_at >= since and last[0].after is AlarmState.UNACKNOWLEDGED:
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise Unavailable("the alarm of the proof was not in the journal within {seconds} s", seconds=int(JOURNAL_SECONDS))


def _keep_begun(records: Records, row: ProofRow) -> None:
    with records.session() as session:
        session.merge(row)


def _keep(records: Records, row: ProofRow) -> None:
    from anlan.guard.audit import Step, append

    after = {
        "result": row.result,
        "failed_at": row.failed_at,
        "stages": row.stages,
        "station": row.station,
        "account": row.name_en,
    }
    with records.session() as session:
        session.merge(row)
        append(
            session, Step(at=row.ended_at, who="node", from_where="local", action="proof.run", subject=str(row.id), after=after)
        )


def _show(records: Records, folder: Any) -> int:
    """The last proofs; returns the exit code."""
    from sqlalchemy import select

    from anlan.model.clock import SystemClock, isoformat
    from anlan.monitor.journal_view import JournalView
    from anlan.monitor.proof.service import BEGUN, DUE_AFTER
    from anlan.monitor.records import ProofRow

    with records.reading() as session:
        rows = list(session.scalars(select(ProofRow).order_by(ProofRow.at.desc()).limit(SHOWN)))
        heard = session.scalars(
            select(ProofRow.at).where(ProofRow.result == "heard").order_by(ProofRow.at.desc()).limit(1)
        ).one_or_none()
    for row in rows:
        stages = "  ".join(f"{stage} {micros / 1000:.0f} ms" for stage, micros in row.stages.items())
        typer.echo(
            f"{isoformat(row.at)[:19]}Z  {'broken off' if row.result == BEGUN else row.result}{f' at {row.failed_at}' if row.failed_at else ''}  {row.station}  {stages}"
        )
    journal = JournalView(folder.journal)
    begun = journal.begun
    journal.close()
    since = heard if heard is not None else (begun[0] if begun else SystemClock().now())
    overdue = SystemClock().now() > since + DUE_AFTER
    typer.echo(f"due {'since' if overdue else 'by'} {isoformat(since + DUE_AFTER)[:19]}Z")
    return int(overdue or bool(rows and rows[0].result in {"failed", "not_heard"}))

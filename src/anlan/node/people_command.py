"""`anlan people`: who has an account on a node, and one's way back in when nobody else can open it. From its data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anlan.sense.commands import group

DataOption = Annotated[Path | None, typer.Option(help="The node's data folder; default the only one under ./var.")]


def register(app: typer.Typer) -> None:
    """Add `anlan people list`, `reset`."""
    people = group(app, "people", "Accounts of a node, from its data folder.")
    people.command("list")(list_command)
    people.command("reset")(reset_command)


def list_command(data: DataOption = None) -> None:
    """List the accounts: name, roles with post and branch, second factor, closed or open.

    Example: anlan people list --data var/hualan
    """
    from sqlalchemy import select

    from anlan.guard.records import Factor, Person, SecurityKey
    from anlan.node.audit_command import data_folder
    from anlan.store.records import Records

    records = Records.open(data_folder(data) / "records.db")
    try:
        with records.reading() as session:
            enrolled = set(session.scalars(select(Factor.person_id).where(Factor.confirmed_at.is_not(None))))
            enrolled |= set(session.scalars(select(SecurityKey.person_id)))
            for person in session.scalars(select(Person).order_by(Person.account)):
                held = "; ".join(" ".join(filter(None, (one.role, one.post, one.place))) for one in person.assignments)
                marks = [word for word, holds in (("closed", person.disabled), ("second factor", person.id in enrolled)) if holds]
                typer.echo(f"{person.account:<20}{person.name_zh or person.name_en}  {held or '—'}  {', '.join(marks)}".rstrip())
    finally:
        records.close()


def reset_command(
    account: Annotated[str, typer.Argument(help="Whose account.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit record.", prompt=True)],
    data: DataOption = None,
) -> None:
    """Give an account a new one-time password and take its second factor away: break glass, for whoever controls the machine.

    The account is opened if it was closed, its sessions end, and the audit record says so. The node may run or not.

    Example: anlan people reset admin --data var/hualan --reason "phone lost, no second administrator"
    """
    from getpass import getuser

    from anlan.guard.locally import reset_account
    from anlan.model.clock import SystemClock
    from anlan.node.audit_command import data_folder
    from anlan.store.records import Records

    records = Records.open(data_folder(data) / "records.db")
    try:
        password = reset_account(records, SystemClock(), account, getuser(), reason)
    finally:
        records.close()
    typer.echo(f"{account}  {password}")

"""`anlan audit`: the audit record of a data folder verified, exported, and its public key; whether the node runs or not. Writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anlan.sense.commands import group

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from anlan.guard.verifying import Checked
    from anlan.guard.witness import Testimony
    from anlan.guard.witness_parent import Parent
    from anlan.store.records import Records

DataOption = Annotated[Path | None, typer.Option(help="The node's data folder; default the only one under ./var.")]


def register(app: typer.Typer) -> None:
    """Add `anlan audit verify`, `export`, `key`."""
    audit = group(app, "audit", "The audit record of a node, from its data folder.")
    audit.command("verify")(verify_command)
    audit.command("export")(export_command)
    audit.command("key")(key_command)


def verify_command(
    data: DataOption = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|URL", help="What a witness kept: its file, the folder with it, or a parent node; may be repeated."
        ),
    ] = None,
    witness_token: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With a token of the parent node; else ANLAN_WITNESS_TOKEN.")
    ] = None,
    witness_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The authority that certified the parent node, where no public one did.")
    ] = None,
    other_log: Annotated[
        list[str] | None,
        typer.Option(metavar="LOG", help="Another node's record whose heads lie in the same folder; may be repeated."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="PUB", help="The record's public key, kept elsewhere; default audit.pub beside the data."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Prove that nothing of the audit record was changed, cut, moved, replaced or forked; else name the first difference and exit with 1.

    Example: anlan audit verify --data var/hualan
    Example: anlan audit verify --data var/hualan --witness /mnt/witness --key hualan-audit.pub
    Example: anlan audit verify --data var/hualan --witness https://park.example:8700 --witness-token witness.token
    """
    import orjson

    from anlan.guard.witness_parent import witness_at
    from anlan.model.languages import shell_language

    folder = data_folder(data)
    told = [witness_at(one, witness_token, witness_ca) for one in witness or []]
    checked, public = verify_folder(folder, told, key, other_log or [])
    if as_json:
        typer.echo(orjson.dumps(as_facts(checked, shell_language()), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(folder, checked, named_witness=bool(witness), own_key=key is None, signed=public is not None)
    raise typer.Exit(0 if checked.difference is None else 1)


def export_command(
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="The file to write; default standard output.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only leaves with a greater number.")] = 0,
    proofs: Annotated[
        bool, typer.Option("--proofs/--no-proofs", help="With each leaf's inclusion proof under the newest head.")
    ] = True,
) -> None:
    """Write the audit record as JSON lines: first the newest signed head with the public key, then each leaf with its proof.

    Example: anlan audit export --data var/hualan --out audit.jsonl
    """
    folder = data_folder(data)
    if out is None:
        _write_lines(sys.stdout.buffer, folder, after, proofs)
        return
    with out.open("wb") as file:
        _write_lines(file, folder, after, proofs)


def key_command(
    data: DataOption = None,
) -> None:
    """Print the audit record's public key: keep it where nobody who alters the node can alter it.

    Example: anlan audit key --data var/hualan > hualan-audit.pub
    """
    from anlan.guard.heads import log_id, public_key, public_pem

    key = public_key(data_folder(data) / "audit.pub")
    typer.echo(public_pem(key), nl=False)
    typer.echo(f"log {log_id(key)}", err=True)


def data_folder(given: Path | None) -> Path:
    """Raises InputError when none is named and ./var doesn't have just one, NotFound when there is no node in it."""
    from anlan.model.errors import InputError, NotFound

    if given is None:
        found = sorted(path.parent for path in Path("var").glob("*/records.db"))
        if len(found) != 1:
            raise InputError("./var has {count} nodes; name the data folder with --data", count=len(found))
        return found[0]
    if not (given / "records.db").is_file():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(given), file=str(given / "records.db"))
    return given


def verify_folder(
    data: Path, witnesses: Sequence[Path | Parent], key: Path | None, others: Sequence[str] = ()
) -> tuple[Checked, Ed25519PublicKey | None]:
    """Raises ConfigError for a witness or key that isn't there, InputError for an `others` that is no log, Unavailable for a parent node that
    does not answer, StoreError."""
    from anlan.guard.heads import public_key
    from anlan.guard.verifying import verify
    from anlan.guard.witness import checked_log
    from anlan.guard.witness_parent import Parent

    beside = data / "audit.pub"
    public = public_key(key) if key is not None else public_key(beside) if beside.is_file() else None
    others = [checked_log(one) for one in others]
    told = [
        one
        for named in witnesses
        for one in (_of_parent(named, public, others) if isinstance(named, Parent) else _testimonies(named, public, others))
    ]
    with opened(data) as records, records.reading() as session:
        return verify(session, told, public), public


def as_facts(checked: Checked, language: str) -> dict[str, Any]:
    """The JSON that `--json` prints."""
    heard = [
        {
            "where": one.where,
            "heads": one.heads,
            "newest": one.newest.as_json() if one.newest is not None else None,
            "broken_lines": list(one.broken),
        }
        for one in checked.heard
    ]
    return {
        "leaves": checked.size,
        "tree_head": checked.root.hex(),
        "first_at": checked.first_at,
        "last_at": checked.last_at,
        "difference": checked.difference.as_json(language) if checked.difference is not None else None,
        "heard": heard,
        "signatures_checked": checked.signed,
    }


@contextmanager
def opened(data: Path) -> Iterator[Records]:
    """The records for reading alone: a running node is not disturbed, and a copy on a medium that cannot be written will do."""
    import os
    from urllib.parse import quote

    from sqlalchemy.engine import URL

    from anlan.model.errors import StoreError
    from anlan.store.records import Records

    path, query = (data / "records.db").absolute(), {"mode": "ro", "uri": "true"}
    wal = path.with_name(path.name + "-wal")
    if not os.access(path.parent, os.W_OK):
        if wal.is_file() and wal.stat().st_size:
            raise StoreError("{file} still holds steps, and {folder} cannot be written: copy the folder and verify the copy", file=str(wal), folder=str(data))  # fmt: skip
        query["immutable"] = "1"
    records = Records(URL.create("sqlite", database=f"file:{quote(str(path))}", query=query))
    try:
        yield records
    finally:
        records.close()


def _testimonies(path: Path, public: Ed25519PublicKey | None, others: Sequence[str]) -> list[Testimony]:
    """With what lies in the folder of records that nobody told to be other nodes': this one may have been replaced with its key."""
    from anlan.guard.heads import log_id
    from anlan.guard.witness import foreign_files, witness_file

    file = witness_file(path, log_id(public)) if public is not None else path
    if file == path or not path.is_dir():
        return [_testimony(file)]
    foreign = foreign_files(path, file, others)
    own = [_testimony(file)] if file.exists() or not foreign else []
    # Of another record only the newest head: its leaves say nothing of which of these was changed.
    return own + [replace(told, heads=told.heads[-1:], runs=[]) for told in map(_testimony, foreign)]


def _of_parent(parent: Parent, public: Ed25519PublicKey | None, others: Sequence[str]) -> list[Testimony]:
    """Raises InputError without a key, by which alone the parent knows the record."""
    from anlan.guard.heads import log_id, public_pem
    from anlan.guard.witness_parent import ParentWitness
    from anlan.model.errors import InputError

    if public is None:
        raise InputError(
            "{witness} knows a record by its public key, and there is none beside it; --key was expected", witness=parent.url
        )
    witness = ParentWitness(parent, log_id(public), public_pem(public), others)
    return [witness.testimony(), *witness.strangers()]


def _testimony(file: Path) -> Testimony:
    from anlan.guard.witness import read_testimony
    from anlan.model.errors import ConfigError

    try:
        return read_testimony(file.read_bytes(), str(file))
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no such file; what a witness kept of this record was expected here", file=str(file)
        ) from error
    except OSError as error:
        raise ConfigError("this file cannot be read: {why}", file=str(file), why=error.strerror or "") from error


# --- export


def _write_lines(file: Any, data: Path, after: int, proofs: bool) -> None:
    import orjson

    for line in export_lines(data, after, proofs=proofs):
        file.write(orjson.dumps(line) + b"\n")
    file.flush()


def export_lines(data: Path, after: int = 0, *, proofs: bool = True) -> Iterator[dict[str, Any]]:
    """The head, then the leaves n > after. `text` is what was hashed; a leaf that no head covers yet has no path."""
    from anlan.guard import audit
    from anlan.guard.heads import last_head
    from anlan.guard.merkle import Tree

    beside = data / "audit.pub"
    with opened(data) as records, records.reading() as session:
        head = last_head(session)
        tree = Tree(lambda start, stop: audit.leaf_hashes(session, start, stop))
        size = head.size if head is not None and proofs else 0
        for start in range(0, size, 10_000):
            tree.extend(audit.leaf_hashes(session, start, min(size, start + 10_000)))
        yield {
            "kind": "head",
            "head": head.as_json() if head is not None else None,
            "public_key": beside.read_text() if beside.is_file() else None,
        }
        previous = audit.leaf_hashes(session, after - 1, after) if after else []
        prev = previous[0] if previous else audit.FIRST_PREV
        while leaves := audit.read(session, after, 1000):
            for leaf in leaves:
                path = [step.hex() for step in tree.inclusion(leaf.n - 1, size)] if leaf.n <= size else None
                facts = {name: getattr(leaf, name) for name in audit.FIELDS}
                told = {
                    "kind": "leaf",
                    **facts,
                    "leaf": leaf.leaf.hex(),
                    "text": audit.canonical(leaf, prev).decode(),
                    "path": path,
                }
                yield told
                prev, after = leaf.leaf, leaf.n
            session.expunge_all()


# --- printing


def _print(data: Path, checked: Checked, *, named_witness: bool, own_key: bool, signed: bool) -> None:
    from anlan.model.languages import shell_language, translate

    language = shell_language()

    def say(message: str, **facts: Any) -> None:
        typer.echo(translate(message, language).format(**facts))

    say("{leaves} leaves read, {first} … {last}", leaves=checked.size, first=_iso(checked.first_at), last=_iso(checked.last_at))
    say("tree head {root}", root=checked.root.hex())
    for one in checked.heard:
        if one.newest is None:
            say("{where}: no head", where=one.where)
        else:
            say(
                "{where}: {heads} heads, the newest of {size} leaves, {at}",
                where=one.where,
                heads=one.heads,
                size=one.newest.size,
                at=_iso(one.newest.at),
            )
        if one.broken:
            say("{where}: lines that cannot be read: {lines}", where=one.where, lines=", ".join(map(str, one.broken[:20])))
    if not named_witness:
        say("Not known: whether a tail was cut with its heads, or all replaced. Only a witness tells; name it with --witness.")
    if not signed:
        say("Not known: whose heads these are. There is no public key; name it with --key.")
    elif own_key:
        say("The public key lies beside the record and could be replaced with it; keep one elsewhere and name it with --key.")
    if checked.difference is None:
        say("No difference: nothing that is known was changed, cut, moved, replaced or forked.")
    else:
        say("First difference: leaf {n}, {at}", n=checked.difference.n, at=_iso(checked.difference.at))
        typer.echo(typer.style(checked.difference.text(language), fg=typer.colors.RED))
        if (leaf := _leaf(data, checked.difference.n)) is not None:
            say("it now reads: {action} {subject}, by {who}, {reason}", **leaf)


def _leaf(data: Path, n: int) -> dict[str, str] | None:
    """What stands there now, as far as it can be read."""
    from anlan.guard.audit_rows import rows_of
    from anlan.model.errors import StoreError

    try:
        with opened(data) as records, records.reading() as session:
            rows = next(rows_of(session, n - 1, 1), [])
    except StoreError:
        return None
    if not rows or rows[0][0] != n:
        return None
    row = rows[0]
    return {"who": str(row[2]), "action": str(row[5]), "subject": str(row[6]), "reason": str(row[9]) or "—"}


def _iso(at: int | None) -> str:
    from anlan.model.clock import isoformat

    try:
        return isoformat(at) if at is not None else "—"
    except (OverflowError, ValueError, OSError):
        return str(at)

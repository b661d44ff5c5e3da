"""Configuration versions: the truth about a plant is a row that never changes; the folder is how a person edits it.

    folder ──check──▶ Plant ──import_folder──▶ version n (author, reason, base) ──export──▶ folder

A folder remembers in `.anlan-base` which version it rests on. It becomes the next version only while that one is current; otherwise
somebody else's change would be undone unseen, so the import stops and shows the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.model.clock import Clock
from anlan.model.errors import Corrupt, InputError, NotFound
from anlan.plant.bulk import without_collection
from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences
from anlan.plant.drawings.shelf import settle
from anlan.plant.folder import BASE_FILE, load
from anlan.plant.history_effects import history_effects
from anlan.plant.numbers import assign, read_numbers
from anlan.plant.overridden import must_not_touch
from anlan.plant.point_past import keep_past
from anlan.plant.records import VersionRow
from anlan.plant.version import Imported, Numbers, Version, packed, unpacked, wiring_digest
from anlan.store.ids import uuid7
from anlan.store.records import Records

SHOWN_CHANGES = 40
"""More differences than this are counted, not listed, in an error's text."""


Also = Callable[[Session, Plant | None, Imported], None]
"""Given the plant before the change, and what was made of it."""


class StaleBase(InputError):
    """The folder rests on another version than the current one; `changes` is what importing it would do."""

    code = "stale-base"
    status = 409

    def __init__(self, current: Version, base: int | None, changes: Iterable[Change]) -> None:
        self.current, self.base, self.changes = current, base, tuple(changes)
        super().__init__(
            "the folder rests on version {base}, but version {number} by {author} ({reason}) is current. Export that and edit it, "
            "or, if all of these {count} changes are meant, start with `anlan up … --onto {number}`:",
            base="—" if base is None else base,
            number=current.number,
            author=current.author,
            reason=current.reason or "—",
            count=len(self.changes),
        )

    def text(self, language: str = "en") -> str:
        more = [f"… {len(self.changes) - SHOWN_CHANGES}"] * (len(self.changes) > SHOWN_CHANGES)
        return "\n  ".join([super().text(language), *(c.text(language) for c in self.changes[:SHOWN_CHANGES]), *more])


def import_folder(
    records: Records,
    folder: Path,
    *,
    author: str,
    reason: str,
    clock: Clock,
    onto: int | None = None,
    effect: dict[str, Any] | None = None,
    also: Also | None = None,
) -> Imported:
    """Make the folder the current version. Unchanged: the current one comes back and nothing is written.

    `onto`: the person has seen the difference to this version and means it. Raises PlantMistakes, StaleBase.
    """
    plant = load(folder)
    write = partial(import_plant, author=author, reason=reason, clock=clock, folder=folder, onto=onto, effect=effect, also=also)
    imported = write(records, plant)
    if imported.plant is plant:  # else it rests on an older version, and what was changed since is not in it
        note_base(folder, imported.version)
    return imported


def import_plant(
    records: Records,
    plant: Plant,
    *,
    author: str,
    reason: str,
    clock: Clock,
    folder: Path | None = None,
    onto: int | None = None,
    effect: dict[str, Any] | None = None,
    also: Also | None = None,
    id: UUID | None = None,
    known: Imported | None = None,
    ending: UUID | None = None,
) -> Imported:
    """The same for a plant already loaded; without a folder, `onto` must name the current version (or be None for the first).

    `id` becomes the version's own, by which `made_as` finds it again. `known`: a version in memory, from which `plant` was perhaps made; if
    it is still the current one, it is not read anew, and what `plant` has of it is the same without a look.

    `also` runs in the transaction that makes a new version, for what must be written with it or not at all; it may refuse by raising.
    `ending`: the night override that ends by it; alarms of others stay as they are (`plant.overridden`). Raises CommandRefused.
    """
    with without_collection(), records.session() as session:
        current, content = _newest(session), plant.to_json()
        if current is not None and current.digest == sha256(content).hexdigest():
            return Imported(_version(current), plant, read_numbers(session), new=False)
        before: Plant | None = None
        changes: tuple[Change, ...] = ()
        if current is not None:
            if onto is None and folder is not None and _untouched(session, folder, content):
                # Changed since in the console, not in the folder: a node that is started again must not stop for that.
                return Imported(_version(current), plant_of(current), read_numbers(session), new=False)
            if known is not None and (known.version.number, known.version.digest) != (current.number, current.digest):
                known = None
            before = known.plant if known is not None else plant_of(current)
            changes = tuple(differences(before, plant))
            _must_rest_on(current, folder, onto, changes)
            must_not_touch(session, plant, ending)
        settle(session, plant.drawings, folder)
        row = _insert(session, content, current, author, reason, clock, folder, effect, id)
        numbers = assign(session, plant, known.numbers if known is not None else None)
        if before is not None:
            keep_past(session, before, plant, numbers.points.get, row.number, row.at)
        history = tuple(history_effects(before, plant)) if before is not None else ()
        imported = Imported(_version(row), plant, numbers, new=True, changes=changes, history=history)
        if also is not None:
            also(session, before, imported)
        return imported


def _untouched(session: Session, folder: Path, content: bytes) -> bool:
    """Whether the folder still says what it said when it became the version that it rests on."""
    noted = base_of(folder)
    if noted is not None:
        row = session.get(VersionRow, noted[0])
        return row is not None and str(row.id) == noted[1] and row.digest == sha256(content).hexdigest()
    origin, digest = str(folder.resolve()), sha256(content).hexdigest()
    last = sa.select(VersionRow.digest).where(VersionRow.origin == origin).order_by(VersionRow.number.desc()).limit(1)
    return session.scalar(last) == digest


def versions(records: Records) -> list[Version]:
    """All versions, the newest first."""
    columns = [getattr(VersionRow, name) for name in Version.__dataclass_fields__]
    with records.reading() as session:
        return [Version(*row) for row in session.execute(sa.select(*columns).order_by(VersionRow.number.desc()))]


def version(records: Records, number: int | None = None) -> tuple[Version, Plant, Numbers]:
    """A version with its plant (None: the current one) and the numbers as of now. Raises NotFound, Corrupt."""
    with without_collection(), records.reading() as session:
        row = _newest(session) if number is None else session.get(VersionRow, number)
        if row is None:
            raise NotFound("there is no version {number} of the plant", number="—" if number is None else number)
        return _version(row), plant_of(row), read_numbers(session)


def made_as(records: Records, id: UUID) -> Imported | None:
    """The version that was made under this id, as it was told when it was made; None when there is none. Raises Corrupt."""
    with without_collection(), records.reading() as session:
        row = session.scalars(sa.select(VersionRow).where(VersionRow.id == id)).one_or_none()
        if row is None:
            return None
        base = session.get(VersionRow, row.base) if row.base is not None else None
        plant = plant_of(row)
        changes = tuple(differences(plant_of(base), plant)) if base is not None else ()
        return Imported(_version(row), plant, read_numbers(session), new=True, changes=changes)


def wiring(records: Records, number: int | None = None) -> tuple[int, str]:
    """(version, digest of what sense makes of it: sources, points, demo mark). Without building the plant: sense reads devices meanwhile."""
    with without_collection(), records.reading() as session:
        row = _newest(session) if number is None else session.get(VersionRow, number)
        if row is None:
            raise NotFound("there is no version {number} of the plant", number="—" if number is None else number)
        return row.number, wiring_digest(unpacked(row.content, row.size))


def base_of(folder: Path) -> tuple[int, str] | None:
    """(version number, its id) that the folder rests on, or None if it does not say."""
    file = folder / BASE_FILE
    if not file.is_file():
        return None
    words = file.read_text("utf-8").split()
    if len(words) != 2 or not words[0].isdigit():
        raise InputError("{file} was not written by Anlan; delete it", file=str(file))
    return int(words[0]), words[1]


def write_base(folder: Path, of: Version) -> None:
    """Note in the folder which version it rests on."""
    (folder / BASE_FILE).write_text(base_text(of), "utf-8")


def base_text(of: Version) -> str:
    """What stands in that file."""
    return f"{of.number} {of.id}\n"


def note_base(folder: Path, of: Version) -> None:
    """As `write_base`, for a folder that perhaps cannot be written."""
    try:
        write_base(folder, of)
    except OSError:
        # A folder that cannot be written (a read-only share, the demo inside the package) is recognised by its path instead.
        return


def _must_rest_on(current: VersionRow, folder: Path | None, onto: int | None, changes: Iterable[Change]) -> None:
    base: int | None = onto
    rests = onto == current.number
    if not rests and onto is None and folder is not None:
        noted = base_of(folder)
        base = noted[0] if noted else None
        rests = noted == (current.number, str(current.id)) if noted else current.origin == str(folder.resolve())
    if not rests:
        raise StaleBase(_version(current), base, changes)


def _insert(
    session: Session,
    content: bytes,
    current: VersionRow | None,
    author: str,
    reason: str,
    clock: Clock,
    folder: Path | None,
    effect: dict[str, Any] | None,
    id: UUID | None,
) -> VersionRow:
    row = VersionRow(
        number=(current.number if current else 0) + 1,
        id=id or uuid7(clock),
        base=current.number if current else None,
        author=author,
        reason=reason,
        at=clock.now(),
        origin=str(folder.resolve()) if folder is not None else "",
        digest=sha256(content).hexdigest(),
        size=len(content),
        content=packed(content),
        effect=effect,
    )
    session.add(row)
    session.flush()
    return row


def _newest(session: Session) -> VersionRow | None:
    return session.scalars(sa.select(VersionRow).order_by(VersionRow.number.desc()).limit(1)).one_or_none()


def _version(row: VersionRow) -> Version:
    return Version(*(getattr(row, name) for name in Version.__dataclass_fields__))


def plant_of(row: VersionRow) -> Plant:
    """Raises Corrupt."""
    content = unpacked(row.content, row.size)
    if sha256(content).hexdigest() != row.digest:
        raise Corrupt("version {number} of the plant does not match its checksum", number=row.number)
    return Plant.from_json(content)

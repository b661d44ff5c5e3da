"""The version in force, kept beside the records: what the node goes by when it starts while they cannot be read.

It is written whenever a version comes into force, and never decides anything while the records can be read.
"""

from __future__ import annotations

from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import structlog

from anlan.model.errors import Corrupt, StoreError
from anlan.plant.bulk import without_collection
from anlan.plant.description import Plant
from anlan.plant.version import Imported, Numbers, Version, packed, unpacked, wiring_digest
from anlan.store.aside import read_aside, write_aside

log = structlog.get_logger()


def keep_beside(path: Path, current: Imported) -> None:
    """As `keep_last`, where the node goes on without: only a start with damaged records would not know its plant."""
    try:
        keep_last(path, current.version, current.plant, current.numbers)
    except StoreError as failure:
        log.error("the version in force is not kept beside the records", error=str(failure))


def keep_last(path: Path, current: Version, plant: Plant, numbers: Numbers) -> None:
    """Blocking. Raises StoreError; what was kept before stays."""
    if _kept_already(path, current):
        return
    with without_collection():
        content = plant.to_json()
        facts = {**asdict(current), "id": str(current.id), "size": len(content), "effect": None}
        head = orjson.dumps({"version": facts, "numbers": asdict(numbers)})
    write_aside(path, len(head).to_bytes(8, "little") + head + packed(content))


def last_kept(path: Path) -> Imported:
    """Raises StoreError where none is kept, Corrupt."""
    version, numbers, content = _read(path)
    with without_collection():
        return Imported(version, Plant.from_json(content), numbers, new=False)


def kept_version(path: Path) -> tuple[int, str] | None:
    """(number, digest) of the version that is kept; None when none is. Raises StoreError, Corrupt."""
    head = _head(path)
    return (head["number"], head["digest"]) if head is not None else None


def last_wiring(path: Path) -> tuple[int, str]:
    """As `plant.versions.wiring`. Raises StoreError, Corrupt."""
    version, _, content = _read(path)
    return version.number, wiring_digest(content)


def _read(path: Path) -> tuple[Version, Numbers, bytes]:
    body = read_aside(path)
    if body is None:
        raise StoreError("there is no {file}: the plant that was in force last is not known", file=str(path))
    end = 8 + int.from_bytes(body[:8], "little")
    facts = orjson.loads(body[8:end])
    known, size = facts["version"], facts["version"].pop("size")
    content = unpacked(body[end:], size)
    version = Version(**{**known, "id": UUID(known["id"])})
    if sha256(content).hexdigest() != version.digest:
        raise Corrupt("version {number} of the plant does not match its checksum", number=version.number)
    return version, Numbers(**facts["numbers"]), content


def _kept_already(path: Path, current: Version) -> bool:
    """A start without a change writes nothing: a large plant takes a second."""
    try:
        known = _head(path)
    except StoreError:
        return False
    return known is not None and known["id"] == str(current.id) and known["digest"] == current.digest


def _head(path: Path) -> dict[str, Any] | None:
    body = read_aside(path)
    if body is None:
        return None
    version: dict[str, Any] = orjson.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])["version"]
    return version

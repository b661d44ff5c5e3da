"""How much each witness was handed, remembered in the node's data: one that later holds less was replaced, cut, or is not mounted.

Without it an empty folder where a share was would be filled anew, and nobody would hear that the old heads are gone.

    {"/mnt/witness/audit-6ad24d54ab283553.jsonl": {"size": 1042, "root": "…"}}
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import orjson
import structlog

from anlan.guard.heads import Head
from anlan.guard.witness import Handed, Testimony, Witness
from anlan.model.errors import Unavailable
from anlan.store.disk import Disk

log = structlog.get_logger()


class WitnessMemory:
    """One file. A disk that does not take it is logged: the process remembers all the same."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._handed: dict[str, dict[str, Any]] = self._read()

    def size(self, witness: str) -> int:
        """Leaves under the newest head that it was handed; 0: none is known of."""
        with self._lock:
            return int(self._handed.get(witness, {}).get("size", 0))

    def keep(self, witness: str, head: Head) -> None:
        with self._lock:
            self._handed[witness] = {"size": head.size, "root": head.root.hex()}
            try:
                Disk().write_whole(self._file, orjson.dumps(self._handed, option=orjson.OPT_INDENT_2) + b"\n")
            except OSError as error:
                log.error("what witnesses were handed is not kept", file=str(self._file), error=str(error))

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = orjson.loads(self._file.read_bytes())
            return {str(name): {"size": int(one["size"]), "root": str(one["root"])} for name, one in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.error("what witnesses were handed cannot be read", file=str(self._file), error=str(error))
            return {}


class RememberedWitness:
    """A witness that is asked for what it was handed before it is handed more."""

    def __init__(self, witness: Witness, memory: WitnessMemory) -> None:
        self._witness, self._memory = witness, memory

    @property
    def name(self) -> str:
        return self._witness.name

    def last(self) -> Head | None:
        """Raises Unavailable, too, when it holds less than it was handed."""
        last, handed = self._witness.last(), self._memory.size(self.name)
        found = last.size if last is not None else 0
        if found < handed:
            raise Unavailable(
                "the audit record's witness {witness} was handed {handed} leaves and holds {found}: it was replaced, cut, or is not "
                "mounted; it is handed nothing until it has them again, or another is named",
                witness=self.name,
                handed=handed,
                found=found,
            )
        return last

    def hand(self, handed: Handed) -> None:
        self._witness.hand(handed)
        self._memory.keep(self.name, handed.head)

    def tell(self, difference: dict[str, Any] | None) -> None:
        self._witness.tell(difference)

    def testimony(self) -> Testimony:
        """As it is: what is left still tells."""
        return self._witness.testimony()

    def strangers(self) -> list[Testimony]:
        return self._witness.strangers()

"""What the engine runs against what is approved: the alarms that differ, from what to what.

In: two engine configurations. Out: one line for each alarm (or point, or source) that is not the same, in the words of the engine's own columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from anlan.plant.difference import Change

if TYPE_CHECKING:
    import pyarrow as pa

    from anlan.monitor.compile import EngineConfig
    from anlan.plant.version import Imported


class Running(Protocol):
    """The running node, as this room's routes need it; `node` fills it in."""

    async def bring_into_force(self, imported: Imported) -> None:
        """Hand a new version to core, and see to it that all processes go by it. Returns when the engine runs it."""
        ...

    async def difference(self) -> Difference:
        """What runs against what is approved, now. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """`running`, `approved`: versions. `changes`: what must change for the running configuration to become the approved one."""

    running: int
    approved: int
    running_digest: str
    approved_digest: str
    changes: tuple[Change, ...] = ()

    @property
    def equal(self) -> bool:
        return self.running_digest == self.approved_digest

    @property
    def subjects(self) -> list[str]:
        """Ids of what differs, each once."""
        return list(dict.fromkeys(change.id for change in self.changes))


def compare(running: EngineConfig, approved: EngineConfig) -> list[Change]:
    """Empty when both decide the same. By number, because that is what the engine goes by."""
    return [
        *_tables("source", running.source_table, approved.source_table),
        *_tables("point", running.point_table, approved.point_table),
        *_tables("alarm", running.rule_table, approved.rule_table),
    ]


def _tables(what: str, running: pa.Table, approved: pa.Table) -> Iterator[Change]:
    if running.equals(approved):
        return
    before, after = _rows(running), _rows(approved)
    for number in [*before, *(n for n in after if n not in before)]:
        old, new = before.get(number), after.get(number)
        if old is None or new is None:
            there = old or new or {}
            yield Change(what, str(there.get("id") or f"#{number}"), "", old, new)
        else:
            identifier = str(new.get("id") or old.get("id") or f"#{number}")
            for key in [*old, *(k for k in new if k not in old)]:
                if not _same(old.get(key), new.get(key)):
                    yield Change(what, identifier, key, old.get(key), new.get(key))


def _rows(table: pa.Table) -> Mapping[int, dict[str, Any]]:
    return {row["number"]: row for row in table.to_pylist()}


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) or (isinstance(a, float) and isinstance(b, float) and a != a and b != b)  # noqa: PLR0124  NaN is "no limit"

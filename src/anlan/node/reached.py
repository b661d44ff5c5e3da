"""How far the readers of the log had come when the node stopped: what `Log.open` must not fall behind."""

from __future__ import annotations

from contextlib import closing

from anlan.model.errors import Corrupt
from anlan.monitor.journal import JournalReader
from anlan.node.layout import NodeFolder
from anlan.store.history_position import position_on_disk


def reached(folder: NodeFolder, incarnation: str) -> int:
    """The furthest position of this incarnation of the log that alarms.db or the history holds; 0 before either. Raises StoreError.

    A log whose end was damaged would otherwise give positions out again that both count as done: those frames would be acknowledged
    and neither decided nor stored.
    """
    return max(_decided(folder, incarnation), position_on_disk(folder.history, incarnation))


def _decided(folder: NodeFolder, incarnation: str) -> int:
    if not folder.journal.is_file():
        return 0
    try:
        with closing(JournalReader.open(folder.journal)) as journal:
            return journal.done if journal.incarnation == incarnation else 0
    except Corrupt:
        return 0  # the engine's reader sets it aside and begins anew: the log goes by the history alone

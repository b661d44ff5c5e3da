"""The history for other processes: reads what the writer has committed, changes nothing."""

from __future__ import annotations

from pathlib import Path

from anlan.model.errors import NotFound
from anlan.store.history import HistorySettings, Snapshot
from anlan.store.history_files import DataFile
from anlan.store.history_table import Table


class HistoryReader(Snapshot):
    """Each question sees the newest commit. Thread-safe."""

    @classmethod
    def open(cls, folder: Path | str, settings: HistorySettings | None = None) -> HistoryReader:
        """Raises NotFound before the writer has created the table, StoreError."""
        root = Path(folder).absolute()
        if not (root / "_delta_log").is_dir():
            raise NotFound("There is no history in {folder} yet; the node creates it when it starts", folder=str(root))
        return cls(root, Table.open(root), settings or HistorySettings())

    def files(self) -> tuple[DataFile, ...]:
        with self._lock:
            self.refresh()
            return self._table.files

    def position(self, incarnation: str) -> int:
        with self._lock:
            self.refresh()
            return self._table.cursor(incarnation)

    def refresh(self) -> None:
        """See the newest commit. Raises StoreError."""
        with self._lock:
            self._table.refresh()

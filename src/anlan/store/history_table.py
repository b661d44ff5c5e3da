"""The Delta Lake table under the history: which files count, and how far into the log they reach, in one commit each.

delta-rs writes its log but never syncs it. Here a commit is durable when it returns, and what a power cut or a kill may leave is
mended at open: a last commit torn in the middle was never confirmed to anyone and is set aside; a checkpoint (a summary that
delta-rs could not do without once it exists) is removed if it does not read back; the newest commit is written anew, because
nobody knows whether the process before synced it.

The position in the log is the application transaction `anlan.log:<incarnation>`; a new incarnation of the log starts at 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from anlan.model.errors import Corrupt, StoreError
from anlan.store.durable import renew, sync_all
from anlan.store.history_files import TABLE, DataFile
from anlan.store.history_position import application

SCHEMA = Schema(
    [
        Field(name, PrimitiveType(kind), nullable=False)
        for name, kind in zip(TABLE.names, ("long", "long", "double", "integer"), strict=True)
    ]
    + [Field("day", PrimitiveType("date"), nullable=False)]
)
PROPERTIES = {"delta.logRetentionDuration": "interval 1 hours", "delta.deletedFileRetentionDuration": "interval 1 hours"}
BY_HAND = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Checkpoints are made by `checkpoint`, which syncs them before old commits go."""

CHECKPOINT_EVERY = 100

ACTIONS = "anlan.actions"
"""In a commit's first line: how many lines follow. A commit torn between two lines reads well and may lack its last, the position."""


class Table:
    """A handle on the table at one version. Not thread-safe; History and HistoryReader hold the lock."""

    def __init__(self, root: Path, handle: DeltaTable) -> None:
        self.root = root
        self._handle = handle
        self._files: tuple[int, tuple[DataFile, ...]] | None = None

    @classmethod
    def create_or_open(cls, root: Path) -> Table:
        """For the one writing process: mends what a crash left. Raises StoreError, Corrupt."""
        with table_errors(root):
            mend(root / "_delta_log")
            return cls(root, DeltaTable(root) if DeltaTable.is_deltatable(str(root)) else _create(root))

    @classmethod
    def open(cls, root: Path) -> Table:
        """For readers; changes nothing on disk. Raises StoreError."""
        with table_errors(root):
            return cls(root, DeltaTable(root))

    @property
    def version(self) -> int:
        return int(self._handle.version())

    def cursor(self, incarnation: str) -> int:
        """The last log position whose readings are in the table, 0 at first."""
        with table_errors(self.root):
            return self._handle.transaction_version(application(incarnation)) or 0

    @property
    def files(self) -> tuple[DataFile, ...]:
        """What counts at this version."""
        if self._files is None or self._files[0] != self.version:
            with table_errors(self.root):
                self._files = self.version, _data_files(self._handle)
        return self._files[1]

    @property
    def committed_at(self) -> float:
        """The file system's time of this version's commit. [s]"""
        with table_errors(self.root):
            return _commit_file(self.root / "_delta_log", self.version).stat().st_mtime

    def refresh(self) -> None:
        """See what others have committed since. Raises StoreError."""
        with table_errors(self.root):
            self._handle.update_incremental()

    def commit(
        self,
        added: Sequence[DataFile],
        removed: Sequence[DataFile] = (),
        position: tuple[str, int] | None = None,
        *,
        durable: bool = True,
    ) -> None:
        """Add and remove files and move to the log position (incarnation, n), all or nothing, durable on return. Raises StoreError."""
        data_change = not removed
        with table_errors(self.root):
            self._handle.create_write_transaction(
                [*(_add(self.root, file, data_change) for file in added), *(_remove(self.root, file, added) for file in removed)],
                "append",
                SCHEMA,
                ["day"],
                commit_properties=_properties(len(added) + len(removed), position),
                post_commithook_properties=BY_HAND,
            )
            self._handle.update_incremental()
            if durable:
                log = self.root / "_delta_log"
                sync_all([_commit_file(log, self.version), log])
        if self.version % CHECKPOINT_EVERY == 0:
            self.checkpoint(durable=durable)

    def checkpoint(self, *, durable: bool = True) -> None:
        """Summarise the log so that it opens fast, then let commits older than an hour go. Raises StoreError."""
        log = self.root / "_delta_log"
        with table_errors(self.root):
            self._handle.create_checkpoint()
            if durable:
                sync_all([*log.glob(f"{self.version:020d}.checkpoint*.parquet"), log / "_last_checkpoint", log])
            self._handle.cleanup_metadata()


def mend(log: Path) -> None:
    """Make the log readable and its newest commit durable after a kill or a power cut. Raises Corrupt when that can't be done."""
    commits = sorted(log.glob(f"{'[0-9]' * 20}.json"))
    if commits and not _is_whole(commits[-1]):
        torn = commits.pop()
        torn.rename(torn.with_suffix(".json.torn"))
    _drop_broken_checkpoints(log, oldest_commit=int(commits[0].stem) if commits else None)
    if commits:
        renew(commits[-1])


@contextmanager
def table_errors(root: Path) -> Iterator[None]:
    """The libraries' errors leave as StoreError."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as failure:
        why = str(failure).split("\n   0:")[0]  # delta-rs appends a stack of unknown frames
        raise StoreError("The history in {folder} failed: {why}", folder=str(root), why=why) from failure


def _create(root: Path) -> DeltaTable:
    root.mkdir(parents=True, exist_ok=True)
    handle = DeltaTable.create(root, SCHEMA, partition_by=["day"], configuration=PROPERTIES)
    log = root / "_delta_log"
    sync_all([_commit_file(log, 0), log, root, root.parent])
    return handle


def _drop_broken_checkpoints(log: Path, oldest_commit: int | None) -> None:
    broken = [c for c in sorted(log.glob("*.checkpoint*.parquet")) if not _reads_back(c)]
    whole = {_version_of(c) for c in log.glob("*.checkpoint*.parquet")} - {_version_of(c) for c in broken}
    reachable = oldest_commit is not None and (oldest_commit == 0 or any(v + 1 >= oldest_commit for v in whole))
    if broken and not reachable:
        raise Corrupt(
            "The history's checkpoint {file} is damaged and the commits that it summarised are gone. Restore the folder from a backup.",
            file=str(broken[-1]),
        )
    for checkpoint in broken:
        checkpoint.unlink()
    if _hint(log) not in {None, *whole}:
        (log / "_last_checkpoint").unlink()


def _hint(log: Path) -> int | None:
    """The version that `_last_checkpoint` names; −1 if it can't be read."""
    try:
        return int(json.loads((log / "_last_checkpoint").read_bytes())["version"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return -1


def _is_whole(commit: Path) -> bool:
    """All lines are there: the first says how many belong to it, except in the commit that created the table."""
    try:
        lines = [dict(json.loads(line)) for line in commit.read_bytes().splitlines()]
    except (ValueError, TypeError):
        return False
    actions = next((line["commitInfo"].get(ACTIONS) for line in lines if "commitInfo" in line), None)
    if actions is None:
        return {"protocol", "metaData"} <= {name for line in lines for name in line}
    return len(lines) == 1 + int(actions)


def _reads_back(checkpoint: Path) -> bool:
    try:
        pq.read_table(checkpoint)
    except (OSError, pa.ArrowException):
        return False
    return True


def _version_of(file: Path) -> int:
    return int(file.name[:20])


def _commit_file(log: Path, version: int) -> Path:
    return log / f"{version:020d}.json"


def _properties(files: int, position: tuple[str, int] | None) -> CommitProperties:
    moves = [] if position is None else [Transaction(application(position[0]), position[1])]
    return CommitProperties({ACTIONS: files + len(moves)}, max_commit_retries=0, app_transactions=moves or None)


def _add(root: Path, file: DataFile, data_change: bool) -> AddAction:
    written = int((root / file.path).stat().st_mtime * 1_000)
    return AddAction(file.path, file.size, {"day": file.day.isoformat()}, written, data_change, file.statistics)


def _remove(root: Path, file: DataFile, replaced_by: Sequence[DataFile]) -> RemoveAction:
    """Merging changes no data. When: the time of the newest replacement, since a store asks no clock."""
    when = max((int((root / f.path).stat().st_mtime * 1_000) for f in replaced_by), default=0)
    return RemoveAction(file.path, False, when, file.size, {"day": file.day.isoformat()})


def _data_files(handle: DeltaTable) -> tuple[DataFile, ...]:
    columns: dict[str, list[Any]] = pa.table(handle.get_add_actions(flatten=True)).to_pydict()
    names = ("path", "partition.day", "num_records", "size_bytes", "min.point", "max.point", "min.time", "max.time")
    if not columns["path"]:
        return ()
    return tuple(sorted((DataFile(*row) for row in zip(*(columns[n] for n in names), strict=True)), key=lambda f: f.path))

"""What a kill, a power cut or a failing disk may leave of the history's table, and that nothing is confirmed before it is durable."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from anlan.model.clock import SECOND
from anlan.model.errors import Corrupt, StoreError
from anlan.model.readings import Readings
from anlan.store import durable, history_table
from anlan.store.history import History
from anlan.store.history_position import position_on_disk
from anlan.store.history_reader import HistoryReader

START = 1_767_225_600 * SECOND
ALL_TIME = (-(2**63), 2**63)


def batch(n: int) -> Readings:
    return Readings.of([(n, START + n, float(n), 0)])


def store(folder: Path, upto: int) -> None:
    history = History.open(folder)
    for n in range(history.cursor + 1, upto + 1):
        history.append(batch(n), n)
    history.close()


def assert_holds(folder: Path, upto: int) -> None:
    history = History.open(folder)
    assert history.cursor == upto
    assert history.read(None, *ALL_TIME)["point"].to_pylist() == list(range(1, upto + 1))
    assert history.rows() == upto
    history.close()


def commit_files(folder: Path) -> list[Path]:
    return sorted((folder / "_delta_log").glob("*.json"))


# ── durable before confirmed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_append_syncs_data_before_it_commits_and_the_commit_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History.open(tmp_path / "h")
    synced: list[tuple[str, int]] = []
    really = durable.sync

    def note(path: Path) -> None:
        really(path)
        synced.append((path.relative_to(tmp_path).as_posix(), len(commit_files(tmp_path / "h"))))

    monkeypatch.setattr(durable, "sync", note)
    history.append(batch(1), 1)
    data = f"h/{history.files()[0].path}"
    assert synced == [
        (data, 1),
        ("h/day=2026-01-01", 1),
        ("h", 1),
        ("h/_delta_log/00000000000000000001.json", 2),
        ("h/_delta_log", 2),
    ]
    history.close()


@pytest.mark.parametrize("fails", range(7))
def test_an_error_at_any_sync_leaves_the_append_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    """Four syncs of the append and two of opening anew; the last round finds none left to fail."""
    history = History.open(tmp_path)
    history.append(batch(1), 1)
    calls = iter(range(10**6))
    really = os.fsync

    def sync(descriptor: int) -> None:
        if next(calls) == fails:
            raise OSError(errno.EIO, "injected")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    outcomes = [
        attempt(lambda: history.append(batch(2), 2)),
        attempt(history.reopen),
        attempt(lambda: history.append(batch(2), 2)),
    ]
    injected = outcomes.count("[Errno 5] injected")
    assert (injected, outcomes.count("done")) == (fails < 6, 3 - injected)
    history.close()
    monkeypatch.setattr(os, "fsync", really)
    assert_holds(tmp_path, 2)


def attempt(step: Callable[[], object]) -> str:
    try:
        step()
    except StoreError as error:
        return error.facts["why"]
    return "done"


# ── mending ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("torn", [b"", b'{"commitInfo":{"timesta', b"\0" * 400], ids=["empty", "half", "zeros"])
def test_a_torn_last_commit_was_never_confirmed(tmp_path: Path, torn: bytes) -> None:
    store(tmp_path, 3)
    commit_files(tmp_path)[-1].write_bytes(torn)
    history = History.open(tmp_path)
    assert history.cursor == 2
    history.append(batch(3), 3)
    history.close()
    assert_holds(tmp_path, 3)


def test_a_commit_that_lost_only_its_end_is_torn_too(tmp_path: Path) -> None:
    """The position is the last line: without it the frames would be appended again beside the file that holds them."""
    store(tmp_path, 2)
    last = commit_files(tmp_path)[-1]
    lines = last.read_bytes().splitlines(keepends=True)
    last.write_bytes(b"".join(lines[:-1]))
    store(tmp_path, 2)
    assert_holds(tmp_path, 2)


@pytest.mark.parametrize("torn", [b"", b'{"commitInfo":{"timesta', b"\0" * 400], ids=["empty", "half", "zeros"])
def test_the_position_is_known_without_opening_the_table(tmp_path: Path, torn: bytes) -> None:
    assert position_on_disk(tmp_path, "") == 0
    store(tmp_path, 3)
    history = History.open(tmp_path)
    history.optimize_day(history.days()[0])  # a commit that moves nothing
    history.close()
    assert (position_on_disk(tmp_path, ""), position_on_disk(tmp_path, "another")) == (3, 0)
    commit_files(tmp_path)[-1].write_bytes(torn)
    commit_files(tmp_path)[-2].write_bytes(torn)
    assert position_on_disk(tmp_path, "") == 2


def test_a_table_whose_creation_was_torn_is_created_again(tmp_path: Path) -> None:
    store(tmp_path, 0)
    created = commit_files(tmp_path)[0]
    created.write_bytes(created.read_bytes()[:300])
    store(tmp_path, 1)
    assert_holds(tmp_path, 1)


def test_files_of_a_commit_that_never_was_are_swept(tmp_path: Path) -> None:
    store(tmp_path, 3)
    orphan = next(tmp_path.glob("day=*/*.parquet")).with_name("000000000004-killed-00000000.parquet")
    orphan.write_bytes(b"half a fi")
    store(tmp_path, 4)
    assert_holds(tmp_path, 4)
    assert not orphan.exists()


def test_a_file_that_is_being_committed_is_not_swept(tmp_path: Path) -> None:
    store(tmp_path, 1)
    young = next(tmp_path.glob("day=*/*.parquet")).with_name("000000000002-young-00000000.parquet")
    young.write_bytes(b"written after the last commit")
    history = History.open(tmp_path)
    assert young.exists()
    history.close()


@pytest.fixture
def checkpointed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(history_table, "CHECKPOINT_EVERY", 5)
    store(tmp_path, 12)
    return tmp_path


def checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "_delta_log").glob("*.checkpoint.parquet"))


def test_checkpoints_are_made(checkpointed: Path) -> None:
    assert [c.name[:20].lstrip("0") for c in checkpoints(checkpointed)] == ["5", "10"]
    assert_holds(checkpointed, 12)


@pytest.mark.parametrize("keep", [0, 100], ids=["empty", "half"])
def test_a_torn_checkpoint_is_done_without(checkpointed: Path, keep: int) -> None:
    last = checkpoints(checkpointed)[-1]
    last.write_bytes(last.read_bytes()[:keep])
    assert_holds(checkpointed, 12)
    assert not last.exists()


def test_a_hint_to_a_checkpoint_that_is_not_there_is_dropped(checkpointed: Path) -> None:
    checkpoints(checkpointed)[-1].unlink()
    assert_holds(checkpointed, 12)


def test_a_torn_hint_is_dropped(checkpointed: Path) -> None:
    (checkpointed / "_delta_log" / "_last_checkpoint").write_bytes(b'{"vers')
    assert_holds(checkpointed, 12)


def test_commits_before_a_checkpoint_may_be_gone(checkpointed: Path) -> None:
    for commit in commit_files(checkpointed)[:10]:
        commit.unlink()
    assert_holds(checkpointed, 12)


def test_a_damaged_checkpoint_without_its_commits_is_said_and_left(checkpointed: Path) -> None:
    for commit in commit_files(checkpointed)[:11]:
        commit.unlink()
    checkpoints(checkpointed)[0].unlink()
    last = checkpoints(checkpointed)[-1]
    last.write_bytes(last.read_bytes()[:100])
    with pytest.raises(Corrupt, match=last.name):
        History.open(checkpointed)
    assert last.exists()


def test_a_reader_whose_next_commits_are_gone_starts_from_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_table, "CHECKPOINT_EVERY", 5)
    store(tmp_path, 2)
    reader = HistoryReader.open(tmp_path)
    store(tmp_path, 12)
    for commit in commit_files(tmp_path)[:10]:
        commit.unlink()
    assert reader.read(None, *ALL_TIME)["point"].to_pylist() == list(range(1, 13))
    assert reader.position("") == 12


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="file/history"):
        History.open(tmp_path / "file" / "history")

"""Snapshots: whole or not used, the last two kept, damage found wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_leading import lead, tell
from engine_stories import make_story
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.model.errors import Corrupt, StoreError
from anlan.monitor.engine import Engine
from anlan.monitor.snapshot import Snapshot, Snapshots


def an_engine(length: int = 40) -> Engine:
    _, engine = lead(tell(make_story(7, length)).parts)
    return engine


WHOLE = an_engine().snapshot()


def test_a_snapshot_holds_the_whole_state() -> None:
    engine = an_engine()
    again = Engine.restore(engine.snapshot())
    assert again.snapshot() == engine.snapshot()
    assert (again.frame, again.next_n, again.config_version) == (engine.frame, engine.next_n, engine.config_version)
    assert again.answers == engine.answers
    assert again.standing() == engine.standing()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_one_changed_byte_anywhere_is_found(data: st.DataObject) -> None:
    whole = WHOLE
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Corrupt):
        Engine.restore(bytes(changed))


@pytest.mark.parametrize("part", [0.0, 0.0001, 0.01, 0.1, 0.5, 0.999])
def test_a_cut_snapshot_is_found(part: float) -> None:
    whole = an_engine().snapshot()
    with pytest.raises(Corrupt):
        Engine.restore(whole[: int(part * len(whole))])


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    for length in (10, 20, 30):
        snapshots.write(Snapshot.take(an_engine(length)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["snapshot-000000000002.bin", "snapshot-000000000003.bin"]
    newest = snapshots.newest()
    assert newest is not None
    assert newest.frame == 30


def test_a_damaged_newest_falls_back_to_the_one_before_and_says_so(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    snapshots.write(Snapshot.take(an_engine(10)))
    path = snapshots.write(Snapshot.take(an_engine(20)))
    path.write_bytes(path.read_bytes()[:-1])
    newest = snapshots.newest()
    assert newest is not None
    assert newest.frame == 10
    assert snapshots.passed_over[0].startswith("snapshot-000000000002.bin: snapshot: ")


def test_what_a_crash_left_half_written_is_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "snapshot-000000000001.new").write_bytes(b"half")
    assert Snapshots(tmp_path).newest() is None
    assert Snapshots(tmp_path / "nowhere").newest() is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file"):
        Snapshots(tmp_path / "file").write(Snapshot.take(an_engine(5)))

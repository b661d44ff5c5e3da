"""Rejected messages are kept, durably and within bounds."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from anlan.model.errors import StoreError
from anlan.sense.mqtt import dead_letters
from anlan.sense.mqtt.dead_letters import DeadLetters, Reject


def reject(n: int) -> Reject:
    return Reject(n, "plant/x", "not JSON", "\\xff")


def test_rejects_are_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects" / "a.jsonl"
    letters = DeadLetters(path)
    letters.record([reject(1), reject(2)])
    letters.record([reject(3)])
    assert [orjson.loads(line)["time"] for line in path.read_bytes().splitlines()] == [1, 2, 3]
    assert [r.time for r in letters.recent] == [1, 2, 3]


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MOST", 200)
    letters = DeadLetters(tmp_path / "a.jsonl")
    for n in range(100):
        letters.record([reject(n)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.1"]
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 1000
    assert orjson.loads((tmp_path / "a.jsonl").read_bytes().splitlines()[-1])["time"] == 99


def test_a_disk_that_will_not_take_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        DeadLetters(tmp_path / "file" / "a.jsonl").record([reject(1)])


def test_without_a_file_they_are_kept_in_memory() -> None:
    letters = DeadLetters(None)
    letters.record([reject(n) for n in range(500)])
    assert len(letters.recent) == 200

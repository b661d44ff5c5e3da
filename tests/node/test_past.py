"""The history opens behind core's back: late, again and again until it can, and its absence lets go of nothing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.frames import Part
from anlan.model.readings import Readings
from anlan.node import past as module
from anlan.node.past import Past
from anlan.store.history import History
from anlan.store.log import Log

CLOCK = SystemClock()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log.open(tmp_path / "log", CLOCK)
    log.append([Part.of_readings(1, 1, 0, CLOCK.now(), Readings.of([(1, CLOCK.now(), 1.5, 0)]))])
    yield log
    log.close()


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_takes_what_the_log_holds_and_commits_it_at_the_end(tmp_path: Path, log: Log) -> None:
    past = Past(tmp_path / "history", log, CLOCK)
    assert past.cursor is None
    assert past.needs == 0  # nothing may go from the log yet
    past.start()
    until(lambda: past._writer is not None and past._writer.taken == log.last)
    past.close()
    assert past.cursor == log.last
    assert past.needs == log.last + 1
    assert past.fault is None
    history = History.open(tmp_path / "history", incarnation=log.incarnation)
    assert (history.rows(), history.cursor) == (1, log.last)
    history.close()


def test_is_tried_again_until_it_opens(tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AFTER", 0.0)
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    (tmp_path / "history").write_text("in the way")
    past = Past(tmp_path / "history", log, CLOCK)
    past.start()
    until(lambda: past.fault)
    assert past.needs == 0
    assert past.cursor is None
    (tmp_path / "history").unlink()
    until(lambda: past.cursor is not None)
    assert past.fault is None
    past.close()


def test_ends_at_once_before_it_was_opened(tmp_path: Path, log: Log) -> None:
    past = Past(tmp_path / "history", log, CLOCK)
    past.start()
    past.close()
    assert past.cursor is None
    assert not (tmp_path / "history").exists()

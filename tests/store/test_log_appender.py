"""Group commit: many sources, few frames, every part answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import LogFull, StoreError
from anlan.model.frames import Frame, Kind, Part
from anlan.store.appender import FRAME_ROWS, Appender
from anlan.store.log import Log, LogSettings
from faults._ledger import make_part, make_tick

SETTINGS = LogSettings(reserve_bytes=1 << 16, background=False)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log.open(tmp_path, SystemClock(), SETTINGS)
    yield log
    log.close()


class Held:
    """An on_frame that lets nobody pass until told, so that parts pile up behind the first frame."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.reached.set()
        self.open.wait(30)

    @classmethod
    def behind(cls, appender: Appender, held: Held) -> None:
        appender.submit(make_tick(0))
        held.reached.wait(30)


def test_a_part_is_answered_with_its_position(log: Log) -> None:
    appender = Appender.start(log)
    answers = [appender.submit(make_part(1, 5, i * 10, 10)).result(30) for i in range(5)]
    appender.close()
    assert answers == sorted(answers)
    assert log.read(answers[3] - 1)[0].parts[-1] == make_part(1, 5, 30, 10)


def test_parts_that_wait_together_become_one_frame(log: Log) -> None:
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    futures = [appender.submit(make_part(source, 5, 0, 100)) for source in range(1, 11)]
    held.open.set()
    assert [future.result(30) for future in futures] == [2] * 10
    assert held.frames[1].rows == 1000
    appender.close()


def test_a_frame_takes_no_more_than_its_readings(log: Log) -> None:
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    futures = [appender.submit(make_part(source, 5, 0, 4000)) for source in (1, 2, 3)]
    futures.append(appender.submit(make_part(4, 5, 0, 3 * FRAME_ROWS)))
    held.open.set()
    assert [future.result(30) for future in futures] == [2, 2, 3, 4]
    appender.close()


def test_every_frame_is_told_in_order_before_it_is_answered(log: Log) -> None:
    told: list[int] = []
    appender = Appender.start(log, lambda frame: told.append(frame.n))
    for i in range(50):
        position = appender.submit(make_part(1, 5, i, 1)).result(30)
        assert told[-1] == position
    appender.close()
    assert told == list(range(1, 51))


def test_known_rows_are_answered_but_not_kept_again(log: Log) -> None:
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    futures = [appender.submit(make_part(1, 5, first, 10)) for first in (0, 5, 0)]
    held.open.set()
    assert [future.result(30) for future in futures] == [2, 2, 2]
    assert appender.submit(make_part(1, 5, 3, 7)).result(30) == 2
    appender.close()
    assert held.frames[1].rows == 15
    assert appender.duplicate_rows == 22


def test_a_full_log_refuses_readings_and_writes_the_ticks_of_the_same_frame(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), LogSettings(max_bytes=1, reserve_bytes=1 << 20, background=False))
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    readings, tick = appender.submit(make_part(1, 5, 0, 10)), appender.submit(make_tick(1))
    held.open.set()
    assert tick.result(30) == 2
    assert isinstance(readings.exception(30), LogFull)
    assert held.frames[1].parts == (make_tick(1),)
    appender.close()
    log.close()


def test_a_listener_that_fails_stops_nobody(log: Log) -> None:
    def fail(frame: Frame) -> None:
        raise RuntimeError("listener")

    appender = Appender.start(log, fail)
    assert [appender.submit(make_tick(i)).result(30) for i in range(3)] == [1, 2, 3]
    appender.close()


def test_closing_writes_what_waits_and_refuses_what_comes(log: Log) -> None:
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    waiting = [appender.submit(make_part(1, 5, i * 10, 10)) for i in range(5)]
    held.open.set()
    appender.close()
    assert [future.result(0) for future in waiting] == [2] * 5
    assert isinstance(appender.submit(make_tick(9)).exception(0), StoreError)


def test_too_much_waiting_is_refused(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.store.appender.PENDING_BYTES", 1000)
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    first, second = appender.submit(Part(Kind.COMMAND, 0, 0, 0, 0, 0, b"x" * 2000)), appender.submit(make_tick(1))
    held.open.set()
    assert isinstance(second.exception(30), LogFull)
    assert first.result(30) == 2
    appender.close()


def test_a_closed_log_is_told_to_every_waiting_part(log: Log) -> None:
    appender = Appender.start(log)
    log.close()
    assert isinstance(appender.submit(make_tick(1)).exception(30), StoreError)
    appender.close()


def test_who_gave_up_waiting_stops_nobody(log: Log) -> None:
    held = Held()
    appender = Appender.start(log, held)
    Held.behind(appender, held)
    given_up, waits = appender.submit(make_part(1, 5, 0, 10)), appender.submit(make_part(2, 5, 0, 10))
    given_up.cancel()
    held.open.set()
    assert waits.result(30) > 1
    under_way = appender.submit(make_part(1, 5, 10, 10))
    under_way.cancel()
    assert appender.submit(make_part(2, 5, 10, 10)).result(30) > 1
    appender.close()

"""What core does with parts: once only, in order, and nothing of a refused part is taken for known."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.clock import SystemClock
from anlan.model.errors import InputError, LogFull, Unavailable
from anlan.model.frames import Kind, Part
from anlan.model.readings import Readings
from anlan.node.intake import Intake, _fingerprints, readings_part
from anlan.store.appender import Appender
from anlan.store.log import Log

EPOCH = 1_000


@dataclass
class Desk:
    folder: Path

    def open(self) -> "Desk":
        clock = SystemClock()
        self.log = Log.open(self.folder, clock)
        self.appender = Appender.start(self.log)
        self.intake = Intake(self.log, self.appender, clock)
        return self

    def close(self) -> None:
        self.appender.close()
        self.log.close()

    def rows(self) -> list[tuple[int, int, float]]:
        """(source, time, value) of everything in the log, in order."""
        parts = [p for f in self.log.read(0, 10_000) for p in f.parts if p.kind is Kind.READINGS]
        return [
            (p.source, t, v) for p in parts for t, v in zip(p.readings().time.tolist(), p.readings().value.tolist(), strict=True)
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "log").open()
    yield desk
    desk.close()


def part(first: int, times: list[int], *, source: int = 1, epoch: int = EPOCH) -> Part:
    readings = Readings.of([(7, t, float(t), 0) for t in times])
    return Part.of_readings(source, epoch, first, SystemClock().now(), readings)


async def test_a_part_sent_again_with_its_numbers_is_acknowledged_and_not_stored_twice(desk: Desk) -> None:
    assert await desk.intake.accept(part(0, [1, 2, 3]), redelivered=False) > 0
    assert await desk.intake.accept(part(0, [1, 2, 3]), redelivered=False) == 0
    await desk.intake.accept(part(2, [3, 4]), redelivered=False)
    assert [t for _, t, _ in desk.rows()] == [1, 2, 3, 4]
    assert desk.intake.duplicates[1] == 4


async def test_redelivered_readings_are_recognised_by_point_time_and_value_also_after_a_restart(desk: Desk) -> None:
    await desk.intake.accept(part(0, [1, 2, 3]), redelivered=False)
    desk.close()
    desk.open()
    later = EPOCH + 1
    assert await desk.intake.accept(part(0, [2, 3], epoch=later), redelivered=True) == 0
    await desk.intake.accept(part(2, [3, 4, 5], epoch=later), redelivered=True)
    await desk.intake.accept(part(5, [5, 6], epoch=later), redelivered=True)
    assert [t for _, t, _ in desk.rows()] == [1, 2, 3, 4, 5, 6]


async def test_without_the_mark_equal_readings_are_two_readings(desk: Desk) -> None:
    await desk.intake.accept(part(0, [1]), redelivered=False)
    await desk.intake.accept(part(1, [1]), redelivered=False)
    assert [t for _, t, _ in desk.rows()] == [1, 1]


async def test_after_a_refusal_nothing_later_is_taken_before_the_refused_part(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Log.append_fresh

    def full(self: Log, parts: list[Part]) -> None:
        raise LogFull("no room")

    monkeypatch.setattr(Log, "append_fresh", full)
    with pytest.raises(LogFull):
        await desk.intake.accept(part(0, [1]), redelivered=False)
    monkeypatch.setattr(Log, "append_fresh", refused)
    with pytest.raises(Unavailable, match="0 was refused and has to come again before 1"):
        await desk.intake.accept(part(1, [2]), redelivered=False)
    await desk.intake.accept(part(0, [1]), redelivered=False)
    await desk.intake.accept(part(1, [2]), redelivered=False)
    assert [t for _, t, _ in desk.rows()] == [1, 2]


async def test_many_sources_at_once_lose_nothing_and_keep_each_order(desk: Desk) -> None:
    parts = [part(n * 2, [n * 10 + s, n * 10 + s + 5], source=s) for n in range(20) for s in (1, 2, 3)]
    await asyncio.gather(*(desk.intake.accept(p, redelivered=False) for p in parts))
    rows = desk.rows()
    assert len(rows) == 120
    for source in (1, 2, 3):
        assert [t for s, t, _ in rows if s == source] == [
            t for p in parts if p.source == source for t in p.readings().time.tolist()
        ]


def test_a_body_that_does_not_match_its_head_is_refused() -> None:
    with pytest.raises(InputError, match="a part of 3 readings was announced"):
        readings_part(1, EPOCH, 0, 0, 3, Readings.of([(1, 1, 1.0, 0)]).to_bytes())


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**62), st.floats(allow_nan=False)),
        unique=True,
        min_size=2,
        max_size=50,
    )
)
def test_different_readings_have_different_fingerprints(rows: list[tuple[int, int, float]]) -> None:
    prints = _fingerprints(Readings.of([(p, t, v, 0) for p, t, v in rows]))
    same = {(p, t, np.float64(v).tobytes()) for p, t, v in rows}
    assert len(np.unique(prints)) == len(same)

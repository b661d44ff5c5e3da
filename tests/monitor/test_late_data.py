"""Late readings by hand: what they add to the record, what they correct, and what they never move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from late_node import SECOND, START, LateNode

from anlan.model.events.alarms import ADDED, AlarmKind, AlarmState, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Reason, Severity, quality
from anlan.monitor.commands import Command
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.layout import PointFlag
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.program import Instruction, Op, Program, cells_of

BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)
ALARM = 10


def micros(seconds: float) -> int:
    return START + round(seconds * SECOND)


def seconds(instant: int | None) -> float | None:
    return None if instant is None else (instant - START) / SECOND


def plant(*rules: dict[str, Any], on_change: bool = False, late_window: int = 600, programs: Any = ()) -> EngineConfig:
    """Points 1 and 2 of source 1, and what is calculated from them; rules of HIGH 80 on point 1 unless said otherwise."""
    usual = {"number": ALARM, "kind": AlarmKind.HIGH, "target": 1, "limit": 80.0}
    told = [{**usual, **rule} for rule in rules or ({},)]
    names = dict.fromkeys(name for rule in told for name in rule)
    defaults = {
        "dead_band": 0.0,
        "on_delay": 0,
        "off_delay": 0,
        "latching": False,
        "states": [],
        "limit": float("nan"),
        "priority": 3,
    }
    numbers = [1, 2, *(n for n, _ in programs)]
    return EngineConfig.from_columns(
        1,
        {"number": [1]},
        {
            "number": numbers,
            "source": [1, 1, *([0] * len(programs))],
            "on_change": [on_change] * len(numbers),
            "deadline": [0 if on_change else 3_000] * len(numbers),
        },
        {name: [rule.get(name, defaults.get(name)) for rule in told] for name in names},
        programs=programs,
        late_window=late_window * 1000,
    )


class Feed(LateNode):
    """Seconds instead of µs. `read_at(5, 81)`: a reading of point 1 stamped 5 s, arriving now or at its own time, whichever is later."""

    def read_at(self, at: float, value: float, q: int = 0, *, point: int = 1) -> None:
        self.until(micros(at) - 1)
        self.at = max(self.at, micros(at))
        self.read((point, micros(at), value, q))

    def wait(self, at: float) -> None:
        self.until(micros(at))

    def told(self) -> list[tuple[str, int, float]]:
        """Corrections: (trigger, episode or 0 for added ones, seconds)."""
        return [
            (t.trigger.name, t.episode if t.episode < ADDED else 0, (t.happened_at - START) / SECOND)
            for t in self.journal
            if t.trigger in {Trigger.LATE_DATA, Trigger.LATE_END}
        ]


def readings(node: Feed, *values: float, start: float = 1) -> None:
    """One a second."""
    for i, value in enumerate(values):
        node.read_at(start + i, value)


def test_an_episode_that_nobody_knew_of_is_added_and_nothing_sounds() -> None:
    node = Feed(plant())
    readings(node, 50, 50, 50, 50, 50)
    node.read_at(2.5, 85)
    assert node.engine.standing() == {}
    assert node.waits
    node.correct()
    assert node.engine.state_of(ALARM) is AlarmState.NORMAL
    assert node.told() == [("LATE_DATA", 0, 2.5), ("LATE_END", 0, 3)]
    first, last = node.journal
    assert (first.value, first.limit, last.value) == (85, 80, 50)
    assert first.before is first.after is last.after is AlarmState.NORMAL
    assert first.episode == last.episode == ADDED + first.n
    assert node.waits  # until nothing remembers the late reading any more
    node.wait(20)
    node.correct()
    assert len(node.told()) == 2
    assert not node.waits


def test_the_example_of_the_documentation() -> None:
    """The table of docs/late-data.md, row by row; 08:00:00 is 0."""
    page = (Path(__file__).parents[2] / "docs" / "late-data.md").read_text(encoding="utf-8")
    node = Feed(plant())
    for at, value in ((1, 50), (3, 85), (4, 85), (5, 50), (6, 50), (7, 50), (8, 50), (9, 50)):
        node.read_at(at, value)
    node.read_at(2, 83)
    node.read_at(6.5, 90)
    node.wait(11)
    node.correct()
    for t in node.journal:
        cells = (t.n, clock(t.noticed_at), clock(t.happened_at), t.trigger.name, t.episode, f"{t.before.name} → {t.after.name}", f"{t.value:g}", f"{t.limit:g}")  # fmt: skip
        assert f"| {' | '.join(map(str, cells))} |" in page
    assert len(node.journal) == 5
    assert node.engine.state_of(ALARM) is AlarmState.RETURNED_UNACKNOWLEDGED


def clock(instant: int) -> str:
    return f"08:00:{(instant - START) // SECOND:02}" + (f".{(instant - START) % SECOND // 100_000}" if instant % SECOND else "")


def test_an_announced_episode_that_began_earlier_is_corrected() -> None:
    node = Feed(plant())
    readings(node, 50, 50, 85, 85, 50)
    node.read_at(2.2, 90)
    node.correct()
    assert node.told() == [("LATE_DATA", 1, 2.2)]
    assert node.record()[ALARM, 1] == (ALARM, micros(2.2), micros(5))
    assert node.announced()[ALARM, 1] == (ALARM, micros(3), micros(5))


def test_what_was_announced_wrongly_stays() -> None:
    """On-delay 2 s: three readings over the limit announced it; a late one between them shows that it never lasted."""
    node = Feed(plant({"on_delay": 2000}))
    readings(node, 50, 85, 85, 85, 50)
    assert node.announced() == {(ALARM, 1): (ALARM, micros(4), micros(5))}
    node.read_at(3.5, 50)
    node.correct()
    node.wait(20)
    node.correct()
    assert node.told() == []
    assert node.record() == node.announced()
    assert not node.waits


def test_one_announced_episode_that_was_two() -> None:
    """Off at 3.5, on again at 4: the announced one ended earlier, and the second is added."""
    node = Feed(plant())
    readings(node, 50, 85, 85, 85, 50)
    node.read_at(3.5, 50)
    node.correct()
    assert node.told() == [("LATE_END", 1, 3.5), ("LATE_DATA", 0, 4), ("LATE_END", 0, 5)]


def test_delays_run_on_data_time() -> None:
    """HIGH 80 with 3 s: 85 at 2, late at 2.5 back to 50, late at 3 85 again: on from 3, told at 6 and not at 5."""
    node = Feed(plant({"on_delay": 3000}))
    readings(node, 50, 85, 85, 85, 85, 85, 85, 50)
    assert node.announced()[ALARM, 1] == (ALARM, micros(5), micros(8))
    node.read_at(2.5, 50)
    node.wait(20)
    node.correct()
    assert node.record()[ALARM, 1] == (ALARM, micros(6), micros(8))


def test_the_dead_band_is_remembered_from_before_the_late_reading() -> None:
    """On since 2; 78 keeps it on within a dead-band of 5. A late 70 at 4.5 ended it; the next 78 does not bring it back."""
    node = Feed(plant({"dead_band": 5.0}))
    readings(node, 50, 85, 78, 78, 78, 78, 50)
    assert node.announced()[ALARM, 1] == (ALARM, micros(2), micros(7))
    node.read_at(4.5, 70)
    node.correct()
    assert node.told() == [("LATE_END", 1, 4.5)]


def test_how_the_alarm_stood_long_before_is_taken_from_the_journal() -> None:
    """On at 2, and for two minutes nothing but 78, which says neither on nor off: more than any delay looks back."""
    node = Feed(plant({"dead_band": 5.0}))
    readings(node, 50, 85, *([78] * 118), 50)
    node.read_at(100.5, 70)
    node.correct()
    assert node.told() == [("LATE_END", 1, 100.5)]


def test_while_the_announced_one_stands_its_end_is_not_told() -> None:
    node = Feed(plant({"dead_band": 5.0}))
    readings(node, 50, 85, 78, 78, 78)
    node.read_at(4.5, 70)
    assert node.correct() is None
    assert node.engine.state_of(ALARM) is AlarmState.UNACKNOWLEDGED
    node.read_at(20, 50)
    node.correct()
    assert node.told() == [("LATE_END", 1, 4.5)]


def test_an_off_delay_that_still_runs_is_waited_for() -> None:
    """Announced off at 14 by 50 since 4; a late 85 at 5.5 makes it 16: told once that is past, not before."""
    node = Feed(plant({"off_delay": 10_000}))
    readings(node, 50, 85, 85, 50, 50, 50, 50)
    node.read_at(5.5, 85)
    node.correct()
    assert node.waits
    readings(node, *([50] * 13), start=8)
    node.wait(40)
    node.correct()
    assert node.announced()[ALARM, 1] == (ALARM, micros(2), micros(14))
    assert node.record()[ALARM, 1] == (ALARM, micros(2), micros(16))
    assert not node.waits


def test_older_than_the_window_is_history_only() -> None:
    node = Feed(plant(late_window=60))
    readings(node, 50, 50, 50)
    node.read_at(100, 50)
    node.read_at(2.5, 85)
    assert not node.waits
    assert int(node.engine.ledger[0, 3]) == 1
    node.read_at(41, 85)
    assert node.waits


def test_on_change_a_late_reading_holds_until_the_next() -> None:
    node = Feed(plant({"on_delay": 5000}, on_change=True))
    node.read_at(1, 50)
    node.read_at(60, 51)
    node.read_at(20, 85)
    node.wait(80)
    node.correct()
    assert node.told() == [("LATE_DATA", 0, 25), ("LATE_END", 0, 60)]


def test_a_source_that_hands_in_what_it_measured_while_away_was_there() -> None:
    node = Feed(plant({"on_delay": 5000}, on_change=True))
    node.read_at(1, 50)
    node.wait(9)
    node.until(micros(10), {1: "down"})
    node.wait(49)
    node.until(micros(50), {1: "up"})
    node.read_at(51, 52)
    node.read_at(20, 85)
    node.read_at(40, 50)
    node.wait(70)
    node.correct()
    assert node.told() == [("LATE_DATA", 0, 25), ("LATE_END", 0, 40)]


def test_out_of_view_nothing_is_known_to_last() -> None:
    """Down from 10 on, and nothing says what came between the late 85 at 8 and the reading at 51."""
    node = Feed(plant({"on_delay": 5000}, on_change=True))
    node.read_at(1, 50)
    node.read_at(9, 50)
    node.until(micros(10), {1: "down"})
    node.wait(49)
    node.until(micros(50), {1: "up"})
    node.read_at(51, 50)
    node.read_at(9.5, 85)
    node.wait(70)
    node.correct()
    assert node.told() == []
    assert not node.waits


def test_states_and_quality_are_corrected_too() -> None:
    node = Feed(
        plant(
            {"kind": AlarmKind.STATE, "states": [2], "limit": float("nan")},
            {"number": 11, "kind": AlarmKind.BAD_QUALITY, "limit": float("nan")},
        )
    )
    readings(node, 1, 1, 1, 1, 1)
    node.read_at(2.5, 2)
    node.read_at(3.5, 1, BAD)
    node.correct()
    assert sorted((t.alarm, t.trigger.name, seconds(t.happened_at)) for t in node.journal) == [
        (ALARM, "LATE_DATA", 2.5),
        (ALARM, "LATE_END", 3),
        (11, "LATE_DATA", 3.5),
        (11, "LATE_END", 4),
    ]


def test_silence_was_silence() -> None:
    """Absence runs on the node's clock (DOMAIN.md 1): what is handed in later takes no alarm of silence back and adds none."""
    node = Feed(plant({"kind": AlarmKind.STALE, "limit": float("nan")}))
    node.read_at(1, 50)
    node.wait(20)
    node.read_at(21, 50)
    for late in range(2, 20):
        node.read_at(late, 50)
    node.correct()
    assert node.told() == []
    assert len(node.announced()) == 1


def calculated(*code: Instruction) -> Program:
    steps: list[Instruction] = []
    cells = 0
    for step in code:
        steps.append(step._replace(a=cells) if cells_of(step.op) else step)
        cells += cells_of(step.op)
    points = tuple(dict.fromkeys(s.a for s in steps if s.op is Op.POINT))
    return Program(tuple(steps), points, cells, any(s.op >= Op.AVG for s in steps), 8)


def test_a_calculated_point_is_calculated_again() -> None:
    """Sum of two points, HIGH 150: a late 90 of the first beside 70 of the second."""
    total = calculated(Instruction(Op.POINT, 1), Instruction(Op.POINT, 2), Instruction(Op.ADD))
    node = Feed(plant({"target": 4, "limit": 150.0}, programs=[(4, total)]))
    for at in range(1, 7):
        node.read_at(at, 50)
        node.read_at(at, 70, point=2)
    node.read_at(3.5, 90)
    node.correct()
    assert node.told() == [("LATE_DATA", 0, 3.5), ("LATE_END", 0, 4)]


def test_a_window_looks_back_beyond_the_late_reading() -> None:
    """Change over 10 s, HIGH 30: against the 50 of ten seconds before, which lie before the late reading."""
    change = calculated(Instruction(Op.POINT, 1), Instruction(Op.DELTA, x=10e6))
    node = Feed(plant({"target": 4, "limit": 30.0}, programs=[(4, change)]))
    readings(node, *([50] * 30))
    node.read_at(25.5, 85)
    node.wait(120)
    node.correct()
    # From 25.5 to the next reading the change was 35; ten seconds later it is −35 and no HIGH.
    assert node.told() == [("LATE_DATA", 0, 25.5), ("LATE_END", 0, 26)]


def test_an_acknowledged_alarm_stays_acknowledged_and_the_journal_says_which_episode() -> None:
    node = Feed(plant())
    readings(node, 50, 85, 85)
    step = Command(kind="acknowledge", who="zhang", post="panel", at=node.at, alarm=ALARM, episode=1, priority=3, id="1")
    node.write(Kind.COMMAND, step.to_bytes())
    node.read_at(1.5, 90)
    node.correct()
    assert node.engine.state_of(ALARM) is AlarmState.ACKNOWLEDGED
    assert node.engine.episode_of(ALARM) == 1
    last = node.journal[-1]
    assert (last.trigger, last.before, last.after) == (Trigger.LATE_DATA, AlarmState.ACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
    assert (last.episode, seconds(last.happened_at)) == (1, 1.5)


def test_shelved_alarms_miss_nothing() -> None:
    node = Feed(plant())
    readings(node, 50)
    shelve = Command(
        kind="shelve",
        who="li",
        post="panel",
        at=node.at,
        alarm=ALARM,
        episode=0,
        priority=3,
        id="s",
        reason="pump test",
        until=node.at + 60 * SECOND,
    )
    assert node.write(Kind.COMMAND, shelve.to_bytes())[0].after is AlarmState.SHELVED
    readings(node, 50, 50, 50, 50, start=2)
    node.read_at(3.5, 85)
    node.wait(20)
    node.correct()
    assert node.told() == []
    assert not node.waits


def test_an_inhibited_point_is_no_evidence_for_what_came_late() -> None:
    """Neither while it is out nor for what lay before: the rule saw other readings than the history has."""
    node = Feed(plant())
    readings(node, 50, 50, 50)
    order = PointCommand(
        id="i",
        kind="inhibit",
        point=1,
        who="wang",
        post="panel",
        at=node.at,
        reason="gas line off",
        until=node.at + 3600 * SECOND,
        work_order="W-7",
    )
    node.write(Kind.COMMAND, order.to_bytes())
    assert node.engine.world.points["flags"][1] & PointFlag.INHIBITED
    readings(node, 50, 50, 50, start=4)
    node.read_at(4.5, 85)
    node.wait(30)
    node.correct()
    assert node.told() == []
    end = PointCommand(id="e", kind="end_inhibit", point=1, who="wang", post="panel", at=node.at, reason="done")
    node.write(Kind.COMMAND, end.to_bytes())
    readings(node, 50, 50, 50, start=31)
    node.read_at(4.7, 85)
    node.read_at(32.5, 85)
    node.wait(60)
    node.correct()
    assert node.told() == [("LATE_DATA", 0, 32.5), ("LATE_END", 0, 33)]
    assert not node.waits


def test_a_second_late_reading_corrects_what_the_first_added() -> None:
    node = Feed(plant())
    readings(node, 50, 50, 50, 50, 50)
    node.read_at(2.5, 85)
    node.correct()
    node.read_at(2.2, 82)
    node.correct()
    assert node.added() == [(ALARM, micros(2.2), micros(3))]
    assert len({t.episode for t in node.journal}) == 1


def test_comparing_again_finds_nothing_more() -> None:
    """A core that dies between comparing and writing, or between writing and noticing, compares again."""
    node = Feed(plant())
    readings(node, 50, 50, 50, 85, 50)
    node.read_at(2.5, 85)
    outcome = node.compare()
    assert outcome is not None
    twice = outcome.correction.to_bytes()
    node.write(Kind.CORRECTION, twice)
    told = node.told()
    assert len(told) == 2
    node.write(Kind.CORRECTION, twice)
    assert node.told() == told
    node.engine.late.note(*_once_more(node))
    assert node.compare().correction.rows == []  # type: ignore[union-attr]


def _once_more(node: Feed) -> tuple[Any, Any, int]:
    return np.array([1]), np.array([micros(2.5)]), node.engine.frame


def test_the_log_decides_again_alike_and_a_snapshot_forgets_no_late_reading() -> None:
    node = Feed(plant())
    readings(node, 50, 50, 50, 85, 50)
    node.read_at(2.5, 85)
    kept = Engine.restore(node.engine.snapshot())
    assert kept.late.as_json() == node.engine.late.as_json()
    assert len(kept.late.waiting()) == 1
    after = node.engine.frame
    node.correct()
    again = Engine()
    decided = [t for frame in node.frames for t in again.step(frame).events()]
    assert [str(t) for t in decided] == [str(t) for t in node.journal]
    rest = [t for frame in node.frames if frame.n > after for t in kept.step(frame).events()]
    assert [str(t) for t in rest] == [str(t) for t in node.journal if t.frame > after]
    assert again.snapshot() == node.engine.snapshot() == kept.snapshot()


@pytest.mark.parametrize("body", [b'{"through": 1}', b'{"through":1,"after":0,"points":[],"rows":[{"alarm":1,"trigger":1}]}'])
def test_a_correction_that_cannot_be_read_is_a_fault_and_moves_nothing(body: bytes) -> None:
    node = Feed(plant())
    found = node.engine.step(Frame(node.engine.frame + 1, (Part(Kind.CORRECTION, 0, START, 0, node.at, 1, body),)))
    assert len(found.faults) == 1
    assert "correction" in found.faults[0]
    assert not len(found)

"""No snapshot can be read and the log has forgotten how it came there: what people were told and ordered stands on, as alarms.db has it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from engine_reference_state import SECOND
from test_reader import ListLog, wait_for

from anlan.model.clock import SystemClock
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Reason, reason_of
from anlan.model.readings import Readings
from anlan.monitor.commands import Command
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.point_modes import Mode, standing_of
from anlan.monitor.reader import EngineReader

START = 1_767_225_600 * SECOND
GAS, PUMP, TANK, CELL, APPROVAL = 1, 2, 3, 4, 5
LATCHED, SHELVED, AGAIN, OFTEN, SILENT = 10, 20, 30, 31, 40
PRIORITY = {LATCHED: 3, SHELVED: 3, AGAIN: 1, OFTEN: 3, SILENT: 3}
UNTIL = 600


def config(version: int = 1, without: tuple[int, ...] = (), source_of_cell: int = 1) -> bytes:
    rules = [
        (LATCHED, AlarmKind.HIGH, GAS, 1.0, True),
        (SHELVED, AlarmKind.HIGH, PUMP, 1.0, False),
        (AGAIN, AlarmKind.HIGH, TANK, 1.0, False),
        (OFTEN, AlarmKind.LOW, TANK, -1.0, False),
        (SILENT, AlarmKind.STALE, CELL, float("nan"), False),
    ]
    kept = [rule for rule in rules if rule[0] not in without]
    made = EngineConfig.from_columns(
        version,
        {"number": [1]},
        {
            "number": [GAS, PUMP, TANK, CELL, APPROVAL],
            "source": [1, 1, 1, source_of_cell, 0],
            "on_change": [True] * 5,
            "deadline": [0] * 5,
        },
        {
            "number": [n for n, *_ in kept],
            "kind": [kind for _, kind, *_ in kept],
            "target": [target for _, _, target, *_ in kept],
            "limit": [limit for *_, limit, _ in kept],
            "latching": [latching for *_, latching in kept],
            "priority": [PRIORITY[n] for n, *_ in kept],
            "shelvable": [True] * len(kept),
        },
    )
    return made.to_bytes()


@dataclass
class Story:
    """Frames, a second apart, each one part; `at` is seconds after START."""

    frames: list[Frame] = field(default_factory=list)

    def add(self, kind: Kind, body: bytes, source: int = 0, rows: int = 1) -> None:
        n = len(self.frames) + 1
        self.frames.append(Frame(n, (Part(kind, source, START, n, START + n * SECOND, rows, body),)))

    @property
    def now(self) -> int:
        return START + (len(self.frames) + 1) * SECOND

    def tick(self) -> None:
        self.add(Kind.TICK, orjson.dumps({"now": self.now, "sources": {"1": "up"}}))

    def read(self, **values: float) -> None:
        rows = [(globals()[name.upper()], self.now, value, 0) for name, value in values.items()]
        self.add(Kind.READINGS, Readings.of(rows).to_bytes(), 1, len(rows))

    def order(self, kind: str, alarm: int, episode: int, **other: Any) -> str:
        asked = {"id": f"{kind} {len(self.frames)}", "priority": PRIORITY[alarm], "who": "zhang", "post": "panel", **other}
        self.add(Kind.COMMAND, Command(kind=kind, alarm=alarm, episode=episode, at=self.now, **asked).to_bytes())  # type: ignore[arg-type]
        return str(asked["id"])

    def point(self, kind: str, point: int, **other: Any) -> str:
        asked = {"id": f"{kind} {len(self.frames)}", "who": "zhang", "post": "panel", "reason": "exchange", "work_order": "WO-7"}
        self.add(Kind.COMMAND, PointCommand(kind=kind, point=point, at=self.now, **(asked | other)).to_bytes())  # type: ignore[arg-type]
        return asked["id"]


def told() -> Story:
    """At its end: one latched and acknowledged, one shelved, one unacknowledged in its second activation, one normal after its first;
    a cell is inhibited, a bypass approved."""
    story = Story()
    story.add(Kind.CONFIG, config())
    story.tick()
    story.read(gas=0.0, pump=0.0, tank=0.0, cell=1.0)
    story.read(gas=5.0, pump=5.0, tank=5.0)
    story.order("acknowledge", LATCHED, 1)
    story.order("acknowledge", AGAIN, 1)
    story.read(gas=0.0, tank=-5.0)
    story.order("acknowledge", OFTEN, 1)
    story.read(tank=5.0)
    story.order("shelve", SHELVED, 1, reason="nuisance", until=START + UNTIL * SECOND)
    story.point("inhibit", CELL, until=START + 60 * SECOND)
    story.point("inhibit", CELL, until=START + UNTIL * SECOND)
    story.point("approve_bypass", APPROVAL, until=START + UNTIL * SECOND, approver="wang")
    story.tick()
    return story


WANTED = {
    LATCHED: (AlarmState.LATCHED_ACKNOWLEDGED, 1),
    SHELVED: (AlarmState.SHELVED, 1),
    AGAIN: (AlarmState.UNACKNOWLEDGED, 2),
    OFTEN: (AlarmState.NORMAL, 1),
    SILENT: (AlarmState.SUPPRESSED, 0),
}


def run(
    folder: Path, frames: list[Frame], file: Path | None = None, incarnation: str = "list"
) -> tuple[EngineReader, list[AlarmTransition]]:
    heard: list[AlarmTransition] = []
    log = ListLog(frames)
    log.incarnation = incarnation
    reader = EngineReader(log, folder / "alarms.db", folder / "snapshots", SystemClock(), heard.extend, file)
    reader.start()
    wait_for(lambda: reader.done == log.last)
    reader.close()
    return reader, heard


def states(engine: Engine) -> dict[int, tuple[AlarmState, int]]:
    return {alarm: (engine.state_of(alarm), engine.episode_of(alarm)) for alarm in WANTED}


def lose(folder: Path) -> None:
    shutil.rmtree(folder / "snapshots")


def spoil(folder: Path) -> None:
    for path in (folder / "snapshots").iterdir():
        path.write_bytes(b"ANLAN-S2" + path.read_bytes()[8:])


def answer(folder: Path, command: str) -> tuple[bool, str]:
    journal = JournalReader.open(folder / "alarms.db")
    row = next(journal._db.execute("SELECT accepted, why FROM command WHERE id = ?", (command,)))
    journal.close()
    return bool(row[0]), str(row[1])


def journal_agrees(folder: Path, engine: Engine) -> None:
    """What readers of the journal show is what the engine has."""
    journal = JournalReader.open(folder / "alarms.db")
    assert {t.alarm: t.after for t in journal.standing()} == engine.standing()
    assert set(standing_of(journal.last_steps())) == set(engine.modes.standing)
    assert engine.next_n == journal.last + 1
    assert engine.modes.next_n == journal.last_step + 1
    journal.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "engine-config"
    path.write_bytes(config())
    return path


@pytest.mark.parametrize("broken", [lose, spoil])
@pytest.mark.parametrize("first", [15, 11, 8, 5])
def test_states_activations_shelvings_and_modes_are_as_the_journal_has_them(
    tmp_path: Path, file: Path, first: int, broken: Callable[[Path], None]
) -> None:
    """Whether the log that is left begins behind what was decided, or in its midst."""
    story = told()
    before, _ = run(tmp_path, story.frames)
    assert states(before._engine) == WANTED
    broken(tmp_path)
    story.tick()
    after, heard = run(tmp_path, story.frames[first - 1 :], file)
    engine = after._engine
    assert states(engine) == WANTED
    assert heard == []
    assert {k: (m.until, m.who, m.reason, m.work_order, m.approver) for k, m in engine.modes.standing.items()} == {
        (CELL, Mode.INHIBITED): (START + UNTIL * SECOND, "zhang", "exchange", "WO-7", ""),
        (APPROVAL, Mode.APPROVED): (START + UNTIL * SECOND, "zhang", "exchange", "WO-7", "wang"),
    }
    begun = next(f.parts[0].received_at for f in story.frames if b'"inhibit"' in f.parts[0].body)
    assert engine.modes.standing[CELL, Mode.INHIBITED].since == begun
    assert engine.live([APPROVAL]).value[0] == 1
    assert after.fault is not None
    assert "modes of points stand as alarms.db has them" in after.fault
    assert "differently" not in after.fault
    journal_agrees(tmp_path, engine)


def go_on(tmp_path: Path, file: Path | None) -> Story:
    story = told()
    run(tmp_path, story.frames)
    lose(tmp_path)
    story.tick()
    return story


def test_people_can_end_what_stands(tmp_path: Path, file: Path) -> None:
    story = go_on(tmp_path, file)
    done = [
        story.order("reset", LATCHED, 1),
        story.order("acknowledge", AGAIN, 2),
        story.order("unshelve", SHELVED, 1),
        story.point("end_inhibit", CELL),
        story.point("end_approval", APPROVAL),
    ]
    reader, _ = run(tmp_path, story.frames[14:], file)
    assert [answer(tmp_path, command) for command in done] == [(True, "")] * len(done)
    assert reader._engine.modes.standing == {}
    assert reader._engine.state_of(LATCHED) is AlarmState.NORMAL
    assert reader._engine.state_of(AGAIN) is AlarmState.ACKNOWLEDGED
    journal_agrees(tmp_path, reader._engine)


def test_no_number_of_an_activation_is_used_twice(tmp_path: Path, file: Path) -> None:
    story = go_on(tmp_path, file)
    story.read(gas=5.0, tank=-5.0)
    _, heard = run(tmp_path, story.frames[14:], file)
    raised = {t.alarm: t.episode for t in heard if t.after is AlarmState.UNACKNOWLEDGED}
    assert raised == {LATCHED: 2, OFTEN: 2}


def test_an_inhibited_point_is_no_evidence(tmp_path: Path, file: Path) -> None:
    story = go_on(tmp_path, file)
    story.read(cell=1.0)
    reader, _ = run(tmp_path, story.frames[14:], file)
    assert reason_of(int(reader._engine.live([CELL]).quality[0])) is Reason.MAINTENANCE


def test_shelvings_and_modes_end_when_it_was_said(tmp_path: Path, file: Path) -> None:
    story = go_on(tmp_path, file)
    while len(story.frames) < UNTIL - 2:
        story.tick()
    early, _ = run(tmp_path, story.frames[14:], file)
    assert early._engine.state_of(SHELVED) is AlarmState.SHELVED
    assert len(early._engine.modes.standing) == 2
    for _ in range(4):
        story.tick()
    late, heard = run(tmp_path, story.frames[14:], file)
    assert [t.happened_at for t in heard if t.trigger is Trigger.UNSHELVE] == [START + UNTIL * SECOND]
    assert late._engine.modes.standing == {}
    journal = JournalReader.open(tmp_path / "alarms.db")
    ended = {s.step: s.happened_at for s in journal.steps() if s.step.endswith("_expired")}
    journal.close()
    assert ended == {"inhibit_expired": START + UNTIL * SECOND, "approve_bypass_expired": START + UNTIL * SECOND}


def test_what_the_configuration_no_longer_lets_stand_is_ended_in_the_journal(tmp_path: Path, file: Path) -> None:
    story = go_on(tmp_path, file)
    file.write_bytes(config(2, without=(LATCHED,), source_of_cell=0))
    reader, heard = run(tmp_path, story.frames[14:], file)
    gone = [(t.alarm, t.episode, t.trigger, t.before, t.after) for t in heard if t.alarm == LATCHED]
    assert gone == [(LATCHED, 1, Trigger.CONFIGURATION, AlarmState.LATCHED_ACKNOWLEDGED, AlarmState.NORMAL)]
    assert set(reader._engine.modes.standing) == {(APPROVAL, Mode.APPROVED)}
    journal = JournalReader.open(tmp_path / "alarms.db")
    assert journal.steps(CELL)[0].step == "inhibited_dropped"
    journal.close()
    journal_agrees(tmp_path, reader._engine)
    assert reader._engine.retired[LATCHED] == 1


def test_without_a_file_it_waits_for_the_first_configuration_and_forgets_nothing_meanwhile(tmp_path: Path) -> None:
    story = go_on(tmp_path, None)
    waiting, _ = run(tmp_path, story.frames[14:])
    assert waiting.fault is not None
    assert "no configuration is known" in waiting.fault
    assert not (tmp_path / "snapshots").exists()
    story.add(Kind.CONFIG, config())
    story.tick()
    reset = story.order("reset", LATCHED, 1)
    reader, _ = run(tmp_path, story.frames[14:])
    assert states(reader._engine) == WANTED | {LATCHED: (AlarmState.NORMAL, 1)}
    assert answer(tmp_path, reset) == (True, "")
    assert set(reader._engine.modes.standing) == {(CELL, Mode.INHIBITED), (APPROVAL, Mode.APPROVED)}
    assert "no configuration" not in str(reader.fault)
    journal_agrees(tmp_path, reader._engine)


def test_another_log_without_a_snapshot_forgets_nothing_even_if_it_ends_again_before_the_next_one(
    tmp_path: Path, file: Path
) -> None:
    before = told()
    run(tmp_path, before.frames)
    lose(tmp_path)
    story = Story()
    story.tick()
    first, _ = run(tmp_path, story.frames, file, "another")
    assert states(first._engine) == WANTED
    lose(tmp_path)
    story.tick()
    second, _ = run(tmp_path, story.frames, file, "another")
    assert states(second._engine) == WANTED
    journal_agrees(tmp_path, second._engine)


def test_a_snapshot_older_than_the_gap_is_overruled_by_the_journal(tmp_path: Path, file: Path) -> None:
    """It shows as standing what was reset since, and as normal what was raised."""
    story = told()
    run(tmp_path, story.frames[:6])
    shutil.copytree(tmp_path / "snapshots", tmp_path / "old")
    story.order("reset", LATCHED, 1)
    run(tmp_path, story.frames)
    lose(tmp_path)
    (tmp_path / "old").rename(tmp_path / "snapshots")
    story.tick()
    reader, _ = run(tmp_path, story.frames[15:], file)
    assert states(reader._engine) == WANTED | {LATCHED: (AlarmState.NORMAL, 1)}
    journal_agrees(tmp_path, reader._engine)

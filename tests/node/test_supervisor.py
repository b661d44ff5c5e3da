"""Processes come back, all end with their supervisor, and the watchdog sounds when the engine stands still."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from anlan.model.clock import SystemClock
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.compile import EngineConfig
from anlan.node import sounder as sounder_module
from anlan.node import supervisor as module
from anlan.node.layout import NodeFolder
from anlan.node.sounder import EvacuationSounder, OverrideSounder, Sounder, write_horn
from anlan.node.supervisor import Child, Supervisor, keep_small, python, read_processes


async def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def supervised(folder: NodeFolder, *children: Child, horn: Path | None = None) -> AsyncIterator[Supervisor]:
    # The sound file's path comes behind the command: tee then leaves a mark that it was called.
    command = ["tee", "-a", str(horn)] if horn else ["true"]
    supervisor = Supervisor(folder, children, SystemClock(), Sounder(folder.run, command))
    running = asyncio.ensure_future(supervisor.run())
    try:
        yield supervisor
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    return NodeFolder(tmp_path).prepare()


def sleeper(name: str, seconds: float = 60) -> Child:
    return Child(name, [sys.executable, "-c", f"import time; time.sleep({seconds})"])


async def test_a_killed_process_comes_back_and_the_others_stay(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.05,))
    one, other = sleeper("one"), sleeper("other")
    async with supervised(folder, one, other):
        await until(lambda: one.pid and other.pid)
        first, stays = one.pid, other.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: one.pid not in (None, first))
        assert other.pid == stays
        assert read_processes(folder.run)["children"]["one"]["restarts"] == 1
    assert one.pid is None
    assert other.pid is None


async def test_a_process_that_fails_at_its_start_comes_back_later_each_time(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    failing = Child("failing", ["false"])
    async with supervised(folder, failing):
        monkeypatch.setattr(module.asyncio, "sleep", sleep)
        await asyncio.wait_for(_restarted(failing, 8, real), 30)
        monkeypatch.undo()
    assert [p for p in pauses if p in module.BACK_OFF and p != module.ASK_SECONDS][:6] == [0.5, 2.0, 4.0, 8.0, 16.0, 30.0]


async def _restarted(child: Child, times: int, sleep: Callable[[float], object]) -> None:
    while child.restarts < times:
        await sleep(0.01)  # type: ignore[misc]


async def test_who_comes_behind_waits_until_the_one_before_is_ready(folder: NodeFolder) -> None:
    ready = folder.run / "ready"
    script = f"import time, pathlib; time.sleep(0.5); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    first, second = Child("first", [sys.executable, "-c", script], ready=ready), sleeper("second")
    async with supervised(folder, first, second):
        await until(lambda: first.pid)
        assert second.pid is None
        await until(lambda: second.pid)
        assert ready.exists()


BEATING = "import asyncio, sys; from anlan.node.heart import beat; sys.stdout.write('began'); asyncio.run(beat())"


@pytest.mark.slow
async def test_a_process_that_hangs_is_killed_told_and_started_again(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_SECONDS", 0.2)
    sense, app, demo = (Child(name, [sys.executable, "-c", BEATING]) for name in ("sense", "app", "demo"))
    async with supervised(folder, sense, app, demo):
        await until(lambda: sense.beaten and app.beaten)
        hung, stays, other = sense.pid, app.pid, demo.pid
        assert hung is not None
        assert other is not None
        os.kill(hung, signal.SIGSTOP)
        os.kill(other, signal.SIGSTOP)
        await until(lambda: sense.pid not in (None, hung) and sense.beaten)
        assert (app.pid, demo.pid) == (stays, other), "one has a heart that beats, the other has none to listen to"
        assert read_processes(folder.run)["children"]["sense"] == {"pid": sense.pid, "restarts": 1, "hangs": 1, "said": "began"}
        os.kill(other, signal.SIGCONT)


async def test_a_process_that_hangs_before_its_first_beat_gets_longer_and_is_started_again(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(module, "STARTING_SECONDS", 1.0)
    sense = sleeper("sense")
    async with supervised(folder, sense):
        await until(lambda: sense.hangs and sense.restarts)
        assert sense.silent * module.ASK_SECONDS < 1.0


async def test_a_log_file_stays_small_while_its_process_writes(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(module, "LOG_BYTES", 10_000)
    words = "import itertools, time\nfor n in itertools.count(): print(f'{n:>99}', flush=True); time.sleep(0.001)"
    log, older = folder.run / "talker.log", folder.run / "talker.log.1"
    async with supervised(folder, Child("talker", [sys.executable, "-c", words])) as supervisor:
        await until(lambda: older.exists() and log.stat().st_size > 1000)
        first = older.read_bytes()
        await until(lambda: older.read_bytes()[:100] > first[:100])
        assert supervisor._children[0].restarts == 0
    lines = older.read_text().split() + log.read_text().split()
    assert [int(n) for n in lines] == sorted(int(n) for n in lines)
    assert b"\0" not in log.read_bytes(), "truncated, not full of zeros"


def test_older_lines_are_given_up_where_no_copy_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "core.log"
    log.write_bytes(bytes(100))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.shutil, "copyfile", full)
    keep_small(log, 100)
    assert log.stat().st_size == 100
    keep_small(log, 99)
    assert log.stat().st_size == 0
    assert not log.with_suffix(".log.1").exists()
    keep_small(tmp_path / "no.log", 1)


async def test_a_process_that_cannot_be_started_or_told_costs_no_other(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (0.05,))
    missing, stays = Child("missing", [str(folder.run / "no such program")]), sleeper("stays")
    (folder.run / "processes.part").mkdir()
    (folder.run / "stays.log").mkdir()
    async with supervised(folder, missing, stays):
        await until(lambda: missing.restarts >= 2 and stays.pid)
        assert missing.pid is None
        assert stays.restarts == 0


def test_the_horn_is_a_sound_of_two_seconds(tmp_path: Path) -> None:
    import wave

    write_horn(tmp_path / "horn.wav")
    with wave.open(str(tmp_path / "horn.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(2.0)
        samples = np.frombuffer(sound.readframes(sound.getframerate()), np.int16)
    assert np.abs(samples).max() > 15_000


@pytest.mark.slow
async def test_a_core_that_hangs_sounds_within_ten_seconds_is_killed_and_the_horn_falls_silent(
    folder: NodeFolder, tmp_path: Path
) -> None:
    config = EngineConfig.from_columns(
        1,
        {"number": [1], "id": ["plc"]},
        {"number": [1], "source": [1]},
        {"number": [1], "kind": [int(AlarmKind.HIGH)], "target": [1], "limit": [1.0]},
    )
    folder.engine_config.write_bytes(config.to_bytes())
    horn = tmp_path / "played"
    core = Child("core", python("anlan.node.core", str(folder.root)))
    async with supervised(folder, core, horn=horn) as supervisor:
        sounder = supervisor._sounder
        await until(lambda: supervisor._position >= 0, 60)
        hung = core.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        began = SystemClock().monotonic()
        await until(lambda: sounder.sounding, 15)
        assert SystemClock().monotonic() - began < 10.5
        await until(horn.exists, 5)
        await until(lambda: core.pid not in (None, hung), 40)
        await until(lambda: not sounder.sounding, 30)


async def test_a_horn_told_to_stop_is_silent_at_once(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    sounder = Sounder(tmp_path, ["sh", "-c", f"echo $$ > {told}; exec sleep 60"])
    sounder.start("a test")
    await until(lambda: told.exists() and told.read_text())
    sounder.stop()
    player = Path("/proc") / told.read_text().strip()
    await until(lambda: not player.exists(), 10)


async def test_the_node_itself_sounds_while_an_evacuation_call_stands(folder: NodeFolder, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evacuation = EvacuationSounder(folder.run, ["tee", "-a", str(mark)])
    supervisor = Supervisor(folder, [], SystemClock(), Sounder(folder.run, ["true"]), evacuation)
    running = asyncio.ensure_future(supervisor.run())
    try:
        folder.evacuation.write_bytes(b"[]")
        await until(lambda: mark.exists() and (folder.run / "evacuation.wav").stat().st_size > 50_000)
        folder.evacuation.unlink()
        await until(lambda: not evacuation.sounding)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_node_itself_sounds_while_one_person_has_loosened_a_limit_alone(folder: NodeFolder, tmp_path: Path) -> None:
    """Also with nobody's browser open, and whether or not the app lives."""
    mark = tmp_path / "heard"
    voice = OverrideSounder(folder.run, ["tee", "-a", str(mark)])
    supervisor = Supervisor(folder, [], SystemClock(), Sounder(folder.run, ["true"]), None, voice)
    running = asyncio.ensure_future(supervisor.run())
    try:
        folder.night_override.write_text("1", "utf-8")
        await until(lambda: mark.exists() and (folder.run / "override.wav").stat().st_size > 20_000)
        folder.night_override.unlink()
        await until(lambda: not voice.sounding)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_player_that_hangs_does_not_silence_the_horn(
    folder: NodeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setattr(sounder_module, "LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(Sounder, "repeat", 0.01)
    sounder = Sounder(folder.run, ["sh", "-c", f"echo >> {mark}; exec sleep 5"])
    sounder.start("a test")
    try:
        await until(lambda: mark.exists() and mark.stat().st_size >= 2)
    finally:
        sounder.stop()

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
from anlan.node import supervisor as module
from anlan.node.layout import NodeFolder
from anlan.node.sounder import Sounder, write_horn
from anlan.node.supervisor import Child, Supervisor, python, read_processes


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

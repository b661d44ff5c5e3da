"""Starts the node's processes in order, restarts what ends or hangs, and sounds when core stops deciding.

A process that has worked comes back at once, one that fails at its start comes back after 0.5, 1, 2 … 30 s. The watchdog asks core
every second whether its engine moves; ticks make it move at least once a second, so stillness is a fault whatever the plant does.
Sense and app tell by a heartbeat that they live: one that hangs is killed, and comes back like one that ended.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson
import structlog

from anlan.bus.link import Link
from anlan.bus.tasks import end
from anlan.model.clock import Clock
from anlan.model.errors import Unavailable
from anlan.node.heart import HEART, listening
from anlan.node.layout import NodeFolder
from anlan.node.sounder import Sounder

STEADY_SECONDS = 10.0
"""A process that lived this long is restarted without waiting."""
BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STOP_SECONDS = 10.0
READY_SECONDS = 15.0
"""Then the others start all the same: a demo's devices that do not come up are a lost source, not a lost node."""
ASK_SECONDS = 1.0
STILL_SECONDS = 8.0
"""Sounding begins after this; DOMAIN.md 3 allows 10 s."""
HUNG_SECONDS = 20.0
"""A core that lives but has not moved for this long is killed, so that it starts again."""
STARTING_SECONDS = 180.0
"""A core that has not answered yet gets this long: on a slow machine the first start compiles, and a long log is stepped again."""
FIRST_SECONDS = 60.0
"""The horn waits this long for the first start of a node; a later silence sounds after STILL_SECONDS, start or no start."""
HEARTS = frozenset({"sense", "app"})
"""Processes with a heartbeat."""
SILENT_ROUNDS = 10
"""One that has not beaten for so many rounds of ASK_SECONDS hangs. Rounds, not time: a supervisor that was itself held up (a machine put
to sleep) first hears the beats that wait for it, then counts on."""
TOLD_BYTES = 4096
"""What `processes.json` is filled up to, so that a full disk can take the next one in its place."""
SAID_BYTES = 400
LOG_BYTES = 20_000_000
"""A process's log file grows to this, and one before it is kept."""

log = structlog.get_logger()


@dataclass
class Child:
    """One supervised process."""

    name: str
    argv: Sequence[str]
    restarts: int = 0
    failures: int = 0
    started_at: float = 0.0
    """Monotonic s of the last start."""
    ready: Path | None = None
    """A file that the process writes when it is ready; those behind it in the order wait for that, at most READY_SECONDS."""
    answered: bool = False
    """Core only: its socket was reached since the last start, so what ended it later was no failure to start."""
    beaten: bool = False
    """Its heart was heard since the last start."""
    silent: int = 0
    """Rounds since the last beat."""
    said: str = ""
    """The last line of its log when it ended."""
    hangs: int = 0
    """How often it was killed because it hung."""
    process: asyncio.subprocess.Process | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None


def python(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own processes."""
    return [sys.executable, "-m", module, *arguments]


class Supervisor:
    """Runs `children` in their order until cancelled; all of them end with it."""

    def __init__(
        self,
        folder: NodeFolder,
        children: Sequence[Child],
        clock: Clock,
        sounder: Sounder,
        evacuation: Sounder | None = None,
        override: Sounder | None = None,
        deciding: bool = True,
    ) -> None:
        """`evacuation` sounds while app says that a call stands, `override` while a night override runs, whether or not app lives.
        `deciding`: False for a folder that is only shown, whose engine runs elsewhere; its supervisor watches and calls nothing."""
        self._folder, self._children, self._clock, self._sounder = folder, children, clock, sounder
        self._evacuation, self._override, self._deciding = evacuation, override, deciding
        self._moved_at = clock.monotonic()
        self._position = -1
        self._link = Link(folder.socket, on_change=self._core_answers)

    async def run(self) -> None:
        jobs = [self._tend()]
        if self._deciding:
            jobs += [self._link.run(), self._watch(), self._call()]
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            for child in self._children:
                tasks.append(asyncio.ensure_future(self._keep(child)))
                await self._wait_ready(child)
            await asyncio.gather(*tasks)
        finally:
            await end(tasks)
            await self._stop_all()
            self._sounder.stop()
            for voice in (self._evacuation, self._override):
                if voice is not None:
                    voice.stop()

    # ---- processes

    async def _wait_ready(self, child: Child) -> None:
        if child.ready is None:
            return
        deadline = self._clock.monotonic() + READY_SECONDS
        while not child.ready.exists() and self._clock.monotonic() < deadline:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)

    async def _keep(self, child: Child) -> None:
        while True:
            child.started_at, child.answered, child.beaten, child.silent = self._clock.monotonic(), False, False, 0
            try:
                code = await self._run_once(child)
            except OSError as error:
                # No memory, no process table, no disk: one that cannot be started now is tried again, and the others stay.
                log.error("process not started", name=child.name, error=str(error))
                code = None
            lived = self._clock.monotonic() - child.started_at
            child.failures = 0 if child.answered or lived >= STEADY_SECONDS else child.failures + 1
            child.restarts += 1
            pause = BACK_OFF[min(child.failures, len(BACK_OFF)) - 1] if child.failures else 0.0
            child.said = last_line(self._log_of(child))
            log.error("process ended", name=child.name, code=code, lived=round(lived, 1), restart_in=pause, said=child.said)
            self._tell()
            await asyncio.sleep(pause)

    async def _run_once(self, child: Child) -> int:
        with listening(partial(self._beats, child)) as heart:
            try:
                child.process = await self._begin(child, heart)
            finally:
                os.close(heart)
            log.info("process started", name=child.name, pid=child.process.pid)
            self._tell()
            return await child.process.wait()

    async def _begin(self, child: Child, heart: int) -> asyncio.subprocess.Process:
        with self._output(child) as output:
            return await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, HEART: str(heart), **child.environment},
                pass_fds=(heart,),
            )

    def _output(self, child: Child) -> IO[bytes]:
        """The process's log file; a disk on which none can be made costs its words, not its work."""
        try:
            return self._log_of(child).open("ab")
        except OSError as error:
            log.error("process has no log file", name=child.name, error=str(error))
            return Path(os.devnull).open("ab")

    def _log_of(self, child: Child) -> Path:
        return self._folder.run / f"{child.name}.log"

    def _beats(self, child: Child) -> None:
        child.beaten, child.silent = True, 0

    async def _tend(self) -> None:
        """Once a round: kill what hangs, keep the log files small."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            for child in self._children:
                if child.name in HEARTS:
                    self._kill_if_it_hangs(child)
                try:
                    await asyncio.to_thread(keep_small, self._log_of(child), LOG_BYTES)
                except OSError as error:
                    log.error("log file not kept small", name=child.name, error=str(error))

    def _kill_if_it_hangs(self, child: Child) -> None:
        if child.pid is None or child.process is None:
            return
        child.silent += 1
        if child.silent * ASK_SECONDS > (SILENT_ROUNDS * ASK_SECONDS if child.beaten else STARTING_SECONDS):
            log.error("process hangs, killed", name=child.name, pid=child.pid, silent_seconds=round(child.silent * ASK_SECONDS))
            child.hangs, child.silent = child.hangs + 1, 0
            child.process.kill()

    async def _stop_all(self) -> None:
        """In reverse order: who reads stops before whom it reads from."""
        for child in reversed(self._children):
            if child.pid is None or child.process is None:
                continue
            child.process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await child.process.wait()
            except TimeoutError:
                log.error("process did not stop, killed", name=child.name)
                child.process.kill()
                await child.process.wait()

    def _tell(self) -> None:
        """What runs, for `anlan status`, for the console and for whoever looks into the folder."""
        facts = {c.name: {"pid": c.pid, "restarts": c.restarts, "hangs": c.hangs, "said": c.said} for c in self._children}
        path = self._folder.run / "processes.json"
        told = orjson.dumps({"supervisor": os.getpid(), "at": self._clock.now(), "children": facts, "horn": self._sounder.spoken})
        try:
            tell_whole(path, told.ljust(TOLD_BYTES))
        except OSError as error:
            log.error("processes not told", error=str(error))

    # ---- watchdog

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(ASK_SECONDS)
            if await self._moved():
                self._moved_at = self._clock.monotonic()
                self._sounder.stop()
            still = self._clock.monotonic() - self._moved_at
            if still >= (STILL_SECONDS if self._position >= 0 else FIRST_SECONDS):
                self._sounder.start(f"ANLAN: the alarm engine has not moved for {still:.0f} s / 报警引擎已停止 {still:.0f} 秒")
            if still >= HUNG_SECONDS:
                self._kill_core_that_hangs()

    async def _call(self) -> None:
        """The node's own voice of an evacuation call, and of a night override."""
        voices = (
            (self._evacuation, self._folder.evacuation, "ANLAN: evacuation called, see the consoles / 疏散呼叫,见操作台"),
            (self._override, self._folder.night_override, "ANLAN: a limit is loosened by one person / 夜间单人放宽生效中"),
        )
        while True:
            for voice, told, words in voices:
                if voice is not None and told.exists():
                    voice.start(words)
                elif voice is not None:
                    voice.stop()
            await asyncio.sleep(ASK_SECONDS)

    def _core_answers(self, connected: bool) -> None:
        for child in self._children:
            child.answered |= connected and child.name == "core"

    async def _moved(self) -> bool:
        """Whether the engine has decided on anything since it was last asked, recorded or not; no answer is no movement."""
        try:
            async with asyncio.timeout(ASK_SECONDS * 2):
                status, _ = await self._link.request("status")
        except (Unavailable, TimeoutError):
            return False
        before, self._position = self._position, status["engine"]["steps"]
        return bool(self._position != before)

    def _kill_core_that_hangs(self) -> None:
        core = next((c for c in self._children if c.name == "core"), None)
        if core is None or core.pid is None or core.process is None:
            return
        patience = HUNG_SECONDS if core.answered else STARTING_SECONDS
        if self._clock.monotonic() - core.started_at >= patience:
            log.error("core hangs, killed", pid=core.pid)
            core.hangs += 1
            core.process.kill()


def keep_small(path: Path, most: int) -> None:
    """Move what a log file of more than `most` bytes holds to FILE.1, while its process goes on appending to it. Where no copy can be
    made (disk full) the lines are given up: a log must not be what keeps the disk full."""
    try:
        if path.stat().st_size <= most:
            return
    except FileNotFoundError:
        return
    older = path.with_suffix(".log.1")
    try:
        shutil.copyfile(path, older)
    except OSError as error:
        log.error("older lines of a log given up", file=path.name, error=str(error))
        older.unlink(missing_ok=True)
    os.truncate(path, 0)


def last_line(path: Path) -> str:
    """What a process said last, cut to what `processes.json` has room for; "" where it said nothing."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 10 * SAID_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:SAID_BYTES] for line in reversed(lines) if line.strip()), "")


def tell_whole(path: Path, content: bytes) -> None:
    """Put a new file in the place of the old one. A full disk has no room for it: then in the place of the old content, which a reader may
    meet half written. Raises OSError."""
    part = path.with_suffix(".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as full:
        if full.errno != errno.ENOSPC or not path.exists():
            raise
        part.unlink(missing_ok=True)
        with path.open("r+b") as file:
            file.write(content)


def read_processes(folder: Path) -> dict[str, Any]:
    """What `_tell` wrote last; empty when the node never ran here."""
    path = folder / "processes.json"
    return dict(orjson.loads(path.read_bytes())) if path.is_file() else {}

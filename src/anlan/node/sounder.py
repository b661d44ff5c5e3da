"""The node's own voice: a horn through the sound card, a command of the plant's choice (a beacon output), or at worst the terminal.

It stands outside the processes it speaks for, needs no browser and no network, and says in the log which way it spoke.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import struct
import sys
import wave
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

PLAYERS: tuple[tuple[str, ...], ...] = (("aplay", "-q"), ("paplay",), ("play", "-q"))
REPEAT_SECONDS = 5.0
RATE = 22_050
LONGEST_SECONDS = 60.0
"""A player that takes longer hangs, and is ended: the next repetition begins another."""

log = structlog.get_logger()


class Sounder:
    """Sounds until told to stop. `command` is run as given with the sound file's path behind it; [] picks a player of the system."""

    name, repeat = "watchdog", REPEAT_SECONDS

    def __init__(self, folder: Path, command: Sequence[str] = ()) -> None:
        self._sound = folder / f"{self.name}.wav"
        self._command = tuple(command) or _player()
        self._sounding: asyncio.Task[None] | None = None
        self.reason = ""

    @property
    def spoken(self) -> str:
        """By what it sounds; "" for the terminal's bell alone."""
        return " ".join(self._command)

    @property
    def sounding(self) -> bool:
        return self._sounding is not None

    def start(self, reason: str) -> None:
        """Begin; a reason that changes while it sounds is only noted."""
        self.reason = reason
        if self._sounding is None:
            log.error(f"{self.name} sounds", reason=reason, by=self._command[0] if self._command else "terminal bell")
            self._sounding = asyncio.ensure_future(self._repeat())

    def stop(self) -> None:
        if self._sounding is not None:
            log.info(f"{self.name} silent again", reason=self.reason)
            self._sounding.cancel()
            self._sounding, self.reason = None, ""

    async def _repeat(self) -> None:
        while True:
            await self.once()
            await asyncio.sleep(self.repeat)

    async def once(self) -> None:
        sys.stderr.write(f"\a*** {self.reason}\n")
        if not self._command:
            return
        try:
            if not self._sound.is_file():
                self.write(self._sound)
            process = await asyncio.create_subprocess_exec(*self._command, str(self._sound), stdin=asyncio.subprocess.DEVNULL)
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    code = await process.wait()
            except (TimeoutError, asyncio.CancelledError) as ended:
                code = await _kill(process)
                if isinstance(ended, asyncio.CancelledError):  # told to stop: silent at once, not at the sound's end
                    raise
            if code != 0:
                log.error("horn not played", command=list(self._command), code=code)
        except OSError as error:
            # The bell above has rung; a player that cannot start is told once per repetition.
            log.error("horn not played", command=list(self._command), error=str(error))

    def write(self, path: Path) -> None:
        """The sound, once. Raises OSError."""
        write_horn(path)


class EvacuationSounder(Sounder):
    """Three long pulses and a pause, the pattern of ISO 8201's evacuation signal (未核对原文): unlike the horn, and unlike every alarm."""

    name, repeat = "evacuation", 1.5

    def write(self, path: Path) -> None:
        samples = bytearray()
        for on in (True, False, True, False, True):
            samples += b"".join(
                struct.pack("<h", int(22_000 * math.sin(2 * math.pi * 520 * i / RATE)) if on else 0) for i in range(RATE // 2)
            )
        _write_wave(path, samples)


class OverrideSounder(Sounder):
    """One short tone every quarter of a minute: a limit is loosened by one person alone. No alarm's pattern."""

    name, repeat = "override", 15.0

    def write(self, path: Path) -> None:
        _write_wave(
            path, b"".join(struct.pack("<h", int(18_000 * math.sin(2 * math.pi * 350 * i / RATE))) for i in range(RATE // 2))
        )


async def _kill(process: asyncio.subprocess.Process) -> int:
    """Its code. Whoever is told to stop once more meanwhile still waits: what is killed ends at once, and nothing of it may be left."""
    with suppress(ProcessLookupError):  # it has just ended by itself
        process.kill()
    while process.returncode is None:
        with suppress(asyncio.CancelledError):
            await process.wait()
    return process.returncode


def write_horn(path: Path, seconds: float = 2.0) -> None:
    """Two alternating tones, 800 and 970 Hz, as evacuation-independent equipment alarms use; 16 bit mono."""
    samples = bytearray()
    for i in range(int(RATE * seconds)):
        frequency = 800 if (i * 4 // RATE) % 2 == 0 else 970
        samples += struct.pack("<h", int(20_000 * math.sin(2 * math.pi * frequency * i / RATE)))
    _write_wave(path, samples)


def _write_wave(path: Path, samples: bytes | bytearray) -> None:
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(bytes(samples))


def _player() -> tuple[str, ...]:
    return next((player for player in PLAYERS if shutil.which(player[0])), ())

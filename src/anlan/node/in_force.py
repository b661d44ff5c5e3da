"""Core's side of the configuration in force: the file it starts from, the engine that runs it, and whether the two and the approved version agree.

    configure ──▶ file (durable) ──▶ CONFIG frame ──▶ engine runs it ──▶ told to sense and app

The file comes first: should core die in between, its next start brings the new version into force rather than the old one back.
Three things must agree: what app says is approved in the records, what the engine runs, and the file that the next start would run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from anlan.model.errors import InputError, Unavailable
from anlan.monitor.reader import EngineReader

RUNS_SECONDS = 10.0
LOOK_SECONDS = 0.005


class InForce:
    """Belongs to core's event loop."""

    def __init__(self, file: Path, reader: EngineReader) -> None:
        self._file, self._reader = file, reader
        self._seen: tuple[int, int] = (0, 0)
        self._file_digest = ""
        self._running: tuple[bytes, str] = (b"", "")
        self.differing: list[str] | None = None
        """Alarms that app found to differ from the approved version; None while no app has compared."""

    @property
    def digest(self) -> str:
        """SHA-256 of what the engine runs, hex."""
        body = self._reader.config_body
        if body is not self._running[0]:
            self._running = (body, sha256(body).hexdigest())
        return self._running[1]

    def check_newer(self, version: int) -> None:
        """Raises InputError for a version older than the one in force: numbers and names would go back under the readers' feet."""
        if version < self._reader.config_version:
            raise InputError(
                "configuration version {version} is older than version {running}, which the engine runs",
                version=version,
                running=self._reader.config_version,
            )

    def keep(self, body: bytes) -> None:
        """Blocking: the file from which the next start goes on."""
        part = self._file.with_suffix(".part")
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)

    async def runs(self, body: bytes) -> None:
        """Until the engine runs these bytes."""
        try:
            async with asyncio.timeout(RUNS_SECONDS):
                while not self._reader.runs(body):  # noqa: ASYNC110 - the engine's own thread decides it: there is no event to await
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as late:
            raise Unavailable(
                "the engine has not taken the configuration within {seconds} s; it is in the log and may still come into force",
                seconds=int(RUNS_SECONDS),
            ) from late

    def file_differs(self) -> bool:
        """Whether the next start would run something else than the engine runs now. Reads the file only when it was touched."""
        try:
            found = self._file.stat()
            seen = (found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._file_digest = sha256(self._file.read_bytes()).hexdigest()
                self._seen = seen
        except OSError:
            return True
        return self._file_digest != self.digest

    def state(self, loaded: Iterable[int]) -> bool | None:
        """Whether something differs; None while nobody can say. `loaded`: versions that the other processes have."""
        running = self._reader.config_version
        if self.file_differs() or any(version != running for version in loaded) or self.differing:
            return True
        return None if self.differing is None else False

    def facts(self) -> dict[str, Any]:
        return {"digest": self.digest, "file_differs": self.file_differs(), "differing": self.differing}

"""How a running demo plant is told what to do: one JSON line to `run/demo.sock`, one JSON line back.

    {"do": "state"}   {"do": "play", "scenario": …, "speed": …}   {"do": "break", "source": …}   {"do": "mend", "source": …}

The answer is the plant's state, or {"wrong": code, "message": …, "facts": …}.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import orjson

from anlan.bus.address import address
from anlan.model.errors import AnlanError, InputError, Unavailable
from anlan.sense.demo.demo_plant import DemoPlant, Play

SOCKET = "demo.sock"
_KINDS: dict[str, type[AnlanError]] = {kind.code: kind for kind in (InputError, Unavailable)}
ANSWER_SECONDS = 30.0


class Control:
    """Listens in the node's run folder; only the node's owner may write there."""

    def __init__(self, plant: DemoPlant, folder: Path) -> None:
        self._plant, self._path = plant, folder / SOCKET
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        with address(self._path) as path:
            self._server = await asyncio.start_unix_server(self._serve, path)
        self._path.chmod(0o600)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            answer = await self._answer(await reader.readline())
            writer.write(orjson.dumps(answer) + b"\n")
            with contextlib.suppress(ConnectionError):  # the asker has gone; what it asked for is done
                await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            await self._obey(_request(line))
        except AnlanError as wrong:
            return {"wrong": wrong.code, "message": wrong.message, "facts": wrong.facts}
        return self._plant.state()

    async def _obey(self, asked: dict[str, Any]) -> None:
        match asked:
            case {"do": "state"}:
                pass
            case {"do": "play"}:
                await self._plant.change(_play(asked, self._plant.play))
            case {"do": "break", "source": str(source)}:
                await self._plant.cut(source)
            case {"do": "mend", "source": str(source)}:
                await self._plant.mend(source)
            case _:
                raise InputError("{asked} is nothing the demo plant can do", asked=orjson.dumps(asked).decode())


def _request(line: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError as wrong:
        raise InputError("the request is no JSON: {why}", why=str(wrong)) from wrong
    if not isinstance(asked, dict):
        raise InputError("the request must be a JSON object")
    return asked


def _play(asked: dict[str, Any], before: Play) -> Play:
    name, speed = asked.get("scenario") or before.scenario, asked.get("speed") or before.speed
    if not isinstance(speed, int | float):
        raise InputError("a speed must be a number; found {found!r}", found=str(speed))
    return Play(str(name), float(speed), bool(asked.get("live", before.live)))


async def ask(folder: Path, **request: Any) -> dict[str, Any]:
    """Ask the demo plant whose run folder this is; its refusal comes back as the same kind of error, Unavailable if none runs."""
    path = folder / SOCKET
    try:
        with address(path) as reachable:
            reader, writer = await asyncio.open_unix_connection(reachable)
    except OSError as error:
        raise Unavailable("no demo plant answers at {path}: {why}", path=str(path), why=error.strerror or str(error)) from error
    with contextlib.closing(writer):
        writer.write(orjson.dumps(request) + b"\n")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer: dict[str, Any] = orjson.loads(await reader.readline())
        except (OSError, ValueError, TimeoutError) as error:
            raise Unavailable("the demo plant at {path} did not answer: {why}", path=str(path), why=repr(error)) from error
    if "wrong" in answer:
        raise _KINDS.get(answer["wrong"], Unavailable)(answer["message"], **answer["facts"])
    return answer

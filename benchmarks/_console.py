"""The console's side of a node: signing in through the API, following the event stream, and watching values as a browser does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson

from benchmarks._plant import ACCOUNT, PASSWORD

READY_SECONDS = 120.0


async def address_of(run: Path) -> str:
    """Where the app says that it answers."""
    told, deadline = run / "console.json", time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if told.is_file():
            return str(orjson.loads(told.read_bytes())["address"])
        await asyncio.sleep(0.05)
    raise SystemExit(f"the console did not answer within {READY_SECONDS} s; see the logs in {run}")


async def signed_in(address: str) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=f"{address}/api/v1", timeout=httpx.Timeout(30.0, read=None))
    answer = await client.post("/session", json={"account": ACCOUNT, "password": PASSWORD})
    answer.raise_for_status()
    client.headers["Origin"] = address
    return client


async def follow_events(client: httpx.AsyncClient, seen: Callable[[dict[str, Any], float], None]) -> None:
    """`seen(transition, perf_counter)` of each alarm transition that the event stream brings, until cancelled; it resumes by itself."""
    last = ""
    while True:
        with contextlib.suppress(httpx.HTTPError):
            headers = {"Last-Event-ID": last} if last else {}
            async with client.stream("GET", "/events", headers=headers) as answer:
                answer.raise_for_status()
                kind = ""
                async for line in answer.aiter_lines():
                    now = time.perf_counter()
                    name, _, text = line.partition(": ")
                    if name == "event":
                        kind = text
                    elif name == "id":
                        last = text
                    elif name == "data" and kind == "transition":
                        seen(json.loads(text), now)
        await asyncio.sleep(0.1)


class Browser:
    """One console tab's connection: shows `points`, reads whatever comes."""

    def __init__(self, address: str, cookie: str, points: list[str], *, keeps: bool = False) -> None:
        self._address, self._cookie, self._points, self._keeps = address, cookie, points, keeps
        self.messages = self.bytes = self.values = 0
        self.alarms: list[tuple[float, int]] = []
        """With `keeps`: perf_counter and n of every alarm row that came."""
        self.gaps: list[float] = []
        """s between two messages with values."""
        self.rows: list[dict[str, Any]] | None = None
        """A list: receives the rows themselves."""

    async def run(self) -> None:
        from websockets.asyncio.client import connect

        url = self._address.replace("http", "ws", 1) + "/api/v1/live/ws"
        headers = {"Cookie": self._cookie}
        async with connect(url, origin=self._address, additional_headers=headers, max_size=1 << 24) as socket:  # type: ignore[arg-type]
            await socket.send(json.dumps({"points": self._points}))
            before = None
            async for message in socket:
                now = time.perf_counter()
                told = orjson.loads(message)
                if told.get("v"):
                    self.gaps += [now - before] if before is not None else []
                    before = now
                self.messages += 1
                self.bytes += len(message)
                self.values += len(told.get("v", ()))
                if self._keeps:
                    self.alarms += [(now, row["n"]) for row in told.get("a", ())]
                if self.rows is not None:
                    self.rows += told.get("a", ())

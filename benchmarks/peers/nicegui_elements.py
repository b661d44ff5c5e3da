"""The peer of `benchmarks.console`: a NiceGUI page as its manual writes it, a label for each value bound to a model, an element tree for each browser.

`python -m benchmarks.peers.nicegui_elements PORT TAGS` serves it; `measured` opens so many browsers' sockets and takes what it costs.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

HZ = 5.0
PATIENCE = 120.0


def serve(port: int, tags: int) -> None:
    from nicegui import app, ui

    values = {f"L{n:06}": "0.0" for n in range(tags)}

    @ui.page("/")
    def page() -> None:
        for name in values:
            ui.label().bind_text_from(values, name)

    async def move() -> None:
        count = 0
        while True:
            count += 1
            for n, name in enumerate(values):
                values[name] = f"{(count * 7 + n) % 1000 / 10:.1f}"
            await asyncio.sleep(1 / HZ)

    app.on_startup(lambda: asyncio.create_task(move()))
    ui.run(port=port, host="127.0.0.1", reload=False, show=False, binding_refresh_interval=1 / HZ, show_welcome_message=False, tailwind=False)  # fmt: skip


class Socket:
    """A browser's connection: counts the elements that it is told of."""

    def __init__(self, address: str) -> None:
        import socketio

        self._address, self._client = address, socketio.AsyncClient()
        self.values, self.gaps, self._before = 0, list[float](), 0.0
        self._client.on("update", self._update)

    async def open(self, http: Any) -> None:
        page = (await http.get(self._address)).text
        client_id = found(r"['\"]client_id['\"]:\s*['\"]([^'\"]+)", page)
        following = found(r"['\"]next_message_id['\"]:\s*['\"]?(\d+)", page)
        query = (
            f"client_id={client_id}&next_message_id={following}&tab_id={uuid4()}&document_id={uuid4()}&implicit_handshake=true"
        )
        await self._client.connect(f"{self._address}?{query}", socketio_path="/_nicegui_ws/socket.io", transports=["websocket"])

    def _update(self, message: dict[str, Any]) -> None:
        now = time.perf_counter()
        count = sum(1 for key in message if key.lstrip("-").isdigit())
        if count:
            self.values += count
            self.gaps += [now - self._before] if self._before else []
            self._before = now

    async def close(self) -> None:
        await self._client.disconnect()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"the peer's page does not say {pattern}")
    return match[1]


async def measured(browsers: int, tags: int, seconds: float) -> dict[str, float]:
    """values/s delivered, s of its processor a second, ms of it for 1000 values, ms p99 between two updates of one browser."""
    import httpx

    from benchmarks._report import quantile
    from benchmarks.console import cpu_seconds

    port = 28_990
    command = [sys.executable, "-m", "benchmarks.peers.nicegui_elements", str(port), str(tags)]
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=silent, stderr=silent)
    address = f"http://127.0.0.1:{port}"
    sockets = [Socket(address) for _ in range(browsers)]
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            await answering(http, address)
            for socket in sockets:
                await socket.open(http)
        deadline = time.monotonic() + PATIENCE
        while not all(socket.values for socket in sockets):
            if time.monotonic() > deadline:
                raise SystemExit("the peer's browsers do not see values")
            await asyncio.sleep(0.1)
        for socket in sockets:
            socket.values = 0
            socket.gaps.clear()
        before, began = cpu_seconds(process.pid), time.perf_counter()
        await asyncio.sleep(seconds)
        spent, span = cpu_seconds(process.pid) - before, time.perf_counter() - began
        values = sum(socket.values for socket in sockets)
        gaps = [gap * 1e3 for socket in sockets for gap in socket.gaps]
        return {
            "values": values / span,
            "cpu": spent / span,
            "cpu_ms": spent * 1e6 / max(values, 1),
            "gap_p99_ms": quantile(gaps, 0.99),
        }
    finally:
        for socket in sockets:
            await socket.close()
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def answering(http: Any, address: str) -> None:
    import httpx

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            await http.get(address)
        except httpx.TransportError:
            await asyncio.sleep(0.2)
        else:
            return
    raise SystemExit(f"the peer did not answer at {address}")


if __name__ in {"__main__", "__mp_main__"}:
    assert Path(sys.argv[0]).name.startswith("nicegui_elements")
    serve(int(sys.argv[1]), int(sys.argv[2]))

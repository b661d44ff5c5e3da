"""Everything of a node in one process, through the same interfaces: for tests and a quick look, not for a plant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from fastapi import FastAPI

from anlan.bus.tasks import end
from anlan.guard.witness_parent import Parent
from anlan.model.clock import SystemClock
from anlan.node.app import SERVED_SECONDS, App
from anlan.node.core import Core
from anlan.node.layout import NodeFolder
from anlan.node.process import run_until_signal
from anlan.node.sense import Sense
from anlan.node.supervisor import Child
from anlan.web.listening import Listening


async def run_single(
    folder: NodeFolder,
    listening: Listening,
    demo: Child | None = None,
    witnesses: Sequence[Path | Parent] = (),
    other_logs: Sequence[str] = (),
) -> None:
    """Until a signal, or until cancelled."""
    clock = SystemClock()
    async with AsyncExitStack() as started:
        if demo is not None:
            started.push_async_callback(_end, await asyncio.create_subprocess_exec(*demo.argv))
        core, sense, app = Core(folder, clock), Sense(folder, clock), App(folder, clock, listening, witnesses, other_logs)
        await core.start()
        started.push_async_callback(core.close)
        await sense.start()
        started.push_async_callback(sense.close)
        console = await app.open()
        started.push_async_callback(app.close)
        await _serve_until_signal(console, app)


async def _serve_until_signal(console: FastAPI, app: App) -> None:
    serving = asyncio.ensure_future(app.serve(console))
    stopping = asyncio.ensure_future(run_until_signal())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end([serving], SERVED_SECONDS)
        await end([stopping])
    if not serving.cancelled():
        serving.result()


async def _end(devices: asyncio.subprocess.Process) -> None:
    if devices.returncode is None:
        devices.terminate()
    await devices.wait()

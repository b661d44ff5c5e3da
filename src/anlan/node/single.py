"""Everything of a node in one process, through the same interfaces: for tests and a quick look, not for a plant."""

from __future__ import annotations

import asyncio

from anlan.model.clock import SystemClock
from anlan.node.app import App, tell_address
from anlan.node.core import Core
from anlan.node.layout import NodeFolder
from anlan.node.process import run_until_signal
from anlan.node.sense import Sense
from anlan.node.supervisor import Child
from anlan.web.serve import listen, serve


async def run_single(folder: NodeFolder, host: str, port: int, demo: Child | None = None) -> None:
    """Until a signal, or until cancelled."""
    clock = SystemClock()
    devices = await asyncio.create_subprocess_exec(*demo.argv) if demo is not None else None
    core, sense, app = Core(folder, clock), Sense(folder, clock), App(folder, clock)
    await core.start()
    try:
        await sense.start()
        serving = asyncio.ensure_future(
            serve(await app.open(), listen(host, port), on_ready=lambda address: tell_address(folder, address))
        )
        stopping = asyncio.ensure_future(run_until_signal())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)
    finally:
        await app.close()
        await sense.close()
        await core.close()
        if devices is not None:
            devices.terminate()
            await devices.wait()

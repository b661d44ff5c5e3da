"""The demo plant as a process of its own: devices, clock and control, until a signal or until its parent is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from anlan.bus.tasks import end
from anlan.model.clock import Clock, SystemClock
from anlan.sense.demo import wiring
from anlan.sense.demo.control import Control
from anlan.sense.demo.demo_plant import DemoPlant, Play

PARENT_SECONDS = 1.0


async def serve(
    folder: Path,
    play: Play,
    *,
    plant: Path = wiring.PLANT,
    port_base: int = wiring.PORT_BASE,
    clock: Clock | None = None,
    until: asyncio.Event | None = None,
) -> None:
    """Run the demo plant of the folder `plant` until `until` is set or it is cancelled. `folder` is the node's run folder."""
    demo = DemoPlant(folder, clock or SystemClock(), play, wiring.read(plant, port_base))
    control = Control(demo, folder)
    try:
        await demo.start()
        await control.start()
        running = asyncio.ensure_future(demo.run())
        ending = asyncio.ensure_future((until or asyncio.Event()).wait())
        try:
            done, _ = await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end([running, ending])
        await asyncio.gather(*done)
    finally:
        await control.stop()
        await demo.stop()


async def serve_until_signal(folder: Path, play: Play, *, plant: Path, port_base: int) -> None:
    """As a program of its own: SIGTERM or SIGINT ends it, and so does the end of whoever started it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = asyncio.ensure_future(_parent_gone(stop))
    try:
        await serve(folder, play, plant=plant, port_base=port_base, until=stop)
    finally:
        await end([watch])


async def _parent_gone(stop: asyncio.Event) -> None:
    """A supervisor that was killed cannot tell its children."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - the system tells no one of it
        await asyncio.sleep(PARENT_SECONDS)
    stop.set()

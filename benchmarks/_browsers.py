"""The viewers of a node, in a process of their own: console connections, each signed in for itself, and real pages if asked for.

`python -m benchmarks._browsers ADDRESS COUNT TAGS PAGES [ALARMS FILE]` with the ids of the plant's points on stdin, one a line. Prints
"watching" once everyone has been told values; on SIGTERM one JSON object of what they received. With ALARMS: prints "seen" once everyone has
had so many alarm rows, and writes all of them to FILE at the end: per console [perf_counter, n] of each, and whole rows of the first console.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson

from benchmarks._console import Browser, signed_in
from benchmarks._report import quantile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
FRAMES = """window.frameGaps = [];
let before = performance.now();
requestAnimationFrame(function frame(now) { frameGaps.push(now - before); before = now; requestAnimationFrame(frame); });"""


async def main(address: str, count: int, tags: int, pages: int, alarms: int = 0, file: str = "") -> None:
    ids = sys.stdin.read().split()
    chance = random.Random(7)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        browsers = []
        for _ in range(count):
            client = await signed_in(address)
            stack.push_async_callback(client.aclose)
            cookie = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
            browsers.append(Browser(address, cookie, chance.sample(ids, min(tags, len(ids))), keeps=bool(file)))
        if file:
            browsers[0].rows = []
        running = [asyncio.ensure_future(browser.run()) for browser in browsers]
        shown = await _open_pages(stack, address, client.cookies, pages) if pages else []
        while not all(browser.values for browser in browsers):
            _raise_if_ended(running)
            await asyncio.sleep(0.05)
        print("watching", flush=True)
        before, began = _told(browsers), time.monotonic()
        for browser in browsers:
            browser.gaps.clear()
        for page in shown:
            await page.evaluate("() => (window.frameGaps.length = 0)")
        if file:
            await _until_seen(browsers, alarms, running, stop)
        await stop.wait()
        _raise_if_ended(running)
        seconds = time.monotonic() - began
        rates = {key: (value - before[key]) / seconds for key, value in _told(browsers).items()}
        print(json.dumps(rates | await _smoothness(browsers, shown)), flush=True)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if file:
            _write(browsers, Path(file))


async def _until_seen(browsers: list[Browser], alarms: int, running: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    while any(len(browser.alarms) < alarms for browser in browsers):
        _raise_if_ended(running)
        await asyncio.sleep(0.05)
        if stop.is_set():
            return
    print("seen", flush=True)


def _write(browsers: list[Browser], file: Path) -> None:
    file.write_bytes(orjson.dumps({"consoles": [browser.alarms for browser in browsers], "rows": browsers[0].rows}))


def _raise_if_ended(running: list[asyncio.Task[None]]) -> None:
    """A connection that ended is no viewer any more: the figure would flatter."""
    for task in running:
        if task.done():
            task.result()
            raise SystemExit("the node closed a console connection")


def _told(browsers: list[Browser]) -> dict[str, int]:
    return {key: sum(getattr(browser, key) for browser in browsers) for key in ("messages", "bytes", "values")}


async def _smoothness(browsers: list[Browser], pages: list[Any]) -> dict[str, float]:
    """ms: what lies between two messages with values on one connection, and between two frames of a page."""
    gaps = [gap * 1e3 for browser in browsers for gap in browser.gaps]
    frames = [gap for page in pages for gap in await page.evaluate("() => window.frameGaps")]
    found = {"gap": gaps, "frame": frames}
    return {f"{name}_p{p}_ms": quantile(some, p / 100) for name, some in found.items() if some for p in (50, 99)}


async def _open_pages(stack: AsyncExitStack, address: str, cookies: Any, pages: int) -> list[Any]:
    from playwright.async_api import async_playwright

    playwright = await stack.enter_async_context(async_playwright())
    chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    stack.push_async_callback(chromium.close)
    context = await chromium.new_context(viewport={"width": 1920, "height": 1080})
    await context.add_cookies([{"name": one.name, "value": one.value, "url": address} for one in cookies.jar])
    await context.add_init_script(FRAMES)
    shown = []
    for _ in range(pages):
        page = await context.new_page()
        await page.goto(address + os.environ.get("ANLAN_BENCHMARK_PAGE", "/"))
        shown.append(page)
    return shown


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:6]), *sys.argv[6:]))

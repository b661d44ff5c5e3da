"""The pictures of the README and the manual: a demo node is started, its main story plays, and Chromium looks at it.

    python scripts/pictures.py [--out docs/pictures] [--after SECONDS]

Takes about four minutes, because the story does. Needs Debian's chromium and fonts-noto-cjk, and the dev environment.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ACCOUNT = "zhucao"
STORY_SECONDS = 228.0
"""Pressure has been high-high and is throttled, chlorine has reached level 2 (docs/demo.md)."""
START_SECONDS = 120.0
MOST_BYTES = 400_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@dataclass(frozen=True)
class Picture:
    name: str
    path: str
    language: str
    size: tuple[int, int] = (1440, 900)
    scale: float = 1.0
    click: str = ""
    """What is clicked before: a selector."""
    shell: str = ".shell"
    """What is waited for: a selector."""
    keys: str = ""
    """What is typed after that."""


PICTURES = (
    Picture("overview-en", "/", "en"),
    Picture("overview-zh", "/", "zh"),
    Picture("alarms-en", "/alarms", "en"),
    Picture("alarms-zh", "/alarms", "zh"),
    Picture("trends-en", "/trends?points=PI-101,AT-201,AT-202,AT-203", "en"),
    Picture("phone-zh", "/alarms", "zh", (390, 844), 2.0),
    Picture("why-en", "/alarms?alarm=AT-201.HH", "en", click="button:has-text('Why?')"),
    Picture("why-zh", "/alarms?alarm=AT-201.HH", "zh", click="button:has-text('为什么')"),
    Picture("performance-en", "/alarms/performance?window=10min", "en"),
    Picture("master-en", "/alarms/master", "en", click='tr[data-id="AT-201.H"]'),
    Picture("detectors-en", "/detectors", "en"),
    Picture("safety-en", "/safety", "en"),
    Picture("blind-en", "/blind", "en"),
    Picture("handover-zh", "/handover", "zh"),
    Picture("place-zh", "/places/hualan/U200", "zh"),
    Picture("wall-zh", "/wall?view=overview&view=alarms", "zh", (1920, 1080), 0.75, shell=".wall"),
    Picture("search-zh", "/alarms", "zh", click='[data-shell="search"]', keys="yelv yali"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these pictures alone")
    parser.add_argument("--after", type=float, default=STORY_SECONDS, help="seconds of the story before the pictures are taken")
    args = parser.parse_args()
    chosen = [picture for picture in PICTURES if not args.only or picture.name in args.only]
    if not chosen:
        parser.error(f"no picture of that name; there are {', '.join(picture.name for picture in PICTURES)}")
    args.out.mkdir(parents=True, exist_ok=True)
    with demo_node() as (address, passwords):
        password = passwords[ACCOUNT]
        time.sleep(args.after)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            sizes = {picture.name: take(browser, picture, args.out, address, password) for picture in chosen}
            browser.close()
    for name, size in sizes.items():
        print(f"{args.out / name}.png {size / 1000:.0f} kB")
    return 1 if max(sizes.values()) > MOST_BYTES else 0


@contextmanager
def demo_node(port: int = 29850, port_base: int = 29840) -> Iterator[tuple[str, dict[str, str]]]:
    """`anlan up` with a folder of its own; its console's address and the passwords of the demo's shift."""
    with tempfile.TemporaryDirectory(prefix="anlan-pictures-") as folder:
        command = [
            Path(sys.executable).parent / "anlan",
            "up",
            "--data",
            folder,
            "--port",
            str(port),
            "--port-base",
            str(port_base),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"}) as node:
            try:
                yield told(node)
            finally:
                node.send_signal(signal.SIGINT)


def told(node: subprocess.Popen[str]) -> tuple[str, dict[str, str]]:
    assert node.stdout is not None
    said, deadline = "", time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        line = node.stdout.readline()
        if not line:
            break
        said += line
        if address := re.search(r"(https?://\S+)", line):
            return address[1], dict(re.findall(r"^\s+(\w+)\s+(\S+)", said, re.MULTILINE))
    raise SystemExit(f"the node did not start:\n{said}")


def take(browser: Browser, picture: Picture, out: Path, address: str, password: str) -> int:
    """One picture; its size in bytes."""
    context = browser.new_context(
        viewport={"width": picture.size[0], "height": picture.size[1]}, base_url=address, device_scale_factor=picture.scale
    )
    body = {"account": ACCOUNT, "password": password, "language": picture.language}
    answer = context.request.post("/api/v1/session", data=body, headers={"Origin": address})
    if not answer.ok:
        raise SystemExit(f"sign-in refused: {answer.text()}")
    page = context.new_page()
    page.goto(picture.path)
    page.wait_for_selector(picture.shell)
    page.wait_for_timeout(4_000)  # charts draw, values arrive
    if picture.click:
        page.locator(picture.click).first.click()
        page.wait_for_timeout(2_000)
    if picture.keys:
        page.keyboard.type(picture.keys)
        page.wait_for_timeout(2_000)
    file = out / f"{picture.name}.png"
    page.screenshot(path=file)
    context.close()
    return file.stat().st_size


if __name__ == "__main__":
    raise SystemExit(main())

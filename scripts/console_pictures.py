"""docs/pages.md: every page of the console with its picture, 1920 × 1080, of the demo node in the middle of its story.

    python -m scripts.console_pictures [--out docs] [--after SECONDS]

The list is the navigation's own, as the operator, the safety officer and the administrator see it, and what other pages lead to. Takes about five
minutes. Needs Debian's chromium and fonts-noto-cjk, and the dev environment.
"""

from __future__ import annotations

import argparse
import io
import re
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scripts.pictures import CHROMIUM, FLAGS, demo_node

ROOT = Path(__file__).parents[1]
ACCOUNTS = ("zhucao", "anquan", "admin")
ADMIN_PASSWORD = "wave-after-wave-9"  # of a node that is thrown away
SIZE = (1920, 1080)
MOST_BYTES = 80_000
AFTER = 150.0
"""s: pressure has been high-high, chlorine rises."""
BESIDE = {
    "/alarms/journal": "报警记录",
    "/alarms/master": "主报警库",
    "/points/AT-201": "测点",
    "/places/hualan/U200": "部位:一个装置",
    "/trends?points=PI-101,AT-201,AT-202": "趋势:多个测点",
    "/wall?view=overview&view=alarms&every=3600": "大屏",
    "/wall/choose": "大屏:选择画面",
    "/account": "我的账号",
    "/risk/studies/chlorine-release": "研究:故障树",
    "/risk/studies/chlorine-consequences": "研究:事件树",
    "/risk/studies/chlorine-release?tab=text": "研究:文本",
    "/risk/studies/chlorine-bow-tie": "研究:蝶形图",
    "/risk/studies/chlorine-alarm-true": "研究:贝叶斯网络",
    "/risk/studies/reactor-overpressure": "研究:保护层分析",
}
"""Pages that other pages lead to, with their names."""
HEAD = """\
# The pages of the console

Made by `scripts/console_pictures.py` from the navigation of a demo node, in Chinese as operators see it; each page speaks English too. What they say and
how they come to it: [console](console.md).
"""


@dataclass(frozen=True)
class Shown:
    path: str
    name: str
    picture: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--after", type=float, default=AFTER, help="seconds of the story before the pictures are taken")
    args = parser.parse_args()
    (args.out / "pictures").mkdir(parents=True, exist_ok=True)
    with demo_node() as (address, passwords), sync_playwright() as playwright:
        time.sleep(args.after)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = taken(browser, address, passwords, args.out / "pictures")
        browser.close()
    (args.out / "pages.md").write_text(page_of(shown), encoding="utf-8")
    return 0


def taken(browser: Browser, address: str, passwords: dict[str, str], folder: Path) -> list[Shown]:
    shown: dict[str, Shown] = {}
    for account in ACCOUNTS:
        context = signed_in(browser, address, account, passwords)
        page = context.new_page()
        for path, name in {**ways(page), **(BESIDE if account == ACCOUNTS[0] else {})}.items():
            if path not in shown:
                file = f"page-{re.sub(r'[^a-zA-Z0-9]+', '-', path).strip('-').lower() or 'overview'}.webp"
                take(page, path, folder / file)
                shown[path] = Shown(path, name, file)
        context.close()
    return list(shown.values())


def signed_in(browser: Browser, address: str, account: str, passwords: dict[str, str], language: str = "zh") -> BrowserContext:
    """A person of the demo's shift, or the first administrator, who chooses a password first; `passwords` is kept in step."""
    context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, base_url=address)
    headers = {"Origin": address}
    body = {"account": account, "password": passwords[account], "language": language}
    answer = context.request.post("/api/v1/session", data=body, headers=headers)
    if account == "admin" and answer.ok and passwords[account] != ADMIN_PASSWORD:
        body = {"old": passwords[account], "new": ADMIN_PASSWORD}
        answer = context.request.post("/api/v1/me/password", data=body, headers=headers)
        passwords[account] = ADMIN_PASSWORD
    if not answer.ok:
        raise SystemExit(f"{account}: {answer.text()}")
    return context


def ways(page: Page) -> dict[str, str]:
    """The navigation of who is signed in: path → name."""
    page.goto("/account")
    page.wait_for_selector(".shell .ways a")
    found = page.eval_on_selector_all(
        ".shell .ways a", "all => all.map((one) => [one.getAttribute('href'), one.textContent.trim()])"
    )
    return {str(path): str(name) for path, name in found}


def take(page: Page, path: str, file: Path) -> None:
    page.goto(path)
    page.wait_for_selector(".shell, .wall")
    page.wait_for_timeout(3_500)  # charts draw, values arrive
    file.write_bytes(small(page.screenshot()))


def small(png: bytes) -> bytes:
    """WebP of as much quality as fits into the most bytes that a picture of the manual may have."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(80, 10, -10):
        made = io.BytesIO()
        image.save(made, "WEBP", quality=quality, method=6)
        if made.tell() <= MOST_BYTES:
            break
    return made.getvalue()


def page_of(shown: list[Shown]) -> str:
    parts = [f"## {one.name}\n\n`{one.path}`\n\n![{one.name}](pictures/{one.picture})\n" for one in shown]
    return "\n".join([HEAD, *parts])


if __name__ == "__main__":
    raise SystemExit(main())

"""Every page that the navigation offers, over a whole demo node, in both languages: nothing that axe calls serious, at every size nothing beyond the
edge, the counts of alarms in view, no text below 12 px, and everything to be reached by the keyboard.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from scripts.console_pictures import ACCOUNTS, BESIDE, signed_in, ways
from scripts.pictures import demo_node
from tests.ports import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SIZES = {"zh": [(1920, 1080), (3840, 2160), (1366, 768)], "en": [(1024, 768), (390, 844)]}
DOORS = ("/login", "/pair", "/emergency")
"""Open to nobody in particular; they have no frame."""
SETTLES = 350
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
SERIOUS = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .flatMap((one) => one.nodes.slice(0, 3).map((node) => `${one.id}: ${node.html.slice(0, 200)} ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""}`))"""
WRONG = """(framed) => {
  const wrong = [], seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const beyond = document.documentElement.scrollWidth - innerWidth;
  if (beyond > 1) wrong.push(`${beyond} px beyond the edge`);
  const band = document.querySelector(".bar .counts, .wall > header .counts")?.getBoundingClientRect();
  if (framed && (!band || !band.width || band.top < 0 || band.bottom > innerHeight || band.left < 0 || band.right > innerWidth + 1)) wrong.push("the counts are not in view");
  for (const one of document.querySelectorAll("body *:not(script, style, template, svg *, option)")) {
    const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (text && parseFloat(getComputedStyle(one).fontSize) < 12 && seen(one)) wrong.push(`${getComputedStyle(one).fontSize}: ${one.outerHTML.slice(0, 120)}`);
  }
  return wrong.slice(0, 6);
}"""
UNREACHABLE = """() => [...document.querySelectorAll("[onclick], [data-act], .button, a[href], select, input:not([type=hidden]), textarea, summary, [role=tab]")]
  .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex < 0 && !one.closest("[role=tablist], [role=listbox], [inert], dialog:not([open]), svg"))
  .map((one) => one.outerHTML.slice(0, 140)).slice(0, 6)"""
"""What a pointer works and the tab key doesn't come to; lists and tabs are walked by arrows from their chosen one."""


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[str, dict[str, str]]]:
    """A node's address, and the passwords of the demo's shift."""
    base = free_ports()
    with demo_node(port=base + 4, port_base=base) as (address, passwords):
        yield address, passwords


def visit(page: Page, path: str, sizes: list[tuple[int, int]], folder: Path | None) -> list[str]:
    """What is wrong with one page, each with where it was seen."""
    framed = path not in DOORS
    page.set_viewport_size({"width": sizes[0][0], "height": sizes[0][1]})
    page.goto(path)
    page.wait_for_selector("#page:not([inert], [aria-busy]), .wall" if framed else "main.door:not([inert])")
    page.wait_for_timeout(SETTLES)  # live values and charts arrive; there is no event for "drawn"
    page.evaluate(AXE)
    found = [f"{path}: {one}" for one in page.evaluate(SERIOUS)] + [
        f"{path}: not by keyboard: {one}" for one in page.evaluate(UNREACHABLE)
    ]
    for width, height in [one for one in sizes if one[0] > 1000 or "/wall?" not in path]:  # no wall is as small as a phone
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(120)
        found += [f"{path} at {width}: {one}" for one in page.evaluate(WRONG, framed)]
        if folder is not None:
            page.screenshot(path=folder / f"{re.sub(r'[^a-zA-Z0-9]+', '-', path).strip('-') or 'overview'}-{width}.png")
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_read_and_fits(browser: Browser, demo: tuple[str, dict[str, str]], language: str) -> None:
    """`ANLAN_PICTURES=dir` keeps what was seen."""
    folder = Path(os.environ["ANLAN_PICTURES"]) if "ANLAN_PICTURES" in os.environ else None
    found: list[str] = []
    visited: set[str] = set()
    address, passwords = demo
    stranger = browser.new_context(base_url=address, locale=language)
    for path in DOORS:
        found += visit(stranger.new_page(), path, SIZES[language], folder)
    stranger.close()
    for account in ACCOUNTS:
        context = signed_in(browser, address, account, passwords, language)
        page: Any = context.new_page()
        beside = [*BESIDE, "/nothing-here"] if account == ACCOUNTS[0] else []
        for path in [one for one in [*ways(page), *beside] if one not in visited]:
            visited.add(path)
            found += visit(page, path, SIZES[language], folder)
        context.close()
    assert not found, "\n".join(found)
    assert len(visited) >= 20

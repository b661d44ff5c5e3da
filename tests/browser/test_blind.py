"""The blind-spot plan while a source is lost and comes back, in real Chromium."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 20_000


def count(page: Any, name: str) -> Any:
    return page.locator(f'[data-count="{name}"] b')


def test_a_source_is_lost_and_comes_back(node: Any, sign_in: Any) -> None:
    page = sign_in(path="/blind")
    calibrating = page.locator('.spot[data-points^="AT-203"]')
    expect(calibrating).to_have_class(re.compile("hit"), timeout=SHOWS)
    expect(calibrating.locator(".blind-mark text")).to_have_text("校")
    expect(count(page, "calibrating")).to_have_text("1")
    quiet = page.locator('.spot[data-points^="PI-101"]')
    expect(quiet).to_have_class(re.compile("quiet"))
    expect(page.locator(".area.uncovered")).to_have_count(0)
    node.cut("tanks")
    try:
        store = page.locator(".area.uncovered.whole", has_text="液氯罐区")
        expect(store).to_be_visible(timeout=SHOWS)
        expect(store).to_contain_text("区域无有效气体探测")
        expect(page.locator(".rows .area-row").first).to_contain_text("区域无有效气体探测")
        source = page.locator('.rows [data-row="communication tanks"]')
        expect(source).to_contain_text(re.compile(r"\d+ 个测点,其中安全测点 \d+ 个"))
        expect(source).to_contain_text("条报警不能按设计发出")
        point = page.locator('.rows [data-point="AT-201"]')
        expect(point).to_contain_text(re.compile(r"最后收到于 \d+ 秒前"))
        expect(page.locator('.spot[data-points^="AT-201"] .blind-mark text')).to_have_text("断")
        point.hover()
        expect(page.locator('.spot[data-points^="AT-201"]')).to_have_class(re.compile("lit"))
        told = page.request.get("/api/v1/blind").json()
        expect(count(page, "unknown")).to_have_text(str(sum(told["counts"].get(c, 0) for c in ("communication", "no_data", "stale", "unheard", "fault", "over_range"))))  # fmt: skip
    finally:
        node.mend("tanks")
    expect(page.locator(".area.uncovered")).to_have_count(0, timeout=SHOWS)
    expect(page.locator('.rows [data-row="communication tanks"]')).to_have_count(0)
    expect(quiet).to_have_class(re.compile("quiet"))


def test_the_list_goes_by_keyboard(sign_in: Any) -> None:
    page = sign_in(path="/blind", language="en")
    rows = page.locator(".rows a.row")
    expect(rows.nth(1)).to_be_visible(timeout=SHOWS)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(rows.first).to_be_focused()
    point = rows.first.get_attribute("data-point")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/points/{point}"))


def test_nothing_reaches_beyond_a_phone(sign_in: Any) -> None:
    page = sign_in(path="/blind", size=(390, 844))
    expect(page.locator(".rows a.row").first).to_be_attached(timeout=SHOWS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

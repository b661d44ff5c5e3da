"""The search box as a person uses it, in real Chromium: from any page, by keyboard, in any spelling."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
SHOWS = 15_000


def shot(page: Page, name: str) -> None:
    """Kept as an artefact, to be looked at."""
    folder = Path(os.environ.get("ANLAN_SHOTS", "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def rows(page: Page) -> Any:
    return page.locator("#search-found li")


@pytest.mark.parametrize("path", ["/", "/alarms", "/trends", "/sources", "/points/AT-203", "/no/such/page"])
def test_the_slash_opens_it_on_every_page(sign_in: Any, path: str) -> None:
    sign_in.expected += ["404"]
    page = sign_in("zhuang", path)
    page.keyboard.press("/")
    expect(page.locator("#search-dialog input")).to_be_focused(timeout=SHOWS)
    page.keyboard.press("Escape")
    expect(page.locator("#search-dialog")).to_be_hidden()


def test_from_a_few_letters_to_the_point_by_keyboard(sign_in: Any) -> None:
    page = sign_in("zhuang", "/alarms")
    page.keyboard.press("Control+k")
    page.keyboard.type("yelv yali")
    expect(rows(page).first).to_contain_text("液氯", timeout=SHOWS)
    expect(page.locator("#search-found .value anlan-value .figure").first).not_to_have_text("—", timeout=SHOWS)
    shot(page, "search-zh")
    second = rows(page).nth(1)
    tag = second.locator("b").inner_text()
    page.keyboard.press("ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/points/{tag}$"), timeout=SHOWS)


def test_in_english_with_counts_and_an_alarm(sign_in: Any) -> None:
    page = sign_in("zhuang", "/", language="en")
    page.click('[data-shell="search"]')
    page.keyboard.type("AT-203 high")
    expect(rows(page).first).to_contain_text("AT-203", timeout=SHOWS)
    expect(page.locator("#search-dialog .note")).to_have_text(re.compile(r"Alarm \d+"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/alarms\?alarm=AT-203\.H"), timeout=SHOWS)


def test_a_slash_typed_into_a_field_is_a_slash(sign_in: Any) -> None:
    page = sign_in("zhuang", "/alarms")
    page.fill("input[type=search] >> nth=0", "")
    page.locator(".alarms-page input[type=search]").focus()
    page.keyboard.type("a/b")
    expect(page.locator(".alarms-page input[type=search]")).to_have_value("a/b")
    expect(page.locator("#search-dialog")).to_be_hidden()


def test_nothing_found_is_said_and_the_list_is_let_go_when_it_closes(sign_in: Any) -> None:
    page = sign_in("zhuang", "/alarms")
    page.keyboard.press("/")
    page.keyboard.type("zzzqq")
    expect(page.locator("#search-dialog .note")).to_have_text("没有找到您有权查看的内容。", timeout=SHOWS)
    page.fill("#search-dialog input", "PI-101")
    expect(rows(page).first).to_contain_text("PI-101", timeout=SHOWS)
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(0)


def test_on_a_phone(sign_in: Any) -> None:
    page = sign_in("zhuang", "/alarms", size=(390, 844))
    page.click('[data-shell="search"]')
    page.keyboard.type("lvqi")
    expect(rows(page).first).to_contain_text("氯", timeout=SHOWS)
    shot(page, "search-phone-zh")
    box = page.locator("#search-dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390

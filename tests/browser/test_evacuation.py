"""An evacuation call in real Chromium: held, not slipped; on another console and on the wall at once; gone when it is ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
PICTURES = os.environ.get("ANLAN_PICTURES")


def keep(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_a_call_is_held_and_stands_everywhere_until_it_is_ended(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("ban", "/evacuation")
    form = page.locator("anlan-evacuation form")
    expect(form).to_be_visible(timeout=SHOWS)
    form.locator("[name=place]").select_option("hualan")
    form.locator("[name=reason]").fill("氯气泄漏,风向东南")
    form.locator("[name=exercise]").check()
    hold = form.locator("button.hold")
    hold.click()
    expect(page.locator("anlan-evacuation")).to_contain_text("尚无疏散呼叫")
    other: Page = sign_in("zhuang", "/alarms")
    wall = other.context.new_page()
    wall.goto("/wall")
    page.bring_to_front()
    hold.focus()
    page.keyboard.down("Enter")
    band = page.locator(".evacuation-band")
    expect(band).to_be_visible(timeout=SHOWS)
    page.keyboard.up("Enter")
    expect(band).to_contain_text("演练")
    expect(band).to_contain_text("现场人数本系统未知")
    for one in (other, wall):
        expect(one.locator(".evacuation-band")).to_contain_text("氯气泄漏", timeout=SHOWS)
    keep(page, "evacuation")
    keep(other, "evacuation-other")
    keep(wall, "evacuation-wall")
    expect(wall.locator(".evacuation-band button")).to_have_count(0)
    other.reload()
    expect(other.locator(".evacuation-band")).to_be_visible(timeout=SHOWS)
    page.keyboard.press("Escape")
    band.locator("button").click()
    page.locator("dialog.aside [name=reason]").fill("演练结束")
    page.locator("dialog.aside [type=submit]").click()
    for one in (page, other, wall):
        expect(one.locator(".evacuation-band")).to_have_count(0, timeout=SHOWS)
    expect(page.locator("anlan-evacuation tbody tr")).to_contain_text("演练结束")

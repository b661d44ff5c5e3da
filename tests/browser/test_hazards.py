"""Major hazards in the browser, on the demo plant: the register, its tanks moving, signing, and what a second person has to say."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
PASSWORD = "wave-after-wave-7"


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("ANLAN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_register_is_read_and_signed(sign_in: Any) -> None:
    page = sign_in("shen", "/risk/hazards")
    chlorine = page.locator('tr[data-unit="MH-200"]')
    expect(chlorine).to_contain_text("2 级")
    expect(page.locator('tr[data-unit="MH-500"]')).to_contain_text("不构成重大危险源")
    expect(page.locator('[data-tank="V-201.MASS"] .figure')).to_contain_text("/ 42.49 t")
    expect(page.locator('[data-tank="V-201.MASS"] .figure')).not_to_contain_text("—")
    page.click(".filing-list summary")
    expect(page.locator(".filing-list")).to_contain_text("4/10")
    expect(page.locator(".filing-list tr", has_text="基本特征表")).to_contain_text("未填写")
    page.click("[data-act=sign]")
    page.fill("dialog[open] [name=basis]", "安全评价报告 2026-031")
    page.fill("dialog[open] [name=password]", PASSWORD)
    page.click("dialog[open] [type=submit]")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(chlorine.locator(".level")).to_have_text("2 级")
    expect(page.locator(".one")).to_contain_text("安全评价报告 2026-031")
    expect(chlorine).to_contain_text(re.compile("余 109[56] 天"))
    picture(page, "hazards")
    lost = "const classes = document.body.classList; classes.add('link-lost'); const seen = getComputedStyle(one).opacity; classes.remove('link-lost')"
    told = page.locator(".vessel").first.evaluate(f"one => {{ {lost}; return seen }}")
    assert told == "0.55", "what was last heard is not what is"
    page.locator('tr[data-unit="MH-400"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator(".one .head")).to_contain_text("有机过氧化物仓库")
    expect(page.locator(".one .scale .computed")).to_contain_text("1.56")
    picture(page, "hazards-warehouse")

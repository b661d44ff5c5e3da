"""A bow-tie and a Bayesian net of the demo plant in real Chromium: drawn as the plant is now, and what is assumed is marked as such."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
SHOWS = 30_000


def shot(page: Page, name: str) -> None:
    """Kept as an artefact, to be looked at."""
    folder = Path(os.environ.get("ANLAN_SHOTS", "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def test_a_bow_tie_as_the_plant_is_now(sign_in: Any) -> None:
    page = sign_in("zhuang", "/risk/studies/chlorine-bow-tie")
    barrier = page.locator('[data-at="poisoned/scrubber"]')
    expect(barrier).to_contain_text("事故氯吸收", timeout=SHOWS)
    expect(page.locator(".tie-box")).to_have_count(7)
    expect(page.locator(".tie-hanging")).to_have_count(3)
    shot(page, "bow-tie-zh")
    before = page.locator(".tie-box.consequence .factor").first.inner_text()
    barrier.focus()
    page.keyboard.press("Enter")
    detail = page.locator(".tie-detail")
    expect(detail).to_contain_text("碱液循环泵")
    expect(detail).to_contain_text("alarm AI-203.L")
    detail.locator('[data-as="failed"]').click()
    expect(barrier).to_have_class(re.compile(r"\bfailed\b.*\bas-if\b"), timeout=SHOWS)
    expect(page.locator(".bow-tie .assumed")).to_contain_text("假设,非现场实况")
    expect(page.locator(".tie-box.consequence .factor").first).not_to_have_text(before)
    shot(page, "bow-tie-assumed-zh")
    page.locator("[data-reset]").click()
    expect(page.locator(".bow-tie .assumed")).to_be_hidden()
    expect(barrier).not_to_have_class(re.compile(r"\bas-if\b"))


def test_a_net_is_asked_by_clicks(sign_in: Any) -> None:
    page = sign_in("zhuang", "/risk/studies/chlorine-alarm-true", language="en")
    expect(page.locator(".net-node")).to_have_count(10, timeout=SHOWS)
    expect(page.locator('.net-state[data-of="at-201"].set')).to_have_count(1)
    shot(page, "net-en")
    page.locator('[data-at="smell=yes"]').click()
    expect(page.locator('[data-at="smell=yes"]')).to_have_attribute("aria-pressed", "true", timeout=SHOWS)
    expect(page.locator(".net-why")).to_contain_text("Somebody smells it = yes")
    expect(page.locator(".net-view .assumed")).to_contain_text("Assumed, not the plant")
    page.locator('[data-at="ask corrosion"]').click()
    expect(page.locator(".net-sum")).to_contain_text("Corrosion = heavy", timeout=SHOWS)
    shot(page, "net-assumed-en")
    page.locator("[data-plant]").click()
    expect(page.locator('.net-state[data-of="at-201"].set')).to_have_count(0, timeout=SHOWS)
    page.locator("[data-reset]").click()
    expect(page.locator(".net-view .assumed")).to_be_hidden()
    expect(page.locator(".net-sum")).to_contain_text("Chlorine leaks = yes")

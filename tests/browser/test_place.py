"""The page of a place in real Chromium: from the overview down, counts, alarms, points, what lies below and outside."""

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


def test_from_the_overview_to_a_unit_and_on_to_a_tank(sign_in: Any) -> None:
    page = sign_in("zhuang", "/")
    page.focus('article[data-unit="hualan/U200"] h2 a')  # tiles change places as alarms come; the focus goes with its own
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/places/hualan/U200$"), timeout=SHOWS)
    expect(page.locator('[data-sum="within"] b')).to_have_text(re.compile(r"^\d+/\d+$"), timeout=SHOWS)
    expect(page.locator('[data-child="hualan/U200/V-201"] .counts')).to_have_text(re.compile(r"在限值内 \d+/\d+"), timeout=SHOWS)
    expect(page.locator(".place-page .worst-now .row-link").first).to_contain_text("AT-201", timeout=SHOWS)
    expect(page.locator('tr[data-point="AT-201"] .slot .sym')).to_have_count(1)
    expect(page.locator('tr[data-point="AT-201"] .figure')).not_to_have_text("—", timeout=SHOWS)
    expect(page.locator(".elsewhere .outside-link", has_text="SOP-U200-03")).to_have_attribute("rel", "noopener noreferrer")
    expect(page.locator(".elsewhere", has_text="CAM-22")).to_contain_text("rtsp://video.hualan.example:554/CAM-22")
    shot(page, "place-zh")
    page.click('[data-child="hualan/U200/V-201"]')
    expect(page).to_have_url(re.compile(r"/places/hualan/U200/V-201$"), timeout=SHOWS)
    expect(page.locator(".trail a")).to_have_text(["华澜化工", "液氯罐区"])
    expect(page.locator('tr[data-point="AT-201"]')).to_have_count(0)


BARE = """async () => {
  const { alarms } = await import(performance.getEntriesByType("resource").find((one) => one.name.endsWith("/alarms.js")).name);
  for (const one of document.querySelectorAll(".plan .spot, .plan [data-unit-mark]")) one.remove();
  alarms.dispatchEvent(new Event("change"));
}"""
"""As if nothing had been placed on the plan yet."""


def test_a_plan_placed_in_part_counts_the_alarms_that_it_does_not_show(sign_in: Any) -> None:
    page = sign_in("zhuang", "/")
    expect(page.locator(".worst-now .row-link").first).to_be_visible(timeout=SHOWS)
    page.evaluate(BARE)
    expect(page.locator(".drawing .plan-note")).to_have_text(re.compile(r"[1-9]\d* 条报警不在图上"), timeout=SHOWS)


def test_the_whole_plant_and_its_units_add_up(sign_in: Any) -> None:
    page = sign_in("zhuang", "/places", language="en")
    expect(page.locator('[data-sum="within"] b')).to_have_text(re.compile(r"^\d+/\d+$"), timeout=SHOWS)
    whole = int(page.locator('[data-sum="within"] b').inner_text().split("/")[1])
    counts = page.locator("[data-child] .counts")
    expect(counts.first).to_have_text(re.compile(r"within limits \d+/\d+"), timeout=SHOWS)
    assert sum(int(re.search(r"/(\d+)", text)[1]) for text in counts.all_inner_texts()) == whole  # type: ignore[index]
    shot(page, "place-top-en")


def test_what_is_lost_is_seen_at_once(sign_in: Any, node: Any) -> None:
    page = sign_in("zhuang", "/places/hualan/U200")
    expect(page.locator(".chips .link-state").first).not_to_have_text("—", timeout=SHOWS)
    before = page.locator(".chips .link-state").first.inner_text()
    node.link(False)
    expect(page.locator("body")).to_have_class(re.compile("link-lost"), timeout=SHOWS)
    expect(page.locator(".chips .link-state").first).not_to_have_text(before, timeout=SHOWS)
    node.link(True)
    expect(page.locator("body")).not_to_have_class(re.compile("link-lost"), timeout=SHOWS)


def test_a_place_that_is_not_there_is_said(sign_in: Any) -> None:
    sign_in.expected += ["404"]
    page = sign_in("zhuang", "/places/hualan/U999")
    expect(page.locator(".instead")).to_contain_text("本装置没有部位 hualan/U999")


def test_from_point_and_story_back_to_the_place(sign_in: Any) -> None:
    page = sign_in("zhuang", "/points/LI-201")
    page.click("dl a >> nth=0")
    expect(page).to_have_url(re.compile(r"/places/hualan/U200"), timeout=SHOWS)
    page.goto("/alarms")
    page.click('tr[data-alarm="AT-201.H"]', timeout=60_000)
    expect(page.locator(".story dd a").first).to_have_attribute("href", "/places/hualan/U200", timeout=SHOWS)


def test_the_camera_that_looks_at_an_alarm_stands_in_its_story_and_at_its_point(sign_in: Any) -> None:
    page = sign_in("zhuang", "/alarms")
    page.click('tr[data-alarm="AT-201.H"]', timeout=60_000)
    camera = page.locator(".story .elsewhere a")
    expect(camera).to_have_attribute("href", "rtsp://video.hualan.example:554/CAM-22", timeout=SHOWS)
    expect(camera).to_have_attribute("target", "_blank")
    expect(camera).to_have_attribute("rel", "noopener noreferrer")
    shot(page, "story-camera-zh")
    page.goto("/points/AT-203")
    expect(page.locator(".elsewhere a")).to_have_attribute("href", "https://video.hualan.example/CAM-21", timeout=SHOWS)
    page.goto("/points/PI-101")
    expect(page.locator(".point-page")).to_be_visible(timeout=SHOWS)
    expect(page.locator(".elsewhere")).to_have_count(0)


def test_on_a_phone(sign_in: Any) -> None:
    page = sign_in("zhuang", "/places/hualan/U200", size=(390, 844))
    expect(page.locator('[data-sum="within"] b')).to_have_text(re.compile(r"^\d+/\d+$"), timeout=SHOWS)
    shot(page, "place-phone-zh")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

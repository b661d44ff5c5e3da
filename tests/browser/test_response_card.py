"""The response card of an alarm as an operator uses it, in real Chromium."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 20_000


def active(page: Any) -> dict[str, Any]:
    """An unacknowledged alarm of a limit at this post, whose condition is on and for which a time to respond is written."""
    expect(page.locator(".alarm-table tbody tr").first).to_be_visible(timeout=60_000)
    for _ in range(60):
        for row in page.request.get("/api/v1/alarms?state=UNACKNOWLEDGED").json()["items"]:
            if row["kind"] in {"H", "HH", "L", "LL"} and row["time_to_respond"] and row["point"].startswith("AT-"):
                return dict(row)
        page.wait_for_timeout(1000)
    pytest.fail("no gas alarm stands in the demo's story")


def test_time_runs_and_the_action_is_judged_and_answered(sign_in: Any) -> None:
    page = sign_in(path="/alarms")
    row = active(page)
    page.goto(f"/alarms?alarm={row['id']}")
    story = page.locator(".story")
    expect(story.locator(".respond b")).to_have_text(re.compile(r"^\d+:\d\d"), timeout=SHOWS)
    first = story.locator(".respond b").text_content()
    expect(story.locator(".respond b")).not_to_have_text(str(first), timeout=SHOWS)
    expect(story.locator(".response")).to_contain_text(row["corrective_action"]["zh"])
    expect(story.locator(".taken")).to_contain_text("尚无人确认")
    expect(story.locator(".worked h3")).to_have_text("当前情况")
    expect(story.locator(".effect")).to_have_count(0)

    page.locator(f'tr[data-alarm="{row["id"]}"]').click()
    page.keyboard.press("a")
    expect(story.locator(".worked h3")).to_have_text("措施见效了吗?", timeout=SHOWS)
    expect(story.locator(".taken")).to_contain_text("庄海")
    expect(story.locator(".worked .word")).to_be_visible(timeout=SHOWS)
    expect(story.locator(".verdict")).to_contain_text("恢复限")

    story.locator("[name=note]").fill("关闭 V-201 根部阀")
    story.locator('button[value="did_not_work"]').click()
    expect(page.locator(".toast").last).to_contain_text(f"已记录:{row['id']} · 未见效", timeout=SHOWS)
    said = story.locator(".answers li")
    expect(said).to_have_count(1)
    expect(said).to_contain_text("未见效 关闭 V-201 根部阀")
    expect(said).to_contain_text("庄海")
    story.locator('button[value="worked"]').click()
    expect(said).to_have_count(2, timeout=SHOWS)
    expect(said.first).to_contain_text("见效")
    kept = page.request.get(f"/api/v1/alarms/{row['id']}/response").json()["answers"]
    assert [one["effect"] for one in kept] == ["worked", "did_not_work"]
    assert kept[0]["post"]


def test_the_card_fits_a_phone(sign_in: Any) -> None:
    page = sign_in(path="/alarms", size=(390, 844))
    row = active(page)
    page.goto(f"/alarms?alarm={row['id']}")
    page.locator(f'tr[data-alarm="{row["id"]}"]').click(timeout=SHOWS)
    expect(page.locator(".story .respond b")).to_be_visible(timeout=SHOWS)
    bar = page.locator(".story .time-bar").bounding_box()
    assert bar is not None
    assert bar["height"] < 12
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= 390

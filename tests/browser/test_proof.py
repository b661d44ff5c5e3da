"""The weekly proof in real Chromium: the alarm comes by the socket, the browser sounds it, the person says so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from anlan.model.frames import NODE_SOURCE
from anlan.model.quality import Flag
from anlan.model.readings import Readings
from anlan.monitor.proof import POINT
from anlan.monitor.proof.service import PROVE

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
PICTURES = os.environ.get("ANLAN_PICTURES")


@pytest.fixture
def proving(node: Any) -> None:
    """What core does: the node's own point, marked as an exercise, into the log."""
    harness = node.harness

    async def prove(on: bool) -> dict[str, Any]:
        now = harness.clock.now()
        readings = Readings.of([(harness.view.point_numbers[POINT], now, float(on), int(Flag.EXERCISE))])
        harness.log.append([harness._readings(NODE_SOURCE, readings, now)])
        return {"durable": now, "decided": harness.clock.now()}

    harness.context.extras[PROVE] = prove


def test_a_proof_is_heard(node: Any, sign_in: Any, proving: None) -> None:
    page: Page = sign_in("zhuang", "/proof")
    page.locator("[name=station]").fill("中控室 2 台")
    page.locator('[data-act="start"]').click()
    running = page.locator("anlan-proof .now")
    expect(running).to_contain_text("您在本操作台听到报警声了吗", timeout=SHOWS)
    expect(running.locator(".stage.missing")).to_have_count(0, timeout=SHOWS)
    running.locator("[name=note]").fill("声音清楚")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "proof-running.png")
    running.locator('[data-act="heard"]').focus()
    page.keyboard.press("Enter")
    row = page.locator("anlan-proof tbody tr").first
    expect(row).to_contain_text("已听到", timeout=SHOWS)
    expect(row).to_contain_text("声音清楚")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "proof.png")

"""Evacuation call, alarm-chain proof and settings in real Chromium, on one node; the settings last, for they change its rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from anlan.guard.passwords import hash_password
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.frames import NODE_SOURCE
from anlan.model.quality import Flag
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor.proof import POINT
from anlan.monitor.proof.service import PROVE
from anlan.node.facts import RunningNode
from anlan.node.layout import NodeFolder
from anlan.web.listening import Listening
from anlan.web.node_facts import EXTRA

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
    other.set_viewport_size({"width": 390, "height": 844})
    other.wait_for_function(
        "document.querySelector('.evacuation-band').offsetHeight < 220 && document.documentElement.scrollWidth <= innerWidth"
    )
    top = "Math.round(document.querySelector('.shell > .top').getBoundingClientRect().top) === document.querySelector('.evacuation-band').offsetHeight"
    other.wait_for_function(top)  # on a phone the page and its counts begin below the band
    page.keyboard.press("Escape")
    band.locator("button").click()
    page.locator("dialog.aside [name=reason]").fill("演练结束")
    page.locator("dialog.aside [type=submit]").click()
    for one in (page, other, wall):
        expect(one.locator(".evacuation-band")).to_have_count(0, timeout=SHOWS)
    expect(page.locator("anlan-evacuation tbody tr")).to_contain_text("演练结束")


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
    keep(page, "proof-running")
    running.locator('[data-act="heard"]').focus()
    page.keyboard.press("Enter")
    row = page.locator("anlan-proof tbody tr").first
    expect(row).to_contain_text("已听到", timeout=SHOWS)
    expect(row).to_contain_text("声音清楚")
    keep(page, "proof")


def test_what_is_in_force_is_shown_and_rules_are_changed_there(node: Any, sign_in: Any) -> None:
    harness = node.harness
    harness.context.extras[EXTRA] = RunningNode(
        NodeFolder(harness.folder), Listening(), [harness.folder / "witness.jsonl"], demo=True
    )
    with harness.records.session() as session:
        new = NewPerson("shezhi", Label(zh="管理", en="Guan Li"), (Held("administrator"),))
        add_person(session, new, hash_password(node.password), harness.clock, must_change=False)
    page: Page = sign_in("shezhi", "/settings")
    rows = page.locator('[data-section="people"]')
    expect(rows).to_contain_text("密码与会话", timeout=SHOWS)
    expect(page.locator('[data-section="node"]')).to_contain_text(str(harness.folder))
    expect(page.locator('[data-section="audit"]')).to_contain_text("witness.jsonl")
    keep(page, "settings")
    page.locator('[data-act="policy"]').click()
    page.locator("dialog.aside [name=policy]").select_option("mlps3")
    page.locator("dialog.aside [name=reason]").fill("等级保护三级")
    page.locator("dialog.aside [type=submit]").click()
    expect(rows).to_contain_text("等", timeout=SHOWS)
    page.locator('[data-act="language"][data-language="en"]').click()
    expect(page.locator("anlan-settings")).to_contain_text("For me, at this browser", timeout=SHOWS)

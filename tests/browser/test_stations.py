"""Pairing a station and answering alarms there without a name, in real Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from anlan.guard.passwords import hash_password
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.words import Label

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
PICTURES = os.environ.get("ANLAN_PICTURES")


def keep(page: Page, name: str) -> None:
    page.screenshot(path=Path(PICTURES or os.devnull) / f"{name}.png" if PICTURES else None)


@pytest.fixture(scope="module")
def admin(node: Any) -> str:
    harness = node.harness
    hashed = hash_password(node.password)
    with harness.records.session() as session:
        new = NewPerson("guan", Label(zh="管理", en="Guan Li"), (Held("administrator"),))
        add_person(session, new, hashed, harness.clock, must_change=False)
    return "guan"


@pytest.fixture
def no_people(node: Any) -> Iterator[Any]:
    """Takes the table of people away, and puts it back."""
    records, gone = node.harness.records, []

    def take() -> None:
        with records.session() as session:
            session.execute(text("ALTER TABLE guard_people RENAME TO lost_people"))
        gone.append(True)

    yield take
    for _ in gone:
        with records.session() as session:
            session.execute(text("ALTER TABLE lost_people RENAME TO guard_people"))


def test_a_station_is_paired_and_answers_when_nobody_can_sign_in(
    node: Any, browser: Browser, sign_in: Any, admin: str, no_people: Any
) -> None:
    page: Page = sign_in(admin, "/stations")
    page.locator('[data-act="make"]').click()
    page.locator("dialog.aside [name=name]").fill("控制室 2 台")
    page.locator("dialog.aside [type=submit]").click()
    code = page.locator(".code .big")
    expect(code).to_be_visible(timeout=SHOWS)
    keep(page, "stations")

    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=node.address, locale="zh-CN")
    station = context.new_page()
    station.goto("/pair")
    keep(station, "pair")
    station.locator("[name=code]").fill(code.inner_text())
    station.locator("[type=submit]").click()
    expect(station.locator("anlan-emergency h1")).to_have_text("未识别,岗位 主操", timeout=SHOWS)
    expect(station.locator("anlan-emergency header")).to_contain_text("现在可以登录")
    row = station.locator('section.alarm[data-alarm="BP-07.IF"]')
    row.locator('[data-step="acknowledge"]').click()
    declared = station.locator("dialog.aside")
    expect(declared).to_contain_text("声明:无法验证身份")
    expect(declared).to_contain_text("所有操作台上显示半小时")
    keep(station, "emergency-declare")
    station.keyboard.press("Escape")
    expect(declared).to_have_count(0)
    expect(row).to_contain_text("报警中 未确认")
    others = station.locator('section.alarm:not([data-alarm="BP-07.IF"]) [data-step="acknowledge"]')
    # Others come meanwhile: this one is meant.
    alarm = others.first.locator("xpath=ancestor::section[1]").get_attribute("data-alarm")
    chosen = station.locator(f'section.alarm[data-alarm="{alarm}"] [data-step="acknowledge"]')
    chosen.click()
    declared.locator("[name=reason]").fill("读卡器坏,班长在现场")
    declared.locator("[type=submit]").click()
    expect(chosen).to_have_count(0, timeout=SHOWS)
    form = station.locator("anlan-emergency .evacuation form")
    form.locator("[name=place]").select_option("hualan")
    form.locator("[name=reason]").fill("氯气泄漏")
    form.locator("button.hold").focus()
    station.keyboard.down("Enter")
    band = station.locator(".evacuation-band")
    expect(band).to_be_visible(timeout=SHOWS)
    station.keyboard.up("Enter")
    band.locator("button").click()
    expect(declared).to_contain_text("在此结束即声明无法验证身份")
    keep(station, "emergency-end-declared")
    declared.locator("[name=reason]").fill("误报,已到现场查看")
    declared.locator("[type=submit]").click()
    expect(band).to_have_count(0, timeout=SHOWS)
    no_people()  # the page that is open elsewhere goes on: the fixture finds no error there
    expect(station.locator("anlan-emergency header")).to_contain_text("现在无人能够登录", timeout=SHOWS)
    expect(row).to_contain_text("报警中 未确认")
    keep(station, "emergency")
    row.locator('[data-step="acknowledge"]').focus()
    station.keyboard.press("Enter")
    expect(row).to_contain_text("报警中 已确认", timeout=SHOWS)
    expect(row.locator("[data-step]")).to_have_count(0)
    assert station.evaluate("document.cookie") == "", "no script reads the key"
    context.close()


def test_revoked_on_the_page(sign_in: Any, admin: str) -> None:
    page: Page = sign_in(admin, "/stations")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("已配对", timeout=SHOWS)
    row.locator('[data-act="revoke"]').click()
    page.locator("dialog.aside [name=reason]").fill("更换操作台")
    page.locator("dialog.aside [type=submit]").click()
    expect(row).to_contain_text("已吊销", timeout=SHOWS)

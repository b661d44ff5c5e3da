"""Detectors, the cause-and-effect matrix and the wall of bypasses in the browser, on the demo plant."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.fill(f"dialog[open] [name={name}]", text)
    page.click("dialog[open] [type=submit]")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_every_detector_stands_with_value_limits_and_date(sign_in: Any) -> None:
    page = sign_in("yi", "/detectors")
    row = page.locator('tr[data-point="AT-301"]')
    expect(row).to_contain_text("%LEL")
    expect(row).to_contain_text("H 25.0")
    expect(row).to_contain_text("催化燃烧")
    expect(row).to_contain_text("2027-03-31")
    expect(page.locator(".vote", has_text="AV-200")).to_contain_text("2oo3")


def test_a_detector_that_says_it_is_calibrating_is_not_shown_as_plain(sign_in: Any) -> None:
    page = sign_in("yi", "/detectors")
    expect(page.locator('tr[data-point="AT-203"]')).to_contain_text("设备自报校验中")


def test_calibration_mode_takes_the_detector_out_of_the_vote_and_back(sign_in: Any) -> None:
    page = sign_in("yi", "/detectors?point=AT-202")
    page.click(".one [data-act=calibrate]")
    fill(page, work_order="WO-11", reason="季度校验")
    vote = page.locator(".vote", has_text="AV-200")
    expect(vote).to_contain_text("2oo3 → 1oo2")
    expect(vote).to_contain_text("AT-202 校验")
    expect(page.locator(".wizard")).to_be_visible(timeout=10_000)
    page.click("[data-act=gas]")
    expect(page.locator(".wizard .facts")).to_contain_text("通气后")
    page.click("[data-act=abandon]")
    fill(page, reason="改日再做")
    expect(vote).not_to_contain_text("1oo2")
    expect(page.locator(".one table")).to_contain_text("未完成")


def test_an_inhibit_waits_for_a_second_person(node: Any, sign_in: Any) -> None:
    page = sign_in("yi", "/detectors?point=AT-204")
    page.click(".one [data-act=inhibit]")
    fill(page, work_order="WO-12", reason="换传感器", password=node.password)
    expect(page.locator(".one .request")).to_contain_text("WO-12")
    expect(page.locator('tr[data-point="AT-204"] .mode')).to_have_count(0)
    other = sign_in("ban", "/detectors?point=AT-204")
    other.locator('.one .request [data-act^="request:approve"]').click()
    fill(other, password=node.password)
    expect(other.locator('tr[data-point="AT-204"] .mode')).to_contain_text("禁用", timeout=10_000)
    expect(other.locator(".mode-line")).to_contain_text("班文 批准", timeout=10_000)


def test_the_matrix_shows_what_leads_to_what(sign_in: Any) -> None:
    page = sign_in("zhuang", "/safety")
    row = page.locator("table.matrix tr", has=page.locator("th", has_text="SIF-01"))
    expect(row).to_contain_text("PI-101")
    expect(row).to_contain_text("> 3000")
    expect(row.locator("td.cell")).to_have_count(5)
    bypassed = page.locator("table.matrix tr", has=page.locator("th", has_text="SIF-07"))
    expect(bypassed.locator(".bypassed")).to_be_visible()
    expect(page.locator(".demands")).to_contain_text("动作记录")


def test_a_bypass_nobody_approved_stands_out_and_two_persons_approve_it(node: Any, sign_in: Any) -> None:
    page = sign_in("yi", "/bypasses")
    card = page.locator('.bypass[data-point="BP-07"]')
    expect(card).to_contain_text("没有有效批准")
    card.locator("[data-act=ask]").click()
    fill(page, work_order="WO-13", reason="校验 AT-203", measures="XR-203P >= 1 碱液泵运行\n专人看护", password=node.password)
    expect(card.locator(".request")).to_contain_text("WO-13")
    sign_in.expected.append("403")  # who asked can't approve
    card.locator("[data-act=approve]").click()
    page.fill("dialog[open] [name=password]", node.password)
    page.click("dialog[open] [type=submit]")
    expect(page.locator("dialog[open] .form-error")).not_to_be_empty()
    other = sign_in("ban", "/bypasses")
    other.locator('.bypass[data-point="BP-07"] [data-act=approve]').click()
    fill(other, password=node.password)
    approved = other.locator('.bypass[data-point="BP-07"]')
    expect(approved).to_contain_text("批准剩余", timeout=10_000)
    expect(approved.locator(".measures .holds")).to_contain_text("碱液泵运行")


@pytest.mark.parametrize("path", ["/detectors", "/safety", "/bypasses"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_page_fits_a_phone(sign_in: Any, path: str, language: str) -> None:
    page = sign_in("ban", path, language=language, size=(390, 844))
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

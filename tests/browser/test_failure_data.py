"""Failure data and layers of protection in the browser, on the demo plant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def fill(page: Page, choices: dict[str, str], **fields: str) -> None:
    for name, value in choices.items():
        page.select_option(f"dialog[open] [name={name}]", value)
    for name, text in fields.items():
        page.fill(f"dialog[open] [name={name}]", text)
    page.click("dialog[open] [type=submit]")
    expect(page.locator("dialog[open]")).to_have_count(0)


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("ANLAN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_what_is_entered_changes_the_figure_and_a_withdrawn_entry_counts_no_more(sign_in: Any) -> None:
    page = sign_in("yi", "/risk/failures?class=solenoid-valve")
    row = page.locator('tr[data-class="solenoid-valve"]')
    expect(row).to_contain_text("未核对原文")
    page.click("[data-act=in-service]")
    fill(page, {}, item="SOV-901", at="2021-01-01 00:00")
    expect(page.locator(".one")).to_contain_text("SOV-901")
    page.click("[data-act=test]")
    fill(page, {"passed": "no"}, note="线圈断路", at="2022-01-01 00:00")
    expect(row).to_contain_text("失效 1 次")
    expect(page.locator(".one table")).to_contain_text("未动作")
    picture(page, "failure-data")
    page.locator(".one tr", has_text="线圈断路").locator("[data-act=withdraw]").click()
    fill(page, {}, reason="位号录错")
    expect(row).to_contain_text("失效 0 次")
    expect(page.locator(".one table")).to_contain_text("已撤回:位号录错")


def test_the_layers_stand_as_steps_with_the_reason_of_each_that_is_not_credited(sign_in: Any) -> None:
    page = sign_in("yi", "/risk/studies/reactor-overpressure")
    lopa = page.locator(".lopa")
    expect(lopa.locator("tr.cause")).to_have_count(2)
    expect(lopa.locator("tr.refused", has_text="安澜预测提示").first).to_contain_text("本系统自身的报警不作为独立保护层")
    expect(lopa.locator("tr.refused", has_text="PI-101 高高报").first).to_contain_text("可响应时间 3 分钟")
    expect(lopa.locator("tr.sum")).to_contain_text("10⁻⁷")
    picture(page, "lopa")

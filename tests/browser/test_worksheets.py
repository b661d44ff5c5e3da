"""Worksheets in real Chromium: the list by colour, a sheet filled in by keyboard and by a paste of Excel cells, two who edit at once, a HAZOP node."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from anlan.risk.worksheets.sheet import read_sheet
from anlan.risk.worksheets.store import Worksheets
from anlan.risk.worksheets.yaml_form import read_yaml
from anlan.store.ids import uuid7

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
DEMO = Path(str(files("anlan.sense.demo") / "plant" / "worksheets"))
PICTURES = os.environ.get("ANLAN_PICTURES")
"""A folder to keep screenshots in, for whoever wants to look."""
PASTED = '开阀\t阀门误开\t220201\t氯气泄漏\t"双人\n确认"\t管理措施\t4\t5'


def keep(page: Page, name: str) -> None:
    page.screenshot(path=Path(PICTURES or os.devnull) / f"{name}.png" if PICTURES else None)


@pytest.fixture(scope="module")
def sheets(node: Any) -> dict[str, UUID]:
    """The demo's sheets, as a node keeps them that has started with them: file name → id."""
    store, made = Worksheets(node.harness.records, node.harness.clock), {}
    for path in sorted(DEMO.glob("*.yaml")):
        made[path.stem] = store.create(None, uuid7(node.harness.clock), read_yaml(path), "", path.name).row.sheet
    return made


def test_a_sheet_is_found_filled_in_and_kept(node: Any, sign_in: Any, sheets: dict[str, UUID]) -> None:
    page: Page = sign_in("shen", "/risk/worksheets")
    sign_in.expected.append("409")
    expect(page.locator("tbody tr")).to_have_count(3, timeout=SHOWS)
    keep(page, "worksheets-list")
    page.locator(".tools select").select_option("red")
    expect(page.locator(".empty")).to_contain_text("没有相符的工作表")
    page.locator(".tools select").select_option("orange")
    page.get_by_role("link", name="液氯槽车卸车作业").click()
    expect(page.locator("table.grid tbody tr")).to_have_count(6, timeout=SHOWS)
    expect(page.locator("table.grid tbody tr").nth(2)).to_contain_text("较大 橙")
    expect(page.locator(".matrix td.orange b").first).to_have_text("3")
    expect(page.locator(".matrix td.orange small").first).to_have_text("10 橙")
    keep(page, "worksheet-jha")

    page.locator('td[data-at="5"][data-column="6"]').focus()  # L of the last line
    page.keyboard.press("Enter")
    page.locator("select.writing").select_option("4")
    page.keyboard.press("Enter")
    expect(page.locator("table.grid tbody tr").nth(5)).to_contain_text("重大 红", timeout=SHOWS)
    page.locator("[data-act=line]").click()
    page.evaluate("""(text) => { const data = new DataTransfer(); data.setData("text/plain", text);
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }""", PASTED)  # fmt: skip
    expect(page.locator("table.grid tbody tr").nth(6)).to_contain_text("R ≥ 20", timeout=SHOWS)
    expect(page.locator('td[data-at="6"][data-column="4"]')).to_have_text("双人\n确认")

    store = Worksheets(node.harness.records, node.harness.clock)
    kept = store.get(sheets["chlorine-unloading-jha"])
    told = kept.sheet.as_json()
    told["lines"][0]["cells"]["added"] = "对方增加"
    told["lines"][5]["cells"]["L"] = "2"
    store.change(None, kept.row.sheet, 1, read_sheet(told), "对方先保存")
    page.locator("[data-act=save]").click()
    page.locator("dialog.aside [name=reason]").fill("班组复核")
    page.locator("dialog.aside [type=submit]").click()
    expect(page.locator(".notes")).to_contain_text("您“4”", timeout=SHOWS)
    expect(page.locator("table.grid tbody tr").first).to_contain_text("对方增加")
    expect(page.locator("table.grid tbody tr")).to_have_count(7)
    keep(page, "worksheet-moved")
    page.locator("[data-act=save]").click()
    page.locator("dialog.aside [name=reason]").fill("合并后保存")
    page.locator("dialog.aside [type=submit]").click()
    expect(page.locator(".sheet-top")).to_contain_text("版本 3", timeout=SHOWS)
    page.locator("[data-changes] summary").first.click()
    expect(page.locator("[data-changes] ul").first).to_contain_text("阀门误开", timeout=SHOWS)
    expect(page.locator("[data-changes] ul").first).to_contain_text("4 措施很少起作用")
    page.locator("[data-colour=red]").click()
    expect(page.locator("table.grid tbody tr:visible")).to_have_count(2)
    keep(page, "worksheet-merged")


def test_a_hazop_node_gets_its_deviations(sign_in: Any, sheets: dict[str, UUID]) -> None:
    page: Page = sign_in("shen", f"/risk/worksheets/{sheets['chlorine-tank-hazop']}")
    expect(page.locator("table.grid tbody tr")).to_have_count(8, timeout=SHOWS)
    page.locator("[data-act=wizard]").click()
    page.locator("dialog.aside [name=node]").fill("4 事故吸收 C-203")
    page.locator("dialog.aside select[multiple]").select_option(["level"])
    page.locator("dialog.aside [type=submit]").click()
    expect(page.locator("table.grid tbody tr")).to_have_count(11, timeout=SHOWS)
    expect(page.locator("table.grid tbody tr").last).to_contain_text("液位过低")
    expect(page.locator("table.grid tbody tr").last).to_contain_text("未评估")
    keep(page, "worksheet-hazop")


def test_beside_a_linked_study_stands_what_it_says_now(node: Any, sign_in: Any, sheets: dict[str, UUID]) -> None:
    page: Page = sign_in("shen", f"/risk/worksheets/{sheets['reactor-overpressure-lopa']}")
    said = page.locator('[data-study="reactor-overpressure"]')
    expect(said).to_contain_text("/a ≤ 目标值 1.00×10⁻⁶ /a · 相对基线 ×", timeout=SHOWS)
    keep(page, "worksheet-lopa")
